//! Signing in and out by a cookie.

use std::sync::Arc;

use http::request::Parts;

use super::{cookie_scheme::CookieAuthenticator, set_cookies::SetCookies};
use crate::{
    attempt::Attempt,
    error::{AuthError, BuildError},
    scheme::{SignIn, SignOutError},
    ticket::{IssueError, Ticket, TicketIssuer},
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
        let brought = cookie.read_each(&request.headers);
        issuer.issue(ticket).and_then(move |issued| {
            let cookies = issued.and_then(|issued| {
                SetCookies::issue(&cookie, carried, issued).map_err(IssueError::Ticket)
            });
            match cookies {
                // whoever was signed in before in this browser is not any more
                Ok(cookies) => end_sessions(&issuer, brought).map(|ended| {
                    if let Err(error) = ended {
                        tracing::warn!(
                            target: "portcullis",
                            %error,
                            "the session before this sign-in goes on"
                        );
                    }
                    Ok(cookies)
                }),
                Err(error) => Attempt::ready(Err(error)),
            }
        })
    }

    fn sign_out(&self, request: &Parts) -> Attempt<Result<SetCookies, SignOutError>> {
        let carried = self.cookie.carried(&request.headers, &request.extensions);
        let cookies = SetCookies::delete(&self.cookie, carried);
        let Some(issuer) = &self.issuer else { return Attempt::ready(Ok(cookies)) };
        let brought = self.cookie.read_each(&request.headers);
        end_sessions(issuer, brought).map(|ended| match ended {
            Ok(()) => Ok(cookies),
            Err(error) => Err(SignOutError::Sessions { cookies, error }),
        })
    }
}

/// Of each, also where one before it fails.
fn end_sessions(
    issuer: &Arc<dyn TicketIssuer>,
    texts: Vec<String>,
) -> Attempt<Result<(), AuthError>> {
    let (mut all, mut waiting) = (Ok(()), Vec::new());
    for text in texts {
        match issuer.end_session(&text).into_ready() {
            Ok(ended) => all = all.and(ended),
            Err(pending) => waiting.push(pending),
        }
    }
    if waiting.is_empty() {
        return Attempt::ready(all);
    }
    Attempt::pending(async move {
        for pending in waiting {
            all = all.and(pending.await);
        }
        all
    })
}
