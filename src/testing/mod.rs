//! Tests without an issuer.

mod assert_protected;
mod signed_in;

pub use assert_protected::{Unprotected, assert_protected};
pub use signed_in::signed_in;
