//! Tower middleware that decides who is calling.
#![forbid(unsafe_code)]

#[cfg(all(feature = "jwt", not(any(feature = "aws-lc", feature = "rust-crypto"))))]
compile_error!("the feature `jwt` needs cryptography: turn on `aws-lc` or `rust-crypto`");

mod attempt;
pub mod authenticate;
mod authentication;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "jwt")]
mod base64url;
mod caller;
pub mod challenge;
mod clock;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod crypto;
mod error;
mod explain;
pub mod fetch;
#[cfg(feature = "jwt")]
mod json;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod policy;
mod principal;
pub mod rejection;
pub mod require;
pub mod scheme;
mod secret;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod stacks;
pub mod suppress;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;

pub use attempt::Attempt;
pub use authenticate::AuthenticateLayer;
pub use authentication::Authentication;
pub use caller::{Caller, CallerOf, Primary};
pub use clock::{Clock, SystemClock, UnixTime};
pub use error::{AuthError, AuthErrorClass, AuthErrorKind, BuildError};
pub use explain::{Explanation, SchemeTrail, explain};
pub use principal::{
    Bearer, Cookies, Identity, IdentityBuilder, Lease, Principal, SchemeName, SchemeNames,
    SchemeTag, Scope, SubjectKind,
};
pub use rejection::{Decision, ProblemDetails, Rejection};
pub use scheme::{Outcome, Scheme};
pub use secret::Secret;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub use stacks::BearerAuth;
