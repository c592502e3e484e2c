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
mod percent;
mod responder;
#[cfg(feature = "tickets")]
mod sign_in;
mod source;
mod transport;
mod vary;

pub use authenticator::Authenticator;
pub use bearer::BearerScheme;
#[cfg(feature = "tickets")]
pub use cookie::{
    CarriedCookie, ChunkDialect, CookieScheme, DangerousTicketCookieBuilder, ExternalCookie,
    SameSite, SetCookies, TicketCookie, TicketCookieBuilder,
};
#[cfg(feature = "tickets")]
pub use cross_site::CrossSiteGuard;
pub use login::{Compat, LoginPages, Page, PublicOrigin, ReturnUrl};
pub(crate) use login::{Login, Visit};
pub use named::{IntoSchemes, Scheme};
pub use outcome::Outcome;
pub use responder::{Asked, Remembered, Responder};
#[cfg(feature = "tickets")]
pub use sign_in::{SignIn, SignOutError};
pub use transport::{Transport, TransportSource};
