//! What the issuer is asked about an opaque token, and what its answers mean (RFC 7662).

use std::time::Duration;

use AuthErrorKind::{
    Expired, Inactive, IntrospectionRefused, IssuerUnreachable, MalformedIntrospection,
    NotYetValid, SenderConstrained, WrongAudience, WrongIssuer, WrongType,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Method, header};
use portcullis::{
    AuthErrorKind, BuildError, Clock as _,
    fetch::{Fetch, FetchFuture},
    introspection::{ClientAuth, IntrospectionEndpoint, IntrospectionValidator},
    policy,
    testing::{Endpoint, Fault, ManualClock},
};
use serde_json::{Value, json};

use super::ledger::{self, Row};
use crate::support::{
    desk::{API, Desk, SECRET, issuer_at},
    logs::Log,
};

chapter! {
    async fn the_question;
    async fn credentials;
    fn what_cannot_be_built;
    async fn answers;
    async fn scopes;
    async fn faults;
    async fn a_redirect_carries_nothing_away;
    async fn a_broken_connection_is_tried_once_more;
    async fn our_own_credentials_are_refused;
    async fn nothing_of_an_answer_is_logged;
    async fn tokens_that_are_not_asked_about;
    async fn the_endpoint_from_the_metadata;
    async fn members_that_tell_who_it_is;
}

// ---- the question

struct Token {
    id: &'static str,
    token: &'static str,
    sent: &'static str,
}

impl Row for Token {
    fn id(&self) -> &str {
        self.id
    }
}

const TOKENS: &[Token] = &[
    Token { id: "7662-01 7662-03", token: "abc-123._~", sent: "abc-123._%7E" },
    Token { id: "INT-17", token: "t&scope=admin", sent: "t%26scope%3Dadmin" },
    Token { id: "INT-17", token: "t%26x", sent: "t%2526x" },
    Token {
        id: "INT-18",
        token: "x&token_type_hint=refresh_token",
        sent: "x%26token_type_hint%3Drefresh_token",
    },
    Token { id: "INT-18", token: "x&active=true", sent: "x%26active%3Dtrue" },
    Token { id: "INT-18", token: "a+b/c==", sent: "a%2Bb%2Fc%3D%3D" },
    Token { id: "INT-18", token: "t;u?v#w", sent: "t%3Bu%3Fv%23w" },
];

async fn the_question() {
    ledger::table_async(TOKENS, async |row| {
        let desk = Desk::new();
        assert_eq!(desk.judge(row.token).await.unwrap_err().kind(), Inactive);
        let question = desk.sent.last();
        assert_eq!(question.method, Method::POST);
        assert_eq!(question.uri.to_string(), "https://issuer.test/introspect");
        assert_eq!(question.body, format!("token={}&token_type_hint=access_token", row.sent));
        let header = |name| question.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(header("accept"), Some("application/json"));
        assert_eq!(header("cache-control"), Some("no-store"));
        for value in question.headers.values() {
            assert!(!value.to_str().unwrap().contains(row.token));
        }
    })
    .await;
}

