//! Verified tokens, remembered.
//!
//! 1. Only verified tokens are remembered: a flood of garbage evicts nothing.
//! 2. A token's place is a randomly seeded hash of its last 64 bytes; what decides is a comparison
//!    of the **whole** token in constant time.
//! 3. Every hit is judged again by the clock: expiry, `nbf`, freshness and the lease of the key
//!    that verified it ([`Identity::is_usable`]).
//! 4. The cache belongs to one validator; two validators never share an entry.
//! 5. Where somebody is asked about the token ([`Caching::Remote`]), one question serves all that
//!    have it at the same time, and a "no" is remembered for a while in a small place of its own.
//! 6. What was invalidated while it was being found out is neither remembered nor believed.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use super::{
    Caching, InMemoryTokens, Presented, Renewed, TokenCache, TokenValidator,
    flights::{Boarding, Flight, Flights, Landing, Ticket, on_a_runtime},
    invalidations::{Invalidations, Since},
    refused::{Fingerprint, Refused, fingerprint},
};
use crate::{
    attempt::Attempt,
    clock::Clock,
    error::{AuthError, AuthErrorClass, AuthErrorKind},
    principal::Identity,
    secret::Secret,
};

/// A validator that remembers what it accepted. Around every validator whose answer costs more
/// than a look-up; the ready-made stacks put it there by themselves.
///
/// A clone shares what is remembered: keep one to [invalidate](Self::invalidate) by.
///
/// Subjects, sessions and authorizations are those of an issuer, and that is what
/// [`Identity::issuer`] says, to the letter: what the validator was told. An introspection validator
/// that was told none says its endpoint's URL; a ticket validator says `LOCAL AUTHORITY`. Another
/// spelling is no error, and nothing is forgotten.
///
/// ```
/// # use portcullis::{Attempt, AuthError, Identity, token::{Presented, TokenValidator}};
/// # #[derive(Debug)] struct Anybody;
/// # impl TokenValidator for Anybody {
/// #     fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
/// #         Attempt::ready(Ok(Identity::builder("https://login.example").subject("alice").build()))
/// #     }
/// # }
/// # let validator = Anybody;
/// use portcullis::{BearerAuth, token::Cached};
///
/// let tokens = Cached::new(validator);
/// let bearer = BearerAuth::new(tokens.clone())?; // no second cache is put around it
/// // at a logout: the next request is judged anew
/// tokens.invalidate_subject("https://login.example", "alice");
/// # let _ = bearer;
/// # Ok::<(), portcullis::BuildError>(())
/// ```
pub struct Cached<V, C = InMemoryTokens>(Arc<Inner<V, C>>);

struct Inner<V, C> {
    validator: V,
    caching: Caching,
    memory: Memory<C>,
}

struct Memory<C> {
    cache: C,
    clock: Arc<dyn Clock>,
    /// How long beyond its freshness an identity may serve.
    stale: Duration,
    invalidations: Invalidations,
    flights: Flights<Fingerprint, Answer>,
    /// Only where somebody is asked.
    refused: Option<Refused>,
}

type Answer = Result<Identity, AuthError>;

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The validator by itself: that costs nothing to find out again.
    Nobody,
    Somebody,
}

impl<V: TokenValidator> Cached<V> {
    /// Remembers up to 64 MiB of tokens and identities in memory.
    #[must_use]
    pub fn new(validator: V) -> Self {
        Self::with_cache(validator, InMemoryTokens::default())
    }
}

impl<V: TokenValidator + 'static> Cached<V> {
    /// The validator, remembering what it accepted: behind a `Cached` unless it does so by itself.
    pub(crate) fn around(validator: V) -> Arc<dyn TokenValidator> {
        if validator.caching() == Caching::Never {
            return Arc::new(validator);
        }
        Arc::new(Self::new(validator))
    }
}

impl<V: TokenValidator, C: TokenCache> Cached<V, C> {
    /// Remembers in `cache`, which must belong to this validator alone.
    #[must_use]
    pub fn with_cache(validator: V, cache: C) -> Self {
        let caching = validator.caching();
        let (negative, stale) = match caching {
            Caching::Remote { negative, stale } => (Some(negative), stale),
            Caching::Local | Caching::Never => (None, Duration::ZERO),
        };
        let memory = Memory {
            cache,
            clock: validator.clock(),
            stale,
            invalidations: Invalidations::default(),
            flights: Flights::default(),
            refused: negative.filter(|lifetime| !lifetime.is_zero()).map(Refused::new),
        };
        Self(Arc::new(Inner { validator, caching, memory }))
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.invalidate_where(|_| true);
        if let Some(refused) = &self.0.memory.refused {
            refused.forget_all();
        }
    }

