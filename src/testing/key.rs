//! Fixed keys to sign with.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    base64url,
    crypto::Family,
    jwt::{Algorithm, Jwk},
};

/// A key that signs, with its name and its algorithm. A clone is a reference count.
///
/// The material is fixed and **public**: it stands in the source of this crate. No two of these are
/// the same key; the last of each kind belongs to no issuer
/// ([`stranger`](Self::stranger)).
///
/// ```
/// use portcullis::{jwt::Algorithm, testing::SigningKey};
///
/// let key = SigningKey::new("k1", Algorithm::ES256);
/// assert!(key.jwk().fits(Algorithm::ES256));
/// assert_ne!(key.jwk().thumbprint(), SigningKey::stranger("k1", Algorithm::ES256).jwk().thumbprint());
/// ```
#[derive(Clone)]
pub struct SigningKey {
    kid: Arc<str>,
    algorithm: Algorithm,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Pair(&'static Pair),
    Secret(Arc<[u8]>),
}

/// As openssl wrote them: the private key in PKCS#8 (RSA: PKCS#1), the public one as
/// SubjectPublicKeyInfo, for RSA a self-signed certificate.
struct Pair {
    private: &'static [u8],
    public: &'static [u8],
    certificate: Option<&'static [u8]>,
}

impl SigningKey {
    /// The first fixed key for this algorithm.
    ///
    /// # Panics
    /// For an HMAC algorithm: use [`hmac`](Self::hmac).
    #[must_use]
    pub fn new(kid: &str, algorithm: Algorithm) -> Self {
        Self::numbered(kid, algorithm, 0)
    }

    /// One of the fixed keys for this algorithm; they come round again after the last.
    ///
    /// # Panics
    /// For an HMAC algorithm.
    #[must_use]
    pub fn numbered(kid: &str, algorithm: Algorithm, number: usize) -> Self {
        let pairs = pairs(algorithm);
        // the last one is the stranger's
        let pair = &pairs[number % (pairs.len() - 1)];
        Self { kid: kid.into(), algorithm, material: Material::Pair(pair) }
    }

    /// A key for this algorithm that no mock issuer has, by whatever name.
    ///
    /// # Panics
    /// For an HMAC algorithm.
    #[must_use]
    pub fn stranger(kid: &str, algorithm: Algorithm) -> Self {
        let pairs = pairs(algorithm);
        let pair = &pairs[pairs.len() - 1];
        Self { kid: kid.into(), algorithm, material: Material::Pair(pair) }
    }

    /// A secret, of any length.
    #[must_use]
    pub fn hmac(kid: &str, algorithm: Algorithm, secret: &[u8]) -> Self {
        Self { kid: kid.into(), algorithm, material: Material::Secret(secret.into()) }
    }

    /// The same key under another name.
    #[must_use]
    pub fn with_kid(mut self, kid: &str) -> Self {
        self.kid = kid.into();
        self
    }

    /// The same key for another algorithm of its kind.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key, as a key set shows it: with `kid`, `use` and `alg`. A secret shows itself
    /// (`oct`), as no key set should.
    #[must_use]
    pub fn jwk_json(&self) -> Value {
        let mut jwk = match &self.material {
            Material::Secret(secret) => json!({ "kty": "oct", "k": base64url::encode(secret) }),
            Material::Pair(pair) => match self.algorithm.family() {
                Family::Rsa => json!({
                    "kty": "RSA",
                    "n": base64url::encode(modulus(pair.public)),
                    "e": "AQAB",
                }),
                Family::P256 => ec("P-256", pair.public, 32),
                Family::P384 => ec("P-384", pair.public, 48),
                Family::P521 => ec("P-521", pair.public, 66),
                Family::Ed25519 => json!({
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "x": base64url::encode(tail(pair.public, 32)),
                }),
                Family::Hmac => Value::Null,
            },
        };
        jwk["kid"] = json!(&*self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm.name());
        jwk
    }

    /// The public key, parsed.
    ///
    /// # Panics
    /// Never for a fixed key; for a secret that is too short.
    #[must_use]
    pub fn jwk(&self) -> Jwk {
        Jwk::parse(self.jwk_json().to_string().as_bytes()).expect("the fixed keys are sound")
    }

