//! The only room that knows a crypto library.
//!
//! 1. With the feature `aws-lc` everything is done by aws-lc-rs, keys are parsed once.
//! 2. With `rust-crypto` and without `aws-lc` it is done by RustCrypto, signatures through the back
//!    end of jsonwebtoken: no ES512, RSA keys of at most 4096 bits.
//! 3. What makes a key acceptable is written here and does not depend on the library.

#[cfg(feature = "jwt")]
mod algorithm;
mod constant_time;
mod digest;
#[cfg(feature = "jwt")]
mod mac;
#[cfg(feature = "jwt")]
mod public_key;
#[cfg(feature = "jwt")]
mod verify;

#[cfg(feature = "jwt")]
pub use algorithm::Algorithm;
#[cfg(feature = "jwt")]
pub(crate) use algorithm::Family;
pub(crate) use constant_time::equal;
pub(crate) use digest::sha256;
#[cfg(feature = "jwt")]
pub(crate) use mac::MacKey;
#[cfg(feature = "jwt")]
pub(crate) use public_key::{Curve, PublicKey};
#[cfg(feature = "jwt")]
pub(crate) use verify::VerifyingKey;
