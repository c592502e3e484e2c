//! The cookie of a finished external login (ASP.NET Identity's `UseExternalSignInCookie`).

use std::convert::Infallible;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Request, Response};
use portcullis::AuthErrorKind::{self, NoCredential, TicketExpired, TicketUndecryptable};
use portcullis::scheme::ExternalCookie;
use portcullis::testing::{ManualClock, TicketMint};
use portcullis::ticket::aspnet::KatanaCookie;
use portcullis::ticket::{Ticket, TicketIdentity, TicketValidator};
use portcullis::{
    AuthenticateLayer, Authentication, Caller, Clock as _, Cookies, Rejection, Scheme, UnixTime,
    policy,
};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

use super::ledger;
use crate::support::cookie_house::set_cookies;
use crate::support::ticket_stand::MINUTE;

chapter! {
    async fn nobody_by_itself;
    async fn asked_by_name;
    async fn for_five_minutes;
    async fn signed_in_by_a_provider;
    async fn signed_out_without_names;
    async fn alone_it_challenges_nobody;
    async fn another_purpose;
    async fn the_way_to_an_account;
}

const APPLICATION: &str = ".AspNet.ApplicationCookie";
const EXTERNAL: &str = ".AspNet.ExternalCookie";

/// Pages by the application's cookie, and the external one beside it.
struct App {
    clock: ManualClock,
    start: UnixTime,
    mint: TicketMint,
    gate: AuthenticateLayer,
}

impl App {
    fn new() -> Self {
        let clock = ManualClock::new();
        let mint = TicketMint::new().clock(clock.clone());
        let tickets = |kind| {
            let format = KatanaCookie::new(mint.machine_key(), kind).unwrap();
            TicketValidator::new(format).clock(Arc::new(clock.clone()))
        };
        let pages = tickets("ApplicationCookie").lifetime(60 * MINUTE);
        let gate = AuthenticateLayer::new((
            Scheme::tickets(Cookies, APPLICATION, pages).login_path("/Account/Login"),
            Scheme::external_cookie(tickets("ExternalCookie")),
        ));
        let gate = gate.unwrap();
        Self { start: clock.now(), clock, mint, gate }
    }

    /// The cookie after a login at Google.
    fn external(&self) -> String {
        self.mint
            .katana_cookie("ExternalCookie", "alice@gmail.test")
            .claim(TicketIdentity::NAME_IDENTIFIER, "google-1")
            .expires_at(self.start + 5 * MINUTE)
            .build()
    }

    fn application(&self) -> String {
        let ticket = self.mint.katana_cookie("ApplicationCookie", "alice");
        ticket.expires_at(self.start + 60 * MINUTE).build()
    }
}

fn parts(cookies: &[(&str, &str)]) -> Parts {
    let mut request = Request::get("/report").header("accept", "text/html");
    for (name, value) in cookies {
        request = request.header("cookie", format!("{name}={value}"));
    }
    request.body(()).unwrap().into_parts().0
}

/// What the external scheme found where it is asked for by name: who, or why nobody.
async fn asked(
    gate: &AuthenticateLayer,
    parts: Parts,
) -> (Result<String, Option<AuthErrorKind>>, HeaderMap) {
    let handler = service_fn(async |request: Request<()>| {
        let record = request.extensions().get::<Authentication>().unwrap();
        assert!(record.primary().is_none(), "it is nobody's principal");
        let outcome = record.outcome(ExternalCookie).unwrap();
        let who = outcome.identity().map(|it| it.subject().unwrap().to_owned());
        Ok::<_, Infallible>(Response::new(who.ok_or(outcome.error().map(|it| it.kind()))))
    });
    let response = gate.layer(handler).oneshot(Request::from_parts(parts, ())).await.unwrap();
    let (head, body) = response.into_parts();
    (body, head.headers)
}

async fn nobody_by_itself() {
    let app = App::new();
    let page = ServiceBuilder::new()
        .layer(&app.gate)
        .layer(app.gate.require(policy::authenticated()).unwrap())
        .service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())));
    let request = Request::from_parts(parts(&[(EXTERNAL, &app.external())]), ());
    let response = page.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "/Account/Login?ReturnUrl=%2Freport");
    let reason = response.extensions().get::<Rejection>().unwrap().reason().kind();
    assert_eq!(reason, NoCredential);
    assert!(set_cookies(response.headers()).is_empty());
    ledger::passed("E1");
}

async fn asked_by_name() {
    let app = App::new();
    let (who, _) = asked(&app.gate, parts(&[(EXTERNAL, &app.external())])).await;
    assert_eq!(who.as_deref(), Ok("google-1"));
    // so does a handler that names it
    let handler = service_fn(async |request: Request<()>| {
        let caller =
            Caller::<serde_json::Value, ExternalCookie>::from_extensions(request.extensions());
        Ok::<_, Infallible>(Response::new(caller.unwrap().claims["sub"].clone()))
    });
    let request = Request::from_parts(parts(&[(EXTERNAL, &app.external())]), ());
    let response = app.gate.layer(handler).oneshot(request).await.unwrap();
    assert_eq!(*response.body(), "google-1");
    ledger::passed("E2");
}

