//! A client of a token endpoint: what it keeps of an answer, and when it asks (seed systems 4, 6).

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use portcullis::{
    fetch::{Fetch, FetchError, FetchFuture},
    testing::{
        Client, Endpoint, Fault, ManualClock, MockIssuer,
        client::{CallError, LoginNeeded, TokenClient, TokenResponse},
    },
};
use serde_json::json;
use tower::ServiceExt as _;

use super::ledger::{self, Row};
use crate::support::estate::{Estate, MINUTE};

chapter! {
    fn what_is_kept_of_an_answer;
    fn what_is_no_token_response;
    async fn a_day_less_a_second;
    async fn no_token_and_a_session;
    async fn no_token_and_no_session;
    async fn a_token_about_to_expire;
    async fn a_renewal_that_fails;
    async fn the_token_is_missing;
    async fn the_session_is_missing;
    async fn no_connection;
    async fn a_request_is_not_sent_twice_for_nothing;
    async fn a_token_endpoint_that_refuses_the_client;
    async fn one_request_for_many_callers;
    async fn the_cookie_stays_on_its_host;
    async fn secrets_stay_out_of_debug;
}

// ---- the answer

fn what_is_kept_of_an_answer() {
    let body = json!({
        "access_token": "abc", "token_type": "bearer", "expires_in": 86_399, "refresh_token": "r",
        "scope": "a b", "username": "Grüße", "roles": ["Admin"], "count": 3, "first": false,
        ".issued": "Thu, 01 Jan 2026 00:00:00 GMT", "nothing": null,
    });
    let response = TokenResponse::try_from(body.to_string().as_bytes()).unwrap();
    assert_eq!((&*response.access_token, &*response.token_type), ("abc", "bearer"));
    assert_eq!(response.expires_in, Some(Duration::from_secs(86_399)));
    assert_eq!(response.refresh_token.as_deref(), Some("r"));
    assert_eq!(response.scope.as_deref(), Some("a b"));
    let extra = json!({
        "username": "Grüße", "roles": ["Admin"], "count": 3, "first": false,
        ".issued": "Thu, 01 Jan 2026 00:00:00 GMT", "nothing": null,
    });
    assert_eq!(json!(response.extra), extra, "numbers and booleans keep their type");
    let least = TokenResponse::try_from(&br#"{"access_token":"abc","token_type":"BEARER"}"#[..]);
    let least = least.unwrap();
    assert_eq!((least.expires_in, least.refresh_token, least.scope), (None, None, None));
    assert!(least.extra.is_empty());
}

fn what_is_no_token_response() {
    for body in [
        "",
        "null",
        "[]",
        "<html>",
        r#"{"token_type":"bearer"}"#,
        r#"{"access_token":"","token_type":"bearer"}"#,
        r#"{"access_token":"a"}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":7,"token_type":"bearer"}"#,
        r#"{"access_token":"a\nb","token_type":"bearer"}"#,
        r#"{"access_token":"ä","token_type":"bearer"}"#,
        r#"{"access_token":"a","access_token":"b","token_type":"bearer"}"#,
        r#"{"access_token":"a","token_type":"bearer","expires_in":"3600"}"#,
        r#"{"access_token":"a","token_type":"bearer","expires_in":-1}"#,
        r#"{"access_token":"a","token_type":"bearer","refresh_token":["r"]}"#,
    ] {
        assert!(TokenResponse::try_from(body.as_bytes()).is_err(), "{body}");
    }
}

/// An issuer and its client, on one clock.
fn script() -> (MockIssuer, ManualClock, TokenClient) {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder()
        .clock(clock.clone())
        .client(Client::new("script").secret("p&s=1 %").grant("client_credentials"))
        .build();
    let client = TokenClient::builder(&format!("{}/token", issuer.url()), issuer.fetch())
        .clock(clock.clone())
        .parameter("grant_type", "client_credentials")
        .parameter("client_id", "script")
        .parameter("client_secret", "p&s=1 %")
        .build()
        .unwrap();
    (issuer, clock, client)
}

struct Lifetime {
    id: &'static str,
    seconds: u64,
}

impl Row for Lifetime {
    fn id(&self) -> &str {
        self.id
    }
}

const LIFETIMES: &[Lifetime] =
    &[Lifetime { id: "S4-08", seconds: 86_399 }, Lifetime { id: "S4-08", seconds: 86_400 }];

async fn a_day_less_a_second() {
    ledger::table_async(LIFETIMES, async |row| {
        let (issuer, clock, client) = script();
        let body = json!({"access_token": "t1", "token_type": "bearer", "expires_in": row.seconds});
        issuer.fail(Endpoint::Token, Fault::body("application/json", body.to_string()));
        let token = client.token().await.unwrap();
        assert_eq!(
            (&*token.access_token, token.expires_in.unwrap().as_secs()),
            ("t1", row.seconds)
        );
        // it is good for four fifths of either, and then renewed
        clock.advance(Duration::from_secs(69_119));
        assert_eq!(client.token().await.unwrap(), token);
        settle().await;
        assert_eq!(issuer.requests(Endpoint::Token), 1);
        clock.advance(Duration::from_secs(1));
        assert_eq!(client.token().await.unwrap(), token);
        settle().await;
        assert_eq!(issuer.requests(Endpoint::Token), 2);
    })
    .await;
}

// ---- the state machine, against the estate that demands a token and a ticket

const TOKEN: &str = "http://app.test/token";
const API: &str = "http://app.test/api/test";
const HOUR: Duration = Duration::from_secs(3600);

/// The estate through the seam of the network.
#[derive(Clone, Debug, Default)]
struct Line {
    app: Option<axum::Router>,
    sent: Arc<Mutex<Vec<Sent>>>,
    /// So many requests find no connection.
    broken: Arc<AtomicUsize>,
    /// So many calls lose their token on the way.
    losing: Arc<AtomicUsize>,
}

/// One less, if there is one.
fn take(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
}

#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    path: String,
    bearer: Option<String>,
    cookie: Option<String>,
}

