//! The life of Katana's cookie: when it slides, and when it ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use portcullis::AuthErrorKind::{self, TicketExpired};
use portcullis::scheme::{TicketCookie, Transport, TransportSource};
use portcullis::testing::TicketMint;
use portcullis::ticket::aspnet::KatanaCookie;
use portcullis::ticket::{InMemorySessions, Sessions, Ticket, TicketFormat as _, TicketValidator};
use portcullis::token::{Revalidate, Verdict};
use portcullis::{Attempt, AuthError, Clock as _, Identity, TicketAuth};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::ledger;
use crate::support::cookie_house::{APPLICATION, CookieHouse, MINUTES, set_cookies};

chapter! {
    async fn katana_slides_after_half;
    async fn the_application_rejects_the_ticket;
    async fn what_must_not_slide;
    async fn a_persistent_cookie_keeps_its_date;
    async fn a_session_is_renewed_under_its_key;
    async fn a_ticket_keeps_its_own_lifetime;
    async fn two_requests_at_once;
    async fn the_answer_does_not_matter;
    async fn signing_out_wins;
    async fn secure_as_it_is_set_up;
}

async fn katana_slides_after_half() {
    let house = CookieHouse::katana(|tickets| tickets);
    let format = KatanaCookie::new(house.mint.machine_key(), "ApplicationCookie").unwrap();
    let original = house.ticket().build();
    for (id, minutes, seconds) in [("C1", 0, 0), ("C2", 4, 59), ("C3", 5, 0)] {
        house.at(minutes, seconds);
        house.send(&original).await.is_plain("alice");
        ledger::passed(id);
    }
    house.at(5, 1);
    let newer = house.send(&original).await.renewed(APPLICATION);
    let ticket = format.unprotect(&newer).unwrap();
    assert_eq!(ticket.issued_at, Some(house.clock.now()));
    assert_eq!(ticket.expires_at, Some(house.start + 15 * MINUTES + Duration::from_secs(1)));
    ledger::passed("C4");
    house.at(9, 0);
    house.send(&newer).await.is_plain("alice");
    ledger::passed("C5");
    house.at(10, 0);
    house.send(&original).await.renewed(APPLICATION);
    ledger::passed("C6");
    house.at(10, 1);
    house.send(&original).await.is_nobody(Some(TicketExpired));
    ledger::passed("C7");
    house.send(&newer).await.is_plain("alice");

    // the clock was set back: nothing has passed yet
    house.clock.set_wall(house.start - MINUTES);
    house.send(&original).await.is_plain("alice");
    ledger::passed("C18");
}

#[derive(Debug)]
struct Reject;

impl Revalidate for Reject {
    fn revalidate(&self, _: &Identity) -> Attempt<Result<Verdict, AuthError>> {
        Attempt::ready(Ok(Verdict::Reject(AuthErrorKind::RejectedByCheck)))
    }

    fn interval(&self) -> Duration {
        MINUTES
    }
}

async fn the_application_rejects_the_ticket() {
    let house = CookieHouse::katana(|tickets| tickets.revalidate(Reject));
    let original = house.ticket().build();
    house.at(5, 1);
    house.send(&original).await.is_nobody(Some(AuthErrorKind::RejectedByCheck));
    ledger::passed("C8");
}

async fn what_must_not_slide() {
    let house = CookieHouse::katana(|tickets| tickets.sliding(false));
    let original = house.ticket().build();
    house.at(5, 1);
    house.send(&original).await.is_plain("alice");
    ledger::passed("C9");

    let house = CookieHouse::katana(|tickets| tickets);
    let original = house.ticket().with(|ticket| ticket.allow_refresh = Some(false)).build();
    house.at(5, 1);
    house.send(&original).await.is_plain("alice");
    ledger::passed("C10");
}

async fn a_persistent_cookie_keeps_its_date() {
    let house = CookieHouse::katana(|tickets| tickets);
    let original = house.ticket().persistent().build();
    house.at(5, 1);
    let seen = house.send(&original).await;
    seen.renewed(APPLICATION);
    let line = &seen.set_cookie[0];
    assert!(line.contains("Expires=Thu, 01 Jan 2026 00:15:01 GMT"), "{line}");
    // and one that is not has none
    let fresh = CookieHouse::katana(|tickets| tickets);
    let original = fresh.ticket().build();
    fresh.at(5, 1);
    assert!(!fresh.send(&original).await.set_cookie[0].contains("Expires"));
    ledger::passed("C11");
}

