//! Preflights and where the CORS layer stands (Fetch standard).

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use portcullis::{
    AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BearerAuth, Principal, policy,
};
use tower::ServiceBuilder;
use tower_http::cors::CorsLayer;

use super::ledger::{self, Row};
use crate::support::fixed::{
    ALICE, Answer, Body, Expected, Fixed, NO_STORE, NOBODY, NOTHING_SENT, W0, WI_EXPIRED, gate_of,
    send, with_headers,
};

chapter! {
    async fn rows;
    async fn no_cors_layer_and_no_route_for_options;
    async fn a_preflight_is_nobody;
    async fn a_token_endpoint_behind_the_gate;
    async fn the_ready_made_stack_lets_preflights_pass;
}

/// Where the CORS layer stands.
#[derive(Clone, Copy)]
enum Cors {
    Outside,
    Inside,
    None,
}

struct Preflight {
    id: &'static str,
    cors: Cors,
    authenticate: bool,
    method: &'static str,
    lines: &'static [&'static str],
    expected: Expected,
    /// How often a validator was asked.
    judged: usize,
}

impl Row for Preflight {
    fn id(&self) -> &str {
        self.id
    }
}

const ORIGIN: &str = "origin: https://app.example";
const EVIL: &str = "origin: https://evil.example";
const ASKS: &str = "access-control-request-method: GET";
const ASKS_HEADERS: &str = "access-control-request-headers: authorization";
const EXPIRED: &str = "authorization: Bearer Expired";
const GOOD: &str = "authorization: Bearer alice";

const ALLOW_ORIGIN: &str = "access-control-allow-origin: https://app.example";
const EXPOSE: &str = "access-control-expose-headers: www-authenticate";
const VARY: &str = "vary: origin";
/// What tower-http answers to a preflight by itself.
const PREFLIGHT: &[&str] = &[
    "access-control-allow-headers: authorization",
    "access-control-allow-methods: GET",
    ALLOW_ORIGIN,
    "access-control-max-age: 60",
    VARY,
];
const PREFLIGHT_EVIL: &[&str] = &[
    "access-control-allow-headers: authorization",
    "access-control-allow-methods: GET",
    "access-control-max-age: 60",
    VARY,
];

/// The layer answered it; no handler and no gate saw it.
const fn answered(headers: &'static [&'static str]) -> Expected {
    Expected { status: 200, headers, saw: None, reason: None }
}

#[rustfmt::skip]
const ROWS: &[Preflight] = &[
    Preflight { id: "X1", cors: Cors::Outside, authenticate: false, method: "OPTIONS", lines: &[ORIGIN, ASKS, ASKS_HEADERS], expected: answered(PREFLIGHT), judged: 0 },
    Preflight { id: "X2", cors: Cors::Inside, authenticate: false, method: "OPTIONS", lines: &[ORIGIN, ASKS, ASKS_HEADERS], expected: answered(PREFLIGHT), judged: 0 },
    Preflight { id: "X3", cors: Cors::Inside, authenticate: true, method: "OPTIONS", lines: &[ORIGIN, ASKS, ASKS_HEADERS], expected: NOTHING_SENT, judged: 0 },
    Preflight { id: "X4", cors: Cors::Outside, authenticate: false, method: "OPTIONS", lines: &[EVIL, ASKS, ASKS_HEADERS], expected: answered(PREFLIGHT_EVIL), judged: 0 },
    Preflight { id: "X5", cors: Cors::Outside, authenticate: false, method: "GET", lines: &[ORIGIN], expected: Expected::refused(401, &[ALLOW_ORIGIN, EXPOSE, NO_STORE, VARY, W0], AuthErrorKind::NoCredential), judged: 0 },
    Preflight { id: "X6", cors: Cors::Inside, authenticate: false, method: "GET", lines: &[ORIGIN], expected: NOTHING_SENT, judged: 0 },
    Preflight { id: "X7", cors: Cors::Outside, authenticate: false, method: "GET", lines: &[ORIGIN, EXPIRED], expected: Expected::refused(401, &[ALLOW_ORIGIN, EXPOSE, NO_STORE, VARY, WI_EXPIRED], AuthErrorKind::Expired), judged: 1 },
    Preflight { id: "X9 HTTP-13", cors: Cors::Inside, authenticate: false, method: "OPTIONS", lines: &[], expected: NOTHING_SENT, judged: 0 },
    Preflight { id: "X9 HTTP-13", cors: Cors::None, authenticate: false, method: "OPTIONS", lines: &[], expected: NOTHING_SENT, judged: 0 },
    Preflight { id: "X10 HTTP-13 9110-18", cors: Cors::Inside, authenticate: false, method: "OPTIONS", lines: &[ORIGIN], expected: NOTHING_SENT, judged: 0 },
    Preflight { id: "X10 HTTP-13 9110-18", cors: Cors::None, authenticate: false, method: "OPTIONS", lines: &[ORIGIN, ASKS_HEADERS], expected: NOTHING_SENT, judged: 0 },
    Preflight { id: "9110-18 HTTP-13", cors: Cors::None, authenticate: false, method: "OPTIONS", lines: &[ASKS], expected: NOTHING_SENT, judged: 0 },
    Preflight { id: "9110-18 HTTP-13", cors: Cors::None, authenticate: false, method: "GET", lines: &[ORIGIN, ASKS], expected: NOTHING_SENT, judged: 0 },
    Preflight { id: "9110-18 HTTP-13", cors: Cors::None, authenticate: false, method: "options", lines: &[ORIGIN, ASKS], expected: NOTHING_SENT, judged: 0 },
    // a true preflight reaches the handler as nobody, whatever it carries
    Preflight { id: "HTTP-13", cors: Cors::None, authenticate: false, method: "OPTIONS", lines: &[ORIGIN, ASKS, GOOD], expected: NOBODY, judged: 0 },
    Preflight { id: "HTTP-13", cors: Cors::None, authenticate: false, method: "OPTIONS", lines: &[ORIGIN, ASKS, EXPIRED], expected: NOBODY, judged: 0 },
    Preflight { id: "HTTP-13", cors: Cors::None, authenticate: true, method: "OPTIONS", lines: &[ORIGIN, ASKS, GOOD], expected: ALICE, judged: 1 },
];

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin([HeaderValue::from_static("https://app.example")])
        .allow_methods([Method::GET])
        .allow_headers([HeaderName::from_static("authorization")])
        .expose_headers([HeaderName::from_static("www-authenticate")])
        .max_age(Duration::from_secs(60))
}

