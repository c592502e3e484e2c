//! The layer.

use std::sync::Arc;

use crate::{policy::Policy, principal::SchemeName, rejection::DefaultResponseForRejection};

/// See the module docs.
#[derive(Debug)]
pub struct RequireLayer<P, R = DefaultResponseForRejection> {
    pub(super) policy: Arc<P>,
    pub(super) named: Option<Arc<[SchemeName]>>,
    pub(super) responder: R,
}

impl<P: Policy> RequireLayer<P> {
    /// For a gate, which has checked the names.
    pub(crate) fn new(policy: P) -> Self {
        Self {
            named: policy.schemes().map(Into::into),
            policy: Arc::new(policy),
            responder: DefaultResponseForRejection,
        }
    }
}

impl<P, R> RequireLayer<P, R> {
    /// Who makes the bodies of refusals. Default: [`DefaultResponseForRejection`], empty.
    #[must_use]
    pub fn respond_with<R2>(self, responder: R2) -> RequireLayer<P, R2> {
        RequireLayer { policy: self.policy, named: self.named, responder }
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
        }
    }
}
