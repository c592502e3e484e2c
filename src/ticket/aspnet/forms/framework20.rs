//! The layout of .NET 2.0, which `aspnet:UseLegacyFormsAuthenticationTicketCompatibility` brings back:
//!
//! | size | content |
//! |---|---|
//! | 8 | anything; zero when this writes it |
//! | 1 | the ticket's version |
//! | | name: UTF-16, ended by two zero bytes |
//! | 8 | issue date, FILETIME |
//! | 1 | `00`, or `01`: persistent |
//! | 8 | expiration, FILETIME |
//! | | user data, cookie path: UTF-16, ended by two zero bytes each |
//!
//! A name that holds U+0000 ends early in this layout, and what follows is read as dates and more
//! (CVE-2011-3416). The order of the fields is known from a reader that is not Microsoft's alone
//! (netsight.aspxauthplugin).

use super::{
    super::binary::{Malformed, Reader, Ticks, Writer},
    fields::Fields,
};
use crate::error::BuildError;

pub(super) fn read(payload: &[u8]) -> Result<Fields, Malformed> {
    let mut reader = Reader::new(payload);
    reader.take(HEAD.len())?;
    let version = reader.byte()?;
    let name = read_text(&mut reader)?;
    let issued = Ticks::from_filetime(reader.int64()?)?;
    let is_persistent = reader.flag()?;
    let expiration = Ticks::from_filetime(reader.int64()?)?;
    let user_data = read_text(&mut reader)?;
    let cookie_path = read_text(&mut reader)?;
    reader.finish()?;
    Ok(Fields { version, name, issued, expiration, is_persistent, user_data, cookie_path })
}

pub(super) fn write(fields: &Fields) -> Result<Vec<u8>, BuildError> {
    let mut writer = Writer::default();
    writer.bytes(&HEAD);
    writer.byte(fields.version);
    write_text(&mut writer, "name", &fields.name)?;
    writer.int64(fields.issued.to_filetime());
    writer.byte(fields.is_persistent.into());
    writer.int64(fields.expiration.to_filetime());
    write_text(&mut writer, "user_data", &fields.user_data)?;
    write_text(&mut writer, "cookie_path", &fields.cookie_path)?;
    Ok(writer.finish())
}

fn read_text(reader: &mut Reader<'_>) -> Result<Vec<u16>, Malformed> {
    let mut units = Vec::new();
    loop {
        match u16::from_le_bytes([reader.byte()?, reader.byte()?]) {
            0 => return Ok(units),
            unit => units.push(unit),
        }
    }
}

fn write_text(writer: &mut Writer, field: &'static str, text: &[u16]) -> Result<(), BuildError> {
    if text.contains(&0) {
        let problem = "U+0000 would end it early in the layout of .NET 2.0; leave it out";
        return Err(BuildError::invalid(field, problem));
    }
    for unit in text.iter().chain(&[0]) {
        writer.bytes(&unit.to_le_bytes());
    }
    Ok(())
}

const HEAD: [u8; 8] = [0; 8];
