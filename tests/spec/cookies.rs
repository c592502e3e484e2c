//! Cookies that carry a ticket: found, renewed, set and deleted (host authentication §8, §9).

use http::{Extensions, HeaderMap, HeaderValue, header};
use portcullis::policy::{self, PolicyExt};
use portcullis::scheme::{SameSite, TicketCookie, Transport, TransportSource};
use portcullis::token::Renewed;
use portcullis::{AuthErrorKind, AuthenticateLayer, Bearer, Cookies, Scheme, UnixTime};
use tower::ServiceBuilder;

use super::ledger;
use crate::support::fixed::{Expected, NO_STORE, W0, WI, send};
use crate::support::session::{Reading, Tickets, WC, asking, both, read, set_cookies};

chapter! {
    async fn reading;
    async fn bearer_and_cookie_side_by_side;
    async fn tls_is_demanded;
    fn secure_as_the_request;
    fn attributes;
    fn impossible_cookies_are_refused_at_start;
    fn the_last_word_counts;
    fn no_cache;
    fn expires_far_away;
}

const fn forms(
    id: &'static str,
    lines: &'static [&'static str],
    expected: Result<&'static str, AuthErrorKind>,
) -> Reading {
    Reading { id, name: ".ASPXAUTH", lines, expected }
}

const fn host(
    id: &'static str,
    lines: &'static [&'static str],
    expected: Result<&'static str, AuthErrorKind>,
) -> Reading {
    Reading { id, name: "__Host-s", lines, expected }
}

const ALICE: Result<&str, AuthErrorKind> = Ok("Cookies alice");
const ABSENT: Result<&str, AuthErrorKind> = Err(AuthErrorKind::NoCredential);
const TWICE: Result<&str, AuthErrorKind> = Err(AuthErrorKind::AmbiguousCookie);
const NO_TICKET: Result<&str, AuthErrorKind> = Err(AuthErrorKind::TicketUndecryptable);

#[rustfmt::skip]
const READINGS: &[Reading] = &[
    forms("6265-03", &["cookie: .ASPXAUTH=alice"], ALICE),
    forms("6265-03", &["cookie: .ASPXAUTH=alicf"], NO_TICKET),
    forms("F10", &["cookie: .ASPXAUTH="], ABSENT),
    forms("F10", &["cookie: .ASPXAUTH=a"], ABSENT),
    forms("F10", &["cookie: .ASPXAUTH=NoCookie"], ABSENT),
    forms("F14 CK-01 6265-01", &["cookie: .ASPXAUTH=alice; .ASPXAUTH=forged"], TWICE),
    forms("F14 CK-01 6265-01", &["cookie: .ASPXAUTH=forged; .ASPXAUTH=alice"], TWICE),
    forms("F14 CK-01 6265-01", &["cookie: .ASPXAUTH=alice; x=y; .ASPXAUTH=bob"], TWICE),
    forms("F14 CK-01 6265-01", &["cookie: .ASPXAUTH=alice", "cookie: .ASPXAUTH=alice"], TWICE),
    forms("F14 CK-01 6265-01", &["cookie: .ASPXAUTH=alice; .ASPXAUTH="], TWICE),
    forms("6265-02", &["cookie: a=b", "cookie: .ASPXAUTH=alice", "cookie: c=d; e=f"], ALICE),
    forms("6265-03", &["cookie: .ASPXAUTH=\"alice\""], NO_TICKET),
    forms("6265-03", &["cookie: a; ; =; ==; a==b; {\"}=[]; \u{e9}=\u{2028}; .ASPXAUTH=alice; \"="], ALICE),
    forms("6265-03", &["cookie: .ASPXAUTH=\u{e9}\u{e9}"], NO_TICKET),
    forms("6265-03", &["cookie:  \t.ASPXAUTH\t = alice\t;x"], ALICE),
    forms("6265-03", &["cookie: x=.ASPXAUTH=alice"], ABSENT),
    forms("6265-03", &["cookie: .ASPXAUTH"], ABSENT),
    forms("6265-03", &["cookie: .ASPXAUTH=alice="], NO_TICKET),
    forms("CK-02", &["cookie: .aspxauth=alice"], ABSENT),
    forms("CK-02", &["cookie: .ASPXAUTH=al%69ce"], NO_TICKET),
    forms("CK-02", &["cookie: $Version=1; .ASPXAUTH=\"a; .ASPXAUTH=alice"], TWICE),
    forms("CK-02", &["cookie: $Version=1; .ASPXAUTH=alice; $Path=/"], ALICE),
    host("CK-02", &["cookie: __Host-s=alice"], ALICE),
    host("CK-02", &["cookie: __%48ost-s=alice"], ABSENT),
    host("CK-02", &["cookie: \u{2000}__Host-s=alice"], ABSENT),
    host("CK-02", &["cookie: \u{a0}__Host-s=alice"], ABSENT),
    host("CK-02", &["cookie: __Host-s\u{3000}=alice"], ABSENT),
    host("CK-02", &["cookie: $__Host-s=alice; __host-s=alice"], ABSENT),
    host("CK-02", &["cookie: \u{2000}__Host-s=bob; __%48ost-s=bob; __Host-s=alice"], ALICE),
    host("CK-03", &["cookie: =__Host-s=alice"], ABSENT),
    host("CK-03", &["cookie: __Host-s"], ABSENT),
    host("CK-03", &["cookie: =__Host-s=bob; __Host-s=alice"], ALICE),
    host("CK-04", &["cookie: $Version=1; a=\"; __Host-s=alice; b=\""], ALICE),
];

