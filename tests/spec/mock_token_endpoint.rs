//! What the mock issuer says at its token and userinfo endpoints and in its metadata
//! (RFC 6749 §5, RFC 9068 §2, §3, RFC 8414 §3.2).

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use portcullis::{
    Clock,
    jwt::{Algorithm, JwtValidator, Profile, StaticKeys},
    testing::{Api, Client, Endpoint, ManualClock, MockIssuer, MockIssuerBuilder, User},
};
use serde_json::{Value, json};

use super::ledger::{self, Row};
use crate::support::stand::Stand;

chapter! {
    async fn the_password_grant;
    async fn a_token_of_the_password_grant;
    async fn userinfo;
    async fn tokens_to_the_letter_of_the_profile;
    async fn scopes_of_several_apis;
    async fn metadata;
}

/// IdentityServer4 with the client and the user of the article.
fn server() -> MockIssuer {
    estate(MockIssuer::builder().identity_server())
        .password_error("invalid_grant", "invalid_username_or_password")
        .build()
}

fn estate(builder: MockIssuerBuilder) -> MockIssuerBuilder {
    builder
        .clock(ManualClock::new())
        .api(Api::new("api1", &["api1"]))
        .api(Api::new("api2", &["api2"]))
        .client(
            Client::new("ropc_client")
                .secret("secret")
                .grant("password")
                .scopes(&["openid", "api1"]),
        )
        .client(
            Client::new("machine")
                .secret("secret")
                .grant("client_credentials")
                .scopes(&["api1", "api2"]),
        )
        .user(User::new("admin", "Abcd@1234"))
}

/// An answer, with its body as JSON (or null).
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(issuer: &MockIssuer, request: http::request::Builder, body: &str) -> Answer {
    let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let response = issuer.fetch().fetch(request, 1 << 20).await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: serde_json::from_slice(response.body()).unwrap_or_default(),
    }
}

async fn post(issuer: &MockIssuer, form: &str) -> Answer {
    let request = Request::post(format!("{}/connect/token", issuer.url()))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    send(issuer, request, form).await
}

/// Header and claims of a token.
fn opened(token: &str) -> (Value, Value) {
    let part = |index| {
        let text = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    (part(0), part(1))
}

// ---- the password grant

struct Form {
    id: &'static str,
    form: &'static str,
    status: u16,
    error: Option<&'static str>,
}

impl Row for Form {
    fn id(&self) -> &str {
        self.id
    }
}

const fn form(
    id: &'static str,
    form: &'static str,
    status: u16,
    error: Option<&'static str>,
) -> Form {
    Form { id, form, status, error }
}

#[rustfmt::skip]
const FORMS: &[Form] = &[
    form("S7-01", "client_id=ropc_client&client_secret=secret&scope=openid api1&grant_type=password&username=admin&password=Abcd@1234", 200, None),
    form("S7-01", "client_id=ropc_client&client_secret=secret&scope=api1+openid&grant_type=password&username=admin&password=Abcd%401234", 200, None),
    form("S7-01", "client_id=ropc_client&client_secret=secret&grant_type=password&username=admin&password=Abcd%401234", 200, None),
    form("S7-02", "client_id=ropc_client&client_secret=secret&scope=api1&grant_type=password&username=admin&password=wrong", 400, Some("invalid_grant")),
    form("S7-02", "client_id=ropc_client&client_secret=secret&scope=api1&grant_type=password&username=admin", 400, Some("invalid_grant")),
    form("S7-02", "client_id=ropc_client&client_secret=secret&scope=api1&grant_type=password&username=nobody&password=Abcd%401234", 400, Some("invalid_grant")),
    form("S7-03", "client_id=ropc_client&client_secret=wrong&scope=api1&grant_type=password&username=admin&password=Abcd%401234", 401, Some("invalid_client")),
    form("S7-03", "client_id=ropc_client&scope=api1&grant_type=password&username=admin&password=Abcd%401234", 401, Some("invalid_client")),
    form("S7-03", "client_id=nobody&client_secret=secret&grant_type=password&username=admin&password=Abcd%401234", 401, Some("invalid_client")),
    form("S7-04", "client_id=machine&client_secret=secret&scope=api1&grant_type=password&username=admin&password=Abcd%401234", 400, Some("unauthorized_client")),
    form("S7-05", "client_id=ropc_client&client_secret=secret&scope=api2&grant_type=password&username=admin&password=Abcd%401234", 400, Some("invalid_scope")),
    form("S7-05", "client_id=ropc_client&client_secret=secret&scope=api1 api2&grant_type=password&username=admin&password=Abcd%401234", 400, Some("invalid_scope")),
];

async fn the_password_grant() {
    ledger::table_async(FORMS, async |row| {
        let issuer = server();
        let answer = post(&issuer, row.form).await;
        assert_eq!(answer.status, row.status, "{}", answer.body);
        assert_eq!(answer.body["error"].as_str(), row.error);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("pragma"), "no-cache");
        let asks = answer.headers.contains_key(header::WWW_AUTHENTICATE);
        assert_eq!(asks, row.status == 401);
        assert_eq!(answer.body.get("access_token").is_some(), row.error.is_none());
        assert_eq!(issuer.requests(Endpoint::Token), 1);
    })
    .await;

    // the article's validator answers otherwise
    let builder = estate(MockIssuer::builder().identity_server());
    let issuer = builder.password_error("unauthorized_client", "no such user").build();
    let answer = post(&issuer, FORMS[3].form).await;
    assert_eq!(
        (answer.status, &answer.body),
        (400, &json!({"error": "unauthorized_client", "error_description": "no such user"}))
    );
    ledger::passed("S7-02");
}

