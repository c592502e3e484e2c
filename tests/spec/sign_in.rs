//! Signing in and out by the name of a scheme, and what two applications must agree on.

use http::{HeaderMap, Request};
use portcullis::AuthErrorKind::{
    InsecureTransport, IssuerUnreachable, SessionGone, TicketUndecryptable,
};
use portcullis::scheme::{
    CrossSiteGuard, ExternalCookie, SameSite, SetCookies, SignOutError, TicketCookie, Transport,
    TransportSource,
};
use portcullis::ticket::aspnet::{FormsTickets, KatanaCookie, MachineKey};
use portcullis::ticket::{
    InMemorySessions, IssueError, SessionKey, Sessions, StoredTicket, Ticket, TicketValidator,
};
use portcullis::token::{Cached, Revalidate, Verdict};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Bearer, BearerAuth, BuildError, Cookies,
    Identity, ProblemDetails, Rejection, RequireBoth, Scheme, SchemeName, TicketAuth,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::ledger;
use crate::support::cookie_house::set_cookies;
use crate::support::fixed::Fixed;
use crate::support::logs::Log;
use crate::support::ticket_stand::{COOKIE, MINUTE, Stand, parts, signed_in, status};

chapter! {
    async fn a_scheme_that_no_layer_owns;
    async fn a_ticket_of_another_type;
    async fn every_chunk_is_deleted;
    async fn over_plain_http;
    async fn both_over_plain_http;
    async fn one_session_that_cannot_be_ended;
    async fn a_session_whose_cookie_is_only_read;
    async fn an_answer_with_other_cookies;
    async fn two_applications_are_compared;
    fn every_gate_of_tickets_is_compared;
    fn what_cannot_work_is_not_built;
    async fn a_check_that_comes_too_late;
}

const APPLICATION: SchemeName = SchemeName::from_static("ApplicationCookie");

fn gate(stand: &Stand) -> AuthenticateLayer {
    let external = KatanaCookie::new(stand.mint.machine_key(), "ExternalCookie").unwrap();
    AuthenticateLayer::new((
        Scheme::bearer(Bearer, Fixed::default()),
        Scheme::tickets(APPLICATION, COOKIE, stand.katana().lifetime(60 * MINUTE)),
        Scheme::external_cookie(TicketValidator::new(external)),
    ))
    .unwrap()
}

fn nothing() -> http::request::Parts {
    Request::new(()).into_parts().0
}

/// R11, S1.L4: never silence.
async fn a_scheme_that_no_layer_owns() {
    let stand = Stand::new();
    let gate = gate(&stand);
    let alice = || Ticket::new("ApplicationCookie", "alice");
    for (name, says) in [
        ("Cookies", "it has [\"Bearer\", \"ApplicationCookie\", \"ExternalCookie\"]"),
        ("applicationCookie", "did you mean \"ApplicationCookie\"?"),
        ("ApplicationCookies", "did you mean \"ApplicationCookie\"?"),
    ] {
        let name = SchemeName::new(name);
        let error = gate.sign_in(name, &nothing(), alice()).await.unwrap_err();
        let IssueError::Scheme(BuildError::UnknownScheme { name: given, known }) = &error else {
            panic!("{error:?}");
        };
        assert_eq!((*given, known.len()), (name, 3));
        assert!(error.to_string().contains(says), "{error}");
        let error = gate.sign_out_of((APPLICATION, name), &nothing()).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(matches!(error, SignOutError::Scheme(_)));
    }
    // one that has no cookie, and one that only reads it
    let error = gate.sign_in(Bearer, &nothing(), alice()).await.unwrap_err();
    assert!(error.to_string().contains("\"Bearer\" signs nobody in"), "{error}");
    let reader =
        AuthenticateLayer::new((Scheme::cookie(Cookies, COOKIE, stand.katana()),)).unwrap();
    let error = reader.sign_in(Cookies, &nothing(), alice()).await.unwrap_err();
    assert!(error.to_string().contains("Scheme::tickets"), "{error}");
    assert!(reader.sign_out(&nothing()).await.is_ok(), "and deletes it");
    // the answer, where a handler passes it on
    let rejection = Rejection::from(error);
    assert_eq!(rejection.status(), 500);
    assert_eq!(rejection.reason().kind(), AuthErrorKind::SignInMisconfigured);
    ledger::passed("L11");
}

