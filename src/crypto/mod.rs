//! The only room that knows a crypto library.
//!
//! 1. With the feature `aws-lc` everything is done by aws-lc-rs, keys are parsed once.
//! 2. With `rust-crypto` and without `aws-lc` it is done by RustCrypto, signatures through the back
//!    end of jsonwebtoken: no ES512, RSA keys of at most 4096 bits, and no RSA-OAEP, because the
//!    `rsa` package does not decrypt in constant time (RUSTSEC-2023-0071).
//! 3. What makes a key acceptable is written here and does not depend on the library.

#[cfg(feature = "jwe")]
mod agreement;
#[cfg(feature = "jwt")]
mod algorithm;
#[cfg(any(feature = "tickets", all(feature = "jwe", not(feature = "aws-lc"))))]
mod chain;
#[cfg(any(feature = "jwe", feature = "tickets"))]
mod cipher;
mod constant_time;
#[cfg(feature = "tickets")]
mod des;
mod digest;
#[cfg(feature = "jwe")]
mod gcm;
#[cfg(any(feature = "jwt", feature = "tickets"))]
mod hmac;
#[cfg(any(feature = "jwe", feature = "tickets"))]
mod kdf;
#[cfg(feature = "jwe")]
mod key_wrap;
#[cfg(feature = "jwt")]
mod mac;
#[cfg(feature = "jwe")]
mod oaep;
#[cfg(feature = "jwt")]
mod public_key;
#[cfg(any(feature = "jwe", feature = "tickets"))]
mod random;
#[cfg(any(feature = "jwe", feature = "tickets", all(feature = "jwt", not(feature = "aws-lc"))))]
mod tag;
#[cfg(feature = "jwt")]
mod verify;

#[cfg(feature = "jwe")]
pub(crate) use agreement::{AgreementCurve, AgreementKey};
#[cfg(feature = "jwt")]
pub use algorithm::Algorithm;
#[cfg(feature = "jwt")]
pub(crate) use algorithm::Family;
#[cfg(feature = "tickets")]
pub(crate) use cipher::same;
#[cfg(any(feature = "jwe", feature = "tickets"))]
pub(crate) use cipher::{CbcKey, Cipher};
pub(crate) use constant_time::equal;
#[cfg(feature = "tickets")]
pub(crate) use digest::md5;
pub(crate) use digest::sha256;
#[cfg(feature = "jwe")]
pub(crate) use gcm::GcmKey;
#[cfg(any(feature = "jwt", feature = "tickets"))]
pub(crate) use hmac::{Hash, HmacKey};
#[cfg(feature = "tickets")]
pub(crate) use kdf::derive;
#[cfg(feature = "jwe")]
pub(crate) use kdf::derive_concat;
#[cfg(feature = "jwe")]
pub(crate) use key_wrap::WrappingKey;
#[cfg(feature = "jwt")]
pub(crate) use mac::MacKey;
#[cfg(feature = "testing")]
pub(crate) use oaep::encrypt_oaep;
#[cfg(feature = "jwe")]
pub(crate) use oaep::{OaepHash, OaepKey, RsaNumbers};
#[cfg(feature = "jwt")]
pub(crate) use public_key::{Curve, PublicKey};
#[cfg(any(feature = "jwe", feature = "tickets"))]
pub(crate) use random::fill_random;
#[cfg(any(
    feature = "jwe",
    feature = "tickets",
    all(feature = "jwt", not(feature = "aws-lc"))
))]
pub(crate) use tag::Tag;
#[cfg(feature = "jwt")]
pub(crate) use verify::VerifyingKey;
