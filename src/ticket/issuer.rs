//! Who issues and ends tickets, whatever their format.

use std::fmt;

use super::{IssueError, Ticket, TicketFormat, TicketValidator};
use crate::{
    attempt::Attempt,
    error::{AuthError, BuildError},
    token::Renewed,
};

/// A [`TicketValidator`] as a scheme has it, which does not know the format.
pub(crate) trait TicketIssuer: fmt::Debug + Send + Sync {
    /// As [`TicketValidator::issue`].
    fn issue(&self, ticket: Ticket) -> Attempt<Result<Renewed, IssueError>>;

    /// Ends the session that a cookie's text names, if it names one.
    fn end_session(&self, text: &str) -> Attempt<Result<(), AuthError>>;

    /// What cannot work in its settings.
    fn flaw(&self) -> Option<BuildError>;

    /// What works, and not as one would expect.
    fn warning(&self) -> Option<&'static str>;
}

impl<F: TicketFormat + 'static> TicketIssuer for TicketValidator<F> {
    fn issue(&self, ticket: Ticket) -> Attempt<Result<Renewed, IssueError>> {
        Self::issue(self, ticket)
    }

    fn end_session(&self, text: &str) -> Attempt<Result<(), AuthError>> {
        let opened = self.format.unprotect(text);
        match (&self.rules.sessions, opened.and_then(|it| self.rules.session_key(&it))) {
            (Some(store), Ok(Some(key))) => {
                store.remove(&key).map(|removed| removed.map_err(AuthError::into_undecidable))
            }
            _ => Attempt::ready(Ok(())),
        }
    }

    fn flaw(&self) -> Option<BuildError> {
        let rules = &*self.rules;
        let is_nothing =
            |length: Option<std::time::Duration>| length.is_some_and(|it| it.is_zero());
        (is_nothing(rules.lifetime) || is_nothing(rules.sliding.max_lifetime)).then(|| {
            let problem = "SlidingWithoutLifetime: a ticket that is good for no time can neither be used \
                           nor slide; give lifetime and max_lifetime a length, or do not say them";
            BuildError::invalid("lifetime", problem)
        })
    }

    fn warning(&self) -> Option<&'static str> {
        let rules = &*self.rules;
        let interval = rules.revalidation.as_ref()?.interval();
        let is_longer = rules.sliding.on && rules.lifetime.is_some_and(|it| interval > it / 2);
        is_longer.then_some(
            "RevalidateLongerThanHalfLifetime: tickets slide before their users are checked again; an \
             application that renews them too, and does not know of the last check, puts it off for \
             ever. Keep the interval of Revalidate at half of the lifetime, or below",
        )
    }
}
