//! One host as the source has it: the application next door, the token endpoint, a page, and an API
//! that demands a token and a ticket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use portcullis::scheme::TicketCookie;
use portcullis::testing::{ManualClock, MockIssuer, TicketMint, User};
use portcullis::ticket::aspnet::{FormsTickets, KatanaAccessToken};
use portcullis::ticket::{Ticket, TicketValidator};
use portcullis::token::{InMemoryRevocations, Revocations};
use portcullis::{
    AuthErrorKind, Bearer, BearerAuth, Caller, Cookies, ProblemDetails, Rejection, RequireBoth,
    TicketAuth,
};
use serde_json::Value;
use tower::ServiceExt;

/// The challenge of a ticket that is missing or not good.
pub const WC: &str = r#"Cookie realm="app""#;
/// The challenge of a token that is missing.
pub const W0: &str = r#"Bearer realm="api""#;
/// The challenge of a token that is not good.
pub const WI: &str = r#"Bearer realm="api", error="invalid_token", error_description="the access token is not valid""#;
/// The challenge of a token that is a ticket and expired.
pub const WI_EXPIRED: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="the ticket expired""#;
/// The challenge of a placeholder.
pub const WI_PLACEHOLDER: &str = r#"Bearer realm="api", error="invalid_token", error_description="a placeholder was sent in place of the token""#;

pub struct Estate {
    pub clock: ManualClock,
    pub mint: TicketMint,
    pub revocations: Arc<InMemoryRevocations>,
    app: Router,
}

/// What is read from a name that both credentials share.
#[derive(serde::Deserialize)]
struct Named {
    name: String,
}

impl Estate {
    pub fn new() -> Self {
        Self::with_cookie(TicketCookie::builder(".ASPXAUTH").build().unwrap())
    }

    /// The same with this cookie.
    pub fn with_cookie(cookie: TicketCookie) -> Self {
        let clock = ManualClock::new();
        let mint = TicketMint::new().clock(clock.clone());
        let issuer = MockIssuer::builder()
            .issuer("http://app.test")
            .clock(clock.clone())
            .user(User::new("test", "test"))
            .user(User::new("other", "other"))
            .katana(mint.machine_key())
            .portal(cookie.clone(), mint.machine_key())
            .unwrap()
            .build();
        let revocations = Arc::new(InMemoryRevocations::default());
        let app = Self::app(&clock, &issuer, &mint, cookie, revocations.clone());
        Self { clock, mint, revocations, app }
    }

    fn app(
        clock: &ManualClock,
        issuer: &MockIssuer,
        mint: &TicketMint,
        cookie: TicketCookie,
        revocations: Arc<dyn Revocations>,
    ) -> Router {
        let clock = Arc::new(clock.clone());
        let tokens = KatanaAccessToken::new(mint.machine_key()).unwrap();
        let tokens = TicketValidator::new(tokens).clock(clock.clone());
        let tickets = FormsTickets::new(mint.machine_key()).unwrap();
        let tickets = TicketValidator::new(tickets).clock(clock);
        let both = RequireBoth::new(
            BearerAuth::new(tokens).unwrap(),
            TicketAuth::new(cookie, tickets).unwrap().revocations(revocations).unwrap(),
        )
        .unwrap()
        .respond_with(ProblemDetails);

        let api = Router::new().route("/api/test", get(hello).post(hello)).layer(both);
        let issuer = issuer.clone();
        Router::new().route("/index.htm", get(async || "the page")).merge(api).fallback(
            async move |request: axum::extract::Request| {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                issuer.answer(Request::from_parts(parts, body)).await.map(axum::body::Body::from)
            },
        )
    }

    pub fn router(&self) -> Router {
        self.app.clone()
    }

    pub async fn send(&self, request: Call) -> Answer {
        let response = self.app.clone().oneshot(request.into_request()).await;
        Answer::read(response.unwrap()).await
    }

    /// A ticket of the application next door, as a cookie line.
    pub async fn portal_login(&self, user: &str) -> String {
        let answer =
            self.send(Call::form("/portal/login", &format!("username={user}&password={user}")));
        let answer = answer.await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.cookie()
    }

    /// A token for whom the cookie names.
    pub async fn token(&self, cookie: &str) -> String {
        let answer = self.send(Call::form("/token", "grant_type=password").cookie(cookie)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json["access_token"].as_str().unwrap().to_owned()
    }

    pub fn forms(&self, name: &str) -> String {
        format!(".ASPXAUTH={}", self.mint.forms(name).build())
    }
}

/// Says hello to one person who holds two credentials.
async fn hello(
    token: Caller<Named, Bearer>,
    page: Caller<Named, Cookies>,
) -> Result<String, Rejection> {
    assert_eq!(token.name, page.name);
    let ticket = Ticket::of(&page.identity).expect("the whole ticket");
    assert_eq!(ticket.name(), Some(&*page.name));
    Ok(format!("Hello World, {} and {}", token.name, page.name))
}

/// A request.
#[derive(Debug)]
pub struct Call(Request<Bytes>);

impl Call {
    pub fn get(path: &str) -> Self {
        Self(Request::get(path).header("host", "app.test").body(Bytes::new()).unwrap())
    }

    pub fn form(path: &str, form: &str) -> Self {
        let request = Request::post(path)
            .header("host", "app.test")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        Self(request.body(form.to_owned().into()).unwrap())
    }

    pub fn into_request(self) -> axum::extract::Request {
        self.0.map(axum::body::Body::from)
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.0.headers_mut().append(name, value.parse().unwrap());
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn cookie(self, cookie: &str) -> Self {
        self.header("cookie", cookie)
    }
}

/// The whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
    pub reason: Option<AuthErrorKind>,
}

impl Answer {
    pub async fn read(response: axum::response::Response) -> Self {
        let reason = response.extensions().get::<Rejection>().map(|it| it.reason().kind());
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status: parts.status.as_u16(), headers: parts.headers, text, json, reason }
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// Name and value of the one cookie that it sets.
    pub fn cookie(&self) -> String {
        let [line] = self.all("set-cookie")[..] else { panic!("one cookie: {self:?}") };
        line.split(';').next().unwrap().to_owned()
    }

    /// The handler ran, for this person by both credentials.
    #[track_caller]
    pub fn is_hello(&self, name: &str) {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.text, format!("Hello World, {name} and {name}"));
        assert!(self.all("www-authenticate").is_empty());
    }

    /// Refused: 401, these challenges, these parts named, for this reason, and nowhere redirected.
    #[track_caller]
    pub fn is_refused(&self, challenges: &[&str], missing: &[&str], reason: AuthErrorKind) {
        assert_eq!(self.status, 401, "{self:?}");
        assert_eq!(self.all("www-authenticate"), challenges, "{self:?}");
        assert_eq!(self.reason, Some(reason));
        let named: Vec<&str> = self.json["missing"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| it.as_str().unwrap())
            .collect();
        assert_eq!(named, missing, "{}", self.text);
        assert_eq!(self.all("content-type"), ["application/problem+json"]);
        assert_eq!(self.all("cache-control"), ["no-store"]);
        assert!(self.all("location").is_empty() && self.all("set-cookie").is_empty(), "{self:?}");
    }
}

pub const MINUTE: Duration = Duration::from_secs(60);
