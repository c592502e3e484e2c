//! A policy's answer.

use crate::{
    challenge::StepUp,
    error::{AuthError, AuthErrorKind},
    principal::{SchemeName, Scope},
};

/// What a policy decides. An order, made from facts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Let the request through.
    Allow,
    /// Ask for credentials (401).
    Challenge {
        /// The schemes whose credential is missing or not good; empty = whatever is visible.
        schemes: Vec<SchemeName>,
        /// A reason that no single credential has, such as a subject mismatch.
        reason: Option<AuthErrorKind>,
    },
    /// The caller is known and may not (403).
    Forbid {
        /// Why, for the operator's log.
        error: AuthError,
        /// The scope that was missing, for the client (RFC 6750 `insufficient_scope`).
        scope: Option<Scope>,
    },
    /// The caller is known and must be authenticated better (401, RFC 9470).
    StepUp {
        /// Why, for the operator's log.
        error: AuthError,
        /// What is needed, for the client.
        needed: StepUp,
    },
    /// It could not be found out (503).
    Undecidable,
}

impl Decision {
    /// Ask for the credentials of every visible scheme.
    #[must_use]
    pub const fn challenge() -> Self {
        Self::Challenge { schemes: Vec::new(), reason: None }
    }

    /// The caller may not, for no reason that the client is told.
    #[must_use]
    pub fn forbid(error: impl Into<AuthError>) -> Self {
        Self::Forbid { error: error.into(), scope: None }
    }

    /// The caller must be authenticated better.
    #[must_use]
    pub fn step_up(error: impl Into<AuthError>, needed: StepUp) -> Self {
        Self::StepUp { error: error.into(), needed }
    }
}
