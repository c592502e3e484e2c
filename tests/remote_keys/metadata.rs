//! Metadata.

use crate::*;

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
    let moved = house.issuer.received().pop().unwrap();
    assert_eq!(moved.uri.path(), "/keys-v2");
    assert_eq!(moved.header("if-none-match"), None, "the tag was that of another document");
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
