//! Why something was not opened, step by step: for the diagnosis alone.
//!
//! What a request brings is never asked this. Each step that is told apart here is one that a padding
//! oracle would tell apart, and nothing here takes the same time for every input.

use super::{FormsProtector, Protection, Protector, legacy::LegacyProtector};
use crate::crypto::CbcKey;

/// The step at which it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ticket::aspnet) enum Fault {
    /// The hash inside of the encryption is another.
    InnerMac,
    /// Beside the tag there is no whole number of blocks, or too few.
    Length,
    /// The hash is another.
    Mac,
    /// The padding is not PKCS#7.
    Padding,
}

/// Why [`Protector::unprotect`] gave nothing.
pub(in crate::ticket::aspnet) fn examine_protected(
    protector: &Protector,
    protected: &[u8],
) -> Fault {
    let keys = &*protector.0;
    let block = keys.cipher.block();
    let tag = keys.hash.size();
    let length = protected.len().saturating_sub(tag);
    if length < 2 * block || !length.is_multiple_of(block) {
        return Fault::Length;
    }
    if keys.hash.authenticated(protected).is_none() { Fault::Mac } else { Fault::Padding }
}

/// Why [`FormsProtector::unprotect`] gave nothing.
pub(in crate::ticket::aspnet) fn examine_forms(
    protector: &FormsProtector,
    protected: &[u8],
) -> Fault {
    match protector {
        FormsProtector::Framework45(protector) => examine_protected(protector, protected),
        FormsProtector::Legacy(protector) => examine_legacy(protector, protected),
    }
}

fn examine_legacy(protector: &LegacyProtector, protected: &[u8]) -> Fault {
    let LegacyProtector { cipher, hash, outer_hash, protection, .. } = protector;
    let tag = match protection {
        Protection::None => 0,
        Protection::Validation => hash.size(),
        Protection::All | Protection::Encryption if *outer_hash => hash.size(),
        Protection::All | Protection::Encryption => 0,
    };
    let is_encrypted = matches!(protection, Protection::All | Protection::Encryption);
    let block = if is_encrypted { cipher.block() } else { 1 };
    let length = protected.len().saturating_sub(tag);
    if length == 0 || !length.is_multiple_of(block) {
        return Fault::Length;
    }
    if tag > 0 && hash.authenticated(protected).is_none() {
        return Fault::Mac;
    }
    let ciphertext = protected.get(..length).unwrap_or_default();
    if *protection == Protection::All && is_padded(cipher, ciphertext) {
        return Fault::InnerMac;
    }
    Fault::Padding
}

/// Decrypted with an initialization vector of zeros, it ends in PKCS#7.
fn is_padded(cipher: &CbcKey, ciphertext: &[u8]) -> bool {
    let mut plaintext = ciphertext.to_vec();
    let iv = [0; 16];
    let decrypted = iv.get(..cipher.block()).and_then(|iv| cipher.decrypt(iv, &mut plaintext));
    decrypted.is_some() && cipher.padding(&plaintext) > 0
}
