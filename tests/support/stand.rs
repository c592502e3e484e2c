//! A service behind `BearerAuth`, on a test stand: what goes in is a token, and everything that
//! comes out is looked at.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, Authentication, BearerAuth, Clock, Identity, Rejection,
    UnixTime,
    jwt::{Algorithm, FoundKeys, JwtValidator, JwtValidatorBuilder, KeySource, StaticKeys},
    policy::Policy,
    token::{Revocations, TokenValidator},
};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::sign::{self, AUDIENCE, ISSUER, NOW};
use crate::spec::ledger::{self, Row};

/// The stand.
#[derive(Clone, Debug)]
pub struct Stand {
    layer: BearerAuth,
    pub keys: Arc<Counted>,
}

/// What came of one request.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub reason: Option<AuthErrorKind>,
    /// The operator's text of the reason.
    pub detail: String,
    pub body: Bytes,
    /// Whom the inner service saw, where it was called.
    pub identity: Option<Identity>,
    /// How often the inner service was called, and the keys were looked up.
    pub calls: usize,
    pub lookups: usize,
}

impl Stand {
    /// Keys that a test made out of JWKs.
    pub fn with_keys(
        jwks: impl IntoIterator<Item = String>,
        configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
    ) -> Self {
        let set = jwks.into_iter().collect::<Vec<_>>().join(",");
        let set = format!(r#"{{"keys":[{set}]}}"#);
        Self::new(StaticKeys::from_jwk_set(set.as_bytes()).unwrap(), configure)
    }

    /// A validator with these keys for the issuer and audience of [`sign::token`].
    pub fn new(
        keys: impl KeySource + 'static,
        configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
    ) -> Self {
        let keys = Arc::new(Counted { keys: Box::new(keys), lookups: AtomicUsize::new(0) });
        let builder = JwtValidator::builder(keys.clone()).issuer(ISSUER).audience(AUDIENCE);
        let validator = configure(builder.clock(Arc::new(At::new(NOW)))).build().unwrap();
        Self { keys, ..Self::of(validator) }
    }

    /// Any validator; lookups are not counted.
    pub fn of(validator: impl TokenValidator + 'static) -> Self {
        let none = StaticKeys::hmac(Algorithm::HS256, &[0; 32][..]).unwrap();
        Self {
            layer: BearerAuth::new(validator).unwrap(),
            keys: Arc::new(Counted { keys: Box::new(none), lookups: AtomicUsize::new(0) }),
        }
    }

    /// Asks these revocations on every request.
    pub fn revocations(mut self, revocations: Arc<dyn Revocations>) -> Self {
        self.layer = self.layer.revocations(revocations).unwrap();
        self
    }

    /// Sends a request with this token.
    pub async fn send(&self, token: &str) -> Answer {
        self.send_line(&format!("Bearer {token}")).await
    }

    /// Sends a request with this `Authorization` line.
    pub async fn send_line(&self, line: &str) -> Answer {
        let request = Request::get("/orders").header(header::AUTHORIZATION, line);
        self.exchange(request.body(()).unwrap(), None::<Anything>).await
    }

    /// Sends a request with this token to a route that asks this policy as well.
    pub async fn send_to(&self, policy: impl Policy + 'static, token: &str) -> Answer {
        let request = Request::get("/orders").header(header::AUTHORIZATION, bearer(token));
        self.exchange(request.body(()).unwrap(), Some(policy)).await
    }

    /// Sends any request.
    pub async fn exchange(
        &self,
        request: Request<()>,
        policy: Option<impl Policy + 'static>,
    ) -> Answer {
        let before = self.keys.lookups();
        let calls = Arc::new(AtomicUsize::new(0));
        let called = calls.clone();
        let inner = service_fn(move |request: Request<()>| {
            called.fetch_add(1, Ordering::SeqCst);
            let record = request.extensions().get::<Authentication>().unwrap();
            let mut response = Response::new(Bytes::from_static(b"inner"));
            response.extensions_mut().insert(record.primary().cloned().unwrap());
            async move { Ok::<_, Infallible>(response) }
        });
        let response = match policy {
            None => self.layer.layer(inner).oneshot(request).await,
            Some(policy) => {
                self.layer.clone().require(policy).unwrap().layer(inner).oneshot(request).await
            }
        };
        let (parts, body) = response.unwrap().into_parts();
        let rejection = parts.extensions.get::<Rejection>();
        Answer {
            status: parts.status,
            headers: parts.headers,
            reason: rejection.map(|rejection| rejection.reason().kind()),
            detail: rejection.map(|it| it.reason().to_string()).unwrap_or_default(),
            body,
            identity: parts.extensions.get().cloned(),
            calls: calls.load(Ordering::SeqCst),
            lookups: self.keys.lookups() - before,
        }
    }

    /// The token is refused for this reason, twice alike, and leaves nothing behind.
    pub async fn refuses(&self, token: &str, reason: AuthErrorKind) -> Answer {
        self.send(token).await.is_refused(token, reason);
        let again = self.send(token).await;
        again.is_refused(token, reason);
        again
    }

    /// The token passes; who is it?
    pub async fn accepts(&self, token: &str) -> Identity {
        self.send(token).await.is_accepted()
    }
}

impl Answer {
    /// 401 `invalid_token` to the letter, and nobody was called.
    #[track_caller]
    pub fn is_refused(&self, token: &str, reason: AuthErrorKind) {
        assert_eq!((self.reason, self.status.as_u16()), (Some(reason), 401), "{}", self.detail);
        assert_eq!(self.challenges(), [challenge(reason)]);
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!((self.headers.len(), self.body.len()), (2, 0));
        assert!(self.identity.is_none());
        assert_eq!(self.calls, 0, "the inner service was called");
        assert!(self.lookups <= 1, "{} key look-ups", self.lookups);
        let signature = token.rsplit('.').next().unwrap_or_default();
        assert!(signature.len() < 16 || !self.detail.contains(signature), "the token is told");
    }

