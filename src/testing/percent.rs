//! Parameters of forms and queries.

/// `name=value&…`, as RFC 6749 appendix B has it: no byte of a value can end it or begin another.
pub(super) fn form<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        if !text.is_empty() {
            text.push('&');
        }
        encode(name, &mut text);
        text.push('=');
        encode(value, &mut text);
    }
    text
}

fn encode(value: &str, text: &mut String) {
    for byte in value.bytes() {
        match byte {
            b' ' => text.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn nothing_in_a_value_ends_it() {
        assert_eq!(form([("a", "aZ09-._*")]), "a=aZ09-._*");
        assert_eq!(form([("a b", "x&c=d"), ("e", "")]), "a+b=x%26c%3Dd&e=");
        assert_eq!(form([("f", "%+£\r\n~")]), "f=%25%2B%C2%A3%0D%0A%7E");
        assert_eq!(form([]), "");
    }
}
