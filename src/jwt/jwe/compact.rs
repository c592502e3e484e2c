//! The five segments and the header.

use std::borrow::Cow;

use super::{ContentEncryption, KeyManagement, epk::EphemeralKey};
use crate::{
    base64url,
    error::{AuthError, AuthErrorKind, printable},
    json::{Object, Raw},
    jwt::jws::malformed,
};

/// The five segments, not decoded.
pub(super) struct Compact<'a> {
    pub(super) header: &'a str,
    encrypted_key: &'a str,
    iv: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

/// What the segments hold, beside the header.
pub(super) struct Parts {
    pub(super) encrypted_key: Vec<u8>,
    pub(super) iv: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Splits in linear time, whatever the number of dots.
    pub(super) fn split(token: &'a str) -> Result<Self, AuthError> {
        let mut segments = token.splitn(6, '.');
        let mut next = || segments.next();
        match (next(), next(), next(), next(), next(), next()) {
            (Some(header), Some(encrypted_key), Some(iv), Some(ciphertext), Some(tag), None) => {
                Ok(Self { header, encrypted_key, iv, ciphertext, tag })
            }
            _ => Err(malformed("an encrypted token has five segments")),
        }
    }

    /// The header's bytes, to be [read](Header::read).
    pub(super) fn header_bytes(&self) -> Result<Vec<u8>, AuthError> {
        if self.header.len() > LONGEST_HEADER {
            return Err(malformed("the header is longer than 8 KiB"));
        }
        base64url::decode(self.header).ok_or_else(|| malformed("the header is not base64url"))
    }

    pub(super) fn parts(&self) -> Result<Parts, AuthError> {
        let decode = |segment: &str| {
            base64url::decode(segment).ok_or_else(|| malformed("a segment is not base64url"))
        };
        Ok(Parts {
            encrypted_key: decode(self.encrypted_key)?,
            iv: decode(self.iv)?,
            ciphertext: decode(self.ciphertext)?,
            tag: decode(self.tag)?,
        })
    }
}

/// The header parameters that mean something here.
pub(super) struct Header<'a> {
    pub(super) alg: KeyManagement,
    pub(super) enc: ContentEncryption,
    pub(super) kid: Option<Cow<'a, str>>,
    pub(super) cty: Option<Cow<'a, str>>,
    pub(super) epk: Option<EphemeralKey>,
    pub(super) apu: Vec<u8>,
    pub(super) apv: Vec<u8>,
    /// The claims that are said again out here (RFC 7519 §5.3).
    pub(super) replicated: Vec<&'static str>,
}

impl<'a> Header<'a> {
    /// Reads the header in one pass.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, AuthError> {
        let object = Object::parse(bytes)
            .map_err(|error| malformed(&format!("the header is not strict JSON: {error}")))?;
        for (name, why) in REFUSED {
            if object.get(name).is_some() {
                return Err(malformed(why));
            }
        }
        let text = |name: &str| -> Result<Option<Cow<'a, str>>, AuthError> {
            let value = object.get(name).map(Raw::as_str).transpose();
            value.map_err(|_| malformed(&format!("{name} in the header is not a string")))
        };
        let required = |name: &str| -> Result<Cow<'a, str>, AuthError> {
            text(name)?.ok_or_else(|| malformed(&format!("{name} is missing")))
        };
        let information = |name: &str| -> Result<Vec<u8>, AuthError> {
            let Some(value) = text(name)? else { return Ok(Vec::new()) };
            base64url::decode(value.as_bytes())
                .ok_or_else(|| malformed(&format!("{name} in the header is not base64url")))
        };
        let (alg, enc) = (required("alg")?, required("enc")?);
        let alg = KeyManagement::parse(&alg).ok_or_else(|| unsupported("alg", &alg))?;
        let enc = ContentEncryption::parse(&enc).ok_or_else(|| unsupported("enc", &enc))?;
        let epk = match object.get("epk") {
            Some(epk) if alg.agrees() => Some(EphemeralKey::read(epk).map_err(malformed)?),
            None if alg.agrees() => return Err(malformed("epk is missing")),
            _ => None,
        };
        let replicated = REPLICATED.into_iter().filter(|name| object.get(name).is_some()).collect();
        let (kid, cty) = (text("kid")?, text("cty")?);
        text("typ")?;
        let (apu, apv) = (information("apu")?, information("apv")?);
        Ok(Self { alg, enc, kid, cty, epk, apu, apv, replicated })
    }
}

fn unsupported(name: &str, found: &str) -> AuthError {
    AuthError::new(AuthErrorKind::UnsupportedAlgorithm).with_detail(format_args!(
        "{name} is {:?}; jwt::jwe lists those that are",
        printable(found, 32)
    ))
}

/// RFC 7516 §4.1.3 and §4.1.13.
const REFUSED: [(&str, &str); 2] = [
    ("zip", "zip: compressed content is not accepted"),
    ("crit", "crit names an extension; none is supported"),
];
/// RFC 7519 §10.4.1.
const REPLICATED: [&str; 3] = ["iss", "sub", "aud"];
/// In base64url letters: 8 KiB of header.
const LONGEST_HEADER: usize = 8 * 1024 * 4 / 3 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_8_kib_is_the_longest() {
        for (length, fits) in [(8192, true), (8193, false)] {
            let token = format!("{}....", base64url::encode(vec![b' '; length]));
            let bytes = Compact::split(&token).unwrap().header_bytes();
            assert_eq!(bytes.ok().map(|bytes| bytes.len()), fits.then_some(length));
        }
    }

    /// RFC 7516 §4: what has no meaning for an algorithm is ignored, whatever it is.
    #[test]
    fn an_ephemeral_key_is_read_where_one_is_agreed_on() {
        let epk = |alg: &str| {
            let header = format!(r#"{{"alg":"{alg}","enc":"A128GCM","epk":"none"}}"#);
            Header::read(header.as_bytes()).map(|header| header.epk.is_some())
        };
        assert_eq!(epk("dir").ok(), Some(false));
        assert_eq!(epk("RSA-OAEP").ok(), Some(false));
        assert_eq!(epk("ECDH-ES").unwrap_err().kind(), AuthErrorKind::MalformedJwt);
    }
}
