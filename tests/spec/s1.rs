//! Pages by a cookie, an API by a token, in one application (seed system 1).

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use http::{HeaderMap, Request, Uri};
use http_body_util::BodyExt as _;
use portcullis::AuthErrorKind::{CrossSiteRequest, NoCredential, TicketExpired};
use portcullis::scheme::{CookieScheme, CrossSiteGuard, TicketCookie, Transport};
use portcullis::testing::{ManualClock, MockIssuer, MockIssuerBuilder, TicketMint, User};
use portcullis::ticket::TicketValidator;
use portcullis::ticket::aspnet::{KatanaAccessToken, KatanaCookie};
use portcullis::{
    AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BuildError, Caller, Cookies, Scheme,
    SchemeName, policy,
};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _};

use super::ledger;
use crate::support::estate::{Answer, Call, MINUTE, W0, WI_EXPIRED};
use crate::support::logs::Log;

chapter! {
    async fn a_token_and_a_cookie_at_once;
    async fn a_scheme_by_another_name;
    async fn a_page_in_the_browser;
    async fn a_page_by_token_and_both;
    async fn the_api;
    async fn an_expired_token_by_script;
    async fn signing_out;
    async fn an_api_call_renews_the_cookie;
    async fn a_token_in_a_cookie;
    async fn a_stranger_with_an_external_identity;
    async fn in_the_clear;
    fn two_bearer_layers;
}

const APPLICATION: SchemeName = SchemeName::from_static("ApplicationCookie");
const EXTERNAL: SchemeName = SchemeName::from_static("ExternalCookie");
const TOKEN_COOKIE: SchemeName = SchemeName::from_static("TokenCookie");
const COOKIE: &str = ".AspNet.ApplicationCookie";
const DAY: Duration = Duration::from_secs(86_400);

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

type Pages = CookieScheme<TicketValidator<KatanaCookie>>;

/// One application with everything in it: the token endpoint, pages and an API.
struct Site {
    clock: ManualClock,
    mint: TicketMint,
    gate: AuthenticateLayer,
    app: Router,
}

impl Site {
    fn new() -> Self {
        Self::with(|issuer| issuer.sign_in_to("ApplicationCookie").unwrap())
    }

    fn with(change: impl FnOnce(MockIssuerBuilder) -> MockIssuerBuilder) -> Self {
        let clock = ManualClock::new();
        let mint = TicketMint::new().clock(clock.clone());
        let gate = AuthenticateLayer::new((
            Self::pages(&mint, &clock),
            Scheme::bearer(Bearer, Self::tokens(&mint, &clock)),
            Scheme::cookie(
                EXTERNAL,
                ".AspNet.ExternalCookie",
                Self::cookie(EXTERNAL, &mint, &clock),
            )
            .passive(),
        ))
        .unwrap();
        let app = Self::app(&gate, issuer(&mint, &clock, change).build());
        Self { clock, mint, gate, app }
    }

    /// `ApplicationCookie`: login `/Home/Login`, logout `/Account/LogOff`, one hour.
    fn pages(mint: &TicketMint, clock: &ManualClock) -> Pages {
        Scheme::cookie(APPLICATION, application_cookie(), Self::cookie(APPLICATION, mint, clock))
            .login_path("/Home/Login")
            .logout_path("/Account/LogOff")
    }

    fn cookie(
        scheme: SchemeName,
        mint: &TicketMint,
        clock: &ManualClock,
    ) -> TicketValidator<KatanaCookie> {
        let format = KatanaCookie::new(mint.machine_key(), scheme.as_str()).unwrap();
        TicketValidator::new(format).clock(clock.clone()).lifetime(60 * MINUTE)
    }

    fn tokens(mint: &TicketMint, clock: &ManualClock) -> TicketValidator<KatanaAccessToken> {
        let format = KatanaAccessToken::new(mint.machine_key()).unwrap();
        TicketValidator::new(format).clock(clock.clone())
    }

