//! Refuses what another site's page started in the name of whoever is signed in: the guard for
//! whole routes.
//!
//! A browser sends some credentials along whoever's page asks: cookies. What such a credential
//! proves is who the user is, not that the user wanted this.
//!
//! 1. Requests that change nothing by definition pass (`GET`, `HEAD`, `OPTIONS`, `TRACE`), unless
//!    one opens a WebSocket.
//! 2. A request passes that carries no good [ambient](crate::scheme::Authenticator::is_ambient)
//!    credential: nobody's name can be abused. Whether somebody must be signed in is for a
//!    requirement to say. [`everybody`](CsrfLayer::everybody) asks these, too: for login forms.
//! 3. A request passes that also carries a good credential that no browser sends by itself, such as
//!    a token in the `Authorization` header: no page of another site can add one without being let
//!    in by CORS.
//! 4. Any other needs the [`CrossSiteGuard`]'s word, or is answered 403
//!    [`CrossSiteRequest`](AuthErrorKind::CrossSiteRequest), without challenge: signing in again
//!    would not mend it.
//! 5. It looks at the schemes that are not hidden where it stands, at passive ones too: a handler
//!    may ask for them by name. No record in the request is a wiring error: 500, logged.
//!
//! It stands behind the gate, and inside of whatever takes the method from elsewhere (`_method` in a
//! query): a method that becomes unsafe further in was not looked at. A scheme may have a guard of
//! its own ([`CookieScheme::guard`](crate::scheme::CookieScheme::guard)): that one makes the cookie
//! count for nothing, so that another scheme may still do; this layer answers for the whole route.
//!
//! This does NOT look at tokens in forms (anti-forgery tokens), and does not set `SameSite`: the
//! cookie does.
//!
//! ```
//! use portcullis::{
//!     AuthenticateLayer, Cookies, Scheme, csrf::CsrfLayer, scheme::CrossSiteGuard,
//!     testing::TicketMint, ticket::{TicketValidator, aspnet::FormsTickets},
//! };
//! use tower::{Layer as _, ServiceExt as _};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = tower::service_fn(async |_: http::Request<()>| {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(()))
//! # });
//! let mint = TicketMint::new();
//! let tickets = TicketValidator::new(FormsTickets::new(mint.machine_key())?);
//! let gate = AuthenticateLayer::new((Scheme::cookie(Cookies, ".ASPXAUTH", tickets),))?;
//! let app = gate.layer(CsrfLayer::new(CrossSiteGuard::new()).layer(service));
//!
//! let from = |origin: &str| {
//!     http::Request::post("/transfer")
//!         .header("host", "bank.example")
//!         .header("origin", origin)
//!         .header("cookie", format!(".ASPXAUTH={}", mint.forms("alice").build()))
//!         .body(())
//! };
//! assert_eq!(app.clone().oneshot(from("https://bank.example")?).await?.status(), 200);
//! assert_eq!(app.oneshot(from("https://evil.example")?).await?.status(), 403);
//! # Ok(())
//! # }
//! ```
//!
//! RFC 9700 §4.7, RFC 6265 §8.2.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    authentication::Authentication,
    error::{AuthError, AuthErrorKind},
    rejection::{DefaultResponseForRejection, Rejection, RequestKind, ResponseForRejection},
    scheme::CrossSiteGuard,
};

/// See the module docs.
#[derive(Clone, Debug)]
#[must_use]
pub struct CsrfLayer<R = DefaultResponseForRejection> {
    guard: Arc<CrossSiteGuard>,
    everybody: bool,
    responder: R,
}

impl CsrfLayer {
    /// A guard for the routes inside.
    pub fn new(guard: CrossSiteGuard) -> Self {
        Self { guard: Arc::new(guard), everybody: false, responder: DefaultResponseForRejection }
    }
}

impl<R> CsrfLayer<R> {
    /// Requests without a credential need the guard's word as well: for the login form, by which
    /// another site could sign its visitor in as somebody else (login CSRF), and for whatever looks
    /// at a cookie by itself. Needs no gate outside. Default: they pass.
    pub fn everybody(mut self) -> Self {
        self.everybody = true;
        self
    }

    /// Who makes the bodies of refusals. Default: [`DefaultResponseForRejection`], empty.
    pub fn respond_with<R2>(self, responder: R2) -> CsrfLayer<R2> {
        CsrfLayer { guard: self.guard, everybody: self.everybody, responder }
    }

    fn judge(&self, parts: &Parts) -> Result<(), Rejection> {
        if self.guard.admits(parts) {
            return Ok(());
        }
        let record = parts.extensions.get::<Authentication>();
        let is_in_question = match record {
            Some(record) => record.is_ambient() || (self.everybody && !record.has_deliberate()),
            None if self.everybody => true,
            None => {
                let error = AuthError::new(AuthErrorKind::NoGate);
                tracing::error!(target: "portcullis", %error, "wiring: CsrfLayer");
                return Err(Rejection::wiring(error));
            }
        };
        if !is_in_question {
            return Ok(());
        }
        let rejection = Rejection::forbidden(AuthErrorKind::CrossSiteRequest.into());
        tracing::info!(
            target: "portcullis",
            status = rejection.status().as_u16(),
            reason = %rejection.reason(),
            schemes = ?record,
            "refused"
        );
        Err(rejection)
    }
}

impl<S, R: Clone> Layer<S> for CsrfLayer<R> {
    type Service = Csrf<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Csrf { inner, layer: self.clone() }
    }
}

/// See the module docs.
#[derive(Clone, Debug)]
pub struct Csrf<S, R = DefaultResponseForRejection> {
    inner: S,
    layer: CsrfLayer<R>,
}

impl<S, R, B, ResBody> Service<Request<B>> for Csrf<S, R>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    R: ResponseForRejection<ResBody>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let Err(rejection) = self.layer.judge(&parts) else {
            let inner = self.inner.call(Request::from_parts(parts, body));
            return ResponseFuture { inner: Some(inner), refused: None };
        };
        let kind = parts.extensions.get::<Authentication>().map_or_else(
            || RequestKind::without_gate(&parts.headers),
            Authentication::request_kind,
        );
        let refused = rejection.into_response(kind, &self.layer.responder);
        ResponseFuture { inner: None, refused: Some(refused) }
    }
}

pin_project! {
    /// The future of [`Csrf`].
    #[derive(Debug)]
    pub struct ResponseFuture<F, B> {
        #[pin]
        inner: Option<F>,
        refused: Option<Response<B>>,
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(cx),
            None => {
                let refused = this.refused.take();
                Poll::Ready(Ok(refused.expect("a future is not polled after it was ready")))
            }
        }
    }
}
