//! Percent-encoding (RFC 3986 §2.1), and the query of a URL.

use std::{borrow::Cow, fmt::Write as _};

/// As .NET's `Uri.EscapeDataString` writes it: everything but the unreserved characters of RFC 3986
/// §2.3, in upper case.
pub(super) fn escape_data(text: &str) -> Cow<'_, str> {
    escape(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// What may not stand in a URL as it is (RFC 3986 §2); a `%` stays, because it begins an escape.
pub(super) fn escape_url(text: &str) -> Cow<'_, str> {
    escape(text, |byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

fn escape(text: &str, stays: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if text.bytes().all(&stays) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if stays(byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    Cow::Owned(escaped)
}

/// The text that the escapes stand for; `None` if that is no text. A `%` that begins no escape stays.
pub(super) fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escape = match after {
            [high, low, after @ ..] if byte == b'%' => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        match escape {
            Some((escaped, after)) => {
                bytes.push(escaped);
                rest = after;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The values that a query gives this parameter, whatever the case of its name, as a form writes
/// them: a plus sign is a space. A value that is no text is `None`.
pub(super) fn values<'q>(
    query: &'q str,
    parameter: &'q str,
) -> impl Iterator<Item = Option<String>> + 'q {
    query.split('&').filter_map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        decoded(name)?.eq_ignore_ascii_case(parameter).then(|| decoded(value))
    })
}

fn decoded(text: &str) -> Option<String> {
    unescape(&text.replace('+', " ")).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_escaped_as_dotnet_does() {
        assert_eq!(escape_data("/Home/Report?id=7&x=a b"), "%2FHome%2FReport%3Fid%3D7%26x%3Da%20b");
        assert_eq!(escape_data("aZ09-._~!*'()ä"), "aZ09-._~%21%2A%27%28%29%C3%A4");
        assert_eq!(escape_url("/a b?c=ä%20\"#d"), "/a%20b?c=%C3%A4%20%22#d");
    }

    #[test]
    fn escapes_are_undone_once() {
        for (text, expected) in [
            ("plain", Some("plain")),
            ("%2f%2F", Some("//")),
            ("%252F", Some("%2F")),
            ("100%", Some("100%")),
            ("%2", Some("%2")),
            ("%zz%+1", Some("%zz%+1")),
            ("%C3%A4", Some("ä")),
            ("%C0%AF", None),
            ("%FF", None),
        ] {
            assert_eq!(unescape(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_query_is_read_as_a_form() {
        let read = |query| values(query, "ReturnUrl").collect::<Vec<_>>();
        assert_eq!(
            read("a=1&returnurl=%2Fa+b%2Bc&ReturnUrl"),
            [Some("/a b+c".to_owned()), Some(String::new())]
        );
        assert_eq!(read("Return%55rl=/x&x=ReturnUrl=/y"), [Some("/x".to_owned())]);
        assert_eq!(read("ReturnUrl=%FF"), [None]);
        assert!(read("").is_empty());
    }
}
