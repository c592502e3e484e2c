//! Proof Key for Code Exchange (RFC 7636).

use super::refusal::{Refusal, bad};
use crate::{base64url, crypto};

/// What an authorization request says of the verifier that will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeChallenge {
    method: Method,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Plain,
    S256,
}

impl CodeChallenge {
    /// Reads `code_challenge` and `code_challenge_method`; without a method it is `plain` (§4.3).
    pub(super) fn read(
        challenge: Option<&str>,
        method: Option<&str>,
        required: bool,
    ) -> Result<Option<Self>, Refusal> {
        let invalid = |description| Err(bad("invalid_request", description));
        let Some(text) = challenge else {
            return match method {
                Some(_) => invalid("a code_challenge_method without a code_challenge"),
                None if required => invalid("code_challenge is missing"),
                None => Ok(None),
            };
        };
        let method = match method {
            None | Some("plain") => Method::Plain,
            Some("S256") => Method::S256,
            Some(_) => return invalid("the code_challenge_method is not known here"),
        };
        if !is_well_formed(text) {
            return invalid("the code_challenge is malformed");
        }
        Ok(Some(Self { method, text: text.to_owned() }))
    }

    /// §4.6. A verifier for a code that has no challenge means that somebody took the challenge away
    /// (RFC 9700 §4.8.2).
    pub(super) fn check(challenge: Option<&Self>, verifier: Option<&str>) -> Result<(), Refusal> {
        let (challenge, verifier) = match (challenge, verifier) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return Err(bad("invalid_grant", "the code has no code_challenge")),
            (Some(_), None) => return Err(bad("invalid_grant", "code_verifier is missing")),
            (Some(challenge), Some(verifier)) => (challenge, verifier),
        };
        if !is_well_formed(verifier) {
            return Err(bad("invalid_request", "the code_verifier is malformed"));
        }
        let answer = match challenge.method {
            Method::Plain => verifier.to_owned(),
            Method::S256 => base64url::encode(crypto::sha256(verifier.as_bytes())),
        };
        if crypto::equal(answer.as_bytes(), challenge.text.as_bytes()) {
            return Ok(());
        }
        Err(bad("invalid_grant", "the code_verifier does not fit"))
    }

    /// `code_challenge_methods_supported` (RFC 8414 §2).
    pub(super) const METHODS: [&str; 2] = ["plain", "S256"];

    /// For a store that is saved.
    pub(super) fn to_parts(&self) -> (&'static str, &str) {
        let method = match self.method {
            Method::Plain => "plain",
            Method::S256 => "S256",
        };
        (method, &self.text)
    }
}

/// 43 to 128 unreserved characters (§4.1, §4.2).
fn is_well_formed(text: &str) -> bool {
    let unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 7636 appendix B
        let challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let challenge = CodeChallenge::read(challenge, Some("S256"), true).ok().flatten();
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(CodeChallenge::check(challenge.as_ref(), Some(verifier)).is_ok());
    }

    #[test]
    fn length_and_alphabet() {
        for (text, good) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("a".repeat(128), true),
            ("a".repeat(129), false),
            (format!("{}-._~09AZ", "a".repeat(43)), true),
            (format!("{}+", "a".repeat(43)), false),
            (format!("{}=", "a".repeat(43)), false),
            (format!("{} ", "a".repeat(43)), false),
            (format!("{}ä", "a".repeat(43)), false),
        ] {
            assert_eq!(is_well_formed(&text), good, "{text}");
        }
    }
}
