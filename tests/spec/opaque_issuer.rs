//! What the mock issuer says about its tokens, and how it forgets them (RFC 7662, RFC 7009,
//! RFC 6749 §5).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Request, Response, header};
use portcullis::{
    Clock as _,
    testing::{Api, Client, Endpoint, Fault, ManualClock, MockIssuer, User},
};
use serde_json::{Value, json};

use super::ledger;
use crate::support::desk::{API, SECRET, issuer_at, post_form};

chapter! {
    async fn who_may_ask;
    async fn what_is_told;
    async fn revocation;
    async fn the_token_endpoint;
}

fn json_of(response: &Response<bytes::Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

async fn who_may_ask() {
    let issuer = issuer_at(&ManualClock::new());
    let token = issuer.opaque_token(&issuer.token());
    let api = basic("https%3A%2F%2Fapi.example", SECRET);
    let own = issuer.token().scope("introspection").build();
    let other = issuer.token().scope("orders:read").build();
    for (line, form, status) in [
        (None, "", 401),
        (None, "&client_id=https://api.example", 401),
        (None, "&client_id=nobody&client_secret=x", 401),
        (None, "&client_id=https://api.example&client_secret=wrong", 401),
        (Some(basic("admin", "wrong")), "", 401),
        (Some("Basic !".to_owned()), "", 401),
        (Some(format!("Bearer {other}")), "", 401),
        (Some("Bearer x".to_owned()), "", 401),
        (Some(api.clone()), "&client_secret=x", 400),
        (Some(api.clone()), "", 200),
        (Some(basic("admin", "admin-secret")), "", 200),
        (Some(format!("Bearer {own}")), "", 200),
        (None, "&client_id=https://api.example&client_secret=desk-secret-3f7a", 200),
    ] {
        let form = format!("token={token}{form}");
        let answer = post_form(&issuer, "/introspect", line.as_deref(), &form).await;
        assert_eq!(answer.status().as_u16(), status, "{line:?} {form}");
        let body = json_of(&answer);
        assert_eq!(body["active"], if status == 200 { json!(true) } else { Value::Null });
        if status == 401 {
            assert_eq!(body["error"], "invalid_client");
            assert!(answer.headers().contains_key(header::WWW_AUTHENTICATE));
        }
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }
    ledger::passed("7662-29 7662-32 6749-04");

    for (form, status) in [("", 400), ("token=", 400), ("token=a&token=b", 400), ("token=%zz", 400)]
    {
        let answer = post_form(&issuer, "/introspect", Some(&api), form).await;
        assert_eq!(
            (answer.status().as_u16(), &json_of(&answer)["error"]),
            (status, &json!("invalid_request"))
        );
    }
    let get = Request::get(format!("{}/introspect?token={token}", issuer.url()));
    let get = get.header(header::AUTHORIZATION, &api).body(bytes::Bytes::new()).unwrap();
    assert_eq!(issuer.fetch().fetch(get, 1000).await.unwrap().status().as_u16(), 405);
}

async fn what_is_told() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder()
        .clock(clock.clone())
        .api(Api::new(API, &["orders:read", "orders:write"]).secret(SECRET))
        .client(Client::new("test-client").secret("s"))
        .user(User::new("alice", "pw"))
        .build();
    let line = basic("https%3A%2F%2Fapi.example", SECRET);
    let ask = async |token: &str, more: &str| {
        let form = format!("token={token}{more}");
        let answer = post_form(&issuer, "/introspect", Some(&line), &form).await;
        assert_eq!(answer.status().as_u16(), 200);
        json_of(&answer)
    };
    let nothing = json!({ "active": false });
    let good = || issuer.token().scope("orders:read profile");
    let now = clock.now();
    let gone = issuer.opaque_token(&good());
    issuer.revoke(&gone);
    let gone_jwt = good().build();
    issuer.revoke(&gone_jwt);
    for (what, token) in [
        ("unknown", "unknown".to_owned()),
        ("expired", issuer.opaque_token(&good().expired_since(Duration::ZERO))),
        ("too early", issuer.opaque_token(&good().not_before(now + Duration::from_secs(1)))),
        ("for another", issuer.opaque_token(&good().audience("https://other.example"))),
        ("no scope of this API", issuer.opaque_token(&good().scope("profile"))),
        ("revoked", gone),
        ("a revoked JWT", gone_jwt),
        ("a forged JWT", good().signed_by_stranger().build()),
        ("an expired JWT", good().expired_since(Duration::from_secs(1)).build()),
    ] {
        assert_eq!(ask(&token, "").await, nothing, "{what}");
    }
    ledger::passed("7662-30");

    let opaque = issuer.opaque_token(&good());
    for token in [opaque.clone(), format!("label--{opaque}"), good().build()] {
        for hint in [
            "",
            "&token_type_hint=access_token",
            "&token_type_hint=refresh_token",
            "&token_type_hint=nonsense",
        ] {
            let answer = ask(&token, hint).await;
            assert_eq!((&answer["active"], &answer["sub"]), (&json!(true), &json!("alice")));
            assert_eq!(answer["scope"], "orders:read", "the scopes of this API");
            assert_eq!(answer["token_type"], "Bearer");
            assert_eq!(answer["exp"], now.as_secs() + 300);
        }
    }
    ledger::passed("7662-31");

    issuer.deactivate_user("alice");
    assert_eq!(ask(&opaque, "").await, nothing);
}

