//! RSAES-OAEP (RFC 8017 §7.1), as JOSE uses it: one hash for the label and the mask.

use std::fmt;

use super::PublicKey;

/// The hash inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OaepHash {
    Sha1,
    Sha256,
}

/// The numbers of a private key, big-endian (RFC 7518 §6.3).
pub(crate) struct RsaNumbers<'a> {
    pub(crate) n: &'a [u8],
    pub(crate) e: &'a [u8],
    pub(crate) d: &'a [u8],
    pub(crate) p: &'a [u8],
    pub(crate) q: &'a [u8],
    pub(crate) dp: &'a [u8],
    pub(crate) dq: &'a [u8],
    pub(crate) qi: &'a [u8],
}

/// A private key that decrypts.
pub(crate) struct OaepKey {
    hash: OaepHash,
    prepared: library::Prepared,
}

impl OaepKey {
    /// Prepares the key.
    ///
    /// # Errors
    /// The public numbers are not [acceptable](PublicKey::rsa), or the private ones are not theirs.
    pub(crate) fn new(hash: OaepHash, numbers: &RsaNumbers<'_>) -> Result<Self, &'static str> {
        PublicKey::rsa(numbers.n, numbers.e)?;
        library::Prepared::new(numbers).map(|prepared| Self { hash, prepared })
    }

    /// Decrypts to the front of `output` and returns the length. `None` says nothing about why, and
    /// takes as long as success.
    pub(crate) fn decrypt(&self, ciphertext: &[u8], output: &mut Vec<u8>) -> Option<usize> {
        self.prepared.decrypt(self.hash, ciphertext, output)
    }

    /// The length of a ciphertext.
    pub(crate) fn ciphertext_length(&self) -> usize {
        self.prepared.ciphertext_length()
    }
}

impl fmt::Debug for OaepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OaepKey({:?})", self.hash)
    }
}

/// Encrypts for the owner of this public key. `None` where the library can not.
#[cfg(feature = "testing")]
pub(crate) fn encrypt_oaep(
    hash: OaepHash,
    n: &[u8],
    e: &[u8],
    plaintext: &[u8],
) -> Option<Vec<u8>> {
    library::encrypt(hash, n, e, plaintext)
}

#[cfg(feature = "aws-lc")]
use aws_lc as library;

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::{
        encoding::AsDer as _,
        rsa::{
            KeyPair, KeyPairComponents, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
            OaepPrivateDecryptingKey, PrivateDecryptingKey, PublicKeyComponents,
        },
    };

    use super::{OaepHash, RsaNumbers};

    pub(super) struct Prepared(OaepPrivateDecryptingKey);

    impl Prepared {
        pub(super) fn new(numbers: &RsaNumbers<'_>) -> Result<Self, &'static str> {
            let components = KeyPairComponents {
                public_key: PublicKeyComponents { n: numbers.n, e: numbers.e },
                d: numbers.d,
                p: numbers.p,
                q: numbers.q,
                dP: numbers.dp,
                dQ: numbers.dq,
                qInv: numbers.qi,
            };
            let pair = KeyPair::from_components(&components).map_err(|_| NO_PAIR)?;
            let document = pair.as_der().map_err(|_| NO_PAIR)?;
            let key = PrivateDecryptingKey::from_pkcs8(document.as_ref()).map_err(|_| NO_PAIR)?;
            OaepPrivateDecryptingKey::new(key).map(Self).map_err(|_| NO_PAIR)
        }

        pub(super) fn decrypt(
            &self,
            hash: OaepHash,
            ciphertext: &[u8],
            output: &mut Vec<u8>,
        ) -> Option<usize> {
            output.resize(self.0.min_output_size(), 0);
            self.0.decrypt(algorithm(hash), ciphertext, output, None).ok().map(|it| it.len())
        }

        pub(super) fn ciphertext_length(&self) -> usize {
            self.0.key_size_bytes()
        }
    }

    #[cfg(feature = "testing")]
    pub(super) fn encrypt(hash: OaepHash, n: &[u8], e: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};

        let key: PublicEncryptingKey = PublicKeyComponents { n, e }.try_into().ok()?;
        let key = OaepPublicEncryptingKey::new(key).ok()?;
        let mut ciphertext = vec![0; key.ciphertext_size()];
        key.encrypt(algorithm(hash), plaintext, &mut ciphertext, None).ok()?;
        Some(ciphertext)
    }

    fn algorithm(hash: OaepHash) -> &'static OaepAlgorithm {
        match hash {
            OaepHash::Sha1 => &OAEP_SHA1_MGF1SHA1,
            OaepHash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        }
    }

    const NO_PAIR: &str = "the numbers are no RSA key pair";
}

#[cfg(not(feature = "aws-lc"))]
use rust_crypto as library;

/// The `rsa` package does not decrypt in constant time (RUSTSEC-2023-0071), and here a stranger
/// chooses the ciphertext.
#[cfg(not(feature = "aws-lc"))]
mod rust_crypto {
    use super::{OaepHash, RsaNumbers};

    pub(super) enum Prepared {}

    impl Prepared {
        pub(super) fn new(_: &RsaNumbers<'_>) -> Result<Self, &'static str> {
            Err("RSA-OAEP needs the feature `aws-lc`")
        }

        pub(super) fn decrypt(&self, _: OaepHash, _: &[u8], _: &mut Vec<u8>) -> Option<usize> {
            match *self {}
        }

        pub(super) fn ciphertext_length(&self) -> usize {
            match *self {}
        }
    }

    #[cfg(feature = "testing")]
    pub(super) fn encrypt(_: OaepHash, _: &[u8], _: &[u8], _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
