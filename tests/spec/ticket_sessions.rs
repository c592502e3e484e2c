//! How long a ticket in a cookie signs somebody in, and what ends it: expiry, the longest life, a
//! logout, a new key.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use portcullis::{
    AuthErrorKind, Authentication, Clock, Cookies, UnixTime,
    testing::ManualClock,
    ticket::{
        InMemorySessions, SessionKey, Sessions, Ticket, TicketFormat, TicketValidator,
        aspnet::{FormsTickets, KatanaCookie},
    },
    token::InMemoryRevocations,
};

use super::ledger;
use crate::support::site::{MINUTE, Site, forms, katana, key};

chapter! {
    async fn sliding_ends_at_the_longest_life;
    async fn what_the_fields_of_a_ticket_decide;
    async fn a_new_key;
    async fn a_copied_ticket;
    async fn a_revoked_session;
    async fn a_session_that_was_signed_out;
    async fn a_session_signed_out_while_it_slides;
    async fn what_a_store_knows;
}

/// A request each minute. How long it goes well.
async fn busy<F: TicketFormat + 'static>(site: &Site<F>, clock: &ManualClock) -> Duration {
    let (mut value, start) = (site.sign_in().await, clock.now());
    loop {
        clock.advance(MINUTE);
        let answer = site.get(&value).await;
        let passed = clock.now().saturating_since(start);
        if answer.status != StatusCode::OK {
            answer.refused_because(AuthErrorKind::TicketExpired);
            return passed - MINUTE;
        }
        if passed >= 30 * 24 * 60 * MINUTE {
            return passed;
        }
        value = answer.greets_alice().unwrap_or(value);
    }
}

const SECOND: Duration = Duration::from_secs(1);

async fn sliding_ends_at_the_longest_life() {
    let (clock, eight_hours) = (ManualClock::new(), 8 * 60 * MINUTE);
    assert_eq!(busy(&Site::new(katana(&clock)), &clock).await, 30 * 24 * 60 * MINUTE);
    let limited = katana(&clock).max_lifetime(eight_hours);
    assert_eq!(busy(&Site::new(limited.clone()), &clock).await, eight_hours);
    let store = Arc::new(InMemorySessions::default());
    let in_store = limited.sessions(store).unwrap();
    assert_eq!(busy(&Site::new(in_store), &clock).await, eight_hours);
    // nowhere to remember the sign-in: it does not slide
    let limited = forms(&clock).max_lifetime(eight_hours);
    assert_eq!(busy(&Site::new(limited), &clock).await, 30 * MINUTE);

    // nothing but what is past its half slides, and nothing that is past its end
    let site = Site::new(katana(&clock));
    let value = site.sign_in().await;
    for (advance, slides) in [(15 * MINUTE, false), (SECOND, true), (15 * MINUTE - SECOND, true)] {
        clock.advance(advance);
        assert_eq!(site.get(&value).await.greets_alice().is_some(), slides, "{advance:?}");
    }
    clock.advance(SECOND);
    site.get(&value).await.refused_because(AuthErrorKind::TicketExpired);
    ledger::passed("TKT-18 6265-11");
}

