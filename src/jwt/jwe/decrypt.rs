//! Opening an encrypted object.

use zeroize::Zeroizing;

use super::{
    DecryptionKey,
    compact::{Compact, Header},
    content,
    content_key::content_key,
};
use crate::{
    error::{AuthError, AuthErrorKind, printable},
    secret::Secret,
};

/// Decrypts an encrypted object and returns its plaintext, which may be any bytes, also none.
///
/// A token with a `kid` is tried with the keys of that name, and if there is none with those that have
/// no name; a token without, with every key. Only keys that fit its `alg` and `enc` are used, at most
/// four of them.
///
/// # Errors
/// [`MalformedJwt`](AuthErrorKind::MalformedJwt): not a compact JWE, or its header has what is not
/// accepted; [`UnsupportedAlgorithm`](AuthErrorKind::UnsupportedAlgorithm): an `alg` or `enc` that
/// nobody here knows, or the key of that name is for another;
/// [`EncryptedTokenNoKey`](AuthErrorKind::EncryptedTokenNoKey): no key may be it;
/// [`TokenUndecryptable`](AuthErrorKind::TokenUndecryptable): for everything else that can be wrong.
pub fn decrypt(token: &str, keys: &[DecryptionKey]) -> Result<Secret, AuthError> {
    let compact = Compact::split(token)?;
    let bytes = compact.header_bytes()?;
    let (plaintext, _) = decrypt_with(&compact, &Header::read(&bytes)?, keys)?;
    Ok(Secret::from(&**plaintext))
}

/// The plaintext, and the key that opened it.
pub(super) fn decrypt_with<'k>(
    compact: &Compact<'_>,
    header: &Header<'_>,
    keys: &'k [DecryptionKey],
) -> Result<(Zeroizing<Vec<u8>>, &'k DecryptionKey), AuthError> {
    let candidates = candidates(header, keys)?;
    let parts = compact.parts()?;
    let enc = header.enc;
    if parts.iv.len() != enc.iv_length()
        || parts.tag.len() != enc.tag_length()
        || !enc.fits(parts.ciphertext.len())
    {
        return Err(AuthErrorKind::TokenUndecryptable.into());
    }
    let associated = compact.header.as_bytes();
    for key in candidates {
        let Some(content_key) = content_key(key, header, &parts) else { continue };
        let mut buffer = Zeroizing::new(parts.ciphertext.clone());
        let opened =
            content::open(enc, &content_key, &parts.iv, associated, &mut buffer, &parts.tag);
        if opened.is_some() {
            return Ok((buffer, key));
        }
    }
    Err(AuthErrorKind::TokenUndecryptable.into())
}

/// The keys that may open it, few and not none.
fn candidates<'k>(
    header: &Header<'_>,
    keys: &'k [DecryptionKey],
) -> Result<Vec<&'k DecryptionKey>, AuthError> {
    let kid = header.kid.as_deref();
    let mut possible: Vec<_> =
        keys.iter().filter(|key| kid.is_none() || key.kid() == kid).collect();
    if possible.is_empty() {
        possible = keys.iter().filter(|key| key.kid().is_none()).collect();
    }
    let fitting: Vec<_> =
        possible.iter().copied().filter(|key| key.fits(header)).take(MOST_TRIES).collect();
    if !fitting.is_empty() {
        return Ok(fitting);
    }
    let (alg, enc) = (header.alg, header.enc);
    Err(match (kid, possible.first()) {
        (_, None) if keys.is_empty() => AuthErrorKind::EncryptedTokenNoKey.into(),
        (Some(kid), None) => AuthError::new(AuthErrorKind::EncryptedTokenNoKey)
            .with_detail(format_args!("no decryption key has the kid {:?}", printable(kid, 64))),
        _ => AuthError::new(AuthErrorKind::UnsupportedAlgorithm)
            .with_detail(format_args!("no decryption key is for {alg} with {enc}")),
    })
}

/// How many keys are tried in turn.
pub(super) const MOST_TRIES: usize = 4;
