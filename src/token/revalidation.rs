//! When the application is asked about a user, and what it said.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use super::{
    Revalidate, Verdict,
    flights::{Boarding, Flight, Flights, Landing, Ticket, on_a_runtime},
    refused::{Fingerprint, Refused, fingerprint},
};
use crate::{
    attempt::Attempt,
    clock::{Clock, UnixTime},
    error::{AuthError, AuthErrorClass, AuthErrorKind},
    principal::Identity,
};

/// The hook of one validator, and its memory. A clone is the same.
#[derive(Clone)]
pub(crate) struct Revalidation(Arc<Inner>);

struct Inner {
    hook: Box<dyn Revalidate>,
    interval: Duration,
    stale: Duration,
    /// The reading of the monotonic clock at the last check; `None` if the last verdict was a "no".
    kept: moka::sync::Cache<Fingerprint, Option<Duration>>,
    refused: Refused,
    flights: Flights<Fingerprint, Answer>,
}

/// Whether the user is good.
type Answer = Result<(), AuthError>;

/// What a credential says about its last check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// When it was checked, or else issued.
    pub(crate) at: Option<UnixTime>,
    /// What this process remembers may lie before that and counts all the same: the credential slid,
    /// and had no place for the moment.
    pub(crate) may_have_slid: bool,
}

/// A credential whose user is good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked {
    /// The last check.
    pub(crate) at: UnixTime,
    /// Until which reading of the monotonic clock nobody need ask again.
    pub(crate) fresh_until: Duration,
    /// This very request asked; others may have waited for it.
    pub(crate) asked: bool,
}

impl Revalidation {
    pub(crate) fn new(hook: impl Revalidate + 'static) -> Self {
        Self(Arc::new(Inner {
            interval: hook.interval(),
            stale: hook.stale(),
            hook: Box::new(hook),
            kept: moka::sync::Cache::new(MOST_KEPT),
            refused: Refused::new(REFUSED_FOR),
            flights: Flights::default(),
        }))
    }

    pub(crate) fn interval(&self) -> Duration {
        self.0.interval
    }

    /// Checks the user of a credential, if that is due. `text` is what the credential is known by.
    pub(crate) fn check(
        &self,
        identity: &Identity,
        text: &str,
        told: Told,
        clock: &Arc<dyn Clock>,
    ) -> Attempt<Result<Checked, AuthError>> {
        if identity.subject().is_none_or(str::is_empty) {
            let error = AuthError::new(AuthErrorKind::UserGone)
                .with_detail("its user is to be checked, and it names none");
            return Attempt::ready(Err(error));
        }
        if let Some(last) = Last::told(told, &**clock)
            && last.age <= self.0.interval
            && !told.may_have_slid
        {
            return Attempt::ready(Ok(self.checked(last, &**clock)));
        }
        let question = Question {
            of: self.clone(),
            key: self.key(identity, text),
            identity: identity.clone(),
            told,
            clock: Arc::clone(clock),
        };
        match question.last().filter(|last| last.age <= self.0.interval) {
            Some(last) => Attempt::ready(Ok(self.checked(last, &**clock))),
            None => question.ask(),
        }
    }

    /// Takes over the moment of the last check for a credential that slid and has no place for it.
    pub(crate) fn inherit(&self, identity: &Identity, text: &str, at: UnixTime, clock: &dyn Clock) {
        let age = clock.now().saturating_since(at);
        self.0.kept.insert(self.key(identity, text), Some(clock.monotonic().saturating_sub(age)));
    }

    fn key(&self, identity: &Identity, text: &str) -> Fingerprint {
        match self.0.hook.cache_key(identity) {
            // as text in quotes, so that no two users run into one another
            Some(key) => {
                fingerprint(&format!("{:?}", (identity.issuer(), identity.subject(), key)))
            }
            None => fingerprint(text),
        }
    }

    fn checked(&self, last: Last, clock: &dyn Clock) -> Checked {
        // at the end of the interval it is still fresh, and an identity is not
        let left = self.0.interval.saturating_sub(last.age).saturating_add(Duration::from_nanos(1));
        Checked { at: last.at, fresh_until: clock.monotonic().saturating_add(left), asked: false }
    }
}

impl fmt::Debug for Revalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hook.fmt(f)
    }
}

impl Inner {
    /// Takes in a verdict, which is believed from when it was asked for and not from when it came.
    fn land(
        &self,
        flight: Flight<Fingerprint, Answer>,
        verdict: Result<Verdict, AuthError>,
        asked_at: Duration,
        now: Duration,
    ) {
        let answer = match verdict {
            Ok(Verdict::Keep) => {
                self.kept.insert(*flight.key(), Some(asked_at));
                Ok(())
            }
            Ok(Verdict::Reject(kind)) => {
                // an outage later must not bring back what an older check or the credential says
                if kind.class() != AuthErrorClass::Undecidable {
                    self.kept.insert(*flight.key(), None);
                }
                Err(AuthError::new(kind))
            }
            Err(error) => Err(error.into_undecidable()),
        };
        if let Err(error) = &answer {
            self.refused.add(*flight.key(), error, now);
        }
        flight.land(Landing::Answer(answer));
    }
}

/// The last check of a credential, and how long ago that was.
#[derive(Clone, Copy)]
struct Last {
    at: UnixTime,
    age: Duration,
}