async fn reading() {
    read(READINGS).await;
}

async fn bearer_and_cookie_side_by_side() {
    let gate = both();
    let both = gate.require(policy::scheme(Bearer).and(policy::scheme(Cookies))).unwrap();
    let bearer = gate.require(policy::scheme(Bearer)).unwrap();
    let stack = |require| ServiceBuilder::new().layer(gate.clone()).layer(require);
    let (good, bad) = ("authorization: Bearer alice", "authorization: Bearer undefinable");
    let (session, forged) = ("cookie: .ASPXAUTH=alice", "cookie: .ASPXAUTH=forged");
    let none = AuthErrorKind::NoCredential;
    let undecryptable = AuthErrorKind::TicketUndecryptable;
    let rows: [(&[&str], Expected, &[&str]); 7] = [
        (&[good, session], Expected::passed("Bearer alice, Cookies alice"), &[]),
        (&[], Expected::refused(401, &[NO_STORE, W0], none), &["token", "session"]),
        (&[good], Expected::refused(401, &[NO_STORE, WC], none), &["session"]),
        (&[good, forged], Expected::refused(401, &[NO_STORE, WC], undecryptable), &["session"]),
        (&[session], Expected::refused(401, &[NO_STORE, W0], none), &["token"]),
        (
            &[bad, session],
            Expected::refused(401, &[NO_STORE, WI], AuthErrorKind::BadSignature),
            &["token"],
        ),
        (
            &[bad, forged],
            Expected::refused(401, &[NO_STORE, WI], AuthErrorKind::BadSignature),
            &["token", "session"],
        ),
    ];
    for (lines, expected, missing) in rows {
        let answer = send(stack(both.clone()), asking(lines)).await;
        answer.is(&expected);
        assert_eq!(answer.rejection.as_ref().map_or(&[][..], |it| it.missing()), missing);
    }
    // a cookie opens nothing that asks for a token, however good it is
    let stack = ServiceBuilder::new().layer(gate.clone()).layer(bearer);
    send(stack, asking(&[session])).await.is(&Expected::refused(401, &[NO_STORE, W0], none));
    ledger::passed("CK-10");
}

async fn tls_is_demanded() {
    let cookie = Scheme::cookie(Cookies, ".ASPXAUTH", Tickets::default());
    let source = TransportSource::XForwardedProto;
    let gate = AuthenticateLayer::new((cookie.require_tls(source),)).unwrap();
    let require = gate.require(policy::scheme(Cookies)).unwrap();
    let stack = ServiceBuilder::new().layer(gate).layer(require);
    let insecure = Expected::refused(401, &[NO_STORE, WC], AuthErrorKind::InsecureTransport);
    let session = "cookie: .ASPXAUTH=alice";
    send(stack.clone(), asking(&[session])).await.is(&insecure);
    let plain = [session, "x-forwarded-proto: http"];
    send(stack.clone(), asking(&plain)).await.is(&insecure);
    // without the cookie there is nothing to be insecure
    let nothing = Expected::refused(401, &[NO_STORE, WC], AuthErrorKind::NoCredential);
    send(stack.clone(), asking(&["x-forwarded-proto: http"])).await.is(&nothing);
    let tls = [session, "x-forwarded-proto: https"];
    send(stack, asking(&tls)).await.is(&Expected::passed("Cookies alice"));
    ledger::passed("F13");
}

