//! A site that says who is there, with a cookie and a clock.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use portcullis::testing::{ManualClock, TicketBuilder, TicketMint};
use portcullis::ticket::aspnet::{FormsTickets, KatanaCookie};
use portcullis::ticket::{TicketFormat, TicketValidator};
use portcullis::{
    AuthError, AuthErrorKind, Authentication, Clock as _, Cookies, TicketAuth, UnixTime,
};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// A gate that records, a handler that says who is there, and the time.
pub struct CookieHouse<F> {
    pub clock: ManualClock,
    pub mint: TicketMint,
    pub auth: TicketAuth<F>,
    pub start: UnixTime,
    pub cookie: &'static str,
}

pub const APPLICATION: &str = ".AspNet.ApplicationCookie";

pub const MINUTES: Duration = Duration::from_secs(60);

type Tickets<F> = TicketValidator<F>;

impl CookieHouse<KatanaCookie> {
    pub fn katana(change: impl FnOnce(Tickets<KatanaCookie>) -> Tickets<KatanaCookie>) -> Self {
        let mint = TicketMint::new();
        let format = KatanaCookie::new(mint.machine_key(), "ApplicationCookie").unwrap();
        Self::new(APPLICATION, mint, format, change)
    }

    /// Issued at the start, for ten minutes.
    pub fn ticket(&self) -> TicketBuilder {
        self.mint.katana_cookie("ApplicationCookie", "alice").expires_at(self.start + 10 * MINUTES)
    }
}

impl CookieHouse<FormsTickets> {
    pub fn forms() -> Self {
        let mint = TicketMint::new();
        let format = FormsTickets::new(mint.machine_key()).unwrap();
        Self::new(".ASPXAUTH", mint, format, |tickets| tickets)
    }
}

impl<F: TicketFormat + 'static> CookieHouse<F> {
    pub fn new(
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

    pub fn at(&self, minutes: u64, seconds: u64) {
        let at = self.start + minutes as u32 * MINUTES + Duration::from_secs(seconds);
        self.clock.advance(at.saturating_since(self.clock.now()));
    }

    pub async fn send(&self, ticket: &str) -> Seen {
        self.send_line(&[format!("{}={ticket}", self.cookie)], StatusCode::OK).await
    }

    pub async fn send_line(&self, lines: &[String], status: StatusCode) -> Seen {
        let mut request = Request::get("/");
        for line in lines {
            request = request.header("cookie", line);
        }
        see(self.auth.clone(), request.body(()).unwrap(), status).await
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct Seen {
    pub who: String,
    pub status: u16,
    pub set_cookie: Vec<String>,
    pub reason: Option<AuthErrorKind>,
}

pub async fn see<F: TicketFormat + 'static>(
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

pub fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().to_owned()).collect()
}

impl Seen {
    /// The user was let in and nothing was set.
    #[track_caller]
    pub fn is_plain(&self, who: &str) {
        assert_eq!((&*self.who, self.status), (who, 200));
        assert!(self.set_cookie.is_empty(), "{self:?}");
    }

    /// The user was let in, and this is the value of the new cookie.
    #[track_caller]
    pub fn renewed(&self, name: &str) -> String {
        assert_eq!(self.who, "alice");
        let [line] = &self.set_cookie[..] else { panic!("one cookie: {self:?}") };
        let pair = line.split(';').next().unwrap();
        pair.strip_prefix(name).unwrap().strip_prefix('=').unwrap().to_owned()
    }

    /// Nobody was let in, for this reason, and nothing was set.
    #[track_caller]
    pub fn is_nobody(&self, reason: Option<AuthErrorKind>) {
        assert_eq!((&*self.who, self.status, self.reason), ("nobody", 200, reason));
        assert!(self.set_cookie.is_empty(), "{self:?}");
    }
}
