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

/// MD5 of the parts, for tickets of applications that still ask for it. Collisions are cheap.
#[cfg(feature = "tickets")]
pub(crate) fn md5(parts: &[&[u8]]) -> super::Tag {
    use md5::Digest as _;

    let mut hash = md5::Md5::new();
    for part in parts {
        hash.update(part);
    }
    super::Tag::new(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[cfg(feature = "tickets")]
    #[test]
    fn md5_of_abc() {
        // RFC 1321, appendix A.5
        assert_eq!(
            super::md5(&[b"a", b"", b"bc"])[..],
            [
                0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1,
                0x7f, 0x72
            ]
        );
    }

    #[test]
    fn abc() {
        // FIPS 180-2, appendix B.1
        assert_eq!(
            crate::base64url::encode(sha256(b"abc")),
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
        );
    }
}
