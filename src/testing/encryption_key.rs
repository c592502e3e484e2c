//! Fixed keys to encrypt to.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    base64url,
    crypto::{
        AgreementCurve, AgreementKey, OaepHash, WrappingKey, derive_concat, encrypt_oaep,
        fill_random,
    },
    jwt::jwe::{ContentEncryption, DecryptionKey, KeyManagement},
};

/// A key that tokens are encrypted to, with its name, its `alg` and the `enc` of the content. A clone
/// is a reference count.
///
/// The material is fixed and **public**: it stands in the source of this crate.
///
/// ```
/// use portcullis::{
///     jwt::jwe::{self, KeyManagement},
///     testing::{EncryptionKey, MockIssuer},
/// };
///
/// let key = EncryptionKey::new("e1", KeyManagement::RsaOaep);
/// let token = MockIssuer::new().token().encrypted(&key).build();
/// assert_eq!(token.split('.').count(), 5);
///
/// let inside = jwe::decrypt(&token, &[key.decryption_key()])?;
/// assert_eq!(inside.expose().split(|byte| *byte == b'.').count(), 3);
/// # Ok::<(), portcullis::AuthError>(())
/// ```
#[derive(Clone)]
pub struct EncryptionKey {
    kid: Arc<str>,
    algorithm: KeyManagement,
    content: ContentEncryption,
    /// Private members and all.
    jwk: Arc<Map<String, Value>>,
}

impl EncryptionKey {
    /// The first fixed key for this algorithm: RSA with 2048 bits, P-256, or a secret. The content is
    /// encrypted by A256CBC-HS512.
    #[must_use]
    pub fn new(kid: &str, algorithm: KeyManagement) -> Self {
        Self::numbered(kid, algorithm, 0)
    }

    /// One of the fixed keys for this algorithm; they come round again after the last.
    #[must_use]
    pub fn numbered(kid: &str, algorithm: KeyManagement, number: usize) -> Self {
        let content = ContentEncryption::A256CbcHs512;
        let jwk = match algorithm {
            KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => {
                fixed(["rsa-1", "rsa-2"][number % 2])
            }
            KeyManagement::Dir => secret(&vec![SECRETS[number % 2]; content.key_length()]),
            _ if algorithm.agrees() => fixed("p256-1"),
            _ => secret(&vec![SECRETS[number % 2]; algorithm.wrapping().unwrap_or(32)]),
        };
        Self { kid: kid.into(), algorithm, content, jwk: Arc::new(jwk) }
    }

    /// A key for this algorithm that nobody has, by whatever name.
    #[must_use]
    pub fn stranger(kid: &str, algorithm: KeyManagement) -> Self {
        let key = Self::new(kid, algorithm);
        let jwk = match algorithm {
            KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => fixed("rsa-3"),
            _ if algorithm.agrees() => fixed("p256-2"),
            _ => secret(&vec![STRANGE; key.secret().len()]),
        };
        Self { jwk: Arc::new(jwk), ..key }
    }

    /// A secret that is the content key itself (`dir`).
    #[must_use]
    pub fn direct(kid: &str, content: ContentEncryption) -> Self {
        let jwk = Arc::new(secret(&vec![SECRETS[0]; content.key_length()]));
        Self { kid: kid.into(), algorithm: KeyManagement::Dir, content, jwk }
    }

    /// This secret.
    #[must_use]
    pub fn with_secret(mut self, bytes: &[u8]) -> Self {
        self.jwk = Arc::new(secret(bytes));
        self
    }

