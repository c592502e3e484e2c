//! Bytes that must not be seen.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// Bytes that no `Debug`, log or error shows, and that are overwritten when dropped.
///
/// ```
/// let secret = portcullis::Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(7 bytes)");
/// assert_eq!(secret.expose(), b"hunter2");
/// ```
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// The bytes themselves. The one door to them, so that a search finds every use.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // as a slice: of a box it would go byte by byte
        let bytes: &mut [u8] = &mut self.0;
        bytes.zeroize();
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(&*Zeroizing::new(bytes) as &[u8])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
