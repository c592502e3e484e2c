//! The mock issuer keeps to the RFCs where it is right, and fails as it is told where it is not.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use portcullis::{
    AuthErrorKind, Clock, UnixTime,
    fetch::{Fetch, FetchError, HttpClient},
    jwt::{Algorithm, Jwk, JwkSet, jws},
    testing::{
        Api, Client, Endpoint, Fault, ManualClock, MockIssuer, MockIssuerBuilder, SigningKey,
        TokenBuilder, User,
    },
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

// ---- the clock

#[test]
fn the_clock_moves_only_when_it_is_told_to() {
    let clock = ManualClock::at(UnixTime::from_secs(1000));
    let shared = clock.clone();
    let start = clock.monotonic();
    shared.advance(Duration::from_secs(5));
    assert_eq!(clock.now(), UnixTime::from_secs(1005));
    assert_eq!(clock.monotonic() - start, Duration::from_secs(5));
    shared.set_wall(UnixTime::from_secs(10));
    assert_eq!(clock.now(), UnixTime::from_secs(10));
    assert_eq!(clock.monotonic() - start, Duration::from_secs(5), "no time passed");
}

// ---- keys and tokens

#[test]
fn every_algorithm_signs_what_its_jwk_verifies() {
    for algorithm in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_symmetric()) {
        let issuer = MockIssuer::builder().algorithm(*algorithm).build();
        let token = issuer.token().build();
        let key = issuer.signing_key();
        let payload = jws::verify(&token, &key.jwk(), &[*algorithm]).unwrap();
        let claims: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(claims["sub"], "alice", "{algorithm}");
        let stranger = issuer.token().signed_by_stranger().build();
        let refused = jws::verify(&stranger, &key.jwk(), &[*algorithm]).unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::BadSignature, "{algorithm}");
        assert_eq!(header_of(&stranger)["kid"], key.kid());
    }
}

#[test]
fn no_two_fixed_keys_are_the_same() {
    let families = [
        (Algorithm::RS256, 3),
        (Algorithm::ES256, 2),
        (Algorithm::ES384, 2),
        (Algorithm::ES512, 2),
        (Algorithm::EdDSA, 2),
    ];
    let mut thumbprints = std::collections::HashSet::new();
    for (algorithm, count) in families {
        for number in 0..count {
            let key = SigningKey::numbered("k", algorithm, number);
            assert!(thumbprints.insert(key.jwk().thumbprint()), "{algorithm} {number}");
        }
        assert!(thumbprints.insert(SigningKey::stranger("k", algorithm).jwk().thumbprint()));
    }
}

#[test]
fn a_token_is_right_unless_told_otherwise() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder().clock(clock.clone()).scope("orders:read").build();
    let token = issuer.token().build();
    let now = clock.now().as_secs();
    assert_eq!(header_of(&token), json!({ "alg": "RS256", "kid": "k1", "typ": "at+jwt" }));
    let expected = json!({
        "iss": "https://issuer.test", "aud": "https://api.example", "sub": "alice",
        "client_id": "test-client", "iat": now, "exp": now + 300, "jti": "token-1",
        "scope": "orders:read",
    });
    assert_eq!(claims_of(&token), expected);
    assert_eq!(claims_of(&issuer.token().build())["jti"], "token-2");
}

#[test]
fn the_identity_server_shape_is_that_of_the_article() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder().clock(clock.clone()).build();
    let token = issuer.token().scope("openid api1").identity_server().build();
    let now = clock.now().as_secs();
    let expected = json!({
        "nbf": now, "exp": now + 3600, "iss": "https://issuer.test", "aud": "https://api.example",
        "client_id": "test-client", "sub": "alice", "auth_time": now, "idp": "local",
        "scope": ["openid", "api1"], "amr": ["custom"],
    });
    assert_eq!(claims_of(&token), expected);
}

