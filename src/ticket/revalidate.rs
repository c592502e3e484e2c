//! Whether the user of a good ticket is still good, asked of the application.

use std::{fmt, sync::Arc, time::Duration};

use super::Ticket;
use crate::{
    attempt::Attempt,
    error::{AuthError, AuthErrorKind},
};

/// Asked for every ticket that was opened and is within its times: does the user still exist, is
/// the security stamp still the same?
///
/// A validator without a cache asks with every request. Inside
/// [`Cached`](crate::token::Cached) it is asked again after [`interval`](Self::interval).
///
/// ```
/// use portcullis::{Attempt, AuthError, AuthErrorKind};
/// use portcullis::ticket::{Revalidate, Ticket, Verdict};
///
/// /// Nobody is good but alice.
/// #[derive(Debug)]
/// struct OnlyAlice;
///
/// impl Revalidate for OnlyAlice {
///     fn revalidate(&self, ticket: &Ticket) -> Attempt<Result<Verdict, AuthError>> {
///         Attempt::ready(Ok(match ticket.name() {
///             Some("alice") => Verdict::Keep,
///             _ => Verdict::Reject(AuthErrorKind::UserGone),
///         }))
///     }
/// }
/// # let _ = OnlyAlice;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not judge the users of tickets: implement `Revalidate` for it"
)]
pub trait Revalidate: fmt::Debug + Send + Sync {
    /// What becomes of the ticket. An error says that it could not be found out, and is answered
    /// with 503 whatever its kind; a "no" is [`Verdict::Reject`].
    fn revalidate(&self, ticket: &Ticket) -> Attempt<Result<Verdict, AuthError>>;

    /// How long a verdict is believed by a cache. Default: 30 min, as ASP.NET Identity.
    fn interval(&self) -> Duration {
        Duration::from_secs(30 * 60)
    }
}

impl<R: Revalidate + ?Sized> Revalidate for Arc<R> {
    fn revalidate(&self, ticket: &Ticket) -> Attempt<Result<Verdict, AuthError>> {
        (**self).revalidate(ticket)
    }

    fn interval(&self) -> Duration {
        (**self).interval()
    }
}

/// What becomes of a ticket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// It stays as it is.
    Keep,
    /// It is refused, for this reason: [`StampMismatch`](AuthErrorKind::StampMismatch),
    /// [`UserGone`](AuthErrorKind::UserGone). It does not slide, and its session is removed.
    Reject(AuthErrorKind),
    /// This ticket takes its place, with the times and the age of the old one. A session's entry is
    /// replaced at once; a ticket without a session is written when it next slides, and its format
    /// must have a place for it: a forms ticket holds a name and no role.
    Replace(Box<Ticket>),
}
