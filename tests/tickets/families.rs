//! The validator with the families' own formats.

use std::{sync::Arc, time::Duration};

use http::Request;
use portcullis::{
    AuthError, AuthErrorKind, Identity, UnixTime,
    testing::ManualClock,
    ticket::{
        InMemorySessions, Ticket, TicketClaim, TicketFormat, TicketIdentity, TicketValidator,
        aspnet::{FormsTickets, KatanaAccessToken, KatanaCookie, MachineKey},
    },
    token::{Presented, TokenValidator},
};

use crate::bench::{MINUTE, ready, written};

fn key(byte: &str) -> MachineKey {
    MachineKey::from_hex(&byte.repeat(64), &byte.repeat(32)).unwrap()
}

/// Three quarters of a second past 10:00.
fn clock() -> ManualClock {
    ManualClock::at(UnixTime::from_secs(1_715_680_800) + Duration::from_millis(750))
}

fn validate<F: TicketFormat>(
    tickets: &TicketValidator<F>,
    text: &str,
) -> Result<Identity, AuthError> {
    let parts = Request::new(()).into_parts().0;
    ready(tickets.validate(Presented::new(text, &parts)))
}

/// S6-16, 6265-13: all that FormsAuthentication's renewal keeps.
#[test]
fn a_forms_ticket_slides_at_half_and_keeps_what_it_holds() {
    let clock = clock();
    let tickets = TicketValidator::new(FormsTickets::new(key("A0")).unwrap())
        .clock(Arc::new(clock.clone()))
        .lifetime(30 * MINUTE);
    let mut ticket = Ticket::new("Forms", "Zoë");
    ticket.is_persistent = true;
    ticket.user_data = "clerk".into();
    ticket.cookie_path = "/app".into();
    let text = written(&ready(tickets.issue(ticket.clone())).unwrap());

    clock.advance(15 * MINUTE - Duration::from_nanos(100));
    let identity = validate(&tickets, &text).unwrap();
    assert!(tickets.renew(&identity).is_none(), "a tick before half");
    clock.advance(Duration::from_nanos(100));
    let renewed = tickets.renew(&identity).unwrap();
    let identity = validate(&tickets, &written(&renewed)).unwrap();
    ticket.issued_at = Some(portcullis::Clock::now(&clock));
    ticket.expires_at = ticket.issued_at.map(|at| at + 30 * MINUTE);
    assert_eq!(renewed.persist_until, ticket.expires_at);
    assert_eq!(Ticket::of(&identity), Some(&ticket));
    assert_eq!(identity.claim_str("name").as_deref(), Some("Zoë"));
}

/// 6265-11: with a limit that it can't remember, a forms ticket does not slide.
#[test]
fn a_forms_ticket_under_a_longest_life() {
    let clock = clock();
    let tickets = TicketValidator::new(FormsTickets::new(key("A0")).unwrap())
        .clock(Arc::new(clock.clone()))
        .lifetime(30 * MINUTE)
        .max_lifetime(600 * MINUTE);
    let text = written(&ready(tickets.issue(Ticket::new("Forms", "alice"))).unwrap());
    clock.advance(20 * MINUTE);
    assert!(tickets.renew(&validate(&tickets, &text).unwrap()).is_none());
}

/// Katana's dates are whole seconds; what the application put into the properties stays.
#[test]
fn a_katana_cookie_slides_and_remembers_the_sign_in() {
    let clock = clock();
    let tickets = TicketValidator::new(KatanaCookie::new(key("A0"), "Cookies").unwrap())
        .clock(Arc::new(clock.clone()))
        .lifetime(20 * MINUTE)
        .max_lifetime(30 * MINUTE);
    let mut ticket = Ticket::new("Cookies", "alice");
    ticket.identities[0].claims.push(TicketClaim::new(TicketIdentity::ROLE, "clerk"));
    ticket.properties = vec![("as:client_id".into(), "portal".into())];
    let text = written(&ready(tickets.issue(ticket)).unwrap());
    let start = UnixTime::from_secs(1_715_680_800);
    assert_eq!(validate(&tickets, &text).unwrap().expires_at(), Some(start + 20 * MINUTE));

    clock.advance(11 * MINUTE);
    let renewed = tickets.renew(&validate(&tickets, &text).unwrap()).unwrap();
    let identity = validate(&tickets, &written(&renewed)).unwrap();
    assert_eq!(identity.issued_at(), Some(start + 11 * MINUTE));
    assert_eq!(identity.expires_at(), Some(start + 30 * MINUTE));
    assert_eq!(identity.client_id(), Some("portal"));
    assert_eq!(identity.claim("roles"), Some(serde_json::json!(["clerk"])));
    let properties = &Ticket::of(&identity).unwrap().properties;
    assert_eq!(properties[1], ("portcullis.signed_in_at".into(), start.as_secs().to_string()));
}