/// The times decide, to the instant. Version, path, persistence and user data decide nothing.
async fn what_the_fields_of_a_ticket_decide() {
    let clock = ManualClock::new();
    let tickets = forms(&clock).sliding(false);
    let site = Site::new(tickets.clone());
    let write = |change: fn(&mut Ticket)| {
        let mut ticket = Ticket::new("Forms", "alice");
        (ticket.issued_at, ticket.expires_at) = (Some(clock.now()), Some(clock.now() + MINUTE));
        change(&mut ticket);
        FormsTickets::new(key("A0")).unwrap().protect(&ticket).unwrap()
    };
    let same: [fn(&mut Ticket); 6] = [
        |_| {},
        |ticket| ticket.version = 99,
        |ticket| ticket.cookie_path = "/admin".into(),
        |ticket| ticket.is_persistent = true,
        |ticket| ticket.user_data = r#"{"name":"admin","roles":["admin"],"exp":9999999999}"#.into(),
        |ticket| ticket.issued_at = ticket.issued_at.map(|at| at + 60 * MINUTE),
    ];
    let values = same.map(write);
    for value in &values {
        site.get(value).await.greets_alice();
        site.get_and(value, |record| {
            let identity = record.identity(Cookies).expect("alice");
            assert!(identity.claim("roles").is_none());
            assert_ne!(identity.claim("exp"), Some(9_999_999_999_u64.into()));
        })
        .await
        .greets_alice();
    }
    clock.advance(MINUTE);
    for value in &values {
        site.get(value).await.greets_alice();
    }
    clock.advance(Duration::from_nanos(100));
    for value in &values {
        site.get(value).await.refused_because(AuthErrorKind::TicketExpired);
    }
    ledger::passed("6265-13 TKT-21");
}

async fn a_new_key() {
    let clock = ManualClock::new();
    let site = |format: FormsTickets| {
        let tickets = TicketValidator::new(format).clock(Arc::new(clock.clone()));
        Site::new(tickets.lifetime(30 * MINUTE))
    };
    let old = site(FormsTickets::new(key("A0")).unwrap());
    let both = site(FormsTickets::new(key("B1")).unwrap().also_accept(key("A0")).unwrap());
    let new = site(FormsTickets::new(key("B1")).unwrap());

    let value = old.sign_in().await;
    new.get(&value).await.refused_because(AuthErrorKind::TicketUndecryptable);
    clock.advance(15 * MINUTE);
    let slid = both.get(&value).await.greets_alice().expect("half its life");
    new.get(&slid).await.greets_alice();
    old.get(&slid).await.refused_because(AuthErrorKind::TicketUndecryptable);
    new.get(&both.sign_in().await).await.greets_alice();
    ledger::passed("6265-17");
}

async fn a_copied_ticket() {
    let clock = ManualClock::new();
    let revocations = Arc::new(InMemoryRevocations::default());
    let mut site = Site::new(forms(&clock));
    site.auth = site.auth.revocations(revocations.clone()).unwrap();
    let copy = site.sign_in().await;
    clock.advance(MINUTE);
    // what a ticket alone cannot know
    site.get(&copy).await.greets_alice();
    revocations.revoke_subject("LOCAL AUTHORITY", "alice", clock.now(), UnixTime::MAX);
    site.get(&copy).await.refused_because(AuthErrorKind::Revoked);
    site.get(&site.sign_in().await).await.greets_alice();
    ledger::passed("TKT-19");
}

/// A session that is due to slide when it is refused is refused for ever, also when the revocation is
/// forgotten after the session's whole life.
async fn a_revoked_session() {
    let clock = ManualClock::new();
    let store = Arc::new(InMemorySessions::default());
    let revocations = Arc::new(InMemoryRevocations::default());
    let mut site = Site::new(katana(&clock).sessions(store.clone()).unwrap());
    site.auth = site.auth.revocations(revocations.clone()).unwrap();
    let stolen = site.sign_in().await;
    clock.advance(16 * MINUTE); // it slides
    site.get(&stolen).await.greets_alice().expect("past its half");
    clock.advance(16 * MINUTE); // it would slide again
    let until = clock.now() + 30 * MINUTE;
    revocations.revoke_subject("LOCAL AUTHORITY", "alice", clock.now(), until);
    site.get(&stolen).await.refused_because(AuthErrorKind::Revoked);
    for _ in 0..5 {
        assert_eq!(site.get(&stolen).await.status, StatusCode::UNAUTHORIZED);
        clock.advance(16 * MINUTE);
        revocations.drop_expired(clock.now());
    }
    site.get(&site.sign_in().await).await.greets_alice();
    ledger::passed("TKT-19");
}

