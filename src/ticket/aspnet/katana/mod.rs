//! Katana tickets.

mod cookie;
mod date;
mod format;
mod gzip;
mod oauth;
mod properties;
mod serializer;
#[cfg(test)]
mod tests;
mod text;

pub use cookie::KatanaCookie;
pub use oauth::{
    DangerousKatanaAccessToken, KatanaAccessToken, KatanaAuthorizationCode, KatanaRefreshToken,
};
