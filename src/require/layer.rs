//! The layer.

use std::sync::Arc;

use crate::{policy::Policy, principal::SchemeName, rejection::DefaultResponseForRejection};

/// See the module docs.
#[derive(Debug)]
pub struct RequireLayer<P, R = DefaultResponseForRejection> {
    pub(super) policy: Arc<P>,
    pub(super) named: Option<Arc<[SchemeName]>>,
    pub(super) responder: R,
    pub(super) redirects: bool,
}

impl<P: Policy> RequireLayer<P> {
    /// For a gate, which has checked the names.
    pub(crate) fn new(policy: P) -> Self {
        Self {
            named: policy.schemes().map(Into::into),
            policy: Arc::new(policy),
            responder: DefaultResponseForRejection,
            redirects: true,
        }
    }
}

impl<P, R> RequireLayer<P, R> {
    /// Who makes the bodies of refusals. Default: [`DefaultResponseForRejection`], empty.
    #[must_use]
    pub fn respond_with<R2>(self, responder: R2) -> RequireLayer<P, R2> {
        let Self { policy, named, redirects, .. } = self;
        RequireLayer { policy, named, responder, redirects }
    }

    /// Whoever asks is told the status, and where to sign in neither: for routes that are for programs
    /// although a scheme with a login page would do. Default: a navigation is redirected where a scheme
    /// that is asked has such a page.
    #[must_use]
    pub fn never_redirect(self) -> Self {
        Self { redirects: false, ..self }
    }

    pub(crate) fn redirecting_as<Q, R2>(self, other: &RequireLayer<Q, R2>) -> Self {
        Self { redirects: other.redirects, ..self }
    }

    pub(crate) const fn responder(&self) -> &R {
        &self.responder
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &P {
        &self.policy
    }
}

impl<P, R: Clone> Clone for RequireLayer<P, R> {
    fn clone(&self) -> Self {
        Self {
            policy: Arc::clone(&self.policy),
            named: self.named.clone(),
            responder: self.responder.clone(),
            redirects: self.redirects,
        }
    }
}
