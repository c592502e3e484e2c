//! The application's own word on the user of a ticket.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use portcullis::{
    Attempt, AuthError, AuthErrorClass, AuthErrorKind, Clock, Identity, UnixTime,
    testing::{ManualClock, TicketMint},
    ticket::{
        InMemorySessions, Sessions, Ticket, TicketClaim, TicketIdentity, TicketValidator,
        aspnet::{FormsTickets, KatanaCookie},
    },
    token::{Cached, Presented, Revalidate, TokenValidator, Verdict},
};

use crate::bench::{Bench, Drawer, MINUTE, ready, written};

/// Answers what it was told to answer, and counts how often it was asked.
#[derive(Clone, Debug)]
struct Told {
    answer: Arc<Mutex<Result<Verdict, AuthError>>>,
    asked: Arc<AtomicUsize>,
    pending: bool,
    interval: Duration,
    stale: Duration,
}

impl Told {
    fn new(answer: Result<Verdict, AuthError>) -> Self {
        Self {
            answer: Arc::new(Mutex::new(answer)),
            asked: Arc::default(),
            pending: false,
            interval: Duration::ZERO,
            stale: Duration::ZERO,
        }
    }

    fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    fn tell(&self, answer: Result<Verdict, AuthError>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Revalidate for Told {
    fn revalidate(&self, identity: &Identity) -> Attempt<Result<Verdict, AuthError>> {
        assert_eq!(Ticket::of(identity).unwrap().name(), Some("alice"));
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answer.lock().unwrap().clone();
        if self.pending { Attempt::pending(async move { answer }) } else { Attempt::ready(answer) }
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn stale(&self) -> Duration {
        self.stale
    }
}

/// This format, this hook, and a ticket of that many minutes.
fn bench(drawer: Drawer, hook: &Told, minutes: u32) -> (Bench, String) {
    let bench = Bench::new(drawer).with(|it| it.revalidate(hook.clone()));
    let text = bench.protect(&bench.alice(minutes * MINUTE));
    (bench, text)
}

fn advance_to(bench: &Bench, after: Duration) {
    let at = bench.start + after;
    bench.clock.advance(at.saturating_since(bench.now()));
}

#[test]
fn c8_who_is_rejected_is_not_renewed() {
    for kind in [AuthErrorKind::StampMismatch, AuthErrorKind::UserGone] {
        let hook = Told::new(Ok(Verdict::Keep));
        let (bench, text) = bench(Drawer::katana(), &hook, 10);
        advance_to(&bench, 6 * MINUTE);
        assert!(bench.renewed(&text).is_some(), "due");
        bench.clock.advance(Duration::from_secs(1));
        hook.tell(Ok(Verdict::Reject(kind)));
        assert_eq!(bench.refused(&text), kind);
    }
}

#[test]
fn nobody_is_asked_about_a_ticket_that_is_no_good_anyway() {
    let hook = Told::new(Ok(Verdict::Keep));
    let (bench, text) = bench(Drawer::katana(), &hook, 10);
    advance_to(&bench, 11 * MINUTE);
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
        let (bench, text) = bench(Drawer::katana(), &hook, 10);
        advance_to(&bench, MINUTE);
        let error = bench.validate(&text).unwrap_err();
        assert_eq!(error.kind().class(), AuthErrorClass::Undecidable, "{kind}");
        assert!(error.to_string().contains("connection refused"), "{error}");
    }
}

/// The last verdict serves while the store is down, and if that was a "no" it is one.
#[test]
fn an_outage_does_not_bring_back_who_was_rejected() {
    for drawer in [Drawer::katana(), Drawer::forms()] {
        let hook = Told { stale: 600 * MINUTE, ..Told::new(Ok(Verdict::Keep)) };
        let hook = hook.every(30 * MINUTE);
        let (bench, text) = bench(drawer, &hook, 600);
        let down = || hook.tell(Err(AuthErrorKind::IssuerUnreachable.into()));
        advance_to(&bench, 31 * MINUTE);
        down();
        bench.validate(&text).expect("by what the ticket says");
        bench.clock.advance(MINUTE);
        hook.tell(Ok(Verdict::Keep));
        bench.validate(&text).unwrap();
        advance_to(&bench, 63 * MINUTE);
        hook.tell(Ok(Verdict::Reject(AuthErrorKind::UserGone)));
        assert_eq!(bench.refused(&text), AuthErrorKind::UserGone);
        // the "no" is no longer remembered for its own sake
        down();
        bench.clock.advance(MINUTE);
        assert_eq!(bench.refused(&text), AuthErrorKind::IssuerUnreachable);
        hook.tell(Ok(Verdict::Keep));
        bench.validate(&text).expect("and there again");
    }
}

#[tokio::test]
async fn an_answer_may_be_waited_for() {
    let hook = Told { pending: true, ..Told::new(Ok(Verdict::Keep)) };
    let (bench, text) = bench(Drawer::katana(), &hook, 10);
    advance_to(&bench, MINUTE);
    let attempt = bench.attempt(&text).into_ready().expect_err("pending");
    assert_eq!(attempt.await.unwrap().subject(), Some("alice"));
    bench.clock.advance(MINUTE);
    hook.tell(Ok(Verdict::Reject(AuthErrorKind::UserGone)));
    assert_eq!(bench.attempt(&text).await.unwrap_err().kind(), AuthErrorKind::UserGone);
}

/// A question that is never answered does not shut its user out for ever.
#[tokio::test(start_paused = true)]
async fn a_question_that_hangs_is_given_up() {
    #[derive(Debug, Default)]
    struct HangsOnce(AtomicUsize);

    impl Revalidate for HangsOnce {
        fn revalidate(&self, _: &Identity) -> Attempt<Result<Verdict, AuthError>> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Attempt::pending(std::future::pending()),
                _ => Attempt::ready(Ok(Verdict::Keep)),
            }
        }
    }

