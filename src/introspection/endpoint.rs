//! Where to ask.

use std::fmt;

use crate::fetch::Location;

/// Where an issuer answers questions about its tokens: a URL, or a metadata document that names it.
/// A text is a URL.
///
/// ```
/// use portcullis::introspection::IntrospectionEndpoint;
///
/// let endpoint = IntrospectionEndpoint::from("https://login.example/introspect");
/// assert_eq!(endpoint.to_string(), "https://login.example/introspect");
/// let endpoint = IntrospectionEndpoint::discover("https://login.example");
/// assert_eq!(
///     endpoint.to_string(),
///     "https://login.example/.well-known/openid-configuration",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionEndpoint(pub(super) Location);

impl IntrospectionEndpoint {
    /// The `introspection_endpoint` of the issuer's OpenID Connect Discovery document.
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self(Location::Discover(issuer.into()))
    }

    /// The `introspection_endpoint` of the issuer's RFC 8414 document.
    pub fn oauth_metadata(issuer: impl Into<String>) -> Self {
        Self(Location::OauthMetadata(issuer.into()))
    }

    /// This URL.
    pub fn url(url: impl Into<String>) -> Self {
        Self(Location::Url(url.into()))
    }
}

impl From<&str> for IntrospectionEndpoint {
    fn from(url: &str) -> Self {
        Self::url(url)
    }
}

impl From<String> for IntrospectionEndpoint {
    fn from(url: String) -> Self {
        Self::url(url)
    }
}

impl fmt::Display for IntrospectionEndpoint {
    /// The first URL to ask at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
