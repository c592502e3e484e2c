//! A key that decrypts.

use std::{fmt, sync::Arc};

use super::{
    ContentEncryption, KeyManagement,
    compact::Header,
    private_jwk::{self, PrivateJwk},
};
use crate::{
    crypto::{AgreementKey, OaepHash, OaepKey, WrappingKey},
    error::{BuildError, printable},
    jwt::JwkError,
    secret::Secret,
};

/// A private or shared key of this service, for one [`KeyManagement`] algorithm (RFC 8725 §3.1).
///
/// It is made from a JWK or from the bytes of a secret, and shows neither. A clone is a reference
/// count.
///
/// ```
/// use portcullis::jwt::jwe::{ContentEncryption, DecryptionKey};
///
/// let key = DecryptionKey::key_wrap(&[7; 32][..])?.with_kid("k1");
/// assert_eq!(format!("{key:?}"), r#"DecryptionKey("k1", A256KW)"#);
/// let direct = DecryptionKey::direct(ContentEncryption::A256Gcm, &[7; 32][..])?;
/// assert!(DecryptionKey::direct(ContentEncryption::A256Gcm, &[7; 16][..]).is_err());
/// # let _ = direct;
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone)]
pub struct DecryptionKey(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kid: Option<Box<str>>,
    algorithm: KeyManagement,
    content: Vec<ContentEncryption>,
    material: Arc<Material>,
}

/// The key prepared for its algorithm.
pub(super) enum Material {
    Agreement(AgreementKey),
    Direct(Secret),
    Rsa(OaepKey),
    Wrapping(WrappingKey),
}

impl DecryptionKey {
    /// Reads one private key, a JWK (RFC 7517, RFC 7518 §6). Its `alg` names the algorithm. For a
    /// secret that encrypts directly that is the `enc` that it is for, as RFC 7520 §5.6 has it; or
    /// `dir`, and then it is for AES-GCM with 16 or 32 bytes, for A256CBC-HS512 with 64.
    ///
    /// # Errors
    /// Not strict JSON, no `alg`, one that is not supported or does not fit the key, a `use` other
    /// than `enc`, or numbers that are no sound key pair. An RSA key needs all of its numbers, from
    /// `n` to `qi`.
    pub fn from_jwk(document: &[u8]) -> Result<Self, JwkError> {
        Self::read(document, None)
    }

    /// The same for a JWK without `alg`.
    ///
    /// # Errors
    /// As for [`from_jwk`](Self::from_jwk), or the JWK names another algorithm.
    pub fn from_jwk_for(document: &[u8], algorithm: KeyManagement) -> Result<Self, JwkError> {
        Self::read(document, Some(algorithm))
    }

    /// A secret that wraps content keys: `A128KW` with 16 bytes, `A256KW` with 32.
    ///
    /// # Errors
    /// A secret of another length.
    pub fn key_wrap(secret: impl Into<Secret>) -> Result<Self, BuildError> {
        let secret = secret.into();
        let algorithm = match secret.expose().len() {
            16 => KeyManagement::A128Kw,
            32 => KeyManagement::A256Kw,
            length => return Err(wrong_length(length, "16 or 32")),
        };
        let key = WrappingKey::new(secret.expose()).map(Material::Wrapping);
        key.map(|key| Self::new(None, algorithm, ContentEncryption::ALL.to_vec(), key))
            .ok_or_else(|| wrong_length(secret.expose().len(), "16 or 32"))
    }

    /// A secret that is the content key itself (`dir`), for this one encryption.
    ///
    /// # Errors
    /// A secret that is not exactly as long as the encryption wants it.
    pub fn direct(enc: ContentEncryption, secret: impl Into<Secret>) -> Result<Self, BuildError> {
        let secret = secret.into();
        if secret.expose().len() != enc.key_length() {
            return Err(wrong_length(secret.expose().len(), &enc.key_length().to_string()));
        }
        Ok(Self::new(None, KeyManagement::Dir, vec![enc], Material::Direct(secret)))
    }

    /// The same key under this name. A token that names another key is not tried with it; one that
    /// names none is.
    #[must_use]
    pub fn with_kid(mut self, kid: &str) -> Self {
        Arc::make_mut(&mut self.0).kid = Some(kid.into());
        self
    }

