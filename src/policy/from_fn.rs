//! A closure as a policy.

use std::fmt;

use super::Policy;
use crate::{authentication::Authentication, rejection::Decision};

/// A policy from a closure; the name is what the log shows. A closure that answers
/// [`Decision::challenge`] for want of an identity need not ask whether one could be judged: where
/// it could not, the answer is 503.
///
/// ```
/// use portcullis::{AuthError, AuthErrorKind, Decision, policy};
///
/// let office_hours = policy::from_fn("office_hours", |record| match record.primary() {
///     None => Decision::challenge(),
///     Some(identity) if identity.claim_str("shift").as_deref() == Some("day") => Decision::Allow,
///     Some(_) => Decision::forbid(AuthError::new(AuthErrorKind::MissingPermission)),
/// });
/// assert_eq!(format!("{office_hours:?}"), "office_hours");
/// ```
#[must_use]
pub const fn from_fn<F>(name: &'static str, decide: F) -> FromFn<F>
where
    F: Fn(&Authentication) -> Decision + Send + Sync,
{
    FromFn { name, decide }
}

/// See [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F> {
    name: &'static str,
    decide: F,
}

impl<F: Fn(&Authentication) -> Decision + Send + Sync> Policy for FromFn<F> {
    fn decide(&self, record: &Authentication) -> Decision {
        (self.decide)(record)
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
