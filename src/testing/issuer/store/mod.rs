//! What the issuer keeps: users, clients, tokens, authorizations; saved and restored as a whole.

mod authorization;
mod client;
mod handle;
mod kept;
mod moment;
mod token;
mod tokens;
mod user;

pub use authorization::{AuthorizationEntry, AuthorizationKind, AuthorizationStatus};
pub(crate) use client::ClientEntry;
pub(crate) use handle::{digest, random_handle};
pub(crate) use kept::Store;
pub use token::{TokenEntry, TokenKind, TokenStatus};
pub(crate) use tokens::Redemption;
pub(crate) use user::{UserEntry, UserState};
