//! The machine key itself.

use std::{fmt, sync::Arc};

use super::{
    CompatibilityMode, Decryption, FormsProtector, Protection, Protector, Validation,
    algorithms::{KeyedHash, cipher, cipher_key},
    framework45::Derived,
    legacy::LegacyProtector,
};
use crate::{error::BuildError, secret::Secret};

/// An application's `<machineKey>`: what its cookies and tickets are protected with.
///
/// Whoever has it can write a ticket for anybody. Treat it as the password of every account: keep it
/// out of the repository, and if it was ever published (sample keys from documentation and forums
/// are collected and tried by attackers) generate another. A clone is a reference count, and
/// `Debug` shows nothing but the [fingerprint](Self::fingerprint).
///
/// # From what the application has
///
/// | `web.config` | here |
/// |---|---|
/// | a whole file, or the element alone | [`from_config`](Self::from_config) |
/// | keys in hexadecimal, ASP.NET 4.5 or later, `HMACSHA256` and AES | [`from_hex`](Self::from_hex) |
/// | anything else that is known | [`builder`](Self::builder) |
/// | `AutoGenerate`, or no `<machineKey>` | the keys lie in the registry of that one machine: generate explicit ones (IIS Manager, *Machine Key*, *Generate Keys*) and put them into **both** applications |
/// | `…,IsolateApps`, `…,IsolateByAppId` | the key is mixed with the application's path: take the suffix away there, in every application that shares the ticket |
///
/// ```
/// use portcullis::ticket::aspnet::MachineKey;
///
/// let key = MachineKey::from_config(
///     r#"<machineKey compatibilityMode="Framework45" validation="HMACSHA256" decryption="AES"
///          validationKey="9B0C7E1DE6C5F4F8A6C1F3B8D1A54C39A1E0F2D7B3C4958677F0E1D2C3B4A596"
///          decryptionKey="1F2E3D4C5B6A79880716253443526170"/>"#,
/// )?
/// .build()?;
/// let protector = key.purpose("User.MachineKey.Protect", &["invoice"])?;
/// let protected = protector.protect(b"4711");
/// assert_eq!(protector.unprotect(&protected).as_deref(), Some(&b"4711"[..]));
/// assert_eq!(key.purpose("User.MachineKey.Protect", &["order"])?.unprotect(&protected), None);
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone)]
pub struct MachineKey(Arc<Settings>);

/// What the builder found good.
pub(super) struct Settings {
    pub(super) compatibility_mode: CompatibilityMode,
    pub(super) decryption: Decryption,
    pub(super) decryption_key: Secret,
    pub(super) fingerprint: Box<str>,
    pub(super) legacy_encryption: bool,
    pub(super) protection: Protection,
    pub(super) validation: Validation,
    pub(super) validation_key: Secret,
}

impl MachineKey {
    /// Which of ASP.NET's ways of protecting forms tickets take.
    #[must_use]
    pub fn compatibility_mode(&self) -> CompatibilityMode {
        self.0.compatibility_mode
    }

    /// Eight hexadecimal digits that tell this key from others in a log. They are taken from a
    /// SHA-256 of both keys; the keys do not follow from them.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// `MachineKey.Protect` and `Unprotect` for these purposes, compared exactly and in order. The
    /// keys are derived here, once. As in ASP.NET this is always the way of `Framework45`, whatever
    /// the compatibility mode says.
    ///
    /// # Errors
    /// [`BuildError::Invalid`]: a purpose is empty or white space, which ASP.NET refuses; or
    /// the keys or `validation` are such as only the older modes have.
    pub fn purpose(&self, primary: &str, specific: &[&str]) -> Result<Protector, BuildError> {
        if [primary].iter().chain(specific).any(|purpose| purpose.trim().is_empty()) {
            return Err(BuildError::invalid("purpose", "it is empty, which ASP.NET refuses"));
        }
        let settings = &*self.0;
        if matches!(settings.validation, Validation::Aes | Validation::Md5 | Validation::TripleDes)
        {
            let problem = format!(
                "{} is not known to Framework45, which protects everything but forms tickets in every \
                 compatibility mode; it knows SHA1, HMACSHA256, HMACSHA384 and HMACSHA512",
                settings.validation
            );
            return Err(BuildError::invalid("validation", problem));
        }
        let derived = self.derive(primary, specific);
        let mode = CompatibilityMode::Framework45;
        let cipher = cipher(mode, settings.decryption, derived.encryption.len());
        Ok(Protector::new(
            cipher_key(cipher, &derived.encryption)?,
            KeyedHash::new(settings.validation, &derived.validation),
        ))
    }

    pub(super) fn derive(&self, primary: &str, specific: &[&str]) -> Derived {
        let Settings { decryption_key, validation_key, .. } = &*self.0;
        Derived::new(decryption_key.expose(), validation_key.expose(), primary, specific)
    }

    /// What forms tickets are protected with, by the compatibility mode.
    ///
    /// # Errors
    /// As [`purpose`](Self::purpose).
    pub(crate) fn forms(&self) -> Result<FormsProtector, BuildError> {
        Ok(match self.0.compatibility_mode {
            CompatibilityMode::Framework45 => {
                FormsProtector::Framework45(self.purpose("FormsAuthentication.Ticket", &[])?)
            }
            CompatibilityMode::Framework20Sp1 | CompatibilityMode::Framework20Sp2 => {
                FormsProtector::Legacy(Box::new(self.legacy()?))
            }
        })
    }

    pub(super) fn legacy(&self) -> Result<LegacyProtector, BuildError> {
        let settings = &*self.0;
        let mode = settings.compatibility_mode;
        let mut key = settings.decryption_key.expose();
        let cipher = cipher(mode, settings.decryption, key.len());
        if cipher == crate::crypto::Cipher::Des {
            // System.Web cuts a longer key
            key = key.get(..8).unwrap_or(key);
        }
        let has_prefix = !settings.legacy_encryption || mode == CompatibilityMode::Framework20Sp2;
        Ok(LegacyProtector {
            cipher: cipher_key(cipher, key)?,
            hash: KeyedHash::new(settings.validation, settings.validation_key.expose()),
            outer_hash: !settings.legacy_encryption,
            prefix: if has_prefix { key.len() } else { 0 },
            protection: settings.protection,
        })
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }
}

impl fmt::Debug for MachineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MachineKey({})", self.0.fingerprint)
    }
}
