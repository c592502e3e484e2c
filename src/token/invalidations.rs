//! What was forgotten while somebody was finding it out.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use super::refused::Fingerprint;
use crate::principal::Identity;

/// The last invalidations, so that an answer which was on its way knows whether it still counts.
#[derive(Default)]
pub(super) struct Invalidations(RwLock<Log>);

#[derive(Default)]
struct Log {
    /// How many there ever were.
    count: u64,
    /// The last of them.
    recent: VecDeque<Concern>,
}

enum Concern {
    Identities(Arc<dyn Fn(&Identity) -> bool + Send + Sync>),
    Token(Fingerprint),
}

/// The moment at which a question was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since(u64);

impl Invalidations {
    pub(super) fn now(&self) -> Since {
        Since(self.0.read().unwrap_or_else(PoisonError::into_inner).count)
    }

    /// `remove` takes out what is remembered of the token.
    pub(super) fn of_token(&self, token: Fingerprint, remove: impl FnOnce()) {
        self.write().add(Concern::Token(token));
        // whoever put something in before that is found; whoever comes after knows of it
        remove();
    }

    /// `remove` takes out what is remembered of the identities.
    pub(super) fn of_identities(
        &self,
        concerns: Arc<dyn Fn(&Identity) -> bool + Send + Sync>,
        remove: impl FnOnce(&dyn Fn(&Identity) -> bool),
    ) {
        self.write().add(Concern::Identities(Arc::clone(&concerns)));
        remove(&*concerns);
    }

    /// Inserts the answer to a question that was asked then, unless it was invalidated since; says
    /// whether it did.
    pub(super) fn unless(
        &self,
        since: Since,
        token: impl Fn() -> Fingerprint,
        identity: &Identity,
        insert: impl FnOnce(),
    ) -> bool {
        let log = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let missed = usize::try_from(log.count.saturating_sub(since.0)).unwrap_or(usize::MAX);
        let overtaken = missed > log.recent.len()
            || log.recent.iter().rev().take(missed).any(|concern| match concern {
                Concern::Identities(concerns) => concerns(identity),
                Concern::Token(invalidated) => *invalidated == token(),
            });
        if !overtaken {
            insert();
        }
        !overtaken
    }

    fn write(&self) -> RwLockWriteGuard<'_, Log> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn add(&mut self, concern: Concern) {
        self.count = self.count.saturating_add(1);
        self.recent.push_back(concern);
        if self.recent.len() > MOST_RECENT {
            self.recent.pop_front();
        }
    }
}

/// Whoever missed more than that asks anew.
const MOST_RECENT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_before_is_told_and_who_asks_after_is_not() {
        let log = Invalidations::default();
        let alice = Identity::builder("i").subject("alice").build();
        let bob = Identity::builder("i").subject("bob").build();
        let keeps = |since, token: u8, identity: &Identity| {
            let mut inserted = false;
            let kept = log.unless(since, || [token; 32], identity, || inserted = true);
            assert_eq!(kept, inserted);
            kept
        };
        let before = log.now();
        log.of_token([1; 32], || {});
        log.of_identities(Arc::new(|identity| identity.subject() == Some("alice")), |_| {});
        assert!(!keeps(before, 1, &bob) && !keeps(before, 2, &alice) && keeps(before, 2, &bob));
        assert!(keeps(log.now(), 1, &alice));

        for _ in 0..MOST_RECENT - 1 {
            log.of_token([3; 32], || {});
        }
        assert!(!keeps(before, 2, &bob), "more than it remembers: it may have been concerned");
    }
}
