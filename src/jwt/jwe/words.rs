//! What a [`JwtValidatorBuilder`] says about encrypted tokens.

use super::DecryptionKey;
use crate::jwt::JwtValidatorBuilder;

/// Encrypted tokens.
impl JwtValidatorBuilder {
    /// Opens encrypted tokens with these keys (RFC 7516, RFC 7519 §5.2). Inside must be a JWT that is
    /// signed and passes every other rule; encryption alone proves nothing. A second call adds keys.
    ///
    /// A token with a `kid` is tried with the keys of that name, or with those that have none. Keys of
    /// one algorithm: at most four, counted over all issuers of
    /// [`several`](crate::jwt::JwtValidator::several).
    ///
    /// A clone of one key serves several issuers. The same JWK read twice is two keys: the first one
    /// opens the tokens for both, and those of the second one's issuer are refused.
    ///
    /// ```
    /// use portcullis::jwt::{Algorithm, JwtValidator, StaticKeys, jwe::DecryptionKey};
    ///
    /// let validator = JwtValidator::builder(StaticKeys::hmac(Algorithm::HS256, &[7; 32][..])?)
    ///     .issuer("https://login.example")
    ///     .audience("https://api.example")
    ///     .algorithms([Algorithm::HS256])
    ///     .decryption_keys([DecryptionKey::key_wrap(&[9; 32][..])?])
    ///     .require_encryption()
    ///     .build()?;
    /// # let _ = validator;
    /// # Ok::<(), portcullis::BuildError>(())
    /// ```
    pub fn decryption_keys(mut self, keys: impl IntoIterator<Item = DecryptionKey>) -> Self {
        self.decryption.keys.extend(keys);
        self
    }

    /// Refuses a token that is not encrypted (RFC 9068 §4). Default: it is accepted.
    pub fn require_encryption(mut self) -> Self {
        self.decryption.required = true;
        self
    }

    /// Accepts an encrypted token whose outer header has no `cty`, as some libraries write them. One
    /// that has a `cty` must say `JWT` (RFC 7519 §5.2), or the type of the token inside.
    pub fn accept_missing_content_type(mut self) -> Self {
        self.decryption.missing_content_type = true;
        self
    }
}