/// The cause of seed system 1: the provider signs in `Cookies`, the layer is `ApplicationCookie`.
async fn a_ticket_of_another_type() {
    let stand = Stand::new();
    let pages = TicketAuth::new(COOKIE, stand.katana().lifetime(60 * MINUTE)).unwrap();
    let error = pages.sign_in(&nothing(), Ticket::new("Cookies", "alice")).await.unwrap_err();
    assert!(matches!(error, IssueError::Ticket(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("\"Cookies\"") && text.contains("\"ApplicationCookie\""), "{text}");
    let good = pages.sign_in(&nothing(), Ticket::new("ApplicationCookie", "alice")).await;
    let mut answer = HeaderMap::new();
    good.unwrap().write(&mut answer);
    assert_eq!(set_cookies(&answer).len(), 1);
    ledger::passed("L11");
}

async fn every_chunk_is_deleted() {
    let stand = Stand::new();
    let gate = gate(&stand);
    let long = Ticket::new("ApplicationCookie", "alice").with_claim("bio", &bio(12_000));
    let mut answer = HeaderMap::new();
    gate.sign_in(APPLICATION, &nothing(), long).await.unwrap().write(&mut answer);
    let set = set_cookies(&answer);
    assert!(set.len() > 2, "the marker and chunks: {}", set.len());
    let mut request = Request::get("/");
    for line in &set {
        request = request.header("cookie", line.split(';').next().unwrap());
    }
    let request = request.body(()).unwrap().into_parts().0;
    // L10: signed in and then out in one answer, the later word counts
    gate.sign_out(&request).await.unwrap().write(&mut answer);
    let deleted = set_cookies(&answer);
    let names = |lines: &[String]| -> Vec<String> {
        let mut names: Vec<_> =
            lines.iter().map(|it| it.split('=').next().unwrap().into()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&deleted), names(&set));
    assert!(deleted.iter().all(|it| it.contains("=; ") && it.contains("Expires=Thu, 01 Jan 1970")));
    ledger::passed("L12");
}

/// Text that gzip does not make short.
fn bio(length: usize) -> String {
    let mut state = 1_u32;
    let next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (state >> 24) as u8 % 26)
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// FormsAuthentication: where SSL is required, a cookie is not set over plain http either.
async fn over_plain_http() {
    let stand = Stand::new();
    let sessions = Arc::new(InMemorySessions::default());
    let tickets = stand.katana().lifetime(60 * MINUTE).sessions(sessions.clone()).unwrap();
    let pages = TicketAuth::new(COOKIE, tickets).unwrap();
    let pages = pages.require_tls(TransportSource::Server).unwrap();
    for (transport, is_set) in
        [(Transport::Tls, true), (Transport::Plain, false), (Transport::Unknown, false)]
    {
        let mut request = nothing();
        request.extensions.insert(transport);
        let alice = Ticket::new("ApplicationCookie", "alice");
        match pages.sign_in(&request, alice).await {
            Ok(cookies) => {
                let mut answer = HeaderMap::new();
                cookies.write(&mut answer);
                assert!(is_set && set_cookies(&answer)[0].contains("; Secure"), "{transport:?}");
            }
            Err(error) => {
                assert!(!is_set, "{transport:?}: {error}");
                let IssueError::Transport(reason) = &error else { panic!("{error:?}") };
                assert_eq!(reason.kind(), InsecureTransport);
                assert_eq!(Rejection::from(error).status(), 403);
            }
        }
        // signing out is allowed, however the request came
        let mut answer = HeaderMap::new();
        pages.sign_out(&request).await.unwrap().write(&mut answer);
        assert!(set_cookies(&answer)[0].starts_with(&format!("{COOKIE}=; ")));
    }
    ledger::passed("F13");
}

async fn both_over_plain_http() {
    let stand = Stand::new();
    let ticket = TicketAuth::new(".ASPXAUTH", stand.forms()).unwrap();
    let ticket = ticket.require_tls(TransportSource::Server).unwrap();
    let token = BearerAuth::new(Fixed::default()).unwrap();
    let both = RequireBoth::new(token, ticket).unwrap().respond_with(ProblemDetails);
    let f = stand.mint.forms("alice").build();
    for (transport, status) in [(Transport::Plain, 401), (Transport::Tls, 200)] {
        let handler =
            service_fn(async |_: Request<()>| Ok::<_, Infallible>(http::Response::new(Vec::new())));
        let request = Request::get("/api/test")
            .header("authorization", "Bearer alice")
            .header("cookie", format!(".ASPXAUTH={f}"))
            .extension(transport);
        let response = both.layer(handler).oneshot(request.body(()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        if status == 401 {
            let rejection = response.extensions().get::<Rejection>().unwrap();
            assert_eq!(rejection.reason().kind(), InsecureTransport);
            assert_eq!(rejection.missing(), ["session"]);
            assert_eq!(response.headers()["www-authenticate"], "Cookie realm=\"app\"");
        }
    }
    ledger::passed("S6-21");
}

/// A store that keeps and gives, and is down when a session is to be ended.
#[derive(Debug, Default)]
struct CannotRemove(InMemorySessions);

impl Sessions for CannotRemove {
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        self.0.store(ticket)
    }

    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
        self.0.retrieve(key)
    }

    fn renew(
        &self,
        key: &SessionKey,
        version: u64,
        ticket: Ticket,
    ) -> Attempt<Result<bool, AuthError>> {
        self.0.renew(key, version, ticket)
    }

    fn remove(&self, _: &SessionKey) -> Attempt<Result<(), AuthError>> {
        Attempt::ready(Err(AuthErrorKind::SessionGone.into()))
    }
}

/// The cookies go all the same, also those of the schemes after it.
async fn one_session_that_cannot_be_ended() {
    let stand = Stand::new();
    let tickets = stand.katana().lifetime(60 * MINUTE);
    let broken = tickets.clone().sessions(CannotRemove::default()).unwrap();
    let gate = AuthenticateLayer::new((
        Scheme::tickets(APPLICATION, COOKIE, broken),
        Scheme::tickets(Cookies, "other", tickets),
    ))
    .unwrap();
    let mut answer = HeaderMap::new();
    let alice = Ticket::new("ApplicationCookie", "alice");
    gate.sign_in(APPLICATION, &nothing(), alice).await.unwrap().write(&mut answer);
    let line = set_cookies(&answer).remove(0);
    let request = Request::get("/").header("cookie", line.split(';').next().unwrap());
    let request = request.body(()).unwrap().into_parts().0;

    let error = gate.sign_out(&request).await.unwrap_err();
    let (cookies, rejection) = Rejection::of_sign_out(error.clone());
    assert_eq!(rejection.status(), 503, "it is not known that it ended");
    let mut answer = HeaderMap::new();
    cookies.write(&mut answer);
    assert_eq!(set_cookies(&answer).len(), 2);
    // as a response
    let response = axum::response::IntoResponse::into_response(error);
    assert_eq!(response.status(), 503);
    assert_eq!(set_cookies(response.headers()).len(), 2);
    ledger::passed("L12");
}

/// `Scheme::cookie` issues nothing, and its sign-out ends the session all the same.
async fn a_session_whose_cookie_is_only_read() {
    let stand = Stand::new();
    let tickets = stand.katana().lifetime(60 * MINUTE);
    let kept = tickets.clone().sessions(InMemorySessions::default()).unwrap();
    let pages = TicketAuth::new(COOKIE, kept.clone()).unwrap();
    let plain = Scheme::from(Scheme::cookie(Cookies, COOKIE, kept.clone()));
    for scheme in [plain, Scheme::cookie(Cookies, COOKIE, Cached::new(kept)).into()] {
        let gate = AuthenticateLayer::new([scheme]).unwrap();
        let text = signed_in(&pages).await;
        assert_eq!(status(&pages, &text, COOKIE).await, (200, None));
        // also beside another cookie of the name, put there from another host of the site
        let mut request = parts(&text, COOKIE);
        request.headers.append("cookie", format!("{COOKIE}=planted").parse().unwrap());
        let mut answer = HeaderMap::new();
        gate.sign_out(&request).await.unwrap().write(&mut answer);
        assert!(set_cookies(&answer)[0].starts_with(&format!("{COOKIE}=; ")));
        assert_eq!(status(&pages, &text, COOKIE).await, (401, Some(SessionGone)));
        assert!(gate.sign_out(&request).await.is_ok(), "nothing is left to end");
    }

    let broken = tickets.sessions(CannotRemove::default()).unwrap();
    let text = signed_in(&TicketAuth::new(COOKIE, broken.clone()).unwrap()).await;
    let gate = AuthenticateLayer::new((Scheme::cookie(Cookies, COOKIE, broken),)).unwrap();
    let error = gate.sign_out(&parts(&text, COOKIE)).await.unwrap_err();
    let SignOutError::Sessions { cookies, error } = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), IssuerUnreachable, "it is not known that it ended");
    let mut answer = HeaderMap::new();
    cookies.write(&mut answer);
    assert_eq!(set_cookies(&answer).len(), 1);
    ledger::passed("CK-07");
}

