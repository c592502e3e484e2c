//! The only room that knows a crypto library.
//!
//! 1. With the feature `aws-lc` everything is done by aws-lc-rs, keys are parsed once.
//! 2. With `rust-crypto` and without `aws-lc` it is done by RustCrypto, signatures through the back
//!    end of jsonwebtoken: no ES512, RSA keys of at most 4096 bits.
//! 3. What makes a key acceptable is written here and does not depend on the library.

mod algorithm;
mod constant_time;
mod digest;
mod mac;
mod public_key;
mod verify;

pub use algorithm::Algorithm;
pub(crate) use algorithm::Family;
pub(crate) use constant_time::equal;
pub(crate) use digest::sha256;
pub(crate) use mac::MacKey;
pub(crate) use public_key::{Curve, PublicKey};
pub(crate) use verify::VerifyingKey;
