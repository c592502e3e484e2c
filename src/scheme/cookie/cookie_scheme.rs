//! The cookie scheme.

use std::sync::Arc;

use http::{HeaderMap, request::Parts};

use super::{carried::CarriedCookie, ticket_cookie::TicketCookie};
use crate::{
    attempt::Attempt,
    challenge::{Challenge, ChallengeReason},
    error::{AuthError, AuthErrorKind, BuildError},
    principal::{Identity, SchemeName},
    scheme::{
        Asked, Authenticator, Compat, CrossSiteGuard, LoginPages, Outcome, PublicOrigin,
        Remembered, Responder, ReturnUrl, Scheme, SignIn, TransportSource, judge::Judge,
        login::Page, vary::vary_by,
    },
    ticket::{TicketFormat, TicketIssuer, TicketValidator},
    token::{Cached, Revocations, TokenValidator},
};

impl Scheme {
    /// Tickets in a cookie, which users are [signed in](crate::AuthenticateLayer::sign_in) and out by as
    /// well: the cookie's name, or a [`TicketCookie`] or its builder where more is to be said. Tickets
    /// once accepted are remembered ([`Cached`]). Realm `app`, active. A cookie that cannot be is refused
    /// when the gate is built.
    ///
    /// Who signs users in says for how long, by [`TicketValidator::lifetime`] or in each ticket: without
    /// either a sign-in is an error.
    pub fn tickets<F: TicketFormat + 'static, C>(
        name: impl Into<SchemeName>,
        cookie: C,
        tickets: TicketValidator<F>,
    ) -> CookieScheme<Arc<dyn TokenValidator>>
    where
        C: TryInto<TicketCookie>,
        C::Error: Into<BuildError>,
    {
        let issuer = Arc::new(tickets.clone());
        let validator: Arc<dyn TokenValidator> = Arc::new(Cached::new(tickets));
        CookieScheme { issuer: Some(issuer), ..Self::cookie(name, cookie, validator) }
    }

    /// Whatever a validator accepts, in a cookie that is read and renewed, and that nobody is signed in
    /// by: another application does that, and a sign-in here is an error. A sign-out deletes the cookie,
    /// and [ends](TokenValidator::end) what the validator knows behind it: a session in a store. Otherwise
    /// as [`tickets`](Self::tickets), and nothing is remembered.
    pub fn cookie<V: TokenValidator + 'static, C>(
        name: impl Into<SchemeName>,
        cookie: C,
        validator: V,
    ) -> CookieScheme<V>
    where
        C: TryInto<TicketCookie>,
        C::Error: Into<BuildError>,
    {
        CookieScheme {
            name: name.into(),
            active: true,
            cookie: cookie.try_into().map_err(Into::into),
            issuer: None,
            rules: Rules {
                judge: Judge::new(validator),
                guard: None,
                realm: "app".into(),
                pages: LoginPages::new(),
                renew_when_suppressed: true,
                vary: false,
            },
        }
    }
}

/// A cookie scheme being built; becomes a [`Scheme`] where one is asked for.
#[derive(Clone, Debug)]
#[must_use]
pub struct CookieScheme<V> {
    name: SchemeName,
    active: bool,
    cookie: Result<TicketCookie, BuildError>,
    issuer: Option<Arc<dyn TicketIssuer>>,
    rules: Rules<V>,
}

/// What was said about the scheme.
#[derive(Clone, Debug)]
pub(super) struct Rules<V> {
    pub(super) judge: Judge<V>,
    guard: Option<CrossSiteGuard>,
    realm: Box<str>,
    pages: LoginPages,
    renew_when_suppressed: bool,
    vary: bool,
}

impl<V: TokenValidator + 'static> Rules<V> {
    /// Whether it came as it must, and from whose page.
    fn admit(&self, parts: &Parts) -> Result<(), AuthError> {
        self.judge.admit(parts)?;
        match &self.guard {
            Some(guard) if !guard.admits(parts) => {
                Err(AuthError::new(AuthErrorKind::CrossSiteRequest))
            }
            _ => Ok(()),
        }
    }
}