impl Fetch for Line {
    fn fetch(&self, mut request: Request<Bytes>, _limit: usize) -> FetchFuture {
        let text = |name: &str| {
            request.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        self.sent.lock().unwrap().push(Sent {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            bearer: text("authorization"),
            cookie: text("cookie"),
        });
        if take(&self.broken) {
            let error = FetchError::Connection("broken".to_owned());
            return Box::pin(async move { Err(error) });
        }
        if request.headers().contains_key("authorization") && take(&self.losing) {
            request.headers_mut().remove("authorization");
        }
        // on the wire a request has no authority
        let path = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        *request.uri_mut() = path;
        let app = self.app.clone().expect("an application");
        Box::pin(async move {
            tokio::task::yield_now().await; // as if there were a network
            let answer = app.oneshot(request.map(axum::body::Body::from)).await.unwrap();
            let (parts, body) = answer.into_parts();
            Ok(Response::from_parts(parts, body.collect().await.unwrap().to_bytes()))
        })
    }
}

struct House {
    estate: Estate,
    line: Line,
    client: TokenClient,
}

impl House {
    /// Nobody is signed in.
    fn new() -> Self {
        let estate = Estate::new();
        let line = Line { app: Some(estate.router()), ..Line::default() };
        let client = TokenClient::builder(TOKEN, line.clone()).clock(estate.clock.clone());
        Self { client: client.build().unwrap(), estate, line }
    }

    /// Signed in for two days.
    fn signed_in() -> Self {
        let house = Self::new();
        let ticket = house.estate.mint.forms("test").expires_in(48 * HOUR).build();
        house.client.set_cookie(Some(&format!(".ASPXAUTH={ticket}")));
        house
    }

    async fn call(&self) -> Result<Response<Bytes>, CallError> {
        let request = Request::get(format!("{API}?_=1")).body(Bytes::new()).unwrap();
        self.client.call(request).await
    }

    async fn is_hello(&self) {
        let answer = self.call().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &b"Hello World, test and test"[..])
        );
    }

    /// What went over the line since the last look.
    fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.line.sent.lock().unwrap())
    }

    /// The same, by method and path.
    fn told(&self) -> Vec<String> {
        self.sent().iter().map(|sent| format!("{} {}", sent.method, sent.path)).collect()
    }
}

/// Lets what goes on in the background end.
async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

async fn no_token_and_a_session() {
    let house = House::signed_in();
    house.is_hello().await;
    let [ask, call] = &house.sent()[..] else { panic!("a question and a call") };
    assert_eq!((&ask.method, &*ask.path, &ask.bearer), (&Method::POST, "/token", &None));
    assert_eq!((&call.method, &*call.path), (&Method::GET, "/api/test"));
    assert!(call.bearer.as_ref().unwrap().starts_with("Bearer "));
    assert!(ask.cookie.is_some() && ask.cookie == call.cookie);
    // and then there is one
    house.is_hello().await;
    assert_eq!(house.told(), ["GET /api/test"]);
}

async fn no_token_and_no_session() {
    let house = House::new();
    for _ in 0..2 {
        let Err(CallError::LoginNeeded(needed)) = house.call().await else { panic!("nobody") };
        assert_eq!((&*needed.error, needed.login), ("invalid_grant", None));
        assert_eq!(needed.return_to.unwrap(), format!("{API}?_=1"));
        assert_eq!(house.told(), ["POST /token"], "one question, and no call");
    }
}

