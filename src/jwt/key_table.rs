//! Looking up a key by the two header parameters.

use std::{collections::HashMap, fmt};

use super::{Algorithm, FoundKeys, Key, jws};
use crate::error::{AuthError, AuthErrorKind, printable};

/// The keys of one issuer.
///
/// 1. A token with a `kid` gets the key of that name; nothing is tried in turn.
/// 2. A token without gets the one key that fits its algorithm. If several fit it gets none, unless
///    the table was told to [try](Self::try_without_kid) so many.
#[derive(Clone, Default)]
pub(crate) struct KeyTable {
    keys: Box<[Key]>,
    /// The places of the keys of one name. More than one if their types differ.
    by_kid: HashMap<Box<str>, Vec<usize>>,
    tries: usize,
}

impl KeyTable {
    pub(crate) fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        let keys: Box<[Key]> = keys.into_iter().collect();
        let mut by_kid: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        for (place, key) in keys.iter().enumerate() {
            if let Some(kid) = key.jwk().kid() {
                by_kid.entry(kid.into()).or_default().push(place);
            }
        }
        Self { keys, by_kid, tries: 1 }
    }

    pub(crate) fn try_without_kid(mut self, tries: usize) -> Self {
        self.tries = tries;
        self
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Finds the keys for a token.
    pub(crate) fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<FoundKeys, AuthError> {
        match kid {
            Some(kid) => self.named(kid, algorithm).map(FoundKeys::One),
            None => self.nameless(algorithm),
        }
    }

    fn named(&self, kid: &str, algorithm: Algorithm) -> Result<Key, AuthError> {
        let places = self.by_kid.get(kid).map(Vec::as_slice).unwrap_or_default();
        let mut keys = places.iter().filter_map(|place| self.keys.get(*place));
        let mut fitting = keys.clone().filter(|key| key.jwk().fits(algorithm));
        match (fitting.next(), fitting.next(), keys.next()) {
            (Some(key), None, _) => Ok(key.clone()),
            (Some(_), Some(_), _) => {
                Err(unknown(format_args!("several keys of the name {:?} fit", printable(kid, 64))))
            }
            (None, _, Some(other)) => Err(jws::does_not_fit(other.jwk(), algorithm)),
            (None, _, None) => {
                Err(unknown(format_args!("no key has the kid {:?}", printable(kid, 64))))
            }
        }
    }

    fn nameless(&self, algorithm: Algorithm) -> Result<FoundKeys, AuthError> {
        let fitting = self.keys.iter().filter(|key| key.jwk().fits(algorithm));
        let mut found: Vec<Key> = fitting.take(self.tries + 1).cloned().collect();
        match found.len() {
            0 => {
                Err(unknown(format_args!("the token has no kid, and no key verifies {algorithm}")))
            }
            1 => found.pop().map(FoundKeys::One).ok_or_else(|| AuthErrorKind::UnknownKey.into()),
            count if count <= self.tries => Ok(FoundKeys::Several(found)),
            _ => Err(unknown(format_args!(
                "the token has no kid, and more than {} keys verify {algorithm}; \
                 try_keys_without_kid tries up to 4",
                self.tries
            ))),
        }
    }
}

impl fmt::Debug for KeyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(Key::jwk)).finish()
    }
}

fn unknown(detail: fmt::Arguments<'_>) -> AuthError {
    AuthError::new(AuthErrorKind::UnknownKey).with_detail(detail)
}
