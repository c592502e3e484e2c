//! What a machine key is made from, and the rules that it is held against.

use std::fmt;

use super::{
    CompatibilityMode, Decryption, MachineKey, MachineKeyChoices, Protection, Validation,
    algorithms::{cipher, cipher_key},
    key::Settings,
};
use crate::{
    crypto::{Cipher, sha256},
    error::BuildError,
    secret::Secret,
    ticket::aspnet::hex,
};

impl MachineKey {
    /// Keys in hexadecimal, for an application that targets ASP.NET 4.5 or later and says
    /// `validation="HMACSHA256"` and `decryption="AES"`, or nothing about the two.
    ///
    /// # Errors
    /// [`BuildError::Invalid`]: a key is not hexadecimal, or has a length that its algorithm does
    /// not take.
    pub fn from_hex(validation_key: &str, decryption_key: &str) -> Result<Self, BuildError> {
        Self::builder(validation_key, decryption_key).build()
    }

    /// Keys in hexadecimal, and what `<machineKey>` says about them.
    pub fn builder(validation_key: &str, decryption_key: &str) -> MachineKeyBuilder {
        MachineKeyBuilder::new(validation_key.into(), decryption_key.into())
    }
}

/// Makes a [`MachineKey`]. What is weak is refused until its word behind
/// [`dangerous`](Self::dangerous) is said.
#[must_use]
pub struct MachineKeyBuilder {
    allowed: Allowed,
    compatibility_mode: Option<CompatibilityMode>,
    decryption: Decryption,
    decryption_key: Secret,
    legacy_encryption: bool,
    protection: Protection,
    validation: Validation,
    validation_key: Secret,
}

#[derive(Default)]
struct Allowed {
    des: bool,
    legacy_encryption: bool,
    md5: bool,
    other_protection: bool,
    sha1: bool,
    triple_des: bool,
    unprotected: bool,
}

impl MachineKeyBuilder {
    pub(super) fn new(validation_key: Secret, decryption_key: Secret) -> Self {
        Self {
            allowed: Allowed::default(),
            compatibility_mode: Some(CompatibilityMode::Framework45),
            decryption: Decryption::Auto,
            decryption_key,
            legacy_encryption: false,
            protection: Protection::All,
            validation: Validation::HmacSha256,
            validation_key,
        }
    }

    /// Checks everything and makes the key.
    ///
    /// # Errors
    /// [`BuildError::Invalid`] names the setting and what to do: a key that is not hexadecimal, is
    /// generated or isolated by ASP.NET, or does not fit its algorithm; a weak choice whose word is
    /// missing.
    ///
    /// A key out of a short list of published samples is built, and warned of in the log.
    pub fn build(self) -> Result<MachineKey, BuildError> {
        let key = self.checked()?;
        if is_published(key.fingerprint()) {
            tracing::warn!(
                target: "portcullis::keys",
                fingerprint = key.fingerprint(),
                "this machine key is published: anybody can write tickets with it; generate another",
            );
        }
        Ok(key)
    }

    fn checked(self) -> Result<MachineKey, BuildError> {
        // first: what is no key at all, for there is nothing else to say of it
        let validation_key = key_bytes("validation_key", &self.validation_key)?;
        let decryption_key = key_bytes("decryption_key", &self.decryption_key)?;
        let mode = self.compatibility_mode.ok_or_else(|| {
            BuildError::invalid(
                "compatibility_mode",
                "the element does not say it, and then the application's <httpRuntime \
                 targetFramework> does: call compatibility_mode(Framework45) if that is 4.5 or \
                 later, otherwise compatibility_mode(Framework20Sp1); or give the whole file",
            )
        })?;
        self.check_choices(mode)?;
        self.check_validation_key(mode, validation_key.expose().len())?;
        self.check_decryption_key(mode, decryption_key.expose())?;
        let Self { decryption, legacy_encryption, protection, validation, .. } = self;
        let fingerprint = fingerprint(validation_key.expose(), decryption_key.expose());
        Ok(MachineKey::new(Settings {
            compatibility_mode: mode,
            decryption,
            fingerprint,
            decryption_key,
            legacy_encryption,
            protection,
            validation,
            validation_key,
        }))
    }

