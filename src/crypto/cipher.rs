//! Block ciphers in CBC mode, without padding; and PKCS#7 padding, taken off in constant time.

use std::{fmt, hint::black_box};

#[cfg(not(feature = "aws-lc"))]
use super::chain;
#[cfg(feature = "tickets")]
use super::{des::DesKey, fill_random};

/// A block cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    /// With keys of 16, 24 or 32 bytes.
    Aes,
    /// With keys of 8 bytes.
    #[cfg(feature = "tickets")]
    Des,
    /// With keys of 16 or 24 bytes.
    #[cfg(feature = "tickets")]
    TripleDes,
}

/// A key for one block cipher, with its schedule computed once.
pub(crate) struct CbcKey(Prepared);

impl CbcKey {
    /// `None` if the cipher has no keys of this length, or the key is one of DES's weak ones.
    pub(crate) fn new(cipher: Cipher, key: &[u8]) -> Option<Self> {
        Some(Self(match cipher {
            Cipher::Aes => Prepared::Aes(Box::new(AesKey::new(key)?)),
            #[cfg(feature = "tickets")]
            Cipher::Des => Prepared::Des(Box::new(DesKey::single(key)?)),
            #[cfg(feature = "tickets")]
            Cipher::TripleDes => Prepared::Des(Box::new(DesKey::triple(key)?)),
        }))
    }

    /// The length of a block, and so of an initialization vector.
    pub(crate) const fn block(&self) -> usize {
        match self.0 {
            Prepared::Aes(_) => 16,
            #[cfg(feature = "tickets")]
            Prepared::Des(_) => 8,
        }
    }

    /// Pads what follows `start` (PKCS#7) and encrypts it in place.
    #[cfg(feature = "tickets")]
    pub(crate) fn encrypt_padded(&self, iv: &[u8], buffer: &mut Vec<u8>, start: usize) {
        let padding = self.block() - buffer.len().saturating_sub(start) % self.block();
        let count = u8::try_from(padding).expect("a block is at most 16 bytes");
        buffer.resize(buffer.len() + padding, count);
        match &self.0 {
            Prepared::Aes(key) => key.encrypt(iv, &mut buffer[start..]),
            #[cfg(feature = "tickets")]
            Prepared::Des(key) => key.encrypt(iv, &mut buffer[start..]),
        }
        .expect("whole blocks, and an initialization vector of one block");
    }

    /// Decrypts in place. `None` unless these are whole blocks and the initialization vector is one.
    pub(crate) fn decrypt(&self, iv: &[u8], buffer: &mut [u8]) -> Option<()> {
        match &self.0 {
            Prepared::Aes(key) => key.decrypt(iv, buffer),
            #[cfg(feature = "tickets")]
            Prepared::Des(key) => key.decrypt(iv, buffer),
        }
    }

    /// A random initialization vector, at the end of the buffer.
    #[cfg(feature = "tickets")]
    pub(crate) fn append_iv(&self, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        buffer.resize(start + self.block(), 0);
        fill_random(&mut buffer[start..]);
    }

    /// How many bytes of the plaintext are padding; 0 if the padding is not PKCS#7. Takes the same
    /// time for every plaintext of one length.
    pub(crate) fn padding(&self, plaintext: &[u8]) -> u8 {
        let block = self.block();
        let Some(&count) = plaintext.last() else { return 0 };
        let mut wrong = below(block, count.into()) | same(count, 0);
        for (distance, byte) in plaintext.iter().rev().take(block).enumerate() {
            wrong |= below(distance, count.into()) & (1 ^ same(*byte, count));
        }
        // a plaintext shorter than a block; its length is no secret
        wrong |= u8::from(plaintext.len() < block);
        black_box(count & black_box(wrong).wrapping_sub(1))
    }
}

impl fmt::Debug for CbcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CbcKey")
    }
}

/// 1 if the two are equal, otherwise 0; without a branch.
pub(crate) fn same(a: u8, b: u8) -> u8 {
    let difference = black_box(u16::from(a ^ b));
    u8::from_ne_bytes([(difference.wrapping_sub(1) >> 8) as u8 & 1])
}

/// 1 if the first is less than the second, otherwise 0; without a branch. Both are small.
fn below(a: usize, b: usize) -> u8 {
    (black_box(a).wrapping_sub(b) >> (usize::BITS - 1)) as u8
}

