//! The code flow of the mock issuer (RFC 6749 §4.1, RFC 7636, RFC 9700 §2.1.1).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request, header};
use portcullis::{
    jwt::Algorithm,
    testing::{Client, Endpoint, Fault, ScriptedUser, TokenStatus},
};
use serde_json::json;

use super::ledger::{self, Row};
use crate::support::code_flow::{BACK, Flow, granted, refused};

chapter! {
    async fn verifiers;
    async fn challenges;
    async fn a_required_challenge;
    async fn a_code_is_good_once;
    async fn what_a_code_is_bound_to;
    async fn where_the_user_goes_back_to;
    async fn requests_that_go_nowhere;
    async fn requests_that_are_told_off;
    async fn how_it_is_asked;
    async fn what_the_user_was_goes_into_the_token;
    async fn the_endpoint_fails_and_is_counted;
    async fn passwords_are_off_by_default;
}

// ---- proof keys

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const S256: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Proof {
    id: &'static str,
    challenge: &'static str,
    method: &'static str,
    verifier: &'static str,
    error: &'static str,
}

impl Row for Proof {
    fn id(&self) -> &str {
        self.id
    }
}

const LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
                    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const TOO_LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
                        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const SHORT: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEj_";

#[rustfmt::skip]
const PROOFS: &[Proof] = &[
    Proof { id: "7636-01", challenge: S256, method: "S256", verifier: VERIFIER, error: "" },
    Proof { id: "7636-01", challenge: VERIFIER, method: "plain", verifier: VERIFIER, error: "" },
    Proof { id: "7636-01", challenge: VERIFIER, method: "", verifier: VERIFIER, error: "" },
    Proof { id: "7636-01", challenge: S256, method: "S256", verifier: S256, error: "invalid_grant" },
    Proof { id: "7636-01", challenge: VERIFIER, method: "S256", verifier: VERIFIER, error: "invalid_grant" },
    Proof { id: "7636-01", challenge: VERIFIER, method: "plain", verifier: S256, error: "invalid_grant" },
    Proof { id: "7636-01", challenge: S256, method: "plain", verifier: VERIFIER, error: "invalid_grant" },
    Proof { id: "7636-01", challenge: S256, method: "S256", verifier: "", error: "invalid_grant" },
    Proof { id: "7636-03", challenge: "", method: "", verifier: VERIFIER, error: "invalid_grant" },
    Proof { id: "7636-04", challenge: LONG, method: "plain", verifier: LONG, error: "" },
    Proof { id: "7636-04", challenge: LONG, method: "plain", verifier: TOO_LONG, error: "invalid_request" },
    Proof { id: "7636-04", challenge: VERIFIER, method: "plain", verifier: SHORT, error: "invalid_request" },
    Proof { id: "7636-04", challenge: S256, method: "S256", verifier: "dBjftJeZ4CVP%2BmB92K27uhbUJU1p1r_wW1gFWFOEjXk", error: "invalid_request" },
    Proof { id: "7636-04", challenge: S256, method: "S256", verifier: "dBjftJeZ4CVP+mB92K27uhbUJU1p1r_wW1gFWFOEjXk", error: "invalid_request" },
];

async fn verifiers() {
    ledger::table_async(PROOFS, async |row| {
        let flow = Flow::new();
        let challenge = match (row.challenge, row.method) {
            ("", _) => String::new(),
            (challenge, "") => format!("&code_challenge={challenge}"),
            (challenge, method) => {
                format!("&code_challenge={challenge}&code_challenge_method={method}")
            }
        };
        let code = flow.authorize("orders:read", &challenge).await.get("code").unwrap();
        let verifier = match row.verifier {
            "" => String::new(),
            verifier => format!("&code_verifier={verifier}"),
        };
        let answer = flow.redeem(&code, &verifier).await;
        if row.error.is_empty() {
            granted(&answer);
        } else {
            refused(&answer, row.error);
            // a wrong guess does not use the code up: the honest client may still come
            let entry = flow.issuer.entry(&code).unwrap();
            assert_eq!((entry.status, entry.redeemed), (TokenStatus::Valid, None));
        }
    })
    .await;
}

