//! Signed objects in compact form (RFC 7515 §7.1).
//!
//! 1. Exactly three segments of canonical base64url; the header is one strict JSON object of at most
//!    8 KiB.
//! 2. `alg` is required, and must be in the caller's list before anything else happens.
//! 3. `crit` in any form is refused: no extension is implemented (RFC 7515 §4.1.11). What points to
//!    keys (`jwk`, `jku`, `x5u`, `x5c`, `x5t`) is ignored, and so is what nobody here knows.
//! 4. The signature is verified over the octets as they were received.
//!
//! This does NOT look at the payload: for an access token use
//! [`JwtValidator`](super::JwtValidator).
//!
//! ```
//! use portcullis::jwt::{Algorithm, Jwk, jws};
//!
//! // RFC 8037 appendix A.4
//! let jwk = Jwk::parse(
//!     br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
//! )?;
//! let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7\
//!              -09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
//! assert_eq!(jws::verify(token, &jwk, &[Algorithm::EdDSA])?, b"Example of Ed25519 signing");
//! assert!(jws::verify(token, &jwk, &[Algorithm::ES256]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;

use super::{Algorithm, Jwk};
use crate::{
    base64url,
    error::{AuthError, AuthErrorKind, printable},
    json::{Object, Raw},
};

/// Verifies a signed object and returns its payload, which may be any bytes, also none.
///
/// # Errors
/// [`MalformedJwt`](AuthErrorKind::MalformedJwt) or
/// [`IllegalCharacter`](AuthErrorKind::IllegalCharacter): not a compact JWS;
/// [`EncryptedTokenNoKey`](AuthErrorKind::EncryptedTokenNoKey): five segments, a JWE;
/// [`UnsupportedAlgorithm`](AuthErrorKind::UnsupportedAlgorithm): not in `algorithms`, or the key
/// does not [fit](Jwk::fits) it; [`BadSignature`](AuthErrorKind::BadSignature).
pub fn verify(token: &str, key: &Jwk, algorithms: &[Algorithm]) -> Result<Vec<u8>, AuthError> {
    let compact = Compact::split(token)?;
    let mut buffer = HeaderBuffer::new();
    let header = compact.header(&mut buffer)?;
    let algorithm = header.algorithm(algorithms)?;
    if !key.fits(algorithm) {
        return Err(does_not_fit(key, algorithm));
    }
    if !compact.is_signed_by(key, algorithm)? {
        return Err(AuthErrorKind::BadSignature.into());
    }
    compact.payload()
}

/// The three segments, not decoded.
pub(super) struct Compact<'a> {
    token: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// What was signed: header, dot, payload.
    signed: &'a str,
}

impl<'a> Compact<'a> {
    /// Splits in linear time, whatever the number of dots. Three segments of letters of the
    /// alphabet remain.
    pub(super) fn split(token: &'a str) -> Result<Self, AuthError> {
        let Some(dots) = Dots::of(token.as_bytes()) else {
            return Err(illegal_character(token).into());
        };
        match dots.count {
            2 => {}
            4 => return Err(AuthErrorKind::EncryptedTokenNoKey.into()),
            _ => return Err(AuthErrorKind::MalformedJwt.into()),
        }
        let (Some(header), Some(payload), Some(signature), Some(signed)) = (
            token.get(..dots.first),
            token.get(dots.first + 1..dots.second),
            token.get(dots.second + 1..),
            token.get(..dots.second),
        ) else {
            return Err(AuthErrorKind::MalformedJwt.into());
        };
        Ok(Self { token, header, payload, signature, signed })
    }

    /// All of it.
    pub(super) const fn token(&self) -> &'a str {
        self.token
    }

    pub(super) const fn header_segment(&self) -> &'a str {
        self.header
    }

    /// Reads the header in one pass.
    pub(super) fn header<'b>(&self, buffer: &'b mut HeaderBuffer) -> Result<Header<'b>, AuthError> {
        let bytes = if self.header.len() <= LONGEST_HEADER {
            buffer.decode(self.header).ok_or_else(|| malformed("the header is not base64url"))?
        } else {
            return Err(malformed("the header is longer than 8 KiB"));
        };
        Header::parse(bytes)
    }

    /// Whether the signature is one of this key.
    pub(super) fn is_signed_by(&self, key: &Jwk, algorithm: Algorithm) -> Result<bool, AuthError> {
        if self.signature.len() > LONGEST_SIGNATURE * 4 / 3 + 1 {
            return Ok(false);
        }
        let mut buffer = [0; LONGEST_SIGNATURE];
        let signature = base64url::decode_into(self.signature, &mut buffer)
            .ok_or_else(|| malformed("the signature is not base64url"))?;
        Ok(key.verify(algorithm, self.signed.as_bytes(), signature))
    }

    /// Decodes the payload.
    pub(super) fn payload(&self) -> Result<Vec<u8>, AuthError> {
        base64url::decode(self.payload).ok_or_else(|| malformed("the payload is not base64url"))
    }

    /// Decodes the payload for a look at it.
    pub(super) fn payload_in<'b>(
        &self,
        buffer: &'b mut PayloadBuffer,
    ) -> Result<&'b [u8], AuthError> {
        buffer.decode(self.payload).ok_or_else(|| malformed("the payload is not base64url"))
    }

    pub(super) const fn has_payload(&self) -> bool {
        !self.payload.is_empty()
    }
}

