//! The life of a ticket in a cookie: when it slides, when it ends, and what is no ticket at all.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use portcullis::AuthErrorKind::{
    self, AmbiguousCookie, InsecureTransport, TicketExpired, TicketMalformed, TicketUndecryptable,
    TokenTooLong,
};
use portcullis::scheme::{TicketCookie, Transport, TransportSource};
use portcullis::testing::{ManualClock, TicketBuilder, TicketMint};
use portcullis::ticket::aspnet::{FormsTickets, KatanaCookie, MachineKey};
use portcullis::ticket::{
    InMemorySessions, Revalidate, Sessions, Ticket, TicketFormat, TicketValidator, Verdict,
};
use portcullis::{Attempt, AuthError, Authentication, Clock as _, Cookies, TicketAuth, UnixTime};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::ledger::{self, Row};

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
    async fn forms_slide_at_half;
    async fn what_is_no_forms_ticket;
    async fn forms_over_plain_http;
    async fn a_name_in_any_script;
}

/// A gate that records, a handler that says who is there, and the time.
struct House<F> {
    clock: ManualClock,
    mint: TicketMint,
    auth: TicketAuth<F>,
    start: UnixTime,
    cookie: &'static str,
}

const APPLICATION: &str = ".AspNet.ApplicationCookie";
const MINUTES: Duration = Duration::from_secs(60);

type Tickets<F> = TicketValidator<F>;

impl House<KatanaCookie> {
    fn katana(change: impl FnOnce(Tickets<KatanaCookie>) -> Tickets<KatanaCookie>) -> Self {
        let mint = TicketMint::new();
        let format = KatanaCookie::new(mint.machine_key(), "ApplicationCookie").unwrap();
        Self::new(APPLICATION, mint, format, change)
    }

    /// Issued at the start, for ten minutes.
    fn ticket(&self) -> TicketBuilder {
        self.mint.katana_cookie("ApplicationCookie", "alice").expires_at(self.start + 10 * MINUTES)
    }
}

impl House<FormsTickets> {
    fn forms() -> Self {
        let mint = TicketMint::new();
        let format = FormsTickets::new(mint.machine_key()).unwrap();
        Self::new(".ASPXAUTH", mint, format, |tickets| tickets)
    }
}

impl<F: TicketFormat + 'static> House<F> {
    fn new(
        cookie: &'static str,
        mint: TicketMint,
        format: F,
        change: impl FnOnce(Tickets<F>) -> Tickets<F>,
    ) -> Self {
        let clock = ManualClock::new();
        let tickets = TicketValidator::new(format).clock(Arc::new(clock.clone()));
        let auth = TicketAuth::new(cookie, change(tickets)).unwrap();
        let start = clock.now();
        Self { mint: mint.clock(clock.clone()), clock, auth, start, cookie }
    }

    fn at(&self, minutes: u64, seconds: u64) {
        let at = self.start + minutes as u32 * MINUTES + Duration::from_secs(seconds);
        self.clock.advance(at.saturating_since(self.clock.now()));
    }

    async fn send(&self, ticket: &str) -> Seen {
        self.send_line(&[format!("{}={ticket}", self.cookie)], StatusCode::OK).await
    }

    async fn send_line(&self, lines: &[String], status: StatusCode) -> Seen {
        let mut request = Request::get("/");
        for line in lines {
            request = request.header("cookie", line);
        }
        see(self.auth.clone(), request.body(()).unwrap(), status).await
    }
}

/// What came of a request.
#[derive(Debug)]
struct Seen {
    who: String,
    status: u16,
    set_cookie: Vec<String>,
    reason: Option<AuthErrorKind>,
}

async fn see<F: TicketFormat + 'static>(
    auth: TicketAuth<F>,
    request: Request<()>,
    status: StatusCode,
) -> Seen {
    let handler = service_fn(move |request: Request<()>| {
        let record = request.extensions().get::<Authentication>().unwrap();
        let outcome = record.outcome(Cookies).unwrap();
        let who = outcome.identity().and_then(|it| it.subject()).unwrap_or("nobody").to_owned();
        let mut response = Response::new((who, outcome.error().map(AuthError::kind)));
        *response.status_mut() = status;
        async { Ok::<_, Infallible>(response) }
    });
    let response = auth.optional().layer(handler).oneshot(request).await.unwrap();
    let set_cookie = set_cookies(response.headers());
    let status = response.status().as_u16();
    let (who, reason) = response.into_body();
    Seen { who, status, set_cookie, reason }
}

fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().to_owned()).collect()
}

impl Seen {
    /// The user was let in and nothing was set.
    #[track_caller]
    fn is_plain(&self, who: &str) {
        assert_eq!((&*self.who, self.status), (who, 200));
        assert!(self.set_cookie.is_empty(), "{self:?}");
    }

    /// The user was let in, and this is the value of the new cookie.
    #[track_caller]
    fn renewed(&self, name: &str) -> String {
        assert_eq!(self.who, "alice");
        let [line] = &self.set_cookie[..] else { panic!("one cookie: {self:?}") };
        let pair = line.split(';').next().unwrap();
        pair.strip_prefix(name).unwrap().strip_prefix('=').unwrap().to_owned()
    }

    /// Nobody was let in, for this reason, and nothing was set.
    #[track_caller]
    fn is_nobody(&self, reason: Option<AuthErrorKind>) {
        assert_eq!((&*self.who, self.status, self.reason), ("nobody", 200, reason));
        assert!(self.set_cookie.is_empty(), "{self:?}");
    }
}

