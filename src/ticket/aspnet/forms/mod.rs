//! FormsAuthentication tickets: the `.ASPXAUTH` cookie.
//!
//! 1. The text is hexadecimal, in either case, at most 4096 characters; a URL token is read as well,
//!    for ASP.NET writes one where it keeps the ticket in the URL.
//! 2. The protection is the machine key's, by its compatibility mode and by no other. Several keys may
//!    be given, at most 8, and each is tried; a ticket carries no key id.
//! 3. The layout is the one of every supported .NET Framework. Everything in it is checked, and nothing
//!    may follow it. The older one, of .NET 2.0, is behind
//!    [`dangerous`](FormsTickets::dangerous).
//! 4. A ticket is a name, two dates, persistence, user data, a cookie path and a version, and so it
//!    becomes a [`Ticket`](crate::ticket::Ticket) with one identity of the type `Forms` that holds one
//!    claim, the name. A ticket that holds more can not be written. The authentication type is not
//!    written.
//! 5. Names are UTF-16 code units. U+0000 in one is kept and seen, and ends nothing. A name that is
//!    not Unicode is not replaced by one that is: the ticket then has no name, and
//!    [`Verbatim`](crate::ticket::Verbatim) holds the units.
//! 6. Dates are exact to the tick of 100 ns. What lies before 1970 is 1970, what lies after 2554 is
//!    "for ever"; `Verbatim` holds the ticks. `DateTime.MaxValue` is written where a ticket says "for
//!    ever".
//!
//! This does NOT check the time: that does [`TicketValidator`](crate::ticket::TicketValidator), for
//! every format. It does NOT read roles: FormsAuthentication has none, and `.ASPXROLES` is another
//! format.
//!
//! ```
//! use portcullis::{UnixTime, ticket::{Ticket, TicketFormat as _, aspnet::{FormsTickets, MachineKey}}};
//!
//! let (validation, decryption) = ("A0".repeat(64), "5C".repeat(32));
//! let tickets = FormsTickets::new(MachineKey::from_hex(&validation, &decryption)?)?;
//!
//! let mut ticket = Ticket::new("Forms", "alice");
//! ticket.issued_at = Some(UnixTime::from_secs(1_715_688_000));
//! ticket.expires_at = Some(UnixTime::from_secs(1_715_689_800));
//! let cookie = tickets.protect(&ticket)?;
//! assert_eq!(tickets.unprotect(&cookie).unwrap(), ticket);
//! assert_eq!(tickets.unprotect(&cookie.to_lowercase()).unwrap().name(), Some("alice"));
//! assert!(tickets.unprotect(&cookie[2..]).is_err());
//! # Ok::<(), portcullis::BuildError>(())
//! ```

mod fields;
mod forms_tickets;
mod framework20;
#[cfg(test)]
mod tests;
mod version1;

pub use forms_tickets::{DangerousFormsTickets, FormsTickets};
