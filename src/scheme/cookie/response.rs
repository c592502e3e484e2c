//! Writes cookies into the headers of a response.

use http::{HeaderMap, HeaderValue, header};

/// Whether the response says anything about the cookie of this name.
pub(super) fn names(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(header::SET_COOKIE).iter().any(|line| name_of(line) == name.as_bytes())
}

/// The value that the response gives the cookie of this name.
pub(super) fn value_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    values_of(headers, name).next()
}

/// The value that browsers keep if a handler gave it several.
pub(super) fn last_value_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    values_of(headers, name).last()
}

fn values_of<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(header::SET_COOKIE).iter().filter_map(move |line| {
        let rest = line.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        rest.split(|byte| *byte == b';').next()
    })
}

/// Appends the lines beside those of the application. A line of the same name as a new one goes
/// (RFC 6265 §4.1.1), and so does one of a name in `stale`.
pub(super) fn set(headers: &mut HeaderMap, lines: Vec<HeaderValue>, stale: &[String]) {
    let is_replaced = |old: &HeaderValue| {
        let name = name_of(old);
        lines.iter().any(|new| name_of(new) == name)
            || stale.iter().any(|stale| stale.as_bytes() == name)
    };
    if headers.get_all(header::SET_COOKIE).iter().any(is_replaced) {
        let old = headers.get_all(header::SET_COOKIE).iter();
        let kept: Vec<_> = old.filter(|old| !is_replaced(old)).cloned().collect();
        headers.remove(header::SET_COOKIE);
        for line in kept {
            headers.append(header::SET_COOKIE, line);
        }
    }
    for line in lines {
        headers.append(header::SET_COOKIE, line);
    }
    forbid_caching(headers);
}

/// As Katana's cookie handler does; `no-store`, which forbids more, stays, and so does `private`:
/// with `no-cache` alone a shared cache may keep the answer and the cookie in it.
fn forbid_caching(headers: &mut HeaderMap) {
    let says = |directive: &str| {
        headers.get_all(header::CACHE_CONTROL).iter().any(|value| {
            let text = value.to_str().unwrap_or_default();
            text.split(',').any(|found| found.trim().eq_ignore_ascii_case(directive))
        })
    };
    if !says("no-store") {
        let value = if says("private") { "private, no-cache" } else { "no-cache" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    }
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::EXPIRES, HeaderValue::from_static("-1"));
}

fn name_of(line: &HeaderValue) -> &[u8] {
    let text = line.as_bytes().split(|byte| matches!(byte, b'=' | b';')).next();
    text.unwrap_or_default().trim_ascii()
}
