//! Access tokens that are tickets, as Katana's authorization server makes them.

use std::{fmt, sync::Arc, time::Duration};

use super::{MockIssuer, grant::Granted};
use crate::{
    clock::UnixTime,
    error::BuildError,
    ticket::{
        Ticket, TicketClaim, TicketFormat, TicketIdentity,
        aspnet::{KatanaAccessToken, MachineKey},
    },
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

    pub(super) fn protect(&self, ticket: &Ticket) -> Result<String, BuildError> {
        self.tokens.protect(ticket)
    }
}

impl fmt::Debug for Katana {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.tokens, f)
    }
}

impl MockIssuer {
    /// The name, the roles (`user`, where there are none), and the claims of this grant alone.
    pub(super) fn ticket(&self, granted: &Granted, issued: UnixTime, lifetime: Duration) -> Ticket {
        let identity = match &self.0.settings.grants.identity {
            Some(identity) => identity(&granted.view()),
            None => identity(granted),
        };
        let mut ticket = Ticket::of_identities(vec![identity]);
        ticket.issued_at = Some(issued);
        ticket.expires_at = Some(issued + lifetime);
        ticket
    }
}

fn identity(granted: &Granted) -> TicketIdentity {
    let mut identity = TicketIdentity::new("Bearer", granted.subject().unwrap_or_default());
    let roles = granted.user.iter().flat_map(|user| &user.roles).map(String::as_str);
    let mut roles: Vec<&str> = roles.collect();
    if roles.is_empty() {
        roles.push("user");
    }
    identity.claims.extend(roles.into_iter().map(|role| TicketClaim::new("role", role)));
    for (name, value) in &granted.claims {
        identity.claims.push(TicketClaim::new(name, value.as_str().unwrap_or_default()));
    }
    identity
}
