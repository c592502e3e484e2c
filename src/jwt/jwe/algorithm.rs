//! The names of the algorithms.

use std::fmt;

/// How the content key comes to the recipient, by its registered name (`alg`, RFC 7518 §4.1). There
/// is no `RSA1_5` and no `PBES2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyManagement {
    /// `RSA-OAEP`: RSAES-OAEP with SHA-1, whose collisions do not matter here.
    RsaOaep,
    /// `RSA-OAEP-256`: RSAES-OAEP with SHA-256.
    RsaOaep256,
    /// `A128KW`: AES Key Wrap with 16 bytes.
    A128Kw,
    /// `A256KW`: AES Key Wrap with 32 bytes.
    A256Kw,
    /// `dir`: the shared secret is the content key.
    Dir,
    /// `ECDH-ES`: the content key is agreed upon.
    EcdhEs,
    /// `ECDH-ES+A128KW`: what is agreed upon wraps the content key.
    EcdhEsA128Kw,
    /// `ECDH-ES+A256KW`: what is agreed upon wraps the content key.
    EcdhEsA256Kw,
}

impl KeyManagement {
    /// Every algorithm, in the order of the declaration.
    pub const ALL: &'static [Self] = &[
        Self::RsaOaep,
        Self::RsaOaep256,
        Self::A128Kw,
        Self::A256Kw,
        Self::Dir,
        Self::EcdhEs,
        Self::EcdhEsA128Kw,
        Self::EcdhEsA256Kw,
    ];

    /// The algorithm of exactly this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::A128Kw => "A128KW",
            Self::A256Kw => "A256KW",
            Self::Dir => "dir",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }

    /// The length of the key that wraps, where one does; a secret of the recipient must have it.
    pub(crate) const fn wrapping(self) -> Option<usize> {
        match self {
            Self::A128Kw | Self::EcdhEsA128Kw => Some(16),
            Self::A256Kw | Self::EcdhEsA256Kw => Some(32),
            Self::RsaOaep | Self::RsaOaep256 | Self::Dir | Self::EcdhEs => None,
        }
    }

    /// Whether an ephemeral key comes along.
    pub(crate) const fn agrees(self) -> bool {
        matches!(self, Self::EcdhEs | Self::EcdhEsA128Kw | Self::EcdhEsA256Kw)
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the content is encrypted and authenticated, by its registered name (`enc`, RFC 7518 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentEncryption {
    /// `A128CBC-HS256`: AES-128-CBC, then HMAC-SHA-256.
    A128CbcHs256,
    /// `A256CBC-HS512`: AES-256-CBC, then HMAC-SHA-512.
    A256CbcHs512,
    /// `A128GCM`.
    A128Gcm,
    /// `A256GCM`.
    A256Gcm,
}

impl ContentEncryption {
    /// Every algorithm, in the order of the declaration.
    pub const ALL: &'static [Self] =
        &[Self::A128CbcHs256, Self::A256CbcHs512, Self::A128Gcm, Self::A256Gcm];

    /// The algorithm of exactly this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// The length of the content key in bytes.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Self::A128CbcHs256 | Self::A256Gcm => 32,
            Self::A256CbcHs512 => 64,
            Self::A128Gcm => 16,
        }
    }

    /// The length of the initialization vector in bytes.
    pub(crate) const fn iv_length(self) -> usize {
        match self {
            Self::A128CbcHs256 | Self::A256CbcHs512 => 16,
            Self::A128Gcm | Self::A256Gcm => 12,
        }
    }

    /// The length of the tag in bytes.
    pub(crate) const fn tag_length(self) -> usize {
        match self {
            Self::A128CbcHs256 | Self::A128Gcm | Self::A256Gcm => 16,
            Self::A256CbcHs512 => 32,
        }
    }

    /// Whether a ciphertext can be so long.
    pub(crate) const fn fits(self, ciphertext: usize) -> bool {
        match self {
            Self::A128CbcHs256 | Self::A256CbcHs512 => {
                ciphertext > 0 && ciphertext.is_multiple_of(16)
            }
            Self::A128Gcm | Self::A256Gcm => true,
        }
    }
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The longest content key.
pub(crate) const LONGEST_KEY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cbc_ciphertext_is_whole_blocks_and_not_none() {
        for (length, whole) in
            [(0, false), (1, false), (15, false), (16, true), (17, false), (32, true)]
        {
            assert_eq!(ContentEncryption::A128CbcHs256.fits(length), whole, "{length}");
            assert_eq!(ContentEncryption::A256CbcHs512.fits(length), whole, "{length}");
            assert!(ContentEncryption::A128Gcm.fits(length));
            assert!(ContentEncryption::A256Gcm.fits(length));
        }
    }

    #[test]
    fn names_are_exact() {
        for algorithm in KeyManagement::ALL {
            assert_eq!(KeyManagement::parse(algorithm.name()), Some(*algorithm));
        }
        for algorithm in ContentEncryption::ALL {
            assert_eq!(ContentEncryption::parse(algorithm.name()), Some(*algorithm));
            assert!(algorithm.key_length() <= LONGEST_KEY);
        }
        for name in ["", "RSA1_5", "rsa-oaep", "DIR", "A128GCMKW", "PBES2-HS256+A128KW", "A192KW"] {
            assert_eq!(KeyManagement::parse(name), None, "{name:?}");
        }
        for name in ["", "A128GCM ", "a128gcm", "A128CBC", "A192GCM", "none"] {
            assert_eq!(ContentEncryption::parse(name), None, "{name:?}");
        }
    }
}