    /// The attribute `compatibilityMode`. Default: `Framework45`; for a configuration file see
    /// [`MachineKey::from_config`].
    pub const fn compatibility_mode(mut self, mode: CompatibilityMode) -> Self {
        self.compatibility_mode = Some(mode);
        self
    }

    /// Opens what weakens the protection.
    pub const fn dangerous(self) -> DangerousMachineKey {
        DangerousMachineKey(self)
    }

    /// The attribute `decryption`. Default: [`Decryption::Auto`].
    pub const fn decryption(mut self, decryption: Decryption) -> Self {
        self.decryption = decryption;
        self
    }

    /// The attribute `protection` of `<forms>`. Default: [`Protection::All`].
    pub const fn protection(mut self, protection: Protection) -> Self {
        self.protection = protection;
        self
    }

    /// The attribute `validation`. Default: [`Validation::HmacSha256`].
    pub const fn validation(mut self, validation: Validation) -> Self {
        self.validation = validation;
        self
    }

    pub(super) const fn without_compatibility_mode(mut self) -> Self {
        self.compatibility_mode = None;
        self
    }

    /// What the file asks for; the word that allows it is still to be said.
    pub(super) const fn legacy_encryption(mut self, asked: bool) -> Self {
        self.legacy_encryption = asked;
        self
    }

    /// What was said beside the keys. A mode that was not said is told as `Framework45`.
    pub(in crate::ticket::aspnet) fn choices(&self) -> MachineKeyChoices {
        MachineKeyChoices {
            compatibility_mode: self.compatibility_mode.unwrap_or(CompatibilityMode::Framework45),
            decryption: self.decryption,
            legacy_encryption: self.legacy_encryption,
            protection: self.protection,
            validation: self.validation,
        }
    }

    /// These keys with other choices, every weak one allowed: for the diagnosis alone.
    pub(in crate::ticket::aspnet) fn choose(
        &self,
        choices: MachineKeyChoices,
    ) -> Result<MachineKey, BuildError> {
        Self {
            allowed: Allowed {
                des: true,
                legacy_encryption: true,
                md5: true,
                other_protection: true,
                sha1: true,
                triple_des: true,
                unprotected: true,
            },
            compatibility_mode: Some(choices.compatibility_mode),
            decryption: choices.decryption,
            decryption_key: self.decryption_key.clone(),
            legacy_encryption: choices.legacy_encryption,
            protection: choices.protection,
            validation: choices.validation,
            validation_key: self.validation_key.clone(),
        }
        .checked()
    }

    /// The fingerprint, and the length of the decryption key in bytes.
    ///
    /// # Errors
    /// One of the two keys is not hexadecimal.
    pub(in crate::ticket::aspnet) fn recognise(&self) -> Result<(Box<str>, usize), BuildError> {
        let validation_key = key_bytes("validation_key", &self.validation_key)?;
        let decryption_key = key_bytes("decryption_key", &self.decryption_key)?;
        let decryption_key = decryption_key.expose();
        Ok((fingerprint(validation_key.expose(), decryption_key), decryption_key.len()))
    }

