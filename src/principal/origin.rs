//! How an identity was verified.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// How an identity was verified, and whether by a personal access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A JWT that was encrypted, checked on this machine.
    EncryptedJwt,
    /// The issuer was asked (RFC 7662).
    Introspection,
    /// A JWT, checked on this machine.
    Jwt,
    /// In another way, and not by a personal access token.
    Other,
    /// A personal access token, however it was verified: its claim `amr` (RFC 8176) names `pat`.
    PersonalAccessToken,
    /// A ticket of an ASP.NET application.
    Ticket,
    /// The validator does not say.
    #[default]
    Unknown,
}

/// Whether the claim `amr` names a personal access token. `None`: it is there, and cannot be read.
pub(super) struct NamesPat(pub(super) Option<bool>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Amr {
    Several(Vec<String>),
    One(String),
    Malformed(IgnoredAny),
}

impl<'de> Deserialize<'de> for NamesPat {
    fn deserialize<D: Deserializer<'de>>(claims: D) -> Result<Self, D::Error> {
        claims.deserialize_map(Reader)
    }
}

/// Reads an object, and nothing that is none.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = NamesPat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut claims: A) -> Result<NamesPat, A::Error> {
        let mut found = None;
        while let Some(name) = claims.next_key::<String>()? {
            if name != "amr" {
                claims.next_value::<IgnoredAny>()?;
                continue;
            }
            let amr = claims.next_value::<Amr>()?;
            // said twice, nobody knows which one counts
            found = Some(if found.is_some() { Amr::Malformed(IgnoredAny) } else { amr });
        }
        Ok(NamesPat(match found {
            None => Some(false),
            Some(Amr::One(method)) => Some(method == PAT),
            Some(Amr::Several(methods)) => Some(methods.iter().any(|method| method == PAT)),
            Some(Amr::Malformed(_)) => None,
        }))
    }
}

const PAT: &str = "pat";
