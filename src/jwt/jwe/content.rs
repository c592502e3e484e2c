//! Opening the content.
//!
//! For AES-CBC with HMAC (RFC 7518 §5.2) the tag is judged first, in constant time and at exactly its
//! length; nothing is decrypted under a wrong one. So whoever sees a padding judged knows the key.

use super::ContentEncryption;
use crate::crypto::{CbcKey, Cipher, GcmKey, Hash, HmacKey, Tag, equal};

/// Decrypts in place. `None` for whatever is wrong.
pub(super) fn open(
    enc: ContentEncryption,
    key: &[u8],
    iv: &[u8],
    associated: &[u8],
    buffer: &mut Vec<u8>,
    tag: &[u8],
) -> Option<()> {
    if key.len() != enc.key_length() || tag.len() != enc.tag_length() {
        return None;
    }
    let hash = match enc {
        ContentEncryption::A128Gcm | ContentEncryption::A256Gcm => {
            return GcmKey::new(key)?.open(iv, associated, buffer, tag);
        }
        ContentEncryption::A128CbcHs256 => Hash::Sha256,
        ContentEncryption::A256CbcHs512 => Hash::Sha512,
    };
    let (mac_key, encryption_key) = key.split_at(key.len() / 2);
    let expected = authenticate(hash, mac_key, iv, associated, buffer);
    if !equal(expected.get(..tag.len())?, tag) {
        return None;
    }
    let cipher = CbcKey::new(Cipher::Aes, encryption_key)?;
    cipher.decrypt(iv, buffer)?;
    let padding = usize::from(cipher.padding(buffer));
    buffer.truncate(buffer.len() - padding);
    (padding > 0).then_some(())
}

/// RFC 7518 §5.2.2.1, step 5: the HMAC of the associated data, the vector, the ciphertext and the
/// length of the associated data in bits. The tag is its first half.
fn authenticate(hash: Hash, key: &[u8], iv: &[u8], associated: &[u8], ciphertext: &[u8]) -> Tag {
    let bits = u64::try_from(associated.len()).unwrap_or(u64::MAX).saturating_mul(8);
    let message = [associated, iv, ciphertext, &bits.to_be_bytes()].concat();
    HmacKey::new(hash, key).sign(&message)
}