    fn check_choices(&self, mode: CompatibilityMode) -> Result<(), BuildError> {
        let allowed = &self.allowed;
        let in_framework45 = mode == CompatibilityMode::Framework45;
        match self.validation {
            Validation::Aes | Validation::Md5 | Validation::TripleDes if in_framework45 => {
                let problem = format!(
                    "{} is refused by ASP.NET in Framework45; it knows SHA1, HMACSHA256, HMACSHA384 \
                     and HMACSHA512",
                    self.validation
                );
                return Err(BuildError::invalid("validation", problem));
            }
            Validation::Md5 if !allowed.md5 => {
                return Err(BuildError::invalid(
                    "validation",
                    "MD5 is broken and refused; change it to HMACSHA256 in every application that \
                     shares the tickets, or accept it by dangerous().allow_md5()",
                ));
            }
            Validation::Aes | Validation::Sha1 | Validation::TripleDes if !allowed.sha1 => {
                let problem = format!(
                    "{} signs tickets with HMAC-SHA1; change it to HMACSHA256 in every application \
                     that shares the tickets, or accept it by dangerous().allow_sha1()",
                    self.validation
                );
                return Err(BuildError::invalid("validation", problem));
            }
            _ => {}
        }
        if in_framework45 {
            // protection and UseLegacyEncryption are not asked there
            return Ok(());
        }
        match self.protection {
            Protection::All => {}
            Protection::None if !allowed.unprotected => {
                return Err(BuildError::invalid(
                    "protection",
                    "None: everybody can write such tickets; set protection=\"All\" in <forms>",
                ));
            }
            Protection::Encryption | Protection::Validation if !allowed.other_protection => {
                let problem = format!(
                    "{} leaves half of the protection out; set protection=\"All\" in <forms>, or \
                     accept it by dangerous().allow_partial_protection()",
                    self.protection
                );
                return Err(BuildError::invalid("protection", problem));
            }
            Protection::Encryption if self.legacy_encryption => {
                return Err(BuildError::invalid(
                    "protection",
                    "Encryption together with aspnet:UseLegacyEncryption leaves the tickets \
                     unsigned, so that everybody can change them; there is no word for it",
                ));
            }
            _ => {}
        }
        if self.legacy_encryption && !allowed.legacy_encryption {
            return Err(BuildError::invalid(
                "legacy_encryption",
                "aspnet:UseLegacyEncryption is a padding oracle (MS10-070); remove it in every \
                 application that shares the tickets, or accept it by \
                 dangerous().use_legacy_encryption()",
            ));
        }
        Ok(())
    }

    fn check_validation_key(
        &self,
        mode: CompatibilityMode,
        length: usize,
    ) -> Result<(), BuildError> {
        let (least, most) = match self.validation {
            // ASP.NET takes every length there, and derives keys that are no longer
            _ if mode == CompatibilityMode::Framework45 => (16, usize::MAX),
            Validation::Md5 => (20, usize::MAX),
            Validation::HmacSha384 | Validation::HmacSha512 => (20, 128),
            _ => (20, 64),
        };
        let problem = if length < least {
            format!(
                "{length} bytes can be guessed; at least {least} are needed ({} digits), in every \
                 application that shares the tickets",
                2 * least
            )
        } else if length > most {
            format!("{length} bytes; {} in {mode} takes at most {most}", self.validation)
        } else {
            return Ok(());
        };
        Err(BuildError::invalid("validation_key", problem))
    }

    fn check_decryption_key(&self, mode: CompatibilityMode, key: &[u8]) -> Result<(), BuildError> {
        let cipher = cipher(mode, self.decryption, key.len());
        let (weak, word) = match cipher {
            Cipher::Aes => (false, ""),
            Cipher::Des => (!self.allowed.des, "allow_des"),
            Cipher::TripleDes => (!self.allowed.triple_des, "allow_3des"),
        };
        if weak {
            let problem = format!(
                "{cipher:?} is refused; change it to AES, with a new key, in every application that \
                 shares the tickets, or accept it by dangerous().{word}()"
            );
            return Err(BuildError::invalid("decryption", problem));
        }
        let is_cut = cipher == Cipher::Des && mode != CompatibilityMode::Framework45;
        let key = if is_cut { key.get(..8).unwrap_or(key) } else { key };
        cipher_key(cipher, key).map(drop)
    }
}

impl fmt::Debug for MachineKeyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineKeyBuilder")
            .field("compatibility_mode", &self.compatibility_mode)
            .field("decryption", &self.decryption)
            .field("protection", &self.protection)
            .field("validation", &self.validation)
            .finish_non_exhaustive()
    }
}

/// What weakens the protection, one word for each choice. See [`MachineKeyBuilder::dangerous`].
///
/// Each is for the time until the application that issues the tickets has been changed.
#[derive(Debug)]
#[must_use]
pub struct DangerousMachineKey(MachineKeyBuilder);

