//! What the four kinds of Katana tickets have in common.

use super::{
    super::{
        binary::Malformed,
        keys::Keys,
        machine_key::{MachineKey, Protector},
    },
    gzip::{self, Packed},
    serializer::{self, Formats},
    text,
};
use crate::{
    base64url,
    error::{AuthError, AuthErrorKind, BuildError},
    ticket::Ticket,
};

/// Text, protection for one chain of purposes, gzip, content.
#[derive(Debug)]
pub(super) struct Format {
    purposes: [Box<str>; 3],
    keys: Keys<Protector>,
    /// Other purposes of the same keys, by what they protect: recognised, so that the log can say
    /// what was sent in the wrong place, and refused.
    strangers: Vec<Stranger>,
    pub(super) formats: Formats,
    pub(super) max_ticket_bytes: usize,
    pub(super) demands_expiry: bool,
    /// Whether an identity without authentication type is refused.
    demands_authentication: bool,
}

impl Format {
    /// A cookie: a ticket may do without expiry.
    pub(super) fn cookie(key: &MachineKey, purposes: [&str; 3]) -> Result<Self, BuildError> {
        Ok(Self {
            purposes: purposes.map(Into::into),
            keys: Keys::new(key, protector(key, &purposes)?),
            strangers: Vec::new(),
            formats: Formats::Three,
            max_ticket_bytes: MAX_TICKET_BYTES,
            demands_expiry: false,
            demands_authentication: false,
        })
    }

    /// A token: it has an expiry, and it is for somebody.
    pub(super) fn token(key: &MachineKey, purposes: [&str; 3]) -> Result<Self, BuildError> {
        let cookie = Self::cookie(key, purposes)?;
        Ok(Self { demands_expiry: true, demands_authentication: true, ..cookie })
    }

    /// Recognises what is protected for these purposes, and refuses it by this name.
    pub(super) fn recognising(
        mut self,
        key: &MachineKey,
        what: &'static str,
        purposes: [&'static str; 3],
    ) -> Result<Self, BuildError> {
        let protectors = vec![protector(key, &purposes)?];
        self.strangers.push(Stranger { what, purposes, protectors });
        Ok(self)
    }

    pub(super) fn also_accept(mut self, key: &MachineKey) -> Result<Self, BuildError> {
        let [first, second, third] = &self.purposes;
        let other = protector(key, &[first, second, third])?;
        for stranger in &mut self.strangers {
            stranger.protectors.push(protector(key, &stranger.purposes)?);
        }
        Ok(Self { keys: self.keys.also(key, other)?, ..self })
    }

    pub(super) fn unprotect(&self, text: &str) -> Result<Ticket, AuthError> {
        if text.len() > LONGEST_TEXT {
            let detail = format_args!("{} characters, the limit is {LONGEST_TEXT}", text.len());
            return Err(AuthError::new(AuthErrorKind::TokenTooLong).with_detail(detail));
        }
        let protected = text::decode(text).ok_or_else(|| malformed("not base64url"))?;
        let opened = self.keys.open(|key| key.unprotect(&protected), |packed| self.read(packed));
        opened.map_err(|error| match self.strangers.iter().find(|it| it.opens(&protected)) {
            Some(Stranger { what, .. }) if error.kind() == AuthErrorKind::TicketUndecryptable => {
                let detail = format_args!("it is {what}, and belongs to the authorization server");
                AuthError::new(AuthErrorKind::TicketWrongPurpose).with_detail(detail)
            }
            _ => error,
        })
    }

    pub(super) fn protect(&self, ticket: &Ticket) -> Result<String, BuildError> {
        if self.demands_expiry && ticket.expires_at.is_none() {
            let problem = "there is none, and the ticket's own reader demands one";
            return Err(BuildError::invalid("expires_at", problem));
        }
        let content = serializer::write(ticket)?;
        let text = base64url::encode(self.keys.first().protect(&gzip::pack(&content)));
        for (length, limit) in [(content.len(), self.max_ticket_bytes), (text.len(), LONGEST_TEXT)]
        {
            if length > limit {
                let problem = format!("{length} bytes, its own reader takes {limit} at most");
                return Err(BuildError::invalid("ticket", problem));
            }
        }
        Ok(text)
    }

    /// The last purpose but the version: the authentication type, or the kind of token.
    pub(super) fn kind(&self) -> &str {
        let [_, kind, _] = &self.purposes;
        kind
    }

    pub(super) fn fingerprint(&self) -> String {
        format!("Katana {}, keys {}", self.kind(), self.keys.fingerprints())
    }

    fn read(&self, packed: &[u8]) -> Result<Ticket, AuthError> {
        let content = gzip::unpack(packed, self.max_ticket_bytes).map_err(|fault| match fault {
            Packed::Malformed(Malformed(why)) => malformed(why),
            Packed::TooLarge => AuthError::new(AuthErrorKind::TokenTooLong).with_detail(
                format_args!("unpacked, more than max_ticket_bytes: {}", self.max_ticket_bytes),
            ),
        })?;
        let ticket =
            serializer::read(&content, self.formats).map_err(|Malformed(why)| malformed(why))?;
        let is_authenticated =
            ticket.identity().is_some_and(|identity| !identity.authentication_type.is_empty());
        if self.demands_authentication && !is_authenticated {
            return Err(malformed(
                "its identity has no authentication type: nobody was authenticated",
            ));
        }
        Ok(ticket)
    }
}

/// What the same keys protect for somebody else.
#[derive(Debug)]
struct Stranger {
    what: &'static str,
    purposes: [&'static str; 3],
    protectors: Vec<Protector>,
}

impl Stranger {
    fn opens(&self, protected: &[u8]) -> bool {
        self.protectors.iter().any(|protector| protector.unprotect(protected).is_some())
    }
}

/// What OwinAppContext.cs and MachineKeyDataProtector.cs do, whatever the compatibility mode.
fn protector(key: &MachineKey, purposes: &[&str]) -> Result<Protector, BuildError> {
    key.purpose("User.MachineKey.Protect", purposes)
}

fn malformed(why: &'static str) -> AuthError {
    AuthError::new(AuthErrorKind::TicketMalformed).with_detail(why)
}

/// Gives a kind of ticket the words that all have.
macro_rules! katana_format {
    ($name:ident) => {
        impl $name {
            /// Opens tickets of this key too: of the key before, until its last ticket has expired. Not of one
            /// that leaked: a ticket that is made with it slides to the first key, and outlives it.
            ///
            /// # Errors
            /// As [`new`](Self::new); or it is the ninth key.
            pub fn also_accept(self, key: MachineKey) -> Result<Self, BuildError> {
                Ok(Self(self.0.also_accept(&key)?))
            }

            /// Reads format 2 of a ticket as well, which Katana 2.0 to 3.0.0 write. Default: format 3
            /// alone, which Katana 3.0.1 and later write and read.
            pub fn accept_format_2(mut self) -> Self {
                self.0.formats = Formats::TwoAndThree;
                self
            }

            /// How long a ticket may be once it is unpacked, in bytes. Default: 1 MiB (1,048,576).
            pub fn max_ticket_bytes(mut self, bytes: usize) -> Self {
                self.0.max_ticket_bytes = bytes;
                self
            }
        }
    };
}
pub(super) use katana_format;

/// In bytes, unpacked.
const MAX_TICKET_BYTES: usize = 1 << 20;
/// In characters: what the chunks of a cookie make together.
const LONGEST_TEXT: usize = 64 << 10;