#[test]
fn each_word_changes_one_thing() {
    let issuer = MockIssuer::new();
    let moment = UnixTime::from_secs(1234);
    let claims = claims_of(
        &issuer
            .token()
            .subject("bob")
            .audiences(&["a", "b"])
            .client_id("c")
            .issuer("i")
            .scope("s t")
            .expires_at(moment)
            .issued_at(moment)
            .not_before(moment)
            .claim("roles", json!(["r"]))
            .without("jti")
            .build(),
    );
    let expected = json!({
        "sub": "bob", "aud": ["a", "b"], "client_id": "c", "iss": "i", "scope": "s t",
        "exp": 1234, "iat": 1234, "nbf": 1234, "roles": ["r"],
    });
    assert_eq!(claims, expected);
    let header =
        header_of(&issuer.token().typ("JWT").kid("x").header("n", 1).without_header("alg").build());
    assert_eq!(header, json!({ "typ": "JWT", "kid": "x", "n": 1 }));
    let algorithm = issuer.token().algorithm(Algorithm::PS384).build();
    assert_eq!(header_of(&algorithm)["kid"], "k1", "the same RSA key");
    assert!(jws::verify(&algorithm, &bare(&issuer.signing_key()), &[Algorithm::PS384]).is_ok());
    let kid = issuer.add_key(Algorithm::ES384);
    assert_eq!(header_of(&issuer.token().algorithm(Algorithm::ES384).build())["kid"], *kid);
    for kind in [issuer.token().bound_by_dpop(), issuer.token().bound_by_certificate()] {
        assert!(claims_of(&kind.build())["cnf"].is_object());
    }
    let id_token = issuer.token().as_id_token("web").build();
    assert_eq!(header_of(&id_token)["typ"], "JWT");
    assert_eq!(claims_of(&id_token)["aud"], "web");
    assert!(claims_of(&issuer.token().as_logout_token("web").build())["events"].is_object());
}

