//! A format that writes numbers and keeps the tickets in a drawer, and a clock that stands still.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, request::Parts};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, BuildError, Clock, Identity, UnixTime,
    testing::ManualClock,
    ticket::{RenewalRule, Ticket, TicketFormat, TicketValidator},
    token::{Presented, Renewed, TokenValidator},
};

pub const MINUTE: Duration = Duration::from_secs(60);

/// The claim type of Katana's `CookieAuthenticationHandler`.
pub const SESSION: &str = "Microsoft.Owin.Security.Cookies-SessionId";

#[derive(Clone, Debug)]
pub struct Drawer {
    pub tickets: Arc<Mutex<Vec<Ticket>>>,
    pub rule: RenewalRule,
    pub holds_properties: bool,
    /// What it has no place for is lost, and no error tells.
    pub careless: bool,
    pub demands_expiry: bool,
    pub writes: bool,
    pub session_claim_type: Option<&'static str>,
}

impl Drawer {
    /// As Katana's cookie.
    pub fn katana() -> Self {
        Self {
            tickets: Arc::default(),
            rule: RenewalRule::AfterHalf,
            holds_properties: true,
            careless: false,
            demands_expiry: false,
            writes: true,
            session_claim_type: Some(SESSION),
        }
    }

    /// As FormsAuthentication.
    pub fn forms() -> Self {
        Self {
            rule: RenewalRule::AtHalf,
            holds_properties: false,
            session_claim_type: None,
            ..Self::katana()
        }
    }

    /// What the text holds.
    pub fn open(&self, text: &str) -> Ticket {
        self.unprotect(text).unwrap()
    }
}

impl TicketFormat for Drawer {
    fn unprotect(&self, text: &str) -> Result<Ticket, AuthError> {
        let tickets = self.tickets.lock().unwrap();
        let index = text.strip_prefix("ticket-").and_then(|number| number.parse::<usize>().ok());
        index
            .and_then(|index| tickets.get(index).cloned())
            .ok_or_else(|| AuthErrorKind::TicketUndecryptable.into())
    }

    fn protect(&self, ticket: &Ticket) -> Result<String, BuildError> {
        let mut ticket = ticket.clone();
        if !self.holds_properties && self.careless {
            ticket.properties.clear();
        }
        if !self.writes || (!self.holds_properties && !ticket.properties.is_empty()) {
            return Err(BuildError::Invalid {
                field: "properties",
                problem: "this format has no place for them".into(),
            });
        }
        let mut tickets = self.tickets.lock().unwrap();
        tickets.push(ticket);
        Ok(format!("ticket-{}", tickets.len() - 1))
    }

    fn renewal_rule(&self) -> RenewalRule {
        self.rule
    }

    fn session_claim_type(&self) -> Option<&str> {
        self.session_claim_type
    }

    fn holds_properties(&self) -> bool {
        self.holds_properties
    }

    fn demands_expiry(&self) -> bool {
        self.demands_expiry
    }
}

/// A validator at its place of work. It starts at 10:00:00.
pub struct Bench {
    pub drawer: Drawer,
    pub clock: ManualClock,
    pub start: UnixTime,
    pub validator: TicketValidator<Drawer>,
    pub parts: Parts,
}

impl Bench {
    pub fn new(drawer: Drawer) -> Self {
        let start = UnixTime::from_secs(1_715_680_800);
        let clock = ManualClock::at(start);
        let validator = TicketValidator::new(drawer.clone()).clock(Arc::new(clock.clone()));
        Self { drawer, clock, start, validator, parts: Request::new(()).into_parts().0 }
    }

    /// Says one more word of the validator.
    pub fn with(
        mut self,
        word: impl FnOnce(TicketValidator<Drawer>) -> TicketValidator<Drawer>,
    ) -> Self {
        self.validator = word(self.validator);
        self
    }

    /// The wall clock stands so long after the start.
    pub fn at(&self, after: Duration) {
        self.clock.set_wall(self.start + after);
    }

    /// Alice's ticket, issued at the start.
    pub fn alice(&self, lifetime: Duration) -> Ticket {
        let mut ticket = Ticket::new("Forms", "alice");
        ticket.issued_at = Some(self.start);
        ticket.expires_at = Some(self.start + lifetime);
        ticket
    }

    /// The text of a ticket, without the validator.
    pub fn protect(&self, ticket: &Ticket) -> String {
        self.drawer.protect(ticket).unwrap()
    }

    pub fn attempt(&self, text: &str) -> Attempt<Result<Identity, AuthError>> {
        self.validator.validate(Presented::new(text, &self.parts))
    }

    pub fn validate(&self, text: &str) -> Result<Identity, AuthError> {
        ready(self.attempt(text))
    }

    pub fn refused(&self, text: &str) -> AuthErrorKind {
        self.validate(text).expect_err("refused").kind()
    }

    /// One request: the ticket is judged on the way in, and renewed on the way out if it is due.
    pub fn request(&self, text: &str) -> Result<Option<Renewed>, AuthError> {
        self.validate(text).map(|identity| self.validator.renew(&identity))
    }

    /// The renewed ticket of a request; `None`: it was accepted and not renewed.
    pub fn renewed(&self, text: &str) -> Option<Ticket> {
        let renewed = self.request(text).expect("accepted");
        renewed.map(|renewed| self.drawer.open(&written(&renewed)))
    }

    pub fn issue(&self, ticket: Ticket) -> String {
        written(&ready(self.validator.issue(ticket)).unwrap())
    }

    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }
}

pub fn ready<T>(attempt: Attempt<T>) -> T {
    attempt.into_ready().unwrap_or_else(|_| panic!("nothing must be waited for"))
}

pub fn written(renewed: &Renewed) -> String {
    String::from_utf8(renewed.text.expose().to_vec()).unwrap()
}
