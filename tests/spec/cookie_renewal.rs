//! What a cookie scheme adds to the answer: renewal and deletion (host authentication §8.3, `R14`).

use std::sync::Arc;

use http::{HeaderValue, Response, header};
use portcullis::policy::{self, PolicyExt};
use portcullis::scheme::TicketCookie;
use portcullis::token::{InMemoryRevocations, Renewed};
use portcullis::{AuthErrorKind, AuthenticateLayer, Bearer, Cookies, Scheme, UnixTime};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use super::ledger;
use crate::support::cookie_house::{APPLICATION, CookieHouse};
use crate::support::fixed::{Body, Expected, Fixed, Handler, NO_STORE, W0, ok, send, send_to};
use crate::support::session::{Tickets, WC, asking, both, gate};

chapter! {
    async fn renewal;
    async fn renewal_of_what_was_waited_for;
    async fn renewal_under_suppression;
    async fn gates_in_gates_renew_once;
    async fn an_error_of_the_service_is_untouched;
    async fn three_cookies_in_one_response;
    async fn a_session_that_the_application_ended;
    async fn revoked;
}

const NEW: &str = "set-cookie: .ASPXAUTH=alice.new; HttpOnly; SameSite=Lax; Secure; Path=/";
const KEPT: &str = "set-cookie: .ASPXAUTH=alice.new; HttpOnly; SameSite=Lax; Secure; Path=/; Expires=Fri, 15 Jan 2027 08:00:00 GMT";
const GONE: &str = "set-cookie: .ASPXAUTH=; HttpOnly; SameSite=Lax; Secure; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
const NO_CACHE: &str = "cache-control: no-cache";
const EXPIRES: &str = "expires: -1";
const PRAGMA: &str = "pragma: no-cache";
const RENEWED: &[&str] = &[NO_CACHE, EXPIRES, PRAGMA, NEW];
const DELETED: &[&str] = &[NO_CACHE, EXPIRES, PRAGMA, GONE];

fn answering(status: u16) -> Response<Body> {
    let mut response = ok();
    *response.status_mut() = status.try_into().unwrap();
    response
}

fn signs_out() -> Response<Body> {
    let mut response = ok();
    let cookie = TicketCookie::try_from(".ASPXAUTH").unwrap();
    cookie.delete(Default::default(), response.headers_mut());
    response
}

/// `GET /` with a session of alice that is due to be renewed.
const OLD: &[&str] = &["cookie: .ASPXAUTH=alice.old"];

async fn renewal() {
    type Respond = fn() -> Response<Body>;
    type Lines = &'static [&'static str];
    let rows: [(&str, Lines, Respond, u16, Lines); 8] = [
        ("young", &["cookie: .ASPXAUTH=alice"], ok, 200, &[]),
        ("old", OLD, ok, 200, RENEWED),
        ("C11", &["cookie: .ASPXAUTH=alice.old.kept"], ok, 200, &[NO_CACHE, EXPIRES, PRAGMA, KEPT]),
        ("C15", OLD, || answering(500), 500, RENEWED),
        ("not found", OLD, || answering(404), 404, RENEWED),
        ("C16", OLD, signs_out, 200, DELETED),
        ("a bare 401", OLD, || answering(401), 401, &[NO_STORE, EXPIRES, PRAGMA, NEW, WC]),
        (
            "the handler's own no-store",
            OLD,
            || {
                let mut response = ok();
                let lines = ["private", "max-age=0, No-Store"];
                for line in lines {
                    response
                        .headers_mut()
                        .append(header::CACHE_CONTROL, HeaderValue::from_static(line));
                }
                response
            },
            200,
            &["cache-control: private", "cache-control: max-age=0, No-Store", EXPIRES, PRAGMA, NEW],
        ),
    ];
    for (id, lines, respond, status, headers) in rows {
        let answer = send_to(gate(".ASPXAUTH"), Handler::new(respond), asking(lines)).await;
        assert_eq!(answer.status, status, "{id}");
        assert_eq!(answer.headers, headers, "{id}");
        assert_eq!(answer.saw.as_deref(), Some("Cookies alice"), "{id}");
    }
    // also where the answer is a refusal for want of something else
    let gate = both();
    let require = gate.require(policy::scheme(Bearer).and(policy::scheme(Cookies))).unwrap();
    let answer = send(ServiceBuilder::new().layer(gate).layer(require), asking(OLD)).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.headers, [NO_STORE, EXPIRES, PRAGMA, NEW, W0]);
    ledger::passed("C11 C15 C16");
}

