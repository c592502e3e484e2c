//! An issuer, a clock, and requests by somebody, for tests (feature `testing`).
//!
//! 1. [`MockIssuer`] answers in the process, through [`MockIssuer::fetch`], or on a loopback socket
//!    ([`MockIssuer::serve`]). Its keys are public: they stand in this crate's source.
//! 2. [`TokenBuilder`] makes its tokens, and every forgery.
//! 3. [`TicketMint`] makes tickets of ASP.NET applications, good and flawed.
//! 4. [`ManualClock`] is shared with whatever is tested; nothing sleeps.
//! 5. [`client`] asks a token endpoint and calls with what it gets.
//! 6. [`signed_in`] and [`signed_in_by`] make a request by somebody, for a unit test of a handler
//!    without any issuer; [`assert_protected`] names the routes that somebody forgot.
//!
//! **For tests only.** Whoever trusts a `MockIssuer` trusts everybody. What is wrong in a test
//! panics here; nothing else in this crate does.

mod assert_protected;
pub mod client;
mod clock;
mod encryption_key;
mod issuer;
mod key;
mod percent;
mod signed_in;
mod ticket;
mod token;

pub use assert_protected::{Unprotected, assert_protected};
pub use clock::ManualClock;
pub use encryption_key::EncryptionKey;
pub use issuer::{
    Api, AuthorizationEntry, AuthorizationKind, AuthorizationStatus, Client, ConsentDecision,
    ConsentStep, ConsentType, Endpoint, Fault, Grant, GrantError, MockIssuer, MockIssuerBuilder,
    PersonalAccessTokens, Pruned, Received, RefreshFlaw, RefreshTokens, ScriptedUser, Served,
    TokenEntry, TokenKind, TokenRequest, TokenStatus, User,
};
pub use key::SigningKey;
pub use signed_in::{signed_in, signed_in_by};
pub use ticket::{TicketBuilder, TicketMint};
pub use token::{EncryptedTokenBuilder, TokenBuilder};
