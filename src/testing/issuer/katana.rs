//! As Katana's authorization server does it: access tokens are tickets, users come with a password,
//! with a forms ticket of the application next door, or with a refresh handle.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, request::Parts};
use serde_json::{Value, json};

use super::{
    MockIssuer,
    form::Form,
    page::json_page,
    refusal::{Refusal, bad},
    store::{Redemption, TokenEntry, TokenKind, random_handle},
};
use crate::ticket::{
    Ticket, TicketClaim, TicketFormat,
    aspnet::{KatanaAccessToken, MachineKey},
};

/// What [`MockIssuerBuilder::katana`](super::MockIssuerBuilder::katana) sets up.
#[derive(Clone)]
pub(super) struct Katana {
    tokens: Arc<KatanaAccessToken>,
}

impl Katana {
    pub(super) fn new(key: MachineKey) -> Self {
        let tokens = KatanaAccessToken::new(key).expect("a key that protects by purpose");
        Self { tokens: Arc::new(tokens) }
    }
}

impl fmt::Debug for Katana {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.tokens, f)
    }
}

impl MockIssuer {
    /// The token endpoint. It looks at no bearer token, and at no client.
    pub(super) fn katana_grant(
        &self,
        katana: &Katana,
        parts: &Parts,
        form: &Form,
    ) -> Result<Response<Bytes>, Refusal> {
        let mut answer_headers = HeaderMap::new();
        let granted = match form.required("grant_type")? {
            "password" => self.password_grant(parts, form, &mut answer_headers)?,
            "refresh_token" => self.refresh_grant(form)?,
            _ => return Err(bad("unsupported_grant_type", "this grant is not known here")),
        };
        let mut answer = json_page(&self.issue_katana(katana, granted)?);
        answer.headers_mut().extend(answer_headers);
        Ok(answer)
    }

    /// Either blank: whoever the forms ticket says. Both given: they are checked, and a wrong one
    /// does not fall back to the ticket.
    fn password_grant(
        &self,
        parts: &Parts,
        form: &Form,
        answer: &mut HeaderMap,
    ) -> Result<Granted, Refusal> {
        let blank = |name| form.get(name).is_none_or(|value| value.trim().is_empty());
        let portal = self.0.settings.portal.as_ref();
        if !blank("username") && !blank("password") {
            let user = self.user(form)?;
            if let Some(portal) = portal {
                portal.sign_in(self, parts, &user.name, answer);
            }
            return Ok(Granted::to(&user.name));
        }
        let Some(portal) = portal else {
            return Err(bad("invalid_grant", "the user name and the password are required"));
        };
        let name = portal.user(self, parts).ok_or_else(|| {
            bad("invalid_grant", "nobody is signed in: user name and password are required")
        })?;
        // a cookie comes along whoever's page asks (host-authentication R18)
        portal.refuse_other_sites(&parts.headers, self.0.settings.cors_origin.as_deref())?;
        Ok(Granted::to(&name))
    }

    /// A handle is good once; whoever asks with it gets the claim `test`, so that a test sees which
    /// grant a token came from.
    fn refresh_grant(&self, form: &Form) -> Result<Granted, Refusal> {
        let handle = form.required("refresh_token")?;
        let now = self.clock().now();
        let tokens = &mut self.state().store.tokens;
        let entry = tokens.find(handle).filter(|entry| entry.kind == TokenKind::Refresh).cloned();
        let entry = entry.ok_or_else(|| bad("invalid_grant", "the refresh token is not known"))?;
        if tokens.redeem(&entry.id, now, Duration::ZERO) != Redemption::First {
            return Err(bad("invalid_grant", "the refresh token is not known"));
        }
        let name = entry.subject.unwrap_or_default();
        Ok(Granted { claims: vec![("test", "1")], ..Granted::to(&name) })
    }

    fn issue_katana(&self, katana: &Katana, granted: Granted) -> Result<Value, Refusal> {
        let now = self.clock().now();
        let mut ticket = Ticket::new("Bearer", &granted.name);
        ticket.issued_at = Some(now);
        ticket.expires_at = Some(now + TOKEN_LIFETIME);
        if let Some(identity) = ticket.identities.first_mut() {
            let claims = [("role", "user")].into_iter().chain(granted.claims);
            identity.claims.extend(claims.map(|(name, value)| TicketClaim::new(name, value)));
        }
        let token = katana.tokens.protect(&ticket).map_err(|error| {
            tracing::error!(%error, "the token cannot be written");
            Refusal {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                ..bad("server_error", "the token cannot be written")
            }
        })?;
        let mut document = json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": TOKEN_LIFETIME.as_secs(),
        });
        if self.0.settings.refresh_handles {
            let handle = random_handle(16);
            let store = &mut self.state().store;
            let id = store.name("token");
            let mut entry = TokenEntry::new(id, TokenKind::Refresh, &handle, now);
            entry.subject = Some(granted.name);
            store.tokens.insert(entry);
            document["refresh_token"] = handle.into();
        }
        Ok(document)
    }
}

/// Who a token is for.
struct Granted {
    name: String,
    claims: Vec<(&'static str, &'static str)>,
}

impl Granted {
    fn to(name: &str) -> Self {
        Self { name: name.to_owned(), claims: Vec::new() }
    }
}

/// As in the estates that this imitates: one day.
const TOKEN_LIFETIME: Duration = Duration::from_secs(86_400);
