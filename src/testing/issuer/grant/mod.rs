//! The token endpoint (RFC 6749 §3.2, §4.3, §4.4, §5, §6): who may ask, what for, and the answer.

mod access_token;
mod answer;
mod client;
mod custom;
mod endpoint;
mod flaw;
mod granted;
mod issue;
mod password;
mod refresh;
mod settings;
mod sign_in;
mod words;

pub(super) use client::{credentials, scopes, unknown};
pub use custom::{GrantError, TokenRequest};
pub use flaw::RefreshFlaw;
pub use granted::Grant;
pub(super) use granted::Granted;
pub use refresh::RefreshTokens;
pub(super) use settings::GrantSettings;
