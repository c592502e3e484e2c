//! A gate whose tokens are judged by their text, a handler that notes whom it saw, and the whole
//! answer as a value that a table row can be compared with.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::token::{Presented, TokenValidator};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Authentication, Bearer, Identity,
    Rejection, Scheme, Scope,
};
use tower::{Layer, Service, ServiceExt};

pub type Body = Full<Bytes>;

/// The header of every refusal.
pub const NO_STORE: &str = "cache-control: no-store";
/// Nothing was presented.
pub const W0: &str = r#"www-authenticate: Bearer realm="api""#;
/// A token that is not good, for a reason that a forger is not told.
pub const WI: &str = r#"www-authenticate: Bearer realm="api", error="invalid_token", error_description="the access token is not valid""#;
/// An expired token.
pub const WI_EXPIRED: &str = r#"www-authenticate: Bearer realm="api", error="invalid_token", error_description="the access token expired""#;
/// A placeholder.
pub const WI_PLACEHOLDER: &str = r#"www-authenticate: Bearer realm="api", error="invalid_token", error_description="a placeholder was sent in place of the token""#;
/// A scheme without token.
pub const WR_EMPTY: &str = r#"www-authenticate: Bearer realm="api", error="invalid_request", error_description="the token is missing""#;
/// Two credentials.
pub const WR_DUPLICATE: &str = r#"www-authenticate: Bearer realm="api", error="invalid_request", error_description="more than one credential was sent""#;
/// No space after the scheme.
pub const WR_MALFORMED: &str = r#"www-authenticate: Bearer realm="api", error="invalid_request", error_description="one space belongs between the scheme and the token""#;

/// Judges a token by its text, and keeps what it was asked.
#[derive(Clone, Debug, Default)]
pub struct Fixed {
    judged: Arc<Mutex<Vec<String>>>,
}

impl Fixed {
    /// The tokens that reached it.
    pub fn judged(&self) -> Vec<String> {
        self.judged.lock().unwrap().clone()
    }
}

impl TokenValidator for Fixed {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        self.judged.lock().unwrap().push(presented.token().to_owned());
        Attempt::ready(verdict(presented.token()))
    }
}

/// `alice` (and `abc`, and the text with every legal character) may do all, `bob` nothing; the name
/// of a kind is refused for that reason, and `down` is the issuer that cannot be asked.
fn verdict(token: &str) -> Result<Identity, AuthError> {
    match token {
        "abc" | "alice" | "aZ09-._~+/==" => {
            Ok(person("alice", "orders:read orders:write", "staff"))
        }
        "bob" => Ok(person("bob", "profile", "guest")),
        "down" => Err(AuthError::new(AuthErrorKind::IssuerUnreachable)
            .with_detail(DETAIL)
            .with_retry_after(Duration::from_millis(6_001))),
        name => {
            let named = AuthErrorKind::ALL.iter().find(|kind| kind.name() == name);
            let kind = named.copied().unwrap_or(AuthErrorKind::BadSignature);
            Err(AuthError::new(kind).with_detail(DETAIL))
        }
    }
}

/// What only the operator may read.
pub const DETAIL: &str = "internal-detail https://keys.internal/jwks";

