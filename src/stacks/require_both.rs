//! A token **and** a ticket, of one user.

use http::request::Parts;
use tower_layer::Layer;

use super::{BearerAuth, TicketAuth, stack::Stack};
use crate::{
    authenticate::{Authenticate, AuthenticateLayer},
    error::BuildError,
    explain::Explanation,
    policy::{self, And, Policy, PolicyExt, SameSubject, SchemeIs},
    principal::{Bearer, Cookies, Identity, SchemeName},
    rejection::DefaultResponseForRejection,
    require::Require,
};

/// A bearer token and a ticket in a cookie are required, both good and both of one user: without
/// them, the inner service is not called.
///
/// The ticket says that the user is signed in, here or in the application next door; the token, which
/// no browser sends by itself, says that this application's own page is asking. A stolen one of the
/// two opens nothing.
///
/// 1. Both are always judged, so that the answer (401) names each missing part: `missing` holds
///    `token`, `session` or both, and only the failing parts are challenged.
/// 2. The users are compared, unless [`dangerous`](Self::dangerous) says otherwise: a token of one
///    user beside a ticket of another is answered 401 `invalid_token`
///    ([`SubjectMismatch`](crate::AuthErrorKind::SubjectMismatch)), so that a client drops the token,
///    asks for a new one, and heals. Say [`same_subject_by`](Self::same_subject_by) where the two
///    name the user differently.
/// 3. Nothing is ever redirected.
/// 4. Handlers have both: `Caller<T, Bearer>` and `Caller<U, Cookies>`. The token is primary.
///
/// ```
/// use portcullis::{
///     BearerAuth, RequireBoth, TicketAuth,
///     ticket::{TicketValidator, aspnet::{FormsTickets, KatanaAccessToken, MachineKey}},
/// };
///
/// # let config = r#"<machineKey compatibilityMode="Framework45" validation="HMACSHA256" decryption="AES"
/// #     validationKey="9B0C7E1DE6C5F4F8A6C1F3B8D1A54C39A1E0F2D7B3C4958677F0E1D2C3B4A596"
/// #     decryptionKey="1F2E3D4C5B6A79880716253443526170"/>"#;
/// let key = MachineKey::from_config(config)?.build()?;
/// let token = BearerAuth::new(TicketValidator::new(KatanaAccessToken::new(key.clone())?))?;
/// let ticket = TicketAuth::new(".ASPXAUTH", TicketValidator::new(FormsTickets::new(key)?))?;
/// let both = RequireBoth::new(token, ticket)?;
/// # let _ = both;
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Debug)]
pub struct RequireBoth<
    P = And<And<SchemeIs, SchemeIs>, SameSubject>,
    R = DefaultResponseForRejection,
> {
    same: SameSubject,
    stack: Stack<P, R>,
}

impl RequireBoth {
    /// Both at once. What was said about the schemes of the two (realm, revocations, TLS, pages) is
    /// kept. It never redirects all the same: what demands a token is for programs. The ticket's login
    /// page serves what else stands behind its [gate](Self::gate).
    ///
    /// # Errors
    /// None today; the schemes are checked like any other.
    pub fn new<F>(token: BearerAuth, ticket: TicketAuth<F>) -> Result<Self, BuildError> {
        let schemes = (token.scheme().clone(), ticket.scheme().clone());
        let gate = token.optional().stricter(&ticket.optional()).with_schemes(schemes)?;
        let same = policy::same_subject();
        let require = gate.require(both().and(same.clone()))?.never_redirect();
        Ok(Self { stack: Stack::of(require, gate), same })
    }
}

impl<R: Clone> RequireBoth<And<And<SchemeIs, SchemeIs>, SameSubject>, R> {
    /// Who the user of one of the two is, in the terms of the other; see [`SameSubject::by`]. Said
    /// before [`require`](Self::require). Default: the subjects, byte for byte.
    ///
    /// ```
    /// # use portcullis::{Bearer, BuildError, RequireBoth};
    /// # fn named(both: RequireBoth) -> Result<RequireBoth, BuildError> {
    /// // the token's `sub` is a number, the ticket holds the name to log in with
    /// both.same_subject_by(Bearer, |token| token.claim_str("preferred_username"))
    /// # }
    /// ```
    ///
    /// # Errors
    /// The scheme is neither [`Bearer`] nor [`Cookies`].
    pub fn same_subject_by(
        self,
        scheme: impl Into<SchemeName>,
        user: impl Fn(&Identity) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        let scheme = scheme.into();
        self.stack.gate().require(policy::scheme(scheme))?; // for its check of the name
        let same = self.same.by(scheme, user);
        let stack = self.stack.with_policy(both().and(same.clone()))?;
        Ok(Self { same, stack })
    }

    /// The words that weaken what is demanded.
    pub const fn dangerous(self) -> DangerousRequireBoth<R> {
        DangerousRequireBoth(self)
    }
}

/// The words of a [`RequireBoth`] that weaken what is demanded.
#[derive(Debug)]
#[must_use]
pub struct DangerousRequireBoth<R>(RequireBoth<And<And<SchemeIs, SchemeIs>, SameSubject>, R>);

impl<R: Clone> DangerousRequireBoth<R> {
    /// The users are not compared: whoever has any user's ticket and a token of their own passes,
    /// and the handler must know which of the two it means.
    ///
    /// # Errors
    /// As [`RequireBoth::new`].
    pub fn any_subjects(self) -> Result<RequireBoth<And<SchemeIs, SchemeIs>, R>, BuildError> {
        let RequireBoth { same, stack } = self.0;
        Ok(RequireBoth { same, stack: stack.with_policy(both())? })
    }
}

impl<P, R> RequireBoth<P, R> {
    /// What is demanded beside the two, which stay demanded whatever the policy says. Said twice,
    /// both policies are demanded. A policy about the caller asks the token's identity unless it says
    /// `.of(Cookies)`.
    ///
    /// # Errors
    /// The policy names a scheme other than [`Bearer`] and [`Cookies`].
    pub fn require<Q: Policy>(self, policy: Q) -> Result<RequireBoth<And<P, Q>, R>, BuildError>
    where
        P: Policy + Clone,
        R: Clone,
    {
        let demanded = self.stack.policy().clone().and(policy);
        Ok(RequireBoth { same: self.same, stack: self.stack.with_policy(demanded)? })
    }

    /// Who makes the bodies of refusals: [`ProblemDetails`](crate::rejection::ProblemDetails) names
    /// the missing parts. Default: an empty body.
    #[must_use]
    pub fn respond_with<R2>(self, responder: R2) -> RequireBoth<P, R2> {
        RequireBoth { same: self.same, stack: self.stack.respond_with(responder) }
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
}

impl<P: Policy, R> RequireBoth<P, R> {
    /// What would be decided about this request, and why. Nothing is answered.
    pub async fn explain(&self, parts: &Parts) -> Explanation {
        self.stack.explain(parts).await
    }
}

impl<P, R: Clone> Clone for RequireBoth<P, R> {
    /// The policy need not be `Clone`: it is shared.
    fn clone(&self) -> Self {
        Self { same: self.same.clone(), stack: self.stack.clone() }
    }
}

impl<S, P, R: Clone> Layer<S> for RequireBoth<P, R> {
    type Service = Authenticate<Require<S, P, R>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.stack.layer(inner)
    }
}

fn both() -> And<SchemeIs, SchemeIs> {
    policy::scheme(Bearer).and(policy::scheme(Cookies))
}
