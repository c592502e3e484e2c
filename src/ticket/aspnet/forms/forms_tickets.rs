//! The format as a whole: text, protection, layout.

use std::borrow::Cow;

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
/// 1. The text is hexadecimal, in either case, at most 4096 characters; a URL token is read as well,
///    for ASP.NET writes one where it keeps the ticket in the URL.
/// 2. The protection is the machine key's, by its compatibility mode and by no other. Several keys may
///    be given, at most 8, and each is tried; a ticket carries no key id.
/// 3. The layout is the one of every supported .NET Framework. Everything in it is checked, and nothing
///    may follow it. The older one, of .NET 2.0, is behind
///    [`dangerous`](Self::dangerous).
/// 4. A ticket is a name, two dates, persistence, user data, a cookie path and a version, and so it
///    becomes a [`Ticket`](crate::ticket::Ticket) with one identity of the type `Forms` that holds one
///    claim, the name. A ticket that holds more can not be written. The authentication type is not
///    written.
/// 5. Names are UTF-16 code units. U+0000 in one is kept and seen, and ends nothing. A name that is
///    not Unicode is not replaced by one that is: the ticket then has no name, and
///    [`Verbatim`](crate::ticket::Verbatim) holds the units.
/// 6. Dates are exact to the tick of 100 ns. What lies before 1970 is 1970, what lies after 2554 is
///    "for ever"; `Verbatim` holds the ticks. `DateTime.MaxValue` is written where a ticket says "for
///    ever".
///
/// This does NOT check the time: that does [`TicketValidator`](crate::ticket::TicketValidator), for
/// every format. It does NOT read roles: FormsAuthentication has none, and `.ASPXROLES` is another
/// format.
///
/// ```
/// use portcullis::{UnixTime, ticket::{Ticket, TicketFormat as _, aspnet::{FormsTickets, MachineKey}}};
///
/// let (validation, decryption) = ("A0".repeat(64), "5C".repeat(32));
/// let tickets = FormsTickets::new(MachineKey::from_hex(&validation, &decryption)?)?;
///
/// let mut ticket = Ticket::new("Forms", "alice");
/// ticket.issued_at = Some(UnixTime::from_secs(1_715_688_000));
/// ticket.expires_at = Some(UnixTime::from_secs(1_715_689_800));
/// let cookie = tickets.protect(&ticket)?;
/// assert_eq!(tickets.unprotect(&cookie).unwrap(), ticket);
/// assert_eq!(tickets.unprotect(&cookie.to_lowercase()).unwrap().name(), Some("alice"));
/// assert!(tickets.unprotect(&cookie[2..]).is_err());
/// # Ok::<(), portcullis::BuildError>(())
/// ```
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

    /// Opens tickets of this key too: of the key before, until its last ticket has expired. Not of one
    /// that leaked: a ticket that is made with it slides to the first key, and outlives it.
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

    fn holds_properties(&self) -> bool {
        false
    }

    fn canonical<'t>(&self, text: &'t str) -> Cow<'t, str> {
        decode(text).map_or(Cow::Borrowed(text), |bytes| Cow::Owned(hex::encode(&bytes)))
    }

    fn fingerprint(&self) -> Option<String> {
        Some(format!("FormsAuthentication, keys {}", self.keys.fingerprints()))
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
pub(in crate::ticket::aspnet) fn decode(text: &str) -> Option<Vec<u8>> {
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
pub(in crate::ticket::aspnet) const LONGEST_TEXT: usize = 4096;
