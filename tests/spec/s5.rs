//! An authorization server and an API that share a machine key (seed system 5).

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use portcullis::AuthErrorKind::{TicketExpired, TicketUndecryptable, TicketWrongPurpose};
use portcullis::testing::{ManualClock, MockIssuer, TicketMint, User};
use portcullis::ticket::aspnet::{KatanaAccessToken, MachineKey};
use portcullis::ticket::{Ticket, TicketFormat as _, TicketValidator};
use portcullis::{AuthErrorKind, Bearer, BearerAuth, Caller, Clock as _, Rejection};
use serde_json::Value;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::ledger;
use crate::support::estate::{MINUTE, WI};
use crate::support::logs::Log;

chapter! {
    async fn a_token_for_a_password;
    async fn the_api_opens_it_without_the_issuer;
    async fn another_key;
    async fn rotation;
    async fn what_belongs_elsewhere;
    async fn one_byte_anywhere;
    async fn pages_of_another_origin;
    async fn refreshing;
    async fn the_wrong_host;
}

struct System {
    clock: ManualClock,
    mint: TicketMint,
    issuer: MockIssuer,
}

const SPA: &str = "https://spa.test";
const PASSWORD: &str = "grant_type=password&username=test&password=test";

impl System {
    fn new() -> Self {
        let clock = ManualClock::new();
        let mint = TicketMint::new().clock(clock.clone());
        let issuer = MockIssuer::builder()
            .clock(clock.clone())
            .user(User::new("test", "test"))
            .user(User::new("ghost", "ghost").undecided())
            .password_error("invalid_grant", "The user name or password is incorrect.")
            .katana(mint.machine_key())
            .refresh_handles()
            .cors_origin(SPA)
            .build();
        Self { clock, mint, issuer }
    }

    fn tokens(&self, key: MachineKey) -> TicketValidator<KatanaAccessToken> {
        let clock = Arc::new(self.clock.clone());
        TicketValidator::new(KatanaAccessToken::new(key).unwrap()).clock(clock)
    }

    fn api(&self) -> BearerAuth {
        BearerAuth::new(self.tokens(self.mint.machine_key())).unwrap()
    }

    async fn ask(&self, request: Request<Bytes>) -> (StatusCode, HeaderMap, Value) {
        let (parts, body) = self.issuer.answer(request).await.into_parts();
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn token(&self, form: &str) -> (StatusCode, HeaderMap, Value) {
        self.ask(post().body(form.to_owned().into()).unwrap()).await
    }
}

fn post() -> http::request::Builder {
    Request::post("https://issuer.test/token")
        .header("content-type", "application/x-www-form-urlencoded")
}

/// Says hello, and until when the token is good.
async fn hello(request: Request<()>) -> Result<Response<String>, Infallible> {
    let caller = Caller::<Value, Bearer>::from_extensions(request.extensions()).unwrap();
    let ticket = Ticket::of(&caller.identity).unwrap();
    Ok(Response::new(format!(
        "Hello World, {} {} until {:?}",
        ticket.name().unwrap(),
        caller.claims["role"],
        caller.identity.expires_at().unwrap(),
    )))
}

fn bearer(token: &str) -> Request<()> {
    Request::get("/api/test").header("authorization", format!("Bearer {token}")).body(()).unwrap()
}

async fn sent<S>(service: S, request: Request<()>) -> Response<String>
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    service.oneshot(request).await.unwrap_or_else(|never| match never {})
}

/// 401 for this reason, and the client is told no more than that the token is not good.
async fn is_refused(api: &BearerAuth, token: &str, reason: AuthErrorKind, detail: &str) {
    let answer = sent(api.layer(service_fn(hello)), bearer(token)).await;
    assert_eq!(answer.status(), 401, "{reason}");
    let challenges: Vec<_> = answer.headers().get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, [WI], "{reason}");
    assert_eq!(answer.body(), "");
    let rejection = answer.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.reason().kind(), reason);
    assert!(rejection.reason().to_string().contains(detail), "{} {detail}", rejection.reason());
}