async fn revocation() {
    let clock = ManualClock::new();
    let issuer = issuer_at(&clock);
    let owner = basic("test-client", "client-secret");
    let token = issuer.opaque_token(&issuer.token());
    let active = async || {
        let form = format!("token={token}");
        let admin = basic("admin", "admin-secret");
        let answer = post_form(&issuer, "/introspect", Some(&admin), &form).await;
        json_of(&answer)["active"] == json!(true)
    };
    for (line, form, status, stays) in [
        (None, format!("token={token}"), 401, true),
        (Some(basic("test-client", "wrong")), format!("token={token}"), 401, true),
        (Some(owner.clone()), String::new(), 400, true),
        // of another client
        (Some(basic("admin", "admin-secret")), format!("token={token}"), 400, true),
        // unknown: nothing is left to be done
        (Some(owner.clone()), "token=unknown".to_owned(), 200, true),
        (Some(owner.clone()), "token=unknown&token_type_hint=nonsense".to_owned(), 200, true),
        (Some(owner.clone()), format!("token={token}&token_type_hint=refresh_token"), 200, false),
        (Some(owner.clone()), format!("token={token}"), 200, false),
    ] {
        let answer = post_form(&issuer, "/revoke", line.as_deref(), &form).await;
        assert_eq!(answer.status().as_u16(), status, "{line:?} {form}");
        assert_eq!(active().await, stays, "{line:?} {form}");
        assert!(status != 200 || answer.body().is_empty());
    }
    ledger::passed("7009-01 7009-02 7009-03");

    let get = Request::get(format!("{}/revoke", issuer.url())).body(bytes::Bytes::new()).unwrap();
    assert_eq!(issuer.fetch().fetch(get, 1000).await.unwrap().status().as_u16(), 405);
    for (fault, status) in [
        (Fault::retry_after(503, "5"), 503),
        (Fault::Answer(bad_request(r#"{"error":"unsupported_token_type"}"#)), 400),
    ] {
        issuer.fail_next(Endpoint::Revocation, 1, fault);
        let answer = post_form(&issuer, "/revoke", Some(&owner), "token=x").await;
        assert_eq!(answer.status().as_u16(), status);
    }
    ledger::passed("7009-05");
    assert_eq!(issuer.requests(Endpoint::Revocation), 11);
}

fn bad_request(body: &'static str) -> Response<bytes::Bytes> {
    let response = Response::builder().status(400).header("content-type", "application/json");
    response.body(body.into()).unwrap()
}

async fn the_token_endpoint() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder()
        .clock(clock.clone())
        .api(Api::new(API, &["a", "b"]).secret(SECRET))
        .client(
            Client::new("app")
                .secret("s")
                .grant("client_credentials")
                .scopes(&["a", "b"])
                .opaque_tokens(),
        )
        .client(Client::new("none").secret("s"))
        .response_field("username", "app of the shop")
        .build();
    let post = async |line: Option<&str>, form: &str| {
        let answer = post_form(&issuer, "/token", line, form).await;
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers()[header::PRAGMA], "no-cache");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
        answer
    };
    let app = basic("app", "s");
    let answer = post(Some(&app), "grant_type=client_credentials&scope=a&unknown=1&empty=").await;
    let granted = json_of(&answer);
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(granted["scope"], "a");
    let token = granted["access_token"].as_str().unwrap();
    assert!(token.len() == 64 && !token.contains('.'), "it is opaque");
    let form = format!("token={token}");
    let line = basic("https%3A%2F%2Fapi.example", SECRET);
    let told = json_of(&post_form(&issuer, "/introspect", Some(&line), &form).await);
    assert_eq!(
        (&told["active"], &told["client_id"], &told["scope"]),
        (&json!(true), &json!("app"), &json!("a"))
    );
    ledger::passed("6749-01 6749-02");
    // what the answer says beside the token is no claim of it
    assert_eq!(granted["username"], "app of the shop");
    assert!(told.get("username").is_none());
    ledger::passed("S4-07");

    let wrong = basic("app", "wrong");
    for (line, form, status, error) in [
        (Some(&app), "scope=a", 400, "invalid_request"),
        (Some(&app), "grant_type=", 400, "invalid_request"),
        (
            Some(&app),
            "grant_type=client_credentials&grant_type=client_credentials",
            400,
            "invalid_request",
        ),
        (Some(&app), "grant_type=client_credentials&client_secret=s", 400, "invalid_request"),
        (Some(&app), "grant_type=magic", 400, "unsupported_grant_type"),
        (Some(&app), "grant_type=client_credentials&scope=c", 400, "invalid_scope"),
        (Some(&app), "grant_type=password&username=x", 400, "unauthorized_client"),
        (Some(&wrong), "grant_type=client_credentials", 401, "invalid_client"),
        (None, "grant_type=client_credentials&client_id=nobody", 401, "invalid_client"),
    ] {
        let answer = post(line.map(|line| &**line), form).await;
        let body = json_of(&answer);
        assert_eq!((answer.status().as_u16(), &body["error"]), (status, &json!(error)), "{form}");
        let asks = answer.headers().get(header::WWW_AUTHENTICATE);
        assert_eq!(
            asks.is_some_and(|asks| asks.to_str().unwrap().starts_with("Basic")),
            status == 401
        );
        // RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E
        let legal =
            |text: &str| text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        assert!(legal(body["error_description"].as_str().unwrap()));
    }
    ledger::passed("6749-03 6749-04 6749-05 6749-07");
    let get = Request::get(format!("{}/token", issuer.url())).body(bytes::Bytes::new()).unwrap();
    assert_eq!(issuer.fetch().fetch(get, 1000).await.unwrap().status().as_u16(), 405);
    ledger::passed("6749-08");
}
