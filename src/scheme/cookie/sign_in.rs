//! Signing in and out by a cookie.

use http::request::Parts;

use super::{cookie_scheme::CookieAuthenticator, set_cookies::SetCookies};
use crate::{
    attempt::Attempt,
    error::BuildError,
    scheme::{SignIn, SignOutError},
    ticket::{IssueError, Ticket},
    token::TokenValidator,
};

impl<V: TokenValidator + 'static> SignIn for CookieAuthenticator<V> {
    fn sign_in(&self, request: &Parts, ticket: Ticket) -> Attempt<Result<SetCookies, IssueError>> {
        let refuse = |error| Attempt::ready(Err(error));
        let Some(issuer) = self.issuer.clone() else {
            let problem = format!(
                "the scheme of the cookie {} only reads tickets; make it with Scheme::tickets",
                self.cookie.name()
            );
            return refuse(IssueError::Scheme(BuildError::invalid("scheme", problem)));
        };
        // FormsAuthentication.SetAuthCookie: what would not be read back is not set
        if let Err(error) = self.rules.judge.admit(request) {
            return refuse(IssueError::Transport(error));
        }
        let cookie = self.cookie.clone();
        let carried = cookie.carried(&request.headers, &request.extensions);
        let brought =
            cookie.read(&request.headers).ok().flatten().map(std::borrow::Cow::into_owned);
        issuer.issue(ticket).and_then(move |issued| {
            let cookies = issued.and_then(|issued| {
                SetCookies::issue(&cookie, carried, issued).map_err(IssueError::Ticket)
            });
            match (cookies, brought) {
                // whoever was signed in before in this browser is not any more
                (Ok(cookies), Some(brought)) => issuer.end_session(&brought).map(|ended| {
                    if let Err(error) = ended {
                        tracing::warn!(
                            target: "portcullis",
                            %error,
                            "the session before this sign-in goes on"
                        );
                    }
                    Ok(cookies)
                }),
                (cookies, _) => Attempt::ready(cookies),
            }
        })
    }

    fn sign_out(&self, request: &Parts) -> Attempt<Result<SetCookies, SignOutError>> {
        let carried = self.cookie.carried(&request.headers, &request.extensions);
        let cookies = SetCookies::delete(&self.cookie, carried);
        match (&self.issuer, self.cookie.read(&request.headers)) {
            (Some(issuer), Ok(Some(brought))) => {
                issuer.end_session(&brought).map(|ended| match ended {
                    Ok(()) => Ok(cookies),
                    Err(error) => Err(SignOutError::Sessions { cookies, error }),
                })
            }
            _ => Attempt::ready(Ok(cookies)),
        }
    }
}