enum Prepared {
    Aes(Box<AesKey>),
    #[cfg(feature = "tickets")]
    Des(Box<DesKey>),
}

#[cfg(feature = "aws-lc")]
struct AesKey {
    encrypting: aws_lc_rs::cipher::EncryptingKey,
    decrypting: aws_lc_rs::cipher::DecryptingKey,
}

#[cfg(feature = "aws-lc")]
impl AesKey {
    fn new(key: &[u8]) -> Option<Self> {
        use aws_lc_rs::cipher as lc;

        let algorithm = match key.len() {
            16 => &lc::AES_128,
            24 => &lc::AES_192,
            32 => &lc::AES_256,
            _ => return None,
        };
        let unbound = || lc::UnboundCipherKey::new(algorithm, key);
        Some(Self {
            encrypting: lc::EncryptingKey::cbc(unbound().ok()?).ok()?,
            decrypting: lc::DecryptingKey::cbc(unbound().ok()?).ok()?,
        })
    }

    #[cfg(feature = "tickets")]
    fn encrypt(&self, iv: &[u8], buffer: &mut [u8]) -> Option<()> {
        let context = aws_lc_rs::cipher::EncryptionContext::Iv128(iv.try_into().ok()?);
        self.encrypting.less_safe_encrypt(buffer, context).ok().map(drop)
    }

    fn decrypt(&self, iv: &[u8], buffer: &mut [u8]) -> Option<()> {
        let context = aws_lc_rs::cipher::DecryptionContext::Iv128(iv.try_into().ok()?);
        self.decrypting.decrypt(buffer, context).ok().map(drop)
    }
}

#[cfg(not(feature = "aws-lc"))]
enum AesKey {
    Aes128(aes::Aes128),
    Aes192(aes::Aes192),
    Aes256(aes::Aes256),
}

#[cfg(not(feature = "aws-lc"))]
impl AesKey {
    fn new(key: &[u8]) -> Option<Self> {
        use cbc::cipher::KeyInit;

        Some(match key.len() {
            16 => Self::Aes128(KeyInit::new_from_slice(key).ok()?),
            24 => Self::Aes192(KeyInit::new_from_slice(key).ok()?),
            32 => Self::Aes256(KeyInit::new_from_slice(key).ok()?),
            _ => return None,
        })
    }

    #[cfg(feature = "tickets")]
    fn encrypt(&self, iv: &[u8], buffer: &mut [u8]) -> Option<()> {
        match self {
            Self::Aes128(key) => chain::encrypt(key, iv, buffer),
            Self::Aes192(key) => chain::encrypt(key, iv, buffer),
            Self::Aes256(key) => chain::encrypt(key, iv, buffer),
        }
    }

