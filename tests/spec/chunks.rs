//! A ticket in several cookies (host authentication §12).

use http::{Extensions, HeaderMap};
use portcullis::AuthErrorKind;
use portcullis::scheme::{ChunkDialect, TicketCookie};
use portcullis::token::Renewed;

use super::ledger;
use crate::support::fixed::send;
use crate::support::session::{Reading, asking, gate, long, raw, read, set_cookies};

chapter! {
    async fn reading;
    fn one_cookie_below_the_limit;
    fn round_trip;
    fn every_length_round_trips;
    fn shrinking_deletes_what_is_stale;
    fn signing_out_deletes_every_chunk;
    fn a_foreign_cookie_stays;
    async fn the_gate_deletes_stale_chunks;
    fn the_writer_keeps_to_the_readers_bounds;
    fn a_limit_without_room_is_an_error;
}

const fn katana(
    id: &'static str,
    lines: &'static [&'static str],
    expected: Result<&'static str, AuthErrorKind>,
) -> Reading {
    Reading { id, name: ".AspNet.Auth", lines, expected }
}

const fn core(
    id: &'static str,
    lines: &'static [&'static str],
    expected: Result<&'static str, AuthErrorKind>,
) -> Reading {
    Reading { id, name: ".AspNetCore.Auth", lines, expected }
}

const ALICE: Result<&str, AuthErrorKind> = Ok("Cookies alice");
const MISSING: Result<&str, AuthErrorKind> = Err(AuthErrorKind::ChunksMissing);
const TWICE: Result<&str, AuthErrorKind> = Err(AuthErrorKind::AmbiguousCookie);
const NO_TICKET: Result<&str, AuthErrorKind> = Err(AuthErrorKind::TicketUndecryptable);

#[rustfmt::skip]
const READINGS: &[Reading] = &[
    katana("6265-06", &["cookie: .AspNet.Auth=chunks:2; .AspNet.AuthC1=al; .AspNet.AuthC2=ice"], ALICE),
    core("6265-06", &["cookie: .AspNetCore.Auth=chunks-2; .AspNetCore.AuthC1=al; .AspNetCore.AuthC2=ice"], ALICE),
    // the marker of the other dialect is no marker
    katana("6265-06", &["cookie: .AspNet.Auth=chunks-2; .AspNet.AuthC1=al; .AspNet.AuthC2=ice"], NO_TICKET),
    core("6265-06", &["cookie: .AspNetCore.Auth=chunks:2; .AspNetCore.AuthC1=al; .AspNetCore.AuthC2=ice"], NO_TICKET),
    // more than are announced: stale, ignored
    katana("6265-06", &["cookie: .AspNet.Auth=chunks:2; .AspNet.AuthC1=al; .AspNet.AuthC2=ice; .AspNet.AuthC3=bob"], ALICE),
    // an empty part is a part to Katana and none to ASP.NET Core
    katana("6265-06", &["cookie: .AspNet.Auth=chunks:2; .AspNet.AuthC1=alice; .AspNet.AuthC2="], ALICE),
    core("6265-06", &["cookie: .AspNetCore.Auth=chunks-2; .AspNetCore.AuthC1=alice; .AspNetCore.AuthC2="], MISSING),
    // an escape that is cut in two is whole again
    katana("6265-06", &["cookie: .AspNet.Auth=chunks:2; .AspNet.AuthC1=al%6; .AspNet.AuthC2=9ce"], ALICE),
    katana("6265-06", &["cookie: .AspNet.Auth=alice%2Ekept%2e"], ALICE),
    katana("H4 6265-05", &["cookie: .AspNet.Auth=chunks:3; .AspNet.AuthC1=al; .AspNet.AuthC3=ce"], MISSING),
    katana("H4 6265-05", &["cookie: .AspNet.Auth=chunks:2; .AspNet.AuthC1=alice"], MISSING),
    katana("H4 6265-05", &["cookie: .AspNet.AuthC1=al; .AspNet.AuthC2=ice"], Err(AuthErrorKind::NoCredential)),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:0; .AspNet.AuthC1=alice"], NO_TICKET),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:00; .AspNet.AuthC1=alice"], NO_TICKET),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:-1; .AspNet.AuthC1=alice"], NO_TICKET),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:x; .AspNet.AuthC1=alice"], NO_TICKET),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:; .AspNet.AuthC1=alice"], NO_TICKET),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:1e9; .AspNet.AuthC1=alice"], NO_TICKET),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:01; .AspNet.AuthC1=alice"], ALICE),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:1; .AspNet.AuthC01=alice"], MISSING),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:99999999; .AspNet.AuthC1=alice"], MISSING),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:2147483647; .AspNet.AuthC1=alice"], MISSING),
    katana("H5 CK-05", &["cookie: .AspNet.Auth=chunks:99999999999999999999; .AspNet.AuthC1=alice"], NO_TICKET),
    core("CK-05", &["cookie: .AspNetCore.Auth=chunks-2147483647; .AspNetCore.AuthC1=alice"], MISSING),
    core("CK-05", &["cookie: .AspNetCore.Auth=chunks--1; .AspNetCore.AuthC1=alice"], NO_TICKET),
    // a part that stands twice: whose is it?
    katana("CK-05", &["cookie: .AspNet.Auth=chunks:2; .AspNet.AuthC1=al; .AspNet.AuthC2=ice; .AspNet.AuthC2=ice"], TWICE),
    katana("CK-05", &["cookie: .AspNet.Auth=chunks:2; .AspNet.Auth=alice; .AspNet.AuthC1=al; .AspNet.AuthC2=ice"], TWICE),
    katana("H8 CK-05", &["cookie: .AspNet.AuthC3=ce; .AspNet.AuthC1=al; .AspNet.Auth=chunks:3; .AspNet.AuthC2=i"], ALICE),
    katana("H8 6265-02", &["cookie: .AspNet.AuthC2=ice", "cookie: .AspNet.Auth=chunks:2", "cookie: .AspNet.AuthC1=al"], ALICE),
    // what begins like ours is another's
    katana("H9", &["cookie: .AspNet.Auth=alice; .AspNet.AuthC1=bob; .AspNet.AuthC1=bob; .AspNet.Author=bob"], ALICE),
    katana("H9", &["cookie: .AspNet.Auth=chunks:2; .AspNet.AuthC1=al; .AspNet.AuthC2=ice; .AspNet.AuthC1x=bob; .AspNet.AuthC=x; .aspnet.AuthC1=bob"], ALICE),
];

