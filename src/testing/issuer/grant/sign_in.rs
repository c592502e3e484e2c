//! Cookies that the issuer sets: its answer to a password may sign the user in as well, and a
//! provider elsewhere may vouch for a stranger.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Response, request::Parts};

use super::super::{MockIssuer, MockIssuerBuilder, form::Form, page::page, store::UserEntry};
use crate::{
    error::BuildError,
    scheme::TicketCookie,
    ticket::{Ticket, TicketClaim, TicketFormat, TicketIdentity, TicketValidator},
};

/// A cookie scheme that the issuer can sign in to.
#[derive(Clone, Debug)]
pub(super) struct CookieScheme {
    name: String,
    cookie: Arc<dyn SetsCookie>,
}

/// A provider elsewhere, as far as anybody sees it.
#[derive(Clone, Debug)]
pub(super) struct ExternalProvider {
    path: String,
    scheme: String,
    name: String,
}

trait SetsCookie: fmt::Debug + Send + Sync {
    fn set(&self, issuer: &MockIssuer, request: &Parts, ticket: Ticket, answer: &mut HeaderMap);
}

#[derive(Debug)]
struct Cookie<F> {
    cookie: TicketCookie,
    tickets: TicketValidator<F>,
}

impl<F: TicketFormat + 'static> SetsCookie for Cookie<F> {
    fn set(&self, issuer: &MockIssuer, request: &Parts, ticket: Ticket, answer: &mut HeaderMap) {
        let carried = self.cookie.carried(&request.headers, &request.extensions);
        let tickets = self.tickets.clone().clock(issuer.0.settings.clock.clone());
        let issued = tickets.issue(ticket).into_ready().expect("a store that answers at once");
        let issued = issued.expect("the validator has a lifetime and its format takes the ticket");
        self.cookie.issue(carried, answer, &issued).expect("the text fits into a cookie");
    }
}

/// Cookies.
impl MockIssuerBuilder {
    /// A cookie scheme of the application that the issuer stands in, by its name.
    pub fn cookie_scheme<F: TicketFormat + 'static>(
        mut self,
        name: &str,
        cookie: TicketCookie,
        tickets: TicketValidator<F>,
    ) -> Self {
        let cookie = Arc::new(Cookie { cookie, tickets });
        self.grants.schemes.push(CookieScheme { name: name.to_owned(), cookie });
        self
    }

    /// A provider elsewhere, and the [cookie scheme](Self::cookie_scheme) that remembers for whom it
    /// vouched: `GET path?key=KEY&name=NAME` signs this stranger in. The identity is the provider's
    /// word alone; no application should take it for a user of its own.
    ///
    /// # Errors
    /// There is no such scheme.
    pub fn external_provider(
        mut self,
        path: &str,
        scheme: &str,
        provider: &str,
    ) -> Result<Self, BuildError> {
        self.knows("external_provider", scheme)?;
        self.grants.external = Some(ExternalProvider {
            path: path.to_owned(),
            scheme: scheme.to_owned(),
            name: provider.to_owned(),
        });
        Ok(self)
    }

    /// A password signs the user in to this [cookie scheme](Self::cookie_scheme) as well: the answer
    /// with the token sets its cookie. With [`compat`](Self::compat), said before, a scheme that does
    /// not exist sets none, and nobody learns why.
    ///
    /// # Errors
    /// There is no such scheme.
    pub fn sign_in_to(mut self, scheme: &str) -> Result<Self, BuildError> {
        if !self.grants.compat {
            self.knows("sign_in_to", scheme)?;
        }
        self.grants.sign_in_to = Some(scheme.to_owned());
        Ok(self)
    }

    fn knows(&self, field: &'static str, scheme: &str) -> Result<(), BuildError> {
        let known: Vec<&str> = self.grants.schemes.iter().map(|one| &*one.name).collect();
        if known.contains(&scheme) {
            return Ok(());
        }
        let known = known.join(", ");
        let problem = format!("there is no cookie scheme {scheme:?}; known: {known}");
        Err(BuildError::invalid(field, problem))
    }
}

impl MockIssuer {
    /// To the portal, where Katana's server has one, and to the scheme that the builder named.
    pub(super) fn sign_in(&self, request: &Parts, user: &UserEntry, answer: &mut HeaderMap) {
        let settings = &self.0.settings;
        if let (Some(portal), Some(_)) = (&settings.portal, &settings.katana) {
            portal.sign_in(self, request, &user.name, answer);
        }
        if let Some(scheme) =
            settings.grants.sign_in_to.as_deref().and_then(|name| self.scheme(name))
        {
            let mut ticket = Ticket::new(&scheme.name, &user.name);
            if let Some(identity) = ticket.identities.first_mut() {
                let role = |role: &String| TicketClaim::new(TicketIdentity::ROLE, role);
                identity.claims.extend(user.roles.iter().map(role));
            }
            scheme.cookie.set(self, request, ticket, answer);
        }
    }

    /// The page of the provider elsewhere.
    pub(crate) fn external_page(&self, request: &Parts) -> Option<Response<Bytes>> {
        let provider = self.0.settings.grants.external.as_ref()?;
        let scheme = self.scheme(&provider.scheme)?;
        if request.uri.path() != provider.path {
            return None;
        }
        let query = Form::read_leniently(request.uri.query().unwrap_or_default().as_bytes());
        let Some(key) = query.get("key") else {
            return Some(page(400, "text/plain", "key is missing"));
        };
        let mut identity = TicketIdentity::new(&scheme.name, query.get("name").unwrap_or(key));
        identity.claims.push(TicketClaim::new(TicketIdentity::NAME_IDENTIFIER, key));
        for claim in &mut identity.claims {
            provider.name.clone_into(&mut claim.issuer);
            provider.name.clone_into(&mut claim.original_issuer);
        }
        let mut answer = page(200, "text/plain", "");
        let ticket = Ticket::of_identities(vec![identity]);
        scheme.cookie.set(self, request, ticket, answer.headers_mut());
        Some(answer)
    }

    fn scheme(&self, name: &str) -> Option<&CookieScheme> {
        self.0.settings.grants.schemes.iter().find(|scheme| scheme.name == name)
    }
}
