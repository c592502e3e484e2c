//! A service whose opaque tokens are judged by a mock issuer, in the process; what goes to the
//! issuer is kept.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, header, request::Parts};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, Identity,
    fetch::{Fetch, FetchFuture},
    introspection::{ClientAuth, IntrospectionBuilder, IntrospectionValidator},
    testing::{Api, Client, Endpoint, Fault, ManualClock, MockIssuer, User},
    token::{Cached, Presented, TokenValidator as _},
};

use super::stand::{Answer, Stand};

/// What this service is called, and its own credentials.
pub const API: &str = "https://api.example";
pub const SECRET: &str = "desk-secret-3f7a";

/// Issuer, validator and service, on one clock.
#[derive(Clone, Debug)]
pub struct Desk {
    pub issuer: MockIssuer,
    pub clock: ManualClock,
    pub tokens: Cached<IntrospectionValidator>,
    pub stand: Stand,
    pub sent: Sent,
}

pub type Builder = IntrospectionBuilder<Arc<dyn Fetch>>;

impl Desk {
    /// Everything by default; nothing asked yet.
    pub fn new() -> Self {
        Self::configured(|builder| builder)
    }

    /// With a validator that is configured otherwise.
    pub fn configured(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = ManualClock::new();
        Self::of(issuer_at(&clock), clock, configure)
    }

    /// Around this issuer.
    pub fn of(
        issuer: MockIssuer,
        clock: ManualClock,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        Self::called(API, issuer, clock, configure)
    }

    /// Under this name.
    pub fn called(
        api: &str,
        issuer: MockIssuer,
        clock: ManualClock,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let sent = Sent { inner: issuer.fetch(), questions: Arc::default() };
        let endpoint = format!("{}/introspect", issuer.url());
        let builder = IntrospectionValidator::builder(endpoint, ClientAuth::basic(api, SECRET))
            .fetch(sent.clone())
            .clock(clock.clone())
            .issuer(issuer.url())
            .audience(api);
        let tokens = Cached::new(configure(builder).build().unwrap());
        let stand = Stand::of(tokens.clone());
        Self { issuer, clock, tokens, stand, sent }
    }

    /// Everything by default, and one token was accepted.
    pub async fn warm() -> (Self, String) {
        let desk = Self::new();
        let token = desk.token();
        desk.accepts(&token).await;
        (desk, token)
    }

    /// A good token of alice's, another one each time, valid for an hour.
    pub fn token(&self) -> String {
        let hour = Duration::from_secs(3600);
        self.issuer.opaque_token(&self.issuer.token().scope("orders:read").expires_in(hour))
    }

    /// The endpoint says this to everything.
    pub fn says(&self, body: &str) {
        self.issuer.fail(Endpoint::Introspection, Fault::body("application/json", body.to_owned()));
    }

    /// The endpoint says what is right.
    pub fn is_right(&self) {
        self.issuer.heal(Endpoint::Introspection);
    }

    /// How often the issuer was asked.
    pub fn asked(&self) -> usize {
        self.issuer.requests(Endpoint::Introspection)
    }

    /// 200, for alice.
    pub async fn accepts(&self, token: &str) -> Identity {
        let identity = self.stand.accepts(token).await;
        assert_eq!(identity.subject(), Some("alice"));
        assert_eq!(identity.issuer(), self.issuer.url());
        identity
    }

    /// 401 for this reason.
    pub async fn refuses(&self, token: &str, reason: AuthErrorKind) {
        self.stand.send(token).await.is_refused(token, reason);
    }

    /// Judged without a service around it: any text can be sent.
    pub async fn judge(&self, token: &str) -> Result<Identity, AuthError> {
        self.begin(token).await
    }

    /// The beginning of that.
    pub fn begin(&self, token: &str) -> Attempt<Result<Identity, AuthError>> {
        self.tokens.validate(Presented::new(token, &no_request()))
    }

    /// Lets time pass on the manual clock.
    pub fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Answer {
    /// 503 or 500 for this reason: nobody was called, and nothing is said about the token.
    #[track_caller]
    pub fn says_nothing_of_the_token(&self, status: u16, reason: AuthErrorKind) {
        assert_eq!((self.reason, self.status.as_u16()), (Some(reason), status), "{}", self.detail);
        assert_eq!(self.headers.contains_key(header::RETRY_AFTER), status == 503);
        assert!(!self.headers.contains_key(header::WWW_AUTHENTICATE));
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!((self.body.len(), self.calls), (0, 0));
        assert!(self.identity.is_none());
    }

    /// The seconds of `Retry-After`.
    pub fn retry_after(&self) -> u64 {
        self.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap()
    }
}

/// The issuer: this service is one of its APIs, and somebody may introspect everything.
pub fn issuer_at(clock: &ManualClock) -> MockIssuer {
    MockIssuer::builder()
        .clock(clock.clone())
        .api(Api::new(API, &[]).secret(SECRET))
        .client(Client::new("admin").secret("admin-secret"))
        .client(Client::new("test-client").secret("client-secret"))
        .user(User::new("alice", "pw"))
        .build()
}

/// A client that keeps what it was given to send.
#[derive(Clone, Debug)]
pub struct Sent {
    inner: Arc<dyn Fetch>,
    questions: Arc<Mutex<Vec<Question>>>,
}

/// One request to the issuer.
#[derive(Clone, Debug)]
pub struct Question {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: String,
}

impl Sent {
    pub fn last(&self) -> Question {
        self.questions.lock().unwrap().last().cloned().expect("something was sent")
    }

    pub fn count(&self) -> usize {
        self.questions.lock().unwrap().len()
    }
}

impl Fetch for Sent {
    fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
        self.questions.lock().unwrap().push(Question {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
        });
        self.inner.fetch(request, limit)
    }
}

/// Sends a form to an endpoint of the issuer, with these credentials.
pub async fn post_form(
    issuer: &MockIssuer,
    path: &str,
    authorization: Option<&str>,
    form: &str,
) -> Response<Bytes> {
    let mut request = Request::post(format!("{}{path}", issuer.url()))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(line) = authorization {
        request = request.header(header::AUTHORIZATION, line);
    }
    let request = request.body(Bytes::copy_from_slice(form.as_bytes())).unwrap();
    issuer.fetch().fetch(request, 1 << 20).await.unwrap()
}

/// The parts of a request without anything.
pub fn no_request() -> Parts {
    Request::new(()).into_parts().0
}
