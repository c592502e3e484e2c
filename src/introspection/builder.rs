//! Building an [`IntrospectionValidator`].

use std::{fmt, sync::Arc, time::Duration};

use super::{
    ClientAuth, IntrospectionEndpoint, IntrospectionValidator, answer::Rules, client::Client,
    validator::Inner,
};
use crate::{
    clock::{Clock, SystemClock},
    error::BuildError,
    fetch::{DefaultClient, Fetch, Origin},
    token::PatFormat,
};

/// Builds an [`IntrospectionValidator`]; made by [`IntrospectionValidator::builder`]. `F` is the
/// client: without the feature `fetch` there is no default one, and [`fetch`](Self::fetch) is a
/// required step.
#[derive(Clone)]
#[must_use = "a validator exists only after build()"]
pub struct IntrospectionBuilder<F> {
    fetch: F,
    settings: Settings,
}

#[derive(Clone)]
struct Settings {
    any_audience: bool,
    any_http: bool,
    audience_is_required: bool,
    audiences: Vec<Box<str>>,
    auth: ClientAuth,
    authorization: Option<Box<str>>,
    clock: Arc<dyn Clock>,
    endpoint: IntrospectionEndpoint,
    issuer: Option<Box<str>>,
    max_bytes: usize,
    max_concurrent: usize,
    max_token_bytes: usize,
    negative: Duration,
    pat_format: Option<PatFormat>,
    positive: Duration,
    scope_array: bool,
    stale: Duration,
    subject: Box<str>,
    timeout: Duration,
    tolerance: Duration,
}

impl IntrospectionValidator {
    /// Asks at this endpoint, a URL or [where the metadata says](IntrospectionEndpoint::discover),
    /// with these credentials.
    pub fn builder(
        endpoint: impl Into<IntrospectionEndpoint>,
        auth: ClientAuth,
    ) -> IntrospectionBuilder<DefaultClient> {
        let settings = Settings {
            any_audience: false,
            any_http: false,
            audience_is_required: false,
            audiences: Vec::new(),
            auth,
            authorization: None,
            clock: Arc::new(SystemClock),
            endpoint: endpoint.into(),
            issuer: None,
            max_bytes: 64 * 1024,
            max_concurrent: 64,
            max_token_bytes: 16 * 1024,
            negative: Duration::from_secs(10),
            pat_format: None,
            positive: Duration::from_secs(60),
            scope_array: false,
            stale: Duration::ZERO,
            subject: "sub".into(),
            timeout: Duration::from_secs(3),
            tolerance: Duration::from_secs(60),
        };
        IntrospectionBuilder { fetch: DefaultClient, settings }
    }
}

impl IntrospectionBuilder<DefaultClient> {
    /// The validator, with the default client. Nothing is asked yet.
    ///
    /// # Errors
    /// A value that cannot be used, or no TLS on this system.
    #[cfg(feature = "fetch")]
    pub fn build(self) -> Result<IntrospectionValidator, BuildError> {
        let client = crate::fetch::HttpClient::builder().timeout(self.settings.timeout).build()?;
        self.fetch(client).build()
    }
}

impl IntrospectionBuilder<Arc<dyn Fetch>> {
    /// The validator. Nothing is asked yet.
    ///
    /// # Errors
    /// A value that cannot be used; the error names the word and the fix.
    pub fn build(self) -> Result<IntrospectionValidator, BuildError> {
        let Self { fetch, settings } = self;
        settings.check()?;
        let location = settings.endpoint.0;
        let url = location.check("endpoint", settings.any_http)?;
        if url.scheme_str() == Some("http") {
            tracing::warn!(
                target: "portcullis::introspection",
                %url,
                "the issuer is asked over http: whoever is on the way reads tokens and answers",
            );
        }
        let issuer = match (location.issuer(), &settings.issuer) {
            (Some(found), Some(named)) if *found != **named => {
                let problem = format!("{named:?} is not the issuer of the metadata, {found:?}");
                return Err(BuildError::invalid("issuer", problem));
            }
            (Some(issuer), _) => Some(issuer.into()),
            (None, named) => named.clone(),
        };
        let audiences = match settings.auth.client_id() {
            _ if settings.any_audience => Vec::new(),
            Some(client_id) if settings.audiences.is_empty() => vec![client_id.into()],
            _ => settings.audiences,
        };
        let rules = Rules {
            issuer_is_known: issuer.is_some(),
            issuer: issuer.unwrap_or_else(|| url.to_string().into()),
            audiences,
            audience_is_required: settings.audience_is_required,
            scope_array: settings.scope_array,
            subject: settings.subject,
            authorization: settings.authorization,
            tolerance: settings.tolerance,
        };
        let origin = Origin {
            fetch,
            location,
            url,
            any_http: settings.any_http,
            max_bytes: settings.max_bytes,
        };
        let client = Client::new(
            origin,
            settings.auth.prepare()?,
            settings.auth.client_id(),
            Arc::clone(&settings.clock),
            settings.timeout,
            settings.max_concurrent,
        );
        Ok(IntrospectionValidator::new(Inner {
            client,
            rules,
            clock: settings.clock,
            pat_format: settings.pat_format,
            max_token_bytes: settings.max_token_bytes,
            positive: settings.positive,
            negative: settings.negative,
            stale: settings.stale,
        }))
    }
}

