//! Where a service is seen from outside.

use http::{HeaderMap, HeaderName, header};

use crate::{
    error::BuildError,
    scheme::forwarded::{agreed, last_element, last_listed},
};

/// The origin (RFC 6454: scheme, host, port) under which users see this service.
///
/// The `Host` of a request is its sender's word. So nothing is built from it: a redirect is relative
/// to whatever the browser asked (RFC 9110 §10.2.2) unless the operator says who knows better: the
/// configuration, or a proxy that sets one header on **every** request, where no request reaches this
/// service past that proxy. Of a header only the last element counts, which the nearest proxy wrote;
/// where it is missing or not well-formed, or lines disagree, nobody knows, and a redirect is
/// relative.
///
/// ```
/// use http::HeaderMap;
/// use portcullis::scheme::PublicOrigin;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("forwarded", "proto=http;host=evil.test, proto=https;host=app.example".parse()?);
/// assert_eq!(PublicOrigin::forwarded().resolve(&headers).as_deref(), Some("https://app.example"));
/// assert_eq!(PublicOrigin::x_forwarded().resolve(&headers), None);
///
/// let fixed = PublicOrigin::fixed("https://app.example")?;
/// assert_eq!(fixed.resolve(&headers).as_deref(), Some("https://app.example"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PublicOrigin(Source);

#[derive(Clone, Debug)]
enum Source {
    Fixed(Box<str>),
    Forwarded,
    XForwarded,
}

impl PublicOrigin {
    /// Always this one, such as `https://app.example`.
    ///
    /// # Errors
    /// It is no origin: `http` or `https`, a host and perhaps a port, and nothing else.
    pub fn fixed(origin: &str) -> Result<Self, BuildError> {
        match split(origin) {
            Some((origin, "")) => Ok(Self(Source::Fixed(origin.into()))),
            _ => Err(BuildError::invalid(
                "PublicOrigin::fixed",
                format!(
                    "{origin:?} is no origin; write it like https://app.example, without a path"
                ),
            )),
        }
    }

    /// What `proto` and `host` of the header `Forwarded` say (RFC 7239 §5.3, §5.4).
    #[must_use]
    pub const fn forwarded() -> Self {
        Self(Source::Forwarded)
    }

    /// What the headers `X-Forwarded-Proto` and `X-Forwarded-Host` say.
    #[must_use]
    pub const fn x_forwarded() -> Self {
        Self(Source::XForwarded)
    }

    /// The origin for a request with these headers; `None` where nobody knows.
    #[must_use]
    pub fn resolve(&self, headers: &HeaderMap) -> Option<String> {
        let (proto, host) = match &self.0 {
            Source::Fixed(origin) => return Some(origin.to_string()),
            Source::Forwarded => agreed(headers, &header::FORWARDED, |line| {
                let [proto, host] = last_element(line, ["proto", "host"])?;
                proto.zip(host)
            })?,
            Source::XForwarded => (
                agreed(headers, &X_FORWARDED_PROTO, last_listed)?,
                agreed(headers, &X_FORWARDED_HOST, last_listed)?,
            ),
        };
        match split(&format!("{proto}://{host}"))? {
            (origin, "") => Some(origin),
            _ => None,
        }
    }

    /// The headers that it reads.
    pub(super) fn headers(&self) -> impl Iterator<Item = HeaderName> + use<> {
        let [first, second] = match self.0 {
            Source::Fixed(_) => [None, None],
            Source::Forwarded => [Some(header::FORWARDED), None],
            Source::XForwarded => [Some(X_FORWARDED_PROTO), Some(X_FORWARDED_HOST)],
        };
        first.into_iter().chain(second)
    }
}

/// An absolute URL as its origin and the rest. In lower case, and without a port that goes without
/// saying (RFC 6454 §4). Nothing that some reader takes for another host: no user, no backslash, no
/// escape.
pub(in crate::scheme) fn split(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (host, port) = match authority.rfind(':') {
        // the colons of an IPv6 address stand in brackets
        Some(at) if Some(at) > authority.rfind(']') => {
            let (host, port) = authority.split_at(at);
            (host, port.strip_prefix(':'))
        }
        _ => (authority, None),
    };
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match inside {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    let is_port = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
    if host.is_empty() || !is_host || !is_port {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let port = port.filter(|port| !matches!((scheme, *port), ("https", "443") | ("http", "80")));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some((format!("{scheme}://{host}{port}"), rest))
}

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_and_the_rest() {
        for (url, expected) in [
            ("https://app.example", Some(("https://app.example", ""))),
            ("HTTPS://App.Example:443/a?b", Some(("https://app.example", "/a?b"))),
            ("http://app.example:8080#x", Some(("http://app.example:8080", "#x"))),
            ("http://[::1]:80", Some(("http://[::1]", ""))),
            ("http://[::1]", Some(("http://[::1]", ""))),
            ("https://app.example:444?x", Some(("https://app.example:444", "?x"))),
            ("https://", None),
            ("https://:443", None),
            ("https:///app.example", None),
            ("https:/app.example", None),
            ("//app.example", None),
            ("ftp://app.example", None),
            ("javascript://app.example", None),
            ("https://app.example@evil.test", None),
            ("https://app.example\\evil.test", None),
            ("https://app.example%2eevil.test", None),
            ("https://app example", None),
            ("https://app.example:", None),
            ("https://app.example:+1", None),
            ("https://app.example:70000", None),
            ("https://[evil]", None),
            ("https://[::1", None),
            ("https://äpp.example", None),
        ] {
            let found = split(url);
            let found = found.as_ref().map(|(origin, rest)| (origin.as_str(), *rest));
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn the_nearest_proxy_says_it() {
        let ask = |origin: PublicOrigin, lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            origin.resolve(&headers)
        };
        for (lines, expected) in [
            (&["proto=https;host=app.example"][..], Some("https://app.example")),
            (
                &["host=evil.test;proto=http, for=x;Host=app.example;Proto=HTTPS"],
                Some("https://app.example"),
            ),
            (&["proto=https;host=\"app.example:8443\""], Some("https://app.example:8443")),
            (
                &["proto=https;host=app.example", "proto=https;host=app.example"],
                Some("https://app.example"),
            ),
            (&["proto=https;host=app.example", "proto=https;host=evil.test"], None),
            (&["proto=https;host=app.example, proto=https"], None),
            (&["proto=https;host=a;host=b"], None),
            (&["proto=https;host=\"evil.test/\""], None),
            (&["proto=https;host=\"a@evil.test\""], None),
            (&["proto=wss;host=app.example"], None),
            (&["proto=https host=app.example"], None),
            (&[], None),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
            assert_eq!(ask(PublicOrigin::forwarded(), &lines).as_deref(), expected, "{lines:?}");
        }
        let (proto, host) = ("x-forwarded-proto", "x-forwarded-host");
        for (lines, expected) in [
            (&[(proto, "https"), (host, "app.example")][..], Some("https://app.example")),
            (
                &[(proto, "http, https"), (host, "evil.test, app.example")],
                Some("https://app.example"),
            ),
            (&[(proto, "https")], None),
            (&[(host, "app.example")], None),
            (&[(proto, "https"), (host, "")], None),
            (&[(proto, "https"), (host, "app.example"), (host, "evil.test")], None),
        ] {
            assert_eq!(ask(PublicOrigin::x_forwarded(), lines).as_deref(), expected, "{lines:?}");
        }
    }
}
