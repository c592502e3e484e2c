//! Tower middleware that decides who is calling.
//!
//! portcullis makes an HTTP service an OAuth 2 resource server: it finds the bearer token of a
//! request (RFC 6750), checks it (RFC 9068, RFC 7519 and below), and gives the handler a typed
//! caller. It works with anything made of [`http`] types: axum, tonic, hyper, a gateway.
//!
//! It reads the cookies and tickets of ASP.NET applications as well, and can demand a token and a
//! ticket at once.
//!
//! It is not an authorization server and no OAuth client. Whether *this* order belongs to *this*
//! caller remains the application's question.
//!
//! # Quick start
//!
//! One line protects a `Router`: no valid token, no handler.
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "fetch"))] {
//! use axum::{Router, routing::get};
//! use portcullis::{BearerAuth, Caller};
//!
//! #[derive(serde::Deserialize)]
//! struct Employee { sub: String }
//!
//! async fn orders(caller: Caller<Employee>) -> String {
//!     format!("orders of {}", caller.sub)
//! }
//!
//! let bearer = BearerAuth::oidc("https://login.example", "https://api.example")?;
//! let app: Router = Router::new().route("/orders", get(orders)).layer(bearer);
//! # let _ = app;
//! # }
//! # Ok::<(), portcullis::BuildError>(())
//! ```
//!
//! It takes the feature `axum`, which is not among the default ones. Nothing is asked when it is
//! built: the keys are fetched with the first token. `cargo run --example quickstart` shows such a
//! service with a mock issuer beside it, and why it answers as it does.
//!
//! # Schemes
//!
//! A [scheme] finds a credential and has it judged by a [`TokenValidator`](token::TokenValidator).
//! The [gate](authenticate) asks all its schemes once, writes one record ([`Authentication`]) and
//! refuses nothing; a [requirement](require) refuses; a [suppression](suppress) hides schemes from
//! a part of the routes. [`BearerAuth`] is a gate with one scheme and a requirement. JWTs are
//! checked on this machine (`jwt::JwtValidator`), opaque tokens by asking their issuer
//! (`introspection::IntrospectionValidator`), and `token::TokenRouter` takes both at one door.
//!
//! ```
//! # #[cfg(feature = "jwt")] {
//! use portcullis::{
//!     AuthenticateLayer, Bearer, BuildError, Scheme,
//!     jwt::{Algorithm, JwtValidator, StaticKeys},
//!     policy,
//!     token::Cached,
//! };
//!
//! let validator = JwtValidator::builder(StaticKeys::hmac(Algorithm::HS256, &[7; 32][..])?)
//!     .issuer("https://login.example")
//!     .audience("https://api.example")
//!     .algorithms([Algorithm::HS256])
//!     .build()?;
//! let scheme = Scheme::bearer(Bearer, Cached::new(validator)).realm("orders");
//! let gate = AuthenticateLayer::new((scheme,))?;
//!
//! let staff = gate.require(policy::scheme(Bearer))?; // a layer for some routes
//! let public = gate.suppress_all(); // and one for others
//! assert!(matches!(
//!     gate.require(policy::scheme(portcullis::Cookies)), // this gate has no such scheme
//!     Err(BuildError::UnknownScheme { .. })
//! ));
//! # let _ = (staff, public);
//! # }
//! # Ok::<(), portcullis::BuildError>(())
//! ```
//!
//! # Policies
//!
//! A [`policy`] is a question put to the record: who, by which scheme, with which scope, role or
//! claim, how strongly and how recently authenticated, a user or a client, with a personal access
//! token or not.
//!
//! ```
//! use portcullis::{Bearer, policy::{self, PolicyExt}};
//!
//! let writers = policy::scope("orders:write").or(policy::role("admin"));
//! let writers = policy::scheme(Bearer).and(writers);
//! assert_eq!(format!("{writers:?}"), "scheme(Bearer) and (scope(orders:write) or role(admin))");
//! ```
//!
//! # Extractors
//!
//! [`Caller<T, S>`](Caller) is the caller with the claims as a type of the application,
//! deserialized once per token; it enforces, so a forgotten requirement fails closed.
//! `Option<Caller<T>>` is for pages that are public in part, [`Principal`] for all identities at
//! once. Without axum: [`Caller::from_extensions`].
//!
//! # Errors and challenges
//!
//! Three kinds of wrong, three types. [`BuildError`]: the programmer's, at start. [`AuthError`]:
//! the credential's or the world's, recorded. [`Rejection`]: what the request is answered.
//!
//! | the record and the policy say | status | `WWW-Authenticate` |
//! |---|---|---|
//! | nothing was presented | 401 | the challenge, without `error` |
//! | the credential is malformed | 400 | `error="invalid_request"` |
//! | it was judged and is not good | 401 | `error="invalid_token"` |
//! | the caller must be authenticated better | 401 | `error="insufficient_user_authentication"` |
//! | the policy forbids | 403 | `error="insufficient_scope"` where it was a scope |
//! | a page was asked for, and there is a login page | 302 | none; `Location` |
//! | it can not be found out now | 503 | none; `Retry-After` |
//! | the wiring is wrong | 500 | none; the log names the layer |
//!
//! "I could not find out" is not "no": an issuer's outage is never answered with `invalid_token`. A
//! gRPC request is answered with the gRPC statuses 16, 7, 14 and 13. Why a request was refused
//! stands in the log (target `portcullis`), in the response's extensions, and in
//! [`explain`](AuthenticateLayer::explain).
//!
//! # Pages
//!
//! A cookie scheme with a login page (`CookieScheme::login_path`) sends people there and back again,
//! and nobody but people: a script, an API client and a gRPC call are told 401. Where a redirect may
//! lead is a [`ReturnUrl`](scheme::ReturnUrl). `AuthenticateLayer::sign_in` and `sign_out` make the
//! cookies; `csrf::CsrfLayer` keeps other sites' pages from using them.
//!
//! # When a credential ends
//!
//! With its `exp`, and sooner where somebody is asked: [`token::Revocations`] on every request,
//! [`token::Revalidate`] about the user once in an interval, the issuer about opaque tokens, a store
//! about sessions. `docs/SECURITY-MODEL.md` has one table of what each of them notices, and how long
//! that takes at most.
//!
//! # Testing
//!
//! With the feature `testing`: `testing::signed_in` makes a request by somebody, for unit tests of
//! handlers; `testing::MockIssuer` is an issuer in the process, with its flows, every fault and every
//! forgery; `testing::client` is what a test's own client is made of;
//! `testing::TicketMint` makes tickets of ASP.NET applications, good and flawed;
//! `testing::ManualClock` makes them expire; `testing::assert_protected` names the routes that
//! somebody forgot.
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! use portcullis::{Caller, Identity, testing};
//!
//! #[derive(serde::Deserialize)]
//! struct Employee { sub: String }
//!
//! let alice = Identity::builder("https://login.example")
//!     .subject("alice")
//!     .claims_json(&br#"{"sub":"alice"}"#[..])
//!     .build();
//! let request = testing::signed_in(http::Request::new(()), alice);
//! let caller = Caller::<Employee>::from_extensions(request.extensions()).unwrap();
//! assert_eq!(caller.sub, "alice");
//! # }
//! ```
//!
//! # Features
//!
//! Features add names and never change behaviour.
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `jwt` | yes | `JwtValidator`, `jws`, `Jwk`, key sets |
//! | `jwe` | | encrypted JWTs: `DecryptionKey`, `jwe::decrypt`; with it, `jwt` |
//! | `introspection` | yes | `IntrospectionValidator` for opaque tokens |
//! | `fetch` | yes | the default HTTP client (reqwest with rustls) |
//! | `aws-lc` | yes | cryptography by aws-lc-rs; needs a C compiler |
//! | `tickets` | | cookies and tickets of ASP.NET applications: FormsAuthentication, Katana; `csrf` |
//! | `axum` | | extractors and responses for axum |
//! | `rust-crypto` | | cryptography in Rust alone, for targets without a C compiler |
//! | `testing` | | the mock issuer and the other tools above |
//! | `full` | | all but `rust-crypto` and `testing` |
//!
//! # From ASP.NET
//!
//! The words are .NET's where the thing is: a *scheme* is an authentication scheme, active or
//! passive; the gate is `AddAuthentication` and `UseAuthentication` in one;
//! [`AuthenticateLayer::suppress_all_but`] is Web API's `SuppressDefaultHostAuthentication` with host
//! authentication filters; a requirement is `[Authorize]`; a *challenge* is a challenge; a *ticket*
//! is a ticket. `TicketAuth` reads the cookies of FormsAuthentication and Katana, `RequireBoth`
//! demands a ticket and a token of one user. `docs/FROM-ASPNET.md` says it word for word.
#![forbid(unsafe_code)]
// what one feature alone would use lies idle without it
#![cfg_attr(
    not(all(
        feature = "introspection",
        feature = "jwt",
        feature = "tickets",
        any(feature = "aws-lc", feature = "rust-crypto")
    )),
    allow(dead_code)
)]
// the examples of these pages run as doc-tests
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![cfg_attr(doctest, doc = include_str!("../docs/FROM-ASPNET.md"))]
#![cfg_attr(doctest, doc = include_str!("../docs/ISSUERS.md"))]

