//! The token endpoint as a page of another origin sees it (Fetch standard, "CORS protocol").

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header, request::Parts};

use super::page::page;

/// The answer to a preflight, if the request is one of this origin.
pub(super) fn preflight(origin: Option<&str>, parts: &Parts) -> Option<Response<Bytes>> {
    let asks = parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if parts.method != Method::OPTIONS || !asks {
        return None;
    }
    let mut answer = page(200, "text/plain", "");
    if is_of(origin, parts) {
        let headers = answer.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        let allowed = HeaderValue::from_static("authorization, content-type, x-requested-with");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    Some(answer)
}

/// Lets the pages of this origin read the answer, and send the cookie along.
pub(super) fn open(origin: Option<&str>, parts: &Parts, answer: &mut Response<Bytes>) {
    let Some(allowed) = origin else { return };
    let headers = answer.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if !is_of(origin, parts) {
        return;
    }
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
}

fn is_of(origin: Option<&str>, parts: &Parts) -> bool {
    origin.is_some_and(|origin| {
        parts.headers.get(header::ORIGIN).is_some_and(|found| found == origin)
    })
}
