//! Tower middleware that decides who is calling.
#![forbid(unsafe_code)]

#[cfg(all(feature = "jwt", not(any(feature = "aws-lc", feature = "rust-crypto"))))]
compile_error!("the feature `jwt` needs cryptography: turn on `aws-lc` or `rust-crypto`");

mod attempt;
#[cfg(feature = "jwt")]
mod base64url;
mod clock;
#[cfg(feature = "jwt")]
mod crypto;
mod error;
pub mod fetch;
#[cfg(feature = "jwt")]
mod json;
#[cfg(feature = "jwt")]
pub mod jwt;
mod principal;
mod secret;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;

pub use attempt::Attempt;
pub use clock::{Clock, SystemClock, UnixTime};
pub use error::{AuthError, AuthErrorClass, AuthErrorKind, BuildError};
pub use principal::{
    Bearer, Cookies, Identity, IdentityBuilder, Lease, Principal, SchemeName, SchemeNames,
    SchemeTag, Scope, SubjectKind,
};
pub use secret::Secret;
