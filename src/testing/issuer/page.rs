//! Answers, put together.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::Value;

/// An answer with a body of this type.
pub(super) fn page(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or_else(|_| panic!("{status} is no status"));
    let content_type = content_type.parse().expect("a content type without control characters");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

pub(super) fn json_page(document: &Value) -> Response<Bytes> {
    page(200, JSON, document.to_string())
}

pub(super) fn with_status(mut answer: Response<Bytes>, status: StatusCode) -> Response<Bytes> {
    *answer.status_mut() = status;
    answer
}

pub(super) fn with(
    mut answer: Response<Bytes>,
    name: header::HeaderName,
    value: &str,
) -> Response<Bytes> {
    let value = value.parse().expect("a header value without control characters");
    answer.headers_mut().insert(name, value);
    answer
}

pub(super) const JSON: &str = "application/json";
