//! The scenario table, how stacks are put together: groups K, L, O, P and R.

use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use portcullis::AuthErrorKind::NoCredential;
use portcullis::challenge::{Challenge, ChallengeReason};
use portcullis::policy::PolicyExt as _;
use portcullis::scheme::{Asked, Authenticator, Responder};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BuildError,
    Cookies, Outcome, Scheme, SchemeName, policy,
};
use tower::ServiceBuilder;

use super::ledger;
use crate::support::fixed::{
    self, ALICE, Body, Fixed, NO_STORE, NOBODY, NOTHING_SENT, W0, gate, get, person, send,
};
use crate::support::logs::Log;
use crate::support::scenario::{Expected, PASSED, Scenario, login, play, refused, row};
use crate::support::session::WC;
use crate::support::site::{EITHER_API_COOKIE_FIRST, FALL_THROUGH, NAMED, OVERRIDE, PAGE};

chapter! {
    async fn group_l_a_passive_bearer;
    async fn group_o_the_order_decides;
    async fn group_p_one_route_is_different;
    async fn group_r_nothing_leaks;
    async fn a_public_route_records_the_failure;
    async fn one_name_twice_is_refused_at_start;
    async fn a_scheme_that_proves_nobody;
    async fn a_missing_cookie_is_no_redirect;
    async fn one_gate_twice;
    async fn two_gates_with_one_name;
    async fn grpc_content_types;
}

/// What kind of client it is, by the headers it sends.
mod client {
    pub const API: &[&str] = &["accept: application/json"];
    pub const NAV: &[&str] =
        &["accept: text/html,application/xhtml+xml", "sec-fetch-mode: navigate"];
    pub const XHR: &[&str] = &["accept: */*", "x-requested-with: XMLHttpRequest"];
}
use client::{API, NAV, XHR};

const ABSENT: &[&str] = &[];
const GOOD: &[&str] = &["authorization: Bearer alice"];
const EXPIRED: &[&str] = &["authorization: Bearer Expired"];
const DOUBLE: &[&str] = &["authorization: Bearer alice", "authorization: Bearer alice"];
const DOWN: &[&str] = &["authorization: Bearer down"];

/// A passive bearer scheme counts where it is named, and nowhere else.
#[rustfmt::skip]
const L: &[Scenario] = &[
    row("row-103", PAGE.passive_bearer(), "abs ok api", "∅", refused(401, &[WC], NoCredential)).katana(login(NoCredential)),
    row("row-104", PAGE.passive_bearer(), "abs abs nav", "∅", login(NoCredential)),
    row("row-105", PAGE.passive_bearer(), "new ok api", "{C}", PASSED),
    row("row-106", NAMED.passive_bearer(), "abs ok api", "{B}", PASSED),
    row("row-107", NAMED.passive_bearer(), "abs abs api", "∅", refused(401, &[W0], NoCredential)),
];

async fn group_l_a_passive_bearer() {
    play(L).await;
}

#[rustfmt::skip]
const O: &[Scenario] = &[
    row("row-123", EITHER_API_COOKIE_FIRST, "new ok xhr", "{C,B}", PASSED),
    row("row-124", EITHER_API_COOKIE_FIRST, "new abs xhr", "{C}", PASSED),
    row("row-125", EITHER_API_COOKIE_FIRST, "abs ok api", "{B}", PASSED),
    row("row-126", EITHER_API_COOKIE_FIRST, "new bad xhr", "{C}", PASSED),
];

async fn group_o_the_order_decides() {
    play(O).await;
}

const ACCOUNT_LOGIN: Expected = Expected {
    location: Some("https://app.test/login?ReturnUrl=%2Fapi%2Faccount"),
    ..login(NoCredential)
};

#[rustfmt::skip]
const P: &[Scenario] = &[
    row("row-127", OVERRIDE, "new abs xhr", "{C}", PASSED).at("/api/account"),
    row("row-128", OVERRIDE, "abs ok api", "∅", refused(401, &[WC], NoCredential)).at("/api/account").katana(ACCOUNT_LOGIN),
    row("row-129", OVERRIDE, "new abs xhr", "∅", refused(401, &[W0], NoCredential)).at("/api/values"),
];

async fn group_p_one_route_is_different() {
    play(P).await;
}

const LOST_LOGIN: Expected = Expected {
    location: Some("https://app.test/login?ReturnUrl=%2Fapi%2Flost"),
    ..login(NoCredential)
};

/// No route of the API matches; the page behind it knows nothing of the API's suppression.
const R: &[Scenario] = &[
    row("row-135", FALL_THROUGH, "abs abs nav", "∅", LOST_LOGIN).at("/api/lost"),
    row("row-136", FALL_THROUGH, "new abs nav", "{C}", PASSED).at("/api/lost"),
];

async fn group_r_nothing_leaks() {
    play(R).await;
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
    let good = fixed::Expected { headers: &[ASKED], ..ALICE };
    send(stack.clone(), get(GOOD)).await.is(&good);
    let nothing =
        fixed::Expected::refused(401, &[NO_STORE, W0, ASKED], AuthErrorKind::NoCredential);
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
            let alone = fixed::Expected::refused(401, &[NO_STORE, ALONE], reason);
            send(stack, request.clone()).await.is(&alone);
            // where something else can challenge, that is enough
            let stack = ServiceBuilder::new().layer(gate.clone()).layer(either.clone());
            let bearer = fixed::Expected::refused(401, &[NO_STORE, W0], reason);
            send(stack, request).await.is(&bearer);
        }
    }
    let stack = ServiceBuilder::new().layer(gate).layer(cookie);
    let good = get(&["cookie: session=alice"]);
    send(stack, good).await.is(&fixed::Expected::passed("Cookies alice"));
    ledger::passed("3.0-cookie-on-api");
}

/// The second instance does nothing, and says so once.
async fn one_gate_twice() {
    let log = Log::capture();
    let validator = Fixed::default();
    let gate = fixed::gate_of(&validator);
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
    let outer_gate = fixed::gate_of(&outer);
    let inner_gate = fixed::gate_of(&inner);
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
