//! The cookies of a sign-in or a sign-out.

use http::HeaderMap;

use super::{carried::CarriedCookie, ticket_cookie::TicketCookie};
use crate::{error::BuildError, token::Renewed};

/// What a sign-in or a sign-out tells the browser. Nobody is signed in or out until it is
/// [written](Self::write) into the answer; with axum it is a part of a response:
///
/// ```
/// # use http::request::Parts;
/// # use portcullis::{Rejection, Ticket, TicketAuth, ticket::aspnet::FormsTickets};
/// # use axum::{extract::State, response::{IntoResponse, Redirect}};
/// async fn log_in(
///     State(pages): State<TicketAuth<FormsTickets>>, request: Parts,
/// ) -> Result<impl IntoResponse, Rejection> {
///     // … the password was right
///     Ok((pages.sign_in(&request, Ticket::new("Forms", "alice")).await?, Redirect::to("/")))
/// }
/// # let _ = log_in;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nobody is signed in or out until the cookies are written into the answer"]
pub struct SetCookies(Vec<Change>);

#[derive(Clone, Debug)]
struct Change {
    cookie: TicketCookie,
    carried: CarriedCookie,
    /// `None`: it is deleted.
    ticket: Option<Renewed>,
}

impl SetCookies {
    /// Sets a cookie.
    ///
    /// # Errors
    /// As [`TicketCookie::issue`].
    pub fn issue(
        cookie: &TicketCookie,
        carried: CarriedCookie,
        ticket: Renewed,
    ) -> Result<Self, BuildError> {
        cookie.issue(carried, &mut HeaderMap::new(), &ticket)?; // whether it can be
        Ok(Self(vec![Change { cookie: cookie.clone(), carried, ticket: Some(ticket) }]))
    }

    /// Deletes a cookie.
    pub fn delete(cookie: &TicketCookie, carried: CarriedCookie) -> Self {
        Self(vec![Change { cookie: cookie.clone(), carried, ticket: None }])
    }

    /// These, and then those.
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Writes them into the headers of the answer and forbids caching. What the answer said about the
    /// same cookies before is replaced; others stay.
    pub fn write(self, headers: &mut HeaderMap) {
        for Change { cookie, carried, ticket } in self.0 {
            match ticket {
                None => cookie.delete(carried, headers),
                Some(ticket) => {
                    if let Err(error) = cookie.issue(carried, headers, &ticket) {
                        tracing::error!(target: "portcullis", %error, "a cookie was not set");
                    }
                }
            }
        }
    }
}
