//! Configuring remote keys.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    KeyLocation, RemoteKeys,
    flight::{Limits, Shared},
    load::Source,
};
use crate::{
    clock::{Clock, SystemClock},
    error::BuildError,
    fetch::{DefaultClient, Fetch, Origin},
    jwt::static_keys::MOST_TRIES,
};

/// Makes [`RemoteKeys`]. `F` is the client: without the feature `fetch` there is no default one, and
/// [`fetch`](Self::fetch) is a required step.
#[derive(Clone)]
#[must_use]
pub struct RemoteKeysBuilder<F> {
    any_http: bool,
    clock: Arc<dyn Clock>,
    cooldown: Duration,
    fetch: F,
    location: KeyLocation,
    max_bytes: usize,
    max_keys: usize,
    max_stale: Duration,
    timeout: Duration,
    tries: usize,
    ttl: Duration,
}

impl RemoteKeys {
    /// Keys that are found by OpenID Connect Discovery, with the defaults and the default client.
    ///
    /// # Errors
    /// The issuer is no https URL without query and fragment (http works for a literal loopback
    /// address, and warns), or the system offers no TLS.
    #[cfg(feature = "fetch")]
    pub fn discover(issuer: impl Into<String>) -> Result<Self, crate::error::BuildError> {
        Self::builder(KeyLocation::discover(issuer)).build()
    }

    /// Keys at a known URL, with the defaults and the default client. No document says then whose
    /// keys they are.
    ///
    /// # Errors
    /// As for [`discover`](Self::discover); a query is allowed.
    #[cfg(feature = "fetch")]
    pub fn jwks_url(url: impl Into<String>) -> Result<Self, crate::error::BuildError> {
        Self::builder(KeyLocation::jwks_url(url)).build()
    }

    /// Keys that are found by the authorization server metadata of RFC 8414, with the defaults and
    /// the default client.
    ///
    /// # Errors
    /// As for [`discover`](Self::discover).
    #[cfg(feature = "fetch")]
    pub fn oauth_metadata(issuer: impl Into<String>) -> Result<Self, crate::error::BuildError> {
        Self::builder(KeyLocation::oauth_metadata(issuer)).build()
    }

    /// Keys to be configured.
    pub fn builder(location: KeyLocation) -> RemoteKeysBuilder<DefaultClient> {
        RemoteKeysBuilder::new(location)
    }
}

impl RemoteKeysBuilder<DefaultClient> {
    pub(super) fn new(location: KeyLocation) -> Self {
        Self {
            any_http: false,
            clock: Arc::new(SystemClock),
            cooldown: Duration::from_secs(30),
            fetch: DefaultClient,
            location,
            max_bytes: 1024 * 1024,
            max_keys: 100,
            max_stale: DAY,
            timeout: Duration::from_millis(4_500),
            tries: 1,
            ttl: Duration::from_secs(10 * 60),
        }
    }

    /// The keys, with the default client. Nothing is asked yet.
    ///
    /// # Errors
    /// A value that cannot be used, or no TLS on this system.
    #[cfg(feature = "fetch")]
    pub fn build(self) -> Result<RemoteKeys, BuildError> {
        let client = crate::fetch::HttpClient::builder().timeout(self.timeout).build()?;
        self.fetch(client).build()
    }
}