/// A handler's own cookies stay beside those of a sign-in.
async fn an_answer_with_other_cookies() {
    let stand = Stand::new();
    let gate = gate(&stand);
    let external = Ticket::new("ExternalCookie", "alice");
    let cookies = gate.sign_in(ExternalCookie, &nothing(), external).await.unwrap();
    let own = [("set-cookie", "theme=dark")];
    let response = axum::response::IntoResponse::into_response((own, cookies, "hello"));
    let lines = set_cookies(response.headers());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "theme=dark");
    assert!(lines[1].starts_with(".AspNet.ExternalCookie="));
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert!(
        set_cookies(&{
            let mut none = HeaderMap::new();
            SetCookies::default().write(&mut none);
            none
        })
        .is_empty()
    );
    ledger::passed("E4");
}

/// One line for each application, the same if they can read each other's tickets.
async fn two_applications_are_compared() {
    let stand = Stand::new();
    let (key, other) = (
        stand.mint.machine_key(),
        MachineKey::from_hex(&"11".repeat(64), &"22".repeat(32)).unwrap(),
    );
    let line = |key: &MachineKey, cookie: TicketCookie| {
        let log = Log::capture();
        let tickets = TicketValidator::new(FormsTickets::new(key.clone()).unwrap());
        let pages = TicketAuth::new(cookie, tickets).unwrap().realm("app").unwrap();
        let handler =
            service_fn(async |_: Request<()>| Ok::<_, Infallible>(http::Response::new(())));
        let _ = (pages.layer(handler), pages.clone().layer(handler)); // one line however often
        let lines = log.lines_with("fingerprint=");
        let [line] = &lines[..] else { panic!("{}", log.text()) };
        assert!(line.contains("INFO") && line.contains(key.fingerprint()), "{line}");
        line.clone()
    };
    let fingerprint = |line: &str| {
        let after = line.split("fingerprint=").nth(1).unwrap();
        after.split(' ').next().unwrap().to_owned()
    };
    let cookie = || TicketCookie::builder(".ASPXAUTH").path("/").domain("corp.test");
    let ours = line(&key, cookie().build().unwrap());
    for part in ["scheme=Cookies", ".ASPXAUTH", "path=\"/\"", "domain=\"corp.test\"", "Forms"] {
        assert!(ours.contains(part), "{part}: {ours}");
    }
    let next_door = line(&key, cookie().domain(".CORP.test").build().unwrap());
    assert_eq!(fingerprint(&ours), fingerprint(&next_door));
    for (what, differs) in [
        ("keys", line(&other, cookie().build().unwrap())),
        ("name", line(&key, TicketCookie::builder(".AUTH").domain("corp.test").build().unwrap())),
        ("path", line(&key, cookie().path("/app").build().unwrap())),
        ("domain", line(&key, TicketCookie::builder(".ASPXAUTH").build().unwrap())),
    ] {
        assert_ne!(fingerprint(&ours), fingerprint(&differs), "{what}");
    }
    // how it is sent is no part of it
    let strict = line(&key, cookie().same_site(SameSite::Strict).build().unwrap());
    assert_eq!(fingerprint(&ours), fingerprint(&strict));

    // a ticket of the other one: 401, and the log tells which keys were tried
    let log = Log::capture();
    let f = stand.mint.forms("alice").build();
    let theirs = TicketValidator::new(FormsTickets::new(other.clone()).unwrap());
    let theirs = TicketAuth::new(".ASPXAUTH", theirs).unwrap();
    assert_eq!(status(&theirs, &f, ".ASPXAUTH").await, (401, Some(TicketUndecryptable)));
    let lines = log.lines_with("TicketUndecryptable");
    assert!(lines.iter().any(|line| line.contains(other.fingerprint())), "{}", log.text());
    assert!(ours.contains(key.fingerprint()), "and the issuer's own line has the other one");
    assert!(!log.text().contains(&f[..20]));
    ledger::passed("S6-28");
}

