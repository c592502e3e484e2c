//! Personal access tokens: long-lived handles that a user makes for a script, sees once, lists and
//! removes.

mod endpoint;
mod settings;
mod wish;

pub use settings::PersonalAccessTokens;
