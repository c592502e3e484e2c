//! The gate: asks every scheme once and writes one record.
//!
//! 1. It refuses nothing. A public route keeps working with a broken credential; put a
//!    [requirement](crate::require) where somebody must be signed in.
//! 2. If every credential can be judged from memory, the inner service is called at once: no box,
//!    no clone of the service. Otherwise all schemes are polled together, for at most the
//!    [budget](AuthenticateLayer::budget), and what is not judged by then is undecidable.
//! 3. `poll_ready` is forwarded, the service that was polled ready is the one that is called, an
//!    `Err` and an upgrade pass untouched, bodies are never looked at.
//! 4. On the way out the gate's own schemes may add headers, whatever the status, and a bare 401 is
//!    challenged, or leads a navigation to the login page. A user who has just signed in or out is sent
//!    on to where the query says.
//! 5. The same gate stacked twice: the inner one does nothing and warns once. Another gate inside
//!    judges anew; its outcome replaces that of a scheme of the same name.
//! 6. A CORS layer stands outside: then refusals can be read by pages of other origins, and
//!    preflights do not come this far. Where one stands inside, the gate warns once, at the first
//!    preflight that it sees answered.
//!
//! ```
//! use http::{HeaderValue, header};
//! use portcullis::testing::MockIssuer;
//! use portcullis::{BearerAuth, jwt::{JwtValidator, KeyLocation, RemoteKeys}};
//! use tower::{ServiceBuilder, ServiceExt as _};
//! use tower_http::cors::CorsLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let issuer = MockIssuer::new();
//! # let keys = RemoteKeys::builder(KeyLocation::discover(issuer.url())).fetch(issuer.fetch()).build()?;
//! # let jwt = JwtValidator::builder(keys).issuer(issuer.url()).audience(issuer.audience()).build()?;
//! let cors = CorsLayer::new()
//!     .allow_origin([HeaderValue::from_static("https://spa.example")]) // never a mirror
//!     .allow_headers([header::AUTHORIZATION]) // `*` does not cover it
//!     .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]);
//! let app = ServiceBuilder::new().layer(cors).layer(BearerAuth::new(jwt)?).service_fn(
//!     async |_: http::Request<()>| Ok::<_, std::convert::Infallible>(http::Response::new(())),
//! );
//!
//! let call = http::Request::get("/orders").header("origin", "https://spa.example").body(())?;
//! let refused = app.oneshot(call).await?;
//! assert_eq!(refused.status(), 401);
//! assert_eq!(refused.headers()["access-control-allow-origin"], "https://spa.example");
//! assert_eq!(refused.headers()["access-control-expose-headers"], "www-authenticate,retry-after");
//! # Ok(())
//! # }
//! ```
//!
//! With axum, a layer *around* a `Router` (`ServiceBuilder`, `gate.layer(router)`) costs nothing;
//! `Router::layer` costs a few allocations per request whatever is in it.

mod future;
mod layer;
mod service;
#[cfg(feature = "tickets")]
mod sign_in;
mod way_out;

pub use future::ResponseFuture;
pub use layer::AuthenticateLayer;
pub use service::Authenticate;