/// Also one that only reads them, and one that is made of a gate which said its own line before.
fn every_gate_of_tickets_is_compared() {
    let handler =
        || service_fn(async |_: Request<()>| Ok::<_, Infallible>(http::Response::new(())));
    let stand = Stand::new();
    let token = BearerAuth::new(Fixed::default()).unwrap();
    let _ = token.clone().layer(handler());
    let ticket = TicketAuth::new(COOKIE, stand.katana()).unwrap();
    let both = RequireBoth::new(token, ticket.clone()).unwrap();
    let read = |scheme: Scheme| AuthenticateLayer::new([scheme]).unwrap();
    let bearer = Scheme::cookie(Bearer, COOKIE, Fixed::default()).guard(CrossSiteGuard::new());
    let log = Log::capture();
    let _ = (
        ticket.layer(handler()),
        both.layer(handler()),
        read(Scheme::cookie(Cookies, COOKIE, stand.katana()).into()).layer(handler()),
        read(Scheme::cookie(Cookies, COOKIE, Cached::new(stand.katana())).into()).layer(handler()),
        read(bearer.into()).layer(handler()), // of no ticket
    );
    let lines = log.lines_with("fingerprint=");
    assert_eq!(lines.len(), 4, "{}", log.text());
    assert!(lines[0].contains(stand.mint.machine_key().fingerprint()), "{}", lines[0]);
    assert!(lines.iter().all(|line| *line == lines[0]), "{lines:?}");
    ledger::passed("S6-28");
}

