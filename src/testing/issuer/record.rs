//! What was asked.

use http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts};

use super::fault::Endpoint;

/// A request that the issuer received. The values of `Authorization` and `Cookie` are not kept, nor
/// is the body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// Where it went; `None` if it was none of this issuer's endpoints, or for another host.
    pub endpoint: Option<Endpoint>,
    /// Its method.
    pub method: Method,
    /// Its URI, as the client had it.
    pub uri: Uri,
    /// Its header fields.
    pub headers: HeaderMap,
}

impl Received {
    /// The value of this header field, if there is one and it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn new(endpoint: Option<Endpoint>, parts: &Parts) -> Self {
        let mut headers = parts.headers.clone();
        for secret in [header::AUTHORIZATION, header::COOKIE] {
            if headers.contains_key(&secret) {
                headers.insert(secret, HeaderValue::from_static("(not kept)"));
            }
        }
        Self { endpoint, method: parts.method.clone(), uri: parts.uri.clone(), headers }
    }
}
