//! OAuth scope.

use std::{collections::HashSet, fmt, sync::Arc};

use super::span::Span;

/// A set of scope tokens (RFC 6749 §3.3): compared exactly, case included, whole tokens only.
///
/// ```
/// use portcullis::Scope;
/// let scope = Scope::parse("orders:read  openid");
/// assert!(scope.contains("orders:read"));
/// assert!(!scope.contains("orders") && !scope.contains("OPENID") && !scope.contains(""));
/// assert_eq!(scope.to_string(), "orders:read openid");
/// ```
///
/// A clone is a reference count.
#[derive(Clone, Default)]
pub struct Scope {
    /// Holds the tokens; an identity's scope lies in the text of the identity.
    text: Arc<str>,
    place: Span,
}

impl Scope {
    /// Scope tokens separated by spaces. A part with a character that RFC 6749 does not allow in a
    /// scope token (a tab, a line break, a quote, a non-ASCII letter) is dropped: it grants nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.bytes().all(|b| is_scope_byte(b) || b == b' ') {
            return Self::whole(text);
        }
        let legal: Vec<&str> = text.split(' ').filter(|part| is_scope_token(part)).collect();
        Self::whole(&legal.join(" "))
    }

    fn whole(text: &str) -> Self {
        Self::within(text.into(), Span::new(0, text.len()))
    }

    /// The part of a longer text; what is in it was parsed before.
    pub(super) const fn within(text: Arc<str>, place: Span) -> Self {
        Self { text, place }
    }

    /// All of the longer text.
    pub(super) fn around(&self) -> &str {
        &self.text
    }

    pub(super) fn text(&self) -> &str {
        self.place.of(&self.text).unwrap_or_default()
    }

    /// The tokens, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text().split(' ').filter(|part| !part.is_empty())
    }

    /// Whether this very token is among them.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        !token.is_empty() && self.iter().any(|part| part == token)
    }

    /// No token at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<S: AsRef<str>> FromIterator<S> for Scope {
    /// From single tokens, each kept once; one that is not a legal scope token is dropped.
    fn from_iter<I: IntoIterator<Item = S>>(tokens: I) -> Self {
        let tokens: Vec<S> = tokens.into_iter().collect();
        let mut known = HashSet::new();
        let kept = tokens.iter().map(AsRef::as_ref);
        let kept: Vec<&str> =
            kept.filter(|token| is_scope_token(token) && known.insert(*token)).collect();
        Self::whole(&kept.join(" "))
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Scope {}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, token) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
pub(crate) fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_scope_byte)
}

const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_legal_tokens_grant_anything() {
        for (text, tokens) in [
            ("", &[][..]),
            ("a", &["a"]),
            (" a  b ", &["a", "b"]),
            ("a\tadmin", &[]),
            ("a\nadmin b", &["b"]),
            ("a\u{a0}admin", &[]),
            ("a,admin", &["a,admin"]),
            ("a\"b c", &["c"]),
        ] {
            assert_eq!(Scope::parse(text).iter().collect::<Vec<_>>(), tokens, "{text:?}");
        }
        let listed: Scope = ["a", "b c", "", "d", "a"].into_iter().collect();
        assert_eq!(listed.to_string(), "a d");
    }

    /// As many as a ticket can hold: each is looked up, not searched for in the text before it.
    #[test]
    fn many_tokens_take_no_square_of_time() {
        let started = std::time::Instant::now();
        let listed: Scope = (0..40_000).chain(0..40_000).map(|n| n.to_string()).collect();
        assert_eq!(listed.iter().count(), 40_000);
        assert!(started.elapsed() < std::time::Duration::from_secs(10));
    }
}
