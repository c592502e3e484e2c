//! What an operator has at hand.

use std::{fmt, sync::Arc};

use super::super::machine_key::MachineKeyBuilder;
use crate::{
    clock::{Clock, SystemClock, UnixTime},
    error::BuildError,
};

/// The machine keys that [`diagnose`](super::diagnose) tries, and what else it should know.
///
/// The choices that stand beside the keys need not be right, and no weak one needs its word: all are
/// tried. Its `Debug` shows no key.
#[must_use]
pub struct DiagnosisKeys {
    keys: Vec<Known>,
    authentication_types: Vec<String>,
    clock: Arc<dyn Clock>,
}

/// One key, and the length of its decryption half in bytes.
pub(super) struct Known {
    pub(super) fingerprint: Box<str>,
    pub(super) builder: MachineKeyBuilder,
    pub(super) key_length: usize,
}

impl DiagnosisKeys {
    /// From [`MachineKey::from_config`](super::super::MachineKey::from_config) or
    /// [`MachineKey::builder`](super::super::MachineKey::builder).
    ///
    /// # Errors
    /// [`BuildError::Invalid`]: a key is not hexadecimal, or is generated or isolated by ASP.NET.
    pub fn new(key: MachineKeyBuilder) -> Result<Self, BuildError> {
        Ok(Self {
            keys: vec![Known::new(key)?],
            authentication_types: AUTHENTICATION_TYPES.map(str::to_owned).to_vec(),
            clock: Arc::new(SystemClock),
        })
    }

    /// One more key.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn also(mut self, key: MachineKeyBuilder) -> Result<Self, BuildError> {
        self.keys.push(Known::new(key)?);
        Ok(self)
    }

    /// One more authentication type of Katana's cookie middleware. Always tried: `ApplicationCookie`,
    /// `Cookies`, `ExternalCookie`, `TwoFactorCookie`, `TwoFactorRememberBrowser`.
    pub fn authentication_type(mut self, name: &str) -> Self {
        if !self.authentication_types.iter().any(|known| known == name) {
            self.authentication_types.push(name.to_owned());
        }
        self
    }

    /// Where the time comes from. Default: the operating system.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    pub(super) fn keys(&self) -> &[Known] {
        &self.keys
    }

    pub(super) fn authentication_types(&self) -> &[String] {
        &self.authentication_types
    }

    pub(super) fn now(&self) -> UnixTime {
        self.clock.now()
    }
}

impl Known {
    fn new(builder: MachineKeyBuilder) -> Result<Self, BuildError> {
        let (fingerprint, key_length) = builder.recognise()?;
        Ok(Self { fingerprint, builder, key_length })
    }
}

impl fmt::Debug for DiagnosisKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiagnosisKeys")
            .field("keys", &self.keys.len())
            .field("authentication_types", &self.authentication_types)
            .finish_non_exhaustive()
    }
}

/// Those of Katana itself and of ASP.NET Identity (DefaultAuthenticationTypes.cs).
const AUTHENTICATION_TYPES: [&str; 5] = [
    "ApplicationCookie",
    "Cookies",
    "ExternalCookie",
    "TwoFactorCookie",
    "TwoFactorRememberBrowser",
];
