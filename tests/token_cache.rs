//! What is remembered of a verified token, for how long, and what ends it early.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, request::Parts};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, BearerAuth, Clock, Identity, Lease, Outcome, UnixTime,
    token::{
        Cached, Caching, InMemoryRevocations, InMemoryTokens, Presented, Revocations, TokenCache,
        TokenValidator,
    },
};

/// Accepts every token that begins with `good`, and counts how often it was asked.
#[derive(Debug)]
struct Counting {
    asked: AtomicUsize,
    clock: TestClock,
    lease: Lease,
    fresh: Option<Duration>,
    pending: bool,
}

impl TokenValidator for Counting {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = if presented.token().starts_with("good") {
            let mut identity = Identity::builder("https://issuer.test")
                .subject("alice")
                .token_id("t1")
                .issued_at(UnixTime::from_secs(50))
                .usable(UnixTime::from_secs(90), Some(UnixTime::from_secs(200)))
                .lease(self.lease.clone());
            if let Some(fresh) = self.fresh {
                identity = identity.fresh_until(fresh);
            }
            Ok(identity.build())
        } else {
            Err(AuthErrorKind::BadSignature.into())
        };
        if self.pending { Attempt::pending(async move { answer }) } else { Attempt::ready(answer) }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }
}

#[derive(Clone, Debug)]
struct TestClock(Arc<Mutex<(UnixTime, Duration)>>);

impl TestClock {
    fn set(&self, wall: u64, monotonic: u64) {
        *self.0.lock().unwrap() = (UnixTime::from_secs(wall), Duration::from_secs(monotonic));
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        self.0.lock().unwrap().0
    }
    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

struct Bench {
    validator: Arc<Counting>,
    cached: Cached<Arc<Counting>>,
    clock: TestClock,
    lease: Lease,
    parts: Parts,
}

impl Bench {
    fn new(fresh: Option<Duration>, pending: bool) -> Self {
        let clock = TestClock(Arc::new(Mutex::new((UnixTime::from_secs(100), Duration::ZERO))));
        let lease = Lease::until(Duration::MAX);
        let validator = Arc::new(Counting {
            asked: AtomicUsize::new(0),
            clock: clock.clone(),
            lease: lease.clone(),
            fresh,
            pending,
        });
        let cached = Cached::new(Arc::clone(&validator));
        let parts = Request::new(()).into_parts().0;
        Self { validator, cached, clock, lease, parts }
    }

    async fn validate(&self, token: &str) -> Result<Identity, AuthError> {
        self.cached.validate(Presented::new(token, &self.parts)).await
    }

