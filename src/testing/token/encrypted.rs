//! Encrypted tokens of the mock issuer, and forgeries of them.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use super::builder::TokenBuilder;
use crate::{
    base64url,
    crypto::{CbcKey, Cipher, GcmKey, Hash, HmacKey, fill_random},
    jwt::jwe::ContentEncryption,
    testing::encryption_key::{EncryptionKey, Wrapped},
};

/// Makes an encrypted token. What is not said otherwise is right: [`TokenBuilder::encrypted`] starts
/// with a signed access token inside, and each word changes one thing.
///
/// ```
/// use portcullis::{jwt::jwe::{self, KeyManagement}, testing::{EncryptionKey, MockIssuer}};
///
/// let key = EncryptionKey::new("e1", KeyManagement::A256Kw);
/// let token = MockIssuer::new().token().encrypted(&key);
/// let keys = [key.decryption_key()];
/// assert!(jwe::decrypt(&token.build(), &keys).is_ok());
/// assert!(jwe::decrypt(&token.edit_tag(|tag| vec![0; tag.len()]).build(), &keys).is_err());
/// ```
#[derive(Clone)]
#[must_use]
pub struct EncryptedTokenBuilder {
    key: EncryptionKey,
    header: Map<String, Value>,
    removed: Vec<String>,
    raw_header: Option<Vec<u8>>,
    content: Vec<u8>,
    content_key: Option<Vec<u8>>,
    /// By the number of the segment.
    edits: Vec<(usize, Edit)>,
    text_edits: Vec<Arc<dyn Fn(String) -> String + Send + Sync>>,
}

type Edit = Arc<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>;

impl TokenBuilder {
    /// The token as it is now, encrypted to this key: a nested JWT (RFC 7519 §5.2), with `cty: JWT`
    /// and `typ: at+jwt`.
    pub fn encrypted(&self, key: &EncryptionKey) -> EncryptedTokenBuilder {
        EncryptedTokenBuilder::around(self.build(), key)
    }
}

impl EncryptedTokenBuilder {
    pub(in crate::testing) fn around(content: impl Into<Vec<u8>>, key: &EncryptionKey) -> Self {
        let token = Self {
            key: key.clone(),
            header: Map::new(),
            removed: Vec::new(),
            raw_header: None,
            content: content.into(),
            content_key: None,
            edits: Vec::new(),
            text_edits: Vec::new(),
        };
        token
            .header("alg", key.algorithm().name())
            .header("enc", key.content().name())
            .header("kid", key.kid())
            .header("cty", "JWT")
            .header("typ", "at+jwt")
    }

    /// Any parameter of the outer header. It does not change how the token is encrypted.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.removed.retain(|removed| removed != name);
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Without this parameter of the outer header.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self.removed.push(name.to_owned());
        self
    }

    /// Encrypts once more, to this key: an encrypted token in an encrypted token.
    pub fn encrypted(&self, key: &EncryptionKey) -> Self {
        Self::around(self.build(), key)
    }
}

/// Forgeries.
impl EncryptedTokenBuilder {
    /// These bytes as the outer header, for example with a member twice.
    pub fn raw_header(mut self, header: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(header.into());
        self
    }

    /// These bytes inside, in place of the token: claims that nobody signed, for example.
    pub fn content(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.content = content.into();
        self
    }

    /// Wraps this content key, of whatever length. The content is encrypted under it if it has the
    /// length of the `enc`, otherwise under a random one.
    pub fn content_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.content_key = Some(key.into());
        self
    }

    /// Changes the encrypted key's bytes.
    pub fn edit_encrypted_key(
        self,
        edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.edit(1, edit)
    }

    /// Changes the initialization vector's bytes.
    pub fn edit_iv(self, edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.edit(2, edit)
    }

    /// Changes the ciphertext's bytes.
    pub fn edit_ciphertext(
        self,
        edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.edit(3, edit)
    }

    /// Changes the tag's bytes.
    pub fn edit_tag(self, edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.edit(4, edit)
    }

    /// Changes the finished text.
    pub fn edit_text(mut self, edit: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        self.text_edits.push(Arc::new(edit));
        self
    }

    fn edit(
        mut self,
        segment: usize,
        edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.edits.push((segment, Arc::new(edit)));
        self
    }
}

/// The end.
impl EncryptedTokenBuilder {
    /// The token.
    ///
    /// # Panics
    /// The key cannot encrypt by its algorithm.
    #[must_use]
    pub fn build(&self) -> String {
        let Wrapped { header: mut found, mut content_key, encrypted_key } =
            self.key.wrap(self.content_key.clone());
        found.extend(self.header.clone());
        found.retain(|name, _| !self.removed.contains(name));
        let header =
            self.raw_header.clone().unwrap_or_else(|| Value::from(found).to_string().into());
        let header = base64url::encode(header);

        let enc = self.key.content();
        if content_key.len() != enc.key_length() {
            content_key = random(enc.key_length());
        }
        let iv = random(enc.iv_length());
        let mut ciphertext = self.content.clone();
        let tag = seal(enc, &content_key, &iv, header.as_bytes(), &mut ciphertext)
            .expect("key and vector have the lengths of the encryption");

        let mut segments = [Vec::new(), encrypted_key, iv, ciphertext, tag];
        for (number, edit) in &self.edits {
            segments[*number] = edit(std::mem::take(&mut segments[*number]));
        }
        let [_, rest @ ..] = segments.map(base64url::encode);
        let text = [&[header][..], &rest].concat().join(".");
        self.text_edits.iter().fold(text, |text, edit| edit(text))
    }
}

impl fmt::Debug for EncryptedTokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedTokenBuilder")
            .field("key", &self.key)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fill_random(&mut bytes);
    bytes
}

/// Encrypts in place and returns the tag (RFC 7518 §5.2.2.1 and §5.3). `None` if a length does not
/// fit.
fn seal(
    enc: ContentEncryption,
    key: &[u8],
    iv: &[u8],
    associated: &[u8],
    buffer: &mut Vec<u8>,
) -> Option<Vec<u8>> {
    let hash = match enc {
        ContentEncryption::A128Gcm | ContentEncryption::A256Gcm => {
            let tag = GcmKey::new(key)?.seal(iv.try_into().ok()?, associated, buffer)?;
            return Some(tag.to_vec());
        }
        ContentEncryption::A128CbcHs256 => Hash::Sha256,
        ContentEncryption::A256CbcHs512 => Hash::Sha512,
    };
    let (mac_key, encryption_key) = key.split_at(key.len() / 2);
    CbcKey::new(Cipher::Aes, encryption_key)?.encrypt_padded(iv, buffer, 0);
    let bits = u64::try_from(associated.len() * 8).ok()?.to_be_bytes();
    let message = [associated, iv, buffer, &bits].concat();
    HmacKey::new(hash, mac_key).sign(&message).get(..enc.tag_length()).map(<[u8]>::to_vec)
}
