//! Signing in and out by a cookie.

use std::sync::Arc;

use http::request::Parts;

use super::{cookie_scheme::CookieAuthenticator, set_cookies::SetCookies};
use crate::{
    attempt::Attempt,
    error::{AuthError, AuthErrorClass, BuildError},
    scheme::{SignIn, SignOutError},
    ticket::{IssueError, Ticket},
    token::{Presented, TokenValidator},
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
                Ok(cookies) => {
                    all_of(brought.iter().map(|text| issuer.end_session(text))).map(|ended| {
                        if let Err(error) = ended {
                            tracing::warn!(
                                target: "portcullis",
                                %error,
                                "the session before this sign-in goes on"
                            );
                        }
                        Ok(cookies)
                    })
                }
                Err(error) => Attempt::ready(Err(error)),
            }
        })
    }

    fn sign_out(&self, request: &Parts) -> Attempt<Result<SetCookies, SignOutError>> {
        let carried = self.cookie.carried(&request.headers, &request.extensions);
        let cookies = SetCookies::delete(&self.cookie, carried);
        let brought = self.cookie.read_each(&request.headers);
        let ended = all_of(brought.iter().map(|text| match &self.issuer {
            Some(issuer) => issuer.end_session(text),
            None => end_judged(&self.rules.judge.validator, Presented::new(text, request)),
        }));
        ended.map(|ended| match ended {
            Ok(()) => Ok(cookies),
            Err(error) => Err(SignOutError::Sessions { cookies, error }),
        })
    }
}

/// Ends what stands behind a text that only a validator knows. Behind one that is not good, nothing does.
fn end_judged<V: TokenValidator + 'static>(
    validator: &Arc<V>,
    presented: Presented<'_>,
) -> Attempt<Result<(), AuthError>> {
    let judged = validator.validate(presented);
    let validator = Arc::clone(validator);
    judged.and_then(move |judged| match judged {
        Ok(identity) => validator.end(&identity),
        Err(error) => Attempt::ready(match error.kind().class() {
            AuthErrorClass::Invalid | AuthErrorClass::Malformed => Ok(()),
            AuthErrorClass::Misconfigured | AuthErrorClass::Undecidable => Err(error),
        }),
    })
}

/// Each, also where one before it fails.
fn all_of(
    ends: impl Iterator<Item = Attempt<Result<(), AuthError>>>,
) -> Attempt<Result<(), AuthError>> {
    let (mut all, mut waiting) = (Ok(()), Vec::new());
    for end in ends {
        match end.into_ready() {
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
