//! One line that protects a service with bearer tokens.

use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

use super::stack::Stack;
use crate::{
    authenticate::{Authenticate, AuthenticateLayer},
    error::BuildError,
    explain::Explanation,
    policy::{self, And, Policy, PolicyExt, SchemeIs},
    principal::Bearer,
    rejection::DefaultResponseForRejection,
    require::Require,
    scheme::{BearerScheme, Scheme, TransportSource},
    token::{Cached, Revalidate, Revocations, TokenValidator, Usage},
};

/// Bearer tokens are required: without a good one, the inner service is not called.
///
/// A gate with the one scheme [`Bearer`] and a requirement. Tokens once accepted are remembered
/// ([`Cached`]); every hit is judged again by the clock. Words that a stack of several schemes
/// needs are on [`AuthenticateLayer`].
#[derive(Debug)]
pub struct BearerAuth<P = SchemeIs, R = DefaultResponseForRejection> {
    scheme: BearerScheme<Arc<dyn TokenValidator>>,
    stack: Stack<P, R>,
}

impl BearerAuth {
    /// JWT access tokens (RFC 9068) of an OpenID provider, for this audience. Keys are found by
    /// discovery, before the first token is judged; nothing is asked here.
    ///
    /// # Errors
    /// The issuer is not an `https` URL (or one of a literal loopback address), or a value is empty.
    #[cfg(all(feature = "jwt", feature = "fetch"))]
    pub fn oidc(issuer: &str, audience: &str) -> Result<Self, BuildError> {
        let keys = crate::jwt::RemoteKeys::discover(issuer)?;
        Self::new(
            crate::jwt::JwtValidator::builder(keys).issuer(issuer).audience(audience).build()?,
        )
    }

    /// Any validator. It is put behind a [`Cached`] here, unless it says
    /// [`Caching::Never`](crate::token::Caching::Never), as a `Cached` itself does.
    ///
    /// # Errors
    /// None today; the scheme is checked like any other.
    pub fn new(validator: impl TokenValidator + 'static) -> Result<Self, BuildError> {
        let validator = Cached::around(validator);
        let scheme = Scheme::bearer(Bearer, validator);
        let gate = AuthenticateLayer::new((scheme.clone(),))?;
        Ok(Self { stack: Stack::new(gate, policy::scheme(Bearer))?, scheme })
    }
}

impl<P, R> BearerAuth<P, R> {
    /// The realm of its challenges. Default: `api`.
    ///
    /// # Errors
    /// As [`BearerAuth::new`].
    pub fn realm(self, realm: &str) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.realm(realm))
    }

    /// Refuses tokens that did not come over TLS; see [`BearerScheme::require_tls`]. Default: off.
    ///
    /// # Errors
    /// As [`BearerAuth::new`].
    pub fn require_tls(self, source: TransportSource) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.require_tls(source))
    }

    /// Every answer says `Vary: authorization`; see [`BearerScheme::vary`]. Default: off.
    ///
    /// # Errors
    /// As [`BearerAuth::new`].
    pub fn vary(self) -> Result<Self, BuildError> {
        self.with_scheme(BearerScheme::vary)
    }

    /// Asks the application from time to time whether the user of a token is still good; see
    /// [`Revalidate`]. Default: nobody is asked.
    ///
    /// # Errors
    /// As [`BearerAuth::new`].
    pub fn revalidate(self, hook: impl Revalidate + 'static) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.revalidate(hook).erased())
    }

    /// Asked on every request, after the cache. Default: none.
    ///
    /// # Errors
    /// As [`BearerAuth::new`].
    pub fn revocations(self, revocations: impl Revocations + 'static) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.revocations(revocations))
    }

    /// Told of the tokens that are accepted; see [`Usage`]. Default: nobody.
    ///
    /// # Errors
    /// As [`BearerAuth::new`].
    pub fn usage(self, usage: Usage) -> Result<Self, BuildError> {
        self.with_scheme(|scheme| scheme.usage(usage))
    }

    /// What is demanded beside a good token, which stays demanded whatever the policy says. Said
    /// twice, both policies are demanded.
    ///
    /// # Errors
    /// The policy names a scheme other than [`Bearer`].
    pub fn require<Q: Policy>(self, policy: Q) -> Result<BearerAuth<And<P, Q>, R>, BuildError>
    where
        P: Policy + Clone,
        R: Clone,
    {
        let demanded = self.stack.policy().clone().and(policy);
        Ok(BearerAuth { scheme: self.scheme, stack: self.stack.with_policy(demanded)? })
    }

    /// Who makes the bodies of refusals. Default: an empty body.
    #[must_use]
    pub fn respond_with<R2>(self, responder: R2) -> BearerAuth<P, R2> {
        BearerAuth { scheme: self.scheme, stack: self.stack.respond_with(responder) }
    }

    /// Records and never refuses: for services that are public in part. Handlers and requirements
    /// further in decide; what was demanded here, and who makes the bodies, is said again there.
    #[must_use]
    pub fn optional(self) -> AuthenticateLayer {
        self.stack.into_gate()
    }

    /// Its gate, to make further requirements for single routes.
    #[must_use]
    pub const fn gate(&self) -> &AuthenticateLayer {
        self.stack.gate()
    }

    /// True CORS preflights are treated like any request. By default they pass as anonymous.
    #[must_use]
    pub fn authenticate_preflights(self) -> Self {
        Self { stack: self.stack.map_gate(AuthenticateLayer::authenticate_preflights), ..self }
    }

    #[cfg(feature = "tickets")]
    pub(super) const fn scheme(&self) -> &BearerScheme<Arc<dyn TokenValidator>> {
        &self.scheme
    }

    fn with_scheme(
        self,
        change: impl FnOnce(
            BearerScheme<Arc<dyn TokenValidator>>,
        ) -> BearerScheme<Arc<dyn TokenValidator>>,
    ) -> Result<Self, BuildError> {
        let scheme = change(self.scheme);
        Ok(Self { stack: self.stack.with_schemes((scheme.clone(),))?, scheme })
    }
}

impl<P: Policy, R> BearerAuth<P, R> {
    /// What would be decided about this request, and why. Nothing is answered.
    pub async fn explain(&self, parts: &Parts) -> Explanation {
        self.stack.explain(parts).await
    }
}

impl<P, R: Clone> Clone for BearerAuth<P, R> {
    /// The policy need not be `Clone`: it is shared.
    fn clone(&self) -> Self {
        Self { scheme: self.scheme.clone(), stack: self.stack.clone() }
    }
}

impl<S, P, R: Clone> Layer<S> for BearerAuth<P, R> {
    type Service = Authenticate<Require<S, P, R>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.stack.layer(inner)
    }
}
