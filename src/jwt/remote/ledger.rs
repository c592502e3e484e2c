//! What was asked, how it went, and when it may be asked again.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::sync::watch;

use super::load::{Failure, Purpose};
use crate::error::{AuthError, AuthErrorKind};

/// Decides whether a fetch may start. It is asked only where the keys at hand do not settle a
/// request.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    flight: Option<Ticket>,
    /// The last fetch failed.
    failed: Option<Failed>,
    /// How many in a row.
    failures: u32,
    /// When the last forced fetch began, however it went.
    forced_at: Option<Duration>,
    /// Since when the issuer answers with no usable key.
    pub(super) empty_since: Option<Duration>,
}

#[derive(Debug)]
struct Failed {
    error: AuthError,
    retry_at: Duration,
}

/// A place among those who wait for a fetch.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    stage: watch::Receiver<Stage>,
    /// The generation of the snapshot that it will replace.
    pub(super) generation: u64,
    /// The answer comes from the issuer as it is now: the last word on an unknown `kid`.
    pub(super) thorough: bool,
}

/// How far a fetch is.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    Flying,
    /// It takes longer than a request with a stale key should wait.
    Late,
    Landed(Result<(), AuthError>),
}

/// The answer to who wants a fetch.
#[derive(Debug)]
pub(super) enum Boarding {
    /// There is a newer snapshot than the caller looked at.
    Again,
    /// The last fetch failed, and it is too early for another.
    BackingOff(AuthError),
    /// The last forced fetch is too recent.
    CoolingDown,
    /// A fetch was on its way.
    Flying(Ticket),
    /// A fetch was started.
    Started(Ticket),
}

impl Ledger {
    /// Whether a fetch may start now; if not, the answer to who wants it.
    pub(super) fn clear(
        &self,
        purpose: Purpose,
        now: Duration,
        cooldown: Duration,
    ) -> Result<(), Boarding> {
        if let Some(ticket) = &self.flight {
            return Err(Boarding::Flying(ticket.clone()));
        }
        if purpose == Purpose::Reload {
            return Ok(());
        }
        if let Some(failed) = self.failed.as_ref().filter(|failed| now < failed.retry_at) {
            return Err(Boarding::BackingOff(failed.at(now, failed.retry_at)));
        }
        if purpose == Purpose::Forced && now < self.cool_at(cooldown) {
            return Err(Boarding::CoolingDown);
        }
        Ok(())
    }

    pub(super) fn start(&mut self, purpose: Purpose, now: Duration, ticket: &Ticket) {
        if purpose == Purpose::Forced {
            self.forced_at = Some(now);
        }
        self.flight = Some(ticket.clone());
    }

    pub(super) fn succeed(&mut self) {
        *self = Self { forced_at: self.forced_at, ..Self::default() };
    }

    pub(super) fn fail(&mut self, failure: &Failure, now: Duration) -> AuthError {
        self.flight = None;
        let doubled = FIRST_WAIT.saturating_mul(1 << self.failures.min(16));
        let heard = failure.retry_after.unwrap_or_default().min(LONGEST_WAIT);
        let wait = jittered(doubled.min(LONGEST_WAIT), now).max(heard);
        self.failures = self.failures.saturating_add(1);
        let error = AuthError::new(AuthErrorKind::IssuerUnreachable).with_detail(failure);
        let failed = Failed { error, retry_at: now.saturating_add(wait) };
        let error = failed.at(now, failed.retry_at);
        self.failed = Some(failed);
        error
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// The verdict on a `kid` that is not there and for which nothing may be asked now.
    pub(super) fn judge(&self, unknown: AuthError, now: Duration, cooldown: Duration) -> AuthError {
        match &self.failed {
            Some(failed) => failed.at(now, failed.retry_at.max(self.cool_at(cooldown))),
            None => unknown,
        }
    }

    fn cool_at(&self, cooldown: Duration) -> Duration {
        self.forced_at.map_or(Duration::ZERO, |forced_at| forced_at.saturating_add(cooldown))
    }
}

impl Failed {
    fn at(&self, now: Duration, retry_at: Duration) -> AuthError {
        self.error.clone().with_retry_after(retry_at.saturating_sub(now))
    }
}

impl Ticket {
    pub(super) fn new(generation: u64, thorough: bool) -> (watch::Sender<Stage>, Self) {
        let (sender, stage) = watch::channel(Stage::Flying);
        (sender, Self { stage, generation, thorough })
    }

    pub(super) fn is_flying(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Flying)
    }

    /// Waits until the fetch is over or, if so told, takes too long.
    pub(super) async fn wait(&mut self, patience: Patience) {
        let enough = |stage: &Stage| match stage {
            Stage::Flying => false,
            Stage::Late => patience == Patience::Short,
            Stage::Landed(_) => true,
        };
        // an error means that the sender is gone, and it has landed before it went
        let _ = self.stage.wait_for(enough).await;
    }

    /// Waits for the end, and says how it went.
    pub(super) async fn outcome(&mut self) -> Result<(), AuthError> {
        self.wait(Patience::Long).await;
        match &*self.stage.borrow() {
            Stage::Landed(outcome) => outcome.clone(),
            Stage::Flying | Stage::Late => Err(AuthErrorKind::IssuerUnreachable.into()),
        }
    }
}

/// How long to wait for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// To its end.
    Long,
    /// Until it is late.
    Short,
}

/// Up to a fifth less, so that many services do not come back in one moment.
fn jittered(wait: Duration, now: Duration) -> Duration {
    let random = u32::try_from(RandomState::new().hash_one(now) % 1024).unwrap_or_default();
    wait - wait / 5 * random / 1024
}

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_is_never_longer() {
        let mut ledger = Ledger::default();
        let now = Duration::from_secs(100);
        for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
            ledger.fail(&Failure::new("down"), now);
            let wait = ledger.failed.as_ref().unwrap().retry_at - now;
            let longest = Duration::from_secs(seconds);
            assert!(wait <= longest && wait >= longest / 5 * 4, "{wait:?} of {seconds}");
        }
        ledger.succeed();
        assert!(ledger.clear(Purpose::Regular, now, Duration::ZERO).is_ok());
        let error = ledger.fail(&Failure::new("down"), now);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)), "it starts anew");
    }

    #[test]
    fn the_issuer_may_ask_for_a_longer_wait_up_to_the_limit() {
        for (asked, heard) in [(0, 1), (7, 7), (30, 30), (3600, 30)] {
            let failure =
                Failure { retry_after: Some(Duration::from_secs(asked)), ..Failure::new("busy") };
            let error = Ledger::default().fail(&failure, Duration::ZERO);
            assert_eq!(error.retry_after(), Some(Duration::from_secs(heard)), "{asked}");
        }
    }
}
