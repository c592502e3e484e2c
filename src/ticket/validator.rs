//! The validator of tickets.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use super::{
    SessionKey, Sessions, Ticket, TicketClaim, TicketFormat, TicketIdentity,
    regenerate::Regenerate,
    renewal::{self, Sliding},
    rules::Rules,
};
use crate::{
    attempt::Attempt,
    clock::{Clock, SystemClock},
    error::{AuthError, BuildError},
    principal::Identity,
    token::{Presented, Renewed, Revalidate, Revalidation, TokenValidator},
};

/// Judges the tickets of one format. See the [module's documentation](super) for the rules.
///
/// It serves cookies and bearer tokens alike. A clone is the same validator: one for the gate, one
/// for the handlers that [sign users in and out](Self::issue).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use portcullis::ticket::{InMemorySessions, Ticket, TicketValidator};
/// use portcullis::ticket::aspnet::{KatanaCookie, MachineKey};
/// use portcullis::token::{Presented, TokenValidator};
///
/// let key = MachineKey::from_hex(&"A0".repeat(64), &"5C".repeat(32))?;
/// let tickets = TicketValidator::new(KatanaCookie::new(key, "ApplicationCookie")?)
///     .lifetime(Duration::from_secs(20 * 60))
///     .max_lifetime(Duration::from_secs(12 * 3600))
///     .sessions(InMemorySessions::default())?;
///
/// let cookie = tickets.issue(Ticket::new("ApplicationCookie", "alice")).await?;
/// # let (parts, ()) = http::Request::new(()).into_parts();
/// let text = str::from_utf8(cookie.text.expose())?;
/// let alice = tickets.validate(Presented::new(text, &parts)).await?;
/// assert_eq!(alice.subject(), Some("alice"));
///
/// tickets.sign_out(&alice).await?;
/// assert!(tickets.validate(Presented::new(text, &parts)).await.is_err());
/// # Ok(())
/// # }
/// ```
pub struct TicketValidator<F> {
    pub(super) format: Arc<F>,
    pub(super) rules: Arc<Rules>,
}

impl<F: TicketFormat> TicketValidator<F> {
    /// A validator of this format: tickets slide, as in ASP.NET; no sessions, no tolerance.
    #[must_use]
    pub fn new(format: F) -> Self {
        let rules = Rules {
            clock: Arc::new(SystemClock),
            issuer: TicketClaim::LOCAL_AUTHORITY.into(),
            lifetime: None,
            demands_expiry: format.demands_expiry(),
            sliding: Sliding {
                on: true,
                rule: format.renewal_rule(),
                max_lifetime: None,
                remembers: format.holds_properties(),
                checks: false,
            },
            revalidation: None,
            regenerate: None,
            sessions: None,
            session_claim_type: format.session_claim_type().map(Into::into),
        };
        Self { format: Arc::new(format), rules: Arc::new(rules) }
    }

