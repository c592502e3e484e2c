//! An authorization server for tests: metadata, keys, tokens, introspection, revocation, userinfo,
//! and every way to fail.

mod accounts;
mod answer;
mod authorizations;
mod authorize;
mod builder;
mod code_grant;
mod consent;
mod cors;
mod entries;
mod estate;
mod fault;
mod fetch;
mod form;
mod grant;
mod introspection;
mod katana;
mod key_ring;
mod last_used;
mod ledger;
mod mock_issuer;
mod page;
mod pats;
mod pkce;
mod portal;
mod presets;
mod protection;
mod prune;
mod record;
mod refusal;
mod scripted_user;
mod serve;
mod store;
mod userinfo;
mod visibility;

pub use builder::MockIssuerBuilder;
pub use consent::{ConsentStep, ConsentType};
pub use estate::{Api, Client, User};
pub use fault::{Endpoint, Fault};
pub use grant::{Grant, GrantError, RefreshFlaw, RefreshTokens, TokenRequest};
pub use mock_issuer::MockIssuer;
pub use pats::PersonalAccessTokens;
pub use prune::Pruned;
pub use record::Received;
pub use scripted_user::{ConsentDecision, ScriptedUser};
pub use serve::Served;
pub use store::{
    AuthorizationEntry, AuthorizationKind, AuthorizationStatus, TokenEntry, TokenKind, TokenStatus,
};
