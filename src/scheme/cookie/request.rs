//! Finds cookies in the headers of a request (RFC 6265 §4.2).

use http::{HeaderMap, header};

/// A name and its value.
pub(super) type Pair<'a> = (&'a [u8], &'a [u8]);

/// Every cookie of every line, as it stands. Quotes group nothing, names are not decoded and may
/// begin with `$`; what has no name is left out (RFC 6265bis §5.7).
pub(super) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = Pair<'_>> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = pair.split_at_checked(equals)?;
            let (name, value) = (trim(name), trim(value.get(1..)?));
            (!name.is_empty()).then_some((name, value))
        })
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
