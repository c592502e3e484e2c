//! How a request reached this service.
//!
//! 1. The server says it, by a [`Transport`] in the request's extensions; or a proxy does, in one
//!    header that the operator names. One source is asked, never two (RFC 7239 §8).
//! 2. The URI of the request is never believed: its scheme and authority are the client's words.
//! 3. Of a header only the last element counts, which the nearest proxy wrote; whatever stands
//!    before it may be anybody's. A line that is not well-formed, and lines that disagree, say
//!    [`Plain`](Transport::Plain).

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};

use super::forwarded::{last_element, last_listed};

/// Whether a request was protected on its way.
///
/// A server that ends TLS itself puts it into the extensions of every request, outside the gate:
///
/// ```
/// use portcullis::scheme::{Transport, TransportSource};
///
/// let mut request = http::Request::new(());
/// let told = |request: &http::Request<()>| {
///     TransportSource::Server.transport(request.headers(), request.extensions())
/// };
/// assert_eq!(told(&request), Transport::Unknown);
///
/// request.extensions_mut().insert(Transport::Tls);
/// assert_eq!(told(&request), Transport::Tls);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// It came over plain http.
    Plain,
    /// It came over TLS.
    Tls,
    /// Nobody said.
    Unknown,
}

/// Who tells how a request came.
///
/// A header is to be named only behind a proxy that sets or appends it on **every** request, and
/// where no request reaches this service past that proxy: anybody else can write it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportSource {
    /// The parameter `proto` of the header `Forwarded` (RFC 7239 §5.4).
    Forwarded,
    /// A [`Transport`] in the request's extensions. The default.
    #[default]
    Server,
    /// The header `X-Forwarded-Proto`.
    XForwardedProto,
}

impl TransportSource {
    /// How the request came that has these headers and extensions.
    #[must_use]
    pub fn transport(self, headers: &HeaderMap, extensions: &Extensions) -> Transport {
        match self {
            Self::Forwarded => by_lines(headers, &header::FORWARDED, last_forwarded_proto),
            Self::Server => extensions.get().copied().unwrap_or(Transport::Unknown),
            Self::XForwardedProto => by_lines(headers, &X_FORWARDED_PROTO, last_listed),
        }
    }
}

/// TLS only if every line of the header says so.
fn by_lines(
    headers: &HeaderMap,
    name: &HeaderName,
    last_proto: fn(&str) -> Option<&str>,
) -> Transport {
    let is_tls = |line: &HeaderValue| {
        let proto = line.to_str().ok().and_then(last_proto);
        proto.is_some_and(|proto| TLS.iter().any(|it| proto.eq_ignore_ascii_case(it)))
    };
    let mut lines = headers.get_all(name).iter().peekable();
    if lines.peek().is_none() {
        Transport::Unknown
    } else if lines.all(is_tls) {
        Transport::Tls
    } else {
        Transport::Plain
    }
}

fn last_forwarded_proto(line: &str) -> Option<&str> {
    let [proto] = last_element(line, ["proto"])?;
    proto
}

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Traefik writes `wss` for a WebSocket over TLS.
const TLS: [&str; 2] = ["https", "wss"];