#[cfg(all(feature = "jwt", not(any(feature = "aws-lc", feature = "rust-crypto"))))]
compile_error!("the feature `jwt` needs cryptography: turn on `aws-lc` or `rust-crypto`");
#[cfg(all(feature = "introspection", not(any(feature = "aws-lc", feature = "rust-crypto"))))]
compile_error!("the feature `introspection` needs cryptography: turn on `aws-lc` or `rust-crypto`");
#[cfg(all(feature = "tickets", not(any(feature = "aws-lc", feature = "rust-crypto"))))]
compile_error!("the feature `tickets` needs cryptography: turn on `aws-lc` or `rust-crypto`");

mod attempt;
pub mod authenticate;
mod authentication;
#[cfg(feature = "axum")]
mod axum;
mod base64url;
mod caller;
pub mod challenge;
#[cfg(any(feature = "introspection", feature = "jwt"))]
mod claims;
mod clock;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod crypto;
#[cfg(feature = "tickets")]
pub mod csrf;
mod error;
mod explain;
pub mod fetch;
#[cfg(feature = "introspection")]
pub mod introspection;
#[cfg(any(feature = "introspection", feature = "jwt"))]
mod json;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod policy;
mod principal;
pub mod rejection;
pub mod require;
pub mod scheme;
mod secret;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod stacks;
pub mod suppress;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tickets")]
pub mod ticket;
pub mod token;

pub use attempt::Attempt;
pub use authenticate::AuthenticateLayer;
pub use authentication::Authentication;
pub use caller::{Caller, CallerOf, Primary};
pub use clock::{Clock, SystemClock, UnixTime};
pub use error::{AuthError, AuthErrorClass, AuthErrorKind, BuildError};
pub use explain::{Explanation, SchemeTrail, explain};
pub use principal::{
    Bearer, Cookies, Identity, IdentityBuilder, Lease, Origin, Principal, SchemeName, SchemeNames,
    SchemeTag, Scope, SubjectKind,
};
pub use rejection::{Decision, ProblemDetails, Rejection};
pub use scheme::{Outcome, Scheme};
pub use secret::Secret;
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
pub use stacks::BearerAuth;
#[cfg(all(feature = "tickets", any(feature = "aws-lc", feature = "rust-crypto")))]
pub use stacks::{DangerousRequireBoth, RequireBoth, TicketAuth};
#[cfg(feature = "tickets")]
pub use ticket::Ticket;
