//! Tokens of the mock issuer, and forgeries.

mod builder;
mod encrypted;
mod forgery;

pub use builder::TokenBuilder;
pub use encrypted::EncryptedTokenBuilder;