async fn credentials() {
    // RFC 6749 appendix B shows these characters
    let (id, secret) = ("api:1 %&+£€", "p:2 %&+£€");
    let (id_form, secret_form) =
        ("api%3A1+%25%26%2B%C2%A3%E2%82%AC", "p%3A2+%25%26%2B%C2%A3%E2%82%AC");
    let basic = STANDARD.encode(format!("{id_form}:{secret_form}"));
    for (auth, line, form) in [
        (ClientAuth::basic(id, secret), Some(format!("Basic {basic}")), String::new()),
        (ClientAuth::bearer("own-token"), Some("Bearer own-token".to_owned()), String::new()),
        (
            ClientAuth::post(id, secret),
            None,
            format!("&client_id={id_form}&client_secret={secret_form}"),
        ),
    ] {
        let desk = Desk::new();
        let validator = IntrospectionValidator::builder("https://issuer.test/introspect", auth)
            .fetch(desk.sent.clone())
            .audience(API)
            .build()
            .unwrap();
        let stand = crate::support::stand::Stand::of(validator);
        stand.send("abc").await.says_nothing_of_the_token(500, IntrospectionRefused);
        let question = desk.sent.last();
        let sent = question.headers.get(header::AUTHORIZATION);
        assert_eq!(sent.map(|line| line.to_str().unwrap()), line.as_deref());
        assert!(sent.is_none_or(|line| line.is_sensitive()));
        assert_eq!(question.body, format!("token=abc&token_type_hint=access_token{form}"));
    }
    // and the issuer takes each of them
    let clock = ManualClock::new();
    let issuer = issuer_at(&clock);
    let own = issuer.token().scope("introspection").build();
    for auth in [
        ClientAuth::basic(API, SECRET),
        ClientAuth::basic("admin", "admin-secret"),
        ClientAuth::post(API, SECRET),
        ClientAuth::bearer(own),
    ] {
        let desk = Desk::new();
        let validator =
            IntrospectionValidator::builder(format!("{}/introspect", issuer.url()), auth)
                .fetch(issuer.fetch())
                .clock(clock.clone())
                .audience(API)
                .build()
                .unwrap();
        let token = issuer.opaque_token(&issuer.token());
        let who = crate::support::stand::Stand::of(validator).accepts(&token).await;
        assert_eq!(who.subject(), Some("alice"));
        // no issuer was named: the endpoint vouches
        assert_eq!(who.issuer(), "https://issuer.test/introspect");
        assert_eq!(desk.asked(), 0);
    }
    ledger::passed("7662-02 7662-24");
}

/// A client that must not be used.
#[derive(Debug)]
struct Unused;

impl Fetch for Unused {
    fn fetch(&self, _: http::Request<bytes::Bytes>, _: usize) -> FetchFuture {
        panic!("nothing is asked while a validator is built");
    }
}

fn what_cannot_be_built() {
    type Words = fn(crate::support::desk::Builder) -> crate::support::desk::Builder;
    let build = |endpoint: IntrospectionEndpoint, auth: ClientAuth, words: Words| {
        words(IntrospectionValidator::builder(endpoint, auth).fetch(Unused)).build()
    };
    let field = |built: Result<IntrospectionValidator, BuildError>| match built {
        Ok(_) => "",
        Err(BuildError::Invalid { field, .. }) => field,
        Err(other) => panic!("{other}"),
    };
    let basic = || ClientAuth::basic("i", "s");
    let same: Words = |builder| builder;
    for (endpoint, expected) in [
        ("https://issuer.test/introspect", ""),
        ("https://issuer.test/introspect?tenant=1", ""),
        ("http://127.0.0.1:9/introspect", ""),
        ("http://[::1]:9/introspect", ""),
        ("http://localhost:9/introspect", "endpoint"),
        ("http://issuer.test/introspect", "endpoint"),
        ("https://user:pw@issuer.test/introspect", "endpoint"),
        ("https://issuer.test/introspect#a", "endpoint"),
        ("issuer.test/introspect", "endpoint"),
        ("ftp://issuer.test/introspect", "endpoint"),
        ("", "endpoint"),
    ] {
        assert_eq!(field(build(endpoint.into(), basic(), same)), expected, "{endpoint}");
    }
    let anywhere: Words = |builder| builder.dangerous().allow_http();
    assert_eq!(field(build("http://issuer.test/introspect".into(), basic(), anywhere)), "");
    ledger::passed("7662-04 INT-03");

    let url = || IntrospectionEndpoint::url("https://issuer.test/introspect");
    for auth in [
        ClientAuth::basic("", "s"),
        ClientAuth::basic("i", ""),
        ClientAuth::post("", "s"),
        ClientAuth::post("i", ""),
    ] {
        let name = format!("{auth:?}");
        assert_eq!(field(build(url(), auth, same)), "client_auth", "{name}");
    }
    let named: Words = |builder| builder.audience("a");
    assert_eq!(field(build(url(), ClientAuth::bearer(""), named)), "client_auth");
    assert_eq!(field(build(url(), ClientAuth::bearer("a\nb"), named)), "client_auth");
    // whoever has no name must say what this service is called
    assert_eq!(field(build(url(), ClientAuth::bearer("t"), same)), "audience");
    assert_eq!(field(build(url(), ClientAuth::bearer("t"), named)), "");
    let any: Words = |builder| builder.dangerous().any_audience();
    assert_eq!(field(build(url(), ClientAuth::bearer("t"), any)), "");
    ledger::passed("7662-02");

    let words: [(&str, Words); 13] = [
        ("audience", |builder| builder.audience("")),
        ("audience", |builder| builder.audience("a").dangerous().any_audience()),
        ("audience", |builder| builder.require_audience().dangerous().any_audience()),
        ("issuer", |builder| builder.issuer("")),
        ("subject_member", |builder| builder.subject_member("")),
        ("timeout", |builder| builder.timeout(Duration::ZERO)),
        ("positive_lifetime", |builder| builder.positive_lifetime(Duration::from_secs(3601))),
        ("negative_lifetime", |builder| builder.negative_lifetime(Duration::from_secs(301))),
        ("serve_stale", |builder| builder.serve_stale(Duration::from_secs(86_401))),
        ("clock_tolerance", |builder| builder.clock_tolerance(Duration::from_secs(301))),
        ("max_bytes", |builder| builder.max_bytes(255)),
        ("max_concurrent", |builder| builder.max_concurrent(0)),
        ("max_token_bytes", |builder| builder.max_token_bytes(0)),
    ];
    for (expected, words) in words {
        assert_eq!(field(build(url(), basic(), words)), expected);
    }
    let other: Words = |builder| builder.issuer("https://other.test");
    let discovered = IntrospectionEndpoint::discover("https://issuer.test");
    assert_eq!(field(build(discovered, basic(), other)), "issuer");
}

