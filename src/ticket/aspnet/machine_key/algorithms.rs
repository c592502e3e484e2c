//! The keyed hash and the cipher that the settings name.

use super::{CompatibilityMode, Decryption, Validation};
use crate::{
    crypto::{CbcKey, Cipher, Hash, HmacKey, Tag, equal, md5},
    error::BuildError,
    secret::Secret,
};

/// A keyed hash with its key.
#[derive(Debug)]
pub(super) enum KeyedHash {
    Hmac(Box<HmacKey>, usize),
    /// `MD5(message || key)`, before `Framework45`.
    Md5(Secret),
}

impl KeyedHash {
    pub(super) fn new(validation: Validation, key: &[u8]) -> Self {
        let (hash, size) = match validation {
            Validation::Aes | Validation::Sha1 | Validation::TripleDes => (Hash::Sha1, 20),
            Validation::HmacSha256 => (Hash::Sha256, 32),
            Validation::HmacSha384 => (Hash::Sha384, 48),
            Validation::HmacSha512 => (Hash::Sha512, 64),
            Validation::Md5 => return Self::Md5(key.into()),
        };
        Self::Hmac(Box::new(HmacKey::new(hash, key)), size)
    }

    /// The length of a tag.
    pub(super) const fn size(&self) -> usize {
        match self {
            Self::Hmac(_, size) => *size,
            Self::Md5(_) => 16,
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Tag {
        match self {
            Self::Hmac(key, _) => key.sign(message),
            Self::Md5(key) => md5(&[message, key.expose()]),
        }
    }

    /// In constant time.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        match self {
            Self::Hmac(key, _) => key.verify(message, tag),
            Self::Md5(_) => equal(&self.sign(message), tag),
        }
    }

    /// What stands before the tag, and the tag. `None` if there is no more than a tag.
    pub(super) fn split<'a>(&self, signed: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let length = signed.len().checked_sub(self.size()).filter(|length| *length > 0)?;
        signed.split_at_checked(length)
    }

    /// What stands before the tag, if the tag is right.
    pub(super) fn authenticated<'a>(&self, signed: &'a [u8]) -> Option<&'a [u8]> {
        let (message, tag) = self.split(signed)?;
        self.verify(message, tag).then_some(message)
    }
}

/// The cipher for a key of this length.
pub(super) const fn cipher(mode: CompatibilityMode, decryption: Decryption, key: usize) -> Cipher {
    match (decryption, mode) {
        (Decryption::Aes, _) | (Decryption::Auto, CompatibilityMode::Framework45) => Cipher::Aes,
        (Decryption::Auto, _) => {
            if key == 8 {
                Cipher::Des
            } else {
                Cipher::Aes
            }
        }
        (Decryption::Des, _) => Cipher::Des,
        (Decryption::TripleDes, _) => Cipher::TripleDes,
    }
}

/// The cipher's key.
///
/// # Errors
/// The cipher takes no such key.
pub(super) fn cipher_key(cipher: Cipher, key: &[u8]) -> Result<CbcKey, BuildError> {
    let length = key.len();
    let lengths = match cipher {
        Cipher::Aes => &[16, 24, 32][..],
        Cipher::Des => &[8],
        Cipher::TripleDes => &[16, 24],
    };
    if !lengths.contains(&length) {
        let problem = match cipher {
            Cipher::Aes => format!(
                "{length} bytes are no AES key, which has 16, 24 or 32 bytes (32, 48 or 64 digits); \
                 if the application's decryption attribute says 3DES or DES, say so here"
            ),
            Cipher::Des => format!("{length} bytes are no DES key, which has 8 bytes (16 digits)"),
            Cipher::TripleDes => format!(
                "{length} bytes are no 3DES key, which has 16 or 24 bytes (32 or 48 digits)"
            ),
        };
        return Err(BuildError::invalid("decryption_key", problem));
    }
    CbcKey::new(cipher, key).ok_or_else(|| {
        BuildError::invalid(
            "decryption_key",
            "this is a weak key of DES or 3DES, which .NET refuses too; generate another",
        )
    })
}
