//! Where an issuer publishes its keys.

use http::Uri;

use crate::error::BuildError;

/// Where an issuer publishes its keys: a metadata document that names the key set, or the key set.
///
/// ```
/// use portcullis::jwt::KeyLocation;
///
/// let issuer = "https://login.example/tenant";
/// assert_eq!(
///     KeyLocation::discover(issuer).to_string(),
///     "https://login.example/tenant/.well-known/openid-configuration",
/// );
/// assert_eq!(
///     KeyLocation::oauth_metadata(issuer).to_string(),
///     "https://login.example/.well-known/oauth-authorization-server/tenant",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLocation(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Discover(String),
    Jwks(String),
    OauthMetadata(String),
}

impl KeyLocation {
    /// By OpenID Connect Discovery §4: a final `/` of the issuer removed and
    /// `/.well-known/openid-configuration` appended.
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self(Kind::Discover(issuer.into()))
    }

    /// At this URL, without metadata. Nothing says then whose keys they are.
    pub fn jwks_url(url: impl Into<String>) -> Self {
        Self(Kind::Jwks(url.into()))
    }

    /// By RFC 8414 §3.1: a final `/` of the issuer removed and
    /// `/.well-known/oauth-authorization-server` inserted before its path.
    pub fn oauth_metadata(issuer: impl Into<String>) -> Self {
        Self(Kind::OauthMetadata(issuer.into()))
    }

    /// The issuer whose metadata it is.
    pub(super) fn issuer(&self) -> Option<&str> {
        match &self.0 {
            Kind::Discover(issuer) | Kind::OauthMetadata(issuer) => Some(issuer),
            Kind::Jwks(_) => None,
        }
    }

    /// The first document to ask for.
    pub(super) fn check(&self, any_http: bool) -> Result<Uri, BuildError> {
        let (field, text) = match &self.0 {
            Kind::Discover(issuer) | Kind::OauthMetadata(issuer) => ("issuer", issuer),
            Kind::Jwks(url) => ("jwks_url", url),
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
        let url = self.to_string();
        let url: Uri = url.parse().map_err(|_| invalid("is no URL"))?;
        if url.scheme_str() == Some("http") {
            tracing::warn!(
                target: "portcullis::keys",
                %url,
                "keys are fetched over http: whoever is on the way can replace them",
            );
        }
        Ok(url)
    }
}

impl std::fmt::Display for KeyLocation {
    /// The URL of the first document.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (issuer, well_known) = match &self.0 {
            Kind::Jwks(url) => return f.write_str(url),
            Kind::Discover(issuer) => {
                let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
                return write!(f, "{issuer}/.well-known/openid-configuration");
            }
            Kind::OauthMetadata(issuer) => (issuer, "/.well-known/oauth-authorization-server"),
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
pub(super) enum Transport {
    /// https or http.
    Any,
    /// https alone.
    Https,
    /// https, or http to a literal loopback address. `localhost` is a name, and a name is what its
    /// resolver says.
    LoopbackHttp,
}

/// A URL that keys may be fetched from.
pub(super) fn parse_url(text: &str, transport: Transport) -> Result<Uri, &'static str> {
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

    #[test]
    fn the_well_known_part_is_appended_or_inserted() {
        let oidc = "/.well-known/openid-configuration";
        let oauth = "/.well-known/oauth-authorization-server";
        for (issuer, discover, metadata) in [
            ("https://h", format!("https://h{oidc}"), format!("https://h{oauth}")),
            ("https://h/", format!("https://h{oidc}"), format!("https://h{oauth}")),
            ("https://h/t1", format!("https://h/t1{oidc}"), format!("https://h{oauth}/t1")),
            ("https://h/t1/", format!("https://h/t1{oidc}"), format!("https://h{oauth}/t1")),
            (
                "https://h:8443/a/b",
                format!("https://h:8443/a/b{oidc}"),
                format!("https://h:8443{oauth}/a/b"),
            ),
        ] {
            assert_eq!(KeyLocation::discover(issuer).to_string(), discover, "{issuer}");
            assert_eq!(KeyLocation::oauth_metadata(issuer).to_string(), metadata, "{issuer}");
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
            for location in [KeyLocation::discover(issuer), KeyLocation::oauth_metadata(issuer)] {
                assert_eq!(location.check(false).is_ok(), accepted, "{issuer}");
            }
        }
        assert!(KeyLocation::jwks_url("https://h/keys?p=policy").check(false).is_ok());
        assert!(KeyLocation::jwks_url("https://h/keys#p").check(false).is_err());
        assert!(KeyLocation::discover("http://login.example").check(true).is_ok());
        assert!(KeyLocation::discover("ftp://login.example").check(true).is_err());
    }
}
