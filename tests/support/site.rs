//! A site behind `TicketAuth`, with the families' own formats.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Request, Response, StatusCode};
use portcullis::{
    AuthErrorKind, Authentication, TicketAuth,
    testing::ManualClock,
    ticket::{
        Ticket, TicketFormat, TicketValidator,
        aspnet::{FormsTickets, KatanaCookie, MachineKey},
    },
};
use tower::{Layer, ServiceExt, service_fn};

pub const MINUTE: Duration = Duration::from_secs(60);

pub fn key(byte: &str) -> MachineKey {
    MachineKey::from_hex(&byte.repeat(64), &byte.repeat(32)).unwrap()
}

pub fn forms(clock: &ManualClock) -> TicketValidator<FormsTickets> {
    TicketValidator::new(FormsTickets::new(key("A0")).unwrap())
        .clock(Arc::new(clock.clone()))
        .lifetime(30 * MINUTE)
}

pub fn katana(clock: &ManualClock) -> TicketValidator<KatanaCookie> {
    TicketValidator::new(KatanaCookie::new(key("A0"), "Cookies").unwrap())
        .clock(Arc::new(clock.clone()))
        .lifetime(30 * MINUTE)
}

/// A page that greets whoever is signed in, and does this before it answers.
pub struct Site<F> {
    pub auth: TicketAuth<F>,
    pub tickets: TicketValidator<F>,
}

impl<F: TicketFormat + 'static> Site<F> {
    pub fn new(tickets: TicketValidator<F>) -> Self {
        let auth = TicketAuth::new("session", tickets.clone()).unwrap();
        Self { auth, tickets }
    }

    /// Signs alice in; the cookie's value.
    pub async fn sign_in(&self) -> String {
        let issued = self.tickets.issue(Ticket::new("Cookies", "alice")).await.unwrap();
        String::from_utf8(issued.text.expose().to_vec()).unwrap()
    }

    pub async fn get(&self, value: &str) -> Answer {
        self.get_and(value, |_| {}).await
    }

    pub async fn get_and(
        &self,
        value: &str,
        meanwhile: impl Fn(&Authentication) + Clone + Send + Sync + 'static,
    ) -> Answer {
        let page = self.auth.layer(service_fn(move |request: Request<()>| {
            let record = request.extensions().get::<Authentication>().expect("a gate");
            meanwhile(record);
            let who = record.primary().and_then(|identity| identity.claim_str("name"));
            let answer = Response::new(who.unwrap_or_default());
            async { Ok::<_, Infallible>(answer) }
        }));
        let request = Request::get("/").header("cookie", format!("session={value}"));
        let response = page.oneshot(request.body(()).unwrap()).await.unwrap();
        let refused = response.extensions().get::<portcullis::Rejection>();
        let reason = refused.map(|refused| refused.reason().kind());
        let set_cookie = response.headers().get_all("set-cookie").iter().next_back();
        let cookie = set_cookie.map(|line| {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            pair.strip_prefix("session=").unwrap().to_owned()
        });
        Answer { status: response.status(), body: response.into_body(), cookie, reason }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: String,
    pub cookie: Option<String>,
    pub reason: Option<AuthErrorKind>,
}

impl Answer {
    #[track_caller]
    pub fn greets_alice(self) -> Option<String> {
        assert_eq!((self.status, &*self.body), (StatusCode::OK, "alice"), "{:?}", self.reason);
        self.cookie
    }

    #[track_caller]
    pub fn refused_because(self, reason: AuthErrorKind) {
        assert_eq!(self.status, StatusCode::UNAUTHORIZED);
        assert_eq!((self.reason, self.cookie), (Some(reason), None));
    }
}
