//! One fetch: the metadata document if it is needed, then the key set.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};

use super::location::{KeyLocation, Transport, parse_url};
use crate::{
    error::printable,
    fetch::{Fetch, FetchError},
    json::Object,
    jwt::{Jwk, JwkSet},
};

/// What to ask for, and how much of it to read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) fetch: Arc<dyn Fetch>,
    pub(super) location: KeyLocation,
    pub(super) url: Uri,
    pub(super) any_http: bool,
    pub(super) max_bytes: usize,
    pub(super) max_keys: usize,
}

/// What the metadata document says.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    jwks_uri: Uri,
}

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// An unknown `kid`: caches on the way must not answer.
    Forced,
    /// The keys are getting old, or there are none.
    Regular,
    /// The operator wants to know what is there now.
    Reload,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Loaded {
    /// `None`: those of the last answer (304).
    pub(super) keys: Option<Vec<Arc<Jwk>>>,
    pub(super) metadata: Option<Metadata>,
    /// It was asked for, and not taken over from the last answer.
    pub(super) metadata_is_new: bool,
    pub(super) etag: Option<HeaderValue>,
    /// How long the issuer says that the answer is fresh.
    pub(super) max_age: Option<Duration>,
}

/// Why there is no good answer. Its text holds nothing of the answer but header values.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) problem: String,
    pub(super) retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), retry_after: None }
    }

    fn of(url: &Uri, response: &Response<Bytes>, problem: impl fmt::Display) -> Self {
        Self { problem: format!("{url}: {problem}"), retry_after: retry_after(response) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

/// What the last good answer said.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) metadata: Option<&'a Metadata>,
    /// The metadata need not be read again yet.
    pub(super) metadata_is_fresh: bool,
    pub(super) etag: Option<&'a HeaderValue>,
    /// The answer will be the last word on what is unknown: no cache on the way may give it.
    pub(super) past_caches: bool,
}

impl Source {
    /// Asks. `last` gives what need not be asked again.
    pub(super) async fn load(
        &self,
        purpose: Purpose,
        last: Known<'_>,
        after_failure: bool,
    ) -> Result<Loaded, Failure> {
        let known = last.metadata;
        let reuse = purpose == Purpose::Forced && last.metadata_is_fresh && !after_failure;
        let metadata = match self.location.issuer() {
            None => None,
            // an unknown `kid` costs the issuer one request, not two
            Some(_) if reuse && known.is_some() => known.cloned(),
            Some(issuer) => Some(self.metadata(issuer, last.past_caches).await?),
        };
        let jwks_uri = metadata.as_ref().map_or(&self.url, |metadata| &metadata.jwks_uri);
        let same_place = known.map(|known| &known.jwks_uri)
            == metadata.as_ref().map(|metadata| &metadata.jwks_uri);
        let etag = last.etag.filter(|_| same_place && purpose != Purpose::Reload);
        let response = self.get(jwks_uri, last.past_caches, etag).await?;
        let keys = match response.status().as_u16() {
            304 if etag.is_some() => None,
            _ => Some(self.keys(jwks_uri, &response)?),
        };
        let headers = response.headers();
        let etag = headers.get(header::ETAG).or_else(|| etag.filter(|_| keys.is_none())).cloned();
        let metadata_is_new = !(reuse && known.is_some());
        Ok(Loaded { keys, metadata, metadata_is_new, etag, max_age: max_age(headers) })
    }

    async fn metadata(&self, issuer: &str, past_caches: bool) -> Result<Metadata, Failure> {
        let url = &self.url;
        let response = self.get(url, past_caches, None).await?;
        let wrong = |problem: String| Failure::of(url, &response, problem);
        check_document(&response).map_err(wrong)?;
        let document =
            Object::parse(response.body()).map_err(|error| wrong(error.message().to_owned()))?;
        let text = |name| document.get(name).and_then(|value| value.as_str().ok());
        let found = text("issuer").ok_or_else(|| wrong("no issuer in it".to_owned()))?;
        if found != issuer {
            let hint = if found.contains('{') { ", a template," } else { "" };
            return Err(wrong(format!(
                "its issuer is {:?}{hint} and not {issuer:?}",
                printable(&found, 128)
            )));
        }
        let jwks_uri = text("jwks_uri").ok_or_else(|| wrong("no jwks_uri in it".to_owned()))?;
        let transport = match (self.any_http, self.url.scheme_str()) {
            (true, _) => Transport::Any,
            (false, Some("http")) => Transport::LoopbackHttp,
            // what came over https does not lead to http, not even on this machine
            (false, _) => Transport::Https,
        };
        let jwks_uri = parse_url(&jwks_uri, transport).map_err(|problem| {
            wrong(format!("its jwks_uri {:?} {problem}", printable(&jwks_uri, 128)))
        })?;
        Ok(Metadata { jwks_uri })
    }

    fn keys(&self, url: &Uri, response: &Response<Bytes>) -> Result<Vec<Arc<Jwk>>, Failure> {
        let wrong = |problem: String| Failure::of(url, response, problem);
        check_document(response).map_err(wrong)?;
        let set = JwkSet::parse_remote(response.body(), self.max_keys)
            .map_err(|error| wrong(error.to_string()))?;
        for skipped in set.skipped() {
            tracing::warn!(target: "portcullis::keys", %url, %skipped, "a key was left out");
        }
        Ok(set.into_keys().into_iter().map(Arc::new).collect())
    }

    async fn get(
        &self,
        url: &Uri,
        past_caches: bool,
        etag: Option<&HeaderValue>,
    ) -> Result<Response<Bytes>, Failure> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = url.clone();
        let headers = request.headers_mut();
        let accept = "application/jwk-set+json, application/json";
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if past_caches {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if let Some(etag) = etag {
            headers.insert(header::IF_NONE_MATCH, etag.clone());
        }
        let response = self
            .fetch
            .fetch(request, self.max_bytes)
            .await
            .map_err(|error| Failure::new(format!("{url}: {error}")))?;
        if response.body().len() > self.max_bytes {
            let error = FetchError::TooLarge(self.max_bytes);
            return Err(Failure::new(format!("{url}: {error}")));
        }
        Ok(response)
    }
}

/// 200, and not a page for people. The type decides nothing else: issuers send JSON by many names.
fn check_document(response: &Response<Bytes>) -> Result<(), String> {
    let status = response.status();
    if status.is_redirection() {
        return Err(format!("status {}; redirects are not followed", status.as_u16()));
    }
    if status.as_u16() != 200 {
        return Err(format!("status {}", status.as_u16()));
    }
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_html = content_type.get(..9).is_some_and(|t| t.eq_ignore_ascii_case("text/html"));
    if is_html { Err("an HTML page in place of JSON".to_owned()) } else { Ok(()) }
}

/// In seconds; a date is not heard.
fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let waits = matches!(response.status().as_u16(), 429 | 503);
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    waits.then(|| seconds(text.trim())).flatten()
}

