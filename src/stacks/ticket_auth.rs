//! One line that protects a service with tickets in a cookie.

use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

use super::stack::Stack;
use crate::{
    authenticate::{Authenticate, AuthenticateLayer},
    error::BuildError,
    explain::Explanation,
    policy::{self, And, Policy, PolicyExt, SchemeIs},
    principal::Cookies,
    rejection::DefaultResponseForRejection,
    require::Require,
    scheme::{
        Compat, CookieScheme, CrossSiteGuard, LoginPages, PublicOrigin, Scheme, SetCookies,
        SignOutError, TicketCookie, TransportSource,
    },
    ticket::{IssueError, Ticket, TicketFormat, TicketValidator},
    token::{Revocations, TokenValidator},
};

/// A ticket in a cookie is required: without a good one, the inner service is not called.
///
/// A gate with the one scheme [`Cookies`] and a requirement. Tickets once accepted are remembered
/// ([`Cached`](crate::token::Cached)), and every hit is judged again by the clock; a ticket that is due slides, and the
/// answer carries the new cookie. [`sign_in`](Self::sign_in) and [`sign_out`](Self::sign_out) are
/// for the handlers that log users in and out.
///
/// **A cookie comes along with every request**, also with those that another site's page starts.
/// `SameSite=Lax`, the default, keeps it from other sites' forms; [`guard`](Self::guard) looks at
/// `Origin` and its kin as well; a token beside the ticket makes both unnecessary:
/// [`RequireBoth`](super::RequireBoth).
///
/// ```
/// use portcullis::{TicketAuth, ticket::{TicketValidator, aspnet::{FormsTickets, MachineKey}}};
///
/// let key = MachineKey::from_config(
///     r#"<machineKey compatibilityMode="Framework45" validation="HMACSHA256" decryption="AES"
///          validationKey="9B0C7E1DE6C5F4F8A6C1F3B8D1A54C39A1E0F2D7B3C4958677F0E1D2C3B4A596"
///          decryptionKey="1F2E3D4C5B6A79880716253443526170"/>"#,
/// )?
/// .build()?;
/// let pages = TicketAuth::new(".ASPXAUTH", TicketValidator::new(FormsTickets::new(key)?))?;
/// # let _ = pages;
/// # Ok::<(), portcullis::BuildError>(())
/// ```
///
/// The handlers have a clone of it:
///
/// ```
/// use http::request::Parts;
/// use portcullis::{Ticket, TicketAuth, scheme::SetCookies, ticket::{IssueError, aspnet::FormsTickets}};
///
/// /// After the password was found to be right. The cookies belong into the answer.
/// async fn log_in(
///     pages: &TicketAuth<FormsTickets>, request: &Parts, name: &str,
/// ) -> Result<SetCookies, IssueError> {
///     let mut ticket = Ticket::new("Forms", name); // good for the validator's `lifetime`
///     ticket.is_persistent = true; // the browser keeps it when it is closed
///     pages.sign_in(request, ticket).await
/// }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use portcullis::ticket::{TicketValidator, aspnet::MachineKey};
/// # let key = MachineKey::from_hex(&"A0".repeat(64), &"5C".repeat(32)).unwrap();
/// # let tickets = TicketValidator::new(FormsTickets::new(key).unwrap());
/// # let pages = TicketAuth::new(".ASPXAUTH", tickets.lifetime(std::time::Duration::from_secs(60))).unwrap();
/// # let request = http::Request::new(()).into_parts().0;
/// let mut response = http::Response::new("Welcome");
/// log_in(&pages, &request, "alice").await.unwrap().write(response.headers_mut());
/// # assert!(response.headers()["set-cookie"].to_str().unwrap().contains("; Expires="));
/// # });
/// ```
///
/// With axum the cookies are a part of the response, and the errors are one: see [`SetCookies`].
#[derive(Debug)]
pub struct TicketAuth<F, P = SchemeIs, R = DefaultResponseForRejection> {
    tickets: TicketValidator<F>,
    scheme: CookieScheme<Arc<dyn TokenValidator>>,
    stack: Stack<P, R>,
}