async fn reading() {
    read(READINGS).await;
}

fn cookie() -> TicketCookie {
    TicketCookie::try_from(".AspNet.Auth").unwrap()
}

/// The cookie's lines for a ticket, in a browser that has what is in `carried`.
fn issued(cookie: &TicketCookie, ticket: &str, carried: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let carried = cookie.carried(carried, &Extensions::new());
    cookie.issue(carried, &mut headers, &Renewed::new(ticket, None)).unwrap();
    headers
}

/// What a browser sends back of these lines.
fn sent_back(response: &HeaderMap) -> HeaderMap {
    let lines = set_cookies(response);
    let kept = lines.iter().filter(|line| !line.contains("Expires="));
    let pairs: Vec<_> = kept.map(|line| line.split(';').next().unwrap()).collect();
    raw(&[&format!("cookie: {}", pairs.join("; "))])
}

/// `; HttpOnly; …`
fn attributes() -> String {
    let headers = issued(&cookie(), "xx", &HeaderMap::new());
    set_cookies(&headers)[0].strip_prefix(".AspNet.Auth=xx").unwrap().to_owned()
}

fn one_cookie_below_the_limit() {
    let room = 4090 - ".AspNet.Auth=".len() - attributes().len();
    let below = issued(&cookie(), &"x".repeat(room - 1), &HeaderMap::new());
    assert_eq!(set_cookies(&below).len(), 1);
    assert_eq!(set_cookies(&below)[0].len(), 4089);
    let at = issued(&cookie(), &"x".repeat(room), &HeaderMap::new());
    let lines = set_cookies(&at);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], format!(".AspNet.Auth=chunks:2{}", attributes()));
    assert!(lines.iter().all(|line| line.len() < 4090 && line.ends_with(&attributes())));
    ledger::passed("H1 H2 6265-04");
}

