//! Handles: what a token is called, and how it is kept.

use std::fmt::Write as _;

use crate::crypto;

/// So many random bytes, as hexadecimal digits: twice as many characters.
pub(crate) fn random_handle(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    crypto::fill_random(&mut random);
    hexadecimal(&random)
}

/// What is kept in place of a token: whoever reads the store cannot use it.
pub(crate) fn digest(token: &str) -> String {
    hexadecimal(&crypto::sha256(token.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
