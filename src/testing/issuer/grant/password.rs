//! A user's password, or the forms ticket of the application next door.

use http::{HeaderMap, request::Parts};

use super::{
    super::{
        MockIssuer,
        form::Form,
        refusal::{Refusal, bad},
        store::{ClientEntry, UserEntry},
    },
    granted::Granted,
};

impl MockIssuer {
    /// As Katana's server, with a portal, either blank: whoever the forms ticket says. Both given:
    /// they are checked, and a wrong one does not fall back to the ticket.
    pub(super) fn password_grant(
        &self,
        parts: &Parts,
        form: &Form,
        client: Option<ClientEntry>,
        answer: &mut HeaderMap,
    ) -> Result<Granted, Refusal> {
        let scopes = self.scopes_of(client.as_ref(), form.get("scope"))?;
        let blank = |name| form.get(name).is_none_or(|value| value.trim().is_empty());
        let is_blank = blank("username") || blank("password");
        let user = if self.0.settings.katana.is_some() && is_blank {
            self.ticket_holder(parts)?
        } else {
            let user = self.user(form)?;
            self.sign_in(parts, &user, answer);
            user
        };
        Ok(Granted::to_user("password", client, user, scopes))
    }

    /// The user of this name and password.
    pub(crate) fn user(&self, form: &Form) -> Result<UserEntry, Refusal> {
        let name = form.required("username")?;
        // an omitted password is an empty one
        let password = form.get("password").unwrap_or_default();
        let (error, description) = &self.0.settings.password_error;
        let refused = || bad(error, description);
        if name.chars().count() > LONGEST || password.chars().count() > LONGEST {
            return Err(bad("invalid_grant", "the name or the password is too long"));
        }
        let state = self.state();
        let user = state.store.user(name).ok_or_else(refused)?;
        if user.undecided {
            return Err(bad("invalid_grant", ""));
        }
        if user.password != password {
            return Err(refused());
        }
        if !user.is_active() {
            return Err(bad("invalid_grant", "the user is not active"));
        }
        Ok(user.clone())
    }

    fn ticket_holder(&self, parts: &Parts) -> Result<UserEntry, Refusal> {
        let Some(portal) = &self.0.settings.portal else {
            return Err(bad("invalid_grant", "the user name and the password are required"));
        };
        let name = portal.user(self, parts).ok_or_else(|| {
            bad("invalid_grant", "nobody is signed in: user name and password are required")
        })?;
        // a cookie comes along whoever's page asks
        portal.refuse_other_sites(&parts.headers, self.0.settings.cors_origin.as_deref())?;
        // a ticket may be of an application that knows more users than this issuer
        let known = self.state().store.user(&name).cloned();
        let user = known.unwrap_or_else(|| UserEntry::new(&name, ""));
        if !user.is_active() {
            return Err(bad("invalid_grant", "the user is not active"));
        }
        Ok(user)
    }
}

/// Longer names and passwords are refused, as IdentityServer4 does.
const LONGEST: usize = 100;