impl<F> IntrospectionBuilder<F> {
    /// Accepts `scope` also as an array of strings.
    pub fn accept_scope_array(mut self) -> Self {
        self.settings.scope_array = true;
        self
    }

    /// What this service is called in `aud`; may be said several times. An answer that has an `aud`
    /// must name one of them. Default: this service's client id.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.settings.audiences.push(audience.into().into());
        self
    }

    /// The member of the answer that tells the authorization which the token was issued under, so
    /// that [`Cached::invalidate_authorization`](crate::token::Cached::invalidate_authorization)
    /// finds it. Default: none is read.
    pub fn authorization_member(mut self, name: &str) -> Self {
        self.settings.authorization = Some(name.into());
        self
    }

    /// Where the time comes from. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// How far the issuer's clock may run ahead of ours, for `nbf` and `iat`; `exp` has no
    /// tolerance. Default: 60 s. At most 5 min.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.settings.tolerance = tolerance;
        self
    }

    /// Opens what weakens the protection.
    pub fn dangerous(self) -> DangerousIntrospection<F> {
        DangerousIntrospection(self)
    }

    /// The client. Default: [`HttpClient`](crate::fetch::HttpClient), with the feature `fetch`.
    pub fn fetch(self, fetch: impl Fetch + 'static) -> IntrospectionBuilder<Arc<dyn Fetch>> {
        IntrospectionBuilder { fetch: Arc::new(fetch), settings: self.settings }
    }

    /// Who vouches for the tokens: an `iss` in an answer must be this one. Default: the issuer whose
    /// metadata names the endpoint; for a plain URL that URL stands for the issuer, and `iss` is not
    /// compared.
    ///
    /// Say it where tokens are to be forgotten or revoked: `Cached::invalidate_subject`,
    /// `InMemoryRevocations::revoke_subject` and their kin go by
    /// [`Identity::issuer`](crate::Identity::issuer), and without this word that is the endpoint's URL.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.settings.issuer = Some(issuer.into().into());
        self
    }

    /// The longest answer that is read, in bytes. Default: 64 KiB. From 256 bytes to 16 MiB.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// How many questions the issuer is asked at the same time; 16 times as many wait for a place,
    /// for up to 1 s, and what is beyond that is answered 503 at once. Default: 64. At most 10,000.
    pub const fn max_concurrent(mut self, requests: usize) -> Self {
        self.settings.max_concurrent = requests;
        self
    }

    /// The longest token that is asked about. Default: 16 KiB.
    pub const fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_token_bytes = bytes;
        self
    }

    /// How long a "no" is remembered. Default: 10 s. At most 5 min.
    pub const fn negative_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.negative = lifetime;
        self
    }

    /// The tokens begin with a name for people. Default: they do not.
    pub fn pat_format(mut self, format: PatFormat) -> Self {
        self.settings.pat_format = Some(format);
        self
    }

    /// How long a "yes" is remembered, which is how long a revoked token may still be accepted; never
    /// beyond `exp`. Zero: each request asks. Default: 60 s. At most 1 hour.
    pub const fn positive_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.positive = lifetime;
        self
    }

    /// Refuses a token whose answer has no `aud`. Default: the issuer was asked as this service, and
    /// said yes.
    pub fn require_audience(mut self) -> Self {
        self.settings.audience_is_required = true;
        self
    }

    /// How long beyond its lifetime a "yes" serves while the issuer cannot be asked, never beyond
    /// `exp`. Default: zero, so that an outage is a 503. At most 1 day.
    pub const fn serve_stale(mut self, longest: Duration) -> Self {
        self.settings.stale = longest;
        self
    }

    /// The member of the answer that tells who it is. Default: `sub`. Some issuers give only a
    /// `username`; it may be given to somebody else later (RFC 7662 §2.2).
    pub fn subject_member(mut self, name: &str) -> Self {
        self.settings.subject = name.into();
        self
    }

    /// How long the issuer may take. Default: 3 s. From 1 ms to 1 minute.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }
}

