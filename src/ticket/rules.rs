//! What is judged of a ticket once it is open, for every format alike.

use std::{sync::Arc, time::Duration};

use super::{
    SessionKey, Sessions, StoredTicket, Ticket,
    claims::Claims,
    regenerate::Regenerate,
    renewal::{self, Sliding},
};
use crate::{
    attempt::Attempt,
    clock::{Clock, UnixTime},
    error::{AuthError, AuthErrorClass, AuthErrorKind},
    principal::{Identity, Origin},
    token::{Checked, Revalidation},
};

/// What one validator holds a ticket against.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) issuer: Box<str>,
    pub(super) lifetime: Option<Duration>,
    pub(super) demands_expiry: bool,
    pub(super) sliding: Sliding,
    pub(super) revalidation: Option<Revalidation>,
    pub(super) regenerate: Option<Regenerate>,
    pub(super) sessions: Option<Arc<dyn Sessions>>,
    pub(super) session_claim_type: Option<Box<str>>,
}

pub(super) type Judged = Attempt<Result<Identity, AuthError>>;

impl Rules {
    /// Judges a ticket that a key opened: the session first, whose ticket takes its place. `text` is
    /// what the ticket is known by.
    pub(super) fn judge(self: &Arc<Self>, opened: Ticket, text: &str) -> Judged {
        match self.session_key(&opened) {
            Ok(Some(key)) => self.judge_session(key, 0),
            Ok(None) => self.judge_times(opened, text, None),
            Err(error) => Attempt::ready(Err(error)),
        }
    }

    /// Judges what the store has by now, which is another ticket where somebody renewed it meanwhile.
    fn judge_session(self: &Arc<Self>, key: SessionKey, round: usize) -> Judged {
        let Some(store) = self.sessions.clone() else {
            return Attempt::ready(Err(AuthErrorKind::SessionGone.into()));
        };
        let rules = Arc::clone(self);
        store.retrieve(&key).and_then(move |found| match found {
            Ok(Some(StoredTicket { ticket, version })) => {
                let text = key.as_str().to_owned();
                rules.judge_times(ticket, &text, Some(Session { store, key, version, round }))
            }
            Ok(None) => Attempt::ready(Err(AuthErrorKind::SessionGone.into())),
            Err(error) => Attempt::ready(Err(error.into_undecidable())),
        })
    }

    /// The key of the session that the ticket stands for; `None`: it stands for itself.
    pub(super) fn session_key(&self, ticket: &Ticket) -> Result<Option<SessionKey>, AuthError> {
        let key = (self.session_claim_type.as_deref())
            .and_then(|claim_type| ticket.identity()?.claim(claim_type));
        let gone = |why| Err(AuthError::new(AuthErrorKind::SessionGone).with_detail(why));
        match (key, &self.sessions) {
            (Some(key), Some(_)) => Ok(Some(SessionKey::from(key))),
            (None, None) => Ok(None),
            (Some(_), None) => gone("unsupported: it names a session, and needs the store of it"),
            (None, Some(_)) => gone("it names no session, and this validator keeps sessions"),
        }
    }

    fn judge_times(
        self: &Arc<Self>,
        ticket: Ticket,
        text: &str,
        session: Option<Session>,
    ) -> Judged {
        if let Err(error) = self.check_times(&ticket) {
            return refuse(session, error);
        }
        match &self.revalidation {
            None => self.accept(Good { ticket, next: None, checked: None, session }),
            Some(revalidation) => self.revalidate(revalidation, ticket, text, session),
        }
    }

    fn check_times(&self, ticket: &Ticket) -> Result<(), AuthError> {
        if self.demands_expiry && ticket.expires_at.is_none() {
            return Err(AuthErrorKind::MissingExpiry.into());
        }
        let now = self.clock.now();
        match self.sliding.end(ticket)? {
            Some(end) if end < now => Err(expired(end, now)),
            _ => Ok(()),
        }
    }

    /// A session slides here, on the way in: its ticket must not be remembered by anybody. A ticket
    /// without a session slides on the way out, where its new text can be written.
    pub(super) fn accept(self: &Arc<Self>, good: Good) -> Judged {
        match good.session {
            None => Attempt::ready(self.accept_ticket(good)),
            Some(_) => self.accept_session(good),
        }
    }

    /// The moment of the verification: that at which the ticket that takes its place was issued, if
    /// one does, which is how a renewal knows it.
    fn moment_of(&self, next: Option<&Ticket>) -> UnixTime {
        next.and_then(|next| next.issued_at).unwrap_or_else(|| self.clock.now())
    }

    fn accept_ticket(&self, good: Good) -> Result<Identity, AuthError> {
        let Good { mut ticket, next, checked, .. } = good;
        let now = self.moment_of(next.as_ref());
        let fresh_until = checked.map(|it| it.fresh_until);
        if let Some(next) = next {
            return self.identity(&Arc::new(next), &ticket, now, None, fresh_until);
        }
        if let Some(checked) = checked {
            renewal::note_check(&mut ticket, checked.at);
        }
        let ticket = Arc::new(ticket);
        self.identity(&ticket, &ticket, now, None, fresh_until)
    }

