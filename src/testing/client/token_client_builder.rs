//! Configuring the client.

use std::{fmt, sync::Arc, time::Duration};

use super::token_client::TokenClient;
use crate::{
    clock::{Clock, SystemClock},
    error::BuildError,
    fetch::{Fetch, Location},
};

/// Makes a [`TokenClient`]. Its `Debug` shows no value of the form.
#[derive(Clone)]
#[must_use]
pub struct TokenClientBuilder {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) endpoint: String,
    pub(super) fetch: Arc<dyn Fetch>,
    pub(super) form: Vec<(String, String)>,
    pub(super) timeout: Duration,
}

impl TokenClientBuilder {
    pub(super) fn new(endpoint: &str, fetch: impl Fetch + 'static) -> Self {
        Self {
            clock: Arc::new(SystemClock),
            endpoint: endpoint.to_owned(),
            fetch: Arc::new(fetch),
            form: Vec::new(),
            timeout: Duration::from_secs(10),
        }
    }

    /// The clock. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A parameter of the request for a token. May be said many times; a name that was said before
    /// gets a new value. Default: `grant_type=password` alone, which asks for a token by the session
    /// that comes along.
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.form.retain(|(known, _)| known != name);
        self.form.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How long one request may take. Default: 10 s.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The client. Nothing is asked before the first call.
    ///
    /// # Errors
    /// The token endpoint is no absolute URL. http is good enough here: it is a client for tests.
    pub fn build(mut self) -> Result<TokenClient, BuildError> {
        let endpoint = Location::Url(self.endpoint.clone()).check("token_endpoint", true)?;
        if !self.form.iter().any(|(name, _)| name == "grant_type") {
            self = self.parameter("grant_type", "password");
        }
        Ok(TokenClient::from_parts(self, endpoint))
    }
}

impl fmt::Debug for TokenClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.form.iter().map(|(name, _)| name).collect();
        f.debug_struct("TokenClientBuilder")
            .field("endpoint", &self.endpoint)
            .field("form", &names)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