    let bench = Bench::new(Drawer::katana()).with(|it| it.revalidate(HangsOnce::default()));
    let text = bench.protect(&bench.alice(600 * MINUTE));
    advance_to(&bench, 31 * MINUTE);
    let budget = Duration::from_secs(5);
    tokio::time::timeout(budget, bench.attempt(&text)).await.expect_err("it hangs");
    tokio::time::sleep(MINUTE).await;
    let judged = tokio::time::timeout(budget, bench.attempt(&text)).await;
    assert_eq!(judged.expect("asked anew").unwrap().subject(), Some("alice"));
}

/// A ticket that is older than the interval is asked about once an interval, with a cache and without;
/// at the end of the interval it is not asked yet.
#[test]
fn it_is_asked_again_after_the_interval() {
    for with_cache in [false, true] {
        let hook = Told::new(Ok(Verdict::Keep)).every(30 * MINUTE);
        let (bench, text) = bench(Drawer::katana(), &hook, 600);
        let cached = Cached::new(bench.validator.clone());
        let parts = Request::new(()).into_parts().0;
        let ask = || {
            let presented = Presented::new(&text, &parts);
            let judged = if with_cache {
                cached.validate(presented)
            } else {
                bench.validator.validate(presented)
            };
            ready(judged).map(|_| ())
        };
        let tick = Duration::from_nanos(1);
        for (advance, asked) in [
            (Duration::ZERO, 0),
            (30 * MINUTE, 0),
            (tick, 1),
            (MINUTE, 1),
            (29 * MINUTE, 1),
            (tick, 2),
        ] {
            bench.clock.advance(advance);
            assert_eq!(ask(), Ok(()));
            assert_eq!(hook.asked(), asked, "{with_cache} {advance:?}");
        }
        hook.tell(Ok(Verdict::Reject(AuthErrorKind::StampMismatch)));
        bench.clock.advance(30 * MINUTE);
        assert_eq!(ask(), Ok(()));
        bench.clock.advance(tick);
        assert_eq!(ask(), Err(AuthErrorKind::StampMismatch.into()));
        // a "no" is believed for ten seconds
        for (advance, asked) in [(0, 3), (9, 3), (1, 4)] {
            bench.clock.advance(Duration::from_secs(advance));
            assert!(ask().is_err());
            assert_eq!(hook.asked(), asked);
        }
    }
}

