//! What can be wrong with a credential ([`AuthError`]) and with a configuration ([`BuildError`]).
//!
//! 1. A [`BuildError`] is the programmer's, found at start; its text names the field and the fix.
//! 2. An [`AuthError`] is the credential's or the world's, found per request and per scheme, and
//!    recorded. It carries a stable [`AuthErrorKind`] and, for the operator's log only, what was
//!    expected and what was found.
//! 3. What the client is told is a third thing, the [`Rejection`](crate::rejection::Rejection).

mod auth_error;
mod build_error;
mod kind;
mod printable;

pub use auth_error::AuthError;
pub use build_error::BuildError;
pub use kind::{AuthErrorClass, AuthErrorKind};
pub(crate) use printable::printable;
