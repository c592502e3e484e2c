//! Katana tickets.

mod cookie;
mod date;
mod examine;
mod format;
mod gzip;
mod oauth;
mod properties;
mod serializer;
#[cfg(test)]
mod tests;
mod text;

pub use cookie::KatanaCookie;
pub(super) use cookie::MIDDLEWARE;
pub(super) use examine::{Layer, examine_packed};
pub(super) use oauth::{ACCESS_TOKEN, AUTHORIZATION_CODE, REFRESH_TOKEN};
pub use oauth::{
    DangerousKatanaAccessToken, KatanaAccessToken, KatanaAuthorizationCode, KatanaRefreshToken,
};
pub(super) use text::decode;
