//! The private keys that open encrypted tokens.

use std::{fs, path::Path};

use portcullis::jwt::jwe::{DecryptionKey, KeyManagement};
use serde_json::Value;

/// Reads a JWK. One that does not say its `alg` is for the usual one of its kind: what OpenIddict
/// does by default, or else ECDH-ES.
///
/// # Errors
/// The file cannot be read, or is no private key to decrypt with.
pub fn read(path: &Path) -> Result<DecryptionKey, String> {
    let problem = |problem: String| format!("--decryption-key {}: {problem}", path.display());
    let document = fs::read(path).map_err(|error| problem(error.to_string()))?;
    let jwk: Value = serde_json::from_slice(&document).unwrap_or_default();
    let key = match (&jwk["alg"], usual(&jwk)) {
        (Value::Null, Some(algorithm)) => DecryptionKey::from_jwk_for(&document, algorithm),
        _ => DecryptionKey::from_jwk(&document),
    };
    key.map_err(|error| problem(error.to_string()))
}

fn usual(jwk: &Value) -> Option<KeyManagement> {
    Some(match (jwk["kty"].as_str()?, jwk["k"].as_str().map(str::len)) {
        ("RSA", _) => KeyManagement::RsaOaep,
        ("EC" | "OKP", _) => KeyManagement::EcdhEs,
        // 16 and 32 bytes
        ("oct", Some(22)) => KeyManagement::A128Kw,
        ("oct", Some(43)) => KeyManagement::A256Kw,
        ("oct", _) => KeyManagement::Dir,
        _ => return None,
    })
}
