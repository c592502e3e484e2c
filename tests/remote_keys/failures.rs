//! Failures.

use crate::*;

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
async fn an_issuer_that_hangs_costs_one_timeout_and_then_nothing() {
    for fault in [Fault::Hang, Fault::Drip(Duration::from_secs(1))] {
        for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
            let house = House::new();
            house.issuer.fail(endpoint, fault.clone());
            let start = Instant::now();
            assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
            let waited = start.elapsed().as_millis();
            assert!((4_500..4_510).contains(&waited), "{waited} ms");
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
