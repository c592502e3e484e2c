//! What signs a user in here is nobody else's business: no log holds it, and no service behind a
//! gateway gets it (RFC 6265 §8).

use http::{HeaderMap, HeaderValue, Request, header};
use portcullis::csrf::CsrfLayer;
use portcullis::scheme::{ChunkDialect, CrossSiteGuard, TicketCookie};
use portcullis::testing::{TicketBuilder, TicketMint};
use portcullis::ticket::TicketValidator;
use portcullis::ticket::aspnet::{FormsTickets, KatanaCookie};
use portcullis::{AuthenticateLayer, Clock as _, Cookies, Scheme, SchemeName, SystemClock, policy};
use tower::ServiceBuilder;

use super::ledger::{self, Row};
use crate::support::fixed::{Body, send};
use crate::support::logs::Log;
use crate::support::session::raw;

chapter! {
    async fn no_log_holds_it;
    fn it_is_not_passed_on;
}

/// Whatever becomes of it: renewed, expired, forged, twice, cut, from another site's page.
async fn no_log_holds_it() {
    let log = Log::capture();
    let mint = TicketMint::new();
    let minutes = |minutes: u64| std::time::Duration::from_secs(60 * minutes);
    let forms = TicketValidator::new(FormsTickets::new(mint.machine_key()).unwrap());
    let katana = KatanaCookie::new(mint.machine_key(), "ApplicationCookie").unwrap();
    let katana = TicketValidator::new(katana);
    let gate = AuthenticateLayer::new((
        Scheme::cookie(Cookies, ".ASPXAUTH", forms),
        Scheme::cookie(SchemeName::from_static("Application"), "App", katana).login_path("/login"),
    ))
    .unwrap();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(CsrfLayer::new(CrossSiteGuard::new()))
        .layer(gate.require(policy::any_scheme()).unwrap());

    let alice = || mint.forms("alice");
    let application = || mint.katana_cookie("ApplicationCookie", "alice");
    let now = || SystemClock.now();
    let old = |it: TicketBuilder| {
        it.issued_at(now() - minutes(20)).expires_at(now() + minutes(10)).build()
    };
    let tickets = [
        (".ASPXAUTH", alice().build(), 200),
        (".ASPXAUTH", old(alice()), 200),
        (".ASPXAUTH", alice().expired_for(minutes(1)).build(), 401),
        (".ASPXAUTH", alice().bit_flipped(200).build(), 401),
        (".ASPXAUTH", alice().truncated(90).build(), 401),
        ("App", application().build(), 200),
        ("App", old(application()), 200),
        ("App", application().expired_for(minutes(1)).build(), 401),
        ("App", application().bit_flipped(200).build(), 401),
        ("App", alice().build(), 401),
    ];
    for (name, ticket, status) in &tickets {
        let get = |line: String| {
            Request::get("/page").header("cookie", line).body(Body::default()).unwrap()
        };
        let line = format!("{name}={ticket}");
        assert_eq!(send(stack.clone(), get(line.clone())).await.status, *status, "{name}");
        let twice = get(format!("{line}; {line}"));
        assert_eq!(send(stack.clone(), twice).await.status, 401);
        let chunked = get(format!("{name}=chunks:2; {name}C1={ticket}"));
        assert_eq!(send(stack.clone(), chunked).await.status, 401);
        let mut post = get(line);
        *post.method_mut() = http::Method::POST;
        post.headers_mut().insert("origin", HeaderValue::from_static("https://evil.test"));
        let answer = send(stack.clone(), post).await;
        assert_eq!(answer.status, if *status == 200 { 403 } else { 401 }, "{name}");
        for told in [&log.text(), &format!("{:?} {:?}", answer.headers, answer.body)] {
            for piece in [&ticket[..24], &ticket[ticket.len() - 24..]] {
                assert!(!told.contains(piece), "{name} {status}: {told}");
            }
        }
    }
    assert!(log.lines_with("refused").len() >= tickets.len(), "the log was looked at");
    ledger::passed("6265-14");
}

/// What a request carries, and what is left of it when it is passed on.
struct Passed {
    chunks: ChunkDialect,
    carried: &'static [&'static str],
    left: &'static [&'static str],
}

impl Row for Passed {
    fn id(&self) -> &str {
        "6265-14"
    }
}

const fn whole(carried: &'static [&'static str], left: &'static [&'static str]) -> Passed {
    Passed { chunks: ChunkDialect::Whole, carried, left }
}

const fn katana(carried: &'static [&'static str], left: &'static [&'static str]) -> Passed {
    Passed { chunks: ChunkDialect::Katana, carried, left }
}

const PASSED: &[Passed] = &[
    whole(&[], &[]),
    whole(&["Auth=secret"], &[]),
    whole(&["a=1; Auth=secret; b=2"], &["a=1; b=2"]),
    whole(&["Auth=secret; a=1"], &["a=1"]),
    whole(&["a=1;Auth=secret;b=2"], &["a=1;b=2"]),
    whole(&["a=1", "Auth=secret", "b=2; Auth=secret"], &["a=1", "b=2"]),
    whole(&["Auth=secret; Auth=secret"], &[]),
    whole(&["Auth =secret"], &[]),
    whole(&["Auth=\"secret\""], &[]),
    whole(&["Auth=a=secret"], &[]),
    // others, as they stand
    whole(&["auth=1; AuthX=2; XAuth=3; %41uth=4"], &["auth=1; AuthX=2; XAuth=3; %41uth=4"]),
    whole(&["  a = 1 ; =nameless; bare ;; $Version=1"], &["a = 1 ; =nameless; bare ;; $Version=1"]),
    whole(&["a=\"Auth=no\"; Auth=secret"], &["a=\"Auth=no\""]),
    whole(&["a=caf\u{e9}; Auth=secret"], &["a=caf\u{e9}"]),
    // a cookie that is not cut has no parts
    whole(&["Auth=secret; AuthC1=mine"], &["AuthC1=mine"]),
    katana(&["Auth=secret; AuthC1=mine"], &["AuthC1=mine"]),
    katana(&["Auth=chunks:2; AuthC1=secret; AuthC2=secret; a=1"], &["a=1"]),
    katana(&["AuthC2=secret; a=1", "Auth=chunks:2; AuthC1=secret"], &["a=1"]),
    // also what is left over of a longer one
    katana(&["Auth=chunks:1; AuthC1=secret; AuthC7=secret; AuthC01=mine"], &["AuthC01=mine"]),
];

fn it_is_not_passed_on() {
    ledger::table(PASSED, |row| {
        let cookie = TicketCookie::builder("Auth").chunks(row.chunks).build().unwrap();
        let lines: Vec<String> = row.carried.iter().map(|it| format!("cookie: {it}")).collect();
        let mut headers = raw(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        cookie.remove_from(&mut headers);
        let left: Vec<_> = headers.get_all(header::COOKIE).iter().map(|it| it.as_bytes()).collect();
        assert_eq!(left, row.left.iter().map(|it| it.as_bytes()).collect::<Vec<_>>());
        assert_eq!(headers.len(), 1 + row.left.len(), "nothing else is touched");
    });
    // what is marked as a secret stays marked
    let mut headers = HeaderMap::new();
    let mut line = HeaderValue::from_static("a=1; Auth=secret");
    line.set_sensitive(true);
    headers.insert(header::COOKIE, line);
    TicketCookie::builder("Auth").build().unwrap().remove_from(&mut headers);
    assert!(headers[header::COOKIE].is_sensitive() && headers[header::COOKIE] == "a=1");
}