    fn app(gate: &AuthenticateLayer, issuer: MockIssuer) -> Router {
        let anybody = gate.require(policy::any_scheme()).unwrap();
        let pages = Router::new()
            .route("/Home/Report", get(who))
            .route("/Home/Save", post(who))
            .layer(anybody.clone());
        // one group of routes, not the application
        let api = Router::new()
            .route("/values", get(values))
            .layer(anybody)
            .layer(gate.suppress_all_but(Bearer).unwrap());
        Router::new()
            .nest("/api", api)
            .merge(pages)
            .route("/Account/LogOff", post(log_off))
            .layer(gate.clone())
            .fallback(async move |request: axum::extract::Request| {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                issuer.answer(Request::from_parts(parts, body)).await.map(axum::body::Body::from)
            })
    }

    async fn send(&self, call: Call) -> Answer {
        let response = self.app.clone().oneshot(call.into_request()).await;
        Answer::read(response.unwrap()).await
    }

    /// Signs in by script: a token, and a cookie.
    async fn sign_in(&self) -> (String, String) {
        let answer = self.send(password()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer.json["access_token"].as_str().unwrap().to_owned(), answer.cookie())
    }
}

/// As the seed's application: no client is asked for, tokens live for two weeks, and the answer has
/// `userName`.
fn issuer(
    mint: &TicketMint,
    clock: &ManualClock,
    change: impl FnOnce(MockIssuerBuilder) -> MockIssuerBuilder,
) -> MockIssuerBuilder {
    let (application, external) =
        (Site::cookie(APPLICATION, mint, clock), Site::cookie(EXTERNAL, mint, clock));
    let external_cookie = TicketCookie::builder(".AspNet.ExternalCookie").build().unwrap();
    let issuer = MockIssuer::builder()
        .issuer("https://app.test")
        .token_path("/Token")
        .clock(clock.clone())
        .user(User::new("alice", "pw"))
        .katana(mint.machine_key())
        .access_token_lifetime(14 * DAY)
        .ticket_properties(|grant| {
            [("userName".to_owned(), json!(grant.subject))].into_iter().collect()
        })
        .copy_ticket_properties()
        .cookie_scheme("ApplicationCookie", application_cookie(), application)
        .cookie_scheme("ExternalCookie", external_cookie, external)
        .external_provider("/signin-google", "ExternalCookie", "Google")
        .unwrap();
    change(issuer)
}

fn application_cookie() -> TicketCookie {
    TicketCookie::builder(COOKIE).build().unwrap()
}

/// Whom a page sees, by which schemes, in order.
async fn who(request: axum::extract::Request) -> String {
    names(request.extensions().get().unwrap())
}

fn names(record: &Authentication) -> String {
    let names = record.identities();
    let names = names.map(|(scheme, it)| format!("{scheme} {}", it.subject().unwrap()));
    names.collect::<Vec<_>>().join(", ")
}

#[derive(serde::Deserialize)]
struct Named {
    name: String,
}

/// The API asks for the token by its type.
async fn values(caller: Caller<Named, Bearer>, request: axum::extract::Request) -> String {
    assert_eq!(caller.name, "alice");
    names(request.extensions().get().unwrap())
}

/// Signs out; where to go then is for the scheme to say.
async fn log_off(request: axum::extract::Request) -> (HeaderMap, &'static str) {
    let cookie = application_cookie();
    let mut headers = HeaderMap::new();
    let carried = cookie.carried(request.headers(), request.extensions());
    cookie.delete(carried, &mut headers);
    (headers, "signed out")
}

fn password() -> Call {
    Call::form("/Token", "grant_type=password&username=alice&password=pw")
}

/// What a browser sends when its user opens a page.
fn navigate(path: &str) -> Call {
    Call::get(path).header("accept", HTML).header("sec-fetch-mode", "navigate")
}

impl Answer {
    #[track_caller]
    fn is_page(&self, who: &str) {
        assert_eq!((self.status, &*self.text), (200, who), "{self:?}");
        assert!(self.all("www-authenticate").is_empty() && self.all("location").is_empty());
    }

    /// 302, resolved against `https://app.test`; no challenge, nothing kept.
    #[track_caller]
    fn leads_to(&self, url: &str) {
        let [location] = self.all("location")[..] else { panic!("one location: {self:?}") };
        let resolved = format!("https://app.test{location}");
        assert_eq!((self.status, &*resolved), (302, url), "{self:?}");
        assert!(self.all("www-authenticate").is_empty(), "{self:?}");
    }

