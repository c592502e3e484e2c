//! The life of FormsAuthentication's cookie: when it slides, when it ends, and what is no ticket.

use http::{Request, StatusCode};
use portcullis::AuthErrorKind::{
    self, AmbiguousCookie, InsecureTransport, TicketExpired, TicketMalformed, TicketUndecryptable,
    TokenTooLong,
};
use portcullis::scheme::{Transport, TransportSource};
use portcullis::testing::TicketMint;
use portcullis::ticket::TicketFormat as _;
use portcullis::ticket::aspnet::{FormsTickets, MachineKey};

use super::ledger::{self, Row};
use crate::support::cookie_house::{CookieHouse, MINUTES, see};

chapter! {
    async fn forms_slide_at_half;
    async fn what_is_no_forms_ticket;
    async fn forms_over_plain_http;
    async fn a_name_in_any_script;
}

async fn forms_slide_at_half() {
    let house = CookieHouse::forms();
    let original = house.mint.forms("alice").build(); // 30 minutes
    house.send(&original).await.is_plain("alice");
    ledger::passed("F1");
    house.at(14, 59);
    house.send(&original).await.is_plain("alice");
    ledger::passed("F3");
    house.at(15, 0);
    let renewed = house.send(&original).await.renewed(".ASPXAUTH");
    let format = FormsTickets::new(house.mint.machine_key()).unwrap();
    let (old, new) = (format.unprotect(&original).unwrap(), format.unprotect(&renewed).unwrap());
    assert_eq!(new.issued_at, Some(house.start + 15 * MINUTES));
    assert_eq!(new.expires_at, Some(house.start + 45 * MINUTES));
    assert_eq!(
        (new.identities, new.user_data, new.cookie_path, new.version, new.is_persistent),
        (old.identities, old.user_data, old.cookie_path, old.version, old.is_persistent)
    );
    ledger::passed("F2");
    house.at(30, 0);
    house.send(&original).await.renewed(".ASPXAUTH");
    ledger::passed("F5");
    house.at(30, 1);
    house.send(&original).await.is_nobody(Some(TicketExpired));
    ledger::passed("F4");

    // not yet issued, by this clock
    let house = CookieHouse::forms();
    let early = house.mint.forms("alice").issued_at(house.start + 5 * MINUTES).build();
    house.send(&early).await.is_plain("alice");
    ledger::passed("F12");

    let house = CookieHouse::forms();
    let persistent = house.mint.forms("alice").persistent().build();
    house.at(15, 0);
    let seen = house.send(&persistent).await;
    seen.renewed(".ASPXAUTH");
    let line = &seen.set_cookie[0];
    assert!(line.contains("Expires=Thu, 01 Jan 2026 00:45:00 GMT"), "{line}");
    ledger::passed("F16");
}

/// What is sent in place of a ticket, and why nobody is signed in.
struct NoTicket {
    id: &'static str,
    lines: fn(&TicketMint) -> Vec<String>,
    reason: Option<AuthErrorKind>,
}

impl Row for NoTicket {
    fn id(&self) -> &str {
        self.id
    }
}

fn one(ticket: impl std::fmt::Display) -> Vec<String> {
    vec![format!(".ASPXAUTH={ticket}")]
}

const NO_TICKETS: &[NoTicket] = &[
    NoTicket {
        id: "F6",
        lines: |mint| one(mint.forms("alice").bit_flipped(200).build()),
        reason: Some(TicketUndecryptable),
    },
    NoTicket {
        id: "F7",
        lines: |mint| one(mint.forms("alice").truncated(64).build()),
        reason: Some(TicketUndecryptable),
    },
    NoTicket {
        id: "F8",
        lines: |mint| one(mint.forms("alice").with_text(|text| text + "F").build()),
        reason: Some(TicketMalformed),
    },
    NoTicket { id: "F9", lines: |_| one("AB".repeat(2049)), reason: Some(TokenTooLong) },
    NoTicket { id: "F10", lines: |_| one(""), reason: None },
    NoTicket {
        id: "F11",
        lines: |mint| {
            let other = MachineKey::from_hex(&"11".repeat(64), &"22".repeat(32)).unwrap();
            one(mint.forms("alice").signed_with(other).build())
        },
        reason: Some(TicketUndecryptable),
    },
    // the readings decide: two cookies of one name are no session, whichever is good
    NoTicket {
        id: "F14",
        lines: |mint| {
            let (one, two) = (mint.forms("alice").build(), mint.forms("bob").build());
            vec![format!(".ASPXAUTH={one}; .ASPXAUTH={two}")]
        },
        reason: Some(AmbiguousCookie),
    },
    NoTicket {
        id: "F14",
        lines: |mint| [one(mint.forms("alice").build()), one("00".repeat(80))].concat(),
        reason: Some(AmbiguousCookie),
    },
];

async fn what_is_no_forms_ticket() {
    let house = CookieHouse::forms();
    ledger::table_async(NO_TICKETS, async |row| {
        let seen = house.send_line(&(row.lines)(&house.mint), StatusCode::OK).await;
        seen.is_nobody(row.reason);
    })
    .await;
}

async fn forms_over_plain_http() {
    let house = CookieHouse::forms();
    let auth = house.auth.clone().require_tls(TransportSource::Server).unwrap();
    let cookie = format!(".ASPXAUTH={}", house.mint.forms("alice").build());
    for (transport, who, reason) in [
        (Transport::Plain, "nobody", Some(InsecureTransport)),
        (Transport::Unknown, "nobody", Some(InsecureTransport)),
        (Transport::Tls, "alice", None),
    ] {
        let request = Request::get("/").header("cookie", &cookie).extension(transport);
        let seen = see(auth.clone(), request.body(()).unwrap(), StatusCode::OK).await;
        assert_eq!((&*seen.who, seen.status, seen.reason), (who, 200, reason), "{transport:?}");
        assert!(seen.set_cookie.is_empty());
    }
    ledger::passed("F13");
}

async fn a_name_in_any_script() {
    let house = CookieHouse::forms();
    for name in ["Ægir Ólafsdóttir", "алиса", "アリス", "a\u{301}lice", "🐧", "al\u{0}ice"]
    {
        let seen = house.send(&house.mint.forms(name).build()).await;
        seen.is_plain(name);
    }
    ledger::passed("F15");
}