    /// The `WWW-Authenticate` lines.
    fn challenges(&self) -> Vec<&str> {
        let lines = self.headers.get_all(header::WWW_AUTHENTICATE);
        lines.iter().map(|line| line.to_str().unwrap()).collect()
    }

    /// 200 from the inner service, called once.
    #[track_caller]
    pub fn is_accepted(self) -> Identity {
        assert_eq!((self.status.as_u16(), self.reason), (200, None), "{}", self.detail);
        assert_eq!((self.calls, &*self.body), (1, &b"inner"[..]));
        assert!(!self.headers.contains_key(header::WWW_AUTHENTICATE));
        self.identity.expect("the inner service saw somebody")
    }

    /// 503: nobody could find out, and nobody says that the token is bad.
    #[track_caller]
    pub fn is_undecidable(&self) {
        let reason = Some(AuthErrorKind::IssuerUnreachable);
        assert_eq!((self.reason, self.status.as_u16()), (reason, 503), "{}", self.detail);
        assert!(self.challenges().is_empty() && self.headers.contains_key(header::RETRY_AFTER));
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!((self.calls, self.body.len()), (0, 0));
    }

    /// 403 by a policy: the inner service was not called.
    #[track_caller]
    pub fn is_forbidden(&self, reason: AuthErrorKind, challenge: Option<&str>) {
        assert_eq!((self.reason, self.status.as_u16()), (Some(reason), 403), "{}", self.detail);
        assert_eq!(self.challenges(), challenge.as_slice());
        assert_eq!((self.calls, self.body.len()), (0, 0));
    }
}

/// What a client is told about a token that is refused for this reason.
pub fn challenge(reason: AuthErrorKind) -> String {
    let (error, description) = match reason {
        AuthErrorKind::Expired => ("invalid_token", "the access token expired"),
        AuthErrorKind::PlaceholderToken => {
            ("invalid_token", "a placeholder was sent in place of the token")
        }
        AuthErrorKind::QuotedToken => ("invalid_token", "the token stands in quotes"),
        _ => ("invalid_token", "the access token is not valid"),
    };
    format!(r#"Bearer realm="api", error="{error}", error_description="{description}""#)
}

/// The value of the header that carries this token.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// The stand that most rows use: all keys of the [`sign`] module by the names of their files.
pub fn stand() -> Stand {
    Stand::with_keys(named_keys(), |builder| builder)
}

/// One key of each kind, without `alg`.
pub fn named_keys() -> [String; 5] {
    [
        sign::P256_1.jwk("p256-1", ""),
        sign::P384_1.jwk("p384-1", ""),
        sign::P521_1.jwk("p521-1", ""),
        sign::RSA_1.jwk("rsa-1", ""),
        sign::ED25519_1.jwk("ed25519-1", ""),
    ]
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct At(AtomicU64);

impl At {
    /// At this many seconds.
    pub fn new(seconds: u64) -> Self {
        Self(AtomicU64::new(seconds * 1_000))
    }

    /// Now it is this many milliseconds.
    pub fn set_millis(&self, millis: u64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

impl Clock for At {
    fn now(&self) -> UnixTime {
        UnixTime::EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Counts how often keys are looked up.
#[derive(Debug)]
pub struct Counted {
    keys: Box<dyn KeySource>,
    lookups: AtomicUsize,
}

impl Counted {
    fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

impl KeySource for Counted {
    fn find(&self, kid: Option<&str>, alg: Algorithm) -> Attempt<Result<FoundKeys, AuthError>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        self.keys.find(kid, alg)
    }
}

/// Allows; only names the type of an absent policy.
#[derive(Debug)]
enum Anything {}

impl Policy for Anything {
    fn decide(&self, _: &Authentication) -> portcullis::rejection::Decision {
        match *self {}
    }
}

/// A row: a token that is refused for this reason.
pub struct Attack {
    pub id: &'static str,
    pub what: &'static str,
    pub token: fn() -> String,
    pub reason: AuthErrorKind,
}

impl Row for Attack {
    fn id(&self) -> &str {
        self.id
    }
}

/// Each is refused by the stand, and a good token still passes afterwards.
pub async fn all_refused(stand: &Stand, attacks: &[Attack]) {
    ledger::table_async(attacks, async |attack| {
        let token = (attack.token)();
        let found = stand.send(&token).await.reason;
        assert_eq!(found, Some(attack.reason), "{}", attack.what);
        stand.refuses(&token, attack.reason).await;
    })
    .await;
    let who = stand.accepts(&sign::token().text()).await;
    assert_eq!((who.subject(), who.client_id()), (Some("alice"), Some("app")));
}
