//! When a token was last used.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{Method, request::Parts};

use crate::{
    clock::{Clock, SystemClock, UnixTime},
    principal::Identity,
};

/// Tells the application that a token was used: for the column "last used" of a list of tokens.
///
/// 1. Told of tokens that were accepted, at most once a minute for each; more often by
///    [`every`](Self::every). A clone counts together with what it was made of.
/// 2. The function is called while the request is handled: it must not block. Put what is to be
///    written into a channel.
/// 3. It remembers 100,000 tokens at most. While it knows more than that from the last minute,
///    others are not told of.
///
/// ```
/// use portcullis::token::{Usage, UsageEvent};
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let usage = Usage::new(move |event: UsageEvent| {
///     // nobody is there to listen any more, and that is no reason to refuse a request
///     let _ = sender.send(event);
/// });
/// # let _ = (usage, receiver);
/// ```
#[derive(Clone)]
#[must_use = "give it to a bearer scheme"]
pub struct Usage {
    tell: Arc<dyn Fn(UsageEvent) + Send + Sync>,
    remote: RemoteOf,
    every: Duration,
    clock: Arc<dyn Clock>,
    seen: Arc<Seen>,
}

type RemoteOf = Arc<dyn Fn(&Parts) -> Option<SocketAddr> + Send + Sync>;

/// A token was used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UsageEvent {
    /// Whose token, and which: [`Identity::token_id`].
    pub identity: Identity,
    /// When.
    pub at: UnixTime,
    /// From where, if it is known.
    pub remote: Option<SocketAddr>,
    /// The request's method.
    pub method: Method,
    /// The path as the gate saw it; without the query, which may hold anything.
    pub path: Box<str>,
}

/// By a hash of the token's name, or else of its text: when it was last told of, on the monotonic
/// clock. Two tokens of one hash would share a minute.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    last: Mutex<HashMap<u64, Duration>>,
    /// When old ones were last looked for, where there was no room.
    swept_at: Mutex<Option<Duration>>,
}

impl Usage {
    /// Tells this function.
    pub fn new(tell: impl Fn(UsageEvent) + Send + Sync + 'static) -> Self {
        Self {
            tell: Arc::new(tell),
            remote: Arc::new(|parts| parts.extensions.get().copied()),
            every: Duration::from_secs(60),
            clock: Arc::new(SystemClock),
            seen: Arc::default(),
        }
    }

    /// Where the time comes from. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// At most once in this time for each token. Default: 1 min.
    pub const fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// Who sent the request. Default: the `SocketAddr` in its extensions, if there is one. axum has it in
    /// a type of its own:
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use axum::extract::ConnectInfo;
    /// use portcullis::token::{Usage, UsageEvent};
    ///
    /// let usage = Usage::new(|event: UsageEvent| println!("{:?}", event.remote)).remote(|parts| {
    ///     parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|sender| sender.0)
    /// });
    /// # let _ = usage;
    /// ```
    pub fn remote(
        mut self,
        find: impl Fn(&Parts) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.remote = Arc::new(find);
        self
    }

    /// What is needed of a request that will be gone when its token was judged.
    pub(crate) fn begin(&self, token: &str, parts: &Parts) -> Use {
        Use {
            text: self.key_of_text(token),
            remote: (self.remote)(parts),
            method: parts.method.clone(),
            path: parts.uri.path().into(),
        }
    }

    pub(crate) fn end(&self, used: Use, identity: &Identity) {
        if self.is_due(self.key(identity).unwrap_or(used.text)) {
            self.tell(used, identity);
        }
    }

    /// Both at once.
    pub(crate) fn note(&self, token: &str, parts: &Parts, identity: &Identity) {
        if self.is_due(self.key(identity).unwrap_or_else(|| self.key_of_text(token))) {
            self.tell(self.begin(token, parts), identity);
        }
    }

    fn tell(&self, Use { remote, method, path, .. }: Use, identity: &Identity) {
        let (identity, at) = (identity.clone(), self.clock.now());
        (self.tell)(UsageEvent { identity, at, remote, method, path });
    }

    /// Of the name of a token: its holder may have any number of texts for it, with a label before a
    /// handle or encrypted anew.
    fn key(&self, identity: &Identity) -> Option<u64> {
        identity.token_id().map(|id| self.seen.hasher.hash_one((identity.issuer(), id)))
    }

    /// Of the end of a token, where those of one issuer differ.
    fn key_of_text(&self, token: &str) -> u64 {
        let end = token.len().saturating_sub(64);
        self.seen.hasher.hash_one(token.as_bytes().get(end..))
    }

    fn is_due(&self, token: u64) -> bool {
        let now = self.clock.monotonic();
        let recent = |last: &Duration| now.saturating_sub(*last) < self.every;
        let mut seen = self.seen.last.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&token).is_some_and(recent) {
            return false;
        }
        if seen.len() >= MOST_SEEN && !seen.contains_key(&token) {
            // to look at all of them takes long, and every request would wait for it
            let mut swept_at = self.seen.swept_at.lock().unwrap_or_else(PoisonError::into_inner);
            if swept_at.is_some_and(|at| now.saturating_sub(at) < PAUSE) {
                return false;
            }
            *swept_at = Some(now);
            seen.retain(|_, last| recent(last));
            if seen.len() >= MOST_SEEN {
                return false;
            }
        }
        seen.insert(token, now);
        true
    }
}

/// A use of a token that is still being judged.
pub(crate) struct Use {
    text: u64,
    remote: Option<SocketAddr>,
    method: Method,
    path: Box<str>,
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Usage").field("every", &self.every).finish_non_exhaustive()
    }
}

const MOST_SEEN: usize = 100_000;
/// So long nobody looks for old ones again.
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
