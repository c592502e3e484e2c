//! Users who are no longer what their tickets and tokens say (the source's security stamp).

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use portcullis::AuthErrorKind::{self, IssuerUnreachable, SessionGone, StampMismatch, UserGone};
use portcullis::jwt::JwtValidator;
use portcullis::testing::{ManualClock, MockIssuer, TicketBuilder, TicketMint};
use portcullis::ticket::aspnet::{FormsTickets, KatanaCookie};
use portcullis::ticket::{InMemorySessions, Ticket, TicketFormat, TicketValidator};
use portcullis::token::{
    Cached, Presented, Renewed, Revalidate, Revalidated, TokenValidator, Verdict,
};
use portcullis::{
    Attempt, AuthError, AuthenticateLayer, Bearer, BearerAuth, Clock as _, Cookies, Identity,
    Rejection, Scheme, TicketAuth, UnixTime, policy,
};
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _, service_fn};

use super::ledger;
use crate::support::house::{discovery, issuer_at, validator};
use crate::support::logs::Log;
use crate::support::ticket_stand::{COOKIE, MINUTE};

chapter! {
    async fn a_changed_stamp;
    async fn a_user_who_is_gone;
    async fn signed_in_again;
    async fn kept_without_a_word;
    async fn sliding_does_not_put_it_off;
    async fn a_store_that_is_down;
    async fn an_old_check_does_not_outweigh_a_no;
    async fn of_two_checks_the_later_one_serves;
    async fn a_verdict_is_as_old_as_its_question;
    async fn to_serve_on_is_no_check;
    async fn under_a_suppression;
    async fn a_changed_password_and_a_token;
    async fn a_changed_password_and_a_page;
    async fn a_locked_account;
    async fn a_session_that_was_removed;
    async fn who_cannot_be_named_is_refused;
    async fn what_is_remembered_is_checked_too;
    async fn many_requests_ask_once;
    async fn one_user_is_asked_about_once;
    async fn a_validator_keeps_its_own_words;
}

const STAMP: &str = "AspNet.Identity.SecurityStamp";

/// The application's users.
#[derive(Clone, Debug)]
struct Users {
    /// Alice's stamp; `None`: she is deleted, or locked.
    stamp: Arc<Mutex<Option<&'static str>>>,
    is_down: Arc<Mutex<bool>>,
    asked: Arc<AtomicUsize>,
    interval: Duration,
    stale: Duration,
    shares: bool,
    /// Answers wait for a permit, where there is a gate.
    gate: Option<Arc<Semaphore>>,
}

impl Users {
    fn new(interval: Duration) -> Self {
        Self {
            stamp: Arc::new(Mutex::new(Some("s1"))),
            is_down: Arc::default(),
            asked: Arc::default(),
            interval,
            stale: Duration::ZERO,
            shares: false,
            gate: None,
        }
    }

    fn change(&self, stamp: Option<&'static str>) {
        *self.stamp.lock().unwrap() = stamp;
    }

    fn go_down(&self, is_down: bool) {
        *self.is_down.lock().unwrap() = is_down;
    }

