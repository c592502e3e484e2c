//! An answer of "no".

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::json;

use super::page::{json_page, with, with_status};

/// An error answer (RFC 6749 §5.2). The texts are fixed, so they keep to the allowed characters.
pub(crate) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: String,
    pub(super) description: String,
}

impl Refusal {
    /// What becomes of an exception in the provider of an application.
    pub(super) fn crash() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, ..bad("server_error", "the provider failed") }
    }

    pub(super) fn into_answer(self) -> Response<Bytes> {
        let mut document = json!({ "error": self.error });
        if !self.description.is_empty() {
            document["error_description"] = self.description.into();
        }
        let answer = with_status(json_page(&document), self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            with(answer, header::WWW_AUTHENTICATE, "Basic realm=\"token endpoint\"")
        } else {
            answer
        }
    }
}

pub(super) fn bad(error: &str, description: &str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        error: error.to_owned(),
        description: description.to_owned(),
    }
}
