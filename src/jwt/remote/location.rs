//! Where an issuer publishes its keys.

use http::Uri;

use crate::{error::BuildError, fetch::Location};

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
pub struct KeyLocation(pub(super) Location);

impl KeyLocation {
    /// By OpenID Connect Discovery §4: a final `/` of the issuer removed and
    /// `/.well-known/openid-configuration` appended.
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self(Location::Discover(issuer.into()))
    }

    /// At this URL, without metadata. Nothing says then whose keys they are.
    pub fn jwks_url(url: impl Into<String>) -> Self {
        Self(Location::Url(url.into()))
    }

    /// By RFC 8414 §3.1: a final `/` of the issuer removed and
    /// `/.well-known/oauth-authorization-server` inserted before its path.
    pub fn oauth_metadata(issuer: impl Into<String>) -> Self {
        Self(Location::OauthMetadata(issuer.into()))
    }

    /// The first document to ask for.
    pub(super) fn check(&self, any_http: bool) -> Result<Uri, BuildError> {
        let url = self.0.check("jwks_url", any_http)?;
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
        self.0.fmt(f)
    }
}
