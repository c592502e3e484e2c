//! Expiry and sliding: the rows C1–C18 of Katana's cookie and F1–F16 of FormsAuthentication that
//! concern the ticket and not the cookie around it.

use std::time::Duration;

use portcullis::{
    AuthErrorKind, UnixTime,
    ticket::{RenewalRule, Ticket},
    token::TokenValidator,
};

use crate::bench::{Bench, Drawer, MINUTE};

const fn at(minutes: u64, seconds: u64) -> Duration {
    Duration::from_secs(60 * minutes + seconds)
}

enum Expected {
    Kept,
    Renewed,
    Expired,
}
use Expected::{Expired, Kept, Renewed};

/// A ticket of ten minutes that was issued at 0:00.
const LIFECYCLE: &[(&str, RenewalRule, Duration, Expected)] = &[
    ("C1", RenewalRule::AfterHalf, at(0, 0), Kept),
    ("C2", RenewalRule::AfterHalf, at(4, 59), Kept),
    ("C3", RenewalRule::AfterHalf, at(5, 0), Kept),
    ("C4", RenewalRule::AfterHalf, at(5, 1), Renewed),
    ("C6", RenewalRule::AfterHalf, at(10, 0), Renewed),
    ("C7", RenewalRule::AfterHalf, at(10, 1), Expired),
    ("F1", RenewalRule::AtHalf, at(1, 0), Kept),
    ("F2 S6-16", RenewalRule::AtHalf, at(5, 0), Renewed),
    ("F3", RenewalRule::AtHalf, at(4, 59), Kept),
    ("F4", RenewalRule::AtHalf, at(10, 1), Expired),
    ("F5", RenewalRule::AtHalf, at(10, 0), Renewed),
];

#[test]
fn a_ticket_slides_by_the_rule_of_its_format() {
    for (id, rule, after, expected) in LIFECYCLE {
        let bench = Bench::new(Drawer { rule: *rule, ..Drawer::katana() });
        let ticket = bench.alice(10 * MINUTE);
        let text = bench.protect(&ticket);
        bench.at(*after);
        match expected {
            Kept => assert_eq!(bench.renewed(&text), None, "{id}"),
            Renewed => {
                let mut next = ticket.clone();
                next.issued_at = Some(bench.now());
                next.expires_at = Some(bench.now() + 10 * MINUTE);
                assert_eq!(bench.renewed(&text), Some(next), "{id}");
            }
            Expired => assert_eq!(bench.refused(&text), AuthErrorKind::TicketExpired, "{id}"),
        }
    }
}

#[test]
fn c5_what_slid_is_young_again() {
    let bench = Bench::new(Drawer::katana());
    let text = bench.protect(&bench.alice(10 * MINUTE));
    bench.at(at(5, 1));
    let next = bench.renewed(&text).expect("C4");
    assert_eq!(next.expires_at, Some(bench.start + at(15, 1)));
    let next = bench.protect(&next);
    bench.at(at(9, 0));
    assert_eq!(bench.renewed(&next), None);
}

#[test]
fn c9_c10_c18_f12_what_does_not_slide() {
    let due = at(5, 1);
    let renewed = |bench: Bench, change: fn(&mut Ticket), after| {
        let mut ticket = bench.alice(10 * MINUTE);
        change(&mut ticket);
        let text = bench.protect(&ticket);
        bench.at(after);
        bench.renewed(&text).is_some()
    };
    let bench = || Bench::new(Drawer::katana());
    assert!(renewed(bench(), |_| {}, due), "the others differ from this one in one point");
    assert!(renewed(bench(), |ticket| ticket.allow_refresh = Some(true), due));

    assert!(!renewed(bench().with(|it| it.sliding(false)), |_| {}, due), "C9");
    assert!(!renewed(bench(), |ticket| ticket.allow_refresh = Some(false), due), "C10");
    assert!(!renewed(bench(), |ticket| ticket.issued_at = None, due));
    assert!(!renewed(bench(), |ticket| ticket.expires_at = None, due));
    let later: fn(&mut Ticket) = |ticket| {
        ticket.issued_at = ticket.issued_at.map(|at| at + 60 * MINUTE);
        ticket.expires_at = ticket.expires_at.map(|at| at + 60 * MINUTE);
    };
    for drawer in [Drawer::katana(), Drawer::forms()] {
        assert!(!renewed(Bench::new(drawer), later, due), "C18, F12: before its issue time");
    }
}

#[test]
fn c11_f16_a_persistent_ticket_tells_the_browser_how_long() {
    for drawer in [Drawer::katana(), Drawer::forms()] {
        for persistent in [true, false] {
            let bench = Bench::new(drawer.clone()).with(|it| it.lifetime(10 * MINUTE));
            let mut ticket = Ticket::new("Forms", "alice");
            ticket.is_persistent = persistent;
            let issued = crate::bench::ready(bench.validator.issue(ticket)).unwrap();
            let until = |after| persistent.then(|| bench.start + after);
            assert_eq!(issued.persist_until, until(10 * MINUTE));

            bench.at(at(5, 1));
            let renewed = bench.request(&crate::bench::written(&issued)).unwrap().unwrap();
            assert_eq!(renewed.persist_until, until(at(15, 1)));
            let next = bench.drawer.open(&crate::bench::written(&renewed));
            assert_eq!(next.is_persistent, persistent);
        }
    }
}

