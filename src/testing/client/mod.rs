//! A client of a token endpoint, for tests.
//!
//! 1. [`TokenClient`] gets a token when it needs one, sends it along, renews it in the background,
//!    and says when only the user can help. It never sends a token to the token endpoint.
//! 2. [`TokenResponse`] keeps what the endpoint said besides (RFC 6749 §5.1 allows more members). It
//!    is for display: nobody signed it. What an API may rely on are the claims of the token.
//! 3. It reaches the network through [`Fetch`](crate::fetch::Fetch), and knows the time by a
//!    [`Clock`](crate::Clock).
//!
//! What it does, by what it holds and what happens:
//!
//! | it holds | what happens | what it does |
//! |---|---|---|
//! | no token | a call | asks for a token; 200: calls with it; 400: [`CallError::LoginNeeded`] |
//! | a token | four fifths of its life are over | the same in the background; the old one still goes along |
//! | a token | 401, the token is missing | drops it, asks for another once, calls once more |
//! | a token | 401, the session is missing | drops it, [`CallError::LoginNeeded`] |
//! | anything | no connection | tries again after a while, keeps the token |
//!
//! What is missing is read from the member `missing` of the answer, as
//! [`ProblemDetails`](crate::ProblemDetails) writes it, or else from its challenges: `Cookie` asks
//! for a session, `Bearer` for a token.
//!
//! [`MockIssuer::fetch`](super::MockIssuer::fetch) reaches the issuer alone. An API in the same test is
//! reached by a `Fetch` of the test's own:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::sync::Arc;
//!
//! use axum::{Router, body::{Body, to_bytes}, routing::get};
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use portcullis::{
//!     fetch::{Fetch, FetchError, FetchFuture},
//!     testing::{Client, MockIssuer, client::TokenClient},
//! };
//! use tower::ServiceExt;
//!
//! #[derive(Debug)]
//! struct InProcess {
//!     api: Router,
//!     issuer: Arc<dyn Fetch>,
//! }
//!
//! impl Fetch for InProcess {
//!     fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
//!         if request.uri().host() != Some("api.test") {
//!             return self.issuer.fetch(request, limit);
//!         }
//!         let answer = self.api.clone().oneshot(request.map(Body::from));
//!         Box::pin(async move {
//!             let Ok(answer) = answer.await;
//!             let (parts, body) = answer.into_parts();
//!             let body = to_bytes(body, limit).await.map_err(|_| FetchError::TooLarge(limit))?;
//!             Ok(Response::from_parts(parts, body))
//!         })
//!     }
//! }
//!
//! let script = Client::new("script").secret("secret").grant("client_credentials");
//! let issuer = MockIssuer::builder().client(script).build();
//! let api = Router::new().route("/orders", get(async || "orders")); // behind a layer
//! let network = InProcess { api, issuer: issuer.fetch() };
//! let client = TokenClient::builder(&format!("{}/token", issuer.url()), network)
//!     .parameter("grant_type", "client_credentials")
//!     .parameter("client_id", "script")
//!     .parameter("client_secret", "secret")
//!     .build()?;
//! let answer = client.call(Request::get("https://api.test/orders").body(Bytes::new())?).await?;
//! assert_eq!(answer.body(), "orders");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod missing;
mod token_client;
mod token_client_builder;
mod token_response;

pub use token_client::{CallError, LoginNeeded, TokenClient};
pub use token_client_builder::TokenClientBuilder;
pub use token_response::{MalformedTokenResponse, TokenResponse};