// ---- the answer

struct Said {
    id: &'static str,
    /// Members beside `"active": true`; `"active"` itself may be among them, and `"(absent)"` takes
    /// it out.
    members: fn(u64) -> Value,
    /// `None`: accepted.
    reason: Option<AuthErrorKind>,
}

impl Row for Said {
    fn id(&self) -> &str {
        self.id
    }
}

const fn said(id: &'static str, members: fn(u64) -> Value, reason: Option<AuthErrorKind>) -> Said {
    Said { id, members, reason }
}

#[rustfmt::skip]
const SAID: &[Said] = &[
    said("7662-05", |_| json!({"sub": "alice"}), None),
    said("7662-05 INT-01 S8-26", |_| json!({"active": "true"}), Some(MalformedIntrospection)),
    said("7662-05 INT-01", |_| json!({"active": "false"}), Some(MalformedIntrospection)),
    said("7662-05 INT-01", |_| json!({"active": 1}), Some(MalformedIntrospection)),
    said("7662-05 INT-01", |_| json!({"active": null}), Some(MalformedIntrospection)),
    said("7662-05 INT-01", |_| json!({"active": [true]}), Some(MalformedIntrospection)),
    said("7662-05 INT-01", |_| json!({"active": "(absent)"}), Some(MalformedIntrospection)),
    said("7662-06 INT-25", |now| json!({"active": false, "sub": "admin", "exp": now + 100}), Some(Inactive)),
    said("7662-06 INT-25", |_| json!({"active": false, "exp": "never"}), Some(Inactive)),
    said("7662-11 INT-05", |now| json!({"exp": now}), Some(Expired)),
    said("7662-11 INT-05", |now| json!({"exp": now - 1}), Some(Expired)),
    said("7662-11 INT-05", |_| json!({"exp": 0}), Some(Expired)),
    said("7662-11 INT-05", |_| json!({"exp": -1}), Some(Expired)),
    said("7662-11", |now| json!({"exp": now + 1}), None),
    said("7662-17", |now| json!({"exp": now as f64 + 0.5}), None),
    said("7662-17", |_| json!({"exp": 1e308}), Some(MalformedIntrospection)),
    said("7662-17", |_| json!({"exp": u64::MAX}), Some(MalformedIntrospection)),
    said("INT-06", |_| json!({"exp": "1900000000"}), Some(MalformedIntrospection)),
    said("INT-06", |_| json!({"exp": null}), Some(MalformedIntrospection)),
    said("INT-06", |_| json!({"exp": []}), Some(MalformedIntrospection)),
    said("INT-06", |_| json!({"nbf": "0"}), Some(MalformedIntrospection)),
    said("INT-06", |_| json!({"nbf": null}), Some(MalformedIntrospection)),
    said("INT-06", |_| json!({"iat": {}}), Some(MalformedIntrospection)),
    said("7662-12 INT-05", |now| json!({"nbf": now + 61}), Some(NotYetValid)),
    said("7662-12", |now| json!({"nbf": now + 60}), None),
    said("7662-12", |now| json!({"iat": now + 61}), Some(NotYetValid)),
    said("7662-13 INT-04 S8-28", |_| json!({"aud": "https://other.example"}), Some(WrongAudience)),
    said("7662-13 INT-04", |_| json!({"aud": []}), Some(WrongAudience)),
    said("7662-13 INT-04", |_| json!({"aud": ["https://api.example.evil", "https://api.example/"]}), Some(WrongAudience)),
    said("7662-13 9700-02", |_| json!({"aud": ["other", API]}), None),
    said("7662-13", |_| json!({"aud": [API, 1]}), Some(MalformedIntrospection)),
    said("7662-13 INT-04 S8-28", |_| json!({"iss": "https://other.test"}), Some(WrongIssuer)),
    said("7662-13 INT-04", |_| json!({"iss": "https://issuer.test/"}), Some(WrongIssuer)),
    said("7662-13", |_| json!({"iss": "https://issuer.test"}), None),
    said("7662-13", |_| json!({"iss": ["https://issuer.test"]}), Some(MalformedIntrospection)),
    said("INT-24", |_| json!({"token_type": "refresh_token"}), Some(WrongType)),
    said("INT-24", |_| json!({"token_type": "N_A"}), Some(WrongType)),
    said("INT-24", |_| json!({"token_type": 1}), Some(MalformedIntrospection)),
    said("INT-24", |_| json!({"token_use": "id"}), Some(WrongType)),
    said("INT-24", |_| json!({"token_use": "refresh_token"}), Some(WrongType)),
    said("INT-24", |_| json!({"token_usage": "refresh_token"}), Some(WrongType)),
    said("INT-24", |_| json!({"token_type": "bearer", "token_use": "access_token"}), None),
    said("INT-24", |_| json!({"token_type": "DPoP"}), Some(SenderConstrained)),
    said("INT-24", |_| json!({"cnf": {"jkt": "x"}}), Some(SenderConstrained)),
    said("INT-24", |_| json!({"cnf": null}), Some(SenderConstrained)),
    said("INT-01", |_| json!({"sub": 1}), Some(MalformedIntrospection)),
    said("INT-01", |_| json!({"sub": ""}), Some(MalformedIntrospection)),
    said("INT-01", |_| json!({"client_id": false}), Some(MalformedIntrospection)),
    said("INT-01", |_| json!({"jti": 7}), Some(MalformedIntrospection)),
    said("INT-01", |_| json!({"sid": 7}), Some(MalformedIntrospection)),
];

