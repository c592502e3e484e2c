//! Tickets of ASP.NET applications, good and flawed.

mod builder;
mod flaw;
mod mint;

pub use builder::TicketBuilder;
pub use mint::TicketMint;