impl DangerousMachineKey {
    /// Accepts triple DES. Its blocks of 64 bits give content away once some gigabytes were
    /// encrypted under one key (Sweet32); tickets are signed all the same, so they are not forged.
    pub fn allow_3des(mut self) -> MachineKeyBuilder {
        self.0.allowed.triple_des = true;
        self.0
    }

    /// Accepts DES. A day's computing finds the key, and with it everybody's tickets are read. They
    /// are signed by another key, so they are not forged.
    pub fn allow_des(mut self) -> MachineKeyBuilder {
        self.0.allowed.des = true;
        self.0
    }

    /// Accepts MD5 over content and key. Two contents with the same hash are cheap to make, so
    /// somebody who can have content of their own choice protected may get another one signed.
    pub fn allow_md5(mut self) -> MachineKeyBuilder {
        self.0.allowed.md5 = true;
        self.0
    }

    /// Accepts `protection="Encryption"` or `"Validation"`. With the first, anything else that the
    /// application encrypts under the same keys (a resource URL, for example) is taken for a ticket
    /// if it reads like one; with the second, everybody who has the cookie reads it.
    pub fn allow_partial_protection(mut self) -> MachineKeyBuilder {
        self.0.allowed.other_protection = true;
        self.0
    }

    /// Accepts HMAC-SHA1. No forgery of it is known; what it costs is the margin, and that such a
    /// configuration is often as old as its key.
    pub fn allow_sha1(mut self) -> MachineKeyBuilder {
        self.0.allowed.sha1 = true;
        self.0
    }

    /// Accepts `protection="None"`: **everybody can write a ticket for anybody**. For tests, and
    /// behind something else that decides.
    pub fn allow_unprotected_tickets(mut self) -> MachineKeyBuilder {
        self.0.allowed.unprotected = true;
        self.0
    }

    /// Reads and writes as with `aspnet:UseLegacyEncryption`: what a stranger sends is decrypted
    /// before it is checked. Nothing shows here which padding was found, but ASP.NET itself does
    /// show it (MS10-070), and what it gives away is valid here as well.
    pub fn use_legacy_encryption(mut self) -> MachineKeyBuilder {
        self.0.allowed.legacy_encryption = true;
        self.0.legacy_encryption = true;
        self.0
    }
}

/// The bytes of a key that was written down.
fn key_bytes(field: &'static str, text: &Secret) -> Result<Secret, BuildError> {
    let text = text.expose();
    let mentions = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    let problem = if text.is_empty() {
        "it is empty; it must be hexadecimal digits"
    } else if mentions(b"AutoGenerate") {
        "AutoGenerate: ASP.NET made this key and keeps it in the registry of its machine; generate \
         explicit keys (IIS Manager, Machine Key, Generate Keys), put them into the application's \
         web.config and give them here"
    } else if mentions(b"Isolate") {
        "IsolateApps and IsolateByAppId mix the key with the application's path or id, which is not \
         known here; remove the suffix in every application that shares the tickets"
    } else if let Some(bytes) = hex::decode(text) {
        return Ok(bytes.into());
    } else {
        "it must be hexadecimal digits, two for each byte, without white space"
    };
    Err(BuildError::invalid(field, problem))
}

/// Eight digits of a hash of both keys under a label of its own.
fn fingerprint(validation_key: &[u8], decryption_key: &[u8]) -> Box<str> {
    let length = u64::try_from(validation_key.len()).unwrap_or(u64::MAX).to_be_bytes();
    let label = &b"portcullis machine key fingerprint\0"[..];
    let labelled = Secret::from([label, &length, validation_key, decryption_key].concat());
    let digest = sha256(labelled.expose());
    hex::encode(&digest[..4]).to_ascii_lowercase().into()
}

/// The key is one that a public repository prints.
pub(in crate::ticket::aspnet) fn is_published(fingerprint: &str) -> bool {
    PUBLISHED.contains(&fingerprint)
}

/// Fingerprints of sample keys that public repositories print. A longer list is no protection: what
/// was ever shown to anybody is to be replaced.
const PUBLISHED: [&str; 7] =
    ["3293296a", "362d475b", "534a43ba", "86af81a4", "99576b4c", "9ffed050", "a9bd9d33"];
