//! Where verification keys come from.

use std::{fmt, sync::Arc, time::Duration};

use super::{Algorithm, Jwk};
use crate::{attempt::Attempt, error::AuthError, principal::Lease};

/// A store of verification keys of one issuer.
///
/// It is asked with the two header parameters alone, and never sees an unverified claim. It answers
/// with keys that fit the algorithm ([`Jwk::fits`]); one that does not is not used.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not hold keys",
    note = "use `StaticKeys`, `RemoteKeys`, or implement `KeySource`"
)]
pub trait KeySource: fmt::Debug + Send + Sync {
    /// The keys that may have signed a token whose header says `kid` and `alg`.
    ///
    /// Nothing fits: an error of kind [`UnknownKey`](crate::AuthErrorKind::UnknownKey), or
    /// [`UnsupportedAlgorithm`](crate::AuthErrorKind::UnsupportedAlgorithm) where the key of that name
    /// is of another kind. Not to be found out now:
    /// [`IssuerUnreachable`](crate::AuthErrorKind::IssuerUnreachable).
    fn find(&self, kid: Option<&str>, alg: Algorithm) -> Attempt<Result<FoundKeys, AuthError>>;
}

impl<K: KeySource + ?Sized> KeySource for Arc<K> {
    fn find(&self, kid: Option<&str>, alg: Algorithm) -> Attempt<Result<FoundKeys, AuthError>> {
        (**self).find(kid, alg)
    }
}

/// What a [`KeySource`] found.
#[derive(Clone, Debug)]
pub enum FoundKeys {
    /// The key.
    One(Key),
    /// A token without `kid`, and a source that was told to try this many keys in turn.
    Several(Vec<Key>),
}

/// A key and how long what it proves may be remembered. A clone is a reference count.
#[derive(Clone, Debug)]
pub struct Key {
    jwk: Arc<Jwk>,
    lease: Option<Lease>,
    fresh_until: Option<Duration>,
}

impl Key {
    /// A key that never changes.
    #[must_use]
    pub fn new(jwk: impl Into<Arc<Jwk>>) -> Self {
        Self { jwk: jwk.into(), lease: None, fresh_until: None }
    }

    /// What the key verified dies with this lease.
    #[must_use]
    pub fn with_lease(mut self, lease: Lease) -> Self {
        self.lease = Some(lease);
        self
    }

    /// What the key verified is verified again after this reading of the monotonic clock.
    #[must_use]
    pub const fn with_fresh_until(mut self, monotonic: Duration) -> Self {
        self.fresh_until = Some(monotonic);
        self
    }

    /// The key itself.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Its lease, if it has one.
    #[must_use]
    pub const fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Until when its word counts without asking again.
    #[must_use]
    pub const fn fresh_until(&self) -> Option<Duration> {
        self.fresh_until
    }
}
