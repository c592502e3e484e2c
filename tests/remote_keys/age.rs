//! Age.

use crate::*;

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
    let without_etag = Response::builder().status(304).body(Bytes::new()).unwrap();
    for _ in 0..2 {
        house.issuer.fail(Endpoint::Jwks, Fault::Answer(without_etag.clone()));
        house.clock.advance(Duration::from_secs(480));
        assert!(house.now("k1").is_ok());
        settle().await;
    }
    house.issuer.take_down();
    house.clock.advance(DAY - Duration::from_secs(1));
    assert!(lease.is_live(house.clock.monotonic()), "extended by each 304");
    assert!(house.find("k1").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_304_that_nobody_asked_for_is_no_answer() {
    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::status(304));
    assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
}
