//! The layer, which also makes requirements and suppressions for its schemes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, Method, Uri, request::Parts};

use crate::{
    authentication::{Authentication, MAX_SCHEMES},
    error::BuildError,
    explain::Explanation,
    policy::Policy,
    principal::{SchemeName, SchemeNames},
    rejection::RequestKind,
    require::RequireLayer,
    scheme::{IntoSchemes, LoginPages, Outcome, Scheme, Visit},
    suppress::SuppressLayer,
};

/// See the module docs. A value; a clone is a reference count, and is the same gate.
#[derive(Clone, Debug)]
pub struct AuthenticateLayer {
    pub(super) schemes: Arc<[Scheme]>,
    pub(super) budget: Duration,
    /// Some scheme takes part in the way out.
    pub(super) responds: bool,
    /// A refusal of some scheme may become a redirect.
    redirects: bool,
    authenticate_preflights: bool,
    pub(super) warned: Arc<AtomicBool>,
    announced: Arc<AtomicBool>,
}

impl AuthenticateLayer {
    /// A gate of these schemes: a tuple, an array or a `Vec`, at most eight.
    ///
    /// # Errors
    /// [`NoScheme`](BuildError::NoScheme), [`DuplicateScheme`](BuildError::DuplicateScheme),
    /// [`TooManySchemes`](BuildError::TooManySchemes).
    pub fn new(schemes: impl IntoSchemes) -> Result<Self, BuildError> {
        let schemes = checked(schemes)?;
        Ok(Self {
            responds: schemes.iter().any(Scheme::responds),
            redirects: schemes.iter().any(Scheme::redirects),
            schemes,
            budget: Duration::from_secs(5),
            authenticate_preflights: false,
            warned: Arc::default(),
            announced: Arc::default(),
        })
    }

    /// The same settings for other schemes: another gate, which says its own once.
    pub(crate) fn with_schemes(self, schemes: impl IntoSchemes) -> Result<Self, BuildError> {
        let schemes = checked(schemes)?;
        Ok(Self {
            responds: schemes.iter().any(Scheme::responds),
            redirects: schemes.iter().any(Scheme::redirects),
            schemes,
            warned: Arc::default(),
            announced: Arc::default(),
            ..self
        })
    }

    /// These settings, and of the other gate's those that let less pass.
    #[cfg(feature = "tickets")]
    pub(crate) fn stricter(mut self, other: &Self) -> Self {
        self.budget = self.budget.min(other.budget);
        self.authenticate_preflights |= other.authenticate_preflights;
        self
    }

    /// How long a request may wait for its credentials to be judged. Default: 5 s.
    #[must_use]
    pub const fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// True CORS preflights are treated like any request. By default they pass as anonymous,
    /// because browsers send them without credentials (Fetch standard).
    #[must_use]
    pub const fn authenticate_preflights(mut self) -> Self {
        self.authenticate_preflights = true;
        self
    }

    /// A requirement for routes behind this gate.
    ///
    /// # Errors
    /// [`UnknownScheme`](BuildError::UnknownScheme) if the policy names a scheme that this gate
    /// does not have; [`NoSchemeEnabled`](BuildError::NoSchemeEnabled) if it names an empty list.
    pub fn require<P: Policy>(&self, policy: P) -> Result<RequireLayer<P>, BuildError> {
        if let Some(names) = policy.schemes() {
            self.check_names(&names)?;
        }
        Ok(RequireLayer::new(policy))
    }

    /// Hides every scheme but these from the routes inside, in this order; the first is primary.
    ///
    /// # Errors
    /// As [`require`](Self::require).
    pub fn suppress_all_but(&self, names: impl SchemeNames) -> Result<SuppressLayer, BuildError> {
        let names = names.names();
        self.check_names(&names)?;
        Ok(SuppressLayer::all_but(names))
    }

    /// Hides every scheme: a public route that must not know who is calling.
    #[must_use]
    pub fn suppress_all(&self) -> SuppressLayer {
        SuppressLayer::all_but(Vec::new())
    }

    /// What every scheme says to this request, as a value. For tests and administration pages; the
    /// request is not answered and nothing is logged.
    pub async fn explain(&self, parts: &Parts) -> Explanation {
        Explanation::of(&self.judge(parts).await)
    }

    /// The record of a request.
    pub(crate) async fn judge(&self, parts: &Parts) -> Authentication {
        let kind = self.kind_of(parts);
        let mut outcomes = Vec::with_capacity(self.schemes.len());
        for scheme in &*self.schemes {
            outcomes.push(if kind.is_preflight() {
                Outcome::Absent
            } else {
                scheme.authenticator().authenticate(parts).await
            });
        }
        let visit = self.visit((&parts.method, &parts.uri, &parts.headers), kind);
        Authentication::new(Arc::clone(&self.schemes), outcomes.into_iter().collect(), kind)
            .of_visit(visit)
    }

    /// What a redirect must know of the request; nothing where there is none to be made.
    pub(super) fn visit(
        &self,
        request: (&Method, &Uri, &HeaderMap),
        kind: RequestKind,
    ) -> Option<Visit> {
        if !self.redirects || kind.is_grpc() || kind.is_preflight() {
            return None;
        }
        let pages = self.schemes.iter().filter_map(Scheme::pages);
        Visit::of(request, pages.filter_map(LoginPages::origin))
    }

    /// A preflight only where preflights pass, so that requirements further in agree.
    pub(super) fn kind_of(&self, parts: &Parts) -> RequestKind {
        let kind = RequestKind::of(parts);
        if self.authenticate_preflights { kind.with_preflight_ignored() } else { kind }
    }

    /// Says once that the stack is put together oddly.
    pub(super) fn warn_once(&self, what: &str) {
        warn_once(&self.warned, what);
    }

    /// Each scheme says once what others must agree on with it.
    pub(super) fn announce(&self) {
        if !self.announced.swap(true, Ordering::Relaxed) {
            for scheme in &*self.schemes {
                scheme.authenticator().announce(scheme.name());
            }
        }
    }

    pub(super) fn check_names(&self, names: &[SchemeName]) -> Result<(), BuildError> {
        if names.is_empty() {
            return Err(BuildError::NoSchemeEnabled);
        }
        let known = || self.schemes.iter().map(Scheme::name);
        match names.iter().find(|name| !known().any(|known| known == **name)) {
            None => Ok(()),
            Some(name) => Err(BuildError::UnknownScheme { name: *name, known: known().collect() }),
        }
    }
}

/// Says it the first time.
pub(super) fn warn_once(warned: &AtomicBool, what: &str) {
    if !warned.swap(true, Ordering::Relaxed) {
        tracing::warn!(target: "portcullis", "{what}");
    }
}

fn checked(schemes: impl IntoSchemes) -> Result<Arc<[Scheme]>, BuildError> {
    let schemes = schemes.into_schemes();
    if schemes.is_empty() {
        return Err(BuildError::NoScheme);
    }
    if schemes.len() > MAX_SCHEMES {
        return Err(BuildError::TooManySchemes(schemes.len()));
    }
    if let Some(flaw) = schemes.iter().find_map(Scheme::flaw) {
        return Err(flaw.clone());
    }
    for (i, scheme) in schemes.iter().enumerate() {
        if schemes.iter().take(i).any(|earlier| earlier.name() == scheme.name()) {
            return Err(BuildError::DuplicateScheme(scheme.name()));
        }
    }
    Ok(schemes.into())
}
