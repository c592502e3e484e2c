//! A clock that stands still until it is told otherwise.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::clock::{Clock, UnixTime};

/// A clock that moves only when it is told to. A clone is the same clock.
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Clock, testing::ManualClock};
///
/// let clock = ManualClock::new();
/// let start = clock.monotonic();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-01-01T00:01:30Z");
/// assert_eq!(clock.monotonic() - start, Duration::from_secs(90));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<Readings>>);

#[derive(Clone, Copy)]
struct Readings {
    wall: UnixTime,
    monotonic: Duration,
}

impl ManualClock {
    /// A clock at 2026-01-01T00:00:00Z, which has been running for one hour.
    #[must_use]
    pub fn new() -> Self {
        Self::at(UnixTime::from_secs(1_767_225_600))
    }

    /// A clock at this moment, which has been running for one hour.
    #[must_use]
    pub fn at(wall: UnixTime) -> Self {
        Self(Arc::new(Mutex::new(Readings { wall, monotonic: Duration::from_secs(3600) })))
    }

    /// Lets time pass, on both clocks.
    pub fn advance(&self, duration: Duration) {
        let mut readings = self.lock();
        readings.wall = readings.wall + duration;
        readings.monotonic = readings.monotonic.saturating_add(duration);
    }

    /// Sets the wall clock, forwards or backwards, as an operator does. No time passes.
    pub fn set_wall(&self, wall: UnixTime) {
        self.lock().wall = wall;
    }

    fn lock(&self) -> MutexGuard<'_, Readings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        self.lock().wall
    }

    fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Readings { wall, monotonic } = *self.lock();
        write!(f, "ManualClock({wall}, running for {monotonic:?})")
    }
}
