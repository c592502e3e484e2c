//! From a ticket to the claims of an identity. The rules stand in the room's documentation.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Ticket, TicketClaim, TicketIdentity};
use crate::principal::Scope;

/// What a ticket says about its subject, read once: an identity's facts and its claims.
pub(super) struct Claims<'a> {
    issuer: &'a str,
    pub(super) subject: Option<&'a str>,
    pub(super) client_id: Option<&'a str>,
    pub(super) scope: Scope,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
    identity: &'a TicketIdentity,
    /// By type; claims of one type in the order of the ticket.
    sorted: Vec<&'a TicketClaim>,
}

impl<'a> Claims<'a> {
    /// `None`: the ticket holds no identity.
    pub(super) fn of(ticket: &'a Ticket, issuer: &'a str) -> Option<Self> {
        let identity = ticket.identity()?;
        let mut sorted: Vec<&TicketClaim> = identity.claims.iter().collect();
        sorted.sort_by(|a, b| a.claim_type.cmp(&b.claim_type));
        let filled = |text: &&str| !text.is_empty();
        Some(Self {
            issuer,
            subject: identity
                .claim(TicketIdentity::NAME_IDENTIFIER)
                .filter(filled)
                .or_else(|| identity.claim("sub").filter(filled))
                .or_else(|| identity.name().filter(filled)),
            client_id: ticket
                .property("as:client_id")
                .filter(filled)
                .or_else(|| identity.claim("client_id").filter(filled)),
            scope: identity
                .claims
                .iter()
                .filter(|claim| claim.claim_type == "scope")
                .flat_map(|claim| claim.value.split(' '))
                .collect(),
            issued_at: ticket.issued_at.map(|at| at.as_secs()),
            expires_at: ticket.expires_at.map(|at| at.as_secs()),
            identity,
            sorted,
        })
    }

    fn values(&self, claim_type: &str) -> Values<'_> {
        let start = self.sorted.partition_point(|claim| claim.claim_type.as_str() < claim_type);
        let rest = self.sorted.get(start..).unwrap_or_default();
        let length = rest.partition_point(|claim| claim.claim_type == claim_type);
        Values(rest.get(..length).unwrap_or_default())
    }
}

impl Serialize for Claims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", self.issuer)?;
        optional(&mut map, "sub", self.subject)?;
        optional(&mut map, "client_id", self.client_id)?;
        let scope = (!self.scope.is_empty()).then(|| self.scope.to_string());
        optional(&mut map, "scope", scope)?;
        optional(&mut map, "iat", self.issued_at)?;
        optional(&mut map, "exp", self.expires_at)?;

        let name = self.identity.name();
        optional(&mut map, "name", name)?;
        let roles = self.values(&self.identity.role_claim_type);
        optional(&mut map, "roles", roles.filled().map(|Values(claims)| Texts(claims)))?;
        // an application that adds the claim `role` by its short name means it, though .NET's
        // IsInRole does not look there
        let named = self.values("role");
        optional(&mut map, "role", roles.filled().or_else(|| named.filled()))?;

        for same in self.sorted.chunk_by(|a, b| a.claim_type == b.claim_type) {
            let Some(first) = same.first() else { continue };
            let claim_type = first.claim_type.as_str();
            let is_fact = FACTS.contains(&claim_type) || (claim_type == "name" && name.is_some());
            if !is_fact {
                map.serialize_entry(claim_type, &Values(same))?;
            }
        }

        for (short, long) in ALIASES {
            match (self.values(short).filled(), self.values(long).filled()) {
                (Some(values), None) => map.serialize_entry(long, &values)?,
                (None, Some(values)) => map.serialize_entry(short, &values)?,
                _ => {}
            }
        }
        if self.values(TicketIdentity::NAME_IDENTIFIER).filled().is_none()
            && self.values("nameid").filled().is_none()
        {
            optional(&mut map, TicketIdentity::NAME_IDENTIFIER, self.values("sub").filled())?;
        }
        if self.values(TicketIdentity::NAME).filled().is_none() {
            optional(&mut map, TicketIdentity::NAME, name)?;
        }
        if self.values(TicketIdentity::ROLE).filled().is_none() {
            optional(&mut map, TicketIdentity::ROLE, roles.filled())?;
        }
        map.end()
    }
}

fn optional<M: SerializeMap>(
    map: &mut M,
    key: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

/// Claims of one type: text, or an array where there are several.
struct Values<'a>(&'a [&'a TicketClaim]);

impl Values<'_> {
    fn filled(&self) -> Option<Values<'_>> {
        (!self.0.is_empty()).then_some(Values(self.0))
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [claim] => serializer.serialize_str(&claim.value),
            several => Texts(several).serialize(serializer),
        }
    }
}

/// Claims of one type: an array.
struct Texts<'a>(&'a [&'a TicketClaim]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|claim| &claim.value))
    }
}

/// What no claim of a ticket may say for itself. `name` is among them where the identity has one.
const FACTS: [&str; 8] = ["iss", "sub", "client_id", "scope", "iat", "exp", "role", "roles"];

/// The names that OpenID Connect and .NET's `JwtSecurityTokenHandler` give to the claim URIs.
const ALIASES: [(&str, &str); 8] = [
    ("nameid", TicketIdentity::NAME_IDENTIFIER),
    ("email", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"),
    ("given_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"),
    ("family_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"),
    ("birthdate", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/dateofbirth"),
    ("gender", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/gender"),
    ("website", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/webpage"),
    ("upn", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"),
];
