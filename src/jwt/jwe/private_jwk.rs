//! Private JWKs (RFC 7518 §6), as far as they decrypt.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{ContentEncryption, KeyManagement};
use crate::{
    crypto::{AgreementCurve, RsaNumbers},
    json::Object,
    jwt::{
        JwkError,
        jwk::{no_type, octets, operations, text},
    },
    secret::Secret,
};

/// What a document says about a private key; that the numbers belong together is found out when they
/// are used.
pub(super) struct PrivateJwk {
    pub(super) kid: Option<Box<str>>,
    pub(super) algorithm: KeyManagement,
    /// For which encryption a secret is the content key, or why for none.
    pub(super) direct: Result<ContentEncryption, &'static str>,
    pub(super) numbers: Numbers,
}

pub(super) enum Numbers {
    /// The private and the public key.
    Agreement(AgreementCurve, Zeroizing<Vec<u8>>, Vec<u8>),
    Rsa(Box<PrivateRsa>),
    Secret(Secret),
}

/// The eight numbers, in the order of [`RSA_MEMBERS`].
pub(super) struct PrivateRsa([Zeroizing<Vec<u8>>; 8]);

impl PrivateRsa {
    pub(super) fn borrowed(&self) -> RsaNumbers<'_> {
        let [n, e, d, p, q, dp, dq, qi] = &self.0;
        RsaNumbers { n, e, d, p, q, dp, dq, qi }
    }
}

type Problem = Cow<'static, str>;

impl PrivateJwk {
    pub(super) fn parse(
        document: &[u8],
        algorithm: Option<KeyManagement>,
    ) -> Result<Self, JwkError> {
        let object = Object::parse(document).map_err(|error| JwkError::new(None, error))?;
        let kid = text(&object, "kid").map_err(|problem| JwkError::new(None, problem))?;
        let read = Self::read(&object, algorithm);
        let read = read.map_err(|problem| JwkError::new(kid.as_deref(), problem))?;
        Ok(Self { kid: kid.as_deref().map(Into::into), ..read })
    }

    fn read(object: &Object<'_>, algorithm: Option<KeyManagement>) -> Result<Self, Problem> {
        let named = text(object, "alg")?;
        let numbers = Numbers::read(object)?;
        let (algorithm, enc) = choose(named.as_deref(), algorithm)?;
        may_decrypt(object, algorithm)?;
        let direct = match (&numbers, enc) {
            (Numbers::Secret(secret), enc) => direct(secret.expose().len(), enc),
            _ => Err("only a secret encrypts directly"),
        };
        Ok(Self { kid: None, algorithm, direct, numbers })
    }
}

/// The algorithm, from the JWK or from who reads it. An `enc` in its place means `dir`.
fn choose(
    named: Option<&str>,
    given: Option<KeyManagement>,
) -> Result<(KeyManagement, Option<ContentEncryption>), Problem> {
    let (algorithm, enc) = match named {
        None => {
            let algorithm = given.ok_or("alg is missing; from_jwk_for() says it in its place")?;
            return Ok((algorithm, None));
        }
        Some(name) => match ContentEncryption::parse(name) {
            Some(enc) => (KeyManagement::Dir, Some(enc)),
            None => (KeyManagement::parse(name).ok_or("alg is no supported way to decrypt")?, None),
        },
    };
    if given.is_some_and(|given| given != algorithm) {
        return Err("alg names another algorithm".into());
    }
    Ok((algorithm, enc))
}

/// RFC 8725 §3.1: one secret, one encryption. 32 bytes could be for two; where nothing is said they
/// are for the authenticated mode that needs no composition.
fn direct(
    length: usize,
    enc: Option<ContentEncryption>,
) -> Result<ContentEncryption, &'static str> {
    let usual = match length {
        16 => Ok(ContentEncryption::A128Gcm),
        32 => Ok(ContentEncryption::A256Gcm),
        64 => Ok(ContentEncryption::A256CbcHs512),
        _ => Err("the secret has the length of no encryption"),
    };
    match enc {
        None => usual,
        Some(enc) if enc.key_length() == length => Ok(enc),
        Some(_) => Err("the secret has not the length that alg wants"),
    }
}

/// RFC 7517 §4.2 and §4.3.
fn may_decrypt(object: &Object<'_>, algorithm: KeyManagement) -> Result<(), Problem> {
    if text(object, "use")?.is_some_and(|usage| usage != "enc") {
        return Err("use is not enc".into());
    }
    let suitable: &[&str] = match algorithm {
        KeyManagement::Dir => &["decrypt"],
        KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => &["decrypt", "unwrapKey"],
        KeyManagement::A128Kw | KeyManagement::A256Kw => &["unwrapKey"],
        KeyManagement::EcdhEs | KeyManagement::EcdhEsA128Kw | KeyManagement::EcdhEsA256Kw => {
            &["deriveKey", "deriveBits"]
        }
    };
    match operations(object)? {
        Some(operations) if !operations.iter().any(|it| suitable.contains(&&**it)) => {
            Err("key_ops does not allow it to decrypt".into())
        }
        _ => Ok(()),
    }
}

impl Numbers {
    fn read(object: &Object<'_>) -> Result<Self, Problem> {
        let private = |name| octets(object, name).map(Zeroizing::new);
        match &*text(object, "kty")?.ok_or_else(|| no_type(object))? {
            "RSA" if object.get("oth").is_some() => {
                Err("RSA keys of more than two primes are not supported".into())
            }
            "RSA" => {
                let mut numbers = RSA_MEMBERS.map(|_| Zeroizing::new(Vec::new()));
                for (number, name) in numbers.iter_mut().zip(RSA_MEMBERS) {
                    *number = private(name)?;
                }
                Ok(Self::Rsa(Box::new(PrivateRsa(numbers))))
            }
            kty @ ("EC" | "OKP") => {
                let curve = text(object, "crv")?.ok_or("crv is missing")?;
                let curve = AgreementCurve::parse(&curve)
                    .filter(|curve| curve.key_type() == kty)
                    .ok_or("the curve is not one to agree on a key with")?;
                let y = if kty == "EC" { Some(octets(object, "y")?) } else { None };
                let public = curve.public(&octets(object, "x")?, y.as_deref());
                let public = public.ok_or("a coordinate has not the length of the curve")?;
                Ok(Self::Agreement(curve, private("d")?, public))
            }
            "oct" => match octets(object, "k")? {
                secret if secret.is_empty() => Err("the secret is empty".into()),
                secret => Ok(Self::Secret(Secret::from(secret))),
            },
            _ => Err("the key type is unknown".into()),
        }
    }
}

/// RFC 7518 §6.3.
const RSA_MEMBERS: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
