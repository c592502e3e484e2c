//! A client of a token endpoint, for tests and for programs that call an API.
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

mod missing;
mod token_client;
mod token_client_builder;
mod token_response;

pub use token_client::{CallError, LoginNeeded, TokenClient};
pub use token_client_builder::TokenClientBuilder;
pub use token_response::{MalformedTokenResponse, TokenResponse};
