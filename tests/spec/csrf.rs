//! The guard for whole routes: what another site's page starts in the name of its visitor
//! (RFC 9700 §4.7, RFC 6265 §8.2).

use std::convert::Infallible;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use portcullis::challenge::{Challenge, ChallengeReason};
use portcullis::csrf::CsrfLayer;
use portcullis::rejection::ProblemDetails;
use portcullis::scheme::{Authenticator, CrossSiteGuard};
use portcullis::testing::TicketMint;
use portcullis::{
    Attempt, AuthErrorKind, AuthenticateLayer, Bearer, Cookies, Outcome, Rejection, Scheme,
    SchemeName, policy,
};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

use super::ledger::{self, Row};
use crate::support::fixed::{Body, Expected, Fixed, NO_STORE, NOBODY, W0, person, send};
use crate::support::logs::Log;
use crate::support::session::{Tickets, WC};

chapter! {
    async fn a_form_of_another_site;
    async fn which_requests_are_asked;
    async fn every_other_credential_by_itself;
    async fn a_login_form_of_another_site;
    async fn wiring;
    async fn the_answer;
    async fn grpc;
}

/// No challenge: signing in again would not mend it.
const OTHER_SITE: Expected = Expected::refused(403, &[NO_STORE], AuthErrorKind::CrossSiteRequest);
const ALICE: Expected = Expected::passed("Cookies alice");

const ORIGIN_EVIL: &str = "origin: https://evil.test";
const CROSS: &str = "sec-fetch-site: cross-site";
const HANDSHAKE: &str = "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==";
const COOKIE: &str = "cookie: .ASPXAUTH=alice";
const BAD_COOKIE: &str = "cookie: .ASPXAUTH=forged";
const TOKEN: &str = "authorization: Bearer alice";
const BAD_TOKEN: &str = "authorization: Bearer BadSignature";

/// A bearer and a cookie, as most estates have them.
fn gate() -> AuthenticateLayer {
    let cookie = Scheme::cookie(Cookies, ".ASPXAUTH", Tickets::default());
    AuthenticateLayer::new((cookie, Scheme::bearer(Bearer, Fixed::default()))).unwrap()
}

fn guard() -> CrossSiteGuard {
    CrossSiteGuard::new().allow_origin("https://spa.test")
}

fn request(method: &Method, lines: &[&str]) -> Request<Body> {
    let mut request =
        Request::builder().method(method).uri("/transfer").header("host", "bank.test");
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Body::default()).unwrap()
}

/// What the browser says about a page, and whether that page may act for its visitor.
struct Page {
    method: Method,
    signs: &'static [&'static str],
    may: bool,
}

impl Row for Page {
    fn id(&self) -> &str {
        "CK-09 6265-10"
    }
}

#[rustfmt::skip]
const PAGES: &[Page] = &[
    Page { method: Method::POST, signs: &["origin: https://bank.test", "sec-fetch-site: same-origin"], may: true },
    Page { method: Method::POST, signs: &["origin: https://bank.test"], may: true },
    Page { method: Method::POST, signs: &["sec-fetch-site: none"], may: true },
    Page { method: Method::POST, signs: &["origin: https://spa.test", CROSS], may: true },
    Page { method: Method::POST, signs: &[ORIGIN_EVIL], may: false },
    Page { method: Method::POST, signs: &[ORIGIN_EVIL, CROSS], may: false },
    Page { method: Method::POST, signs: &[CROSS], may: false },
    Page { method: Method::POST, signs: &["sec-fetch-site: same-site", "origin: https://shop.bank.test"], may: false },
    Page { method: Method::POST, signs: &["origin: null"], may: false },
    Page { method: Method::POST, signs: &["origin: null", CROSS], may: false },
    // no browser, or one of long ago: nothing says that the page is ours
    Page { method: Method::POST, signs: &[], may: false },
    Page { method: Method::PUT, signs: &[ORIGIN_EVIL], may: false },
    Page { method: Method::PATCH, signs: &[ORIGIN_EVIL], may: false },
    Page { method: Method::DELETE, signs: &[ORIGIN_EVIL], may: false },
    // what changes nothing needs no sign
    Page { method: Method::GET, signs: &[ORIGIN_EVIL, CROSS], may: true },
    Page { method: Method::HEAD, signs: &[CROSS], may: true },
    Page { method: Method::OPTIONS, signs: &[ORIGIN_EVIL], may: true },
    Page { method: Method::TRACE, signs: &[ORIGIN_EVIL], may: true },
    // what opens a channel may change anything through it (RFC 6455 §10.2)
    Page { method: Method::GET, signs: &[HANDSHAKE, ORIGIN_EVIL], may: false },
    Page { method: Method::GET, signs: &[HANDSHAKE, CROSS], may: false },
    Page { method: Method::GET, signs: &[HANDSHAKE], may: false },
    Page { method: Method::GET, signs: &[HANDSHAKE, "origin: https://bank.test"], may: true },
    Page { method: Method::CONNECT, signs: &[ORIGIN_EVIL], may: false },
];

