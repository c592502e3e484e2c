//! The layout that every supported .NET Framework writes:
//!
//! | size | content |
//! |---|---|
//! | 1 | `01`: the layout |
//! | 1 | the ticket's version |
//! | 8 | issue date, ticks |
//! | 1 | `FE` |
//! | 8 | expiration, ticks |
//! | 1 | `00`, or `01`: persistent |
//! | | name, user data, cookie path: a length in UTF-16 units each, then the units |
//! | 1 | `FF`, and nothing after it |
//!
//! FormsAuthenticationTicketSerializer.cs is just as strict but for the lengths, which it takes in
//! any of their spellings; so does this reader.

use super::{
    super::binary::{Malformed, Reader, Writer},
    fields::Fields,
};

pub(super) fn read(payload: &[u8]) -> Result<Fields, Malformed> {
    let mut reader = Reader::new(payload);
    reader.expect(LAYOUT, "not the layout of a forms ticket")?;
    let version = reader.byte()?;
    let issued = reader.ticks()?;
    reader.expect(SPACER, "no FE between the dates")?;
    let expiration = reader.ticks()?;
    let is_persistent = reader.flag()?;
    let name = read_text(&mut reader)?;
    let user_data = read_text(&mut reader)?;
    let cookie_path = read_text(&mut reader)?;
    reader.expect(FOOTER, "no FF at the end")?;
    reader.finish()?;
    Ok(Fields { version, name, issued, expiration, is_persistent, user_data, cookie_path })
}

pub(super) fn write(fields: &Fields) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.byte(LAYOUT);
    writer.byte(fields.version);
    writer.int64(fields.issued.get());
    writer.byte(SPACER);
    writer.int64(fields.expiration.get());
    writer.byte(fields.is_persistent.into());
    for text in [&fields.name, &fields.user_data, &fields.cookie_path] {
        writer.length(text.len());
        for unit in text {
            writer.bytes(&unit.to_le_bytes());
        }
    }
    writer.byte(FOOTER);
    writer.finish()
}

fn read_text(reader: &mut Reader<'_>) -> Result<Vec<u16>, Malformed> {
    let units = reader.length()?;
    let bytes = reader.take(units.saturating_mul(2))?;
    let (pairs, _) = bytes.as_chunks();
    Ok(pairs.iter().copied().map(u16::from_le_bytes).collect())
}

const LAYOUT: u8 = 0x01;
const SPACER: u8 = 0xFE;
const FOOTER: u8 = 0xFF;
