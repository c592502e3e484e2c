//! A token, as the store keeps one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::moment;
use crate::clock::UnixTime;

/// A token that was issued, as the issuer's store has it. The token itself is not in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct TokenEntry {
    /// Its name in the store: the `jti` of a JWT that has one.
    pub id: String,
    /// What it is good for.
    pub kind: TokenKind,
    /// Whether it counts.
    pub status: TokenStatus,
    /// All tokens that come from one grant, however often refreshed, have the same.
    pub chain: String,
    /// The token that it was got for.
    pub parent: Option<String>,
    /// The authorization that it belongs to.
    pub authorization: Option<String>,
    /// The user. `None` where a client asked for itself.
    pub subject: Option<String>,
    /// The client. `None` where none was asked for.
    pub client: Option<String>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// When it was issued.
    #[serde(with = "moment")]
    pub created: UnixTime,
    /// When it ends.
    #[serde(with = "moment::optional")]
    pub expires: Option<UnixTime>,
    /// When it was exchanged for others.
    #[serde(with = "moment::optional")]
    pub redeemed: Option<UnixTime>,
    /// When somebody asked about it last.
    #[serde(with = "moment::optional")]
    pub last_used: Option<UnixTime>,
    /// What introspection tells about it.
    pub claims: Map<String, Value>,
    /// What only its kind needs, and what is handed on when it is exchanged.
    pub properties: Map<String, Value>,
    /// SHA-256 of the token.
    pub(crate) digest: String,
    /// The user's stamp when it was issued.
    pub(crate) stamp: Option<String>,
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum TokenKind {
    /// An access token, in whatever form.
    Access,
    /// An authorization code.
    Code,
    /// A personal access token.
    PersonalAccess,
    /// A refresh token.
    Refresh,
}

/// Whether a token counts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum TokenStatus {
    /// Not yet.
    Inactive,
    /// It was exchanged for others.
    Redeemed,
    /// The user said no.
    Rejected,
    /// Not any more.
    Revoked,
    /// It does, until it expires.
    Valid,
}

impl TokenEntry {
    /// A token of its own chain that nobody is named in.
    pub(crate) fn new(id: String, kind: TokenKind, token: &str, created: UnixTime) -> Self {
        Self {
            chain: id.clone(),
            id,
            kind,
            status: TokenStatus::Valid,
            parent: None,
            authorization: None,
            subject: None,
            client: None,
            scopes: Vec::new(),
            created,
            expires: None,
            redeemed: None,
            last_used: None,
            claims: Map::new(),
            properties: Map::new(),
            digest: super::digest(token),
            stamp: None,
        }
    }

    /// It counts, and its time has not ended.
    pub(crate) fn is_valid(&self, now: UnixTime) -> bool {
        self.status == TokenStatus::Valid && self.expires.is_none_or(|end| now < end)
    }
}
