//! Hides schemes from the wrapped service: ASP.NET's `SuppressDefaultHostAuthentication`.
//!
//! 1. Inside, only the schemes that are named count, in the order of the list; the first is primary.
//! 2. It demands nothing: put a requirement inside it.
//! 3. It ends where the wrapped service ends; nothing leaks to other routes.
//! 4. A bare 401 of the inner service is challenged by what is visible inside.
//!
//! Made by [`AuthenticateLayer::suppress_all_but`](crate::AuthenticateLayer::suppress_all_but).

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Extensions, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{authentication::Authentication, principal::SchemeName};

/// See the module docs.
#[derive(Clone, Debug)]
pub struct SuppressLayer {
    keep: Arc<[SchemeName]>,
}

impl SuppressLayer {
    /// For a gate, which has checked the names.
    pub(crate) fn all_but(keep: Vec<SchemeName>) -> Self {
        Self { keep: keep.into() }
    }
}

impl<S> Layer<S> for SuppressLayer {
    type Service = Suppress<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Suppress { inner, keep: Arc::clone(&self.keep) }
    }
}

/// See the module docs.
#[derive(Clone, Debug)]
pub struct Suppress<S> {
    inner: S,
    keep: Arc<[SchemeName]>,
}

impl<S, B, R> Service<Request<B>> for Suppress<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let record = request.extensions_mut().get_mut::<Authentication>().map(|record| {
            record.narrow(&self.keep);
            record.clone()
        });
        ResponseFuture { inner: self.inner.call(request), record }
    }
}

/// Marks a response of the inner service, for the way out of the gate: what was visible inside. The
/// innermost suppression hides the most, and is the one that marks.
#[derive(Clone)]
pub(crate) struct Suppressed(Authentication);

impl Suppressed {
    /// Whether the scheme was hidden from whoever made this response.
    pub(crate) fn hides(scheme: SchemeName, extensions: &Extensions) -> bool {
        extensions.get::<Self>().is_some_and(|Self(inside)| inside.outcome(scheme).is_none())
    }
}

pin_project! {
    /// The future of [`Suppress`].
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        record: Option<Authentication>,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if let Some(record) = this.record {
            record.challenge(&mut response);
            if record.has_responders() && response.extensions().get::<Suppressed>().is_none() {
                response.extensions_mut().insert(Suppressed(record.clone()));
            }
        }
        Poll::Ready(Ok(response))
    }
}
