//! Signatures by an asymmetric key.

use std::fmt;

use super::{Algorithm, PublicKey};

/// A public key prepared for one algorithm.
pub(crate) struct VerifyingKey(Prepared);

impl VerifyingKey {
    /// Prepares the key. `None` if the algorithm does not work with such a key, the library does not
    /// have it, or the numbers are no key (a point off the curve).
    pub(crate) fn new(algorithm: Algorithm, key: &PublicKey) -> Option<Self> {
        prepare(algorithm, key).map(Self)
    }

    /// Whether the signature is one of this message. ECDSA signatures are `r || s` at full length
    /// (RFC 7518 §3.4); there is no other form.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(message, signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey")
    }
}

#[cfg(feature = "aws-lc")]
use aws_lc::{Prepared, prepare};

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::signature as lc;

    use super::{Algorithm, PublicKey};
    use crate::crypto::Curve;

    pub(super) struct Prepared(lc::ParsedPublicKey);

    pub(super) fn prepare(algorithm: Algorithm, key: &PublicKey) -> Option<Prepared> {
        let parsed = match (algorithm, key) {
            (_, PublicKey::Rsa { modulus, exponent }) => {
                let parameters = match algorithm {
                    Algorithm::RS256 => &lc::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::RS384 => &lc::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::RS512 => &lc::RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::PS256 => &lc::RSA_PSS_2048_8192_SHA256,
                    Algorithm::PS384 => &lc::RSA_PSS_2048_8192_SHA384,
                    Algorithm::PS512 => &lc::RSA_PSS_2048_8192_SHA512,
                    _ => return None,
                };
                lc::RsaPublicKeyComponents { n: modulus, e: exponent }
                    .to_parsed_public_key(parameters)
            }
            (Algorithm::ES256, PublicKey::Ec { curve: Curve::P256, point }) => {
                lc::ParsedPublicKey::new(&lc::ECDSA_P256_SHA256_FIXED, point)
            }
            (Algorithm::ES384, PublicKey::Ec { curve: Curve::P384, point }) => {
                lc::ParsedPublicKey::new(&lc::ECDSA_P384_SHA384_FIXED, point)
            }
            (Algorithm::ES512, PublicKey::Ec { curve: Curve::P521, point }) => {
                lc::ParsedPublicKey::new(&lc::ECDSA_P521_SHA512_FIXED, point)
            }
            (Algorithm::EdDSA | Algorithm::Ed25519, PublicKey::Ed25519(encoded)) => {
                lc::ParsedPublicKey::new(&lc::ED25519, encoded)
            }
            _ => return None,
        };
        parsed.ok().map(Prepared)
    }

    impl Prepared {
        pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
            self.0.verify_sig(message, signature).is_ok()
        }
    }
}

#[cfg(not(feature = "aws-lc"))]
use rust_crypto::{Prepared, prepare};

#[cfg(not(feature = "aws-lc"))]
mod rust_crypto {
    use jsonwebtoken::{
        Algorithm as BackEndAlgorithm, DecodingKey, crypto::JwtVerifier,
        crypto::rust_crypto::DEFAULT_PROVIDER,
    };

    use super::{Algorithm, PublicKey};
    use crate::{base64url, crypto::Curve};

    pub(super) type Prepared = BackEndKey;

    pub(super) fn prepare(algorithm: Algorithm, key: &PublicKey) -> Option<Prepared> {
        let key = match (algorithm, key) {
            (
                Algorithm::RS256
                | Algorithm::RS384
                | Algorithm::RS512
                | Algorithm::PS256
                | Algorithm::PS384
                | Algorithm::PS512,
                PublicKey::Rsa { modulus, exponent },
            ) => DecodingKey::from_rsa_raw_components(modulus, exponent),
            (Algorithm::ES256, PublicKey::Ec { curve: Curve::P256, point })
            | (Algorithm::ES384, PublicKey::Ec { curve: Curve::P384, point }) => {
                DecodingKey::from_ec_der(point)
            }
            (Algorithm::EdDSA | Algorithm::Ed25519, PublicKey::Ed25519(encoded)) => {
                DecodingKey::from_ed_components(&base64url::encode(encoded)).ok()?
            }
            _ => return None,
        };
        BackEndKey::new(algorithm, key)
    }

    /// A key and an algorithm of the back end, known to fit. Its verifiers are not `Sync`, so one is
    /// made for each signature.
    pub(super) struct BackEndKey(BackEndAlgorithm, DecodingKey);

    impl BackEndKey {
        pub(super) fn new(algorithm: Algorithm, key: DecodingKey) -> Option<Self> {
            let algorithm = match algorithm {
                Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return None,
                Algorithm::RS256 => BackEndAlgorithm::RS256,
                Algorithm::RS384 => BackEndAlgorithm::RS384,
                Algorithm::RS512 => BackEndAlgorithm::RS512,
                Algorithm::PS256 => BackEndAlgorithm::PS256,
                Algorithm::PS384 => BackEndAlgorithm::PS384,
                Algorithm::PS512 => BackEndAlgorithm::PS512,
                Algorithm::ES256 => BackEndAlgorithm::ES256,
                Algorithm::ES384 => BackEndAlgorithm::ES384,
                Algorithm::ES512 => return None,
                Algorithm::EdDSA | Algorithm::Ed25519 => BackEndAlgorithm::EdDSA,
            };
            let key = Self(algorithm, key);
            key.verifier().is_some().then_some(key)
        }

        pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
            self.verifier()
                .is_some_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
        }

        fn verifier(&self) -> Option<Box<dyn JwtVerifier>> {
            (DEFAULT_PROVIDER.verifier_factory)(&self.0, &self.1).ok()
        }
    }
}
