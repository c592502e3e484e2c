//! Who is it, by which scheme?

use std::fmt;

use super::Policy;
use crate::{
    authentication::Authentication, principal::SchemeName, rejection::Decision, scheme::Outcome,
};

/// This scheme proved somebody.
#[must_use]
pub fn scheme(name: impl Into<SchemeName>) -> SchemeIs {
    SchemeIs(name.into())
}

/// Some visible scheme proved somebody.
#[must_use]
pub const fn any_scheme() -> AnyScheme {
    AnyScheme
}

/// See [`scheme`].
#[derive(Clone, Copy)]
pub struct SchemeIs(SchemeName);

impl Policy for SchemeIs {
    fn decide(&self, record: &Authentication) -> Decision {
        match record.outcome(self.0) {
            Some(Outcome::Verified(_)) => Decision::Allow,
            Some(Outcome::Undecidable(_)) => Decision::Undecidable,
            Some(Outcome::Absent | Outcome::Rejected(_)) | None => {
                Decision::Challenge { schemes: vec![self.0], reason: None }
            }
        }
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        Some(vec![self.0])
    }
}

impl fmt::Debug for SchemeIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scheme({})", self.0)
    }
}

/// See [`any_scheme`].
#[derive(Clone, Copy)]
pub struct AnyScheme;

impl Policy for AnyScheme {
    fn decide(&self, record: &Authentication) -> Decision {
        if record.primary().is_some() { Decision::Allow } else { nobody(record) }
    }
}

impl fmt::Debug for AnyScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any_scheme")
    }
}

/// Nobody is signed in, or nobody knows yet.
pub(super) fn nobody(record: &Authentication) -> Decision {
    if some_undecidable(record) { Decision::Undecidable } else { Decision::challenge() }
}

pub(super) fn some_undecidable(record: &Authentication) -> bool {
    record.visible().any(|(_, outcome)| matches!(outcome, Outcome::Undecidable(_)))
}
