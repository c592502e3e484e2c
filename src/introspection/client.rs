//! One question to the issuer: who may ask when, how it is asked, and what came back.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use tokio::{
    sync::{Mutex as AsyncMutex, Semaphore},
    time::timeout,
};
use zeroize::Zeroizing;

use super::client_auth::{Credentials, encode};
use crate::{
    clock::Clock,
    error::{AuthError, AuthErrorKind},
    fetch::{self, Backoff, Failure, FetchError, Origin},
};

/// Asks the endpoint.
pub(super) struct Client {
    origin: Origin,
    credentials: Credentials,
    /// For the operator: who is refused.
    client_id: String,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    state: Mutex<State>,
    /// Where the metadata says to ask, once it was read.
    discovered: AsyncMutex<Option<Discovered>>,
    /// Those that ask and those that wait to: more are answered at once.
    places: Semaphore,
    /// Those that ask.
    requests: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    backoff: Backoff,
    /// When a refusal of our credentials was last logged.
    alarmed_at: Option<Duration>,
}

struct Discovered {
    endpoint: Uri,
    until: Duration,
}

/// Why there is no answer to look at.
enum Problem {
    /// The issuer is not there, or says itself that it cannot: it is left alone for a while.
    Away(Failure),
    /// Another request found that out meanwhile.
    Held(AuthError),
    /// It does not take our credentials. 401 concerns every token; 403 may concern this one, where
    /// something before the issuer dislikes it.
    Refused { status: u16, for_all: bool },
    /// It is there, and failed over this question: for all we know only over this token, so others
    /// are still asked.
    Stumbled(Failure),
    /// What came is no introspection answer.
    Unclean(Failure),
}

impl Client {
    pub(super) fn new(
        origin: Origin,
        credentials: Credentials,
        client_id: Option<&str>,
        clock: Arc<dyn Clock>,
        timeout: Duration,
        max_concurrent: usize,
    ) -> Self {
        Self {
            origin,
            credentials,
            client_id: client_id.unwrap_or("(a bearer token)").to_owned(),
            clock,
            timeout,
            state: Mutex::default(),
            discovered: AsyncMutex::default(),
            places: Semaphore::new(max_concurrent.saturating_mul(1 + QUEUE)),
            requests: Semaphore::new(max_concurrent),
        }
    }

    /// The answer while the issuer is left alone.
    pub(super) fn holds(&self) -> Option<AuthError> {
        self.state().backoff.holds(self.clock.monotonic())
    }

    /// The body of a clean answer to what `token` is.
    pub(super) async fn ask(&self, token: &str) -> Result<Bytes, AuthError> {
        let Ok(_place) = self.places.try_acquire() else { return Err(busy()) };
        let Ok(Ok(_request)) = timeout(LONGEST_QUEUE, self.requests.acquire()).await else {
            return Err(busy());
        };
        let kind = self.state().backoff.admit(self.clock.monotonic(), self.timeout)?;
        let answer = timeout(self.timeout, self.exchange(token, kind)).await;
        answer
            .unwrap_or_else(|_| {
                let late = format!("{}: no answer within {:?}", self.origin.url, self.timeout);
                Err(Problem::Away(Failure::new(late)))
            })
            .map_err(|problem| self.weigh(problem, kind))
    }

    async fn exchange(&self, token: &str, kind: fetch::Request) -> Result<Bytes, Problem> {
        let endpoint = self.endpoint(kind).await?;
        let mut answer = self.origin.send(self.question(&endpoint, token)).await;
        if let Err(FetchError::Connection(_)) = answer {
            // it may be a kept connection that the other side had just closed; asking twice changes
            // nothing there
            answer = self.origin.send(self.question(&endpoint, token)).await;
        }
        let response = match answer {
            Ok(response) => response,
            Err(error @ FetchError::TooLarge(_)) => {
                return Err(Problem::Unclean(Failure::at(&endpoint, &error)));
            }
            Err(error) => return Err(Problem::Away(Failure::at(&endpoint, &error))),
        };
        let failure = |problem: &str| Failure::of(&endpoint, &response, problem);
        let status = response.status().as_u16();
        if status != 401 && !matches!(status, 429 | 502..=504) {
            self.state().backoff = Backoff::default();
        }
        match status {
            200 if is_json(&response) => Ok(response.into_body()),
            200 => Err(Problem::Unclean(failure("the content type is not JSON"))),
            401 => Err(Problem::Refused { status, for_all: true }),
            403 => Err(Problem::Refused { status, for_all: false }),
            429 | 502..=504 => Err(Problem::Away(failure(&format!("status {status}")))),
            500.. => Err(Problem::Stumbled(failure(&format!("status {status}")))),
            300..=399 => {
                let text = format!("status {status}; redirects are not followed");
                Err(Problem::Unclean(failure(&text)))
            }
            _ => Err(Problem::Unclean(failure(&format!("status {status}")))),
        }
    }

