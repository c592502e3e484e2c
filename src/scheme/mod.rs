//! A scheme finds a credential in a request and has it judged.

mod authenticator;
mod bearer;
mod named;
mod source;
mod transport;
mod vary;

pub use authenticator::{Authenticator, Outcome};
pub use bearer::BearerScheme;
pub use named::{IntoSchemes, Scheme};
pub use transport::{Transport, TransportSource};
