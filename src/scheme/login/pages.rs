//! The pages of a scheme whose users sign in by themselves.

use http::{HeaderValue, request::Parts};

use super::{
    public_origin::{self, PublicOrigin},
    return_url::ReturnUrl,
    visit::{Visit, return_url_in},
};
use crate::{error::BuildError, scheme::percent::escape_data};

/// Where users of a scheme sign in and out, and where those go who may not.
///
/// A [`CookieScheme`](super::super::CookieScheme) has these words itself; a scheme of your own returns
/// them from [`Authenticator::pages`](super::super::Authenticator::pages).
///
/// Paths are those that the gate sees: what a proxy cuts off is said once, by
/// [`base_path`](Self::base_path). Of two gates the outer one's view of the request counts in a redirect.
///
/// ```
/// use portcullis::scheme::{LoginPages, PublicOrigin};
///
/// let pages = LoginPages::new()
///     .login_path("/login")
///     .logout_path("/logout")
///     .access_denied_path("/denied")
///     .return_parameter("next")
///     .public_origin(PublicOrigin::fixed("https://app.example")?);
/// # let _ = pages;
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct LoginPages {
    login: Option<Box<str>>,
    logout: Option<Box<str>>,
    access_denied: Option<Box<str>>,
    return_parameter: Option<Box<str>>,
    base: Box<str>,
    compat: Compat,
    origin: Option<PublicOrigin>,
    allowed: Vec<String>,
    flaw: Option<BuildError>,
}

/// Which other program's habits are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compat {
    /// Katana's cookie handler: a 401 is a redirect whoever asks, a return URL also of a `POST`; where
    /// `X-Requested-With: XMLHttpRequest` stands in the header or the query, it is a **200** with
    /// `X-Responded-JSON`; paths are compared without regard to case. For pages that were written for
    /// it. What is checked stays checked.
    Katana,
    /// Nobody's.
    #[default]
    None,
}

/// Where a challenge leads.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// Into `Location`.
    Redirect(HeaderValue),
    /// Into `X-Responded-JSON`, of a 200.
    Responded(HeaderValue),
    /// Into the body, for a script.
    Told(Box<str>),
}

/// A page from which users go on when all is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Page {
    /// Where they sign in.
    Login,
    /// Where they sign out.
    Logout,
}

impl LoginPages {
    /// No page: a 401 stays a 401.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where users sign in: a path of this service, such as `/login`. Default: none, and no redirect.
    pub fn login_path(mut self, path: &str) -> Self {
        self.login = self.page("login_path", path);
        self
    }

    /// Where they sign out. Default: none.
    pub fn logout_path(mut self, path: &str) -> Self {
        self.logout = self.page("logout_path", path);
        self
    }

    /// Where those go who are signed in and may not; the redirect holds no way back. Default: none, and
    /// a 403 stays a 403.
    pub fn access_denied_path(mut self, path: &str) -> Self {
        self.access_denied = self.page("access_denied_path", path);
        self
    }

    /// The parameter of the query that holds the way back. Default: `ReturnUrl`.
    pub fn return_parameter(mut self, name: &str) -> Self {
        if name.is_empty() || escape_data(name) != name {
            self.flawed("return_parameter", format!("{name:?} does not stand in a query as it is"));
        }
        self.return_parameter = Some(name.into());
        self
    }

    /// What a proxy cuts off the path before this service sees it, such as `/app`: it stands before
    /// the pages and before the way back. So does what a router cuts off outside the gate, as axum's
    /// `nest` does: put the gate around the whole router, or say it here. Default: nothing.
    pub fn base_path(mut self, path: &str) -> Self {
        self.base = self.page("base_path", path).unwrap_or_default();
        if self.base.ends_with('/') {
            self.flawed("base_path", format!("{path:?} ends with a slash; leave it out"));
        }
        self
    }

    /// Where the service is seen from outside: redirects are absolute. Default: nobody says, and they
    /// are relative (RFC 9110 §10.2.2).
    pub fn public_origin(mut self, origin: PublicOrigin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// A handler's own [challenge](crate::rejection::ChallengeWith::redirect_to) may lead to this origin
    /// as well, such as `https://login.example`. May be said more than once. Default: none, and it
    /// leads to this site only.
    pub fn allow_redirects_to(mut self, origin: &str) -> Self {
        match public_origin::split(origin) {
            Some((origin, "")) => self.allowed.push(origin),
            _ => self.flawed("allow_redirects_to", format!("{origin:?} is no origin")),
        }
        self
    }

    /// Follows another program's habits. Default: nobody's.
    pub const fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    fn page(&mut self, field: &'static str, path: &str) -> Option<Box<str>> {
        let is_page = !path.contains(['?', '#', '%'])
            && ReturnUrl::local(path).is_some_and(|local| local.as_str() == path);
        if !is_page {
            let problem = format!("{path:?} is no path of this service; write it like /account");
            self.flawed(field, problem);
        }
        is_page.then(|| path.into())
    }

    /// The first flaw is told.
    fn flawed(&mut self, field: &'static str, problem: String) {
        self.flaw.get_or_insert(BuildError::invalid(field, problem));
    }

    /// What is wrong with them; a gate does not build with it.
    pub(crate) fn flaw(&self) -> Option<BuildError> {
        if self.flaw.is_some() {
            return self.flaw.clone();
        }
        let speaks_of_login = self.compat != Compat::None
            || self.return_parameter.is_some()
            || self.origin.is_some()
            || !self.allowed.is_empty()
            || !self.base.is_empty();
        (speaks_of_login && self.is_empty()).then_some(BuildError::RedirectWithoutLoginPath)
    }

    /// Whether there is no page at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.login.is_none() && self.logout.is_none() && self.access_denied.is_none()
    }

