//! Which URLs an issuer may be asked at.

use std::fmt;

use http::Uri;

use crate::error::BuildError;

/// A URL, or a metadata document of an issuer that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// OpenID Connect Discovery §4: a final `/` of the issuer removed and
    /// `/.well-known/openid-configuration` appended.
    Discover(String),
    /// RFC 8414 §3.1: a final `/` of the issuer removed and
    /// `/.well-known/oauth-authorization-server` inserted before its path.
    OauthMetadata(String),
    /// No document: this URL.
    Url(String),
}

impl Location {
    /// The issuer whose metadata it is.
    pub(crate) fn issuer(&self) -> Option<&str> {
        match self {
            Self::Discover(issuer) | Self::OauthMetadata(issuer) => Some(issuer),
            Self::Url(_) => None,
        }
    }

    /// The first URL to ask at. `field` is the builder's word for a plain URL.
    pub(crate) fn check(&self, field: &'static str, any_http: bool) -> Result<Uri, BuildError> {
        let (field, text) = match self {
            Self::Discover(issuer) | Self::OauthMetadata(issuer) => ("issuer", issuer),
            Self::Url(url) => (field, url),
        };
        let invalid = |problem: &str| BuildError::invalid(field, format!("{text:?}: {problem}"));
        if text.contains(['{', '}']) {
            return Err(invalid(
                "a template names no issuer; give each tenant's issuer as it stands in its tokens",
            ));
        }
        if self.issuer().is_some() && text.contains('?') {
            return Err(invalid("an issuer has no query (RFC 8414 §2); remove it"));
        }
        let transport = if any_http { Transport::Any } else { Transport::LoopbackHttp };
        parse_url(text, transport).map_err(invalid)?;
        self.to_string().parse().map_err(|_| invalid("is no URL"))
    }
}

impl fmt::Display for Location {
    /// The first URL to ask at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (issuer, well_known) = match self {
            Self::Url(url) => return f.write_str(url),
            Self::Discover(issuer) => {
                let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
                return write!(f, "{issuer}/.well-known/openid-configuration");
            }
            Self::OauthMetadata(issuer) => (issuer, "/.well-known/oauth-authorization-server"),
        };
        let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
        let authority = issuer.find("://").map_or(0, |colon| colon + 3);
        let path = issuer
            .get(authority..)
            .and_then(|rest| rest.find('/'))
            .map_or(issuer.len(), |slash| authority + slash);
        let (origin, path) = issuer.split_at_checked(path).unwrap_or((issuer, ""));
        write!(f, "{origin}{well_known}{path}")
    }
}

/// What may carry a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// https or http.
    Any,
    /// https alone.
    Https,
    /// https, or http to a literal loopback address. `localhost` is a name, and a name is what its
    /// resolver says.
    LoopbackHttp,
}

/// A URL that keys may be fetched from.
pub(crate) fn parse_url(text: &str, transport: Transport) -> Result<Uri, &'static str> {
    // http::Uri drops a fragment in silence
    if text.contains('#') {
        return Err("has a fragment; remove it");
    }
    let url: Uri = text.parse().map_err(|_| "is no URL")?;
    let Some(authority) = url.authority() else {
        return Err("is no absolute URL; write https://…");
    };
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return Err("needs a host, and no user or password before it");
    }
    match (url.scheme_str(), transport) {
        (Some("https"), _) | (Some("http"), Transport::Any) => Ok(url),
        (Some("http"), Transport::LoopbackHttp) if is_loopback(authority.host()) => Ok(url),
        (Some("http"), _) => {
            Err("is http; use https (http works for a literal loopback address such as 127.0.0.1, \
             and behind .dangerous().allow_http())")
        }
        _ => Err("is not https"),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "[::1]" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discover(issuer: &str) -> Location {
        Location::Discover(issuer.to_owned())
    }

    fn oauth(issuer: &str) -> Location {
        Location::OauthMetadata(issuer.to_owned())
    }

    #[test]
    fn the_well_known_part_is_appended_or_inserted() {
        let oidc = "/.well-known/openid-configuration";
        let inserted = "/.well-known/oauth-authorization-server";
        for (issuer, discovered, metadata) in [
            ("https://h", format!("https://h{oidc}"), format!("https://h{inserted}")),
            ("https://h/", format!("https://h{oidc}"), format!("https://h{inserted}")),
            ("https://h/t1", format!("https://h/t1{oidc}"), format!("https://h{inserted}/t1")),
            ("https://h/t1/", format!("https://h/t1{oidc}"), format!("https://h{inserted}/t1")),
            (
                "https://h:8443/a/b",
                format!("https://h:8443/a/b{oidc}"),
                format!("https://h:8443{inserted}/a/b"),
            ),
        ] {
            assert_eq!(discover(issuer).to_string(), discovered, "{issuer}");
            assert_eq!(oauth(issuer).to_string(), metadata, "{issuer}");
        }
    }

    #[test]
    fn only_https_or_a_literal_loopback_address() {
        for (issuer, accepted) in [
            ("https://login.example", true),
            ("https://login.example:8443/t", true),
            ("http://127.0.0.1:4000", true),
            ("http://127.200.0.9", true),
            ("http://[::1]:4000", true),
            ("http://localhost:4000", false),
            ("http://127.1", false),
            ("http://0.0.0.0", false),
            ("http://[::2]", false),
            ("http://127.0.0.1.nip.example", false),
            ("http://login.example", false),
            ("https://login.example?tenant=1", false),
            ("https://login.example#a", false),
            ("https://user@login.example", false),
            ("https://127.0.0.1@evil.example", false),
            ("https://login.example/{tenantid}/v2.0", false),
            ("login.example", false),
            ("//login.example", false),
            ("file:///etc/keys", false),
            ("data:application/json,{}", false),
            ("ftp://login.example", false),
            ("https://", false),
            ("https://a b", false),
            ("", false),
        ] {
            for location in [discover(issuer), oauth(issuer)] {
                assert_eq!(location.check("url", false).is_ok(), accepted, "{issuer}");
            }
        }
        let url = |url: &str| Location::Url(url.to_owned()).check("url", false);
        assert!(url("https://h/keys?p=policy").is_ok());
        assert!(url("https://h/keys#p").is_err());
        assert!(discover("http://login.example").check("url", true).is_ok());
        assert!(discover("ftp://login.example").check("url", true).is_err());
    }
}
