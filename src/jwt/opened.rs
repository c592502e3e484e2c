//! A token that came out of an encrypted one.

#[cfg(feature = "jwe")]
pub(super) use super::jwe::Opened;

/// Without the feature `jwe` there is none.
#[cfg(not(feature = "jwe"))]
#[derive(Debug)]
pub(super) enum Opened {}

#[cfg(not(feature = "jwe"))]
impl Opened {
    pub(super) fn token(&self) -> &str {
        match *self {}
    }

    pub(super) fn agrees_with(
        &self,
        _: &crate::principal::Identity,
    ) -> Result<(), crate::error::AuthError> {
        match *self {}
    }
}