/// Somebody, with a scope and a role.
pub fn person(name: &str, scope: &str, role: &str) -> Identity {
    Identity::builder("https://issuer.example")
        .subject(name)
        .client_id("web")
        .scope(Scope::parse(scope))
        .claims_json(format!(r#"{{"sub":"{name}","roles":["{role}"]}}"#))
        .build()
}

/// A gate with one bearer scheme.
pub fn gate() -> AuthenticateLayer {
    gate_of(&Fixed::default())
}

/// The same around a validator that the test looks at afterwards.
pub fn gate_of(validator: &Fixed) -> AuthenticateLayer {
    AuthenticateLayer::new((Scheme::bearer(Bearer, validator.clone()),)).unwrap()
}

/// Notes whom it sees, and answers what it is told.
#[derive(Clone, Debug)]
pub struct Handler {
    answer: fn() -> Response<Body>,
    saw: Arc<Mutex<Option<String>>>,
}

impl Handler {
    pub fn new(answer: fn() -> Response<Body>) -> Self {
        Self { answer, saw: Arc::default() }
    }

    /// The principal it saw: `Bearer alice`, in order; `None` if it was not called.
    pub fn saw(&self) -> Option<String> {
        self.saw.lock().unwrap().clone()
    }
}

impl Service<Request<Body>> for Handler {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let record = request.extensions().get::<Authentication>().expect("a gate's record");
        let saw: Vec<String> = record
            .identities()
            .map(|(scheme, identity)| format!("{scheme} {}", identity.subject().unwrap()))
            .collect();
        *self.saw.lock().unwrap() = Some(saw.join(", "));
        ready(Ok((self.answer)()))
    }
}

/// 200 without headers.
pub fn ok() -> Response<Body> {
    Response::new(Body::default())
}

/// The whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Every header line, `name: value`, sorted by name.
    pub headers: Vec<String>,
    pub body: Bytes,
    /// Whom the handler saw; `None` if it was not called.
    pub saw: Option<String>,
    pub rejection: Option<Rejection>,
}

/// What a row expects: every element of the answer.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub status: u16,
    pub headers: &'static [&'static str],
    pub saw: Option<&'static str>,
    pub reason: Option<AuthErrorKind>,
}

impl Expected {
    /// The handler ran, and saw these; nothing was added to its answer.
    pub const fn passed(saw: &'static str) -> Self {
        Self { status: 200, headers: &[], saw: Some(saw), reason: None }
    }

    /// The handler did not run.
    pub const fn refused(
        status: u16,
        headers: &'static [&'static str],
        reason: AuthErrorKind,
    ) -> Self {
        Self { status, headers, saw: None, reason: Some(reason) }
    }
}

/// 401, nothing was presented.
pub const NOTHING_SENT: Expected =
    Expected::refused(401, &[NO_STORE, W0], AuthErrorKind::NoCredential);
/// The handler saw alice.
pub const ALICE: Expected = Expected::passed("Bearer alice");
/// The handler saw nobody.
pub const NOBODY: Expected = Expected::passed("");

impl Answer {
    #[track_caller]
    pub fn is(&self, expected: &Expected) {
        assert_eq!(self.status, expected.status, "{self:?}");
        assert_eq!(self.headers, expected.headers);
        assert_eq!(self.saw.as_deref(), expected.saw);
        assert_eq!(self.rejection.as_ref().map(|it| it.reason().kind()), expected.reason);
        assert!(self.body.is_empty(), "{:?}", self.body);
    }
}

/// Sends a request through the layers to a handler that answers 200.
pub async fn send<L>(layers: L, request: Request<Body>) -> Answer
where
    L: Layer<Handler>,
    L::Service: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    send_to(layers, Handler::new(ok), request).await
}

/// Sends a request through the layers; no word of a credential may come back.
pub async fn send_to<L>(layers: L, handler: Handler, request: Request<Body>) -> Answer
where
    L: Layer<Handler>,
    L::Service: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let credentials: Vec<String> = request
        .headers()
        .get_all("authorization")
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .flat_map(|line| line.split([' ', ',', '"']).map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| word.len() > 12)
        .collect();
    let response = layers.layer(handler.clone()).oneshot(request).await.unwrap();
    let rejection = response.extensions().get::<Rejection>().cloned();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut headers: Vec<String> = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    let shown = format!("{headers:?} {body:?}");
    for word in credentials {
        assert!(!shown.contains(&word), "the answer repeats {word}");
    }
    Answer { status: parts.status.as_u16(), headers, body, saw: handler.saw(), rejection }
}

/// `GET /` with these header lines.
pub fn get(lines: &[&str]) -> Request<Body> {
    with_headers("GET", "/", lines)
}

/// Any request with these header lines, `name: value`.
pub fn with_headers(method: &str, uri: &str, lines: &[&str]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Body::default()).unwrap()
}