/// Setting the clock back keeps nobody from being checked.
#[test]
fn a_moment_that_lies_ahead_says_nothing() {
    let hook = Told::new(Ok(Verdict::Keep)).every(30 * MINUTE);
    let (bench, text) = bench(Drawer::katana(), &hook, 600);
    bench.clock.set_wall(bench.start - 120 * MINUTE);
    for (advance, asked) in [(0, 1), (30, 1), (1, 2), (29, 2)] {
        bench.clock.advance(advance * MINUTE);
        assert!(bench.validate(&text).is_ok());
        assert_eq!(hook.asked(), asked, "{advance}");
    }
}

/// §10 S6: sliding does not move the last check, whether or not a ticket has a place for it.
#[test]
fn sliding_does_not_put_the_check_off() {
    for drawer in [Drawer::katana(), Drawer::forms()] {
        let holds = drawer.holds_properties;
        let hook = Told::new(Ok(Verdict::Keep)).every(40 * MINUTE);
        let (bench, mut text) = bench(drawer, &hook, 60);
        let mut rejected_at = None;
        for minute in 1..=120 {
            advance_to(&bench, minute * MINUTE);
            if minute == 20 {
                hook.tell(Ok(Verdict::Reject(AuthErrorKind::StampMismatch)));
            }
            match bench.request(&text) {
                Ok(Some(renewed)) => text = written(&renewed),
                Ok(None) => {}
                Err(_) => {
                    rejected_at = Some(minute);
                    break;
                }
            }
        }
        assert_eq!(rejected_at, Some(41), "{holds}");
        let slid = bench.drawer.open(&text);
        let told = slid.property("portcullis.checked_at").map(str::to_owned);
        assert_eq!(told, holds.then(|| bench.start.as_secs().to_string()));
        assert_ne!(slid.issued_at, Some(bench.start), "it slid");
    }
}

/// A forms ticket has many spellings, and what this process remembers of it counts for each.
#[test]
fn another_spelling_does_not_put_the_check_off() {
    let (clock, hook) = (ManualClock::new(), Told::new(Ok(Verdict::Keep)).every(40 * MINUTE));
    let mint = TicketMint::new().clock(clock.clone());
    let format = FormsTickets::new(mint.machine_key()).unwrap();
    let tickets = TicketValidator::new(format).clock(clock.clone()).revalidate(hook.clone());
    let parts = Request::new(()).into_parts().0;
    let text = mint.forms("alice").expires_at(clock.now() + 60 * MINUTE).build();
    let alice = ready(tickets.validate(Presented::new(&text, &parts))).unwrap();
    clock.advance(31 * MINUTE);
    let slid = written(&tickets.renew(&alice).expect("due to slide"));
    hook.tell(Ok(Verdict::Reject(AuthErrorKind::StampMismatch)));

    clock.advance(10 * MINUTE);
    let bytes: Vec<u8> = (0..slid.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&slid[at..at + 2], 16).unwrap())
        .collect();
    // as ASP.NET has it in a URL, where it keeps no cookie
    let padding = (3 - bytes.len() % 3) % 3;
    let in_a_url = format!("{}{padding}", URL_SAFE_NO_PAD.encode(bytes));
    for spelling in [slid.to_lowercase(), in_a_url, slid] {
        let judged = ready(tickets.validate(Presented::new(&spelling, &parts)));
        assert_eq!(judged.unwrap_err().kind(), AuthErrorKind::StampMismatch, "{spelling}");
    }
}