async fn a_token_about_to_expire() {
    let house = House::signed_in();
    house.is_hello().await;
    let old = house.sent().pop().unwrap().bearer;
    house.estate.clock.advance(Duration::from_secs(86_400 / 5 * 4));
    // in the background: three calls, one question, without the old token
    for _ in 0..3 {
        house.is_hello().await;
    }
    settle().await;
    let sent = house.sent();
    let (questions, calls): (Vec<&Sent>, Vec<&Sent>) =
        sent.iter().partition(|sent| sent.path == "/token");
    assert_eq!((questions.len(), calls.len()), (1, 3));
    assert_eq!(questions[0].bearer, None);
    assert_eq!(calls[0].bearer, old, "the old token is still accepted");
    house.is_hello().await;
    let [call] = &house.sent()[..] else { panic!("one call") };
    assert_ne!(call.bearer, old);
    ledger::passed("S6-26");
    // one that is over does not go along any more; the session is over, too
    house.estate.clock.advance(30 * HOUR);
    assert!(house.call().await.is_err());
    house.client.set_cookie(Some(&house.estate.forms("test")));
    house.is_hello().await;
    assert_eq!(house.told(), ["POST /token", "POST /token", "GET /api/test"]);
}

async fn a_renewal_that_fails() {
    let house = House::signed_in();
    house.is_hello().await;
    house.estate.clock.advance(Duration::from_secs(86_400 / 5 * 4));
    // no connection, three times: the old token stays
    house.sent();
    house.line.broken.store(3, Ordering::SeqCst);
    let old = house.client.token().await.unwrap();
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(house.told(), ["POST /token"; 3]);
    assert_eq!(house.client.token().await.unwrap(), old);
    settle().await;
    assert_ne!(house.client.token().await.unwrap(), old);
    // the session has ended: nobody is told before the next call
    house.estate.clock.advance(Duration::from_secs(86_400 / 5 * 4));
    house.client.set_cookie(None);
    house.sent();
    house.client.token().await.unwrap();
    settle().await;
    assert!(matches!(house.call().await, Err(CallError::LoginNeeded(_))));
    assert_eq!(house.told(), ["POST /token"; 2]);
}