async fn a_session_that_was_signed_out() {
    let clock = ManualClock::new();
    let store = Arc::new(InMemorySessions::default());
    let site = Site::new(katana(&clock).sessions(store).unwrap());
    let (value, elsewhere) = (site.sign_in().await, site.sign_in().await);
    let signs_out = {
        let tickets = site.tickets.clone();
        move |record: &Authentication| {
            let identity = record.identity(Cookies).expect("alice");
            tickets.sign_out(identity).into_ready().expect("in memory").unwrap();
        }
    };
    site.get(&value).await.greets_alice();
    site.get_and(&value, signs_out).await.greets_alice();
    site.get(&value).await.refused_because(AuthErrorKind::SessionGone);
    site.get(&elsewhere).await.greets_alice();
    ledger::passed("CK-07");
}

/// The request is past the gate, and slid, when its session ends: neither cookie works after.
async fn a_session_signed_out_while_it_slides() {
    let clock = ManualClock::new();
    let store = Arc::new(InMemorySessions::default());
    let site = Site::new(katana(&clock).sessions(store.clone()).unwrap());
    let value = site.sign_in().await;
    clock.advance(16 * MINUTE);
    let ends = move |record: &Authentication| {
        let identity = record.identity(Cookies).expect("alice");
        let key = SessionKey::from(identity.session_id().expect("a session"));
        store.remove(&key).into_ready().expect("in memory").unwrap();
        // another request was judged before, and renews now
        let late = store.renew(&key, Ticket::new("Cookies", "alice"));
        assert_eq!(late.into_ready().expect("in memory"), Ok(false));
    };
    let slid = site.get_and(&value, ends).await.greets_alice().expect("it slid");
    for value in [value, slid] {
        site.get(&value).await.refused_because(AuthErrorKind::SessionGone);
    }
    ledger::passed("CK-08");
}

/// Known by the hash of its key, and the key is of 256 random bits.
async fn what_a_store_knows() {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use portcullis::{Attempt, AuthError};

    #[derive(Debug, Default)]
    struct Table(Mutex<HashMap<[u8; 32], Ticket>>);

    impl Sessions for Table {
        fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
            let key = SessionKey::random();
            self.0.lock().unwrap().insert(key.digest(), ticket);
            Attempt::ready(Ok(key))
        }
        fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<Ticket>, AuthError>> {
            Attempt::ready(Ok(self.0.lock().unwrap().get(&key.digest()).cloned()))
        }
        fn renew(&self, key: &SessionKey, ticket: Ticket) -> Attempt<Result<bool, AuthError>> {
            let replaced = self.0.lock().unwrap().get_mut(&key.digest()).map(|it| *it = ticket);
            Attempt::ready(Ok(replaced.is_some()))
        }
        fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
            self.0.lock().unwrap().remove(&key.digest());
            Attempt::ready(Ok(()))
        }
    }

    let (clock, table) = (ManualClock::new(), Arc::new(Table::default()));
    let site = Site::new(katana(&clock).sessions(table.clone()).unwrap());
    let value = site.sign_in().await;
    site.get(&value).await.greets_alice();

    let cookie = KatanaCookie::new(key("A0"), "Cookies").unwrap().unprotect(&value).unwrap();
    let name = cookie.identity().unwrap().claim(KatanaCookie::SESSION_ID).unwrap().to_owned();
    assert_eq!(name.len(), 43, "256 bits in base64url");
    let held = table.0.lock().unwrap().keys().copied().next().unwrap();
    assert_eq!(held, SessionKey::from(&*name).digest());
    assert_ne!(&held[..], name.as_bytes());
    // in memory too: a key that is a digest of another names nothing
    let memory = InMemorySessions::default();
    let key = memory.store(cookie).into_ready().expect("in memory").unwrap();
    let digest: String = key.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    for other in [&digest, &key.as_str()[..42], ""] {
        let found = memory.retrieve(&SessionKey::from(other)).into_ready().expect("in memory");
        assert_eq!(found.unwrap(), None);
    }
    assert!(!format!("{memory:?} {key:?}").contains(key.as_str()));
    ledger::passed("CK-15");
}
