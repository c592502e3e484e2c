//! Hashes.

/// SHA-256.
#[cfg(feature = "aws-lc")]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    let computed = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.copy_from_slice(computed.as_ref());
    digest
}

/// SHA-256.
#[cfg(not(feature = "aws-lc"))]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    <sha2::Sha256 as sha2::Digest>::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[test]
    fn abc() {
        // FIPS 180-2, appendix B.1
        assert_eq!(
            crate::base64url::encode(sha256(b"abc")),
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
        );
    }
}