    /// Forgets this token: it is judged anew when it comes next. So is one that was being judged
    /// when this was called.
    pub fn invalidate(&self, token: &str) {
        let key = self.0.validator.cache_key(token);
        let memory = &self.0.memory;
        let fingerprint = fingerprint(key);
        if let Some(refused) = &memory.refused {
            refused.forget(&fingerprint);
        }
        memory.invalidations.of_token(fingerprint, || memory.cache.remove(key));
    }

    /// Forgets every token of a subject at [this issuer](Identity::issuer): its account was locked, its
    /// rights changed.
    pub fn invalidate_subject(&self, issuer: &str, subject: &str) {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.invalidate_where(move |identity| {
            identity.subject() == Some(&*subject) && identity.issuer() == issuer
        });
    }

    /// Forgets every token of a session (`sid`) at [this issuer](Identity::issuer): somebody logged
    /// out.
    pub fn invalidate_session(&self, issuer: &str, session_id: &str) {
        let (issuer, session_id) = (issuer.to_owned(), session_id.to_owned());
        self.invalidate_where(move |identity| {
            identity.session_id() == Some(&*session_id) && identity.issuer() == issuer
        });
    }

    /// Forgets every token of an authorization ([`Identity::authorization_id`]) at
    /// [this issuer](Identity::issuer): somebody took it back, and with it the whole chain of tokens.
    pub fn invalidate_authorization(&self, issuer: &str, authorization_id: &str) {
        let (issuer, authorization_id) = (issuer.to_owned(), authorization_id.to_owned());
        self.invalidate_where(move |identity| {
            identity.authorization_id() == Some(&*authorization_id) && identity.issuer() == issuer
        });
    }

    /// Forgets every token whose identity this concerns. It looks at all that is remembered.
    pub fn invalidate_where(&self, concerns: impl Fn(&Identity) -> bool + Send + Sync + 'static) {
        let memory = &self.0.memory;
        memory.invalidations.of_identities(Arc::new(concerns), |concerns| {
            memory.cache.remove_where(concerns);
        });
    }
}

impl<C: TokenCache> Memory<C> {
    fn remembered(&self, key: &str) -> Option<Identity> {
        let identity = self.cache.get(key)?;
        if identity.is_usable_by(&*self.clock) {
            return Some(identity);
        }
        if !self.may_serve(&identity) {
            self.cache.remove(key);
        }
        None
    }

    /// Whether it may serve while nothing newer can be had: only its freshness is over.
    fn may_serve(&self, identity: &Identity) -> bool {
        let monotonic = self.clock.monotonic();
        // an earlier reading makes the freshness longer and no other deadline
        !self.stale.is_zero()
            && identity.is_usable(self.clock.now(), monotonic.saturating_sub(self.stale))
    }

    /// Takes in a new answer; false: it was invalidated while it was being found out.
    fn keep(&self, key: &str, since: Since, identity: &Identity) -> bool {
        self.invalidations.unless(
            since,
            || fingerprint(key),
            identity,
            || {
                self.cache.insert(key, identity);
            },
        )
    }

    /// Takes in how a question ended, and tells those who wait.
    fn land(
        &self,
        key: &str,
        since: Since,
        flight: Flight<Fingerprint, Answer>,
        answer: Answer,
        asked: Asked,
    ) {
        if let (Asked::Somebody, Err(error), Some(refused)) = (asked, &answer, &self.refused) {
            refused.add(*flight.key(), error, self.clock.monotonic());
        }
        if let Err(error) = &answer
            && error.kind().class() == AuthErrorClass::Invalid
        {
            self.cache.remove(key); // an outage later must not bring it back
        }
        flight.land(match &answer {
            Ok(identity) if !self.keep(key, since, identity) => Landing::Lost,
            _ => Landing::Answer(answer),
        });
    }

    /// What is known by now of a token that nobody asks about.
    fn known(&self, key: &str, fingerprint: &Fingerprint) -> Option<Answer> {
        if let Some(identity) = self.remembered(key) {
            return Some(Ok(identity));
        }
        let refused = self.refused.as_ref()?.get(fingerprint, self.clock.monotonic());
        refused.map(Err)
    }

    /// The answer, or in place of "could not be found out" what is known from before.
    fn or_stale(&self, key: &str, answer: Answer) -> Answer {
        let Err(error) = answer else { return answer };
        if !self.stale.is_zero()
            && error.kind().class() == AuthErrorClass::Undecidable
            && let Some(known) = self.cache.get(key).filter(|known| self.may_serve(known))
        {
            tracing::debug!(target: "portcullis", %error, "served from before the outage");
            return Ok(known);
        }
        Err(error)
    }
}

