//! The answer itself.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::{Decision, RequestKind};
use crate::{
    challenge::{Challenge, ChallengeReason, STEP_UP_CODE},
    error::{AuthError, AuthErrorClass, AuthErrorKind},
    scheme::{Outcome, Scheme},
};

/// Why and how a request is refused. Also found in the extensions of the response, for logs and
/// metrics further out. A clone is a reference count.
#[derive(Clone, Debug)]
pub struct Rejection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    reason: AuthError,
    code: Option<&'static str>,
    challenges: Vec<HeaderValue>,
    missing: Vec<&'static str>,
}

/// A visible scheme and what it found.
pub(crate) type Seen<'a> = (&'a Scheme, &'a Outcome);

impl Rejection {
    /// The one table: the rejection that a decision means, or `None` if it lets the request pass.
    pub(crate) fn of<'a>(
        decision: &Decision,
        seen: impl Iterator<Item = Seen<'a>> + Clone,
    ) -> Option<Self> {
        if let Some(rejection) = Self::malformed(seen.clone()) {
            return Some(rejection);
        }
        match decision {
            Decision::Allow => None,
            Decision::Challenge { schemes, reason } => {
                // whoever is visible would do, and one could not be judged: not a "no"
                let asked = seen
                    .filter(|(scheme, _)| schemes.is_empty() || schemes.contains(&scheme.name()));
                if nobody_yet(asked.clone()) {
                    return Some(Self::undecidable(asked));
                }
                Some(Self::unauthenticated(asked, *reason))
            }
            Decision::Forbid { error, scope } => {
                let challenges = match scope {
                    None => Vec::new(),
                    Some(scope) => {
                        let scope = scope.to_string();
                        let reason = ChallengeReason::InsufficientScope(&scope);
                        let challenges = challenges_of_proved(seen, reason);
                        challenges.iter().map(Challenge::to_header_value).collect()
                    }
                };
                let code = scope.as_ref().map(|_| "insufficient_scope");
                Some(Self::new(StatusCode::FORBIDDEN, error.clone(), code, challenges))
            }
            Decision::StepUp { error, needed } => {
                let challenges =
                    challenges_of_proved(seen.clone(), ChallengeReason::StepUp(needed));
                let code = Some(STEP_UP_CODE);
                let challenges = or_bare_names(challenges, seen);
                Some(Self::new(StatusCode::UNAUTHORIZED, error.clone(), code, challenges))
            }
            Decision::Undecidable => Some(Self::undecidable(seen)),
        }
    }

    /// A malformed credential is fatal, also where another scheme succeeded.
    fn malformed<'a>(seen: impl Iterator<Item = Seen<'a>> + Clone) -> Option<Self> {
        let bad = seen.filter_map(|(scheme, outcome)| {
            let error = outcome.error()?;
            (error.kind().class() == AuthErrorClass::Malformed).then_some((scheme, error))
        });
        let (_, first) = bad.clone().next()?;
        let challenges = bad
            .filter_map(|(scheme, error)| {
                scheme.authenticator().challenge(ChallengeReason::Rejected(error.kind()))
            })
            .map(|challenge| challenge.to_header_value())
            .collect();
        Some(Self::new(StatusCode::BAD_REQUEST, first.clone(), Some("invalid_request"), challenges))
    }

    fn unauthenticated<'a>(
        asked: impl Iterator<Item = Seen<'a>> + Clone,
        reason: Option<AuthErrorKind>,
    ) -> Self {
        let rejected = asked.clone().filter_map(|(_, outcome)| match outcome {
            Outcome::Rejected(error) => Some(error),
            _ => None,
        });
        // what a new credential can mend is told first, whatever the order of the schemes
        let is_mendable = |error: &&AuthError| error.kind() != AuthErrorKind::CrossSiteRequest;
        let error = rejected
            .clone()
            .find(is_mendable)
            .or_else(|| rejected.clone().next())
            .cloned()
            .or(reason.map(AuthError::new))
            .unwrap_or(AuthError::new(AuthErrorKind::NoCredential));
        if error.kind() == AuthErrorKind::CrossSiteRequest {
            return Self::forbidden(error); // signing in again would not mend it
        }
        let code = (error.kind() != AuthErrorKind::NoCredential).then_some("invalid_token");
        let missing = asked
            .clone()
            .filter(|(_, outcome)| outcome.identity().is_none())
            .map(|(scheme, _)| word(scheme))
            .fold(Vec::new(), |mut words, word| {
                if !words.contains(&word) {
                    words.push(word);
                }
                words
            });
        let challenges = challenges(asked, reason);
        let mut inner = Self::new(StatusCode::UNAUTHORIZED, error, code, challenges);
        if let Some(inner) = Arc::get_mut(&mut inner.0) {
            inner.missing = missing;
        }
        inner
    }

    fn undecidable<'a>(seen: impl Iterator<Item = Seen<'a>>) -> Self {
        let error = seen
            .filter_map(|(_, outcome)| match outcome {
                Outcome::Undecidable(error) => Some(error),
                _ => None,
            })
            .max_by_key(|error| {
                (error.kind().class() == AuthErrorClass::Misconfigured, error.retry_after())
            })
            .cloned()
            .unwrap_or(AuthError::new(AuthErrorKind::TimedOut));
        let status = match error.kind().class() {
            AuthErrorClass::Misconfigured => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error, None, Vec::new())
    }

    /// The stack is put together wrongly: 500, logged by whoever found it.
    pub(crate) fn wiring(error: AuthError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error, None, Vec::new())
    }

    /// The caller is known and may not: 403, no challenge.
    pub(crate) fn forbidden(error: AuthError) -> Self {
        Self::new(StatusCode::FORBIDDEN, error, None, Vec::new())
    }

    fn new(
        status: StatusCode,
        reason: AuthError,
        code: Option<&'static str>,
        challenges: Vec<HeaderValue>,
    ) -> Self {
        Self(Arc::new(Inner { status, reason, code, challenges, missing: Vec::new() }))
    }

    /// The status, before any gRPC translation.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Nobody is signed in: nothing was sent (401), or it is not good (401, 400).
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

    /// The `WWW-Authenticate` values.
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
        append_challenges(&mut headers, &self.0.challenges);
        let body = responder.body(&self, &mut headers);
        let mut response = Response::new(body);
        *response.status_mut() = self.0.status;
        *response.headers_mut() = headers;
        response.extensions_mut().insert(self);
        response
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

