//! AES in Galois/Counter Mode (NIST SP 800-38D), with nonces of 96 bits and tags of 128.

use std::fmt;

/// A key of 16 or 32 bytes.
pub(crate) struct GcmKey(Prepared);

impl GcmKey {
    /// `None` for a key of another length.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        Prepared::new(key).map(Self)
    }

    /// Decrypts in place. `None` unless the tag is that of ciphertext, nonce and associated data; the
    /// buffer then holds nothing of use.
    pub(crate) fn open(
        &self,
        nonce: &[u8],
        associated: &[u8],
        buffer: &mut [u8],
        tag: &[u8],
    ) -> Option<()> {
        self.0.open(nonce.try_into().ok()?, associated, buffer, tag.try_into().ok()?)
    }

    /// Encrypts in place and returns the tag.
    #[cfg(feature = "testing")]
    pub(crate) fn seal(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        buffer: &mut [u8],
    ) -> Option<[u8; 16]> {
        self.0.seal(*nonce, associated, buffer)
    }
}

impl fmt::Debug for GcmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GcmKey")
    }
}

#[cfg(feature = "aws-lc")]
use aws_lc::Prepared;

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::aead as lc;

    pub(super) struct Prepared(lc::LessSafeKey);

    impl Prepared {
        pub(super) fn new(key: &[u8]) -> Option<Self> {
            let algorithm = match key.len() {
                16 => &lc::AES_128_GCM,
                32 => &lc::AES_256_GCM,
                _ => return None,
            };
            lc::UnboundKey::new(algorithm, key).ok().map(|key| Self(lc::LessSafeKey::new(key)))
        }

        pub(super) fn open(
            &self,
            nonce: [u8; 12],
            associated: &[u8],
            buffer: &mut [u8],
            tag: &[u8; 16],
        ) -> Option<()> {
            let nonce = lc::Nonce::assume_unique_for_key(nonce);
            self.0
                .open_in_place_separate_tag(nonce, lc::Aad::from(associated), tag, buffer)
                .ok()
                .map(drop)
        }

        #[cfg(feature = "testing")]
        pub(super) fn seal(
            &self,
            nonce: [u8; 12],
            associated: &[u8],
            buffer: &mut [u8],
        ) -> Option<[u8; 16]> {
            let nonce = lc::Nonce::assume_unique_for_key(nonce);
            let tag =
                self.0.seal_in_place_separate_tag(nonce, lc::Aad::from(associated), buffer).ok()?;
            tag.as_ref().try_into().ok()
        }
    }
}

#[cfg(not(feature = "aws-lc"))]
use rust_crypto::Prepared;

#[cfg(not(feature = "aws-lc"))]
mod rust_crypto {
    use aes_gcm::{AeadInOut, Aes128Gcm, Aes256Gcm, KeyInit};

    pub(super) enum Prepared {
        Aes128(Box<Aes128Gcm>),
        Aes256(Box<Aes256Gcm>),
    }

    impl Prepared {
        pub(super) fn new(key: &[u8]) -> Option<Self> {
            match key.len() {
                16 => Aes128Gcm::new_from_slice(key).ok().map(|key| Self::Aes128(Box::new(key))),
                32 => Aes256Gcm::new_from_slice(key).ok().map(|key| Self::Aes256(Box::new(key))),
                _ => None,
            }
        }

        pub(super) fn open(
            &self,
            nonce: [u8; 12],
            associated: &[u8],
            buffer: &mut [u8],
            tag: &[u8; 16],
        ) -> Option<()> {
            let (nonce, tag) = (nonce.into(), (*tag).into());
            match self {
                Self::Aes128(key) => {
                    key.decrypt_inout_detached(&nonce, associated, buffer.into(), &tag)
                }
                Self::Aes256(key) => {
                    key.decrypt_inout_detached(&nonce, associated, buffer.into(), &tag)
                }
            }
            .ok()
        }

        #[cfg(feature = "testing")]
        pub(super) fn seal(
            &self,
            nonce: [u8; 12],
            associated: &[u8],
            buffer: &mut [u8],
        ) -> Option<[u8; 16]> {
            let nonce = nonce.into();
            match self {
                Self::Aes128(key) => key.encrypt_inout_detached(&nonce, associated, buffer.into()),
                Self::Aes256(key) => key.encrypt_inout_detached(&nonce, associated, buffer.into()),
            }
            .ok()
            .map(Into::into)
        }
    }
}