impl<V: TokenValidator + 'static> CookieScheme<V> {
    /// The realm of its challenges, which stand only where nothing else can challenge. Default:
    /// `app`.
    pub fn realm(mut self, realm: &str) -> Self {
        self.rules.realm = realm.into();
        self
    }

    /// It counts only on routes that name it. Default: active.
    pub const fn passive(mut self) -> Self {
        self.active = false;
        self
    }

    /// A cookie counts only if this source says that it came over TLS; otherwise it is not looked
    /// at (FormsAuthentication's `requireSSL`). Default: whoever ends TLS is trusted to.
    pub const fn require_tls(mut self, source: TransportSource) -> Self {
        self.rules.judge.tls_by = Some(source);
        self
    }

    /// A request that another site's page started, and that may change something, is refused (403
    /// `CrossSiteRequest`) where the cookie would have let it in. Required where the cookie carries
    /// a bearer token (RFC 6750 §5.3); not needed where a token in a header is demanded as well.
    /// Default: none, and `SameSite` alone keeps other sites away.
    pub fn guard(mut self, guard: CrossSiteGuard) -> Self {
        self.rules.guard = Some(guard);
        self
    }

    /// Asked on every request, after any cache, and again before a cookie is renewed; a store that
    /// answers later keeps cookies from being renewed. Default: none.
    pub fn revocations(mut self, revocations: impl Revocations + 'static) -> Self {
        self.rules.judge.revocations = Some(Arc::new(revocations));
        self
    }

    /// Whether the cookie is renewed also where a suppression hid it from the handler. Default:
    /// yes, as Katana does: the user is there, whoever the route looks at.
    pub const fn renew_when_suppressed(mut self, renew: bool) -> Self {
        self.rules.renew_when_suppressed = renew;
        self
    }

    /// Where users sign in: a path of this service, such as `/Account/Login`. A **navigation** without a
    /// good cookie is redirected there where it would be answered 401, with the way back in the query;
    /// see the [module docs](crate::rejection). And an answer with status 200 of this very path that sets
    /// the cookie is redirected to where the query says, if that is a [place of this
    /// site](ReturnUrl). Default: none, and no redirect.
    ///
    /// ```
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::{
    ///     AuthenticateLayer, Cookies, Scheme, policy,
    ///     ticket::{TicketValidator, aspnet::{FormsTickets, MachineKey}},
    /// };
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// let key = MachineKey::from_hex(&"A0".repeat(64), &"5C".repeat(32))?;
    /// let tickets = TicketValidator::new(FormsTickets::new(key)?);
    /// let pages = Scheme::cookie(Cookies, ".ASPXAUTH", tickets).login_path("/Account/Login");
    /// let gate = AuthenticateLayer::new((pages,))?;
    /// let members = gate.require(policy::scheme(Cookies))?;
    ///
    /// let handler = service_fn(async |_| Ok::<_, std::convert::Infallible>(http::Response::new(())));
    /// let app = gate.layer(members.layer(handler));
    ///
    /// let page = http::Request::get("/orders?id=7").header("accept", "text/html").body(())?;
    /// let answer = app.clone().oneshot(page).await?;
    /// assert_eq!(answer.status(), 302);
    /// assert_eq!(answer.headers()["location"], "/Account/Login?ReturnUrl=%2Forders%3Fid%3D7");
    ///
    /// let script = http::Request::get("/orders?id=7").header("accept", "application/json").body(())?;
    /// assert_eq!(app.oneshot(script).await?.status(), 401);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run()).unwrap();
    /// ```
    pub fn login_path(self, path: &str) -> Self {
        self.map_pages(|pages| pages.login_path(path))
    }

    /// Where users sign out: an answer with status 200 of this path that deletes the cookie is
    /// redirected to where the query says. Default: none.
    pub fn logout_path(self, path: &str) -> Self {
        self.map_pages(|pages| pages.logout_path(path))
    }

    /// Where a navigation is redirected whose user is signed in and may not (403), without a way back
    /// in the query. Default: none.
    pub fn access_denied_path(self, path: &str) -> Self {
        self.map_pages(|pages| pages.access_denied_path(path))
    }

    /// See [`LoginPages::return_parameter`]. Default: `ReturnUrl`.
    pub fn return_parameter(self, name: &str) -> Self {
        self.map_pages(|pages| pages.return_parameter(name))
    }

    /// See [`LoginPages::base_path`]: what a proxy cuts off the path. Default: nothing.
    pub fn base_path(self, path: &str) -> Self {
        self.map_pages(|pages| pages.base_path(path))
    }

    /// See [`LoginPages::public_origin`]: redirects are absolute. Default: they are relative.
    pub fn public_origin(self, origin: PublicOrigin) -> Self {
        self.map_pages(|pages| pages.public_origin(origin))
    }

    /// See [`LoginPages::allow_redirects_to`]. Default: this site only.
    pub fn allow_redirects_to(self, origin: &str) -> Self {
        self.map_pages(|pages| pages.allow_redirects_to(origin))
    }

    /// See [`Compat`]. Default: nobody's habits.
    pub fn compat(self, compat: Compat) -> Self {
        self.map_pages(|pages| pages.compat(compat))
    }

    /// All of these pages at once, in place of what was said about them before.
    pub fn pages(self, pages: LoginPages) -> Self {
        self.map_pages(|_| pages)
    }

    fn map_pages(mut self, change: impl FnOnce(LoginPages) -> LoginPages) -> Self {
        self.rules.pages = change(self.rules.pages);
        self
    }

    /// Every answer says `Vary: cookie`, whoever asks: for routes that also serve callers without a
    /// cookie, and whose answers a cache may keep (RFC 9111 §4.1). Default: off.
    pub const fn vary(mut self) -> Self {
        self.rules.vary = true;
        self
    }
}

