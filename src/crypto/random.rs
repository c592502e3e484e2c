//! Random bytes.

/// Fills the buffer from the system's generator.
///
/// # Panics
/// If the operating system has no randomness to give. No ticket must be written then, and no caller
/// can bring it about.
pub(crate) fn fill_random(buffer: &mut [u8]) {
    #[cfg(feature = "aws-lc")]
    aws_lc_rs::rand::fill(buffer).expect("the operating system gives random bytes");
    #[cfg(not(feature = "aws-lc"))]
    getrandom::fill(buffer).expect("the operating system gives random bytes");
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        let draw = || {
            let mut bytes = [0; 32];
            super::fill_random(&mut bytes);
            bytes
        };
        let first = draw();
        assert_ne!(first, [0; 32]);
        assert_ne!(first, draw());
    }
}