async fn renewal_of_what_was_waited_for() {
    let cookie = Scheme::cookie(Cookies, ".AspNet.A", Tickets { is_slow: true });
    let gate = AuthenticateLayer::new((cookie,)).unwrap();
    let lines = &["cookie: .AspNet.A=chunks:2; .AspNet.AC1=alice; .AspNet.AC2=.old"];
    let answer = send(gate, asking(lines)).await;
    let set: Vec<_> = answer.headers.iter().filter(|line| line.starts_with("set-cookie")).collect();
    assert_eq!(answer.saw.as_deref(), Some("Cookies alice"));
    assert_eq!(set.len(), 3, "{set:?}"); // the two chunks are deleted
    assert!(set[0].starts_with("set-cookie: .AspNet.A=alice.new;"));
}

/// The user is there, whoever the route looks at (`R14`).
async fn renewal_under_suppression() {
    for renews in [true, false] {
        let cookie = Scheme::cookie(Cookies, ".ASPXAUTH", Tickets::default());
        let bearer = Scheme::bearer(Bearer, Fixed::default());
        let gate = AuthenticateLayer::new((bearer, cookie.renew_when_suppressed(renews))).unwrap();
        let require = || gate.require(policy::scheme(Bearer)).unwrap();
        let keep = |name: &str| match name {
            "Bearer" => gate.suppress_all_but(Bearer).unwrap(),
            _ => gate.suppress_all_but((Bearer, Cookies)).unwrap(),
        };
        let hidden = |keep| ServiceBuilder::new().layer(gate.clone()).layer(keep).layer(require());
        let expected: &[&str] = if renews { RENEWED } else { &[] };
        let lines = [OLD, &["authorization: Bearer alice"]].concat();
        let answer = send(hidden(keep("Bearer")), asking(&lines)).await;
        assert_eq!((answer.status, answer.saw.as_deref()), (200, Some("Bearer alice")));
        assert_eq!(answer.headers, expected);
        // row 39: on a refusal as well
        let answer = send(hidden(keep("Bearer")), asking(OLD)).await;
        assert_eq!(answer.status, 401);
        let refused: &[&str] =
            if renews { &[NO_STORE, EXPIRES, PRAGMA, NEW, W0] } else { &[NO_STORE, W0] };
        assert_eq!(answer.headers, refused);
        // a suppression that keeps the cookie is none to it, nor is one further out
        let answer = send(hidden(keep("both")), asking(&lines)).await;
        assert_eq!(answer.headers, RENEWED);
        let twice = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(keep("both"))
            .layer(keep("Bearer"))
            .layer(require());
        assert_eq!(send(twice, asking(&lines)).await.headers, expected);
        // another gate between the two: the outer gate's scheme is still the one that is hidden
        let inner = AuthenticateLayer::new((Scheme::bearer(Bearer, Fixed::default()),)).unwrap();
        let nested = ServiceBuilder::new().layer(gate.clone()).layer(inner).layer(keep("Bearer"));
        assert_eq!(send(nested, asking(&lines)).await.headers, expected);
    }

    // the same word of the stack
    let house = CookieHouse::katana(|tickets| tickets);
    let cookie = format!("cookie: {APPLICATION}={}", house.ticket().build());
    house.at(6, 0);
    for renews in [true, false] {
        let gate = house.auth.clone().renew_when_suppressed(renews).unwrap().optional();
        let hidden = ServiceBuilder::new().layer(gate.clone()).layer(gate.suppress_all());
        let answer = send(hidden, asking(&[&cookie])).await;
        assert_eq!((answer.status, answer.saw.as_deref()), (200, Some("")));
        let is_renewed = answer.headers.iter().any(|line| line.starts_with("set-cookie: "));
        assert_eq!(is_renewed, renews, "{:?}", answer.headers);
    }
}