impl<V: TokenValidator + 'static> From<CookieScheme<V>> for Scheme {
    fn from(built: CookieScheme<V>) -> Self {
        let CookieScheme { name, active, cookie, issuer, rules } = built;
        let scheme = match cookie.and_then(|cookie| rules.checked(cookie, issuer.as_deref())) {
            Err(flaw) => Self::flawed(name, flaw),
            Ok(cookie) => Self::custom(name, CookieAuthenticator { cookie, issuer, rules }),
        };
        if active { scheme } else { scheme.passive() }
    }
}

impl<V: TokenValidator + 'static> Rules<V> {
    /// The cookie, if it works with what was said about the scheme.
    fn checked(
        &self,
        cookie: TicketCookie,
        issuer: Option<&dyn TicketIssuer>,
    ) -> Result<TicketCookie, BuildError> {
        if self.guard.is_none() && !self.judge.validator.is_ticket() {
            return Err(unguarded());
        }
        if self.judge.tls_by.is_some() && cookie.is_never_secure() {
            let problem = "InsecureCookie: TLS is demanded, and the cookie is sent without it as well; \
                           do not say never_secure";
            return Err(BuildError::invalid("require_tls", problem));
        }
        issuer.and_then(TicketIssuer::flaw).map_or(Ok(cookie), Err)
    }
}

fn unguarded() -> BuildError {
    BuildError::invalid(
        "guard",
        "the cookie carries a bearer token, which browsers send along whoever's page asks (RFC 6750 \
         §5.3); say guard(CrossSiteGuard::new()), or take the token from the Authorization header",
    )
}

#[derive(Debug)]
pub(super) struct CookieAuthenticator<V> {
    pub(super) cookie: TicketCookie,
    /// Who makes its tickets, where users are signed in by it.
    pub(super) issuer: Option<Arc<dyn TicketIssuer>>,
    pub(super) rules: Rules<V>,
}

