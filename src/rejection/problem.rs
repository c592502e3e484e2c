//! A body for people and programs (RFC 9457).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use super::{Rejection, ResponseForRejection};

/// `application/problem+json`: `type`, `title`, `status`, `detail`, and the members `error` (the
/// RFC 6750 code), `missing` (`token`, `session`), and `login`
/// ([where a script of a page finds the login page](Rejection::login)).
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemDetails;

impl<B: From<Bytes>> ResponseForRejection<B> for ProblemDetails {
    fn body(&self, rejection: &Rejection, headers: &mut HeaderMap) -> B {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut problem = serde_json::json!({
            "type": "about:blank",
            "title": rejection.status().canonical_reason().unwrap_or_default(),
            "status": rejection.status().as_u16(),
            "detail": rejection.description(),
        });
        if let Some(code) = rejection.code() {
            problem["error"] = code.into();
        }
        if !rejection.missing().is_empty() {
            problem["missing"] = rejection.missing().into();
        }
        if let Some(login) = rejection.login() {
            problem["login"] = login.into();
        }
        Bytes::from(problem.to_string()).into()
    }

    fn empty(&self) -> B {
        Bytes::new().into()
    }
}
