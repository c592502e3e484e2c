//! What a scheme found.

use crate::{
    error::{AuthError, AuthErrorClass},
    principal::Identity,
};

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
