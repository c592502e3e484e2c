//! JWT access tokens, checked locally (RFC 7515, 7517, 7518, 7519, 8037, 9068).
//!
//! 1. [`JwtValidator`] judges a token by the rules of RFC 9068, or of another [`Profile`].
//! 2. Its keys come from a [`KeySource`]: [`StaticKeys`], or a set that is fetched.
//! 3. Encrypted tokens are opened with [decryption keys](JwtValidatorBuilder::decryption_keys), with
//!    the feature `jwe`.
//! 4. [`jws::verify`] and [`Jwk`] serve where a signed object is no access token.

#[cfg(feature = "jwe")]
pub mod jwe;
#[cfg(not(feature = "jwe"))]
#[path = "no_jwe.rs"]
mod jwe;
mod jwk;
mod jwk_set;
pub mod jws;
mod key_table;
mod keys;
mod known_headers;
mod profile;
mod remote;
mod rules;
mod static_keys;
mod validator;
mod validator_builder;

pub use self::{
    jwk::{Jwk, JwkError},
    jwk_set::JwkSet,
    keys::{FoundKeys, Key, KeySource},
    profile::Profile,
    remote::{DangerousRemoteKeys, KeyLocation, RemoteKeys, RemoteKeysBuilder},
    static_keys::StaticKeys,
    validator::JwtValidator,
    validator_builder::{
        Complete, DangerousJwtValidatorBuilder, JwtValidatorBuilder, NeedsAudience, NeedsIssuer,
    },
};
pub use crate::crypto::Algorithm;
