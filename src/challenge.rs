//! The only writer of `WWW-Authenticate` text (RFC 9110 §11.6.1, RFC 6750 §3).
//!
//! 1. A challenge is a scheme and at least one parameter; each parameter stands once.
//! 2. Every value is a quoted-string of legal characters, whatever it was made from.
//! 3. `error_description` comes from a closed list; nothing of a credential ever enters a header.

use std::{fmt::Write as _, time::Duration};

use http::HeaderValue;

use crate::{
    error::{AuthErrorClass, AuthErrorKind},
    principal::is_scope_token,
};

/// Why a scheme is asked for its challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChallengeReason<'a> {
    /// The caller is known and lacks these scopes (RFC 6750 `insufficient_scope`).
    InsufficientScope(&'a str),
    /// Nothing was presented: no error is named (RFC 6750 §3.1).
    Missing,
    /// What was presented was judged.
    Rejected(AuthErrorKind),
    /// The caller is known, and this authentication is needed (RFC 9470).
    StepUp(&'a StepUp),
}

/// The authentication that is needed where the one behind a token does not suffice (RFC 9470 §3).
///
/// ```
/// use std::time::Duration;
/// use portcullis::challenge::{Challenge, ChallengeReason, StepUp};
///
/// let needed = StepUp::new().acr(["phr", "mfa"]).within(Duration::from_secs(300));
/// let challenge = Challenge::bearer("api", ChallengeReason::StepUp(&needed));
/// let text = challenge.to_header_value();
/// assert!(text.to_str().unwrap().ends_with(r#", acr_values="phr mfa", max_age="300""#));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct StepUp {
    /// Separated by spaces.
    acr_values: Option<Box<str>>,
    max_age: Option<Duration>,
}

impl StepUp {
    /// Any authentication, however old.
    pub const fn new() -> Self {
        Self { acr_values: None, max_age: None }
    }

    /// One of these classes (`acr`), the preferred one first. One that can not stand in a list as it
    /// is, with a space or a quote, is dropped; where none is left, nothing suffices.
    pub fn acr<S: AsRef<str>>(mut self, sufficient: impl IntoIterator<Item = S>) -> Self {
        let mut list = String::new();
        for class in sufficient {
            let class = class.as_ref();
            // the characters of a scope token are those that need no escape in a challenge
            if is_scope_token(class) {
                list.push_str(if list.is_empty() { "" } else { " " });
                list.push_str(class);
            }
        }
        self.acr_values = Some(list.into());
        self
    }

    /// At most so long ago (`max_age`). In a challenge it stands in whole seconds, rounded down.
    pub const fn within(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// The classes, separated by spaces; `None` where any will do.
    #[must_use]
    pub fn acr_values(&self) -> Option<&str> {
        self.acr_values.as_deref()
    }

    /// The greatest age; `None` where any will do.
    #[must_use]
    pub const fn max_age(&self) -> Option<Duration> {
        self.max_age
    }
}

/// One challenge: a value to be built and turned into a header.
///
/// ```
/// use portcullis::challenge::Challenge;
/// let challenge = Challenge::new("Bearer").parameter("realm", "api \"1\"");
/// assert_eq!(challenge.to_header_value(), r#"Bearer realm="api \"1\"""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Challenge {
    text: String,
    is_last_resort: bool,
}

impl Challenge {
    /// A challenge of this scheme; characters that no HTTP token has are dropped from the name.
    pub fn new(scheme: &str) -> Self {
        let text = scheme.chars().filter(|c| is_token_char(*c)).collect();
        Self { text, is_last_resort: false }
    }

    /// The challenge of a cookie: no registered scheme, and there only because every 401 carries a
    /// challenge (RFC 9110 §15.5.2).
    pub fn cookie(realm: &str) -> Self {
        Self::new("Cookie").parameter("realm", realm).last_resort()
    }

    /// It stands only where no other scheme has a challenge.
    pub const fn last_resort(mut self) -> Self {
        self.is_last_resort = true;
        self
    }

    /// Whether it stands only where no other scheme has a challenge.
    #[must_use]
    pub const fn is_last_resort(&self) -> bool {
        self.is_last_resort
    }