async fn challenges() {
    let flow = Flow::new();
    for more in [
        "&code_challenge_method=S256".to_owned(),
        format!("&code_challenge={S256}&code_challenge_method=S512"),
        format!("&code_challenge={S256}&code_challenge_method=s256"),
        format!("&code_challenge={SHORT}&code_challenge_method=plain"),
        format!("&code_challenge={TOO_LONG}"),
        format!("&code_challenge={}%3D&code_challenge_method=S256", &S256[1..]),
    ] {
        flow.authorize("orders:read", &more).await.has_error("invalid_request");
    }
    let metadata = Request::get(format!("{}/.well-known/openid-configuration", flow.issuer.url()));
    let metadata = metadata.body(Bytes::new()).unwrap();
    let metadata = flow.issuer.fetch().fetch(metadata, 1 << 16).await.unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(metadata.body()).unwrap();
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["plain", "S256"]));
    ledger::passed("7636-02");
}

async fn a_required_challenge() {
    let flow = Flow::configured(|builder| builder.require_pkce());
    flow.authorize("orders:read", "").await.has_error("invalid_request");
    let more = format!("&code_challenge={S256}&code_challenge_method=S256");
    let code = flow.authorize("orders:read", &more).await.get("code").unwrap();
    refused(&flow.redeem(&code, "").await, "invalid_grant");
    granted(&flow.redeem(&code, &format!("&code_verifier={VERIFIER}")).await);
    ledger::passed("7636-02 9700-13");
}

// ---- codes

async fn a_code_is_good_once() {
    let flow = Flow::new();
    let code = flow.code("orders:read offline_access").await;
    let (access, refresh) = granted(&flow.redeem(&code, "").await);
    let status = |token: &str| flow.issuer.entry(token).unwrap().status;
    let valid = TokenStatus::Valid;
    assert_eq!(
        (status(&code), status(&access), status(&refresh)),
        (TokenStatus::Redeemed, valid, valid)
    );
    // another client that has seen the code ends nothing
    refused(&flow.of("implicit").redeem(&code, "").await, "invalid_grant");
    assert_eq!(status(&access), valid);
    for _ in 0..2 {
        refused(&flow.redeem(&code, "").await, "invalid_grant");
        assert_eq!(
            (status(&access), status(&refresh)),
            (TokenStatus::Revoked, TokenStatus::Revoked)
        );
    }
    refused(&flow.refresh(&refresh).await, "invalid_grant");
    ledger::passed("6749-10");
}

async fn what_a_code_is_bound_to() {
    let flow = Flow::new();
    let with_code = async |code: &str, more: &str| {
        flow.post(&format!("grant_type=authorization_code&code={code}{more}")).await
    };
    let back = "&redirect_uri=https%3A%2F%2Fapp.test%2Fback%3Ftenant%3D1";
    let code = flow.code("orders:read").await;
    for more in [
        "",
        "&redirect_uri=https%3A%2F%2Fapp.test%2Fback",
        "&redirect_uri=https%3A%2F%2Fapp.test%2Fback%3Ftenant%3D2",
        "&redirect_uri=https%3A%2F%2FAPP.test%2Fback%3Ftenant%3D1",
    ] {
        refused(&with_code(&code, more).await, "invalid_grant");
    }
    refused(&flow.of("implicit").redeem(&code, "").await, "invalid_grant");
    refused(&with_code("", back).await, "invalid_request");
    refused(&with_code("abc", back).await, "invalid_grant");
    granted(&with_code(&code, back).await);
    // it lives five minutes
    for (seconds, passes) in [(299, true), (300, false)] {
        let code = flow.code("orders:read").await;
        flow.clock.advance(Duration::from_secs(seconds));
        let answer = flow.redeem(&code, "").await;
        assert_eq!(answer.0 == 200, passes, "{seconds}");
    }
    // and no longer than its user, their password, the client and the authorization
    type End = fn(&Flow);
    let ends: [End; 5] = [
        |flow| flow.issuer.lock_user("alice"),
        |flow| flow.issuer.delete_user("alice"),
        |flow| flow.issuer.change_password("alice", "new"),
        |flow| {
            let id = flow.issuer.authorizations()[0].id.clone();
            assert!(flow.issuer.revoke_authorization(&id));
        },
        |flow| assert_eq!(flow.issuer.revoke_user("alice"), 2, "the code and the authorization"),
    ];
    for end in ends {
        let flow = Flow::new();
        let code = flow.code("orders:read").await;
        end(&flow);
        refused(&flow.redeem(&code, "").await, "invalid_grant");
    }
    // a code is no other token
    let code = flow.code("orders:read offline_access").await;
    refused(&flow.refresh(&code).await, "invalid_grant");
    let (access, refresh) = granted(&flow.redeem(&code, "").await);
    for token in [access, refresh] {
        refused(&flow.redeem(&token, "").await, "invalid_grant");
    }
    ledger::passed("6749-06");
}