async fn a_token_for_a_password() {
    let system = System::new();
    let (status, headers, granted) = system.token(PASSWORD).await;
    assert_eq!(status, 200);
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["pragma"], "no-cache");
    assert_eq!(
        (&granted["token_type"], &granted["expires_in"]),
        (&"bearer".into(), &86_400.into())
    );
    assert!(granted["access_token"].as_str().unwrap().len() > 100);
    ledger::passed("S5-01");

    let (status, _, refused) = system.token("grant_type=password&username=test&password=no").await;
    assert_eq!(status, 400);
    let expected = serde_json::json!({
        "error": "invalid_grant", "error_description": "The user name or password is incorrect.",
    });
    assert_eq!(refused, expected);
    ledger::passed("S5-02");

    let form = "grant_type=password&username=ghost&password=ghost";
    let (status, _, refused) = system.token(form).await;
    assert_eq!((status.as_u16(), refused), (400, serde_json::json!({ "error": "invalid_grant" })));
    ledger::passed("S5-03");
}

async fn the_api_opens_it_without_the_issuer() {
    let system = System::new();
    let (_, _, granted) = system.token(PASSWORD).await;
    let asked = system.issuer.received().len();
    let token = granted["access_token"].as_str().unwrap();
    let answer = sent(system.api().layer(service_fn(hello)), bearer(token)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body(), "Hello World, test \"user\" until 2026-01-02T00:00:00Z");
    assert_eq!(system.issuer.received().len(), asked, "the issuer is not asked");
    ledger::passed("S5-04");
}

/// The log names the keys that were tried, by their fingerprints, and nothing of the token.
async fn another_key() {
    let log = Log::capture();
    let system = System::new();
    let other = MachineKey::from_hex(&"11".repeat(64), &"22".repeat(32)).unwrap();
    let api = BearerAuth::new(system.tokens(other.clone())).unwrap();
    let token = system.mint.katana_access_token("test").build();
    is_refused(&api, &token, TicketUndecryptable, other.fingerprint()).await;
    let lines = log.lines_with("TicketUndecryptable");
    assert!(lines.iter().any(|line| line.contains(other.fingerprint())), "{}", log.text());
    assert!(!log.text().contains(&token[..20]));
    ledger::passed("S5-05");
}

async fn rotation() {
    let system = System::new();
    let old = system.mint.machine_key();
    let new = MachineKey::from_hex(&"11".repeat(64), &"22".repeat(32)).unwrap();
    let clock = Arc::new(system.clock.clone());
    let both = KatanaAccessToken::new(new.clone()).unwrap().also_accept(old).unwrap();
    let api = BearerAuth::new(TicketValidator::new(both).clock(clock)).unwrap();
    let token = system.mint.katana_access_token("test").claim("role", "user").build();
    assert_eq!(sent(api.layer(service_fn(hello)), bearer(&token)).await.status(), 200);
    let api = BearerAuth::new(system.tokens(new)).unwrap();
    is_refused(&api, &token, TicketUndecryptable, "no key opens it").await;
    ledger::passed("S5-06");
}

async fn what_belongs_elsewhere() {
    let system = System::new();
    let api = system.api();
    let refresh = system.mint.katana_refresh_token("test").build();
    is_refused(&api, &refresh, TicketWrongPurpose, "it is a refresh token").await;
    let code = system.mint.katana_authorization_code("test").build();
    is_refused(&api, &code, TicketWrongPurpose, "it is an authorization code").await;
    ledger::passed("S5-07");

    let cookie = system.mint.katana_cookie("ApplicationCookie", "test").build();
    is_refused(&api, &cookie, TicketUndecryptable, "no key opens it").await;
    let forms = system.mint.forms("test").build();
    is_refused(&api, &forms, TicketUndecryptable, "no key opens it").await;
    ledger::passed("S5-08");
}

/// Whoever has no key cannot change a token, least of all its expiry.
async fn one_byte_anywhere() {
    let system = System::new();
    let api = system.api().layer(service_fn(hello));
    let token = system.mint.katana_access_token("test").claim("role", "user");
    assert_eq!(sent(api.clone(), bearer(&token.clone().build())).await.status(), 200);
    let length = token.clone().build().len() * 3 / 4;
    for byte in 0..length {
        let flipped = token.clone().bit_flipped(byte * 8 + byte % 8).build();
        let answer = sent(api.clone(), bearer(&flipped)).await;
        let reason = answer.extensions().get::<Rejection>().map(|it| it.reason().kind());
        assert_eq!((answer.status().as_u16(), reason), (401, Some(TicketUndecryptable)), "{byte}");
    }
    ledger::passed("S5-09");

    // the same content under another expiry is another ticket, and needs the key
    let now = system.clock.now();
    let later = token.clone().expires_at(now + 600 * MINUTE);
    let foreign = MachineKey::from_hex(&"11".repeat(64), &"22".repeat(32)).unwrap();
    let answer = sent(api.clone(), bearer(&later.signed_with(foreign).build())).await;
    assert_eq!(answer.status(), 401);
    system.clock.advance(21 * MINUTE);
    let answer = sent(api, bearer(&token.build())).await;
    let reason = answer.extensions().get::<Rejection>().map(|it| it.reason().kind());
    assert_eq!((answer.status().as_u16(), reason), (401, Some(TicketExpired)));
    ledger::passed("S5-10");
}