    /// Waits for the first question, and not for ever.
    async fn are_asked(&self) {
        for _ in 0..1000 {
            if self.asked() > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("nobody asks");
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Revalidate for Users {
    fn revalidate(&self, identity: &Identity) -> Attempt<Result<Verdict, AuthError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(identity.subject().is_some_and(|name| !name.is_empty()));
        if *self.is_down.lock().unwrap() {
            let error = AuthError::new(UserGone).with_detail("no connection to the users");
            return Attempt::ready(Err(error));
        }
        let verdict = match *self.stamp.lock().unwrap() {
            None => Verdict::Reject(UserGone),
            Some(stamp) if identity.claim_str(STAMP).as_deref() == Some(stamp) => Verdict::Keep,
            Some(_) => Verdict::Reject(StampMismatch),
        };
        match self.gate.clone() {
            None => Attempt::ready(Ok(verdict)),
            Some(gate) => Attempt::pending(async move {
                gate.acquire().await.unwrap().forget();
                Ok(verdict)
            }),
        }
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn stale(&self) -> Duration {
        self.stale
    }

    fn cache_key(&self, identity: &Identity) -> Option<String> {
        self.shares.then(|| identity.claim_str(STAMP))?
    }
}

/// A page by a cookie: v = 30 min, lifetime 60 min.
struct Site {
    clock: ManualClock,
    start: UnixTime,
    mint: TicketMint,
    users: Users,
    pages: TicketAuth<KatanaCookie>,
}

impl Site {
    fn new() -> Self {
        Self::with(Users::new(30 * MINUTE), |tickets| tickets)
    }

    fn with(
        users: Users,
        word: impl FnOnce(TicketValidator<KatanaCookie>) -> TicketValidator<KatanaCookie>,
    ) -> Self {
        let clock = ManualClock::new();
        let mint = TicketMint::new().clock(clock.clone());
        let format = KatanaCookie::new(mint.machine_key(), "ApplicationCookie").unwrap();
        let tickets = TicketValidator::new(format)
            .clock(Arc::new(clock.clone()))
            .lifetime(60 * MINUTE)
            .revalidate(users.clone());
        let pages = TicketAuth::new(COOKIE, word(tickets)).unwrap();
        let pages = pages.login_path("/Account/Login").unwrap();
        Self { start: clock.now(), clock, mint, users, pages }
    }

    fn ticket(&self) -> TicketBuilder {
        let ticket = self.mint.katana_cookie("ApplicationCookie", "alice").claim(STAMP, "s1");
        ticket.expires_at(self.start + 60 * MINUTE)
    }

    fn at(&self, minutes: u32) {
        let at = self.start + minutes * MINUTE;
        self.clock.advance(at.saturating_since(self.clock.now()));
    }

    async fn send(&self, ticket: &str) -> Seen {
        let request = Request::get("/report").header("accept", "text/html");
        let request = request.header("cookie", format!("{COOKIE}={ticket}"));
        Seen::of(self.pages.clone(), request.body(()).unwrap()).await
    }
}

/// What came of a request.
#[derive(Debug)]
struct Seen {
    status: u16,
    reason: Option<AuthErrorKind>,
    location: String,
    challenges: Vec<String>,
    set_cookie: Vec<String>,
    retry_after: bool,
}

impl Seen {
    async fn of<L>(layer: L, request: Request<()>) -> Self
    where
        L: Layer<tower::util::BoxCloneService<Request<()>, Response<()>, Infallible>>,
        L::Service: Service<Request<()>, Response = Response<()>, Error = Infallible>,
    {
        let handler = service_fn(async |_: Request<()>| Ok(Response::new(())));
        let service = layer.layer(tower::util::BoxCloneService::new(handler));
        let response = service.oneshot(request).await.unwrap();
        let all = |name: &str| -> Vec<String> {
            let lines = response.headers().get_all(name).iter();
            lines.map(|line| line.to_str().unwrap().to_owned()).collect()
        };
        Self {
            status: response.status().as_u16(),
            reason: response.extensions().get::<Rejection>().map(|it| it.reason().kind()),
            location: all("location").concat(),
            challenges: all("www-authenticate"),
            set_cookie: all("set-cookie"),
            retry_after: response.headers().contains_key("retry-after"),
        }
    }

    /// Let in, and no cookie was set.
    #[track_caller]
    fn is_plain(&self) {
        assert_eq!((self.status, self.set_cookie.len()), (200, 0), "{self:?}");
    }

    /// Let in, with a new cookie: its value.
    #[track_caller]
    fn renewed(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        let [line] = &self.set_cookie[..] else { panic!("one cookie: {self:?}") };
        let value = line.strip_prefix(COOKIE).unwrap().strip_prefix('=').unwrap();
        value.split(';').next().unwrap().to_owned()
    }

    /// Nobody, sent to the login, and the cookie is deleted.
    #[track_caller]
    fn is_signed_out(&self, reason: AuthErrorKind) {
        assert_eq!((self.status, self.reason), (302, Some(reason)), "{self:?}");
        assert_eq!(self.location, "/Account/Login?ReturnUrl=%2Freport");
        is_deleted(&self.set_cookie);
        assert!(self.challenges.is_empty());
    }
}

#[track_caller]
fn is_deleted(set_cookie: &[String]) {
    let [line] = set_cookie else { panic!("one cookie: {set_cookie:?}") };
    assert!(line.starts_with(&format!("{COOKIE}=; ")), "{line}");
    assert!(line.contains("Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "{line}");
}

async fn a_changed_stamp() {
    let site = Site::new();
    let ticket = site.ticket().build();
    site.users.change(Some("s2"));
    site.at(29);
    site.send(&ticket).await.is_plain();
    site.at(30);
    site.send(&ticket).await.is_plain();
    assert_eq!(site.users.asked(), 0);
    ledger::passed("10.S1");
    site.at(31);
    site.send(&ticket).await.is_signed_out(StampMismatch);
    ledger::passed("10.S2");
}

async fn a_user_who_is_gone() {
    let site = Site::new();
    let ticket = site.ticket().build();
    site.users.change(None);
    site.at(31);
    site.send(&ticket).await.is_signed_out(UserGone);
    ledger::passed("10.S3");
}

async fn signed_in_again() {
    let site = Site::with(Users::new(30 * MINUTE), |tickets| {
        let make = |old: &Ticket| {
            let name = old.name().unwrap();
            Attempt::ready(Ok(Ticket::new("ApplicationCookie", name).with_claim(STAMP, "s1")))
        };
        tickets.sliding(false).regenerate(make)
    });
    let ticket = site.ticket().persistent().build();
    site.at(31);
    let seen = site.send(&ticket).await;
    let renewed = seen.renewed();
    assert!(seen.set_cookie[0].contains("Expires=Thu, 01 Jan 2026 01:31:00 GMT"), "{seen:?}");
    let format = KatanaCookie::new(site.mint.machine_key(), "ApplicationCookie").unwrap();
    let opened = format.unprotect(&renewed).unwrap();
    assert_eq!(opened.issued_at, Some(site.start + 31 * MINUTE));
    assert_eq!(opened.expires_at, Some(site.start + 91 * MINUTE), "a full new lifetime");
    site.at(61);
    site.send(&renewed).await.is_plain();
    assert_eq!(site.users.asked(), 1);
    ledger::passed("10.S4");
}

async fn kept_without_a_word() {
    for slides in [false, true] {
        let site = Site::with(Users::new(30 * MINUTE), |tickets| tickets.sliding(slides));
        let ticket = site.ticket().build();
        site.at(31);
        let seen = site.send(&ticket).await;
        assert_eq!(site.users.asked(), 1);
        if slides {
            seen.renewed();
        } else {
            seen.is_plain();
        }
        // and not every later request asks again
        site.at(59);
        assert_eq!(site.send(&ticket).await.status, 200);
        assert_eq!(site.users.asked(), 1);
    }
    ledger::passed("10.S5");
}

/// v = 40 min; a request each minute; the stamp is changed at t 20.
async fn sliding_does_not_put_it_off() {
    let site = Site::with(Users::new(40 * MINUTE), |tickets| tickets);
    let mut ticket = site.ticket().build();
    let mut slid = 0;
    for minute in 1..=120 {
        site.at(minute);
        if minute == 20 {
            site.users.change(Some("s2"));
        }
        let seen = site.send(&ticket).await;
        if seen.status != 200 {
            assert_eq!((minute, slid), (41, 1));
            seen.is_signed_out(StampMismatch);
            break;
        }
        if !seen.set_cookie.is_empty() {
            ticket = seen.renewed();
            slid += 1;
        }
        assert!(minute < 120, "accepted for ever");
    }
    ledger::passed("10.S6");
}

async fn a_store_that_is_down() {
    let log = Log::capture();
    let site = Site::new();
    let ticket = site.ticket().build();
    site.at(31);
    site.users.go_down(true);
    let seen = site.send(&ticket).await;
    assert_eq!((seen.status, seen.reason), (503, Some(IssuerUnreachable)), "{seen:?}");
    assert!(seen.retry_after && seen.set_cookie.is_empty() && seen.location.is_empty());
    assert_eq!(log.lines_with("no connection to the users").len(), 1, "{}", log.text());
    site.users.go_down(false);
    assert_eq!(site.send(&ticket).await.status, 200, "nothing of it is remembered");

    // by choice the last check serves on, for ten minutes
    let users = Users { stale: 10 * MINUTE, ..Users::new(30 * MINUTE) };
    let site = Site::with(users, |tickets| tickets.sliding(false));
    let ticket = site.ticket().build();
    site.users.go_down(true);
    for (minute, status) in [(31, 200), (40, 200), (41, 503)] {
        site.at(minute);
        let seen = site.send(&ticket).await;
        // the old check serves, and is not written down as a new one
        assert_eq!((seen.status, seen.set_cookie.len()), (status, 0), "{minute}: {seen:?}");
    }
    let warnings = log.lines_with("a user could not be checked");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("WARN") && warnings[0].contains("1860 s ago"), "{warnings:?}");
    // and a "no" is a "no"
    site.users.go_down(false);
    site.users.change(None);
    site.send(&ticket).await.is_signed_out(UserGone);
    ledger::passed("10.S7");
}

/// The last check serves on for want of an answer, never against one.
async fn an_old_check_does_not_outweigh_a_no() {
    let users = Users { stale: 10 * MINUTE, ..Users::new(30 * MINUTE) };
    let site = Site::with(users, |tickets| tickets.sliding(false));
    let ticket = site.ticket().build();
    site.users.change(None);
    site.at(31);
    site.send(&ticket).await.is_signed_out(UserGone);
    ledger::passed("10.S7");
}

/// What is remembered of a user may be older than the token at hand.
async fn of_two_checks_the_later_one_serves() {
    let clock = ManualClock::new();
    let issuer = Issuer::new(&clock);
    let users = Users { stale: 5 * MINUTE, shares: true, ..Users::new(5 * MINUTE) };
    let api = BearerAuth::new(issuer.validator()).unwrap().revalidate(users.clone()).unwrap();
    let first = issuer.token();
    clock.advance(6 * MINUTE);
    assert_eq!(call(&api, &first).await.status, 200);
    assert_eq!(users.asked(), 1);
    clock.advance(4 * MINUTE);
    let second = issuer.token();
    users.go_down(true);
    // eleven minutes after the one check, seven after the other sign-in
    clock.advance(7 * MINUTE);
    assert_eq!(call(&api, &first).await.status, 503);
    assert_eq!(call(&api, &second).await.status, 200);
    ledger::passed("10.S7");
}

/// It is believed from when it was asked for, and not from when it came.
async fn a_verdict_is_as_old_as_its_question() {
    let gate = Arc::new(Semaphore::new(0));
    let users = Users { gate: Some(gate.clone()), ..Users::new(30 * MINUTE) };
    let site = Arc::new(Site::with(users, |tickets| tickets));
    let ticket = site.ticket().build();
    site.at(31);
    let slow = tokio::spawn({
        let site = site.clone();
        async move { site.send(&ticket).await }
    });
    site.users.are_asked().await;
    site.at(41);
    gate.add_permits(2);
    let renewed = slow.await.unwrap().renewed();
    for (minute, asked) in [(61, 1), (62, 2)] {
        site.at(minute);
        assert_eq!(site.send(&renewed).await.status, 200);
        assert_eq!(site.users.asked(), asked, "{minute}");
    }
    ledger::passed("10.S5");
}

/// A ticket that slides while nobody can be asked still says when its user was checked last.
async fn to_serve_on_is_no_check() {
    let users = Users { stale: 10 * MINUTE, ..Users::new(30 * MINUTE) };
    let site = Site::with(users, |tickets| tickets);
    let ticket = site.ticket().build();
    site.users.go_down(true);
    site.at(31);
    let slid = site.send(&ticket).await.renewed();
    site.users.go_down(false);
    site.users.change(None);
    site.at(32);
    site.send(&slid).await.is_signed_out(UserGone);
    ledger::passed("10.S7");
}

async fn under_a_suppression() {
    let site = Site::new();
    let issuer = Issuer::new(&site.clock);
    let (ticket, token) = (site.ticket().build(), issuer.token());
    let format = KatanaCookie::new(site.mint.machine_key(), "ApplicationCookie").unwrap();
    let tickets = TicketValidator::new(format).clock(Arc::new(site.clock.clone()));
    let gate = AuthenticateLayer::new((
        Scheme::bearer(Bearer, issuer.validator()),
        Scheme::tickets(Cookies, COOKIE, tickets.revalidate(site.users.clone())),
    ))
    .unwrap();
    let api = ServiceBuilder::new()
        .layer(&gate)
        .layer(gate.suppress_all_but(Bearer).unwrap())
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    site.users.change(Some("s2"));
    site.at(31);
    let request = Request::get("/api")
        .header("authorization", format!("Bearer {token}"))
        .header("cookie", format!("{COOKIE}={ticket}"));
    let seen = Seen::of(api, request.body(()).unwrap()).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    is_deleted(&seen.set_cookie);
    ledger::passed("10.S8");
}

/// Tokens of alice, for two hours.
struct Issuer {
    clock: ManualClock,
    issuer: MockIssuer,
}

impl Issuer {
    fn new(clock: &ManualClock) -> Self {
        Self { issuer: issuer_at(clock, "https://issuer.test"), clock: clock.clone() }
    }

    fn validator(&self) -> JwtValidator {
        let keys = discovery(&self.issuer).fetch(self.issuer.fetch()).clock(self.clock.clone());
        validator(&self.issuer, &self.clock, &keys.build().unwrap())
    }

    fn token(&self) -> String {
        self.issuer.token().claim(STAMP, "s1").expires_in(120 * MINUTE).build()
    }
}

async fn call(api: &BearerAuth, token: &str) -> Seen {
    let request = Request::get("/api").header("authorization", format!("Bearer {token}"));
    Seen::of(api.clone(), request.body(()).unwrap()).await
}

/// 401 with the challenge of a token that is not good.
#[track_caller]
fn is_refused(seen: &Seen, reason: AuthErrorKind) {
    assert_eq!((seen.status, seen.reason), (401, Some(reason)), "{seen:?}");
    let [challenge] = &seen.challenges[..] else { panic!("{seen:?}") };
    assert!(challenge.starts_with("Bearer realm=\"api\", error=\"invalid_token\""), "{challenge}");
}

async fn a_changed_password_and_a_token() {
    let clock = ManualClock::new();
    let issuer = Issuer::new(&clock);
    let users = Users::new(5 * MINUTE);
    let unchecked = BearerAuth::new(issuer.validator()).unwrap();
    let checked = BearerAuth::new(issuer.validator()).unwrap().revalidate(users.clone()).unwrap();
    // the other way round: remembered outside
    let inside = BearerAuth::new(Revalidated::new(issuer.validator(), users.clone())).unwrap();
    let token = issuer.token();
    for api in [&unchecked, &checked, &inside] {
        assert_eq!(call(api, &token).await.status, 200);
    }
    users.change(Some("s2"));
    clock.advance(5 * MINUTE);
    for api in [&unchecked, &checked, &inside] {
        assert_eq!(call(api, &token).await.status, 200, "within the interval");
    }
    clock.advance(Duration::from_secs(1));
    assert_eq!(call(&unchecked, &token).await.status, 200);
    is_refused(&call(&checked, &token).await, StampMismatch);
    is_refused(&call(&inside, &token).await, StampMismatch);
    // the tokens that the user gets after that are good
    let fresh = issuer.issuer.token().claim(STAMP, "s2").expires_in(120 * MINUTE).build();
    clock.advance(6 * MINUTE);
    assert_eq!(call(&checked, &fresh).await.status, 200);
    is_refused(&call(&checked, &token).await, StampMismatch);
    // without a check it is good until it expires
    clock.advance(100 * MINUTE);
    assert_eq!(call(&unchecked, &token).await.status, 200);
    clock.advance(10 * MINUTE);
    is_refused(&call(&unchecked, &token).await, AuthErrorKind::Expired);
    ledger::passed("S2-11");
}

async fn a_changed_password_and_a_page() {
    let site = Site::new();
    let ticket = site.ticket().build();
    site.send(&ticket).await.is_plain();
    site.users.change(Some("s2"));
    site.at(30);
    site.send(&ticket).await.is_plain();
    site.at(31);
    site.send(&ticket).await.is_signed_out(StampMismatch);
    ledger::passed("S2-12");
}

/// The same hook says it of the page and of the API.
async fn a_locked_account() {
    let site = Site::new();
    let issuer = Issuer::new(&site.clock);
    let api = BearerAuth::new(issuer.validator()).unwrap().revalidate(site.users.clone()).unwrap();
    let (ticket, token) = (site.ticket().build(), issuer.token());
    site.send(&ticket).await.is_plain();
    assert_eq!(call(&api, &token).await.status, 200);
    site.users.change(None);
    site.at(31);
    site.send(&ticket).await.is_signed_out(UserGone);
    is_refused(&call(&api, &token).await, UserGone);
    // unlocked: the "no" is believed for ten seconds
    site.users.change(Some("s1"));
    is_refused(&call(&api, &token).await, UserGone);
    site.clock.advance(Duration::from_secs(10));
    assert_eq!(call(&api, &token).await.status, 200);
    ledger::passed("S2-13");
}

async fn a_session_that_was_removed() {
    let site = Site::with(Users::new(30 * MINUTE), |tickets| {
        tickets.sessions(InMemorySessions::default()).unwrap()
    });
    let login = Request::new(()).into_parts().0;
    let alice = Ticket::new("ApplicationCookie", "alice").with_claim(STAMP, "s1");
    let mut answer = http::HeaderMap::new();
    site.pages.sign_in(&login, alice).await.unwrap().write(&mut answer);
    let line = answer["set-cookie"].to_str().unwrap();
    let copy = line.split(';').next().unwrap().split_once('=').unwrap().1.to_owned();
    site.send(&copy).await.is_plain();

    let logout = Request::post("/logout").header("cookie", format!("{COOKIE}={copy}"));
    let logout = logout.body(()).unwrap().into_parts().0;
    site.pages.sign_out(&logout).await.unwrap().write(&mut answer);
    is_deleted(&[answer["set-cookie"].to_str().unwrap().to_owned()]);
    let seen = site.send(&copy).await;
    assert_eq!((seen.status, seen.reason), (302, Some(SessionGone)), "{seen:?}");
    assert_eq!(seen.location, "/Account/Login?ReturnUrl=%2Freport");
    ledger::passed("S2-16");
}

/// A token of a client that acts for itself, at an issuer that leaves `sub` out.
#[derive(Debug)]
struct Nameless(&'static str);

impl TokenValidator for Nameless {
    fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let identity = Identity::builder("https://issuer.test").client_id("batch");
        let identity = if self.0.is_empty() { identity.subject("") } else { identity };
        Attempt::ready(Ok(identity.issued_at(UnixTime::MAX).build()))
    }
}

async fn who_cannot_be_named_is_refused() {
    for text in ["", "absent"] {
        let users = Users::new(30 * MINUTE);
        let api = BearerAuth::new(Nameless(text)).unwrap().revalidate(users.clone()).unwrap();
        is_refused(&call(&api, "token").await, UserGone);
        assert_eq!(users.asked(), 0);
    }
    ledger::passed("10.S3");
}

/// A remembered identity is checked when its check is over, however long its token is good.
async fn what_is_remembered_is_checked_too() {
    let clock = ManualClock::new();
    let mint = TicketMint::new().clock(clock.clone());
    let users = Users::new(30 * MINUTE);
    let format = FormsTickets::new(mint.machine_key()).unwrap();
    // a forms ticket has no stamp: alice is known or she is not
    #[derive(Debug)]
    struct Known(Users);
    impl Revalidate for Known {
        fn revalidate(&self, _: &Identity) -> Attempt<Result<Verdict, AuthError>> {
            self.0.asked.fetch_add(1, Ordering::SeqCst);
            let known = self.0.stamp.lock().unwrap().is_some();
            Attempt::ready(Ok(if known { Verdict::Keep } else { Verdict::Reject(UserGone) }))
        }
    }
    let tickets = TicketValidator::new(format).clock(Arc::new(clock.clone()));
    let cached = Cached::new(tickets.sliding(false).revalidate(Known(users.clone())));
    let text = mint.forms("alice").expires_in(600 * MINUTE).build();
    let parts = Request::new(()).into_parts().0;
    let ask = || cached.validate(Presented::new(&text, &parts)).into_ready().unwrap();
    for (minutes, asked) in [(1, 0), (30, 1), (29, 1), (2, 2), (1, 2)] {
        clock.advance(minutes * MINUTE);
        assert_eq!(ask().unwrap().subject(), Some("alice"));
        assert_eq!(users.asked(), asked, "{minutes}");
    }
    users.change(None);
    clock.advance(29 * MINUTE);
    assert!(ask().is_ok());
    clock.advance(MINUTE);
    assert_eq!(ask().unwrap_err().kind(), UserGone);
    ledger::passed("10.S3");
}

/// Fifty at once just after the interval, and half of them go away: one question.
async fn many_requests_ask_once() {
    let gate = Arc::new(Semaphore::new(0));
    let users = Users { gate: Some(gate.clone()), ..Users::new(30 * MINUTE) };
    let site = Arc::new(Site::with(users, |tickets| tickets));
    let ticket = site.ticket().build();
    site.at(31);
    let mut requests: Vec<_> = (0..50)
        .map(|_| {
            let (site, ticket) = (site.clone(), ticket.clone());
            tokio::spawn(async move { site.send(&ticket).await })
        })
        .collect();
    site.users.are_asked().await;
    for request in requests.drain(..25) {
        request.abort(); // among them the one that asked
    }
    gate.add_permits(50);
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
    assert_eq!(site.users.asked(), 1);
    assert_eq!(gate.available_permits(), 49);
    ledger::passed("10.S5");
}

/// Two browsers of one user share a verdict where the application says so, and another stamp never does.
async fn one_user_is_asked_about_once() {
    for (shares, asked) in [(false, 3), (true, 2)] {
        let users = Users { shares, ..Users::new(30 * MINUTE) };
        let site = Site::with(users, |tickets| tickets.sliding(false));
        let here = site.ticket().build();
        let there = site.ticket().build();
        let old = site.mint.katana_cookie("ApplicationCookie", "alice").claim(STAMP, "s0");
        let old = old.expires_at(site.start + 60 * MINUTE).build();
        site.at(31);
        site.send(&here).await.is_plain();
        site.send(&there).await.is_plain();
        site.send(&old).await.is_signed_out(StampMismatch);
        assert_eq!(site.users.asked(), asked, "{shares}");
    }
    ledger::passed("10.S5");
}

/// Judges by what stands before the dot, for a cookie, and always has a newer text.
#[derive(Debug)]
struct Slides;

impl TokenValidator for Slides {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let user = self.cache_key(presented.token()).to_owned();
        Attempt::ready(Ok(Identity::builder("https://issuer.test").subject(&user).build()))
    }

    fn cache_key<'t>(&self, token: &'t str) -> &'t str {
        token.split('.').next().unwrap_or_default()
    }

    fn is_ticket(&self) -> bool {
        true
    }

    fn renew(&self, _: &Identity) -> Option<Renewed> {
        Some(Renewed::new("newer", None))
    }
}

/// A check around a validator changes nothing else about it.
async fn a_validator_keeps_its_own_words() {
    let checked = Revalidated::new(Slides, Users::new(30 * MINUTE));
    assert_eq!(checked.cache_key("alice.1"), "alice");
    assert!(checked.is_ticket());
    let alice = Identity::builder("https://issuer.test").subject("alice").build();
    assert_eq!(checked.renew(&alice).unwrap().text.expose(), b"newer");

    let plain = Revalidated::new(Nameless(""), Users::new(30 * MINUTE));
    assert_eq!(plain.cache_key("alice.1"), "alice.1");
    assert!(!plain.is_ticket() && plain.renew(&alice).is_none());
    ledger::passed("10.S5");
}
