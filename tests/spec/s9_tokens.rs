//! The tokens of an OpenIddict server at an API (seed system 9): encrypted ones, other kinds, and what
//! introspection tells whom.

use std::{convert::Infallible, sync::Arc};

use AuthErrorKind::{
    EncryptedTokenNoKey, Inactive, IssuerUnreachable, MalformedJwt, MissingScope,
    TokenUndecryptable, UnsupportedAlgorithm, WrongAudience, WrongIssuer, WrongType,
};
use http::{Request, Response, StatusCode, header};
use portcullis::{
    AuthErrorKind, AuthenticateLayer, Bearer, Cookies, Scheme,
    jwt::{
        JwtValidator, JwtValidatorBuilder,
        jwe::{ContentEncryption, KeyManagement},
    },
    policy,
    testing::{
        Api, Client, EncryptionKey, Endpoint, ManualClock, MockIssuer, MockIssuerBuilder, User,
    },
    token::TokenRouter,
};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::ledger;
use crate::support::{
    desk::{API, Desk, SECRET},
    house::discovery,
    logs::Log,
    session::Tickets,
    stand::{Stand, challenge},
    token_request::granted,
};

chapter! {
    async fn the_api_has_the_key;
    async fn the_api_has_no_key;
    async fn altered_tokens;
    async fn signed_tokens;
    async fn other_kinds_of_token;
    async fn audiences_and_issuers;
    async fn an_unknown_key;
    async fn what_introspection_tells;
    async fn never_a_redirect;
    async fn the_statuses;
}

const PASSWORD: &str =
    "grant_type=password&client_id=spa&client_secret=s&username=alice&password=pw&scope=orders";

fn key() -> EncryptionKey {
    EncryptionKey::new("E5A0D4", KeyManagement::RsaOaep)
}

/// As OpenIddict comes: access tokens are encrypted.
fn encrypting(key: EncryptionKey) -> (MockIssuer, ManualClock) {
    issuer(|builder| builder.encrypt_access_tokens(key))
}

fn issuer(words: impl FnOnce(MockIssuerBuilder) -> MockIssuerBuilder) -> (MockIssuer, ManualClock) {
    let clock = ManualClock::new();
    let builder = MockIssuer::builder()
        .clock(clock.clone())
        .api(Api::new(API, &["orders"]).secret(SECRET))
        .client(Client::new("spa").secret("s").grant("password").scopes(&["orders"]))
        .user(User::new("alice", "pw"));
    (words(builder).build(), clock)
}

fn validator(
    issuer: &MockIssuer,
    clock: &ManualClock,
    words: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
) -> JwtValidator {
    let keys = discovery(issuer).fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
    let builder = JwtValidator::builder(keys).issuer(issuer.url()).audience(API);
    words(builder.clock(Arc::new(clock.clone()))).build().unwrap()
}

fn with_key(issuer: &MockIssuer, clock: &ManualClock) -> Stand {
    Stand::of(validator(issuer, clock, |it| it.decryption_keys([key().decryption_key()])))
}

async fn the_api_has_the_key() {
    let secret = EncryptionKey::new("sym", KeyManagement::A256Kw);
    let other = key().with_algorithm(KeyManagement::RsaOaep256);
    let direct = EncryptionKey::direct("dir", ContentEncryption::A256CbcHs512);
    let gcm = key().with_content(ContentEncryption::A256Gcm);
    for key in [key(), secret, other, direct, gcm] {
        let (issuer, clock) = encrypting(key.clone());
        // an older key beside it, as during a rotation
        let old = EncryptionKey::numbered("old", KeyManagement::RsaOaep, 1).decryption_key();
        let words = |it: JwtValidatorBuilder| it.decryption_keys([old, key.decryption_key()]);
        let stand = Stand::of(validator(&issuer, &clock, words));
        let token = granted(&issuer, "/token", PASSWORD).await;
        assert_eq!(token.split('.').count(), 5, "{key:?}");
        let who = stand.accepts(&token).await;
        assert_eq!((who.subject(), who.client_id()), (Some("alice"), Some("spa")));
        assert_eq!(who.scope().to_string(), "orders");
        // once more, remembered by the whole token
        assert_eq!(stand.accepts(&token).await, who);
        stand.send_to(policy::scope("orders"), &token).await.accepted();
        // the same door takes it where opaque tokens are taken as well
        let words = |it: JwtValidatorBuilder| it.decryption_keys([key.decryption_key()]);
        let desk = Desk::of(issuer.clone(), clock.clone(), |builder| builder);
        let jwt = validator(&issuer, &clock, words);
        let router = TokenRouter::new().jwt(jwt).opaque(desk.tokens.clone());
        Stand::of(router).accepts(&token).await;
        assert_eq!(desk.asked(), 0);
    }
    ledger::passed("S9-19");
}