impl RemoteKeysBuilder<Arc<dyn Fetch>> {
    /// The keys. Nothing is asked yet.
    ///
    /// # Errors
    /// A value that cannot be used.
    pub fn build(self) -> Result<RemoteKeys, BuildError> {
        let url = self.location.check(self.any_http)?;
        let durations = [
            ("refetch_cooldown", self.cooldown, SECOND, HOUR),
            ("ttl", self.ttl, SECOND, DAY),
            ("max_stale", self.max_stale, self.ttl, MONTH),
            ("timeout", self.timeout, Duration::from_millis(1), MINUTE),
        ];
        for (field, value, least, most) in durations {
            if !(least..=most).contains(&value) {
                let problem = format!("{value:?} is not between {least:?} and {most:?}");
                return Err(BuildError::invalid(field, problem));
            }
        }
        let counts = [
            ("max_bytes", self.max_bytes, 1024, 64 * 1024 * 1024),
            ("max_keys", self.max_keys, 1, 10_000),
            ("try_keys_without_kid", self.tries, 1, MOST_TRIES),
        ];
        for (field, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                let problem = format!("{value} is not between {least} and {most}");
                return Err(BuildError::invalid(field, problem));
            }
        }
        let origin = Origin {
            fetch: self.fetch,
            location: self.location.0,
            url,
            any_http: self.any_http,
            max_bytes: self.max_bytes,
        };
        let source = Source { origin, max_keys: self.max_keys };
        let limits = Limits {
            cooldown: self.cooldown,
            max_stale: self.max_stale,
            timeout: self.timeout,
            tries: self.tries,
            ttl: self.ttl,
        };
        Ok(RemoteKeys::new(Shared::new(source, self.clock, limits)))
    }
}

impl<F> RemoteKeysBuilder<F> {
    /// The clock that ages are read from. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens what weakens the protection.
    pub fn dangerous(self) -> DangerousRemoteKeys<F> {
        DangerousRemoteKeys(self)
    }

    /// The client. Default: [`HttpClient`](crate::fetch::HttpClient), with the feature `fetch`.
    pub fn fetch(self, fetch: impl Fetch + 'static) -> RemoteKeysBuilder<Arc<dyn Fetch>> {
        let Self {
            any_http,
            clock,
            cooldown,
            fetch: _,
            location,
            max_bytes,
            max_keys,
            max_stale,
            timeout,
            tries,
            ttl,
        } = self;
        RemoteKeysBuilder {
            any_http,
            clock,
            cooldown,
            fetch: Arc::new(fetch),
            location,
            max_bytes,
            max_keys,
            max_stale,
            timeout,
            tries,
            ttl,
        }
    }

    /// The longest document that is read, in bytes. Default: 1 MiB. From 1 KiB to 64 MiB.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The most keys of a set. A larger set is refused as a whole. Default: 100. At most 10,000.
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// How long known keys serve while the issuer cannot be asked, counted from the last good
    /// answer. Default: 24 hours. From the [`ttl`](Self::ttl) to 30 days.
    pub const fn max_stale(mut self, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        self
    }

    /// The least time between two fetches for unknown `kid`s. Default: 30 s. From 1 s to 1 hour.
    pub const fn refetch_cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// How long a fetch may take, metadata and keys together. Default: 4.5 s, so that a request
    /// which waits for it learns why it failed before its gate's budget of 5 s ends. At most 1 minute.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Tries up to so many keys in turn for a token without `kid`. Default: 1, so that it must be
    /// clear which key is meant. At most 4, because each costs a signature check.
    pub const fn try_keys_without_kid(mut self, keys: usize) -> Self {
        self.tries = keys;
        self
    }

    /// How long a set is fresh when its answer does not say so itself by `max-age`. Default:
    /// 10 minutes. From 1 s to 24 hours.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }
}

impl<F> fmt::Debug for RemoteKeysBuilder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeysBuilder")
            .field("location", &format_args!("{}", self.location))
            .finish_non_exhaustive()
    }
}

/// What weakens the protection. See [`RemoteKeysBuilder::dangerous`].
#[derive(Debug)]
#[must_use]
pub struct DangerousRemoteKeys<F>(RemoteKeysBuilder<F>);

impl<F> DangerousRemoteKeys<F> {
    /// Fetches over http from any host: whoever is on the way can put in keys of their own and be
    /// anybody. Building warns in the log.
    pub fn allow_http(self) -> RemoteKeysBuilder<F> {
        RemoteKeysBuilder { any_http: true, ..self.0 }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
