//! Whether the user of a good credential is still good, asked of the application.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    attempt::Attempt,
    error::{AuthError, AuthErrorKind},
    principal::Identity,
};

/// Asked about the user of a token or a ticket that is good in itself: does the user still exist, is
/// the account open, is the security stamp still the same?
///
/// One implementation serves both: [`TicketValidator::revalidate`] for tickets, [`Revalidated`] (or
/// [`BearerScheme::revalidate`]) for tokens.
///
/// 1. It is asked when more than [`interval`](Self::interval) has passed since the credential was last
///    checked, or else issued; at the very end of the interval it is not. A credential that tells no
///    issue time, or one that lies ahead, is asked about at once.
/// 2. Sliding does not move the moment of the last check: it travels in the ticket, in the property
///    `portcullis.checked_at`. A format without properties (FormsAuthentication) has no place for it,
///    and this process remembers it.
/// 3. A verdict is remembered in this process: the interval long if it is [`Verdict::Keep`], 10 s if
///    it is [`Verdict::Reject`]. Requests that come while it is asked share the one question, and
///    whoever of them goes away cancels nothing.
/// 4. A credential that names no user is refused without being asked about
///    ([`UserGone`](AuthErrorKind::UserGone)): who it is cannot be checked.
/// 5. "I could not find out" is an error, and answered with 503 whatever its kind. With
///    [`stale`](Self::stale) the last verdict serves for a while.
///
/// So a changed password, a locked or a deleted account reaches every credential after the interval
/// at the latest. What must be over with the next request is said to the
/// [revocations](super::Revocations) as well.
///
/// ```
/// use portcullis::{Attempt, AuthError, AuthErrorKind, Identity};
/// use portcullis::token::{Revalidate, Verdict};
///
/// /// The users of a small company, each with a stamp that every change of the password renews.
/// #[derive(Debug)]
/// struct Staff(Vec<(&'static str, &'static str)>);
///
/// const STAMP: &str = "AspNet.Identity.SecurityStamp";
///
/// impl Revalidate for Staff {
///     fn revalidate(&self, user: &Identity) -> Attempt<Result<Verdict, AuthError>> {
///         let known = self.0.iter().find(|(name, _)| user.subject() == Some(*name));
///         Attempt::ready(Ok(match known {
///             None => Verdict::Reject(AuthErrorKind::UserGone),
///             Some((_, stamp)) if user.claim_str(STAMP).as_deref() != Some(*stamp) => {
///                 Verdict::Reject(AuthErrorKind::StampMismatch)
///             }
///             Some(_) => Verdict::Keep,
///         }))
///     }
///
///     /// All browsers of one user with one stamp share one question.
///     fn cache_key(&self, user: &Identity) -> Option<String> {
///         user.claim_str(STAMP)
///     }
/// }
/// # let staff = Staff(vec![("alice", "s1")]);
/// # let user = |stamp: &str| Identity::builder("i").subject("alice")
/// #     .claims_json(format!(r#"{{"{STAMP}":"{stamp}"}}"#).into_bytes()).build();
/// # let verdict = |stamp: &str| staff.revalidate(&user(stamp)).into_ready().unwrap().unwrap();
/// # assert!(matches!(verdict("s1"), Verdict::Keep));
/// # assert!(matches!(verdict("s0"), Verdict::Reject(AuthErrorKind::StampMismatch)));
/// ```
///
/// [`BearerScheme::revalidate`]: crate::scheme::BearerScheme::revalidate
/// [`Revalidated`]: super::Revalidated
#[cfg_attr(
    feature = "tickets",
    doc = "[`TicketValidator::revalidate`]: crate::ticket::TicketValidator::revalidate"
)]
#[cfg_attr(not(feature = "tickets"), doc = "[`TicketValidator::revalidate`]: Revalidate")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not judge users: implement `Revalidate` for it"
)]
pub trait Revalidate: fmt::Debug + Send + Sync {
    /// What becomes of the credential. An error says that it could not be found out; a "no" is
    /// [`Verdict::Reject`].
    fn revalidate(&self, identity: &Identity) -> Attempt<Result<Verdict, AuthError>>;

    /// How long a check is believed. Default: 30 min, as ASP.NET Identity.
    fn interval(&self) -> Duration {
        Duration::from_secs(30 * 60)
    }

    /// How long beyond the interval the last check serves while it can not be found out anew; each
    /// time is logged. Default: zero, and the answer is 503. Where a cache serves stale answers of an
    /// issuer, it serves for as long without this check as well.
    fn stale(&self) -> Duration {
        Duration::ZERO
    }

    /// What the verdict depends on, beside issuer and subject: credentials of one user with the same
    /// key share one question and its verdict. Name everything, or somebody is let in by the verdict
    /// on another credential. Default: none, and each credential is asked about by itself.
    fn cache_key(&self, identity: &Identity) -> Option<String> {
        let _ = identity;
        None
    }
}

impl<R: Revalidate + ?Sized> Revalidate for Arc<R> {
    fn revalidate(&self, identity: &Identity) -> Attempt<Result<Verdict, AuthError>> {
        (**self).revalidate(identity)
    }

    fn interval(&self) -> Duration {
        (**self).interval()
    }

    fn stale(&self) -> Duration {
        (**self).stale()
    }

    fn cache_key(&self, identity: &Identity) -> Option<String> {
        (**self).cache_key(identity)
    }
}

/// What becomes of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Its user is still good.
    Keep,
    /// It is refused, for this reason: [`StampMismatch`](AuthErrorKind::StampMismatch),
    /// [`UserGone`](AuthErrorKind::UserGone) for a user who is deleted or locked. A ticket does not
    /// slide then, its session is removed, and for these two reasons its cookie is deleted.
    Reject(AuthErrorKind),
}