#[test]
fn forgeries_are_what_they_say() {
    let issuer = MockIssuer::builder().algorithm(Algorithm::ES256).build();
    let (token, key) = (issuer.token(), issuer.signing_key().jwk());
    let judged = |token: &TokenBuilder| {
        jws::verify(&token.build(), &key, &[Algorithm::ES256]).map_err(|error| error.kind())
    };
    use AuthErrorKind::{BadSignature, MalformedJwt, UnsupportedAlgorithm};
    assert!(judged(&token).is_ok());
    for (name, forged, kind) in [
        ("psychic", token.clone().psychic_signature(), BadSignature),
        ("DER", token.clone().der_signature(), BadSignature),
        ("truncated", token.clone().truncated_signature(63), BadSignature),
        ("no signature", token.clone().signature(Vec::new()), BadSignature),
        ("first bit", token.clone().flipped_signature_bit(0), BadSignature),
        ("last bit", token.clone().flipped_signature_bit(511), BadSignature),
        ("respelled", token.clone().non_canonical_signature(), MalformedJwt),
        ("tampered", token.clone().tampered_claim("sub", "admin"), BadSignature),
        ("embedded jwk", token.clone().signed_by_embedded_key(), BadSignature),
        ("embedded x5c", token.clone().signed_by_embedded_certificate(), UnsupportedAlgorithm),
        ("crit", token.clone().critical(json!(["exp"])), MalformedJwt),
        ("b64", token.clone().unencoded_payload(), AuthErrorKind::IllegalCharacter),
        ("HS256", token.clone().signed_with_hmac(Algorithm::HS256, b""), UnsupportedAlgorithm),
    ] {
        assert_eq!(judged(&forged), Err(kind), "{name}");
    }
    for spelling in TokenBuilder::NONE_SPELLINGS {
        let text = token.clone().unsigned(spelling).build();
        assert!(text.ends_with('.'), "{spelling}");
        let header = header_of(&text);
        let expected = serde_json::from_str(spelling).unwrap_or(Value::Null);
        assert_eq!(header["alg"], expected, "{spelling}");
        assert_eq!(header.get("alg").is_none(), spelling.is_empty());
        assert_eq!(header["kid"], "k1");
    }
    let raw = token.clone().raw_payload(r#"{"sub":"a","sub":"b"}"#);
    assert_eq!(judged(&raw).unwrap(), br#"{"sub":"a","sub":"b"}"#, "properly signed");
    let der = segment(&token.clone().der_signature().build(), 2);
    assert_eq!((der[0], usize::from(der[1]) + 2), (0x30, der.len()));
}

#[test]
fn an_hmac_over_each_form_of_the_public_key_is_a_true_hmac() {
    for (algorithm, least) in
        [(Algorithm::RS256, 15), (Algorithm::ES256, 11), (Algorithm::EdDSA, 11)]
    {
        let issuer = MockIssuer::builder().algorithm(algorithm).build();
        let forms = issuer.signing_key().public_encodings();
        assert!(forms.len() >= least, "{forms:?}");
        for (name, form) in forms {
            let token = issuer.token().signed_with_hmac(Algorithm::HS256, &form).build();
            assert_eq!(header_of(&token)["alg"], "HS256");
            assert_eq!(header_of(&token)["kid"], "k1");
            if form.len() >= 32 {
                let secret = SigningKey::hmac("k1", Algorithm::HS256, &form).jwk();
                assert!(jws::verify(&token, &secret, &[Algorithm::HS256]).is_ok(), "{name}");
            }
        }
    }
    let forms = SigningKey::new("k", Algorithm::RS256).public_encodings();
    let form = |name: &str| forms.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    assert!(form("PEM SPKI").starts_with(b"-----BEGIN PUBLIC KEY-----\nMIIB"));
    assert!(form("PEM SPKI").ends_with(b"\n-----END PUBLIC KEY-----\n"));
    assert!(form("DER PKCS#1").starts_with(&[0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0]));
    assert_eq!(form("modulus").len(), 256);
    assert!(form("SSH line").starts_with(b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ"));
}

#[test]
fn keys_come_and_go() {
    let issuer = MockIssuer::new();
    let kids = || -> Vec<String> {
        let set = JwkSet::parse_remote(issuer.jwks_json().as_bytes(), 10).unwrap();
        assert!(set.skipped().is_empty());
        set.keys().iter().filter_map(Jwk::kid).map(str::to_owned).collect()
    };
    assert_eq!((issuer.rotate(), issuer.kid()), ("k2".to_owned(), "k2".to_owned()));
    assert_eq!(kids(), ["k1", "k2"]);
    assert_eq!(issuer.add_key(Algorithm::EdDSA), "k3");
    assert_eq!(issuer.kid(), "k2");
    assert_eq!(issuer.rotate_without_overlap(), "k4");
    assert_eq!(kids(), ["k4"]);
    let old = issuer.signing_key().jwk().thumbprint();
    issuer.swap_key_keeping_kid();
    assert_eq!(issuer.kid(), "k4");
    assert_ne!(issuer.signing_key().jwk().thumbprint(), old);
    assert_eq!(kids(), ["k4"]);
    issuer.withdraw("k4");
    assert!(kids().is_empty());
    assert_eq!(header_of(&issuer.token().build())["kid"], "k4", "it still signs");
    issuer.publish("[]");
    assert_eq!(issuer.jwks_json(), "[]");
    issuer.publish_keys();
    issuer.publish_key(SigningKey::stranger("mine", Algorithm::RS256));
    assert_eq!(kids(), ["mine"]);
}

// ---- metadata and keys over HTTP

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

// ---- the token endpoint

#[tokio::test]
async fn a_password_buys_a_token() {
    let clock = ManualClock::new();
    let issuer = article(MockIssuer::builder().clock(clock.clone()));
    let answer = token(&issuer, PASSWORD_FORM).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers()[header::PRAGMA], "no-cache");
    let document = json_of(&answer);
    assert_eq!(document["token_type"], "Bearer");
    assert_eq!(document["expires_in"], 3600);
    assert_eq!(document["scope"], "openid api1");
    let members: Vec<_> = document.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    let access_token = document["access_token"].as_str().unwrap();
    assert!(jws::verify(access_token, &issuer.signing_key().jwk(), &[Algorithm::RS256]).is_ok());
    let now = clock.now().as_secs();
    let expected = json!({
        "nbf": now, "exp": now + 3600, "iss": "https://issuer.test", "aud": "api1",
        "client_id": "ropc_client", "sub": "admin", "auth_time": now, "idp": "local",
        "scope": ["openid", "api1"], "amr": ["custom"], "name": "Ann",
    });
    assert_eq!(claims_of(access_token), expected);
}

#[tokio::test]
async fn a_client_gets_a_token_of_its_own() {
    let issuer = article(MockIssuer::builder());
    let form = "grant_type=client_credentials&client_id=machine&client_secret=m&scope=api1";
    let claims = claims_of(access_token(&token(&issuer, form).await).as_str());
    assert_eq!((&claims["client_id"], &claims["aud"]), (&json!("machine"), &json!("api1")));
    assert!(claims.get("sub").is_none(), "IdentityServer4 gives it none");
    let form = "grant_type=client_credentials&client_id=machine&client_secret=m&scope=orphan";
    let claims = claims_of(access_token(&token(&issuer, form).await).as_str());
    assert!(claims.get("aud").is_none(), "no API owns the scope");

    let issuer = MockIssuer::builder().client(machine()).build();
    let form = "grant_type=client_credentials&client_id=machine&client_secret=m";
    let answer = post(&issuer, "https://issuer.test/token", form).await;
    let claims = claims_of(&access_token(&answer));
    assert_eq!(claims["sub"], "machine", "RFC 9068 §2.2");
    assert_eq!(claims["scope"], "api1 orphan", "all that it may have");
    assert_eq!(json_of(&answer)["scope"], "api1 orphan");
}

#[tokio::test]
async fn each_error_of_the_token_endpoint_can_be_reached() {
    let issuer = article(MockIssuer::builder().user(User::new("gone", "p")));
    issuer.deactivate_user("gone");
    let long = "x".repeat(101);
    let client = "client_id=ropc_client&client_secret=secret";
    let user = "username=admin&password=Abcd%401234";
    for (name, form, status, error) in [
        (
            "wrong password",
            format!("{client}&grant_type=password&username=admin&password=x"),
            400,
            "invalid_grant",
        ),
        (
            "no password",
            format!("{client}&grant_type=password&username=admin"),
            400,
            "invalid_grant",
        ),
        (
            "unknown user",
            format!("{client}&grant_type=password&username=eve&password=x"),
            400,
            "invalid_grant",
        ),
        (
            "inactive user",
            format!("{client}&grant_type=password&username=gone&password=p"),
            400,
            "invalid_grant",
        ),
        (
            "long name",
            format!("{client}&grant_type=password&username={long}&password=x"),
            400,
            "invalid_grant",
        ),
        (
            "long password",
            format!("{client}&grant_type=password&username=admin&password={long}"),
            400,
            "invalid_grant",
        ),
        ("no username", format!("{client}&grant_type=password&password=x"), 400, "invalid_request"),
        (
            "empty username",
            format!("{client}&grant_type=password&username=&password=x"),
            400,
            "invalid_request",
        ),
        (
            "wrong secret",
            format!("client_id=ropc_client&client_secret=x&grant_type=password&{user}"),
            401,
            "invalid_client",
        ),
        (
            "no secret",
            format!("client_id=ropc_client&grant_type=password&{user}"),
            401,
            "invalid_client",
        ),
        (
            "unknown client",
            format!("client_id=x&client_secret=x&grant_type=password&{user}"),
            401,
            "invalid_client",
        ),
        ("no client", format!("grant_type=password&{user}"), 401, "invalid_client"),
        (
            "grant not allowed",
            "client_id=machine&client_secret=m&grant_type=password".to_owned(),
            400,
            "unauthorized_client",
        ),
        ("unknown grant", format!("{client}&grant_type=telepathy"), 400, "unsupported_grant_type"),
        ("no grant", client.to_owned(), 400, "invalid_request"),
        (
            "foreign scope",
            format!("{client}&grant_type=password&{user}&scope=api2"),
            400,
            "invalid_scope",
        ),
        (
            "scope twice",
            format!("{client}&grant_type=password&{user}&scope=api1&scope=api1"),
            400,
            "invalid_request",
        ),
        (
            "bad escape",
            format!("{client}&grant_type=password&{user}&x=%zz"),
            400,
            "invalid_request",
        ),
    ] {
        let answer = token(&issuer, &form).await;
        assert_eq!(answer.status().as_u16(), status, "{name}");
        let document = json_of(&answer);
        assert_eq!(document["error"], error, "{name}");
        let description = document["error_description"].as_str().unwrap();
        assert!(description.chars().all(|c| matches!(c, ' '..='~' if c != '"' && c != '\\')));
        assert_eq!(answer.headers().contains_key(header::WWW_AUTHENTICATE), status == 401);
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store", "{name}");
    }
    let answer = get(&issuer, TOKEN).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[header::ALLOW]),
        (405, &"POST".parse().unwrap())
    );
    let mut no_form = request(Method::POST, TOKEN, PASSWORD_FORM);
    no_form.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    assert_eq!(json_of(&send(&issuer, no_form).await)["error"], "invalid_request");
    let unknown = format!("{PASSWORD_FORM}&foo=bar&empty=");
    assert_eq!(token(&issuer, &unknown).await.status(), 200, "unknown parameters are ignored");
    issuer.disable_client("ropc_client");
    assert_eq!(token(&issuer, PASSWORD_FORM).await.status(), 401);
}

#[tokio::test]
async fn a_client_may_use_basic_but_not_both_ways() {
    let client = Client::new("a:b c").secret("s%é").grant("client_credentials");
    let issuer = MockIssuer::builder().client(client).build();
    let basic = |credentials: &str, form: &str| {
        let mut request = request(Method::POST, "https://issuer.test/token", form);
        let value = format!("Basic {}", STANDARD.encode(credentials));
        request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
        request
    };
    let form = "grant_type=client_credentials";
    let encoded = "a%3Ab+c:s%25%C3%A9";
    assert_eq!(send(&issuer, basic(encoded, form)).await.status(), 200);
    let same = format!("{form}&client_id=a%3Ab+c");
    assert_eq!(send(&issuer, basic(encoded, &same)).await.status(), 200);
    let both = format!("{form}&client_secret=s");
    assert_eq!(json_of(&send(&issuer, basic(encoded, &both)).await)["error"], "invalid_request");
    let other = format!("{form}&client_id=other");
    assert_eq!(json_of(&send(&issuer, basic(encoded, &other)).await)["error"], "invalid_request");
    let wrong = send(&issuer, basic("a%3Ab+c:x", form)).await;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn answers_can_say_more_but_not_what_the_rfc_says() {
    let with =
        |name: &str, value: Value| article(MockIssuer::builder().response_field(name, value));
    let issuer = with("roles", json!(["Ädmin"]));
    assert_eq!(json_of(&token(&issuer, PASSWORD_FORM).await)["roles"], json!(["Ädmin"]));
    for reserved in ["access_token", "scope", "id_token", "error", "error_uri"] {
        let answer = token(&with(reserved, json!("x")), PASSWORD_FORM).await;
        assert_eq!(answer.status(), 500, "{reserved}");
        assert!(json_of(&answer).get("access_token").is_none());
    }
    let issuer = article(MockIssuer::builder().password_error("unauthorized_client", "no"));
    let form = "client_id=ropc_client&client_secret=secret&grant_type=password&username=admin";
    let document = json_of(&token(&issuer, form).await);
    assert_eq!(document, json!({ "error": "unauthorized_client", "error_description": "no" }));
}

// ---- userinfo

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

// ---- faults and the socket

#[tokio::test(start_paused = true)]
async fn faults_happen_as_planned() {
    let issuer = MockIssuer::new();
    let ask = async || get(&issuer, "https://issuer.test/jwks").await.status().as_u16();
    issuer.fail(Endpoint::Jwks, Fault::status(500));
    issuer.fail_next(Endpoint::Jwks, 2, Fault::status(429));
    issuer.fail_next(Endpoint::Jwks, 1, Fault::retry_after(503, "7"));
    issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(3)));
    let start = Instant::now();
    assert_eq!([ask().await, ask().await, ask().await, ask().await], [429, 429, 503, 500]);
    assert_eq!(start.elapsed().as_secs(), 12, "each with the delay");
    assert_eq!(get(&issuer, &discovery(&issuer)).await.status(), 200, "only where it was planned");
    issuer.heal(Endpoint::Jwks);
    assert_eq!(ask().await, 200);

    issuer.fail(Endpoint::Jwks, Fault::Hang);
    assert!(timeout(Duration::from_secs(3600), ask()).await.is_err());
    issuer.fail(Endpoint::Jwks, Fault::Oversize(100));
    let fetch = issuer.fetch();
    let asked = || request(Method::GET, "https://issuer.test/jwks", "");
    assert_eq!(fetch.fetch(asked(), 99).await.unwrap_err(), FetchError::TooLarge(99));
    assert_eq!(fetch.fetch(asked(), 100).await.unwrap().body().len(), 100);
    issuer.take_down();
    assert!(fetch.fetch(asked(), 100).await.is_err());
    issuer.bring_up();
    issuer.fail(Endpoint::Jwks, Fault::Truncated);
    let half = fetch.fetch(asked(), 10_000).await.unwrap();
    assert_eq!(half.body(), &issuer.jwks_json().as_bytes()[..issuer.jwks_json().len() / 2]);
}

