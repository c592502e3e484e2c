//! The keys of JOSE's HMAC algorithms (RFC 7518 §3.2).

use std::fmt;

use super::{Algorithm, Hash, HmacKey};
use crate::secret::Secret;

/// A key for one HMAC algorithm of JOSE.
pub(crate) struct MacKey(HmacKey);

impl MacKey {
    /// `None` if the algorithm is not an HMAC, or the secret is shorter than the hash.
    pub(crate) fn new(algorithm: Algorithm, secret: &Secret) -> Option<Self> {
        let hash = match algorithm {
            Algorithm::HS256 => Hash::Sha256,
            Algorithm::HS384 => Hash::Sha384,
            Algorithm::HS512 => Hash::Sha512,
            _ => return None,
        };
        let long_enough = secret.expose().len() >= algorithm.least_secret();
        long_enough.then(|| Self(HmacKey::new(hash, secret.expose())))
    }

    /// Whether the tag is that of the message; in constant time, and only at its full length.
    pub(crate) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.0.verify(message, tag)
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_makes_no_key() {
        for (algorithm, least) in
            [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
        {
            let key = |length| MacKey::new(algorithm, &Secret::from(vec![7; length]));
            assert!(key(least).is_some() && key(least + 100).is_some(), "{algorithm}");
            assert!(key(least - 1).is_none() && key(0).is_none(), "{algorithm}");
        }
        assert!(MacKey::new(Algorithm::RS256, &Secret::from(vec![7; 64])).is_none());
    }

    #[test]
    fn only_the_whole_tag_verifies() {
        let key = MacKey::new(Algorithm::HS256, &Secret::from(vec![0x0b; 32])).unwrap();
        // computed with Python's hmac module
        let tag = crate::base64url::decode("GYpgfrRL-8aZA6Dxzyu9xboKo_PZrjwcejsWlqC2jPc").unwrap();
        assert!(key.verify(b"Hi There", &tag));
        for length in 0..tag.len() {
            assert!(!key.verify(b"Hi There", &tag[..length]), "{length}");
        }
        assert!(!key.verify(b"Hi There", &[&tag[..], &[0]].concat()));
        assert!(!key.verify(b"hi There", &tag));
    }
}
