//! A random key in place of one that is not to be had.

use super::*;
use crate::jwt::jwe::ContentEncryption;

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
        serde_json::from_str(include_str!("../../../testing/keys/encryption.json")).unwrap();
    let jwk = keys["rsa-1"].to_string();
    let key = DecryptionKey::from_jwk_for(jwk.as_bytes(), KeyManagement::RsaOaep).unwrap();
    let modulus = crate::base64url::decode(keys["rsa-1"]["n"].as_str().unwrap()).unwrap();
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
