//! What a FormsAuthentication ticket holds, whatever layout it is written in, and how that becomes a
//! [`Ticket`] and back.

use super::super::binary::Ticks;
use crate::{
    clock::UnixTime,
    error::BuildError,
    ticket::{Ticket, TicketIdentity, Verbatim},
};

/// .NET's `FormsAuthenticationTicket`. Texts are UTF-16 code units, which need not be Unicode.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) version: u8,
    pub(super) name: Vec<u16>,
    pub(super) issued: Ticks,
    pub(super) expiration: Ticks,
    pub(super) is_persistent: bool,
    pub(super) user_data: Vec<u16>,
    pub(super) cookie_path: Vec<u16>,
}

impl Fields {
    pub(super) fn into_ticket(self) -> Ticket {
        let mut verbatim = Verbatim::default();
        let identity = match String::from_utf16(&self.name) {
            Ok(name) => TicketIdentity::new(AUTHENTICATION_TYPE, &name),
            // U+FFFD in its place could make two names one
            Err(_) => {
                verbatim.name = Some(self.name);
                let mut nameless = TicketIdentity::new(AUTHENTICATION_TYPE, "");
                nameless.claims.clear();
                nameless
            }
        };
        let mut ticket = Ticket::of_identities(vec![identity]);
        (ticket.issued_at, verbatim.issued_ticks) = moment(self.issued);
        (ticket.expires_at, verbatim.expiration_ticks) = moment(self.expiration);
        ticket.is_persistent = self.is_persistent;
        (ticket.user_data, verbatim.user_data) = text(self.user_data);
        (ticket.cookie_path, verbatim.cookie_path) = text(self.cookie_path);
        ticket.version = self.version;
        ticket.verbatim = (verbatim != Verbatim::default()).then(|| Box::new(verbatim));
        ticket
    }

    pub(super) fn from_ticket(ticket: &Ticket) -> Result<Self, BuildError> {
        let nothing = Verbatim::default();
        let verbatim = ticket.verbatim.as_deref().unwrap_or(&nothing);
        if !ticket.properties.is_empty() || ticket.allow_refresh.is_some() {
            return Err(no_place("properties"));
        }
        Ok(Self {
            version: ticket.version,
            name: name_of(ticket, verbatim)?,
            issued: ticks("issued_at", ticket.issued_at, verbatim.issued_ticks)?,
            expiration: ticks("expires_at", ticket.expires_at, verbatim.expiration_ticks)?,
            is_persistent: ticket.is_persistent,
            user_data: units(&ticket.user_data, verbatim.user_data.as_deref()),
            cookie_path: units(&ticket.cookie_path, verbatim.cookie_path.as_deref()),
        })
    }
}

/// The name, if the ticket holds one identity and of that no more.
fn name_of(ticket: &Ticket, verbatim: &Verbatim) -> Result<Vec<u16>, BuildError> {
    let [identity] = &ticket.identities[..] else { return Err(no_place("identities")) };
    let mut plain = TicketIdentity::new(&identity.authentication_type, "");
    match (identity.name(), &verbatim.name) {
        (Some(name), _) => {
            plain = TicketIdentity::new(&identity.authentication_type, name);
            (*identity == plain).then(|| name.encode_utf16().collect())
        }
        (None, Some(units)) => {
            plain.claims.clear();
            (*identity == plain).then(|| units.clone())
        }
        (None, None) => {
            return Err(BuildError::invalid("name", "a forms ticket is for somebody; give a name"));
        }
    }
    .ok_or_else(|| no_place("claims"))
}

/// The moment, and the ticks where the moment does not tell them.
fn moment(ticks: Ticks) -> (Option<UnixTime>, Option<i64>) {
    let time = ticks.to_unix_time();
    (Some(time), (Ticks::from_unix_time(time) != ticks).then(|| ticks.get()))
}

fn ticks(
    field: &'static str,
    time: Option<UnixTime>,
    verbatim: Option<i64>,
) -> Result<Ticks, BuildError> {
    let Some(time) = time else {
        return Err(BuildError::invalid(field, "a forms ticket needs both of its dates"));
    };
    let as_read = verbatim.and_then(|ticks| Ticks::new(ticks).ok());
    Ok(as_read
        .filter(|ticks| ticks.to_unix_time() == time)
        .unwrap_or_else(|| Ticks::from_unix_time(time)))
}

/// The text, and the units where they are not Unicode.
fn text(units: Vec<u16>) -> (String, Option<Vec<u16>>) {
    match String::from_utf16(&units) {
        Ok(text) => (text, None),
        Err(_) => (String::from_utf16_lossy(&units), Some(units)),
    }
}

fn units(text: &str, verbatim: Option<&[u16]>) -> Vec<u16> {
    match verbatim {
        Some(units) if String::from_utf16_lossy(units) == text => units.to_vec(),
        _ => text.encode_utf16().collect(),
    }
}

fn no_place(field: &'static str) -> BuildError {
    BuildError::invalid(
        field,
        "a forms ticket holds one name, two dates, persistence, user data and a cookie path; put \
         what else there is into the user data",
    )
}

/// The authentication type of every forms ticket (FormsIdentity.cs).
const AUTHENTICATION_TYPE: &str = "Forms";
