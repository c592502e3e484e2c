//! Several machine keys for one format.
//!
//! A ticket carries no key id, so that the keys are tried. Each of them is, whether or not one before
//! it fits: the time that it takes tells nobody which key fitted.

use std::fmt;

use super::machine_key::MachineKey;
use crate::error::{AuthError, AuthErrorKind, BuildError};

/// What a format keeps of each key. The first one writes.
pub(super) struct Keys<P> {
    first: Entry<P>,
    others: Vec<Entry<P>>,
}

struct Entry<P> {
    fingerprint: Box<str>,
    protector: P,
}

impl<P> Keys<P> {
    pub(super) fn new(key: &MachineKey, protector: P) -> Self {
        Self { first: Entry::new(key, protector), others: Vec::new() }
    }

    /// One more that opens tickets.
    pub(super) fn also(mut self, key: &MachineKey, protector: P) -> Result<Self, BuildError> {
        self.others.push(Entry::new(key, protector));
        if self.others.len() < MOST_KEYS {
            return Ok(self);
        }
        let problem = format!(
            "more than {MOST_KEYS} keys; each ticket is tried with each of them, so drop the keys \
             whose tickets have expired"
        );
        Err(BuildError::invalid("also_accept", problem))
    }

    /// The one that writes.
    pub(super) const fn first(&self) -> &P {
        &self.first.protector
    }

    /// Opens with each key, and reads what came out.
    pub(super) fn open<T>(
        &self,
        unprotect: impl Fn(&P) -> Option<Vec<u8>>,
        read: impl Fn(&[u8]) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        let open = |entry| Entry::open(entry, &unprotect);
        let opened: Vec<_> = self.entries().map(open).collect();
        let mut refusal = None;
        for (entry, plaintext) in self.entries().zip(opened) {
            match plaintext.map(|plaintext| read(&plaintext)) {
                None => {}
                Some(Ok(ticket)) => return Ok(ticket),
                Some(Err(error)) => refusal = Some(entry.explain(&error)),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            AuthError::new(AuthErrorKind::TicketUndecryptable)
                .with_detail(format_args!("no key opens it; tried {}", self.fingerprints()))
        }))
    }

    /// The fingerprints of all, the one that writes first.
    pub(super) fn fingerprints(&self) -> String {
        self.entries().map(|entry| &*entry.fingerprint).collect::<Vec<_>>().join(", ")
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<P>> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl<P> Entry<P> {
    fn new(key: &MachineKey, protector: P) -> Self {
        Self { fingerprint: key.fingerprint().into(), protector }
    }

    fn open(&self, unprotect: impl Fn(&P) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        unprotect(&self.protector)
    }

    /// The error of a ticket that this key opened.
    fn explain(&self, error: &AuthError) -> AuthError {
        let why = error.detail().unwrap_or_default();
        AuthError::new(error.kind())
            .with_detail(format_args!("the key {} opens it; {why}", self.fingerprint))
    }
}

impl<P> fmt::Debug for Keys<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries().map(|entry| &entry.fingerprint)).finish()
    }
}

const MOST_KEYS: usize = 8;
