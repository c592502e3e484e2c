//! Key derivation: NIST SP 800-108 in counter mode over HMAC-SHA512, and the Concat KDF of NIST
//! SP 800-56A over SHA-256.

use zeroize::Zeroizing;

#[cfg(feature = "jwe")]
use super::sha256;
#[cfg(feature = "tickets")]
use super::{Hash, HmacKey};

/// `output.len()` bytes from the master key, as `System.Web` and Data Protection derive them.
///
/// Each block is the HMAC of `be32(i) || label || 00 || context || be32(bits)`, counted from 1,
/// where `bits` is the length of the whole output.
#[cfg(feature = "tickets")]
pub(crate) fn derive(
    master: &[u8],
    label: &[u8],
    context: &[u8],
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let key = HmacKey::new(Hash::Sha512, master);
    let bits = u32::try_from(length.saturating_mul(8)).unwrap_or(u32::MAX);
    let mut input = [&[0; 4], label, &[0], context, &bits.to_be_bytes()].concat();
    let mut output = Zeroizing::new(vec![0; length]);
    for (block, counter) in output.chunks_mut(64).zip(1_u32..) {
        input[..4].copy_from_slice(&counter.to_be_bytes());
        block.copy_from_slice(&key.sign(&input)[..block.len()]);
    }
    output
}

/// Fills `output` from what two parties agreed upon (RFC 7518 §4.6.2).
///
/// Each block is SHA-256 of `be32(i) || agreed || algorithm || apu || apv || be32(bits)`, counted
/// from 1, where `bits` is the length of the whole output, and the three in the middle are each led
/// by their length in 32 bits.
#[cfg(feature = "jwe")]
pub(crate) fn derive_concat(
    agreed: &[u8],
    algorithm: &[u8],
    apu: &[u8],
    apv: &[u8],
    output: &mut [u8],
) {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let bits = length(output.len().saturating_mul(8));
    let mut input = Zeroizing::new([&[0; 4], agreed].concat());
    for information in [algorithm, apu, apv] {
        input.extend_from_slice(&length(information.len()));
        input.extend_from_slice(information);
    }
    input.extend_from_slice(&bits);
    for (block, counter) in output.chunks_mut(32).zip(1_u32..) {
        input[..4].copy_from_slice(&counter.to_be_bytes());
        let hash = Zeroizing::new(sha256(&input));
        block.copy_from_slice(&hash[..block.len()]);
    }
}

#[cfg(test)]
#[cfg(feature = "tickets")]
mod tests {
    use super::derive;

    #[test]
    fn a_longer_key_is_another_key() {
        let short = derive(b"kdk", b"label", b"context", 32);
        let long = derive(b"kdk", b"label", b"context", 100);
        assert_eq!((short.len(), long.len()), (32, 100));
        assert_ne!(short[..], long[..32], "the length is part of what is hashed");
        assert_ne!(long[..36], long[64..], "each block has its own counter");
        assert!(derive(b"kdk", b"label", b"context", 0).is_empty());
    }

    #[test]
    fn known_answer() {
        // Microsoft's SP800_108Tests (aspnet/DataProtection), "kdk", 64 bytes
        let derived = derive(b"kdk", b"label", b"contextHeadercontext", 64);
        assert_eq!(
            crate::base64url::encode(&derived[..]),
            "mVaFM4deXLl610CmnCteNzxgbM_VkmKznAlPauHcDBn0le06uOjAKLHx0Lfo\
             U2_Ttq9nd78Y6Nk6wArmdwJgJg"
        );
    }
}
