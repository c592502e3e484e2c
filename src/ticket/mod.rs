//! Tickets: what an application wrote about a user when it signed the user in, protected by keys
//! that it shares (feature `tickets`).

pub mod aspnet;
mod format;
#[expect(clippy::module_inception, reason = "the room's first noun")]
mod ticket;

pub use format::{RenewalRule, TicketFormat};
pub use ticket::{Ticket, TicketClaim, TicketIdentity, Verbatim};
