//! Validators of tokens, and what is put around them.

mod validator;

pub use validator::{Presented, TokenValidator};
