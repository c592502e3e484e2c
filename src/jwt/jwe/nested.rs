//! A signed JWT inside an encrypted one (RFC 7519 §5.2, §5.3).

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    DecryptionKey,
    compact::{Compact, Header},
    decrypt::{MOST_TRIES, decrypt_with},
};
use crate::{
    error::{AuthError, BuildError},
    jwt::{jws::malformed, rules::media_type_is},
    principal::Identity,
};

/// How one issuer's tokens are decrypted.
#[derive(Clone, Debug, Default)]
pub(in crate::jwt) struct Decryption {
    pub(in crate::jwt) keys: Vec<DecryptionKey>,
    /// A token that is not encrypted is refused.
    pub(in crate::jwt) required: bool,
    /// A header without `cty` is accepted.
    pub(in crate::jwt) missing_content_type: bool,
}

impl Decryption {
    pub(in crate::jwt) fn check(&self) -> Result<(), BuildError> {
        let problem = if self.required && self.keys.is_empty() {
            "there is no decryption key; decryption_keys() gives one"
        } else if self.keys.iter().any(|key| self.share_algorithm(key) > MOST_TRIES) {
            return Err(BuildError::invalid(
                "decryption_keys",
                format!("more than {MOST_TRIES} keys are for one alg; leave out the oldest"),
            ));
        } else {
            return Ok(());
        };
        Err(BuildError::invalid("require_encryption", problem))
    }

    /// The keys of all of them, each once.
    pub(in crate::jwt) fn keys_of<'a>(all: impl Iterator<Item = &'a Self>) -> Vec<DecryptionKey> {
        let mut keys: Vec<DecryptionKey> = Vec::new();
        for key in all.flat_map(|decryption| &decryption.keys) {
            if !keys.iter().any(|known| known.is(key)) {
                keys.push(key.clone());
            }
        }
        keys
    }

    fn share_algorithm(&self, key: &DecryptionKey) -> usize {
        self.keys.iter().filter(|other| other.algorithm() == key.algorithm()).count()
    }

    /// Whether what this key opened may be a token of this issuer.
    pub(in crate::jwt) fn accepts(&self, opened: &Opened) -> Result<bool, AuthError> {
        if !self.keys.iter().any(|key| key.is(&opened.key)) {
            return Ok(false);
        }
        match &opened.content_type {
            None if self.missing_content_type => Ok(true),
            None => Err(malformed(
                "cty is missing in the outer header (RFC 7519 §5.2); \
                 accept_missing_content_type() accepts it",
            )),
            Some(cty) if media_type_is(cty, "JWT") => Ok(true),
            Some(_) => Err(malformed("cty in the outer header is not JWT")),
        }
    }
}

/// What was inside, and what the outer header said about it. Nothing of it is proven: whoever has a
/// public key can encrypt.
pub(in crate::jwt) struct Opened {
    token: Zeroizing<String>,
    key: DecryptionKey,
    content_type: Option<Box<str>>,
    /// The claims that the outer header says again, and that header.
    replicated: Vec<&'static str>,
    outer: Map<String, Value>,
}

impl Opened {
    /// Decrypts a token of five segments.
    pub(in crate::jwt) fn new(token: &str, keys: &[DecryptionKey]) -> Result<Self, AuthError> {
        let compact = Compact::split(token)?;
        let bytes = compact.header_bytes()?;
        let header = Header::read(&bytes)?;
        let (mut content, key) = decrypt_with(&compact, &header, keys)?;
        let inside = Zeroizing::new(
            String::from_utf8(std::mem::take(&mut *content))
                .map_err(|_| malformed("what is inside is not a JWT"))?,
        );
        let outer = || serde_json::from_slice(&bytes).map_err(|_| malformed(NOT_JSON));
        let outer = if header.replicated.is_empty() { Map::new() } else { outer()? };
        Ok(Self {
            token: inside,
            key: key.clone(),
            content_type: header.cty.as_deref().map(Into::into),
            replicated: header.replicated,
            outer,
        })
    }

    /// The token inside.
    pub(in crate::jwt) fn token(&self) -> &str {
        &self.token
    }

    /// The claims that the outer header says again must be the ones inside (RFC 7519 §5.3).
    pub(in crate::jwt) fn agrees_with(&self, identity: &Identity) -> Result<(), AuthError> {
        if self.replicated.is_empty() {
            return Ok(());
        }
        let claims: Map<String, Value> =
            serde_json::from_slice(identity.claims_json()).map_err(|_| malformed(NOT_JSON))?;
        let other =
            self.replicated.iter().find(|name| self.outer.get(**name) != claims.get(**name));
        other.map_or(Ok(()), |name| Err(differs(name)))
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("key", &self.key).finish_non_exhaustive()
    }
}

fn differs(name: &str) -> AuthError {
    malformed(&format!("{name} in the outer header is not that of the claims (RFC 7519 §5.3)"))
}

const NOT_JSON: &str = "header or claims are not JSON";
