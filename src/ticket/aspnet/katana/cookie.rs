//! The cookie of Katana's cookie middleware.

use super::{
    super::machine_key::MachineKey,
    format::{Format, katana_format},
    serializer::Formats,
};
use crate::{
    error::{AuthError, BuildError},
    ticket::{Ticket, TicketFormat},
};

/// The tickets of Katana's cookie middleware, as they stand in `.AspNet.ApplicationCookie`.
///
/// See the [module docs](super).
#[derive(Debug)]
#[must_use]
pub struct KatanaCookie(Format);

impl KatanaCookie {
    /// The claim type of a cookie that only names a session in the application's store.
    pub const SESSION_ID: &str = "Microsoft.Owin.Security.Cookies-SessionId";

    /// Opens and writes the cookies of the middleware with this `AuthenticationType`:
    /// `ApplicationCookie` where ASP.NET Identity is used, `Cookies` by default, `ExternalCookie`.
    ///
    /// # Errors
    /// The key's algorithms can not protect by purpose; or the authentication type is blank.
    pub fn new(key: MachineKey, authentication_type: &str) -> Result<Self, BuildError> {
        Format::cookie(&key, [MIDDLEWARE, authentication_type, "v1"]).map(Self)
    }

    /// Refuses a cookie without expiry. Katana takes it, for as long as the key lives; it writes such
    /// cookies where an application keeps its sessions in a store, and else only by mistake. Default:
    /// takes it too.
    pub fn demand_expiry(self) -> Self {
        Self(Format { demands_expiry: true, ..self.0 })
    }
}

katana_format!(KatanaCookie);

impl TicketFormat for KatanaCookie {
    fn unprotect(&self, text: &str) -> Result<Ticket, AuthError> {
        self.0.unprotect(text)
    }

    fn protect(&self, ticket: &Ticket) -> Result<String, BuildError> {
        self.0.protect(ticket)
    }

    fn session_claim_type(&self) -> Option<&str> {
        Some(Self::SESSION_ID)
    }

    fn demands_expiry(&self) -> bool {
        self.0.demands_expiry
    }
}

/// CookieAuthenticationMiddleware.cs.
const MIDDLEWARE: &str = "Microsoft.Owin.Security.Cookies.CookieAuthenticationMiddleware";