/// A Katana ticket too: whoever changes its spelling does not have the application asked each time.
#[test]
fn another_spelling_is_not_asked_about_by_itself() {
    let (clock, hook) = (ManualClock::new(), Told::new(Ok(Verdict::Keep)).every(10 * MINUTE));
    let mint = TicketMint::new().clock(clock.clone());
    let format = KatanaCookie::new(mint.machine_key(), "ApplicationCookie").unwrap();
    let tickets = TicketValidator::new(format).clock(clock.clone()).revalidate(hook.clone());
    let text = loop {
        let text = mint.katana_cookie("ApplicationCookie", "alice").build();
        if text.contains('_') && text.contains('-') {
            break text;
        }
    };
    clock.advance(11 * MINUTE);
    let parts = Request::new(()).into_parts().0;
    let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    for spelling in [text.replacen('_', "/", 1), text.replacen('-', "+", 1), padded, text] {
        ready(tickets.validate(Presented::new(&spelling, &parts))).unwrap();
    }
    assert_eq!(hook.asked(), 1);
}

/// The moment of the check travels: another process does not ask again before it is due.
#[test]
fn a_ticket_takes_its_check_along() {
    let hook = Told::new(Ok(Verdict::Keep)).every(40 * MINUTE);
    let (bench, text) = bench(Drawer::katana(), &hook, 60);
    advance_to(&bench, 41 * MINUTE);
    let text = written(&bench.request(&text).unwrap().expect("due to slide"));
    assert_eq!(hook.asked(), 1);
    let elsewhere = Told::new(Ok(Verdict::Keep)).every(40 * MINUTE);
    let bench = bench.with(|it| it.revalidate(elsewhere.clone()));
    advance_to(&bench, 81 * MINUTE);
    bench.validate(&text).unwrap();
    assert_eq!(elsewhere.asked(), 0);
    bench.clock.advance(Duration::from_nanos(1));
    bench.validate(&text).unwrap();
    assert_eq!(elsewhere.asked(), 1);

    // one that is issued here tells it from the start, for others that let it slide
    let issued = bench.drawer.open(&bench.issue(bench.alice(600 * MINUTE)));
    assert!(issued.property("portcullis.checked_at").is_some());
}

/// What the application makes of alice: she has become the boss, with times that are not hers to choose.
fn promoted(_: &Ticket) -> Attempt<Result<Ticket, AuthError>> {
    let mut ticket = Ticket::new("Forms", "alice");
    ticket.issued_at = Some(UnixTime::from_secs(1));
    ticket.expires_at = Some(UnixTime::MAX);
    ticket.allow_refresh = Some(true);
    ticket.identities[0].claims.push(TicketClaim::new(TicketIdentity::ROLE, "boss"));
    ticket.properties = vec![("portcullis.signed_in_at".into(), "99999999999".into())];
    Attempt::ready(Ok(ticket))
}

