//! The default client: reqwest with rustls.

use std::{error::Error as _, fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};

use super::{Fetch, FetchError, FetchFuture};
use crate::error::BuildError;

/// The default [`Fetch`]: reqwest with rustls.
///
/// 1. Certificates are checked against the operating system's store.
/// 2. At most 2 s to connect and 5 s for the whole exchange.
/// 3. Follows no redirect, keeps no cookie, retries nothing, unpacks nothing.
/// 4. Uses **no proxy**, whatever the environment says, unless
///    [told to](HttpClientBuilder::environment_proxy).
/// 5. Refuses a body that is declared too long before it reads it, and stops at the limit otherwise.
///
/// A clone shares the connections.
///
/// ```
/// let client = portcullis::fetch::HttpClient::new()?;
/// # let _ = client;
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// A client with the defaults. It reads the system's certificates and asks nobody.
    ///
    /// # Errors
    /// The system has no certificates that could be trusted.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// A client to be configured.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder::default()
    }
}

impl Fetch for HttpClient {
    fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
        let client = self.0.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(broken)?;
            read(client.execute(request).await.map_err(broken)?, limit).await
        })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// Makes a [`HttpClient`].
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpClientBuilder {
    connect_timeout: Duration,
    environment_proxy: bool,
    root_certificates: Vec<u8>,
    timeout: Duration,
}

impl HttpClientBuilder {
    /// How long connecting may take. Default: 2 s.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Uses the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name. Default: no
    /// proxy, so that a variable that something else left behind reroutes no key.
    pub const fn environment_proxy(mut self) -> Self {
        self.environment_proxy = true;
        self
    }

    /// Trusts these certificates (PEM, one or more) besides the system's.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates = pem.into();
        self
    }

    /// How long one exchange may take, from the first byte to the last. Default: 5 s.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The client. Nothing is asked yet.
    ///
    /// # Errors
    /// A timeout of zero, certificates that are no PEM, or no trusted certificate at all.
    pub fn build(self) -> Result<HttpClient, BuildError> {
        for (field, timeout) in
            [("connect_timeout", self.connect_timeout), ("timeout", self.timeout)]
        {
            if timeout.is_zero() {
                return Err(BuildError::invalid(field, "zero; give a client time to answer"));
            }
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
        if !self.environment_proxy {
            builder = builder.no_proxy();
        }
        if !self.root_certificates.is_empty() {
            let roots = reqwest::Certificate::from_pem_bundle(&self.root_certificates)
                .map_err(|error| BuildError::invalid("root_certificates", chain(&error)))?;
            builder = builder.tls_certs_merge(roots);
        }
        builder.build().map(HttpClient).map_err(|error| {
            let problem = format!(
                "no TLS client could be made ({}); install the system's CA certificates, name some \
                 with HttpClient::builder().root_certificates, or hand in another Fetch",
                chain(&error)
            );
            BuildError::invalid("fetch", problem)
        })
    }
}

impl Default for HttpClientBuilder {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            environment_proxy: false,
            root_certificates: Vec::new(),
            timeout: Duration::from_secs(5),
        }
    }
}

async fn read(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Response<Bytes>, FetchError> {
    let declared = response.content_length().unwrap_or(0);
    if usize::try_from(declared).map_or(true, |declared| declared > limit) {
        return Err(FetchError::TooLarge(limit));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if chunk.len() > limit.saturating_sub(body.len()) {
            return Err(FetchError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(body.freeze());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}

/// Without the URL: it may hold what its owner takes for a secret.
fn broken(error: reqwest::Error) -> FetchError {
    FetchError::Connection(chain(&error.without_url()))
}

/// The error and its causes: reqwest's own text says only where it failed.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
