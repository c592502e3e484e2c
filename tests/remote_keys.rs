//! The keys of an issuer: when they are fetched, how long they serve, and what is refused.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use portcullis::{
    AuthError, AuthErrorKind, Clock, UnixTime,
    fetch::{Fetch, FetchFuture, HttpClient},
    jwt::{
        Algorithm, DefaultClient, FoundKeys, Key, KeyLocation, KeySource, RemoteKeys,
        RemoteKeysBuilder,
    },
    testing::{Endpoint, Fault, ManualClock, MockIssuer, SigningKey},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use AuthErrorKind::{IssuerUnreachable, UnknownKey, UnsupportedAlgorithm};

// ---- the first fetch

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_the_first_request() {
    let house = House::new();
    assert!(!house.keys.is_ready());
    assert_eq!(house.issuer.received().len(), 0);
    assert!(house.find("k1").await.is_ok());
    assert!(house.keys.is_ready());
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_warm_key_is_ready_at_once() {
    let house = House::warm().await;
    for _ in 0..100 {
        assert!(house.now("k1").is_ok());
    }
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cold_callers_share_one_fetch_although_half_of_them_leave() {
    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_millis(200)));
    let callers: Vec<_> = (0..1000)
        .map(|number| {
            let keys = house.keys.clone();
            tokio::spawn(async move {
                let find = keys.find(Some("k1"), Algorithm::RS256);
                if number % 2 == 0 {
                    return timeout(Duration::from_millis(50), find).await.is_err();
                }
                find.await.is_ok()
            })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_only_caller_may_leave_and_the_fetch_goes_on() {
    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(2)));
    let find = house.keys.find(Some("k1"), Algorithm::RS256);
    assert!(timeout(Duration::from_millis(10), find).await.is_err());
    sleep(Duration::from_secs(3)).await;
    assert!(house.now("k1").is_ok());
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_at_start_recovers_without_a_restart() {
    let house = House::new();
    house.issuer.take_down();
    assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
    assert_eq!(house.keys.warm_up().await, Err(IssuerUnreachable.into()));
    assert!(!house.keys.is_ready());
    house.issuer.bring_up();
    house.clock.advance(Duration::from_secs(1));
    assert!(house.find("k1").await.is_ok());
    assert!(house.keys.is_ready());
}

#[tokio::test(start_paused = true)]
async fn warming_up_asks_once() {
    let house = House::new();
    house.keys.warm_up().await.unwrap();
    house.keys.warm_up().await.unwrap();
    assert!(house.now("k1").is_ok());
    assert_eq!(house.requests(), (1, 1));
}

#[test]
fn without_a_runtime_it_is_undecidable_and_no_panic() {
    let house = House::new();
    assert_eq!(house.now("k1"), Err(IssuerUnreachable));
}

#[test]
fn a_runtime_that_ends_in_the_middle_of_a_fetch_wedges_nothing() {
    let house = House::new();
    house.issuer.fail_next(Endpoint::Jwks, 1, Fault::Hang);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let find = house.keys.find(Some("k1"), Algorithm::RS256);
        assert!(timeout(Duration::from_millis(5), find).await.is_err());
    });
    drop(runtime);
    house.clock.advance(Duration::from_secs(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(house.find("k1")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_panics_wedges_nothing() {
    #[derive(Debug)]
    struct Fragile(Arc<dyn Fetch>, AtomicUsize);
    impl Fetch for Fragile {
        fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
            assert!(self.1.fetch_add(1, Ordering::Relaxed) > 0, "the first call panics");
            self.0.fetch(request, limit)
        }
    }
    let (issuer, clock) = issuer();
    let fragile = Fragile(issuer.fetch(), AtomicUsize::new(0));
    let keys = builder(&issuer).fetch(fragile).clock(clock.clone()).build().unwrap();
    assert_eq!(keys.warm_up().await, Err(IssuerUnreachable.into()));
    clock.advance(Duration::from_secs(1));
    assert_eq!(keys.warm_up().await, Ok(()));
}

// ---- age

#[tokio::test(start_paused = true)]
async fn a_refresh_starts_at_four_fifths_and_nobody_waits_for_it() {
    let house = House::warm().await;
    house.clock.advance(Duration::from_secs(479));
    assert!(house.now("k1").is_ok());
    settle().await;
    assert_eq!(house.requests(), (1, 1));

    house.clock.advance(Duration::from_secs(1));
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(2)));
    for _ in 0..500 {
        assert!(house.now("k1").is_ok());
    }
    sleep(Duration::from_secs(3)).await;
    assert_eq!(house.requests(), (2, 2));
    assert!(house.now("k1").is_ok());
    settle().await;
    assert_eq!(house.requests(), (2, 2), "fresh again");
}

#[tokio::test(start_paused = true)]
async fn past_the_ttl_a_request_waits_a_second_from_the_start_of_the_fetch() {
    let house = House::warm().await;
    house.clock.advance(Duration::from_secs(601));
    house.issuer.fail(Endpoint::Jwks, Fault::Hang);
    let start = Instant::now();
    let (first, second) = tokio::join!(house.find("k1"), async {
        sleep(Duration::from_millis(600)).await;
        let find = house.find("k1").await;
        (find, start.elapsed())
    });
    assert!(first.is_ok() && second.0.is_ok());
    assert_eq!(second.1.as_millis(), 1000, "from the start of the fetch, not of the request");
    assert!(house.now("k1").is_ok(), "the fetch is late: nobody waits for it any more");
    sleep(Duration::from_secs(5)).await;
    assert!(house.now("k1").is_ok(), "it failed, and the back-off runs");
    assert_eq!(house.requests(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn past_the_ttl_a_request_gets_the_new_set_if_it_comes_in_time() {
    let house = House::warm().await;
    house.issuer.rotate_without_overlap();
    house.clock.advance(Duration::from_secs(601));
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_millis(500)));
    assert_eq!(house.find("k1").await, Err(UnknownKey), "gone since");
    assert!(house.now("k2").is_ok());
}

#[tokio::test(start_paused = true)]
async fn known_keys_serve_on_until_they_are_too_old() {
    let house = House::warm().await;
    let lease = house.key("k1").await.lease().unwrap().clone();
    house.issuer.take_down();
    house.clock.advance(DAY - Duration::from_secs(1));
    assert!(house.find("k1").await.is_ok());
    assert!(house.keys.is_ready() && lease.is_live(house.clock.monotonic()));
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
    assert!(!house.keys.is_ready() && !lease.is_live(house.clock.monotonic()));
    house.issuer.bring_up();
    house.clock.advance(Duration::from_secs(30));
    assert!(house.find("k1").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_changes_no_age() {
    let house = House::warm().await;
    house.clock.set_wall(UnixTime::from_secs(0));
    house.clock.advance(Duration::from_secs(480));
    assert!(house.now("k1").is_ok());
    settle().await;
    assert_eq!(house.requests(), (2, 2), "refreshed although the wall clock went back");
    house.clock.set_wall(UnixTime::from_secs(9_000_000_000));
    assert!(house.now("k1").is_ok());
    settle().await;
    assert_eq!(house.requests(), (2, 2), "not refreshed although it went ahead");
}

#[tokio::test(start_paused = true)]
async fn max_age_is_held_between_a_minute_and_a_day() {
    for (max_age, fresh) in [
        ("300", 300),
        ("0", 60),
        ("59", 60),
        ("86400", 86_400),
        ("315360000", 86_400),
        ("99999999999999999999", 86_400),
        ("-1", 600),
        ("abc", 600),
    ] {
        let house = House::new();
        house.issuer.set_jwks_max_age(max_age);
        house.keys.warm_up().await.unwrap();
        let refresh_at = house.clock.monotonic() + Duration::from_secs(fresh) * 4 / 5;
        assert_eq!(house.key("k1").await.fresh_until(), Some(refresh_at), "max-age={max_age}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_key_verifies_is_fresh_until_the_refresh_and_then_for_a_second() {
    let house = House::warm().await;
    let start = house.clock.monotonic();
    let fresh_until = start + Duration::from_secs(480);
    assert_eq!(house.key("k1").await.fresh_until(), Some(fresh_until));
    house.issuer.take_down();
    house.clock.advance(Duration::from_secs(500));
    let fresh_until = start + Duration::from_secs(501);
    assert_eq!(house.key("k1").await.fresh_until(), Some(fresh_until));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_set_is_not_sent_again() {
    let house = House::warm().await;
    let lease = house.key("k1").await.lease().unwrap().clone();
    house.clock.advance(Duration::from_secs(480));
    assert!(house.now("k1").is_ok());
    settle().await;
    let received = house.issuer.received();
    let second = received.iter().filter(|one| one.endpoint == Some(Endpoint::Jwks)).nth(1).unwrap();
    assert!(second.header("if-none-match").is_some_and(|etag| etag.starts_with('"')));
    assert_eq!(second.header("cache-control"), None);
    house.clock.advance(DAY - Duration::from_secs(1));
    assert!(lease.is_live(house.clock.monotonic()), "extended by the 304");
    assert!(house.find("k1").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_304_that_nobody_asked_for_is_no_answer() {
    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::status(304));
    assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
}

// ---- unknown keys

#[tokio::test(start_paused = true)]
async fn a_rotated_key_is_found_by_one_forced_fetch() {
    let house = House::warm().await;
    let kid = house.issuer.rotate();
    house.issuer.forget_requests();
    assert!(house.find(&kid).await.is_ok());
    let received = house.issuer.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0].endpoint, Some(Endpoint::Jwks));
    assert_eq!(received[0].header("cache-control"), Some("no-cache"));
    assert!(house.now("k1").is_ok(), "the old one overlaps");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_kids_makes_one_fetch_per_cooldown() {
    let house = House::warm().await;
    for window in 1..=3 {
        house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(2)));
        let flood: Vec<_> = (0..1000)
            .map(|number| {
                let keys = house.keys.clone();
                let kid = format!("junk-{window}-{number}");
                tokio::spawn(async move { verdict(keys.find(Some(&kid), Algorithm::RS256).await) })
            })
            .collect();
        settle().await;
        let start = Instant::now();
        assert!(house.now("k1").is_ok(), "a known key does not wait for it");
        assert!(start.elapsed().is_zero());
        for one in flood {
            assert_eq!(one.await.unwrap(), Err(UnknownKey));
        }
        assert_eq!(house.now("one more"), Err(UnknownKey), "inside the cooldown, at once");
        assert_eq!(house.requests(), (1, 1 + window));
        house.clock.advance(Duration::from_secs(30));
        house.issuer.heal(Endpoint::Jwks);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_flood_an_honest_rotation_is_found_within_the_cooldown() {
    let house = House::warm().await;
    for number in 0..10_000 {
        let _ = house.find(&format!("junk-{number}")).await;
    }
    let kid = house.issuer.rotate();
    assert_eq!(house.now(&kid), Err(UnknownKey));
    house.clock.advance(Duration::from_secs(30));
    assert!(house.find(&kid).await.is_ok());
    assert_eq!(house.requests(), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn the_cooldown_counts_failed_fetches_and_they_are_no_verdict() {
    let house = House::warm().await;
    house.issuer.take_down();
    assert_eq!(house.find("new").await, Err(IssuerUnreachable));
    house.clock.advance(Duration::from_secs(20));
    let error = house.keys.find(Some("new"), Algorithm::RS256).into_ready().unwrap().unwrap_err();
    assert_eq!(error.kind(), IssuerUnreachable);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(10)), "the rest of the cooldown");
    assert_eq!(house.requests(), (1, 2));
    assert!(house.now("k1").is_ok());
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(house.find("new").await, Err(IssuerUnreachable));
    assert_eq!(house.issuer.received().len(), 4, "metadata first, after a failure");
}

#[tokio::test(start_paused = true)]
async fn a_client_with_a_dead_token_does_not_fetch_at_every_cooldown() {
    let house = House::warm().await;
    assert_eq!(house.find("dead").await, Err(UnknownKey));
    for _ in 0..9 {
        house.clock.advance(Duration::from_secs(30));
        assert_eq!(house.now("dead"), Err(UnknownKey));
    }
    assert_eq!(house.requests(), (1, 2));
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(house.find("dead").await, Err(UnknownKey), "five minutes later");
    assert_eq!(house.requests(), (1, 3));
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(house.find("other").await, Err(UnknownKey));
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(house.find("dead").await, Err(UnknownKey), "a good answer came since");
    assert_eq!(house.requests(), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn the_cold_fetch_is_the_last_word_and_costs_no_cooldown() {
    let house = House::new();
    assert_eq!(house.find("junk").await, Err(UnknownKey));
    assert_eq!(house.requests(), (1, 1));
    let kid = house.issuer.rotate();
    assert!(house.find(&kid).await.is_ok());
    assert_eq!(house.requests(), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_kid_that_meets_a_regular_refresh_waits_for_it_and_then_forces_its_own() {
    let house = House::warm().await;
    house.clock.advance(Duration::from_secs(480));
    house.issuer.fail_next(Endpoint::Jwks, 1, Fault::Delay(Duration::from_millis(500)));
    assert!(house.now("k1").is_ok());
    assert_eq!(house.find("new").await, Err(UnknownKey));
    assert_eq!(house.requests(), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_name_of_more_than_256_bytes_is_nobodys() {
    let house = House::warm().await;
    assert_eq!(house.now(&"x".repeat(257)), Err(UnknownKey));
    assert_eq!(house.requests(), (1, 1));
    assert_eq!(house.find(&"x".repeat(256)).await, Err(UnknownKey));
    assert_eq!(house.requests(), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_does_not_fit_the_algorithm_fetches_nothing() {
    let house = House::warm().await;
    for algorithm in [Algorithm::ES256, Algorithm::HS256, Algorithm::RS512, Algorithm::EdDSA] {
        let found = house.keys.find(Some("k1"), algorithm).into_ready().unwrap();
        assert_eq!(verdict(found), Err(UnsupportedAlgorithm), "{algorithm}");
    }
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_without_kid_needs_the_one_key_that_fits() {
    let house = House::warm().await;
    let nameless = |keys: &RemoteKeys| keys.find(None, Algorithm::RS256);
    assert!(nameless(&house.keys).await.is_ok());
    house.issuer.add_key(Algorithm::ES256);
    house.issuer.add_key(Algorithm::RS256);
    house.keys.reload().await.unwrap();
    assert_eq!(verdict(nameless(&house.keys).into_ready().unwrap()), Err(UnknownKey));

    let keys = house.rebuild(|builder| builder.try_keys_without_kid(2));
    let Ok(FoundKeys::Several(several)) = nameless(&keys).await else { panic!("not several") };
    let names: HashSet<_> = several.iter().filter_map(|key| key.jwk().kid()).collect();
    assert_eq!(names, HashSet::from(["k1", "k3"]));
    house.issuer.add_key(Algorithm::RS256);
    keys.reload().await.unwrap();
    let requests = house.requests();
    assert_eq!(verdict(nameless(&keys).into_ready().unwrap()), Err(UnknownKey), "3 > 2");
    assert_eq!(house.requests(), requests);
}

// ---- keys that go

#[tokio::test(start_paused = true)]
async fn a_withdrawn_key_verifies_nothing_after_the_refresh_and_its_lease_ends() {
    let house = House::warm().await;
    house.issuer.rotate();
    house.keys.reload().await.unwrap();
    let (old, new) = (house.key("k1").await, house.key("k2").await);
    house.issuer.withdraw("k1");
    house.clock.advance(Duration::from_secs(480));
    assert!(house.now("k1").is_ok());
    settle().await;
    let now = house.clock.monotonic();
    assert!(!old.lease().unwrap().is_live(now));
    assert!(new.lease().unwrap().is_live(now));
    assert_eq!(house.find("k1").await, Err(UnknownKey));
    assert!(house.now("k2").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_stays_keeps_its_lease() {
    let house = House::warm().await;
    let lease = house.key("k1").await.lease().unwrap().clone();
    house.issuer.rotate();
    house.clock.advance(Duration::from_secs(480));
    house.keys.reload().await.unwrap();
    house.clock.advance(DAY - Duration::from_secs(1));
    assert!(lease.is_live(house.clock.monotonic()));
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_same_name_is_another_key() {
    let house = House::warm().await;
    let old = house.key("k1").await;
    house.issuer.swap_key_keeping_kid();
    house.clock.advance(Duration::from_secs(480));
    assert!(house.now("k1").is_ok());
    settle().await;
    let new = house.key("k1").await;
    assert_ne!(old.jwk().thumbprint(), new.jwk().thumbprint());
    assert!(!old.lease().unwrap().is_live(house.clock.monotonic()));
    assert!(new.lease().unwrap().is_live(house.clock.monotonic()));
}

#[tokio::test(start_paused = true)]
async fn a_reload_drops_a_withdrawn_key_at_once() {
    let house = House::warm().await;
    let old = house.key("k1").await;
    house.issuer.rotate_without_overlap();
    house.keys.reload().await.unwrap();
    assert!(!old.lease().unwrap().is_live(house.clock.monotonic()));
    assert_eq!(house.find("k1").await, Err(UnknownKey));
    let second = &house.issuer.received()[3];
    assert_eq!(second.endpoint, Some(Endpoint::Jwks));
    assert_eq!(second.header("cache-control"), Some("no-cache"));
    assert_eq!(second.header("if-none-match"), None);
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_not_satisfied_by_a_fetch_that_was_on_its_way() {
    let house = House::warm().await;
    house.clock.advance(Duration::from_secs(480));
    // its answer is the old set
    let old = Fault::body("application/json", house.issuer.jwks_json());
    house.issuer.fail_next(Endpoint::Jwks, 1, old);
    house.issuer.fail_next(Endpoint::Jwks, 1, Fault::Delay(Duration::from_millis(500)));
    assert!(house.now("k1").is_ok());
    settle().await;
    house.issuer.rotate_without_overlap();
    house.keys.reload().await.unwrap();
    assert_eq!(house.find("k1").await, Err(UnknownKey));
    assert!(house.now("k2").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_fails_keeps_the_keys() {
    let house = House::warm().await;
    house.issuer.take_down();
    assert_eq!(house.keys.reload().await, Err(IssuerUnreachable.into()));
    assert!(house.now("k1").is_ok());
}

// ---- the empty set

#[tokio::test(start_paused = true)]
async fn an_empty_set_is_believed_once_it_was_empty_for_a_ttl() {
    let house = House::warm().await;
    let lease = house.key("k1").await.lease().unwrap().clone();
    house.issuer.fail(Endpoint::Jwks, Fault::EmptyKeySet);
    house.clock.advance(Duration::from_secs(480));
    assert!(house.now("k1").is_ok());
    settle().await;
    let first_empty = house.clock.monotonic();
    while house.clock.monotonic() - first_empty < Duration::from_secs(570) {
        assert!(house.find("k1").await.is_ok(), "kept");
        assert_eq!(house.find("new").await, Err(IssuerUnreachable), "not a verdict");
        house.clock.advance(Duration::from_secs(30));
    }
    assert!(lease.is_live(house.clock.monotonic()));
    house.clock.advance(Duration::from_secs(60));
    assert_eq!(house.find("k1").await, Err(UnknownKey));
    assert!(!lease.is_live(house.clock.monotonic()));
    assert!(!house.keys.is_ready());

    house.issuer.heal(Endpoint::Jwks);
    house.clock.advance(Duration::from_secs(30));
    assert!(house.find("k1").await.is_ok(), "it comes back with the next forced fetch");
}

#[tokio::test(start_paused = true)]
async fn an_empty_set_that_was_a_mistake_is_forgotten() {
    let house = House::warm().await;
    for _ in 0..4 {
        house.issuer.fail_next(Endpoint::Jwks, 1, Fault::EmptyKeySet);
        house.clock.advance(Duration::from_secs(480));
        assert!(house.now("k1").is_ok());
        settle().await;
        house.clock.advance(Duration::from_secs(1));
        assert!(house.find("k1").await.is_ok());
        settle().await;
    }
    assert!(house.now("k1").is_ok());
    assert_eq!(house.requests(), (9, 9));
}

#[tokio::test(start_paused = true)]
async fn an_empty_set_at_the_start_is_undecidable_and_by_reload_it_is_believed_later() {
    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::EmptyKeySet);
    assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
    house.issuer.heal(Endpoint::Jwks);
    house.keys.reload().await.unwrap();
    assert!(house.now("k1").is_ok());
    house.issuer.fail(Endpoint::Jwks, Fault::EmptyKeySet);
    house.keys.reload().await.unwrap();
    assert_eq!(house.find("k1").await, Err(UnknownKey));
}

// ---- failures

#[tokio::test(start_paused = true)]
async fn a_failed_fetch_is_answered_at_once_until_the_back_off_ends() {
    let house = House::new();
    house.issuer.take_down();
    assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
    let mut asked = 1;
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        for _ in 0..100 {
            let answer = house.keys.find(Some("k1"), Algorithm::RS256).into_ready().unwrap();
            let error = answer.unwrap_err();
            assert_eq!(error.kind(), IssuerUnreachable);
            let retry_after = error.retry_after().unwrap().as_secs();
            assert!(retry_after <= seconds && retry_after * 5 >= seconds * 4, "{retry_after}");
        }
        house.clock.advance(Duration::from_millis(seconds * 1000 * 79 / 100));
        assert_eq!(house.now("k1"), Err(IssuerUnreachable));
        assert_eq!(house.issuer.received().len(), asked);
        house.clock.advance(Duration::from_millis(seconds * 1000 * 21 / 100));
        let probes = futures_join((0..10).map(|_| house.find("k1"))).await;
        assert!(probes.iter().all(|probe| *probe == Err(IssuerUnreachable)));
        asked += 1;
        assert_eq!(house.issuer.received().len(), asked, "one probe after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_issuers_retry_after_is_heard() {
    for (status, retry_after, seconds) in
        [(429, "20", 20), (503, "20", 20), (429, "100000", 30), (429, "soon", 1), (500, "20", 1)]
    {
        for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
            let house = House::new();
            house.issuer.fail(endpoint, Fault::retry_after(status, retry_after));
            let error = house.keys.warm_up().await.unwrap_err();
            let expected = Some(Duration::from_secs(seconds));
            assert_eq!(error.retry_after(), expected, "{status} {retry_after} {endpoint:?}");
            assert!(error.detail().unwrap().contains(&status.to_string()), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_costs_five_seconds_and_then_nothing() {
    for fault in [Fault::Hang, Fault::Drip(Duration::from_secs(1))] {
        for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
            let house = House::new();
            house.issuer.fail(endpoint, fault.clone());
            let start = Instant::now();
            assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
            assert_eq!(start.elapsed().as_secs(), 5);
            assert_eq!(house.now("k1"), Err(IssuerUnreachable));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_set_is_refused_and_the_last_one_kept() {
    let set = |keys: &str| Fault::body("application/json", format!("{{\"keys\":[{keys}]}}"));
    let key = SigningKey::numbered("k2", Algorithm::RS256, 1).jwk_json().to_string();
    for (name, fault) in [
        ("HTML", Fault::Html),
        ("JSON that says it is HTML", Fault::body("text/html", format!("{{\"keys\":[{key}]}}"))),
        ("malformed", Fault::MalformedJson),
        ("truncated", Fault::Truncated),
        ("oversize", Fault::Oversize(1024 * 1024 + 1)),
        ("dropped", Fault::DropConnection),
        ("301", Fault::Redirect(301, "https://issuer.test/elsewhere".to_owned())),
        ("302", Fault::Redirect(302, "http://127.0.0.1/".to_owned())),
        ("307", Fault::Redirect(307, "file:///etc/passwd".to_owned())),
        ("308", Fault::Redirect(308, "https://evil.test/jwks".to_owned())),
        ("204", Fault::status(204)),
        ("404", Fault::status(404)),
        ("429", Fault::status(429)),
        ("500", Fault::status(500)),
        (
            "keys twice",
            Fault::body("application/json", format!("{{\"keys\":[{key}],\"keys\":[]}}")),
        ),
        ("no keys", Fault::body("application/json", "{}")),
        ("keys is no array", Fault::body("application/json", format!("{{\"keys\":{key}}}"))),
        ("an array", Fault::body("application/json", format!("[{key}]"))),
        (
            "a byte order mark",
            Fault::body("application/json", format!("\u{feff}{{\"keys\":[{key}]}}")),
        ),
        ("trailing bytes", Fault::body("application/json", format!("{{\"keys\":[{key}]}}{{}}"))),
        ("deep", set(&"[".repeat(10_000))),
        ("101 keys", set(&vec![key.clone(); 101].join(","))),
    ] {
        let house = House::warm().await;
        house.issuer.fail(Endpoint::Jwks, fault);
        assert_eq!(house.find("k2").await, Err(IssuerUnreachable), "{name}");
        assert!(house.now("k1").is_ok(), "{name}");
        let elsewhere = house.issuer.received().iter().any(|one| one.endpoint.is_none());
        assert!(!elsewhere, "{name}: nothing else was asked");
    }
}

#[tokio::test(start_paused = true)]
async fn the_content_type_of_a_key_set_does_not_matter() {
    for content_type in ["application/json", "application/jwk-set+json", "text/plain", "x/y"] {
        let house = House::new();
        let set = house.issuer.jwks_json();
        house.issuer.fail(Endpoint::Jwks, Fault::body(content_type, set));
        assert!(house.find("k1").await.is_ok(), "{content_type}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_key_never_empties_the_set() {
    let key = |kid: &str, changes: &[(&str, Value)]| {
        let mut jwk = SigningKey::numbered(kid, Algorithm::RS256, 1).jwk_json();
        for (name, value) in changes {
            jwk[*name] = value.clone();
        }
        jwk.to_string()
    };
    let twice = key("b", &[]).replacen('{', "{\"use\":\"enc\",", 1);
    let ec = SigningKey::new("b", Algorithm::ES256).jwk_json();
    let mut off_curve = ec.clone();
    off_curve["y"] = ec["x"].clone();
    for (name, bad) in [
        ("unknown kty", key("b", &[("kty", json!("XYZ"))])),
        ("no kty", key("b", &[("kty", Value::Null)])),
        ("kty in lower case", key("b", &[("kty", json!("rsa"))])),
        ("no n", key("b", &[("n", Value::Null)])),
        ("a short n", key("b", &[("n", json!("AQAB"))])),
        ("e = 1", key("b", &[("e", json!("AQ"))])),
        ("Ed448", json!({"kty":"OKP","crv":"Ed448","x":"AAAA","kid":"b"}).to_string()),
        ("off its curve", off_curve.to_string()),
        ("a secret", json!({"kty":"oct","k":"A".repeat(43),"kid":"b"}).to_string()),
        ("private", key("b", &[("d", json!("AQAB"))])),
        ("a member twice", twice),
        ("no object", "[]".to_owned()),
    ] {
        let house = House::new();
        house.issuer.publish(format!("{{\"keys\":[{bad},{}]}}", key("good", &[])));
        assert!(house.find("good").await.is_ok(), "{name}");
        assert_eq!(house.find("b").await, Err(UnknownKey), "{name}");
        for algorithm in [Algorithm::HS256, Algorithm::RS256] {
            let found = house.keys.find(Some("b"), algorithm).await;
            assert_eq!(verdict(found), Err(UnknownKey), "{name} {algorithm}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_keys_of_one_name_are_told_apart_by_their_type_or_refused() {
    let rsa = |number| SigningKey::numbered("twin", Algorithm::RS256, number).jwk_json();
    let ec = SigningKey::new("twin", Algorithm::ES256).jwk_json();
    let house = House::new();
    house.issuer.publish(json!({ "keys": [rsa(0), ec] }).to_string());
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let Ok(FoundKeys::One(key)) = house.keys.find(Some("twin"), algorithm).await else {
            panic!("{algorithm}");
        };
        assert!(key.jwk().fits(algorithm));
    }
    let other = SigningKey::new("other", Algorithm::RS256).jwk_json();
    house.issuer.publish(json!({ "keys": [rsa(0), rsa(1), other] }).to_string());
    house.keys.reload().await.unwrap();
    assert_eq!(house.find("twin").await, Err(UnknownKey), "neither first nor last wins");
    assert!(house.now("other").is_ok());
}

// ---- metadata

#[tokio::test(start_paused = true)]
async fn metadata_of_another_issuer_is_refused() {
    let url = "https://issuer.test/tenant";
    for found in [
        json!("https://issuer.test/tenant/"),
        json!("https://issuer.test/Tenant"),
        json!("HTTPS://issuer.test/tenant"),
        json!("https://issuer.test:443/tenant"),
        json!("http://issuer.test/tenant"),
        json!("https://issuer.test/"),
        json!("https://issuer.test/{tenantid}"),
        json!(["https://issuer.test/tenant"]),
        json!(""),
        Value::Null,
    ] {
        for location in [KeyLocation::discover(url), KeyLocation::oauth_metadata(url)] {
            let clock = ManualClock::new();
            let issuer = MockIssuer::builder().issuer(url).clock(clock.clone()).build();
            let keys = RemoteKeys::builder(location).fetch(issuer.fetch()).clock(clock.clone());
            let keys = keys.build().unwrap();
            issuer.set_metadata("issuer", found.clone());
            assert_eq!(keys.warm_up().await, Err(IssuerUnreachable.into()), "{found}");
            assert_eq!(issuer.requests(Endpoint::Jwks), 0);
            issuer.reset_metadata();
            clock.advance(Duration::from_secs(1));
            assert_eq!(keys.warm_up().await, Ok(()), "nothing bad is remembered");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_configured_form_of_metadata_is_asked_for() {
    let url = "https://issuer.test/a";
    for (location, asked, not_asked) in [
        (KeyLocation::discover(url), Endpoint::Discovery, Endpoint::OAuthMetadata),
        (KeyLocation::oauth_metadata(url), Endpoint::OAuthMetadata, Endpoint::Discovery),
    ] {
        for broken in [false, true] {
            let issuer = MockIssuer::builder().issuer(url).build();
            if broken {
                issuer.fail(asked, Fault::status(404));
            }
            let keys = RemoteKeys::builder(location.clone()).fetch(issuer.fetch()).build().unwrap();
            assert_eq!(keys.warm_up().await.is_err(), broken);
            assert_eq!((issuer.requests(asked), issuer.requests(not_asked)), (1, 0));
            let elsewhere = issuer.received().iter().filter(|one| one.endpoint.is_none()).count();
            assert_eq!(elsewhere, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_jwks_uri_that_is_not_https_is_not_followed() {
    for jwks_uri in [
        json!("http://issuer.test/jwks"),
        json!("http://127.0.0.1/jwks"),
        json!("http://169.254.169.254/"),
        json!("//issuer.test/jwks"),
        json!("/jwks"),
        json!("data:application/json,{}"),
        json!("file:///jwks"),
        json!("https://user@issuer.test/jwks"),
        json!("https://issuer.test/jwks#x"),
        json!(""),
        json!(1),
        Value::Null,
    ] {
        let house = House::new();
        house.issuer.set_metadata("jwks_uri", jwks_uri.clone());
        assert_eq!(house.find("k1").await, Err(IssuerUnreachable), "{jwks_uri}");
        assert_eq!(house.issuer.received().len(), 1, "{jwks_uri}: only the metadata was asked for");
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_must_be_one_json_object_with_status_200() {
    let document = |house: &House, more: &str| {
        let url = house.issuer.url();
        format!("{{\"issuer\":\"{url}\",\"jwks_uri\":\"{url}/jwks\"{more}}}")
    };
    let house = House::new();
    let good = document(&house, "");
    house.issuer.fail(Endpoint::Discovery, Fault::body("application/json", good.clone()));
    assert!(house.find("k1").await.is_ok());
    for (name, fault) in [
        ("HTML", Fault::Html),
        ("malformed", Fault::MalformedJson),
        ("truncated", Fault::Truncated),
        ("oversize", Fault::Oversize(2 * 1024 * 1024)),
        ("redirect", Fault::Redirect(302, "https://issuer.test/jwks".to_owned())),
        ("500", Fault::status(500)),
        ("an array", Fault::body("application/json", format!("[{good}]"))),
        ("jwks_uri twice", {
            let twice = document(&house, ",\"jwks_uri\":\"https://issuer.test/jwks\"");
            Fault::body("application/json", twice)
        }),
        ("issuer twice", {
            let twice = document(&house, ",\"\\u0069ssuer\":\"https://evil.test\"");
            Fault::body("application/json", twice)
        }),
    ] {
        let house = House::new();
        house.issuer.fail(Endpoint::Discovery, fault);
        assert_eq!(house.find("k1").await, Err(IssuerUnreachable), "{name}");
        assert_eq!(house.requests(), (1, 0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_set_that_moves_is_followed_at_the_next_regular_fetch() {
    let house = House::warm().await;
    house.issuer.move_jwks("/keys-v2");
    let kid = house.issuer.rotate();
    house.clock.advance(Duration::from_secs(480));
    assert!(house.now("k1").is_ok());
    settle().await;
    assert!(house.now(&kid).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_key_set_that_moved_unnoticed_is_found_after_the_failure() {
    let house = House::warm().await;
    house.issuer.move_jwks("/keys-v2");
    let kid = house.issuer.rotate();
    assert_eq!(house.find(&kid).await, Err(IssuerUnreachable), "404 at the old place");
    assert!(house.now("k1").is_ok());
    house.clock.advance(Duration::from_secs(30));
    assert!(house.find(&kid).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_plain_url_needs_no_metadata() {
    let (issuer, clock) = issuer();
    let location = KeyLocation::jwks_url(format!("{}/jwks", issuer.url()));
    let keys = RemoteKeys::builder(location).fetch(issuer.fetch()).clock(clock).build().unwrap();
    keys.warm_up().await.unwrap();
    assert_eq!(issuer.received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn issuers_do_not_share_keys() {
    let (a, b) = (House::warm().await, House::warm().await);
    let kid = a.issuer.add_key(Algorithm::ES256);
    a.keys.reload().await.unwrap();
    let found = a.keys.find(Some(&kid), Algorithm::ES256).await;
    assert!(found.is_ok());
    assert_eq!(verdict(b.keys.find(Some(&kid), Algorithm::ES256).await), Err(UnknownKey));
}

// ---- configuration

#[test]
fn a_value_that_cannot_work_is_named() {
    type Change = fn(RemoteKeysBuilder<DefaultClient>) -> RemoteKeysBuilder<DefaultClient>;
    let changes: &[(&str, Change)] = &[
        ("refetch_cooldown", |b| b.refetch_cooldown(Duration::ZERO)),
        ("ttl", |b| b.ttl(Duration::ZERO)),
        ("ttl", |b| b.ttl(Duration::from_secs(86_401))),
        ("max_stale", |b| b.max_stale(Duration::from_secs(599))),
        ("timeout", |b| b.timeout(Duration::ZERO)),
        ("max_bytes", |b| b.max_bytes(0)),
        ("max_keys", |b| b.max_keys(0)),
        ("try_keys_without_kid", |b| b.try_keys_without_kid(0)),
        ("try_keys_without_kid", |b| b.try_keys_without_kid(5)),
    ];
    let issuer = MockIssuer::new();
    for (field, change) in changes {
        let error = change(builder(&issuer)).fetch(issuer.fetch()).build().unwrap_err();
        assert!(error.to_string().starts_with(&format!("{field}: ")), "{error}");
    }
    let http = RemoteKeys::discover("http://login.example").unwrap_err().to_string();
    assert!(http.contains("http://login.example") && http.contains("use https"), "{http}");
    let http = RemoteKeys::builder(KeyLocation::discover("http://login.example"));
    assert!(http.dangerous().allow_http().build().is_ok());
    assert!(RemoteKeys::discover("https://login.example/{tenantid}/v2.0").is_err());
    assert!(RemoteKeys::oauth_metadata("https://login.example").is_ok());
    assert!(RemoteKeys::jwks_url("https://login.example/keys?p=1").is_ok());
}

#[tokio::test(start_paused = true)]
async fn limits_are_those_of_the_builder() {
    let house = House::new();
    let keys = house.rebuild(|builder| builder.max_keys(1));
    keys.warm_up().await.unwrap();
    house.issuer.add_key(Algorithm::ES256);
    assert_eq!(keys.reload().await, Err(IssuerUnreachable.into()));
    let keys = house.rebuild(|builder| builder.max_bytes(1024));
    house.issuer.fail(Endpoint::Jwks, Fault::Oversize(1025));
    let error = keys.warm_up().await.unwrap_err();
    assert!(error.detail().unwrap().contains("longer than 1024 bytes"), "{error}");
    let keys = house.rebuild(|builder| builder.timeout(Duration::from_millis(300)));
    house.issuer.fail(Endpoint::Jwks, Fault::Hang);
    let start = Instant::now();
    assert!(keys.warm_up().await.is_err());
    assert_eq!(start.elapsed().as_millis(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_breaks_the_limit_is_not_trusted() {
    #[derive(Debug)]
    struct Generous(Arc<dyn Fetch>);
    impl Fetch for Generous {
        fn fetch(&self, request: Request<Bytes>, _: usize) -> FetchFuture {
            self.0.fetch(request, usize::MAX)
        }
    }
    let (issuer, _) = issuer();
    issuer.fail(Endpoint::Discovery, Fault::Oversize(1024 * 1024 + 1));
    let keys = builder(&issuer).fetch(Generous(issuer.fetch())).build().unwrap();
    let error = keys.warm_up().await.unwrap_err();
    assert!(error.detail().unwrap().contains("longer than"), "{error}");
}

// ---- over a socket, with the default client

#[tokio::test]
async fn the_default_client_fetches_over_a_socket() {
    let served = MockIssuer::new().serve().await.unwrap();
    let keys = RemoteKeys::discover(served.url()).unwrap();
    keys.warm_up().await.unwrap();
    assert!(keys.find(Some("k1"), Algorithm::RS256).into_ready().unwrap().is_ok());
    let received = served.issuer().received();
    assert_eq!(received.len(), 2);
    let agent = concat!("portcullis/", env!("CARGO_PKG_VERSION"));
    assert!(received.iter().all(|one| one.header("user-agent") == Some(agent)));
    assert!(received.iter().all(|one| one.header("cookie").is_none()));
}

#[tokio::test]
async fn the_default_client_refuses_what_a_client_must_refuse() {
    let issuer = MockIssuer::new();
    let served = issuer.serve().await.unwrap();
    let elsewhere = MockIssuer::new().serve().await.unwrap();
    let client = HttpClient::builder().timeout(Duration::from_millis(500)).build().unwrap();
    for (name, fault, expected) in [
        ("redirect", Fault::Redirect(302, format!("{}/jwks", elsewhere.url())), "not followed"),
        ("oversize", Fault::Oversize(u64::MAX), "longer than 1048576 bytes"),
        (
            "declared oversize",
            Fault::body("application/json", vec![b' '; 1024 * 1024 + 1]),
            "longer than 1048576 bytes",
        ),
        ("dropped", Fault::DropConnection, "no connection"),
        ("hang", Fault::Hang, "no connection"),
        ("drip", Fault::Drip(Duration::from_millis(100)), "no connection"),
        ("500", Fault::status(500), "status 500"),
    ] {
        issuer.fail(Endpoint::Jwks, fault);
        let location = KeyLocation::discover(issuer.url());
        let keys = RemoteKeys::builder(location).fetch(client.clone()).build().unwrap();
        let error = keys.warm_up().await.unwrap_err();
        assert!(error.detail().unwrap().contains(expected), "{name}: {error}");
    }
    assert_eq!(elsewhere.issuer().received().len(), 0, "the redirect was not followed");
    drop(served);
    let keys = RemoteKeys::discover(issuer.url()).unwrap();
    let error = keys.warm_up().await.unwrap_err();
    assert!(error.detail().unwrap().contains("no connection"), "{error}");
}

// ---- helpers

struct House {
    clock: ManualClock,
    issuer: MockIssuer,
    keys: RemoteKeys,
}

impl House {
    fn new() -> Self {
        let (issuer, clock) = issuer();
        let keys = builder(&issuer).fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
        Self { clock, issuer, keys }
    }

    async fn warm() -> Self {
        let house = Self::new();
        house.keys.warm_up().await.unwrap();
        house
    }

    fn rebuild(
        &self,
        change: impl FnOnce(RemoteKeysBuilder<Arc<dyn Fetch>>) -> RemoteKeysBuilder<Arc<dyn Fetch>>,
    ) -> RemoteKeys {
        let builder = builder(&self.issuer).fetch(self.issuer.fetch()).clock(self.clock.clone());
        change(builder).build().unwrap()
    }

    async fn find(&self, kid: &str) -> Result<(), AuthErrorKind> {
        verdict(self.keys.find(Some(kid), Algorithm::RS256).await)
    }

    /// The answer must be there without waiting.
    fn now(&self, kid: &str) -> Result<(), AuthErrorKind> {
        verdict(self.keys.find(Some(kid), Algorithm::RS256).into_ready().expect("ready at once"))
    }

    async fn key(&self, kid: &str) -> Key {
        match self.keys.find(Some(kid), Algorithm::RS256).await {
            Ok(FoundKeys::One(key)) => key,
            other => panic!("{other:?}"),
        }
    }

    fn requests(&self) -> (usize, usize) {
        (self.issuer.requests(Endpoint::Discovery), self.issuer.requests(Endpoint::Jwks))
    }
}

fn issuer() -> (MockIssuer, ManualClock) {
    let clock = ManualClock::new();
    (MockIssuer::builder().clock(clock.clone()).build(), clock)
}

fn builder(issuer: &MockIssuer) -> RemoteKeysBuilder<DefaultClient> {
    RemoteKeys::builder(KeyLocation::discover(issuer.url()))
}

fn verdict(found: Result<FoundKeys, AuthError>) -> Result<(), AuthErrorKind> {
    found.map(|_| ()).map_err(|error| error.kind())
}

/// Lets what runs in the background come to an end. Time is paused.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, slot) in futures.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

const DAY: Duration = Duration::from_secs(86_400);