impl<F: TicketFormat + 'static> TicketAuth<F> {
    /// A cookie, by its name or built with [`TicketCookie::builder`], and who judges its tickets.
    ///
    /// # Errors
    /// The cookie can not be: the error names what is wrong with it.
    pub fn new<C>(cookie: C, tickets: TicketValidator<F>) -> Result<Self, BuildError>
    where
        C: TryInto<TicketCookie>,
        C::Error: Into<BuildError>,
    {
        let scheme = Scheme::tickets(Cookies, cookie, tickets.clone());
        let gate = AuthenticateLayer::new((scheme.clone(),))?;
        let stack = Stack::new(gate, policy::scheme(Cookies))?;
        Ok(Self { tickets, scheme, stack })
    }
}

impl<F, P, R> TicketAuth<F, P, R> {
    /// Signs a user in whom the application has just recognised; see [`AuthenticateLayer::sign_in`].
    ///
    /// # Errors
    /// As there.
    pub async fn sign_in(&self, request: &Parts, ticket: Ticket) -> Result<SetCookies, IssueError> {
        self.gate().sign_in(Cookies, request, ticket).await
    }

    /// Signs out whom the request's cookie names; see [`AuthenticateLayer::sign_out`].
    ///
    /// # Errors
    /// As there.
    pub async fn sign_out(&self, request: &Parts) -> Result<SetCookies, SignOutError> {
        self.gate().sign_out(request).await
    }

    /// Who judges and issues the tickets.
    #[must_use]
    pub const fn tickets(&self) -> &TicketValidator<F> {
        &self.tickets
    }
}

