//! What a client must do, and how it fails.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};

/// The future of a [`Fetch`].
pub type FetchFuture = Pin<Box<dyn Future<Output = Result<Response<Bytes>, FetchError>> + Send>>;

/// Sends one request and returns the whole answer.
///
/// An implementation
/// 1. does not follow redirects: the caller sees the 3xx and refuses it;
/// 2. reads at most `limit` bytes of the body and fails with [`FetchError::TooLarge`] beyond,
///    without having held more than that;
/// 3. checks the server's certificate;
/// 4. retries nothing. The caller bounds the time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not send requests: implement `Fetch` for it"
)]
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Sends the request.
    fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture;
}

impl<F: Fetch + ?Sized> Fetch for Arc<F> {
    fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
        (**self).fetch(request, limit)
    }
}

/// The step of a builder for which no client was chosen: it takes
/// [`HttpClient`](super::HttpClient), with the feature `fetch`, and has no `build` without it.
#[derive(Clone, Copy, Debug)]
pub struct DefaultClient;

/// Why there is no answer. Its text holds no credential and no body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchError {
    /// No connection, or it broke.
    Connection(String),
    /// The body is longer than the limit.
    TooLarge(usize),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(why) => write!(f, "no connection: {why}"),
            Self::TooLarge(limit) => write!(f, "the body is longer than {limit} bytes"),
        }
    }
}

impl std::error::Error for FetchError {}
