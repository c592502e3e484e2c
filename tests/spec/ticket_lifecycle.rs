//! A ticket of ten minutes, from its issue to its end: Katana's cookie and FormsAuthentication's
//! (`host-authentication.md` §8.5 and §9).

use std::{sync::Arc, time::Duration};

use portcullis::{
    Attempt, AuthError, AuthErrorKind, Clock, UnixTime,
    testing::ManualClock,
    ticket::{
        InMemorySessions, Revalidate, SessionKey, Sessions, Ticket, TicketFormat, TicketValidator,
        Verdict,
        aspnet::{FormsTickets, KatanaCookie},
    },
};

use super::ledger::{self, Row};
use crate::support::site::{MINUTE, Site, forms, katana, key};

chapter! {
    async fn katana_cookies;
    async fn forms_tickets;
    async fn what_slid_is_young_again;
    async fn a_rejected_user;
    async fn a_session_in_a_store;
    async fn two_requests_at_once;
    async fn forms_cookies_that_are_no_good;
}

struct Step {
    id: &'static str,
    /// Minutes and seconds after the issue, which is at 1:00:00.
    at: (u64, u64),
    /// What differs from a ticket of ten minutes.
    ticket: fn(&mut Ticket),
    sliding: bool,
    expected: Expected,
}

enum Expected {
    /// 200, no cookie.
    Kept,
    /// 200, and a cookie that lives for so many minutes from now.
    Renewed(u32),
    /// 401, no cookie.
    Expired,
}
use Expected::{Expired, Kept, Renewed};

impl Row for Step {
    fn id(&self) -> &str {
        self.id
    }
}

const fn step(id: &'static str, at: (u64, u64), expected: Expected) -> Step {
    Step { id, at, ticket: |_| {}, sliding: true, expected }
}

fn an_hour(ticket: &mut Ticket) {
    ticket.expires_at = ticket.issued_at.map(|at| at + 60 * MINUTE);
}

/// As if the clock had been moved back by an hour.
fn an_hour_ahead(ticket: &mut Ticket) {
    ticket.issued_at = ticket.issued_at.map(|at| at + 60 * MINUTE);
    ticket.expires_at = ticket.expires_at.map(|at| at + 60 * MINUTE);
}

fn persistent(ticket: &mut Ticket) {
    ticket.is_persistent = true;
}

const KATANA: &[Step] = &[
    step("C1", (0, 0), Kept),
    step("C2", (4, 59), Kept),
    step("C3", (5, 0), Kept),
    step("C4", (5, 1), Renewed(10)),
    step("C6", (10, 0), Renewed(10)),
    step("C7", (10, 1), Expired),
    Step { sliding: false, ..step("C9", (5, 1), Kept) },
    Step { ticket: |ticket| ticket.allow_refresh = Some(false), ..step("C10", (5, 1), Kept) },
    Step { ticket: |ticket| ticket.allow_refresh = Some(true), ..step("C10", (5, 1), Renewed(10)) },
    Step { ticket: an_hour, ..step("C13", (31, 0), Renewed(60)) },
    Step { ticket: an_hour_ahead, ..step("C18", (5, 1), Kept) },
];

const FORMS: &[Step] = &[
    step("F1", (1, 0), Kept),
    step("F3", (4, 59), Kept),
    step("F2", (5, 0), Renewed(10)),
    step("F5", (10, 0), Renewed(10)),
    step("F4", (10, 1), Expired),
    Step { ticket: an_hour_ahead, ..step("F12", (5, 1), Kept) },
    Step { ticket: persistent, ..step("F16", (5, 0), Renewed(10)) },
];

async fn katana_cookies() {
    let format = || KatanaCookie::new(key("A0"), "Cookies").unwrap();
    ledger::table_async(KATANA, async |row: &Step| play(row, katana, format).await).await;
}

async fn forms_tickets() {
    let format = || FormsTickets::new(key("A0")).unwrap();
    ledger::table_async(FORMS, async |row: &Step| play(row, forms, format).await).await;
}

async fn play<F: TicketFormat + 'static>(
    row: &Step,
    family: fn(&ManualClock) -> TicketValidator<F>,
    format: fn() -> F,
) {
    let clock = ManualClock::at(UnixTime::from_secs(1_715_648_400));
    let site = Site::new(family(&clock).lifetime(10 * MINUTE).sliding(row.sliding));
    let mut ticket = Ticket::new("Cookies", "alice");
    ticket.issued_at = Some(clock.now());
    ticket.expires_at = Some(clock.now() + 10 * MINUTE);
    (row.ticket)(&mut ticket);
    let value = format().protect(&ticket).unwrap();
    let before = format().unprotect(&value).unwrap();

    clock.advance(Duration::from_secs(60 * row.at.0 + row.at.1));
    let answer = site.get(&value).await;
    match row.expected {
        Kept => assert_eq!(answer.greets_alice(), None),
        Expired => answer.refused_because(AuthErrorKind::TicketExpired),
        Renewed(minutes) => {
            let renewed = format().unprotect(&answer.greets_alice().expect("a cookie")).unwrap();
            let mut expected = before;
            expected.issued_at = Some(clock.now());
            expected.expires_at = Some(clock.now() + minutes * MINUTE);
            assert_eq!(renewed, expected);
        }
    }
}

fn ten_minutes() -> (ManualClock, TicketValidator<KatanaCookie>) {
    let clock = ManualClock::new();
    let tickets = katana(&clock).lifetime(10 * MINUTE);
    (clock, tickets)
}

