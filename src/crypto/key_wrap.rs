//! AES Key Wrap (RFC 3394), with its one initial value.

use std::fmt;

use crate::secret::Secret;

/// A key of 16 or 32 bytes that wraps other keys.
pub(crate) struct WrappingKey(Secret);

impl WrappingKey {
    /// `None` for a key of another length.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        matches!(key.len(), 16 | 32).then(|| Self(key.into()))
    }

    /// Unwraps a key of exactly the length of `output`. `None` if it was wrapped under another key
    /// or changed; the output then holds nothing of use.
    pub(crate) fn unwrap_key(&self, wrapped: &[u8], output: &mut [u8]) -> Option<()> {
        if wrapped.len() != output.len().checked_add(8)? {
            return None;
        }
        library::unwrap_key(self.0.expose(), wrapped, output)
    }

    /// Wraps a key: 16 bytes or more, in whole units of 8.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn wrap_key(&self, key: &[u8]) -> Option<Vec<u8>> {
        library::wrap_key(self.0.expose(), key)
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey")
    }
}

#[cfg(feature = "aws-lc")]
use aws_lc as library;

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap};

    pub(super) fn unwrap_key(kek: &[u8], wrapped: &[u8], output: &mut [u8]) -> Option<()> {
        KeyWrap::unwrap(prepare(kek)?, wrapped, output).ok().map(drop)
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn wrap_key(kek: &[u8], key: &[u8]) -> Option<Vec<u8>> {
        let mut wrapped = vec![0; key.len() + 8];
        prepare(kek)?.wrap(key, &mut wrapped).ok()?;
        Some(wrapped)
    }

    fn prepare(kek: &[u8]) -> Option<AesKek> {
        AesKek::new(if kek.len() == 16 { &AES_128 } else { &AES_256 }, kek).ok()
    }
}

#[cfg(not(feature = "aws-lc"))]
use rust_crypto as library;

#[cfg(not(feature = "aws-lc"))]
mod rust_crypto {
    use aes::cipher::{BlockCipherDecrypt, KeyInit};
    use zeroize::Zeroizing;

    use crate::crypto::equal;

    /// RFC 3394 §2.2.3.1.
    const INITIAL: [u8; 8] = [0xa6; 8];

    pub(super) fn unwrap_key(kek: &[u8], wrapped: &[u8], output: &mut [u8]) -> Option<()> {
        match kek.len() {
            16 => unwrap_by(&aes::Aes128::new_from_slice(kek).ok()?, wrapped, output),
            _ => unwrap_by(&aes::Aes256::new_from_slice(kek).ok()?, wrapped, output),
        }
    }

    /// RFC 3394 §2.2.2, with the indexes of the second alternative.
    fn unwrap_by(
        cipher: &impl BlockCipherDecrypt,
        wrapped: &[u8],
        output: &mut [u8],
    ) -> Option<()> {
        let (first, rest) = wrapped.split_first_chunk::<8>()?;
        output.copy_from_slice(rest);
        let units = output.len() / 8;
        if units < 2 || !output.len().is_multiple_of(8) {
            return None;
        }
        let mut register = *first;
        let mut block = Zeroizing::new([0; 16]);
        for round in (0..6).rev() {
            for unit in (0..units).rev() {
                let step = u64::try_from(units * round + unit + 1).ok()?.to_be_bytes();
                let place = output.get_mut(unit * 8..unit * 8 + 8)?;
                for (byte, mask) in register.iter_mut().zip(step) {
                    *byte ^= mask;
                }
                block[..8].copy_from_slice(&register);
                block[8..].copy_from_slice(place);
                let mut both = (*block).as_slice().try_into().ok()?;
                cipher.decrypt_block(&mut both);
                register.copy_from_slice(&both[..8]);
                place.copy_from_slice(&both[8..]);
            }
        }
        equal(&register, &INITIAL).then_some(())
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn wrap_key(kek: &[u8], key: &[u8]) -> Option<Vec<u8>> {
        match kek.len() {
            16 => wrap_by(&aes::Aes128::new_from_slice(kek).ok()?, key),
            _ => wrap_by(&aes::Aes256::new_from_slice(kek).ok()?, key),
        }
    }

    /// RFC 3394 §2.2.1.
    #[cfg(any(test, feature = "testing"))]
    fn wrap_by(cipher: &impl aes::cipher::BlockCipherEncrypt, key: &[u8]) -> Option<Vec<u8>> {
        let units = key.len() / 8;
        if units < 2 || !key.len().is_multiple_of(8) {
            return None;
        }
        let mut wrapped = [&INITIAL, key].concat();
        let mut block = [0; 16];
        for round in 0..6 {
            for unit in 1..=units {
                block[..8].copy_from_slice(&wrapped[..8]);
                block[8..].copy_from_slice(&wrapped[unit * 8..unit * 8 + 8]);
                let mut both = block.as_slice().try_into().ok()?;
                cipher.encrypt_block(&mut both);
                let step = u64::try_from(units * round + unit).ok()?.to_be_bytes();
                for (byte, mask) in both[..8].iter_mut().zip(step) {
                    *byte ^= mask;
                }
                wrapped[..8].copy_from_slice(&both[..8]);
                wrapped[unit * 8..unit * 8 + 8].copy_from_slice(&both[8..]);
            }
        }
        Some(wrapped)
    }
}
