//! How long what a key proved may be remembered.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A deadline on the monotonic clock that its owner can move or end.
///
/// A key source gives one with each key; every identity that the key verified holds it, also in a
/// cache. When the key leaves its set the source ends the lease, and no cached identity outlives
/// it. One atomic load to ask.
#[derive(Clone)]
pub struct Lease(Arc<AtomicU64>);

impl Lease {
    /// A lease until the given reading of the monotonic clock.
    #[must_use]
    pub fn until(monotonic: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(nanos(monotonic))))
    }

    /// Moves the deadline. An ended lease stays ended.
    pub fn extend(&self, until: Duration) {
        let until = nanos(until);
        // an ended lease is 0 and never comes back; a failed update says so, and nothing is to do
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (now != 0).then_some(until.max(1))
        });
    }

    /// Ends it now and for ever.
    pub fn end(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Whether it still runs at this reading of the monotonic clock.
    #[must_use]
    pub fn is_live(&self, monotonic: Duration) -> bool {
        nanos(monotonic) < self.0.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({:?})", Duration::from_nanos(self.0.load(Ordering::Acquire)))
    }
}

/// Nanoseconds; saturating.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_lease_stays_ended() {
        let lease = Lease::until(Duration::from_secs(10));
        assert!(lease.is_live(Duration::from_secs(9)));
        assert!(!lease.is_live(Duration::from_secs(10)));
        lease.extend(Duration::from_secs(20));
        assert!(lease.is_live(Duration::from_secs(19)));
        lease.clone().end();
        lease.extend(Duration::MAX);
        assert!(!lease.is_live(Duration::ZERO));
    }
}
