//! What was fetched, ready to be looked up.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::load::{Known, Loaded, Metadata};
use crate::{
    error::{AuthError, AuthErrorKind},
    jwt::{Algorithm, FoundKeys, Jwk, Key, key_table::KeyTable},
    principal::Lease,
};

/// The keys as the last good answer had them, and until when they count. It never changes: the next
/// answer makes the next snapshot.
#[derive(Debug)]
pub(super) struct Snapshot {
    table: KeyTable,
    /// Counts the good answers; 0 is the empty beginning.
    pub(super) generation: u64,
    pub(super) metadata: Option<Metadata>,
    /// From here on the metadata is read again, also by a forced fetch.
    metadata_due: Duration,
    pub(super) etag: Option<http::HeaderValue>,
    /// From here on a request starts the next fetch.
    pub(super) refresh_at: Duration,
    /// From here on it waits for it, a little.
    pub(super) expires_at: Duration,
    /// From here on the keys are too old to serve.
    pub(super) stale_until: Duration,
}

/// How long a snapshot counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    pub(super) fetched_at: Duration,
    pub(super) fresh: Duration,
    pub(super) max_stale: Duration,
}

/// What a snapshot says about a token's header.
#[derive(Debug)]
pub(super) enum Lookup {
    Found(FoundKeys),
    /// A fetch might help.
    Unknown(AuthError),
    /// The key is there and does not fit, or too many keys fit: no fetch can help.
    Useless(AuthError),
}

impl Snapshot {
    /// What the next fetch need not ask again.
    pub(super) fn known(&self, now: Duration, past_caches: bool) -> Known<'_> {
        Known {
            metadata: self.metadata.as_ref(),
            metadata_is_fresh: now < self.metadata_due,
            etag: self.etag.as_ref(),
            past_caches,
        }
    }

    pub(super) fn nothing() -> Self {
        Self {
            table: KeyTable::default(),
            generation: 0,
            metadata: None,
            metadata_due: Duration::ZERO,
            etag: None,
            refresh_at: Duration::ZERO,
            expires_at: Duration::ZERO,
            stale_until: Duration::ZERO,
        }
    }

    pub(super) fn has_keys(&self) -> bool {
        !self.table.keys().is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.table.keys().len()
    }

    pub(super) fn is_usable(&self, now: Duration) -> bool {
        now < self.stale_until
    }

    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Lookup {
        match self.table.find(kid, algorithm) {
            Ok(keys) => Lookup::Found(keys),
            Err(error) if error.kind() != AuthErrorKind::UnknownKey => Lookup::Useless(error),
            Err(error) if kid.is_none() && self.fits(algorithm) => Lookup::Useless(error),
            Err(error) => Lookup::Unknown(error),
        }
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.table.keys().iter().any(|key| key.jwk().fits(algorithm))
    }

    /// The snapshot that follows. A key that stays keeps its lease; the leases of the others are in
    /// the second value, to be ended once the new snapshot is in place.
    pub(super) fn followed_by(
        &self,
        loaded: Loaded,
        lifetime: Lifetime,
        tries: usize,
    ) -> (Self, Vec<Lease>) {
        let Lifetime { fetched_at, fresh, max_stale } = lifetime;
        let refresh_at = fetched_at.saturating_add(fresh.saturating_mul(4) / 5);
        let stale_until = fetched_at.saturating_add(max_stale);
        let old = self.table.keys();
        let mut kept = HashSet::new();
        let mut keep = |place: usize, key: &Key| {
            kept.insert(place);
            if let Some(lease) = key.lease() {
                lease.extend(stale_until);
            }
            key.clone().with_fresh_until(refresh_at)
        };
        let keys: Vec<Key> = match loaded.keys {
            None => old.iter().enumerate().map(|(place, key)| keep(place, key)).collect(),
            Some(jwks) => jwks
                .into_iter()
                .map(|jwk: Arc<Jwk>| {
                    match old.iter().enumerate().find(|(_, key)| *key.jwk() == *jwk) {
                        Some((place, key)) => keep(place, key),
                        None => Key::new(jwk)
                            .with_lease(Lease::until(stale_until))
                            .with_fresh_until(refresh_at),
                    }
                })
                .collect(),
        };
        let gone = old.iter().enumerate().filter(|(place, _)| !kept.contains(place));
        let gone = gone.filter_map(|(_, key)| key.lease().cloned()).collect();
        let next = Self {
            table: KeyTable::new(keys).try_without_kid(tries),
            generation: self.generation.saturating_add(1),
            metadata: loaded.metadata,
            metadata_due: if loaded.metadata_is_new { refresh_at } else { self.metadata_due },
            etag: loaded.etag,
            refresh_at,
            expires_at: fetched_at.saturating_add(fresh),
            stale_until,
        };
        (next, gone)
    }
}