async fn a_form_of_another_site() {
    let gate = gate();
    let require = gate.require(policy::scheme(Cookies)).unwrap();
    let outside = CsrfLayer::new(guard());
    ledger::table_async(PAGES, async |row| {
        let lines = [&[COOKIE][..], row.signs].concat();
        let expected = if row.may { ALICE } else { OTHER_SITE };
        // before the requirement and behind it
        let stack = ServiceBuilder::new().layer(gate.clone());
        let before = stack.clone().layer(outside.clone()).layer(require.clone());
        send(before, request(&row.method, &lines)).await.is(&expected);
        let behind = stack.layer(require.clone()).layer(outside.clone());
        send(behind, request(&row.method, &lines)).await.is(&expected);
    })
    .await;
}

/// A request that another site's page started, and what the guard says to it.
struct Carried {
    lines: &'static [&'static str],
    expected: Expected,
}

impl Row for Carried {
    fn id(&self) -> &str {
        "CK-09 6265-10"
    }
}

const CARRIED: &[Carried] = &[
    // nobody is signed in, so nobody's name is abused
    Carried { lines: &[], expected: NOBODY },
    Carried { lines: &[BAD_COOKIE], expected: NOBODY },
    Carried { lines: &[BAD_TOKEN], expected: NOBODY },
    // no page can add a good token without leave
    Carried { lines: &[TOKEN], expected: Expected::passed("Bearer alice") },
    Carried { lines: &[COOKIE, TOKEN], expected: Expected::passed("Cookies alice, Bearer alice") },
    Carried { lines: &[BAD_COOKIE, TOKEN], expected: Expected::passed("Bearer alice") },
    // one that is not good does not stand for the cookie
    Carried { lines: &[COOKIE], expected: OTHER_SITE },
    Carried { lines: &[COOKIE, BAD_TOKEN], expected: OTHER_SITE },
    Carried { lines: &[COOKIE, "authorization: Bearer down"], expected: OTHER_SITE },
    Carried { lines: &[COOKIE, "authorization: Basic YWxpY2U6cHc="], expected: OTHER_SITE },
];

