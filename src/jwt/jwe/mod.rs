//! Encrypted objects in compact form (RFC 7516 §7.1).
//!
//! 1. Exactly five segments of canonical base64url; the header is one strict JSON object of at most
//!    8 KiB.
//! 2. A [`DecryptionKey`] is for one `alg` and for the `enc` that it allows. There is no `RSA1_5` and
//!    no `PBES2`, whatever the key.
//! 3. `zip` and `crit` are refused, and an `epk` that is private or on another curve.
//! 4. What fails because of a key, a length, a tag or a padding fails in one way:
//!    [`TokenUndecryptable`](crate::AuthErrorKind::TokenUndecryptable), without a detail. Where a
//!    content key cannot be unwrapped a random one takes its place (RFC 7516 §11.5), so that this
//!    costs what a wrong tag costs.
//!
//! | `alg` | key |
//! |---|---|
//! | `RSA-OAEP`, `RSA-OAEP-256` | RSA from 2048 bits; not with the feature `rust-crypto` alone |
//! | `A128KW`, `A256KW` | 16 or 32 bytes |
//! | `dir` | as long as its one `enc` wants it |
//! | `ECDH-ES`, `ECDH-ES+A128KW`, `ECDH-ES+A256KW` | P-256, P-384, X25519; P-521 not with `rust-crypto` alone |
//!
//! | `enc` | content key |
//! |---|---|
//! | `A128CBC-HS256` | 32 bytes |
//! | `A256CBC-HS512` | 64 bytes |
//! | `A128GCM`, `A256GCM` | 16, 32 bytes |
//!
//! Encryption proves nothing about who sent it: whoever has the public key can encrypt. For an access
//! token use [`JwtValidatorBuilder::decryption_keys`](super::JwtValidatorBuilder::decryption_keys),
//! which demands a signed JWT inside.
//!
//! ```
//! use portcullis::jwt::jwe::{self, DecryptionKey};
//!
//! // RFC 7520 §5.6, with its key
//! let key = DecryptionKey::from_jwk(
//!     br#"{"kty":"oct","use":"enc","alg":"A128GCM","k":"XctOhJAkA-pD9Lh7ZgW_2A",
//!          "kid":"77c7e2b8-6e13-45cf-8672-617b5b45243a"}"#,
//! )?;
//! let token = "eyJhbGciOiJkaXIiLCJraWQiOiI3N2M3ZTJiOC02ZTEzLTQ1Y2YtODY3Mi02MTdiNWI0NTI0M2E\
//!              iLCJlbmMiOiJBMTI4R0NNIn0..refa467QzzKx6QAB.JW_i_f52hww_ELQPGaYyeAB6HYGcR559l9TYn\
//!              Sovc23XJoBcW29rHP8yZOZG7YhLpT1bjFuvZPjQS-m0IFtVcXkZXdH_lr_FrdYt9HRUYkshtrMmIUAyG\
//!              mUnd9zMDB2n0cRDIHAzFVeJUDxkUwVAE7_YGRPdcqMyiBoCO-FBdE-Nceb4h3-FtBP-c_BIwCPTjb9o0\
//!              SbdcdREEMJMyZBH8ySWMVi1gPD9yxi-aQpGbSv_F9N4IZAxscj5g-NJsUPbjk29-s7LJAGb15wEBtXph\
//!              VCgyy53CoIKLHHeJHXex45Uz9aKZSRSInZI-wjsY0yu3cT4_aQ3i1o-tiE-F8Ios61EKgyIQ4CWao8PF\
//!              Mj8TTnp.vbb32Xvllea2OtmHAdccRQ";
//! let plaintext = jwe::decrypt(token, &[key])?;
//! assert!(plaintext.expose().starts_with(b"You can trust us to stick with you"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod compact;
mod content;
mod content_key;
mod decrypt;
mod epk;
mod key;
mod nested;
mod private_jwk;
#[cfg(test)]
mod vectors;
mod words;

pub(super) use self::nested::{Decryption, Opened};
pub use self::{
    algorithm::{ContentEncryption, KeyManagement},
    decrypt::decrypt,
    key::DecryptionKey,
};