async fn answers() {
    ledger::table_async(SAID, async |row| {
        let desk = Desk::new();
        let token = desk.token();
        let mut answer = json!({"active": true, "sub": "alice"});
        for (name, value) in (row.members)(desk.clock.now().as_secs()).as_object().unwrap() {
            if value == "(absent)" {
                answer.as_object_mut().unwrap().remove(name);
            } else {
                answer[name] = value.clone();
            }
        }
        desk.says(&answer.to_string());
        let sent = desk.stand.send(&token).await;
        match row.reason {
            None => assert_eq!(sent.accepted().subject(), Some("alice")),
            Some(MalformedIntrospection) => {
                sent.says_nothing_of_the_token(503, MalformedIntrospection);
                desk.is_right();
                desk.accepts(&token).await; // nothing undecidable is remembered
            }
            Some(reason) => sent.is_refused(&token, reason),
        }
    })
    .await;

    // the name twice: which of the two is meant?
    for body in [r#"{"active":true,"active":false}"#, r#"{"active":false,"activ\u0065":true}"#] {
        let desk = Desk::new();
        desk.says(body);
        let answer = desk.stand.send(&desk.token()).await;
        answer.says_nothing_of_the_token(503, MalformedIntrospection);
    }
    ledger::passed("INT-01");
}

