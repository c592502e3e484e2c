//! The only source of time.
//!
//! 1. The wall clock judges what a credential says about itself (`exp`, `nbf`, `iat`).
//! 2. The monotonic clock judges ages (of keys, of cached answers), so that setting the wall clock
//!    back keeps nothing alive.
//! 3. Tests share one `ManualClock` (feature `testing`) with everything they build; nothing sleeps.

use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Tells the time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell the time: implement `Clock` for it"
)]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock.
    fn now(&self) -> UnixTime;

    /// Time since some fixed moment; it never goes back.
    fn monotonic(&self) -> Duration;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> UnixTime {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        SystemTime::now().into()
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// A moment: nanoseconds since 1970-01-01 UTC, without leap seconds (the `NumericDate` of
/// RFC 7519 §2). What lies before is 0, what lies after the year 2554 is [`MAX`](Self::MAX), so
/// that no arithmetic on it wraps.
///
/// ```
/// use portcullis::UnixTime;
/// assert_eq!(UnixTime::from_secs(1_700_000_000).to_string(), "2023-11-14T22:13:20Z");
/// assert_eq!(UnixTime::MAX + std::time::Duration::from_secs(60), UnixTime::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The latest moment that can be told: "for ever".
    pub const MAX: Self = Self(u64::MAX);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// A moment by whole seconds; saturating.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(NANOS))
    }

    /// A moment by seconds with a fraction; saturating, NaN is 0.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Self {
        // `as` saturates: negative and NaN become 0, too large becomes MAX
        let whole = seconds.trunc();
        let fraction = ((seconds - whole) * NANOS as f64) as u64;
        Self((whole as u64).saturating_mul(NANOS).saturating_add(fraction))
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / NANOS
    }

    /// Time from `earlier` until this moment; zero if it lies before.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// `10:05:00Z`: the time of day alone.
    #[must_use]
    pub fn time_of_day(self) -> String {
        let second = self.as_secs() % DAY;
        format!("{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
    }

    /// Both lie on one day (UTC).
    #[must_use]
    pub const fn same_day(self, other: Self) -> bool {
        self.as_secs() / DAY == other.as_secs() / DAY
    }
}

impl std::ops::Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl std::ops::Sub<Duration> for UnixTime {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        Self::EPOCH + time.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl From<UnixTime> for SystemTime {
    fn from(time: UnixTime) -> Self {
        UNIX_EPOCH + Duration::from_nanos(time.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = i64::try_from(self.as_secs() / DAY).unwrap_or(i64::MAX);
        let (year, month, day) = civil_from_days(days);
        write!(f, "{year:04}-{month:02}-{day:02}T{}", self.time_of_day())
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Days since 1970-01-01 to year, month, day: "chrono-compatible low-level date algorithms",
/// Howard Hinnant, `civil_from_days`.
pub(crate) const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

const NANOS: u64 = 1_000_000_000;
const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_wraps() {
        for (seconds, expected) in [
            (-1.0, UnixTime::EPOCH),
            (f64::NAN, UnixTime::EPOCH),
            (1e308, UnixTime::MAX),
            (f64::INFINITY, UnixTime::MAX),
            (9.3e18, UnixTime::MAX),
            (0.5, UnixTime(NANOS / 2)),
            (1_700_000_000.5, UnixTime(1_700_000_000_500_000_000)),
        ] {
            assert_eq!(UnixTime::from_secs_f64(seconds), expected, "{seconds}");
        }
        assert_eq!(UnixTime::from_secs(u64::MAX), UnixTime::MAX);
        assert_eq!(UnixTime::EPOCH - Duration::from_secs(1), UnixTime::EPOCH);
        assert_eq!(UnixTime::MAX + Duration::MAX, UnixTime::MAX);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_618_354_090, "2021-04-13T22:48:10Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(UnixTime::from_secs(seconds).to_string(), text);
        }
    }
}