#[tokio::test]
async fn on_a_socket_it_is_the_same_issuer() {
    let issuer =
        article(MockIssuer::builder().page("/demo/alice", |issuer| issuer.token().build()));
    let served = issuer.serve().await.unwrap();
    assert!(served.address().ip().is_loopback());
    assert_eq!(served.url(), format!("http://{}", served.address()));
    let client = HttpClient::new().unwrap();
    let ask = async |request: Request<Bytes>| client.fetch(request, 1 << 20).await;
    let at = |path: &str| format!("{}{path}", served.url());

    let metadata = ask(request(Method::GET, &discovery(&issuer), "")).await.unwrap();
    let metadata = json_of(&metadata);
    assert_eq!(metadata["issuer"], served.url());
    assert_eq!(metadata["jwks_uri"], at("/jwks"));
    let answer = ask(request(Method::POST, &at("/connect/token"), PASSWORD_FORM)).await.unwrap();
    assert_eq!(claims_of(&access_token(&answer))["iss"], served.url());

    issuer.fail(Endpoint::Jwks, Fault::Drip(Duration::ZERO));
    let jwks = || request(Method::GET, &at("/jwks"), "");
    assert_eq!(ask(jwks()).await.unwrap().body(), issuer.jwks_json().as_bytes());
    issuer.take_down();
    assert!(ask(jwks()).await.is_err());
    let page = ask(request(Method::GET, &at("/demo/alice"), "")).await.unwrap();
    assert_eq!(claims_of(std::str::from_utf8(page.body()).unwrap())["sub"], "alice");
    assert_eq!(ask(request(Method::GET, &at("/nowhere"), "")).await.unwrap().status(), 404);
    let open = jwks();
    drop(served);
    assert!(ask(open).await.is_err(), "the socket is closed");
    let everywhere = "0.0.0.0:0".parse().unwrap();
    assert!(issuer.serve_on(everywhere).await.is_err(), "its keys are public");
}

