//! What to write, word for word.

use super::{
    super::machine_key::{
        CompatibilityMode, Decryption, MachineKeyChoices, Protection, Validation,
    },
    trial::{Fit, TicketKind, TicketLayout},
};

/// The lines that make a format which takes this ticket.
pub(super) fn lines(fit: &Fit) -> Vec<String> {
    let mut lines =
        vec!["let key = MachineKey::builder(validation_key, decryption_key)".to_owned()];
    lines.extend(choices(&fit.choices).into_iter().map(|word| format!("    {word}")));
    lines.extend(words(fit).map(|word| format!("    .dangerous().{word}()")));
    lines.push("    .build()?;".to_owned());
    lines.extend(format_lines(fit));
    lines
}

/// Where what fits is not what was given.
pub(super) fn differences(fit: &Fit) -> Vec<String> {
    let (found, given) = (&fit.choices, &fit.given);
    let mut lines = Vec::new();
    let mut compare = |what: &str, found: String, given: String| {
        if found != given {
            lines.push(format!("{what} is {found}, and was given as {given}"));
        }
    };
    compare("validation", found.validation.to_string(), given.validation.to_string());
    if given.decryption != Decryption::Auto || found.decryption != Decryption::Aes {
        compare("decryption", found.decryption.to_string(), given.decryption.to_string());
    }
    if fit.kind == TicketKind::Forms {
        let modes = [found, given].map(|it| it.compatibility_mode.to_string());
        let [found_mode, given_mode] = modes;
        compare("compatibilityMode", found_mode, given_mode);
        if found.compatibility_mode != CompatibilityMode::Framework45 {
            compare("protection", found.protection.to_string(), given.protection.to_string());
            compare(
                "aspnet:UseLegacyEncryption",
                found.legacy_encryption.to_string(),
                given.legacy_encryption.to_string(),
            );
        }
    }
    lines
}

/// The builder's words for what is not its default.
fn choices(choices: &MachineKeyChoices) -> Vec<String> {
    let mut words = Vec::new();
    match choices.compatibility_mode {
        CompatibilityMode::Framework45 => {}
        mode => words.push(format!(".compatibility_mode(CompatibilityMode::{mode:?})")),
    }
    match choices.validation {
        Validation::HmacSha256 => {}
        validation => words.push(format!(".validation(Validation::{validation:?})")),
    }
    match choices.decryption {
        Decryption::Auto => {}
        decryption => words.push(format!(".decryption(Decryption::{decryption:?})")),
    }
    match choices.protection {
        Protection::All => {}
        protection => words.push(format!(".protection(Protection::{protection:?})")),
    }
    words
}

/// The words behind `dangerous()` that these choices need.
fn words(fit: &Fit) -> impl Iterator<Item = &'static str> {
    let choices = &fit.choices;
    let is_legacy = choices.compatibility_mode != CompatibilityMode::Framework45;
    let partial = matches!(choices.protection, Protection::Encryption | Protection::Validation);
    let sha1 =
        matches!(choices.validation, Validation::Aes | Validation::Sha1 | Validation::TripleDes);
    [
        (sha1, "allow_sha1"),
        (choices.validation == Validation::Md5, "allow_md5"),
        (choices.decryption == Decryption::TripleDes, "allow_3des"),
        (fit.is_des, "allow_des"),
        (is_legacy && partial, "allow_partial_protection"),
        (is_legacy && choices.protection == Protection::None, "allow_unprotected_tickets"),
        (is_legacy && choices.legacy_encryption, "use_legacy_encryption"),
    ]
    .into_iter()
    .filter_map(|(needed, word)| needed.then_some(word))
}

fn format_lines(fit: &Fit) -> Vec<String> {
    let no_expiry = fit.ticket.expires_at.is_none();
    let mut line = match &fit.kind {
        TicketKind::Forms => "let tickets = FormsTickets::new(key)?".to_owned(),
        TicketKind::KatanaAccessToken => "let tokens = KatanaAccessToken::new(key)?".to_owned(),
        TicketKind::KatanaAuthorizationCode => {
            "let codes = KatanaAuthorizationCode::new(key)?".to_owned()
        }
        TicketKind::KatanaCookie(name) => {
            format!("let cookies = KatanaCookie::new(key, {name:?})?")
        }
        TicketKind::KatanaRefreshToken => "let tokens = KatanaRefreshToken::new(key)?".to_owned(),
    };
    match fit.layout {
        TicketLayout::Framework20 => line.push_str(".dangerous().framework20_layout()"),
        TicketLayout::Katana2 => line.push_str(".accept_format_2()"),
        TicketLayout::Katana3 | TicketLayout::Version1 => {}
    }
    if no_expiry && fit.kind == TicketKind::KatanaAccessToken {
        line.push_str(".dangerous().allow_missing_expiry()");
    }
    line.push(';');
    let mut lines = vec![line];
    match fit.kind {
        TicketKind::KatanaAuthorizationCode | TicketKind::KatanaRefreshToken => {
            lines.push("// for an authorization server: no API takes one".into());
        }
        _ => {}
    }
    lines
}
