//! An authorization: what a user granted a client, and what ties a flow's tokens together.

use serde::{Deserialize, Serialize};

use super::moment;
use crate::clock::UnixTime;

/// An authorization, as the issuer's store has it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuthorizationEntry {
    /// Its name in the store.
    pub id: String,
    /// Whether it remembers a consent or ties tokens together.
    pub kind: AuthorizationKind,
    /// Whether it counts.
    pub status: AuthorizationStatus,
    /// Who granted it.
    pub subject: String,
    /// To which client.
    pub client: String,
    /// What was granted.
    pub scopes: Vec<String>,
    /// When.
    #[serde(with = "moment")]
    pub created: UnixTime,
}

/// What an authorization is for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum AuthorizationKind {
    /// Made for one flow, so that all of its tokens can be revoked together.
    AdHoc,
    /// Remembers what a user consented to.
    Permanent,
}

/// Whether an authorization counts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum AuthorizationStatus {
    /// Somebody took it back.
    Revoked,
    /// It counts.
    Valid,
}