async fn a_session_is_renewed_under_its_key() {
    let sessions = Arc::new(InMemorySessions::default());
    let store: Arc<dyn Sessions> = sessions.clone();
    let house =
        CookieHouse::katana(|tickets| tickets.lifetime(10 * MINUTES).sessions(store).unwrap());
    let request = Request::new(()).into_parts().0;
    let mut headers = HeaderMap::new();
    let ticket = Ticket::new("ApplicationCookie", "alice");
    house.auth.sign_in(&request, ticket).await.unwrap().write(&mut headers);
    let line = set_cookies(&headers).remove(0);
    let cookie = line.split(';').next().unwrap().split_once('=').unwrap().1.to_owned();

    let format = KatanaCookie::new(house.mint.machine_key(), "ApplicationCookie").unwrap();
    let key = |text: &str| {
        let ticket = format.unprotect(text).unwrap();
        assert_eq!((ticket.issued_at, ticket.expires_at), (None, None), "the store has the times");
        ticket.identity().unwrap().claim(KatanaCookie::SESSION_ID).unwrap().to_owned()
    };
    house.at(5, 1);
    let renewed = house.send(&cookie).await.renewed(APPLICATION);
    assert_eq!(key(&renewed), key(&cookie));
    let stored = sessions.retrieve(&key(&cookie).into()).into_ready().unwrap().unwrap().unwrap();
    assert_eq!(stored.ticket.expires_at, Some(house.start + 15 * MINUTES + Duration::from_secs(1)));
    // the old cookie names the same session, which lives on
    house.at(12, 0);
    assert_eq!(house.send(&cookie).await.who, "alice");
    ledger::passed("C12");
}

async fn a_ticket_keeps_its_own_lifetime() {
    let house = CookieHouse::katana(|tickets| tickets.lifetime(10 * MINUTES));
    let original = house.ticket().expires_at(house.start + 60 * MINUTES).build();
    house.at(31, 0);
    let renewed = house.send(&original).await.renewed(APPLICATION);
    let format = KatanaCookie::new(house.mint.machine_key(), "ApplicationCookie").unwrap();
    let expires_at = format.unprotect(&renewed).unwrap().expires_at;
    assert_eq!(expires_at, Some(house.start + 91 * MINUTES));
    ledger::passed("C13");
}

async fn two_requests_at_once() {
    let house = CookieHouse::katana(|tickets| tickets);
    let original = house.ticket().build();
    house.at(6, 0);
    let (one, other) = tokio::join!(house.send(&original), house.send(&original));
    let (one, other) = (one.renewed(APPLICATION), other.renewed(APPLICATION));
    assert_ne!(one, other, "each has its own initialization vector");
    house.at(11, 0);
    house.send(&one).await.is_plain("alice");
    house.send(&other).await.is_plain("alice");
    ledger::passed("C14");
}

async fn the_answer_does_not_matter() {
    let house = CookieHouse::katana(|tickets| tickets);
    let original = house.ticket().build();
    house.at(6, 0);
    let line = [format!("{APPLICATION}={original}")];
    let seen = house.send_line(&line, StatusCode::INTERNAL_SERVER_ERROR).await;
    assert_eq!(seen.status, 500);
    seen.renewed(APPLICATION);
    ledger::passed("C15");
}

async fn signing_out_wins() {
    let house = CookieHouse::katana(|tickets| tickets);
    let original = house.ticket().build();
    house.at(6, 0);
    let auth = house.auth.clone();
    let handler = service_fn(move |request: Request<()>| {
        let auth = auth.clone();
        async move {
            let parts = request.into_parts().0;
            let mut response = Response::new(());
            auth.sign_out(&parts).await.unwrap().write(response.headers_mut());
            Ok::<_, Infallible>(response)
        }
    });
    let request = Request::get("/logout").header("cookie", format!("{APPLICATION}={original}"));
    let layer = house.auth.clone().optional();
    let response = layer.layer(handler).oneshot(request.body(()).unwrap()).await.unwrap();
    let lines = set_cookies(response.headers());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with(&format!("{APPLICATION}=; ")), "{lines:?}");
    assert!(lines[0].contains("Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "{lines:?}");
    ledger::passed("C16");
}

async fn secure_as_it_is_set_up() {
    let mint = TicketMint::new();
    let format = || KatanaCookie::new(mint.machine_key(), "ApplicationCookie").unwrap();
    let always = TicketCookie::builder(APPLICATION);
    let same = TicketCookie::builder(APPLICATION).secure_same_as_request(TransportSource::Server);
    for (cookie, transport, is_secure) in [
        (always.clone(), Transport::Plain, true),
        (always, Transport::Tls, true),
        (same.clone(), Transport::Plain, false),
        (same.clone(), Transport::Tls, true),
        // nobody said how it came: the careful reading
        (same, Transport::Unknown, true),
    ] {
        let tickets = TicketValidator::new(format()).lifetime(MINUTES);
        let auth = TicketAuth::new(cookie, tickets).unwrap();
        let (mut request, ()) = Request::new(()).into_parts();
        request.extensions.insert(transport);
        let mut headers = HeaderMap::new();
        let ticket = Ticket::new("ApplicationCookie", "alice");
        auth.sign_in(&request, ticket).await.unwrap().write(&mut headers);
        let line = set_cookies(&headers).remove(0);
        assert_eq!(line.contains("; Secure"), is_secure, "{transport:?}: {line}");
        assert!(line.contains("; HttpOnly") && line.contains("; Path=/"), "{line}");
    }
    ledger::passed("C17");
}
