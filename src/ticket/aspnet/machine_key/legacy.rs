//! Before `Framework45`: one pair of keys, and a hash inside and outside of the ciphertext
//! (`MachineKeySection.EncryptOrDecryptData`).
//!
//! ```text
//! H(x)    the keyed hash
//! E(buf)  CT || H(CT), CT = CBC(R || buf), initialization vector of zeros, R as long as the key
//! ticket  E(ticket || H(ticket))                                       protection="All"
//! ```
//!
//! 1. The outer hash is verified, in constant time, before anything is decrypted.
//! 2. Behind it every step is taken, whatever the one before it found, and all findings end in one
//!    `None`.
//! 3. With `aspnet:UseLegacyEncryption` there is no outer hash, so that a stranger chooses what is
//!    decrypted. Then the inner hash is computed for **every** padding there can be: which one it was
//!    shows neither in the answer nor in the time.

use std::fmt;

use zeroize::Zeroizing;

use super::{Protection, algorithms::KeyedHash};
use crate::crypto::{CbcKey, fill_random, same};

/// The routines for forms tickets.
pub(crate) struct LegacyProtector {
    pub(super) cipher: CbcKey,
    pub(super) hash: KeyedHash,
    /// Whether the ciphertext is followed by its hash.
    pub(super) outer_hash: bool,
    /// The length of `R`.
    pub(super) prefix: usize,
    pub(super) protection: Protection,
}

impl LegacyProtector {
    pub(super) fn protect(&self, ticket: &[u8]) -> Vec<u8> {
        match self.protection {
            Protection::All => self.encrypt(ticket, &self.hash.sign(ticket)),
            Protection::Encryption => self.encrypt(ticket, &[]),
            Protection::None => ticket.to_vec(),
            Protection::Validation => [ticket, &self.hash.sign(ticket)].concat(),
        }
    }

    pub(super) fn unprotect(&self, protected: &[u8]) -> Option<Vec<u8>> {
        match self.protection {
            Protection::All if self.outer_hash => self.open(protected, true),
            Protection::All => self.open_unauthenticated(protected),
            Protection::Encryption => self.open(protected, false),
            Protection::None => Some(protected.to_vec()),
            Protection::Validation => self.hash.authenticated(protected).map(<[u8]>::to_vec),
        }
    }

    /// `E(ticket || tag)`.
    fn encrypt(&self, ticket: &[u8], tag: &[u8]) -> Vec<u8> {
        let content = self.prefix + ticket.len() + tag.len();
        let longest = content + self.cipher.block() + self.hash.size();
        let mut protected = Vec::with_capacity(longest);
        protected.resize(self.prefix, 0);
        fill_random(&mut protected);
        protected.extend_from_slice(ticket);
        protected.extend_from_slice(tag);
        self.cipher.encrypt_padded(self.zero_iv(), &mut protected, 0);
        if self.outer_hash {
            let tag = self.hash.sign(&protected);
            protected.extend_from_slice(&tag);
        }
        protected
    }

    /// Opens `E(ticket || H(ticket))` or `E(ticket)`.
    pub(super) fn open(&self, protected: &[u8], inner_hash: bool) -> Option<Vec<u8>> {
        let mut plaintext = self.decrypt(self.hash.authenticated(protected)?)?;
        let padding = self.cipher.padding(&plaintext);
        let end = plaintext.len().saturating_sub(padding.into());
        let content = plaintext.get(self.prefix..end).unwrap_or_default();
        let (ticket, verified) = if inner_hash {
            let (ticket, tag) = self.hash.split(content).unwrap_or_default();
            (ticket, self.hash.verify(ticket, tag))
        } else {
            (content, end >= self.prefix)
        };
        let (length, padded) = (ticket.len(), same(padding, 0) == 0);
        (verified & padded).then(|| cut(&mut plaintext, self.prefix, length))
    }

    /// Opens `CBC(R || ticket || H(ticket))`, which anybody could have made up.
    fn open_unauthenticated(&self, protected: &[u8]) -> Option<Vec<u8>> {
        let mut plaintext = self.decrypt(protected)?;
        let padding = self.cipher.padding(&plaintext);
        let mut length = None;
        for candidate in (1..).take(self.cipher.block()) {
            // these lengths are known to everybody
            let end = plaintext.len().saturating_sub(candidate.into());
            let content = plaintext.get(self.prefix..end).unwrap_or_default();
            let Some((ticket, tag)) = self.hash.split(content) else { continue };
            let verified = self.hash.verify(ticket, tag);
            if verified & (same(padding, candidate) == 1) {
                length = Some(ticket.len());
            }
        }
        Some(cut(&mut plaintext, self.prefix, length?))
    }

    /// `None` unless there are whole blocks, which is no secret.
    fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        self.cipher.decrypt(self.zero_iv(), &mut plaintext)?;
        Some(plaintext)
    }

    fn zero_iv(&self) -> &'static [u8] {
        &[0; 16][..self.cipher.block()]
    }
}

impl fmt::Debug for LegacyProtector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyProtector")
            .field("outer_hash", &self.outer_hash)
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

/// So many bytes after the prefix, in the same buffer.
fn cut(plaintext: &mut Vec<u8>, prefix: usize, length: usize) -> Vec<u8> {
    plaintext.copy_within(prefix..prefix + length, 0);
    plaintext.truncate(length);
    std::mem::take(plaintext)
}
