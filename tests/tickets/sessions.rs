//! Sessions in a store.

use std::{
    collections::HashSet,
    sync::{Arc, Barrier, Mutex},
    thread,
    time::Duration,
};

use portcullis::{
    Attempt, AuthError, AuthErrorClass, AuthErrorKind, Identity,
    ticket::{
        InMemorySessions, IssueError, SessionKey, Sessions, StoredTicket, Ticket, TicketClaim,
        TicketValidator,
    },
    token::TokenValidator,
};

use crate::bench::{Bench, Drawer, MINUTE, SESSION, ready, written};

fn bench() -> (Bench, Arc<InMemorySessions>) {
    let store = Arc::new(InMemorySessions::default());
    let bench = Bench::new(Drawer::katana())
        .with(|it| it.lifetime(10 * MINUTE).sessions(store.clone()).unwrap());
    (bench, store)
}

/// The key that a cookie names.
fn key(bench: &Bench, text: &str) -> SessionKey {
    bench.drawer.open(text).identity().unwrap().claim(SESSION).unwrap().into()
}

fn stored(store: &InMemorySessions, key: &SessionKey) -> Option<Ticket> {
    ready(store.retrieve(key)).unwrap().map(|stored| stored.ticket)
}

/// Katana's shape: one claim, no times.
#[test]
fn the_cookie_holds_a_key_and_nothing_else() {
    let (bench, store) = bench();
    let mut ticket = bench.alice(10 * MINUTE);
    ticket.is_persistent = true;
    ticket.properties = vec![("as:client_id".into(), "portal".into())];
    let issued = ready(bench.validator.issue(ticket.clone())).unwrap();
    assert_eq!(issued.persist_until, Some(bench.start + 10 * MINUTE));

    let text = written(&issued);
    let cookie = bench.drawer.open(&text);
    let key = key(&bench, &text);
    let mut expected = Ticket::new("Forms", "");
    expected.identities[0].claims = vec![TicketClaim::new(SESSION, key.as_str())];
    assert_eq!(cookie, expected);
    assert_eq!(stored(&store, &key).as_ref(), Some(&ticket));

    let identity = bench.validate(&text).unwrap();
    assert_eq!(identity.subject(), Some("alice"));
    assert_eq!(identity.client_id(), Some("portal"));
    assert_eq!(identity.session_id(), Some(key.as_str()));
    assert_eq!(Ticket::of(&identity), Some(&ticket));
    let claims = String::from_utf8_lossy(identity.claims_json());
    assert!(!claims.contains(key.as_str()), "{claims}");
    assert!(!identity.is_usable(bench.now(), portcullis::Clock::monotonic(&bench.clock)));
}

#[test]
fn c12_a_session_slides_in_the_store_under_its_key() {
    let (bench, store) = bench();
    let mut ticket = Ticket::new("Cookies", "alice");
    ticket.is_persistent = true;
    let text = bench.issue(ticket);
    let key = key(&bench, &text);

    bench.at(5 * MINUTE);
    assert!(bench.request(&text).unwrap().is_none(), "C3");
    bench.at(6 * MINUTE);
    let renewed = bench.request(&text).unwrap().expect("the browser is told of it");
    assert_eq!(renewed.persist_until, Some(bench.start + 16 * MINUTE));
    let cookie = bench.drawer.open(&written(&renewed));
    assert_eq!(cookie, bench.drawer.open(&text), "the same key");
    let entry = stored(&store, &key).unwrap();
    assert_eq!(entry.issued_at, Some(bench.start + 6 * MINUTE));
    assert_eq!(entry.expires_at, Some(bench.start + 16 * MINUTE));

    bench.at(9 * MINUTE);
    assert!(bench.request(&text).unwrap().is_none(), "C5: young again");
    bench.at(15 * MINUTE);
    assert!(bench.validate(&text).is_ok(), "the old cookie is as good as the new one");
}

#[test]
fn an_expired_session_is_removed() {
    let (bench, store) = bench();
    let text = bench.issue(Ticket::new("Cookies", "alice"));
    let key = key(&bench, &text);
    bench.at(11 * MINUTE);
    assert_eq!(bench.refused(&text), AuthErrorKind::TicketExpired);
    assert_eq!(stored(&store, &key), None);
    bench.at(MINUTE);
    assert_eq!(bench.refused(&text), AuthErrorKind::SessionGone);
}

