//! Who makes the tickets.

use std::{fmt, sync::Arc, time::Duration};

use super::builder::{Family, TicketBuilder};
use crate::{
    clock::{Clock, SystemClock},
    ticket::{Ticket, aspnet::MachineKey},
};

/// An ASP.NET application as far as tickets go, **for tests**: its machine key is public, unless a
/// test brings its own.
///
/// ```
/// use portcullis::{
///     testing::TicketMint,
///     ticket::{TicketFormat as _, aspnet::FormsTickets},
/// };
///
/// let mint = TicketMint::new();
/// let tickets = FormsTickets::new(mint.machine_key())?;
/// assert_eq!(tickets.unprotect(&mint.forms("alice").build()).unwrap().name(), Some("alice"));
/// assert!(tickets.unprotect(&mint.forms("alice").bit_flipped(100).build()).is_err());
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone)]
pub struct TicketMint {
    key: MachineKey,
    clock: Arc<dyn Clock>,
}

impl TicketMint {
    /// An application of its own: `Framework45`, HMACSHA256 and AES, by the system's clock.
    #[must_use]
    pub fn new() -> Self {
        let (validation, decryption) = ("7A".repeat(64), "3C".repeat(32));
        let key = MachineKey::from_hex(&validation, &decryption).expect("the keys above are good");
        Self::with_key(key)
    }

    /// An application with this machine key.
    #[must_use]
    pub fn with_key(key: MachineKey) -> Self {
        Self { key, clock: Arc::new(SystemClock) }
    }

    /// Where the times of its tickets come from. Default: the operating system.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The key to open its tickets with.
    #[must_use]
    pub fn machine_key(&self) -> MachineKey {
        self.key.clone()
    }

    /// A FormsAuthentication ticket, good for 30 minutes.
    pub fn forms(&self, name: &str) -> TicketBuilder {
        self.ticket(Family::Forms, Ticket::new("Forms", name), Duration::from_secs(30 * 60))
    }

    /// A cookie of Katana's cookie middleware of this authentication type, good for 14 days.
    pub fn katana_cookie(&self, authentication_type: &str, name: &str) -> TicketBuilder {
        let ticket = Ticket::new(authentication_type, name);
        let family = Family::KatanaCookie(authentication_type.to_owned());
        self.ticket(family, ticket, Duration::from_secs(14 * 86_400))
    }

    /// An access token of Katana's authorization server, good for 20 minutes.
    pub fn katana_access_token(&self, name: &str) -> TicketBuilder {
        let ticket = Ticket::new("Bearer", name);
        self.ticket(Family::KatanaAccessToken, ticket, Duration::from_secs(20 * 60))
    }

    /// A refresh token of Katana's authorization server, good for 14 days. No API takes one.
    pub fn katana_refresh_token(&self, name: &str) -> TicketBuilder {
        let ticket = Ticket::new("Bearer", name);
        self.ticket(Family::KatanaRefreshToken, ticket, Duration::from_secs(14 * 86_400))
    }

    /// An authorization code of Katana's authorization server, good for 5 minutes. No API takes one.
    pub fn katana_authorization_code(&self, name: &str) -> TicketBuilder {
        let ticket = Ticket::new("Bearer", name);
        self.ticket(Family::KatanaAuthorizationCode, ticket, Duration::from_secs(5 * 60))
    }

    fn ticket(&self, family: Family, ticket: Ticket, lifetime: Duration) -> TicketBuilder {
        TicketBuilder::new(self.key.clone(), family, ticket, self.clock.now(), lifetime)
    }
}

impl Default for TicketMint {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TicketMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketMint").field("key", &self.key).finish_non_exhaustive()
    }
}