    fn asked(&self) -> usize {
        self.validator.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_good_token_is_judged_once_whether_ready_or_pending() {
    for pending in [false, true] {
        let bench = Bench::new(None, pending);
        for _ in 0..3 {
            assert_eq!(bench.validate("good").await.unwrap().subject(), Some("alice"));
        }
        assert_eq!(bench.asked(), 1, "pending: {pending}");
        let hit = bench.cached.validate(Presented::new("good", &bench.parts));
        assert!(hit.into_ready().is_ok(), "a remembered token is ready at once");
    }
}

#[tokio::test]
async fn each_hit_is_judged_by_the_clock() {
    let outcome = |bench: Bench, wall, monotonic| async move {
        bench.validate("good").await.unwrap();
        bench.clock.set(wall, monotonic);
        bench.validate("good").await.unwrap();
        bench.asked()
    };
    let fresh = Some(Duration::from_secs(60));
    assert_eq!(outcome(Bench::new(fresh, false), 199, 59).await, 1);
    assert_eq!(outcome(Bench::new(fresh, false), 200, 59).await, 2, "past its expiry");
    assert_eq!(
        outcome(Bench::new(fresh, false), 89, 59).await,
        2,
        "before its time: clock set back"
    );
    assert_eq!(outcome(Bench::new(fresh, false), 100, 60).await, 2, "no longer fresh");
}

#[tokio::test]
async fn what_a_key_proved_dies_with_its_lease() {
    let bench = Bench::new(None, false);
    bench.validate("good").await.unwrap();
    bench.lease.end();
    bench.validate("good").await.unwrap();
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn the_whole_token_decides_and_garbage_is_never_remembered() {
    let bench = Bench::new(None, false);
    let tail = "x".repeat(64);
    let (one, other) = (format!("good1{tail}"), format!("good2{tail}"));
    bench.validate(&one).await.unwrap();
    bench.validate(&other).await.unwrap();
    assert_eq!(bench.asked(), 2, "two tokens with the same last 64 bytes are two tokens");

    let forged = format!("bad1{tail}");
    for _ in 0..2 {
        assert_eq!(bench.validate(&forged).await.unwrap_err().kind(), AuthErrorKind::BadSignature);
    }
    assert_eq!(bench.asked(), 4);
    for n in 0..10_000 {
        bench.validate(&format!("bad{n}")).await.unwrap_err();
    }
    let before = bench.asked();
    bench.validate(&one).await.unwrap();
    assert_eq!(bench.asked(), before, "a flood of garbage evicts nothing");
}

#[tokio::test]
async fn memory_is_bounded_in_bytes() {
    let bench = Bench::new(None, false);
    let cached =
        Cached::with_cache(Arc::clone(&bench.validator), InMemoryTokens::with_max_bytes(100_000));
    for n in 0..2_000 {
        let token = format!("good{n}{}", "y".repeat(1000));
        cached.validate(Presented::new(&token, &bench.parts)).await.unwrap();
    }
    let held: usize = format!("{cached:?}")
        .split("InMemoryTokens(")
        .nth(1)
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .expect("the Debug of the cache says how many it holds");
    assert!((1..=100).contains(&held), "{held} tokens of 1 KB in 100 KB");
}

#[tokio::test]
async fn a_revocation_reaches_the_next_request_although_the_token_is_remembered() {
    let bench = Bench::new(None, false);
    let revocations = Arc::new(InMemoryRevocations::default());
    let auth = BearerAuth::new(Arc::clone(&bench.validator))
        .unwrap()
        .revocations(revocations.clone())
        .unwrap();
    let request = Request::get("/").header("authorization", "Bearer good").body(()).unwrap();
    let parts = request.into_parts().0;

    assert_eq!(auth.explain(&parts).await.status(), None);
    revocations.revoke_token("https://issuer.test", "t1", UnixTime::MAX);
    let explanation = auth.explain(&parts).await;
    assert_eq!(explanation.status().map(|s| s.as_u16()), Some(401));
    let Outcome::Rejected(error) = &explanation.schemes[0].outcome else { panic!("{explanation}") };
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
    assert_eq!(bench.asked(), 1, "the validator was asked once; the revocations each time");

    revocations.drop_expired(UnixTime::MAX);
    assert_eq!(
        auth.explain(&parts).await.status(),
        None,
        "an entry past its time concerns nothing"
    );
}

#[tokio::test]
async fn nothing_is_remembered_twice() {
    let bench = Bench::new(None, false);
    let auth = BearerAuth::new(Cached::new(bench.cached.clone())).unwrap();
    let request = Request::get("/").header("authorization", "Bearer good").body(()).unwrap();
    let parts = request.into_parts().0;
    for _ in 0..2 {
        assert_eq!(auth.explain(&parts).await.status(), None);
        assert_eq!(bench.asked(), 1);
    }
    // so that who forgets here forgets everywhere
    bench.cached.invalidate("good");
    assert_eq!(auth.explain(&parts).await.status(), None);
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn a_validator_that_wants_no_memory_is_asked_each_time() {
    #[derive(Debug, Default)]
    struct ByPath(AtomicUsize);

    impl TokenValidator for ByPath {
        fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            let path = presented.parts().uri.path().to_owned();
            Attempt::ready(Ok(Identity::builder("i").subject(&path).build()))
        }

        fn caching(&self) -> Caching {
            Caching::Never
        }
    }

    let cached = Cached::new(ByPath::default());
    for path in ["/a", "/b", "/a"] {
        let parts = Request::get(path).body(()).unwrap().into_parts().0;
        let who = cached.validate(Presented::new("token", &parts)).await.unwrap();
        assert_eq!(who.subject(), Some(path));
    }
}

/// A store of another make that cannot look into its entries.
#[derive(Debug, Default)]
struct Plain(Mutex<HashMap<String, Identity>>);

impl TokenCache for Plain {
    fn get(&self, key: &str) -> Option<Identity> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn insert(&self, key: &str, identity: &Identity) {
        self.0.lock().unwrap().insert(key.to_owned(), identity.clone());
    }

    fn remove(&self, key: &str) {
        self.0.lock().unwrap().remove(key);
    }

    fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn a_store_that_cannot_search_forgets_all_rather_than_too_little() {
    let bench = Bench::new(None, true);
    let cached = Cached::with_cache(Arc::clone(&bench.validator), Plain::default());
    let judge = async |token: &str| {
        cached.validate(Presented::new(token, &bench.parts)).await.unwrap();
        bench.asked()
    };
    assert_eq!((judge("good1").await, judge("good2").await, judge("good1").await), (1, 2, 2));
    cached.invalidate("good1");
    assert_eq!((judge("good2").await, judge("good1").await), (2, 3));
    cached.invalidate_subject("https://issuer.test", "bob");
    assert_eq!((judge("good1").await, judge("good2").await), (4, 5));
}

/// Also where the key of a JWT is still being waited for.
#[tokio::test]
async fn what_is_invalidated_while_it_is_judged_is_not_remembered() {
    let bench = Bench::new(None, true);
    for (round, forget) in [true, false].into_iter().enumerate() {
        let token = format!("good{round}");
        let pending = bench.cached.validate(Presented::new(&token, &bench.parts));
        if forget {
            bench.cached.invalidate_subject("https://issuer.test", "alice");
        } else {
            bench.cached.invalidate_subject("https://issuer.test", "bob");
        }
        pending.await.unwrap();
        let again = bench.cached.validate(Presented::new(&token, &bench.parts));
        assert_eq!(again.into_ready().is_err(), forget);
    }
}

#[test]
fn revocations_know_token_session_and_subject_of_one_issuer() {
    let revocations = InMemoryRevocations::default();
    let identity = |issuer: &str| {
        Identity::builder(issuer)
            .subject("alice")
            .session_id("s1")
            .token_id("t1")
            .issued_at(UnixTime::from_secs(100))
            .build()
    };
    let revoked =
        |issuer: &str| revocations.is_revoked(&identity(issuer)).into_ready().unwrap().unwrap();
    assert!(!revoked("a"));
    revocations.revoke_session("a", "s1", UnixTime::MAX);
    assert!(revoked("a") && !revoked("b"));

    revocations.revoke_subject("b", "alice", UnixTime::from_secs(100), UnixTime::MAX);
    assert!(!revoked("b"), "issued at that very moment: not before it");
    revocations.revoke_subject("b", "alice", UnixTime::from_secs(101), UnixTime::MAX);
    assert!(revoked("b"));
    let undated = Identity::builder("b").subject("alice").build();
    assert!(revocations.is_revoked(&undated).into_ready().unwrap().unwrap());
}

/// Says what it is told to say, as if an issuer were asked.
#[derive(Debug)]
struct Issuer {
    answer: Mutex<Result<(), AuthErrorKind>>,
    clock: TestClock,
    pending: bool,
}

impl TokenValidator for Issuer {
    fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let fresh_until = self.clock.monotonic() + Duration::from_secs(60);
        let identity = Identity::builder("i").subject("alice").fresh_until(fresh_until).build();
        let answer = self.answer.lock().unwrap().map(|()| identity).map_err(AuthError::new);
        if self.pending { Attempt::pending(async move { answer }) } else { Attempt::ready(answer) }
    }

    fn caching(&self) -> Caching {
        Caching::Remote { negative: Duration::from_secs(10), stale: Duration::from_secs(3600) }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }
}

#[tokio::test]
async fn an_outage_does_not_bring_back_who_was_refused() {
    for pending in [false, true] {
        let clock = TestClock(Arc::new(Mutex::new((UnixTime::from_secs(100), Duration::ZERO))));
        let answer = Mutex::new(Ok(()));
        let issuer = Arc::new(Issuer { answer, clock: clock.clone(), pending });
        let cached = Cached::new(Arc::clone(&issuer));
        let parts = Request::new(()).into_parts().0;
        let judged = async || {
            let judged = cached.validate(Presented::new("token", &parts)).await;
            judged.map(|_| ()).map_err(|error| error.kind())
        };
        let says = |answer| *issuer.answer.lock().unwrap() = answer;
        assert_eq!(judged().await, Ok(()));
        clock.set(161, 61);
        says(Err(AuthErrorKind::IssuerUnreachable));
        assert_eq!(judged().await, Ok(()), "served from before the outage");
        says(Err(AuthErrorKind::Inactive));
        assert_eq!(judged().await, Err(AuthErrorKind::Inactive));
        // the "no" is no longer remembered, and the issuer can not be asked
        clock.set(180, 80);
        says(Err(AuthErrorKind::IssuerUnreachable));
        assert_eq!(judged().await, Err(AuthErrorKind::IssuerUnreachable), "{pending}");
    }
}