/// The first `Set-Cookie` line for a ticket `xx`.
fn line(cookie: &TicketCookie, extensions: &Extensions) -> String {
    let mut headers = HeaderMap::new();
    let carried = cookie.carried(&HeaderMap::new(), extensions);
    cookie.issue(carried, &mut headers, &Renewed::new("xx", None)).unwrap();
    set_cookies(&headers)[0].to_owned()
}

/// C17: what the sign-in's own request was decides, where that is chosen.
fn secure_as_the_request() {
    let always = TicketCookie::try_from("s").unwrap();
    let same = TicketCookie::builder("s").secure_same_as_request(TransportSource::Server);
    let same = same.build().unwrap();
    let never = TicketCookie::builder("s").dangerous().never_secure().build().unwrap();
    let over = |transport| {
        let mut extensions = Extensions::new();
        extensions.insert(transport);
        extensions
    };
    for (cookie, transport, is_secure) in [
        (&always, Transport::Plain, true),
        (&always, Transport::Tls, true),
        (&same, Transport::Plain, false),
        (&same, Transport::Tls, true),
        (&same, Transport::Unknown, true),
        (&never, Transport::Tls, false),
    ] {
        let line = line(cookie, &over(transport));
        assert_eq!(line.contains("; Secure"), is_secure, "{line} {transport:?}");
        assert!(line.contains("; HttpOnly"));
    }
    ledger::passed("C17");
}

