//! What is judged of a ticket once it is open, for every format alike.

use std::{sync::Arc, time::Duration};

use super::{
    Revalidate, SessionKey, Sessions, Ticket, Verdict, claims::Claims, renewal, renewal::Sliding,
};
use crate::{
    attempt::Attempt,
    clock::{Clock, UnixTime},
    error::{AuthError, AuthErrorClass, AuthErrorKind},
    principal::{Identity, Origin},
};

/// What one validator holds a ticket against.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) issuer: Box<str>,
    pub(super) lifetime: Option<Duration>,
    pub(super) demands_expiry: bool,
    pub(super) sliding: Sliding,
    pub(super) revalidate: Option<Arc<dyn Revalidate>>,
    pub(super) sessions: Option<Arc<dyn Sessions>>,
    pub(super) session_claim_type: Option<Box<str>>,
}

type Judged = Attempt<Result<Identity, AuthError>>;

impl Rules {
    /// Judges a ticket that a key opened: the session first, whose ticket takes its place.
    pub(super) fn judge(self: &Arc<Self>, opened: Ticket) -> Judged {
        let key = match self.session_key(&opened) {
            Ok(Some(key)) => key,
            Ok(None) => return self.judge_times(opened, None),
            Err(error) => return Attempt::ready(Err(error)),
        };
        let Some(store) = self.sessions.clone() else {
            return Attempt::ready(Err(AuthErrorKind::SessionGone.into()));
        };
        let rules = Arc::clone(self);
        store.retrieve(&key).and_then(move |found| match found {
            Ok(Some(ticket)) => rules.judge_times(ticket, Some(Session { store, key })),
            Ok(None) => Attempt::ready(Err(AuthErrorKind::SessionGone.into())),
            Err(error) => Attempt::ready(Err(undecided(error))),
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

    fn judge_times(self: &Arc<Self>, ticket: Ticket, session: Option<Session>) -> Judged {
        if let Err(error) = self.check_times(&ticket) {
            return refuse(session, error);
        }
        let Some(hook) = &self.revalidate else { return self.accept(ticket, false, session) };
        let rules = Arc::clone(self);
        hook.revalidate(&ticket).and_then(move |verdict| match verdict {
            Ok(Verdict::Keep) => rules.accept(ticket, false, session),
            Ok(Verdict::Reject(kind)) => refuse(session, kind.into()),
            Ok(Verdict::Replace(other)) => {
                rules.accept(in_place_of(&ticket, *other), true, session)
            }
            Err(error) => Attempt::ready(Err(undecided(error))),
        })
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
    fn accept(&self, ticket: Ticket, replaced: bool, session: Option<Session>) -> Judged {
        let now = self.clock.now();
        let Some(session) = session else {
            return Attempt::ready(self.identity(Arc::new(ticket), now, None));
        };
        let slid = self.sliding.slide(&ticket, now).map(|mut slid| {
            // a revocation of what was issued before concerns the sign-in, however often it slid
            if let Some(signed_in_at) = renewal::signed_in_at(&ticket) {
                renewal::remember(&mut slid, signed_in_at);
            }
            slid
        });
        let due = replaced || slid.is_some();
        let ticket = Arc::new(slid.unwrap_or(ticket));
        let identity = self.identity(Arc::clone(&ticket), now, Some(&session.key));
        if !due || identity.is_err() {
            return Attempt::ready(identity);
        }
        session.store.renew(&session.key, Arc::unwrap_or_clone(ticket)).map(|renewed| match renewed
        {
            Ok(true) => identity,
            // somebody signed out in the meantime
            Ok(false) => Err(AuthErrorKind::SessionGone.into()),
            Err(error) => Err(undecided(error)),
        })
    }

    /// A session is as old as its sign-in.
    fn identity(
        &self,
        ticket: Arc<Ticket>,
        now: UnixTime,
        session: Option<&SessionKey>,
    ) -> Result<Identity, AuthError> {
        let malformed = |why| AuthError::new(AuthErrorKind::TicketMalformed).with_detail(why);
        // ClaimsIdentity.IsAuthenticated: a name alone is a claim that nobody checked
        if ticket.identity().is_some_and(|identity| identity.authentication_type.is_empty()) {
            return Err(malformed("no authentication type: nobody was authenticated"));
        }
        let claims = Claims::of(&ticket, &self.issuer).ok_or_else(|| malformed("no identity"))?;
        if claims.subject.is_none() && claims.client_id.is_none() {
            return Err(malformed("it names nobody: no name identifier, no name and no client"));
        }
        let json = serde_json::to_vec(&claims).map_err(|_| malformed("its claims are no JSON"))?;

        // A ticket is still good at the moment of its end; an identity is usable before its end.
        let until = self.sliding.end(&ticket)?.map(|end| end + Duration::from_nanos(1));
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
            Some(_) => renewal::signed_in_at(&ticket),
            None => ticket.issued_at,
        };
        if let Some(issued_at) = issued_at {
            identity = identity.issued_at(issued_at);
        }
        if let Some(expires_at) = ticket.expires_at {
            identity = identity.expires_at(expires_at);
        }
        identity = identity.usable(UnixTime::EPOCH, until);
        if let Some(key) = session {
            identity = identity.session_id(key.as_str()).fresh_until(self.clock.monotonic());
        } else if let Some(hook) = &self.revalidate {
            let fresh = self.clock.monotonic().saturating_add(hook.interval());
            identity = identity.fresh_until(fresh);
        }
        let weight = ticket.weight();
        Ok(identity.credential(Arc::clone(&ticket)).credential_weight(weight).build())
    }
}

/// An entry of a store.
struct Session {
    store: Arc<dyn Sessions>,
    key: SessionKey,
}

/// Refuses a ticket, and removes its session where the answer is a "no".
fn refuse(session: Option<Session>, error: AuthError) -> Judged {
    match session {
        Some(Session { store, key }) if error.kind().class() == AuthErrorClass::Invalid => {
            store.remove(&key).map(move |_| Err(error))
        }
        _ => Attempt::ready(Err(error)),
    }
}

/// The ticket that the application gives for another one: as old as it, and no longer good than it.
fn in_place_of(old: &Ticket, mut new: Ticket) -> Ticket {
    new.issued_at = old.issued_at;
    new.expires_at = old.expires_at;
    renewal::inherit(old, &mut new);
    new
}

/// "It could not be found out", whatever a store says: a store has no opinion on credentials.
pub(super) fn undecided(error: AuthError) -> AuthError {
    match error.kind().class() {
        AuthErrorClass::Undecidable | AuthErrorClass::Misconfigured => error,
        AuthErrorClass::Invalid | AuthErrorClass::Malformed => {
            AuthError::new(AuthErrorKind::IssuerUnreachable).with_detail(error)
        }
    }
}

fn expired(end: UnixTime, now: UnixTime) -> AuthError {
    AuthError::new(AuthErrorKind::TicketExpired).with_detail(if end.same_day(now) {
        format!("expired {}, now {}", end.time_of_day(), now.time_of_day())
    } else {
        format!("expired {end}, now {now}")
    })
}
