//! Questions about tokens that are on their way, and the noes that came back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    crypto,
    error::{AuthError, AuthErrorClass},
    principal::Identity,
};

/// What stands for a token where strangers choose what is put in: no place can be attacked, and no
/// token is kept.
pub(super) type Fingerprint = [u8; 32];

/// Of the part of a token that a cache knows it by.
pub(super) fn fingerprint(key: &str) -> Fingerprint {
    crypto::sha256(key.as_bytes())
}

/// One flight a token.
pub(super) struct Flights {
    flying: Flying,
    refused: Option<Refused>,
}

type Flying = Arc<Mutex<HashMap<Fingerprint, Ticket>>>;

/// The answer to who has a token.
pub(super) enum Boarding {
    /// It is known by now.
    Known(Result<Identity, AuthError>),
    /// Somebody has asked.
    Flying(Ticket),
    /// Now somebody asks; the flight must be landed.
    Started(Flight),
}

/// How a flight ended.
#[derive(Clone, Debug)]
pub(super) enum Landing {
    Answer(Result<Identity, AuthError>),
    /// It never arrived, or what it brought was invalidated on the way.
    Lost,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The validator by itself: that costs nothing to find out again.
    Nobody,
    Somebody,
}

impl Flights {
    /// `negative`: how long a "no" is remembered; `None` where nobody is asked.
    pub(super) fn new(negative: Option<Duration>) -> Self {
        let refused = negative
            .filter(|lifetime| !lifetime.is_zero())
            .map(|lifetime| Refused { lifetime, known: moka::sync::Cache::new(MOST_REFUSED) });
        Self { flying: Flying::default(), refused }
    }

    /// Joins the flight, or starts one.
    pub(super) fn board(
        &self,
        token: Fingerprint,
        now: Duration,
        remembered: impl FnOnce() -> Option<Identity>,
    ) -> Boarding {
        let mut flying = lock(&self.flying);
        if let Some(ticket) = flying.get(&token) {
            return Boarding::Flying(ticket.clone());
        }
        // one may have landed since the caller looked
        if let Some(identity) = remembered() {
            return Boarding::Known(Ok(identity));
        }
        if let Some(error) = self.refused.as_ref().and_then(|refused| refused.get(&token, now)) {
            return Boarding::Known(Err(error));
        }
        let (sender, stage) = watch::channel(None);
        let ticket = Ticket(stage);
        flying.insert(token, ticket.clone());
        drop(flying);
        let (flying, refused) = (Arc::clone(&self.flying), self.refused.clone());
        Boarding::Started(Flight { flying, refused, token, sender, ticket })
    }

    /// Forgets a "no".
    pub(super) fn forget(&self, token: &Fingerprint) {
        if let Some(refused) = &self.refused {
            refused.known.invalidate(token);
        }
    }

    /// Forgets every "no".
    pub(super) fn forget_all(&self) {
        if let Some(refused) = &self.refused {
            refused.known.invalidate_all();
        }
    }
}

/// Lands in any case: dropped before it arrived (a panic, the end of the runtime) it is lost, and
/// who waits asks anew.
pub(super) struct Flight {
    flying: Flying,
    refused: Option<Refused>,
    token: Fingerprint,
    sender: watch::Sender<Option<Landing>>,
    ticket: Ticket,
}

impl Flight {
    pub(super) fn ticket(&self) -> Ticket {
        self.ticket.clone()
    }

    pub(super) fn land(self, landing: Landing, asked: Asked, now: Duration) {
        if let (Asked::Somebody, Landing::Answer(Err(error)), Some(refused)) =
            (asked, &landing, &self.refused)
        {
            refused.add(self.token, error, now);
        }
        // from here on a caller finds what was remembered, and no flight
        lock(&self.flying).remove(&self.token);
        self.sender.send_replace(Some(landing));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.sender.borrow().is_none() {
            lock(&self.flying).remove(&self.token);
            self.sender.send_replace(Some(Landing::Lost));
        }
    }
}

/// A place among those who wait for a flight.
#[derive(Clone)]
pub(super) struct Ticket(watch::Receiver<Option<Landing>>);

impl Ticket {
    pub(super) async fn landing(&mut self) -> Landing {
        let landed = self.0.wait_for(Option::is_some).await;
        // an error means that the sender is gone, and it sends before it goes
        landed.ok().and_then(|landing| landing.clone()).unwrap_or(Landing::Lost)
    }

    pub(super) fn landing_by_now(&self) -> Option<Landing> {
        self.0.borrow().clone()
    }
}

/// Tokens that were asked about and are not good: apart from the good ones, so that a flood of
/// garbage evicts garbage.
#[derive(Clone)]
struct Refused {
    lifetime: Duration,
    known: moka::sync::Cache<Fingerprint, (AuthError, Duration)>,
}

impl Refused {
    /// "It could not be found out" is no "no".
    fn add(&self, token: Fingerprint, error: &AuthError, now: Duration) {
        if error.kind().class() == AuthErrorClass::Invalid {
            let until = now.saturating_add(self.lifetime);
            self.known.insert(token, (error.clone(), until));
        }
    }

    fn get(&self, token: &Fingerprint, now: Duration) -> Option<AuthError> {
        self.known.get(token).filter(|(_, until)| now < *until).map(|(error, _)| error)
    }
}

fn lock(flying: &Flying) -> MutexGuard<'_, HashMap<Fingerprint, Ticket>> {
    flying.lock().unwrap_or_else(PoisonError::into_inner)
}

const MOST_REFUSED: u64 = 10_000;
