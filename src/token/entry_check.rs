//! Is the entry of a token in its issuer's store still valid? And that of its authorization?
//!
//! An issuer such as OpenIddict keeps an entry for each token, and one for the authorization that
//! all tokens of a chain were issued under. A JWT that is checked by its signature alone knows
//! nothing of them: an [`EntryCheck`] asks.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use super::{
    Entry, EntryKind, EntryStatus, EntryStore, Revocations,
    flights::{Boarding, Flight, Flights, Landing, Ticket, on_a_runtime},
};
use crate::{
    attempt::Attempt,
    clock::{Clock, SystemClock},
    error::{AuthError, AuthErrorClass, AuthErrorKind, printable},
    principal::Identity,
};

type Answer = Result<EntryStatus, AuthError>;

/// Refuses what has no valid entry. Give it to a scheme as its [`Revocations`]; both checks at once
/// are a tuple.
///
/// 1. Asked on every request, after the cache of tokens. A status is remembered for a while of its
///    own ([`lifetime`](Self::lifetime)), and who asks about one entry at the same time shares one
///    question.
/// 2. A status that can not be found out is answered 503, unless
///    [`accept_stale`](Self::accept_stale) says otherwise.
/// 3. An identity whose issuer was asked about the token itself (introspection) is not looked at.
///
/// A clone shares what is remembered: keep one to [invalidate](Self::invalidate) by.
///
/// ```
/// # use portcullis::{Attempt, AuthError, token::{Entry, EntryStatus, EntryStore}};
/// # #[derive(Clone, Debug)] struct Database;
/// # impl EntryStore for Database {
/// #     fn status(&self, _: &Entry) -> Attempt<Result<EntryStatus, AuthError>> {
/// #         Attempt::ready(Ok(EntryStatus::Valid))
/// #     }
/// # }
/// # let database = Database;
/// # #[cfg(feature = "jwt")] {
/// use portcullis::{BearerAuth, jwt::{Algorithm, JwtValidator, StaticKeys}, token::EntryCheck};
///
/// let authorizations = EntryCheck::authorizations(database.clone());
/// let validator = JwtValidator::builder(StaticKeys::hmac(Algorithm::HS256, &[7; 32][..])?)
///     .issuer("https://login.example")
///     .audience("https://api.example")
///     .algorithms([Algorithm::HS256])
///     .build()?;
/// let bearer = BearerAuth::new(validator)?
///     .revocations((EntryCheck::tokens(database), authorizations.clone()))?;
/// // a user took a consent back: every token of the chain is refused from the next request on
/// authorizations.invalidate("https://login.example", "a1");
/// # let _ = bearer;
/// # }
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use = "give it to a scheme as its revocations"]
pub struct EntryCheck {
    store: Arc<dyn EntryStore>,
    kind: EntryKind,
    claim: Option<Box<str>>,
    issuer: Option<Box<str>>,
    accepts_missing: bool,
    lifetime: Duration,
    stale: Duration,
    clock: Arc<dyn Clock>,
    memory: Arc<Memory>,
}

struct Memory {
    known: moka::sync::Cache<Entry, Known>,
    flights: Flights<Entry, Answer>,
}

/// What the store said, by the monotonic clock.
#[derive(Clone, Copy)]
struct Known {
    status: EntryStatus,
    asked_at: Duration,
    again_at: Duration,
}

impl EntryCheck {
    /// The entries of authorizations, by [`Identity::authorization_id`]. An identity without one is
    /// accepted: not every token has an authorization.
    pub fn authorizations(store: impl EntryStore + 'static) -> Self {
        Self::new(store, EntryKind::Authorization, true)
    }

    /// The entries of tokens, by [`Identity::token_entry_id`]. An identity without one is refused.
    pub fn tokens(store: impl EntryStore + 'static) -> Self {
        Self::new(store, EntryKind::Token, false)
    }

    fn new(store: impl EntryStore + 'static, kind: EntryKind, accepts_missing: bool) -> Self {
        Self {
            store: Arc::new(store),
            kind,
            claim: None,
            issuer: None,
            accepts_missing,
            lifetime: Duration::from_secs(10),
            stale: Duration::ZERO,
            clock: Arc::new(SystemClock),
            memory: Arc::new(Memory {
                known: moka::sync::Cache::new(MOST_KNOWN),
                flights: Flights::default(),
            }),
        }
    }

