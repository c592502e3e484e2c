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
/// 1. The text is base64url. Padding, and `+` and `/`, are read as Katana reads them; white space and
///    unused bits that are not zero are refused, which Katana reads and nobody writes.
/// 2. The protection is that of `MachineKey.Protect`, for the purposes of this middleware and
///    authentication type. Several keys may be given, at most 8, and each is tried; a ticket carries no
///    key id.
/// 3. What is inside is one gzip member, whole and with nothing after it, of at most 1 MiB when it is
///    unpacked ([`max_ticket_bytes`](Self::max_ticket_bytes)).
/// 4. The ticket is of format 3, or 2 where that is asked for. It is read more strictly than Katana
///    reads it: no bytes after the end, no second spelling of a length, only UTF-8, only properties of
///    the known format, at most 4096 claims and 1024 properties. Katana writes nothing of that.
/// 5. It becomes a [`Ticket`] with one identity. `.issued`, `.expires`, `.persistent` and `.refresh`
///    become fields; all other properties stay what they are, and so does a date that is not one:
///    Katana takes it for no date. Dates are whole seconds; what lies before 1970 is 1970, what lies
///    after 2554 is "for ever".
///
/// This does NOT check the time, nor that somebody was authenticated: a cookie may hold an identity
/// without name. That judges [`TicketValidator`](crate::ticket::TicketValidator), for every format.
///
/// ```
/// use portcullis::ticket::{Ticket, TicketFormat as _, aspnet::{KatanaCookie, MachineKey}};
///
/// let (validation, decryption) = ("A0".repeat(64), "5C".repeat(32));
/// let key = MachineKey::from_hex(&validation, &decryption)?;
/// let cookies = KatanaCookie::new(key.clone(), "ApplicationCookie")?;
///
/// let cookie = cookies.protect(&Ticket::new("ApplicationCookie", "alice"))?;
/// assert_eq!(cookies.unprotect(&cookie).unwrap().name(), Some("alice"));
///
/// let error = KatanaCookie::new(key.clone(), "ExternalCookie")?.unprotect(&cookie).unwrap_err();
/// let detail = format!("no key opens it; tried {}", key.fingerprint());
/// assert_eq!(error.detail(), Some(&*detail));
/// # Ok::<(), portcullis::BuildError>(())
/// ```
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
    pub fn demand_expiry(mut self) -> Self {
        self.0.demands_expiry = true;
        self
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

    fn authentication_type(&self) -> Option<&str> {
        Some(self.0.kind())
    }

    fn fingerprint(&self) -> Option<String> {
        Some(self.0.fingerprint())
    }

    fn session_claim_type(&self) -> Option<&str> {
        Some(Self::SESSION_ID)
    }

    fn demands_expiry(&self) -> bool {
        self.0.demands_expiry
    }
}

/// CookieAuthenticationMiddleware.cs.
pub(in crate::ticket::aspnet) const MIDDLEWARE: &str =
    "Microsoft.Owin.Security.Cookies.CookieAuthenticationMiddleware";
