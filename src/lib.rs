//! Tower middleware that decides who is calling.
#![forbid(unsafe_code)]

mod attempt;
mod clock;
mod error;
pub mod fetch;
mod principal;
mod secret;
pub mod token;

pub use attempt::Attempt;
pub use clock::{Clock, SystemClock, UnixTime};
pub use error::{AuthError, AuthErrorClass, AuthErrorKind, BuildError};
pub use principal::{
    Bearer, Cookies, Identity, IdentityBuilder, Lease, Principal, SchemeName, SchemeNames,
    SchemeTag, Scope, SubjectKind,
};
pub use secret::Secret;
