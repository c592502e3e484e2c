//! How long somebody stays signed in: the longest life, signing in, and what a cache and a
//! revocation make of it.

use std::{sync::Arc, time::Duration};

use http::Request;
use portcullis::{
    AuthErrorKind, Identity, UnixTime,
    ticket::{IssueError, Ticket, TicketValidator},
    token::{
        Cached, InMemoryRevocations, InMemoryTokens, Presented, Revocations, TokenCache,
        TokenValidator,
    },
};

use crate::bench::{Bench, Drawer, MINUTE, ready, written};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Somebody who never rests: a request each minute. How long he stays signed in.
fn busy(bench: &Bench, mut text: String) -> Duration {
    let mut after = Duration::ZERO;
    while after < 30 * DAY {
        after += MINUTE;
        bench.at(after);
        match bench.request(&text) {
            Ok(Some(renewed)) => text = written(&renewed),
            Ok(None) => {}
            Err(error) => {
                assert_eq!(error.kind(), AuthErrorKind::TicketExpired);
                return after - MINUTE;
            }
        }
    }
    after
}

/// TKT-18, 6265-11.
#[test]
fn sliding_ends_at_the_longest_life() {
    let longest = 8 * 60 * MINUTE;
    let issue = |bench: &Bench| bench.issue(Ticket::new("Cookies", "alice"));
    let bench = |drawer| Bench::new(drawer).with(|it| it.lifetime(20 * MINUTE));

    for drawer in [Drawer::katana(), Drawer::forms()] {
        let unbounded = bench(drawer);
        assert_eq!(busy(&unbounded, issue(&unbounded)), 30 * DAY, "no limit by default");
    }
    let bounded = bench(Drawer::katana()).with(|it| it.max_lifetime(longest));
    assert_eq!(busy(&bounded, issue(&bounded)), longest);

    // a ticket of an application that knows nothing of the limit
    let bounded = bench(Drawer::katana()).with(|it| it.max_lifetime(longest));
    let foreign = bounded.protect(&bounded.alice(20 * MINUTE));
    assert_eq!(busy(&bounded, foreign), longest);

    // no place for the moment of the sign-in: no sliding
    for careless in [false, true] {
        let forms = bench(Drawer { careless, ..Drawer::forms() });
        let forms = forms.with(|it| it.max_lifetime(longest));
        assert_eq!(busy(&forms, issue(&forms)), 20 * MINUTE);
    }
}

#[test]
fn the_longest_life_also_ends_a_ticket_that_was_issued_for_longer() {
    let bench = Bench::new(Drawer::forms()).with(|it| it.max_lifetime(60 * MINUTE));
    let text = bench.protect(&bench.alice(14 * DAY));
    bench.at(60 * MINUTE);
    assert!(bench.validate(&text).is_ok());
    bench.at(60 * MINUTE + Duration::from_secs(1));
    assert_eq!(bench.refused(&text), AuthErrorKind::TicketExpired);

    let issued = bench.drawer.open(&bench.issue(bench.alice(14 * DAY)));
    assert_eq!(issued.expires_at, Some(bench.start + 60 * MINUTE));

    let mut ageless = bench.alice(DAY);
    ageless.issued_at = None;
    assert_eq!(bench.refused(&bench.protect(&ageless)), AuthErrorKind::TicketMalformed);
}

#[test]
fn a_renewal_does_not_move_the_sign_in() {
    let bench =
        Bench::new(Drawer::katana()).with(|it| it.lifetime(20 * MINUTE).max_lifetime(25 * MINUTE));
    let text = bench.issue(Ticket::new("Cookies", "alice"));
    let told = |ticket: &Ticket| ticket.property("portcullis.signed_in_at").map(str::to_owned);
    let start = Some(bench.start.as_secs().to_string());
    assert_eq!(told(&bench.drawer.open(&text)), start);

    bench.at(11 * MINUTE);
    let next = bench.renewed(&text).unwrap();
    assert_eq!(told(&next), start);
    assert_eq!(next.expires_at, Some(bench.start + 25 * MINUTE));
    assert_eq!(next.properties.len(), 1);

    // nothing is left to gain
    let text = bench.protect(&next);
    bench.at(24 * MINUTE);
    assert_eq!(bench.renewed(&text), None);

    // a sign-in that the ticket tells later than its issue is not believed
    let mut forged = bench.alice(20 * MINUTE);
    let late = (bench.start + DAY).as_secs().to_string();
    forged.properties = vec![("portcullis.signed_in_at".into(), late)];
    bench.at(19 * MINUTE);
    let next = bench.renewed(&bench.protect(&forged)).unwrap();
    assert_eq!(next.expires_at, Some(bench.start + 25 * MINUTE));
}

#[test]
fn a_sign_in_fills_in_the_times_that_the_ticket_does_not_tell() {
    let bench = Bench::new(Drawer::katana());
    let error = ready(bench.validator.issue(Ticket::new("Cookies", "alice"))).unwrap_err();
    assert!(matches!(error, IssueError::Ticket(_)), "{error}");
    assert!(error.to_string().starts_with("lifetime: "), "{error}");

    let bench = bench.with(|it| it.lifetime(20 * MINUTE));
    let issued = bench.drawer.open(&bench.issue(Ticket::new("Cookies", "alice")));
    assert_eq!(issued.issued_at, Some(bench.start));
    assert_eq!(issued.expires_at, Some(bench.start + 20 * MINUTE));
    assert_eq!(issued.properties, []);

    let own = bench.alice(5 * MINUTE);
    bench.at(MINUTE);
    assert_eq!(bench.drawer.open(&bench.issue(own.clone())), own);
}