async fn the_token_is_missing() {
    let house = House::signed_in();
    house.is_hello().await;
    let old = house.client.token().await.unwrap();
    let (issuer, _, script) = script();
    issuer.fail(Endpoint::Userinfo, unauthorized(r#"{"missing":["token"]}"#));
    let request = Request::get(format!("{}/userinfo", issuer.url())).body(Bytes::new()).unwrap();
    let answer = script.call(request).await.unwrap();
    assert_eq!(answer.status().as_u16(), 401, "what the second call is answered is the answer");
    let told = (issuer.requests(Endpoint::Token), issuer.requests(Endpoint::Userinfo));
    assert_eq!(told, (2, 2), "one more question and one more call, and no third");

    // once is enough where the new token is good
    house.sent();
    house.line.losing.store(1, Ordering::SeqCst);
    house.is_hello().await;
    assert_eq!(house.told(), ["GET /api/test", "POST /token", "GET /api/test"]);
    assert_ne!(house.client.token().await.unwrap(), old);
}

fn unauthorized(body: &'static str) -> Fault {
    Fault::Answer(Response::builder().status(401).body(Bytes::from(body)).unwrap())
}

async fn the_session_is_missing() {
    let house = House::signed_in();
    house.is_hello().await;
    house.sent();
    house.client.set_cookie(None);
    let Err(CallError::LoginNeeded(needed)) = house.call().await else { panic!("no session") };
    assert_eq!(needed.return_to.unwrap(), format!("{API}?_=1"));
    assert_eq!(house.told(), ["GET /api/test"], "no question, and no other call");
    // the token is gone, too
    house.client.set_cookie(Some(&house.estate.forms("test")));
    house.is_hello().await;
    assert_eq!(house.told(), ["POST /token", "GET /api/test"]);

    let (issuer, _, script) = script();
    let answer = r#"{"missing":["token","session"],"login":"/login?ReturnUrl=%2Fuserinfo"}"#;
    issuer.fail(Endpoint::Userinfo, unauthorized(answer));
    let request = Request::get(format!("{}/userinfo", issuer.url())).body(Bytes::new()).unwrap();
    let needed = script.call(request).await;
    let Err(CallError::LoginNeeded(LoginNeeded { login, .. })) = needed else {
        panic!("{needed:?}")
    };
    assert_eq!(login.as_deref(), Some("/login?ReturnUrl=%2Fuserinfo"));
    assert_eq!(issuer.requests(Endpoint::Userinfo), 1);
}

async fn no_connection() {
    let house = House::signed_in();
    // at the token endpoint
    house.line.broken.store(2, Ordering::SeqCst);
    let started = tokio::time::Instant::now();
    house.is_hello().await;
    assert_eq!(house.told(), ["POST /token", "POST /token", "POST /token", "GET /api/test"]);
    assert_eq!(started.elapsed().as_secs(), 3, "1 s and 2 s");
    // at the API, and the token is kept
    house.line.broken.store(3, Ordering::SeqCst);
    let broken = CallError::Unreachable(FetchError::Connection("broken".to_owned()));
    assert_eq!(house.call().await.unwrap_err(), broken);
    house.is_hello().await;
    assert_eq!(house.told(), ["GET /api/test"; 4]);
    // a token endpoint that says that it cannot is not there either
    let (issuer, _, script) = script();
    issuer.fail_next(Endpoint::Token, 1, Fault::status(503));
    issuer.fail_next(Endpoint::Token, 1, Fault::Hang);
    script.token().await.unwrap();
    assert_eq!(issuer.requests(Endpoint::Token), 3);
}

async fn a_request_is_not_sent_twice_for_nothing() {
    let house = House::signed_in();
    house.client.token().await.unwrap();
    house.sent();
    for (method, times) in [
        (Method::GET, 3),
        (Method::PUT, 3),
        (Method::DELETE, 3),
        (Method::POST, 1),
        (Method::PATCH, 1),
    ] {
        house.line.broken.store(3, Ordering::SeqCst);
        let request = Request::builder().method(method.clone()).uri(API).body(Bytes::new());
        let answer = house.client.call(request.unwrap()).await;
        assert!(matches!(answer, Err(CallError::Unreachable(_))), "{method}");
        assert_eq!(house.sent().len(), times, "{method}");
    }
}

async fn a_token_endpoint_that_refuses_the_client() {
    let (issuer, _, client) = script();
    client.token().await.unwrap();
    issuer.disable_client("script");
    let other = TokenClient::builder(&format!("{}/token", issuer.url()), issuer.fetch());
    let other = other.parameter("client_id", "nobody").build().unwrap();
    let error = other.token().await.unwrap_err();
    let refused = CallError::Refused { status: 401, error: "invalid_client".to_owned() };
    assert_eq!(error, refused);
    issuer.fail(Endpoint::Token, Fault::Html);
    assert!(matches!(other.token().await, Err(CallError::Malformed(_))));
    client.token().await.unwrap(); // it still has one
    for url in ["", "/token", "token.example/token", "https://", "ftp://a/token", "https://a/#b"] {
        assert!(TokenClient::builder(url, issuer.fetch()).build().is_err(), "{url}");
    }
}

async fn one_request_for_many_callers() {
    for (house, good) in [(House::signed_in(), true), (House::new(), false)] {
        let calls = (0..20).map(|_| {
            let client = house.client.clone();
            tokio::spawn(
                async move { client.token().await.map(|token| token.access_token.clone()) },
            )
        });
        let calls: Vec<_> = calls.collect();
        let mut outcomes = Vec::new();
        for call in calls {
            outcomes.push(call.await.unwrap());
        }
        outcomes.dedup();
        assert_eq!((outcomes.len(), outcomes[0].is_ok()), (1, good), "the same for all");
        assert_eq!(house.told(), ["POST /token"]);
    }
}

async fn the_cookie_stays_on_its_host() {
    let house = House::signed_in();
    for (url, goes) in [
        ("http://app.test/index.htm", true),
        ("https://app.test:8443/index.htm", true),
        ("http://other.test/index.htm", false),
        ("http://app.test.evil/index.htm", false),
    ] {
        house.client.call(Request::get(url).body(Bytes::new()).unwrap()).await.unwrap();
        assert_eq!(house.sent().pop().unwrap().cookie.is_some(), goes, "{url}");
    }
    let own = Request::get(API).header("cookie", "own=1").body(Bytes::new()).unwrap();
    let _ = house.client.call(own).await;
    assert_eq!(house.sent().pop().unwrap().cookie.as_deref(), Some("own=1"));
}

async fn secrets_stay_out_of_debug() {
    let (issuer, _, client) = script();
    let token = client.token().await.unwrap();
    let builder = TokenClient::builder(TOKEN, issuer.fetch()).parameter("client_secret", "hunter2");
    let text = format!("{client:?} {token:?} {builder:?}");
    assert!(!text.contains(&token.access_token) && !text.contains("hunter2"), "{text}");
    assert!(text.contains("client_secret") && text.contains("Bearer"), "{text}");
}
