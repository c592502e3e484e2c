//! Reads what proxies write of a request's way: only the last element, which the nearest one wrote.

use http::{HeaderMap, HeaderName, HeaderValue};

/// What every line of the header says, if they agree; `None` where one is not well-formed, or none is
/// there.
pub(super) fn agreed<'h, T: PartialEq>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    read: impl Fn(&'h str) -> Option<T>,
) -> Option<T> {
    let mut lines = headers.get_all(name).iter();
    let said = |line: &'h HeaderValue| line.to_str().ok().and_then(&read);
    let first = said(lines.next()?)?;
    lines.all(|line| said(line).as_ref() == Some(&first)).then_some(first)
}

/// The last element of a list.
pub(super) fn last_listed(line: &str) -> Option<&str> {
    line.rsplit(',').next().map(trim)
}

/// RFC 7239 §4: elements separated by commas, of pairs separated by semicolons. The values of these
/// names in the last element, in which none stands twice. The whole line is read, because a quoted
/// string holds any comma; `None` where it is not well-formed.
pub(super) fn last_element<'l, const N: usize>(
    line: &'l str,
    names: [&str; N],
) -> Option<[Option<&'l str>; N]> {
    let mut rest = line;
    let mut found = [None; N];
    loop {
        rest = trim(rest);
        let (name, after) = rest.split_at(token_end(rest));
        let (value, after) = value(after.strip_prefix('=')?)?;
        if name.is_empty() {
            return None;
        }
        for (asked, slot) in names.iter().zip(&mut found) {
            if asked.eq_ignore_ascii_case(name) && slot.replace(value).is_some() {
                return None;
            }
        }
        rest = trim(after);
        if let Some(next) = rest.strip_prefix(';') {
            rest = next;
        } else if let Some(next) = rest.strip_prefix(',') {
            rest = next;
            found = [None; N];
        } else {
            return rest.is_empty().then_some(found);
        }
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = token_end(text);
        return (end > 0).then(|| text.split_at(end));
    };
    let mut escaped = false;
    let end = quoted.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    Some((quoted.get(..end)?, quoted.get(end + 1..)?))
}

/// Where the token at the start of the text ends (RFC 9110 §5.6.2).
fn token_end(text: &str) -> usize {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len())
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