    fn decrypt(&self, iv: &[u8], buffer: &mut [u8]) -> Option<()> {
        match self {
            Self::Aes128(key) => chain::decrypt(key, iv, buffer),
            Self::Aes192(key) => chain::decrypt(key, iv, buffer),
            Self::Aes256(key) => chain::decrypt(key, iv, buffer),
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

    const AES_IV: &str = "000102030405060708090a0b0c0d0e0f";
    const AES_PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";

    #[test]
    fn known_answers() {
        // NIST SP 800-38A, F.2.1, F.2.3 and F.2.5, the first two blocks; DES and 3DES with OpenSSL
        for (cipher, key, iv, plain, sealed) in [
            (
                Cipher::Aes,
                "2b7e151628aed2a6abf7158809cf4f3c",
                AES_IV,
                AES_PLAIN,
                "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
            ),
            (
                Cipher::Aes,
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                AES_IV,
                AES_PLAIN,
                "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
            ),
            (
                Cipher::Aes,
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                AES_IV,
                AES_PLAIN,
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
            ),
            (Cipher::Des, "0123456789abcdef", "1234567890abcdef", DES_PLAIN, DES_SEALED),
            (Cipher::TripleDes, TWO_KEYS, "1234567890abcdef", DES_PLAIN, TWO_SEALED),
            (Cipher::TripleDes, THREE_KEYS, "1234567890abcdef", DES_PLAIN, THREE_SEALED),
        ] {
            let key = CbcKey::new(cipher, &bytes(key)).unwrap();
            let (iv, plain, sealed) = (bytes(iv), bytes(plain), bytes(sealed));
            let mut buffer = sealed.clone();
            key.decrypt(&iv, &mut buffer).unwrap();
            assert_eq!(buffer, plain, "{cipher:?}");

            key.encrypt_padded(&iv, &mut buffer, 0);
            assert_eq!(buffer[..sealed.len()], sealed, "{cipher:?}");
            assert_eq!(buffer.len(), sealed.len() + key.block(), "a whole block of padding");
        }
    }

    const DES_PLAIN: &str = "4e6f77206973207468652074696d6520666f7220616c6c20";
    const DES_SEALED: &str = "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6";
    const TWO_KEYS: &str = "0123456789abcdef23456789abcdef01";
    const TWO_SEALED: &str = "134b98f8eeb3f6079f1a82e0640d5f2f8e090661c42864a1";
    const THREE_KEYS: &str = "0123456789abcdef23456789abcdef01456789abcdef0123";
    const THREE_SEALED: &str = "f3c0ff026c023089656fbb169def7edb30ba36075d6f0176";

    #[test]
    fn keys_and_buffers_of_other_lengths_are_refused() {
        let key = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17].repeat(3);
        for (cipher, good) in [
            (Cipher::Aes, &[16, 24, 32][..]),
            (Cipher::Des, &[8][..]),
            (Cipher::TripleDes, &[16, 24][..]),
        ] {
            for length in 0..=key.len() {
                let made = CbcKey::new(cipher, &key[..length]);
                assert_eq!(made.is_some(), good.contains(&length), "{cipher:?} {length}");
                let Some(made) = made else { continue };
                let iv = vec![0; made.block()];
                assert!(made.decrypt(&iv, &mut vec![0; 2 * made.block() - 1]).is_none());
                assert!(made.decrypt(&iv[1..], &mut vec![0; made.block()]).is_none());
            }
        }
    }

    #[test]
    fn weak_des_keys_are_refused() {
        let key = |cipher, parts: &[u8]| {
            CbcKey::new(cipher, &parts.iter().flat_map(|byte| [*byte; 8]).collect::<Vec<_>>())
        };
        for weak in [0x01, 0xfe, 0x00, 0xff] {
            assert!(key(Cipher::Des, &[weak]).is_none(), "{weak:02x}, whatever its parity");
        }
        assert!(key(Cipher::Des, &[0x23]).is_some());
        for (parts, good) in [
            (&[0x23, 0x45][..], true),
            (&[0x23, 0x23], false),
            (&[0x23, 0x22], false),
            (&[0x23, 0x45, 0x67], true),
            (&[0x23, 0x45, 0x23], true),
            (&[0x23, 0x23, 0x45], false),
            (&[0x23, 0x45, 0x44], false),
        ] {
            assert_eq!(key(Cipher::TripleDes, parts).is_some(), good, "{parts:02x?}");
        }
    }

    #[test]
    fn only_whole_padding_counts() {
        let key = CbcKey::new(Cipher::Aes, &[7; 16]).unwrap();
        for count in 0..=255_u8 {
            let mut plaintext = vec![0xee; 32];
            let padded = usize::from(count).min(32);
            plaintext[32 - padded..].fill(count);
            plaintext[31] = count;
            let good = if (1..=16).contains(&count) { count } else { 0 };
            assert_eq!(key.padding(&plaintext), good, "{count}");

            for at in 32 - usize::from(good)..31 {
                let mut plaintext = plaintext.clone();
                plaintext[at] ^= 0x10;
                assert_eq!(key.padding(&plaintext), 0, "{count}, byte {at}");
            }
        }
        assert_eq!(key.padding(&[]), 0);
        assert_eq!(key.padding(&[1; 15]), 0, "less than a block");
        assert_eq!(key.padding(&[[9; 15].as_slice(), &[1]].concat()), 1);
    }

    #[test]
    fn comparisons_without_a_branch() {
        for a in 0..=255_u8 {
            for b in 0..=255_u8 {
                assert_eq!(same(a, b), u8::from(a == b));
                assert_eq!(below(a.into(), b.into()), u8::from(a < b));
            }
        }
    }
}
