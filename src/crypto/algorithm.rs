//! The names of signature algorithms.

use std::fmt;

/// A signature algorithm that this crate verifies, by its registered name (RFC 7518 §3.1, RFC 8037
/// §3.1, RFC 9864 §2.2). There is no `none`.
///
/// ```
/// use portcullis::jwt::Algorithm;
///
/// assert_eq!(Algorithm::parse("RS256"), Some(Algorithm::RS256));
/// assert_eq!(Algorithm::parse("rs256"), None); // names are compared byte for byte
/// assert_eq!(Algorithm::parse("none"), None);
/// assert_eq!(Algorithm::PS384.name(), "PS384");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
    PS256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes.
    PS384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a salt of 64 bytes.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512. Not with the feature `rust-crypto` alone.
    ES512,
    /// EdDSA; here always with Ed25519.
    EdDSA,
    /// EdDSA with Ed25519, by its fully specified name (RFC 9864). Another name than
    /// [`EdDSA`](Self::EdDSA): a list that has one does not have the other.
    Ed25519,
}

impl Algorithm {
    /// Every algorithm, in the order of the declaration.
    pub const ALL: &'static [Self] = &[
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
        Self::Ed25519,
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
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Whether who can verify can also sign.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self.family(), Family::Hmac)
    }

    /// The kind of key that it needs.
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::HS256 | Self::HS384 | Self::HS512 => Family::Hmac,
            Self::RS256 | Self::RS384 | Self::RS512 => Family::Rsa,
            Self::PS256 | Self::PS384 | Self::PS512 => Family::Rsa,
            Self::ES256 => Family::P256,
            Self::ES384 => Family::P384,
            Self::ES512 => Family::P521,
            Self::EdDSA | Self::Ed25519 => Family::Ed25519,
        }
    }

    /// The least length of an HMAC key: that of the hash (RFC 7518 §3.2). Zero for the others.
    pub(crate) const fn least_secret(self) -> usize {
        match self {
            Self::HS256 => 32,
            Self::HS384 => 48,
            Self::HS512 => 64,
            _ => 0,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kind of key. A key has exactly one, and an algorithm works with exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Hmac,
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.name()), Some(*algorithm));
            assert_eq!(format!("{algorithm:?}"), algorithm.name());
        }
        for name in
            ["", "none", "None", "NONE", "nOnE", "rs256", "RS256 ", " RS256", "ES521", "ES256K"]
        {
            assert_eq!(Algorithm::parse(name), None, "{name:?}");
        }
    }
}