async fn pages_of_another_origin() {
    let system = System::new();
    let cors = tower_http::cors::CorsLayer::new()
        .allow_origin([SPA.parse().unwrap()])
        .allow_methods([http::Method::GET])
        .allow_headers([http::header::AUTHORIZATION]);
    let api = cors.layer(system.api().layer(service_fn(hello)));
    let preflight = Request::options("/api/test")
        .header("origin", SPA)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = sent(api.clone(), preflight.body(()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], SPA);
    assert_eq!(answer.headers()["access-control-allow-headers"], "authorization");
    ledger::passed("S5-11");

    let token = system.mint.katana_access_token("test").build();
    system.clock.advance(21 * MINUTE);
    let mut late = bearer(&token);
    late.headers_mut().insert("origin", SPA.parse().unwrap());
    let answer = sent(api, late).await;
    assert_eq!(answer.status(), 401);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert_eq!(challenge, crate::support::estate::WI_EXPIRED);
    assert_eq!(answer.headers()["access-control-allow-origin"], SPA, "the page reads the 401");
    ledger::passed("S5-12");

    let request = post().header("origin", SPA).body(PASSWORD.into()).unwrap();
    let (status, headers, _) = system.ask(request).await;
    assert_eq!(
        (status.as_u16(), &headers["access-control-allow-origin"]),
        (200, &SPA.parse().unwrap())
    );
    let request = post().header("origin", "https://evil.test").body(PASSWORD.into());
    let (_, headers, _) = system.ask(request.unwrap()).await;
    assert!(!headers.contains_key("access-control-allow-origin"));
    ledger::passed("S5-13");
}

async fn refreshing() {
    let system = System::new();
    let claim = |token: &str| {
        let tokens = KatanaAccessToken::new(system.mint.machine_key()).unwrap();
        let ticket = tokens.unprotect(token).unwrap();
        ticket.identity().unwrap().claim("test").map(str::to_owned)
    };
    let (_, _, first) = system.token(PASSWORD).await;
    let handle = first["refresh_token"].as_str().unwrap();
    assert!(handle.len() == 32 && handle.bytes().all(|byte| byte.is_ascii_hexdigit()), "{handle}");
    assert_eq!(claim(first["access_token"].as_str().unwrap()), None);
    let form = format!("grant_type=refresh_token&refresh_token={handle}");
    let (status, _, second) = system.token(&form).await;
    assert_eq!(status, 200, "while the first token is still good");
    let token = second["access_token"].as_str().unwrap();
    assert_ne!(token, first["access_token"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(claim(token).as_deref(), Some("1"));
    ledger::passed("S5-14 S5-15");

    // a handle is good once, and one that nobody has is no accident of the server's
    for form in [&*form, "grant_type=refresh_token&refresh_token=00112233445566778899aabbccddeeff"]
    {
        let (status, _, refused) = system.token(form).await;
        assert_eq!((status.as_u16(), &refused["error"]), (400, &"invalid_grant".into()));
    }

    let expired = system.mint.katana_access_token("test").expired_for(MINUTE).build();
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        second["refresh_token"].as_str().unwrap()
    );
    let request = post().header("authorization", format!("Bearer {expired}"));
    let (status, _, _) = system.ask(request.body(form.into()).unwrap()).await;
    assert_eq!(status, 200, "the token endpoint looks at no bearer token");
    ledger::passed("S5-16");
}

/// As in the source's script, which asks the API's host for a token.
async fn the_wrong_host() {
    let system = System::new();
    let routes = axum::Router::new()
        .route("/api/test", axum::routing::get(async || "Hello World"))
        .route_layer(system.api());
    let request = Request::post("/token").body(axum::body::Body::from(PASSWORD)).unwrap();
    assert_eq!(routes.oneshot(request).await.unwrap().status(), 404);
    ledger::passed("S5-17");
}