// ---- helpers

/// The set-up of the article on the password grant.
fn article(builder: MockIssuerBuilder) -> MockIssuer {
    builder
        .identity_server()
        .api(Api::new("api1", &["api1"]))
        .client(
            Client::new("ropc_client")
                .secret("secret")
                .grant("password")
                .scopes(&["openid", "api1"]),
        )
        .client(machine())
        .user(User::new("admin", "Abcd@1234").claim("name", "Ann"))
        .build()
}

fn machine() -> Client {
    Client::new("machine").secret("m").grant("client_credentials").scopes(&["api1", "orphan"])
}

fn request(method: Method, uri: &str, body: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse::<Uri>().unwrap();
    if !body.is_empty() {
        let form = "application/x-www-form-urlencoded".parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, form);
    }
    request
}

async fn send(issuer: &MockIssuer, request: Request<Bytes>) -> Response<Bytes> {
    issuer.fetch().fetch(request, 1 << 20).await.unwrap()
}

async fn get(issuer: &MockIssuer, uri: &str) -> Response<Bytes> {
    send(issuer, request(Method::GET, uri, "")).await
}

async fn post(issuer: &MockIssuer, uri: &str, form: &str) -> Response<Bytes> {
    send(issuer, request(Method::POST, uri, form)).await
}

