//! Grants and checks of the test's own.

use http::{HeaderMap, request::Parts};

use super::{
    super::{
        form::Form,
        refusal::{Refusal, bad},
    },
    settings::Hook,
};

/// What a client sent to the token endpoint.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    pub(super) parts: &'a Parts,
    pub(super) form: &'a Form,
}

impl<'a> TokenRequest<'a> {
    /// A parameter of the form; one without a value counts as omitted.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.form.get(name)
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }
}

/// An error answer of a test's own (RFC 6749 §5.2): status 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantError {
    error: String,
    description: String,
}

impl GrantError {
    /// `error` and `error_description`; an empty description is left out.
    #[must_use]
    pub fn new(error: &str, description: &str) -> Self {
        Self { error: error.to_owned(), description: description.to_owned() }
    }

    pub(super) fn into_refusal(self) -> Refusal {
        bad(&self.error, &self.description)
    }
}

/// A grant by its name, and whom it is for.
#[derive(Clone, Debug)]
pub(super) struct CustomGrant {
    pub(super) name: String,
    pub(super) judge: Hook<Judge>,
}

pub(super) type Judge = dyn Fn(&TokenRequest<'_>) -> Result<String, GrantError> + Send + Sync;