async fn a_token_of_the_password_grant() {
    let issuer = server();
    let answer = post(&issuer, FORMS[0].form).await;
    let mut members: Vec<_> = answer.body.as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 3600);
    let mut scopes: Vec<_> = answer.body["scope"].as_str().unwrap().split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["api1", "openid"]);

    let (header, claims) = opened(answer.body["access_token"].as_str().unwrap());
    assert_eq!(header, json!({"alg": "RS256", "kid": issuer.kid(), "typ": "at+jwt"}));
    let now = ManualClock::new().now().as_secs();
    assert_eq!(
        claims,
        json!({
            "nbf": now, "exp": now + 3600, "iss": issuer.url(), "aud": "api1",
            "client_id": "ropc_client", "sub": "admin", "auth_time": now, "idp": "local",
            "scope": ["openid", "api1"], "amr": ["custom"],
        })
    );
    ledger::passed("S7-01");
}

// ---- userinfo

struct Userinfo {
    id: &'static str,
    line: fn(&MockIssuer, &str) -> Option<String>,
    status: u16,
    challenge: &'static str,
    body: fn() -> Value,
}

impl Row for Userinfo {
    fn id(&self) -> &str {
        self.id
    }
}

#[rustfmt::skip]
const USERINFO: &[Userinfo] = &[
    Userinfo { id: "S7-06", line: |_, token| Some(format!("Bearer {token}")), status: 200, challenge: "", body: || json!({"sub": "admin"}) },
    Userinfo { id: "S7-07", line: |issuer, _| Some(format!("Bearer {}", issuer.token().scope("api1").build())), status: 403, challenge: "Bearer error=\"insufficient_scope\", scope=\"openid\"", body: || Value::Null },
    Userinfo { id: "S7-08", line: |_, _| None, status: 401, challenge: "Bearer", body: || Value::Null },
    Userinfo { id: "S7-08", line: |_, _| Some("Basic YTpi".into()), status: 401, challenge: "Bearer", body: || Value::Null },
    Userinfo { id: "S7-08", line: |_, token| Some(format!("Bearer {token}x")), status: 401, challenge: "Bearer error=\"invalid_token\"", body: || Value::Null },
    Userinfo { id: "S7-08", line: |issuer, _| Some(format!("Bearer {}", issuer.token().scope("openid").signed_by_stranger().build())), status: 401, challenge: "Bearer error=\"invalid_token\"", body: || Value::Null },
    Userinfo { id: "S7-08", line: |issuer, _| Some(format!("Bearer {}", issuer.token().scope("openid").expired_since(Duration::from_secs(1)).build())), status: 401, challenge: "Bearer error=\"invalid_token\"", body: || Value::Null },
];