    /// 401, and nowhere to go.
    #[track_caller]
    fn is_unauthorized(&self, challenge: &str, reason: AuthErrorKind) {
        assert_eq!((self.status, self.reason), (401, Some(reason)), "{self:?}");
        assert_eq!(self.all("www-authenticate"), [challenge]);
        assert_eq!(self.all("cache-control"), ["no-store"]);
        for name in ["location", "x-responded-json", "set-cookie"] {
            assert!(self.all(name).is_empty(), "{self:?}");
        }
    }
}

const LOGIN: &str = "https://app.test/Home/Login?ReturnUrl=%2FHome%2FReport";

async fn a_token_and_a_cookie_at_once() {
    let site = Site::new();
    let answer = site.send(password()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let member = |name: &str| answer.json[name].as_str().unwrap_or_default();
    assert_eq!((member("token_type"), member("userName")), ("bearer", "alice"));
    let lifetime = answer.json["expires_in"].as_u64().unwrap();
    assert!((1_209_599..=1_209_600).contains(&lifetime), "{lifetime}");
    // RFC 1123, two weeks apart
    for name in [".issued", ".expires"] {
        assert!(member(name).ends_with(" GMT") && member(name).len() == 29, "{}", member(name));
    }
    assert_ne!(member(".issued"), member(".expires"));
    let [line] = answer.all("set-cookie")[..] else { panic!("{answer:?}") };
    assert!(line.starts_with(".AspNet.ApplicationCookie="), "{line}");
    assert!(line.contains("; HttpOnly") && line.contains("; Path=/"), "{line}");
    // it is the cookie that the pages take
    let page = site.send(navigate("/Home/Report").cookie(&answer.cookie())).await;
    page.is_page("ApplicationCookie alice");
    ledger::passed("S1-01");
}

/// The seed's own mistake. It is told at start, by whoever names the scheme, with what there is.
async fn a_scheme_by_another_name() {
    let clock = ManualClock::new();
    let mint = TicketMint::new().clock(clock.clone());
    let unknown = issuer(&mint, &clock, |issuer| issuer).sign_in_to("Cookies").unwrap_err();
    let told = unknown.to_string();
    for word in ["\"Cookies\"", "ApplicationCookie", "ExternalCookie"] {
        assert!(told.contains(word), "{told}");
    }
    let site = Site::new();
    let error = site.gate.require(policy::scheme(Cookies)).unwrap_err();
    let known = vec![APPLICATION, Bearer.into(), EXTERNAL];
    assert_eq!(error, BuildError::UnknownScheme { name: Cookies.into(), known });
    assert!(error.to_string().contains("ApplicationCookie"), "{error}");
    // as Katana did it: no cookie, and no word
    let silent = Site::with(|issuer| issuer.compat().sign_in_to("Cookies").unwrap());
    let answer = silent.send(password()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json["access_token"].is_string() && answer.all("set-cookie").is_empty());
    ledger::passed("S1-02");
}

async fn a_page_in_the_browser() {
    let site = Site::new();
    // a navigation carries no token, whoever holds one; the log says what was not there
    let log = Log::capture();
    site.send(navigate("/Home/Report")).await.leads_to(LOGIN);
    let told = log.lines_with("refused");
    let [line] = &told[..] else { panic!("{}", log.text()) };
    for word in ["ApplicationCookie", "Bearer", "NoCredential", "302"] {
        assert!(line.contains(word), "{line}");
    }
    ledger::passed("S1-03");

    let (_, cookie) = site.sign_in().await;
    site.send(navigate("/Home/Report").cookie(&cookie)).await.is_page("ApplicationCookie alice");
    ledger::passed("S1-04");
}

async fn a_page_by_token_and_both() {
    let site = Site::new();
    let (token, cookie) = site.sign_in().await;
    site.send(Call::get("/Home/Report").bearer(&token)).await.is_page("Bearer alice");
    ledger::passed("S1-05");

    let both = Call::get("/Home/Report").bearer(&token).cookie(&cookie);
    // the order of the gate's list; the source's `{B,C}` comes of the order of its layers
    site.send(both).await.is_page("ApplicationCookie alice, Bearer alice");
    let gate = AuthenticateLayer::new((
        Scheme::bearer(Bearer, Site::tokens(&site.mint, &site.clock)),
        Site::pages(&site.mint, &site.clock),
    ))
    .unwrap();
    let app = Router::new().route("/Home/Report", get(who)).layer(gate);
    let both = Call::get("/Home/Report").bearer(&token).cookie(&cookie);
    let answer = Answer::read(app.oneshot(both.into_request()).await.unwrap()).await;
    answer.is_page("Bearer alice, ApplicationCookie alice");
    ledger::passed("S1-06");
}

async fn the_api() {
    let site = Site::new();
    let (token, cookie) = site.sign_in().await;
    let hidden = site.send(Call::get("/api/values").cookie(&cookie)).await;
    hidden.is_unauthorized(W0, NoCredential);
    site.send(navigate("/api/values").cookie(&cookie)).await.is_unauthorized(W0, NoCredential);
    ledger::passed("S1-07");

    site.send(Call::get("/api/values").bearer(&token)).await.is_page("Bearer alice");
    ledger::passed("S1-08");

    let both = Call::get("/api/values").bearer(&token).cookie(&cookie);
    site.send(both).await.is_page("Bearer alice");
    ledger::passed("S1-09");
}

async fn an_expired_token_by_script() {
    let site = Site::new();
    let (token, _) = site.sign_in().await;
    site.clock.advance(14 * DAY + MINUTE);
    let call = || Call::get("/api/values").bearer(&token);
    let script = call().header("x-requested-with", "XMLHttpRequest");
    site.send(script).await.is_unauthorized(WI_EXPIRED, TicketExpired);
    site.send(call()).await.is_unauthorized(WI_EXPIRED, TicketExpired);
    ledger::passed("S1-10");
}

async fn signing_out() {
    let site = Site::new();
    let (token, cookie) = site.sign_in().await;
    let off = |path: &str| Call::form(path, "").cookie(&cookie);
    let answer = site.send(off("/Account/LogOff?ReturnUrl=%2F")).await;
    answer.leads_to("https://app.test/");
    let [line] = answer.all("set-cookie")[..] else { panic!("{answer:?}") };
    assert!(line.starts_with(".AspNet.ApplicationCookie=; "), "{line}");
    assert!(line.ends_with("Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "{line}");
    // nowhere else, and nowhere unasked
    for path in ["/Account/LogOff", "/Account/LogOff?ReturnUrl=%2F%2Fevil.test"] {
        let answer = site.send(off(path)).await;
        assert_eq!((answer.status, &*answer.text), (200, "signed out"), "{answer:?}");
        assert_eq!(answer.all("set-cookie").len(), 1);
    }
    ledger::passed("S1-11");

    // the browser holds no cookie now; the token is another matter, until it expires or is revoked
    site.send(navigate("/Home/Report")).await.leads_to(LOGIN);
    site.send(Call::get("/api/values").bearer(&token)).await.is_page("Bearer alice");
    ledger::passed("S1-12");
}

async fn an_api_call_renews_the_cookie() {
    let site = Site::new();
    let (token, cookie) = site.sign_in().await;
    let call = || Call::get("/api/values").bearer(&token).cookie(&cookie);
    site.clock.advance(30 * MINUTE);
    let half = site.send(call()).await;
    assert!(half.status == 200 && half.all("set-cookie").is_empty(), "{half:?}");
    site.clock.advance(MINUTE);
    let answer = site.send(call()).await;
    answer.is_page("Bearer alice");
    let renewed = answer.cookie();
    assert!(renewed.starts_with(COOKIE) && renewed != cookie);
    // for another hour
    site.clock.advance(59 * MINUTE);
    site.send(navigate("/Home/Report").cookie(&cookie)).await.leads_to(LOGIN);
    site.send(navigate("/Home/Report").cookie(&renewed)).await.is_page("ApplicationCookie alice");
    ledger::passed("S1-13");
}

/// An explicit scheme of its own, with a guard: browsers send it along whoever's page asks.
async fn a_token_in_a_cookie() {
    let clock = ManualClock::new();
    let mint = TicketMint::new().clock(clock.clone());
    let cookie = TicketCookie::builder("access_token").build().unwrap();
    let token = Scheme::cookie(TOKEN_COOKIE, cookie, Site::tokens(&mint, &clock));
    let gate = AuthenticateLayer::new((
        Scheme::bearer(Bearer, Site::tokens(&mint, &clock)),
        token.guard(CrossSiteGuard::new()),
        Site::pages(&mint, &clock),
    ))
    .unwrap();
    let app = Site::app(&gate, issuer(&mint, &clock, |issuer| issuer).build());
    let send = async |call: Call| {
        Answer::read(app.clone().oneshot(call.into_request()).await.unwrap()).await
    };
    let t = mint.katana_access_token("alice").build();
    let carried = format!("access_token={t}");

    send(navigate("/Home/Report").cookie(&carried)).await.is_page("TokenCookie alice");
    let (parts, ()) = Request::get("/").header("cookie", &carried).body(()).unwrap().into_parts();
    let found = gate.explain(&parts).await;
    assert!(found.to_string().contains("TokenCookie"), "{found}");
    // the API is for the header alone
    let api = send(Call::get("/api/values").cookie(&carried)).await;
    api.is_unauthorized(W0, NoCredential);
    ledger::passed("S1-14");

    let save =
        |origin: &str| Call::form("/Home/Save", "").cookie(&carried).header("origin", origin);
    send(save("https://app.test")).await.is_page("TokenCookie alice");
    for origin in ["https://evil.test", "null", "https://app.test.evil.test"] {
        let answer = send(save(origin)).await;
        assert_eq!((answer.status, answer.reason), (403, Some(CrossSiteRequest)), "{answer:?}");
        assert!(answer.all("www-authenticate").is_empty() && answer.all("location").is_empty());
    }
    // a form of that page is a navigation, too: it is not sent to the login either
    let form =
        save("https://evil.test").header("accept", HTML).header("sec-fetch-mode", "navigate");
    assert_eq!(send(form).await.status, 403);
    ledger::passed("S1-15");
}

async fn a_stranger_with_an_external_identity() {
    let site = Site::new();
    let external = site.send(Call::get("/signin-google?key=123&name=Alice")).await.cookie();
    assert!(external.starts_with(".AspNet.ExternalCookie="), "{external}");
    site.send(navigate("/Home/Report").cookie(&external)).await.leads_to(LOGIN);
    // by name it is there, with the provider's key
    let request = Request::get("/").header("cookie", &external).body(()).unwrap();
    let handler = tower::service_fn(async |request: Request<()>| {
        let record = request.extensions().get::<Authentication>().unwrap();
        assert!(record.primary().is_none(), "never part of the principal");
        let found = record.identity(EXTERNAL).map(|it| it.subject().map(str::to_owned));
        Ok::<_, std::convert::Infallible>(http::Response::new(found.flatten()))
    });
    let response = site.gate.layer(handler).oneshot(request).await.unwrap();
    assert_eq!(response.into_body().as_deref(), Some("123"));
    ledger::passed("S1-16");
}

async fn in_the_clear() {
    let over_http = async |change: fn(MockIssuerBuilder) -> MockIssuerBuilder| {
        let site = Site::with(|issuer| change(issuer.issuer("http://app.test")));
        let (mut parts, body) = password().into_request().into_parts();
        parts.uri = Uri::from_static("http://app.test/Token");
        parts.extensions.insert(Transport::Plain);
        let response = site.app.oneshot(Request::from_parts(parts, body)).await.unwrap();
        Answer::read(response).await
    };
    let refused = over_http(|issuer| issuer).await;
    assert_eq!((refused.status, &refused.json["error"]), (400, &json!("invalid_request")));
    let description = refused.json["error_description"].as_str().unwrap();
    assert!(description.contains("allow_insecure_http"), "{description}");
    assert!(refused.all("set-cookie").is_empty());

    let passed_on = over_http(MockIssuerBuilder::compat).await;
    assert_eq!(passed_on.status, 404, "{passed_on:?}");
    let allowed = over_http(MockIssuerBuilder::allow_insecure_http).await;
    assert_eq!(allowed.status, 200, "{allowed:?}");
    ledger::passed("S1-17");
}

fn two_bearer_layers() {
    let clock = ManualClock::new();
    let mint = TicketMint::new().clock(clock.clone());
    let bearer = || Scheme::bearer(Bearer, Site::tokens(&mint, &clock));
    let error = AuthenticateLayer::new((bearer(), bearer())).unwrap_err();
    assert_eq!(error, BuildError::DuplicateScheme(Bearer.into()));
    assert!(
        error.to_string().starts_with("DuplicateScheme: ")
            && error.to_string().contains("\"Bearer\"")
    );
    ledger::passed("S1-18");
}
