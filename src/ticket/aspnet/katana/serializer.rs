//! The content of a Katana ticket (.NET's `TicketSerializer`), before gzip.
//!
//! | field | encoding |
//! |---|---|
//! | format | 3; or 2 |
//! | authentication type, name claim type, role claim type | net-strings |
//! | claims | a count, then type, value, value type, issuer, original issuer of each: net-strings |
//! | bootstrap context | its UTF-16 length, and if that is not 0 a net-string |
//! | properties | see there; nothing after them |
//!
//! A text that is U+0000 alone stands for the default of its field.
//!
//! Stricter than .NET, which no writer of a ticket notices: bytes after the end, a negative or a wrong
//! length of the bootstrap context, and properties of another format are refused; so are more than
//! 4096 claims and 1024 properties.

use super::{
    super::binary::{Malformed, Reader, Writer},
    properties,
};
use crate::{
    error::BuildError,
    ticket::{Ticket, TicketClaim, TicketIdentity},
};

/// The formats that are read. The one that is written is 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formats {
    /// 3 alone: Katana 3.0.1 and later.
    Three,
    /// 2 as well, of Katana 2.0 to 3.0.0.
    TwoAndThree,
}

pub(super) fn read(bytes: &[u8], formats: Formats) -> Result<Ticket, Malformed> {
    let mut reader = Reader::new(bytes);
    let format = reader.int32()?;
    match (format, formats) {
        (3, _) | (2, Formats::TwoAndThree) => {}
        (2, Formats::Three) => return Err(Malformed("format 2; see accept_format_2")),
        _ => return Err(Malformed("not a format of Katana 2, 3 or 4")),
    }
    let authentication_type = reader.net_string()?;
    let name_claim_type = named(reader.net_string()?, TicketIdentity::NAME);
    let role_claim_type = named(reader.net_string()?, TicketIdentity::ROLE);
    let count = reader.count(SHORTEST_CLAIM, MOST_CLAIMS)?;
    let mut claims = Vec::with_capacity(count);
    for _ in 0..count {
        claims.push(read_claim(&mut reader, name_claim_type)?);
    }
    let bootstrap_context = read_bootstrap_context(&mut reader, format)?;

    let mut ticket = Ticket::of_identities(vec![TicketIdentity {
        authentication_type: authentication_type.to_owned(),
        name_claim_type: non_empty(name_claim_type, TicketIdentity::NAME).to_owned(),
        role_claim_type: non_empty(role_claim_type, TicketIdentity::ROLE).to_owned(),
        claims,
        bootstrap_context,
        actor: None,
    }]);
    properties::read(&mut reader, &mut ticket)?;
    reader.finish()?;
    Ok(ticket)
}

fn read_claim(reader: &mut Reader<'_>, name_claim_type: &str) -> Result<TicketClaim, Malformed> {
    let claim_type = named(reader.net_string()?, name_claim_type);
    let value = reader.net_string()?;
    let value_type =
        non_empty(named(reader.net_string()?, TicketClaim::STRING), TicketClaim::STRING);
    let authority = TicketClaim::LOCAL_AUTHORITY;
    let issuer = non_empty(named(reader.net_string()?, authority), authority);
    let original_issuer = non_empty(named(reader.net_string()?, issuer), issuer);
    Ok(TicketClaim {
        claim_type: claim_type.to_owned(),
        value: value.to_owned(),
        value_type: value_type.to_owned(),
        issuer: issuer.to_owned(),
        original_issuer: original_issuer.to_owned(),
        properties: Vec::new(),
    })
}

/// Takes the number of the properties' format as well.
fn read_bootstrap_context(
    reader: &mut Reader<'_>,
    format: i32,
) -> Result<Option<String>, Malformed> {
    let length = reader.int32()?;
    // Katana 2.0 and 2.1 wrote format 2 without this field: then this is the properties' format
    if format == 2 && length == properties::FORMAT {
        return Ok(None);
    }
    let length = usize::try_from(length)
        .map_err(|_| Malformed("a negative length of the bootstrap context"))?;
    let mut context = None;
    if length > 0 {
        let text = reader.net_string()?;
        if text.encode_utf16().count() != length {
            return Err(Malformed("a bootstrap context of another length"));
        }
        context = Some(text.to_owned());
    }
    if reader.int32()? == properties::FORMAT {
        Ok(context)
    } else {
        Err(Malformed("properties of an unknown format"))
    }
}

pub(super) fn write(ticket: &Ticket) -> Result<Vec<u8>, BuildError> {
    let [identity] = &ticket.identities[..] else {
        return Err(BuildError::invalid("identities", "a Katana ticket holds exactly one"));
    };
    for (field, is_set) in [
        ("user_data", !ticket.user_data.is_empty()),
        ("cookie_path", ticket.cookie_path != "/"),
        ("actor", identity.actor.is_some()),
        ("claims", identity.claims.iter().any(|claim| !claim.properties.is_empty())),
    ] {
        if is_set {
            let problem = "a Katana ticket has no user data, cookie path, actor or properties of \
                           claims; use its own properties";
            return Err(BuildError::invalid(field, problem));
        }
    }
    if identity.authentication_type.is_empty() {
        let problem = "it is empty: nobody was authenticated, and nobody gets a ticket";
        return Err(BuildError::invalid("authentication_type", problem));
    }
    if identity.claims.len() > MOST_CLAIMS {
        let problem = format!("{} are more than {MOST_CLAIMS}", identity.claims.len());
        return Err(BuildError::invalid("claims", problem));
    }

    let mut writer = Writer::default();
    writer.int32(3);
    writer.net_string(&identity.authentication_type);
    write_named(&mut writer, &identity.name_claim_type, TicketIdentity::NAME)?;
    write_named(&mut writer, &identity.role_claim_type, TicketIdentity::ROLE)?;
    writer.count(identity.claims.len());
    for claim in &identity.claims {
        write_named(&mut writer, &claim.claim_type, &identity.name_claim_type)?;
        writer.net_string(&claim.value);
        write_named(&mut writer, &claim.value_type, TicketClaim::STRING)?;
        write_named(&mut writer, &claim.issuer, TicketClaim::LOCAL_AUTHORITY)?;
        write_named(&mut writer, &claim.original_issuer, &claim.issuer)?;
    }
    let context = identity.bootstrap_context.as_deref().unwrap_or_default();
    writer.count(context.encode_utf16().count());
    if !context.is_empty() {
        writer.net_string(context);
    }
    properties::write(&mut writer, ticket)?;
    Ok(writer.finish())
}

/// The text, or what the placeholder stands for.
fn named<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text == PLACEHOLDER { default } else { text }
}

fn non_empty<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

fn write_named(writer: &mut Writer, text: &str, default: &str) -> Result<(), BuildError> {
    if text == PLACEHOLDER {
        let problem = "U+0000 alone can not be written: it stands for a default";
        return Err(BuildError::invalid("claims", problem));
    }
    writer.net_string(if text == default { PLACEHOLDER } else { text });
    Ok(())
}

const PLACEHOLDER: &str = "\0";
/// Five empty texts.
const SHORTEST_CLAIM: usize = 5;
const MOST_CLAIMS: usize = 4096;
