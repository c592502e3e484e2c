//! An authorization server for tests: metadata, keys, tokens, introspection, revocation, userinfo,
//! and every way to fail.

mod accounts;
mod answer;
mod builder;
mod cors;
mod estate;
mod fault;
mod fetch;
mod form;
mod grant;
mod introspection;
mod katana;
mod key_ring;
mod ledger;
mod mock_issuer;
mod page;
mod portal;
mod record;
mod refusal;
mod serve;
mod store;
mod userinfo;

pub use builder::MockIssuerBuilder;
pub use estate::{Api, Client, User};
pub use fault::{Endpoint, Fault};
pub use grant::{Grant, GrantError, RefreshFlaw, RefreshTokens, TokenRequest};
pub use mock_issuer::MockIssuer;
pub use record::Received;
pub use serve::Served;
pub use store::{
    AuthorizationEntry, AuthorizationKind, AuthorizationStatus, TokenEntry, TokenKind, TokenStatus,
};
