//! `Framework45`: keys derived for each purpose, encrypt-then-MAC (`NetFXCryptoService`).

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use super::algorithms::KeyedHash;
use crate::crypto::{CbcKey, derive};

/// What [`MachineKey::purpose`](super::MachineKey::purpose) makes: `MachineKey.Protect` and
/// `Unprotect` for one chain of purposes, with the keys derived once. A clone shares them.
///
/// The form is `IV || ciphertext || HMAC(IV || ciphertext)`; the HMAC is compared in constant time
/// before anything is decrypted.
#[derive(Clone)]
pub struct Protector(pub(super) Arc<Keys>);

pub(super) struct Keys {
    pub(super) cipher: CbcKey,
    pub(super) hash: KeyedHash,
}

impl Protector {
    pub(super) fn new(cipher: CbcKey, hash: KeyedHash) -> Self {
        Self(Arc::new(Keys { cipher, hash }))
    }

    /// Encrypts and signs.
    #[must_use]
    pub fn protect(&self, plaintext: &[u8]) -> Vec<u8> {
        let Keys { cipher, hash } = &*self.0;
        let block = cipher.block();
        let longest = plaintext.len().saturating_add(2 * block + hash.size());
        let mut protected = Vec::with_capacity(longest);
        cipher.append_iv(&mut protected);
        let iv: [u8; 16] = std::array::from_fn(|at| protected.get(at).copied().unwrap_or(0));
        protected.extend_from_slice(plaintext);
        cipher.encrypt_padded(&iv[..block], &mut protected, block);
        let tag = hash.sign(&protected);
        protected.extend_from_slice(&tag);
        protected
    }

    /// Verifies and decrypts. `None` for every cause, so that nobody learns which it was.
    #[must_use]
    pub fn unprotect(&self, protected: &[u8]) -> Option<Vec<u8>> {
        let Keys { cipher, hash } = &*self.0;
        let (iv, ciphertext) = hash.authenticated(protected)?.split_at_checked(cipher.block())?;
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        cipher.decrypt(iv, &mut plaintext)?;
        let padding = usize::from(cipher.padding(&plaintext));
        if padding == 0 {
            return None;
        }
        let length = plaintext.len().checked_sub(padding)?;
        plaintext.truncate(length);
        Some(std::mem::take(&mut plaintext))
    }
}

impl fmt::Debug for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protector").finish_non_exhaustive()
    }
}

/// The keys for these purposes, each as long as its master key: for encryption and for validation.
pub(super) struct Derived {
    pub(super) encryption: Zeroizing<Vec<u8>>,
    pub(super) validation: Zeroizing<Vec<u8>>,
}

impl Derived {
    pub(super) fn new(
        decryption_key: &[u8],
        validation_key: &[u8],
        primary: &str,
        specific: &[&str],
    ) -> Self {
        let mut context = Vec::new();
        for purpose in specific {
            append_text(purpose, &mut context);
        }
        let from = |master: &[u8]| derive(master, primary.as_bytes(), &context, master.len());
        Self { encryption: from(decryption_key), validation: from(validation_key) }
    }
}

/// As .NET's `BinaryWriter` writes text: its length in groups of seven bits, then UTF-8.
fn append_text(text: &str, buffer: &mut Vec<u8>) {
    let mut rest = text.len();
    while rest >= 0x80 {
        buffer.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    buffer.push(rest as u8);
    buffer.extend_from_slice(text.as_bytes());
}
