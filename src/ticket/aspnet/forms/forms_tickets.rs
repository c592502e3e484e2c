//! The format as a whole: text, protection, layout.

use super::{
    super::{
        binary::Malformed,
        hex,
        keys::Keys,
        machine_key::{FormsProtector, MachineKey},
        url_token,
    },
    fields::Fields,
    framework20, version1,
};
use crate::{
    error::{AuthError, AuthErrorKind, BuildError},
    ticket::{RenewalRule, Ticket, TicketFormat},
};

/// The tickets of FormsAuthentication, as they stand in an `.ASPXAUTH` cookie.
///
/// See the [module docs](super).
#[derive(Debug)]
#[must_use]
pub struct FormsTickets {
    keys: Keys<FormsProtector>,
    layout: Layout,
}

#[derive(Debug)]
enum Layout {
    Framework20,
    Version1,
}

impl FormsTickets {
    /// Opens and writes tickets with this key, as its compatibility mode says.
    ///
    /// # Errors
    /// The key's algorithms can not protect forms tickets in its compatibility mode.
    pub fn new(key: MachineKey) -> Result<Self, BuildError> {
        Ok(Self { keys: Keys::new(&key, key.forms()?), layout: Layout::Version1 })
    }

    /// Opens tickets of this key too: of the key before, until its last ticket has expired.
    ///
    /// # Errors
    /// As [`new`](Self::new); or it is the ninth key.
    pub fn also_accept(self, key: MachineKey) -> Result<Self, BuildError> {
        let protector = key.forms()?;
        Ok(Self { keys: self.keys.also(&key, protector)?, ..self })
    }

    /// The words that weaken what a ticket proves.
    pub fn dangerous(self) -> DangerousFormsTickets {
        DangerousFormsTickets(self)
    }

    fn read(&self, payload: &[u8]) -> Result<Ticket, AuthError> {
        let fields = match self.layout {
            Layout::Framework20 => framework20::read(payload),
            Layout::Version1 => version1::read(payload),
        };
        fields.map(Fields::into_ticket).map_err(|Malformed(why)| malformed(why))
    }
}

impl TicketFormat for FormsTickets {
    fn unprotect(&self, text: &str) -> Result<Ticket, AuthError> {
        if text.len() > LONGEST_TEXT {
            let detail = format_args!("{} characters, the limit is {LONGEST_TEXT}", text.len());
            return Err(AuthError::new(AuthErrorKind::TokenTooLong).with_detail(detail));
        }
        let protected = decode(text).ok_or_else(|| {
            malformed("neither hexadecimal digits, two for each byte, nor a URL token")
        })?;
        self.keys.open(|key| key.unprotect(&protected), |payload| self.read(payload))
    }

    fn protect(&self, ticket: &Ticket) -> Result<String, BuildError> {
        let fields = Fields::from_ticket(ticket)?;
        let payload = match self.layout {
            Layout::Framework20 => framework20::write(&fields)?,
            Layout::Version1 => version1::write(&fields),
        };
        let text = hex::encode(&self.keys.first().protect(&payload));
        if text.len() <= LONGEST_TEXT {
            return Ok(text);
        }
        let problem = format!(
            "the ticket is {} characters long, and ASP.NET reads none of more than {LONGEST_TEXT}; \
             put less into the user data",
            text.len()
        );
        Err(BuildError::invalid("user_data", problem))
    }

    fn renewal_rule(&self) -> RenewalRule {
        RenewalRule::AtHalf
    }
}

/// What weakens [`FormsTickets`].
#[derive(Debug)]
#[must_use]
pub struct DangerousFormsTickets(FormsTickets);

impl DangerousFormsTickets {
    /// Reads and writes the layout of .NET 2.0, and no other: for an estate whose `appSettings` say
    /// `aspnet:UseLegacyFormsAuthenticationTicketCompatibility`.
    ///
    /// In that layout a text ends at the first U+0000. An application that lets somebody choose a name
    /// with one in it gives him any ticket he likes (CVE-2011-3416).
    pub fn framework20_layout(self) -> FormsTickets {
        FormsTickets { layout: Layout::Framework20, ..self.0 }
    }
}

/// Hexadecimal in a cookie, a URL token where ASP.NET keeps the ticket in the URL. ASP.NET too tries
/// the former first (FormsAuthentication.Decrypt).
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if text.is_empty() {
        return None;
    }
    hex::decode(text).or_else(|| url_token::decode(text))
}

fn malformed(why: &'static str) -> AuthError {
    AuthError::new(AuthErrorKind::TicketMalformed).with_detail(why)
}

/// In characters (FormsAuthentication.cs, MAX_TICKET_LENGTH).
const LONGEST_TEXT: usize = 4096;