/// What an answer calls the credential of a scheme.
fn word(scheme: &Scheme) -> &'static str {
    scheme.authenticator().credential_word().unwrap_or(scheme.name().as_str())
}

/// Nobody is proved, and somebody may yet be.
fn nobody_yet<'a>(mut seen: impl Iterator<Item = Seen<'a>> + Clone) -> bool {
    seen.clone().all(|(_, outcome)| outcome.identity().is_none())
        && seen.any(|(_, outcome)| matches!(outcome, Outcome::Undecidable(_)))
}

/// Challenges a bare 401 that the handler made: one that has no challenge and is not ours.
///
/// The innermost layer that narrowed the view does it, and marks the response, so that no layer
/// further out does it again (`R17`). A 403, and a 401 with a challenge of its own, pass untouched.
pub(crate) fn challenge_bare_401<'a, B>(
    response: &mut Response<B>,
    kind: RequestKind,
    seen: impl Iterator<Item = Seen<'a>> + Clone,
) {
    if response.status() != StatusCode::UNAUTHORIZED
        || kind.is_preflight()
        || response.extensions().get::<Rejection>().is_some()
        || response.headers().contains_key(header::WWW_AUTHENTICATE)
    {
        return;
    }
    let rejection = Rejection::unauthenticated(seen, None);
    append_challenges(response.headers_mut(), &rejection.0.challenges);
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    response.extensions_mut().insert(rejection);
}

/// One header line each (RFC 9110 §11.6.1).
fn append_challenges(headers: &mut HeaderMap, challenges: &[HeaderValue]) {
    for challenge in challenges {
        headers.append(header::WWW_AUTHENTICATE, challenge.clone());
    }
}

fn challenges<'a>(
    asked: impl Iterator<Item = Seen<'a>> + Clone,
    reason: Option<AuthErrorKind>,
) -> Vec<HeaderValue> {
    let made: Vec<_> = asked
        .clone()
        .filter_map(|(scheme, outcome)| {
            let why = match (outcome, reason) {
                (Outcome::Rejected(error), _) => ChallengeReason::Rejected(error.kind()),
                (Outcome::Verified(_), Some(kind)) => ChallengeReason::Rejected(kind),
                _ => ChallengeReason::Missing,
            };
            scheme.authenticator().challenge(why)
        })
        .collect();
    or_bare_names(made, asked)
}

fn challenges_of_proved<'a>(
    seen: impl Iterator<Item = Seen<'a>>,
    reason: ChallengeReason<'_>,
) -> Vec<Challenge> {
    seen.filter(|(_, outcome)| outcome.identity().is_some())
        .filter_map(|(scheme, _)| scheme.authenticator().challenge(reason))
        .collect()
}

/// RFC 9110 §15.5.2: a 401 carries a challenge, also where no scheme has one of its own.
fn or_bare_names<'a>(
    made: Vec<Challenge>,
    asked: impl Iterator<Item = Seen<'a>>,
) -> Vec<HeaderValue> {
    let last_resorts_only = made.iter().all(Challenge::is_last_resort);
    let kept = made.iter().filter(|made| last_resorts_only || !made.is_last_resort());
    let kept: Vec<_> = kept.map(Challenge::to_header_value).collect();
    if !kept.is_empty() {
        return kept;
    }
    asked
        .map(|(scheme, _)| Challenge::new(scheme.name().as_str()).parameter("realm", "api"))
        .map(|challenge| challenge.to_header_value())
        .collect()
}

/// Makes the body of a refusal. Status and headers are set when it is asked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a body of type `{B}`",
    note = "`DefaultResponseForRejection` needs `B: Default`, `ProblemDetails` needs `B: From<Bytes>`"
)]
pub trait ResponseForRejection<B> {
    /// The body; may add headers, such as its content type.
    fn body(&self, rejection: &Rejection, headers: &mut HeaderMap) -> B;

    /// No body: of a gRPC answer.
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

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
