//! The issuer in a test's hand.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value, json};

use super::{
    builder::MockIssuerBuilder,
    fault::{Endpoint, Fault, Plan},
    key_ring::KeyRing,
    record::Received,
    scripted_user::Browser,
    store::Store,
};
use crate::{
    clock::Clock,
    jwt::Algorithm,
    testing::{key::SigningKey, token::TokenBuilder},
};

/// An authorization server **for tests**: its private keys are public. A clone is the same issuer.
///
/// ```
/// use portcullis::{
///     jwt::{Algorithm, KeyLocation, KeySource, RemoteKeys},
///     testing::{Endpoint, ManualClock, MockIssuer},
/// };
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let clock = ManualClock::new();
/// let issuer = MockIssuer::builder().clock(clock.clone()).build();
/// let keys = RemoteKeys::builder(KeyLocation::discover(issuer.url()))
///     .fetch(issuer.fetch()) // no socket
///     .clock(clock)
///     .build()?;
///
/// assert!(keys.find(Some("k1"), Algorithm::RS256).await.is_ok());
/// assert_eq!(issuer.requests(Endpoint::Jwks), 1);
/// # Ok::<(), portcullis::BuildError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MockIssuer(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) settings: MockIssuerBuilder,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) browser: Browser,
    pub(super) down: bool,
    pub(super) jwks_max_age: Option<String>,
    pub(super) jwks_path: String,
    pub(super) metadata: Map<String, Value>,
    pub(super) plans: HashMap<Endpoint, Plan>,
    pub(super) received: Vec<Received>,
    pub(super) ring: KeyRing,
    pub(super) store: Store,
    pub(super) url: String,
}

/// The issuer as a whole.
impl MockIssuer {
    /// An issuer with the defaults: `https://issuer.test`, one RS256 key named `k1`, the system's
    /// clock.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An issuer to be configured.
    pub fn builder() -> MockIssuerBuilder {
        MockIssuerBuilder::new()
    }

    /// Its URL: the `iss` of its tokens.
    #[must_use]
    pub fn url(&self) -> String {
        self.state().url.clone()
    }

    /// The audience of its tokens, unless the token says otherwise.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.0.settings.audience
    }

    /// A valid RFC 9068 access token to begin with: for `alice`, by the client `test-client`, valid
    /// for 300 s from the issuer's now.
    pub fn token(&self) -> TokenBuilder {
        let now = self.clock().now();
        let mut state = self.state();
        let name = state.store.name("token");
        let mut claims = json!({
            "iss": state.url,
            "aud": self.0.settings.audience,
            "sub": "alice",
            "client_id": "test-client",
            "iat": now.as_secs(),
            "exp": (now + Duration::from_secs(300)).as_secs(),
            "jti": name,
        });
        if let Some(scope) = &self.0.settings.scope {
            claims["scope"] = json!(scope);
        }
        let ring = &state.ring;
        let token = TokenBuilder::new(ring.current(), ring.published(), claims, now);
        if self.0.settings.identity_server { token.identity_server() } else { token }
    }

    /// No endpoint answers any more; connections end at once.
    pub fn take_down(&self) {
        self.state().down = true;
    }

    /// The endpoints answer again.
    pub fn bring_up(&self) {
        self.state().down = false;
    }

    /// Replaces a member of the metadata documents; `null` removes it.
    pub fn set_metadata(&self, name: &str, value: impl Into<Value>) {
        self.state().metadata.insert(name.to_owned(), value.into());
    }

    /// The metadata documents are right again.
    pub fn reset_metadata(&self) {
        self.state().metadata.clear();
    }
}

/// Keys.
impl MockIssuer {
    /// The name of the key that signs.
    #[must_use]
    pub fn kid(&self) -> String {
        self.signing_key().kid().to_owned()
    }

    /// The key that signs.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        self.state().ring.current()
    }

    /// The key of this name, published or not.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<SigningKey> {
        self.state().ring.key(kid)
    }

    /// Publishes one more key and returns its name. It does not become the one that signs.
    pub fn add_key(&self, algorithm: Algorithm) -> String {
        self.state().ring.add(algorithm)
    }

    /// Publishes this key, too.
    pub fn publish_key(&self, key: SigningKey) {
        self.state().ring.insert(key);
    }

    /// Signs with a new key from now on and returns its name. The old one stays published.
    pub fn rotate(&self) -> String {
        self.state().ring.rotate()
    }

    /// Signs with a new key from now on and returns its name. No other key stays published.
    pub fn rotate_without_overlap(&self) -> String {
        let mut state = self.state();
        state.ring.withdraw_all();
        state.ring.rotate()
    }

    /// Signs with another key under the old name from now on.
    pub fn swap_key_keeping_kid(&self) {
        self.state().ring.swap();
    }

    /// Takes a key out of the published set. Tokens can still be signed with it.
    pub fn withdraw(&self, kid: &str) {
        self.state().ring.withdraw(kid);
    }

    /// Publishes this text in place of the key set.
    pub fn publish(&self, document: impl Into<String>) {
        self.state().ring.text = Some(document.into());
    }

    /// Publishes the keys again.
    pub fn publish_keys(&self) {
        self.state().ring.text = None;
    }

    /// The published key set.
    #[must_use]
    pub fn jwks_json(&self) -> String {
        self.state().ring.document()
    }

    /// Publishes the keys at this path; the old one is not found any more.
    pub fn move_jwks(&self, path: &str) {
        path.clone_into(&mut self.state().jwks_path);
    }

    /// `Cache-Control: max-age` of the key set, in this spelling. Default: none is sent.
    pub fn set_jwks_max_age(&self, max_age: &str) {
        self.state().jwks_max_age = Some(max_age.to_owned());
    }
}

/// Faults and records.
impl MockIssuer {
    /// Fails so until it is told otherwise. It replaces the last fault; only a delay and another
    /// fault go together.
    pub fn fail(&self, endpoint: Endpoint, fault: Fault) {
        self.state().plans.entry(endpoint).or_default().always(fault);
    }

    /// Fails so the next times, after what was planned before.
    pub fn fail_next(&self, endpoint: Endpoint, times: usize, fault: Fault) {
        self.state().plans.entry(endpoint).or_default().next(times, fault);
    }

    /// Answers properly again.
    pub fn heal(&self, endpoint: Endpoint) {
        self.state().plans.remove(&endpoint);
    }

    /// How many requests this endpoint received, also those that failed.
    #[must_use]
    pub fn requests(&self, endpoint: Endpoint) -> usize {
        self.state().received.iter().filter(|one| one.endpoint == Some(endpoint)).count()
    }

    /// Every request so far, also those for other hosts.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.state().received.clear();
    }

    pub(super) fn from_parts(settings: MockIssuerBuilder, ring: KeyRing, store: Store) -> Self {
        let url = settings.issuer.clone().unwrap_or_else(|| "https://issuer.test".to_owned());
        let state = State {
            browser: Browser::default(),
            down: false,
            jwks_max_age: None,
            jwks_path: "/jwks".to_owned(),
            metadata: Map::new(),
            plans: HashMap::new(),
            received: Vec::new(),
            ring,
            store,
            url,
        };
        Self(Arc::new(Inner { settings, state: Mutex::new(state) }))
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.0.settings.clock
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MockIssuer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MockIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MockIssuer({})", self.url())
    }
}