async fn which_requests_are_asked() {
    ledger::table_async(CARRIED, async |row| {
        let stack = ServiceBuilder::new().layer(gate()).layer(CsrfLayer::new(guard()));
        let lines = [&[ORIGIN_EVIL][..], row.lines].concat();
        send(stack, request(&Method::POST, &lines)).await.is(&row.expected);
    })
    .await;

    // where the cookie is hidden, it moves nothing, and the guard has no business
    let gate = gate();
    let api = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.suppress_all_but(Bearer).unwrap())
        .layer(CsrfLayer::new(guard()))
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    let nothing = Expected::refused(401, &[NO_STORE, W0], AuthErrorKind::NoCredential);
    send(api, request(&Method::POST, &[ORIGIN_EVIL, COOKIE])).await.is(&nothing);
    // where the token is hidden, it does not stand for the cookie
    let page = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.suppress_all_but(Cookies).unwrap())
        .layer(CsrfLayer::new(guard()));
    send(page, request(&Method::POST, &[ORIGIN_EVIL, COOKIE, TOKEN])).await.is(&OTHER_SITE);
    // a passive scheme counts: a handler may ask for it by name
    let cookie = Scheme::cookie(Cookies, ".ASPXAUTH", Tickets::default()).passive();
    let external = AuthenticateLayer::new((cookie,)).unwrap();
    let stack = ServiceBuilder::new().layer(external).layer(CsrfLayer::new(guard()));
    send(stack, request(&Method::POST, &[ORIGIN_EVIL, COOKIE])).await.is(&OTHER_SITE);
    // a token in a cookie is ambient; with a guard of its own it is nobody here, and no more
    let token = Scheme::cookie(Cookies, ".ASPXAUTH", Fixed::default()).guard(guard());
    let gate = AuthenticateLayer::new((token,)).unwrap();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(CsrfLayer::new(CrossSiteGuard::new()))
        .layer(gate.require(policy::scheme(Cookies)).unwrap());
    send(stack.clone(), request(&Method::POST, &[ORIGIN_EVIL, COOKIE])).await.is(&OTHER_SITE);
    // the stricter of the two counts
    let spa = request(&Method::POST, &["origin: https://spa.test", COOKIE]);
    send(stack, spa).await.is(&OTHER_SITE);
    ledger::passed("CK-09 6265-10 P20");
}

/// A scheme of the application's own says what a browser does with its credential.
async fn every_other_credential_by_itself() {
    #[derive(Debug)]
    struct Certificate {
        is_ambient: bool,
    }
    impl Authenticator for Certificate {
        fn authenticate(&self, _: &Parts) -> Attempt<Outcome> {
            Attempt::ready(Outcome::Verified(person("alice", "", "")))
        }
        fn challenge(&self, _: ChallengeReason<'_>) -> Option<Challenge> {
            None
        }
        fn is_ambient(&self) -> bool {
            self.is_ambient
        }
    }
    const MTLS: SchemeName = SchemeName::from_static("Mtls");
    for (is_ambient, expected) in [(true, OTHER_SITE), (false, Expected::passed("Mtls alice"))] {
        let scheme = Scheme::custom(MTLS, Certificate { is_ambient });
        let gate = AuthenticateLayer::new((scheme,)).unwrap();
        let stack = ServiceBuilder::new().layer(gate).layer(CsrfLayer::new(guard()));
        send(stack, request(&Method::POST, &[ORIGIN_EVIL])).await.is(&expected);
    }
    ledger::passed("6265-10");
}

/// Another site's page signs its visitor in under its own name: nobody is signed in by then.
async fn a_login_form_of_another_site() {
    let mint = TicketMint::new();
    let ticket = mint.forms("mallory").build();
    let login = {
        let ticket = ticket.clone();
        move || {
            let ticket = ticket.clone();
            service_fn(move |_: Request<Body>| {
                let cookie = format!(".ASPXAUTH={ticket}");
                let response = Response::builder().header("set-cookie", cookie);
                let response = response.body(Body::default()).unwrap();
                async { Ok::<_, Infallible>(response) }
            })
        }
    };
    let post = |lines: &[&str]| {
        let mut request = request(&Method::POST, lines);
        *request.uri_mut() = "/login".parse().unwrap();
        request
    };
    // without a gate, and behind one
    for is_gated in [false, true] {
        let guarded = CsrfLayer::new(guard()).everybody();
        let stack = ServiceBuilder::new().option_layer(is_gated.then(gate)).layer(guarded);
        for (lines, status) in [
            (&["origin: https://bank.test"][..], 200),
            (&["origin: https://spa.test"], 200),
            (&[ORIGIN_EVIL], 403),
            (&["origin: null"], 403),
            (&[CROSS], 403),
            (&[], 403),
            (&[COOKIE, ORIGIN_EVIL], 403),
            (&[BAD_COOKIE, ORIGIN_EVIL], 403),
            // what no page can send is no page
            (&[TOKEN, ORIGIN_EVIL], if is_gated { 200 } else { 403 }),
        ] {
            let service = stack.clone().service(login());
            let response = service.oneshot(post(lines)).await.unwrap();
            assert_eq!(response.status(), status, "{lines:?} {is_gated}");
            let is_signed_in = response.headers().contains_key("set-cookie");
            assert_eq!(is_signed_in, status == 200, "{lines:?}");
        }
    }
    // without the word, the route is open: the guard asks only about credentials
    let stack = ServiceBuilder::new().layer(gate()).layer(CsrfLayer::new(guard()));
    let response = stack.service(login()).oneshot(post(&[ORIGIN_EVIL])).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);

    let documented = include_str!("../../docs/SECURITY-MODEL.md");
    assert!(documented.contains("login CSRF") && documented.contains(".everybody()"));
    ledger::passed("CK-17");
}