#[test]
fn a_ticket_that_is_made_anew_has_a_full_new_lifetime() {
    let hook = Told::new(Ok(Verdict::Keep)).every(30 * MINUTE);
    let (bench, _) = bench(Drawer::katana(), &hook, 60);
    let bench = bench.with(|it| it.sliding(false).max_lifetime(80 * MINUTE).regenerate(promoted));
    let mut ticket = bench.alice(60 * MINUTE);
    ticket.is_persistent = true;
    ticket.allow_refresh = Some(false);
    ticket.properties = vec![("as:client_id".into(), "portal".into())];
    let text = bench.protect(&ticket);
    advance_to(&bench, 30 * MINUTE);
    assert!(bench.request(&text).unwrap().is_none(), "not due");
    bench.clock.advance(Duration::from_secs(1));
    let identity = bench.validate(&text).unwrap();
    assert_eq!(identity.claim_str("role").as_deref(), Some("boss"));
    // what the browser sent is no older and no longer good than it says
    assert_eq!(identity.issued_at(), Some(bench.start));
    assert_eq!(identity.expires_at(), Some(bench.start + 60 * MINUTE));
    let monotonic = bench.clock.monotonic();
    assert!(!identity.is_usable(bench.start + 60 * MINUTE + Duration::from_nanos(1), monotonic));

    let renewed = bench.validator.renew(&identity).expect("written at once");
    let next = bench.drawer.open(&written(&renewed));
    assert_eq!(next.issued_at, Some(bench.now()));
    assert_eq!(next.expires_at, Some(bench.start + 80 * MINUTE), "the longest life stays");
    assert_eq!(renewed.persist_until, next.expires_at);
    assert_eq!((next.is_persistent, next.allow_refresh), (true, Some(false)));
    assert_eq!(next.property("as:client_id"), Some("portal"));
    let sign_in = bench.start.as_secs().to_string();
    assert_eq!(next.property("portcullis.signed_in_at"), Some(&*sign_in));
    assert_eq!(next.identity().unwrap().claim(TicketIdentity::ROLE), Some("boss"));

    // the old text within the interval: nobody is asked, and it does not bring the old rights back
    let again = bench.validate(&text).unwrap();
    assert_eq!(again.claim_str("role").as_deref(), Some("boss"));
    let checked_at = bench.now().as_secs().to_string();
    bench.clock.advance(MINUTE);
    let later = bench.renewed(&text).expect("made anew as often as it comes");
    assert_eq!(later.property("portcullis.checked_at"), Some(&*checked_at), "by the one check");
    assert_eq!(hook.asked(), 1);
    assert!(bench.request(&written(&renewed)).unwrap().is_none());
}

/// A clock that another moment passes on whenever it is read, as any real one.
#[derive(Debug)]
struct Running(ManualClock);