fn what_cannot_work_is_not_built() {
    let stand = Stand::new();
    let cookie = || TicketCookie::builder(COOKIE).dangerous().never_secure();
    let insecure = TicketAuth::new(cookie(), stand.katana()).unwrap();
    let error = insecure.require_tls(TransportSource::Server).unwrap_err();
    assert!(error.to_string().contains("InsecureCookie"), "{error}");
    let promise = TicketCookie::builder("__Host-app").domain("corp.test");
    let error = TicketAuth::new(promise, stand.katana()).unwrap_err();
    assert!(error.to_string().contains("__Host-"), "{error}");
    for tickets in
        [stand.katana().lifetime(Duration::ZERO), stand.katana().max_lifetime(Duration::ZERO)]
    {
        let error = TicketAuth::new(COOKIE, tickets.clone()).unwrap_err();
        assert!(error.to_string().contains("SlidingWithoutLifetime"), "{error}");
        let scheme = Scheme::tickets(Cookies, COOKIE, tickets);
        assert!(AuthenticateLayer::new((scheme,)).is_err());
    }
    ledger::passed("S6-28");
}

/// Half of the lifetime is shorter than the interval: a warning, and it works here all the same.
async fn a_check_that_comes_too_late() {
    #[derive(Debug)]
    struct Everybody;
    impl Revalidate for Everybody {
        fn revalidate(&self, _: &Identity) -> Attempt<Result<Verdict, AuthError>> {
            Attempt::ready(Ok(Verdict::Keep))
        }
    }
    let stand = Stand::new();
    for (lifetime, warns) in [(59, true), (60, false)] {
        let log = Log::capture();
        let tickets = stand.katana().lifetime(lifetime * MINUTE).revalidate(Everybody);
        let pages = TicketAuth::new(COOKIE, tickets).unwrap();
        let ticket = stand.katana_ticket().build();
        let request = Request::from_parts(parts(&ticket, COOKIE), ());
        let handler =
            service_fn(async |_: Request<()>| Ok::<_, Infallible>(http::Response::new(())));
        assert_eq!(pages.layer(handler).oneshot(request).await.unwrap().status(), 200);
        let lines = log.lines_with("RevalidateLongerThanHalfLifetime");
        assert_eq!(lines.len(), usize::from(warns), "{}", log.text());
        assert!(lines.iter().all(|line| line.contains("WARN")));
    }
    ledger::passed("10.S6");
}