// ---- requests

struct Back {
    id: &'static str,
    uri: &'static str,
    status: u16,
}

impl Row for Back {
    fn id(&self) -> &str {
        self.id
    }
}

#[rustfmt::skip]
const BACKS: &[Back] = &[
    Back { id: "6749-11", uri: "https%3A%2F%2Fapp.test%2Fback%3Ftenant%3D1", status: 302 },
    Back { id: "6749-11", uri: "https%3A%2F%2Fapp.test%2Fback%3Ftenant%3D12", status: 400 },
    Back { id: "6749-11", uri: "https%3A%2F%2Fapp.test%2Fback", status: 400 },
    Back { id: "6749-11", uri: "https%3A%2F%2Fapp.test%2Fback%2F%3Ftenant%3D1", status: 400 },
    Back { id: "6749-11", uri: "https%3A%2F%2Fapp.test%2Fback%3Ftenant%3D1%23a", status: 400 },
    Back { id: "6749-11", uri: "https%3A%2F%2FAPP.test%2Fback%3Ftenant%3D1", status: 400 },
    Back { id: "6749-11", uri: "https%3A%2F%2Fapp.test%3A443%2Fback%3Ftenant%3D1", status: 400 },
    Back { id: "6749-11", uri: "http%3A%2F%2Fapp.test%2Fback%3Ftenant%3D1", status: 400 },
    Back { id: "6749-11", uri: "https%3A%2F%2Fapp.test.evil.test%2Fback%3Ftenant%3D1", status: 400 },
    Back { id: "6749-11", uri: "https%3A%2F%2Fevil.test%2F%3Fhttps%3A%2F%2Fapp.test%2Fback%3Ftenant%3D1", status: 400 },
];

async fn where_the_user_goes_back_to() {
    ledger::table_async(BACKS, async |row| {
        let query = format!("response_type=code&client_id=explicit&redirect_uri={}", row.uri);
        let answer = Flow::new().ask(&query).await;
        assert_eq!(answer.status, row.status);
        assert_eq!(answer.location.starts_with(&format!("{BACK}&code=")), row.status == 302);
        assert_eq!(answer.location.is_empty(), row.status != 302, "sent nowhere");
    })
    .await;
    let flow = Flow::new();
    let answer = flow.authorize("orders:read", "").await;
    assert_eq!(answer.get("state").as_deref(), Some("s/1"));
    assert_eq!(answer.get("iss"), Some(flow.issuer.url()), "RFC 9207");
    // the only one is meant where none is named, and then none is named later
    let answer = flow.ask("response_type=code&client_id=explicit").await;
    let form = format!("grant_type=authorization_code&code={}", answer.get("code").unwrap());
    granted(&flow.post(&form).await);
    let two = Client::new("two").redirect_uri("https://a.test").redirect_uri("https://b.test");
    let flow = Flow::configured(|builder| builder.client(two.grant("authorization_code")));
    assert_eq!(flow.ask("response_type=code&client_id=two").await.status, 400);
    let named = flow.ask("response_type=code&client_id=two&redirect_uri=https://b.test").await;
    assert!(named.location.starts_with("https://b.test?code="), "{named:?}");
}

async fn requests_that_go_nowhere() {
    let flow = Flow::new();
    for query in [
        "",
        "response_type=code",
        "response_type=code&client_id=",
        "response_type=code&client_id=nobody",
        "response_type=code&client_id=explicit&client_id=implicit",
        "response_type=code&client_id=explicit&redirect_uri=%zz",
        "response_type=code&client_id=test-client",
    ] {
        let answer = flow.ask(query).await;
        assert_eq!((answer.status, &*answer.location), (400, ""), "{query}");
    }
    flow.issuer.disable_client("explicit");
    let answer = flow.authorize("orders:read", "").await;
    assert_eq!((answer.status, &*answer.location), (400, ""));
    assert!(flow.issuer.consent_decisions().is_empty());
}

