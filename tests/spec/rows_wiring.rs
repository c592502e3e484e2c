//! The bearer rows of the scenario table: credential and client against route.

use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use portcullis::challenge::{Challenge, ChallengeReason};
use portcullis::policy::{Policy, PolicyExt};
use portcullis::scheme::{Asked, Authenticator, Responder};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BuildError,
    Cookies, Decision, Outcome, Scheme, SchemeName, policy,
};
use tower::ServiceBuilder;

use super::ledger::{self, Row};
use crate::support::fixed::{
    ALICE, Answer, Body, Expected, Fixed, Handler, NO_STORE, NOBODY, NOTHING_SENT, W0, WI,
    WI_EXPIRED, WI_PLACEHOLDER, WR_DUPLICATE, WR_EMPTY, gate, get, ok, person, send, send_to,
};
use crate::support::logs::Log;

chapter! {
    async fn rows;
    async fn a_public_route_records_the_failure;
    async fn one_name_twice_is_refused_at_start;
    async fn a_scheme_that_proves_nobody;
    async fn a_missing_cookie_is_no_redirect;
    async fn one_gate_twice;
    async fn two_gates_with_one_name;
    async fn grpc_content_types;
}

/// A route behind the gate, which has the one scheme `Bearer`.
#[derive(Clone, Copy)]
enum Route {
    /// Suppression to bearer, and somebody is demanded.
    Protected,
    /// Suppression to bearer, and nothing is demanded.
    Public,
    /// As `Protected`, and the role `staff`.
    Role,
    /// As `Protected`, and the scope `orders:write`.
    Scope,
    /// No suppression; the bearer scheme is passive and the route names it.
    Passive,
}

/// What kind of client it is, by the headers it sends.
mod client {
    pub const API: &[&str] = &["accept: application/json"];
    pub const NAV: &[&str] =
        &["accept: text/html,application/xhtml+xml", "sec-fetch-mode: navigate"];
    pub const XHR: &[&str] = &["accept: */*", "x-requested-with: XMLHttpRequest"];
    pub const GRPC: &[&str] = &["content-type: application/grpc", "te: trailers"];
    pub const UPGRADE: &[&str] = &[
        "connection: Upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
}
use client::{API, GRPC, NAV, UPGRADE, XHR};

struct GateRow {
    id: &'static str,
    route: Route,
    client: &'static [&'static str],
    credential: &'static [&'static str],
    handler: fn() -> Response<Body>,
    /// Whom the policy saw.
    checked: Option<&'static str>,
    expected: Expected,
}

impl Row for GateRow {
    fn id(&self) -> &str {
        self.id
    }
}

const fn row(
    id: &'static str,
    route: Route,
    client: &'static [&'static str],
    credential: &'static [&'static str],
    checked: Option<&'static str>,
    expected: Expected,
) -> GateRow {
    GateRow { id, route, client, credential, handler: ok, checked, expected }
}

const fn answering(
    id: &'static str,
    client: &'static [&'static str],
    handler: fn() -> Response<Body>,
    expected: Expected,
) -> GateRow {
    let (route, checked) = (Route::Protected, Some("Bearer alice"));
    GateRow { id, route, client, credential: GOOD, handler, checked, expected }
}

const ABSENT: &[&str] = &[];
const GOOD: &[&str] = &["authorization: Bearer alice"];
const EXPIRED: &[&str] = &["authorization: Bearer Expired"];
const BAD: &[&str] = &["authorization: Bearer BadSignature"];
const INACTIVE: &[&str] = &["authorization: Bearer Inactive"];
const UNDEFINED: &[&str] = &["authorization: Bearer undefined"];
const EMPTY: &[&str] = &["authorization: Bearer"];
const DOUBLE: &[&str] = &["authorization: Bearer alice", "authorization: Bearer alice"];
const BASIC: &[&str] = &["authorization: Basic YWxpY2U6cHc="];
const LOW: &[&str] = &["authorization: Bearer bob"];
const DOWN: &[&str] = &["authorization: Bearer down"];

