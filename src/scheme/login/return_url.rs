//! Where a user goes after signing in.

use std::{borrow::Cow, fmt};

use http::HeaderValue;

use crate::scheme::percent::{escape_url, unescape};

/// A place on this site to which a user may be sent back. A value of this type leads nowhere else.
///
/// What a stranger writes into `ReturnUrl` is a stranger's word: a login page that follows it blindly
/// sends users who have just typed their password to any site (RFC 9700 §4.11). So only a path of this
/// site is accepted, with its query:
///
/// 1. It begins with one slash; the next character is neither a slash nor a backslash. No scheme, no
///    host, no user: `https:evil.test` and `//evil.test` are none.
/// 2. No control character stands in it, because browsers drop tabs and line breaks before they look
///    (`/<tab>/evil.test`), and no backslash, which they read as a slash.
/// 3. Its path has no segment `.` or `..`.
/// 4. All that holds also after its escapes are undone, once or more, for whoever does so further on:
///    `/%09/evil.test`, `/%5Cevil.test` and `/a%0d%0aX: y` are refused.
/// 5. It has at most 2,048 bytes, so that one in another in another does not grow into a URL that
///    servers refuse.
///
/// ```
/// use portcullis::scheme::ReturnUrl;
///
/// let after = ReturnUrl::local("/orders?id=7").unwrap();
/// assert_eq!(after.to_header_value(), "/orders?id=7");
///
/// for evil in ["https://evil.test", "//evil.test", "/\\evil.test", "/\t/evil.test", ""] {
///     assert!(ReturnUrl::local(evil).is_none(), "{evil:?}");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReturnUrl(Box<str>);

impl ReturnUrl {
    /// This place, if it is on this site. What may not stand in a URL as it is, such as a space, is
    /// escaped.
    #[must_use]
    pub fn local(url: &str) -> Option<Self> {
        if url.len() > LONGEST {
            return None;
        }
        // where the path ends, says the URL as it stands: an escaped question mark is of the path
        let (path, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
        (holds(path, is_local) && holds(rest, is_harmless)).then(|| Self(escape_url(url).into()))
    }

    /// The path, with the query and the fragment if there are any.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of a `Location` header (RFC 9110 §10.2.2).
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("/"))
    }
}

impl fmt::Display for ReturnUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether it does as it stands, and with its escapes undone, once or more.
fn holds(text: &str, does: impl Fn(&str) -> bool) -> bool {
    let mut text = Cow::Borrowed(text);
    for _ in 0..=DEEPEST {
        if !does(&text) {
            return false;
        }
        match unescape(&text) {
            None => return false,
            Some(deeper) if deeper == text => return true,
            Some(deeper) => text = deeper.into_owned().into(),
        }
    }
    false
}

fn is_local(path: &str) -> bool {
    let is_dots = |segment: &str| [".", ".."].contains(&segment);
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.split('/').any(is_dots)
        && is_harmless(path)
}

fn is_harmless(text: &str) -> bool {
    !text.contains(|c: char| c == '\\' || c.is_control())
}

const LONGEST: usize = 2048;
/// How often escapes may stand in escapes.
const DEEPEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_this_site() {
        for (url, header) in [
            ("/", "/"),
            ("/report", "/report"),
            ("/a//b", "/a//b"),
            ("/a?u=https://other.test/&v=//x&w=..", "/a?u=https://other.test/&v=//x&w=.."),
            ("/@user:word@evil.test", "/@user:word@evil.test"),
            ("/https:evil.test", "/https:evil.test"),
            ("/a%20b?c=100%#d", "/a%20b?c=100%#d"),
            ("/a b\"<ä>", "/a%20b%22%3C%C3%A4%3E"),
            ("/.well-known/a..b/...", "/.well-known/a..b/..."),
            ("/a?b=%2Fc%3Fd%3D%252Fe", "/a?b=%2Fc%3Fd%3D%252Fe"),
        ] {
            let local = ReturnUrl::local(url).unwrap_or_else(|| panic!("{url}"));
            assert_eq!(
                (local.as_str(), local.to_header_value()),
                (header, header.parse().unwrap())
            );
        }
    }

    #[test]
    fn places_elsewhere_and_tricks() {
        let long = format!("/{}", "a".repeat(LONGEST));
        for url in [
            "",
            " /a",
            "a",
            "?a",
            "#a",
            "~/a",
            "./a",
            "https://evil.test",
            "https:evil.test",
            "https:/evil.test",
            "HTTPS://evil.test",
            "javascript:alert(1)",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "\\/evil.test",
            "/a\\b",
            "/\t/evil.test",
            "\t//evil.test",
            "/\n/evil.test",
            "/\r\nX: y",
            "/\0",
            "/\u{7f}/evil.test",
            "/\u{85}/evil.test",
            "/./\u{2f}evil.test",
            "/..//evil.test",
            "/a/../b",
            "/a/..",
            // and the same in escapes, and in escapes of escapes
            "%2F%2Fevil.test",
            "/%2Fevil.test",
            "/%2fevil.test",
            "/%252Fevil.test",
            "/%25252Fevil.test",
            "/%09/evil.test",
            "/%2509/evil.test",
            "/%5Cevil.test",
            "/%5cevil.test",
            "/%255Cevil.test",
            "/a%0d%0aX: y",
            "/a%250d%250aX: y",
            "/a?b=%0d%0aX:y",
            "/%00",
            "/%2e%2e//evil.test",
            "/%252e%252e//evil.test",
            // an escaped question mark ends no path, so that what follows is of it
            "/%3F/%2e%2e/%2e%2e//evil.test",
            "/%3f/%2E%2E/a",
            "/%23/%2e%2e//evil.test",
            "/a%3f/.%2e/.%2e//evil.test",
            "/%253f/%252e%252e//evil.test",
            "/%C0%AFevil.test",
            "/%C1%9Cevil.test",
            "/%C2%85/evil.test",
            "/%25252525252Fevil.test",
            &long,
        ] {
            assert!(ReturnUrl::local(url).is_none(), "{url:?}");
        }
        assert!(ReturnUrl::local(&long[..LONGEST]).is_some());
    }
}
