//! What a ticket holds, whatever format it was written in.

use std::fmt;

use crate::{clock::UnixTime, principal::Identity};

/// A ticket: .NET's `AuthenticationTicket` and `FormsAuthenticationTicket` in one.
///
/// Its `Debug` shows the name and no other value of a claim, no user data and no property.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ticket {
    /// Who it is for; the first identity is primary. At least one.
    pub identities: Vec<TicketIdentity>,
    /// When it was issued.
    pub issued_at: Option<UnixTime>,
    /// When it expires. A moment later it is refused; at this very moment it is still good.
    pub expires_at: Option<UnixTime>,
    /// Whether the browser keeps the cookie when it is closed.
    pub is_persistent: bool,
    /// Whether it may slide; `None` where the ticket does not say (Katana's `.refresh`).
    pub allow_refresh: Option<bool>,
    /// The issuing application's other properties, in order. Not the ones above.
    pub properties: Vec<(String, String)>,
    /// FormsAuthentication's user data. Meant for the application, and no policy reads it.
    pub user_data: String,
    /// FormsAuthentication's cookie path. Default: `/`.
    pub cookie_path: String,
    /// FormsAuthentication's ticket version. Default: 2.
    pub version: u8,
    /// What FormsAuthentication wrote and the fields above can not hold. Default: nothing.
    pub verbatim: Option<Box<Verbatim>>,
}

impl Ticket {
    /// A ticket of one identity that holds a name and nothing else.
    #[must_use]
    pub fn new(authentication_type: &str, name: &str) -> Self {
        Self::of_identities(vec![TicketIdentity::new(authentication_type, name)])
    }

    /// A ticket of these identities, the first one primary, that holds nothing else.
    #[must_use]
    pub fn of_identities(identities: Vec<TicketIdentity>) -> Self {
        Self {
            identities,
            issued_at: None,
            expires_at: None,
            is_persistent: false,
            allow_refresh: None,
            properties: Vec::new(),
            user_data: String::new(),
            cookie_path: "/".to_owned(),
            version: 2,
            verbatim: None,
        }
    }

    /// One more claim of the primary identity, which the application itself makes; a role is
    /// [`TicketIdentity::ROLE`]. A FormsAuthentication ticket holds none.
    ///
    /// ```
    /// use portcullis::ticket::{Ticket, TicketIdentity};
    ///
    /// let ticket = Ticket::new("ApplicationCookie", "alice")
    ///     .with_claim(TicketIdentity::ROLE, "admin")
    ///     .with_claim(TicketIdentity::ROLE, "clerk");
    /// assert_eq!(ticket.identities[0].claims.len(), 3);
    /// ```
    #[must_use]
    pub fn with_claim(mut self, claim_type: &str, value: &str) -> Self {
        if let Some(identity) = self.identities.first_mut() {
            identity.claims.push(TicketClaim::new(claim_type, value));
        }
        self
    }

    /// The ticket that an identity was made from, if it was one.
    #[must_use]
    pub fn of(identity: &Identity) -> Option<&Self> {
        identity.credential()
    }

    /// The primary identity.
    #[must_use]
    pub fn identity(&self) -> Option<&TicketIdentity> {
        self.identities.first()
    }

    /// The name of the primary identity.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.identity()?.name()
    }

    /// A property of the issuing application.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&str> {
        self.properties.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Bytes that it holds, for the weight of a cache entry.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>()
            + self.user_data.len()
            + self.cookie_path.len()
            + pairs_weight(&self.properties)
            + self.identities.iter().map(TicketIdentity::weight).sum::<usize>()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("identities", &self.identities)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .field("is_persistent", &self.is_persistent)
            .finish_non_exhaustive()
    }
}

/// What a FormsAuthentication ticket holds beyond what Rust's own types tell: its texts are UTF-16
/// code units and need not be Unicode, and its dates reach from the year 1 to the year 9999.
///
/// A member is there only where its field of the [`Ticket`] does not tell the whole; whoever writes the
/// ticket again writes the member, unless the field was changed since. Its `Debug` shows no value.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verbatim {
    /// The name, where it is not Unicode (a lone surrogate). The ticket then has no name: nothing is
    /// put in place of a unit, so that no two names become one.
    pub name: Option<Vec<u16>>,
    /// The user data, where it is not Unicode. The field shows U+FFFD for each lone surrogate.
    pub user_data: Option<Vec<u16>>,
    /// The cookie path, where it is not Unicode. The field shows U+FFFD for each lone surrogate.
    pub cookie_path: Option<Vec<u16>>,
    /// The issue date in ticks, where it lies before 1970 or after 2554.
    pub issued_ticks: Option<i64>,
    /// The expiration in ticks, where it lies before 1970 or after 2554.
    pub expiration_ticks: Option<i64>,
}

