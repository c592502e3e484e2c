//! What was asked, how it went, and when it may be asked again.

use std::time::Duration;

use tokio::sync::watch;

use super::load::Purpose;
use crate::{
    error::{AuthError, AuthErrorKind},
    fetch::{Backoff, Failure},
};

/// Decides whether a fetch may start. It is asked only where the keys at hand do not settle a
/// request.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    flight: Option<Ticket>,
    backoff: Backoff,
    /// When the last forced fetch began, however it went.
    forced_at: Option<Duration>,
    /// Since when the issuer answers with no usable key.
    pub(super) empty_since: Option<Duration>,
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
        if let Some(error) = self.backoff.holds(now) {
            return Err(Boarding::BackingOff(error));
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
        let error = AuthError::new(AuthErrorKind::IssuerUnreachable).with_detail(failure);
        self.backoff.fail(error, failure.retry_after, now)
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.backoff.has_failed()
    }

    /// The verdict on a `kid` that is not there and for which nothing may be asked now.
    pub(super) fn judge(&self, unknown: AuthError, now: Duration, cooldown: Duration) -> AuthError {
        self.backoff.error(now, self.cool_at(cooldown)).unwrap_or(unknown)
    }

    fn cool_at(&self, cooldown: Duration) -> Duration {
        self.forced_at.map_or(Duration::ZERO, |forced_at| forced_at.saturating_add(cooldown))
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
