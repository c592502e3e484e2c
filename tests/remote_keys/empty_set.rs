//! The empty set.

use crate::*;

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
    for _ in 0..30 {
        assert_eq!(house.find("k1").await, Err(IssuerUnreachable), "never a verdict");
        house.clock.advance(Duration::from_secs(30));
    }
    assert!(house.keys.reload().await.is_err());
    house.issuer.heal(Endpoint::Jwks);
    house.keys.reload().await.unwrap();
    assert!(house.now("k1").is_ok());
    house.issuer.fail(Endpoint::Jwks, Fault::EmptyKeySet);
    house.keys.reload().await.unwrap();
    assert_eq!(house.find("k1").await, Err(UnknownKey));
}
