//! DES and 3DES, for applications that still have such keys.

use super::chain;

/// aws-lc-rs offers DES only as deprecated; so it is RustCrypto's with either library.
pub(super) enum DesKey {
    Single(des::Des),
    Two(des::TdesEde2),
    Three(des::TdesEde3),
}

impl DesKey {
    /// DES, with 8 bytes.
    pub(super) fn single(key: &[u8]) -> Option<Self> {
        use cbc::cipher::KeyInit;

        if is_weak(key) {
            return None;
        }
        des::Des::new_from_slice(key).ok().map(Self::Single)
    }

    /// 3DES, with 16 or 24 bytes.
    pub(super) fn triple(key: &[u8]) -> Option<Self> {
        use cbc::cipher::KeyInit;

        if is_weak(key) {
            return None;
        }
        match key.len() {
            16 => des::TdesEde2::new_from_slice(key).ok().map(Self::Two),
            24 => des::TdesEde3::new_from_slice(key).ok().map(Self::Three),
            _ => None,
        }
    }

    pub(super) fn encrypt(&self, iv: &[u8], buffer: &mut [u8]) -> Option<()> {
        match self {
            Self::Single(key) => chain::encrypt(key, iv, buffer),
            Self::Two(key) => chain::encrypt(key, iv, buffer),
            Self::Three(key) => chain::encrypt(key, iv, buffer),
        }
    }

    pub(super) fn decrypt(&self, iv: &[u8], buffer: &mut [u8]) -> Option<()> {
        match self {
            Self::Single(key) => chain::decrypt(key, iv, buffer),
            Self::Two(key) => chain::decrypt(key, iv, buffer),
            Self::Three(key) => chain::decrypt(key, iv, buffer),
        }
    }
}

/// What .NET refuses: the weak keys of DES, and keys of 3DES that come down to DES. The lowest bit of
/// each byte is for parity and does not count.
fn is_weak(key: &[u8]) -> bool {
    let odd = |part: &[u8; 8]| {
        part.map(|byte| (byte & 0xfe) | u8::from((byte >> 1).count_ones().is_multiple_of(2)))
    };
    match key.as_chunks::<8>().0 {
        [single] => des::weak_key_test(&odd(single)).is_err(),
        parts => parts.windows(2).any(|pair| odd(&pair[0]) == odd(&pair[1])),
    }
}
