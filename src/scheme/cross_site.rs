//! Tells requests of this site's own pages from those that another site's page starts.

use http::{HeaderName, Method, header, request::Parts};

use super::PublicOrigin;

/// A guard for credentials that a browser sends along whoever's page asks: cookies.
///
/// Requests that change nothing by definition (`GET`, `HEAD`, `OPTIONS`, `TRACE`; RFC 9110 §9.2.1)
/// pass, unless one opens a WebSocket: what comes through it may change anything (RFC 6455 §10.2).
/// Any other needs one sign that its page is this site's own:
///
/// 1. `Sec-Fetch-Site` is `same-origin`, or `none`: the user typed the address.
/// 2. `Origin` is this host by https, or an [allowed](Self::allow_origin) one. By http only where
///    the host is the machine itself.
/// 3. A [header](Self::custom_header) is there that another site's page can not add without asking.
///
/// A client that is no browser sends none of the three, and is refused: it should send its token in a
/// header, where no guard is needed.
///
/// ```
/// use portcullis::scheme::CrossSiteGuard;
///
/// let guard = CrossSiteGuard::new()
///     .allow_origin("https://spa.example")
///     .custom_header(http::HeaderName::from_static("x-requested-with"));
/// let admits = |site: &str| {
///     let request = http::Request::post("/orders").header("sec-fetch-site", site);
///     guard.admits(&request.body(()).unwrap().into_parts().0)
/// };
/// assert!(admits("same-origin") && !admits("cross-site") && !admits("same-site"));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CrossSiteGuard {
    origins: Vec<Box<str>>,
    header: Option<HeaderName>,
    own: Option<PublicOrigin>,
}

impl CrossSiteGuard {
    /// A guard that admits this site's own pages and no others.
    pub fn new() -> Self {
        Self::default()
    }

    /// Pages of this origin are admitted as well. May be said more than once.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Whoever sends this header is admitted: to add one, a page of another origin needs leave by
    /// CORS. Not one that CORS lets through unasked (`Accept`, `Content-Type`, …). Default: none.
    pub fn custom_header(mut self, name: HeaderName) -> Self {
        self.header = Some(name);
        self
    }

    /// Who says where this service is seen: its own pages are those of that origin, and the `Host` that
    /// a proxy may have changed is not asked. Where nobody knows, no origin is its own. Default: the
    /// host, by https.
    pub fn public_origin(mut self, origin: PublicOrigin) -> Self {
        self.own = Some(origin);
        self
    }

    /// Whether this site's own page asks, or nothing is changed.
    #[must_use]
    pub fn admits(&self, request: &Parts) -> bool {
        let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE]
            .contains(&request.method)
            && !request.headers.contains_key(header::SEC_WEBSOCKET_KEY);
        let site = only(request, "sec-fetch-site");
        let origin = only(request, header::ORIGIN.as_str());
        let has_header =
            || self.header.as_ref().is_some_and(|name| request.headers.contains_key(name));
        is_safe
            || origin.is_some_and(|origin| self.origins.iter().any(|known| **known == *origin))
            || has_header()
            || match site {
                // a browser that says so is not asked for the origin
                Some(site) => ["same-origin", "none"].contains(&site),
                None => origin.is_some_and(|origin| match &self.own {
                    Some(own) => own
                        .resolve(&request.headers)
                        .is_some_and(|own| own.eq_ignore_ascii_case(origin)),
                    None => is_own(origin, request),
                }),
            }
    }
}

/// The value of a header that stands once and is text.
fn only<'r>(request: &'r Parts, name: &str) -> Option<&'r str> {
    let mut values = request.headers.get_all(name).iter();
    let value = values.next()?.to_str().ok();
    if values.next().is_some() { None } else { value }
}

/// RFC 6454 §7: the origin is this host.
fn is_own(origin: &str, request: &Parts) -> bool {
    let host = match request.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => only(request, header::HOST.as_str()),
    };
    let Some(host) = host else { return false };
    let is_host = |authority: &str| !host.is_empty() && authority.eq_ignore_ascii_case(host);
    match origin.split_once("://") {
        Some(("https", authority)) => is_host(authority),
        Some(("http", authority)) => is_host(authority) && is_this_machine(authority),
        _ => false,
    }
}

fn is_this_machine(authority: &str) -> bool {
    let port = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let host = port.map_or(authority, |at| &authority[..at]);
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}
