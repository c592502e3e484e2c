//! The noes that came back.

use std::time::Duration;

use crate::{
    crypto,
    error::{AuthError, AuthErrorClass},
};

/// What stands for a token where strangers choose what is put in: no place can be attacked, and no
/// token is kept.
pub(super) type Fingerprint = [u8; 32];

/// Of the part of a token that a cache knows it by.
pub(super) fn fingerprint(key: &str) -> Fingerprint {
    crypto::sha256(key.as_bytes())
}

/// Tokens that were asked about and are not good: apart from the good ones, so that a flood of
/// garbage evicts garbage.
pub(super) struct Refused {
    lifetime: Duration,
    known: moka::sync::Cache<Fingerprint, (AuthError, Duration)>,
}

impl Refused {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, known: moka::sync::Cache::new(MOST_REFUSED) }
    }

    /// "It could not be found out" is no "no".
    pub(super) fn add(&self, token: Fingerprint, error: &AuthError, now: Duration) {
        if error.kind().class() == AuthErrorClass::Invalid {
            let until = now.saturating_add(self.lifetime);
            self.known.insert(token, (error.clone(), until));
        }
    }

    pub(super) fn get(&self, token: &Fingerprint, now: Duration) -> Option<AuthError> {
        self.known.get(token).filter(|(_, until)| now < *until).map(|(error, _)| error)
    }

    pub(super) fn forget(&self, token: &Fingerprint) {
        self.known.invalidate(token);
    }

    pub(super) fn forget_all(&self) {
        self.known.invalidate_all();
    }
}

const MOST_REFUSED: u64 = 10_000;