/// Where a segment is decoded to: on the stack unless it is an unusually long one.
pub(super) struct Buffer<const USUAL: usize> {
    usual: [u8; USUAL],
    long: Vec<u8>,
}

pub(super) type HeaderBuffer = Buffer<384>;
pub(super) type PayloadBuffer = Buffer<1536>;

impl<const USUAL: usize> Buffer<USUAL> {
    pub(super) const fn new() -> Self {
        Self { usual: [0; USUAL], long: Vec::new() }
    }

    fn decode(&mut self, segment: &str) -> Option<&[u8]> {
        if segment.len() <= USUAL / 3 * 4 {
            return base64url::decode_into(segment, &mut self.usual);
        }
        self.long = base64url::decode(segment)?;
        Some(&self.long)
    }
}

/// The header parameters that mean something here.
pub(super) struct Header<'a> {
    alg: Cow<'a, str>,
    pub(super) kid: Option<Cow<'a, str>>,
    pub(super) typ: Option<Cow<'a, str>>,
    pub(super) cty: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, AuthError> {
        let mut object = Object::empty();
        object
            .fill(bytes)
            .map_err(|error| malformed(&format!("the header is not strict JSON: {error}")))?;
        let (mut alg, mut kid, mut typ, mut cty) = (None, None, None, None);
        for (name, value) in object.iter() {
            let place = match name {
                "alg" => &mut alg,
                "kid" => &mut kid,
                "typ" => &mut typ,
                "cty" => &mut cty,
                "crit" => return Err(malformed("crit names an extension; none is supported")),
                _ => continue,
            };
            *place = Some(text(name, value)?);
        }
        let alg = alg.ok_or_else(|| malformed("alg is missing"))?;
        Ok(Self { alg, kid, typ, cty })
    }

    pub(super) fn to_owned(&self) -> Header<'static> {
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(|it| it.to_owned().into());
        Header {
            alg: self.alg.clone().into_owned().into(),
            kid: owned(&self.kid),
            typ: owned(&self.typ),
            cty: owned(&self.cty),
        }
    }

    /// The algorithm, if it is in the list.
    pub(super) fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, AuthError> {
        Algorithm::parse(&self.alg).filter(|algorithm| allowed.contains(algorithm)).ok_or_else(
            || {
                let names: Vec<&str> = allowed.iter().map(|algorithm| algorithm.name()).collect();
                let mut detail =
                    format!("alg is {:?}, allowed {}", printable(&self.alg, 32), names.join(", "));
                if let Some(known) = Algorithm::parse(&self.alg) {
                    detail += &format!("; algorithms([Algorithm::{known}]) accepts it");
                }
                AuthError::new(AuthErrorKind::UnsupportedAlgorithm).with_detail(detail)
            },
        )
    }
}

/// The key is there and is of another kind.
pub(super) fn does_not_fit(key: &Jwk, algorithm: Algorithm) -> AuthError {
    let name = key.kid().map(|kid| format!(" {:?}", printable(kid, 64))).unwrap_or_default();
    AuthError::new(AuthErrorKind::UnsupportedAlgorithm)
        .with_detail(format!("the {} key{name} does not verify {algorithm}", key.key_type()))
}

pub(super) fn malformed(detail: &str) -> AuthError {
    AuthError::new(AuthErrorKind::MalformedJwt).with_detail(detail)
}

fn text<'a>(name: &str, value: Raw<'a>) -> Result<Cow<'a, str>, AuthError> {
    value.as_str().map_err(|_| malformed(&format!("{name} in the header is not a string")))
}

/// Where the first two dots stand, and how many there are.
#[derive(Default)]
struct Dots {
    first: usize,
    second: usize,
    count: usize,
}

impl Dots {
    /// Looks at each byte once; `None` where one is neither a letter of base64url nor a dot.
    fn of(text: &[u8]) -> Option<Self> {
        let mut dots = Self::default();
        let (chunks, rest) = text.as_chunks::<32>();
        for (index, chunk) in chunks.iter().enumerate() {
            // branch-free, so that the compiler looks at many bytes at a time
            if chunk.iter().fold(false, |any, byte| any | is_foreign(*byte)) {
                return None;
            }
            if chunk.iter().fold(false, |any, byte| any | (*byte == b'.')) {
                dots.note(index * 32, chunk);
            }
        }
        if rest.iter().any(|byte| is_foreign(*byte)) {
            return None;
        }
        dots.note(chunks.len() * 32, rest);
        Some(dots)
    }

    fn note(&mut self, offset: usize, bytes: &[u8]) {
        for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'.') {
            match self.count {
                0 => self.first = offset + at,
                1 => self.second = offset + at,
                _ => {}
            }
            self.count += 1;
        }
    }
}

const fn is_foreign(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    !(letter | digit | (byte == b'-') | (byte == b'_') | (byte == b'.'))
}

/// RFC 6750 §2.1 allows a bearer token a few characters that base64url has not.
fn illegal_character(token: &str) -> AuthErrorKind {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.bytes().all(legal) {
        AuthErrorKind::MalformedJwt
    } else {
        AuthErrorKind::IllegalCharacter
    }
}

/// In base64url letters: 8 KiB of header.
const LONGEST_HEADER: usize = 8 * 1024 * 4 / 3 + 1;
/// RSA with 8192 bits.
const LONGEST_SIGNATURE: usize = 1024;

#[cfg(test)]
mod tests;