async fn what_slid_is_young_again() {
    let (clock, tickets) = ten_minutes();
    let site = Site::new(tickets);
    let value = site.sign_in().await;
    clock.advance(5 * MINUTE + Duration::from_secs(1));
    let slid = site.get(&value).await.greets_alice().expect("C4");
    clock.advance(4 * MINUTE - Duration::from_secs(1));
    assert_eq!(site.get(&slid).await.greets_alice(), None);
    ledger::passed("C5");
}

/// A check of the application's; the other reasons, which delete the cookie, are of the next change.
async fn a_rejected_user() {
    #[derive(Debug)]
    struct Rejects;
    impl Revalidate for Rejects {
        fn revalidate(&self, _: &Ticket) -> Attempt<Result<Verdict, AuthError>> {
            Attempt::ready(Ok(Verdict::Reject(AuthErrorKind::RejectedByCheck)))
        }
    }

    let (clock, tickets) = ten_minutes();
    let (site, rejecting) = (Site::new(tickets.clone()), Site::new(tickets.revalidate(Rejects)));
    let value = site.sign_in().await;
    clock.advance(5 * MINUTE + Duration::from_secs(1));
    rejecting.get(&value).await.refused_because(AuthErrorKind::RejectedByCheck);
    assert!(site.get(&value).await.greets_alice().is_some(), "it was due");
    ledger::passed("C8");
}

async fn a_session_in_a_store() {
    let (clock, tickets) = ten_minutes();
    let store = Arc::new(InMemorySessions::default());
    let site = Site::new(tickets.sessions(store.clone()).unwrap());
    let format = KatanaCookie::new(key("A0"), "Cookies").unwrap();
    let named = |value: &str| {
        let cookie = format.unprotect(value).unwrap();
        assert_eq!((cookie.issued_at, cookie.expires_at), (None, None));
        SessionKey::from(cookie.identity().unwrap().claim(KatanaCookie::SESSION_ID).unwrap())
    };
    let value = site.sign_in().await;
    let signed_in_at = clock.now().as_secs().to_string();
    let entry = || {
        let found = store.retrieve(&named(&value)).into_ready().expect("in memory").unwrap();
        found.expect("an entry")
    };
    let before = entry();
    clock.advance(5 * MINUTE + Duration::from_secs(1));
    let slid = site.get(&value).await.greets_alice().expect("a cookie");
    assert_eq!(named(&slid), named(&value));
    let mut expected = before;
    expected.issued_at = Some(clock.now());
    expected.expires_at = Some(clock.now() + 10 * MINUTE);
    expected.properties = vec![("portcullis.signed_in_at".into(), signed_in_at)];
    assert_eq!(entry(), expected);
    ledger::passed("C12");
}

async fn two_requests_at_once() {
    let (clock, tickets) = ten_minutes();
    let site = Site::new(tickets);
    let value = site.sign_in().await;
    clock.advance(6 * MINUTE);
    let (one, other) = tokio::join!(site.get(&value), site.get(&value));
    let (one, other) = (one.greets_alice().expect("due"), other.greets_alice().expect("due"));
    assert_ne!(one, other, "each has an initialization vector of its own");
    clock.advance(5 * MINUTE);
    for slid in [one, other] {
        site.get(&slid).await.greets_alice();
    }
    site.get(&value).await.refused_because(AuthErrorKind::TicketExpired);
    ledger::passed("C14");
}

/// Anonymous, with a reason; never 500.
async fn forms_cookies_that_are_no_good() {
    use AuthErrorKind::{TicketMalformed, TicketUndecryptable, TokenTooLong};

    struct Damaged {
        id: &'static str,
        value: String,
        expected: AuthErrorKind,
    }
    impl Row for Damaged {
        fn id(&self) -> &str {
            self.id
        }
    }

    let clock = ManualClock::new();
    let site = Site::new(forms(&clock));
    let good = site.sign_in().await;
    let damaged = |id, value: String, expected| Damaged { id, value, expected };
    let flipped = |at: usize| {
        let mut digits = good.clone().into_bytes();
        digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(digits).unwrap()
    };
    let other = TicketValidator::new(FormsTickets::new(key("B1")).unwrap())
        .clock(Arc::new(clock.clone()))
        .lifetime(30 * MINUTE);
    ledger::table_async(
        &[
            damaged("F6", flipped(0), TicketUndecryptable),
            damaged("F6", flipped(good.len() / 2), TicketUndecryptable),
            damaged("F6", flipped(good.len() - 1), TicketUndecryptable),
            damaged("F7", good[..good.len() - 2].to_owned(), TicketUndecryptable),
            damaged("F7", good[..2].to_owned(), TicketUndecryptable),
            damaged("F8", good[..good.len() - 1].to_owned(), TicketMalformed),
            damaged("F9", format!("{good}{}", "0".repeat(4097 - good.len())), TokenTooLong),
            damaged("F11", Site::new(other).sign_in().await, TicketUndecryptable),
        ],
        async |row: &Damaged| site.get(&row.value).await.refused_because(row.expected),
    )
    .await;
    site.get(&good).await.greets_alice();

    let zoe = site.tickets.issue(Ticket::new("Forms", "Zoë 李")).await.unwrap();
    let zoe = str::from_utf8(zoe.text.expose()).unwrap();
    let answer = site.get(zoe).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "Zoë 李"));
    ledger::passed("F15");
}