/// What a revocation of all that was issued before is compared with: to the nanosecond, or whoever signs
/// in anew right after it would be signed out when the session first slides.
#[test]
fn a_session_is_as_old_as_its_sign_in() {
    let (bench, _) = bench();
    bench.at(Duration::from_nanos(700_000_001));
    let signed_in_at = bench.now();
    let text = bench.issue(Ticket::new("Cookies", "alice"));
    for minutes in [0, 6, 12, 18] {
        bench.at(Duration::from_nanos(700_000_001) + minutes * MINUTE);
        let identity = bench.validate(&text).unwrap();
        assert_eq!(identity.issued_at(), Some(signed_in_at), "{minutes}");
        let slid = Ticket::of(&identity).unwrap().issued_at;
        assert_eq!(slid, Some(bench.now()), "{minutes}: it slid");
    }
}

/// Beside a ticket, the primary identity is that of the token: signing it out would end nothing.
#[test]
fn another_identity_is_not_signed_out_in_silence() {
    let (bench, _) = bench();
    let text = bench.issue(Ticket::new("Cookies", "alice"));
    let token = || Identity::builder("https://issuer.example").subject("alice");
    for other in [token().build(), token().session_id("s1").build()] {
        let error = ready(bench.validator.sign_out(&other)).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::SessionGone);
    }
    assert!(bench.validate(&text).is_ok());
}

/// CK-07: nothing brings a session back that was signed out.
#[test]
fn a_logout_is_final() {
    let (bench, store) = bench();
    let text = bench.issue(Ticket::new("Cookies", "alice"));
    let other = bench.issue(Ticket::new("Cookies", "alice"));
    let identity = bench.validate(&text).unwrap();
    ready(bench.validator.sign_out(&identity)).unwrap();
    assert_eq!(bench.refused(&text), AuthErrorKind::SessionGone);
    assert!(bench.validate(&other).is_ok(), "another browser");

    let key = key(&bench, &text);
    assert_eq!(ready(store.renew(&key, 0, Ticket::new("Cookies", "alice"))), Ok(false));
    assert_eq!(stored(&store, &key), None);
}

/// CK-08: somebody signs out between the look into the store and the renewal.
#[test]
fn a_session_that_ends_while_it_slides_stays_ended() {
    #[derive(Debug)]
    struct SignsOut(InMemorySessions);
    impl Sessions for SignsOut {
        fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
            self.0.store(ticket)
        }
        fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
            self.0.retrieve(key)
        }
        fn renew(
            &self,
            key: &SessionKey,
            version: u64,
            ticket: Ticket,
        ) -> Attempt<Result<bool, AuthError>> {
            ready(self.0.remove(key)).unwrap();
            self.0.renew(key, version, ticket)
        }
        fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
            self.0.remove(key)
        }
    }

    let store = Arc::new(SignsOut(InMemorySessions::default()));
    let bench = Bench::new(Drawer::katana()).with(|it| it.sessions(store.clone()).unwrap());
    let text = bench.issue(bench.alice(10 * MINUTE));
    assert!(bench.validate(&text).is_ok());
    bench.at(6 * MINUTE);
    assert_eq!(bench.refused(&text), AuthErrorKind::SessionGone);
    assert_eq!(stored(&store.0, &key(&bench, &text)), None);
}

/// CK-08, in earnest: a removal is never undone by a renewal on another thread.
#[test]
fn a_removal_wins_over_every_renewal() {
    let store = InMemorySessions::default();
    let ticket = Ticket::new("Cookies", "alice");
    for _ in 0..2_000 {
        let key = ready(store.store(ticket.clone())).unwrap();
        let barrier = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    barrier.wait();
                    ready(store.renew(&key, 0, ticket.clone())).unwrap();
                });
            }
            barrier.wait();
            ready(store.remove(&key)).unwrap();
        });
        assert_eq!(stored(&store, &key), None);
    }
}

