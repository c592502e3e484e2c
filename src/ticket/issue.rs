//! Signing users in and out.

use std::{fmt, sync::Arc};

use super::{SessionKey, Sessions, Ticket, TicketFormat, TicketIdentity, TicketValidator};
use crate::{
    attempt::Attempt,
    error::{AuthError, AuthErrorKind, BuildError},
    principal::Identity,
    token::Renewed,
};

impl<F: TicketFormat + 'static> TicketValidator<F> {
    /// Writes the ticket of a user whom the application has just recognised: the text of a cookie
    /// or of a bearer token.
    ///
    /// Its issue time is now and its expiry follows from [`lifetime`](Self::lifetime), where it does
    /// not tell them itself. With [`sessions`](Self::sessions) it is kept in the store under a new
    /// key, and the text names that key: whoever was signed in before in this browser has another
    /// session still, which [`sign_out`](Self::sign_out) ends. Ready at once unless the store must
    /// be waited for.
    ///
    /// # Errors
    /// The ticket can not be written, or is of another authentication type than the format's; or the
    /// store could not take it.
    pub fn issue(&self, mut ticket: Ticket) -> Attempt<Result<Renewed, IssueError>> {
        if let Err(error) = self.check_type(&ticket) {
            return Attempt::ready(Err(IssueError::Ticket(error)));
        }
        let issued_at = *ticket.issued_at.get_or_insert(self.rules.clock.now());
        if ticket.expires_at.is_none() {
            let Some(lifetime) = self.rules.lifetime else {
                return Attempt::ready(Err(IssueError::Ticket(BuildError::invalid(
                    "lifetime",
                    "the ticket has no expiry: give it one, or the validator a lifetime",
                ))));
            };
            ticket.expires_at = Some(issued_at + lifetime);
        }
        self.rules.sliding.start(&mut ticket);
        match &self.rules.sessions {
            None => Attempt::ready(self.write(&ticket, &ticket).map_err(IssueError::Ticket)),
            Some(store) => self.open_session(Arc::clone(store), ticket),
        }
    }

    /// Katana drops such a sign-in without a word.
    fn check_type(&self, ticket: &Ticket) -> Result<(), BuildError> {
        let given =
            ticket.identity().map(|TicketIdentity { authentication_type, .. }| authentication_type);
        match (self.format.authentication_type(), given) {
            (Some(own), Some(given)) if own != given => {
                let problem = format!(
                    "the ticket is of the type {given:?}, and this format opens tickets of {own:?}; make \
                     it with Ticket::new({own:?}, ..)"
                );
                Err(BuildError::invalid("authentication_type", problem))
            }
            _ => Ok(()),
        }
    }

    fn open_session(
        &self,
        store: Arc<dyn Sessions>,
        ticket: Ticket,
    ) -> Attempt<Result<Renewed, IssueError>> {
        let validator = self.clone();
        store.store(ticket.clone()).and_then(move |key| {
            let key = match key {
                Ok(key) => key,
                Err(error) => {
                    return Attempt::ready(Err(IssueError::Sessions(error.into_undecidable())));
                }
            };
            match validator.write(&validator.reference(&ticket, &key), &ticket) {
                Ok(written) => Attempt::ready(Ok(written)),
                // an entry that no cookie names is of no use to anybody
                Err(error) => store.remove(&key).map(move |_| Err(IssueError::Ticket(error))),
            }
        })
    }

    /// Ends the session of an identity that this validator accepted; without
    /// [`sessions`](Self::sessions) there is none, and nothing happens: the ticket stays good until
    /// it expires. Deleting the cookie is the scheme's part.
    ///
    /// # Errors
    /// The store could not be asked; or there is a store, and the identity is of another validator, as
    /// that of the token is beside a ticket: [`SessionGone`](AuthErrorKind::SessionGone).
    pub fn sign_out(&self, identity: &Identity) -> Attempt<Result<(), AuthError>> {
        let Some(store) = &self.rules.sessions else { return Attempt::ready(Ok(())) };
        // the `sid` of a token is no key of this store
        match identity.session_id().filter(|_| Ticket::of(identity).is_some()) {
            Some(key) => store
                .remove(&SessionKey::from(key))
                .map(|removed| removed.map_err(AuthError::into_undecidable)),
            None => Attempt::ready(Err(AuthError::new(AuthErrorKind::SessionGone).with_detail(
                "the identity to sign out is of another scheme: it has no session here",
            ))),
        }
    }
}

/// Why a ticket was not issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueError {
    /// The scheme that was named is none of this gate, or it does not sign in.
    Scheme(BuildError),
    /// The store could not take it now.
    Sessions(AuthError),
    /// It can not be written: the error names what the format has no place for.
    Ticket(BuildError),
    /// The request came over plain http, where TLS is demanded.
    Transport(AuthError),
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(error) | Self::Ticket(error) => fmt::Display::fmt(error, f),
            Self::Sessions(error) | Self::Transport(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for IssueError {}
