//! JSON Web Keys (RFC 7517), as far as they verify signatures.

use std::{borrow::Cow, fmt};

use super::Algorithm;
use crate::{
    base64url,
    crypto::{self, Curve, Family, MacKey, PublicKey, VerifyingKey},
    json::{JsonError, Object, Raw},
    secret::Secret,
};

/// A key that was parsed and is therefore sound: RSA of 2048 to 8192 bits with an exponent from
/// 65537, a point on P-256, P-384 or P-521, Ed25519 outside the small subgroup, or a secret.
///
/// Private members are noticed ([`is_private`](Self::is_private)) and never kept. What the key may be
/// used for is asked with [`fits`](Self::fits).
///
/// ```
/// use portcullis::jwt::{Algorithm, Jwk};
///
/// // RFC 8037 appendix A.2
/// let jwk = Jwk::parse(
///     br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
/// )?;
/// assert!(jwk.fits(Algorithm::EdDSA) && !jwk.fits(Algorithm::ES256));
/// assert_eq!(jwk.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// # Ok::<(), portcullis::jwt::JwkError>(())
/// ```
pub struct Jwk {
    kid: Option<Box<str>>,
    /// The `alg` member: the one algorithm that the key is for (RFC 7517 §4.4).
    pinned: Option<Box<str>>,
    verifies: bool,
    private: bool,
    material: Material,
    /// The key prepared for each algorithm that it fits.
    verifiers: Box<[(Algorithm, Verifier)]>,
}

enum Material {
    Public(PublicKey),
    Symmetric(Secret),
}

#[derive(Debug)]
enum Verifier {
    /// Boxed: it is a thousand bytes larger than the other.
    Mac(Box<MacKey>),
    Signature(VerifyingKey),
}

impl Jwk {
    /// Reads one key, a JSON object.
    ///
    /// Members that nobody here needs (`x5c`, `x5t`, …) are ignored. A key for another use or another
    /// algorithm is a key too; it fits nothing.
    ///
    /// # Errors
    /// Not strict JSON, an unknown key type or curve, a member of the wrong type, or numbers that are
    /// no sound key.
    pub fn parse(document: &[u8]) -> Result<Self, JwkError> {
        let object = Object::parse(document).map_err(|error| JwkError::new(None, error))?;
        Self::read(&object)
    }

