//! The token endpoint, strict and as Katana's authorization server speaks (host authentication §14).

use std::time::Duration;

use http::{HeaderMap, Method, Request};
use portcullis::{
    Clock as _, UnixTime,
    scheme::TicketCookie,
    testing::{
        Api, Client, GrantError, ManualClock, MockIssuer, MockIssuerBuilder, RefreshTokens,
        TicketMint, User,
    },
    ticket::{
        TicketFormat as _, TicketIdentity, TicketValidator,
        aspnet::{KatanaAccessToken, KatanaCookie},
    },
};
use serde_json::{Map, Value, json};

use super::ledger::{self, Row};
use crate::support::logs::Log;

chapter! {
    async fn a_token_for_a_forms_ticket;
    async fn over_http;
    async fn client_authentication;
    async fn grants_of_ones_own;
    async fn refreshing;
    async fn the_form_of_the_answer;
    async fn what_is_no_request;
    async fn errors_in_both_dialects;
    async fn signing_in_along_the_way;
    async fn a_provider_elsewhere;
    async fn tickets_without_a_name;
    async fn tokens_of_odd_spelling;
    async fn the_identity_server_options;
}

const TOKEN: &str = "https://issuer.test/token";
const FORM: &str = "application/x-www-form-urlencoded";
const DAY: Duration = Duration::from_secs(86_400);

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
    body: Value,
}

impl Answer {
    fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }

    fn says(&self) -> &str {
        self.body["error_description"].as_str().unwrap_or_default()
    }

    fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect()
    }
}

