//! Finds cookies in the headers of a request (RFC 6265 §4.2).

use http::{HeaderMap, HeaderValue, header};

/// A name and its value.
pub(super) type Pair<'a> = (&'a [u8], &'a [u8]);

/// Every cookie of every line, as it stands. Quotes group nothing, names are not decoded and may
/// begin with `$`; what has no name is left out (RFC 6265bis §5.7).
pub(super) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = Pair<'_>> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(pair)
}

/// Takes out the cookies of such names; the others stay in their lines, byte for byte.
pub(super) fn remove(headers: &mut HeaderMap, is_taken: impl Fn(&[u8]) -> bool) {
    let stays = |text: &&[u8]| pair(text).is_none_or(|(name, _)| !is_taken(name));
    let lines: Vec<_> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| {
            let kept: Vec<_> = line.as_bytes().split(|byte| *byte == b';').filter(stays).collect();
            let mut kept = HeaderValue::from_bytes(trim(&kept.join(&b';'))).ok()?;
            kept.set_sensitive(line.is_sensitive());
            (!kept.is_empty()).then_some(kept)
        })
        .collect();
    headers.remove(header::COOKIE);
    for line in lines {
        headers.append(header::COOKIE, line);
    }
}

fn pair(text: &[u8]) -> Option<Pair<'_>> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = text.split_at_checked(equals)?;
    let (name, value) = (trim(name), trim(value.get(1..)?));
    (!name.is_empty()).then_some((name, value))
}

/// Two double quotes, and whatever lies between them.
pub(super) fn is_quoted(value: &[u8]) -> bool {
    matches!(value, [b'"', .., b'"'])
}

/// Spaces and tabs, and nothing else that some reader takes for a blank.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
