//! The seam, and how a handler asks by itself.

use std::{fmt, sync::Arc};

use crate::{
    authentication::Authentication,
    error::{AuthError, AuthErrorKind},
    principal::SchemeName,
    rejection::{Decision, Rejection},
};

/// A question put to the record. Synchronous and without effect.
///
/// Write `Debug` so that it reads well in a log line: it is printed with each refusal.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    note = "see `portcullis::policy`, or wrap a closure in `policy::from_fn`"
)]
pub trait Policy: fmt::Debug + Send + Sync {
    /// The decision.
    fn decide(&self, record: &Authentication) -> Decision;

    /// The schemes that it asks for, looked up once when the requirement is built. A requirement
    /// narrows the view to them, in this order. Default: `None`, whatever is visible.
    fn schemes(&self) -> Option<Vec<SchemeName>> {
        None
    }
}

impl<P: Policy + ?Sized> Policy for Arc<P> {
    fn decide(&self, record: &Authentication) -> Decision {
        (**self).decide(record)
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        (**self).schemes()
    }
}

impl Authentication {
    /// Asks a policy inside a handler: for services whose layers are per server and not per method.
    ///
    /// # Errors
    /// The [`Rejection`] that a requirement with this policy would answer.
    pub fn check(&self, policy: &(impl Policy + ?Sized)) -> Result<(), Rejection> {
        let mut record = self.clone();
        if let Some(names) = policy.schemes() {
            if let Some(name) = record.first_hidden(&names) {
                let error = AuthError::new(AuthErrorKind::HiddenScheme)
                    .with_detail(format_args!("scheme {name} is not visible on this route"));
                tracing::error!(target: "portcullis", %error, ?policy, "wiring");
                return Err(Rejection::wiring(error));
            }
            record.narrow(&names);
        }
        record.rejection(&policy.decide(&record)).map_or(Ok(()), Err)
    }
}
