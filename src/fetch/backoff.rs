//! When an issuer that failed may be asked again.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use crate::error::AuthError;

/// After a failure the next request waits 1 s, then twice as long each time up to 30 s, less up to a
/// fifth at random; what the issuer asks for by `Retry-After` is heard up to 30 s.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failed: Option<Failed>,
    /// How many in a row.
    failures: u32,
}

#[derive(Debug)]
struct Failed {
    error: AuthError,
    retry_at: Duration,
}

impl Backoff {
    /// The answer while it is too early to ask again.
    pub(crate) fn holds(&self, now: Duration) -> Option<AuthError> {
        let failed = self.failed.as_ref().filter(|failed| now < failed.retry_at)?;
        Some(failed.at(now, failed.retry_at))
    }

    /// Lets a request go, or answers for it. Once the wait is over one request goes, and the others
    /// wait for how it went, for at most `patience`.
    pub(crate) fn admit(
        &mut self,
        now: Duration,
        patience: Duration,
    ) -> Result<Request, AuthError> {
        match &mut self.failed {
            None => Ok(Request::Usual),
            Some(failed) if now < failed.retry_at => Err(failed.at(now, failed.retry_at)),
            Some(failed) => {
                failed.retry_at = now.saturating_add(patience);
                Ok(Request::Probe)
            }
        }
    }

    /// The last failure, if the issuer has not answered since; nobody asks before `not_before`.
    pub(crate) fn error(&self, now: Duration, not_before: Duration) -> Option<AuthError> {
        self.failed.as_ref().map(|failed| failed.at(now, failed.retry_at.max(not_before)))
    }

    pub(crate) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// It failed now. What comes back says when to ask again.
    pub(crate) fn fail(
        &mut self,
        error: AuthError,
        heard: Option<Duration>,
        now: Duration,
    ) -> AuthError {
        let doubled = FIRST_WAIT.saturating_mul(1 << self.failures.min(16));
        let heard = heard.unwrap_or_default().min(LONGEST_WAIT);
        let wait = jittered(doubled.min(LONGEST_WAIT), now).max(heard);
        self.failures = self.failures.saturating_add(1);
        let failed = Failed { error, retry_at: now.saturating_add(wait) };
        let error = failed.at(now, failed.retry_at);
        self.failed = Some(failed);
        error
    }
}

/// What is known of the issuer when a request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The last one failed; this one finds out.
    Probe,
    /// The last one was answered.
    Usual,
}

impl Failed {
    fn at(&self, now: Duration, retry_at: Duration) -> AuthError {
        self.error.clone().with_retry_after(retry_at.saturating_sub(now))
    }
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
    use crate::error::AuthErrorKind;

    fn error() -> AuthError {
        AuthErrorKind::IssuerUnreachable.into()
    }

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_is_never_longer() {
        let mut backoff = Backoff::default();
        let now = Duration::from_secs(100);
        for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
            backoff.fail(error(), None, now);
            let wait = backoff.failed.as_ref().unwrap().retry_at - now;
            let longest = Duration::from_secs(seconds);
            assert!(wait <= longest && wait >= longest / 5 * 4, "{wait:?} of {seconds}");
            assert!(backoff.holds(now + wait).is_none() && backoff.holds(now).is_some());
        }
        backoff = Backoff::default();
        assert!(backoff.holds(now).is_none());
        let error = backoff.fail(error(), None, now);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)), "it starts anew");
    }

    #[test]
    fn after_the_wait_one_request_goes_and_the_others_wait_for_it() {
        let mut backoff = Backoff::default();
        let (now, second) = (Duration::from_secs(100), Duration::from_secs(1));
        assert_eq!(backoff.admit(now, second), Ok(Request::Usual));
        backoff.fail(error(), None, now);
        assert!(backoff.admit(now, second).is_err());
        assert_eq!(backoff.admit(now + second, 5 * second), Ok(Request::Probe));
        let waiting = backoff.admit(now + 2 * second, second).unwrap_err();
        assert_eq!(waiting.retry_after(), Some(4 * second));
        assert_eq!(backoff.admit(now + 6 * second, second), Ok(Request::Probe), "it never came");
    }

    #[test]
    fn the_issuer_may_ask_for_a_longer_wait_up_to_the_limit() {
        for (asked, heard) in [(0, 1), (7, 7), (30, 30), (3600, 30)] {
            let asked = Some(Duration::from_secs(asked));
            let error = Backoff::default().fail(error(), asked, Duration::ZERO);
            assert_eq!(error.retry_after(), Some(Duration::from_secs(heard)), "{asked:?}");
        }
    }
}
