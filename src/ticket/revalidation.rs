//! The application's word on the user of a ticket: whether, and as whom, the user is signed in again.

use std::{sync::Arc, time::Duration};

use super::{
    Ticket,
    regenerate::Regenerate,
    renewal,
    rules::{Good, Judged, Rules, Session, refuse},
};
use crate::{
    attempt::Attempt,
    clock::UnixTime,
    token::{Revalidation, Told},
};

impl Rules {
    /// Has the user of a ticket checked that is good in itself.
    pub(super) fn revalidate(
        self: &Arc<Self>,
        revalidation: &Revalidation,
        ticket: Ticket,
        text: &str,
        session: Option<Session>,
    ) -> Judged {
        let ticket = Arc::new(ticket);
        let key = session.as_ref().map(|session| &session.key);
        let identity = match self.identity(&ticket, &ticket, self.clock.now(), key, None) {
            Ok(identity) => identity,
            Err(error) => return Attempt::ready(Err(error)),
        };
        let told =
            Told { at: renewal::checked_at(&ticket), may_have_slid: !self.sliding.remembers };
        let rules = Arc::clone(self);
        revalidation.check(&identity, text, told, &self.clock).and_then(move |checked| {
            match checked {
                Err(error) => refuse(session, error),
                // nothing is to be written down
                Ok(checked) if session.is_none() && told.at == Some(checked.at) => {
                    Attempt::ready(Ok(identity.with_freshness(checked.fresh_until)))
                }
                Ok(checked) => {
                    drop(identity);
                    let ticket = Arc::unwrap_or_clone(ticket);
                    let good = Good { ticket, next: None, checked: Some(checked), session };
                    // a ticket from before the check holds what the user was then, also where another
                    // request asked: it must not bring that back
                    let predates = told.at.is_none_or(|at| at + CLOCKS_DIFFER < checked.at);
                    if checked.asked || predates {
                        rules.regenerate(good, checked.at)
                    } else {
                        rules.accept(good)
                    }
                }
            }
        })
    }

    /// Signs the user in again, where the application wants that.
    fn regenerate(self: &Arc<Self>, good: Good, checked_at: UnixTime) -> Judged {
        // where the sign-in is forgotten, that would go on for ever
        let has_no_end = self.sliding.max_lifetime.is_some() && !self.sliding.remembers;
        let Some(Regenerate(make)) = self.regenerate.as_ref().filter(|_| !has_no_end) else {
            return self.accept(good);
        };
        let rules = Arc::clone(self);
        make(&good.ticket).and_then(move |made| {
            let next = made
                .map(|made| rules.signed_in_again(&good.ticket, made, checked_at))
                .inspect_err(|error| {
                    tracing::error!(target: "portcullis", %error, "a ticket was not made anew");
                })
                .ok();
            rules.accept(Good { next, ..good })
        })
    }

    /// The new ticket: the same properties, a full new lifetime, as old as the sign-in still.
    fn signed_in_again(&self, old: &Ticket, mut new: Ticket, checked_at: UnixTime) -> Ticket {
        let now = self.clock.now();
        let before = old.issued_at.zip(old.expires_at);
        let lifetime = self
            .lifetime
            .or_else(|| before.map(|(issued, expires)| expires.saturating_since(issued)));
        new.issued_at = Some(now);
        new.expires_at = lifetime.map(|lifetime| now + lifetime);
        new.is_persistent = old.is_persistent;
        new.allow_refresh = old.allow_refresh;
        for (key, value) in &old.properties {
            new.properties.retain(|(known, _)| known != key);
            new.properties.push((key.clone(), value.clone()));
        }
        renewal::note_check(&mut new, checked_at);
        if self.sliding.remembers
            && let Some(signed_in_at) = renewal::signed_in_at(old)
        {
            renewal::remember(&mut new, signed_in_at);
        }
        self.sliding.cap(&mut new);
        new
    }
}

/// What this process remembers is kept by the monotonic clock, and a ticket tells of the wall clock's.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);