async fn userinfo() {
    let issuer = server();
    let granted = post(&issuer, FORMS[0].form).await;
    let token = granted.body["access_token"].as_str().unwrap();
    ledger::table_async(USERINFO, async |row| {
        for method in ["GET", "POST"] {
            let uri = format!("{}/connect/userinfo", issuer.url());
            let mut request = Request::builder().method(method).uri(uri);
            if let Some(line) = (row.line)(&issuer, token) {
                request = request.header(header::AUTHORIZATION, line);
            }
            let answer = send(&issuer, request, "").await;
            assert_eq!((answer.status, &answer.body), (row.status, &(row.body)()));
            assert_eq!(answer.header("www-authenticate"), row.challenge);
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    })
    .await;
}

// ---- RFC 9068

async fn tokens_to_the_letter_of_the_profile() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder()
        .clock(clock.clone())
        .token_path("/connect/token")
        .client(Client::new("machine").secret("s").grant("client_credentials").scopes(&["a"]))
        .client(Client::new("other").secret("s").grant("client_credentials").audience("https://b"))
        .build();
    let keys = StaticKeys::from_jwk_set(issuer.jwks_json().as_bytes()).unwrap();
    for (client, audience, scope) in
        [("machine", issuer.audience(), Some("a")), ("other", "https://b", None)]
    {
        let form = format!("client_id={client}&client_secret=s&grant_type=client_credentials");
        let answer = post(&issuer, &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = answer.body["access_token"].as_str().unwrap();
        let (header, claims) = opened(token);
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(header["alg"], "RS256");
        let now = clock.now().as_secs();
        assert_eq!(claims["iss"], issuer.url());
        assert_eq!(claims["aud"], audience);
        assert_eq!(claims["sub"], client);
        assert_eq!(claims["client_id"], client);
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 3600)));
        assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
        assert_eq!(claims.get("scope").and_then(Value::as_str), scope);

        // and a validator for the profile takes it
        let validator = JwtValidator::builder(keys.clone())
            .issuer(issuer.url())
            .audience(audience)
            .profile(Profile::rfc9068())
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        let identity = Stand::of(validator).accepts(token).await;
        assert_eq!(identity.client_id(), Some(client));
    }
    ledger::passed("9068-15");
}

async fn scopes_of_several_apis() {
    let form = "client_id=machine&client_secret=secret&grant_type=client_credentials&scope=";
    let builder = || estate(MockIssuer::builder()).token_path("/connect/token");

    let issuer = builder().build();
    for (scope, audience) in [("api1", "api1"), ("api2", "api2")] {
        let answer = post(&issuer, &format!("{form}{scope}")).await;
        let (_, claims) = opened(answer.body["access_token"].as_str().unwrap());
        assert_eq!((answer.status, &claims["aud"]), (200, &json!(audience)));
    }
    let answer = post(&issuer, &format!("{form}api1+api2")).await;
    assert_eq!((answer.status, &answer.body["error"]), (400, &json!("invalid_scope")));
    assert!(answer.body.get("access_token").is_none());

    // IdentityServer4 issues one token for both
    let answer = post(&server(), &format!("{form}api1+api2")).await;
    let (_, claims) = opened(answer.body["access_token"].as_str().unwrap());
    assert_eq!(claims["aud"], json!(["api1", "api2"]));
    ledger::passed("9068-16");
}

// ---- metadata

async fn metadata() {
    for (issuer, scopes) in
        [(MockIssuer::new(), None), (server(), Some(json!(["api1", "api2", "openid"])))]
    {
        for path in ["openid-configuration", "oauth-authorization-server"] {
            let request = Request::get(format!("{}/.well-known/{path}", issuer.url()));
            let answer = send(&issuer, request, "").await;
            assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
            let document = answer.body.as_object().unwrap();
            let url = issuer.url();
            assert_eq!(document["issuer"], url);
            for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
                let place = document[name].as_str().unwrap();
                assert!(place.starts_with(&format!("{url}/")), "{name}: {place}");
            }
            for name in ["response_types_supported", "subject_types_supported"] {
                assert!(!document[name].as_array().unwrap().is_empty());
            }
            let algorithms = document["id_token_signing_alg_values_supported"].as_array().unwrap();
            assert!(algorithms.contains(&json!("RS256")));
            assert_eq!(document.get("scopes_supported"), scopes.as_ref());
            // RFC 8414 §3.2: what has no element is omitted, and so is what has no value
            for (name, value) in document {
                assert!(!value.is_null() && *value != json!([]) && *value != json!(""), "{name}");
            }
        }
    }
    // RS256 is there also where no key is for it
    let issuer = MockIssuer::builder().algorithm(Algorithm::ES256).build();
    let request = Request::get("https://issuer.test/.well-known/openid-configuration");
    let answer = send(&issuer, request, "").await;
    let algorithms = &answer.body["id_token_signing_alg_values_supported"];
    assert_eq!(*algorithms, json!(["ES256", "RS256"]));
    ledger::passed("8414-13 OIDCD-03");
}
