//! One fetch in its own task.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, time::timeout};

use super::{
    ledger::{Boarding, Ledger, Stage, Ticket},
    load::{Loaded, Purpose, Source},
    snapshot::{Lifetime, Snapshot},
};
use crate::{
    clock::Clock,
    error::{AuthError, AuthErrorKind},
    fetch::Failure,
};

/// The key set, and the one fetch at a time that renews it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) source: Source,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    /// Read on every request; written once per fetch, for as long as a pointer takes.
    snapshot: RwLock<Arc<Snapshot>>,
    ledger: Mutex<Ledger>,
}

/// How old things may get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) cooldown: Duration,
    pub(super) max_stale: Duration,
    pub(super) timeout: Duration,
    pub(super) tries: usize,
    pub(super) ttl: Duration,
}

impl Shared {
    pub(super) fn new(source: Source, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let snapshot = RwLock::new(Arc::new(Snapshot::nothing()));
        Self { source, clock, limits, snapshot, ledger: Mutex::default() }
    }

    pub(super) fn snapshot(&self) -> RwLockReadGuard<'_, Arc<Snapshot>> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the fetch that is on its way, or starts one. `generation` is that of the snapshot which
    /// made the caller want it.
    pub(super) fn board(
        self: &Arc<Self>,
        mut purpose: Purpose,
        generation: u64,
        now: Duration,
    ) -> Boarding {
        let mut ledger = self.ledger();
        let last = Arc::clone(&self.snapshot());
        if last.generation != generation {
            return Boarding::Again;
        }
        let cooldown = self.limits.cooldown;
        let mut clearance = ledger.clear(purpose, now, cooldown);
        if matches!(clearance, Err(Boarding::CoolingDown)) && now >= last.refresh_at {
            purpose = Purpose::Regular; // due anyway
            clearance = ledger.clear(purpose, now, cooldown);
        }
        if let Err(boarding) = clearance {
            return boarding;
        }
        let Ok(runtime) = Handle::try_current() else {
            let error = AuthError::new(AuthErrorKind::IssuerUnreachable)
                .with_detail("keys are fetched in a tokio task, and no tokio runtime runs here");
            return Boarding::BackingOff(error);
        };
        let thorough = purpose != Purpose::Regular || !last.is_usable(now);
        let (sender, ticket) = Ticket::new(generation, thorough);
        ledger.start(purpose, now, &ticket);
        let after_failure = ledger.has_failed();
        drop(ledger);
        let shared = Some(Arc::clone(self));
        let flight = Flight { shared, purpose, thorough, started: now, sender };
        runtime.spawn(flight.fly(last, after_failure));
        Boarding::Started(ticket)
    }

    /// Takes in what a fetch brought.
    fn land(
        &self,
        purpose: Purpose,
        started: Duration,
        outcome: Result<Loaded, Failure>,
    ) -> Result<(), AuthError> {
        let mut ledger = self.ledger();
        let now = self.clock.monotonic();
        let last = Arc::clone(&self.snapshot());
        let outcome = outcome.and_then(|loaded| {
            self.weigh(&mut ledger, &last, purpose, now, &loaded).map(|()| loaded)
        });
        let loaded = match outcome {
            Ok(loaded) => loaded,
            Err(failure) => {
                let keys = last.count();
                tracing::warn!(target: "portcullis::keys", %failure, keys, "no new keys");
                return Err(ledger.fail(&failure, now));
            }
        };
        let fresh = loaded.max_age.map_or(self.limits.ttl, |age| age.clamp(SHORTEST, LONGEST));
        let max_stale = self.limits.max_stale;
        let lifetime = Lifetime { fetched_at: started, fresh: fresh.min(max_stale), max_stale };
        let unchanged = loaded.keys.is_none();
        let (next, gone) = last.followed_by(loaded, lifetime, self.limits.tries);
        let (keys, removed) = (next.count(), gone.len());
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        for lease in gone {
            lease.end();
        }
        ledger.succeed();
        tracing::debug!(
            target: "portcullis::keys", keys, removed, unchanged, ?fresh, ?purpose, "keys fetched",
        );
        Ok(())
    }