    fn accept_session(self: &Arc<Self>, good: Good) -> Judged {
        let Good { ticket, next, checked, session } = good;
        let Some(session) = session else {
            return Attempt::ready(Err(AuthErrorKind::SessionGone.into()));
        };
        let now = self.moment_of(next.as_ref());
        let mut content = next;
        if content.is_none()
            && let Some(checked) = checked.filter(|it| it.asked)
        {
            let mut noted = ticket.clone();
            renewal::note_check(&mut noted, checked.at);
            content = Some(noted);
        }
        if let Some(mut slid) = self.sliding.slide(content.as_ref().unwrap_or(&ticket), now) {
            // a revocation of what was issued before concerns the sign-in, however often it slid
            if let Some(signed_in_at) = renewal::signed_in_at(&ticket) {
                renewal::remember(&mut slid, signed_in_at);
            }
            content = Some(slid);
        }
        // never remembered: the store is asked each time
        let fresh_until = Some(self.clock.monotonic());
        let identity_of = |ticket: &Arc<Ticket>| {
            self.identity(ticket, ticket, now, Some(&session.key), fresh_until)
        };
        let Some(content) = content.map(Arc::new) else {
            return Attempt::ready(identity_of(&Arc::new(ticket)));
        };
        let identity = match identity_of(&content) {
            Ok(identity) => identity,
            Err(error) => return Attempt::ready(Err(error)),
        };
        let rules = Arc::clone(self);
        let Session { store, key, version, round } = session;
        store.renew(&key, version, Arc::unwrap_or_clone(content)).and_then(move |renewed| {
            match renewed {
                Ok(true) => Attempt::ready(Ok(identity)),
                // somebody renewed it in the meantime, or signed out
                Ok(false) if round < MOST_ROUNDS => rules.judge_session(key, round + 1),
                Ok(false) => {
                    let ticket = Arc::new(ticket);
                    let identity = rules.identity(&ticket, &ticket, now, Some(&key), fresh_until);
                    Attempt::ready(identity)
                }
                Err(error) => Attempt::ready(Err(error.into_undecidable())),
            }
        })
    }

    /// The identity of a ticket; a session is as old as its sign-in. `presented` is what the browser
    /// has: the identity is as old as that, and no longer good.
    pub(super) fn identity(
        &self,
        ticket: &Arc<Ticket>,
        presented: &Ticket,
        now: UnixTime,
        session: Option<&SessionKey>,
        fresh_until: Option<Duration>,
    ) -> Result<Identity, AuthError> {
        let malformed = |why| AuthError::new(AuthErrorKind::TicketMalformed).with_detail(why);
        // ClaimsIdentity.IsAuthenticated: a name alone is a claim that nobody checked
        if ticket.identity().is_some_and(|identity| identity.authentication_type.is_empty()) {
            return Err(malformed("no authentication type: nobody was authenticated"));
        }
        let claims = Claims::of(ticket, &self.issuer).ok_or_else(|| malformed("no identity"))?;
        if claims.subject.is_none() && claims.client_id.is_none() {
            return Err(malformed("it names nobody: no name identifier, no name and no client"));
        }
        let json = serde_json::to_vec(&claims).map_err(|_| malformed("its claims are no JSON"))?;

        // A ticket is still good at the moment of its end; an identity is usable before its end.
        let until = self.sliding.end(presented)?.map(|end| end + Duration::from_nanos(1));
        let mut identity = Identity::builder(&self.issuer)
            .scope(claims.scope.clone())
            .claims_json(json)
            .origin(Origin::Ticket)
            .verified_at(now);
        if let Some(subject) = claims.subject {
            identity = identity.subject(subject);
        }
        if let Some(client_id) = claims.client_id {
            identity = identity.client_id(client_id);
        }
        let issued_at = match session {
            Some(_) => renewal::signed_in_at(presented),
            None => presented.issued_at,
        };
        if let Some(issued_at) = issued_at {
            identity = identity.issued_at(issued_at);
        }
        if let Some(expires_at) = presented.expires_at {
            identity = identity.expires_at(expires_at);
        }
        identity = identity.usable(UnixTime::EPOCH, until);
        if let Some(key) = session {
            identity = identity.session_id(key.as_str());
        }
        if let Some(fresh_until) = fresh_until {
            identity = identity.fresh_until(fresh_until);
        }
        let weight = ticket.weight();
        Ok(identity.credential(Arc::clone(ticket)).credential_weight(weight).build())
    }
}

/// A ticket that may be let in.
pub(super) struct Good {
    pub(super) ticket: Ticket,
    /// What takes its place: the user was signed in again.
    pub(super) next: Option<Ticket>,
    /// Whether and when its user was checked.
    pub(super) checked: Option<Checked>,
    pub(super) session: Option<Session>,
}

/// An entry of a store.
pub(super) struct Session {
    store: Arc<dyn Sessions>,
    pub(super) key: SessionKey,
    version: u64,
    /// How often somebody else was faster.
    round: usize,
}

/// Refuses a ticket, and removes its session where the answer is a "no".
pub(super) fn refuse(session: Option<Session>, error: AuthError) -> Judged {
    match session {
        Some(Session { store, key, .. }) if error.kind().class() == AuthErrorClass::Invalid => {
            store.remove(&key).map(move |_| Err(error))
        }
        _ => Attempt::ready(Err(error)),
    }
}

fn expired(end: UnixTime, now: UnixTime) -> AuthError {
    AuthError::new(AuthErrorKind::TicketExpired).with_detail(if end.same_day(now) {
        format!("expired {}, now {}", end.time_of_day(), now.time_of_day())
    } else {
        format!("expired {end}, now {now}")
    })
}

/// Whoever is overtaken so often lets the user in as the store has it, and writes nothing.
const MOST_ROUNDS: usize = 3;
