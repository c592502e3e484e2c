//! Finding a key, with as little waiting as the rules allow.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use super::{
    flight::Shared,
    ledger::{Boarding, Patience, Ticket},
    load::Purpose,
    snapshot::{Lookup, Snapshot},
};
use crate::{
    attempt::Attempt,
    error::{AuthError, AuthErrorKind},
    jwt::{Algorithm, FoundKeys, KeySource},
};

/// The keys that an issuer publishes, fetched when they are needed. A clone shares them.
///
/// The rules:
///
/// 1. Nothing is asked before the first request. Then one fetch at a time runs, in its own task:
///    who waits shares it, and a caller that goes away cancels nothing.
/// 2. A key set is fresh for 10 minutes, or for the `max-age` of its answer, held between 1 minute
///    and 24 hours. At 80 % of that a request starts the next fetch and does not wait for it. Past it
///    a request waits at most 1 s from the start of the fetch, then known keys serve on, for up to
///    24 hours in all.
/// 3. An unknown `kid` makes one forced fetch (`Cache-Control: no-cache`), at most one per 30 s,
///    failed ones counted. Inside that time it is `UnknownKey` if the last fetch succeeded, and
///    undecidable if it failed. A `kid` that such a fetch did not find is not looked for again before
///    the next fetch succeeds, or for one minute. A bad signature fetches nothing.
/// 4. After a failed fetch the next one waits 1 s, then twice as long each time up to 30 s, less up
///    to a fifth at random; a `Retry-After` in seconds is heard up to 30 s. Until then what needs a
///    fetch is undecidable at once, and known keys serve.
/// 5. A key that is gone from a fetched set verifies nothing from that moment, and what it verified
///    before is forgotten ([`Lease`](crate::Lease)). A key of the same name is another key.
/// 6. A set without a usable key, after a good one, counts as a failed fetch until the issuer has
///    answered so for one [`ttl`](super::RemoteKeysBuilder::ttl); then, or at
///    [`reload`](Self::reload), it is believed.
/// 7. Metadata is believed only if its `issuer` is exactly the configured one (RFC 8414 §3.3, OpenID
///    Connect Discovery §4.3). It is read again with each regular fetch and after each failed one;
///    keys and `jwks_uri` change together or not at all.
/// 8. Documents are at most 1 MiB and 100 keys, strict JSON, from https, by status 200 alone; no
///    redirect is followed. Secrets, private keys and two keys of one `kid` and `kty` are left out,
///    and so is what is no key; the others stay.
///
/// This does NOT check where a name leads to (an address in a private network), and builds no URL
/// from anything in a token.
///
/// ```
/// # #[cfg(feature = "fetch")] {
/// use std::time::Duration;
/// use portcullis::jwt::{KeyLocation, RemoteKeys};
///
/// let keys = RemoteKeys::discover("https://login.example")?; // nothing is asked yet
/// assert!(!keys.is_ready());
///
/// let keys = RemoteKeys::builder(KeyLocation::jwks_url("https://login.example/keys"))
///     .refetch_cooldown(Duration::from_secs(10))
///     .build()?;
/// # let _ = keys;
/// # }
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone)]
pub struct RemoteKeys {
    shared: Arc<Shared>,
    missing: Arc<Missing>,
}

