//! Preflights and where the CORS layer stands (Fetch standard).

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use portcullis::policy::Policy;
use portcullis::scheme::Compat;
use portcullis::{
    AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BearerAuth, Cookies, Principal,
    ProblemDetails, Scheme, policy,
};
use tower::ServiceBuilder;
use tower_http::cors::CorsLayer;

use super::ledger::{self, Row};
use crate::support::fixed::{
    ALICE, Answer, Body, Expected, Fixed, NO_STORE, NOBODY, NOTHING_SENT, W0, WI_EXPIRED, gate_of,
    send, with_headers,
};
use crate::support::logs::Log;
use crate::support::session::Tickets;

chapter! {
    async fn rows;
    async fn no_cors_layer_and_no_route_for_options;
    async fn a_preflight_is_nobody;
    async fn a_token_endpoint_behind_the_gate;
    async fn the_ready_made_stack_lets_preflights_pass;
    async fn a_cors_layer_inside_is_told_once;
    async fn refusals_can_be_read;
    async fn a_script_is_not_redirected;
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

/// Where the CORS layer stands outside, no preflight comes this far.
async fn a_cors_layer_inside_is_told_once() {
    let preflight = || with_headers("OPTIONS", "/", &[ORIGIN, ASKS, ASKS_HEADERS]);
    let call = || with_headers("GET", "/", &[ORIGIN]);
    let gate = gate_of(&Fixed::default());
    let require = gate.require(policy::scheme(Bearer)).unwrap();

    let log = Log::capture();
    let inside = ServiceBuilder::new().layer(gate).layer(require).layer(cors());
    send(inside.clone(), call()).await.is(&NOTHING_SENT);
    assert!(log.lines_with("WARN").is_empty(), "nothing is known yet: {}", log.text());
    for _ in 0..3 {
        send(inside.clone(), preflight()).await.is(&answered(PREFLIGHT));
        send(inside.clone(), call()).await.is(&NOTHING_SENT);
    }
    assert_eq!(log.lines_with("the CORS layer stands inside").len(), 1, "{}", log.text());
    assert_eq!(log.lines_with("WARN").len(), 1);
    ledger::passed("X6");

    let gate = gate_of(&Fixed::default());
    let require = gate.require(policy::scheme(Bearer)).unwrap();
    let outside = ServiceBuilder::new().layer(cors()).layer(gate.clone()).layer(require);
    send(outside.clone(), preflight()).await.is(&answered(PREFLIGHT));
    send(outside, call()).await;
    // and a route for OPTIONS that knows nothing of CORS says nothing about where a layer stands
    send(ServiceBuilder::new().layer(gate), preflight()).await.is(&NOBODY);
    assert_eq!(log.lines_with("WARN").len(), 1, "{}", log.text());
}

/// What a page of another origin is told, and that it can read it.
struct Readable {
    id: &'static str,
    lines: &'static [&'static str],
    expected: Expected,
}

impl Row for Readable {
    fn id(&self) -> &str {
        self.id
    }
}

const CREDENTIALS: &str = "access-control-allow-credentials: true";
const EXPOSE_BOTH: &str = "access-control-expose-headers: www-authenticate,retry-after";
const COOKIE: &str = "cookie: Auth=alice";
const WS: &str =
    r#"www-authenticate: Bearer realm="api", error="insufficient_scope", scope="orders:write""#;

const READABLE: &[Readable] = &[
    Readable {
        id: "X11",
        lines: &[ORIGIN, COOKIE],
        expected: Expected {
            headers: &[CREDENTIALS, ALLOW_ORIGIN, EXPOSE_BOTH, VARY],
            ..Expected::passed("Cookies alice")
        },
    },
    // of an origin that may not, nothing is told: neither that it may read, nor that it may send
    Readable {
        id: "X11 HTTP-14",
        lines: &[EVIL, COOKIE],
        expected: Expected {
            headers: &[CREDENTIALS, EXPOSE_BOTH, VARY],
            ..Expected::passed("Cookies alice")
        },
    },
    Readable {
        id: "X13",
        lines: &[ORIGIN, "authorization: Bearer bob"],
        expected: Expected::refused(
            403,
            &[CREDENTIALS, ALLOW_ORIGIN, EXPOSE_BOTH, NO_STORE, VARY, WS],
            AuthErrorKind::MissingScope,
        ),
    },
    Readable {
        id: "X14",
        lines: &[ORIGIN, "authorization: Bearer down"],
        expected: Expected::refused(
            503,
            &[CREDENTIALS, ALLOW_ORIGIN, EXPOSE_BOTH, NO_STORE, "retry-after: 7", VARY],
            AuthErrorKind::IssuerUnreachable,
        ),
    },
];

/// Credentials may come along, and a page sees why and when.
fn cors_with_credentials() -> CorsLayer {
    let exposed = ["www-authenticate", "retry-after"].map(HeaderName::from_static);
    cors().allow_credentials(true).expose_headers(exposed)
}

/// A bearer or a cookie, whose users sign in at `/login`.
fn either(compat: Compat) -> AuthenticateLayer {
    let cookie = Scheme::cookie(Cookies, "Auth", Tickets::default());
    let cookie = cookie.login_path("/login").compat(compat);
    AuthenticateLayer::new((Scheme::bearer(Bearer, Fixed::default()), cookie)).unwrap()
}

async fn refusals_can_be_read() {
    let gate = either(Compat::None);
    let outside = ServiceBuilder::new().layer(cors_with_credentials()).layer(gate.clone());
    ledger::table_async(READABLE, async |row| {
        let needed: Arc<dyn Policy> = match row.id {
            "X13" | "X14" => Arc::new(policy::scope("orders:write")),
            _ => Arc::new(policy::any_scheme()),
        };
        let stack = outside.clone().layer(gate.require(needed).unwrap());
        send(stack, with_headers("GET", "/", row.lines)).await.is(&row.expected);
    })
    .await;
}

/// It could not read the page at the end of the redirect. With Katana's habits it is sent there.
async fn a_script_is_not_redirected() {
    let script = || {
        let lines = [ORIGIN, "accept: */*", "sec-fetch-mode: cors", "sec-fetch-site: cross-site"];
        with_headers("GET", "/orders", &lines)
    };
    for (compat, status) in [(Compat::None, 401), (Compat::Katana, 302)] {
        let gate = either(compat);
        let require = gate.require(policy::any_scheme()).unwrap().respond_with(ProblemDetails);
        let stack = ServiceBuilder::new().layer(cors_with_credentials()).layer(gate).layer(require);
        let answer = send(stack, script()).await;
        assert_eq!((answer.status, answer.saw.as_deref()), (status, None), "{answer:?}");
        for line in [ALLOW_ORIGIN, CREDENTIALS, EXPOSE_BOTH, NO_STORE] {
            assert!(answer.headers.iter().any(|it| it == line), "{line}: {answer:?}");
        }
        let is_sent_away = answer.headers.iter().any(|it| it.starts_with("location: "));
        assert_eq!(is_sent_away, compat == Compat::Katana, "{answer:?}");
        if compat == Compat::None {
            assert!(answer.headers.iter().any(|it| it == W0), "{answer:?}");
            let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(problem["login"], "/login?ReturnUrl=%2Forders");
        }
    }
    ledger::passed("X12");
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
