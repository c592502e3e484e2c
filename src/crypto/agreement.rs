//! Diffie-Hellman over elliptic curves (NIST SP 800-56A, RFC 7748).

use std::fmt;

use zeroize::Zeroizing;

use super::equal;

/// A curve to agree on a secret with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgreementCurve {
    P256,
    P384,
    P521,
    X25519,
}

impl AgreementCurve {
    /// The curve of this name (RFC 7518 §6.2.1.1, RFC 8037 §2), if the library has it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "P-256" => Self::P256,
            "P-384" => Self::P384,
            #[cfg(feature = "aws-lc")]
            "P-521" => Self::P521,
            "X25519" => Self::X25519,
            _ => return None,
        })
    }

    /// The key type of its keys.
    pub(crate) const fn key_type(self) -> &'static str {
        match self {
            Self::X25519 => "OKP",
            Self::P256 | Self::P384 | Self::P521 => "EC",
        }
    }

    /// The length of a coordinate, and of a private key, in bytes.
    pub(crate) const fn coordinate(self) -> usize {
        match self {
            Self::P256 | Self::X25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// A public key as the library reads it: SEC 1 uncompressed, or the 32 bytes of X25519. `None`
    /// if a coordinate has not its full length. Whether the point is on the curve is found out later.
    pub(crate) fn public(self, x: &[u8], y: Option<&[u8]>) -> Option<Vec<u8>> {
        let whole = |coordinate: &[u8]| coordinate.len() == self.coordinate();
        match (self, y) {
            (Self::X25519, None) => whole(x).then(|| x.to_vec()),
            (Self::X25519, Some(_)) | (_, None) => None,
            (_, Some(y)) => (whole(x) && whole(y)).then(|| [&[4], x, y].concat()),
        }
    }
}

/// A private key to agree on a secret with.
pub(crate) struct AgreementKey {
    curve: AgreementCurve,
    prepared: library::Prepared,
}

impl AgreementKey {
    /// `None` if the number is none of the curve, or the public key is not its own.
    pub(crate) fn new(curve: AgreementCurve, private: &[u8], public: &[u8]) -> Option<Self> {
        if private.len() != curve.coordinate() {
            return None;
        }
        let prepared = library::Prepared::new(curve, private)?;
        equal(&prepared.public()?, public).then_some(Self { curve, prepared })
    }

    /// A new key, and its public half.
    #[cfg(feature = "testing")]
    pub(crate) fn generate(curve: AgreementCurve) -> (Self, Vec<u8>) {
        loop {
            let mut private = Zeroizing::new(vec![0; curve.coordinate()]);
            super::fill_random(&mut private);
            if curve == AgreementCurve::P521 {
                private[0] &= 1;
            }
            // one that is not below the order of the curve is none
            if let Some(prepared) = library::Prepared::new(curve, &private)
                && let Some(public) = prepared.public()
            {
                return (Self { curve, prepared }, public);
            }
        }
    }

    pub(crate) const fn curve(&self) -> AgreementCurve {
        self.curve
    }

    /// What this key and the other party's public key give. `None` if that is not a point of the
    /// same curve, or it is one of small order (RFC 7748 §6.1).
    pub(crate) fn agree(&self, public: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let agreed = self.prepared.agree(public)?;
        let nothing = agreed.iter().fold(0, |any, byte| any | byte) == 0;
        (!nothing).then_some(agreed)
    }
}

impl fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementKey({:?})", self.curve)
    }
}

#[cfg(feature = "aws-lc")]
use aws_lc as library;

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::agreement as lc;
    use zeroize::Zeroizing;

    use super::AgreementCurve;

    pub(super) struct Prepared(lc::PrivateKey);

    impl Prepared {
        pub(super) fn new(curve: AgreementCurve, private: &[u8]) -> Option<Self> {
            let algorithm = match curve {
                AgreementCurve::P256 => &lc::ECDH_P256,
                AgreementCurve::P384 => &lc::ECDH_P384,
                AgreementCurve::P521 => &lc::ECDH_P521,
                AgreementCurve::X25519 => &lc::X25519,
            };
            lc::PrivateKey::from_private_key(algorithm, private).ok().map(Self)
        }

        pub(super) fn public(&self) -> Option<Vec<u8>> {
            self.0.compute_public_key().ok().map(|key| key.as_ref().to_vec())
        }

        pub(super) fn agree(&self, public: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
            let public = lc::UnparsedPublicKey::new(self.0.algorithm(), public);
            lc::agree(&self.0, public, (), |agreed| Ok(Zeroizing::new(agreed.to_vec()))).ok()
        }
    }
}

#[cfg(not(feature = "aws-lc"))]
use rust_crypto as library;

#[cfg(not(feature = "aws-lc"))]
mod rust_crypto {
    use curve25519_dalek::MontgomeryPoint;
    use p256::elliptic_curve::{point::AffineCoordinates as _, sec1::ToEncodedPoint as _};
    use zeroize::Zeroizing;

    use super::AgreementCurve;

    pub(super) enum Prepared {
        P256(p256::SecretKey),
        P384(p384::SecretKey),
        X25519(Zeroizing<[u8; 32]>),
    }

    impl Prepared {
        pub(super) fn new(curve: AgreementCurve, private: &[u8]) -> Option<Self> {
            match curve {
                AgreementCurve::P256 => p256::SecretKey::from_slice(private).ok().map(Self::P256),
                AgreementCurve::P384 => p384::SecretKey::from_slice(private).ok().map(Self::P384),
                AgreementCurve::P521 => None,
                AgreementCurve::X25519 => {
                    private.try_into().ok().map(|key| Self::X25519(Zeroizing::new(key)))
                }
            }
        }

        pub(super) fn public(&self) -> Option<Vec<u8>> {
            Some(match self {
                Self::P256(key) => key.public_key().to_encoded_point(false).as_bytes().to_vec(),
                Self::P384(key) => key.public_key().to_encoded_point(false).as_bytes().to_vec(),
                Self::X25519(key) => MontgomeryPoint::mul_base_clamped(**key).to_bytes().to_vec(),
            })
        }

        pub(super) fn agree(&self, public: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
            let agreed = match self {
                Self::P256(key) => {
                    let public = p256::PublicKey::from_sec1_bytes(public).ok()?;
                    let point = public.to_projective() * *key.to_nonzero_scalar();
                    point.to_affine().x().to_vec()
                }
                Self::P384(key) => {
                    let public = p384::PublicKey::from_sec1_bytes(public).ok()?;
                    let point = public.to_projective() * *key.to_nonzero_scalar();
                    point.to_affine().x().to_vec()
                }
                Self::X25519(key) => {
                    let public = MontgomeryPoint(public.try_into().ok()?);
                    public.mul_clamped(**key).to_bytes().to_vec()
                }
            };
            Some(Zeroizing::new(agreed))
        }
    }
}
