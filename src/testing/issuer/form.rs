//! `application/x-www-form-urlencoded`, as RFC 6749 appendix B has it.

use std::fmt;

use http::{header, request::Parts};

use super::refusal::{Refusal, bad};

/// Parameters with values; one without counts as omitted (RFC 6749 §3.2). Its `Debug` shows the names
/// alone.
pub(crate) struct Form(Vec<(String, String)>);

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    pub(super) fn read(parts: &Parts, body: &[u8]) -> Result<Self, Refusal> {
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        if !content_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(bad("invalid_request", "the body is not a form"));
        }
        Self::of(body)
    }

    /// The parameters of a query.
    pub(super) fn of_query(query: &str) -> Result<Self, Refusal> {
        Self::of(query.as_bytes())
    }

    fn of(text: &[u8]) -> Result<Self, Refusal> {
        let parameters =
            parse(text).ok_or_else(|| bad("invalid_request", "the form is malformed"))?;
        for (index, (name, _)) in parameters.iter().enumerate() {
            if parameters.iter().skip(index + 1).any(|(other, _)| other == name) {
                return Err(bad("invalid_request", "a parameter stands twice"));
            }
        }
        Ok(Self(parameters))
    }

    /// As Katana reads it: whatever it is called, what is no form is empty, and the values of a
    /// parameter that stands twice are joined by a comma.
    pub(super) fn read_leniently(body: &[u8]) -> Self {
        let mut joined: Vec<(String, String)> = Vec::new();
        for (name, value) in parse(body).unwrap_or_default() {
            match joined.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => {
                    values.push(',');
                    values.push_str(&value);
                }
                None => joined.push((name, value)),
            }
        }
        Self(joined)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, value)| known == name && !value.is_empty())?;
        Some(&found.1)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            let refusal = bad("invalid_request", &format!("{name} is missing"));
            self.with_hint(refusal, &[name])
        })
    }

    /// Tells of a parameter that is missing while there is one spelled almost like it.
    pub(super) fn with_hint(&self, mut refusal: Refusal, names: &[&str]) -> Refusal {
        for name in names.iter().filter(|name| self.get(name).is_none()) {
            if self.0.iter().any(|(other, _)| bare(other) == bare(name)) {
                // the name that was sent is not repeated
                refusal.description += &format!("; a parameter is spelled almost like {name}");
            }
        }
        refusal
    }
}

/// `clientSecret` and `client-secret` are spelled almost like `client_secret`.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The parameters in their order; `None` if the text is not such a form.
fn parse(body: &[u8]) -> Option<Vec<(String, String)>> {
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

    #[test]
    fn a_form_shows_no_value() {
        let form = super::Form::read_leniently(b"password=hunter2&a=1&a=2");
        assert_eq!(form.get("a"), Some("1,2"));
        assert_eq!(format!("{form:?}"), r#"{"password", "a"}"#);
    }
}
