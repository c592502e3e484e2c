//! FormsAuthentication tickets.

mod examine;
mod fields;
mod forms_tickets;
mod framework20;
#[cfg(test)]
mod tests;
mod version1;

pub(super) use examine::examine_payload;
pub use forms_tickets::{DangerousFormsTickets, FormsTickets};
pub(super) use forms_tickets::{LONGEST_TEXT, decode};
