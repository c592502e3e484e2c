//! Ready-made stacks: a gate and a requirement in one layer. They refuse by default.

mod bearer_auth;
mod stack;

pub use bearer_auth::BearerAuth;
