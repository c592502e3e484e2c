//! The seam behind which every scheme stands.

use std::fmt;

use http::{HeaderMap, request::Parts};

use crate::{
    attempt::Attempt,
    challenge::{Challenge, ChallengeReason},
    error::{AuthError, AuthErrorClass},
    principal::Identity,
};

/// A whole scheme: a bearer header, a cookie, mTLS, a signed request.
///
/// Most formats need only a [`TokenValidator`](crate::token::TokenValidator); implement this where
/// the credential is no token in a header.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scheme: implement `Authenticator` for it"
)]
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Finds the credential and has it judged. Never answers the request.
    fn authenticate(&self, parts: &Parts) -> Attempt<Outcome>;

    /// The challenge of this scheme (RFC 9110 §11.6.1), or `None` if it has none for this reason.
    fn challenge(&self, reason: ChallengeReason<'_>) -> Option<Challenge>;

    /// May add headers to the answer, whatever it is: a renewed cookie, a deleted one. Default:
    /// nothing.
    fn respond(&self, outcome: &Outcome, headers: &mut HeaderMap) {
        let _ = (outcome, headers);
    }
}

/// What a scheme found in one request. A fact, not an order: no outcome refuses anything.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// No credential of this scheme.
    Absent,
    /// A credential that was judged and is not good.
    Rejected(AuthError),
    /// A credential that could not be judged. Never a "no".
    Undecidable(AuthError),
    /// A good credential.
    Verified(Identity),
}

impl Outcome {
    /// The identity, if it is a good one.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Verified(identity) => Some(identity),
            _ => None,
        }
    }

    /// The reason, if it is not.
    #[must_use]
    pub const fn error(&self) -> Option<&AuthError> {
        match self {
            Self::Rejected(error) | Self::Undecidable(error) => Some(error),
            Self::Absent | Self::Verified(_) => None,
        }
    }
}

impl From<Result<Identity, AuthError>> for Outcome {
    fn from(result: Result<Identity, AuthError>) -> Self {
        match result {
            Ok(identity) => Self::Verified(identity),
            Err(error) => error.into(),
        }
    }
}

impl From<AuthError> for Outcome {
    fn from(error: AuthError) -> Self {
        match error.kind().class() {
            AuthErrorClass::Malformed | AuthErrorClass::Invalid => Self::Rejected(error),
            AuthErrorClass::Misconfigured | AuthErrorClass::Undecidable => Self::Undecidable(error),
        }
    }
}