/// No gate outside: the layer does not guess.
async fn wiring() {
    let log = Log::capture();
    let stack = CsrfLayer::new(guard());
    let service = stack.layer(service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::default()))
    }));
    let response = service.clone().oneshot(request(&Method::POST, &[COOKIE])).await.unwrap();
    assert_eq!(response.status(), 500);
    let reason = response.extensions().get::<Rejection>().unwrap().reason().kind();
    assert_eq!(reason, AuthErrorKind::NoGate);
    assert_eq!(log.lines_with("CsrfLayer").len(), 1, "{}", log.text());
    // what needs no word needs no record either
    for (method, lines) in
        [(Method::GET, &[ORIGIN_EVIL][..]), (Method::POST, &["sec-fetch-site: none"])]
    {
        let response = service.clone().oneshot(request(&method, lines)).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    ledger::passed("6265-10");
}

/// One line for the operator; a body for the page; no challenge beside it, and no cookie in it.
async fn the_answer() {
    let log = Log::capture();
    let stack = ServiceBuilder::new()
        .layer(gate())
        .layer(CsrfLayer::new(guard()).respond_with(ProblemDetails));
    let handler = service_fn(async |_: Request<Body>| -> Result<Response<Body>, Infallible> {
        panic!("the handler does not run")
    });
    let sent = request(&Method::POST, &[ORIGIN_EVIL, "cookie: .ASPXAUTH=alice.cookie-value"]);
    let response = stack.service(handler).oneshot(sent).await.unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(!response.headers().contains_key("www-authenticate"));
    let lines = log.lines_with("CrossSiteRequest");
    assert!(lines.iter().any(|it| it.contains("INFO") && it.contains("status=403")), "{lines:?}");
    assert!(!log.text().contains("cookie-value"), "{}", log.text());

    // the cookie that was good is renewed all the same: the user is there
    let stack = ServiceBuilder::new().layer(gate()).layer(CsrfLayer::new(guard()));
    let old = request(&Method::POST, &[ORIGIN_EVIL, "cookie: .ASPXAUTH=alice.old"]);
    let answer = send(stack, old).await;
    assert_eq!(answer.status, 403);
    assert!(answer.headers.iter().any(|it| it.starts_with("set-cookie: .ASPXAUTH=alice.new;")));

    // where nobody is signed in, the requirement has the word: 401, not 403
    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(CsrfLayer::new(guard()))
        .layer(gate.require(policy::scheme(Cookies)).unwrap());
    let bad = request(&Method::POST, &[ORIGIN_EVIL, BAD_COOKIE]);
    let expected = Expected::refused(401, &[NO_STORE, WC], AuthErrorKind::TicketUndecryptable);
    send(stack, bad).await.is(&expected);
    ledger::passed("CK-09 6265-10");
}

async fn grpc() {
    let stack = ServiceBuilder::new().layer(gate()).layer(CsrfLayer::new(guard()));
    let lines = [ORIGIN_EVIL, COOKIE, "content-type: application/grpc"];
    let answer = send(stack, request(&Method::POST, &lines)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.iter().any(|line| line == "grpc-status: 7"), "{answer:?}");
    assert_eq!(answer.saw, None);
    ledger::passed("6265-10");
}
