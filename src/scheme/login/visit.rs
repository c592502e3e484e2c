//! A request, as far as a redirect depends on it.

use http::{
    HeaderMap, HeaderName, Method, header,
    uri::{PathAndQuery, Uri},
};

use super::{public_origin::PublicOrigin, return_url::ReturnUrl};
use crate::scheme::percent;

/// What a redirect must know of a request, as the outermost gate saw it: routers further in cut its
/// path, and the answer is made when the request is gone.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    by: By,
    is_ajax: bool,
    has_body: bool,
    target: Option<PathAndQuery>,
    /// The headers that a proxy writes, as far as a [`PublicOrigin`] asks for them.
    forwarded: HeaderMap,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A user who follows a link or sends a form: a redirect shows them the login page.
    Navigation,
    /// Some other client: nothing says what it would make of a login page.
    Other,
    /// A script of a page: it would take the login page for the answer.
    Script,
}

impl Visit {
    /// What is to be known of this request; `None` for one that is never redirected, an upgrade.
    pub(crate) fn of<'p>(
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
        origins: impl Iterator<Item = &'p PublicOrigin>,
    ) -> Option<Self> {
        if headers.contains_key(header::UPGRADE) || method == Method::CONNECT {
            return None;
        }
        let mut forwarded = HeaderMap::new();
        for name in origins.flat_map(PublicOrigin::headers) {
            for value in headers.get_all(&name) {
                forwarded.append(&name, value.clone());
            }
        }
        let is_ajax = says(headers, &X_REQUESTED_WITH, XML_HTTP_REQUEST);
        Some(Self {
            by: By::of(method, headers, is_ajax),
            is_ajax,
            has_body: ![Method::GET, Method::HEAD].contains(method),
            target: uri.path_and_query().cloned(),
            forwarded,
        })
    }

    /// A user who follows a link or sends a form.
    pub(super) fn is_navigation(&self) -> bool {
        self.by == By::Navigation
    }

    /// A script of a page.
    pub(super) fn is_script(&self) -> bool {
        self.by == By::Script
    }

    /// jQuery and its kin say so, in a header or in the query (Katana's `IsAjaxRequest`).
    pub(super) fn is_ajax(&self) -> bool {
        let mut in_query = percent::values(self.query(), "X-Requested-With");
        self.is_ajax || in_query.any(|value| value.is_some_and(|it| it == XML_HTTP_REQUEST))
    }

    /// The method is neither `GET` nor `HEAD`: to come back by `GET` is something else.
    pub(super) const fn has_body(&self) -> bool {
        self.has_body
    }

    pub(super) fn path(&self) -> &str {
        self.target.as_ref().map_or("/", PathAndQuery::path)
    }

    /// Whether it asks for this page.
    pub(super) fn is_on(&self, page: &str) -> bool {
        self.path().eq_ignore_ascii_case(page)
    }

    fn query(&self) -> &str {
        self.target.as_ref().and_then(PathAndQuery::query).unwrap_or_default()
    }

    /// Whether the query has a parameter of this name, in whatever case.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        percent::values(self.query(), name).next().is_some()
    }

    /// The way back to it, for a service that is seen under this path.
    pub(super) fn return_url(&self, base_path: &str) -> Option<ReturnUrl> {
        ReturnUrl::local(&format!("{base_path}{}", self.target.as_ref()?))
    }

    /// Where the service is seen, if this says so.
    pub(super) fn origin(&self, by: &PublicOrigin) -> Option<String> {
        by.resolve(&self.forwarded)
    }
}

/// Where a login page is told to send the user: the parameter of the request's own query, if it stands
/// there once and is on this site.
pub(super) fn return_url_in(uri: &Uri, parameter: &str) -> Option<ReturnUrl> {
    let mut values = percent::values(uri.query()?, parameter);
    match (values.next()?, values.next()) {
        (Some(value), None) => ReturnUrl::local(&value),
        _ => None,
    }
}

impl By {
    /// Only what says that it is a navigation is one: a redirect sends an API's client to a page
    /// that it takes for the answer.
    fn of(method: &Method, headers: &HeaderMap, is_ajax: bool) -> Self {
        // browsers say it of every request to an origin that they trust (Fetch Metadata)
        let mode = headers.get(SEC_FETCH_MODE);
        let is_navigate = says_only(headers, &SEC_FETCH_MODE, "navigate");
        if is_ajax || (mode.is_some() && !is_navigate) {
            return Self::Script;
        }
        let is_page = match *method {
            Method::GET | Method::HEAD => true,
            Method::POST => is_form(headers),
            _ => false,
        };
        if is_page && !headers.contains_key(header::AUTHORIZATION) && wants_html(headers) {
            Self::Navigation
        } else {
            Self::Other
        }
    }
}

/// What browsers make of a `<form>` (HTML, "enctype"); a form without fields may have no content.
fn is_form(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    FORMS.iter().any(|form| essence.eq_ignore_ascii_case(form))
}

/// `Accept` names HTML. `*/*` does not count: programs say it that take whatever comes.
fn wants_html(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    ranges.flat_map(|line| line.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let is_html = ["text/html", "text/*"].iter().any(|html| range.eq_ignore_ascii_case(html));
        is_html && !parts.any(is_zero)
    })
}

/// RFC 9110 §12.4.2: a weight of zero means "not acceptable".
fn is_zero(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q") && weight.trim().parse() == Ok(0.0_f32)
}

fn says(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers.get_all(name).iter().any(|value| value.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
}

fn says_only(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek().is_some() && values.all(|value| value.as_bytes() == word.as_bytes())
}

const FORMS: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const XML_HTTP_REQUEST: &str = "XMLHttpRequest";