/// A request, sent in the process.
async fn send(
    issuer: &MockIssuer,
    method: Method,
    uri: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(bytes::Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let (parts, body) = issuer.fetch().fetch(request, 1 << 20).await.unwrap().into_parts();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Answer { status: parts.status.as_u16(), headers: parts.headers, text, body }
}

async fn post(issuer: &MockIssuer, headers: &[(&str, &str)], form: &str) -> Answer {
    let headers = [&[("content-type", FORM)], headers].concat();
    send(issuer, Method::POST, TOKEN, &headers, form).await
}

// ---- T1 to T10: a forms ticket in place of a password

struct Source {
    clock: ManualClock,
    mint: TicketMint,
    issuer: MockIssuer,
}

impl Source {
    fn new(configure: impl FnOnce(MockIssuerBuilder) -> MockIssuerBuilder) -> Self {
        let clock = ManualClock::new();
        let mint = TicketMint::new().clock(clock.clone());
        let builder = MockIssuer::builder()
            .clock(clock.clone())
            .user(User::new("alice", "pw"))
            .user(User::new("bob", "secret"))
            .katana(mint.machine_key())
            .portal(TicketCookie::builder(".ASPXAUTH").build().unwrap(), mint.machine_key())
            .unwrap();
        Self { clock, mint, issuer: configure(builder).build() }
    }

    fn cookie(&self, ticket: Held) -> Option<String> {
        let alice = self.mint.forms("alice");
        let text = match ticket {
            Held::None => return None,
            Held::Valid => alice.build(),
            Held::Expired => alice.expired_for(Duration::from_secs(1)).build(),
            Held::Tampered => alice.bit_flipped(200).build(),
        };
        Some(format!(".ASPXAUTH={text}"))
    }

    /// Whose the access token is.
    fn holder(&self, answer: &Answer) -> Option<String> {
        let tokens = KatanaAccessToken::new(self.mint.machine_key()).unwrap();
        let ticket = tokens.unprotect(answer.body["access_token"].as_str()?).unwrap();
        ticket.name().map(str::to_owned)
    }
}

#[derive(Clone, Copy)]
enum Held {
    Expired,
    None,
    Tampered,
    Valid,
}

struct TicketRow {
    id: &'static str,
    form: &'static str,
    ticket: Held,
    headers: &'static [(&'static str, &'static str)],
    /// Whose the token is, or the error.
    outcome: Result<&'static str, &'static str>,
    sets_cookie: bool,
}

impl Row for TicketRow {
    fn id(&self) -> &str {
        self.id
    }
}

const BARE: &str = "grant_type=password";
const ALICE: &str = "grant_type=password&username=alice&password=pw";
const BOB: &str = "grant_type=password&username=bob&password=secret";
const WRONG: &str = "grant_type=password&username=alice&password=wrong";

#[rustfmt::skip]
const TICKETS: &[TicketRow] = &[
    TicketRow { id: "T1", form: BARE, ticket: Held::Valid, headers: &[], outcome: Ok("alice"), sets_cookie: false },
    TicketRow { id: "T2", form: BARE, ticket: Held::None, headers: &[], outcome: Err("invalid_grant"), sets_cookie: false },
    TicketRow { id: "T3", form: BARE, ticket: Held::Expired, headers: &[], outcome: Err("invalid_grant"), sets_cookie: false },
    TicketRow { id: "T4", form: BARE, ticket: Held::Tampered, headers: &[], outcome: Err("invalid_grant"), sets_cookie: false },
    TicketRow { id: "T5", form: "grant_type=password&username=bob", ticket: Held::Valid, headers: &[], outcome: Ok("alice"), sets_cookie: false },
    TicketRow { id: "T5", form: "grant_type=password&username=+&password=x", ticket: Held::Valid, headers: &[], outcome: Ok("alice"), sets_cookie: false },
    TicketRow { id: "T6", form: ALICE, ticket: Held::None, headers: &[], outcome: Ok("alice"), sets_cookie: true },
    TicketRow { id: "T7", form: BOB, ticket: Held::Valid, headers: &[], outcome: Ok("bob"), sets_cookie: true },
    TicketRow { id: "T8", form: WRONG, ticket: Held::Valid, headers: &[], outcome: Err("invalid_grant"), sets_cookie: false },
    TicketRow { id: "T9", form: BARE, ticket: Held::Valid, headers: &[("authorization", "Bearer expired")], outcome: Ok("alice"), sets_cookie: false },
    TicketRow { id: "T10", form: BARE, ticket: Held::Valid, headers: &[("origin", "https://evil.test")], outcome: Err("invalid_request"), sets_cookie: false },
    TicketRow { id: "T10", form: BARE, ticket: Held::Valid, headers: &[("origin", "null")], outcome: Err("invalid_request"), sets_cookie: false },
    TicketRow { id: "T10", form: BARE, ticket: Held::Valid, headers: &[("sec-fetch-site", "cross-site")], outcome: Err("invalid_request"), sets_cookie: false },
    TicketRow { id: "T10", form: BARE, ticket: Held::Valid, headers: &[("sec-fetch-site", "same-site")], outcome: Err("invalid_request"), sets_cookie: false },
    TicketRow { id: "T10", form: BARE, ticket: Held::Valid, headers: &[("origin", "https://issuer.test"), ("sec-fetch-site", "same-origin")], outcome: Ok("alice"), sets_cookie: false },
    // a password is no ambient credential
    TicketRow { id: "T10", form: ALICE, ticket: Held::None, headers: &[("origin", "https://evil.test")], outcome: Ok("alice"), sets_cookie: true },
];

async fn a_token_for_a_forms_ticket() {
    ledger::table_async(TICKETS, async |row| {
        let source = Source::new(|builder| builder);
        let cookie = source.cookie(row.ticket);
        let mut headers = row.headers.to_vec();
        headers.push(("host", "issuer.test"));
        headers.extend(cookie.as_deref().map(|cookie| ("cookie", cookie)));
        let answer = post(&source.issuer, &headers, row.form).await;
        let outcome = source.holder(&answer).ok_or_else(|| answer.error().to_owned());
        assert_eq!(outcome.as_deref().map_err(|error| &**error), row.outcome, "{}", answer.text);
        assert_eq!(answer.status, if row.outcome.is_ok() { 200 } else { 400 });
        assert_eq!(answer.cookies().len(), usize::from(row.sets_cookie), "{:?}", answer.cookies());
        for line in answer.cookies() {
            assert!(line.starts_with(".ASPXAUTH="), "{line}");
            assert!(line.contains("; HttpOnly") && line.contains("; Path=/"), "{line}");
            assert!(!line.contains("Expires") && !line.contains("Max-Age"), "{line}");
        }
        if row.id == "T2" {
            assert!(answer.says().contains("nobody is signed in: user name and password"));
        }
    })
    .await;

    // a page that is named may ask; one that only hides where it is may not
    let source = Source::new(|builder| builder.cors_origin("https://spa.test"));
    let cookie = source.cookie(Held::Valid).unwrap();
    for (headers, status) in [
        (&[("origin", "https://spa.test"), ("sec-fetch-site", "cross-site")][..], 200),
        (&[("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")][..], 400),
        (&[("sec-fetch-site", "cross-site")][..], 400),
    ] {
        let headers = [headers, &[("host", "issuer.test"), ("cookie", &cookie)]].concat();
        assert_eq!(post(&source.issuer, &headers, BARE).await.status, status, "{headers:?}");
    }
    ledger::passed("T10");
}

/// T11; what is on this machine alone needs no TLS.
async fn over_http() {
    type Words = fn(MockIssuerBuilder) -> MockIssuerBuilder;
    let strict: Words = |builder| builder;
    let compat: Words = MockIssuerBuilder::compat;
    let allowed: Words = MockIssuerBuilder::allow_insecure_http;
    for (url, words, status) in [
        ("http://issuer.test", strict, 400),
        ("http://issuer.test", compat, 404),
        ("http://issuer.test", allowed, 200),
        ("http://127.0.0.1", strict, 200),
        ("http://[::1]", strict, 200),
        ("http://localhost", compat, 200),
        ("https://issuer.test", strict, 200),
    ] {
        let source = Source::new(|builder| words(builder.issuer(url)));
        let cookie = source.cookie(Held::Valid).unwrap();
        let headers = [("content-type", FORM), ("cookie", &*cookie)];
        let uri = format!("{url}/token");
        let log = Log::capture();
        let answer = send(&source.issuer, Method::POST, &uri, &headers, BARE).await;
        let lines = log.lines_with("over http, without allow_insecure_http").len();
        assert_eq!(lines, usize::from(status != 200), "{url}");
        assert_eq!(answer.status, status, "{url} {}", answer.text);
        if status == 400 {
            assert_eq!(answer.error(), "invalid_request");
            assert!(answer.says().contains("allow_insecure_http"), "the setting is named");
        }
    }
    ledger::passed("T11");
}

// ---- clients

fn machine() -> MockIssuerBuilder {
    MockIssuer::builder()
        .client(Client::new("machine").secret("s:1%41").grant("client_credentials"))
        .client(Client::new("public").grant("client_credentials"))
}

async fn client_authentication() {
    let basic = |text: &str| {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(text))
    };
    let encoded = basic("machine:s%3A1%2541");
    let raw = basic("machine:s:1%41");
    let grant = "grant_type=client_credentials";
    let by_form = format!("{grant}&client_id=machine&client_secret=s%3A1%2541");
    let both_ways = format!("{grant}&client_secret=s%3A1%2541");
    let no_secret = format!("{grant}&client_id=machine");
    let too_much = format!("{grant}&client_id=public&client_secret=x");
    let misspelt = format!("{grant}&client_id=machine&clientSecret=s%3A1%2541");
    for (id, line, form, strict, compat) in [
        ("T12", Some(&*encoded), grant, 200, 400),
        ("T12", Some(&raw), grant, 200, 200),
        ("T13", None, &*by_form, 200, 200),
        ("T14", Some(&raw), &both_ways, 400, 200),
        ("T24", Some("Basic !!"), grant, 401, 400),
        ("T24", Some("Basic bWFjaGluZQ=="), grant, 401, 400),
        ("T24", Some("Basic /////w=="), grant, 401, 400),
        // broken counts as absent there: the form decides
        ("T24", Some("Basic !!"), &by_form, 400, 200),
        ("T13", None, &no_secret, 401, 400),
        ("T13", None, &too_much, 401, 400),
        ("T13", None, &misspelt, 401, 400),
        ("T13", None, grant, 401, 400),
    ] {
        for (builder, status) in [(machine(), strict), (machine().compat(), compat)] {
            let headers: Vec<_> = line.map(|line| ("authorization", line)).into_iter().collect();
            let answer = post(&builder.build(), &headers, form).await;
            assert_eq!(answer.status, status, "{id} {line:?} {form}: {}", answer.text);
            let challenged = answer.headers.contains_key("www-authenticate");
            assert_eq!(challenged, status == 401, "{id}");
            if status != 200 {
                let two = strict == 400 && status == 400;
                let expected = if two { "invalid_request" } else { "invalid_client" };
                assert_eq!(answer.error(), expected, "{id} {form}");
            }
            let hinted = answer.says().contains("spelled almost like client_secret");
            assert_eq!(hinted, form == misspelt);
        }
    }
    ledger::passed("T12 T13 T14 T24");
}