async fn the_api_has_no_key() {
    let (issuer, clock) = encrypting(key());
    let token = granted(&issuer, "/token", PASSWORD).await;
    let log = Log::capture();
    let stand = Stand::of(validator(&issuer, &clock, |builder| builder));
    stand.refuses(&token, EncryptedTokenNoKey).await;
    let lines = log.lines_with("EncryptedTokenNoKey");
    let line = lines.first().expect("a refusal is logged");
    for remedy in ["decryption_keys", "not encrypt access tokens", "introspection"] {
        assert!(line.contains(remedy), "{remedy}: {line}");
    }
    // the third remedy works
    let desk = Desk::of(issuer, clock, |builder| builder);
    assert_eq!(desk.stand.accepts(&token).await.subject(), Some("alice"));
    ledger::passed("S9-20");
}

async fn altered_tokens() {
    let (issuer, clock) = encrypting(key());
    let stand = with_key(&issuer, &clock);
    let flip = |mut bytes: Vec<u8>| {
        bytes[0] ^= 1;
        bytes
    };
    let good = issuer.token().audience(API).encrypted(&key());
    let wrong_key = EncryptionKey::stranger(key().kid(), KeyManagement::RsaOaep);
    let mut told = Vec::new();
    for token in [
        issuer.token().encrypted(&wrong_key),
        good.clone().edit_tag(flip),
        good.clone().edit_iv(flip),
        good.clone().edit_ciphertext(flip),
        good.clone().edit_encrypted_key(flip),
    ] {
        told.push(stand.refuses(&token.build(), TokenUndecryptable).await.detail);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    ledger::passed("S9-21");

    let unsigned = issuer.token().audience(API).unsigned(r#""none""#).encrypted(&key());
    stand.refuses(&unsigned.build(), UnsupportedAlgorithm).await;
    let claims = issuer.token().audience(API).payload_json();
    stand.refuses(&good.clone().content(claims).build(), MalformedJwt).await;
    stand.accepts(&good.build()).await;
    ledger::passed("S9-22");
}

async fn signed_tokens() {
    let (issuer, clock) = issuer(|builder| builder);
    let token = granted(&issuer, "/token", PASSWORD).await;
    assert_eq!(token.split('.').count(), 3);
    with_key(&issuer, &clock).accepts(&token).await;
    Stand::of(validator(&issuer, &clock, |builder| builder)).accepts(&token).await;
    ledger::passed("S9-23");
}

async fn other_kinds_of_token() {
    let (issuer, clock) = encrypting(key());
    let stand = with_key(&issuer, &clock);
    for typ in [
        "oi_reft+jwt",
        "OI_REFT+JWT",
        "oi_auc+jwt",
        "oi_dvc+jwt",
        "oi_usrc+jwt",
        "application/oi_reft+jwt",
        "oi_stet+jwt",
    ] {
        for token in [
            issuer.token().audience(API).typ(typ).build(),
            issuer.token().audience(API).typ(typ).encrypted(&key()).header("typ", typ).build(),
            // the outer header proves nothing
            issuer.token().audience(API).typ(typ).encrypted(&key()).build(),
        ] {
            let answer = stand.refuses(&token, WrongType).await;
            for word in [typ, "expected \"at+jwt\"", "OpenIddict itself", "send the access token"] {
                assert!(answer.detail.contains(word), "{word}: {}", answer.detail);
            }
            assert!(!answer.detail.contains("accept_type"), "{}", answer.detail);
        }
    }
    ledger::passed("S9-24");

    let id_token = issuer.token().as_id_token("spa").claim("at_hash", "x");
    for token in [id_token.build(), id_token.encrypted(&key()).build()] {
        let answer = stand.refuses(&token, WrongType).await;
        assert!(answer.detail.contains("looks like an ID token"), "{}", answer.detail);
    }
    ledger::passed("S9-25");
}

async fn audiences_and_issuers() {
    let (issuer, clock) = encrypting(key());
    let stand = with_key(&issuer, &clock);
    let seal = |token: portcullis::testing::TokenBuilder| token.encrypted(&key()).build();
    let token = || issuer.token().audience(API);
    stand.refuses(&seal(token().audience("https://other.example")), WrongAudience).await;
    stand.refuses(&seal(token().without("aud")), WrongAudience).await;
    ledger::passed("S9-26");

    // "https://issuer.test/" in the token, without the slash in the configuration
    let slash = seal(token().issuer(&format!("{}/", issuer.url())));
    let answer = stand.refuses(&slash, WrongIssuer).await;
    assert!(answer.detail.contains("accept_trailing_slash()"), "{}", answer.detail);
    let words = |it: JwtValidatorBuilder| {
        it.decryption_keys([key().decryption_key()]).accept_trailing_slash()
    };
    Stand::of(validator(&issuer, &clock, words)).accepts(&slash).await;
    ledger::passed("S9-33");
}

async fn an_unknown_key() {
    let (issuer, clock) = encrypting(key());
    let stand = with_key(&issuer, &clock);
    stand.accepts(&granted(&issuer, "/token", PASSWORD).await).await;
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
    issuer.rotate();
    stand.accepts(&granted(&issuer, "/token", PASSWORD).await).await;
    assert_eq!(issuer.requests(Endpoint::Jwks), 2, "the keys were fetched anew, once");
    stand.accepts(&granted(&issuer, "/token", PASSWORD).await).await;
    let stray = issuer.token().audience(API).kid("stray").encrypted(&key()).build();
    stand.refuses(&stray, AuthErrorKind::UnknownKey).await;
    assert_eq!(issuer.requests(Endpoint::Jwks), 2, "within the cooldown nothing is fetched");
    ledger::passed("S9-34");
}

async fn what_introspection_tells() {
    let (issuer, clock) = issuer(MockIssuerBuilder::scopes_for_audiences);
    let desk = Desk::of(issuer.clone(), clock, |builder| builder);
    let token = || issuer.token().scope("orders").claim("department", "tea");

    let own = issuer.opaque_token(&token().audience(API));
    let who = desk.stand.accepts(&own).await;
    assert_eq!(
        (who.scope().to_string(), who.claim_str("department")),
        ("orders".into(), Some("tea".into()))
    );

    let nobodys = issuer.opaque_token(&token().without("aud"));
    let who = desk.stand.accepts(&nobodys).await;
    assert_eq!((who.scope().is_empty(), who.claim("department")), (true, None));
    let answer = desk.stand.send_to(policy::scope("orders"), &nobodys).await;
    let found = answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    for word in [r#"error="insufficient_scope""#, r#"scope="orders""#] {
        assert!(found.contains(word), "{found}");
    }
    assert_eq!((answer.status, answer.reason), (StatusCode::FORBIDDEN, Some(MissingScope)));
    assert!(answer.detail.contains("among the token's audiences"), "{}", answer.detail);
    ledger::passed("S9-27");

    let foreign = issuer.opaque_token(&token().audience("https://other.example"));
    desk.stand.refuses(&foreign, Inactive).await;
    // who presents it may ask, and is told little
    let presented = token().audience("https://other.example").claim("oi_prst", [API].as_slice());
    let presented = issuer.opaque_token(&presented);
    let answer = desk.stand.send(&presented).await;
    assert_eq!(answer.reason, Some(WrongAudience), "active, and judged again");
    ledger::passed("S9-28");
}

/// A page's application and an API in one: the cookie's users sign in at a page, those of the API do
/// not.
async fn never_a_redirect() {
    let (issuer, clock) = encrypting(key());
    let jwt = validator(&issuer, &clock, |it| it.decryption_keys([key().decryption_key()]));
    let cookie = Scheme::cookie(Cookies, "Auth", Tickets::default()).login_path("/login");
    let bearer = Scheme::bearer(Bearer, jwt).realm("api");
    let outer = AuthenticateLayer::new((cookie, bearer)).unwrap();
    let api = outer.require(policy::scheme(Bearer)).unwrap();
    let page = outer.require(policy::scheme(Cookies)).unwrap();
    let inner =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
    let sealed = |token: portcullis::testing::TokenBuilder| token.encrypted(&key()).build();
    let good = sealed(issuer.token().audience(API));
    let bad = sealed(issuer.token().audience("https://other.example"));
    for (token, status) in [(None, 401), (Some(&bad), 401), (Some(&good), 200)] {
        let mut request = Request::get("/api/orders")
            .header("accept", "text/html")
            .header("sec-fetch-mode", "navigate");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let service = outer.layer(api.layer(inner));
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(!response.headers().contains_key(header::LOCATION));
        let challenges = response.headers().get_all(header::WWW_AUTHENTICATE);
        let challenges: Vec<&str> = challenges.iter().map(|it| it.to_str().unwrap()).collect();
        match (token, status) {
            (None, _) => assert_eq!(challenges, [r#"Bearer realm="api""#]),
            (_, 401) => assert_eq!(challenges, [challenge(WrongAudience)]),
            _ => assert!(challenges.is_empty()),
        }
    }
    // the page beside it sends the same navigation to the login
    let navigation = Request::get("/orders").header("accept", "text/html");
    let navigation = navigation.header("sec-fetch-mode", "navigate").body(()).unwrap();
    let response = outer.layer(page.layer(inner)).oneshot(navigation).await.unwrap();
    assert_eq!(response.status(), 302);
    ledger::passed("S9-35");
}

async fn the_statuses() {
    let (issuer, clock) = encrypting(key());
    let stand = with_key(&issuer, &clock);
    let nobody = Request::get("/orders").body(()).unwrap();
    let answer = stand.exchange(nobody, None::<policy::SchemeIs>).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], r#"Bearer realm="api""#);
    let good = issuer.token().audience(API).encrypted(&key());
    stand.refuses(&good.clone().edit_tag(|_| vec![0; 32]).build(), TokenUndecryptable).await;
    issuer.take_down();
    let answer = stand.send(&good.build()).await;
    assert_eq!(answer.reason, Some(IssuerUnreachable));
    answer.is_undecidable();
    issuer.bring_up();
    clock.advance(std::time::Duration::from_secs(60));
    stand.accepts(&issuer.token().audience(API).encrypted(&key()).build()).await;
    let reader = issuer.token().audience(API).scope("read").encrypted(&key()).build();
    let answer = stand.send_to(policy::scope("orders"), &reader).await;
    assert_eq!((answer.status, answer.reason), (StatusCode::FORBIDDEN, Some(MissingScope)));
    ledger::passed("S9-36");
}
