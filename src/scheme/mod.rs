//! A scheme finds a credential in a request and has it judged.

mod authenticator;
mod bearer;
#[cfg(feature = "tickets")]
mod cookie;
#[cfg(feature = "tickets")]
mod cross_site;
#[cfg(feature = "tickets")]
mod flawed;
mod forwarded;
mod judge;
mod login;
mod named;
mod outcome;
mod responder;
mod source;
mod transport;
mod vary;

pub use authenticator::Authenticator;
pub use bearer::BearerScheme;
#[cfg(feature = "tickets")]
pub use cookie::{
    CarriedCookie, ChunkDialect, CookieScheme, DangerousTicketCookieBuilder, SameSite,
    TicketCookie, TicketCookieBuilder,
};
#[cfg(feature = "tickets")]
pub use cross_site::CrossSiteGuard;
pub use login::{Compat, LoginPages, Page, PublicOrigin, ReturnUrl};
pub(crate) use login::{Login, Visit};
pub use named::{IntoSchemes, Scheme};
pub use outcome::Outcome;
pub use responder::{Asked, Remembered, Responder};
pub use transport::{Transport, TransportSource};
