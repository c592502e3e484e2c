//! Cookies that carry a ticket (feature `tickets`).
//!
//! 1. Every `Cookie` line is read (HTTP/2 splits them), names are compared byte by byte, nothing of
//!    a name is decoded. Other cookies, whatever they hold, disturb nothing.
//! 2. Two cookies of one name are no session: whoever can set a cookie for a sibling host or path
//!    could else decide who the caller is (RFC 6265 §8.6).
//! 3. A ticket longer than one cookie is cut into chunks, by the [dialect](ChunkDialect) of the
//!    application that reads or wrote it. A missing chunk is no session.
//! 4. Whatever is wrong with a cookie is a reason in the record, never an error response.
//! 5. On the way out the cookie is renewed, whatever the status, unless the handler set or deleted
//!    it. One response never sets one name twice (RFC 6265 §4.1.1).
//! 6. A scheme with a login page sends navigations there, and users on who have signed in; see
//!    [`CookieScheme::login_path`].
//!
//! This does NOT guard against cross-site requests: `SameSite=Lax` is all that a cookie does
//! itself.

mod attributes;
mod carried;
mod chunks;
mod cookie_scheme;
mod external;
mod request;
mod response;
mod set_cookies;
mod sign_in;
mod start_up;
mod ticket_cookie;
mod ticket_cookie_builder;

pub use attributes::SameSite;
pub use carried::CarriedCookie;
pub use chunks::ChunkDialect;
pub use cookie_scheme::CookieScheme;
pub use external::ExternalCookie;
pub use set_cookies::SetCookies;
pub use ticket_cookie::TicketCookie;
pub use ticket_cookie_builder::{DangerousTicketCookieBuilder, TicketCookieBuilder};
