//! Hexadecimal, as machine keys and tickets are written.

/// The bytes; `None` unless it is hexadecimal digits, either case, two for each byte.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push((digit(*high)? << 4) | digit(*low)?);
    }
    Some(bytes)
}

/// Upper case, as `System.Web` writes it.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(if digit < 10 { b'0' + digit } else { b'A' - 10 + digit }))
        .collect()
}

const fn digit(letter: u8) -> Option<u8> {
    Some(match letter {
        b'0'..=b'9' => letter - b'0',
        b'a'..=b'f' => letter - b'a' + 10,
        b'A'..=b'F' => letter - b'A' + 10,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cases_are_read_and_one_is_written() {
        assert_eq!(decode(b"00fFAb9").as_deref(), None, "half a byte");
        assert_eq!(decode(b"").as_deref(), Some(&[][..]));
        assert_eq!(decode(b"00fFAb9c").as_deref(), Some(&[0, 0xff, 0xab, 0x9c][..]));
        assert_eq!(encode(&[0, 0xff, 0xab, 0x9c]), "00FFAB9C");
        let every: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&every).as_bytes()), Some(every));
        for letter in (0..=255_u8).filter(|letter| !letter.is_ascii_hexdigit()) {
            assert_eq!(decode(&[b'0', letter]), None, "{letter}");
            assert_eq!(decode(&[letter, b'0']), None, "{letter}");
        }
    }
}