impl fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verbatim").finish_non_exhaustive()
    }
}

/// One identity of a ticket: .NET's `ClaimsIdentity`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TicketIdentity {
    /// How it was authenticated; empty means that it was not.
    pub authentication_type: String,
    /// The type of the claim that holds the name. Default: [`NAME`](Self::NAME).
    pub name_claim_type: String,
    /// The type of the claims that hold roles. Default: [`ROLE`](Self::ROLE).
    pub role_claim_type: String,
    /// The claims, in order. A type may stand more than once.
    pub claims: Vec<TicketClaim>,
    /// .NET's bootstrap context: the token that the identity was made from.
    pub bootstrap_context: Option<String>,
    /// On whose behalf somebody else acts (ASP.NET Core).
    pub actor: Option<Box<TicketIdentity>>,
}

impl TicketIdentity {
    /// The claim type of a name.
    pub const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
    /// The claim type of a user's identifier.
    pub const NAME_IDENTIFIER: &str =
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
    /// The claim type of a role.
    pub const ROLE: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";

    /// An identity that holds a name and nothing else.
    #[must_use]
    pub fn new(authentication_type: &str, name: &str) -> Self {
        Self {
            authentication_type: authentication_type.to_owned(),
            name_claim_type: Self::NAME.to_owned(),
            role_claim_type: Self::ROLE.to_owned(),
            claims: vec![TicketClaim::new(Self::NAME, name)],
            bootstrap_context: None,
            actor: None,
        }
    }

    /// The first value of this claim type, compared exactly.
    #[must_use]
    pub fn claim(&self, claim_type: &str) -> Option<&str> {
        self.claims.iter().find(|claim| claim.claim_type == claim_type).map(|it| it.value.as_str())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.claim(&self.name_claim_type)
    }

    fn weight(&self) -> usize {
        size_of::<Self>()
            + self.authentication_type.len()
            + self.name_claim_type.len()
            + self.role_claim_type.len()
            + self.bootstrap_context.as_ref().map_or(0, String::len)
            + self.claims.iter().map(TicketClaim::weight).sum::<usize>()
            + self.actor.as_ref().map_or(0, |actor| actor.weight())
    }
}

impl fmt::Debug for TicketIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketIdentity")
            .field("authentication_type", &self.authentication_type)
            .field("name", &self.name())
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

/// One claim of a ticket: .NET's `Claim`. Its `Debug` shows the type alone.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TicketClaim {
    /// What is claimed: a URI, or a short name.
    pub claim_type: String,
    /// The value, always text.
    pub value: String,
    /// The XML schema type of the value. Default: [`STRING`](Self::STRING).
    pub value_type: String,
    /// Who claims it. Default: [`LOCAL_AUTHORITY`](Self::LOCAL_AUTHORITY).
    pub issuer: String,
    /// Who claimed it first. Default: the issuer.
    pub original_issuer: String,
    /// Further properties, in order (ASP.NET Core).
    pub properties: Vec<(String, String)>,
}

impl TicketClaim {
    /// The issuer of claims that the application itself made.
    pub const LOCAL_AUTHORITY: &str = "LOCAL AUTHORITY";
    /// The value type of text.
    pub const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";

    /// A claim of the application itself whose value is text.
    #[must_use]
    pub fn new(claim_type: &str, value: &str) -> Self {
        Self {
            claim_type: claim_type.to_owned(),
            value: value.to_owned(),
            value_type: Self::STRING.to_owned(),
            issuer: Self::LOCAL_AUTHORITY.to_owned(),
            original_issuer: Self::LOCAL_AUTHORITY.to_owned(),
            properties: Vec::new(),
        }
    }

    fn weight(&self) -> usize {
        size_of::<Self>()
            + self.claim_type.len()
            + self.value.len()
            + self.value_type.len()
            + self.issuer.len()
            + self.original_issuer.len()
            + pairs_weight(&self.properties)
    }
}

impl fmt::Debug for TicketClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.claim_type)
    }
}

fn pairs_weight(pairs: &[(String, String)]) -> usize {
    let pair =
        |(key, value): &(String, String)| size_of::<(String, String)>() + key.len() + value.len();
    pairs.iter().map(pair).sum()
}
