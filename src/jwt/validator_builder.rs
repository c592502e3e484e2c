//! Building a [`JwtValidator`].

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use super::{
    Algorithm, JwtValidator, KeySource, Profile, jwe::Decryption, known_headers::KnownHeaders,
    rules::Rules, validator::Issuer,
};
use crate::{
    clock::{Clock, SystemClock},
    error::BuildError,
};

/// Builds a [`JwtValidator`]; made by [`JwtValidator::builder`].
///
/// Two steps are required and come first: [`issuer`](Self::issuer), then
/// [`audience`](Self::audience). Everything after has a default.
///
/// ```compile_fail
/// # fn doc(keys: portcullis::jwt::StaticKeys) {
/// use portcullis::jwt::JwtValidator;
/// // no audience: there is no build()
/// JwtValidator::builder(keys).issuer("https://login.example").build();
/// # }
/// ```
#[must_use = "a validator exists only after build()"]
pub struct JwtValidatorBuilder<Step = Complete> {
    keys: Arc<dyn KeySource>,
    issuer: String,
    audiences: Vec<Box<str>>,
    any_audience: bool,
    profile: Profile,
    trailing_slash: bool,
    algorithms: Vec<Algorithm>,
    tolerance: Duration,
    max_lifetime: Option<Duration>,
    max_token_bytes: usize,
    clock: Arc<dyn Clock>,
    pub(super) decryption: Decryption,
    /// The first word that was given something it cannot use; told by `build`.
    problem: Option<BuildError>,
    step: PhantomData<fn() -> Step>,
}

/// The step of a builder that has no issuer yet.
#[derive(Debug)]
pub enum NeedsIssuer {}

/// The step of a builder that has no audience yet.
#[derive(Debug)]
pub enum NeedsAudience {}

/// The step of a builder that can build.
#[derive(Debug)]
pub enum Complete {}

impl JwtValidator {
    /// Starts a validator that finds its keys there. No I/O happens here.
    pub fn builder(keys: impl KeySource + 'static) -> JwtValidatorBuilder<NeedsIssuer> {
        JwtValidatorBuilder {
            keys: Arc::new(keys),
            issuer: String::new(),
            audiences: Vec::new(),
            any_audience: false,
            profile: Profile::rfc9068(),
            trailing_slash: false,
            algorithms: Algorithm::ALL.iter().copied().filter(|it| !it.is_symmetric()).collect(),
            tolerance: DEFAULT_TOLERANCE,
            max_lifetime: None,
            max_token_bytes: DEFAULT_TOKEN_BYTES,
            clock: Arc::new(SystemClock),
            decryption: Decryption::default(),
            problem: None,
            step: PhantomData,
        }
    }
}

impl JwtValidatorBuilder<NeedsIssuer> {
    /// The issuer, exactly as it stands in `iss`.
    pub fn issuer(mut self, issuer: impl Into<String>) -> JwtValidatorBuilder<NeedsAudience> {
        self.issuer = issuer.into();
        self.step()
    }
}

impl JwtValidatorBuilder<NeedsAudience> {
    /// What this service is called in `aud`. A token of this issuer for another service is refused.
    /// Give each service a name of its own: deployments that share one accept each other's tokens
    /// (RFC 9068 §5).
    pub fn audience(self, audience: impl Into<String>) -> JwtValidatorBuilder {
        self.step::<Complete>().audience(audience)
    }

    /// The words that weaken what a token proves.
    pub fn dangerous(self) -> DangerousJwtValidatorBuilder<NeedsAudience> {
        DangerousJwtValidatorBuilder(self)
    }
}

