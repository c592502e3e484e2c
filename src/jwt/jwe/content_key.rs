//! The content key, from the recipient's key and what came along.
//!
//! What anybody can see without a key is judged first and costs no work: whether an encrypted key is
//! there, and how long it is. After that nothing tells failure from success: a random key stands where
//! the right one could not be had (RFC 7516 §11.5).

use zeroize::Zeroizing;

use super::{
    KeyManagement,
    algorithm::LONGEST_KEY,
    compact::{Header, Parts},
    key::{DecryptionKey, Material},
};
use crate::crypto::{AgreementKey, OaepKey, WrappingKey, derive_concat, fill_random};

/// The content key, or one that opens nothing. `None` where a length is wrong.
pub(super) fn content_key(
    key: &DecryptionKey,
    header: &Header<'_>,
    parts: &Parts,
) -> Option<Zeroizing<Vec<u8>>> {
    let length = header.enc.key_length();
    let encrypted = &*parts.encrypted_key;
    let expected = match (key.material(), header.alg) {
        (Material::Rsa(rsa), _) => rsa.ciphertext_length(),
        (_, KeyManagement::Dir | KeyManagement::EcdhEs) => 0,
        _ => length + WRAPPING_ADDS,
    };
    if encrypted.len() != expected {
        return None;
    }
    let mut content_key = Zeroizing::new(vec![0; length]);
    fill_random(&mut content_key);
    let found = match key.material() {
        Material::Rsa(rsa) => decrypted(rsa, encrypted, length),
        Material::Wrapping(wrapping) => unwrapped(wrapping, encrypted, length),
        Material::Direct(secret) => Some(Zeroizing::new(secret.expose().to_vec())),
        Material::Agreement(agreement) => agreed(agreement, header, encrypted, length),
    };
    if let Some(found) = found.filter(|found| found.len() == length) {
        content_key.copy_from_slice(&found);
    }
    Some(content_key)
}

fn decrypted(key: &OaepKey, encrypted: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(Vec::new());
    let found = key.decrypt(encrypted, &mut output)?;
    // a key of another length than enc wants is no key (RFC 7516 §5.2, step 9)
    (found == length).then_some(())?;
    output.truncate(length);
    Some(output)
}

fn unwrapped(key: &WrappingKey, encrypted: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(vec![0; length]);
    key.unwrap_key(encrypted, &mut output)?;
    Some(output)
}

/// RFC 7518 §4.6: what is agreed upon is the content key, or wraps it.
fn agreed(
    key: &AgreementKey,
    header: &Header<'_>,
    encrypted: &[u8],
    length: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let secret = key.agree(&header.epk.as_ref()?.public)?;
    let (name, derived) = match header.alg.wrapping() {
        None => (header.enc.name(), length),
        Some(wrapping) => (header.alg.name(), wrapping),
    };
    let mut output = Zeroizing::new(vec![0; derived.min(LONGEST_KEY)]);
    derive_concat(&secret, name.as_bytes(), &header.apu, &header.apv, &mut output);
    match header.alg.wrapping() {
        None => Some(output),
        Some(_) => unwrapped(&WrappingKey::new(&output)?, encrypted, length),
    }
}

/// RFC 3394 §2.2.1.
const WRAPPING_ADDS: usize = 8;

#[cfg(test)]
mod tests;
