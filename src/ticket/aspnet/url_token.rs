//! `HttpServerUtility.UrlTokenEncode`: base64url whose padding is replaced by one digit that counts
//! it.

use crate::base64url;

/// The bytes; `None` unless the digit is the right one and the rest is canonical base64url. The
/// empty text is the empty token.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let Some((count, letters)) = text.split_last() else { return Some(Vec::new()) };
    let bytes = base64url::decode(letters)?;
    // "0" alone would be a second spelling of nothing
    (!bytes.is_empty() && *count == padding(bytes.len())).then_some(bytes)
}

/// The one spelling of these bytes. Forms tickets are written as hexadecimal, so only tests write it.
#[cfg(test)]
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = base64url::encode(bytes);
    if !bytes.is_empty() {
        text.push(padding(bytes.len()).into());
    }
    text
}

/// How much padding base64 has after so many bytes, as a digit.
const fn padding(bytes: usize) -> u8 {
    match bytes % 3 {
        0 => b'0',
        1 => b'2',
        _ => b'1',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_spelling() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("_w2", Some(b"\xff")),
            ("__41", Some(b"\xff\xfe")),
            ("AAAA0", Some(b"\0\0\0")),
            ("0", None),
            ("_w1", None),
            ("_w0", None),
            ("_w3", None),
            ("_w", None),
            ("_x2", None),
            ("/w2", None),
            ("_w==2", None),
            ("_w 2", None),
            ("AAAA1", None),
            ("AAAAA0", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), bytes, "{text:?}");
            if let Some(bytes) = bytes {
                assert_eq!(encode(bytes), text);
            }
        }
    }
}
