//! An issuer and a clock for tests (feature `testing`).
//!
//! 1. [`MockIssuer`] answers in the process, through [`MockIssuer::fetch`], or on a loopback socket
//!    ([`MockIssuer::serve`]). Its keys are public: they stand in this crate's source.
//! 2. [`TokenBuilder`] makes its tokens, and every forgery.
//! 3. [`ManualClock`] is shared with whatever is tested; nothing sleeps.
//!
//! **For tests only.** Whoever trusts a `MockIssuer` trusts everybody. What is wrong in a test
//! panics here; nothing else in this crate does.

mod clock;
mod issuer;
mod key;
mod token;

pub use clock::ManualClock;
pub use issuer::{
    Api, Client, Endpoint, Fault, MockIssuer, MockIssuerBuilder, Received, Served, User,
};
pub use key::SigningKey;
pub use token::TokenBuilder;