fn round_trip() {
    let ticket = long("alice", 9_000);
    let lines = issued(&cookie(), &ticket, &HeaderMap::new());
    assert_eq!(set_cookies(&lines).len(), 4);
    assert_eq!(cookie().read(&sent_back(&lines)).unwrap().as_deref(), Some(&*ticket));
    ledger::passed("H3");
}

/// Also where the length is a multiple of the chunk, and where the value is escaped.
fn every_length_round_trips() {
    for dialect in [ChunkDialect::AspNetCore, ChunkDialect::Katana] {
        for length in 1..200 {
            let value = "abcdefghij%2B".repeat(20)[..length].to_owned();
            let lines = dialect.split("c", &value, "; Path=/", Some(30)).unwrap();
            assert!(lines.iter().all(|line| line.len() <= 30), "{lines:?}");
            let parts: Vec<_> =
                lines.iter().map(|line| line.strip_suffix("; Path=/").unwrap()).collect();
            let joined: String = match &parts[..] {
                [whole] => whole["c=".len()..].to_owned(),
                [marker, parts @ ..] => {
                    let count = marker.rsplit([':', '-']).next().unwrap();
                    assert_eq!(count, parts.len().to_string());
                    parts.iter().map(|part| part.split_once('=').unwrap().1).collect()
                }
                [] => unreachable!(),
            };
            assert_eq!(joined, value);
        }
        let built = TicketCookie::builder("c").chunks(dialect).build().unwrap();
        for length in (4_000..4_060).chain(8_000..8_060) {
            let ticket = "x".repeat(length);
            let back = sent_back(&issued(&built, &ticket, &HeaderMap::new()));
            assert_eq!(built.read(&back).unwrap().as_deref(), Some(&*ticket));
        }
    }
    let ticket = "a+b c/d=\u{e9}%20\"".repeat(500);
    let back = sent_back(&issued(&cookie(), &ticket, &HeaderMap::new()));
    assert_eq!(cookie().read(&back).unwrap().as_deref(), Some(&*ticket));
    ledger::passed("6265-07");
}

const EXPIRED: &str =
    "; HttpOnly; SameSite=Lax; Secure; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

fn shrinking_deletes_what_is_stale() {
    let three = sent_back(&issued(&cookie(), &long("alice", 9_000), &HeaderMap::new()));
    let one = issued(&cookie(), "alice", &three);
    let expected = [
        format!(".AspNet.Auth=alice{}", attributes()),
        format!(".AspNet.AuthC1={EXPIRED}"),
        format!(".AspNet.AuthC2={EXPIRED}"),
        format!(".AspNet.AuthC3={EXPIRED}"),
    ];
    assert_eq!(set_cookies(&one), expected);

    let two = issued(&cookie(), &long("alice", 5_000), &three);
    let lines = set_cookies(&two);
    assert_eq!(lines.len(), 4);
    assert!(lines[..3].iter().all(|line| line.ends_with(&attributes())));
    assert_eq!(lines[3], format!(".AspNet.AuthC3={EXPIRED}"));
    ledger::passed("H6 6265-06");
}

/// Of the chunks those that the request carried, and no other.
fn signing_out_deletes_every_chunk() {
    let carried = sent_back(&issued(&cookie(), &long("alice", 9_000), &HeaderMap::new()));
    let carried = cookie().carried(&carried, &Extensions::new());
    let expected: Vec<_> =
        ["", "C1", "C2", "C3"].map(|part| format!(".AspNet.Auth{part}={EXPIRED}")).into();
    let mut headers = HeaderMap::new();
    cookie().delete(carried, &mut headers);
    assert_eq!(set_cookies(&headers), expected);
    // after a sign-in of the same response, whose chunks no browser has seen
    let mut headers = issued(&cookie(), &long("alice", 20_000), &HeaderMap::new());
    assert_eq!(set_cookies(&headers).len(), 6);
    cookie().delete(carried, &mut headers);
    assert_eq!(set_cookies(&headers), expected);
    // and the other way round
    cookie().issue(carried, &mut headers, &Renewed::new(long("alice", 5_000), None)).unwrap();
    assert_eq!(set_cookies(&headers).len(), 4);
    assert_eq!(set_cookies(&headers)[3], expected[3]);
    ledger::passed("H7");
}

