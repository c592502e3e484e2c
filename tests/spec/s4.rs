//! What the token endpoint says beside the token (seed system 4): for display, signed by nobody.

use http::Response;
use portcullis::testing::{
    Api, Client, Grant, ManualClock, MockIssuer, MockIssuerBuilder, RefreshTokens, User,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

use super::ledger;
use crate::support::{desk, logs::Log};

chapter! {
    async fn a_hook_adds_what_it_likes;
    async fn properties_copied_as_text;
    async fn properties_without_a_hook;
    async fn reserved_names;
    async fn made_anew_at_each_refresh;
    async fn no_claims;
}

const DAY: Duration = Duration::from_secs(86_400);
const PASSWORD: &str = "grant_type=password&username=alice&password=pw&client_id=app";

fn estate() -> MockIssuerBuilder {
    let client = Client::new("app").grant("password").grant("refresh_token").lifetime(DAY);
    MockIssuer::builder()
        .clock(ManualClock::new())
        .api(Api::new(desk::API, &["read"]).secret(desk::SECRET))
        .client(client.scopes(&["read"]))
        .user(User::new("alice", "pw").roles(&["Admin"]).claim("city", "Zürich"))
        .refresh_tokens(RefreshTokens::new(30 * DAY).always())
}

fn user_and_roles(grant: &Grant) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("username".to_owned(), json!(grant.subject));
    fields.insert("roles".to_owned(), json!(grant.roles));
    fields
}

async fn ask(issuer: &MockIssuer, form: &str) -> Response<String> {
    let answer = desk::post_form(issuer, "/token", None, form).await;
    answer.map(|body| String::from_utf8(body.to_vec()).unwrap())
}

async fn granted(issuer: &MockIssuer, form: &str) -> Value {
    let answer = ask(issuer, form).await;
    assert_eq!(answer.status(), 200, "{}", answer.body());
    serde_json::from_str(answer.body()).unwrap()
}

async fn refreshed(issuer: &MockIssuer, before: &Value) -> Value {
    let token = before["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
    granted(issuer, &form).await
}

async fn a_hook_adds_what_it_likes() {
    let issuer = estate()
        .response_fields(|grant| {
            let mut fields = user_and_roles(grant);
            fields.insert("visits".to_owned(), json!(3));
            fields.insert("trusted".to_owned(), json!(true));
            fields.insert("city".to_owned(), grant.claims["city"].clone());
            fields
        })
        .build();
    let answer = ask(&issuer, PASSWORD).await;
    let document: Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(document["token_type"], "Bearer");
    assert_eq!(document["expires_in"], 86_400);
    assert_eq!((&document["username"], &document["roles"]), (&json!("alice"), &json!(["Admin"])));
    assert_eq!((&document["visits"], &document["trusted"]), (&json!(3), &json!(true)));
    ledger::passed("S4-01");
    assert!(answer.body().contains(r#""city":"Zürich""#), "UTF-8 as it is: {}", answer.body());
    assert_eq!(answer.headers()["content-type"], "application/json");
    ledger::passed("S4-06");
}

/// As the project template has it: every property is text, and a list is JSON within it.
async fn properties_copied_as_text() {
    let issuer =
        estate().compat().copy_ticket_properties().ticket_properties(user_and_roles).build();
    let answer = ask(&issuer, PASSWORD).await;
    assert!(answer.body().contains(r#""roles":"[\"Admin\"]""#), "{}", answer.body());
    let document: Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(document["username"], "alice");
    assert_eq!(document[".issued"], "Thu, 01 Jan 2026 00:00:00 GMT");
    assert_eq!(document[".expires"], "Fri, 02 Jan 2026 00:00:00 GMT");
    // the standard fields come first
    assert!(answer.body().starts_with(r#"{"access_token":""#), "{}", answer.body());
    assert!(
        answer.body().contains(r#"","token_type":"bearer","expires_in":86400,"refresh_token":""#)
    );
    ledger::passed("S4-02");
}

async fn properties_without_a_hook() {
    let log = Log::capture();
    let issuer = estate().ticket_properties(user_and_roles).build();
    let document = granted(&issuer, PASSWORD).await;
    let members: Vec<_> = document.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
    let lines = log.lines_with("2 properties of the ticket are not returned");
    assert!(lines.len() == 1 && lines[0].contains("DEBUG"), "{}", log.text());
    ledger::passed("S4-03");
}

async fn reserved_names() {
    type Build = fn(MockIssuerBuilder, String) -> MockIssuerBuilder;
    let by_hook: Build = |builder, name| {
        builder.response_fields(move |_| Map::from_iter([(name.clone(), json!("x"))]))
    };
    let by_value: Build = |builder, name| builder.response_field(&name, "x");
    let copied: Build = |builder, name| {
        let name = move |_: &Grant| Map::from_iter([(name.clone(), json!("x"))]);
        builder.ticket_properties(name).copy_ticket_properties()
    };
    for build in [by_hook, by_value, copied] {
        for name in [
            "access_token",
            "token_type",
            "expires_in",
            "refresh_token",
            "scope",
            "id_token",
            "error",
            "error_description",
            "error_uri",
            "errors",
        ] {
            let issuer = build(estate(), name.to_owned()).build();
            let answer = ask(&issuer, PASSWORD).await;
            assert_eq!(answer.status(), 500, "{name}");
            assert!(!answer.body().contains("token\":"), "{name}: {}", answer.body());
            assert!(issuer.issued().is_empty(), "no token was made");
        }
    }
    ledger::passed("S4-04");
}

async fn made_anew_at_each_refresh() {
    let issuer = estate().response_fields(user_and_roles).build();
    let first = granted(&issuer, PASSWORD).await;
    issuer.set_roles("alice", &["Reader", "Writer"]);
    let second = refreshed(&issuer, &first).await;
    assert_eq!(
        (&first["roles"], &second["roles"]),
        (&json!(["Admin"]), &json!(["Reader", "Writer"]))
    );

    // copied from ticket to ticket, they stay what they were
    let issuer = estate().ticket_properties(user_and_roles).copy_ticket_properties().build();
    let first = granted(&issuer, PASSWORD).await;
    issuer.set_roles("alice", &["Reader"]);
    let second = refreshed(&issuer, &first).await;
    let third = refreshed(&issuer, &second).await;
    assert_eq!((&second["roles"], &third["roles"]), (&first["roles"], &first["roles"]));
    ledger::passed("S4-05");
}

async fn no_claims() {
    let issuer = estate()
        .response_fields(user_and_roles)
        .response_field("shop", "north")
        .ticket_properties(|_| Map::from_iter([("visits".to_owned(), json!(3))]))
        .build();
    let document = granted(&issuer, PASSWORD).await;
    assert_eq!(document["shop"], "north");
    let form = format!(
        "token={}&client_id={}&client_secret={}",
        document["access_token"].as_str().unwrap(),
        desk::API,
        desk::SECRET
    );
    let told = desk::post_form(&issuer, "/introspect", None, &form).await;
    let told: Value = serde_json::from_slice(told.body()).unwrap();
    assert_eq!((&told["active"], &told["city"]), (&json!(true), &json!("Zürich")));
    for name in ["username", "shop", "visits"] {
        assert!(told.get(name).is_none(), "{name}");
    }
    // the roles are a claim as well, and tell what they were when the token was made
    assert_eq!(told["roles"], json!(["Admin"]));
    ledger::passed("S4-07");
}