    /// Only for content that is encrypted so. Default: every [`ContentEncryption`]; for a secret that
    /// encrypts directly, its one.
    #[must_use]
    pub fn only_for(mut self, content: impl IntoIterator<Item = ContentEncryption>) -> Self {
        let content: Vec<_> = content.into_iter().collect();
        Arc::make_mut(&mut self.0).content.retain(|enc| content.contains(enc));
        self
    }

    /// Its name (`kid`).
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// The one algorithm that it is for.
    #[must_use]
    pub fn algorithm(&self) -> KeyManagement {
        self.0.algorithm
    }

    pub(super) fn material(&self) -> &Material {
        &self.0.material
    }

    /// Whether the token may be for it.
    pub(super) fn fits(&self, header: &Header<'_>) -> bool {
        let curve = match self.material() {
            Material::Agreement(key) => {
                header.epk.as_ref().is_some_and(|epk| epk.curve == key.curve())
            }
            Material::Direct(_) | Material::Rsa(_) | Material::Wrapping(_) => true,
        };
        self.0.algorithm == header.alg && self.0.content.contains(&header.enc) && curve
    }

    /// Whether the two are the same value.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn new(
        kid: Option<&str>,
        algorithm: KeyManagement,
        content: Vec<ContentEncryption>,
        material: Material,
    ) -> Self {
        let (kid, material) = (kid.map(Into::into), Arc::new(material));
        Self(Arc::new(Inner { kid, algorithm, content, material }))
    }

    fn read(document: &[u8], algorithm: Option<KeyManagement>) -> Result<Self, JwkError> {
        let jwk = PrivateJwk::parse(document, algorithm)?;
        let (algorithm, mut content) = (jwk.algorithm, ContentEncryption::ALL.to_vec());
        let fail = |problem: &str| JwkError::new(jwk.kid.as_deref(), problem.to_owned());
        let material = match (algorithm, jwk.numbers) {
            (KeyManagement::RsaOaep, private_jwk::Numbers::Rsa(numbers)) => {
                OaepKey::new(OaepHash::Sha1, &numbers.borrowed())
                    .map(Material::Rsa)
                    .map_err(fail)?
            }
            (KeyManagement::RsaOaep256, private_jwk::Numbers::Rsa(numbers)) => {
                OaepKey::new(OaepHash::Sha256, &numbers.borrowed())
                    .map(Material::Rsa)
                    .map_err(fail)?
            }
            (KeyManagement::Dir, private_jwk::Numbers::Secret(secret)) => {
                content = vec![jwk.direct.map_err(fail)?];
                Material::Direct(secret)
            }
            (
                KeyManagement::A128Kw | KeyManagement::A256Kw,
                private_jwk::Numbers::Secret(secret),
            ) => Some(secret.expose())
                .filter(|secret| Some(secret.len()) == algorithm.wrapping())
                .and_then(WrappingKey::new)
                .map(Material::Wrapping)
                .ok_or_else(|| fail("the secret has not the length that alg wants"))?,
            (
                KeyManagement::EcdhEs | KeyManagement::EcdhEsA128Kw | KeyManagement::EcdhEsA256Kw,
                private_jwk::Numbers::Agreement(curve, private, public),
            ) => AgreementKey::new(curve, &private, &public)
                .map(Material::Agreement)
                .ok_or_else(|| fail("the numbers are no key pair of the curve"))?,
            _ => return Err(fail("the key is of another type than alg wants")),
        };
        Ok(Self::new(jwk.kid.as_deref(), algorithm, content, material))
    }
}

impl fmt::Debug for DecryptionKey {
    /// Name and algorithm, nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kid() {
            Some(kid) => write!(f, "DecryptionKey({:?}, {})", printable(kid, 64), self.algorithm()),
            None => write!(f, "DecryptionKey({})", self.algorithm()),
        }
    }
}

fn wrong_length(found: usize, expected: &str) -> BuildError {
    let problem = format!("the secret has {found} bytes; give {expected}");
    BuildError::invalid("decryption_keys", problem)
}