    /// Where the time comes from. Default: the operating system.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.with(|rules| rules.clock = Arc::new(clock))
    }

    /// Who vouches for the tickets: the issuer of every identity. Default: `LOCAL AUTHORITY`, .NET's
    /// word for the application itself.
    #[must_use]
    pub fn issuer(self, issuer: &str) -> Self {
        self.with(|rules| rules.issuer = issuer.into())
    }

    /// Whether tickets slide. Default: yes. A ticket that says that it must not slide never does.
    #[must_use]
    pub fn sliding(self, on: bool) -> Self {
        self.with(|rules| rules.sliding.on = on)
    }

    /// How long a ticket is good that is [issued](Self::issue) here without an expiry. Default: none,
    /// and such a ticket is not issued. One that slides keeps the lifetime that it has.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        self.with(|rules| rules.lifetime = Some(lifetime))
    }

    /// The longest time from the sign-in, however often a ticket slid. Default: no limit.
    ///
    /// The moment of the sign-in stands in the property `portcullis.signed_in_at`; where it is
    /// missing, the issue time counts, and a ticket without one is refused. A format without
    /// properties (FormsAuthentication) has no place for it: with this limit its tickets do not
    /// slide. [`sessions`](Self::sessions) remember it always.
    #[must_use]
    pub fn max_lifetime(self, longest: Duration) -> Self {
        self.with(|rules| rules.sliding.max_lifetime = Some(longest))
    }

    /// Asks the application from time to time whether the user of a ticket is still good: ASP.NET
    /// Identity's security stamp. Default: nobody is asked.
    #[must_use]
    pub fn revalidate(self, hook: impl Revalidate + 'static) -> Self {
        self.with(|rules| {
            rules.revalidation = Some(Revalidation::new(hook));
            rules.sliding.checks = true;
        })
    }

    /// Signs the user of a ticket in again whose last check by [`revalidate`](Self::revalidate) is newer
    /// than the ticket: ASP.NET Identity's `regenerateIdentity`. What this makes of the old ticket takes its place,
    /// with the old one's properties and persistence and a full new lifetime, also where tickets do
    /// not slide; an end by [`max_lifetime`](Self::max_lifetime) stays. Where it fails, the old ticket
    /// stays, and the log tells. Default: the ticket stays as it is.
    ///
    /// A format that does not remember the sign-in (FormsAuthentication) makes nothing anew under a
    /// `max_lifetime`.
    ///
    /// ```
    /// # use portcullis::{Attempt, AuthError, Identity, ticket::{Ticket, TicketFormat, TicketIdentity, TicketValidator}};
    /// # use portcullis::token::Revalidate;
    /// # fn build<F: TicketFormat>(tickets: TicketValidator<F>, users: impl Revalidate + 'static) -> TicketValidator<F> {
    /// tickets.revalidate(users).regenerate(|old| {
    ///     let name = old.name().unwrap_or_default();
    ///     let roles = ["clerk"]; // what the user is by now
    ///     let ticket = roles.iter().fold(Ticket::new("ApplicationCookie", name), |ticket, role| {
    ///         ticket.with_claim(TicketIdentity::ROLE, role)
    ///     });
    ///     Attempt::ready(Ok(ticket))
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn regenerate(
        self,
        make: impl Fn(&Ticket) -> Attempt<Result<Ticket, AuthError>> + Send + Sync + 'static,
    ) -> Self {
        self.with(|rules| rules.regenerate = Some(Regenerate(Arc::new(make))))
    }

    /// Keeps the tickets in a store; the cookie holds the key of its session alone. A cookie that
    /// holds anything else is refused. Default: none, and a cookie that names a session is refused.
    ///
    /// # Errors
    /// The format has no mark for a cookie that names a session.
    pub fn sessions(self, store: impl Sessions + 'static) -> Result<Self, BuildError> {
        if self.rules.session_claim_type.is_none() {
            return Err(BuildError::invalid(
                "sessions",
                "this ticket format cannot name a session; use KatanaCookie, or no sessions",
            ));
        }
        Ok(self.with(|rules| {
            rules.sessions = Some(Arc::new(store));
            rules.sliding.remembers = true;
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.rules));
        self
    }

    /// The text of a ticket, and how long a browser keeps it. `content` tells the persistence: it is
    /// the ticket itself, or the one in the store that it names.
    pub(super) fn write(&self, ticket: &Ticket, content: &Ticket) -> Result<Renewed, BuildError> {
        let persist_until = content.expires_at.filter(|_| content.is_persistent);
        Ok(Renewed::new(self.format.protect(ticket)?, persist_until))
    }

    /// What the check of its user is remembered by: not by a spelling, which whoever has the ticket may
    /// choose.
    fn known_by<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.rules.revalidation.is_some() {
            self.format.canonical(text)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The ticket that follows one of this identity. Where it has no place for the moment of the last
    /// check, this process remembers it.
    fn write_next(&self, identity: &Identity, mut next: Ticket) -> Result<Renewed, BuildError> {
        let Some(revalidation) = self.rules.revalidation.as_ref() else {
            return self.write(&next, &next);
        };
        if self.rules.sliding.remembers {
            return self.write(&next, &next);
        }
        let checked_at = renewal::take_check(&mut next);
        let written = self.write(&next, &next)?;
        if let (Some(at), Ok(text)) = (checked_at, str::from_utf8(written.text.expose())) {
            revalidation.inherit(identity, &self.known_by(text), at, &*self.rules.clock);
        }
        Ok(written)
    }

    /// The ticket that names a session: one claim and no times (Katana's
    /// `CookieAuthenticationHandler` does this).
    pub(super) fn reference(&self, content: &Ticket, key: &SessionKey) -> Ticket {
        let authentication_type =
            content.identity().map_or("", |identity| identity.authentication_type.as_str());
        let claim_type = self.rules.session_claim_type.as_deref().unwrap_or_default();
        let mut ticket = Ticket::new(authentication_type, "");
        ticket.identities = vec![TicketIdentity {
            claims: vec![TicketClaim::new(claim_type, key.as_str())],
            ..TicketIdentity::new(authentication_type, "")
        }];
        ticket
    }
}

impl<F: TicketFormat> TokenValidator for TicketValidator<F> {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        match self.format.unprotect(presented.token()) {
            Ok(opened) => self.rules.judge(opened, &self.known_by(presented.token())),
            Err(error) => Attempt::ready(Err(error)),
        }
    }

    fn is_ticket(&self) -> bool {
        true
    }

    fn fingerprint(&self) -> Option<String> {
        self.format.fingerprint()
    }

    /// The text of the ticket that slid, or whose user was signed in again. A session slid already
    /// when it was judged; its cookie is written again for the browser's sake, with the same key.
    fn renew(&self, identity: &Identity) -> Option<Renewed> {
        let ticket = Ticket::of(identity)?;
        // issued when it was judged, and the user did not sign in just then
        let is_new =
            ticket.issued_at == identity.verified_at() && ticket.issued_at != identity.issued_at();
        let written = if self.rules.sessions.is_some() {
            let key = SessionKey::from(identity.session_id()?);
            is_new.then(|| self.write(&self.reference(ticket, &key), ticket))
        } else {
            let next = if is_new {
                Some(ticket.clone())
            } else {
                self.rules.sliding.slide(ticket, self.rules.clock.now())
            };
            next.map(|next| self.write_next(identity, next))
        };
        written?
            .inspect_err(|error| {
                tracing::error!(target: "portcullis", %error, "a ticket could not be renewed");
            })
            .ok()
    }

    /// Removes the session.
    fn end(&self, identity: &Identity) -> Attempt<Result<(), AuthError>> {
        match (&self.rules.sessions, identity.session_id()) {
            (Some(store), Some(key)) => store
                .remove(&SessionKey::from(key))
                .map(|removed| removed.map_err(AuthError::into_undecidable)),
            _ => Attempt::ready(Ok(())),
        }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.rules.clock)
    }
}

impl<F> Clone for TicketValidator<F> {
    fn clone(&self) -> Self {
        Self { format: Arc::clone(&self.format), rules: Arc::clone(&self.rules) }
    }
}

impl<F: fmt::Debug> fmt::Debug for TicketValidator<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketValidator")
            .field("format", &self.format)
            .field("rules", &self.rules)
            .finish()
    }
}
