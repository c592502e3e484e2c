//! Why a ticket is not accepted, for an operator who has the keys.
//!
//! 1. [`diagnose`] tries every way that the keys allow: compatibility modes, algorithms, purposes,
//!    layouts, forms of the text. It says which one fits and what to write, or at which step each
//!    failed.
//! 2. **Never call it from a request.** It tells the steps apart that a padding oracle tells apart,
//!    and takes a format for granted because it fits. Nothing in this crate calls it, and
//!    `tests/architecture` sees to that.
//! 3. A [`Diagnosis`] holds no key, and its `Display` shows no value of a claim, no user data and no
//!    property unless [asked](Diagnosis::with_values).

mod advice;
mod content;
mod diagnosis;
mod keys;
mod notice;
mod pasted;
mod question;
mod trial;
mod ways;

pub use diagnosis::Diagnosis;
pub use keys::DiagnosisKeys;
pub use notice::Notice;
pub use question::diagnose;
pub use trial::{Fit, Step, TicketKind, TicketLayout, Trial};
