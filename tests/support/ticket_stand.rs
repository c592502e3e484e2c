//! A mint, a clock, and validators of its tickets.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use portcullis::testing::{ManualClock, TicketBuilder, TicketMint};
use portcullis::ticket::aspnet::{FormsTickets, KatanaCookie};
use portcullis::ticket::{Ticket, TicketFormat, TicketValidator};
use portcullis::token::{Presented, TokenValidator};
use portcullis::{AuthErrorKind, Identity, Rejection, TicketAuth};
use tower::{Layer, ServiceExt as _, service_fn};

pub const MINUTE: Duration = Duration::from_secs(60);

pub const DAY: Duration = Duration::from_secs(86_400);

pub struct Stand {
    pub clock: ManualClock,
    pub mint: TicketMint,
}

impl Stand {
    pub fn new() -> Self {
        let clock = ManualClock::new();
        Self { mint: TicketMint::new().clock(clock.clone()), clock }
    }

    pub fn forms(&self) -> TicketValidator<FormsTickets> {
        let format = FormsTickets::new(self.mint.machine_key()).unwrap();
        TicketValidator::new(format).clock(Arc::new(self.clock.clone()))
    }

    pub fn katana(&self) -> TicketValidator<KatanaCookie> {
        let key = self.mint.machine_key();
        let format = KatanaCookie::new(key, "ApplicationCookie").unwrap();
        TicketValidator::new(format).clock(Arc::new(self.clock.clone()))
    }

    pub fn katana_ticket(&self) -> TicketBuilder {
        self.mint.katana_cookie("ApplicationCookie", "alice")
    }
}

pub async fn judged(
    validator: &impl TokenValidator,
    text: &str,
) -> Result<Identity, AuthErrorKind> {
    let (parts, ()) = Request::new(()).into_parts();
    validator.validate(Presented::new(text, &parts)).await.map_err(|error| error.kind())
}

pub const COOKIE: &str = ".AspNet.ApplicationCookie";

/// The text of the cookie that alice is given.
pub async fn signed_in<F: TicketFormat + 'static>(auth: &TicketAuth<F>) -> String {
    let mut headers = HeaderMap::new();
    let request = Request::new(()).into_parts().0;
    let ticket = Ticket::new("ApplicationCookie", "alice");
    auth.sign_in(&request, ticket).await.unwrap().write(&mut headers);
    let line = headers["set-cookie"].to_str().unwrap();
    line.split(';').next().unwrap().split_once('=').unwrap().1.to_owned()
}

pub fn parts(ticket: &str, cookie: &str) -> http::request::Parts {
    let request = Request::get("/").header("cookie", format!("{cookie}={ticket}"));
    request.body(()).unwrap().into_parts().0
}

pub async fn status<F: TicketFormat + 'static>(
    auth: &TicketAuth<F>,
    ticket: &str,
    cookie: &str,
) -> (u16, Option<AuthErrorKind>) {
    let service =
        auth.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(()))));
    let response = service.oneshot(Request::from_parts(parts(ticket, cookie), ())).await.unwrap();
    let reason = response.extensions().get::<Rejection>().map(|it| it.reason().kind());
    (response.status().as_u16(), reason)
}
