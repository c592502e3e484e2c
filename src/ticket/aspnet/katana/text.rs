//! The text of a Katana ticket: base64url without padding.
//!
//! Katana's own decoder is tolerant. Of what it takes besides, this one takes the characters `+` and
//! `/` and full padding, for a proxy may rewrite those; white space, and unused bits that are not
//! zero, it refuses: nobody writes them.

use std::borrow::Cow;

use crate::base64url;

pub(in crate::ticket::aspnet) fn decode(text: &str) -> Option<Vec<u8>> {
    base64url::decode(canonical(text).as_ref())
}

/// The one spelling that Katana writes, of a text that is one.
pub(super) fn canonical(text: &str) -> Cow<'_, str> {
    let body = if text.len().is_multiple_of(4) { strip_padding(text) } else { text };
    if body.contains(['+', '/']) {
        Cow::Owned(body.replace('+', "-").replace('/', "_"))
    } else {
        Cow::Borrowed(body)
    }
}

/// Without the one or two `=` that fill a text up.
fn strip_padding(text: &str) -> &str {
    let one = text.strip_suffix('=').unwrap_or(text);
    one.strip_suffix('=').unwrap_or(one)
}