async fn for_five_minutes() {
    let app = App::new();
    let cookie = app.external();
    app.clock.advance(4 * MINUTE);
    let (who, headers) = asked(&app.gate, parts(&[(EXTERNAL, &cookie)])).await;
    assert_eq!(who.as_deref(), Ok("google-1"));
    assert!(set_cookies(&headers).is_empty(), "it does not slide");
    app.clock.advance(MINUTE + MINUTE / 60);
    let (who, headers) = asked(&app.gate, parts(&[(EXTERNAL, &cookie)])).await;
    assert_eq!(who, Err(Some(TicketExpired)));
    assert!(set_cookies(&headers).is_empty());
    // not even one that was made for longer
    let longer = app.mint.katana_cookie("ExternalCookie", "eve").issued_at(app.start);
    let longer = longer.expires_at(app.start + 60 * MINUTE).build();
    let (who, _) = asked(&app.gate, parts(&[(EXTERNAL, &longer)])).await;
    assert_eq!(who, Err(Some(TicketExpired)));
    ledger::passed("E3");
}

async fn signed_in_by_a_provider() {
    let app = App::new();
    let ticket = Ticket::new("ExternalCookie", "alice@gmail.test");
    let mut answer = HeaderMap::new();
    app.gate.sign_in(ExternalCookie, &parts(&[]), ticket).await.unwrap().write(&mut answer);
    let lines = set_cookies(&answer);
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let (name, rest) = line.split_once('=').unwrap();
    assert_eq!(name, EXTERNAL);
    let format = KatanaCookie::new(app.mint.machine_key(), "ExternalCookie").unwrap();
    let text = rest.split(';').next().unwrap();
    let opened = portcullis::ticket::TicketFormat::unprotect(&format, text).unwrap();
    assert_eq!(opened.expires_at, Some(app.start + 5 * MINUTE));
    ledger::passed("E4");
}

async fn signed_out_without_names() {
    let app = App::new();
    let request = parts(&[(APPLICATION, &app.application()), (EXTERNAL, &app.external())]);
    let mut answer = HeaderMap::new();
    app.gate.sign_out(&request).await.unwrap().write(&mut answer);
    let lines = set_cookies(&answer);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with(&format!("{APPLICATION}=; ")), "{lines:?}");
    ledger::passed("E5");
}

async fn alone_it_challenges_nobody() {
    let mint = TicketMint::new();
    let format = KatanaCookie::new(mint.machine_key(), "ExternalCookie").unwrap();
    let tickets = TicketValidator::new(format);
    let gate = AuthenticateLayer::new((Scheme::external_cookie(tickets),)).unwrap();
    let handler = service_fn(async |_: Request<()>| {
        let mut response = Response::new(());
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        Ok::<_, Infallible>(response)
    });
    let request = Request::from_parts(parts(&[]), ());
    let response = gate.layer(handler).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 401);
    for header in ["www-authenticate", "location", "set-cookie"] {
        assert!(!response.headers().contains_key(header), "{header}");
    }
    ledger::passed("E6");
}

async fn another_purpose() {
    let app = App::new();
    let explained = app.gate.explain(&parts(&[(APPLICATION, &app.external())])).await;
    let found = |explained: &portcullis::Explanation, index: usize| {
        explained.schemes[index].outcome.error().map(|it| it.kind())
    };
    assert_eq!(found(&explained, 0), Some(TicketUndecryptable));
    // nor the other way round
    let explained = app.gate.explain(&parts(&[(EXTERNAL, &app.application())])).await;
    assert_eq!(found(&explained, 1), Some(TicketUndecryptable));
    ledger::passed("E7");
}

/// A provider's user becomes one of the application's: in by its scheme, out of the external one, if the
/// login was started by the user who ends it.
async fn the_way_to_an_account() {
    let app = App::new();
    let gate = app.gate.clone();
    let handler = service_fn(move |request: Request<()>| {
        let gate = gate.clone();
        async move {
            let (request, ()) = request.into_parts();
            let record = request.extensions.get::<Authentication>().unwrap();
            let mut response = Response::new(());
            let identity = record.identity(ExternalCookie).unwrap();
            let started_by = Ticket::of(identity).unwrap().property("XsrfId");
            if started_by == Some("user-7") {
                let account = Ticket::new("ApplicationCookie", "alice");
                let signed_in = gate.sign_in(Cookies, &request, account).await.unwrap();
                let signed_out = gate.sign_out_of(ExternalCookie, &request).await.unwrap();
                signed_in.and(signed_out).write(response.headers_mut());
            }
            Ok::<_, Infallible>(response)
        }
    });
    for (started_by, cookies) in [("user-7", 2), ("user-8", 0)] {
        let external = app.mint.katana_cookie("ExternalCookie", "alice@gmail.test");
        let external = external.property("XsrfId", started_by).build();
        let request = Request::from_parts(parts(&[(EXTERNAL, &external)]), ());
        let response = app.gate.layer(handler.clone()).oneshot(request).await.unwrap();
        let lines = set_cookies(response.headers());
        assert_eq!(lines.len(), cookies, "{lines:?}");
        if let [application, external] = &lines[..] {
            assert!(application.starts_with(APPLICATION), "{application}");
            assert!(external.starts_with(&format!("{EXTERNAL}=; ")), "{external}");
        }
    }
    ledger::passed("E2");
}
