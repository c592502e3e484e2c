//! Sets of keys (RFC 7517 §5).

use super::{Jwk, JwkError};
use crate::json::Object;

/// The keys of a JWK set document that can be used, and why the others cannot.
///
/// ```
/// use portcullis::jwt::JwkSet;
///
/// let set = JwkSet::parse(
///     br#"{"keys":[
///         {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"},
///         {"kty":"new","kid":"b"}
///     ]}"#,
///     100,
/// )?;
/// assert_eq!(set.keys().len(), 1);
/// assert_eq!(set.skipped()[0].to_string(), r#"key "b": the key type is unknown"#);
/// # Ok::<(), portcullis::jwt::JwkError>(())
/// ```
#[derive(Debug)]
pub struct JwkSet {
    keys: Vec<Jwk>,
    skipped: Vec<JwkError>,
}

impl JwkSet {
    /// Reads a set from this service's own configuration. Secrets are kept; of private keys the
    /// public half.
    ///
    /// # Errors
    /// The document is no JWK set, or holds more than `max_keys` keys. One bad key is no error: it is
    /// [skipped](Self::skipped).
    pub fn parse(document: &[u8], max_keys: usize) -> Result<Self, JwkError> {
        let document = Object::parse(document).map_err(|error| JwkError::new(None, error))?;
        let keys = document.get("keys").ok_or_else(|| JwkError::new(None, "keys is missing"))?;
        let items = keys.as_array().map_err(|_| JwkError::new(None, "keys is no array"))?;
        let mut set = Self { keys: Vec::new(), skipped: Vec::new() };
        for (index, item) in items.enumerate() {
            if index >= max_keys {
                let problem = format!("the set holds more than {max_keys} keys");
                return Err(JwkError::new(None, problem));
            }
            match item.as_object().map_err(|error| JwkError::new(None, error)) {
                Ok(object) => match Jwk::read(&object) {
                    Ok(jwk) => set.keys.push(jwk),
                    Err(error) => set.skipped.push(error),
                },
                Err(error) => set.skipped.push(error),
            }
        }
        Ok(set)
    }

    /// Reads a set that was fetched from an issuer. Beyond what [`parse`](Self::parse) does:
    ///
    /// 1. secrets and keys with private members are skipped: what everyone can fetch proves nothing;
    /// 2. of two keys with the same `kid` and `kty` both are skipped: which one was meant is a guess.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_remote(document: &[u8], max_keys: usize) -> Result<Self, JwkError> {
        let Self { keys, mut skipped } = Self::parse(document, max_keys)?;
        let twin = |jwk: &Jwk| {
            let same =
                |other: &&Jwk| jwk.kid() == other.kid() && jwk.key_type() == other.key_type();
            jwk.kid().is_some() && keys.iter().filter(same).count() > 1
        };
        let verdicts: Vec<Option<&'static str>> = keys
            .iter()
            .map(|jwk| {
                if jwk.is_symmetric() {
                    Some("a secret in a public set")
                } else if jwk.is_private() {
                    Some("a private key in a public set")
                } else if twin(jwk) {
                    Some("another key has the same kid and kty")
                } else {
                    None
                }
            })
            .collect();
        let mut kept = Vec::with_capacity(keys.len());
        for (jwk, verdict) in keys.into_iter().zip(verdicts) {
            match verdict {
                None => kept.push(jwk),
                Some(problem) => skipped.push(JwkError::new(jwk.kid(), problem)),
            }
        }
        Ok(Self { keys: kept, skipped })
    }

    /// The keys that can be used.
    #[must_use]
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// The keys that can be used.
    #[must_use]
    pub fn into_keys(self) -> Vec<Jwk> {
        self.keys
    }

    /// Why each of the others cannot.
    #[must_use]
    pub fn skipped(&self) -> &[JwkError] {
        &self.skipped
    }
}
