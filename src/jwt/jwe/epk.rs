//! The ephemeral public key in a header (RFC 7518 §4.6.1.1).

use std::borrow::Cow;

use crate::{
    base64url,
    crypto::AgreementCurve,
    json::{Object, Raw},
};

/// A public key by its numbers; that it is on its curve is found out when it is used.
pub(super) struct EphemeralKey {
    pub(super) curve: AgreementCurve,
    pub(super) public: Vec<u8>,
}

impl EphemeralKey {
    /// Reads the value of `epk`.
    pub(super) fn read(epk: Raw<'_>) -> Result<Self, &'static str> {
        let object = epk.as_object().map_err(|_| "epk is not a strict JSON object")?;
        if object.get("d").is_some() {
            return Err("epk is a private key");
        }
        let curve = text(&object, "crv").ok_or("crv in epk is missing or not a string")?;
        let curve = AgreementCurve::parse(&curve).ok_or("the curve of epk is not supported")?;
        if text(&object, "kty").is_none_or(|kty| kty != curve.key_type()) {
            return Err("kty in epk is missing or not that of the curve");
        }
        let x = coordinate(&object, "x").ok_or("x in epk is missing or not base64url")?;
        let y = match curve {
            AgreementCurve::X25519 => None,
            _ => Some(coordinate(&object, "y").ok_or("y in epk is missing or not base64url")?),
        };
        let public = curve.public(&x, y.as_deref());
        let public = public.ok_or("a coordinate in epk has not the length of the curve")?;
        Ok(Self { curve, public })
    }
}

fn text<'a>(object: &Object<'a>, name: &str) -> Option<Cow<'a, str>> {
    object.get(name)?.as_str().ok()
}

fn coordinate(object: &Object<'_>, name: &str) -> Option<Vec<u8>> {
    base64url::decode(text(object, name)?.as_bytes())
}
