//! Lets a request pass if a policy allows it, and answers it otherwise.
//!
//! 1. It narrows the view to the schemes that its policy names: naming is exhaustive.
//! 2. A malformed credential of one of them is answered 400, also where another one is good.
//! 3. A true CORS preflight passes, as anonymous.
//! 4. A navigation is redirected to the login page of a scheme that would do, if it has one; see
//!    [`rejection`](crate::rejection).
//! 5. A bare 401 of the handler is challenged by the schemes that are visible here.
//! 6. No record in the request, or a scheme that is hidden, is a wiring error: 500, logged.
//!
//! Made by [`AuthenticateLayer::require`](crate::AuthenticateLayer::require). Each refusal writes
//! one line at `info`, target `portcullis`, with the outcome of each scheme, the policy and the
//! status.

mod future;
mod layer;
mod service;

pub use future::ResponseFuture;
pub use layer::RequireLayer;
pub use service::Require;
