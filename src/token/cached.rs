//! Verified tokens, remembered.
//!
//! 1. Only verified tokens are remembered: a flood of garbage evicts nothing.
//! 2. A token's place is a randomly seeded hash of its last 64 bytes; what decides is a comparison
//!    of the **whole** token in constant time.
//! 3. Every hit is judged again by the clock: expiry, `nbf`, freshness and the lease of the key
//!    that verified it ([`Identity::is_usable`]).
//! 4. The cache belongs to one validator; two validators never share an entry.

use std::{
    fmt,
    hash::{Hash, Hasher, RandomState},
    sync::Arc,
};

use quick_cache::{Equivalent, Weighter, sync::Cache};

use super::{Presented, Renewed, TokenValidator};
use crate::{
    attempt::Attempt, clock::Clock, crypto, error::AuthError, principal::Identity, secret::Secret,
};

/// A validator that remembers what it accepted. Around every validator whose answer costs more
/// than a look-up; the ready-made stacks put it there by themselves.
pub struct Cached<V, C = InMemoryTokens> {
    validator: V,
    cache: Arc<C>,
    clock: Arc<dyn Clock>,
}

impl<V: TokenValidator> Cached<V> {
    /// Remembers up to 64 MiB of tokens and identities in memory.
    #[must_use]
    pub fn new(validator: V) -> Self {
        Self::with_cache(validator, InMemoryTokens::default())
    }
}

impl<V: TokenValidator, C: TokenCache> Cached<V, C> {
    /// Remembers in `cache`, which must belong to this validator alone.
    #[must_use]
    pub fn with_cache(validator: V, cache: C) -> Self {
        Self { clock: validator.clock(), validator, cache: Arc::new(cache) }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.cache.clear();
    }

    fn remembered(&self, key: &str) -> Option<Identity> {
        let identity = self.cache.get(key)?;
        if identity.is_usable(self.clock.now(), self.clock.monotonic()) {
            return Some(identity);
        }
        self.cache.remove(key);
        None
    }
}

impl<V: TokenValidator, C: TokenCache + 'static> TokenValidator for Cached<V, C> {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let key = self.validator.cache_key(presented.token());
        if let Some(identity) = self.remembered(key) {
            return Attempt::ready(Ok(identity));
        }
        match self.validator.validate(presented).into_ready() {
            Ok(answer) => {
                if let Ok(identity) = &answer {
                    self.cache.insert(key, identity);
                }
                Attempt::ready(answer)
            }
            Err(pending) => {
                let (cache, key) = (Arc::clone(&self.cache), Secret::from(key));
                pending.map(move |answer| {
                    if let (Ok(identity), Ok(key)) = (&answer, str::from_utf8(key.expose())) {
                        cache.insert(key, identity);
                    }
                    answer
                })
            }
        }
    }

    fn cache_key<'t>(&self, token: &'t str) -> &'t str {
        self.validator.cache_key(token)
    }

    fn is_ticket(&self) -> bool {
        self.validator.is_ticket()
    }

    fn renew(&self, identity: &Identity) -> Option<Renewed> {
        self.validator.renew(identity)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }
}

impl<V: fmt::Debug, C: fmt::Debug> fmt::Debug for Cached<V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("validator", &self.validator)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// Where [`Cached`] remembers. Deadlines are judged by `Cached`, not here.
pub trait TokenCache: fmt::Debug + Send + Sync {
    /// What stands under this very key. Compare the whole key.
    fn get(&self, key: &str) -> Option<Identity>;

    /// Puts it there. `key` is a live token: keep it behind [`Secret`].
    fn insert(&self, key: &str, identity: &Identity);

    /// Forgets one.
    fn remove(&self, key: &str);

    /// Forgets all.
    fn clear(&self);
}

/// The default [`TokenCache`]: in memory, bounded in bytes.
pub struct InMemoryTokens(Cache<Token, Identity, Weight, RandomState>);

impl InMemoryTokens {
    /// A cache of at most so many bytes of tokens and identities.
    #[must_use]
    pub fn with_max_bytes(bytes: u64) -> Self {
        let entries = usize::try_from(bytes / TYPICAL_ENTRY).unwrap_or(usize::MAX).max(16);
        Self(Cache::with(entries, bytes, Weight, RandomState::new(), Default::default()))
    }

    /// How many tokens it holds now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// It holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for InMemoryTokens {
    /// 64 MiB.
    fn default() -> Self {
        Self::with_max_bytes(64 << 20)
    }
}

impl TokenCache for InMemoryTokens {
    fn get(&self, key: &str) -> Option<Identity> {
        self.0.get(&Sought(key.as_bytes()))
    }

    fn insert(&self, key: &str, identity: &Identity) {
        self.0.insert(Token(Secret::from(key)), identity.clone());
    }

    fn remove(&self, key: &str) {
        self.0.remove(&Sought(key.as_bytes()));
    }

    fn clear(&self) {
        self.0.clear();
    }
}

impl fmt::Debug for InMemoryTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InMemoryTokens({} entries)", self.len())
    }
}

struct Token(Secret);

struct Sought<'a>(&'a [u8]);

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0[self.0.len().saturating_sub(64)..]);
    }
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Sought(self.0.expose()).hash(state);
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        crypto::equal(self.0.expose(), other.0.expose())
    }
}

impl Eq for Token {}

impl Equivalent<Token> for Sought<'_> {
    fn equivalent(&self, token: &Token) -> bool {
        crypto::equal(self.0, token.0.expose())
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Token, Identity> for Weight {
    fn weight(&self, token: &Token, identity: &Identity) -> u64 {
        (token.0.expose().len() + identity.weight() + OVERHEAD) as u64
    }
}

/// The map's own share of an entry, in bytes.
const OVERHEAD: usize = 96;
/// An entry of a JWT of 700 bytes, for the first size of the map.
const TYPICAL_ENTRY: u64 = 2048;