async fn katana_slides_after_half() {
    let house = House::katana(|tickets| tickets);
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
    fn revalidate(&self, _: &Ticket) -> Attempt<Result<Verdict, AuthError>> {
        Attempt::ready(Ok(Verdict::Reject(AuthErrorKind::RejectedByCheck)))
    }
}

async fn the_application_rejects_the_ticket() {
    let house = House::katana(|tickets| tickets.revalidate(Reject));
    let original = house.ticket().build();
    house.at(5, 1);
    house.send(&original).await.is_nobody(Some(AuthErrorKind::RejectedByCheck));
    ledger::passed("C8");
}

async fn what_must_not_slide() {
    let house = House::katana(|tickets| tickets.sliding(false));
    let original = house.ticket().build();
    house.at(5, 1);
    house.send(&original).await.is_plain("alice");
    ledger::passed("C9");

    let house = House::katana(|tickets| tickets);
    let original = house.ticket().with(|ticket| ticket.allow_refresh = Some(false)).build();
    house.at(5, 1);
    house.send(&original).await.is_plain("alice");
    ledger::passed("C10");
}

async fn a_persistent_cookie_keeps_its_date() {
    let house = House::katana(|tickets| tickets);
    let original = house.ticket().persistent().build();
    house.at(5, 1);
    let seen = house.send(&original).await;
    seen.renewed(APPLICATION);
    let line = &seen.set_cookie[0];
    assert!(line.contains("Expires=Thu, 01 Jan 2026 00:15:01 GMT"), "{line}");
    // and one that is not has none
    let fresh = House::katana(|tickets| tickets);
    let original = fresh.ticket().build();
    fresh.at(5, 1);
    assert!(!fresh.send(&original).await.set_cookie[0].contains("Expires"));
    ledger::passed("C11");
}

async fn a_session_is_renewed_under_its_key() {
    let sessions = Arc::new(InMemorySessions::default());
    let store: Arc<dyn Sessions> = sessions.clone();
    let house = House::katana(|tickets| tickets.lifetime(10 * MINUTES).sessions(store).unwrap());
    let request = Request::new(()).into_parts().0;
    let mut headers = HeaderMap::new();
    let ticket = Ticket::new("ApplicationCookie", "alice");
    house.auth.sign_in(&request, ticket, &mut headers).await.unwrap();
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
    assert_eq!(stored.expires_at, Some(house.start + 15 * MINUTES + Duration::from_secs(1)));
    // the old cookie names the same session, which lives on
    house.at(12, 0);
    assert_eq!(house.send(&cookie).await.who, "alice");
    ledger::passed("C12");
}

async fn a_ticket_keeps_its_own_lifetime() {
    let house = House::katana(|tickets| tickets.lifetime(10 * MINUTES));
    let original = house.ticket().expires_at(house.start + 60 * MINUTES).build();
    house.at(31, 0);
    let renewed = house.send(&original).await.renewed(APPLICATION);
    let format = KatanaCookie::new(house.mint.machine_key(), "ApplicationCookie").unwrap();
    let expires_at = format.unprotect(&renewed).unwrap().expires_at;
    assert_eq!(expires_at, Some(house.start + 91 * MINUTES));
    ledger::passed("C13");
}

async fn two_requests_at_once() {
    let house = House::katana(|tickets| tickets);
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
    let house = House::katana(|tickets| tickets);
    let original = house.ticket().build();
    house.at(6, 0);
    let line = [format!("{APPLICATION}={original}")];
    let seen = house.send_line(&line, StatusCode::INTERNAL_SERVER_ERROR).await;
    assert_eq!(seen.status, 500);
    seen.renewed(APPLICATION);
    ledger::passed("C15");
}

async fn signing_out_wins() {
    let house = House::katana(|tickets| tickets);
    let original = house.ticket().build();
    house.at(6, 0);
    let auth = house.auth.clone();
    let handler = service_fn(move |request: Request<()>| {
        let auth = auth.clone();
        async move {
            let parts = request.into_parts().0;
            let record = parts.extensions.get::<Authentication>().unwrap();
            let mut response = Response::new(());
            let headers = response.headers_mut();
            auth.sign_out(&parts, record.primary(), headers).await.unwrap();
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
        auth.sign_in(&request, ticket, &mut headers).await.unwrap();
        let line = set_cookies(&headers).remove(0);
        assert_eq!(line.contains("; Secure"), is_secure, "{transport:?}: {line}");
        assert!(line.contains("; HttpOnly") && line.contains("; Path=/"), "{line}");
    }
    ledger::passed("C17");
}

async fn forms_slide_at_half() {
    let house = House::forms();
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
    let house = House::forms();
    let early = house.mint.forms("alice").issued_at(house.start + 5 * MINUTES).build();
    house.send(&early).await.is_plain("alice");
    ledger::passed("F12");

    let house = House::forms();
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
    let house = House::forms();
    ledger::table_async(NO_TICKETS, async |row| {
        let seen = house.send_line(&(row.lines)(&house.mint), StatusCode::OK).await;
        seen.is_nobody(row.reason);
    })
    .await;
}

async fn forms_over_plain_http() {
    let house = House::forms();
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
    let house = House::forms();
    for name in ["Ægir Ólafsdóttir", "алиса", "アリス", "a\u{301}lice", "🐧", "al\u{0}ice"]
    {
        let seen = house.send(&house.mint.forms(name).build()).await;
        seen.is_plain(name);
    }
    ledger::passed("F15");
}
