//! Keys that never change.

use super::{Algorithm, FoundKeys, Jwk, JwkSet, Key, KeySource, key_table::KeyTable};
use crate::{
    attempt::Attempt,
    error::{AuthError, BuildError},
    secret::Secret,
};

/// Keys from this service's own configuration.
///
/// A token with a `kid` needs the key of that name; a token without one is verified if exactly one
/// key fits its algorithm.
///
/// ```
/// use portcullis::{BuildError, jwt::{Algorithm, StaticKeys}};
///
/// let keys = StaticKeys::hmac(Algorithm::HS256, &[7; 32][..])?;
/// assert!(StaticKeys::hmac(Algorithm::HS256, "too short").is_err()); // RFC 7518 §3.2
/// # let _ = keys;
/// # Ok::<(), BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StaticKeys(KeyTable);

impl StaticKeys {
    /// These keys.
    ///
    /// # Errors
    /// There is none, or two of one name fit the same algorithm.
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Result<Self, BuildError> {
        let keys: Vec<Key> = keys.into_iter().map(Key::new).collect();
        if keys.is_empty() {
            return Err(BuildError::invalid("keys", "there is no key; give at least one"));
        }
        for (index, key) in keys.iter().enumerate() {
            let twin = keys.iter().skip(index + 1).any(|other| are_twins(key.jwk(), other.jwk()));
            if twin {
                let kid = key.jwk().kid().unwrap_or_default();
                return Err(BuildError::invalid(
                    "keys",
                    format!("two keys are named {kid:?} and fit one algorithm; rename one"),
                ));
            }
        }
        Ok(Self(KeyTable::new(keys)))
    }

    /// The keys of a JWK set document (RFC 7517 §5). A key that cannot be used is left out, with a
    /// warning in the log.
    ///
    /// # Errors
    /// The document is no JWK set, no key of it can be used, or as for [`new`](Self::new).
    pub fn from_jwk_set(document: &[u8]) -> Result<Self, BuildError> {
        let set = JwkSet::parse(document, usize::MAX)
            .map_err(|error| BuildError::invalid("keys", error.to_string()))?;
        for error in set.skipped() {
            tracing::warn!(%error, "a key of the static set cannot be used");
        }
        if let (true, Some(error)) = (set.keys().is_empty(), set.skipped().first()) {
            return Err(BuildError::invalid("keys", format!("no key can be used: {error}")));
        }
        Self::new(set.into_keys())
    }

    /// One secret without a name, for one HMAC algorithm.
    ///
    /// # Errors
    /// The algorithm is no HMAC, or the secret is shorter than its hash: 32, 48 or 64 bytes
    /// (RFC 7518 §3.2).
    pub fn hmac(algorithm: Algorithm, secret: impl Into<Secret>) -> Result<Self, BuildError> {
        Self::symmetric(None, algorithm, secret.into())
    }

    /// One secret with a name (`kid`), for one HMAC algorithm.
    ///
    /// # Errors
    /// As for [`hmac`](Self::hmac).
    pub fn hmac_named(
        kid: &str,
        algorithm: Algorithm,
        secret: impl Into<Secret>,
    ) -> Result<Self, BuildError> {
        Self::symmetric(Some(kid), algorithm, secret.into())
    }

    /// Tries up to so many keys in turn for a token without `kid`. Default: 1, so that it must be
    /// clear which key is meant. At most 4, because each costs a signature check.
    ///
    /// # Errors
    /// 0, or more than 4.
    pub fn try_keys_without_kid(self, keys: usize) -> Result<Self, BuildError> {
        if !(1..=MOST_TRIES).contains(&keys) {
            return Err(BuildError::invalid(
                "try_keys_without_kid",
                format!("{keys} is not between 1 and {MOST_TRIES}"),
            ));
        }
        Ok(Self(self.0.try_without_kid(keys)))
    }

    fn symmetric(
        kid: Option<&str>,
        algorithm: Algorithm,
        secret: Secret,
    ) -> Result<Self, BuildError> {
        if !algorithm.is_symmetric() {
            return Err(BuildError::invalid(
                "hmac",
                format!("{algorithm} is no HMAC; a public key comes as a Jwk"),
            ));
        }
        let length = secret.expose().len();
        let jwk = Jwk::symmetric(kid, algorithm, secret).ok_or_else(|| {
            BuildError::invalid(
                "hmac",
                format!(
                    "the secret has {length} bytes; {algorithm} needs at least {} random ones \
                     (RFC 7518 §3.2)",
                    algorithm.least_secret()
                ),
            )
        })?;
        Self::new([jwk])
    }
}

impl KeySource for StaticKeys {
    fn find(&self, kid: Option<&str>, alg: Algorithm) -> Attempt<Result<FoundKeys, AuthError>> {
        Attempt::ready(self.0.find(kid, alg))
    }
}

fn are_twins(a: &Jwk, b: &Jwk) -> bool {
    a.kid().is_some()
        && a.kid() == b.kid()
        && Algorithm::ALL.iter().any(|algorithm| a.fits(*algorithm) && b.fits(*algorithm))
}

/// The most keys that a token without `kid` makes a source try.
pub(crate) const MOST_TRIES: usize = 4;
