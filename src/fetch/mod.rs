//! The only door to the network.
//!
//! Everything that this crate asks an issuer goes through one [`Fetch`]. The default client
//! (feature `fetch`) is [`HttpClient`], reqwest with rustls; a test hands in the mock issuer, which
//! answers without a socket.

#[cfg(feature = "fetch")]
mod client;
mod seam;

#[cfg(feature = "fetch")]
pub use client::{HttpClient, HttpClientBuilder};
pub use seam::{Fetch, FetchError, FetchFuture};