async fn gates_in_gates_renew_once() {
    let bearer = || AuthenticateLayer::new((Scheme::bearer(Bearer, Fixed::default()),)).unwrap();
    let cookie = || gate(".ASPXAUTH");
    let outer = ServiceBuilder::new().layer(cookie()).layer(bearer());
    assert_eq!(send(outer, asking(OLD)).await.headers, RENEWED);
    let inner = ServiceBuilder::new().layer(bearer()).layer(cookie());
    assert_eq!(send(inner, asking(OLD)).await.headers, RENEWED);
    // two gates that renew the same cookie: the inner one's word counts
    let twice = ServiceBuilder::new().layer(cookie()).layer(cookie());
    assert_eq!(send(twice, asking(OLD)).await.headers, RENEWED);
    ledger::passed("6265-09");
}

async fn an_error_of_the_service_is_untouched() {
    let fails = service_fn(async |_: http::Request<Body>| Err::<Response<Body>, _>("broken"));
    assert_eq!(gate(".ASPXAUTH").layer(fails).oneshot(asking(OLD)).await.unwrap_err(), "broken");
    // an upgrade as well, but for the cookie
    let answer = send_to(gate(".ASPXAUTH"), Handler::new(|| answering(101)), asking(OLD)).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.headers, RENEWED);
}

/// An application cookie, a forms cookie and a session cookie: none loses another.
async fn three_cookies_in_one_response() {
    fn handler() -> Response<Body> {
        let mut response = ok();
        let theirs = HeaderValue::from_static("theme=dark; Path=/");
        response.headers_mut().append(header::SET_COOKIE, theirs);
        let session = TicketCookie::try_from("session").unwrap();
        let ticket = Renewed::new("s1", None);
        session.issue(Default::default(), response.headers_mut(), &ticket).unwrap();
        response
    }
    let answer = send_to(gate(".ASPXAUTH"), Handler::new(handler), asking(OLD)).await;
    let set: Vec<_> = answer.headers.iter().filter(|line| line.starts_with("set-cookie")).collect();
    let session = "set-cookie: session=s1; HttpOnly; SameSite=Lax; Secure; Path=/";
    assert_eq!(set, ["set-cookie: theme=dark; Path=/", session, NEW]);
    ledger::passed("6265-09");
}

/// A changed security stamp and a user who is gone delete the cookie; nothing else does.
async fn a_session_that_the_application_ended() {
    for kind in AuthErrorKind::ALL {
        let line = format!("cookie: .ASPXAUTH={}", kind.name());
        let answer = send(gate(".ASPXAUTH"), asking(&[&line])).await;
        assert_eq!((answer.status, answer.saw.as_deref()), (200, Some("")), "{kind}");
        let ended = matches!(kind, AuthErrorKind::StampMismatch | AuthErrorKind::UserGone);
        assert_eq!(answer.headers, if ended { DELETED } else { &[] }, "{kind}");
    }
    // S8: also where the cookie is hidden and a bearer is served
    let gate = both();
    let keep = gate.suppress_all_but(Bearer).unwrap();
    let lines = ["authorization: Bearer alice", "cookie: .ASPXAUTH=StampMismatch"];
    let answer = send(ServiceBuilder::new().layer(gate).layer(keep), asking(&lines)).await;
    assert_eq!((answer.status, answer.saw.as_deref()), (200, Some("Bearer alice")));
    assert_eq!(answer.headers, DELETED);
    // a sign-in of this very response stays
    fn signs_in() -> Response<Body> {
        let mut response = ok();
        let cookie = TicketCookie::try_from(".ASPXAUTH").unwrap();
        let ticket = Renewed::new("alice.new", None);
        cookie.issue(Default::default(), response.headers_mut(), &ticket).unwrap();
        response
    }
    let request = asking(&["cookie: .ASPXAUTH=UserGone"]);
    let answer = send_to(self::gate(".ASPXAUTH"), Handler::new(signs_in), request).await;
    assert_eq!(answer.headers, RENEWED);
}

/// Asked on every request; what is revoked is not renewed.
async fn revoked() {
    let revocations = Arc::new(InMemoryRevocations::default());
    let cookie = Scheme::cookie(Cookies, ".ASPXAUTH", Tickets::default());
    let gate = AuthenticateLayer::new((cookie.revocations(revocations.clone()),)).unwrap();
    assert_eq!(send(gate.clone(), asking(OLD)).await.headers, RENEWED);
    revocations.revoke_subject("estate", "alice", UnixTime::MAX, UnixTime::MAX);
    send(gate, asking(OLD)).await.is(&Expected::passed(""));
}