async fn requests_that_are_told_off() {
    let flow = Flow::configured(|builder| {
        let bare = Client::new("bare").redirect_uri(BACK).grant("password");
        builder.client(bare)
    });
    for (query, error) in [
        ("client_id=explicit", "invalid_request"),
        ("client_id=explicit&response_type=token", "unsupported_response_type"),
        ("client_id=explicit&response_type=code&scope=admin", "invalid_scope"),
        ("client_id=explicit&response_type=code&scope=orders:read+admin", "invalid_scope"),
        ("client_id=explicit&response_type=code&prompt=none+login", "invalid_request"),
        ("client_id=bare&response_type=code", "unauthorized_client"),
    ] {
        let answer = flow.ask(&format!("{query}&state=7")).await;
        answer.has_error(error);
        assert_eq!(answer.get("state").as_deref(), Some("7"), "{query}");
        assert!(answer.get("iss").is_some());
    }
    flow.issuer.script_nobody();
    flow.authorize("orders:read", "").await.has_error("login_required");
    flow.issuer.script(ScriptedUser::new("nobody"));
    flow.authorize("orders:read", "").await.has_error("access_denied");
    flow.issuer.script(ScriptedUser::new("alice"));
    flow.issuer.lock_user("alice");
    flow.authorize("orders:read", "").await.has_error("access_denied");
}

async fn how_it_is_asked() {
    let flow = Flow::new();
    let ask = async |method: Method, body: &'static str| {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/authorize", flow.issuer.url()))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
        flow.issuer.fetch().fetch(request, 1 << 16).await.unwrap()
    };
    let posted = ask(Method::POST, "response_type=code&client_id=explicit").await;
    assert_eq!(posted.status().as_u16(), 302);
    let put = ask(Method::PUT, "response_type=code&client_id=explicit").await;
    assert_eq!(
        (put.status().as_u16(), &put.headers()[header::ALLOW]),
        (405, &"GET, POST".parse().unwrap())
    );
}

async fn what_the_user_was_goes_into_the_token() {
    let flow = Flow::new();
    let (access, refresh) = flow.tokens("orders:read").await;
    assert_eq!(refresh, "", "without offline_access");
    let payload = access.split('.').nth(1).unwrap();
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    for (name, value) in [
        ("sub", json!("alice")),
        ("client_id", json!("explicit")),
        ("scope", json!("orders:read")),
        ("aud", json!("https://api.example")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let key = flow.issuer.signing_key().jwk();
    assert!(portcullis::jwt::jws::verify(&access, &key, Algorithm::ALL).is_ok());
    // part of what was asked for: the code carries what was granted
    flow.issuer.script(ScriptedUser::new("alice").only(&["orders:write", "orders:delete"]));
    let code = flow.code("orders:read orders:write").await;
    let (_, answer) = flow.redeem(&code, "&scope=orders:read+orders:write").await;
    assert_eq!(answer["scope"], "orders:write");
    flow.issuer.script(ScriptedUser::new("alice").only(&["orders:delete"]));
    flow.authorize("orders:read orders:write", "&prompt=consent").await.has_error("access_denied");
}

async fn the_endpoint_fails_and_is_counted() {
    let flow = Flow::new();
    flow.issuer.fail_next(Endpoint::Authorization, 1, Fault::status(503));
    assert_eq!(flow.authorize("orders:read", "").await.status, 503);
    flow.authorize("orders:read", "").await.has_code();
    assert_eq!(flow.issuer.requests(Endpoint::Authorization), 2);
    let flow = Flow::configured(|builder| builder.authorization_path("/connect/authorize"));
    assert_eq!(flow.ask("response_type=code&client_id=explicit").await.status, 404);
}

async fn passwords_are_off_by_default() {
    let script = Client::new("script").secret("s").grant("authorization_code");
    let flow = Flow::configured(|builder| builder.client(script));
    let form = "grant_type=password&username=alice&password=pw";
    refused(&flow.of("script").post(form).await, "unauthorized_client");
    granted(&flow.post(form).await);
}
