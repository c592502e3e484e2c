//! The seam behind which every ticket format stands.

use std::{borrow::Cow, fmt, sync::Arc};

use super::Ticket;
use crate::error::{AuthError, BuildError};

/// Opens and writes the tickets of one format, with its keys. Synchronous: it asks nobody.
///
/// It judges everything but time and revocation, which
/// [`TicketValidator`](super::TicketValidator) does for every format.
///
/// ```
/// use portcullis::{AuthError, AuthErrorKind, BuildError};
/// use portcullis::ticket::{Ticket, TicketFormat};
///
/// /// Writes the name and protects nothing: for a test bench.
/// #[derive(Debug)]
/// struct Plain;
///
/// impl TicketFormat for Plain {
///     fn unprotect(&self, text: &str) -> Result<Ticket, AuthError> {
///         let name = text.strip_prefix("plain:").ok_or(AuthErrorKind::TicketUndecryptable)?;
///         Ok(Ticket::new("Plain", name))
///     }
///
///     fn protect(&self, ticket: &Ticket) -> Result<String, BuildError> {
///         Ok(format!("plain:{}", ticket.name().unwrap_or_default()))
///     }
/// }
///
/// let text = Plain.protect(&Ticket::new("Plain", "alice"))?;
/// assert_eq!(Plain.unprotect(&text).unwrap().name(), Some("alice"));
/// # Ok::<(), BuildError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a ticket format: implement `TicketFormat` for it"
)]
pub trait TicketFormat: fmt::Debug + Send + Sync {
    /// Opens a ticket.
    ///
    /// # Errors
    /// [`TicketUndecryptable`](crate::AuthErrorKind::TicketUndecryptable): no key opens it, for
    /// whatever reason; the detail names fingerprints of the keys tried.
    /// [`TicketMalformed`](crate::AuthErrorKind::TicketMalformed): a key opened it, and what it
    /// holds is not a ticket of this format. [`TokenTooLong`](crate::AuthErrorKind::TokenTooLong).
    fn unprotect(&self, text: &str) -> Result<Ticket, AuthError>;

    /// Writes a ticket, with the first key.
    ///
    /// # Errors
    /// The ticket holds what the format has no place for; the error names it.
    fn protect(&self, ticket: &Ticket) -> Result<String, BuildError>;

    /// When a ticket slides. Default: [`RenewalRule::AfterHalf`].
    fn renewal_rule(&self) -> RenewalRule {
        RenewalRule::AfterHalf
    }

    /// The claim type that marks a ticket as a mere reference to a session in a store. Default:
    /// none.
    fn session_claim_type(&self) -> Option<&str> {
        None
    }

    /// The authentication type of the tickets that it opens, where it opens those of one type only: no
    /// other is issued. Default: any.
    fn authentication_type(&self) -> Option<&str> {
        None
    }

    /// What two applications must agree on to read each other's tickets: the format, its purposes and
    /// the fingerprints of the keys, for the log. Never a key. Default: nothing is told.
    fn fingerprint(&self) -> Option<String> {
        None
    }

    /// Whether a ticket of this format has a place for [`Ticket::properties`]. Default: yes.
    fn holds_properties(&self) -> bool {
        true
    }

    /// Of all texts that this one can be spelled as, the one by which what is remembered of the ticket is
    /// found again. Default: the text itself, where no other opens as the same ticket.
    fn canonical<'t>(&self, text: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(text)
    }

    /// Whether a ticket without expiry is refused. Default: no, as ASP.NET's cookies.
    fn demands_expiry(&self) -> bool {
        false
    }
}

impl<F: TicketFormat + ?Sized> TicketFormat for Arc<F> {
    fn unprotect(&self, text: &str) -> Result<Ticket, AuthError> {
        (**self).unprotect(text)
    }

    fn protect(&self, ticket: &Ticket) -> Result<String, BuildError> {
        (**self).protect(ticket)
    }

    fn renewal_rule(&self) -> RenewalRule {
        (**self).renewal_rule()
    }

    fn session_claim_type(&self) -> Option<&str> {
        (**self).session_claim_type()
    }

    fn authentication_type(&self) -> Option<&str> {
        (**self).authentication_type()
    }

    fn fingerprint(&self) -> Option<String> {
        (**self).fingerprint()
    }

    fn holds_properties(&self) -> bool {
        (**self).holds_properties()
    }

    fn canonical<'t>(&self, text: &'t str) -> Cow<'t, str> {
        (**self).canonical(text)
    }

    fn demands_expiry(&self) -> bool {
        (**self).demands_expiry()
    }
}

/// When a ticket slides, if sliding is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenewalRule {
    /// When what remains is less than what has passed (Katana, ASP.NET Core): not at half.
    AfterHalf,
    /// When what remains is at most what has passed (FormsAuthentication): at half already.
    AtHalf,
}
