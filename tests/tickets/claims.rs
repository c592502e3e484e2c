//! From a ticket to the claims of an identity.

use portcullis::{
    AuthErrorKind, Identity, Scope,
    ticket::{Ticket, TicketClaim, TicketIdentity},
};
use serde_json::{Value, json};

use crate::bench::{Bench, Drawer, MINUTE};

const EMAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";

fn ticket(claims: &[(&str, &str)]) -> Ticket {
    let mut ticket = Ticket::new("Cookies", "");
    ticket.identities[0].claims =
        claims.iter().map(|(claim_type, value)| TicketClaim::new(claim_type, value)).collect();
    ticket
}

fn identity(ticket: &Ticket) -> Identity {
    let bench = Bench::new(Drawer::katana());
    bench.validate(&bench.protect(ticket)).unwrap()
}

fn claims(ticket: &Ticket) -> Value {
    let identity = identity(ticket);
    let text = str::from_utf8(identity.claims_json()).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    let names = value.as_object().unwrap().len();
    assert_eq!(text.matches("\":").count() - text.matches("\\\":").count(), names, "{text}");
    value
}

/// Everything a table of the room's documentation promises, in one ticket.
#[test]
fn long_and_short_names_are_both_reachable() {
    let bench = Bench::new(Drawer::katana()).with(|it| it.issuer("https://portal.example"));
    let mut ticket = ticket(&[
        (TicketIdentity::NAME, "Alice"),
        (TicketIdentity::NAME_IDENTIFIER, "17"),
        (TicketIdentity::ROLE, "clerk"),
        (EMAIL, "alice@example.com"),
        ("department", "sales"),
        ("phone", "1"),
        ("phone", "2"),
        ("scope", "orders:read orders:write"),
        ("scope", "openid"),
    ]);
    ticket.issued_at = Some(bench.start);
    ticket.expires_at = Some(bench.start + MINUTE);
    ticket.properties = vec![("as:client_id".into(), "portal".into())];
    let identity = bench.validate(&bench.protect(&ticket)).unwrap();

    let value: Value = serde_json::from_slice(identity.claims_json()).unwrap();
    assert_eq!(
        value,
        json!({
            "iss": "https://portal.example", "sub": "17", "client_id": "portal",
            "scope": "orders:read orders:write openid", "iat": 1_715_680_800, "exp": 1_715_680_860,
            "name": "Alice", TicketIdentity::NAME: "Alice",
            "nameid": "17", TicketIdentity::NAME_IDENTIFIER: "17",
            "roles": ["clerk"], "role": "clerk", TicketIdentity::ROLE: "clerk",
            "email": "alice@example.com", EMAIL: "alice@example.com",
            "department": "sales", "phone": ["1", "2"],
        })
    );
    assert_eq!(identity.issuer(), "https://portal.example");
    assert_eq!(identity.subject(), Some("17"));
    assert_eq!(identity.client_id(), Some("portal"));
    assert_eq!(*identity.scope(), Scope::parse("orders:read orders:write openid"));
    assert_eq!(identity.issued_at(), ticket.issued_at);
    assert_eq!(identity.expires_at(), ticket.expires_at);
    assert_eq!(identity.session_id(), None);
    assert_eq!(Ticket::of(&identity), Some(&ticket));
}

#[test]
fn a_forms_ticket_holds_a_name_alone() {
    let value = claims(&Ticket::new("Forms", "Zoë\u{0}x"));
    assert_eq!(
        value,
        json!({
            "iss": "LOCAL AUTHORITY", "sub": "Zoë\u{0}x", // F15, TKT-16: no truncation
            "name": "Zoë\u{0}x", TicketIdentity::NAME: "Zoë\u{0}x",
        })
    );
}

#[test]
fn who_the_subject_is() {
    const ID: (&str, &str) = (TicketIdentity::NAME_IDENTIFIER, "id");
    const SUB: (&str, &str) = ("sub", "sub");
    const NAME: (&str, &str) = (TicketIdentity::NAME, "name");
    for (given, expected) in [
        (&[NAME, SUB, ID][..], "id"),
        (&[NAME, SUB][..], "sub"),
        (&[NAME][..], "name"),
        (&[(TicketIdentity::NAME_IDENTIFIER, ""), NAME][..], "name"),
    ] {
        let ticket = ticket(given);
        assert_eq!(identity(&ticket).subject(), Some(expected));
        assert_eq!(claims(&ticket)["sub"], expected);
    }
    assert_eq!(claims(&ticket(&[SUB]))[TicketIdentity::NAME_IDENTIFIER], "sub");
}

