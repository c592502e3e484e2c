//! The answer itself.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::RequestKind;
use crate::{
    error::{AuthError, AuthErrorKind},
    scheme::Login,
};

/// Why and how a request is refused. Also found in the extensions of the response, for logs and
/// metrics further out. A clone is a reference count.
#[derive(Clone, Debug)]
pub struct Rejection(Arc<Verdict>);

/// What the table says.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Before a redirect takes its place.
    pub(super) status: StatusCode,
    pub(super) reason: AuthError,
    pub(super) code: Option<&'static str>,
    pub(super) challenges: Vec<HeaderValue>,
    pub(super) missing: Vec<&'static str>,
    pub(super) login: Option<Login>,
}

impl Verdict {
    pub(super) const fn new(status: StatusCode, reason: AuthError) -> Self {
        Self {
            status,
            reason,
            code: None,
            challenges: Vec::new(),
            missing: Vec::new(),
            login: None,
        }
    }
}

impl From<Verdict> for Rejection {
    fn from(verdict: Verdict) -> Self {
        Self(Arc::new(verdict))
    }
}

impl Rejection {
    /// The stack is put together wrongly: 500, logged by whoever found it.
    pub(crate) fn wiring(error: AuthError) -> Self {
        Verdict::new(StatusCode::INTERNAL_SERVER_ERROR, error).into()
    }

    /// The caller is known and may not: 403, no challenge.
    pub(crate) fn forbidden(error: AuthError) -> Self {
        Verdict::new(StatusCode::FORBIDDEN, error).into()
    }

    /// The status, before any gRPC translation: 302 of a redirect.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.0.login {
            Some(Login::Redirect(_)) => StatusCode::FOUND,
            Some(Login::Responded(_)) => StatusCode::OK,
            Some(Login::Told(_)) | None => self.0.status,
        }
    }

    /// Where a redirect leads: to the login page, or to the page for those who may not.
    #[must_use]
    pub fn location(&self) -> Option<&HeaderValue> {
        match &self.0.login {
            Some(Login::Redirect(location)) => Some(location),
            _ => None,
        }
    }

    /// Where a script of a page that was refused finds the login page, with the way back: whoever sends
    /// `X-Requested-With: XMLHttpRequest`, or a `Sec-Fetch-Mode` other than `navigate`, as browsers do.
    /// A navigation is [redirected](Self::location) instead; other programs are told nothing of it.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        match &self.0.login {
            Some(Login::Told(url)) => Some(url),
            _ => None,
        }
    }

    /// Nobody is signed in: nothing was sent, or it is not good. Also where the answer is a redirect to
    /// the login page.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        matches!(self.0.status, StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST)
            && self.0.reason.kind() != AuthErrorKind::InsufficientAuthentication
    }

    /// The gRPC status code: 16 `UNAUTHENTICATED`, 7 `PERMISSION_DENIED`, 14 `UNAVAILABLE`,
    /// 13 `INTERNAL`. For handlers that ask by themselves; layers answer with it already.
    #[must_use]
    pub fn grpc_code(&self) -> i32 {
        match self.0.status {
            StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => 16,
            StatusCode::FORBIDDEN => 7,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            _ => 13,
        }
    }

    /// The reason, with the operator's detail. For logs: the client gets
    /// [`description`](Self::description).
    #[must_use]
    pub fn reason(&self) -> &AuthError {
        &self.0.reason
    }

    /// The error code of RFC 6750 §3.1 or RFC 9470 §3; none where nothing was presented, and for 500 and 503.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// What the client is told: from a closed list, nothing of the credential in it.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self.0.status {
            StatusCode::FORBIDDEN => "the caller may not do this",
            StatusCode::INTERNAL_SERVER_ERROR => "the service is not set up correctly",
            StatusCode::SERVICE_UNAVAILABLE => "the credential cannot be checked at the moment",
            _ if self.0.missing == ["session"]
                && self.0.reason.kind() != AuthErrorKind::NoCredential =>
            {
                "the session is not valid"
            }
            _ => crate::challenge::public_description(self.0.reason.kind()),
        }
    }

    /// The `WWW-Authenticate` values; none of a redirect.
    #[must_use]
    pub fn challenges(&self) -> &[HeaderValue] {
        &self.0.challenges
    }

    /// The credentials that are missing or not good, of a 401: `token` for a bearer, `session` for
    /// a cookie, the scheme's name for a scheme that has no word for it.
    #[must_use]
    pub fn missing(&self) -> &[&'static str] {
        &self.0.missing
    }

    /// `Retry-After`, of a 503.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.0.status == StatusCode::SERVICE_UNAVAILABLE)
            .then(|| self.0.reason.retry_after().unwrap_or(Duration::from_secs(1)))
    }

    /// The response: status and headers of the table, the body of the responder.
    pub fn into_response<B>(
        self,
        kind: RequestKind,
        responder: &impl ResponseForRejection<B>,
    ) -> Response<B> {
        if kind.is_grpc() {
            return self.into_grpc(responder.empty());
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        if let Some(after) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        self.write(&mut headers);
        let body = match self.0.login {
            // nobody reads it: the browser goes on, Katana's script looks at the header
            Some(Login::Redirect(_) | Login::Responded(_)) => responder.empty(),
            Some(Login::Told(_)) | None => responder.body(&self, &mut headers),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        *response.headers_mut() = headers;
        response.extensions_mut().insert(self);
        response
    }

    /// The header lines: one for each challenge (RFC 9110 §11.6.1), or where to go.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        match &self.0.login {
            Some(Login::Redirect(location)) => {
                headers.insert(header::LOCATION, location.clone());
            }
            Some(Login::Responded(json)) => {
                headers.insert(X_RESPONDED_JSON, json.clone());
            }
            Some(Login::Told(_)) | None => {
                for challenge in &self.0.challenges {
                    headers.append(header::WWW_AUTHENTICATE, challenge.clone());
                }
            }
        }
    }

    /// Trailers-only: HTTP 200, the status in the headers. No challenge: no gRPC client reads one.
    fn into_grpc<B>(self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(self.grpc_code()));
        headers.insert("grpc-message", HeaderValue::from_static(self.description()));
        response.extensions_mut().insert(self);
        response
    }
}

/// Makes the body of a refusal. Status and headers are set when it is asked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a body of type `{B}`",
    note = "`DefaultResponseForRejection` needs `B: Default`, `ProblemDetails` needs `B: From<Bytes>`"
)]
pub trait ResponseForRejection<B> {
    /// The body; may add headers, such as its content type.
    fn body(&self, rejection: &Rejection, headers: &mut HeaderMap) -> B;

    /// No body: of a gRPC answer, and of a redirect.
    fn empty(&self) -> B;
}

/// An empty body, whatever the type.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultResponseForRejection;

impl<B: Default> ResponseForRejection<B> for DefaultResponseForRejection {
    fn body(&self, _: &Rejection, _: &mut HeaderMap) -> B {
        B::default()
    }

    fn empty(&self) -> B {
        B::default()
    }
}

pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const X_RESPONDED_JSON: HeaderName = HeaderName::from_static("x-responded-json");