    /// Accepts an identity that names no entry. Default: authorizations yes, tokens no.
    pub const fn accept_missing(mut self) -> Self {
        self.accepts_missing = true;
        self
    }

    /// How long beyond its lifetime a valid status serves while the store can not be asked; each
    /// outage is logged. Default: zero, so that it is a 503.
    pub const fn accept_stale(mut self, longest: Duration) -> Self {
        self.stale = longest;
        self
    }

    /// The claim that names the entry. Default: `oi_tkn_id` and `oi_au_id`, as OpenIddict has them.
    pub fn claim(mut self, name: &str) -> Self {
        self.claim = Some(name.into());
        self
    }

    /// Where the time comes from. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Looks at the identities of this issuer alone. Default: at all.
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// How long a status is remembered, which is how long a revoked token may still be accepted.
    /// Zero: each request asks. Default: 10 s.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Refuses an identity that names no entry. Default: tokens yes, authorizations no.
    pub const fn reject_missing(mut self) -> Self {
        self.accepts_missing = false;
        self
    }

    /// Forgets the status of one entry: the next request asks. With the id of an authorization,
    /// every token of the chain is concerned.
    pub fn invalidate(&self, issuer: &str, id: &str) {
        let entry = Entry { kind: self.kind, issuer: issuer.into(), id: id.into() };
        // in this order: what lands before that is forgotten, and what lands after it does not count
        self.memory.flights.overtake(&entry);
        self.memory.known.invalidate(&entry);
    }

    /// The entry to look at; `None`: it is nobody's business here.
    fn entry_of(&self, identity: &Identity) -> Result<Option<Entry>, AuthError> {
        let is_other = |issuer: &str| issuer != identity.issuer();
        if identity.is_introspected() || self.issuer.as_deref().is_some_and(is_other) {
            return Ok(None);
        }
        let id: Option<Box<str>> = match (&self.claim, self.kind) {
            (None, EntryKind::Authorization) => identity.authorization_id().map(Into::into),
            (None, EntryKind::Token) => identity.token_entry_id().map(Into::into),
            (Some(name), _) => match identity.claim(name) {
                None => None,
                Some(serde_json::Value::String(id)) => Some(id.into()),
                Some(_) => {
                    return Err(AuthError::new(AuthErrorKind::RejectedByCheck)
                        .with_detail(format_args!("claim {name} is not a string")));
                }
            },
        };
        match id {
            Some(id) => Ok(Some(Entry { kind: self.kind, issuer: identity.issuer().into(), id })),
            None if self.accepts_missing => Ok(None),
            None => Err(AuthError::new(AuthErrorKind::MissingClaim).with_detail(format_args!(
                "{} is missing, which names the entry; accept_missing() accepts it",
                self.claim.as_deref().unwrap_or(match self.kind {
                    EntryKind::Authorization => "oi_au_id",
                    EntryKind::Token => "oi_tkn_id",
                })
            ))),
        }
    }

    fn known(&self, entry: &Entry) -> Option<Answer> {
        let known = self.memory.known.get(entry)?;
        (self.clock.monotonic() < known.again_at).then_some(Ok(known.status))
    }

    fn ask(&self, entry: &Entry) -> Attempt<Answer> {
        match self.board(entry) {
            Step::Done(answer) => Attempt::ready(answer),
            step => Attempt::pending(self.clone().finish(entry.clone(), step)),
        }
    }

    fn board(&self, entry: &Entry) -> Step {
        let flights = &self.memory.flights;
        let flight = match flights.board(entry.clone(), || self.known(entry)) {
            Boarding::Known(answer) => return Step::Done(answer),
            Boarding::Flying(ticket) => return Step::Wait(ticket),
            Boarding::Started(flight) => flight,
        };
        let (ticket, asked_at) = (flight.ticket(), self.clock.monotonic());
        match self.store.status(entry).into_ready() {
            Ok(answer) => {
                self.land(flight, answer, asked_at);
                match ticket.landing_by_now() {
                    Some(Landing::Answer(answer)) => Step::Done(answer),
                    _ => Step::Wait(ticket),
                }
            }
            Err(pending) => {
                let (runtime, question) = on_a_runtime(pending);
                let check = self.clone();
                let fly = async move {
                    let answer = question.await;
                    check.land(flight, answer, asked_at);
                };
                match runtime {
                    // on its own: a caller that goes away cancels nothing
                    Some(runtime) => {
                        runtime.spawn(fly);
                        Step::Wait(ticket)
                    }
                    None => Step::Fly(Box::pin(fly), ticket),
                }
            }
        }
    }