impl Clock for Running {
    fn now(&self) -> UnixTime {
        self.0.advance(Duration::from_nanos(700));
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

/// What was made anew is written also where the clock does not stand still while that is done, and no
/// check moves by being read.
#[test]
fn on_a_clock_that_runs() {
    for in_a_store in [false, true] {
        let hook = Told::new(Ok(Verdict::Keep)).every(30 * MINUTE);
        let (bench, text) = bench(Drawer::katana(), &hook, 60);
        let clock = Running(bench.clock.clone());
        let mut bench = bench.with(|it| it.clock(clock).sliding(false).regenerate(promoted));
        let mut text = text;
        if in_a_store {
            bench = bench.with(|it| it.sessions(InMemorySessions::default()).unwrap());
            text = bench.issue(bench.alice(60 * MINUTE));
        }
        advance_to(&bench, 10 * MINUTE);
        let young = bench.validate(&text).unwrap();
        assert_eq!(Ticket::of(&young).unwrap().issued_at, Some(bench.start));
        if !in_a_store {
            let told = Ticket::of(&young).unwrap().property("portcullis.checked_at");
            assert_eq!(told, None, "nothing is to be written down");
        }
        advance_to(&bench, 31 * MINUTE);
        let renewed = bench.request(&text).unwrap().expect("written at once");
        assert_eq!(hook.asked(), 1);
        let (again, wrote) = (bench.validate(&written(&renewed)).unwrap(), written(&renewed));
        assert_eq!(again.claim_str("role").as_deref(), Some("boss"));
        assert!(bench.request(&wrote).unwrap().is_none());
        assert_eq!(hook.asked(), 1);
    }
}

#[test]
fn what_has_no_place_for_the_sign_in_is_not_made_anew_for_ever() {
    let hook = Told::new(Ok(Verdict::Keep)).every(MINUTE);
    let bench = Bench::new(Drawer::forms())
        .with(|it| it.revalidate(hook.clone()).max_lifetime(60 * MINUTE).regenerate(promoted));
    let text = bench.protect(&bench.alice(60 * MINUTE));
    advance_to(&bench, 50 * MINUTE);
    assert!(bench.request(&text).unwrap().is_none());
    // without that end it is, and nothing is written that the format does not hold
    let make = |_: &Ticket| Attempt::ready(Ok(Ticket::new("Forms", "alice")));
    let bench = Bench::new(Drawer::forms()).with(|it| it.revalidate(hook.clone()).regenerate(make));
    let text = bench.protect(&bench.alice(60 * MINUTE));
    advance_to(&bench, 2 * MINUTE);
    let next = bench.renewed(&text).expect("made anew");
    assert_eq!(next.expires_at, Some(bench.start + 62 * MINUTE));
    assert!(next.properties.is_empty());
}

#[test]
fn who_can_not_be_made_anew_stays() {
    let hook = Told::new(Ok(Verdict::Keep)).every(MINUTE);
    let (bench, text) = bench(Drawer::katana(), &hook, 60);
    let down = |_: &Ticket| Attempt::ready(Err(AuthErrorKind::IssuerUnreachable.into()));
    let bench = bench.with(|it| it.regenerate(down));
    advance_to(&bench, 2 * MINUTE);
    assert!(bench.request(&text).unwrap().is_none());
}

#[test]
fn a_session_is_checked_replaced_and_removed_in_its_store() {
    let hook = Told::new(Ok(Verdict::Keep)).every(30 * MINUTE);
    let store = Arc::new(InMemorySessions::default());
    let bench = Bench::new(Drawer::katana())
        .with(|it| it.revalidate(hook.clone()).sessions(store.clone()).unwrap());
    let text = bench.issue(bench.alice(100 * MINUTE));
    let key = bench.validate(&text).unwrap().session_id().unwrap().into();
    let stored = || ready(store.retrieve(&key)).unwrap().map(|stored| stored.ticket);

    advance_to(&bench, 31 * MINUTE);
    bench.validate(&text).unwrap();
    let checked = stored().unwrap();
    let moment = bench.now().as_secs().to_string();
    assert_eq!(checked.property("portcullis.checked_at"), Some(&*moment));
    assert_eq!(checked.issued_at, Some(bench.start), "it did not slide");
    // another process finds it there
    let elsewhere = Told::new(Ok(Verdict::Keep)).every(30 * MINUTE);
    let bench = bench.with(|it| it.revalidate(elsewhere.clone()));
    advance_to(&bench, 40 * MINUTE);
    bench.validate(&text).unwrap();
    assert_eq!((hook.asked(), elsewhere.asked()), (1, 0));

    let bench = bench.with(|it| it.regenerate(promoted));
    advance_to(&bench, 62 * MINUTE);
    let identity = bench.validate(&text).unwrap();
    assert_eq!(identity.claim_str("role").as_deref(), Some("boss"));
    assert_eq!(identity.issued_at(), Some(bench.start), "as old as its sign-in");
    let replaced = stored().unwrap();
    assert_eq!(replaced.identity().unwrap().claim(TicketIdentity::ROLE), Some("boss"));
    assert_eq!(replaced.expires_at, Some(bench.start + 162 * MINUTE));

    elsewhere.tell(Err(AuthErrorKind::IssuerUnreachable.into()));
    advance_to(&bench, 93 * MINUTE);
    assert_eq!(bench.refused(&text), AuthErrorKind::IssuerUnreachable);
    elsewhere.tell(Ok(Verdict::Reject(AuthErrorKind::IssuerUnreachable)));
    assert_eq!(bench.refused(&text), AuthErrorKind::IssuerUnreachable);
    assert!(stored().is_some(), "nothing is removed while it can not be found out");

    elsewhere.tell(Ok(Verdict::Reject(AuthErrorKind::StampMismatch)));
    assert_eq!(bench.refused(&text), AuthErrorKind::StampMismatch);
    assert_eq!(stored(), None);
    elsewhere.tell(Ok(Verdict::Keep));
    assert_eq!(bench.refused(&text), AuthErrorKind::SessionGone);
}
