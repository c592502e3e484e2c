//! Everybody a request proved to be, as far as the route may see.

use super::{Identity, SchemeName};

/// The identities that are visible to a handler, in order; the first one is primary.
#[derive(Clone, Debug, Default)]
pub struct Principal(Vec<(SchemeName, Identity)>);

impl Principal {
    /// The primary identity.
    #[must_use]
    pub fn primary(&self) -> Option<&Identity> {
        self.0.first().map(|(_, identity)| identity)
    }

    /// The identity that one scheme proved.
    #[must_use]
    pub fn identity(&self, scheme: impl Into<SchemeName>) -> Option<&Identity> {
        let scheme = scheme.into();
        self.0.iter().find(|(name, _)| *name == scheme).map(|(_, identity)| identity)
    }

    /// Scheme and identity, in order.
    pub fn iter(&self) -> impl Iterator<Item = (SchemeName, &Identity)> {
        self.0.iter().map(|(name, identity)| (*name, identity))
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(SchemeName, Identity)> for Principal {
    fn from_iter<I: IntoIterator<Item = (SchemeName, Identity)>>(identities: I) -> Self {
        Self(identities.into_iter().collect())
    }
}
