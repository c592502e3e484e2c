//! How this service shows the issuer who is asking (RFC 7662 §2.1).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::{error::BuildError, secret::Secret};

/// This service's own credentials at the introspection endpoint. Its `Debug` shows no secret.
///
/// ```
/// use portcullis::introspection::ClientAuth;
///
/// let credentials = ClientAuth::basic("orders-api", "hunter2");
/// assert_eq!(format!("{credentials:?}"), r#"ClientAuth(basic, "orders-api")"#);
/// ```
#[derive(Clone)]
pub struct ClientAuth(Kind);

#[derive(Clone)]
enum Kind {
    Basic(String, Secret),
    Bearer(Secret),
    Post(String, Secret),
}

impl ClientAuth {
    /// `client_secret_basic`: the `Authorization` header, both halves form-encoded first (RFC 6749
    /// §2.3.1).
    pub fn basic(client_id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self(Kind::Basic(client_id.into(), secret.into()))
    }

    /// A bearer token of this service's own.
    pub fn bearer(token: impl Into<Secret>) -> Self {
        Self(Kind::Bearer(token.into()))
    }

    /// `client_secret_post`: id and secret stand in the body. For an issuer that knows no better
    /// (RFC 6749 §2.3.1 advises against it).
    pub fn post(client_id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self(Kind::Post(client_id.into(), secret.into()))
    }

    /// The name of this service at the issuer.
    pub(super) fn client_id(&self) -> Option<&str> {
        match &self.0 {
            Kind::Basic(id, _) | Kind::Post(id, _) => Some(id),
            Kind::Bearer(_) => None,
        }
    }

    /// What each request carries.
    pub(super) fn prepare(&self) -> Result<Credentials, BuildError> {
        let invalid = |problem| Err(BuildError::invalid("client_auth", problem));
        let (Kind::Basic(_, secret) | Kind::Bearer(secret) | Kind::Post(_, secret)) = &self.0;
        if self.client_id().is_some_and(str::is_empty) || secret.expose().is_empty() {
            return invalid("it is empty; give this service's own credentials at the issuer");
        }
        let mut text = Zeroizing::new(String::new());
        match &self.0 {
            Kind::Basic(id, secret) => {
                encode(id.as_bytes(), &mut text);
                text.push(':');
                encode(secret.expose(), &mut text);
                *text = format!("Basic {}", *Zeroizing::new(STANDARD.encode(&*text)));
            }
            Kind::Bearer(token) => {
                let Ok(token) = str::from_utf8(token.expose()) else {
                    return invalid("the bearer token is not ASCII");
                };
                text.push_str("Bearer ");
                text.push_str(token);
            }
            Kind::Post(id, secret) => {
                text.push_str("&client_id=");
                encode(id.as_bytes(), &mut text);
                text.push_str("&client_secret=");
                encode(secret.expose(), &mut text);
                return Ok(Credentials::Form(Secret::from(&**text)));
            }
        }
        let Ok(mut line) = HeaderValue::from_str(&text) else {
            return invalid("the bearer token cannot stand in a header");
        };
        line.set_sensitive(true);
        Ok(Credentials::Header(line))
    }
}

impl fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Basic(id, _) => write!(f, "ClientAuth(basic, {id:?})"),
            Kind::Bearer(_) => f.write_str("ClientAuth(bearer)"),
            Kind::Post(id, _) => write!(f, "ClientAuth(post, {id:?})"),
        }
    }
}

/// Credentials ready to be sent.
pub(super) enum Credentials {
    /// Parameters of the body, each with its `&`.
    Form(Secret),
    /// The value of `Authorization`.
    Header(HeaderValue),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// `application/x-www-form-urlencoded`, as RFC 6749 appendix B has it: no byte of the value can end
/// the parameter or begin another.
pub(super) fn encode(value: &[u8], out: &mut String) {
    for &byte in value {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 0xf] {
                    out.extend(
                        char::from_digit(digit.into(), 16).map(|it| it.to_ascii_uppercase()),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_ends_it() {
        for (value, encoded) in [
            ("aZ09-._*", "aZ09-._*"),
            ("x&active=true", "x%26active%3Dtrue"),
            (" %&+£€", "+%25%26%2B%C2%A3%E2%82%AC"), // RFC 6749 appendix B
            ("a\r\nb", "a%0D%0Ab"),
            ("~/;?", "%7E%2F%3B%3F"),
        ] {
            let mut out = String::new();
            encode(value.as_bytes(), &mut out);
            assert_eq!(out, encoded);
        }
    }

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        let Ok(Credentials::Header(line)) = ClientAuth::basic("a:b c", "p%s:£").prepare() else {
            panic!("a header");
        };
        let line = line.to_str().unwrap();
        let decoded = STANDARD.decode(line.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(str::from_utf8(&decoded).unwrap(), "a%3Ab+c:p%25s%3A%C2%A3");
    }

    #[test]
    fn credentials_must_be_there_and_fit_a_header() {
        for (auth, good) in [
            (ClientAuth::basic("", "s"), false),
            (ClientAuth::basic("i", ""), false),
            (ClientAuth::post("", "s"), false),
            (ClientAuth::post("i", ""), false),
            (ClientAuth::bearer(""), false),
            (ClientAuth::bearer("a\nb"), false),
            (ClientAuth::bearer(&b"\xff"[..]), false),
            (ClientAuth::basic("i", &b"\xff"[..]), true),
            (ClientAuth::post("i", "a\nb"), true),
            (ClientAuth::bearer("abc"), true),
        ] {
            assert_eq!(auth.prepare().is_ok(), good, "{auth:?}");
        }
    }
}
