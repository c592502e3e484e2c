//! Opens one ticket in one way.

use super::{
    super::{
        binary::Malformed,
        forms::examine_payload,
        katana::{Layer, examine_packed},
        machine_key::{Fault, FormsProtector, Protector, examine_forms, examine_protected},
    },
    trial::{Step, TicketKind, TicketLayout},
};
use crate::ticket::Ticket;

/// What a way gives: the ticket, or where it failed.
pub(super) type Opened = Result<(Ticket, TicketLayout), (Step, &'static str)>;

pub(super) fn open_forms(protector: &FormsProtector, protected: &[u8]) -> Opened {
    let payload =
        protector.unprotect(protected).ok_or_else(|| step(examine_forms(protector, protected)))?;
    let (ticket, is_old) =
        examine_payload(&payload).map_err(|Malformed(why)| (Step::Layout, why))?;
    Ok((ticket, if is_old { TicketLayout::Framework20 } else { TicketLayout::Version1 }))
}

pub(super) fn open_katana(kind: &TicketKind, protector: &Protector, protected: &[u8]) -> Opened {
    let packed = protector
        .unprotect(protected)
        .ok_or_else(|| step(examine_protected(protector, protected)))?;
    let (ticket, format) = examine_packed(&packed).map_err(|layer| match layer {
        Layer::Content(Malformed(why)) => (Step::Layout, why),
        Layer::Gzip(Malformed(why)) => (Step::Gzip, why),
    })?;
    let nobody = ticket.identities.iter().all(|identity| identity.authentication_type.is_empty());
    if nobody && !matches!(kind, TicketKind::KatanaCookie(_)) {
        return Err((
            Step::Layout,
            "its identity has no authentication type: nobody was authenticated",
        ));
    }
    Ok((ticket, if format == 2 { TicketLayout::Katana2 } else { TicketLayout::Katana3 }))
}

const fn step(fault: Fault) -> (Step, &'static str) {
    match fault {
        Fault::InnerMac => {
            (Step::Mac, "the hash inside of the encryption is another: another key or algorithm")
        }
        Fault::Length => (
            Step::Length,
            "beside the MAC no whole number of blocks: it was cut, or the algorithms are others",
        ),
        Fault::Mac => (Step::Mac, "another key or algorithm, or it was changed"),
        Fault::Padding => {
            (Step::Padding, "no padding at the end: another decryption key or algorithm")
        }
    }
}
