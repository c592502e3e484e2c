//! What a request is answered: the only maker of a status code.
//!
//! | the record and the policy say | status | `WWW-Authenticate` and more |
//! |---|---|---|
//! | nothing presented | 401 | every visible scheme's challenge, no `error` (RFC 6750 §3) |
//! | malformed credential of a named scheme | 400 | `error="invalid_request"` |
//! | a credential judged not good | 401 | `error="invalid_token"` |
//! | the caller must be authenticated better | 401 | `error="insufficient_user_authentication"` |
//! | the policy forbids | 403 | `error="insufficient_scope"` where it was a scope |
//! | it could not be found out, and a yes would have decided | 503 | none; `Retry-After` |
//! | our own credentials refused, or wiring | 500 | none; logged at error |
//!
//! "I could not find out" is not "no": clients throw good tokens away on a 401. Every answer has
//! `Cache-Control: no-store`. A gRPC request is answered trailers-only.

mod answer;
mod decision;
mod problem;
mod request_kind;

pub(crate) use answer::challenge_bare_401;
pub use answer::{DefaultResponseForRejection, Rejection, ResponseForRejection};
pub use decision::Decision;
pub use problem::ProblemDetails;
pub use request_kind::RequestKind;
