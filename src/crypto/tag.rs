//! What a hash or an HMAC gives.

use std::ops::Deref;

use zeroize::Zeroize as _;

/// At most 64 bytes, on the stack. They may be a key, so they are overwritten when dropped.
pub(crate) struct Tag {
    bytes: [u8; 64],
    length: usize,
}

impl Tag {
    /// What is beyond 64 bytes is cut; no hash here gives more.
    pub(super) fn new(tag: &[u8]) -> Self {
        let length = tag.len().min(64);
        let mut bytes = [0; 64];
        bytes[..length].copy_from_slice(&tag[..length]);
        Self { bytes, length }
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl Deref for Tag {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