/// CK-15, and what a store shows of itself.
#[test]
fn keys_are_random_and_are_not_shown() {
    let keys: HashSet<String> =
        (0..1_000).map(|_| SessionKey::random().as_str().to_owned()).collect();
    assert_eq!(keys.len(), 1_000);
    assert!(keys.iter().all(|key| key.len() == 43), "256 bits");

    let key = SessionKey::from("k");
    assert_eq!(format!("{key:?}"), "SessionKey");
    let hex: String = key.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a");

    let (bench, store) = bench();
    let text = bench.issue(Ticket::new("Cookies", "alice"));
    let key = self::key(&bench, &text);
    let shown = format!("{store:?} {:?} {:?}", bench.validator, bench.validate(&text));
    assert!(!shown.contains(key.as_str()), "{shown}");
}

#[test]
fn the_number_of_sessions_is_bounded_and_the_newest_are_kept() {
    let store = InMemorySessions::with_capacity(100);
    let keys: Vec<SessionKey> =
        (0..1_000).map(|_| ready(store.store(Ticket::new("C", "alice"))).unwrap()).collect();
    let kept =
        |keys: &[SessionKey]| keys.iter().filter(|key| stored(&store, key).is_some()).count();
    // moka tidies up from time to time, at the latest while it is read
    for _ in 0..10 {
        kept(&keys);
    }
    assert!(kept(&keys) < 500, "{}", kept(&keys));
    assert_eq!(kept(&keys[990..]), 10);
}

#[test]
fn a_cookie_and_a_validator_must_agree_on_sessions() {
    let (bench, _) = bench();
    let named = bench.issue(Ticket::new("Cookies", "alice"));
    let whole = bench.protect(&bench.alice(10 * MINUTE));

    let stateless = Bench { validator: TicketValidator::new(bench.drawer.clone()), ..bench };
    let error = stateless.validate(&named).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::SessionGone);
    assert!(error.detail().unwrap().contains("needs the store"), "{error}");

    let (mut bench, _) = self::bench();
    bench.drawer = stateless.drawer.clone();
    let store = Arc::new(InMemorySessions::default());
    bench.validator = TicketValidator::new(stateless.drawer.clone()).sessions(store).unwrap();
    assert_eq!(bench.refused(&whole), AuthErrorKind::SessionGone);
    assert_eq!(bench.refused(&named), AuthErrorKind::SessionGone, "another store");

    let error = TicketValidator::new(Drawer::forms())
        .sessions(Arc::new(InMemorySessions::default()))
        .unwrap_err();
    assert!(error.to_string().starts_with("sessions: "), "{error}");
}

/// A store that is down, whatever kind it gives its errors, and whichever word fails.
#[derive(Debug)]
struct Down {
    memory: InMemorySessions,
    down: Mutex<Option<&'static str>>,
}

impl Down {
    fn answer<T: Send + 'static>(
        &self,
        word: &str,
        up: impl FnOnce() -> Attempt<Result<T, AuthError>>,
    ) -> Attempt<Result<T, AuthError>> {
        if *self.down.lock().unwrap() == Some(word) {
            let error = AuthError::new(AuthErrorKind::SessionGone).with_detail("down");
            return Attempt::pending(async { Err(error) });
        }
        Attempt::pending(up())
    }
}

