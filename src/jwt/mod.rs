//! JWT access tokens, checked locally (RFC 7515, 7517, 7518, 7519, 8037, 9068).

mod keys;

pub use keys::{FoundKeys, Key, KeySource};
