//! Was the user authenticated strongly and recently enough (RFC 9470)?

use std::{fmt, sync::Arc, time::Duration};

use serde_json::Value;

use super::{Policy, caller::ask};
use crate::{
    authentication::Authentication,
    challenge::StepUp,
    clock::{Clock, SystemClock, UnixTime},
    error::{AuthError, AuthErrorKind, printable},
    principal::{Identity, SchemeName},
    rejection::Decision,
};

/// The caller's authentication suffices: by its class (`acr`) and its age (`auth_time`). Where it
/// does not, the answer is 401 `insufficient_user_authentication`, and says what is needed
/// (RFC 9470 §3), never what was found.
///
/// A claim that is missing or of another type does not suffice.
///
/// ```
/// use std::time::Duration;
/// use portcullis::policy::{self, PolicyExt};
///
/// let strong = policy::authenticated().acr(["phr", "mfa"]).within(Duration::from_secs(300));
/// let payer = policy::scope("payments:write").and(strong);
/// assert_eq!(
///     format!("{payer:?}"),
///     "scope(payments:write) and authenticated(acr phr mfa, within 300s)"
/// );
/// ```
#[must_use]
pub fn authenticated() -> Authenticated {
    Authenticated {
        needed: StepUp::new(),
        clock: Arc::new(SystemClock),
        tolerance: Duration::from_secs(60),
        of: None,
    }
}

/// See [`authenticated`].
#[derive(Clone)]
pub struct Authenticated {
    needed: StepUp,
    clock: Arc<dyn Clock>,
    tolerance: Duration,
    of: Option<SchemeName>,
}

impl Authenticated {
    /// By one of these classes, compared exactly; the preferred one first. Default: any. A space, a
    /// quote or a backslash in one, or what is not ASCII, and it is never satisfied.
    #[must_use]
    pub fn acr<S: AsRef<str>>(mut self, sufficient: impl IntoIterator<Item = S>) -> Self {
        self.needed = self.needed.acr(sufficient);
        self
    }

    /// At most so long ago. Default: at any time.
    #[must_use]
    pub fn within(mut self, max_age: Duration) -> Self {
        self.needed = self.needed.within(max_age);
        self
    }

    /// How far the issuer's clock may be off, either way. Default: 60 s.
    #[must_use]
    pub const fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Where the time comes from. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Asks the identity of this scheme, and names it: a requirement narrows the view to it.
    /// Default: the primary one.
    #[must_use]
    pub fn of(mut self, scheme: impl Into<SchemeName>) -> Self {
        self.of = Some(scheme.into());
        self
    }

    fn judge(&self, identity: &Identity) -> Result<(), AuthError> {
        if let Some(sufficient) = self.needed.acr_values() {
            by_class(sufficient, identity.claim("acr"))?;
        }
        if let Some(max_age) = self.needed.max_age() {
            self.by_age(max_age, identity.claim("auth_time"))?;
        }
        Ok(())
    }

    fn by_age(&self, max_age: Duration, auth_time: Option<Value>) -> Result<(), AuthError> {
        let Some(seconds) = auth_time.as_ref().and_then(Value::as_f64) else {
            return Err(insufficient("there is no number in claim auth_time"));
        };
        let (then, now) = (UnixTime::from_secs_f64(seconds), self.clock.now());
        if then <= now + self.tolerance && now <= then + max_age + self.tolerance {
            return Ok(());
        }
        Err(insufficient(format_args!(
            "auth_time {then}, now {now}, at most {max_age:?} are allowed, tolerance {:?}",
            self.tolerance
        )))
    }
}

fn by_class(sufficient: &str, acr: Option<Value>) -> Result<(), AuthError> {
    let Some(acr) = acr.as_ref().and_then(Value::as_str) else {
        return Err(insufficient(format_args!(
            "needs acr {sufficient}; there is no text in claim acr"
        )));
    };
    if !acr.is_empty() && sufficient.split(' ').any(|class| class == acr) {
        return Ok(());
    }
    Err(insufficient(format_args!("needs acr {sufficient}, found {}", printable(acr, 64))))
}

fn insufficient(detail: impl fmt::Display) -> AuthError {
    AuthError::new(AuthErrorKind::InsufficientAuthentication).with_detail(detail)
}

impl Policy for Authenticated {
    fn decide(&self, record: &Authentication) -> Decision {
        ask(record, self.of, |identity| match self.judge(identity) {
            Ok(()) => Decision::Allow,
            Err(error) => Decision::step_up(error, self.needed.clone()),
        })
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        self.of.map(|name| vec![name])
    }
}

impl fmt::Debug for Authenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acr = self.needed.acr_values().map(|list| format!("acr {list}"));
        let age = self.needed.max_age().map(|age| format!("within {age:?}"));
        let parts: Vec<String> = acr.into_iter().chain(age).collect();
        write!(f, "authenticated({})", parts.join(", "))
    }
}
