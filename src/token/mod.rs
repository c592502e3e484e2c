//! Validators of tokens, and what is put around them.
//!
//! A [`TokenValidator`] judges one format. [`Cached`] remembers what it accepted; [`Revocations`]
//! are asked on every request, also for what is remembered.

#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod cached;
mod revocations;
mod validator;

#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub use cached::{Cached, InMemoryTokens, TokenCache};
pub use revocations::{InMemoryRevocations, Revocations};
pub use validator::{Presented, Renewed, TokenValidator};