    /// The key of ECDH-ES on this curve: `P-256`, `P-384`, `P-521` or `X25519`.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn on_curve(mut self, curve: &str) -> Self {
        let name = format!("{}-1", curve.replace('-', "").to_ascii_lowercase());
        self.jwk = Arc::new(fixed(&name));
        self
    }

    /// The content is encrypted so.
    #[must_use]
    pub const fn with_content(mut self, content: ContentEncryption) -> Self {
        self.content = content;
        self
    }

    /// The same key for another algorithm of its kind.
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: KeyManagement) -> Self {
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
    pub const fn algorithm(&self) -> KeyManagement {
        self.algorithm
    }

    /// How the content is encrypted.
    #[must_use]
    pub const fn content(&self) -> ContentEncryption {
        self.content
    }

    /// The private key as a JWK, as a resource server's configuration has it: with `kid`, `use` and
    /// `alg`. For `dir` the `alg` is the one `enc`.
    #[must_use]
    pub fn private_jwk_json(&self) -> Value {
        let mut jwk = (*self.jwk).clone();
        let alg = match self.algorithm {
            KeyManagement::Dir => self.content.name(),
            other => other.name(),
        };
        for (name, value) in [("kid", &*self.kid), ("use", "enc"), ("alg", alg)] {
            jwk.insert(name.to_owned(), value.into());
        }
        jwk.into()
    }

    /// The private key, parsed.
    ///
    /// # Panics
    /// The key does not fit its algorithm; never for a fixed key.
    #[must_use]
    pub fn decryption_key(&self) -> DecryptionKey {
        DecryptionKey::from_jwk(self.private_jwk_json().to_string().as_bytes())
            .unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// Takes this content key, or finds one, and says what goes into the header and what is the
    /// encrypted key.
    pub(super) fn wrap(&self, content_key: Option<Vec<u8>>) -> Wrapped {
        let mut header = Map::new();
        let fresh = || {
            let mut key = vec![0; self.content.key_length()];
            fill_random(&mut key);
            key
        };
        let agreed = self.algorithm.agrees().then(|| self.agree(&mut header));
        let content_key = match (self.algorithm, &agreed) {
            (_, _) if content_key.is_some() => content_key.unwrap_or_default(),
            (KeyManagement::Dir, _) => self.secret(),
            (KeyManagement::EcdhEs, Some(agreed)) => agreed.clone(),
            _ => fresh(),
        };
        let encrypted_key = match (self.algorithm, agreed) {
            (KeyManagement::Dir | KeyManagement::EcdhEs, _) => Some(Vec::new()),
            (KeyManagement::RsaOaep, _) => self.encrypt(OaepHash::Sha1, &content_key),
            (KeyManagement::RsaOaep256, _) => self.encrypt(OaepHash::Sha256, &content_key),
            (_, Some(agreed)) => {
                WrappingKey::new(&agreed).and_then(|key| key.wrap_key(&content_key))
            }
            (_, None) => {
                WrappingKey::new(&self.secret()).and_then(|key| key.wrap_key(&content_key))
            }
        };
        let encrypted_key = encrypted_key.unwrap_or_else(|| panic!("{self:?} cannot encrypt"));
        Wrapped { header, content_key, encrypted_key }
    }

    fn encrypt(&self, hash: OaepHash, content_key: &[u8]) -> Option<Vec<u8>> {
        encrypt_oaep(hash, &self.number("n"), &self.number("e"), content_key)
    }

    /// RFC 7518 §4.6, from the sender's side.
    fn agree(&self, header: &mut Map<String, Value>) -> Vec<u8> {
        let crv = self.jwk["crv"].as_str().unwrap_or_default();
        let curve = AgreementCurve::parse(crv).unwrap_or_else(|| panic!("{crv} is not supported"));
        let (key, public) = AgreementKey::generate(curve);
        let mut epk = Map::new();
        epk.insert("kty".to_owned(), curve.key_type().into());
        epk.insert("crv".to_owned(), crv.into());
        let peer = if curve == AgreementCurve::X25519 {
            epk.insert("x".to_owned(), base64url::encode(&public).into());
            self.number("x")
        } else {
            let (x, y) = public[1..].split_at(curve.coordinate());
            epk.insert("x".to_owned(), base64url::encode(x).into());
            epk.insert("y".to_owned(), base64url::encode(y).into());
            [vec![4], self.number("x"), self.number("y")].concat()
        };
        header.insert("epk".to_owned(), epk.into());
        let agreed = key.agree(&peer).expect("the fixed keys are on their curves");
        let (name, length) = match self.algorithm.wrapping() {
            None => (self.content.name(), self.content.key_length()),
            Some(length) => (self.algorithm.name(), length),
        };
        let mut derived = vec![0; length];
        derive_concat(&agreed, name.as_bytes(), &[], &[], &mut derived);
        derived
    }

    fn secret(&self) -> Vec<u8> {
        self.number("k")
    }

    fn number(&self, name: &str) -> Vec<u8> {
        let text = self.jwk.get(name).and_then(Value::as_str);
        text.and_then(base64url::decode).unwrap_or_default()
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({:?}, {}, {})", self.kid, self.algorithm, self.content)
    }
}

/// A content key on its way to the recipient.
pub(super) struct Wrapped {
    pub(super) header: Map<String, Value>,
    pub(super) content_key: Vec<u8>,
    pub(super) encrypted_key: Vec<u8>,
}

fn secret(bytes: &[u8]) -> Map<String, Value> {
    let members = [("kty", "oct".to_owned()), ("k", base64url::encode(bytes))];
    members.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect()
}

fn fixed(name: &str) -> Map<String, Value> {
    let keys: Map<String, Value> =
        serde_json::from_str(include_str!("keys/encryption.json")).expect("the file is JSON");
    match keys.get(name) {
        Some(Value::Object(jwk)) => jwk.clone(),
        _ => panic!("there is no fixed key {name:?}"),
    }
}

/// What the fixed secrets are made of.
const SECRETS: [u8; 2] = [0x5e, 0x5f];
const STRANGE: u8 = 0xa7;
