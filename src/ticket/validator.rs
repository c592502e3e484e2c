//! The validator of tickets.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    Revalidate, SessionKey, Sessions, Ticket, TicketClaim, TicketFormat, TicketIdentity,
    renewal::Sliding, rules::Rules,
};
use crate::{
    attempt::Attempt,
    clock::{Clock, SystemClock},
    error::{AuthError, BuildError},
    principal::Identity,
    token::{Presented, Renewed, TokenValidator},
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
            },
            revalidate: None,
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

    /// Asks the application whether the user of a ticket is still good. Default: nobody is asked.
    #[must_use]
    pub fn revalidate(self, hook: impl Revalidate + 'static) -> Self {
        self.with(|rules| rules.revalidate = Some(Arc::new(hook)))
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
            Ok(opened) => self.rules.judge(opened),
            Err(error) => Attempt::ready(Err(error)),
        }
    }

    fn is_ticket(&self) -> bool {
        true
    }

    /// The text of the ticket that slid. A session slid already when it was judged; its cookie is
    /// written again for the browser's sake, with the same key.
    fn renew(&self, identity: &Identity) -> Option<Renewed> {
        let ticket = Ticket::of(identity)?;
        let written = if self.rules.sessions.is_some() {
            let key = SessionKey::from(identity.session_id()?);
            let slid = ticket.issued_at != identity.issued_at();
            slid.then(|| self.write(&self.reference(ticket, &key), ticket))
        } else {
            let slid = self.rules.sliding.slide(ticket, self.rules.clock.now());
            slid.map(|slid| self.write(&slid, &slid))
        };
        written?
            .inspect_err(|error| {
                tracing::error!(target: "portcullis", %error, "a ticket could not be renewed");
            })
            .ok()
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