impl<V: TokenValidator + 'static> Authenticator for CookieAuthenticator<V> {
    fn authenticate(&self, parts: &Parts) -> Attempt<Outcome> {
        match self.cookie.read(&parts.headers) {
            Ok(Some(text)) => match self.rules.admit(parts) {
                Ok(()) => self.rules.judge.judge(&text, parts),
                Err(error) => Attempt::ready(error.into()),
            },
            Ok(None) => Attempt::ready(Outcome::Absent),
            Err(error) => Attempt::ready(error.into()),
        }
    }

    fn challenge(&self, reason: ChallengeReason<'_>) -> Option<Challenge> {
        match reason {
            // whoever lacks a scope is signed in, and signing in again gives no other
            ChallengeReason::InsufficientScope(_) => None,
            _ => Some(Challenge::cookie(&self.rules.realm)),
        }
    }

    fn credential_word(&self) -> Option<&'static str> {
        Some("session")
    }

    fn is_ambient(&self) -> bool {
        true
    }

    fn pages(&self) -> Option<&LoginPages> {
        Some(&self.rules.pages)
    }

    fn sign_in(&self) -> Option<&dyn SignIn> {
        Some(self)
    }

    fn announce(&self, name: SchemeName) {
        self.say_fingerprint(name);
    }

    fn responder(&self) -> Option<&dyn Responder> {
        Some(self)
    }
}

/// What the answer must know of the request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Memory {
    carried: CarriedCookie,
    /// The page that was asked for, and where its user goes then.
    page: Option<(Page, ReturnUrl)>,
}

impl<V: TokenValidator + 'static> Responder for CookieAuthenticator<V> {
    fn remember(&self, parts: &Parts) -> Option<Remembered> {
        let memory = Memory {
            carried: self.cookie.carried(&parts.headers, &parts.extensions),
            page: self.rules.pages.page_of(parts),
        };
        (memory != Memory::default()).then(|| Box::new(memory) as Remembered)
    }

    fn send_on(&self, asked: Asked<'_>, headers: &HeaderMap) -> Option<ReturnUrl> {
        let (page, to) = asked.remembered::<Memory>()?.page.as_ref()?;
        let is_done = match page {
            Page::Login => self.cookie.is_issued_by(headers),
            Page::Logout => self.cookie.is_deleted_by(headers),
        };
        is_done.then(|| to.clone())
    }

    fn respond(&self, asked: Asked<'_>, headers: &mut HeaderMap) {
        if self.rules.vary {
            vary_by("cookie", headers);
        }
        // the handler signed somebody in or out: its word counts
        if self.cookie.is_set_by(headers) {
            return;
        }
        let carried = asked.remembered::<Memory>().map_or_else(Default::default, |it| it.carried);
        match asked.outcome {
            Outcome::Verified(identity)
                if self.rules.renew_when_suppressed || !asked.is_suppressed =>
            {
                if let Some(renewed) = self.rules.judge.validator.renew(identity)
                    && !self.is_revoked_by_now(identity)
                    && let Err(error) = self.cookie.issue(carried, headers, &renewed)
                {
                    tracing::error!(target: "portcullis", "the cookie {} was not renewed: {error}", self.cookie.name());
                }
            }
            // the application itself ended the session (ASP.NET Identity's security stamp)
            Outcome::Rejected(error)
                if matches!(
                    error.kind(),
                    AuthErrorKind::StampMismatch | AuthErrorKind::UserGone
                ) =>
            {
                self.cookie.delete(carried, headers);
            }
            _ => {}
        }
    }
}

impl<V> CookieAuthenticator<V> {
    /// The handler may have revoked everything that this user holds: what is issued after that must
    /// not outlive it. A store that has to be waited for is not waited for, and nothing is renewed.
    fn is_revoked_by_now(&self, identity: &Identity) -> bool {
        self.rules.judge.revocations.as_ref().is_some_and(|revocations| {
            !matches!(revocations.is_revoked(identity).into_ready(), Ok(Ok(false)))
        })
    }
}
