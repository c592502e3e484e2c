//! What an answer must know of the request's cookie.

use http::HeaderMap;

use super::{
    chunks::{ChunkDialect, MAX_CHUNKS, part_number},
    request::pairs,
};

/// What an answer must know of the cookie that the request carried: which of its chunks are in the
/// browser, and whether the request came over plain http.
///
/// Made by [`TicketCookie::carried`](super::TicketCookie::carried). The default is a request that
/// carried no chunk and came over TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarriedCookie {
    /// Bit `n`: the chunk `n`.
    chunks: u128,
    pub(super) is_plain: bool,
}

impl CarriedCookie {
    /// The chunks of a cookie, if the cookie of that name is chunked at all: `AuthC1` beside an
    /// `Auth` that is whole is somebody else's.
    pub(super) fn of(dialect: ChunkDialect, name: &str, headers: &HeaderMap) -> Self {
        if dialect == ChunkDialect::Whole {
            return Self::default();
        }
        let (mut chunks, mut is_chunked) = (0, false);
        for (found, value) in pairs(headers) {
            match found.strip_prefix(name.as_bytes()) {
                Some([]) => is_chunked |= dialect.count(value).is_some(),
                Some(suffix) => chunks |= part_number(suffix).map_or(0, |number| 1 << number),
                None => {}
            }
        }
        Self { chunks: if is_chunked { chunks } else { 0 }, is_plain: false }
    }

    /// The numbers of the chunks that it carried.
    pub(super) fn chunks(self) -> impl Iterator<Item = usize> {
        (1..=MAX_CHUNKS).filter(move |number| self.chunks & (1 << number) != 0)
    }
}