/// Two tickets of nobody would be "the same subject".
#[test]
fn a_ticket_of_nobody_is_refused() {
    let bench = Bench::new(Drawer::katana());
    let refused = |ticket: &Ticket| bench.refused(&bench.protect(ticket));
    let mut nobody = Ticket::new("Forms", "");
    assert_eq!(refused(&nobody), AuthErrorKind::TicketMalformed);
    assert_eq!(refused(&ticket(&[("email", "a@b")])), AuthErrorKind::TicketMalformed);
    nobody.identities.clear();
    assert_eq!(refused(&nobody), AuthErrorKind::TicketMalformed);

    let mut client = ticket(&[]);
    client.properties = vec![("as:client_id".into(), "robot".into())];
    let client = identity(&client);
    assert_eq!((client.subject(), client.client_id()), (None, Some("robot")));
}

/// TKT-21: what a ticket says about its own facts is not what decides.
#[test]
fn no_claim_takes_the_place_of_a_fact() {
    let mut forged = ticket(&[
        (TicketIdentity::NAME, "alice"),
        ("iss", "https://login.example"),
        ("exp", "9999999999"),
        ("iat", "0"),
        ("name", "admin"),
        ("role", "clerk"),
        ("roles", "admin"),
    ]);
    forged.user_data = "admin".into();
    forged.cookie_path = "/admin".into();
    let value = claims(&forged);
    assert_eq!(value["iss"], "LOCAL AUTHORITY");
    assert_eq!(value["name"], "alice");
    // by its short name alone; .NET's own roles are none of it
    assert_eq!(value["role"], "clerk");
    for absent in ["exp", "iat", "roles", TicketIdentity::ROLE] {
        assert!(value.get(absent).is_none(), "{absent}");
    }
    assert!(!value.to_string().contains("admin"), "{value}");

    let mut both = ticket(&[("client_id", "claimed"), (TicketIdentity::NAME, "alice")]);
    assert_eq!(claims(&both)["client_id"], "claimed");
    both.properties = vec![("as:client_id".into(), "portal".into())];
    assert_eq!(claims(&both)["client_id"], "portal");
    assert_eq!(identity(&both).client_id(), Some("portal"));
}

#[test]
fn roles_are_those_of_the_identitys_own_role_type() {
    let mut ticket = ticket(&[
        ("n", "alice"),
        ("r", "clerk"),
        ("r", "boss"),
        (TicketIdentity::ROLE, "not a role here"),
    ]);
    ticket.identities[0].name_claim_type = "n".into();
    ticket.identities[0].role_claim_type = "r".into();
    let value = claims(&ticket);
    assert_eq!(value["roles"], json!(["clerk", "boss"]));
    assert_eq!(value["role"], json!(["clerk", "boss"]));
    assert_eq!(value["r"], json!(["clerk", "boss"]));
    assert_eq!(value[TicketIdentity::ROLE], "not a role here");
    assert_eq!((&value["name"], &value[TicketIdentity::NAME]), (&json!("alice"), &json!("alice")));
}

#[test]
fn where_a_ticket_holds_both_names_each_keeps_its_own() {
    let name = (TicketIdentity::NAME, "alice");
    let both = claims(&ticket(&[name, ("email", "short"), (EMAIL, "long")]));
    assert_eq!((&both["email"], &both[EMAIL]), (&json!("short"), &json!("long")));
    let short = claims(&ticket(&[name, ("email", "short")]));
    assert_eq!(short[EMAIL], "short");
}

#[test]
fn only_the_primary_identity_is_in_the_claims() {
    let mut ticket = Ticket::new("Cookies", "alice");
    let mut second = TicketIdentity::new("Other", "bob");
    second.claims.push(TicketClaim::new(TicketIdentity::ROLE, "admin"));
    ticket.identities.push(second);
    let value = claims(&ticket);
    assert_eq!(value["sub"], "alice");
    assert!(value.get("roles").is_none());
    assert_eq!(Ticket::of(&identity(&ticket)).unwrap().identities.len(), 2);
}

#[test]
fn ten_thousand_claims_are_sorted_and_not_searched() {
    let many: Vec<(String, String)> =
        (0..10_000).map(|n| (format!("t{}", n % 5_000), n.to_string())).collect();
    let mut all: Vec<(&str, &str)> =
        many.iter().map(|(claim_type, value)| (claim_type.as_str(), value.as_str())).collect();
    all.push((TicketIdentity::NAME, "alice"));
    let value = claims(&ticket(&all));
    assert_eq!(value["t4999"], json!(["4999", "9999"]));
}
