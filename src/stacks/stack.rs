//! What the ready-made stacks are made of.

use http::request::Parts;
use tower_layer::Layer;

use crate::{
    authenticate::{Authenticate, AuthenticateLayer},
    error::BuildError,
    explain::Explanation,
    policy::Policy,
    rejection::DefaultResponseForRejection,
    require::{Require, RequireLayer},
    scheme::IntoSchemes,
};

/// A gate and a requirement in one layer.
#[derive(Debug)]
pub(super) struct Stack<P, R = DefaultResponseForRejection> {
    gate: AuthenticateLayer,
    require: RequireLayer<P, R>,
}

impl<P: Policy> Stack<P> {
    pub(super) fn new(gate: AuthenticateLayer, policy: P) -> Result<Self, BuildError> {
        Ok(Self::of(gate.require(policy)?, gate))
    }

    /// A requirement of this gate.
    pub(super) const fn of(require: RequireLayer<P>, gate: AuthenticateLayer) -> Self {
        Self { gate, require }
    }
}

impl<P, R> Stack<P, R> {
    pub(super) const fn gate(&self) -> &AuthenticateLayer {
        &self.gate
    }

    pub(super) fn policy(&self) -> &P {
        self.require.policy()
    }

    pub(super) fn into_gate(self) -> AuthenticateLayer {
        self.gate
    }

    pub(super) fn map_gate(
        self,
        change: impl FnOnce(AuthenticateLayer) -> AuthenticateLayer,
    ) -> Self {
        Self { gate: change(self.gate), ..self }
    }

    pub(super) fn with_schemes(self, schemes: impl IntoSchemes) -> Result<Self, BuildError> {
        Ok(Self { gate: self.gate.with_schemes(schemes)?, ..self })
    }

    /// Demands this in place of what was demanded before.
    pub(super) fn with_policy<Q: Policy>(self, policy: Q) -> Result<Stack<Q, R>, BuildError>
    where
        R: Clone,
    {
        let responder = self.require.responder().clone();
        let require = self.gate.require(policy)?.respond_with(responder);
        Ok(Stack { require: require.redirecting_as(&self.require), gate: self.gate })
    }

    pub(super) fn respond_with<R2>(self, responder: R2) -> Stack<P, R2> {
        Stack { gate: self.gate, require: self.require.respond_with(responder) }
    }
}

impl<P: Policy, R> Stack<P, R> {
    pub(super) async fn explain(&self, parts: &Parts) -> Explanation {
        let mut record = self.gate.judge(parts).await;
        let rejection = self.require.judge(&mut record).err();
        let mut explanation = Explanation::of(&record);
        explanation.policy = Some(format!("{:?}", self.policy()));
        explanation.rejection = rejection;
        explanation
    }
}

impl<P, R: Clone> Clone for Stack<P, R> {
    /// The policy need not be `Clone`: it is shared.
    fn clone(&self) -> Self {
        Self { gate: self.gate.clone(), require: self.require.clone() }
    }
}

impl<S, P, R: Clone> Layer<S> for Stack<P, R> {
    type Service = Authenticate<Require<S, P, R>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.gate.layer(self.require.layer(inner))
    }
}
