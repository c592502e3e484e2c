//! Where verified tokens are remembered.

use std::{
    fmt,
    hash::{Hash, Hasher, RandomState},
};

use quick_cache::{Equivalent, Weighter, sync::Cache};

use crate::{crypto, principal::Identity, secret::Secret};

/// Where [`Cached`](super::Cached) remembers. Deadlines are judged by `Cached`, not here.
pub trait TokenCache: fmt::Debug + Send + Sync {
    /// What stands under this very key. Compare the whole key.
    fn get(&self, key: &str) -> Option<Identity>;

    /// Puts it there. `key` is a live token: keep it behind [`Secret`].
    fn insert(&self, key: &str, identity: &Identity);

    /// Forgets one.
    fn remove(&self, key: &str);

    /// Forgets every identity that this concerns. Default: forgets all.
    fn remove_where(&self, concerns: &dyn Fn(&Identity) -> bool) {
        let _ = concerns;
        self.clear();
    }

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
        self.0.insert(Token::new(key, identity), identity.clone());
    }

    fn remove(&self, key: &str) {
        self.0.remove(&Sought(key.as_bytes()));
    }

    fn remove_where(&self, concerns: &dyn Fn(&Identity) -> bool) {
        self.0.retain(|_, identity| !concerns(identity));
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

/// A token that is remembered.
enum Token {
    /// The identity holds it, and the claims in it.
    Of(Identity),
    Own(Secret),
}

impl Token {
    fn new(key: &str, identity: &Identity) -> Self {
        match identity.token() {
            Some(token) if crypto::equal(token.expose(), key.as_bytes()) => {
                Self::Of(identity.clone())
            }
            _ => Self::Own(Secret::from(key)),
        }
    }

    fn expose(&self) -> &[u8] {
        match self {
            Self::Of(identity) => identity.token().map_or(&[], Secret::expose),
            Self::Own(token) => token.expose(),
        }
    }

    /// Its own bytes.
    fn weight(&self) -> usize {
        match self {
            Self::Of(_) => 0,
            Self::Own(token) => token.expose().len(),
        }
    }
}

struct Sought<'a>(&'a [u8]);

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0[self.0.len().saturating_sub(64)..]);
    }
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Sought(self.expose()).hash(state);
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        crypto::equal(self.expose(), other.expose())
    }
}

impl Eq for Token {}

impl Equivalent<Token> for Sought<'_> {
    fn equivalent(&self, token: &Token) -> bool {
        crypto::equal(self.0, token.expose())
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Token, Identity> for Weight {
    fn weight(&self, token: &Token, identity: &Identity) -> u64 {
        (token.weight() + identity.weight() + OVERHEAD) as u64
    }
}

/// The map's own share of an entry, in bytes.
const OVERHEAD: usize = 96;
/// An entry of a JWT of 700 bytes, for the first size of the map.
const TYPICAL_ENTRY: u64 = 2048;
