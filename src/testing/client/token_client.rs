//! The client, and when it asks.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use serde_json::Value;
use tokio::{sync::Mutex as AsyncMutex, time::timeout};

use super::{
    missing::Missing,
    token_client_builder::TokenClientBuilder,
    token_response::{MalformedTokenResponse, TokenResponse},
};
use crate::{
    fetch::{Fetch, FetchError},
    testing::percent,
};

/// Calls an API with tokens of one token endpoint; see the [module docs](super) for what it does
/// when. A clone is the same client. It needs a tokio runtime: it waits, and renews in a task.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use portcullis::testing::{Client, Endpoint, MockIssuer, client::TokenClient};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let script = Client::new("script").secret("secret").grant("client_credentials");
/// let issuer = MockIssuer::builder().client(script).build();
/// let client = TokenClient::builder(&format!("{}/token", issuer.url()), issuer.fetch())
///     .parameter("grant_type", "client_credentials")
///     .parameter("client_id", "script")
///     .parameter("client_secret", "secret")
///     .build()?;
///
/// let request = Request::get(format!("{}/userinfo", issuer.url())).body(Bytes::new())?;
/// client.call(request.clone()).await?;
/// client.call(request).await?;
/// assert_eq!(issuer.requests(Endpoint::Token), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct TokenClient(Arc<Inner>);

struct Inner {
    settings: TokenClientBuilder,
    endpoint: Uri,
    state: Mutex<State>,
    /// Whoever has it asks for a token.
    flight: Arc<AsyncMutex<()>>,
}

#[derive(Default)]
struct State {
    cookie: Option<HeaderValue>,
    held: Option<Held>,
    /// How many requests for a token have ended, and how the last one did if it brought none.
    asked: u64,
    failed: Option<CallError>,
}

/// A token, and until when it is good by the monotonic clock.
struct Held {
    token: Arc<TokenResponse>,
    renew_at: Option<Duration>,
    expires_at: Option<Duration>,
}

impl TokenClient {
    /// A client of this token endpoint.
    pub fn builder(token_endpoint: &str, fetch: impl Fetch + 'static) -> TokenClientBuilder {
        TokenClientBuilder::new(token_endpoint, fetch)
    }

    /// The line `Cookie` that goes along from now on, to the token endpoint and to every other URL
    /// of its host: the session. `None`: none does. A request that has its own keeps it.
    ///
    /// # Panics
    /// The line cannot stand in a header.
    pub fn set_cookie(&self, line: Option<&str>) {
        self.state().cookie = line.map(|line| {
            let mut line = HeaderValue::from_str(line).expect("a line without control characters");
            line.set_sensitive(true);
            line
        });
    }