#[test]
fn a_katana_cookie_may_name_a_session() {
    let store = Arc::new(InMemorySessions::default());
    let format = || KatanaCookie::new(key("A0"), "Cookies").unwrap();
    let tickets = TicketValidator::new(format()).lifetime(20 * MINUTE).sessions(store).unwrap();
    let text = written(&ready(tickets.issue(Ticket::new("Cookies", "alice"))).unwrap());
    let cookie = format().unprotect(&text).unwrap();
    assert_eq!((cookie.issued_at, cookie.expires_at), (None, None));
    assert_eq!(cookie.identities[0].claims.len(), 1);
    assert_eq!(validate(&tickets, &text).unwrap().subject(), Some("alice"));

    let other = TicketValidator::new(format());
    assert_eq!(validate(&other, &text).unwrap_err().kind(), AuthErrorKind::SessionGone);
}

/// 6265-17: old keys open, the new one writes.
#[test]
fn a_renewal_moves_a_ticket_to_the_new_key() {
    let clock = clock();
    let tickets = |format| TicketValidator::new(format).clock(Arc::new(clock.clone()));
    let (old, new) = (|| FormsTickets::new(key("A0")), || FormsTickets::new(key("B1")));
    let issuer = tickets(old().unwrap()).lifetime(30 * MINUTE);
    let text = written(&ready(issuer.issue(Ticket::new("Forms", "alice"))).unwrap());

    let both = tickets(new().unwrap().also_accept(key("A0")).unwrap());
    clock.advance(20 * MINUTE);
    let renewed = written(&both.renew(&validate(&both, &text).unwrap()).unwrap());
    let (old, new) = (tickets(old().unwrap()), tickets(new().unwrap()));
    assert!(validate(&new, &renewed).is_ok());
    for (tickets, text) in [(&new, &text), (&old, &renewed)] {
        let error = validate(tickets, text).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::TicketUndecryptable);
    }
}

/// The same validator for bearer tokens: `host-authentication.md` §13.4.
#[test]
fn a_katana_token_as_a_bearer() {
    let clock = clock();
    let tickets = TicketValidator::new(KatanaAccessToken::new(key("A0")).unwrap())
        .clock(Arc::new(clock.clone()))
        .issuer("https://token.example");
    let mut ticket = Ticket::new("Bearer", "alice");
    assert!(ready(tickets.issue(ticket.clone())).is_err(), "no lifetime");
    ticket.expires_at = Some(portcullis::Clock::now(&clock) + 20 * MINUTE);
    let text = written(&ready(tickets.issue(ticket)).unwrap());
    assert_eq!(validate(&tickets, &text).unwrap().issuer(), "https://token.example");

    let cookie = KatanaCookie::new(key("A0"), "Bearer").unwrap();
    let cookie = TicketValidator::new(cookie).clock(Arc::new(clock.clone())).lifetime(MINUTE);
    let other = written(&ready(cookie.issue(Ticket::new("Bearer", "alice"))).unwrap());
    let kind = |text: &str| validate(&tickets, text).unwrap_err().kind();
    assert_eq!(kind(&other), AuthErrorKind::TicketUndecryptable);
    clock.advance(20 * MINUTE);
    assert_eq!(kind(&text), AuthErrorKind::TicketExpired);
}
