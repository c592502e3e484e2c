//! Validators of tokens, and what is put around them.
//!
//! A [`TokenValidator`] judges one format. [`Cached`] remembers what it accepted; [`Revocations`]
//! are asked on every request, also for what is remembered.

#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod cached;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod flights;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod in_memory_tokens;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod invalidations;
#[cfg(feature = "introspection")]
mod pat_format;
mod revocations;
mod validator;

#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub use cached::Cached;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub(crate) use cached::remembering;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub use in_memory_tokens::{InMemoryTokens, TokenCache};
#[cfg(feature = "introspection")]
pub use pat_format::PatFormat;
pub use revocations::{InMemoryRevocations, Revocations};
pub use validator::{Caching, Presented, Renewed, TokenValidator};
