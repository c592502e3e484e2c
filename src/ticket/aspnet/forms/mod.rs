//! FormsAuthentication tickets.

mod fields;
mod forms_tickets;
mod framework20;
#[cfg(test)]
mod tests;
mod version1;

pub use forms_tickets::{DangerousFormsTickets, FormsTickets};
