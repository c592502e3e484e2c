//! What kind of request it is, as far as the answer depends on it.

use http::{HeaderMap, Method, header, request::Parts};

/// Decided once, by the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestKind {
    grpc: bool,
    preflight: bool,
}

impl RequestKind {
    /// Looks at method and headers.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        Self {
            grpc: is_grpc(&parts.headers),
            preflight: is_preflight(&parts.method, &parts.headers),
        }
    }

    /// What can be told of a request that no gate saw.
    pub(crate) fn without_gate(headers: &HeaderMap) -> Self {
        Self { grpc: is_grpc(headers), preflight: false }
    }

    /// The same, but treated like any request if it is a preflight.
    pub(crate) const fn with_preflight_ignored(mut self) -> Self {
        self.preflight = false;
        self
    }

    /// Its content type is `application/grpc`, alone or followed by `+` or `;`.
    #[must_use]
    pub const fn is_grpc(self) -> bool {
        self.grpc
    }

    /// A CORS preflight: `OPTIONS` with `Origin` and `Access-Control-Request-Method` (Fetch).
    #[must_use]
    pub const fn is_preflight(self) -> bool {
        self.preflight
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
