//! The only door to the network.
//!
//! Everything that this crate asks an issuer goes through one [`Fetch`]. The default client
//! (feature `fetch`) is [`HttpClient`], reqwest with rustls; a test hands in the mock issuer, which
//! answers without a socket.

#[cfg(any(feature = "jwt", feature = "introspection"))]
mod backoff;
#[cfg(feature = "fetch")]
mod client;
#[cfg(any(feature = "jwt", feature = "introspection"))]
mod location;
#[cfg(any(feature = "jwt", feature = "introspection"))]
mod origin;
mod seam;

#[cfg(feature = "introspection")]
pub(crate) use backoff::Request;
#[cfg(feature = "fetch")]
pub use client::{HttpClient, HttpClientBuilder};
#[cfg(feature = "jwt")]
pub(crate) use origin::{NO_CACHE, check_document, get, seconds};
pub use seam::{DefaultClient, Fetch, FetchError, FetchFuture};
#[cfg(any(feature = "jwt", feature = "introspection"))]
pub(crate) use {
    backoff::Backoff,
    location::Location,
    origin::{Failure, Origin},
};