    /// Every text and byte string that the public key is known by, with the name of the form: what
    /// an attacker tries as an HMAC secret.
    #[must_use]
    pub fn public_encodings(&self) -> Vec<(&'static str, Vec<u8>)> {
        let Material::Pair(pair) = &self.material else { return Vec::new() };
        let jwk = self.jwk_json();
        let pem = pem("PUBLIC KEY", pair.public);
        let mut all = vec![
            ("empty", Vec::new()),
            ("PEM SPKI", pem.clone().into_bytes()),
            ("PEM SPKI without the last newline", pem.trim_end().as_bytes().to_vec()),
            ("PEM SPKI with CRLF", pem.replace('\n', "\r\n").into_bytes()),
            ("DER SPKI", pair.public.to_vec()),
            ("base64 of the DER", STANDARD.encode(pair.public).into_bytes()),
            ("JWK", jwk.to_string().into_bytes()),
            ("JWK, pretty", format!("{jwk:#}").into_bytes()),
            ("JWK set", json!({ "keys": [jwk] }).to_string().into_bytes()),
        ];
        match self.algorithm.family() {
            Family::Rsa => {
                let pkcs1 = &pair.public[SPKI_RSA_HEADER..];
                let n = modulus(pair.public);
                all.push(("PEM PKCS#1", self::pem("RSA PUBLIC KEY", pkcs1).into_bytes()));
                all.push(("DER PKCS#1", pkcs1.to_vec()));
                all.push(("modulus", n.to_vec()));
                all.push(("modulus, base64url", base64url::encode(n).into_bytes()));
                let blob = ssh(&[b"ssh-rsa", &[1, 0, 1], &[&[0], n].concat()]);
                all.push(("SSH line", format!("ssh-rsa {blob}").into_bytes()));
            }
            Family::Ed25519 => {
                let x = tail(pair.public, 32);
                all.push(("x", x.to_vec()));
                let blob = ssh(&[b"ssh-ed25519", x]);
                all.push(("SSH line", format!("ssh-ed25519 {blob}").into_bytes()));
            }
            Family::P256 => {
                let point = tail(pair.public, 65);
                all.push(("point", point.to_vec()));
                let blob = ssh(&[b"ecdsa-sha2-nistp256", b"nistp256", point]);
                all.push(("SSH line", format!("ecdsa-sha2-nistp256 {blob}").into_bytes()));
            }
            Family::P384 => all.push(("point", tail(pair.public, 97).to_vec())),
            Family::P521 => all.push(("point", tail(pair.public, 133).to_vec())),
            Family::Hmac => {}
        }
        if let Some(certificate) = pair.certificate {
            all.push(("PEM X.509", self::pem("CERTIFICATE", certificate).into_bytes()));
        }
        all
    }

    /// The self-signed certificate of an RSA key, DER.
    #[must_use]
    pub const fn certificate(&self) -> Option<&'static [u8]> {
        match &self.material {
            Material::Pair(pair) => pair.certificate,
            Material::Secret(_) => None,
        }
    }

    /// Signs.
    ///
    /// # Panics
    /// The algorithm is of another kind than the key, or it is ES512 without the feature `aws-lc`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        #[cfg(feature = "aws-lc")]
        if let (Algorithm::ES512, Material::Pair(pair)) = (self.algorithm, &self.material) {
            return sign_es512(pair.private, message);
        }
        let key = match (&self.material, self.algorithm.family()) {
            (Material::Secret(secret), _) => jsonwebtoken::EncodingKey::from_secret(secret),
            (Material::Pair(pair), Family::Rsa) => {
                jsonwebtoken::EncodingKey::from_rsa_der(pair.private)
            }
            (Material::Pair(pair), Family::Ed25519) => {
                jsonwebtoken::EncodingKey::from_ed_der(pair.private)
            }
            (Material::Pair(pair), _) => jsonwebtoken::EncodingKey::from_ec_der(pair.private),
        };
        #[cfg(feature = "aws-lc")]
        let provider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
        #[cfg(not(feature = "aws-lc"))]
        let provider = &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
        let algorithm = jsonwebtoken_name(self.algorithm);
        (provider.signer_factory)(&algorithm, &key)
            .and_then(|signer| Ok(signer.try_sign(message)?))
            .unwrap_or_else(|error| panic!("{self:?} cannot sign: {error}"))
    }

    /// What [`restore`](Self::restore) makes the same key from.
    pub(super) fn save(&self) -> Value {
        let mut saved = json!({ "kid": &*self.kid, "alg": self.algorithm.name() });
        match &self.material {
            Material::Pair(pair) => {
                let number = pairs(self.algorithm).iter().position(|one| std::ptr::eq(one, *pair));
                saved["number"] = json!(number);
            }
            Material::Secret(secret) => saved["secret"] = json!(base64url::encode(secret)),
        }
        saved
    }

    /// `None` if it is no key.
    pub(super) fn restore(saved: &Value) -> Option<Self> {
        let algorithm = Algorithm::parse(saved["alg"].as_str()?)?;
        let material = match saved["secret"].as_str() {
            Some(secret) => Material::Secret(base64url::decode(secret)?.into()),
            None if algorithm.is_symmetric() => return None,
            None => {
                let number = usize::try_from(saved["number"].as_u64()?).ok()?;
                Material::Pair(pairs(algorithm).get(number)?)
            }
        };
        Some(Self { kid: saved["kid"].as_str()?.into(), algorithm, material })
    }

    pub(super) fn signs(&self, algorithm: Algorithm) -> bool {
        self.algorithm.family() == algorithm.family()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?}, {})", self.kid, self.algorithm)
    }
}

