//! Opaque tokens, judged by asking their issuer (RFC 7662).
//!
//! 1. The token goes to the endpoint in the body of a POST, with this service's own credentials
//!    ([`ClientAuth`]), over https.
//! 2. The answer is judged again here: strict JSON, `active` the JSON value `true`, `exp` and `nbf`
//!    against our clock, `iss` and `aud` where they are present, the token's type, no `cnf`.
//! 3. `active: false` is [`Inactive`](crate::AuthErrorKind::Inactive), whatever else stands beside
//!    it. Everything that is not a clean answer is undecidable (503), never a "no"; our own
//!    credentials refused is our own fault (500).
//! 4. After a failure the issuer is left alone for a while, and answers wait for nothing.
//! 5. Behind a [`Cached`](crate::token::Cached), which [`BearerAuth`](crate::BearerAuth) puts there
//!    by itself, an answer is remembered for 60 s, never beyond `exp`, and one request serves all
//!    that ask about one token at the same time.
//!
//! This does NOT read signed answers (RFC 9701) and does not authenticate by `private_key_jwt` or a
//! client certificate.
//!
//! ```
//! # #[cfg(feature = "fetch")] {
//! use portcullis::{BearerAuth, introspection::{ClientAuth, IntrospectionValidator}};
//!
//! let credentials = ClientAuth::basic("orders-api", "its secret");
//! let opaque = IntrospectionValidator::builder("https://login.example/introspect", credentials)
//!     .issuer("https://login.example")
//!     .audience("https://api.example")
//!     .build()?; // nothing is asked here
//! let bearer = BearerAuth::new(opaque)?;
//! # let _ = bearer;
//! # }
//! # Ok::<(), portcullis::BuildError>(())
//! ```
//!
//! [RFC 7662](https://www.rfc-editor.org/rfc/rfc7662) ·
//! [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)

mod answer;
mod builder;
mod client;
mod client_auth;
mod endpoint;
mod validator;

pub use builder::{DangerousIntrospection, IntrospectionBuilder};
pub use client_auth::ClientAuth;
pub use endpoint::IntrospectionEndpoint;
pub use validator::IntrospectionValidator;
