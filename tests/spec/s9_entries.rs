//! Entries of tokens and authorizations in the issuer's store, asked by the API (seed system 9).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use AuthErrorKind::{Inactive, IssuerUnreachable, MissingClaim, RejectedByCheck, Revoked};
use EntryKind::{Authorization, Token};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, Identity, UnixTime,
    token::{
        Cached, Entry, EntryCheck, EntryKind, EntryStatus, EntryStore, InMemoryRevocations,
        Presented, Revocations, TokenValidator,
    },
};
use tokio::time::sleep;

use super::ledger;
use crate::support::{
    desk::{Desk, no_request},
    house::{House, settle, validator},
    logs::Log,
    stand::{Answer, Stand},
};

chapter! {
    async fn a_code_that_came_twice;
    async fn an_authorization_taken_back;
    async fn a_pruned_entry;
    async fn every_status_but_valid;
    async fn tokens_that_name_no_entry;
    async fn the_store_is_down;
    async fn how_long_a_status_is_remembered;
    fn what_is_there_is_not_waited_for;
    async fn a_crowd_asks_the_store_once;
    async fn taken_back_while_it_is_asked;
    async fn another_taken_back_while_it_is_asked;
    async fn several_at_once;
    async fn revoked_by_authorization;
    async fn what_a_logout_means_is_said_once;
}

/// The issuer's store, as the API of the same house sees it.
#[derive(Clone, Debug, Default)]
struct Store(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    entries: HashMap<(EntryKind, String), EntryStatus>,
    asked: usize,
    error: Option<AuthErrorKind>,
    slow: bool,
}

impl EntryStore for Store {
    fn status(&self, entry: &Entry) -> Attempt<Result<EntryStatus, AuthError>> {
        assert_eq!(&*entry.issuer, "https://issuer.test");
        let mut state = self.0.lock().unwrap();
        state.asked += 1;
        let known = state.entries.get(&(entry.kind, entry.id.to_string())).copied();
        let answer = match state.error {
            Some(kind) => Err(kind.into()),
            None => Ok(known.unwrap_or(EntryStatus::Gone)),
        };
        if !state.slow {
            return Attempt::ready(answer);
        }
        Attempt::pending(async move {
            sleep(Duration::from_millis(100)).await;
            answer
        })
    }
}

impl Store {
    fn set(&self, kind: EntryKind, id: &str, status: EntryStatus) {
        self.0.lock().unwrap().entries.insert((kind, id.to_owned()), status);
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    fn fails(&self, error: impl Into<Option<AuthErrorKind>>) {
        self.0.lock().unwrap().error = error.into();
    }

    fn is_slow(&self) {
        self.0.lock().unwrap().slow = true;
    }
}

/// An API whose issuer keeps entries. By default every request asks.
struct Estate {
    house: House,
    store: Store,
}

impl Estate {
    /// A token `t1` of the authorization `a1`, both valid.
    fn new() -> Self {
        let estate = Self { house: House::new(), store: Store::default() };
        estate.store.set(Token, "t1", EntryStatus::Valid);
        estate.store.set(Authorization, "a1", EntryStatus::Valid);
        estate
    }

    fn token(&self) -> String {
        self.named("t1", "a1")
    }

    fn named(&self, token: &str, authorization: &str) -> String {
        let builder = self.house.issuer.token().claim("oi_tkn_id", token);
        builder.claim("oi_au_id", authorization).build()
    }

    fn tokens(&self) -> EntryCheck {
        self.ready(EntryCheck::tokens(self.store.clone()))
    }

    fn authorizations(&self) -> EntryCheck {
        self.ready(EntryCheck::authorizations(self.store.clone()))
    }

    fn ready(&self, check: EntryCheck) -> EntryCheck {
        check.lifetime(Duration::ZERO).clock(self.house.clock.clone())
    }

