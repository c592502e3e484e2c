//! A 401 that a handler made.

use http::{Extensions, Response, StatusCode, header};

use super::{
    RequestKind,
    answer::{NO_STORE, Rejection},
    table::{Seen, Way},
};
use crate::{
    principal::{SchemeName, SchemeNames},
    scheme::Visit,
};

/// What a handler says about the challenge of its own 401: .NET's `Challenge(..)`.
///
/// It stands in the extensions of the response; the innermost layer that knows the schemes takes it out
/// and acts on it.
///
/// 1. The schemes are asked **beside** those that the route names, and instead of those that merely
///    happen to be visible. One that a suppression hid from the handler may be named: nothing of it
///    becomes visible, its users are only asked to sign in.
/// 2. It acts only on a 401, and says nothing about any other status.
/// 3. A name that no gate has is logged as an error, and left out.
///
/// ```
/// use http::{Response, StatusCode};
/// use portcullis::{Bearer, Cookies, rejection::ChallengeWith};
///
/// // whoever is here must sign in by the page, whatever the route is content with
/// let mut response = ChallengeWith::new((Cookies,)).into_response::<String>();
/// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
///
/// // the words of two handlers add up
/// ChallengeWith::new((Bearer,)).record_in(&mut response);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ChallengeWith {
    /// `None`: no scheme at all.
    schemes: Option<Vec<SchemeName>>,
    to: Option<Box<str>>,
}

impl ChallengeWith {
    /// These schemes: a tag, a name, a tuple, an array or a `Vec`; an empty one means whatever is
    /// visible.
    pub fn new(schemes: impl SchemeNames) -> Self {
        Self { schemes: Some(schemes.names()), to: None }
    }

    /// No scheme: the 401 stays as the handler made it, and no layer adds to it. RFC 9110 §15.5.2 wants
    /// a challenge in it, which is the handler's to write.
    pub const fn none() -> Self {
        Self { schemes: None, to: None }
    }

    /// Where the redirect leads, if it becomes one, in place of the login page. A path of this site, or
    /// a URL whose origin the scheme [allows](crate::scheme::LoginPages::allow_redirects_to); anything
    /// else is logged, and the login page it is.
    pub fn redirect_to(mut self, url: &str) -> Self {
        self.to = Some(url.into());
        self
    }

    /// Makes the response a 401 and records the challenge in it. What was recorded before stays: lists
    /// are joined, and of two places the later one counts.
    pub fn record_in<B>(self, response: &mut Response<B>) {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let merged = match response.extensions_mut().remove::<Self>() {
            Some(before) => before.and(self),
            None => self,
        };
        response.extensions_mut().insert(merged);
    }

    /// A 401 with an empty body.
    #[must_use]
    pub fn into_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        self.record_in(&mut response);
        response
    }

    fn and(self, later: Self) -> Self {
        let to = later.to.or(self.to);
        let schemes = match (self.schemes, later.schemes) {
            (None, Some(only)) | (Some(only), None) if !only.is_empty() => Some(only),
            (Some(mut first), Some(then)) => {
                let more: Vec<_> = then.into_iter().filter(|name| !first.contains(name)).collect();
                first.extend(more);
                Some(first)
            }
            _ => None,
        };
        Self { schemes, to }
    }

    pub(crate) fn take(extensions: &mut Extensions) -> Option<Self> {
        extensions.remove()
    }

    /// The schemes that it names; none where it speaks of whatever is visible.
    pub(crate) fn named(&self) -> &[SchemeName] {
        self.schemes.as_deref().unwrap_or_default()
    }
}

/// Marks a 401 that no layer adds to.
#[derive(Clone)]
struct Raw;

/// Challenges a bare 401 that the handler made: one that has no challenge and is not ours.
///
/// The innermost layer that narrowed the view does it, and marks the response, so that no layer
/// further out does it again. A 403, and a 401 with a challenge of its own, pass untouched.
pub(crate) fn challenge_bare_401<'a, B>(
    response: &mut Response<B>,
    kind: RequestKind,
    recorded: Option<&ChallengeWith>,
    asked: impl Iterator<Item = Seen<'a>> + Clone,
    visit: Option<&Visit>,
) {
    let extensions = response.extensions();
    if response.status() != StatusCode::UNAUTHORIZED
        || kind.is_preflight()
        || extensions.get::<Rejection>().is_some()
        || extensions.get::<Raw>().is_some()
    {
        return;
    }
    if recorded.is_some_and(|it| it.schemes.is_none()) {
        response.extensions_mut().insert(Raw);
        return;
    }
    let named = recorded.map(ChallengeWith::named).unwrap_or_default();
    let has_its_own = response.headers().contains_key(header::WWW_AUTHENTICATE);
    if has_its_own && named.is_empty() {
        return;
    }
    let to = recorded.and_then(|it| it.to.as_deref());
    let rejection = Rejection::unauthenticated(asked, None, Way { visit, named, to });
    let headers = response.headers_mut();
    if rejection.status() == StatusCode::UNAUTHORIZED {
        headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    } else {
        // a redirect carries no challenge (Katana's does), and neither does a 403
        headers.remove(header::WWW_AUTHENTICATE);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    rejection.write(headers);
    // the body stays the handler's, and so do the headers that describe it
    *response.status_mut() = rejection.status();
    response.extensions_mut().insert(rejection);
}
