//! One ticket.

use std::{fmt, time::Duration};

use super::flaw::{self, Edit, Flaws, Layers};
use crate::{
    clock::UnixTime,
    ticket::{
        Ticket, TicketFormat,
        aspnet::{
            FormsTickets, KatanaAccessToken, KatanaAuthorizationCode, KatanaCookie,
            KatanaRefreshToken, MachineKey,
        },
    },
};

/// Makes a ticket. What is not said otherwise is right: [`TicketMint`](super::TicketMint) starts with
/// a good one, and each word changes one thing.
#[derive(Clone)]
#[must_use]
pub struct TicketBuilder {
    key: MachineKey,
    family: Family,
    ticket: Ticket,
    now: UnixTime,
    flaws: Flaws,
}

#[derive(Clone, Debug)]
pub(super) enum Family {
    Forms,
    KatanaAccessToken,
    KatanaAuthorizationCode,
    KatanaCookie(String),
    KatanaRefreshToken,
}

impl TicketBuilder {
    pub(super) fn new(
        key: MachineKey,
        family: Family,
        mut ticket: Ticket,
        now: UnixTime,
        lifetime: Duration,
    ) -> Self {
        ticket.issued_at = Some(now);
        ticket.expires_at = Some(now + lifetime);
        Self { key, family, ticket, now, flaws: Flaws::default() }
    }

    /// The text.
    ///
    /// # Panics
    /// The ticket cannot be written: a test asked for what the format has no place for.
    #[must_use]
    pub fn build(self) -> String {
        let format = self.family.format(&self.key).expect("the key protects such tickets");
        let text = format.protect(&self.ticket).expect("the format has a place for all of it");
        flaw::apply(text, &self.flaws, &self.layers())
    }

    fn layers(&self) -> Layers {
        match self.family.purposes() {
            None => Layers::Forms(self.key.clone()),
            Some(purposes) => Layers::Katana(self.key.clone(), purposes),
        }
    }
}

/// What it holds.
impl TicketBuilder {
    /// One more claim.
    pub fn claim(self, claim_type: &str, value: &str) -> Self {
        Self { ticket: self.ticket.with_claim(claim_type, value), ..self }
    }

    /// Issued at this moment.
    pub fn issued_at(self, at: UnixTime) -> Self {
        self.with(|ticket| ticket.issued_at = Some(at))
    }

    /// Good until this moment.
    pub fn expires_at(self, at: UnixTime) -> Self {
        self.with(|ticket| ticket.expires_at = Some(at))
    }

    /// Good for so long from the mint's now.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let at = self.now + lifetime;
        self.expires_at(at)
    }

    /// Issued one hour ago, and expired so long ago.
    pub fn expired_for(self, since: Duration) -> Self {
        let now = self.now;
        self.issued_at(now - Duration::from_secs(3600)).expires_at(now - since)
    }

    /// The browser keeps it when it is closed.
    pub fn persistent(self) -> Self {
        self.with(|ticket| ticket.is_persistent = true)
    }

    /// One more property of the issuing application.
    pub fn property(self, key: &str, value: &str) -> Self {
        self.with(|ticket| ticket.properties.push((key.to_owned(), value.to_owned())))
    }

    /// FormsAuthentication's user data.
    pub fn user_data(self, user_data: &str) -> Self {
        self.with(|ticket| user_data.clone_into(&mut ticket.user_data))
    }

    /// Anything else.
    pub fn with(mut self, change: impl FnOnce(&mut Ticket)) -> Self {
        change(&mut self.ticket);
        self
    }
}

/// What is wrong with it.
impl TicketBuilder {
    /// Protected with another application's key.
    pub fn signed_with(self, key: MachineKey) -> Self {
        Self { key, ..self }
    }

    /// Other bytes inside, protected like any ticket: what only somebody who holds the key can make.
    /// For Katana these are the bytes that are packed.
    pub fn with_content(self, edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.flawed(Edit::content(edit))
    }

    /// Other packed bytes (gzip) inside, protected like any ticket. Katana's alone.
    pub fn with_packed(self, edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.flawed(Edit::packed(edit))
    }

    /// Protected for another purpose, as `MachineKey.Protect` does with these.
    pub fn for_purpose(self, primary: &str, specific: &[&str]) -> Self {
        self.flawed(Edit::purpose(primary, specific))
    }

    /// Another sequence of protected bytes.
    pub fn with_protected(self, edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.flawed(Edit::protected(edit))
    }

    /// One bit of the protected bytes is wrong; counted from the first byte's lowest, modulo their
    /// number.
    pub fn bit_flipped(self, bit: usize) -> Self {
        self.with_protected(move |mut bytes| {
            let bit = bit % (bytes.len().max(1) * 8);
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            bytes
        })
    }

    /// So many of the protected bytes, and no more.
    pub fn truncated(self, length: usize) -> Self {
        self.with_protected(move |mut bytes| {
            bytes.truncate(length);
            bytes
        })
    }

    /// Another text.
    pub fn with_text(self, edit: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        self.flawed(Edit::text(edit))
    }

    fn flawed(mut self, edit: Edit) -> Self {
        self.flaws.push(edit);
        self
    }
}

impl Family {
    fn format(&self, key: &MachineKey) -> Result<Box<dyn TicketFormat>, crate::error::BuildError> {
        let key = key.clone();
        Ok(match self {
            Self::Forms => Box::new(FormsTickets::new(key)?),
            Self::KatanaAccessToken => {
                Box::new(KatanaAccessToken::new(key)?.dangerous().allow_missing_expiry())
            }
            Self::KatanaAuthorizationCode => Box::new(KatanaAuthorizationCode::new(key)?),
            Self::KatanaCookie(authentication_type) => {
                Box::new(KatanaCookie::new(key, authentication_type)?)
            }
            Self::KatanaRefreshToken => Box::new(KatanaRefreshToken::new(key)?),
        })
    }

    /// Katana's purposes; forms tickets have their own.
    fn purposes(&self) -> Option<[String; 3]> {
        let [first, second] = match self {
            Self::Forms => return None,
            Self::KatanaAccessToken => ["Microsoft.Owin.Security.OAuth", "Access_Token"],
            Self::KatanaAuthorizationCode => [
                "Microsoft.Owin.Security.OAuth.OAuthAuthorizationServerMiddleware",
                "Authentication_Code",
            ],
            Self::KatanaCookie(authentication_type) => [
                "Microsoft.Owin.Security.Cookies.CookieAuthenticationMiddleware",
                authentication_type,
            ],
            Self::KatanaRefreshToken => ["Microsoft.Owin.Security.OAuth", "Refresh_Token"],
        };
        Some([first, second, "v1"].map(str::to_owned))
    }
}

impl fmt::Debug for TicketBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketBuilder")
            .field("family", &self.family)
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}