    /// Sends this request with a token, at most twice.
    ///
    /// # Errors
    /// The user must log in, the token endpoint refuses this client or answers nonsense, or there is
    /// no connection. An answer of the API, whichever its status, is no error, but for 401 with
    /// `missing` = `session`.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let called = request.uri().to_string();
        self.call_with_token(request).await.map_err(|error| match error {
            CallError::LoginNeeded(needed) => {
                CallError::LoginNeeded(LoginNeeded { return_to: Some(called), ..needed })
            }
            error => error,
        })
    }

    /// The token: the one at hand, or a new one.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn token(&self) -> Result<Arc<TokenResponse>, CallError> {
        let asked = match self.look() {
            Look::Fresh(token) => return Ok(token),
            Look::Due(token) => {
                self.renew();
                return Ok(token);
            }
            Look::None { asked } => asked,
        };
        let _flight = self.0.flight.lock().await;
        if let Some(answer) = self.answer_since(asked) {
            return answer;
        }
        self.ask().await
    }

    pub(super) fn from_parts(settings: TokenClientBuilder, endpoint: Uri) -> Self {
        let (state, flight) = (Mutex::default(), Arc::default());
        Self(Arc::new(Inner { settings, endpoint, state, flight }))
    }

    async fn call_with_token(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let mut token = self.token().await?;
        let mut answer = self.send(self.with_credentials(&request, &token)).await?;
        if Missing::of(&answer) == Some(Missing::Token) {
            self.forget(&token);
            token = self.token().await?;
            answer = self.send(self.with_credentials(&request, &token)).await?;
        }
        match Missing::of(&answer) {
            Some(Missing::Session(login)) => {
                self.forget(&token);
                let error = "the API says that nobody is logged in".to_owned();
                Err(CallError::LoginNeeded(LoginNeeded { error, login, return_to: None }))
            }
            _ => Ok(answer),
        }
    }

    /// Asks in the background, unless somebody asks already.
    fn renew(&self) {
        let Ok(flight) = self.0.flight.clone().try_lock_owned() else { return };
        if !matches!(self.look(), Look::Due(_)) {
            return; // somebody has just done it
        }
        let client = self.clone();
        tokio::spawn(async move {
            // whoever calls next learns of it: the old token goes along, or none is there
            let _ = client.ask().await;
            drop(flight);
        });
    }

    /// Asks for a token. The token endpoint is sent no bearer token.
    async fn ask(&self) -> Result<Arc<TokenResponse>, CallError> {
        let asked_at = self.0.settings.clock.monotonic();
        let answer = self.exchange().await;
        let mut state = self.state();
        state.asked += 1;
        match answer {
            Ok(response) => {
                let at = |lifetime| asked_at.saturating_add(lifetime);
                let token = Arc::new(response);
                state.failed = None;
                state.held = Some(Held {
                    token: token.clone(),
                    renew_at: token.expires_in.map(|lifetime| at(lifetime / 5 * 4)),
                    expires_at: token.expires_in.map(at),
                });
                Ok(token)
            }
            Err(error) => {
                if matches!(error, CallError::LoginNeeded(_)) {
                    state.held = None;
                }
                state.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn exchange(&self) -> Result<TokenResponse, CallError> {
        let answer = self.send(self.question()).await?;
        let status = answer.status().as_u16();
        if status == 200 {
            return answer.body()[..].try_into().map_err(CallError::Malformed);
        }
        let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let error = document["error"].as_str().unwrap_or("(no error code)").to_owned();
        Err(match status {
            400 => CallError::LoginNeeded(LoginNeeded { error, login: None, return_to: None }),
            _ => CallError::Refused { status, error },
        })
    }

    fn question(&self) -> Request<Bytes> {
        let parameters = self.0.settings.form.iter();
        let form = percent::form(parameters.map(|(name, value)| (&**name, &**value)));
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(&self.0.endpoint);
        let headers = request.headers_mut();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        self.add_cookie(&mut request);
        request
    }

    fn with_credentials(&self, request: &Request<Bytes>, token: &TokenResponse) -> Request<Bytes> {
        let mut request = request.clone();
        let line = HeaderValue::from_str(&format!("Bearer {}", token.access_token));
        let mut line = line.expect("only characters of RFC 6749 appendix A.12 were accepted");
        line.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, line);
        self.add_cookie(&mut request);
        request
    }

    /// As a browser does it: ports and schemes do not separate cookies, hosts do.
    fn add_cookie(&self, request: &mut Request<Bytes>) {
        let at_home = request.uri().host() == self.0.endpoint.host();
        let cookie = self.state().cookie.clone();
        if let Some(cookie) = cookie.filter(|_| at_home) {
            request.headers_mut().entry(header::COOKIE).or_insert(cookie);
        }
    }

    /// Where there is no connection it is tried again, but for what might then happen twice: a
    /// request whose method is not idempotent (RFC 9110 §9.2.2), unless it asks for a token.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let for_token = *request.uri() == self.0.endpoint;
        let again = for_token || request.method().is_idempotent();
        let mut waits = WAITS.into_iter().filter(|_| again);
        loop {
            let settings = &self.0.settings;
            let sent = settings.fetch.fetch(request.clone(), LONGEST_ANSWER);
            let error = match timeout(settings.timeout, sent).await {
                Ok(Ok(answer)) if for_token && is_away(&answer) => {
                    FetchError::Connection(format!("status {}", answer.status().as_u16()))
                }
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => FetchError::Connection(format!("no answer in {:?}", settings.timeout)),
            };
            match waits.next() {
                Some(wait) if matches!(error, FetchError::Connection(_)) => {
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(CallError::Unreachable(error)),
            }
        }
    }

    fn look(&self) -> Look {
        let now = self.0.settings.clock.monotonic();
        let state = self.state();
        let is_over = |end: Option<Duration>| end.is_some_and(|end| end <= now);
        match &state.held {
            Some(held) if is_over(held.expires_at) => Look::None { asked: state.asked },
            Some(held) if is_over(held.renew_at) => Look::Due(held.token.clone()),
            Some(held) => Look::Fresh(held.token.clone()),
            None => Look::None { asked: state.asked },
        }
    }

    /// How somebody else's request ended, if it ended after `asked`.
    fn answer_since(&self, asked: u64) -> Option<Result<Arc<TokenResponse>, CallError>> {
        let state = self.state();
        if state.asked == asked {
            return None;
        }
        match (&state.failed, &state.held) {
            (Some(error), _) => Some(Err(error.clone())),
            (None, held) => held.as_ref().map(|held| Ok(held.token.clone())),
        }
    }

    /// Drops this token, unless another one has come meanwhile.
    fn forget(&self, token: &Arc<TokenResponse>) {
        let mut state = self.state();
        if state.held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.token, token)) {
            state.held = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TokenClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenClient({})", self.0.endpoint)
    }
}

/// What is at hand.
enum Look {
    Due(Arc<TokenResponse>),
    Fresh(Arc<TokenResponse>),
    /// So many requests for a token have ended by now.
    None {
        asked: u64,
    },
}

/// Why there is no answer to look at.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// The user must log in; another try without that would end the same way.
    LoginNeeded(LoginNeeded),
    /// What the token endpoint answers is no token response.
    Malformed(MalformedTokenResponse),
    /// The token endpoint does not take this client.
    Refused {
        /// Its status.
        status: u16,
        /// Its `error` (RFC 6749 §5.2).
        error: String,
    },
    /// No connection, after three tries. A token that was at hand still is.
    Unreachable(FetchError),
}

/// What is known about the login that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginNeeded {
    /// The `error` of the token endpoint, or what else says so.
    pub error: String,
    /// Where to log in, if the API said so.
    pub login: Option<String>,
    /// Where to come back to: what was called.
    pub return_to: Option<String>,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginNeeded(needed) => write!(f, "the user must log in: {}", needed.error),
            Self::Malformed(error) => error.fmt(f),
            Self::Refused { status, error } => {
                write!(f, "the token endpoint refuses this client: {status} {error}")
            }
            Self::Unreachable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CallError {}

/// It is there, and cannot answer now.
fn is_away(answer: &Response<Bytes>) -> bool {
    matches!(answer.status().as_u16(), 429 | 500..)
}

/// Before the second try, and before the third.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];
const LONGEST_ANSWER: usize = 1024 * 1024;
