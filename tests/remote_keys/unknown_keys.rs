//! Unknown keys.

use crate::*;

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
    house.clock.advance(Duration::from_secs(59));
    assert_eq!(house.now("dead"), Err(UnknownKey));
    assert_eq!(house.requests(), (1, 2));
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.find("dead").await, Err(UnknownKey), "a minute later");
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

#[tokio::test(start_paused = true)]
async fn an_unknown_kid_inside_the_cooldown_still_makes_the_refresh_that_is_due() {
    let house = House::new();
    let keys = house.rebuild(|builder| builder.refetch_cooldown(Duration::from_secs(3600)));
    keys.warm_up().await.unwrap();
    let find = async |kid: &str| verdict(keys.find(Some(kid), Algorithm::RS256).await);
    assert_eq!(find("junk").await, Err(UnknownKey));
    let kid = house.issuer.rotate();
    assert_eq!(find(&kid).await, Err(UnknownKey));
    house.clock.advance(Duration::from_secs(480));
    assert_eq!(find(&kid).await, Ok(()));
}
