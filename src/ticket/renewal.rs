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
    /// A ticket has a place for the moment of the sign-in.
    pub(super) remembers: bool,
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

    /// Puts a new ticket under the rules: within the longest life, with its sign-in remembered.
    pub(super) fn start(&self, ticket: &mut Ticket) {
        let Some(longest) = self.max_lifetime else { return };
        let Some(signed_in_at) = signed_in_at(ticket) else { return };
        let end = signed_in_at + longest;
        ticket.expires_at = Some(ticket.expires_at.map_or(end, |expires| expires.min(end)));
        if self.remembers {
            remember(ticket, signed_in_at);
        }
    }
}

/// When the user signed in. A property that is no number counts as absent: the key's owner alone
/// writes properties.
pub(super) fn signed_in_at(ticket: &Ticket) -> Option<UnixTime> {
    let told = ticket.property(SIGNED_IN_AT).and_then(moment);
    match (told, ticket.issued_at) {
        (Some(told), Some(issued)) => Some(told.min(issued)),
        (told, issued) => told.or(issued),
    }
}

/// Seconds, and behind a dot nine digits of nanoseconds where there are any.
fn moment(text: &str) -> Option<UnixTime> {
    let (seconds, nanos) = text.split_once('.').unwrap_or((text, "0"));
    let nanos = Duration::from_nanos(nanos.parse().ok()?);
    Some(UnixTime::from_secs(seconds.parse().ok()?) + nanos)
}

/// Writes the moment down in the ticket.
pub(super) fn remember(ticket: &mut Ticket, signed_in_at: UnixTime) {
    let seconds = signed_in_at.as_secs();
    let text = match signed_in_at.saturating_since(UnixTime::from_secs(seconds)).as_nanos() {
        0 => seconds.to_string(),
        nanos => format!("{seconds}.{nanos:09}"),
    };
    ticket.properties.retain(|(key, _)| key != SIGNED_IN_AT);
    ticket.properties.push((SIGNED_IN_AT.to_owned(), text));
}

/// Takes over the moment of the sign-in from the ticket whose place this one takes.
pub(super) fn inherit(old: &Ticket, new: &mut Ticket) {
    new.properties.retain(|(key, _)| key != SIGNED_IN_AT);
    let told = old.properties.iter().find(|(key, _)| key == SIGNED_IN_AT);
    new.properties.extend(told.cloned());
}

/// The property that holds the moment of the sign-in, as Unix time. Applications that share the
/// ticket keep it when they renew: .NET writes back the properties that it does not know.
const SIGNED_IN_AT: &str = "portcullis.signed_in_at";