impl<F, P, R> TicketAuth<F, P, R> {
    /// The realm of its challenges. Default: `app`.
    ///
    /// # Errors
    /// As [`TicketAuth::new`].
    pub fn realm(self, realm: &str) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.realm(realm))
    }

    /// A cookie counts only if this source says that it came over TLS; see
    /// [`CookieScheme::require_tls`]. Default: off.
    ///
    /// # Errors
    /// As [`TicketAuth::new`].
    pub fn require_tls(self, source: TransportSource) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.require_tls(source))
    }

    /// Refuses requests that other sites' pages start (403); see [`CookieScheme::guard`]. Default:
    /// none, and `SameSite` alone keeps other sites away.
    ///
    /// # Errors
    /// As [`TicketAuth::new`].
    pub fn guard(self, guard: CrossSiteGuard) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.guard(guard))
    }

    /// Every answer says `Vary: cookie`; see [`CookieScheme::vary`]. Default: off.
    ///
    /// # Errors
    /// As [`TicketAuth::new`].
    pub fn vary(self) -> Result<Self, BuildError> {
        self.with_scheme(CookieScheme::vary)
    }

    /// Whether the cookie is renewed also where a suppression hid it from the handler; see
    /// [`CookieScheme::renew_when_suppressed`]. Default: yes.
    ///
    /// # Errors
    /// As [`TicketAuth::new`].
    pub fn renew_when_suppressed(self, renew: bool) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.renew_when_suppressed(renew))
    }

    /// Where users sign in; see [`CookieScheme::login_path`]. Default: none, and no redirect.
    ///
    /// # Errors
    /// It is no path of this service.
    pub fn login_path(self, path: &str) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.login_path(path))
    }

    /// Where users sign out; see [`CookieScheme::logout_path`]. Default: none.
    ///
    /// # Errors
    /// As [`login_path`](Self::login_path).
    pub fn logout_path(self, path: &str) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.logout_path(path))
    }

    /// Where those go who are signed in and may not; see [`CookieScheme::access_denied_path`].
    /// Default: none.
    ///
    /// # Errors
    /// As [`login_path`](Self::login_path).
    pub fn access_denied_path(self, path: &str) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.access_denied_path(path))
    }

    /// The parameter that holds the way back; see [`CookieScheme::return_parameter`]. Said after
    /// [`login_path`](Self::login_path), as are the words below. Default: `ReturnUrl`.
    ///
    /// # Errors
    /// The name does not stand in a query as it is, or there is no page.
    pub fn return_parameter(self, name: &str) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.return_parameter(name))
    }

    /// What a proxy cuts off the path; see [`CookieScheme::base_path`]. Default: nothing.
    ///
    /// # Errors
    /// As [`login_path`](Self::login_path), or there is no page.
    pub fn base_path(self, path: &str) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.base_path(path))
    }

    /// Where the service is seen; see [`CookieScheme::public_origin`]. Default: nobody says, and
    /// redirects are relative.
    ///
    /// # Errors
    /// There is no page.
    pub fn public_origin(self, origin: PublicOrigin) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.public_origin(origin))
    }

    /// Whose habits are followed; see [`Compat`]. Default: nobody's.
    ///
    /// # Errors
    /// There is no page.
    pub fn compat(self, compat: Compat) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.compat(compat))
    }

    /// All of these pages at once, with every word about them, in place of what was said before.
    ///
    /// # Errors
    /// What is wrong with them, or [`RedirectWithoutLoginPath`](BuildError::RedirectWithoutLoginPath).
    pub fn pages(self, pages: LoginPages) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.pages(pages))
    }

    /// Asked on every request, after the cache: what makes a logout reach tickets that were copied
    /// before it. Default: none.
    ///
    /// # Errors
    /// As [`TicketAuth::new`].
    pub fn revocations(self, revocations: impl Revocations + 'static) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.revocations(revocations))
    }

    /// What is demanded beside a good ticket, which stays demanded whatever the policy says. Said
    /// twice, both policies are demanded.
    ///
    /// # Errors
    /// The policy names a scheme other than [`Cookies`].
    pub fn require<Q: Policy>(self, policy: Q) -> Result<TicketAuth<F, And<P, Q>, R>, BuildError>
    where
        P: Policy + Clone,
        R: Clone,
    {
        let Self { tickets, scheme, stack } = self;
        let demanded = stack.policy().clone().and(policy);
        Ok(TicketAuth { tickets, scheme, stack: stack.with_policy(demanded)? })
    }

    /// Who makes the bodies of refusals. Default: an empty body.
    #[must_use]
    pub fn respond_with<R2>(self, responder: R2) -> TicketAuth<F, P, R2> {
        let Self { tickets, scheme, stack } = self;
        TicketAuth { tickets, scheme, stack: stack.respond_with(responder) }
    }

    /// Records and never refuses: for services that are public in part. Handlers and requirements
    /// further in decide; what was demanded here, and who makes the bodies, is said again there.
    #[must_use]
    pub fn optional(self) -> AuthenticateLayer {
        self.stack.into_gate()
    }

    /// Its gate, to make further requirements for single routes.
    #[must_use]
    pub const fn gate(&self) -> &AuthenticateLayer {
        self.stack.gate()
    }

    /// True CORS preflights are treated like any request. By default they pass as anonymous.
    #[must_use]
    pub fn authenticate_preflights(self) -> Self {
        Self { stack: self.stack.map_gate(AuthenticateLayer::authenticate_preflights), ..self }
    }

    pub(super) const fn scheme(&self) -> &CookieScheme<Arc<dyn TokenValidator>> {
        &self.scheme
    }

    fn with_scheme(
        self,
        change: impl FnOnce(
            CookieScheme<Arc<dyn TokenValidator>>,
        ) -> CookieScheme<Arc<dyn TokenValidator>>,
    ) -> Result<Self, BuildError> {
        let scheme = change(self.scheme);
        Ok(Self { stack: self.stack.with_schemes((scheme.clone(),))?, scheme, ..self })
    }
}

impl<F, P: Policy, R> TicketAuth<F, P, R> {
    /// What would be decided about this request, and why. Nothing is answered.
    pub async fn explain(&self, parts: &Parts) -> Explanation {
        self.stack.explain(parts).await
    }
}

impl<F, P, R: Clone> Clone for TicketAuth<F, P, R> {
    /// Neither the format nor the policy need be `Clone`: they are shared.
    fn clone(&self) -> Self {
        Self {
            tickets: self.tickets.clone(),
            scheme: self.scheme.clone(),
            stack: self.stack.clone(),
        }
    }
}

impl<S, F, P, R: Clone> Layer<S> for TicketAuth<F, P, R> {
    type Service = Authenticate<Require<S, P, R>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.stack.layer(inner)
    }
}
