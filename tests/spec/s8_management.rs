//! How users manage their personal access tokens (seed system 8).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use portcullis::{
    AuthErrorKind::{Inactive, MissingScope},
    UnixTime,
    testing::{
        Api, Client, Endpoint, ManualClock, MockIssuer, MockIssuerBuilder, PersonalAccessTokens,
        TokenKind, User,
    },
    token::PatFormat,
};
use serde_json::{Value, json};

use super::ledger::{self, Row};
use crate::support::desk::{Desk, SECRET, post_form};

chapter! {
    async fn a_token_is_issued_and_shown_once;
    async fn what_cannot_be_issued;
    async fn too_long_for_the_api;
    async fn the_end_is_clamped;
    async fn scopes_within_what_may_be_granted;
    async fn who_may_manage;
    async fn the_list;
    async fn removal;
    async fn last_use;
    async fn a_restart;
    async fn user_and_client_go;
    async fn the_endpoint_is_there_where_it_was_asked_for;
}

const MY_API: &str = "my_api";
const DAY: Duration = Duration::from_secs(86_400);

/// On the first of December 2019, as in the seed.
fn clock() -> ManualClock {
    ManualClock::at(UnixTime::from_secs(1_575_158_400 + 3600))
}

fn estate(clock: &ManualClock) -> MockIssuerBuilder {
    MockIssuer::builder()
        .clock(clock.clone())
        .api(Api::new(MY_API, &[MY_API, "reports"]).secret(SECRET))
        .api(Api::new("other_api", &["other"]).secret(SECRET))
        .client(Client::new("pat_client").scopes(&[MY_API, "reports"]))
        .client(Client::new("web").secret("s").grant("client_credentials").scopes(&[MY_API]))
        .user(User::new("anders", "pw"))
        .user(User::new("bob", "pw"))
        .personal_access_tokens(PersonalAccessTokens::new())
}

struct House {
    issuer: MockIssuer,
    clock: ManualClock,
    /// Tokens by which people are signed in.
    anders: String,
    bob: String,
}

impl House {
    fn new() -> Self {
        let clock = clock();
        let issuer = estate(&clock).build();
        Self::of(issuer, clock)
    }

    fn of(issuer: MockIssuer, clock: ManualClock) -> Self {
        let token = |name: &str| {
            let token = issuer.token().subject(name).client_id("web").claim("amr", vec!["pwd"]);
            token.expires_in(1000 * DAY).build()
        };
        let (anders, bob) = (token("anders"), token("bob"));
        Self { issuer, clock, anders, bob }
    }

    async fn send(&self, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.issuer.url()))
            .header(header::CONTENT_TYPE, "application/json");
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let answer = self.issuer.fetch().fetch(request.body(body).unwrap(), 1 << 20).await.unwrap();
        let (parts, body) = answer.into_parts();
        assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store");
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, json }
    }

    async fn create(&self, token: &str, wish: Value) -> Answer {
        self.send(Method::POST, "/pats", token, &wish).await
    }

    /// A token of anders' for the API, and its name.
    async fn pat(&self, name: &str) -> (String, String) {
        let wish = json!({"name": name, "expires": "2020-12-01", "scopes": [MY_API]});
        let answer = self.create(&self.anders, wish).await;
        assert_eq!(answer.status, 201, "{:?}", answer.json);
        (answer.text("token"), answer.text("id"))
    }

    async fn list(&self, token: &str) -> Vec<Value> {
        let answer = self.send(Method::GET, "/pats", token, &Value::Null).await;
        assert_eq!(answer.status, 200);
        answer.json.as_array().unwrap().clone()
    }

    /// An API that asks this issuer, with the format of these tokens.
    fn desk(&self) -> Desk {
        desk(&self.issuer, &self.clock)
    }
}

