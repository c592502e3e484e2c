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
/// Every ticket has a version, which is another one after each renewal, so that of two requests that
/// renew one session the later does not write back what the earlier one replaced. A store outside the
/// process answers [`Attempt::pending`] and compares and replaces in one step: in SQL `UPDATE …
/// SET ticket = $1, version = version + 1 WHERE key = $2 AND version = $3`, one row changed or none; in
/// Redis a script of three lines. Here it is one lock:
///
/// ```
/// use std::{collections::HashMap, sync::Mutex};
/// use portcullis::{Attempt, AuthError, ticket::{SessionKey, Sessions, StoredTicket, Ticket}};
///
/// #[derive(Debug, Default)]
/// struct Table(Mutex<HashMap<[u8; 32], StoredTicket>>);
///
/// impl Sessions for Table {
///     fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
///         let key = SessionKey::random();
///         self.0.lock().unwrap().insert(key.digest(), StoredTicket::new(ticket, 0));
///         Attempt::ready(Ok(key))
///     }
///
///     fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
///         Attempt::ready(Ok(self.0.lock().unwrap().get(&key.digest()).cloned()))
///     }
///
///     fn renew(
///         &self, key: &SessionKey, version: u64, ticket: Ticket,
///     ) -> Attempt<Result<bool, AuthError>> {
///         let mut table = self.0.lock().unwrap();
///         let entry = table.get_mut(&key.digest()).filter(|entry| entry.version == version);
///         let renewed = entry.map(|entry| *entry = StoredTicket::new(ticket, version + 1));
///         Attempt::ready(Ok(renewed.is_some()))
///     }
///
///     fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
///         self.0.lock().unwrap().remove(&key.digest());
///         Attempt::ready(Ok(()))
///     }
/// }
///
/// let table = Table::default();
/// let alice = || Ticket::new("Cookies", "alice");
/// let key = table.store(alice()).into_ready().unwrap()?;
/// assert!(table.renew(&key, 0, alice()).into_ready().unwrap()?);
/// assert!(!table.renew(&key, 0, alice()).into_ready().unwrap()?, "it is of version 1");
/// table.remove(&key).into_ready().unwrap()?;
/// assert!(!table.renew(&key, 1, alice()).into_ready().unwrap()?);
/// # Ok::<(), AuthError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not keep sessions: implement `Sessions` for it"
)]
pub trait Sessions: fmt::Debug + Send + Sync {
    /// Keeps a new ticket, under a key that nobody can guess: [`SessionKey::random`].
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>>;

    /// The ticket and its version; `None` if there is none.
    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>>;

    /// Puts another ticket in the place of this key's, under another version, **only if one is there
    /// and is of this version**, in one step: a removal or a renewal at the same time wins. Whether it
    /// did; if not, the ticket that is there now is judged.
    fn renew(
        &self,
        key: &SessionKey,
        version: u64,
        ticket: Ticket,
    ) -> Attempt<Result<bool, AuthError>>;

    /// Removes the ticket, if it is there.
    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>>;
}

impl<S: Sessions + ?Sized> Sessions for Arc<S> {
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        (**self).store(ticket)
    }

    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
        (**self).retrieve(key)
    }

    fn renew(
        &self,
        key: &SessionKey,
        version: u64,
        ticket: Ticket,
    ) -> Attempt<Result<bool, AuthError>> {
        (**self).renew(key, version, ticket)
    }

    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
        (**self).remove(key)
    }
}

/// A ticket as a store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredTicket {
    /// The ticket.
    pub ticket: Ticket,
    /// Which of the tickets it is that were kept under this key, one after the other.
    pub version: u64,
}

impl StoredTicket {
    /// A ticket and its version.
    #[must_use]
    pub const fn new(ticket: Ticket, version: u64) -> Self {
        Self { ticket, version }
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
pub struct InMemorySessions(Cache<[u8; 32], Arc<StoredTicket>>);

impl InMemorySessions {
    /// At most so many sessions.
    #[must_use]
    pub fn with_capacity(sessions: u64) -> Self {
        let policy = EvictionPolicy::lru();
        Self(Cache::builder().max_capacity(sessions).eviction_policy(policy).build())
    }

    /// Every change of an entry, one after the other for each key. moka's own `insert` and
    /// `invalidate` do not wait for a computation that runs on the same key.
    fn compute(
        &self,
        key: &SessionKey,
        change: impl FnOnce(Option<&StoredTicket>) -> Op<Arc<StoredTicket>>,
    ) {
        self.0
            .entry(key.digest())
            .and_compute_with(|entry| change(entry.map(moka::Entry::into_value).as_deref()));
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
        self.compute(&key, |_| Op::Put(Arc::new(StoredTicket::new(ticket, 0))));
        Attempt::ready(Ok(key))
    }

    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
        Attempt::ready(Ok(self.0.get(&key.digest()).map(Arc::unwrap_or_clone)))
    }

    fn renew(
        &self,
        key: &SessionKey,
        version: u64,
        ticket: Ticket,
    ) -> Attempt<Result<bool, AuthError>> {
        let mut renewed = false;
        self.compute(key, |entry| match entry {
            Some(entry) if entry.version == version => {
                renewed = true;
                Op::Put(Arc::new(StoredTicket::new(ticket, version.wrapping_add(1))))
            }
            _ => Op::Nop,
        });
        Attempt::ready(Ok(renewed))
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