#[test]
fn c13_the_lifetime_is_the_tickets_own() {
    let bench = Bench::new(Drawer::katana()).with(|it| it.lifetime(10 * MINUTE));
    let text = bench.protect(&bench.alice(60 * MINUTE));
    bench.at(at(31, 0));
    assert_eq!(bench.renewed(&text).unwrap().expires_at, Some(bench.start + at(91, 0)));
}

#[test]
fn c14_two_requests_at_once_renew_both_and_all_three_texts_are_good() {
    let bench = Bench::new(Drawer::katana());
    let text = bench.protect(&bench.alice(10 * MINUTE));
    bench.at(at(6, 0));
    let identities = [bench.validate(&text).unwrap(), bench.validate(&text).unwrap()];
    for identity in &identities {
        let renewed = bench.validator.renew(identity).expect("due");
        assert_eq!(bench.validate(&crate::bench::written(&renewed)).as_ref(), Ok(identity));
    }
    assert!(bench.validate(&text).is_ok());
}

/// 6265-13: what a renewal keeps, of everything that a ticket of any format holds.
#[test]
fn a_renewal_changes_the_times_and_nothing_else() {
    let bench = Bench::new(Drawer::katana());
    let mut ticket = bench.alice(10 * MINUTE);
    ticket.is_persistent = true;
    ticket.allow_refresh = Some(true);
    ticket.properties = vec![("as:client_id".into(), "portal".into()), ("x".into(), "".into())];
    ticket.user_data = "role=clerk".into();
    ticket.cookie_path = "/app".into();
    ticket.version = 7;
    let text = bench.protect(&ticket);
    bench.at(at(6, 0));
    let mut next = bench.renewed(&text).unwrap();
    assert_ne!(next, ticket);
    (next.issued_at, next.expires_at) = (ticket.issued_at, ticket.expires_at);
    assert_eq!(next, ticket);
}

/// TKT-17: every comparison is of moments, and no number wraps.
#[test]
fn times_at_the_ends_of_the_calendar() {
    let outcome = |issued, expires| {
        let bench = Bench::new(Drawer::forms());
        let mut ticket = bench.alice(MINUTE);
        (ticket.issued_at, ticket.expires_at) = (issued, expires);
        let text = bench.protect(&ticket);
        bench.request(&text).map(|renewed| renewed.is_some()).map_err(|error| error.kind())
    };
    let (epoch, max) = (Some(UnixTime::EPOCH), Some(UnixTime::MAX));
    assert_eq!(outcome(epoch, epoch), Err(AuthErrorKind::TicketExpired));
    assert_eq!(outcome(max, epoch), Err(AuthErrorKind::TicketExpired));
    assert_eq!(outcome(epoch, max), Ok(false));
    assert_eq!(outcome(max, max), Ok(false));
    assert_eq!(outcome(None, max), Ok(false));
    assert_eq!(outcome(None, None), Ok(false));
}

#[test]
fn an_expired_ticket_says_since_when() {
    let bench = Bench::new(Drawer::forms());
    let text = bench.protect(&bench.alice(10 * MINUTE));
    bench.at(at(15, 0));
    let error = bench.validate(&text).unwrap_err();
    assert_eq!(error.to_string(), "TicketExpired: expired 10:10:00Z, now 10:15:00Z");
    bench.at(at(60 * 24, 0));
    assert_eq!(
        bench.validate(&text).unwrap_err().detail(),
        Some("expired 2024-05-14T10:10:00Z, now 2024-05-15T10:00:00Z")
    );
}

/// The clock may go on between the two halves of a request.
#[test]
fn a_ticket_that_expired_during_the_request_is_not_renewed() {
    let bench = Bench::new(Drawer::forms());
    let text = bench.protect(&bench.alice(10 * MINUTE));
    bench.at(at(10, 0));
    let identity = bench.validate(&text).unwrap();
    assert!(bench.validator.renew(&identity).is_some());
    bench.at(at(10, 1));
    assert!(bench.validator.renew(&identity).is_none());
}

#[test]
fn a_format_may_demand_an_expiry() {
    let outcome = |demands_expiry| {
        let bench = Bench::new(Drawer { demands_expiry, ..Drawer::katana() });
        let mut ticket = bench.alice(MINUTE);
        ticket.expires_at = None;
        let text = bench.protect(&ticket);
        bench.validate(&text).map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(outcome(false), Ok(()));
    assert_eq!(outcome(true), Err(AuthErrorKind::MissingExpiry));
}