const NO: Option<&str> = Some("");
const YES: Option<&str> = Some("Bearer alice");
const BOB: Option<&str> = Some("Bearer bob");

const EXPIRED_401: Expected =
    Expected::refused(401, &[NO_STORE, WI_EXPIRED], AuthErrorKind::Expired);
const DOUBLE_400: Expected =
    Expected::refused(400, &[NO_STORE, WR_DUPLICATE], AuthErrorKind::DuplicateCredential);

const fn bad(reason: AuthErrorKind) -> Expected {
    Expected::refused(401, &[NO_STORE, WI], reason)
}

const fn grpc(headers: &'static [&'static str], reason: AuthErrorKind) -> Expected {
    Expected::refused(200, headers, reason)
}

const GRPC_TYPE: &str = "content-type: application/grpc";

#[rustfmt::skip]
const ROWS: &[GateRow] = &[
    row("row-22", Route::Protected, API, ABSENT, NO, NOTHING_SENT),
    row("row-23", Route::Protected, NAV, ABSENT, NO, NOTHING_SENT),
    row("row-24", Route::Protected, XHR, ABSENT, NO, NOTHING_SENT),
    row("row-25", Route::Protected, API, GOOD, YES, ALICE),
    row("row-26", Route::Protected, XHR, GOOD, YES, ALICE),
    row("row-27 6750-37", Route::Protected, API, EXPIRED, NO, EXPIRED_401),
    row("row-28", Route::Protected, API, BAD, NO, bad(AuthErrorKind::BadSignature)),
    row("row-29", Route::Protected, XHR, UNDEFINED, NO, Expected::refused(401, &[NO_STORE, WI_PLACEHOLDER], AuthErrorKind::PlaceholderToken)),
    row("row-30", Route::Protected, API, EMPTY, NO, Expected::refused(400, &[NO_STORE, WR_EMPTY], AuthErrorKind::EmptyCredential)),
    row("row-31", Route::Protected, API, DOUBLE, NO, DOUBLE_400),
    row("row-32", Route::Protected, API, BASIC, NO, NOTHING_SENT),

    row("row-70", Route::Public, API, ABSENT, None, NOBODY),
    row("row-71", Route::Public, API, GOOD, None, ALICE),
    row("row-72", Route::Public, API, EXPIRED, None, NOBODY),
    row("row-74", Route::Public, API, DOUBLE, None, NOBODY),

    row("row-75", Route::Role, API, ABSENT, NO, NOTHING_SENT),
    row("row-76", Route::Role, API, GOOD, YES, ALICE),
    row("row-77 3.0-refused-otherwise", Route::Role, API, LOW, BOB, Expected::refused(403, &[NO_STORE], AuthErrorKind::MissingRole)),
    row("row-78", Route::Role, API, EXPIRED, NO, EXPIRED_401),
    row("row-79", Route::Scope, API, LOW, BOB, Expected::refused(403, &[NO_STORE, r#"www-authenticate: Bearer realm="api", error="insufficient_scope", scope="orders:write""#], AuthErrorKind::MissingScope)),

    row("row-106", Route::Passive, API, GOOD, YES, ALICE),
    row("row-107", Route::Passive, API, ABSENT, NO, NOTHING_SENT),

    row("row-108 3.0-undecidable", Route::Protected, API, DOWN, NO, Expected::refused(503, &[NO_STORE, "retry-after: 7"], AuthErrorKind::IssuerUnreachable)),
    row("row-109 6750-38", Route::Protected, API, INACTIVE, NO, bad(AuthErrorKind::Inactive)),
    row("row-110", Route::Protected, API, ABSENT, NO, NOTHING_SENT),
    row("row-111", Route::Public, API, DOWN, None, NOBODY),

    row("row-116", Route::Protected, GRPC, ABSENT, NO, grpc(&[NO_STORE, GRPC_TYPE, "grpc-message: no credential was sent", "grpc-status: 16"], AuthErrorKind::NoCredential)),
    row("row-117", Route::Protected, GRPC, EXPIRED, NO, grpc(&[NO_STORE, GRPC_TYPE, "grpc-message: the access token expired", "grpc-status: 16"], AuthErrorKind::Expired)),
    row("row-118", Route::Protected, GRPC, GOOD, YES, ALICE),
    row("row-119", Route::Role, GRPC, LOW, BOB, grpc(&[NO_STORE, GRPC_TYPE, "grpc-message: the caller may not do this", "grpc-status: 7"], AuthErrorKind::MissingRole)),
    row("row-120", Route::Protected, GRPC, DOWN, NO, grpc(&[NO_STORE, GRPC_TYPE, "grpc-message: the credential cannot be checked at the moment", "grpc-status: 14"], AuthErrorKind::IssuerUnreachable)),

    row("row-121 HTTP-15", Route::Protected, UPGRADE, ABSENT, NO, NOTHING_SENT),
    answering("row-122", UPGRADE, switching, Expected { status: 101, headers: &["connection: Upgrade", "upgrade: websocket"], saw: YES, reason: None }),

    answering("row-130 9110-02", API, bare_401, Expected { status: 401, headers: &[NO_STORE, W0], saw: YES, reason: Some(AuthErrorKind::NoCredential) }),
    answering("row-131 9110-02 9110-07", API, own_401, Expected { status: 401, headers: &["www-authenticate: X realm=\"own\""], saw: YES, reason: None }),
    answering("row-134", API, bare_403, Expected { status: 403, headers: &[], saw: YES, reason: None }),
];

fn switching() -> Response<Body> {
    let mut response = status(StatusCode::SWITCHING_PROTOCOLS);
    response.headers_mut().insert("connection", HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
    response
}

fn bare_401() -> Response<Body> {
    status(StatusCode::UNAUTHORIZED)
}

fn own_401() -> Response<Body> {
    let mut response = bare_401();
    let challenge = HeaderValue::from_static("X realm=\"own\"");
    response.headers_mut().insert("www-authenticate", challenge);
    response
}

fn bare_403() -> Response<Body> {
    status(StatusCode::FORBIDDEN)
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = ok();
    *response.status_mut() = status;
    response
}

async fn rows() {
    ledger::table_async(ROWS, async |row| {
        let (answer, checked) = play(row).await;
        answer.is(&row.expected);
        assert_eq!(checked.as_deref(), row.checked, "the principal that the policy saw");
    })
    .await;
}

async fn play(row: &GateRow) -> (Answer, Option<String>) {
    let gate = match row.route {
        Route::Passive => {
            AuthenticateLayer::new((Scheme::bearer(Bearer, Fixed::default()).passive(),)).unwrap()
        }
        _ => gate(),
    };
    let suppress = gate.suppress_all_but(Bearer).unwrap();
    let checked = Arc::new(Mutex::new(None));
    let saw = Saw(Arc::clone(&checked));
    let request = get(&[row.client, row.credential].concat());
    let handler = Handler::new(row.handler);
    let outside = ServiceBuilder::new().layer(gate.clone());
    let answer = match row.route {
        Route::Public => send_to(outside.layer(suppress), handler, request).await,
        Route::Protected => {
            let require = gate.require(policy::any_scheme().and(saw)).unwrap();
            send_to(outside.layer(suppress).layer(require), handler, request).await
        }
        Route::Role => {
            let require = gate.require(policy::role("staff").and(saw)).unwrap();
            send_to(outside.layer(suppress).layer(require), handler, request).await
        }
        Route::Scope => {
            let require = gate.require(policy::scope("orders:write").and(saw)).unwrap();
            send_to(outside.layer(suppress).layer(require), handler, request).await
        }
        Route::Passive => {
            let require = gate.require(policy::scheme(Bearer).and(saw)).unwrap();
            send_to(outside.layer(require), handler, request).await
        }
    };
    let checked = checked.lock().unwrap().clone();
    (answer, checked)
}

/// Allows everything, and notes whom it was asked about.
#[derive(Debug)]
struct Saw(Arc<Mutex<Option<String>>>);

impl Policy for Saw {
    fn decide(&self, record: &Authentication) -> Decision {
        let names: Vec<String> = record
            .identities()
            .map(|(scheme, identity)| format!("{scheme} {}", identity.subject().unwrap()))
            .collect();
        *self.0.lock().unwrap() = Some(names.join(", "));
        Decision::Allow
    }
}

async fn a_public_route_records_the_failure() {
    for (credential, kind) in [
        (EXPIRED, AuthErrorKind::Expired),
        (DOUBLE, AuthErrorKind::DuplicateCredential),
        (DOWN, AuthErrorKind::IssuerUnreachable),
    ] {
        let found = Arc::new(Mutex::new(None));
        let gate = gate();
        let note = {
            let found = Arc::clone(&found);
            tower::util::MapRequestLayer::new(move |request: http::Request<Body>| {
                let record = request.extensions().get::<Authentication>().unwrap();
                *found.lock().unwrap() = record.outcome(Bearer).cloned();
                request
            })
        };
        let stack = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.suppress_all_but(Bearer).unwrap())
            .layer(note);
        send(stack, get(credential)).await.is(&NOBODY);
        let outcome: Option<Outcome> = found.lock().unwrap().take();
        assert_eq!(outcome.unwrap().error().unwrap().kind(), kind);
    }
    ledger::passed("row-72 row-74 row-111");
}

async fn one_name_twice_is_refused_at_start() {
    let twice = || Scheme::bearer(Bearer, Fixed::default());
    let error = AuthenticateLayer::new((twice(), twice())).unwrap_err();
    assert_eq!(error, BuildError::DuplicateScheme(Bearer.into()));
    assert_eq!(
        error.to_string(),
        "DuplicateScheme: two schemes are named \"Bearer\"; give each scheme of a gate its own name"
    );
    let passive = AuthenticateLayer::new((twice(), twice().passive())).unwrap_err();
    assert_eq!(passive, error);
    ledger::passed("row-98 row-99 row-100 S3-10");
}

/// An authorization server in the same stack never proves anybody and never challenges.
async fn a_scheme_that_proves_nobody() {
    #[derive(Debug)]
    struct Server;
    impl Authenticator for Server {
        fn authenticate(&self, _: &Parts) -> Attempt<Outcome> {
            Attempt::ready(Outcome::Absent)
        }
        fn challenge(&self, _: ChallengeReason<'_>) -> Option<Challenge> {
            None
        }
        fn responder(&self) -> Option<&dyn Responder> {
            Some(self)
        }
    }
    impl Responder for Server {
        fn respond(&self, _: Asked<'_>, headers: &mut HeaderMap) {
            headers.insert("x-server", HeaderValue::from_static("asked"));
        }
    }
    const SERVER: SchemeName = SchemeName::from_static("AuthorizationServer");
    let bearer = Scheme::bearer(Bearer, Fixed::default());
    let gate = AuthenticateLayer::new((Scheme::custom(SERVER, Server), bearer)).unwrap();
    let require = gate.require(policy::any_scheme()).unwrap();
    let stack = ServiceBuilder::new().layer(gate).layer(require);

    const ASKED: &str = "x-server: asked";
    let good = Expected { headers: &[ASKED], ..ALICE };
    send(stack.clone(), get(GOOD)).await.is(&good);
    let nothing = Expected::refused(401, &[NO_STORE, W0, ASKED], AuthErrorKind::NoCredential);
    send(stack, get(ABSENT)).await.is(&nothing);
    ledger::passed("row-101");
}

/// A scheme that has no challenge of its own, as a cookie has none: 401 all the same, never 302.
async fn a_missing_cookie_is_no_redirect() {
    #[derive(Debug)]
    struct Session;
    impl Authenticator for Session {
        fn authenticate(&self, parts: &Parts) -> Attempt<Outcome> {
            Attempt::ready(match parts.headers.get("cookie").map(HeaderValue::as_bytes) {
                None => Outcome::Absent,
                Some(b"session=alice") => Outcome::Verified(person("alice", "", "")),
                Some(_) => AuthError::new(AuthErrorKind::BadSignature).into(),
            })
        }
        fn challenge(&self, _: ChallengeReason<'_>) -> Option<Challenge> {
            None
        }
    }
    const ALONE: &str = r#"www-authenticate: Cookies realm="api""#;
    let gate = AuthenticateLayer::new([
        Scheme::custom(Cookies, Session),
        Scheme::bearer(Bearer, Fixed::default()).into(),
    ])
    .unwrap();
    let cookie = gate.require(policy::scheme(Cookies)).unwrap();
    let either = gate.require(policy::scheme(Cookies).or(policy::scheme(Bearer))).unwrap();
    for client in [API, XHR, NAV] {
        for (line, reason) in [
            (&[][..], AuthErrorKind::NoCredential),
            (&["cookie: session=forged"], AuthErrorKind::BadSignature),
        ] {
            let request = get(&[client, line].concat());
            let stack = ServiceBuilder::new().layer(gate.clone()).layer(cookie.clone());
            let alone = Expected::refused(401, &[NO_STORE, ALONE], reason);
            send(stack, request.clone()).await.is(&alone);
            // where something else can challenge, that is enough
            let stack = ServiceBuilder::new().layer(gate.clone()).layer(either.clone());
            let bearer = Expected::refused(401, &[NO_STORE, W0], reason);
            send(stack, request).await.is(&bearer);
        }
    }
    let stack = ServiceBuilder::new().layer(gate).layer(cookie);
    let good = get(&["cookie: session=alice"]);
    send(stack, good).await.is(&Expected::passed("Cookies alice"));
    ledger::passed("3.0-cookie-on-api");
}

/// The second instance does nothing, and says so once.
async fn one_gate_twice() {
    let log = Log::capture();
    let validator = Fixed::default();
    let gate = crate::support::fixed::gate_of(&validator);
    let require = gate.require(policy::any_scheme()).unwrap();
    let stack = ServiceBuilder::new().layer(gate.clone()).layer(gate).layer(require);
    for _ in 0..3 {
        send(stack.clone(), get(GOOD)).await.is(&ALICE);
    }
    assert_eq!(validator.judged().len(), 3, "each request is judged once");
    assert_eq!(log.lines_with("stands twice").len(), 1);
    assert_eq!(log.lines_with("WARN").len(), 1);

    send(stack, get(ABSENT)).await.is(&NOTHING_SENT);
    ledger::passed("row-102 S3-10");
}

/// Another gate judges anew; inside it, its outcome counts.
async fn two_gates_with_one_name() {
    let log = Log::capture();
    let (outer, inner) = (Fixed::default(), Fixed::default());
    let outer_gate = crate::support::fixed::gate_of(&outer);
    let inner_gate = crate::support::fixed::gate_of(&inner);
    let require = inner_gate.require(policy::any_scheme()).unwrap();
    let stack = ServiceBuilder::new().layer(outer_gate).layer(inner_gate).layer(require);
    for _ in 0..2 {
        send(stack.clone(), get(GOOD)).await.is(&ALICE);
    }
    assert_eq!((outer.judged().len(), inner.judged().len()), (2, 2));
    assert_eq!(log.lines_with("of the same name").len(), 1);
    // one challenge, though two layers could write it
    send(stack, get(ABSENT)).await.is(&NOTHING_SENT);
    ledger::passed("row-102");
}

async fn grpc_content_types() {
    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::any_scheme()).unwrap());
    for (content_type, is_grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc;charset=utf-8", true),
        ("application/grpc-web", false),
        ("application/grpcx", false),
        ("text/application/grpc", false),
    ] {
        let line = format!("content-type: {content_type}");
        let answer = send(stack.clone(), get(&[&line])).await;
        assert_eq!(answer.status, if is_grpc { 200 } else { 401 }, "{content_type}");
        assert_eq!(answer.headers.iter().any(|line| line == "grpc-status: 16"), is_grpc);
        assert_eq!(answer.headers.iter().any(|line| line == W0), !is_grpc);
        assert_eq!(answer.saw, None);
    }
    ledger::passed("row-116");
}
