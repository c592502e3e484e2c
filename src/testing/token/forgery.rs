//! Tokens that must be refused.

use std::sync::Arc;

use serde_json::Value;

use super::builder::{Edit, Signature, TokenBuilder};
use crate::{base64url, jwt::Algorithm, testing::key::SigningKey};

/// Forgeries.
impl TokenBuilder {
    /// Spellings of `alg: none` as raw JSON values, for [`unsigned`](Self::unsigned). The last is
    /// the absence of `alg`.
    pub const NONE_SPELLINGS: &'static [&'static str] = &[
        r#""none""#,
        r#""None""#,
        r#""NONE""#,
        r#""nOnE""#,
        r#""none ""#,
        r#"" none""#,
        r#""\u006eone""#,
        r#""no\u006Ee""#,
        r#""""#,
        "null",
        "0",
        "false",
        "[]",
        r#"["none"]"#,
        "{}",
        "",
    ];

    /// `alg` as this raw JSON value (`""`: no `alg` at all), and an empty signature.
    pub fn unsigned(self, alg: &str) -> Self {
        let mut header = self.header.clone();
        header.remove("alg");
        let rest = Value::Object(header).to_string();
        let alg = if alg.is_empty() { String::new() } else { format!(r#""alg":{alg},"#) };
        let raw = rest.replacen('{', &format!("{{{alg}"), 1);
        self.raw_header(raw).signature(Vec::new())
    }

    /// These bytes as the header, for example with a member twice.
    pub fn raw_header(mut self, header: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(header.into());
        self
    }

    /// These bytes as the payload, properly signed.
    pub fn raw_payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.raw_payload = Some(payload.into());
        self
    }

    /// The claims as JSON text, to write a [`raw_payload`](Self::raw_payload) from.
    #[must_use]
    pub fn payload_json(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    /// The header as JSON text, to write a [`raw_header`](Self::raw_header) from.
    #[must_use]
    pub fn header_json(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    /// Signs with this key; `alg` and `kid` are its.
    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self.signature = Signature::Key;
        self.header("alg", key.algorithm().name()).kid(key.kid())
    }

    /// Signs with a key that the issuer does not have, under the name of its own.
    pub fn signed_by_stranger(self) -> Self {
        let stranger = SigningKey::stranger(self.key.kid(), self.key.algorithm());
        self.signed_by(&stranger)
    }

    /// Signs by HMAC with these bytes, under the name of the issuer's key.
    pub fn signed_with_hmac(self, algorithm: Algorithm, secret: &[u8]) -> Self {
        let key = SigningKey::hmac(self.key.kid(), algorithm, secret);
        self.signed_by(&key)
    }

    /// Signs with a key that travels along in the header (`jwk`).
    pub fn signed_by_embedded_key(self) -> Self {
        let token = self.signed_by_stranger();
        let jwk = token.key.jwk_json();
        token.header("jwk", jwk)
    }

    /// Signs with an RSA key whose self-signed certificate travels along (`x5c`).
    pub fn signed_by_embedded_certificate(self) -> Self {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let key = SigningKey::stranger(self.key.kid(), Algorithm::RS256);
        let chain = vec![STANDARD.encode(key.certificate().unwrap_or_default())];
        self.signed_by(&key).header("x5c", chain)
    }

    /// `crit` with this value, and the parameters that it names, set to `true`.
    pub fn critical(self, crit: impl Into<Value>) -> Self {
        let crit = crit.into();
        let names: Vec<String> = crit
            .as_array()
            .map(|names| names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect())
            .unwrap_or_default();
        let token = names.into_iter().fold(self, |token, name| {
            if token.header.contains_key(&name) { token } else { token.header(&name, true) }
        });
        token.header("crit", crit)
    }

    /// `b64: false` (RFC 7797): the payload is signed and sent as it is.
    pub fn unencoded_payload(self) -> Self {
        self.header("b64", false).header("crit", vec!["b64"]).edit_text(|text| {
            let mut segments = text.split('.');
            let (header, payload) = (segments.next(), segments.next().map(base64url::decode));
            let payload = payload.flatten().unwrap_or_default();
            let payload = String::from_utf8_lossy(&payload);
            let signature = segments.next().unwrap_or_default();
            format!("{}.{payload}.{signature}", header.unwrap_or_default())
        })
    }

    /// These bytes as the signature.
    pub fn signature(mut self, signature: impl Into<Vec<u8>>) -> Self {
        self.signature = Signature::Bytes(signature.into());
        self
    }

    /// All zero: r = s = 0.
    pub fn psychic_signature(self) -> Self {
        self.edit_signature(|signature| vec![0; signature.len()])
    }

    /// The ECDSA signature in DER in place of r and s side by side (RFC 7518 §3.4).
    pub fn der_signature(self) -> Self {
        self.edit_signature(|signature| {
            let (r, s) = signature.split_at(signature.len() / 2);
            let body = [der_integer(r), der_integer(s)].concat();
            [der_header(0x30, body.len()), body].concat()
        })
    }

    /// The signature cut to so many bytes.
    pub fn truncated_signature(self, length: usize) -> Self {
        self.edit_signature(move |mut signature| {
            signature.truncate(length);
            signature
        })
    }

    /// The signature with this bit turned.
    pub fn flipped_signature_bit(self, bit: usize) -> Self {
        self.edit_signature(move |mut signature| {
            let place = bit / 8 % signature.len().max(1);
            if let Some(byte) = signature.get_mut(place) {
                *byte ^= 1 << (bit % 8);
            }
            signature
        })
    }

    /// The same signature by another spelling: an unused bit of its last letter is set (RFC 4648
    /// §3.5). No change where the last letter has no unused bit.
    pub fn non_canonical_signature(self) -> Self {
        self.edit_text(|text| respell(&text))
    }

    /// The claim changed after signing.
    pub fn tampered_claim(self, name: &str, value: impl Into<Value>) -> Self {
        let (name, value) = (name.to_owned(), value.into());
        self.edit_text(move |text| {
            let mut segments: Vec<String> = text.split('.').map(str::to_owned).collect();
            let payload = segments.get(1).and_then(base64url::decode).unwrap_or_default();
            let mut claims: Value = serde_json::from_slice(&payload).unwrap_or_default();
            if let Some(claims) = claims.as_object_mut() {
                claims.insert(name.clone(), value.clone());
            }
            if let Some(payload) = segments.get_mut(1) {
                *payload = base64url::encode(claims.to_string());
            }
            segments.join(".")
        })
    }

    /// Changes the signature's bytes.
    pub fn edit_signature(
        mut self,
        edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.edits.push(Edit::Signature(Arc::new(edit)));
        self
    }

    /// Changes the finished text.
    pub fn edit_text(mut self, edit: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        self.edits.push(Edit::Text(Arc::new(edit)));
        self
    }
}

/// Sets the lowest bit of the last letter where it carries nothing.
fn respell(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last_segment = text.rsplit('.').next().unwrap_or_default();
    let has_unused_bits = !last_segment.len().is_multiple_of(4);
    let Some(last) = text.chars().next_back().filter(|_| has_unused_bits) else {
        return text.to_owned();
    };
    let value = LETTERS.iter().position(|letter| char::from(*letter) == last).unwrap_or_default();
    let kept = text.get(..text.len() - 1).unwrap_or_default();
    format!("{kept}{}", char::from(LETTERS[value | 1]))
}

fn der_integer(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let mut digits = bytes.get(first..).unwrap_or_default().to_vec();
    if digits.first().is_none_or(|byte| byte & 0x80 != 0) {
        digits.insert(0, 0);
    }
    [der_header(2, digits.len()), digits].concat()
}

fn der_header(tag: u8, length: usize) -> Vec<u8> {
    match u8::try_from(length).unwrap_or(u8::MAX) {
        short @ 0..=127 => vec![tag, short],
        long => vec![tag, 0x81, long],
    }
}
