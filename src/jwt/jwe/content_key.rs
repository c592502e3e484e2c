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
mod tests {
    use super::*;
    use crate::{base64url, jwt::jwe::ContentEncryption};

    fn found(key: &DecryptionKey, encrypted_key: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
        let header = format!(r#"{{"alg":"{}","enc":"A256CBC-HS512"}}"#, key.algorithm());
        let header = Header::read(header.as_bytes()).unwrap();
        let parts = Parts { encrypted_key, iv: vec![], ciphertext: vec![], tag: vec![] };
        content_key(key, &header, &parts)
    }

    fn is_random(key: &DecryptionKey, encrypted_key: &[u8]) {
        let draw = || found(key, encrypted_key.to_vec()).unwrap();
        let (one, two) = (draw(), draw());
        assert_eq!((one.len(), two.len()), (64, 64));
        assert!(one != two && one[..] != [0; 64] && one[..] != [7; 64]);
    }

    #[test]
    fn a_random_key_stands_in_for_one_that_cannot_be_unwrapped() {
        let key = DecryptionKey::key_wrap(&[3; 32][..]).unwrap();
        let wrapped = WrappingKey::new(&[3; 32]).unwrap().wrap_key(&[7; 64]).unwrap();
        assert_eq!(found(&key, wrapped.clone()).unwrap()[..], [7; 64]);
        for at in 0..wrapped.len() {
            let mut altered = wrapped.clone();
            altered[at] ^= 1;
            is_random(&key, &altered);
        }
        assert!(found(&key, wrapped[..64].to_vec()).is_none(), "its length is no secret");

        let direct = DecryptionKey::direct(ContentEncryption::A256CbcHs512, &[7; 64][..]).unwrap();
        assert_eq!(found(&direct, vec![]).unwrap()[..], [7; 64]);
        assert!(found(&direct, wrapped).is_none(), "dir has no encrypted key");
    }

    #[cfg(feature = "aws-lc")]
    #[test]
    fn a_random_key_stands_in_for_one_that_cannot_be_decrypted() {
        let keys: serde_json::Value =
            serde_json::from_str(include_str!("../../testing/keys/encryption.json")).unwrap();
        let jwk = keys["rsa-1"].to_string();
        let key = DecryptionKey::from_jwk_for(jwk.as_bytes(), KeyManagement::RsaOaep).unwrap();
        let modulus = base64url::decode(keys["rsa-1"]["n"].as_str().unwrap()).unwrap();
        is_random(&key, &[0; 256]);
        is_random(&key, &[1; 256]);
        // not less than the modulus, and so not even a ciphertext
        is_random(&key, &modulus);
        is_random(&key, &[0xff; 256]);
        assert!(found(&key, vec![1; 255]).is_none() && found(&key, vec![1; 257]).is_none());
        // a content key of half the length
        #[cfg(feature = "testing")]
        {
            use crate::crypto::{OaepHash, encrypt_oaep};

            let encrypt = |content_key: &[u8]| {
                encrypt_oaep(OaepHash::Sha1, &modulus, &[1, 0, 1], content_key).unwrap()
            };
            assert_eq!(found(&key, encrypt(&[7; 64])).unwrap()[..], [7; 64]);
            is_random(&key, &encrypt(&[7; 32]));
            is_random(&key, &encrypt(&[7; 65]));
            is_random(&key, &encrypt(&[]));
        }
    }
}
