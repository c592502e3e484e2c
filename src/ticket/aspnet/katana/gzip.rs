//! gzip (RFC 1952), as Katana's tickets are packed.
//!
//! 1. The output is bounded: a ticket that is good to the last bit can still be a bomb.
//! 2. One member, its checksum and its length right, and nothing after it. .NET's reader stops when
//!    the ticket is complete and sees neither a missing trailer nor what follows.

use std::io::{Read as _, Write as _};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};

use super::super::binary::Malformed;

/// Why it was not unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    Malformed(Malformed),
    TooLarge,
}

pub(super) fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, Packed> {
    let mut decoder = GzDecoder::new(packed);
    let mut unpacked = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    if (&mut decoder).take(one_more).read_to_end(&mut unpacked).is_err() {
        return Err(Packed::Malformed(Malformed("not gzip, cut short, or of another checksum")));
    }
    if unpacked.len() > limit {
        return Err(Packed::TooLarge);
    }
    if !decoder.into_inner().is_empty() {
        return Err(Packed::Malformed(Malformed("bytes after the gzip member")));
    }
    Ok(unpacked)
}

pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a Vec takes every byte")
}
