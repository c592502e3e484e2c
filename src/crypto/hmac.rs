//! HMAC (RFC 2104).

use std::fmt;

/// The hash inside an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    #[cfg(feature = "tickets")]
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// A key for one HMAC, with the hash of its pads computed once.
pub(crate) struct HmacKey(Prepared);

impl HmacKey {
    /// A key of any length; what is long enough is for the caller to say.
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        Self(prepare(hash, key))
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey")
    }
}

#[cfg(feature = "aws-lc")]
use aws_lc::{Prepared, prepare};

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::hmac as lc;

    use super::{Hash, HmacKey};

    pub(super) type Prepared = lc::Key;

    pub(super) fn prepare(hash: Hash, key: &[u8]) -> Prepared {
        let algorithm = match hash {
            #[cfg(feature = "tickets")]
            Hash::Sha1 => lc::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => lc::HMAC_SHA256,
            Hash::Sha384 => lc::HMAC_SHA384,
            Hash::Sha512 => lc::HMAC_SHA512,
        };
        lc::Key::new(algorithm, key)
    }

    impl HmacKey {
        /// The tag of the message.
        #[cfg(any(feature = "jwe", feature = "tickets"))]
        pub(crate) fn sign(&self, message: &[u8]) -> crate::crypto::Tag {
            crate::crypto::Tag::new(lc::sign(&self.0, message).as_ref())
        }

        /// Whether the tag is that of the message; in constant time, and only at its full length.
        pub(crate) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
            lc::verify(&self.0, message, tag).is_ok()
        }
    }
}

#[cfg(not(feature = "aws-lc"))]
use rust_crypto::{Prepared, prepare};

#[cfg(not(feature = "aws-lc"))]
mod rust_crypto {
    use hmac::{Hmac, KeyInit, Mac};

    use super::{Hash, HmacKey};
    use crate::crypto::{Tag, equal};

    pub(super) enum Prepared {
        #[cfg(feature = "tickets")]
        Sha1(Hmac<sha1::Sha1>),
        Sha256(Hmac<sha2::Sha256>),
        Sha384(Hmac<sha2::Sha384>),
        Sha512(Hmac<sha2::Sha512>),
    }

    pub(super) fn prepare(hash: Hash, key: &[u8]) -> Prepared {
        match hash {
            #[cfg(feature = "tickets")]
            Hash::Sha1 => Prepared::Sha1(keyed(key)),
            Hash::Sha256 => Prepared::Sha256(keyed(key)),
            Hash::Sha384 => Prepared::Sha384(keyed(key)),
            Hash::Sha512 => Prepared::Sha512(keyed(key)),
        }
    }

    fn keyed<M: KeyInit>(key: &[u8]) -> M {
        M::new_from_slice(key).expect("HMAC takes keys of every length")
    }

    fn tag_of<M: Mac + Clone>(keyed: &M, message: &[u8]) -> Tag {
        Tag::new(&keyed.clone().chain_update(message).finalize().into_bytes())
    }

    impl HmacKey {
        /// The tag of the message.
        pub(crate) fn sign(&self, message: &[u8]) -> Tag {
            match &self.0 {
                #[cfg(feature = "tickets")]
                Prepared::Sha1(keyed) => tag_of(keyed, message),
                Prepared::Sha256(keyed) => tag_of(keyed, message),
                Prepared::Sha384(keyed) => tag_of(keyed, message),
                Prepared::Sha512(keyed) => tag_of(keyed, message),
            }
        }

        /// Whether the tag is that of the message; in constant time, and only at its full length.
        pub(crate) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
            equal(&self.sign(message), tag)
        }
    }
}

#[cfg(test)]
#[cfg(feature = "tickets")]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn known_answers() {
        // RFC 2202 §3 and RFC 4231 §4: test cases 1, 2, and 6 (a key longer than the block)
        let hi = (&[0x0b; 20][..], &b"Hi There"[..]);
        let jefe = (&b"Jefe"[..], &b"what do ya want for nothing?"[..]);
        let long =
            (&[0xaa; 131][..], &b"Test Using Larger Than Block-Size Key - Hash Key First"[..]);
        let long_sha1 = (&[0xaa; 80][..], long.1);
        for (hash, (key, message), tag) in [
            (Hash::Sha1, hi, "b617318655057264e28bc0b6fb378c8ef146be00"),
            (Hash::Sha1, jefe, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (Hash::Sha1, long_sha1, "aa4ae5e15272d00e95705637ce8a3b55ed402112"),
            (Hash::Sha256, hi, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                Hash::Sha256,
                jefe,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                Hash::Sha256,
                long,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                Hash::Sha384,
                jefe,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
                 8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Hash::Sha512,
                jefe,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
                 9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            let (hmac, tag) = (HmacKey::new(hash, key), bytes(tag));
            assert_eq!(hmac.sign(message)[..], tag, "{hash:?}");
            assert!(hmac.verify(message, &tag), "{hash:?}");
            for length in 0..tag.len() {
                assert!(!hmac.verify(message, &tag[..length]), "{hash:?} {length}");
            }
            assert!(!hmac.verify(message, &[&tag[..], &[0]].concat()), "{hash:?}");
        }
    }
}