    fn with(&self, revocations: impl Revocations + 'static) -> Stand {
        self.house.stand.clone().revocations(Arc::new(revocations))
    }
}

/// The same token where the issuer is asked about it.
async fn introspected(status: u16) {
    let (desk, token) = Desk::warm().await;
    desk.issuer.revoke(&token);
    desk.tokens.invalidate(&token);
    let answer = desk.stand.send(&token).await;
    assert_eq!(answer.status.as_u16(), status);
    answer.is_refused(&token, Inactive);
}

async fn a_code_that_came_twice() {
    let estate = Estate::new();
    let (token, both) = (estate.token(), estate.with((estate.tokens(), estate.authorizations())));
    both.accepts(&token).await;
    // every token of the chain is revoked, and the authorization stays as it is
    estate.store.set(Token, "t1", EntryStatus::Revoked);
    estate.house.stand.accepts(&token).await;
    ledger::passed("S9-11");

    let answer = estate.with(estate.tokens()).send(&token).await;
    answer.is_refused(&token, Revoked);
    assert!(answer.detail.contains("Token t1 is Revoked"), "{}", answer.detail);
    both.refuses(&token, Revoked).await;
    estate.with(estate.authorizations()).accepts(&token).await;
    introspected(401).await;
    ledger::passed("S9-12");

    // the user signed in again
    estate.store.set(Token, "t2", EntryStatus::Valid);
    both.accepts(&estate.named("t2", "a1")).await;
}

async fn an_authorization_taken_back() {
    let estate = Estate::new();
    let token = estate.token();
    estate.store.set(Authorization, "a1", EntryStatus::Revoked);
    estate.house.stand.accepts(&token).await;
    estate.with(estate.tokens()).accepts(&token).await;
    let answer = estate.with(estate.authorizations()).send(&token).await;
    answer.is_refused(&token, Revoked);
    assert!(answer.detail.contains("Authorization a1 is Revoked"), "{}", answer.detail);
    estate.with((estate.tokens(), estate.authorizations())).refuses(&token, Revoked).await;
    introspected(401).await;
    ledger::passed("S9-17");
}

async fn a_pruned_entry() {
    let estate = Estate::new();
    let token = estate.named("t0", "a1");
    estate.with(estate.tokens()).refuses(&token, Revoked).await;
    estate.with(estate.authorizations()).accepts(&token).await;
    let token = estate.named("t1", "a0");
    estate.with(estate.authorizations()).refuses(&token, Revoked).await;
    ledger::passed("S9-31");
}

async fn every_status_but_valid() {
    use EntryStatus::{Gone, Inactive, Redeemed, Rejected, Valid};
    let estate = Estate::new();
    let (token, stand) = (estate.token(), estate.with(estate.tokens()));
    for status in [Gone, Inactive, Redeemed, Rejected, EntryStatus::Revoked] {
        estate.store.set(Token, "t1", status);
        stand.refuses(&token, Revoked).await;
    }
    estate.store.set(Token, "t1", Valid);
    stand.accepts(&token).await;
}

async fn tokens_that_name_no_entry() {
    let estate = Estate::new();
    let plain = estate.house.token();
    let answer = estate.with(estate.tokens()).send(&plain).await;
    answer.is_refused(&plain, MissingClaim);
    assert!(answer.detail.contains("oi_tkn_id"), "{}", answer.detail);
    estate.with(estate.tokens().accept_missing()).accepts(&plain).await;
    estate.with(estate.authorizations()).accepts(&plain).await;
    let strict = estate.with(estate.authorizations().reject_missing());
    strict.refuses(&plain, MissingClaim).await;
    // another issuer's tokens, and those that their issuer was asked about
    estate.with(estate.tokens().issuer("https://other.test")).accepts(&plain).await;
    let desk = Desk::new();
    let asked = desk.stand.clone().revocations(Arc::new(estate.tokens()));
    asked.accepts(&desk.token()).await;
    assert_eq!(estate.store.asked(), 0);

    // the claim of another issuer's choice
    let stand = estate.with(estate.tokens().claim("entry"));
    let named = |id: serde_json::Value| estate.house.issuer.token().claim("entry", id).build();
    stand.accepts(&named("t1".into())).await;
    stand.refuses(&named("t9".into()), Revoked).await;
    stand.refuses(&named(1.into()), RejectedByCheck).await;
    stand.refuses(&plain, MissingClaim).await;
}

fn undecidable(answer: &Answer) {
    answer.says_nothing_of_the_token(503, IssuerUnreachable);
}

async fn the_store_is_down() {
    let estate = Estate::new();
    let (token, stand) = (estate.token(), estate.with(estate.tokens()));
    stand.accepts(&token).await;
    // whatever the store's error says about credentials, it found nothing out
    for error in [IssuerUnreachable, Revoked, AuthErrorKind::DuplicateCredential] {
        estate.store.fails(error);
        undecidable(&stand.send(&token).await);
    }
    estate.store.fails(None);
    stand.accepts(&token).await;

    let log = Log::capture();
    let check = estate.tokens().lifetime(Duration::from_secs(10));
    let patient = estate.with(check.accept_stale(Duration::from_secs(30)));
    patient.accepts(&token).await;
    estate.store.set(Token, "t2", EntryStatus::Revoked);
    patient.refuses(&estate.named("t2", "a1"), Revoked).await;
    estate.store.fails(IssuerUnreachable);
    estate.house.after(10);
    let asked = estate.store.asked();
    for _ in 0..3 {
        patient.accepts(&token).await;
    }
    assert_eq!(estate.store.asked(), asked + 1, "it is left alone for a second");
    assert_eq!(log.lines_with("can not be asked").len(), 1, "{}", log.text());
    assert!(log.lines_with("can not be asked")[0].contains("WARN"));
    // what was revoked stays so, and what was never asked for is not known
    patient.refuses(&estate.named("t2", "a1"), Revoked).await;
    undecidable(&patient.send(&estate.named("t3", "a1")).await);
    estate.house.after(29);
    patient.accepts(&token).await;
    estate.house.after(1);
    undecidable(&patient.send(&token).await);
    ledger::passed("S9-32");
}

/// A store in memory costs no turn of the runtime, and needs none.
fn what_is_there_is_not_waited_for() {
    let store = Store::default();
    store.set(Token, "t1", EntryStatus::Valid);
    let check = EntryCheck::tokens(store).claim("entry");
    let named = |id: &str| {
        let claims = format!(r#"{{"entry":"{id}"}}"#);
        Identity::builder("https://issuer.test").claims_json(claims).build()
    };
    for (id, revoked) in [("t1", false), ("t1", false), ("t2", true)] {
        let answer = check.is_revoked(&named(id)).into_ready().expect("the store has answered");
        assert_eq!(answer.is_err_and(|error| error.kind() == Revoked), revoked, "{id}");
    }
    ledger::passed("S9-32");
}

async fn how_long_a_status_is_remembered() {
    let estate = Estate::new();
    let check = estate.tokens().lifetime(Duration::from_secs(10));
    let (token, stand) = (estate.token(), estate.with(check.clone()));
    stand.accepts(&token).await;
    estate.store.set(Token, "t1", EntryStatus::Revoked);
    estate.house.after(9);
    stand.accepts(&token).await;
    assert_eq!(estate.store.asked(), 1);
    estate.house.after(1);
    stand.refuses(&token, Revoked).await;
    assert_eq!(estate.store.asked(), 2, "a no is remembered as long");
    // or at once, when somebody says so
    check.invalidate("https://other.test", "t1");
    check.invalidate("https://issuer.test", "t2");
    estate.store.set(Token, "t1", EntryStatus::Valid);
    stand.refuses(&token, Revoked).await;
    check.invalidate("https://issuer.test", "t1");
    stand.accepts(&token).await;

    // one authorization, every token of its chain
    let check = estate.authorizations().lifetime(Duration::from_secs(10));
    let stand = estate.with(check.clone());
    let chain = [estate.named("t1", "a1"), estate.named("t2", "a1")];
    for token in &chain {
        stand.accepts(token).await;
    }
    estate.store.set(Authorization, "a1", EntryStatus::Revoked);
    check.invalidate("https://issuer.test", "a1");
    for token in &chain {
        stand.refuses(token, Revoked).await;
    }
}

async fn a_crowd_asks_the_store_once() {
    let estate = Estate::new();
    estate.store.is_slow();
    let (token, stand) = (estate.token(), estate.with(estate.tokens()));
    estate.house.stand.accepts(&token).await;
    let callers: Vec<_> = (0..50)
        .map(|number| {
            let (stand, token) = (stand.clone(), token.clone());
            tokio::spawn(async move {
                if number % 2 == 0 {
                    let soon = Duration::from_millis(number);
                    let _ = tokio::time::timeout(soon, stand.send(&token)).await;
                } else {
                    stand.accepts(&token).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(estate.store.asked(), 1, "half of them went away, and that stopped nothing");
}

async fn taken_back_while_it_is_asked() {
    let estate = Estate::new();
    estate.store.is_slow();
    let check = estate.authorizations().lifetime(Duration::from_secs(10));
    let (token, stand) = (estate.token(), estate.with(check.clone()));
    estate.house.stand.accepts(&token).await;
    let caller = tokio::spawn(async move { stand.send(&token).await });
    settle().await;
    assert_eq!(estate.store.asked(), 1);
    estate.store.set(Authorization, "a1", EntryStatus::Revoked);
    check.invalidate("https://issuer.test", "a1");
    let answer = caller.await.unwrap();
    assert_eq!((answer.reason, estate.store.asked()), (Some(Revoked), 2));
}

/// However many others are taken back, the answer counts.
async fn another_taken_back_while_it_is_asked() {
    let estate = Estate::new();
    estate.store.is_slow();
    let check = estate.authorizations().lifetime(Duration::from_secs(10));
    let (token, stand) = (estate.token(), estate.with(check.clone()));
    estate.house.stand.accepts(&token).await;
    let (caller, presented) = (stand.clone(), token.clone());
    let caller = tokio::spawn(async move { caller.accepts(&presented).await });
    settle().await;
    assert_eq!(estate.store.asked(), 1);
    check.invalidate("https://issuer.test", "a2");
    check.invalidate("https://other.test", "a1");
    caller.await.unwrap();
    stand.accepts(&token).await;
    assert_eq!(estate.store.asked(), 1, "it was asked again, or not remembered");
}

/// Says what it is told, at once or later.
#[derive(Clone, Debug)]
struct Says(Result<bool, AuthErrorKind>, bool);

impl Revocations for Says {
    fn is_revoked(&self, _: &Identity) -> Attempt<Result<bool, AuthError>> {
        let answer = self.0.map_err(AuthError::from);
        if self.1 { Attempt::pending(async { answer }) } else { Attempt::ready(answer) }
    }
}

async fn several_at_once() {
    const NO: Result<bool, AuthErrorKind> = Ok(true);
    const FINE: Result<bool, AuthErrorKind> = Ok(false);
    const DOWN: Result<bool, AuthErrorKind> = Err(IssuerUnreachable);
    let identity = Identity::builder("i").build();
    for (first, second, expected) in [
        (FINE, FINE, FINE),
        (FINE, NO, NO),
        (NO, FINE, NO),
        (DOWN, FINE, DOWN),
        (FINE, DOWN, DOWN),
        (DOWN, NO, NO),
        (NO, DOWN, NO),
        (DOWN, Err(MissingClaim), Err(MissingClaim)),
        (Err(AuthErrorKind::TimedOut), DOWN, Err(AuthErrorKind::TimedOut)),
    ] {
        for later in [[false, false], [false, true], [true, false], [true, true]] {
            let [a, b] = [Says(first, later[0]), Says(second, later[1])];
            let lists: [Box<dyn Revocations>; 3] = [
                Box::new((a.clone(), b.clone())),
                Box::new([a.clone(), b.clone()]),
                Box::new(vec![a, b]),
            ];
            for list in lists {
                let answer = list.is_revoked(&identity).await.map_err(|error| error.kind());
                if first.is_err() && second == DOWN && later[0] {
                    assert!(answer.is_err(), "whichever is heard first");
                } else {
                    assert_eq!(answer, expected, "{first:?} {second:?} {later:?}");
                }
            }
        }
    }
    let none: Vec<Says> = Vec::new();
    assert_eq!(none.is_revoked(&identity).await.ok(), Some(false));
}

async fn revoked_by_authorization() {
    let estate = Estate::new();
    let (one, two) = (estate.named("t1", "a1"), estate.named("t2", "a2"));
    let revocations = Arc::new(InMemoryRevocations::default());
    let stand = estate.with(revocations.clone());
    revocations.revoke_authorization("https://other.test", "a1", UnixTime::MAX);
    stand.accepts(&one).await;
    revocations.revoke_authorization("https://issuer.test", "a1", UnixTime::MAX);
    stand.refuses(&one, Revoked).await;
    assert_eq!(stand.accepts(&two).await.authorization_id(), Some("a2"));
    stand.accepts(&estate.house.token()).await;

    // what is remembered of a chain, of JWTs and of introspected tokens
    let house = &estate.house;
    let cached = Cached::new(validator(&house.issuer, &house.clock, &house.keys));
    let remembers = |token: &str| {
        let parts = no_request();
        cached.validate(Presented::new(token, &parts)).into_ready().ok().and_then(Result::ok)
    };
    let first = remembers(&one).unwrap();
    assert!(Arc::ptr_eq(
        &first.claims_as::<serde_json::Value>().unwrap(),
        &remembers(&one).unwrap().claims_as().unwrap()
    ));
    cached.invalidate_authorization("https://issuer.test", "a1");
    assert!(!Arc::ptr_eq(
        &first.claims_as::<serde_json::Value>().unwrap(),
        &remembers(&one).unwrap().claims_as().unwrap()
    ));

    let desk = Desk::configured(|builder| builder.authorization_member("oi_au_id"));
    let of = |id: &str| desk.issuer.opaque_token(&desk.issuer.token().claim("oi_au_id", id));
    let (one, two) = (of("a1"), of("a2"));
    assert_eq!(desk.accepts(&one).await.authorization_id(), Some("a1"));
    desk.accepts(&two).await;
    desk.tokens.invalidate_authorization(&desk.issuer.url(), "a1");
    desk.accepts(&two).await;
    assert_eq!(desk.asked(), 2);
    desk.accepts(&one).await;
    assert_eq!(desk.asked(), 3);
    // by default such members are nobody's business
    let desk = Desk::new();
    let token = desk.issuer.opaque_token(&desk.issuer.token().claim("oi_au_id", "a1"));
    assert_eq!(desk.accepts(&token).await.authorization_id(), None);
}

/// S9.L3: a note where nothing is asked about a JWT.
async fn what_a_logout_means_is_said_once() {
    let estate = Estate::new();
    let log = Log::capture();
    let desk = Desk::new();
    estate.with(estate.tokens()).accepts(&estate.token()).await;
    desk.accepts(&desk.token()).await;
    desk.refuses("unknown", Inactive).await;
    assert_eq!(log.lines_with("counts until it expires").len(), 0, "{}", log.text());
    for _ in 0..3 {
        estate.house.stand.clone().accepts(&estate.token()).await;
    }
    let lines = log.lines_with("counts until it expires");
    assert!(matches!(&lines[..], [line] if line.contains("INFO")), "{lines:?}");
    assert!(lines[0].contains("https://issuer.test") && lines[0].contains("lifetime=Some("));
}
