//! What lies behind the protection, layer by layer: for the diagnosis alone.

use super::{
    super::binary::Malformed,
    gzip::{self, Packed},
    serializer::{self, Formats},
};
use crate::ticket::Ticket;

/// The layer that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ticket::aspnet) enum Layer {
    Content(Malformed),
    Gzip(Malformed),
}

/// The ticket, and the number of its format.
pub(in crate::ticket::aspnet) fn examine_packed(packed: &[u8]) -> Result<(Ticket, u8), Layer> {
    let content = gzip::unpack(packed, LIMIT).map_err(|fault| match fault {
        Packed::Malformed(malformed) => Layer::Gzip(malformed),
        Packed::TooLarge => Layer::Gzip(Malformed("more than 1 MiB when it is unpacked")),
    })?;
    match serializer::read(&content, Formats::Three) {
        Ok(ticket) => Ok((ticket, 3)),
        Err(_) => serializer::read(&content, Formats::TwoAndThree)
            .map(|ticket| (ticket, 2))
            .map_err(Layer::Content),
    }
}

/// In bytes, unpacked.
const LIMIT: usize = 1 << 20;