async fn grants_of_ones_own() {
    let issuer = MockIssuer::builder()
        .unnamed_clients()
        .user(User::new("alice", "pw"))
        .custom_grant("urn:example:door", |request| {
            assert!(request.headers().contains_key("content-type"));
            match request.parameter("knocks") {
                Some("3") => Ok("alice".to_owned()),
                Some("0") => Ok("nobody".to_owned()),
                _ => Err(GrantError::new("nobody_home", "knock three times")),
            }
        })
        .response_fields(|grant| {
            let text = ("how".to_owned(), json!(grant.grant_type));
            Map::from_iter([("n".to_owned(), json!(1.5)), ("yes".to_owned(), json!(true)), text])
        })
        .build();
    let answer = post(&issuer, &[], "grant_type=urn:example:door&knocks=3").await;
    assert_eq!((answer.status, &answer.body["how"]), (200, &json!("urn:example:door")));
    let token = issuer.entry(answer.body["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(token.subject.as_deref(), Some("alice"));
    assert_eq!((&answer.body["n"], &answer.body["yes"]), (&json!(1.5), &json!(true)));
    ledger::passed("T16");
    let answer = post(&issuer, &[], "grant_type=urn:example:door&knocks=2").await;
    assert_eq!(
        (answer.status, answer.error(), answer.says()),
        (400, "nobody_home", "knock three times")
    );
    let answer = post(&issuer, &[], "grant_type=urn:example:door&knocks=0").await;
    assert_eq!((answer.status, answer.error()), (400, "invalid_grant"));
    ledger::passed("T15");

    let issuer = MockIssuer::builder()
        .unnamed_clients()
        .user(User::new("alice", "pw"))
        .response_field("refresh_token", "mine")
        .build();
    let answer = post(&issuer, &[], ALICE).await;
    assert_eq!((answer.status, answer.error()), (500, "server_error"));
    assert!(issuer.issued().is_empty());
    ledger::passed("T17");
}

/// T18 to T23, by a client without a name.
async fn refreshing() {
    let clock = ManualClock::new();
    let rules = RefreshTokens::new(DAY).leeway(Duration::ZERO).always();
    let builder = || {
        MockIssuer::builder()
            .clock(clock.clone())
            .unnamed_clients()
            .user(User::new("alice", "pw"))
            .refresh_tokens(rules)
    };
    let first = async |issuer: &MockIssuer| {
        let answer = post(issuer, &[], ALICE).await;
        let token = answer.body["refresh_token"].as_str().unwrap();
        format!("grant_type=refresh_token&refresh_token={token}")
    };
    let issuer = builder().build();
    let form = first(&issuer).await;
    let answer = post(&issuer, &[], &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let next = answer.body["refresh_token"].as_str().unwrap();
    assert!(!form.contains(next));
    ledger::passed("T18");
    assert_eq!(post(&issuer, &[], &form).await.error(), "invalid_grant");
    let next = format!("grant_type=refresh_token&refresh_token={next}");
    assert_eq!(post(&issuer, &[], &next).await.error(), "invalid_grant", "the chain is over");
    ledger::passed("T19");

    let issuer = builder().client(Client::new("app").secret("s").grant("refresh_token")).build();
    let form = first(&issuer).await;
    let by_another = format!("{form}&client_id=app&client_secret=s");
    assert_eq!(post(&issuer, &[], &by_another).await.error(), "invalid_grant");
    assert_eq!(post(&issuer, &[], &form).await.status, 200, "nothing was used up");
    ledger::passed("T20");

    for (id, change) in [
        ("T21", MockIssuer::delete_user as fn(&MockIssuer, &str)),
        ("T22", MockIssuer::renew_stamp),
    ] {
        let issuer = builder().build();
        let form = first(&issuer).await;
        change(&issuer, "alice");
        let answer = post(&issuer, &[], &form).await;
        assert_eq!((answer.status, answer.error()), (400, "invalid_grant"), "{id}");
        ledger::passed(id);
    }
    let issuer = builder().build();
    let form = first(&issuer).await;
    clock.advance(DAY);
    assert_eq!(post(&issuer, &[], &form).await.error(), "invalid_grant");
    ledger::passed("T23");
}

// ---- the answer

async fn the_form_of_the_answer() {
    let at = UnixTime::from_secs(1_767_225_600);
    for (fraction, expected) in [
        (Duration::ZERO, 86_400),
        (Duration::from_millis(7), 86_400),
        (Duration::from_nanos(7_000_300), 86_399),
    ] {
        let source = Source::new(MockIssuerBuilder::compat);
        source.clock.set_wall(at + fraction);
        let answer = post(&source.issuer, &[], ALICE).await;
        assert_eq!(answer.body["expires_in"], expected, "rounded twice");
        let strict = Source::new(|builder| builder);
        strict.clock.set_wall(at + fraction);
        assert_eq!(post(&strict.issuer, &[], ALICE).await.body["expires_in"], 86_400);
        let life = source.issuer.entry(answer.body["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(life.expires, Some(source.clock.now() + DAY));
    }
    // what is not positive is left out
    let source = Source::new(|it| it.compat().access_token_lifetime(Duration::ZERO));
    assert!(post(&source.issuer, &[], ALICE).await.body.get("expires_in").is_none());
    ledger::passed("T25");

    let strict = MockIssuer::builder().clock(ManualClock::new());
    let strict = strict.unnamed_clients().user(User::new("alice", "pw"));
    let compat = strict.clone().compat();
    for (builder, content_type, cache_control, expires, word) in [
        (strict, "application/json", "no-store", None, "Bearer"),
        (compat, "application/json;charset=UTF-8", "no-cache", Some("-1"), "bearer"),
    ] {
        let issuer = builder.build();
        for form in [ALICE, WRONG, ""] {
            let answer = post(&issuer, &[], form).await;
            let header = |name| answer.headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header("content-type"), Some(content_type));
            assert_eq!(header("cache-control"), Some(cache_control));
            assert_eq!(header("pragma"), Some("no-cache"));
            assert_eq!(header("expires"), expires);
            if form == ALICE {
                let order = format!(r#"","token_type":"{word}","expires_in":3600"#);
                assert!(answer.text.starts_with(r#"{"access_token":""#), "{}", answer.text);
                assert!(answer.text.contains(&order), "{}", answer.text);
            }
        }
    }
    ledger::passed("T26");
}

async fn what_is_no_request() {
    let strict = || MockIssuer::builder().unnamed_clients().user(User::new("alice", "pw"));
    let form = [("content-type", FORM)];
    let json = [("content-type", "application/json")];
    let (issuer, katana) = (strict().build(), strict().compat().build());

    let answer = send(&issuer, Method::GET, &format!("{TOKEN}?{ALICE}"), &form, "").await;
    assert_eq!((answer.status, &answer.headers["allow"]), (405, &"POST".parse().unwrap()));
    let answer = send(&katana, Method::GET, &format!("{TOKEN}?{ALICE}"), &form, "").await;
    assert_eq!((answer.status, answer.error()), (400, "unsupported_grant_type"), "an empty form");
    // the body is read as a form whatever it is called
    assert_eq!(send(&katana, Method::PUT, TOKEN, &json, ALICE).await.status, 200);
    assert_eq!(send(&issuer, Method::POST, TOKEN, &json, ALICE).await.error(), "invalid_request");
    ledger::passed("T27");

    for (padding, status) in [(60_000, 200), (70_000, 413)] {
        let long = format!("{ALICE}&padding={}", "x".repeat(padding));
        let answer = post(&issuer, &[], &long).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.error(), if status == 200 { "" } else { "invalid_request" });
    }
    ledger::passed("T28");

    for (path, strict, compat) in [("/token", 200, 200), ("/Token", 404, 200), ("/TOKEN", 404, 200)]
    {
        let uri = format!("https://issuer.test{path}");
        assert_eq!(send(&issuer, Method::POST, &uri, &form, ALICE).await.status, strict);
        assert_eq!(send(&katana, Method::POST, &uri, &form, ALICE).await.status, compat);
    }
    ledger::passed("T29");
}

/// Situation, form, and what each dialect says.
type Situation = (&'static str, &'static str, (u16, &'static str), (u16, &'static str));

#[rustfmt::skip]
const ERRORS: &[Situation] = &[
    ("the client is not known", "grant_type=password&client_id=nobody&client_secret=s", (400, "invalid_client"), (401, "invalid_client")),
    ("no grant", "client_id=app&client_secret=s", (400, "unsupported_grant_type"), (400, "invalid_request")),
    ("an empty grant", "client_id=app&client_secret=s&grant_type=", (400, "unsupported_grant_type"), (400, "invalid_request")),
    ("an unknown grant", "client_id=app&client_secret=s&grant_type=magic", (400, "unsupported_grant_type"), (400, "unsupported_grant_type")),
    ("the password is wrong", "client_id=app&client_secret=s&grant_type=password&username=alice&password=x", (400, "invalid_grant"), (400, "invalid_grant")),
    ("nobody judged the password", "client_id=app&client_secret=s&grant_type=password&username=ghost&password=x", (400, "invalid_grant"), (400, "invalid_grant")),
    ("not a grant of this client", "client_id=app&client_secret=s&grant_type=client_credentials", (400, "unauthorized_client"), (400, "unauthorized_client")),
    ("the request is not to somebody's taste", "client_id=app&client_secret=s&grant_type=password&username=alice&password=pw&bad=1", (400, "invalid_request"), (400, "invalid_request")),
    ("an unknown refresh token", "client_id=app&client_secret=s&grant_type=refresh_token&refresh_token=x", (400, "invalid_grant"), (400, "invalid_grant")),
    ("no refresh token", "client_id=app&client_secret=s&grant_type=refresh_token", (500, ""), (400, "invalid_request")),
    ("a scope that is not allowed", "client_id=app&client_secret=s&grant_type=password&username=alice&password=pw&scope=x", (400, "invalid_scope"), (400, "invalid_scope")),
    // joined by a comma they are another user
    ("a parameter twice", "client_id=app&client_secret=s&grant_type=password&username=alice&username=alice&password=pw", (400, "invalid_grant"), (400, "invalid_request")),
];

async fn errors_in_both_dialects() {
    let builder = || {
        MockIssuer::builder()
            .client(Client::new("app").secret("s").grant("password").grant("refresh_token"))
            .user(User::new("alice", "pw"))
            .user(User::new("ghost", "x").undecided())
            .refresh_tokens(RefreshTokens::new(DAY).always())
            .request_check(|request| match request.parameter("bad") {
                Some(_) => Err(GrantError::new("invalid_request", "")),
                None => Ok(()),
            })
    };
    let (strict, compat) = (builder().build(), builder().compat().build());
    for (situation, form, by_katana, by_the_rfc) in ERRORS {
        let rfc = post(&strict, &[], form).await;
        assert_eq!((rfc.status, rfc.error()), *by_the_rfc, "{situation}");
        let katana = post(&compat, &[], form).await;
        assert_eq!((katana.status, katana.error()), *by_katana, "{situation}");
        assert!(!katana.headers.contains_key("www-authenticate"), "{situation}");
        for answer in [rfc, katana] {
            assert!(answer.body.get("access_token").is_none(), "{situation}");
        }
    }
    // two that are joined are one, of another name
    let form = format!("client_id=app&client_secret=s&{ALICE}");
    let joined = User::new("alice,alice", "pw");
    let compat = builder().compat().user(joined).build();
    assert_eq!(
        post(&compat, &[], &form.replace("&pass", "&username=alice&pass")).await.status,
        200
    );
    ledger::passed("S2-17 S2-18");
}

// ---- cookies on the way

async fn signing_in_along_the_way() {
    let mint = TicketMint::new();
    let builder = || {
        let cookie = |name: &str| TicketCookie::builder(name).build().unwrap();
        let format = |scheme: &str| KatanaCookie::new(mint.machine_key(), scheme).unwrap();
        let tickets = |scheme: &str| TicketValidator::new(format(scheme)).lifetime(DAY);
        MockIssuer::builder()
            .unnamed_clients()
            .user(User::new("alice", "pw").roles(&["Admin"]))
            .cookie_scheme(
                "ApplicationCookie",
                cookie(".AspNet.ApplicationCookie"),
                tickets("ApplicationCookie"),
            )
            .cookie_scheme(
                "ExternalCookie",
                cookie(".AspNet.ExternalCookie"),
                tickets("ExternalCookie"),
            )
    };
    let issuer = builder().sign_in_to("ApplicationCookie").unwrap().build();
    let answer = post(&issuer, &[], ALICE).await;
    assert_eq!(answer.status, 200);
    let [line] = answer.cookies()[..] else { panic!("{:?}", answer.cookies()) };
    let text = line.strip_prefix(".AspNet.ApplicationCookie=").unwrap().split(';').next().unwrap();
    let ticket = KatanaCookie::new(mint.machine_key(), "ApplicationCookie").unwrap();
    let ticket = ticket.unprotect(text).unwrap();
    assert_eq!(ticket.name(), Some("alice"));
    assert_eq!(ticket.identity().unwrap().claim(TicketIdentity::ROLE), Some("Admin"));
    // nobody is signed in by a wrong password, or by a refresh
    assert!(post(&issuer, &[], WRONG).await.cookies().is_empty());

    // a name that no scheme has: the mistake of the source
    let error = builder().sign_in_to("Cookies").unwrap_err().to_string();
    for word in ["Cookies", "ApplicationCookie", "ExternalCookie"] {
        assert!(error.contains(word), "{error}");
    }
    let issuer = builder().compat().sign_in_to("Cookies").unwrap().build();
    let answer = post(&issuer, &[], ALICE).await;
    assert_eq!((answer.status, answer.cookies().len()), (200, 0), "and nobody learns why");
}

async fn a_provider_elsewhere() {
    let mint = TicketMint::new();
    let format = || KatanaCookie::new(mint.machine_key(), "ExternalCookie").unwrap();
    let cookie = TicketCookie::builder(".AspNet.ExternalCookie").build().unwrap();
    let builder = MockIssuer::builder();
    assert!(builder.clone().external_provider("/external", "ExternalCookie", "Moogle").is_err());
    let tickets = TicketValidator::new(format()).lifetime(Duration::from_secs(300));
    let issuer = builder
        .cookie_scheme("ExternalCookie", cookie, tickets)
        .external_provider("/external", "ExternalCookie", "Moogle")
        .unwrap()
        .build();
    let uri = "https://issuer.test/external";
    assert_eq!(send(&issuer, Method::GET, uri, &[], "").await.status, 400);
    let answer = send(&issuer, Method::GET, &format!("{uri}?key=17&name=Al+B"), &[], "").await;
    let [line] = answer.cookies()[..] else { panic!("{:?}", answer.cookies()) };
    let text = line.split(['=', ';']).nth(1).unwrap();
    let ticket = format().unprotect(text).unwrap();
    let identity = ticket.identity().unwrap();
    assert_eq!(identity.name(), Some("Al B"));
    assert_eq!(identity.claim(TicketIdentity::NAME_IDENTIFIER), Some("17"));
    assert!(identity.claims.iter().all(|claim| claim.issuer == "Moogle"));
}

/// An identity as a native client's server made it: `sub` and `role`, and no name.
async fn tickets_without_a_name() {
    let source = Source::new(|builder| {
        builder.ticket_identity(|grant| {
            let mut identity = TicketIdentity::new("Bearer", "");
            identity.claims.clear();
            for (name, value) in [("sub", grant.subject.as_deref()), ("role", Some("user"))] {
                let value = value.unwrap_or_default();
                identity.claims.push(portcullis::ticket::TicketClaim::new(name, value));
            }
            identity
        })
    });
    let answer = post(&source.issuer, &[], ALICE).await;
    assert_eq!((answer.status, source.holder(&answer)), (200, None));
    let tokens = KatanaAccessToken::new(source.mint.machine_key()).unwrap();
    let ticket = tokens.unprotect(answer.body["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(ticket.identity().unwrap().claim("sub"), Some("alice"));
    assert_eq!(ticket.identity().unwrap().claim("role"), Some("user"));
}

/// Over 2 KB, and with every character that RFC 6750 §2.1 allows.
async fn tokens_of_odd_spelling() {
    let issuer = MockIssuer::builder().client(Client::new("c").secret("s")).build();
    let letters: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    for spelling in ["long".repeat(700), format!("{letters}-._~+/=="), format!("a--{letters}")] {
        issuer.opaque_token_spelled(&spelling, &issuer.token().subject("bob"));
        let escaped = spelling.replace('+', "%2B").replace('=', "%3D");
        let form = format!("token={escaped}&client_id=c&client_secret=s");
        let uri = "https://issuer.test/introspect";
        let answer = send(&issuer, Method::POST, uri, &[("content-type", FORM)], &form).await;
        assert_eq!(
            (&answer.body["active"], &answer.body["sub"]),
            (&json!(true), &json!("bob")),
            "{spelling}"
        );
    }
}

/// As IdentityServer4 before version 4, and with the scopes in one text.
async fn the_identity_server_options() {
    let builder = || {
        MockIssuer::builder()
            .identity_server()
            .token_path("/token")
            .api(Api::new("api1", &["api1"]))
            .client(Client::new("app").grant("client_credentials").scopes(&["api1", "orphan"]))
    };
    let form = "grant_type=client_credentials&client_id=app&scope=";
    for (builder, scopes, audience, scope) in [
        (builder(), "api1+orphan", json!("api1"), json!(["api1", "orphan"])),
        (builder().scope_as_text(), "api1+orphan", json!("api1"), json!("api1 orphan")),
        (
            builder().static_audience(),
            "api1",
            json!(["api1", "https://issuer.test/resources"]),
            json!(["api1"]),
        ),
        (
            builder().static_audience(),
            "orphan",
            json!("https://issuer.test/resources"),
            json!(["orphan"]),
        ),
        (builder(), "orphan", Value::Null, json!(["orphan"])),
    ] {
        let issuer = builder.build();
        let answer = post(&issuer, &[], &format!("{form}{scopes}")).await;
        let entry = issuer.entry(answer.body["access_token"].as_str().unwrap()).unwrap();
        let claim = |name| entry.claims.get(name).cloned().unwrap_or_default();
        assert_eq!((claim("aud"), claim("scope")), (audience, scope));
    }
}
