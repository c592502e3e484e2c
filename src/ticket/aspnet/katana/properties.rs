//! The properties of a Katana ticket (.NET's `AuthenticationProperties`), format 1.
//!
//! | key | value |
//! |---|---|
//! | `.issued`, `.expires` | an RFC 1123 date; what is none counts as absent |
//! | `.persistent` | present: persistent |
//! | `.refresh` | `True` or `False`, in any case, with or without blanks around it |
//!
//! These become fields of the [`Ticket`]; a value that is not readable stays among its properties, as
//! do all other keys. A reader of Microsoft's that meets another format returns no properties at all,
//! and the ticket never expires; this one refuses the ticket.

use std::collections::HashSet;

use super::{
    super::binary::{Malformed, Reader, Writer},
    date,
};
use crate::{error::BuildError, ticket::Ticket};

pub(super) fn read(reader: &mut Reader<'_>, ticket: &mut Ticket) -> Result<(), Malformed> {
    let count = reader.count(SHORTEST, LIMIT)?;
    let mut seen = HashSet::with_capacity(count);
    for _ in 0..count {
        let (key, value) = (reader.net_string()?, reader.net_string()?);
        if !seen.insert(key) {
            return Err(Malformed("a property that stands twice"));
        }
        let known = match key {
            ISSUED => set(&mut ticket.issued_at, date::parse(value)),
            EXPIRES => set(&mut ticket.expires_at, date::parse(value)),
            REFRESH => set(&mut ticket.allow_refresh, parse_bool(value)),
            PERSISTENT => {
                ticket.is_persistent = true;
                true
            }
            _ => false,
        };
        if !known {
            ticket.properties.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(())
}

pub(super) fn write(writer: &mut Writer, ticket: &Ticket) -> Result<(), BuildError> {
    let own = [
        ticket.is_persistent.then(|| (PERSISTENT, String::new())),
        ticket.issued_at.map(|time| (ISSUED, date::write(time))),
        ticket.expires_at.map(|time| (EXPIRES, date::write(time))),
        ticket.allow_refresh.map(|may| (REFRESH, if may { "True" } else { "False" }.to_owned())),
    ];
    let own: Vec<_> = own.into_iter().flatten().collect();
    // a field speaks for its key
    let others = ticket.properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let others = others.filter(|(key, _)| !own.iter().any(|(known, _)| known == key));
    let own = own.iter().map(|(key, value)| (*key, value.as_str()));
    let all: Vec<_> = others.chain(own).collect();

    let mut seen = HashSet::with_capacity(all.len());
    if let Some((key, _)) = all.iter().find(|(key, _)| !seen.insert(*key)) {
        return Err(BuildError::invalid("properties", format!("{key:?} stands twice")));
    }
    if all.len() > LIMIT {
        let problem = format!("{} are more than {LIMIT}; put less into the ticket", all.len());
        return Err(BuildError::invalid("properties", problem));
    }
    writer.int32(FORMAT);
    writer.count(all.len());
    for (key, value) in all {
        writer.net_string(key);
        writer.net_string(value);
    }
    Ok(())
}

/// Whether there was something to set.
fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    *field = value;
    field.is_some()
}

/// .NET's `bool.TryParse`.
fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// The number of the format, which the ticket's reader has taken already.
pub(super) const FORMAT: i32 = 1;
/// A key and a value, both empty.
const SHORTEST: usize = 2;
const LIMIT: usize = 1024;
const ISSUED: &str = ".issued";
const EXPIRES: &str = ".expires";
const PERSISTENT: &str = ".persistent";
const REFRESH: &str = ".refresh";
