//! `application/x-www-form-urlencoded`, as RFC 6749 appendix B has it.

/// The parameters in their order; `None` if the text is not such a form.
pub(super) fn parse(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

/// `+` and `%XX` decoded.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_form_is_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (text, expected) in [
            (
                "a=1&b=x+y%26z&c&=d",
                Some(vec![pair("a", "1"), pair("b", "x y&z"), pair("c", ""), pair("", "d")]),
            ),
            ("", Some(vec![])),
            ("a=%C3%A9", Some(vec![pair("a", "é")])),
            ("a=%C3", None),
            ("a=%zz", None),
            ("a=%4", None),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text}");
        }
    }
}
