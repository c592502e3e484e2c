//! What a request is answered: the only maker of a status code.
//!
//! | the record and the policy say | status | `WWW-Authenticate` and more |
//! |---|---|---|
//! | nothing presented | 401 | every visible scheme's challenge, no `error` (RFC 6750 §3) |
//! | malformed credential of a named scheme | 400 | `error="invalid_request"` |
//! | a credential judged not good | 401 | `error="invalid_token"` |
//! | the caller must be authenticated better | 401 | `error="insufficient_user_authentication"` |
//! | the policy forbids | 403 | `error="insufficient_scope"` where it was a scope |
//! | a page was asked for, and a scheme that would do has a login page | 302 | none; `Location` |
//! | the same, and the user is known and may not | 302 | none; `Location`: access denied |
//! | it could not be found out, and a yes would have decided | 503 | none; `Retry-After` |
//! | our own credentials refused, or wiring | 500 | none; logged at error |
//!
//! "I could not find out" is not "no": clients throw good tokens away on a 401. Every answer has
//! `Cache-Control: no-store`. A gRPC request is answered trailers-only.
//!
//! A redirect is for **navigations** alone: a `GET`, a `HEAD` or a form's `POST`, without an
//! `Authorization` header, whose `Accept` names `text/html`, which is no script's
//! (`X-Requested-With: XMLHttpRequest`), and which the browser calls one where it says anything
//! (`Sec-Fetch-Mode: navigate`). Everybody else is told the status; a script finds the login page in
//! [`Rejection::login`].

mod answer;
mod bare;
mod decision;
mod problem;
mod request_kind;
mod send_on;
#[cfg(feature = "tickets")]
mod sign_in;
mod table;

pub use answer::{DefaultResponseForRejection, Rejection, ResponseForRejection};
pub use bare::ChallengeWith;
pub(crate) use bare::challenge_bare_401;
pub use decision::Decision;
pub use problem::ProblemDetails;
pub use request_kind::RequestKind;
pub(crate) use send_on::send_on;
pub(crate) use table::Seen;
