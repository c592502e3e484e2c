//! Keys that go.

use crate::*;

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