impl JwtValidatorBuilder {
    /// One more name of this service. A token needs one of them.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into().into());
        self
    }

    /// What the tokens look like. Default: [`Profile::rfc9068`]. Replaces what earlier words of this
    /// builder said about types, claims and scope.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Accepts this `typ` too, for example `JWT`. Upper and lower case are the same, and a leading
    /// `application/` does not count (RFC 7515 §4.1.9).
    ///
    /// What else the issuer signs with the same keys, ID tokens first of all, may then only differ in
    /// its audience. Tokens with `at_hash` or `c_hash` remain refused.
    pub fn accept_type(mut self, typ: &str) -> Self {
        if typ.is_empty() {
            self.fail(
                "accept_type",
                "the type is empty; accept_missing_type() accepts a missing one",
            );
        }
        self.profile.types.push(typ.into());
        self
    }

    /// Accepts a token without `typ`. One that has a `typ` must have the right one.
    pub fn accept_missing_type(mut self) -> Self {
        self.profile.missing_type = true;
        self
    }

    /// Accepts a token without this claim: `sub`, `client_id`, `iat` or `jti`.
    pub fn accept_missing(mut self, claim: &str) -> Self {
        let required = &mut self.profile.required;
        match claim {
            "sub" => required.sub = false,
            "client_id" => required.client_id = false,
            "iat" => required.iat = false,
            "jti" => required.jti = false,
            _ => self.fail(
                "accept_missing",
                "only sub, client_id, iat and jti can be missing; for exp see dangerous()",
            ),
        }
        self
    }

    /// Accepts `scope` also as an array of strings.
    pub fn accept_scope_array(mut self) -> Self {
        self.profile.scope_array = true;
        self
    }

    /// Accepts an `iss` with one slash more or less at its end. Only for an issuer without a path.
    pub fn accept_trailing_slash(mut self) -> Self {
        self.trailing_slash = true;
        self
    }

    /// The algorithms that a token may name. Default: every asymmetric one. HMAC must be named, and
    /// alone: one list has one family, so that no public key is ever taken for a secret.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How far the issuer's clock may differ from ours. Default: 60 s. At most 5 min.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The longest time from `iat`, or from now, to `exp`. Default: no limit.
    pub fn max_lifetime(mut self, longest: Duration) -> Self {
        self.max_lifetime = Some(longest);
        self
    }

    /// The longest token that is looked at. Default: 16 KiB.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// Where the time comes from. Default: the operating system.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The words that weaken what a token proves.
    pub fn dangerous(self) -> DangerousJwtValidatorBuilder {
        DangerousJwtValidatorBuilder(self)
    }

    /// The validator. Nothing is fetched.
    ///
    /// # Errors
    /// A value that cannot work; the error names the word and the fix.
    pub fn build(self) -> Result<JwtValidator, BuildError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if self.issuer.is_empty() {
            return Err(BuildError::invalid("issuer", "it is empty; give what stands in iss"));
        }
        if self.audiences.iter().any(|audience| audience.is_empty()) {
            return Err(BuildError::invalid("audience", "it is empty; give what stands in aud"));
        }
        if self.any_audience && !self.audiences.is_empty() {
            let problem = "any_audience() makes this name mean nothing; keep one of the two";
            return Err(BuildError::invalid("audience", problem));
        }
        check_algorithms(&self.algorithms)?;
        if self.tolerance > LONGEST_TOLERANCE {
            let problem = format!("{:?} is more than 5 min; set the clocks right", self.tolerance);
            return Err(BuildError::invalid("clock_tolerance", problem));
        }
        if self.max_lifetime.is_some_and(|longest| longest.is_zero()) {
            return Err(BuildError::invalid("max_lifetime", "0 s would refuse every token"));
        }
        if self.max_lifetime.is_some() && !self.profile.required.exp {
            let problem = "accept_missing_expiry() lets tokens live for ever; keep one of the two";
            return Err(BuildError::invalid("max_lifetime", problem));
        }
        if self.max_token_bytes == 0 {
            return Err(BuildError::invalid("max_token_bytes", "0 would refuse every token"));
        }
        let issuer_variant =
            self.trailing_slash.then(|| slash_variant(&self.issuer)).transpose()?;
        let rules = Rules {
            issuer: self.issuer.into(),
            issuer_variant,
            audiences: self.audiences,
            profile: self.profile,
            tolerance: self.tolerance,
            max_lifetime: self.max_lifetime,
        };
        self.decryption.check()?;
        Ok(JwtValidator::new(Issuer {
            keys: self.keys,
            decryption: self.decryption,
            algorithms: self.algorithms,
            rules,
            clock: self.clock,
            max_token_bytes: self.max_token_bytes,
            known_headers: KnownHeaders::default(),
        }))
    }
}