/// `AuthC1` beside an `Auth` that is whole belongs to somebody else, in both directions.
fn a_foreign_cookie_stays() {
    let carried = raw(&["cookie: .AspNet.Auth=alice; .AspNet.AuthC1=theirs"]);
    let mut headers = HeaderMap::new();
    headers.append("set-cookie", ".AspNet.AuthC1=theirs too".parse().unwrap());
    cookie().delete(cookie().carried(&carried, &Extensions::new()), &mut headers);
    assert_eq!(
        set_cookies(&headers),
        [".AspNet.AuthC1=theirs too".to_owned(), format!(".AspNet.Auth={EXPIRED}")]
    );
    ledger::passed("H9");
}

async fn the_gate_deletes_stale_chunks() {
    let request = asking(&[
        "cookie: .AspNet.Auth=chunks:3; .AspNet.AuthC1=alice; .AspNet.AuthC2=.ol; .AspNet.AuthC3=d",
    ]);
    let answer = send(gate(".AspNet.Auth"), request).await;
    assert_eq!(answer.saw.as_deref(), Some("Cookies alice"));
    let lines: Vec<_> =
        answer.headers.iter().filter_map(|line| line.strip_prefix("set-cookie: ")).collect();
    let expected = [
        format!(".AspNet.Auth=alice.new{}", attributes()),
        format!(".AspNet.AuthC1={EXPIRED}"),
        format!(".AspNet.AuthC2={EXPIRED}"),
        format!(".AspNet.AuthC3={EXPIRED}"),
    ];
    assert_eq!(lines, expected);
    ledger::passed("H6");
}

fn the_writer_keeps_to_the_readers_bounds() {
    let ticket = |length| Renewed::new("x".repeat(length), None);
    let largest = 64 << 10;
    let mut headers = HeaderMap::new();
    let none = Default::default();
    cookie().issue(none, &mut headers, &ticket(largest)).unwrap();
    assert_eq!(cookie().read(&sent_back(&headers)).unwrap().unwrap().len(), largest);
    let mut headers = HeaderMap::new();
    let error = cookie().issue(none, &mut headers, &ticket(largest + 1)).unwrap_err();
    assert!(error.to_string().contains("max_bytes"), "{error}");
    assert!(headers.is_empty());

    // as many as that are read, however short each is
    let cut = |length| ChunkDialect::Katana.split("c", &"x".repeat(length), "", Some(12));
    assert_eq!(cut(99 * 7).unwrap().len(), 100);
    assert!(cut(99 * 7 + 1).is_err());
    let many: String = (1..=99).map(|n| format!("; .AspNet.AuthC{n}=x")).collect();
    let read = |marker: &str| {
        let line = format!("cookie: .AspNet.Auth={marker}{many}; .AspNet.AuthC100=x");
        cookie().read(&raw(&[&line])).map(|text| text.map(|text| text.len()))
    };
    assert_eq!(read("chunks:99").unwrap(), Some(99));
    assert_eq!(read("chunks:100").unwrap_err().kind(), AuthErrorKind::ChunksMissing);

    let small =
        TicketCookie::builder("c").chunks(ChunkDialect::Katana).max_bytes(4).build().unwrap();
    for (line, read) in [
        ("cookie: c=abcd", Ok(Some("abcd"))),
        ("cookie: c=abcde", Err(AuthErrorKind::TokenTooLong)),
        ("cookie: c=chunks:2; cC1=ab; cC2=cde", Err(AuthErrorKind::TokenTooLong)),
    ] {
        let found = raw(&[line]);
        let found = small.read(&found);
        assert_eq!(
            found.as_ref().map(|text| text.as_deref()).map_err(|e| e.kind()),
            read,
            "{line}"
        );
    }
    ledger::passed("CK-05 6265-07");
}

fn a_limit_without_room_is_an_error() {
    let split = |limit| ChunkDialect::Katana.split("c", &"x".repeat(50), "; Path=/", Some(limit));
    assert!(split(19).is_err());
    assert!(split(20).is_ok());
    // FormsAuthentication never cuts; what no browser keeps is refused where it is written
    let forms = TicketCookie::try_from(".ASPXAUTH").unwrap();
    let mut headers = HeaderMap::new();
    assert!(
        forms
            .issue(Default::default(), &mut headers, &Renewed::new("a".repeat(4097), None))
            .is_err()
    );
    assert!(headers.is_empty());
    ledger::passed("6265-04");
}