    async fn finish(self, entry: Entry, mut step: Step) -> Answer {
        for _ in 0..MOST_FLIGHTS {
            let mut ticket = match step {
                Step::Done(answer) => return answer,
                Step::Fly(fly, ticket) => {
                    fly.await;
                    ticket
                }
                Step::Wait(ticket) => ticket,
            };
            if let Landing::Answer(answer) = ticket.landing().await {
                return answer;
            }
            step = self.board(&entry);
        }
        Err(AuthError::new(AuthErrorKind::IssuerUnreachable)
            .with_detail("the question about an entry ended without an answer each time"))
    }

    /// Takes in what the store said, and tells those who wait.
    fn land(&self, flight: Flight<Entry, Answer>, said: Answer, asked_at: Duration) {
        let now = self.clock.monotonic();
        flight.land_unless_overtaken(|entry| self.take_in(entry, said, asked_at, now));
    }

    /// What is answered, and what is remembered of it.
    fn take_in(&self, entry: &Entry, said: Answer, asked_at: Duration, now: Duration) -> Answer {
        let (answer, known) = match said {
            Ok(status) => {
                let again_at = asked_at.saturating_add(self.lifetime);
                (Ok(status), Some(Known { status, asked_at, again_at }))
            }
            Err(error) => match self.memory.known.get(entry) {
                Some(known) if now < self.stale_until(known) => {
                    tracing::warn!(
                        target: "portcullis",
                        %error,
                        "the store of entries can not be asked; what it said before serves",
                    );
                    let again_at = now.saturating_add(PAUSE).min(self.stale_until(known));
                    (Ok(known.status), Some(Known { again_at, ..known }))
                }
                _ => (Err(undecided(error)), None),
            },
        };
        if let Some(known) = known {
            self.memory.known.insert(entry.clone(), known);
        }
        answer
    }

    fn stale_until(&self, known: Known) -> Duration {
        if self.stale.is_zero() {
            return Duration::ZERO;
        }
        known.asked_at.saturating_add(self.lifetime).saturating_add(self.stale)
    }
}

/// How a question about an entry goes on.
enum Step {
    Done(Answer),
    /// There is no runtime that would do it: whoever asks does.
    Fly(Pin<Box<dyn Future<Output = ()> + Send>>, Ticket<Answer>),
    Wait(Ticket<Answer>),
}

impl Revocations for EntryCheck {
    fn is_revoked(&self, identity: &Identity) -> Attempt<Result<bool, AuthError>> {
        let entry = match self.entry_of(identity) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Attempt::ready(Ok(false)),
            Err(error) => return Attempt::ready(Err(error)),
        };
        match self.known(&entry) {
            Some(answer) => Attempt::ready(verdict(&entry, answer)),
            None => self.ask(&entry).map(move |answer| verdict(&entry, answer)),
        }
    }
}

impl fmt::Debug for EntryCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryCheck")
            .field("kind", &self.kind)
            .field("store", &self.store)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

fn verdict(entry: &Entry, answer: Answer) -> Result<bool, AuthError> {
    let status = answer?;
    if status == EntryStatus::Valid {
        return Ok(false);
    }
    let (kind, id) = (entry.kind, printable(&entry.id, 64));
    Err(AuthError::new(AuthErrorKind::Revoked)
        .with_detail(format_args!("the entry of {kind:?} {id} is {status:?}")))
}

/// A store has no opinion on credentials but by a status.
fn undecided(error: AuthError) -> AuthError {
    match error.kind().class() {
        AuthErrorClass::Undecidable | AuthErrorClass::Misconfigured => error,
        AuthErrorClass::Invalid | AuthErrorClass::Malformed => {
            AuthError::new(AuthErrorKind::IssuerUnreachable).with_detail(error)
        }
    }
}

const MOST_KNOWN: u64 = 100_000;
/// A flight may be lost, and the next one overtaken by an invalidation.
const MOST_FLIGHTS: usize = 3;
/// So long the store is left alone while an old status serves.
const PAUSE: Duration = Duration::from_secs(1);
