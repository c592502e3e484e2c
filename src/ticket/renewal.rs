//! When a ticket slides, and how far.

use std::time::Duration;

use super::{RenewalRule, Ticket};
use crate::{
    clock::UnixTime,
    error::{AuthError, AuthErrorKind},
};

/// How the tickets of one validator slide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sliding {
    pub(super) on: bool,
    pub(super) rule: RenewalRule,
    /// The longest time from the sign-in to the end of the last ticket that slid from it.
    pub(super) max_lifetime: Option<Duration>,
    /// A ticket has a place for the moments of the sign-in and of the last check.
    pub(super) remembers: bool,
    /// The users of tickets are checked, and sliding must not move the moment of the last check.
    pub(super) checks: bool,
}

impl Sliding {
    /// The ticket that follows this one, if one is due now.
    pub(super) fn slide(&self, ticket: &Ticket, now: UnixTime) -> Option<Ticket> {
        if !self.on || ticket.allow_refresh == Some(false) {
            return None;
        }
        let (issued, expires) = (ticket.issued_at?, ticket.expires_at?);
        if expires < now || !self.is_due(issued, expires, now) {
            return None;
        }
        let mut next = ticket.clone();
        next.issued_at = Some(now);
        next.expires_at = Some(now + expires.saturating_since(issued));
        if let Some(longest) = self.max_lifetime {
            // What can't be remembered can't be kept: better no sliding than sliding for ever.
            let signed_in_at = self.remembers.then(|| signed_in_at(ticket))??;
            next.expires_at = next.expires_at.min(Some(signed_in_at + longest));
            remember(&mut next, signed_in_at);
        }
        if self.checks
            && let Some(checked_at) = checked_at(ticket)
        {
            note_check(&mut next, checked_at);
        }
        (next.expires_at > ticket.expires_at).then_some(next)
    }

    fn is_due(&self, issued: UnixTime, expires: UnixTime, now: UnixTime) -> bool {
        // before the issue time nothing has elapsed, and nothing is due
        let (remaining, elapsed) = (expires.saturating_since(now), now.saturating_since(issued));
        match self.rule {
            RenewalRule::AfterHalf => remaining < elapsed,
            RenewalRule::AtHalf => remaining <= elapsed,
        }
    }

    /// The last moment at which a ticket is good; `None`: it has no end.
    pub(super) fn end(&self, ticket: &Ticket) -> Result<Option<UnixTime>, AuthError> {
        let Some(longest) = self.max_lifetime else { return Ok(ticket.expires_at) };
        let Some(signed_in_at) = signed_in_at(ticket) else {
            return Err(AuthError::new(AuthErrorKind::TicketMalformed)
                .with_detail("it does not tell when it was issued, and max_lifetime is set"));
        };
        let end = signed_in_at + longest;
        Ok(Some(ticket.expires_at.map_or(end, |expires| expires.min(end))))
    }

    /// Puts a new ticket under the rules: within the longest life, with its sign-in remembered, its
    /// user checked just now.
    pub(super) fn start(&self, ticket: &mut Ticket) {
        if self.checks
            && self.remembers
            && let Some(issued_at) = ticket.issued_at
        {
            write_moment(ticket, CHECKED_AT, issued_at);
        }
        if self.max_lifetime.is_some()
            && self.remembers
            && let Some(signed_in_at) = signed_in_at(ticket)
        {
            remember(ticket, signed_in_at);
        }
        self.cap(ticket);
    }

    /// No longer good than the longest life allows.
    pub(super) fn cap(&self, ticket: &mut Ticket) {
        let Some(longest) = self.max_lifetime else { return };
        let Some(signed_in_at) = signed_in_at(ticket) else { return };
        let end = signed_in_at + longest;
        ticket.expires_at = Some(ticket.expires_at.map_or(end, |expires| expires.min(end)));
    }
}

/// When the user signed in.
pub(super) fn signed_in_at(ticket: &Ticket) -> Option<UnixTime> {
    match (read_moment(ticket, SIGNED_IN_AT), ticket.issued_at) {
        (Some(told), Some(issued)) => Some(told.min(issued)),
        (told, issued) => told.or(issued),
    }
}

/// When the user was last checked, or else when the ticket was issued.
pub(super) fn checked_at(ticket: &Ticket) -> Option<UnixTime> {
    read_moment(ticket, CHECKED_AT).or(ticket.issued_at)
}

/// Writes the moment of the sign-in down in the ticket.
pub(super) fn remember(ticket: &mut Ticket, signed_in_at: UnixTime) {
    write_moment(ticket, SIGNED_IN_AT, signed_in_at);
}

/// Writes the moment of the last check down in the ticket, unless it tells it already.
pub(super) fn note_check(ticket: &mut Ticket, at: UnixTime) {
    if checked_at(ticket) != Some(at) {
        write_moment(ticket, CHECKED_AT, at);
    }
}

/// Takes the moment of the last check out of the ticket, whose format has no place for it.
pub(super) fn take_check(ticket: &mut Ticket) -> Option<UnixTime> {
    let at = checked_at(ticket);
    ticket.properties.retain(|(key, _)| key != CHECKED_AT);
    at
}

/// A property that is no moment counts as absent: the key's owner alone writes properties.
fn read_moment(ticket: &Ticket, key: &str) -> Option<UnixTime> {
    // seconds, and behind a dot nine digits of nanoseconds where there are any
    let text = ticket.property(key)?;
    let (seconds, nanos) = text.split_once('.').unwrap_or((text, "0"));
    let nanos = Duration::from_nanos(nanos.parse().ok()?);
    Some(UnixTime::from_secs(seconds.parse().ok()?) + nanos)
}

fn write_moment(ticket: &mut Ticket, key: &str, at: UnixTime) {
    let seconds = at.as_secs();
    let text = match at.saturating_since(UnixTime::from_secs(seconds)).as_nanos() {
        0 => seconds.to_string(),
        nanos => format!("{seconds}.{nanos:09}"),
    };
    ticket.properties.retain(|(known, _)| known != key);
    ticket.properties.push((key.to_owned(), text));
}

/// The property that holds the moment of the sign-in, as Unix time. Applications that share the
/// ticket keep it when they renew: .NET writes back the properties that it does not know.
const SIGNED_IN_AT: &str = "portcullis.signed_in_at";
/// The property that holds the moment of the last check.
const CHECKED_AT: &str = "portcullis.checked_at";
