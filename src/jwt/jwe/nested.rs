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
    error::{AuthError, AuthErrorKind, BuildError},
    jwt::{
        jws::{self, malformed},
        rules::media_type_is,
    },
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
                format!(
                    "more than {MOST_TRIES} keys are for one alg, counted over all issuers; \
                     leave out the oldest"
                ),
            ));
        } else {
            return Ok(());
        };
        Err(BuildError::invalid("require_encryption", problem))
    }

    /// The other's keys behind its own, each once.
    pub(in crate::jwt) fn join(&mut self, other: &Self) {
        for key in &other.keys {
            if !self.keys.iter().any(|known| known.is(key)) {
                self.keys.push(key.clone());
            }
        }
    }

    /// Decrypts a token of five segments.
    pub(in crate::jwt) fn open(&self, token: &str, no_key: AuthError) -> Result<Opened, AuthError> {
        if self.keys.is_empty() { Err(no_key) } else { Opened::new(token, &self.keys) }
    }

    fn share_algorithm(&self, key: &DecryptionKey) -> usize {
        self.keys.iter().filter(|other| other.algorithm() == key.algorithm()).count()
    }

    /// Whether the token came as this issuer's tokens do, encrypted or not. What is inside is called
    /// a JWT (RFC 7519 §5.2) or, more exactly, by one of these types, as oidc-provider has it.
    pub(in crate::jwt) fn admits(
        &self,
        opened: Option<&Opened>,
        types: &[Box<str>],
    ) -> Result<(), AuthError> {
        let refused =
            |detail: &str| Err(AuthError::new(AuthErrorKind::RejectedByCheck).with_detail(detail));
        let Some(opened) = opened else {
            return if self.required {
                refused("the token is not encrypted; require_encryption() demands it")
            } else {
                Ok(())
            };
        };
        if !self.keys.iter().any(|key| key.is(&opened.key)) {
            return refused("the token is encrypted for a key of another issuer's tokens");
        }
        match &opened.content_type {
            None if self.missing_content_type => Ok(()),
            None => Err(malformed(
                "cty is missing in the outer header (RFC 7519 §5.2); \
                 accept_missing_content_type() accepts it",
            )),
            Some(cty) if media_type_is(cty, "JWT") => Ok(()),
            Some(cty) if types.iter().any(|typ| media_type_is(cty, typ)) => Ok(()),
            Some(_) => {
                Err(malformed("cty in the outer header is neither JWT nor the expected typ"))
            }
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
    fn new(token: &str, keys: &[DecryptionKey]) -> Result<Self, AuthError> {
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

    /// Its segments: it must be signed, and not be encrypted once more.
    pub(in crate::jwt) fn compact(&self) -> Result<jws::Compact<'_>, AuthError> {
        jws::Compact::split(&self.token).map_err(|error| match error.kind() {
            AuthErrorKind::EncryptedTokenNoKey => {
                malformed("an encrypted token is inside an encrypted token")
            }
            _ => malformed("what is inside is not a signed JWT"),
        })
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
