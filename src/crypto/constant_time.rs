//! Comparison that takes the same time wherever the first difference lies.

/// Whether the two are equal. Only a difference in length shows in the time.
#[cfg(feature = "aws-lc")]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Whether the two are equal. Only a difference in length shows in the time.
#[cfg(not(feature = "aws-lc"))]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn every_byte_counts() {
        let reference = [5; 70];
        assert!(equal(&reference, &reference.clone()));
        assert!(equal(b"", b""));
        assert!(!equal(&reference, &reference[..69]));
        for index in 0..reference.len() {
            let mut other = reference;
            other[index] ^= 0x80;
            assert!(!equal(&reference, &other), "{index}");
        }
    }
}
