//! base64url as JOSE writes it (RFC 7515 §2): no padding, no white space, and one spelling for each
//! value (RFC 4648 §3.5: the unused bits are zero).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Decodes into a new buffer without spare capacity; `None` if it is not canonical base64url.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let text = text.as_ref();
    let mut bytes = vec![0; decoded_length(text.len())];
    let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (written == bytes.len()).then_some(bytes)
}

/// Decodes into the front of `buffer`; `None` if it is not canonical base64url or does not fit.
pub(crate) fn decode_into(text: impl AsRef<[u8]>, buffer: &mut [u8]) -> Option<&[u8]> {
    let text = text.as_ref();
    let buffer = buffer.get_mut(..decoded_length(text.len()))?;
    let written = URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()?;
    buffer.get(..written)
}

/// The one spelling of these bytes.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Each letter carries six bits; what is left over must be zero.
const fn decoded_length(letters: usize) -> usize {
    letters / 4 * 3 + letters % 4 * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_spelling() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("AA", Some(b"\0")),
            ("AAA", Some(b"\0\0")),
            ("AAAA", Some(b"\0\0\0")),
            ("-_-_", Some(b"\xfb\xff\xbf")),
            ("A", None),
            ("AAAAA", None),
            ("AB", None),
            ("AAB", None),
            ("AA==", None),
            ("AAA=", None),
            ("+_-_", None),
            ("-/-_", None),
            ("AA A", None),
            (" AAAA", None),
            ("AAAA\n", None),
            ("AA\r\n", None),
            ("AA?A", None),
            ("AA\u{e9}", None),
        ] {
            assert_eq!(decode(text).as_deref(), bytes, "{text:?}");
            let mut buffer = [7; 3];
            assert_eq!(decode_into(text, &mut buffer), bytes, "{text:?}");
            if let Some(bytes) = bytes {
                assert_eq!(encode(bytes), text);
            }
        }
        assert_eq!(decode_into("AAAA", &mut [0; 2]), None, "does not fit");
    }

    #[test]
    fn the_buffer_has_no_spare_room() {
        for length in 0..70 {
            let decoded = decode(encode(vec![1; length])).unwrap();
            assert_eq!((decoded.len(), decoded.capacity()), (length, length));
        }
    }
}
