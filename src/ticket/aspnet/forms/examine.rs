//! What lies behind the protection, in whichever layout: for the diagnosis alone.

use super::{super::binary::Malformed, fields::Fields, framework20, version1};
use crate::ticket::Ticket;

/// The ticket, and whether its layout is the one of .NET 2.0.
pub(in crate::ticket::aspnet) fn examine_payload(
    payload: &[u8],
) -> Result<(Ticket, bool), Malformed> {
    match (version1::read(payload), framework20::read(payload)) {
        (Ok(fields), _) => Ok((Fields::into_ticket(fields), false)),
        (Err(_), Ok(fields)) => Ok((Fields::into_ticket(fields), true)),
        (Err(malformed), Err(_)) => Err(malformed),
    }
}