fn pairs(algorithm: Algorithm) -> &'static [Pair] {
    match algorithm.family() {
        Family::Rsa => &RSA,
        Family::P256 => &P256,
        Family::P384 => &P384,
        Family::P521 => &P521,
        Family::Ed25519 => &ED25519,
        Family::Hmac => panic!("{algorithm} has no key pairs; use SigningKey::hmac"),
    }
}

#[cfg(feature = "aws-lc")]
fn sign_es512(private: &[u8], message: &[u8]) -> Vec<u8> {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair},
    };
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P521_SHA512_FIXED_SIGNING, private)
        .expect("the fixed keys are sound");
    key.sign(&SystemRandom::new(), message).expect("a sound key signs").as_ref().to_vec()
}

fn jsonwebtoken_name(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::HS256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::HS384 => jsonwebtoken::Algorithm::HS384,
        Algorithm::HS512 => jsonwebtoken::Algorithm::HS512,
        Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::RS384 => jsonwebtoken::Algorithm::RS384,
        Algorithm::RS512 => jsonwebtoken::Algorithm::RS512,
        Algorithm::PS256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::PS384 => jsonwebtoken::Algorithm::PS384,
        Algorithm::PS512 => jsonwebtoken::Algorithm::PS512,
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::ES384 => jsonwebtoken::Algorithm::ES384,
        Algorithm::EdDSA | Algorithm::Ed25519 => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::ES512 => panic!("ES512 needs the feature `aws-lc`"),
    }
}

fn ec(curve: &str, public: &[u8], coordinate: usize) -> Value {
    let (x, y) = tail(public, 2 * coordinate).split_at(coordinate);
    json!({ "kty": "EC", "crv": curve, "x": base64url::encode(x), "y": base64url::encode(y) })
}

fn modulus(public: &[u8]) -> &[u8] {
    // behind the headers of the sequence and of the integer, which has a leading zero
    &public[SPKI_RSA_HEADER + 9..][..256]
}

fn tail(bytes: &[u8], length: usize) -> &[u8] {
    &bytes[bytes.len() - length..]
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        lines.extend(line.iter().map(|byte| char::from(*byte)));
        lines.push('\n');
    }
    lines + &format!("-----END {label}-----\n")
}

fn ssh(fields: &[&[u8]]) -> String {
    let mut blob = Vec::new();
    for field in fields {
        blob.extend_from_slice(&u32::try_from(field.len()).unwrap_or_default().to_be_bytes());
        blob.extend_from_slice(field);
    }
    STANDARD.encode(blob)
}

macro_rules! pair {
    ($name:literal) => {
        pair!($name, None)
    };
    ($name:literal with certificate) => {
        pair!($name, Some(include_bytes!(concat!("keys/", $name, ".certificate.der"))))
    };
    ($name:literal, $certificate:expr) => {
        Pair {
            private: include_bytes!(concat!("keys/", $name, ".private.der")),
            public: include_bytes!(concat!("keys/", $name, ".public.der")),
            certificate: $certificate,
        }
    };
}

static RSA: [Pair; 4] = [
    pair!("rsa-1" with certificate),
    pair!("rsa-2" with certificate),
    pair!("rsa-3" with certificate),
    pair!("rsa-4" with certificate),
];
static P256: [Pair; 3] = [pair!("p256-1"), pair!("p256-2"), pair!("p256-3")];
static P384: [Pair; 3] = [pair!("p384-1"), pair!("p384-2"), pair!("p384-3")];
static P521: [Pair; 3] = [pair!("p521-1"), pair!("p521-2"), pair!("p521-3")];
static ED25519: [Pair; 3] = [pair!("ed25519-1"), pair!("ed25519-2"), pair!("ed25519-3")];

/// The bytes of a SubjectPublicKeyInfo before the PKCS#1 key of 2048 bits.
const SPKI_RSA_HEADER: usize = 24;
