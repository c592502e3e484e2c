//! How a machine key protects forms tickets.

use super::{Protector, legacy::LegacyProtector};

/// Protects forms tickets as the compatibility mode says. Opens nothing of another mode.
#[derive(Debug)]
pub(crate) enum FormsProtector {
    Framework45(Protector),
    Legacy(Box<LegacyProtector>),
}

impl FormsProtector {
    /// Encrypts and signs.
    pub(crate) fn protect(&self, ticket: &[u8]) -> Vec<u8> {
        match self {
            Self::Framework45(protector) => protector.protect(ticket),
            Self::Legacy(protector) => protector.protect(ticket),
        }
    }

    /// Verifies and decrypts. `None` for every cause.
    pub(crate) fn unprotect(&self, protected: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Framework45(protector) => protector.unprotect(protected),
            Self::Legacy(protector) => protector.unprotect(protected),
        }
    }
}
