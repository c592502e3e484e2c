//! Tickets: what an application wrote about a user when it signed the user in, protected by keys
//! that it shares (feature `tickets`).
//!
//! 1. A [`TicketFormat`] opens and writes the text; a [`TicketValidator`] judges what it holds, for
//!    every format alike: times, sessions, and what the application itself says of the user.
//! 2. A ticket is expired when its expiry lies before now; at the very moment it is still good, and
//!    no tolerance is added. An issue time in the future is not held against it.
//! 3. A ticket slides by its format's rule ([`RenewalRule`]): issued now, for as long as it was
//!    issued for before, all else equal. One that is expired never does.
//! 4. With [`Sessions`] the cookie names a session and nothing else; the stored ticket decides.
//!
//! | | |
//! |---|---|
//! | does check | expiry, an absolute age where [one is set](TicketValidator::max_lifetime), the session, and [what you ask](TicketValidator::revalidate) |
//! | does NOT check | whether a stateless ticket was copied before its owner signed out: it stays good until it expires, unless a [revocation](crate::token::Revocations) or a session store ends it |
//!
//! # From a ticket to an identity
//!
//! The identity's claims are a JSON object, made of the ticket's **primary** identity. The whole
//! ticket, with further identities, properties and user data, is [`Ticket::of`] the identity.
//!
//! | claim | is |
//! |---|---|
//! | `iss` | who vouches for the ticket, by configuration; `LOCAL AUTHORITY` by default |
//! | `sub` | the claim [`NAME_IDENTIFIER`](TicketIdentity::NAME_IDENTIFIER), else the claim `sub`, else the name |
//! | `client_id` | the property `as:client_id`, else the claim `client_id` |
//! | `scope` | all claims `scope`, separated by spaces |
//! | `iat`, `exp` | the ticket's times, in whole seconds |
//! | `name` | the claim of the identity's name type |
//! | `roles`, `role` | the claims of the identity's role type: `roles` is always an array, `role` is one only where there are several. Where there are none, `role` is the claims of that short name |
//! | any other type | as the ticket spells it: text, or an array where the type stands more than once |
//!
//! The names above `name` and the roles are facts: no claim of a ticket takes their place. What .NET
//! calls by a URI stands under its short name as well, and the other way round: `nameid`, `email`,
//! `given_name`, `family_name`, `birthdate`, `gender`, `website`, `upn`; where a ticket holds both,
//! each keeps its own. Every value is text, whatever its value type says.

pub mod aspnet;
mod claims;
mod format;
mod issue;
mod issuer;
mod regenerate;
mod renewal;
mod revalidation;
mod rules;
mod sessions;
#[expect(clippy::module_inception, reason = "the room's first noun")]
mod ticket;
mod validator;

pub use format::{RenewalRule, TicketFormat};
pub use issue::IssueError;
pub(crate) use issuer::TicketIssuer;
pub use sessions::{InMemorySessions, SessionKey, Sessions, StoredTicket};
pub use ticket::{Ticket, TicketClaim, TicketIdentity, Verbatim};
pub use validator::TicketValidator;
