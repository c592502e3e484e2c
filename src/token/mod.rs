//! Validators of tokens, and what is put around them.
//!
//! A [`TokenValidator`] judges one format. [`Cached`] remembers what it accepted; [`Revocations`]
//! are asked on every request, also for what is remembered: a list in memory
//! ([`InMemoryRevocations`]), or the entries in the issuer's store ([`EntryCheck`]). [`Revalidate`]
//! asks the application from time to time whether the user is still good. A [`TokenRouter`] takes
//! several formats. [`Usage`] tells when a token was used.

#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod cached;
mod entry_check;
mod entry_store;
mod flights;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod in_memory_tokens;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod invalidations;
#[cfg(feature = "introspection")]
mod pat_format;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod refused;
mod revalidate;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod revalidated;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod revalidation;
mod revocations;
#[cfg(any(feature = "introspection", feature = "jwt"))]
mod router;
mod usage;
mod validator;

#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub use cached::Cached;
pub use entry_check::EntryCheck;
pub use entry_store::{Entry, EntryKind, EntryStatus, EntryStore};
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub use in_memory_tokens::{InMemoryTokens, TokenCache};
#[cfg(feature = "introspection")]
pub use pat_format::PatFormat;
pub use revalidate::{Revalidate, Verdict};
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub use revalidated::Revalidated;
#[cfg(feature = "tickets")]
pub(crate) use revalidation::{Checked, Revalidation, Told};
pub use revocations::{InMemoryRevocations, Revocations};
#[cfg(any(feature = "introspection", feature = "jwt"))]
pub use router::{Routed, TokenRouter, Unrouted};
pub use usage::{Usage, UsageEvent};
pub use validator::{Caching, Presented, Renewed, TokenValidator};
