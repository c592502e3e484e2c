//! Questions that are on their way: who asks the same at the same time shares one answer.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, time::timeout};

use crate::{
    attempt::Attempt,
    error::{AuthError, AuthErrorKind},
};

/// One flight for each `K` that is asked about; it brings a `T`.
pub(super) struct Flights<K, T>(Flying<K, T>);

type Flying<K, T> = Arc<Mutex<HashMap<K, Aloft<T>>>>;

struct Aloft<T> {
    ticket: Ticket<T>,
    overtaken: bool,
}

/// The answer to who wants to know.
pub(super) enum Boarding<K: Eq + Hash, T> {
    /// It is known by now.
    Known(T),
    /// Somebody has asked.
    Flying(Ticket<T>),
    /// Now somebody asks; the flight must be landed.
    Started(Flight<K, T>),
}

/// How a flight ended.
#[derive(Clone, Debug)]
pub(super) enum Landing<T> {
    Answer(T),
    /// It never arrived, or what it brought was invalidated on the way.
    Lost,
}

impl<K: Clone + Eq + Hash, T: Clone> Flights<K, T> {
    /// Joins the flight, or starts one.
    pub(super) fn board(&self, key: K, known: impl FnOnce() -> Option<T>) -> Boarding<K, T> {
        let mut flying = lock(&self.0);
        if let Some(aloft) = flying.get(&key) {
            return Boarding::Flying(aloft.ticket.clone());
        }
        // one may have landed since the caller looked
        if let Some(known) = known() {
            return Boarding::Known(known);
        }
        let (sender, stage) = watch::channel(None);
        let ticket = Ticket(stage);
        flying.insert(key.clone(), Aloft { ticket: ticket.clone(), overtaken: false });
        drop(flying);
        Boarding::Started(Flight { flying: Arc::clone(&self.0), key, sender, ticket })
    }

    /// What the flight that asks about this brings does not count any more; others are not concerned.
    pub(super) fn overtake(&self, key: &K) {
        if let Some(aloft) = lock(&self.0).get_mut(key) {
            aloft.overtaken = true;
        }
    }
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Lands in any case: dropped before it arrived (a panic, the end of the runtime) it is lost, and
/// who waits asks anew.
pub(super) struct Flight<K: Eq + Hash, T> {
    flying: Flying<K, T>,
    key: K,
    sender: watch::Sender<Option<Landing<T>>>,
    ticket: Ticket<T>,
}

impl<K: Eq + Hash, T> Flight<K, T> {
    pub(super) fn ticket(&self) -> Ticket<T> {
        self.ticket.clone()
    }

    /// What it asks about.
    pub(super) const fn key(&self) -> &K {
        &self.key
    }

    /// Lands with the answer, or lost where it was overtaken. What `take_in` remembers is there before
    /// anybody can overtake it.
    pub(super) fn land_unless_overtaken(self, take_in: impl FnOnce(&K) -> T) {
        let mut flying = lock(&self.flying);
        let overtaken = flying.remove(&self.key).is_none_or(|aloft| aloft.overtaken);
        let landing = if overtaken { Landing::Lost } else { Landing::Answer(take_in(&self.key)) };
        drop(flying);
        self.sender.send_replace(Some(landing));
    }

    pub(super) fn land(self, landing: Landing<T>) {
        // from here on a caller finds what was remembered, and no flight
        lock(&self.flying).remove(&self.key);
        self.sender.send_replace(Some(landing));
    }
}

impl<K: Eq + Hash, T> Drop for Flight<K, T> {
    fn drop(&mut self) {
        if self.sender.borrow().is_none() {
            lock(&self.flying).remove(&self.key);
            self.sender.send_replace(Some(Landing::Lost));
        }
    }
}

/// A place among those who wait for a flight.
pub(super) struct Ticket<T>(watch::Receiver<Option<Landing<T>>>);

impl<T: Clone> Ticket<T> {
    pub(super) async fn landing(&mut self) -> Landing<T> {
        let landed = self.0.wait_for(Option::is_some).await;
        // an error means that the sender is gone, and it sends before it goes
        landed.ok().and_then(|landing| landing.clone()).unwrap_or(Landing::Lost)
    }

    pub(super) fn landing_by_now(&self) -> Option<Landing<T>> {
        self.0.borrow().clone()
    }
}

impl<T> Clone for Ticket<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The runtime that is to wait for an answer, so that a caller who goes away cancels nothing; and the
/// answer, for which it does not wait for ever: a flight that never lands would keep all from asking
/// anew.
pub(super) fn on_a_runtime<T: Send + 'static>(
    question: Attempt<Result<T, AuthError>>,
) -> (Option<Handle>, Attempt<Result<T, AuthError>>) {
    let Ok(runtime) = Handle::try_current() else { return (None, question) };
    let question = Attempt::pending(async move {
        let too_late = |_| Err(AuthErrorKind::TimedOut.into());
        timeout(LONGEST_FLIGHT, question).await.unwrap_or_else(too_late)
    });
    (Some(runtime), question)
}

fn lock<K, T>(flying: &Flying<K, T>) -> MutexGuard<'_, HashMap<K, Aloft<T>>> {
    flying.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Longer than a gate waits, unless it is told to.
const LONGEST_FLIGHT: Duration = Duration::from_secs(30);