    /// Whether the answer is believed: one without a usable key only if it stays so.
    fn weigh(
        &self,
        ledger: &mut Ledger,
        last: &Snapshot,
        purpose: Purpose,
        now: Duration,
        loaded: &Loaded,
    ) -> Result<(), Failure> {
        let is_empty = loaded.keys.as_ref().is_some_and(Vec::is_empty);
        if !is_empty || (last.generation > 0 && !last.has_keys()) {
            return Ok(());
        }
        let since = *ledger.empty_since.get_or_insert(now);
        let confirmed = now.saturating_sub(since) >= self.limits.ttl;
        if last.has_keys() && (confirmed || purpose == Purpose::Reload) {
            tracing::error!(
                target: "portcullis::keys",
                "the issuer has no usable key any more; the known keys are dropped",
            );
            return Ok(());
        }
        Err(Failure::new("the set holds no usable key; the known keys are kept for now"))
    }
}

/// Lands in any case: when it is dropped before it arrived (a panic, the end of the runtime) it has
/// failed.
struct Flight {
    shared: Option<Arc<Shared>>,
    purpose: Purpose,
    thorough: bool,
    started: Duration,
    sender: watch::Sender<Stage>,
}

impl Flight {
    async fn fly(mut self, last: Arc<Snapshot>, after_failure: bool) {
        let Some(shared) = self.shared.clone() else { return };
        let total = shared.limits.timeout;
        let mut load = pin!(shared.source.load(
            self.purpose,
            last.known(self.started, self.thorough),
            after_failure
        ));
        let outcome = match timeout(PATIENCE.min(total), load.as_mut()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.sender.send_replace(Stage::Late);
                let late = Failure::new(format!("no answer within {total:?}"));
                let rest = total.saturating_sub(PATIENCE);
                timeout(rest, load).await.unwrap_or(Err(late))
            }
        };
        self.land(outcome);
    }

    fn land(&mut self, outcome: Result<Loaded, Failure>) {
        if let Some(shared) = self.shared.take() {
            let outcome = shared.land(self.purpose, self.started, outcome);
            self.sender.send_replace(Stage::Landed(outcome));
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.land(Err(Failure::new("the fetch ended without an answer")));
    }
}

/// How long a request with a stale key waits, from the start of the fetch.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between these an issuer's `max-age` is heard.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;

    use super::*;
    use crate::{
        clock::SystemClock,
        fetch::{Fetch, FetchFuture, Location, Origin},
    };

    #[derive(Debug)]
    struct Silent;

    impl Fetch for Silent {
        fn fetch(&self, _: Request<Bytes>, _: usize) -> FetchFuture {
            Box::pin(std::future::pending())
        }
    }

    /// Between the look at the snapshot and the lock another fetch may have landed.
    #[tokio::test]
    async fn who_looked_at_an_older_snapshot_looks_again_and_fetches_nothing() {
        let url = "https://issuer.test/jwks";
        let origin = Origin {
            fetch: Arc::new(Silent),
            location: Location::Url(url.to_owned()),
            url: url.parse().unwrap(),
            any_http: false,
            max_bytes: 1024,
        };
        let source = Source { origin, max_keys: 1 };
        let second = Duration::from_secs(1);
        let limits =
            Limits { cooldown: second, max_stale: second, timeout: second, tries: 1, ttl: second };
        let shared = Arc::new(Shared::new(source, Arc::new(SystemClock), limits));
        for purpose in [Purpose::Forced, Purpose::Regular, Purpose::Reload] {
            assert!(matches!(shared.board(purpose, 7, Duration::ZERO), Boarding::Again));
        }
        let started = shared.board(Purpose::Regular, 0, Duration::ZERO);
        assert!(matches!(started, Boarding::Started(_)));
        let joined = shared.board(Purpose::Forced, 0, Duration::ZERO);
        assert!(matches!(joined, Boarding::Flying(_)));
    }
}