async fn rows() {
    ledger::table_async(ROWS, async |row| {
        let validator = Fixed::default();
        let mut gate: AuthenticateLayer = gate_of(&validator);
        if row.authenticate {
            gate = gate.authenticate_preflights();
        }
        let require = gate.require(policy::scheme(Bearer)).unwrap();
        let request = with_headers(row.method, "/", row.lines);
        let auth = ServiceBuilder::new().layer(gate).layer(require);
        let answer: Answer = match row.cors {
            Cors::Outside => send(ServiceBuilder::new().layer(cors()).layer(auth), request).await,
            Cors::Inside => send(auth.layer(cors()), request).await,
            Cors::None => send(auth, request).await,
        };
        answer.is(&row.expected);
        assert_eq!(validator.judged().len(), row.judged);
    })
    .await;
}

/// The router says what it has; nobody is asked for a credential.
async fn no_cors_layer_and_no_route_for_options() {
    use axum::Router;
    use axum::routing::get;
    use tower::ServiceExt;

    let bearer = BearerAuth::new(Fixed::default()).unwrap();
    let app = Router::new().route("/api", get(async || "data")).layer(bearer);
    let preflight = with_headers("OPTIONS", "/api", &[ORIGIN, ASKS]);
    let response = app.clone().oneshot(preflight.map(axum::body::Body::new)).await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    for name in ["www-authenticate", "access-control-allow-origin", "cache-control"] {
        assert!(!response.headers().contains_key(name), "{name}");
    }
    let plain = with_headers("OPTIONS", "/api", &[]).map(axum::body::Body::new);
    assert_eq!(app.oneshot(plain).await.unwrap().status(), 401);
    ledger::passed("X10b");
}

/// Marked in the record; no identity comes along, also from a header that forges one.
async fn a_preflight_is_nobody() {
    let gate = gate_of(&Fixed::default());
    let stack =
        ServiceBuilder::new().layer(gate.clone()).map_request(|request: http::Request<Body>| {
            let record = request.extensions().get::<Authentication>().unwrap();
            assert!(record.is_preflight() && record.primary().is_none());
            let principal: Principal = record.principal();
            assert!(principal.is_anonymous());
            request
        });
    let forged = ["x-user: alice", "x-forwarded-user: alice", ORIGIN, ASKS, GOOD];
    send(stack, with_headers("OPTIONS", "/", &forged)).await.is(&NOBODY);
    ledger::passed("HTTP-13");
}

async fn the_ready_made_stack_lets_preflights_pass() {
    let stack = BearerAuth::new(Fixed::default()).unwrap();
    let preflight = with_headers("OPTIONS", "/", &[ORIGIN, ASKS]);
    send(stack.clone(), preflight.clone()).await.is(&NOBODY);
    send(stack.authenticate_preflights(), preflight).await.is(&NOTHING_SENT);
    ledger::passed("HTTP-13");
}

/// A route that demands nobody, in the same application: an old token does not disturb it.
async fn a_token_endpoint_behind_the_gate() {
    let gate = gate_of(&Fixed::default());
    let stack = ServiceBuilder::new().layer(cors()).layer(gate);
    for lines in [&[ORIGIN][..], &[ORIGIN, EXPIRED]] {
        let answer = send(stack.clone(), with_headers("POST", "/token", lines)).await;
        answer.is(&Expected { headers: &[ALLOW_ORIGIN, EXPOSE, VARY], ..NOBODY });
    }
    ledger::passed("X8");
}