    /// RFC 7662 §2.1. The token stands in the body, and nowhere else.
    fn question(&self, endpoint: &Uri, token: &str) -> Request<Bytes> {
        let mut body = Zeroizing::new(String::from("token="));
        encode(token.as_bytes(), &mut body);
        body.push_str("&token_type_hint=access_token");
        if let Credentials::Form(credentials) = &self.credentials {
            body.push_str(str::from_utf8(credentials.expose()).unwrap_or_default());
        }
        let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        if let Credentials::Header(line) = &self.credentials {
            headers.insert(header::AUTHORIZATION, line.clone());
        }
        request
    }

    /// Where to ask. What the metadata said is believed for an hour, and longer while it cannot be
    /// read again.
    async fn endpoint(&self, kind: fetch::Request) -> Result<Uri, Problem> {
        let Some(issuer) = self.origin.location.issuer() else {
            return Ok(self.origin.url.clone());
        };
        let mut discovered = self.discovered.lock().await;
        let now = self.clock.monotonic();
        if let Some(known) = discovered.as_ref().filter(|known| now < known.until) {
            return Ok(known.endpoint.clone());
        }
        if kind == fetch::Request::Usual
            && let Some(error) = self.holds()
        {
            return Err(Problem::Held(error));
        }
        match self.origin.metadata(issuer, "introspection_endpoint", false).await {
            Ok(endpoint) => {
                let until = now.saturating_add(METADATA_FOR);
                *discovered = Some(Discovered { endpoint: endpoint.clone(), until });
                Ok(endpoint)
            }
            Err(failure) => match &mut *discovered {
                Some(known) => {
                    tracing::warn!(target: "portcullis::introspection", %failure, "no new metadata");
                    known.until = now.saturating_add(METADATA_AGAIN);
                    Ok(known.endpoint.clone())
                }
                None => Err(Problem::Away(failure)),
            },
        }
    }

    /// What the problem means for the token, and for those who ask next.
    fn weigh(&self, problem: Problem, kind: fetch::Request) -> AuthError {
        let now = self.clock.monotonic();
        let (failure, error_kind, leave_alone) = match problem {
            Problem::Held(error) => return error,
            Problem::Refused { status, for_all } => {
                let failure = Failure::new(format!(
                    "{} answers {status}: it refuses the credentials of {:?}",
                    self.origin.location, self.client_id
                ));
                self.alarm(&failure, now);
                (failure, AuthErrorKind::IntrospectionRefused, for_all)
            }
            Problem::Away(failure) => (failure, AuthErrorKind::IssuerUnreachable, true),
            Problem::Stumbled(failure) => (failure, AuthErrorKind::IssuerUnreachable, false),
            Problem::Unclean(failure) => (failure, AuthErrorKind::MalformedIntrospection, false),
        };
        if error_kind != AuthErrorKind::IntrospectionRefused {
            tracing::warn!(target: "portcullis::introspection", %failure, "no answer about a token");
        }
        let error = AuthError::new(error_kind).with_detail(&failure);
        if !leave_alone {
            return error;
        }
        let mut state = self.state();
        match state.backoff.holds(now) {
            // it was asked before the issuer was known to be away: one outage, one step
            Some(held) if kind == fetch::Request::Usual => held,
            _ => state.backoff.fail(error, failure.retry_after, now),
        }
    }

    /// Loud, but once a minute.
    fn alarm(&self, failure: &Failure, now: Duration) {
        let mut state = self.state();
        let recent = |at: Duration| now.saturating_sub(at) < ALARM_EVERY;
        if !state.alarmed_at.is_some_and(recent) {
            state.alarmed_at = Some(now);
            tracing::error!(
                target: "portcullis::introspection",
                %failure,
                "no opaque token can be judged: set this service's own credentials right",
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {:?}", self.origin.location, self.client_id)
    }
}

fn busy() -> AuthError {
    AuthError::new(AuthErrorKind::IssuerUnreachable)
        .with_detail("too many questions wait for the issuer; max_concurrent sets how many may")
}

/// RFC 7662 §2.2. A missing type counts as the right one.
fn is_json(response: &Response<Bytes>) -> bool {
    let Some(content_type) = response.headers().get(header::CONTENT_TYPE) else { return true };
    let content_type = content_type.to_str().unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// So many wait for each that asks.
const QUEUE: usize = 16;
const LONGEST_QUEUE: Duration = Duration::from_secs(1);
const METADATA_FOR: Duration = Duration::from_secs(60 * 60);
const METADATA_AGAIN: Duration = Duration::from_secs(60);
const ALARM_EVERY: Duration = Duration::from_secs(60);
