//! How an identity was verified.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

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

/// What the claim `amr` says.
#[derive(Deserialize)]
pub(super) struct Methods {
    #[serde(default, deserialize_with = "present")]
    amr: Option<Amr>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Amr {
    Several(Vec<String>),
    One(String),
    Malformed(IgnoredAny),
}

impl Methods {
    /// Whether a personal access token is among them. `None`: it is there, and cannot be read.
    pub(super) fn name_pat(&self) -> Option<bool> {
        match &self.amr {
            None => Some(false),
            Some(Amr::One(method)) => Some(method == PAT),
            Some(Amr::Several(methods)) => Some(methods.iter().any(|method| method == PAT)),
            Some(Amr::Malformed(_)) => None,
        }
    }
}

/// `null` is not absent.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Amr>, D::Error> {
    Amr::deserialize(value).map(Some)
}

const PAT: &str = "pat";
