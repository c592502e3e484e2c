//! `and` and `or`.

use std::fmt;

use super::Policy;
use crate::{authentication::Authentication, principal::SchemeName, rejection::Decision};

/// Joins policies.
pub trait PolicyExt: Policy + Sized {
    /// Both must allow. Both are always asked, so that the answer names every missing part.
    fn and<P: Policy>(self, other: P) -> And<Self, P> {
        And(self, other)
    }

    /// One of them must allow.
    fn or<P: Policy>(self, other: P) -> Or<Self, P> {
        Or(self, other)
    }
}

impl<P: Policy> PolicyExt for P {}

/// See [`PolicyExt::and`].
#[derive(Clone)]
pub struct And<A, B>(A, B);

impl<A: Policy, B: Policy> Policy for And<A, B> {
    fn decide(&self, record: &Authentication) -> Decision {
        use Decision::{Allow, Challenge, Forbid, StepUp, Undecidable};
        match (self.0.decide(record), self.1.decide(record)) {
            (a @ Challenge { .. }, b @ Challenge { .. }) => both_challenges(a, b),
            (challenge @ Challenge { .. }, _) | (_, challenge @ Challenge { .. }) => challenge,
            (forbid @ Forbid { .. }, _) | (_, forbid @ Forbid { .. }) => forbid,
            (step_up @ StepUp { .. }, _) | (_, step_up @ StepUp { .. }) => step_up,
            (Undecidable, _) | (_, Undecidable) => Undecidable,
            (Allow, Allow) => Allow,
        }
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        union(self.0.schemes(), self.1.schemes())
    }
}

impl<A: fmt::Debug, B: fmt::Debug> fmt::Debug for And<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} and {:?}", self.0, self.1)
    }
}

/// See [`PolicyExt::or`].
#[derive(Clone)]
pub struct Or<A, B>(A, B);

impl<A: Policy, B: Policy> Policy for Or<A, B> {
    fn decide(&self, record: &Authentication) -> Decision {
        use Decision::{Allow, Challenge, StepUp, Undecidable};
        match (self.0.decide(record), self.1.decide(record)) {
            (Allow, _) | (_, Allow) => Allow,
            (Undecidable, _) | (_, Undecidable) => Undecidable,
            (step_up @ StepUp { .. }, _) | (_, step_up @ StepUp { .. }) => step_up,
            (a @ Challenge { .. }, b @ Challenge { .. }) => both_challenges(a, b),
            (challenge @ Challenge { .. }, _) | (_, challenge @ Challenge { .. }) => challenge,
            (forbid, _) => forbid,
        }
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        union(self.0.schemes(), self.1.schemes())
    }
}

impl<A: fmt::Debug, B: fmt::Debug> fmt::Debug for Or<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:?} or {:?})", self.0, self.1)
    }
}

/// The schemes of both, each once, in order. An empty list stands for all that is visible.
fn both_challenges(a: Decision, b: Decision) -> Decision {
    match (a, b) {
        (
            Decision::Challenge { schemes: a, reason: reason_a },
            Decision::Challenge { schemes: b, reason: reason_b },
        ) => {
            let schemes = if a.is_empty() || b.is_empty() { Vec::new() } else { joined(a, b) };
            Decision::Challenge { schemes, reason: reason_a.or(reason_b) }
        }
        (a, _) => a,
    }
}

fn union(a: Option<Vec<SchemeName>>, b: Option<Vec<SchemeName>>) -> Option<Vec<SchemeName>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(joined(a, b)),
        (one, other) => one.or(other),
    }
}

fn joined(mut a: Vec<SchemeName>, b: Vec<SchemeName>) -> Vec<SchemeName> {
    for name in b {
        if !a.contains(&name) {
            a.push(name);
        }
    }
    a
}