/// The freshness that the answer grants (RFC 9111 §4.2.1), less its `Age`. What is no number grants
/// nothing; of several the shortest counts.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let granted = headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))
        .filter_map(|(_, value)| seconds(value.trim().trim_matches('"')))
        .min()?;
    let age = headers.get(header::AGE).and_then(|age| seconds(age.to_str().ok()?.trim()));
    Some(granted.saturating_sub(age.unwrap_or_default()))
}

/// Digits alone; more of them than fit are "for ever".
fn seconds(digits: &str) -> Option<Duration> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_read_as_rfc_9111_writes_it() {
        for (cache_control, age, expected) in [
            (&["max-age=300"][..], None, Some(300)),
            (&["public, MAX-AGE=300"], None, Some(300)),
            (&["max-age=\"300\""], None, Some(300)),
            (&["max-age=600", "max-age=300"], None, Some(300)),
            (&["max-age=600"], Some("100"), Some(500)),
            (&["max-age=60"], Some("100"), Some(0)),
            (&["max-age=0"], None, Some(0)),
            (&["max-age=99999999999999999999"], None, Some(u64::from(u32::MAX))),
            (&["max-age=-1"], None, None),
            (&["max-age=abc"], None, None),
            (&["max-age="], None, None),
            (&["s-maxage=300"], None, None),
            (&["no-store"], None, None),
            (&[], Some("3"), None),
        ] {
            let mut headers = HeaderMap::new();
            for value in cache_control {
                headers.append(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            if let Some(age) = age {
                headers.insert(header::AGE, HeaderValue::from_static(age));
            }
            let expected = expected.map(Duration::from_secs);
            assert_eq!(max_age(&headers), expected, "{cache_control:?} {age:?}");
        }
    }
}
