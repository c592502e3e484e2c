//! Asking an issuer for a document.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header};

use super::{
    Fetch, FetchError,
    location::{Location, Transport, parse_url},
};
use crate::{error::printable, json::Object};

/// Where to ask, and how much of an answer to read.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) location: Location,
    /// The first URL of the location.
    pub(crate) url: Uri,
    pub(crate) any_http: bool,
    pub(crate) max_bytes: usize,
}

impl Origin {
    /// The URL that the issuer's metadata gives under this name. The document is believed only if
    /// its `issuer` is exactly the configured one (RFC 8414 §3.3, OpenID Connect Discovery §4.3).
    pub(crate) async fn metadata(
        &self,
        issuer: &str,
        name: &'static str,
        past_caches: bool,
    ) -> Result<Uri, Failure> {
        let url = &self.url;
        let mut request = get(url);
        if past_caches {
            request.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
        }
        let response = self.send(request).await.map_err(|error| Failure::at(url, &error))?;
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
        let place = text(name).ok_or_else(|| wrong(format!("no {name} in it")))?;
        let transport = match (self.any_http, url.scheme_str()) {
            (true, _) => Transport::Any,
            (false, Some("http")) => Transport::LoopbackHttp,
            // what came over https does not lead to http, not even on this machine
            (false, _) => Transport::Https,
        };
        parse_url(&place, transport)
            .map_err(|problem| wrong(format!("its {name} {:?} {problem}", printable(&place, 128))))
    }

    /// Sends a request; the whole answer, whatever its status.
    pub(crate) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, FetchError> {
        let response = self.fetch.fetch(request, self.max_bytes).await?;
        if response.body().len() > self.max_bytes {
            return Err(FetchError::TooLarge(self.max_bytes));
        }
        Ok(response)
    }
}

/// A GET of a document.
pub(crate) fn get(url: &Uri) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = url.clone();
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
    request
}

const ACCEPT: &str = "application/jwk-set+json, application/json";

/// For a request that no cache on the way may answer.
pub(crate) const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Why there is no good answer. Its text holds nothing of the answer but header values.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) problem: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), retry_after: None }
    }

    /// Nothing came from there.
    pub(crate) fn at(url: &Uri, problem: &FetchError) -> Self {
        Self::new(format!("{url}: {problem}"))
    }

    pub(crate) fn of(url: &Uri, response: &Response<Bytes>, problem: impl fmt::Display) -> Self {
        Self { problem: format!("{url}: {problem}"), retry_after: retry_after(response) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

/// 200, and not a page for people. The type decides nothing else: issuers send JSON by many names.
pub(crate) fn check_document(response: &Response<Bytes>) -> Result<(), String> {
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
pub(crate) fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let waits = matches!(response.status().as_u16(), 429 | 503);
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    waits.then(|| seconds(text.trim())).flatten()
}

/// Digits alone; more of them than fit are "for ever".
pub(crate) fn seconds(digits: &str) -> Option<Duration> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::from(u32::MAX))))
}
