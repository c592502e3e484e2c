//! Ready-made stacks: a gate and a requirement in one layer. They refuse by default.

mod bearer_auth;
#[cfg(feature = "tickets")]
mod require_both;
mod stack;
#[cfg(feature = "tickets")]
mod ticket_auth;

pub use bearer_auth::BearerAuth;
#[cfg(feature = "tickets")]
pub use require_both::{DangerousRequireBoth, RequireBoth};
#[cfg(feature = "tickets")]
pub use ticket_auth::TicketAuth;
