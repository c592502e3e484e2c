//! One way that was tried, and what came of it.

use std::{fmt, time::Duration};

use super::super::machine_key::{CompatibilityMode, Decryption, MachineKeyChoices, Protection};
use crate::{clock::UnixTime, ticket::Ticket};

/// What a ticket is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketKind {
    /// A FormsAuthentication ticket.
    Forms,
    /// An access token of Katana's authorization server.
    KatanaAccessToken,
    /// An authorization code of Katana's authorization server.
    KatanaAuthorizationCode,
    /// A cookie of Katana's cookie middleware of this authentication type.
    KatanaCookie(String),
    /// A refresh token of Katana's authorization server.
    KatanaRefreshToken,
}

impl fmt::Display for TicketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forms => "FormsAuthentication ticket",
            Self::KatanaAccessToken => "Katana access token",
            Self::KatanaAuthorizationCode => "Katana authorization code",
            Self::KatanaCookie(name) => return write!(f, "Katana cookie {name:?}"),
            Self::KatanaRefreshToken => "Katana refresh token",
        })
    }
}

/// How the content is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketLayout {
    /// FormsAuthentication, .NET 2.0.
    Framework20,
    /// Katana 2.0 to 3.0.0.
    Katana2,
    /// Katana 3.0.1 and later.
    Katana3,
    /// FormsAuthentication, every supported .NET Framework.
    Version1,
}

impl fmt::Display for TicketLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Framework20 => "the layout of .NET 2.0",
            Self::Katana2 => "format 2",
            Self::Katana3 => "format 3",
            Self::Version1 => "layout 1",
        })
    }
}

/// The step at which a way failed, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Step {
    /// Not the text of such a ticket.
    Text,
    /// Not a whole number of blocks.
    Length,
    /// Another MAC.
    Mac,
    /// The key and the validation algorithm are right, and the ticket is for something else.
    Purpose,
    /// No padding where there should be one.
    Padding,
    /// Not one gzip member.
    Gzip,
    /// Not laid out like such a ticket.
    Layout,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Length => "length",
            Self::Mac => "MAC",
            Self::Purpose => "purpose",
            Self::Padding => "padding",
            Self::Gzip => "gzip",
            Self::Layout => "layout",
        })
    }
}

/// A way that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trial {
    /// What it was taken for.
    pub kind: TicketKind,
    /// The fingerprint of the key; `None` if it did not come so far.
    pub machine_key: Option<String>,
    /// What was assumed beside the key; `None` if it did not come so far.
    pub choices: Option<MachineKeyChoices>,
    /// Where it failed.
    pub step: Step,
    /// What was found there.
    pub detail: &'static str,
    /// The key is one of DES.
    pub(super) is_des: bool,
}

impl Trial {
    /// How far it came: where nothing is signed, or the signature lies inside, everything comes to the
    /// padding.
    pub(super) fn reached(&self) -> (bool, Step) {
        let is_signed = self.choices.is_none_or(|choices| {
            self.kind != TicketKind::Forms
                || choices.compatibility_mode == CompatibilityMode::Framework45
                || !(choices.legacy_encryption || choices.protection == Protection::None)
        });
        (is_signed, self.step)
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(choices) = &self.choices {
            let with = algorithms(choices, self.is_des).map(|it| format!(", {it}"));
            write!(f, "{}{}", way(&self.kind, choices), with.unwrap_or_default())?;
        }
        write!(f, ": {}: {}", self.step, self.detail)
    }
}

/// A way that opens the ticket.
///
/// It holds the ticket; its `Debug` shows no value of a claim.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fit {
    /// What it is.
    pub kind: TicketKind,
    /// The fingerprint of the key.
    pub machine_key: String,
    /// What is to stand beside the key.
    pub choices: MachineKeyChoices,
    /// How the content is laid out.
    pub layout: TicketLayout,
    /// The ticket.
    pub ticket: Ticket,
    /// Since when it is expired, if it is.
    pub expired_since: Option<UnixTime>,
    /// For how long it is expired.
    pub(super) expired_for: Duration,
    /// The key is one of DES.
    pub(super) is_des: bool,
    /// What was given beside the key.
    pub(super) given: MachineKeyChoices,
}

/// What there is to say about a way beside its algorithms.
pub(super) fn way(kind: &TicketKind, choices: &MachineKeyChoices) -> String {
    if *kind != TicketKind::Forms {
        return String::new();
    }
    if choices.compatibility_mode == CompatibilityMode::Framework45 {
        return ", Framework45".to_owned();
    }
    let protection = match choices.protection {
        Protection::All => String::new(),
        other => format!(", protection {other}"),
    };
    let legacy = if choices.legacy_encryption { ", UseLegacyEncryption" } else { "" };
    format!(", {}{protection}{legacy}", choices.compatibility_mode)
}

/// The two algorithms, as far as there are any.
pub(super) fn algorithms(choices: &MachineKeyChoices, is_des: bool) -> Option<String> {
    let validation = choices.validation;
    let is_legacy = choices.compatibility_mode != CompatibilityMode::Framework45;
    let decryption = match choices.decryption {
        Decryption::Auto if is_des => Decryption::Des,
        Decryption::Auto => Decryption::Aes,
        decryption => decryption,
    };
    match choices.protection {
        Protection::None if is_legacy => None,
        Protection::Validation if is_legacy => Some(validation.to_string()),
        _ => Some(format!("{validation} and {decryption}")),
    }
}