impl<Step> JwtValidatorBuilder<Step> {
    fn step<Next>(self) -> JwtValidatorBuilder<Next> {
        JwtValidatorBuilder {
            keys: self.keys,
            issuer: self.issuer,
            audiences: self.audiences,
            any_audience: self.any_audience,
            profile: self.profile,
            trailing_slash: self.trailing_slash,
            algorithms: self.algorithms,
            tolerance: self.tolerance,
            max_lifetime: self.max_lifetime,
            max_token_bytes: self.max_token_bytes,
            clock: self.clock,
            decryption: self.decryption,
            problem: self.problem,
            step: PhantomData,
        }
    }

    fn fail(&mut self, field: &'static str, problem: &'static str) {
        self.problem.get_or_insert_with(|| BuildError::invalid(field, problem));
    }
}

impl<Step> fmt::Debug for JwtValidatorBuilder<Step> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtValidatorBuilder")
            .field("issuer", &self.issuer)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

/// The words of a [`JwtValidatorBuilder`] that weaken what a token proves.
#[must_use = "say what is to be weakened"]
pub struct DangerousJwtValidatorBuilder<Step = Complete>(JwtValidatorBuilder<Step>);

impl DangerousJwtValidatorBuilder<NeedsAudience> {
    /// Takes tokens for whatever audience, also for none: a token that another service was given, and
    /// passed on or lost, opens this one too.
    pub fn any_audience(mut self) -> JwtValidatorBuilder {
        self.0.any_audience = true;
        self.0.step()
    }
}

impl DangerousJwtValidatorBuilder {
    /// Takes tokens without `exp`: a stolen one works until its key is withdrawn.
    pub fn accept_missing_expiry(mut self) -> JwtValidatorBuilder {
        self.0.profile.required.exp = false;
        self.0
    }
}

impl<Step> fmt::Debug for DangerousJwtValidatorBuilder<Step> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DangerousJwtValidatorBuilder").field(&self.0).finish()
    }
}

fn check_algorithms(algorithms: &[Algorithm]) -> Result<(), BuildError> {
    let problem = match algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count() {
        _ if algorithms.is_empty() => "the list is empty; name at least one",
        0 => return Ok(()),
        symmetric if symmetric == algorithms.len() => return Ok(()),
        _ => {
            "HMAC and public-key algorithms in one list let a public key be used as a secret \
             (RFC 8725 §3.1); build one validator for each"
        }
    };
    Err(BuildError::invalid("algorithms", problem))
}

/// The issuer with one slash more or less.
fn slash_variant(issuer: &str) -> Result<Box<str>, BuildError> {
    let bare = issuer.strip_suffix('/').unwrap_or(issuer);
    let host = bare.split_once("://").map(|(_, host)| host).unwrap_or_default();
    if host.is_empty() || host.contains(['/', '?', '#']) {
        return Err(BuildError::invalid(
            "accept_trailing_slash",
            format!("{issuer} is not a bare origin; give the issuer exactly as it stands in iss"),
        ));
    }
    Ok(if bare == issuer { format!("{issuer}/").into() } else { bare.into() })
}

const DEFAULT_TOLERANCE: Duration = Duration::from_secs(60);
const LONGEST_TOLERANCE: Duration = Duration::from_secs(300);
const DEFAULT_TOKEN_BYTES: usize = 16 * 1024;