async fn token(issuer: &MockIssuer, form: &str) -> Response<Bytes> {
    post(issuer, TOKEN, form).await
}

async fn userinfo(issuer: &MockIssuer, method: Method, token: Option<&str>) -> Response<Bytes> {
    let mut request = request(method, "https://issuer.test/connect/userinfo", "");
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    send(issuer, request).await
}

fn discovery(issuer: &MockIssuer) -> String {
    format!("{}/.well-known/openid-configuration", issuer.url())
}

fn json_of(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

fn access_token(answer: &Response<Bytes>) -> String {
    json_of(answer)["access_token"].as_str().unwrap().to_owned()
}

fn segment(token: &str, number: usize) -> Vec<u8> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap()
}

fn header_of(token: &str) -> Value {
    serde_json::from_slice(&segment(token, 0)).unwrap()
}

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&segment(token, 1)).unwrap()
}

/// The key without `alg`, so that it fits every algorithm of its kind.
fn bare(key: &SigningKey) -> Jwk {
    let mut jwk = key.jwk_json();
    jwk.as_object_mut().unwrap().remove("alg");
    Jwk::parse(jwk.to_string().as_bytes()).unwrap()
}

const TOKEN: &str = "https://issuer.test/connect/token";
const PASSWORD_FORM: &str = "client_id=ropc_client&client_secret=secret&scope=openid+api1\
                             &grant_type=password&username=admin&password=Abcd%401234";