async fn scopes() {
    for (scope, found) in [
        (json!("orders:read  orders:write"), Some("orders:read orders:write")),
        (json!(""), Some("")),
        (json!(null), Some("")),
        (json!(["orders:read"]), None),
        (json!(7), None),
    ] {
        let desk = Desk::new();
        desk.says(&json!({"active": true, "sub": "alice", "scope": scope}).to_string());
        match found {
            Some(found) => {
                assert_eq!(desk.accepts(&desk.token()).await.scope().to_string(), found);
            }
            None => desk
                .stand
                .send(&desk.token())
                .await
                .says_nothing_of_the_token(503, MalformedIntrospection),
        }
    }
    let desk = Desk::configured(|builder| builder.accept_scope_array());
    desk.says(r#"{"active":true,"sub":"alice","scope":["a b","c"]}"#);
    assert_eq!(desk.accepts(&desk.token()).await.scope().to_string(), "a b c");
    // absent: no scope, so a policy that wants one refuses
    let desk = Desk::new();
    desk.says(r#"{"active":true,"sub":"alice"}"#);
    let refused = desk.stand.send_to(policy::scope("orders:read"), &desk.token()).await;
    assert_eq!(refused.status.as_u16(), 403);
    ledger::passed("7662-15 9700-03");
}

// ---- no answer

struct Failed {
    id: &'static str,
    fault: fn() -> Fault,
    reason: AuthErrorKind,
    /// What `Retry-After` says, at least.
    retry_after: u64,
}

impl Row for Failed {
    fn id(&self) -> &str {
        self.id
    }
}

const fn failed(
    id: &'static str,
    fault: fn() -> Fault,
    reason: AuthErrorKind,
    retry_after: u64,
) -> Failed {
    Failed { id, fault, reason, retry_after }
}

fn json_of(length: usize) -> Fault {
    Fault::body("application/json", format!(r#"{{"active":true,"x":"{}"}}"#, "y".repeat(length)))
}

#[rustfmt::skip]
const FAULTS: &[Failed] = &[
    failed("7662-07 INT-02 S8-30", || Fault::Html, MalformedIntrospection, 1),
    failed("7662-07", || Fault::body("text/plain", r#"{"active":true}"#), MalformedIntrospection, 1),
    failed("7662-07", || Fault::body("application/token-introspection+jwt", r#"{"active":true}"#), MalformedIntrospection, 1),
    failed("7662-07 INT-02", || Fault::MalformedJson, MalformedIntrospection, 1),
    failed("7662-07", || Fault::Truncated, MalformedIntrospection, 1),
    failed("7662-07", || Fault::EmptyKeySet, MalformedIntrospection, 1),
    failed("7662-07 INT-02", || Fault::body("application/json", ""), MalformedIntrospection, 1),
    failed("7662-07 INT-02", || Fault::body("application/json", r#"[{"active":true}]"#), MalformedIntrospection, 1),
    failed("7662-07", || Fault::body("application/json", "true"), MalformedIntrospection, 1),
    failed("7662-07", || Fault::body("application/json", r#"{"active":true}x"#), MalformedIntrospection, 1),
    failed("7662-07", || Fault::body("application/json", &b"{\"active\":true,\"sub\":\"\xff\"}"[..]), MalformedIntrospection, 1),
    failed("7662-07", || json_of(64 << 10), MalformedIntrospection, 1),
    failed("7662-07", || Fault::Oversize(1 << 20), MalformedIntrospection, 1),
    failed("INT-02", || Fault::status(204), MalformedIntrospection, 1),
    failed("INT-02", || Fault::status(400), MalformedIntrospection, 1),
    failed("INT-02", || Fault::status(404), MalformedIntrospection, 1),
    failed("INT-02 7662-09", || Fault::status(500), IssuerUnreachable, 1),
    failed("INT-02 7662-09", || Fault::status(503), IssuerUnreachable, 1),
    failed("7662-09", || Fault::status(502), IssuerUnreachable, 1),
    failed("7662-09", || Fault::status(504), IssuerUnreachable, 1),
    failed("7662-09", || Fault::status(429), IssuerUnreachable, 1),
    failed("7662-09", || Fault::retry_after(429, "7"), IssuerUnreachable, 7),
    failed("7662-09", || Fault::retry_after(503, "9"), IssuerUnreachable, 9),
    failed("INT-02", || Fault::DropConnection, IssuerUnreachable, 1),
    failed("7662-09 INT-23 S8-16", || Fault::Hang, IssuerUnreachable, 1),
    failed("7662-09", || Fault::Delay(Duration::from_secs(4)), IssuerUnreachable, 1),
    failed("7662-09", || Fault::Drip(Duration::from_secs(1)), IssuerUnreachable, 1),
    failed("INT-19", || Fault::Redirect(302, "https://evil.test/".to_owned()), MalformedIntrospection, 1),
    failed("INT-19", || Fault::Redirect(307, "https://issuer.test/introspect".to_owned()), MalformedIntrospection, 1),
];

/// With a cold token, with a remembered one, and after the issuer is well again.
async fn faults() {
    ledger::table_async(FAULTS, async |row| {
        let (desk, known) = Desk::warm().await;
        let cold = desk.token();
        desk.issuer.fail(Endpoint::Introspection, (row.fault)());
        let started = tokio::time::Instant::now();
        let answer = desk.stand.send(&cold).await;
        answer.says_nothing_of_the_token(503, row.reason);
        assert_eq!(answer.retry_after(), row.retry_after);
        assert!(started.elapsed() <= Duration::from_secs(3) + Duration::from_millis(5));
        desk.accepts(&known).await; // a live entry serves

        desk.is_right();
        desk.after(row.retry_after);
        desk.accepts(&cold).await; // and nothing was remembered against the token
        for other in desk.issuer.received() {
            assert_eq!(other.uri.host(), Some("issuer.test"));
        }
    })
    .await;
    ledger::passed("INT-12");
}

async fn a_redirect_carries_nothing_away() {
    let desk = Desk::new();
    let away = Fault::Redirect(302, "https://evil.test/collect".to_owned());
    desk.issuer.fail(Endpoint::Introspection, away);
    desk.stand.send(&desk.token()).await.says_nothing_of_the_token(503, MalformedIntrospection);
    assert_eq!(desk.sent.count(), 1);
    assert_eq!(desk.sent.last().uri.host(), Some("issuer.test"));
    ledger::passed("INT-19");
}

/// A kept connection may have been closed by the other side a moment ago.
async fn a_broken_connection_is_tried_once_more() {
    let desk = Desk::new();
    desk.issuer.fail_next(Endpoint::Introspection, 1, Fault::DropConnection);
    desk.accepts(&desk.token()).await;
    assert_eq!(desk.sent.count(), 2);
    desk.issuer.fail_next(Endpoint::Introspection, 2, Fault::DropConnection);
    desk.stand.send(&desk.token()).await.says_nothing_of_the_token(503, IssuerUnreachable);
    assert_eq!(desk.sent.count(), 4, "and not more often");
    // what is too long, or was answered, is not asked for again
    for fault in [Fault::Oversize(1 << 20), Fault::status(503)] {
        let desk = Desk::new();
        desk.issuer.fail(Endpoint::Introspection, fault);
        assert_eq!(desk.stand.send(&desk.token()).await.status.as_u16(), 503);
        assert_eq!(desk.sent.count(), 1);
    }
}

async fn our_own_credentials_are_refused() {
    let log = Log::capture();
    let clock = ManualClock::new();
    let issuer = issuer_at(&clock);
    let wrong = "wrong-secret-9c1e";
    let validator = IntrospectionValidator::builder(
        format!("{}/introspect", issuer.url()),
        ClientAuth::basic(API, wrong),
    )
    .fetch(issuer.fetch())
    .clock(clock.clone())
    .build()
    .unwrap();
    let stand = crate::support::stand::Stand::of(validator);
    let token = issuer.opaque_token(&issuer.token());
    for _ in 0..3 {
        stand.send(&token).await.says_nothing_of_the_token(500, IntrospectionRefused);
    }
    // the issuer is not pestered with what it does not like
    assert_eq!(issuer.requests(Endpoint::Introspection), 1);
    let alarms = || log.lines_with("set this service's own credentials right");
    assert_eq!(alarms().len(), 1);
    let line = &alarms()[0];
    assert!(line.contains("ERROR") && line.contains(API) && line.contains("/introspect"), "{line}");
    assert!(!log.text().contains(wrong) && !log.text().contains(&token));
    assert!(!log.text().contains(&STANDARD.encode(wrong)));
    // once a minute, however often it is tried
    for (seconds, alarmed) in [(30, 1), (31, 2), (31, 2)] {
        clock.advance(Duration::from_secs(seconds));
        stand.send(&token).await.says_nothing_of_the_token(500, IntrospectionRefused);
        assert_eq!(alarms().len(), alarmed, "after {seconds} s more");
    }

    // 403 may be about this one token
    let desk = Desk::new();
    desk.issuer.fail_next(Endpoint::Introspection, 1, Fault::status(403));
    let token = desk.token();
    desk.stand.send(&token).await.says_nothing_of_the_token(500, IntrospectionRefused);
    desk.accepts(&token).await;
    ledger::passed("7662-08 S8-14");
}

async fn nothing_of_an_answer_is_logged() {
    let log = Log::capture();
    let desk = Desk::new();
    let canary = "canary-51ac";
    let secret_claims = [
        json!({"active": true, "sub": canary, "email": canary}),
        json!({"active": false, "sub": canary, "username": canary}),
        json!({"active": canary, "sub": canary}),
        json!({"active": true, "exp": canary, "sub": canary}),
    ];
    for answer in secret_claims {
        desk.says(&answer.to_string());
        desk.stand.send(&format!("{canary}-token")).await;
        desk.tokens.clear();
    }
    desk.issuer.fail(Endpoint::Introspection, Fault::body("text/html", canary));
    desk.stand.send(&format!("{canary}-token")).await;
    let seen = format!("{}{:?}", log.text(), desk.tokens);
    assert!(seen.contains("an unusable answer"), "the log was captured");
    assert!(!seen.contains(canary), "{seen}");
    assert!(!seen.contains(SECRET) && !seen.contains(&STANDARD.encode(SECRET)));
    ledger::passed("7662-28 INT-17 INT-25 9700-04");
}

async fn tokens_that_are_not_asked_about() {
    let desk = Desk::configured(|builder| builder.max_token_bytes(100));
    for (token, reason) in [
        ("x".repeat(101), AuthErrorKind::TokenTooLong),
        ("a b".to_owned(), AuthErrorKind::IllegalCharacter),
        ("a\nb".to_owned(), AuthErrorKind::IllegalCharacter),
        ("a\u{e9}b".to_owned(), AuthErrorKind::IllegalCharacter),
        (String::new(), AuthErrorKind::EmptyCredential),
    ] {
        let error = desk.judge(&token).await.unwrap_err();
        assert_eq!(error.kind(), reason, "{token:?}");
    }
    let answer = desk.stand.refuses(&"x".repeat(101), AuthErrorKind::TokenTooLong).await;
    assert!(answer.detail.contains("101 bytes, max_token_bytes is 100"), "{}", answer.detail);
    assert_eq!(desk.asked(), 0);
    desk.refuses(&"x".repeat(100), Inactive).await;
    assert_eq!(desk.asked(), 1);
    ledger::passed("7662-27 S8-12");
}

async fn the_endpoint_from_the_metadata() {
    let clock = ManualClock::new();
    let issuer = issuer_at(&clock);
    let build = |endpoint: IntrospectionEndpoint| {
        let validator = IntrospectionValidator::builder(endpoint, ClientAuth::basic(API, SECRET))
            .fetch(issuer.fetch())
            .clock(clock.clone())
            .build();
        crate::support::stand::Stand::of(validator.unwrap())
    };
    let token = || issuer.opaque_token(&issuer.token().expires_in(Duration::from_secs(86_400)));
    let documents = || {
        let count = |endpoint| issuer.requests(endpoint);
        count(Endpoint::Discovery) + count(Endpoint::OAuthMetadata)
    };
    for endpoint in [
        IntrospectionEndpoint::discover(issuer.url()),
        IntrospectionEndpoint::oauth_metadata(issuer.url()),
    ] {
        issuer.forget_requests();
        let stand = build(endpoint);
        for _ in 0..3 {
            let who = stand.accepts(&token()).await;
            assert_eq!(who.issuer(), issuer.url(), "the issuer of the metadata vouches");
        }
        assert_eq!((documents(), issuer.requests(Endpoint::Introspection)), (1, 3));
        // an hour later it is read again, and an outage then changes nothing
        for endpoint in [Endpoint::Discovery, Endpoint::OAuthMetadata] {
            issuer.fail(endpoint, Fault::status(500));
        }
        clock.advance(Duration::from_secs(3600));
        stand.accepts(&token()).await;
        stand.accepts(&token()).await;
        assert_eq!((documents(), issuer.requests(Endpoint::Introspection)), (2, 5));
        for endpoint in [Endpoint::Discovery, Endpoint::OAuthMetadata] {
            issuer.heal(endpoint);
        }
    }
    // what the metadata says is not believed blindly
    for (name, value) in [
        ("issuer", json!("https://evil.test")),
        ("introspection_endpoint", json!("http://issuer.test/introspect")),
        ("introspection_endpoint", json!("http://127.0.0.1/introspect")),
        ("introspection_endpoint", json!(7)),
        ("introspection_endpoint", Value::Null),
    ] {
        issuer.forget_requests();
        issuer.set_metadata(name, value.clone());
        let stand = build(IntrospectionEndpoint::discover(issuer.url()));
        stand.send(&token()).await.says_nothing_of_the_token(503, IssuerUnreachable);
        assert_eq!(issuer.requests(Endpoint::Introspection), 0, "{name}: {value}");
        issuer.reset_metadata();
        clock.advance(Duration::from_secs(2));
        stand.accepts(&token()).await;
    }
    for fault in
        [Fault::Html, Fault::MalformedJson, Fault::DropConnection, Fault::status(500), Fault::Hang]
    {
        issuer.fail(Endpoint::Discovery, fault);
        let stand = build(IntrospectionEndpoint::discover(issuer.url()));
        stand.send(&token()).await.says_nothing_of_the_token(503, IssuerUnreachable);
        issuer.heal(Endpoint::Discovery);
    }
    ledger::passed("9700-10");
}

/// Django OAuth Toolkit's answer has no sub, iss, aud or token_type.
async fn members_that_tell_who_it_is() {
    let body = r#"{"active":true,"scope":"read","exp":4102444800,"client_id":"c","username":"al"}"#;
    let desk = Desk::new();
    desk.says(body);
    let who = desk.stand.accepts("abc").await;
    assert_eq!((who.subject(), who.client_id()), (None, Some("c")));

    let desk = Desk::configured(|builder| builder.subject_member("username"));
    desk.says(body);
    let who = desk.stand.accepts("abc").await;
    assert_eq!((who.subject(), who.client_id()), (Some("al"), Some("c")));
    assert_eq!(who.kind(), portcullis::SubjectKind::User);

    let desk = Desk::configured(|builder| builder.require_audience());
    desk.says(body);
    desk.refuses("abc", WrongAudience).await;

    // a client that acts for itself is no user of that name
    let desk = Desk::new();
    desk.says(r#"{"active":true,"sub":"c","client_id":"c"}"#);
    assert_eq!(desk.stand.accepts("abc").await.kind(), portcullis::SubjectKind::Client);
    ledger::passed("9700-08");
}