fn attributes() {
    let none = Extensions::new();
    let shown =
        |builder: portcullis::scheme::TicketCookieBuilder| line(&builder.build().unwrap(), &none);
    let cookie = || TicketCookie::builder("s");
    let safe = "s=xx; HttpOnly; SameSite=Lax; Secure; Path=/";
    assert_eq!(shown(cookie()), safe);
    assert_eq!(
        shown(cookie().path("/app").domain(".corp.test").same_site(SameSite::Strict)),
        "s=xx; HttpOnly; SameSite=Strict; Secure; Path=/app; Domain=corp.test"
    );
    assert_eq!(
        shown(cookie().same_site(SameSite::None)),
        "s=xx; HttpOnly; SameSite=None; Secure; Path=/"
    );
    assert_eq!(shown(TicketCookie::builder("__Host-s")), format!("__Host-{safe}"));
    // deletion names the same place
    let cookie = cookie().path("/app").domain("corp.test").build().unwrap();
    let mut headers = HeaderMap::new();
    cookie.delete(Default::default(), &mut headers);
    assert_eq!(
        set_cookies(&headers),
        [
            "s=; HttpOnly; SameSite=Lax; Secure; Path=/app; Domain=corp.test; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        ]
    );
    ledger::passed("CK-11 6265-08");
}

fn impossible_cookies_are_refused_at_start() {
    let cookie = |name: &str| TicketCookie::builder(name);
    let plain = TransportSource::Server;
    for (id, builder) in [
        ("empty", cookie("")),
        ("space", cookie("a b")),
        ("separator", cookie("a;b")),
        ("equals", cookie("a=b")),
        ("control", cookie("a\r\nb")),
        ("not ASCII", cookie("\u{e9}")),
        ("relative path", cookie("s").path("app")),
        ("path that adds attributes", cookie("s").path("/; Domain=evil")),
        ("path of two lines", cookie("s").path("/\r\nSet-Cookie: a=b")),
        ("domain that adds attributes", cookie("s").domain("a; Secure")),
        ("empty domain", cookie("s").domain("")),
        ("__Host- and path", cookie("__Host-s").path("/app")),
        ("__Host- and domain", cookie("__Host-s").domain("corp.test")),
        ("__Host- without Secure", cookie("__Host-s").dangerous().never_secure()),
        ("__Host- now and then Secure", cookie("__Host-s").secure_same_as_request(plain)),
        ("__Secure- without Secure", cookie("__Secure-s").dangerous().never_secure()),
        ("in any case", cookie("__host-s").path("/app")),
        (
            "SameSite=None without Secure",
            cookie("s").same_site(SameSite::None).dangerous().never_secure(),
        ),
        ("nothing would be read", cookie("s").max_bytes(0)),
    ] {
        let error = builder.clone().build().expect_err(id);
        // and a gate says the same
        let scheme = Scheme::cookie(Cookies, builder, Tickets::default());
        assert_eq!(AuthenticateLayer::new((scheme,)).unwrap_err(), error, "{id}");
    }
    assert!(cookie("__Secure-s").path("/app").domain("corp.test").build().is_ok());
    assert!(AuthenticateLayer::new((Scheme::cookie(Cookies, "a b", Tickets::default()),)).is_err());
    ledger::passed("6265-08");
}

/// `L9`, `L10`; and never two lines of one name.
fn the_last_word_counts() {
    let cookie = TicketCookie::try_from("s").unwrap();
    let mut headers = HeaderMap::new();
    for theirs in ["ss=1; Path=/", "a=s=1"] {
        headers.append(header::SET_COOKIE, HeaderValue::from_static(theirs));
    }
    assert!(!cookie.is_set_by(&headers));
    let none = Default::default();
    for text in ["first", "second"] {
        cookie.issue(none, &mut headers, &Renewed::new(text, None)).unwrap();
        assert!(cookie.is_set_by(&headers));
        let ours = format!("s={text}; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert_eq!(set_cookies(&headers), ["ss=1; Path=/", "a=s=1", &ours]);
    }
    cookie.delete(none, &mut headers);
    assert_eq!(set_cookies(&headers).len(), 3);
    assert!(set_cookies(&headers)[2].starts_with("s=; "));
    cookie.issue(none, &mut headers, &Renewed::new("third", None)).unwrap();
    assert_eq!(set_cookies(&headers).len(), 3);
    assert!(set_cookies(&headers)[2].starts_with("s=third; "));
    // whatever the application wrote by itself
    headers.append(header::SET_COOKIE, HeaderValue::from_static(" s =theirs"));
    headers.append(header::SET_COOKIE, HeaderValue::from_static("s"));
    cookie.delete(none, &mut headers);
    assert_eq!(set_cookies(&headers).len(), 3);
    // what can not stand in a cookie changes nothing
    let before = headers.clone();
    for text in ["a;b", "a b", "a,b", "\"", "a\r\nb", "\u{e9}"] {
        assert!(cookie.issue(none, &mut headers, &Renewed::new(text, None)).is_err(), "{text}");
    }
    assert_eq!(headers, before);
    ledger::passed("6265-09");
}

fn no_cache() {
    let cookie = TicketCookie::try_from("s").unwrap();
    for (before, after) in [
        (None, "no-cache"),
        (Some("public, max-age=600"), "no-cache"),
        (Some("max-age=600, Private"), "private, no-cache"),
        (Some("no-store"), "no-store"),
        (Some("private, no-store"), "private, no-store"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::EXPIRES, HeaderValue::from_static("Thu, 01 Jan 2037 00:00:00 GMT"));
        if let Some(before) = before {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(before));
        }
        cookie.delete(Default::default(), &mut headers);
        assert_eq!(headers[header::CACHE_CONTROL], after);
        assert_eq!(headers[header::EXPIRES], "-1");
        assert_eq!(headers[header::PRAGMA], "no-cache");
    }
}

/// CK-16: no date overflows.
fn expires_far_away() {
    let cookie = TicketCookie::try_from("s").unwrap();
    for (until, date) in [
        (UnixTime::EPOCH, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (UnixTime::from_secs(u64::MAX), "Sun, 21 Jul 2554 23:34:33 GMT"),
        (UnixTime::from_secs_f64(1e30), "Sun, 21 Jul 2554 23:34:33 GMT"),
        (UnixTime::from_secs_f64(-1e30), "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] {
        let mut headers = HeaderMap::new();
        cookie.issue(Default::default(), &mut headers, &Renewed::new("xx", Some(until))).unwrap();
        assert!(set_cookies(&headers)[0].ends_with(&format!("; Expires={date}")), "{headers:?}");
    }
    ledger::passed("CK-16");
}