#[test]
fn what_the_format_has_no_place_for_is_not_issued() {
    let bench = Bench::new(Drawer::forms());
    let mut ticket = bench.alice(MINUTE);
    ticket.properties = vec![("x".into(), "y".into())];
    let error = ready(bench.validator.issue(ticket)).unwrap_err();
    assert_eq!(error.to_string(), "properties: this format has no place for them");
}

/// 6265-13, F5 again: no cache makes a ticket live longer, and none shorter.
#[test]
fn a_remembered_ticket_ends_when_it_would_have_ended() {
    for (limit, end) in [(None, 10 * MINUTE), (Some(7 * MINUTE), 7 * MINUTE)] {
        let mut bench = Bench::new(Drawer::katana());
        if let Some(limit) = limit {
            bench = bench.with(|it| it.max_lifetime(limit));
        }
        let identity = bench.validate(&bench.protect(&bench.alice(10 * MINUTE))).unwrap();
        let usable = |after| identity.is_usable(bench.start + after, Duration::ZERO);
        assert!(usable(Duration::ZERO) && usable(end));
        assert!(!usable(end + Duration::from_nanos(1)));
        assert!(identity.is_usable(UnixTime::EPOCH, Duration::MAX), "C18, and no freshness");
        assert_eq!(identity.verified_at(), Some(bench.start));
    }
}

/// TKT-20: two spellings of one ticket share no entry, and a renewal comes from the cache as well.
#[test]
fn a_cache_around_the_validator() {
    #[derive(Debug)]
    struct Spy(Arc<InMemoryTokens>);
    impl TokenCache for Spy {
        fn get(&self, key: &str) -> Option<Identity> {
            self.0.get(key)
        }
        fn insert(&self, key: &str, identity: &Identity) {
            self.0.insert(key, identity);
        }
        fn remove(&self, key: &str) {
            self.0.remove(key);
        }
        fn clear(&self) {
            self.0.clear();
        }
    }

    let bench = Bench::new(Drawer::katana());
    let memory = Arc::new(InMemoryTokens::default());
    let validator: TicketValidator<Drawer> = bench.validator.clone();
    let cached = Cached::with_cache(validator, Spy(Arc::clone(&memory)));
    let text = bench.protect(&bench.alice(10 * MINUTE));
    let parts = Request::new(()).into_parts().0;
    let ask = |text: &str| ready(cached.validate(Presented::new(text, &parts)));

    let identity = ask(&text).unwrap();
    assert_eq!(memory.len(), 1);
    assert_eq!(ask("TICKET-0").unwrap_err().kind(), AuthErrorKind::TicketUndecryptable);
    bench.at(6 * MINUTE);
    assert!(cached.renew(&ask(&text).unwrap()).is_some());
    assert_eq!(ask(&text).unwrap().verified_at(), identity.verified_at());
    bench.at(10 * MINUTE + Duration::from_nanos(1));
    assert_eq!(ask(&text).unwrap_err().kind(), AuthErrorKind::TicketExpired);
}

/// TKT-19, S6-19: without a store of sessions, a copy of a ticket is ended by a revocation of what
/// its owner had been issued until he signed out, and by nothing else.
#[test]
fn a_copy_survives_the_logout_unless_it_is_revoked() {
    let bench = Bench::new(Drawer::forms());
    let text = bench.protect(&bench.alice(10 * MINUTE));
    bench.at(2 * MINUTE);
    let identity = bench.validate(&text).unwrap();
    assert_eq!(ready(bench.validator.sign_out(&identity)), Ok(()));
    assert!(bench.validate(&text).is_ok());

    let revocations = InMemoryRevocations::default();
    let is_revoked = |text: &str| {
        ready(revocations.is_revoked(&bench.validate(text).unwrap())).expect("in memory")
    };
    assert!(!is_revoked(&text));
    let (issuer, subject) = (identity.issuer(), identity.subject().unwrap());
    revocations.revoke_subject(issuer, subject, bench.now(), UnixTime::MAX);
    assert!(is_revoked(&text));
    let mut anew = bench.alice(10 * MINUTE);
    anew.issued_at = Some(bench.now());
    assert!(!is_revoked(&bench.protect(&anew)));
}

/// The bound of a cache counts the whole ticket: properties, user data and every claim.
#[test]
fn a_heavy_ticket_weighs_heavily_in_the_cache() {
    let held = |text: &str| {
        let bench = Bench::new(Drawer::katana());
        let memory = InMemoryTokens::with_max_bytes(200_000);
        let cached = Cached::with_cache(bench.validator.clone(), memory);
        let parts = Request::new(()).into_parts().0;
        for _ in 0..100 {
            let mut ticket = bench.alice(MINUTE);
            ticket.properties = vec![("x".into(), text.into())];
            let text = bench.protect(&ticket);
            ready(cached.validate(Presented::new(&text, &parts))).unwrap();
        }
        let shown = format!("{cached:?}");
        let count = shown.split("InMemoryTokens(").nth(1).and_then(|it| it.split(' ').next());
        count.and_then(|count| count.parse::<usize>().ok()).expect("a number of entries")
    };
    let (light, heavy) = (held("y"), held(&"y".repeat(10_000)));
    assert!(light > 30 && (1..=20).contains(&heavy), "{light} and {heavy}");
}
