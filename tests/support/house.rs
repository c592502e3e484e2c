//! A service behind `BearerAuth` whose keys come from a mock issuer, in the process.

use std::{sync::Arc, time::Duration};

use http::header;
use portcullis::{
    AuthErrorKind, Identity,
    fetch::DefaultClient,
    jwt::{Algorithm, JwtValidator, KeyLocation, RemoteKeys, RemoteKeysBuilder},
    testing::{Endpoint, ManualClock, MockIssuer, TokenBuilder},
};

use super::stand::{Answer, Stand};

/// Issuer, keys and service, on one clock.
#[derive(Debug)]
pub struct House {
    pub issuer: MockIssuer,
    pub clock: ManualClock,
    pub keys: RemoteKeys,
    pub stand: Stand,
}

impl House {
    /// Everything by default: discovery, one ES256 key `k1`, nothing asked yet.
    pub fn new() -> Self {
        Self::configured(|keys| keys)
    }

    /// With keys that are configured otherwise.
    pub fn configured(
        configure: impl FnOnce(RemoteKeysBuilder<DefaultClient>) -> RemoteKeysBuilder<DefaultClient>,
    ) -> Self {
        let clock = ManualClock::new();
        let issuer = issuer_at(&clock, "https://issuer.test");
        Self::of(issuer.clone(), clock, configure(discovery(&issuer)))
    }

    /// Around this issuer.
    pub fn of(
        issuer: MockIssuer,
        clock: ManualClock,
        keys: RemoteKeysBuilder<DefaultClient>,
    ) -> Self {
        let keys = keys.fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
        let stand = Stand::of(validator(&issuer, &clock, &keys));
        Self { issuer, clock, keys, stand }
    }

    /// By default, and one token was accepted: metadata and keys were asked for once.
    pub async fn warm() -> Self {
        let house = Self::new();
        house.accepts(&house.token()).await;
        assert_eq!(house.requests(), (1, 1));
        house
    }

    /// A good token, another one each time.
    pub fn token(&self) -> String {
        self.issuer.token().build()
    }

    /// A token by a key that nobody has.
    pub fn stray(&self, kid: &str) -> String {
        stray(self.issuer.token(), kid)
    }

    /// Requests for metadata and for keys; nothing else may have been asked for, in this way or
    /// anywhere.
    pub fn requests(&self) -> (usize, usize) {
        let count = |endpoint| self.issuer.requests(endpoint);
        let (metadata, keys) = (count(Endpoint::Discovery), count(Endpoint::Jwks));
        assert_eq!(self.issuer.received().len(), metadata + keys, "{:?}", self.issuer.received());
        (metadata, keys)
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

    /// 503, to be tried again after so many seconds.
    pub async fn cannot_say(&self, token: &str, retry_after: u64) {
        self.stand.send(token).await.is_undecided(retry_after);
    }

    /// Lets time pass on the manual clock.
    pub fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Answer {
    /// 503, nobody was called, and nothing about the issuer is told.
    #[track_caller]
    pub fn is_undecided(&self, retry_after: u64) {
        let reason = Some(AuthErrorKind::IssuerUnreachable);
        assert_eq!((self.reason, self.status.as_u16()), (reason, 503), "{}", self.detail);
        assert_eq!(self.headers[header::RETRY_AFTER], retry_after.to_string(), "{}", self.detail);
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!((self.headers.len(), self.body.len(), self.calls), (2, 0, 0));
        assert!(self.identity.is_none());
    }
}

/// An issuer with one ES256 key at this URL.
pub fn issuer_at(clock: &ManualClock, url: &str) -> MockIssuer {
    let builder = MockIssuer::builder().algorithm(Algorithm::ES256).issuer(url);
    builder.clock(clock.clone()).build()
}

/// Its keys, by discovery.
pub fn discovery(issuer: &MockIssuer) -> RemoteKeysBuilder<DefaultClient> {
    RemoteKeys::builder(KeyLocation::discover(issuer.url()))
}

/// A validator for the issuer.
pub fn validator(issuer: &MockIssuer, clock: &ManualClock, keys: &RemoteKeys) -> JwtValidator {
    JwtValidator::builder(keys.clone())
        .issuer(issuer.url())
        .audience(issuer.audience())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap()
}

/// The token under a name that no key has, with a signature that costs nothing to make.
pub fn stray(token: TokenBuilder, kid: &str) -> String {
    token.kid(kid).signature([7; 64]).build()
}

/// Lets the tasks that can run do so; no time passes.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
