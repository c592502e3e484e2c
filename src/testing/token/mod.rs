//! Tokens of the mock issuer, and forgeries.

mod builder;
mod forgery;

pub use builder::TokenBuilder;