    /// The challenge of RFC 6750 §3, or RFC 9470 §3, for this reason.
    pub fn bearer(realm: &str, reason: ChallengeReason<'_>) -> Self {
        let challenge = Self::new("Bearer").parameter("realm", realm);
        match reason {
            ChallengeReason::Missing => challenge,
            ChallengeReason::InsufficientScope(scope) => {
                let challenge = challenge.parameter("error", "insufficient_scope");
                // RFC 6749 §3.3: a scope is at least one token
                if scope.is_empty() { challenge } else { challenge.parameter("scope", scope) }
            }
            ChallengeReason::Rejected(kind) => challenge
                .parameter("error", error_code(kind))
                .parameter("error_description", public_description(kind)),
            ChallengeReason::StepUp(needed) => challenge.step_up(needed),
        }
    }

    fn step_up(self, needed: &StepUp) -> Self {
        let kind = AuthErrorKind::InsufficientAuthentication;
        let mut challenge = self
            .parameter("error", STEP_UP_CODE)
            .parameter("error_description", public_description(kind));
        if let Some(list) = needed.acr_values().filter(|list| !list.is_empty()) {
            challenge = challenge.parameter("acr_values", list);
        }
        if let Some(age) = needed.max_age() {
            challenge = challenge.parameter("max_age", &age.as_secs().to_string());
        }
        challenge
    }

    /// Adds a parameter. Quotes and backslashes are escaped; what may not stand in a header is
    /// replaced by a question mark.
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.text.push_str(if self.text.contains(' ') { ", " } else { " " });
        let _ = write!(self.text, "{name}=\"");
        for c in value.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                ' '..='~' => self.text.push(c),
                _ => self.text.push('?'),
            }
        }
        self.text.push('"');
        self
    }

    /// The header's value.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.text)
            .unwrap_or_else(|_| HeaderValue::from_static("Bearer realm=\"api\""))
    }
}

/// The RFC 6750 §3.1 code for a judged credential.
pub(crate) const fn error_code(kind: AuthErrorKind) -> &'static str {
    match kind.class() {
        AuthErrorClass::Malformed => "invalid_request",
        _ => "invalid_token",
    }
}

/// The RFC 9470 §3 code for a good credential behind which too weak an authentication stands.
pub(crate) const STEP_UP_CODE: &str = "insufficient_user_authentication";

/// What the client is told. Coarse on purpose: it says what a client can mend, and does not tell a
/// forger which check stopped him.
pub(crate) const fn public_description(kind: AuthErrorKind) -> &'static str {
    match kind {
        AuthErrorKind::DoubledPrefix => "the word Bearer stands twice",
        AuthErrorKind::DuplicateCredential => "more than one credential was sent",
        AuthErrorKind::EmptyCredential => "the token is missing",
        AuthErrorKind::Expired => "the access token expired",
        AuthErrorKind::InsufficientAuthentication => {
            "a different or more recent authentication is needed"
        }
        AuthErrorKind::InsecureTransport => "the credential was sent without TLS",
        AuthErrorKind::MalformedCredential => "one space belongs between the scheme and the token",
        AuthErrorKind::MultipleTransports => "the token was sent by more than one method",
        AuthErrorKind::NoCredential => "no credential was sent",
        AuthErrorKind::PlaceholderToken => "a placeholder was sent in place of the token",
        AuthErrorKind::QuotedToken => "the token stands in quotes",
        AuthErrorKind::TicketExpired => "the ticket expired",
        _ => "the access token is not valid",
    }
}

const fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '!' | '#'..='\'' | '*' | '+' | '-' | '.' | '^'..='`' | '|' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_breaks_out_of_its_quotes() {
        for (value, header) in [
            ("a\"b", r#"Bearer realm="a\"b""#),
            ("a\\", r#"Bearer realm="a\\""#),
            ("a\r\nX: y", "Bearer realm=\"a??X: y\""),
            ("\u{e9}\u{0}", "Bearer realm=\"??\""),
        ] {
            assert_eq!(
                Challenge::bearer(value, ChallengeReason::Missing).to_header_value(),
                header
            );
        }
    }

    #[test]
    fn every_description_is_legal_in_rfc_6750_as_it_stands() {
        for kind in AuthErrorKind::ALL {
            let text = public_description(*kind);
            assert!(
                text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
                "{kind}"
            );
        }
    }
}
