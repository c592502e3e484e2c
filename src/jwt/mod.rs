//! JWT access tokens, checked locally (RFC 7515, 7517, 7518, 7519, 8037, 9068).

mod jwk;
mod jwk_set;
pub mod jws;
mod key_table;
mod keys;
mod remote;
mod static_keys;

pub use self::{
    jwk::{Jwk, JwkError},
    jwk_set::JwkSet,
    keys::{FoundKeys, Key, KeySource},
    remote::{DangerousRemoteKeys, DefaultClient, KeyLocation, RemoteKeys, RemoteKeysBuilder},
    static_keys::StaticKeys,
};
pub use crate::crypto::Algorithm;