    /// The key's name (`kid`).
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key type (`kty`): `RSA`, `EC`, `OKP` or `oct`.
    #[must_use]
    pub const fn key_type(&self) -> &'static str {
        match &self.material {
            Material::Public(PublicKey::Rsa { .. }) => "RSA",
            Material::Public(PublicKey::Ec { .. }) => "EC",
            Material::Public(PublicKey::Ed25519(_)) => "OKP",
            Material::Symmetric(_) => "oct",
        }
    }

    /// The one algorithm that the key names (`alg`), if it names one that this crate verifies.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.pinned.as_deref().and_then(Algorithm::parse)
    }

    /// Whether the key may verify a signature of this algorithm:
    ///
    /// 1. type and curve are those of the algorithm, a secret is as long as its hash
    ///    (RFC 7518 §3.2);
    /// 2. `alg`, if present, is exactly its name;
    /// 3. `use`, if present, is `sig`;
    /// 4. `key_ops`, if present, has `verify`, and with a `use` nothing but `sign` and `verify`
    ///    (RFC 7517 §4.3).
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.verifier(algorithm).is_some()
    }

    /// Whether the document held private members, or is a secret as a whole (`oct`).
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.private
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638). That of a private key is that of its public
    /// half.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        base64url::encode(crypto::sha256(self.canonical().as_bytes()))
    }

    /// The thumbprint as a URI (RFC 9278).
    #[must_use]
    pub fn thumbprint_uri(&self) -> String {
        format!("urn:ietf:params:oauth:jwk-thumbprint:sha-256:{}", self.thumbprint())
    }

    /// A secret for one HMAC algorithm; `None` if it is too short or the algorithm is no HMAC.
    pub(crate) fn symmetric(
        kid: Option<&str>,
        algorithm: Algorithm,
        secret: Secret,
    ) -> Option<Self> {
        let verifier = Verifier::Mac(Box::new(MacKey::new(algorithm, &secret)?));
        Some(Self {
            kid: kid.map(Into::into),
            pinned: Some(algorithm.name().into()),
            verifies: true,
            private: true,
            material: Material::Symmetric(secret),
            verifiers: Box::new([(algorithm, verifier)]),
        })
    }

    pub(crate) const fn is_symmetric(&self) -> bool {
        matches!(self.material, Material::Symmetric(_))
    }

    /// Whether the signature is one of this message under this key. `false`, too, where the key does
    /// not [fit](Self::fits).
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self.verifier(algorithm) {
            Some(Verifier::Mac(key)) => key.verify(message, signature),
            Some(Verifier::Signature(key)) => key.verify(message, signature),
            None => false,
        }
    }

    pub(crate) fn read(object: &Object<'_>) -> Result<Self, JwkError> {
        let kid = text(object, "kid").map_err(|error| JwkError::new(None, error))?;
        Self::read_named(object, kid.as_deref())
            .map_err(|problem| JwkError { kid: kid.as_deref().map(Into::into), problem })
    }

    fn read_named(object: &Object<'_>, kid: Option<&str>) -> Result<Self, Cow<'static, str>> {
        let pinned = text(object, "alg")?.map(|alg| Box::from(&*alg));
        let verifies = may_verify(object)?;
        let kty = text(object, "kty")?.ok_or_else(|| no_type(object))?;
        let material = match &*kty {
            "RSA" => PublicKey::rsa(&octets(object, "n")?, &octets(object, "e")?)
                .map(Material::Public)?,
            "EC" => {
                let curve = match &*text(object, "crv")?.ok_or("crv is missing")? {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    _ => return Err("the curve is unknown".into()),
                };
                PublicKey::ec(curve, &octets(object, "x")?, &octets(object, "y")?)
                    .map(Material::Public)?
            }
            "OKP" => match &*text(object, "crv")?.ok_or("crv is missing")? {
                "Ed25519" => PublicKey::ed25519(&octets(object, "x")?).map(Material::Public)?,
                _ => return Err("the curve is unknown".into()),
            },
            "oct" => match octets(object, "k")? {
                secret if secret.is_empty() => return Err("the secret is empty".into()),
                secret => Material::Symmetric(Secret::from(secret)),
            },
            _ => return Err("the key type is unknown".into()),
        };
        let private = matches!(material, Material::Symmetric(_))
            || PRIVATE_MEMBERS.iter().any(|name| object.get(name).is_some());
        let verifiers = prepare(&material, pinned.as_deref())?;
        let kid = kid.map(Into::into);
        Ok(Self { kid, pinned, verifies, private, material, verifiers })
    }

    fn verifier(&self, algorithm: Algorithm) -> Option<&Verifier> {
        if !self.verifies || self.pinned.as_deref().is_some_and(|pin| pin != algorithm.name()) {
            return None;
        }
        self.verifiers.iter().find(|(known, _)| *known == algorithm).map(|(_, verifier)| verifier)
    }

    /// The required members in the order of RFC 7638 §3.2. None of them needs an escape.
    fn canonical(&self) -> String {
        let encode = |bytes: &[u8]| base64url::encode(bytes);
        match &self.material {
            Material::Public(PublicKey::Rsa { modulus, exponent }) => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(exponent), encode(modulus))
            }
            Material::Public(PublicKey::Ec { curve, point }) => {
                let crv = match curve {
                    Curve::P256 => "P-256",
                    Curve::P384 => "P-384",
                    Curve::P521 => "P-521",
                };
                let coordinates = point.get(1..).unwrap_or_default();
                let mut halves = coordinates.chunks(curve.coordinate()).map(encode);
                let (x, y) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Material::Public(PublicKey::Ed25519(key)) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(key))
            }
            Material::Symmetric(secret) => {
                format!(r#"{{"k":"{}","kty":"oct"}}"#, encode(secret.expose()))
            }
        }
    }
}

impl PartialEq for Jwk {
    /// The same key with the same name for the same use.
    fn eq(&self, other: &Self) -> bool {
        self.kid == other.kid
            && self.pinned == other.pinned
            && self.verifies == other.verifies
            && self.private == other.private
            && match (&self.material, &other.material) {
                (Material::Public(a), Material::Public(b)) => a == b,
                (Material::Symmetric(a), Material::Symmetric(b)) => {
                    crypto::equal(a.expose(), b.expose())
                }
                _ => false,
            }
    }
}

impl Eq for Jwk {}

impl fmt::Debug for Jwk {
    /// Type, name and thumbprint. A secret has no thumbprint here: it would be a hash to guess at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Jwk");
        shown.field("kty", &self.key_type()).field("kid", &self.kid());
        if !self.is_symmetric() {
            shown.field("thumbprint", &self.thumbprint());
        }
        shown.finish_non_exhaustive()
    }
}

/// Why something is no key, or no set of keys. Its text holds no value but the `kid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwkError {
    kid: Option<Box<str>>,
    problem: Cow<'static, str>,
}

