//! Sessions in a store: the cookie holds a key, the store holds the ticket.

use std::{fmt, sync::Arc};

use moka::{ops::compute::Op, policy::EvictionPolicy, sync::Cache};

use super::Ticket;
use crate::{attempt::Attempt, base64url, crypto, error::AuthError};

/// Where tickets lie whose cookies hold nothing but a key.
///
/// Removing a ticket ends its session with the next request: the way to make a logout final. Every
/// error is "could not be found out", and is answered with 503 whatever its kind. Nothing that was
/// judged by a store is remembered by a [`Cached`](crate::token::Cached).
///
/// A store outside the process answers [`Attempt::pending`] and has a command for "replace if
/// present"; here it is one lock:
///
/// ```
/// use std::{collections::HashMap, sync::Mutex};
/// use portcullis::{Attempt, AuthError, ticket::{SessionKey, Sessions, Ticket}};
///
/// #[derive(Debug, Default)]
/// struct Table(Mutex<HashMap<[u8; 32], Ticket>>);
///
/// impl Sessions for Table {
///     fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
///         let key = SessionKey::random();
///         self.0.lock().unwrap().insert(key.digest(), ticket);
///         Attempt::ready(Ok(key))
///     }
///
///     fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<Ticket>, AuthError>> {
///         Attempt::ready(Ok(self.0.lock().unwrap().get(&key.digest()).cloned()))
///     }
///
///     fn renew(&self, key: &SessionKey, ticket: Ticket) -> Attempt<Result<bool, AuthError>> {
///         let mut table = self.0.lock().unwrap();
///         let entry = table.get_mut(&key.digest());
///         Attempt::ready(Ok(entry.map(|entry| *entry = ticket).is_some()))
///     }
///
///     fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
///         self.0.lock().unwrap().remove(&key.digest());
///         Attempt::ready(Ok(()))
///     }
/// }
///
/// let table = Table::default();
/// let key = table.store(Ticket::new("Cookies", "alice")).into_ready().unwrap()?;
/// table.remove(&key).into_ready().unwrap()?;
/// assert!(!table.renew(&key, Ticket::new("Cookies", "alice")).into_ready().unwrap()?);
/// # Ok::<(), AuthError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not keep sessions: implement `Sessions` for it"
)]
pub trait Sessions: fmt::Debug + Send + Sync {
    /// Keeps a new ticket, under a key that nobody can guess: [`SessionKey::random`].
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>>;

    /// The ticket; `None` if there is none.
    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<Ticket>, AuthError>>;

    /// Puts another ticket in the place of this key's, **only if one is there**, in one step:
    /// a removal at the same time must win. Whether one was there.
    fn renew(&self, key: &SessionKey, ticket: Ticket) -> Attempt<Result<bool, AuthError>>;

    /// Removes the ticket, if it is there.
    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>>;
}

impl<S: Sessions + ?Sized> Sessions for Arc<S> {
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        (**self).store(ticket)
    }

    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<Ticket>, AuthError>> {
        (**self).retrieve(key)
    }

    fn renew(&self, key: &SessionKey, ticket: Ticket) -> Attempt<Result<bool, AuthError>> {
        (**self).renew(key, ticket)
    }

    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
        (**self).remove(key)
    }
}

/// What a cookie knows its session by. Its `Debug` does not show it.
///
/// ```
/// use portcullis::ticket::SessionKey;
/// let key = SessionKey::random();
/// assert_eq!(key.as_str().len(), 43);
/// assert_ne!(key, SessionKey::random());
/// assert_eq!(key, SessionKey::from(key.as_str()));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey(Box<str>);

impl SessionKey {
    /// A new key: 256 random bits, in base64url.
    #[must_use]
    pub fn random() -> Self {
        let mut bits = [0; 32];
        crypto::fill_random(&mut bits);
        Self(base64url::encode(bits).into())
    }

    /// The text that stands in the cookie's ticket.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text: what a store should look it up by, so that neither the time of a search
    /// nor a copy of the store tells a key that works.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        crypto::sha256(self.0.as_bytes())
    }
}

impl From<&str> for SessionKey {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SessionKey {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey")
    }
}

/// Sessions in this process's memory, bounded in number: a restart ends them all, and where there
/// are too many the ones that were not used for longest go first.
pub struct InMemorySessions(Cache<[u8; 32], Arc<Ticket>>);

impl InMemorySessions {
    /// At most so many sessions.
    #[must_use]
    pub fn with_capacity(sessions: u64) -> Self {
        let policy = EvictionPolicy::lru();
        Self(Cache::builder().max_capacity(sessions).eviction_policy(policy).build())
    }

    /// Every change of an entry, one after the other for each key. moka's own `insert` and
    /// `invalidate` do not wait for a computation that runs on the same key.
    fn compute(&self, key: &SessionKey, change: impl FnOnce(bool) -> Op<Arc<Ticket>>) -> bool {
        let mut was_there = false;
        self.0.entry(key.digest()).and_compute_with(|entry| {
            was_there = entry.is_some();
            change(was_there)
        });
        was_there
    }
}

impl Default for InMemorySessions {
    /// 100,000 sessions.
    fn default() -> Self {
        Self::with_capacity(100_000)
    }
}

impl Sessions for InMemorySessions {
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        let key = SessionKey::random();
        self.compute(&key, |_| Op::Put(Arc::new(ticket)));
        Attempt::ready(Ok(key))
    }

    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<Ticket>, AuthError>> {
        Attempt::ready(Ok(self.0.get(&key.digest()).map(Arc::unwrap_or_clone)))
    }

    fn renew(&self, key: &SessionKey, ticket: Ticket) -> Attempt<Result<bool, AuthError>> {
        Attempt::ready(Ok(self
            .compute(key, |was_there| if was_there { Op::Put(Arc::new(ticket)) } else { Op::Nop })))
    }

    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
        self.compute(key, |_| Op::Remove);
        Attempt::ready(Ok(()))
    }
}

impl fmt::Debug for InMemorySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InMemorySessions({} entries)", self.0.entry_count())
    }
}
