//! The application's own word on the user of a ticket.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Request;
use portcullis::{
    Attempt, AuthError, AuthErrorClass, AuthErrorKind,
    ticket::{
        InMemorySessions, Revalidate, Sessions, Ticket, TicketClaim, TicketIdentity, Verdict,
    },
    token::{Cached, Presented, TokenValidator},
};

use crate::bench::{Bench, Drawer, MINUTE, ready};

/// Answers what it was told to answer, and counts how often it was asked.
#[derive(Clone, Debug)]
struct Told {
    answer: Arc<Mutex<Result<Verdict, AuthError>>>,
    asked: Arc<AtomicUsize>,
    pending: bool,
}

impl Told {
    fn new(answer: Result<Verdict, AuthError>) -> Self {
        Self { answer: Arc::new(Mutex::new(answer)), asked: Arc::default(), pending: false }
    }

    fn tell(&self, answer: Result<Verdict, AuthError>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Revalidate for Told {
    fn revalidate(&self, ticket: &Ticket) -> Attempt<Result<Verdict, AuthError>> {
        assert_eq!(ticket.name(), Some("alice"));
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answer.lock().unwrap().clone();
        if self.pending { Attempt::pending(async move { answer }) } else { Attempt::ready(answer) }
    }
}

/// Katana's cookie, ten minutes, and this hook.
fn bench(hook: &Told) -> (Bench, String) {
    let bench = Bench::new(Drawer::katana()).with(|it| it.revalidate(hook.clone()));
    let text = bench.protect(&bench.alice(10 * MINUTE));
    (bench, text)
}

#[test]
fn c8_who_is_rejected_is_not_renewed() {
    for kind in [AuthErrorKind::StampMismatch, AuthErrorKind::UserGone] {
        let hook = Told::new(Ok(Verdict::Keep));
        let (bench, text) = bench(&hook);
        bench.at(6 * MINUTE);
        assert!(bench.renewed(&text).is_some(), "due");
        hook.tell(Ok(Verdict::Reject(kind)));
        assert_eq!(bench.refused(&text), kind);
    }
}

#[test]
fn nobody_is_asked_about_a_ticket_that_is_no_good_anyway() {
    let hook = Told::new(Ok(Verdict::Keep));
    let (bench, text) = bench(&hook);
    bench.at(11 * MINUTE);
    assert_eq!(bench.refused(&text), AuthErrorKind::TicketExpired);
    assert_eq!(bench.refused("ticket-99"), AuthErrorKind::TicketUndecryptable);
    assert_eq!(hook.asked(), 0);
}

/// S7: the application's store is down.
#[test]
fn what_could_not_be_found_out_is_not_a_no() {
    for kind in [AuthErrorKind::IssuerUnreachable, AuthErrorKind::TimedOut, AuthErrorKind::UserGone]
    {
        let hook = Told::new(Err(AuthError::new(kind).with_detail("connection refused")));
        let (bench, text) = bench(&hook);
        let error = bench.validate(&text).unwrap_err();
        assert_eq!(error.kind().class(), AuthErrorClass::Undecidable, "{kind}");
        assert!(error.to_string().contains("connection refused"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_may_be_waited_for() {
    let hook = Told { pending: true, ..Told::new(Ok(Verdict::Keep)) };
    let (bench, text) = bench(&hook);
    let attempt = bench.attempt(&text).into_ready().expect_err("pending");
    assert_eq!(attempt.await.unwrap().subject(), Some("alice"));
    hook.tell(Ok(Verdict::Reject(AuthErrorKind::UserGone)));
    assert_eq!(bench.attempt(&text).await.unwrap_err().kind(), AuthErrorKind::UserGone);
}

#[test]
fn a_cache_asks_again_after_the_interval() {
    let hook = Told::new(Ok(Verdict::Keep));
    let bench = Bench::new(Drawer::katana()).with(|it| it.revalidate(hook.clone()));
    let text = bench.protect(&bench.alice(600 * MINUTE));
    let cached = Cached::new(bench.validator.clone());
    let parts = Request::new(()).into_parts().0;
    let ask = || ready(cached.validate(Presented::new(&text, &parts))).map(|_| ());

    for (advance, asked) in [
        (Duration::ZERO, 1),
        (30 * MINUTE - Duration::from_nanos(1), 1),
        (Duration::from_nanos(1), 2),
        (MINUTE, 2),
    ] {
        bench.clock.advance(advance);
        assert_eq!(ask(), Ok(()));
        assert_eq!(hook.asked(), asked);
    }
    hook.tell(Ok(Verdict::Reject(AuthErrorKind::StampMismatch)));
    bench.clock.advance(30 * MINUTE);
    assert_eq!(ask(), Err(AuthErrorKind::StampMismatch.into()));
}

/// The ticket of a clerk who has become the boss, with times that are not its own to choose.
fn promoted(bench: &Bench) -> Ticket {
    let mut ticket = bench.alice(99_999 * MINUTE);
    ticket.issued_at = Some(bench.start + 5 * MINUTE);
    ticket.identities[0].claims.push(TicketClaim::new(TicketIdentity::ROLE, "boss"));
    ticket.properties = vec![("portcullis.signed_in_at".into(), "99999999999".into())];
    ticket
}

#[test]
fn a_replaced_ticket_keeps_the_times_and_the_age_of_the_old_one() {
    let hook = Told::new(Ok(Verdict::Keep));
    let (bench, text) = bench(&hook);
    hook.tell(Ok(Verdict::Replace(Box::new(promoted(&bench)))));
    let identity = bench.validate(&text).unwrap();
    assert_eq!(identity.claim_str("role").as_deref(), Some("boss"));
    assert_eq!(identity.expires_at(), Some(bench.start + 10 * MINUTE));
    assert_eq!(identity.issued_at(), Some(bench.start));
    assert!(bench.validator.renew(&identity).is_none());

    bench.at(6 * MINUTE);
    let next = bench.renewed(&text).unwrap();
    assert_eq!(next.expires_at, Some(bench.start + 16 * MINUTE));
    assert_eq!(next.identity().unwrap().claim(TicketIdentity::ROLE), Some("boss"));
    assert_eq!(next.properties, []);
}

#[test]
fn a_session_is_replaced_at_once_and_removed_with_its_user() {
    let hook = Told::new(Ok(Verdict::Keep));
    let store = Arc::new(InMemorySessions::default());
    let bench = Bench::new(Drawer::katana())
        .with(|it| it.revalidate(hook.clone()).sessions(store.clone()).unwrap());
    let text = bench.issue(bench.alice(10 * MINUTE));
    let key = bench.validate(&text).unwrap().session_id().unwrap().into();
    let stored = || ready(store.retrieve(&key)).unwrap();

    hook.tell(Ok(Verdict::Replace(Box::new(promoted(&bench)))));
    bench.validate(&text).unwrap();
    let replaced = stored().unwrap();
    assert_eq!(replaced.identity().unwrap().claim(TicketIdentity::ROLE), Some("boss"));
    assert_eq!(replaced.expires_at, Some(bench.start + 10 * MINUTE));

    hook.tell(Err(AuthErrorKind::IssuerUnreachable.into()));
    assert_eq!(bench.refused(&text), AuthErrorKind::IssuerUnreachable);
    hook.tell(Ok(Verdict::Reject(AuthErrorKind::IssuerUnreachable)));
    assert_eq!(bench.refused(&text), AuthErrorKind::IssuerUnreachable);
    assert!(stored().is_some(), "nothing is removed while it can not be found out");

    hook.tell(Ok(Verdict::Reject(AuthErrorKind::StampMismatch)));
    assert_eq!(bench.refused(&text), AuthErrorKind::StampMismatch);
    assert_eq!(stored(), None);
    hook.tell(Ok(Verdict::Keep));
    assert_eq!(bench.refused(&text), AuthErrorKind::SessionGone);
}