    /// Whether a refusal may become a redirect.
    pub(crate) const fn may_redirect(&self) -> bool {
        self.login.is_some() || self.access_denied.is_some()
    }

    /// Who says where the service is seen.
    pub(crate) const fn origin(&self) -> Option<&PublicOrigin> {
        self.origin.as_ref()
    }

    /// Where a challenge of this scheme leads a visit: to the login page, or where the handler said.
    /// `None` where it stays a 401: it is no navigation, or it would come back to where it is.
    pub(crate) fn challenge(&self, visit: &Visit, handler: Option<&str>) -> Option<Login> {
        let login = self.login.as_deref()?;
        let is_katana = self.compat == Compat::Katana;
        if !(is_katana || visit.is_navigation() || visit.is_script()) {
            return None;
        }
        let url = match handler.and_then(|url| self.handlers(url, visit)) {
            Some(url) => url,
            None if visit.is_on(login) || visit.has_parameter(self.parameter()) => return None,
            None => self.login_url(login, visit),
        };
        if is_katana && visit.is_ajax() {
            let url = url.replace('/', "\\/");
            let json = format!(r#"{{"status":401,"headers":{{"location":"{url}"}}}}"#);
            return HeaderValue::try_from(json).ok().map(Login::Responded);
        }
        if is_katana || visit.is_navigation() {
            return HeaderValue::try_from(url).ok().map(Login::Redirect);
        }
        Some(Login::Told(url.into()))
    }

    /// Where a visit goes whose user is known and may not.
    pub(crate) fn deny(&self, visit: &Visit) -> Option<HeaderValue> {
        let path = self.access_denied.as_deref()?;
        if !visit.is_navigation() || visit.is_on(path) {
            return None;
        }
        HeaderValue::try_from(format!("{}{}{path}", self.origin_of(visit), self.base)).ok()
    }

    /// The page that is asked for, and where its user goes when all is done: the query says it once, and
    /// it is a place of this site. For a [`Responder::send_on`](super::super::Responder::send_on) of your
    /// own.
    ///
    /// ```
    /// use portcullis::scheme::{LoginPages, Page};
    ///
    /// let pages = LoginPages::new().login_path("/login");
    /// let asks = |url: &str| pages.page_of(&http::Request::post(url).body(()).unwrap().into_parts().0);
    ///
    /// let (page, onward) = asks("/login?ReturnUrl=%2Forders").unwrap();
    /// assert_eq!((page, onward.as_str()), (Page::Login, "/orders"));
    /// assert!(asks("/login?ReturnUrl=//evil.test").is_none());
    /// ```
    #[must_use]
    pub fn page_of(&self, request: &Parts) -> Option<(Page, ReturnUrl)> {
        let path = request.uri.path();
        let is = |page: &Option<Box<str>>| {
            page.as_deref().is_some_and(|page| match self.compat {
                Compat::Katana => page.eq_ignore_ascii_case(path),
                Compat::None => page == path,
            })
        };
        let page = if is(&self.login) {
            Page::Login
        } else if is(&self.logout) {
            Page::Logout
        } else {
            return None;
        };
        Some((page, return_url_in(&request.uri, self.parameter())?))
    }

    fn login_url(&self, login: &str, visit: &Visit) -> String {
        let mut url = format!("{}{}{login}", self.origin_of(visit), self.base);
        // whoever sent a form comes back by GET, which is not what was sent
        if (!visit.has_body() || self.compat == Compat::Katana)
            && let Some(back) = visit.return_url(&self.base)
        {
            url.extend(["?", self.parameter(), "=", &escape_data(back.as_str())]);
        }
        url
    }

    /// What a handler said, if it may lead there.
    fn handlers(&self, url: &str, visit: &Visit) -> Option<String> {
        if let Some(local) = ReturnUrl::local(url) {
            let path = local.as_str().split(['?', '#']).next().unwrap_or_default();
            let leads_here = path == format!("{}{}", self.base, visit.path());
            return (!leads_here).then(|| format!("{}{local}", self.origin_of(visit)));
        }
        if let Some((origin, rest)) = public_origin::split(url)
            && self.allowed.contains(&origin)
            && (rest.is_empty() || ReturnUrl::local(rest).is_some_and(|it| it.as_str() == rest))
        {
            return Some(origin + rest);
        }
        tracing::error!(target: "portcullis", "a handler's challenge leads away from this site, to an origin that is not in allow_redirects_to; it leads to the login page instead");
        None
    }

    fn origin_of(&self, visit: &Visit) -> String {
        self.origin.as_ref().and_then(|origin| visit.origin(origin)).unwrap_or_default()
    }

    fn parameter(&self) -> &str {
        self.return_parameter.as_deref().unwrap_or("ReturnUrl")
    }
}