impl JwkError {
    pub(crate) fn new(kid: Option<&str>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { kid: kid.map(Into::into), problem: problem.into() }
    }

    /// The name of the key, where it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kid {
            Some(kid) => {
                let kid = crate::error::printable(kid, 64);
                write!(f, "key {kid:?}: {}", self.problem)
            }
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for JwkError {}

impl From<JsonError> for Cow<'static, str> {
    fn from(error: JsonError) -> Self {
        error.message().into()
    }
}

/// Prepares a public key for every algorithm of its family, also where `alg` or `use` will let none
/// of them through: this is where a point off its curve is found.
fn prepare(
    material: &Material,
    pinned: Option<&str>,
) -> Result<Box<[(Algorithm, Verifier)]>, Cow<'static, str>> {
    match material {
        Material::Public(key) => {
            let mut verifiers = Vec::new();
            for algorithm in Algorithm::ALL.iter().filter(|alg| alg.family() == family(key)) {
                if let Some(verifier) = VerifyingKey::new(*algorithm, key) {
                    verifiers.push((*algorithm, Verifier::Signature(verifier)));
                }
            }
            if verifiers.is_empty() {
                return Err("the numbers are no key, or the algorithm is not supported".into());
            }
            Ok(verifiers.into())
        }
        Material::Symmetric(secret) => {
            if let Some(algorithm) = pinned.and_then(Algorithm::parse)
                && secret.expose().len() < algorithm.least_secret()
            {
                return Err(format!("the secret is too short for {algorithm}").into());
            }
            let macs = Algorithm::ALL.iter().filter_map(|algorithm| {
                Some((*algorithm, Verifier::Mac(Box::new(MacKey::new(*algorithm, secret)?))))
            });
            Ok(macs.collect())
        }
    }
}

const fn family(key: &PublicKey) -> Family {
    match key {
        PublicKey::Rsa { .. } => Family::Rsa,
        PublicKey::Ec { curve: Curve::P256, .. } => Family::P256,
        PublicKey::Ec { curve: Curve::P384, .. } => Family::P384,
        PublicKey::Ec { curve: Curve::P521, .. } => Family::P521,
        PublicKey::Ed25519(_) => Family::Ed25519,
    }
}

/// RFC 7517 §4.2 and §4.3.
fn may_verify(object: &Object<'_>) -> Result<bool, Cow<'static, str>> {
    let usage = text(object, "use")?;
    let mut verifies = usage.as_deref().is_none_or(|usage| usage == "sig");
    if let Some(operations) = operations(object)? {
        verifies &= operations.iter().any(|operation| operation == "verify");
        verifies &= usage.is_none() || operations.iter().all(|it| it == "verify" || it == "sign");
    }
    Ok(verifies)
}

/// The value of `key_ops`: strings, none of them twice.
pub(super) fn operations<'a>(
    object: &Object<'a>,
) -> Result<Option<Vec<Cow<'a, str>>>, Cow<'static, str>> {
    let Some(operations) = object.get("key_ops") else { return Ok(None) };
    let mut seen: Vec<Cow<'_, str>> = Vec::new();
    for operation in operations.as_array().map_err(|_| "key_ops is no array")? {
        let operation = operation.as_str().map_err(|_| "key_ops holds more than strings")?;
        if seen.contains(&operation) {
            return Err("key_ops holds an operation twice".into());
        }
        if seen.len() >= MOST_OPERATIONS {
            return Err("key_ops holds too many operations".into());
        }
        seen.push(operation);
    }
    Ok(Some(seen))
}

pub(super) fn text<'a>(
    object: &Object<'a>,
    name: &'static str,
) -> Result<Option<Cow<'a, str>>, Cow<'static, str>> {
    object
        .get(name)
        .map(Raw::as_str)
        .transpose()
        .map_err(|_| format!("{name} is not a string").into())
}

pub(super) fn octets(
    object: &Object<'_>,
    name: &'static str,
) -> Result<Vec<u8>, Cow<'static, str>> {
    let text = text(object, name)?.ok_or_else(|| format!("{name} is missing"))?;
    base64url::decode(text.as_bytes()).ok_or_else(|| format!("{name} is not base64url").into())
}

/// What to say where `kty` is missing: often the document is a whole set.
pub(super) fn no_type(object: &Object<'_>) -> &'static str {
    match object.get("keys") {
        None => "kty is missing",
        Some(_) => "kty is missing: this is a set of keys; give one of them",
    }
}

/// RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2.
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];
/// RFC 7517 §4.3 registers eight.
const MOST_OPERATIONS: usize = 16;

#[cfg(test)]
mod tests;