impl Settings {
    fn check(&self) -> Result<(), BuildError> {
        let durations = [
            ("clock_tolerance", self.tolerance, Duration::ZERO, 5 * MINUTE),
            ("negative_lifetime", self.negative, Duration::ZERO, 5 * MINUTE),
            ("positive_lifetime", self.positive, Duration::ZERO, 60 * MINUTE),
            ("serve_stale", self.stale, Duration::ZERO, 24 * 60 * MINUTE),
            ("timeout", self.timeout, Duration::from_millis(1), MINUTE),
        ];
        for (field, value, least, most) in durations {
            if !(least..=most).contains(&value) {
                let problem = format!("{value:?} is not between {least:?} and {most:?}");
                return Err(BuildError::invalid(field, problem));
            }
        }
        let counts = [
            ("max_bytes", self.max_bytes, 256, 16 * 1024 * 1024),
            ("max_concurrent", self.max_concurrent, 1, 10_000),
            ("max_token_bytes", self.max_token_bytes, 1, 1024 * 1024),
        ];
        for (field, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                let problem = format!("{value} is not between {least} and {most}");
                return Err(BuildError::invalid(field, problem));
            }
        }
        if self.issuer.as_deref() == Some("") {
            return Err(BuildError::invalid("issuer", "it is empty; give what stands in iss"));
        }
        if self.subject.is_empty() {
            return Err(BuildError::invalid("subject_member", "it is empty; leave it to be sub"));
        }
        if self.pat_format.as_ref().is_some_and(|format| format.separator.is_empty()) {
            return Err(BuildError::invalid("pat_format", "the separator is empty"));
        }
        let problem = match (self.any_audience, self.audiences.as_slice()) {
            (_, names) if names.iter().any(|name| name.is_empty()) => {
                "it is empty; give what stands in aud"
            }
            (true, [_, ..]) => "any_audience() makes this name mean nothing; keep one of the two",
            (true, _) if self.audience_is_required => {
                "any_audience() and require_audience() contradict; keep one of the two"
            }
            (false, []) if self.auth.client_id().is_none() => {
                "give what stands in aud: a bearer token does not tell this service's name"
            }
            _ => return Ok(()),
        };
        Err(BuildError::invalid("audience", problem))
    }
}

impl<F> fmt::Debug for IntrospectionBuilder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionBuilder")
            .field("endpoint", &self.settings.endpoint.to_string())
            .field("auth", &self.settings.auth)
            .finish_non_exhaustive()
    }
}

/// What weakens the protection. See [`IntrospectionBuilder::dangerous`].
#[derive(Debug)]
#[must_use = "say what is to be weakened"]
pub struct DangerousIntrospection<F>(IntrospectionBuilder<F>);

impl<F> DangerousIntrospection<F> {
    /// Asks over http at any host: whoever is on the way reads every token and this service's
    /// credentials, and can be anybody. Building warns in the log.
    pub fn allow_http(mut self) -> IntrospectionBuilder<F> {
        self.0.settings.any_http = true;
        self.0
    }

    /// Takes tokens for whatever audience: a token that another service was given, and passed on or
    /// lost, opens this one too, unless the issuer itself tells its callers apart.
    pub fn any_audience(mut self) -> IntrospectionBuilder<F> {
        self.0.settings.any_audience = true;
        self.0
    }
}

const MINUTE: Duration = Duration::from_secs(60);
