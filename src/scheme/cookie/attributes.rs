//! What a browser is told about a cookie (RFC 6265bis §4.1.2).

use cookie::{Cookie, time::OffsetDateTime};

use crate::{clock::UnixTime, error::BuildError};

/// Whether a browser sends the cookie with requests that other sites start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// With navigations only. The default.
    #[default]
    Lax,
    /// With every request; over TLS only.
    None,
    /// Never.
    Strict,
}

/// Where a cookie belongs. `HttpOnly` is always set.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    pub(super) path: Box<str>,
    pub(super) domain: Option<Box<str>>,
    pub(super) same_site: SameSite,
}

impl Attributes {
    /// The text behind `name=value`, as the crate `cookie` writes it.
    pub(super) fn text(&self, is_secure: bool, expires: Option<UnixTime>) -> String {
        let mut cookie = Cookie::new("", "");
        cookie.set_http_only(true);
        cookie.set_same_site(match self.same_site {
            SameSite::Lax => cookie::SameSite::Lax,
            SameSite::None => cookie::SameSite::None,
            SameSite::Strict => cookie::SameSite::Strict,
        });
        cookie.set_secure(is_secure);
        cookie.set_path(&*self.path);
        if let Some(domain) = &self.domain {
            cookie.set_domain(&**domain);
        }
        if let Some(expires) = expires.and_then(date) {
            cookie.set_expires(expires);
        }
        cookie.to_string().split_off("=".len())
    }

    /// Refuses what a browser would drop or read otherwise.
    pub(super) fn check(&self, name: &str, is_always_secure: bool) -> Result<(), BuildError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || TOKEN_MARKS.contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            let problem = "a cookie's name is letters, digits and !#$%&'*+-.^_`|~";
            return Err(BuildError::invalid("cookie", problem));
        }
        let is_legal = |byte: u8| matches!(byte, b' '..=b'~') && byte != b';';
        if !self.path.starts_with('/') || !self.path.bytes().all(is_legal) {
            let problem = "it begins with a slash and holds no semicolon and no control character";
            return Err(BuildError::invalid("path", problem));
        }
        if let Some(domain) = &self.domain {
            let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
            if domain.is_empty() || !domain.bytes().all(is_host) {
                return Err(BuildError::invalid("domain", "it is not the name of a host"));
            }
        }
        if self.same_site == SameSite::None && !is_always_secure {
            let problem = "InsecureCookie: browsers drop SameSite=None without Secure";
            return Err(BuildError::invalid("same_site", problem));
        }
        self.check_prefix(name, is_always_secure)
    }

    /// RFC 6265bis §4.1.3; browsers compare the prefixes without case.
    fn check_prefix(&self, name: &str, is_always_secure: bool) -> Result<(), BuildError> {
        let begins = |prefix: &str| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let is_host = begins("__Host-");
        if (is_host || begins("__Secure-")) && !is_always_secure {
            let problem = "InsecureCookie: a name with __Host- or __Secure- is always Secure";
            return Err(BuildError::invalid("cookie", problem));
        }
        if is_host && (self.domain.is_some() || &*self.path != "/") {
            let problem = "a name with __Host- has the path / and no domain";
            return Err(BuildError::invalid("cookie", problem));
        }
        Ok(())
    }
}

/// A date that `Expires` can tell. `UnixTime` ends in 2554, so it always can.
fn date(at: UnixTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(at.as_secs()).ok()?).ok()
}

const TOKEN_MARKS: &[u8] = b"!#$%&'*+-.^_`|~";
