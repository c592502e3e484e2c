//! The cookie of a finished external login.

use std::{sync::Arc, time::Duration};

use super::cookie_scheme::CookieScheme;
use crate::{
    principal::{SchemeName, SchemeTag},
    scheme::Scheme,
    ticket::{TicketFormat, TicketValidator},
    token::TokenValidator,
};

/// The scheme of ASP.NET Identity's external sign-in cookie. See [`Scheme::external_cookie`].
#[derive(Clone, Copy, Debug)]
pub struct ExternalCookie;

impl SchemeTag for ExternalCookie {
    const NAME: SchemeName = SchemeName::from_static("ExternalCookie");
}

impl Scheme {
    /// The cookie `.AspNet.ExternalCookie`: who a login at another provider has proved, until the
    /// application has linked that to an account of its own (ASP.NET Identity's
    /// `UseExternalSignInCookie`). Passive: it is nobody's principal, and whoever wants it asks for it by
    /// name. Five minutes, and it does not slide.
    ///
    /// `tickets` judges them, usually a
    /// [`KatanaCookie`](crate::ticket::aspnet::KatanaCookie) of the type `ExternalCookie`, whose key opens
    /// no ticket of another type.
    ///
    /// ```
    /// # fn build() -> Result<(), portcullis::BuildError> {
    /// use portcullis::{AuthenticateLayer, Authentication, Cookies, Scheme, Ticket};
    /// use portcullis::scheme::ExternalCookie;
    /// use portcullis::ticket::{TicketValidator, aspnet::{KatanaCookie, MachineKey}};
    ///
    /// # let key = MachineKey::from_hex(&"A0".repeat(64), &"5C".repeat(32))?;
    /// let pages = TicketValidator::new(KatanaCookie::new(key.clone(), "ApplicationCookie")?);
    /// let external = TicketValidator::new(KatanaCookie::new(key, "ExternalCookie")?);
    /// let gate = AuthenticateLayer::new((
    ///     Scheme::tickets(Cookies, ".AspNet.ApplicationCookie", pages),
    ///     Scheme::external_cookie(external),
    /// ))?;
    ///
    /// /// Who came back from the provider, if the login was started by this very user: the application
    /// /// wrote the user's id into the property `XsrfId` when it sent the user there.
    /// fn login(record: &Authentication, started_by: Option<&str>) -> Option<String> {
    ///     let identity = record.identity(ExternalCookie)?;
    ///     let ticket = Ticket::of(identity)?;
    ///     (ticket.property("XsrfId") == started_by).then(|| identity.subject().map(str::to_owned))?
    /// }
    /// # let _ = (gate, login);
    /// # Ok(())
    /// # }
    /// # build().unwrap();
    /// ```
    ///
    /// Then the application signs the user in by its own scheme and out of this one:
    /// [`sign_in`](crate::AuthenticateLayer::sign_in),
    /// [`sign_out_of`](crate::AuthenticateLayer::sign_out_of).
    pub fn external_cookie<F: TicketFormat + 'static>(
        tickets: TicketValidator<F>,
    ) -> CookieScheme<Arc<dyn TokenValidator>> {
        let tickets = tickets.sliding(false).lifetime(LIFETIME).max_lifetime(LIFETIME);
        Self::tickets(ExternalCookie, ".AspNet.ExternalCookie", tickets).passive()
    }
}

/// AppBuilderExtensions.cs.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
