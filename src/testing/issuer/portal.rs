//! The other application: it signs users in with FormsAuthentication, and shares the cookie.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, request::Parts};

use super::{
    MockIssuer,
    form::Form,
    page::page,
    refusal::{Refusal, bad},
};
use crate::{
    error::BuildError,
    scheme::TicketCookie,
    ticket::{
        Ticket, TicketValidator,
        aspnet::{FormsTickets, MachineKey},
    },
    token::{Presented, TokenValidator as _},
};

/// What [`MockIssuerBuilder::portal`](super::MockIssuerBuilder::portal) sets up.
#[derive(Clone, Debug)]
pub(super) struct Portal {
    cookie: TicketCookie,
    tickets: TicketValidator<FormsTickets>,
}

impl Portal {
    pub(super) fn new(cookie: TicketCookie, key: MachineKey) -> Result<Self, BuildError> {
        let tickets = TicketValidator::new(FormsTickets::new(key)?).lifetime(SESSION);
        Ok(Self { cookie, tickets })
    }

    fn tickets(&self, issuer: &MockIssuer) -> TicketValidator<FormsTickets> {
        self.tickets.clone().clock(issuer.0.settings.clock.clone())
    }

    /// `SetAuthCookie(name, false)`.
    pub(super) fn sign_in(
        &self,
        issuer: &MockIssuer,
        request: &Parts,
        name: &str,
        answer: &mut HeaderMap,
    ) {
        let carried = self.cookie.carried(&request.headers, &request.extensions);
        let issued = self.tickets(issuer).issue(Ticket::new("Forms", name)).into_ready();
        let issued = issued.expect("no store to wait for").expect("a name and two dates");
        self.cookie.issue(carried, answer, &issued).expect("hexadecimal digits stand in a cookie");
    }

    /// Whom the cookie names, if its ticket is good.
    pub(super) fn user(&self, issuer: &MockIssuer, request: &Parts) -> Option<String> {
        let text = self.cookie.read(&request.headers).ok()??;
        let judged = self.tickets(issuer).validate(Presented::new(&text, request)).into_ready();
        judged.ok()?.ok()?.subject().map(str::to_owned)
    }

    /// A cookie comes along whoever's page asks: it counts only for this site's own pages, and for
    /// programs that are no browser.
    pub(super) fn refuse_other_sites(
        &self,
        headers: &HeaderMap,
        allowed: Option<&str>,
    ) -> Result<(), Refusal> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let site = text("sec-fetch-site").unwrap_or("none");
        let host = text("host").unwrap_or_default();
        let origin = text("origin");
        let is_own = origin.is_none_or(|origin| {
            origin.split_once("://").is_some_and(|(_, authority)| authority == host)
        });
        let is_allowed = allowed.is_some() && origin == allowed;
        if is_allowed || is_own && ["none", "same-origin"].contains(&site) {
            return Ok(());
        }
        Err(bad("invalid_request", "the request comes from a page of another site"))
    }

    /// The pages for logging in and out.
    pub(super) fn page(
        &self,
        issuer: &MockIssuer,
        parts: &Parts,
        body: &[u8],
    ) -> Option<Response<Bytes>> {
        let path = parts.uri.path();
        if ![LOGIN, LOGOUT].contains(&path) {
            return None;
        }
        if parts.method != Method::POST {
            return Some(page(405, "text/plain", ""));
        }
        let mut answer = page(200, "text/plain; charset=utf-8", "");
        if path == LOGOUT {
            let carried = self.cookie.carried(&parts.headers, &parts.extensions);
            self.cookie.delete(carried, answer.headers_mut());
            *answer.body_mut() = "signed out".into();
            return Some(answer);
        }
        let user = Form::read(parts, body).and_then(|form| issuer.user(&form));
        Some(match user {
            Ok(user) => {
                self.sign_in(issuer, parts, &user.name, answer.headers_mut());
                *answer.body_mut() = format!("signed in as {}", user.name).into();
                answer
            }
            Err(refusal) => page(403, "text/plain; charset=utf-8", refusal.description),
        })
    }
}

const LOGIN: &str = "/portal/login";
const LOGOUT: &str = "/portal/logout";
/// `<forms timeout="30">`.
const SESSION: std::time::Duration = std::time::Duration::from_secs(30 * 60);
