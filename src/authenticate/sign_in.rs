//! Signing users in and out, by the name of a scheme.

use http::request::Parts;

use super::AuthenticateLayer;
use crate::{
    error::BuildError,
    principal::{SchemeName, SchemeNames},
    scheme::{Scheme, SetCookies, SignIn, SignOutError},
    ticket::{IssueError, Ticket},
};

impl AuthenticateLayer {
    /// Signs a user in whom the application has just recognised, by one of this gate's schemes: issues the
    /// ticket, and gives the cookies to be written into the answer. With a store of sessions this is a
    /// new session, and the one that the browser brought along ends.
    ///
    /// ```
    /// # use http::request::Parts;
    /// # use portcullis::{AuthenticateLayer, Cookies, Ticket, scheme::SetCookies, ticket::IssueError};
    /// async fn log_in(
    ///     gate: &AuthenticateLayer, request: &Parts, name: &str,
    /// ) -> Result<SetCookies, IssueError> {
    ///     gate.sign_in(Cookies, request, Ticket::new("ApplicationCookie", name)).await
    /// }
    /// # let _ = log_in;
    /// ```
    ///
    /// # Errors
    /// The scheme is [none of this gate](BuildError::UnknownScheme), or signs nobody in (as one that was
    /// made with [`Scheme::cookie`](crate::Scheme::cookie)); the ticket can not be written, has no end,
    /// or is of another authentication type; the request came over plain http where
    /// [`require_tls`](crate::scheme::CookieScheme::require_tls) was said; or the store could not take it.
    pub async fn sign_in(
        &self,
        scheme: impl Into<SchemeName>,
        request: &Parts,
        ticket: Ticket,
    ) -> Result<SetCookies, IssueError> {
        let scheme = self.signing(scheme.into()).map_err(IssueError::Scheme)?;
        scheme.sign_in(request, ticket).await
    }

    /// Signs out of every active scheme of this gate: the cookies to be written into the answer delete
    /// theirs, and sessions in a store end. Without a store, a copy of a ticket stays good until it
    /// expires or is [revoked](crate::token::Revocations). Passive schemes are not touched.
    ///
    /// # Errors
    /// A session could not be ended; [the error](SignOutError::into_cookies) has the cookies all the same.
    pub async fn sign_out(&self, request: &Parts) -> Result<SetCookies, SignOutError> {
        let active = self.schemes.iter().filter(|scheme| scheme.is_active());
        let schemes = active.filter_map(|scheme| scheme.authenticator().sign_in()).collect();
        sign_out_of_all(schemes, request).await
    }

    /// As [`sign_out`](Self::sign_out), of these schemes and no others.
    ///
    /// # Errors
    /// As [`sign_out`](Self::sign_out); or a scheme is none of this gate, or signs nobody out, and nothing
    /// was done.
    pub async fn sign_out_of(
        &self,
        schemes: impl SchemeNames,
        request: &Parts,
    ) -> Result<SetCookies, SignOutError> {
        let schemes: Result<Vec<_>, BuildError> =
            schemes.names().into_iter().map(|name| self.signing(name)).collect();
        sign_out_of_all(schemes.map_err(SignOutError::Scheme)?, request).await
    }

    fn signing(&self, name: SchemeName) -> Result<&dyn SignIn, BuildError> {
        self.check_names(&[name])?;
        let found = self.schemes.iter().find(|scheme| scheme.name() == name);
        found.map(Scheme::authenticator).and_then(|it| it.sign_in()).ok_or_else(|| {
            let problem =
                format!("the scheme {name:?} signs nobody in or out; name one with a cookie");
            BuildError::invalid("scheme", problem)
        })
    }
}

/// Of each, also where one before it fails.
async fn sign_out_of_all(
    schemes: Vec<&dyn SignIn>,
    request: &Parts,
) -> Result<SetCookies, SignOutError> {
    let (mut cookies, mut failed) = (SetCookies::default(), None);
    for scheme in schemes {
        match scheme.sign_out(request).await {
            Ok(more) => cookies = cookies.and(more),
            Err(SignOutError::Sessions { cookies: more, error }) => {
                cookies = cookies.and(more);
                failed.get_or_insert(error);
            }
            Err(error @ SignOutError::Scheme(_)) => return Err(error),
        }
    }
    match failed {
        None => Ok(cookies),
        Some(error) => Err(SignOutError::Sessions { cookies, error }),
    }
}