impl Sessions for Down {
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        self.answer("store", || self.memory.store(ticket))
    }
    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
        self.answer("retrieve", || self.memory.retrieve(key))
    }
    fn renew(
        &self,
        key: &SessionKey,
        version: u64,
        ticket: Ticket,
    ) -> Attempt<Result<bool, AuthError>> {
        self.answer("renew", || self.memory.renew(key, version, ticket))
    }
    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
        self.answer("remove", || self.memory.remove(key))
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_never_a_no() {
    let store = Arc::new(Down { memory: InMemorySessions::default(), down: Mutex::new(None) });
    let bench = Bench::new(Drawer::katana()).with(|it| it.sessions(store.clone()).unwrap());
    let fails = |word| *store.down.lock().unwrap() = word;
    let ticket = bench.alice(10 * MINUTE);
    let text = written(&bench.validator.issue(ticket.clone()).await.unwrap());
    let identity = bench.attempt(&text).await.unwrap();

    fails(Some("store"));
    let Err(IssueError::Sessions(error)) = bench.validator.issue(ticket).await else {
        panic!("the store is down");
    };
    assert_eq!(error.kind().class(), AuthErrorClass::Undecidable);

    bench.at(6 * MINUTE);
    for word in ["retrieve", "renew"] {
        fails(Some(word));
        let error = bench.attempt(&text).await.unwrap_err();
        assert_eq!(error.kind().class(), AuthErrorClass::Undecidable, "{word}");
        assert!(error.to_string().contains("down"), "{error}");
    }
    fails(Some("remove"));
    let error = bench.validator.sign_out(&identity).await.unwrap_err();
    assert_eq!(error.kind().class(), AuthErrorClass::Undecidable);
    bench.at(11 * MINUTE);
    let error = bench.attempt(&text).await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketExpired, "expired all the same");

    fails(None);
    bench.at(6 * MINUTE);
    let identity = bench.attempt(&text).await.unwrap();
    assert!(bench.validator.renew(&identity).is_some());
    bench.validator.sign_out(&identity).await.unwrap();
    assert_eq!(bench.attempt(&text).await.unwrap_err().kind(), AuthErrorKind::SessionGone);
}

#[test]
fn a_session_has_a_longest_life_too() {
    // the cookie has no place for the moment of the sign-in, and needs none
    let drawer = Drawer { holds_properties: false, ..Drawer::katana() };
    let store = Arc::new(InMemorySessions::default());
    let bench = Bench::new(drawer).with(|it| {
        it.lifetime(10 * MINUTE).max_lifetime(25 * MINUTE).sessions(store.clone()).unwrap()
    });
    let text = bench.issue(Ticket::new("Cookies", "alice"));
    for (minute, expires) in [(6, 16), (12, 22), (18, 25), (24, 25)] {
        bench.at(minute * MINUTE);
        bench.validate(&text).unwrap();
        let entry = stored(&store, &key(&bench, &text)).unwrap();
        assert_eq!(entry.expires_at, Some(bench.start + expires * MINUTE), "{minute}");
    }
    bench.at(26 * MINUTE);
    assert_eq!(bench.refused(&text), AuthErrorKind::TicketExpired);
}

#[test]
fn what_the_cookie_has_no_place_for_lies_in_the_store() {
    let drawer = Drawer { holds_properties: false, ..Drawer::katana() };
    let store = Arc::new(InMemorySessions::default());
    let bench = Bench::new(drawer).with(|it| it.sessions(store.clone()).unwrap());
    let mut ticket = bench.alice(10 * MINUTE);
    ticket.properties = vec![("x".into(), "y".into())];
    let text = bench.issue(ticket);
    assert_eq!(stored(&store, &key(&bench, &text)).unwrap().properties.len(), 1);
}

#[test]
fn a_cookie_that_can_not_be_written_leaves_no_session_behind() {
    #[derive(Debug, Default)]
    struct Counting {
        memory: InMemorySessions,
        stored: Mutex<Vec<SessionKey>>,
    }
    impl Sessions for Counting {
        fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
            let key = ready(self.memory.store(ticket)).unwrap();
            self.stored.lock().unwrap().push(key.clone());
            Attempt::ready(Ok(key))
        }
        fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
            self.memory.retrieve(key)
        }
        fn renew(
            &self,
            key: &SessionKey,
            version: u64,
            ticket: Ticket,
        ) -> Attempt<Result<bool, AuthError>> {
            self.memory.renew(key, version, ticket)
        }
        fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
            self.memory.remove(key)
        }
    }

    let store = Arc::new(Counting::default());
    let bench = Bench::new(Drawer { writes: false, ..Drawer::katana() })
        .with(|it| it.sessions(store.clone()).unwrap());
    let issued = ready(bench.validator.issue(bench.alice(10 * MINUTE)));
    assert!(matches!(issued, Err(IssueError::Ticket(_))), "{issued:?}");
    let keys = store.stored.lock().unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(stored(&store.memory, &keys[0]), None);
}
