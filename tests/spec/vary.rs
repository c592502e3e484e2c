//! Answers that depend on the credential, and caches (RFC 9110 §12.5.5, RFC 9111 §4.1).

use http::{HeaderValue, Response, header::VARY};
use portcullis::scheme::CrossSiteGuard;
use portcullis::{
    AuthErrorKind, AuthenticateLayer, Bearer, BearerAuth, Cookies, Scheme, TicketAuth, policy,
};
use tower::{
    ServiceBuilder,
    util::{MapResponseLayer, option_layer},
};

use super::ledger;
use crate::support::fixed::{
    Body, Expected, Fixed, Handler, NO_STORE, NOBODY, W0, WI_EXPIRED, gate, get, ok, send_to,
};
use crate::support::ticket_stand::{COOKIE, Stand};

chapter! {
    async fn routes_that_serve_anonymous_callers_too;
    async fn refusals;
}

const NAMED: &str = "vary: authorization";

/// What the handler says by itself, and what the answer says.
#[rustfmt::skip]
const LINES: &[(&[&str], &[&str])] = &[
    (&[], &[NAMED]),
    (&["accept-encoding"], &["vary: accept-encoding", NAMED]),
    (&["accept", "origin, cookie"], &["vary: accept", "vary: origin, cookie", NAMED]),
    (&["accept ,Authorization"], &["vary: accept ,Authorization"]),
    (&["accept", "AUTHORIZATION"], &["vary: accept", "vary: AUTHORIZATION"]),
    (&["*"], &["vary: *"]),
    (&["proxy-authorization"], &["vary: proxy-authorization", NAMED]),
    (&[""], &["vary: ", NAMED]),
];

async fn routes_that_serve_anonymous_callers_too() {
    let scheme = Scheme::bearer(Bearer, Fixed::default()).vary();
    let public = AuthenticateLayer::new((scheme,)).unwrap();
    let by_stack = BearerAuth::new(Fixed::default()).unwrap().vary().unwrap().optional();
    for gate in [public, by_stack] {
        for (said, expected) in LINES {
            // also where the handler runs as nobody: that answer is not for alice
            for (lines, saw) in [
                (&[][..], ""),
                (&["authorization: Bearer alice"], "Bearer alice"),
                (&["authorization: Bearer Expired"], ""),
                (&["authorization: Basic eA=="], ""),
            ] {
                let layers = (gate.clone(), said_by_the_service(said));
                let answer = send_to(layers, Handler::new(ok), get(lines)).await;
                assert_eq!((answer.status, answer.saw.as_deref()), (200, Some(saw)));
                assert_eq!(answer.headers, *expected, "{said:?} {lines:?}");
            }
        }
    }
    // by default nothing is said
    send_to(gate(), Handler::new(ok), get(&[])).await.is(&NOBODY);

    // where several credentials may decide, each is named
    let cookie = Scheme::cookie(Cookies, "session", Fixed::default());
    let cookie = cookie.guard(CrossSiteGuard::new()).vary();
    let bearer = Scheme::bearer(Bearer, Fixed::default()).vary();
    let both = AuthenticateLayer::new((Scheme::from(bearer), Scheme::from(cookie))).unwrap();
    for (lines, saw) in [
        (&[][..], ""),
        (&["cookie: session=abc"], "Cookies alice"),
        (&["authorization: Bearer bob", "cookie: session=abc"], "Bearer bob, Cookies alice"),
    ] {
        for layer in [None, Some(both.suppress_all())] {
            let layers = (both.clone(), option_layer(layer.clone()));
            let answer = send_to(layers, Handler::new(ok), get(lines)).await;
            assert_eq!(answer.headers, [NAMED, "vary: cookie"], "{lines:?}");
            let saw = if layer.is_some() { "" } else { saw };
            assert_eq!((answer.status, answer.saw.as_deref()), (200, Some(saw)));
        }
    }

    let stand = Stand::new();
    let tickets = TicketAuth::new(COOKIE, stand.katana()).unwrap();
    for (varies, expected) in [(false, &[][..]), (true, &["vary: cookie"])] {
        let auth = if varies { tickets.clone().vary().unwrap() } else { tickets.clone() };
        for (lines, saw) in [
            (vec![], ""),
            (vec![format!("cookie: {COOKIE}={}", stand.katana_ticket().build())], "Cookies alice"),
        ] {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let answer = send_to(auth.clone().optional(), Handler::new(ok), get(&lines)).await;
            assert_eq!((answer.status, answer.saw.as_deref()), (200, Some(saw)));
            assert_eq!(answer.headers, expected);
        }
    }
}

/// A layer inside the gate that adds these lines.
fn said_by_the_service(
    said: &'static [&'static str],
) -> MapResponseLayer<impl Fn(Response<Body>) -> Response<Body> + Clone> {
    MapResponseLayer::new(move |mut response: Response<Body>| {
        for line in said {
            response.headers_mut().append(VARY, HeaderValue::from_static(line));
        }
        response
    })
}

async fn refusals() {
    let scheme = Scheme::bearer(Bearer, Fixed::default()).vary();
    let gate = AuthenticateLayer::new((scheme,)).unwrap();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    for (lines, expected) in [
        (&[][..], Expected::refused(401, &[NO_STORE, NAMED, W0], AuthErrorKind::NoCredential)),
        (
            &["authorization: Bearer Expired"],
            Expected::refused(401, &[NO_STORE, NAMED, WI_EXPIRED], AuthErrorKind::Expired),
        ),
        (
            &["authorization: Bearer down"],
            Expected::refused(
                503,
                &[NO_STORE, "retry-after: 7", NAMED],
                AuthErrorKind::IssuerUnreachable,
            ),
        ),
    ] {
        send_to(stack.clone(), Handler::new(ok), get(lines)).await.is(&expected);
    }
    // a bare 401 of the handler as well
    let bare = || {
        let mut response = Response::new(Body::default());
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        response
    };
    let answer = send_to(gate, Handler::new(bare), get(&[])).await;
    assert_eq!(answer.headers, [NO_STORE, "vary: accept", NAMED, W0]);
    ledger::passed("9111-03");
}
