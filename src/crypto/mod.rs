//! The only room that knows a crypto library.
//!
//! 1. With the feature `aws-lc` everything is done by aws-lc-rs, keys are parsed once.
//! 2. With `rust-crypto` and without `aws-lc` it is done by RustCrypto, signatures through the back
//!    end of jsonwebtoken: no ES512, RSA keys of at most 4096 bits.
//! 3. What makes a key acceptable is written here and does not depend on the library.

#[cfg(feature = "jwt")]
mod algorithm;
#[cfg(feature = "tickets")]
mod cipher;
mod constant_time;
mod digest;
#[cfg(any(feature = "jwt", feature = "tickets"))]
mod hmac;
#[cfg(feature = "tickets")]
mod kdf;
#[cfg(feature = "jwt")]
mod mac;
#[cfg(feature = "jwt")]
mod public_key;
#[cfg(feature = "tickets")]
mod random;
#[cfg(any(feature = "tickets", all(feature = "jwt", not(feature = "aws-lc"))))]
mod tag;
#[cfg(feature = "jwt")]
mod verify;

#[cfg(feature = "jwt")]
pub use algorithm::Algorithm;
#[cfg(feature = "jwt")]
pub(crate) use algorithm::Family;
#[cfg(feature = "tickets")]
pub(crate) use cipher::{CbcKey, Cipher, same};
pub(crate) use constant_time::equal;
#[cfg(feature = "tickets")]
pub(crate) use digest::md5;
pub(crate) use digest::sha256;
#[cfg(any(feature = "jwt", feature = "tickets"))]
pub(crate) use hmac::{Hash, HmacKey};
#[cfg(feature = "tickets")]
pub(crate) use kdf::derive;
#[cfg(feature = "jwt")]
pub(crate) use mac::MacKey;
#[cfg(feature = "jwt")]
pub(crate) use public_key::{Curve, PublicKey};
#[cfg(feature = "tickets")]
pub(crate) use random::fill_random;
#[cfg(any(feature = "tickets", all(feature = "jwt", not(feature = "aws-lc"))))]
pub(crate) use tag::Tag;
#[cfg(feature = "jwt")]
pub(crate) use verify::VerifyingKey;