impl Last {
    /// As the credential tells: no reading of a clock moves that moment. One that lies ahead says
    /// nothing: no clock that was set back puts a check off.
    fn told(told: Told, clock: &dyn Clock) -> Option<Self> {
        let now = clock.now();
        let at = told.at.filter(|at| *at <= now)?;
        Some(Self { at, age: now.saturating_since(at) })
    }

    fn ago(age: Duration, clock: &dyn Clock) -> Self {
        Self { at: clock.now() - age, age }
    }
}

/// One credential that is due.
struct Question {
    of: Revalidation,
    key: Fingerprint,
    identity: Identity,
    told: Told,
    clock: Arc<dyn Clock>,
}

impl Question {
    /// `None` also where the last verdict was a "no".
    fn last(&self) -> Option<Last> {
        let clock = &*self.clock;
        let remembered = match self.of.0.kept.get(&self.key) {
            Some(None) => return None,
            Some(Some(at)) => Some(Last::ago(clock.monotonic().saturating_sub(at), clock)),
            None => None,
        };
        let told = Last::told(self.told, clock);
        match (remembered, told) {
            (Some(remembered), Some(told)) if !self.told.may_have_slid => {
                Some(if remembered.age < told.age { remembered } else { told })
            }
            (remembered, told) => remembered.or(told),
        }
    }

    fn ask(self) -> Attempt<Result<Checked, AuthError>> {
        match self.board() {
            Step::Done(answer, asked) => Attempt::ready(self.conclude(answer, asked)),
            step => Attempt::pending(self.finish(step)),
        }
    }

    fn board(&self) -> Step {
        let inner = &*self.of.0;
        let now = self.clock.monotonic();
        let known = || match self.last().filter(|last| last.age <= inner.interval) {
            Some(_) => Some(Ok(())),
            None => inner.refused.get(&self.key, now).map(Err),
        };
        let flight = match inner.flights.board(self.key, known) {
            Boarding::Known(answer) => return Step::Done(answer, false),
            Boarding::Flying(ticket) => return Step::Wait(ticket, false),
            Boarding::Started(flight) => flight,
        };
        let ticket = flight.ticket();
        match inner.hook.revalidate(&self.identity).into_ready() {
            Ok(verdict) => {
                inner.land(flight, verdict, now, now);
                match ticket.landing_by_now() {
                    Some(Landing::Answer(answer)) => Step::Done(answer, true),
                    _ => Step::Wait(ticket, true),
                }
            }
            Err(pending) => {
                let (runtime, question) = on_a_runtime(pending);
                let (of, clock) = (self.of.clone(), Arc::clone(&self.clock));
                let fly = async move {
                    let verdict = question.await;
                    of.0.land(flight, verdict, now, clock.monotonic());
                };
                match runtime {
                    // on its own: a caller that goes away cancels nothing
                    Some(runtime) => {
                        runtime.spawn(fly);
                        Step::Wait(ticket, true)
                    }
                    None => Step::Fly(Box::pin(fly), ticket),
                }
            }
        }
    }

    async fn finish(self, mut step: Step) -> Result<Checked, AuthError> {
        for _ in 0..MOST_FLIGHTS {
            let (mut ticket, asked) = match step {
                Step::Done(answer, asked) => return self.conclude(answer, asked),
                Step::Fly(fly, ticket) => {
                    fly.await;
                    (ticket, true)
                }
                Step::Wait(ticket, asked) => (ticket, asked),
            };
            if let Landing::Answer(answer) = ticket.landing().await {
                return self.conclude(answer, asked);
            }
            step = self.board();
        }
        let error = AuthError::new(AuthErrorKind::IssuerUnreachable)
            .with_detail("the question about the user ended without an answer each time");
        self.conclude(Err(error), false)
    }

    /// What the answer means for this credential.
    fn conclude(&self, answer: Answer, asked: bool) -> Result<Checked, AuthError> {
        let (inner, clock) = (&*self.of.0, &*self.clock);
        let Err(error) = answer else {
            let last = self.last().filter(|last| last.age <= inner.interval);
            let last = last.unwrap_or_else(|| Last::ago(Duration::ZERO, clock));
            return Ok(Checked { asked, ..self.of.checked(last, clock) });
        };
        let may_serve = inner.interval.saturating_add(inner.stale);
        match self.last().filter(|last| !inner.stale.is_zero() && last.age <= may_serve) {
            Some(last) if error.kind().class() == AuthErrorClass::Undecidable => {
                tracing::warn!(
                    target: "portcullis",
                    %error,
                    "a user could not be checked; the check of {} s ago serves",
                    last.age.as_secs()
                );
                let fresh_until = clock.monotonic().saturating_add(STALE_FOR);
                Ok(Checked { at: last.at, fresh_until, asked: false })
            }
            _ => Err(error),
        }
    }
}

/// How a question goes on; `true`: this request asked it.
enum Step {
    Done(Answer, bool),
    /// There is no runtime that would do it: whoever asked does.
    Fly(Pin<Box<dyn Future<Output = ()> + Send>>, Ticket<Answer>),
    Wait(Ticket<Answer>, bool),
}

/// Checks that are remembered; whose is not is asked about again.
const MOST_KEPT: u64 = 100_000;
/// How long a "no" is believed.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// How long nobody asks again about a credential that was let in by an old check.
const STALE_FOR: Duration = Duration::from_secs(1);
/// A flight may be lost when the runtime that it belongs to ends.
const MOST_FLIGHTS: usize = 3;
