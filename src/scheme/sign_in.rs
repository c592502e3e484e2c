//! A scheme's part in signing users in and out.

use std::fmt;

use http::request::Parts;

use super::SetCookies;
use crate::{
    attempt::Attempt,
    error::{AuthError, BuildError},
    ticket::{IssueError, Ticket},
};

/// Signs users in and out by one scheme.
///
/// A scheme offers it by [`Authenticator::sign_in`](super::Authenticator::sign_in); who calls it is the
/// gate, by the scheme's name: [`AuthenticateLayer::sign_in`](crate::AuthenticateLayer::sign_in).
pub trait SignIn: fmt::Debug + Send + Sync {
    /// The cookies of a user whom the application has just recognised.
    fn sign_in(&self, request: &Parts, ticket: Ticket) -> Attempt<Result<SetCookies, IssueError>>;

    /// The deletion of what this request carries, and the end of what stands behind it.
    fn sign_out(&self, request: &Parts) -> Attempt<Result<SetCookies, SignOutError>>;
}

/// Why a sign-out is not complete.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SignOutError {
    /// A scheme was named that is none of this gate, or that does not sign out. Nothing was done.
    Scheme(BuildError),
    /// A session could not be ended now and goes on in the store. The cookies are deleted all the same:
    /// write these.
    Sessions {
        /// The deletion of every cookie that was to be deleted.
        cookies: SetCookies,
        /// What the store said, or who was asked whose session it is.
        error: AuthError,
    },
}

impl SignOutError {
    /// What is to be written into the answer all the same.
    pub fn into_cookies(self) -> SetCookies {
        match self {
            Self::Scheme(_) => SetCookies::default(),
            Self::Sessions { cookies, .. } => cookies,
        }
    }
}

impl fmt::Display for SignOutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(error) => fmt::Display::fmt(error, f),
            Self::Sessions { error, .. } => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for SignOutError {}
