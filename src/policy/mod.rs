//! Policies: pure questions put to the record.
//!
//! ```
//! use portcullis::{Bearer, policy::{self, PolicyExt}};
//!
//! let writers = policy::scheme(Bearer).and(policy::scope("orders:write"));
//! let staff = policy::role("staff").or(policy::any_scope(["admin", "support"]));
//! assert_eq!(format!("{writers:?}"), r#"scheme(Bearer) and scope(orders:write)"#);
//! # let _ = staff;
//! ```
//!
//! 1. `and`: Challenge > Forbid > StepUp > Undecidable > Allow. A definite no wins over "could not
//!    find out", and nobody is asked to sign in again for what he may not do.
//! 2. `or`: Allow > Undecidable > StepUp > Challenge > Forbid.
//! 3. A question about the caller that is denied while a scheme it looks at is undecidable gives
//!    Undecidable: the answer could still have been yes.
//! 4. There is no `not`: negated policies fail open.

mod authenticated;
mod caller;
mod combine;
mod from_fn;
mod kind_of_caller;
mod question;
mod same_subject;
mod schemes;

pub use authenticated::{Authenticated, authenticated};
pub use caller::{AnyScope, ClaimIs, Role, Scopes, any_scope, claim, role, scope, scopes};
pub use combine::{And, Or, PolicyExt};
pub use from_fn::{FromFn, from_fn};
pub use kind_of_caller::{DenyPat, RequirePat, User, deny_pat, require_pat, user};
pub use question::Policy;
pub use same_subject::{SameSubject, same_subject};
pub use schemes::{AnyScheme, SchemeIs, any_scheme, scheme};
