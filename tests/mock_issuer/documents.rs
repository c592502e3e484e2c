//! Metadata, the key set, records and userinfo.

use crate::*;

#[tokio::test]
async fn metadata_stands_where_the_rfcs_put_it() {
    for (url, oidc, oauth) in [
        (
            "https://issuer.test",
            "https://issuer.test/.well-known/openid-configuration",
            "https://issuer.test/.well-known/oauth-authorization-server",
        ),
        (
            "https://issuer.test/t1",
            "https://issuer.test/t1/.well-known/openid-configuration",
            "https://issuer.test/.well-known/oauth-authorization-server/t1",
        ),
    ] {
        let issuer = MockIssuer::builder().issuer(url).build();
        for place in [oidc, oauth] {
            let answer = get(&issuer, place).await;
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
            let document = json_of(&answer);
            assert_eq!(document["issuer"], url);
            for member in [
                "authorization_endpoint",
                "token_endpoint",
                "jwks_uri",
                "response_types_supported",
                "subject_types_supported",
            ] {
                assert!(!document[member].is_null(), "{member}");
            }
            let algorithms = &document["id_token_signing_alg_values_supported"];
            assert!(algorithms.as_array().unwrap().contains(&json!("RS256")));
            assert!(document.get("scopes_supported").is_none(), "an empty array is omitted");
            let keys = get(&issuer, document["jwks_uri"].as_str().unwrap()).await;
            assert_eq!(keys.body(), issuer.jwks_json().as_bytes());
        }
    }
}

#[tokio::test]
async fn the_key_set_has_an_etag_and_what_max_age_one_likes() {
    let issuer = MockIssuer::new();
    let first = get(&issuer, "https://issuer.test/jwks").await;
    assert!(!first.headers().contains_key(header::CACHE_CONTROL));
    let etag = first.headers()[header::ETAG].clone();
    let again = || {
        let mut request = request(Method::GET, "https://issuer.test/jwks", "");
        request.headers_mut().insert(header::IF_NONE_MATCH, etag.clone());
        request
    };
    issuer.set_jwks_max_age("42");
    let same = send(&issuer, again()).await;
    assert_eq!((same.status(), same.body().len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(same.headers()[header::CACHE_CONTROL], "max-age=42");
    issuer.rotate();
    assert_eq!(send(&issuer, again()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn requests_are_recorded_without_their_secrets() {
    let issuer = MockIssuer::new();
    let mut asked = request(Method::GET, "https://issuer.test/userinfo?x=1", "");
    asked.headers_mut().insert(header::AUTHORIZATION, "Bearer secret".parse().unwrap());
    send(&issuer, asked).await;
    let elsewhere = request(Method::GET, "https://other.test/jwks", "");
    assert!(matches!(issuer.fetch().fetch(elsewhere, 10).await, Err(FetchError::Connection(_))));
    let received = issuer.received();
    assert_eq!(received[0].endpoint, Some(Endpoint::Userinfo));
    assert_eq!(received[0].method, Method::GET);
    assert_eq!(received[0].uri, "https://issuer.test/userinfo?x=1");
    assert_eq!(received[0].header("authorization"), Some("(not kept)"));
    assert_eq!((received[1].endpoint, issuer.requests(Endpoint::Jwks)), (None, 0));
    assert!(!format!("{received:?}").contains("secret"));
    issuer.forget_requests();
    assert!(issuer.received().is_empty());
}

#[tokio::test]
async fn userinfo_wants_a_live_token_with_openid() {
    let clock = ManualClock::new();
    let issuer = article(MockIssuer::builder().clock(clock.clone()));
    let good = access_token(&token(&issuer, PASSWORD_FORM).await);
    let without = access_token(&token(&issuer, &PASSWORD_FORM.replace("openid+", "")).await);
    for method in [Method::GET, Method::POST] {
        let answer = userinfo(&issuer, method, Some(&good)).await;
        assert_eq!(json_of(&answer), json!({ "sub": "admin", "name": "Ann" }));
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }
    let challenge = async |token: Option<&str>| {
        let answer = userinfo(&issuer, Method::GET, token).await;
        let challenge = answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
        (answer.status().as_u16(), challenge)
    };
    let invalid = (401, "Bearer error=\"invalid_token\"".to_owned());
    assert_eq!(challenge(None).await, (401, "Bearer".to_owned()));
    assert_eq!(
        challenge(Some(&without)).await,
        (403, "Bearer error=\"insufficient_scope\", scope=\"openid\"".to_owned())
    );
    let forged = issuer.token().scope("openid").signed_by_stranger().build();
    assert_eq!(challenge(Some(&forged)).await, invalid);
    issuer.deactivate_user("admin");
    assert_eq!(challenge(Some(&good)).await, invalid);
    let issuer = article(MockIssuer::builder().clock(clock.clone()));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(userinfo(&issuer, Method::GET, Some(&good)).await.status(), 401, "expired");
}