fn desk(issuer: &MockIssuer, clock: &ManualClock) -> Desk {
    Desk::called(MY_API, issuer.clone(), clock.clone(), |builder| {
        builder.pat_format(PatFormat::new("--"))
    })
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Answer {
    fn text(&self, member: &str) -> String {
        self.json[member].as_str().unwrap_or_else(|| panic!("{member}: {}", self.json)).to_owned()
    }

    fn is_refused(&self, error: &str) {
        assert_eq!((self.status, &*self.text("error")), (400, error), "{}", self.json);
    }
}

async fn a_token_is_issued_and_shown_once() {
    let house = House::new();
    let wish = json!({"name": "andersfullaccess", "expires": "2020-12-01", "scopes": MY_API});
    let answer = house.create(&house.anders, wish).await;
    assert_eq!(answer.status, 201);
    let token = answer.text("token");
    let (label, handle) = token.rsplit_once("--").unwrap();
    assert_eq!(label, "andersfullaccess-2019-12-01-2020-12-01");
    assert!(handle.len() == 64 && handle.bytes().all(|byte| byte.is_ascii_hexdigit()), "{handle}");
    assert_eq!(answer.json["scopes"], json!([MY_API]));
    assert_eq!(answer.text("expires"), "2020-12-01T00:00:00Z");
    assert!(answer.json["clamped"].is_null());
    // what introspection tells the API
    let line = Some("Basic bXlfYXBpOmRlc2stc2VjcmV0LTNmN2E="); // my_api
    let form = format!("token={token}");
    let told = post_form(&house.issuer, "/introspect", line, &form).await;
    let told: Value = serde_json::from_slice(told.body()).unwrap();
    for (claim, value) in [
        ("active", json!(true)),
        ("sub", json!("anders")),
        ("scope", json!(MY_API)),
        ("amr", json!(["pat"])),
        ("token_meta", json!(label)),
        ("client_id", json!("pat_client")),
        ("aud", json!(MY_API)),
        ("exp", json!(1_606_780_800)),
    ] {
        assert_eq!(told[claim], value, "{claim}");
    }
    // nowhere else does it stand, neither whole nor as a handle
    let saved = house.issuer.save().to_string();
    let listed = json!(house.list(&house.anders).await).to_string();
    for text in [saved, listed, format!("{:?}", house.issuer.issued())] {
        assert!(!text.contains(handle), "{text}");
    }
    let who = house.desk().stand.accepts(&token).await;
    assert_eq!((who.subject(), who.client_id()), (Some("anders"), Some("pat_client")));
    ledger::passed("S8-01");
}

struct Wish {
    id: &'static str,
    name: &'static str,
    expires: &'static str,
    scopes: &'static str,
    error: &'static str,
}

impl Row for Wish {
    fn id(&self) -> &str {
        self.id
    }
}

#[rustfmt::skip]
const WISHES: &[Wish] = &[
    Wish { id: "S8-06", name: "a--b", expires: "2020-12-01", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-06", name: "a-", expires: "2020-12-01", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-31", name: "my token", expires: "2020-12-01", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-31", name: "a:b", expires: "2020-12-01", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-31", name: "a\"b", expires: "2020-12-01", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-31", name: "", expires: "2020-12-01", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-25", name: "n", expires: "2019-12-01", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-25", name: "n", expires: "2019-11-30", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-25", name: "n", expires: "01/12/2020", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-25", name: "n", expires: "", scopes: MY_API, error: "invalid_request" },
    Wish { id: "S8-01", name: "n", expires: "2020-12-01", scopes: "", error: "invalid_request" },
    Wish { id: "S8-01", name: "n", expires: "2020-12-01", scopes: "my_api other", error: "invalid_scope" },
];

async fn what_cannot_be_issued() {
    let house = House::new();
    ledger::table_async(WISHES, async |row| {
        let wish = json!({"name": row.name, "expires": row.expires, "scopes": row.scopes});
        house.create(&house.anders, wish).await.is_refused(row.error);
    })
    .await;
    assert!(house.list(&house.anders).await.is_empty());
    for body in [json!("x"), json!([]), json!({"name": "n"}), json!({"name": 7})] {
        house.create(&house.anders, body).await.is_refused("invalid_request");
    }
    // a form is what a page of another site could send
    let request = Request::post(format!("{}/pats", house.issuer.url()))
        .header(header::AUTHORIZATION, format!("Bearer {}", house.anders))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from_static(br#"{"name":"n","expires":"2020-12-01","scopes":"my_api"}"#));
    let answer = house.issuer.fetch().fetch(request.unwrap(), 1 << 20).await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
}

async fn too_long_for_the_api() {
    let clock = clock();
    let rules = PersonalAccessTokens::new().max_bytes(100);
    let house = House::of(estate(&clock).personal_access_tokens(rules).build(), clock);
    // the label has the name and 22 bytes, the handle 64, the separator 2
    let wish = |name: &str| json!({"name": name, "expires": "2020-12-01", "scopes": MY_API});
    let answer = house.create(&house.anders, wish("andersfullaccess")).await;
    answer.is_refused("invalid_request");
    let text = answer.text("error_description");
    assert!(text.contains("label has 38 bytes and the handle 64"), "{text}");
    assert!(text.contains("104") && text.contains("100"), "{text}");
    let answer = house.create(&house.anders, wish("twelve_bytes")).await;
    assert_eq!((answer.status, answer.text("token").len()), (201, 100));
    house.create(&house.anders, wish("thirteen_byte")).await.is_refused("invalid_request");
    ledger::passed("S8-13");
}

async fn the_end_is_clamped() {
    let house = House::new();
    let wish = json!({"name": "n", "expires": "2119-12-01", "scopes": MY_API});
    let answer = house.create(&house.anders, wish).await;
    assert_eq!((answer.status, &answer.json["clamped"]), (201, &json!(true)));
    assert_eq!(answer.text("expires"), "2020-12-01T00:00:00Z");
    assert!(answer.text("token").starts_with("n-2019-12-01-2020-12-01--"));
    let entry = house.issuer.entry(&answer.text("token")).unwrap();
    assert_eq!(entry.expires, Some(UnixTime::from_secs(1_606_780_800)));
    // and it does end then
    let desk = house.desk();
    house.clock.advance(366 * DAY - Duration::from_secs(3601));
    desk.stand.accepts(&answer.text("token")).await;
    house.clock.advance(Duration::from_secs(1));
    desk.refuses(&answer.text("token"), Inactive).await;
    // a week is the longest elsewhere
    let clock = clock();
    let rules = PersonalAccessTokens::new().max_lifetime(7 * DAY);
    let house = House::of(estate(&clock).personal_access_tokens(rules).build(), clock);
    let wish = json!({"name": "n", "expires": "2019-12-08", "scopes": MY_API});
    let kept = house.create(&house.anders, wish).await;
    assert_eq!(
        (kept.text("expires"), &kept.json["clamped"]),
        ("2019-12-08T00:00:00Z".into(), &Value::Null)
    );
    ledger::passed("S8-25");
}

async fn scopes_within_what_may_be_granted() {
    let house = House::new();
    let wish = json!({"name": "n", "expires": "2020-12-01", "scopes": ["reports"]});
    let answer = house.create(&house.anders, wish).await;
    let desk = house.desk();
    let read = portcullis::policy::scope("reports");
    let write = portcullis::policy::scope(MY_API);
    let token = answer.text("token");
    assert_eq!(desk.stand.send_to(read, &token).await.status.as_u16(), 200);
    let refused = desk.stand.send_to(write, &token).await;
    assert_eq!((refused.status.as_u16(), refused.reason), (403, Some(MissingScope)));
}

async fn who_may_manage() {
    let house = House::new();
    let (pat, id) = house.pat("n").await;
    let machine = "grant_type=client_credentials&client_id=web&client_secret=s";
    let machine = post_form(&house.issuer, "/token", None, machine).await;
    let machine: Value = serde_json::from_slice(machine.body()).unwrap();
    let label = pat.rsplit_once("--").unwrap().1.to_owned();
    let forged = house.issuer.token().subject("anders").signed_by_stranger().build();
    let expired = house.issuer.token().subject("anders").expired_since(DAY).build();
    let claims_pat = house.issuer.token().subject("anders").claim("amr", "pat").build();
    let nobody = house.issuer.token().subject("nobody").build();
    for (token, status, challenge) in [
        ("", 401, Some("Bearer")),
        ("abc", 401, Some("Bearer error=\"invalid_token\"")),
        (&*forged, 401, Some("Bearer error=\"invalid_token\"")),
        (&*expired, 401, Some("Bearer error=\"invalid_token\"")),
        // no personal access token makes, lists or removes another, whatever its label
        (&*pat, 403, None),
        (&*label, 403, None),
        (&*claims_pat, 403, None),
        (machine["access_token"].as_str().unwrap(), 403, None),
        (&*nobody, 403, None),
    ] {
        let one = format!("/pats/{id}");
        for (method, path) in
            [(Method::GET, "/pats"), (Method::POST, "/pats"), (Method::DELETE, &*one)]
        {
            let wish = json!({"name": "n", "expires": "2020-12-01", "scopes": MY_API});
            let answer = house.send(method.clone(), path, token, &wish).await;
            assert_eq!(answer.status, status, "{method} {token}");
            let line = answer.headers.get(header::WWW_AUTHENTICATE);
            assert_eq!(line.map(|line| line.to_str().unwrap()), challenge);
        }
    }
    assert_eq!(house.list(&house.anders).await.len(), 1);
    house.desk().stand.accepts(&pat).await;
    // another user's is not there
    let gone = house.send(Method::DELETE, &format!("/pats/{id}"), &house.bob, &Value::Null).await;
    assert_eq!(gone.status, 404);
    assert!(house.list(&house.bob).await.is_empty());
    house.desk().stand.accepts(&pat).await;
    for (method, path, allow) in [
        (Method::PUT, "/pats", "GET, POST"),
        (Method::DELETE, "/pats", "GET, POST"),
        (Method::GET, "/pats/x", "DELETE"),
    ] {
        let answer = house.send(method, path, &house.anders, &Value::Null).await;
        assert_eq!((answer.status, &answer.headers[header::ALLOW]), (405, &allow.parse().unwrap()));
    }
}

async fn the_list() {
    let house = House::new();
    // what else is of anders': an access token that is opaque
    let _ = house.issuer.opaque_token(&house.issuer.token().subject("anders"));
    let (first, id) = house.pat("first").await;
    house.clock.advance(DAY);
    let (second, _) = house.pat("second").await;
    let listed = house.list(&house.anders).await;
    let names: Vec<&Value> = listed.iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["first", "second"]);
    let members = json!({
        "id": id,
        "name": "first",
        "scopes": [MY_API],
        "created": "2019-12-01T01:00:00Z",
        "expires": "2020-12-01T00:00:00Z",
        "last_used": null,
        "revoked": false,
    });
    assert_eq!(listed[0], members, "and nothing else");
    let text = json!(listed).to_string();
    for token in [first, second] {
        assert!(!text.contains(token.rsplit_once("--").unwrap().1));
    }
    let kinds: Vec<TokenKind> = house.issuer.issued().iter().map(|entry| entry.kind).collect();
    assert!(kinds.contains(&TokenKind::Access), "there was something else to be listed");
    ledger::passed("S8-23");
}

async fn removal() {
    let house = House::new();
    let (token, id) = house.pat("n").await;
    let (other, _) = house.pat("other").await;
    let desk = house.desk();
    desk.stand.accepts(&token).await;
    let gone =
        house.send(Method::DELETE, &format!("/pats/{id}"), &house.anders, &Value::Null).await;
    assert_eq!(gone.status, 204);
    // an API that remembers it learns of it later, or when it is told
    desk.stand.accepts(&token).await;
    desk.after(61);
    desk.refuses(&token, Inactive).await;
    house.desk().refuses(&token, Inactive).await;
    house.desk().stand.accepts(&other).await;
    let listed = house.list(&house.anders).await;
    assert_eq!((&listed[0]["revoked"], &listed[1]["revoked"]), (&json!(true), &json!(false)));
    for gone in [&*id, "nothing"] {
        let path = format!("/pats/{gone}");
        let answer = house.send(Method::DELETE, &path, &house.anders, &Value::Null).await;
        assert_eq!(answer.status, if gone == id { 204 } else { 404 });
    }
}

async fn last_use() {
    let house = House::new();
    let (token, _) = house.pat("n").await;
    let last_used = async || house.list(&house.anders).await[0]["last_used"].clone();
    let call = async || house.desk().stand.accepts(&token).await; // without a cache
    assert_eq!(last_used().await, Value::Null);
    call().await;
    assert_eq!(last_used().await, "2019-12-01T01:00:00Z");
    house.clock.advance(Duration::from_secs(59));
    call().await;
    assert_eq!(last_used().await, "2019-12-01T01:00:00Z", "two calls in one minute, one update");
    house.clock.advance(Duration::from_secs(1));
    call().await;
    assert_eq!(last_used().await, "2019-12-01T01:01:00Z");
    assert_eq!(house.issuer.requests(Endpoint::Introspection), 3);
    // a token that is not good was not used
    house.issuer.revoke(&token);
    house.clock.advance(DAY);
    house.desk().refuses(&token, Inactive).await;
    assert_eq!(last_used().await, "2019-12-01T01:01:00Z");
    ledger::passed("S8-21");
}

async fn a_restart() {
    let house = House::new();
    let (token, id) = house.pat("n").await;
    let (removed, other) = house.pat("gone").await;
    house.send(Method::DELETE, &format!("/pats/{other}"), &house.anders, &Value::Null).await;
    house.desk().stand.accepts(&token).await;
    let before = house.list(&house.anders).await;

    let saved: Value = serde_json::from_str(&house.issuer.save().to_string()).unwrap();
    let again = estate(&house.clock).restore(&saved).build();
    let again = House { issuer: again, ..house };
    assert_eq!(again.list(&again.anders).await, before, "the list is unchanged");
    let desk = again.desk();
    let who = desk.stand.accepts(&token).await;
    assert_eq!(who.subject(), Some("anders"));
    desk.refuses(&removed, Inactive).await;
    // names go on, and the token can still be removed by its own
    let (_, fresh) = again.pat("later").await;
    assert!(fresh != id && fresh != other);
    let gone =
        again.send(Method::DELETE, &format!("/pats/{id}"), &again.anders, &Value::Null).await;
    assert_eq!(gone.status, 204);
    again.desk().refuses(&token, Inactive).await;
    ledger::passed("S8-22");
}

async fn user_and_client_go() {
    type End = fn(&MockIssuer);
    let ends: [(End, bool); 5] = [
        (|issuer| issuer.lock_user("anders"), false),
        (|issuer| issuer.deactivate_user("anders"), false),
        (|issuer| issuer.delete_user("anders"), false),
        (|issuer| issuer.disable_client("pat_client"), false),
        (|issuer| issuer.lock_user("bob"), true),
    ];
    for (index, (end, stays)) in ends.into_iter().enumerate() {
        let house = House::new();
        let (token, _) = house.pat("n").await;
        house.desk().stand.accepts(&token).await;
        end(&house.issuer);
        if stays {
            house.desk().stand.accepts(&token).await;
        } else {
            house.desk().refuses(&token, Inactive).await;
        }
        // and whoever is not there makes no other
        let wish = json!({"name": "x", "expires": "2020-12-01", "scopes": MY_API});
        let answer = house.create(&house.anders, wish).await;
        assert_eq!(answer.status == 201, stays, "{index}");
    }
    // who is unlocked has them again
    let house = House::new();
    let (token, _) = house.pat("n").await;
    house.issuer.lock_user("anders");
    house.issuer.unlock_user("anders");
    house.desk().stand.accepts(&token).await;
}

async fn the_endpoint_is_there_where_it_was_asked_for() {
    let clock = clock();
    let none = MockIssuer::builder().clock(clock.clone()).user(User::new("anders", "pw")).build();
    let elsewhere = PersonalAccessTokens::new().path("/account/tokens").client("scripts");
    let elsewhere = estate(&clock)
        .issuer("https://issuer.test/tenant")
        .client(Client::new("scripts").scopes(&["other"]))
        .personal_access_tokens(elsewhere)
        .build();
    for (issuer, path, status) in [
        (&none, "/pats", 404),
        (&elsewhere, "/pats", 404),
        (&elsewhere, "/account/tokensx", 404),
        (&elsewhere, "/account/tokens", 200),
    ] {
        let token = issuer.token().subject("anders").build();
        let request = Request::get(format!("{}{path}", issuer.url()))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let answer = issuer.fetch().fetch(request.body(Bytes::new()).unwrap(), 1 << 20).await;
        assert_eq!(answer.unwrap().status().as_u16(), status, "{path}");
    }
    let house = House::of(elsewhere, clock);
    let wish = json!({"name": "n", "expires": "2019-12-02", "scopes": "other"});
    let answer = house.send(Method::POST, "/account/tokens", &house.anders, &wish).await;
    let entry = house.issuer.entry(&answer.text("token")).unwrap();
    assert_eq!(
        (entry.client.as_deref(), &entry.claims["aud"]),
        (Some("scripts"), &json!("other_api"))
    );
    let path = format!("/account/tokens/{}", answer.text("id"));
    let gone = house.send(Method::DELETE, &path, &house.anders, &Value::Null).await;
    assert_eq!((gone.status, house.issuer.requests(Endpoint::PersonalAccessTokens)), (204, 3));
}