impl RemoteKeys {
    /// Whether there are keys to verify with, for a readiness probe. It asks nobody.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let snapshot = self.shared.snapshot();
        snapshot.has_keys() && snapshot.is_usable(self.shared.clock.monotonic())
    }

    /// Fetches the keys if there are none, so that the first request need not. To be awaited at
    /// start, or not at all.
    ///
    /// # Errors
    /// The issuer could not be asked. Requests will ask again.
    pub async fn warm_up(&self) -> Result<(), AuthError> {
        loop {
            let now = self.shared.clock.monotonic();
            let (generation, usable) = {
                let snapshot = self.shared.snapshot();
                (snapshot.generation, snapshot.is_usable(now))
            };
            if usable {
                return Ok(());
            }
            match self.shared.board(Purpose::Regular, generation, now) {
                Boarding::Flying(mut ticket) | Boarding::Started(mut ticket) => {
                    return ticket.outcome().await;
                }
                Boarding::BackingOff(error) => return Err(error),
                Boarding::Again | Boarding::CoolingDown => {}
            }
        }
    }

    /// Fetches everything anew, whatever is known and however recently it was asked for. What the
    /// issuer took out of its set verifies nothing from then on, also if that leaves none.
    ///
    /// # Errors
    /// The issuer could not be asked. The known keys stay.
    pub async fn reload(&self) -> Result<(), AuthError> {
        loop {
            let now = self.shared.clock.monotonic();
            let generation = self.shared.snapshot().generation;
            match self.shared.board(Purpose::Reload, generation, now) {
                Boarding::Started(mut ticket) => return ticket.outcome().await,
                // it may have been asked before the key was withdrawn
                Boarding::Flying(mut ticket) => ticket.wait(Patience::Long).await,
                Boarding::BackingOff(error) => return Err(error),
                Boarding::Again | Boarding::CoolingDown => {}
            }
        }
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), missing: Arc::new(Missing::new()) }
    }

    /// Decides, or says which fetch to wait for. `waited` is the one that was waited for last.
    fn step(&self, kid: Option<&str>, algorithm: Algorithm, waited: Option<&Ticket>) -> Step {
        loop {
            let now = self.shared.clock.monotonic();
            let snapshot = Arc::clone(&self.shared.snapshot());
            let step = if !snapshot.is_usable(now) {
                self.without_keys(&snapshot, now)
            } else {
                match snapshot.find(kid, algorithm) {
                    Lookup::Found(keys) => self.found(keys, &snapshot, now),
                    Lookup::Unknown(error) => self.unknown(kid, error, &snapshot, now, waited),
                    Lookup::Useless(error) => Some(Step::Done(Err(error))),
                }
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn without_keys(&self, snapshot: &Snapshot, now: Duration) -> Option<Step> {
        match self.shared.board(Purpose::Regular, snapshot.generation, now) {
            Boarding::Flying(ticket) | Boarding::Started(ticket) => {
                Some(Step::Wait(ticket, Patience::Long))
            }
            Boarding::BackingOff(error) => Some(Step::Done(Err(error))),
            Boarding::Again | Boarding::CoolingDown => None,
        }
    }

    fn found(&self, keys: FoundKeys, snapshot: &Snapshot, now: Duration) -> Option<Step> {
        if now < snapshot.refresh_at {
            return Some(Step::Done(Ok(keys)));
        }
        let boarding = self.shared.board(Purpose::Regular, snapshot.generation, now);
        // what such a key verifies is soon verified again, with the newer set
        let keys = fresh_until(keys, now.saturating_add(SOON));
        match boarding {
            Boarding::Again => None,
            Boarding::Flying(ticket) | Boarding::Started(ticket)
                if now >= snapshot.expires_at && ticket.is_flying() =>
            {
                Some(Step::Wait(ticket, Patience::Short))
            }
            _ => Some(Step::Done(Ok(keys))),
        }
    }

    fn unknown(
        &self,
        kid: Option<&str>,
        error: AuthError,
        snapshot: &Snapshot,
        now: Duration,
        waited: Option<&Ticket>,
    ) -> Option<Step> {
        if kid.is_some_and(|kid| kid.len() > LONGEST_KID) {
            return Some(Step::Done(Err(error)));
        }
        let asked =
            waited.is_some_and(|ticket| ticket.thorough && ticket.generation < snapshot.generation);
        if asked {
            // where every key is missing, the next token may well bring them back
            if snapshot.has_keys() {
                self.missing.add(kid, snapshot.generation, now);
            }
            return Some(Step::Done(Err(error)));
        }
        if !self.missing.has(kid, snapshot.generation, now) {
            match self.shared.board(Purpose::Forced, snapshot.generation, now) {
                Boarding::Flying(ticket) | Boarding::Started(ticket) => {
                    return Some(Step::Wait(ticket, Patience::Long));
                }
                Boarding::Again => return None,
                Boarding::BackingOff(_) | Boarding::CoolingDown => {}
            }
        }
        let error = self.shared.ledger().judge(error, now, self.shared.limits.cooldown);
        Some(Step::Done(Err(error)))
    }

    async fn wait(
        self,
        kid: Option<Box<str>>,
        algorithm: Algorithm,
        mut ticket: Ticket,
        mut patience: Patience,
    ) -> Result<FoundKeys, AuthError> {
        for _ in 0..MOST_WAITS {
            ticket.wait(patience).await;
            match self.step(kid.as_deref(), algorithm, Some(&ticket)) {
                Step::Done(answer) => return answer,
                Step::Wait(next, longer) => (ticket, patience) = (next, longer),
            }
        }
        Err(AuthErrorKind::IssuerUnreachable.into())
    }
}

impl KeySource for RemoteKeys {
    fn find(&self, kid: Option<&str>, alg: Algorithm) -> Attempt<Result<FoundKeys, AuthError>> {
        {
            let snapshot = self.shared.snapshot();
            if self.shared.clock.monotonic() < snapshot.refresh_at
                && let Lookup::Found(keys) = snapshot.find(kid, alg)
            {
                return Attempt::ready(Ok(keys));
            }
        }
        match self.step(kid, alg, None) {
            Step::Done(answer) => Attempt::ready(answer),
            Step::Wait(ticket, patience) => {
                let kid = kid.map(Into::into);
                Attempt::pending(self.clone().wait(kid, alg, ticket, patience))
            }
        }
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // one look, its guard gone before the next: a reader that waits behind a writer that waits
        // behind this reader would wait for ever
        let keys = self.shared.snapshot().count();
        let ready = self.is_ready();
        f.debug_struct("RemoteKeys")
            .field("location", &format_args!("{}", self.shared.source.origin.location))
            .field("keys", &keys)
            .field("ready", &ready)
            .finish_non_exhaustive()
    }
}

enum Step {
    Done(Result<FoundKeys, AuthError>),
    Wait(Ticket, Patience),
}

/// The `kid`s that a fetch did not find, so that a client which goes on with a dead token does not
/// make a fetch each time the cooldown is over. Bounded, and by hash: a stranger chooses the names.
struct Missing {
    known: moka::sync::Cache<u64, (u64, Duration)>,
    hasher: RandomState,
}

impl Missing {
    fn new() -> Self {
        Self { known: moka::sync::Cache::new(MOST_MISSING), hasher: RandomState::new() }
    }

    fn add(&self, kid: Option<&str>, generation: u64, now: Duration) {
        if let Some(kid) = kid {
            self.known.insert(self.hasher.hash_one(kid), (generation, now));
        }
    }

    /// What an earlier generation lacked says nothing about this one.
    fn has(&self, kid: Option<&str>, generation: u64, now: Duration) -> bool {
        let Some(kid) = kid else { return false };
        self.known.get(&self.hasher.hash_one(kid)).is_some_and(|(lacking, since)| {
            lacking == generation && now.saturating_sub(since) < MISSING_FOR
        })
    }
}

fn fresh_until(keys: FoundKeys, until: Duration) -> FoundKeys {
    match keys {
        FoundKeys::One(key) => FoundKeys::One(key.with_fresh_until(until)),
        FoundKeys::Several(keys) => {
            FoundKeys::Several(keys.into_iter().map(|key| key.with_fresh_until(until)).collect())
        }
    }
}

/// A longer name is nobody's; it is not looked for.
const LONGEST_KID: usize = 256;
const MOST_MISSING: u64 = 10_000;
/// An issuer may begin to sign with a key a moment before it publishes it.
const MISSING_FOR: Duration = Duration::from_secs(60);
/// A fetch that was on its way, a forced one, and one more should both have come to nothing.
const MOST_WAITS: usize = 3;
const SOON: Duration = Duration::from_secs(1);
