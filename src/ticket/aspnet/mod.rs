//! Tickets of ASP.NET applications, opened and written from their keys alone, without .NET.
//!
//! | in the estate | here |
//! |---|---|
//! | `<machineKey>` | [`MachineKey`] |
//! | the `.ASPXAUTH` cookie of FormsAuthentication | [`FormsTickets`] |
//! | the `.AspNet.ApplicationCookie` of Katana (OWIN) | [`KatanaCookie`] |
//! | the opaque access tokens of Katana's authorization server | [`KatanaAccessToken`] |
//! | its refresh tokens and authorization codes | [`KatanaRefreshToken`], [`KatanaAuthorizationCode`] |
//! | a cookie that "does not work" | [`diagnose`], for an operator at a terminal, never for a request |
//!
//! The format is a choice of the configuration and never guessed from what was sent. Each purpose has
//! its own derived keys, so that none of these takes what another wrote.

mod binary;
mod diagnose;
mod forms;
mod hex;
mod katana;
mod keys;
mod machine_key;
mod url_token;

pub use diagnose::{
    Diagnosis, DiagnosisKeys, Fit, Notice, Step, TicketKind, TicketLayout, Trial, diagnose,
};
pub use forms::{DangerousFormsTickets, FormsTickets};
pub use katana::{
    DangerousKatanaAccessToken, KatanaAccessToken, KatanaAuthorizationCode, KatanaCookie,
    KatanaRefreshToken,
};
pub use machine_key::{
    CompatibilityMode, DangerousMachineKey, Decryption, MachineKey, MachineKeyBuilder,
    MachineKeyChoices, Protection, Protector, Validation,
};
