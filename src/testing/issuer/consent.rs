//! Whether a client gets what it asks for, and whether the user is asked.

use serde::{Deserialize, Serialize};

/// How a client comes by its users' consent; the words are OpenIddict's.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ConsentType {
    /// The user is asked once, and again for more scopes.
    #[default]
    Explicit,
    /// Somebody else decides: without an authorization that is there already, `consent_required`.
    External,
    /// Nobody is asked.
    Implicit,
    /// The user is asked every time.
    Systematic,
}

/// What to do with an authorization request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsentStep {
    /// The user sees the consent form.
    Ask,
    /// No form.
    Grant,
    /// `consent_required`.
    Refuse,
}

/// The parameter `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    Consent,
    None,
    Other,
}

impl Prompt {
    /// `None` if the words contradict each other.
    pub(super) fn read(prompt: Option<&str>) -> Option<Self> {
        let words: Vec<&str> = prompt.unwrap_or_default().split_ascii_whitespace().collect();
        match (words.contains(&"none"), words.contains(&"consent")) {
            (true, _) => (words.len() == 1).then_some(Self::None),
            (false, true) => Some(Self::Consent),
            (false, false) => Some(Self::Other),
        }
    }
}

/// `found`: there is a valid permanent authorization of this user and client for all these scopes.
pub(super) const fn decide(consent: ConsentType, found: bool, prompt: Prompt) -> ConsentStep {
    match (consent, found, prompt) {
        (ConsentType::Implicit, _, _) | (ConsentType::External, true, _) => ConsentStep::Grant,
        (ConsentType::External, false, _) => ConsentStep::Refuse,
        (ConsentType::Explicit, true, Prompt::Consent) => ConsentStep::Ask,
        (ConsentType::Explicit, true, _) => ConsentStep::Grant,
        (ConsentType::Explicit | ConsentType::Systematic, _, Prompt::None) => ConsentStep::Refuse,
        (ConsentType::Explicit | ConsentType::Systematic, _, _) => ConsentStep::Ask,
    }
}

#[cfg(test)]
mod tests {
    use ConsentStep::{Ask, Grant, Refuse};
    use ConsentType::{Explicit, External, Implicit, Systematic};

    use super::*;

    #[test]
    fn the_table() {
        use Prompt::{Consent, None, Other};
        let prompts = [Consent, None, Other];
        for (consent, found, steps) in [
            (Implicit, false, [Grant, Grant, Grant]),
            (Implicit, true, [Grant, Grant, Grant]),
            (External, false, [Refuse, Refuse, Refuse]),
            (External, true, [Grant, Grant, Grant]),
            (Explicit, true, [Ask, Grant, Grant]),
            (Explicit, false, [Ask, Refuse, Ask]),
            (Systematic, false, [Ask, Refuse, Ask]),
            (Systematic, true, [Ask, Refuse, Ask]),
        ] {
            for (prompt, step) in prompts.into_iter().zip(steps) {
                assert_eq!(decide(consent, found, prompt), step, "{consent:?} {found} {prompt:?}");
            }
        }
    }

    #[test]
    fn words_of_a_prompt() {
        for (text, prompt) in [
            (None, Some(Prompt::Other)),
            (Some("none"), Some(Prompt::None)),
            (Some("login"), Some(Prompt::Other)),
            (Some("login consent"), Some(Prompt::Consent)),
            (Some("none consent"), None),
            (Some("None"), Some(Prompt::Other)),
        ] {
            assert_eq!(Prompt::read(text), prompt, "{text:?}");
        }
    }
}