impl<V: TokenValidator + 'static, C: TokenCache + 'static> Cached<V, C> {
    fn judge_here(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let (inner, memory) = (&*self.0, &self.0.memory);
        let key = inner.validator.cache_key(presented.token());
        let since = memory.invalidations.now();
        match inner.validator.validate(presented).into_ready() {
            Ok(answer) => {
                if let Ok(identity) = &answer {
                    memory.keep(key, since, identity);
                }
                Attempt::ready(answer)
            }
            Err(pending) => {
                let (inner, key) = (Arc::clone(&self.0), Secret::from(key));
                pending.map(move |answer| {
                    if let (Ok(identity), Ok(key)) = (&answer, str::from_utf8(key.expose())) {
                        inner.memory.keep(key, since, identity);
                    }
                    answer
                })
            }
        }
    }

    /// Asks somebody, together with all who have the token at the same time.
    fn judge_there(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        match self.board(presented) {
            Step::Done(answer) => Attempt::ready(answer),
            step => {
                let token = Zeroizing::new(presented.token().to_owned());
                Attempt::pending(self.clone().finish(token, step))
            }
        }
    }

    fn board(&self, presented: Presented<'_>) -> Step {
        let (inner, memory) = (&*self.0, &self.0.memory);
        let key = inner.validator.cache_key(presented.token());
        let fingerprint = fingerprint(key);
        let known = || memory.known(key, &fingerprint);
        let flight = match memory.flights.board(fingerprint, known) {
            Boarding::Known(answer) => return Step::Done(answer),
            Boarding::Flying(ticket) => return Step::Wait(ticket),
            Boarding::Started(flight) => flight,
        };
        let ticket = flight.ticket();
        let since = memory.invalidations.now();
        match inner.validator.validate(presented).into_ready() {
            Ok(answer) => {
                memory.land(key, since, flight, answer, Asked::Nobody);
                match ticket.landing_by_now() {
                    Some(Landing::Answer(answer)) => Step::Done(memory.or_stale(key, answer)),
                    _ => Step::Wait(ticket),
                }
            }
            Err(pending) => {
                let (runtime, question) = on_a_runtime(pending);
                let (inner, key) = (Arc::clone(&self.0), Secret::from(key));
                let fly = async move {
                    let answer = question.await;
                    if let Ok(key) = str::from_utf8(key.expose()) {
                        inner.memory.land(key, since, flight, answer, Asked::Somebody);
                    }
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

    /// Waits for what `step` leads to.
    async fn finish(self, token: Zeroizing<String>, mut step: Step) -> Answer {
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
                return self.0.memory.or_stale(self.0.validator.cache_key(&token), answer);
            }
            // who decides by more than the token says `Caching::Never`
            let parts = http::Request::new(()).into_parts().0;
            step = self.board(Presented::new(&token, &parts));
        }
        Err(AuthError::new(AuthErrorKind::IssuerUnreachable)
            .with_detail("the question ended without an answer, or was overtaken each time"))
    }
}

/// How a question about a token goes on.
enum Step {
    Done(Answer),
    /// There is no runtime that would do it: whoever asked does.
    Fly(Pin<Box<dyn Future<Output = ()> + Send>>, Ticket<Answer>),
    Wait(Ticket<Answer>),
}

impl<V: TokenValidator + 'static, C: TokenCache + 'static> TokenValidator for Cached<V, C> {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let inner = &*self.0;
        if inner.caching == Caching::Never {
            return inner.validator.validate(presented);
        }
        let key = inner.validator.cache_key(presented.token());
        if let Some(identity) = inner.memory.remembered(key) {
            return Attempt::ready(Ok(identity));
        }
        match inner.caching {
            Caching::Remote { .. } => self.judge_there(presented),
            Caching::Local | Caching::Never => self.judge_here(presented),
        }
    }

    fn cache_key<'t>(&self, token: &'t str) -> &'t str {
        self.0.validator.cache_key(token)
    }

    /// It remembers by itself: nothing around it does so again.
    fn caching(&self) -> Caching {
        Caching::Never
    }

    fn is_ticket(&self) -> bool {
        self.0.validator.is_ticket()
    }

    fn fingerprint(&self) -> Option<String> {
        self.0.validator.fingerprint()
    }

    fn renew(&self, identity: &Identity) -> Option<Renewed> {
        self.0.validator.renew(identity)
    }

    fn end(&self, identity: &Identity) -> Attempt<Result<(), AuthError>> {
        self.0.validator.end(identity)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.memory.clock)
    }
}

impl<V, C> Clone for Cached<V, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V: fmt::Debug, C: fmt::Debug> fmt::Debug for Cached<V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("validator", &self.0.validator)
            .field("cache", &self.0.memory.cache)
            .finish_non_exhaustive()
    }
}

/// A flight may be lost, and the next one overtaken by an invalidation.
const MOST_FLIGHTS: usize = 3;
