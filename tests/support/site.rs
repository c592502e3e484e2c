//! The application of the scenario table: pages that live by a cookie, an API that lives by a
//! bearer token, routes that want both, and requests of every kind.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use portcullis::policy::{Policy, PolicyExt as _};
use portcullis::rejection::ResponseForRejection;
use portcullis::scheme::Compat;
use portcullis::suppress::SuppressLayer;
use portcullis::testing::{ManualClock, MockIssuer, TicketBuilder, TicketMint};
use portcullis::ticket::aspnet::{FormsTickets, KatanaCookie};
use portcullis::ticket::{Ticket, TicketFormat, TicketValidator};
use portcullis::token::{Revalidate, TokenValidator, Verdict};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BearerAuth,
    Clock as _, Cookies, Decision, Identity, RequireBoth, Scheme, SchemeName, TicketAuth, policy,
};
use tower::util::{BoxCloneSyncService, MapRequest};
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _};
use tower_http::cors::CorsLayer;

use super::desk::Desk;
use super::fixed::{Body, Handler};
use super::house::{discovery, issuer_at, validator};

/// What stands around the handler.
#[derive(Clone, Copy)]
pub struct Route {
    stack: Stack,
    bearer_is_passive: bool,
    tokens_are_introspected: bool,
}

#[derive(Clone, Copy)]
enum Stack {
    /// A gate, a suppression and a requirement.
    Gate(Keep, Demand),
    /// A whole API for bearer tokens, one route of which is for cookies.
    Override,
    /// An API for bearer tokens, and a page where no route of it matches.
    FallThrough,
    /// The ready-made stack, with FormsAuthentication's tickets.
    Both,
}

#[derive(Clone, Copy)]
enum Keep {
    All,
    Nothing,
    Bearer,
    Cookie,
    BearerThenCookie,
    CookieThenBearer,
}

#[derive(Clone, Copy)]
enum Demand {
    Nobody,
    Anybody,
    Bearer,
    Role,
    Scope,
}

/// A page, or an API without suppression: whoever is signed in.
pub const PAGE: Route = Route::gate(Keep::All, Demand::Anybody);
/// A page that demands a role.
pub const ROLE_PAGE: Route = Route::gate(Keep::All, Demand::Role);
/// Suppression to the bearer token, and whoever is signed in.
pub const API: Route = Route::gate(Keep::Bearer, Demand::Anybody);
/// The same, and the role `staff`.
pub const ROLE_API: Route = Route::gate(Keep::Bearer, Demand::Role);
/// The same, and the scope `orders:write`.
pub const SCOPE_API: Route = Route::gate(Keep::Bearer, Demand::Scope);
/// Suppression to the bearer token, and nothing demanded.
pub const PUBLIC_API: Route = Route::gate(Keep::Bearer, Demand::Nobody);
/// Everything is suppressed, and somebody is demanded.
pub const NOBODY_API: Route = Route::gate(Keep::Nothing, Demand::Anybody);
/// Everything is suppressed, and nothing is demanded.
pub const PUBLIC_PAGE: Route = Route::gate(Keep::Nothing, Demand::Nobody);
/// Suppression to the cookie.
pub const COOKIE_API: Route = Route::gate(Keep::Cookie, Demand::Anybody);
/// Suppression to both, either will do.
pub const EITHER_API: Route = Route::gate(Keep::BearerThenCookie, Demand::Anybody);
/// The same in the other order.
pub const EITHER_API_COOKIE_FIRST: Route = Route::gate(Keep::CookieThenBearer, Demand::Anybody);
/// No suppression, and the route names the bearer scheme.
pub const NAMED: Route = Route::gate(Keep::All, Demand::Bearer);
pub const OVERRIDE: Route = Route::of(Stack::Override);
pub const FALL_THROUGH: Route = Route::of(Stack::FallThrough);
pub const BOTH: Route = Route::of(Stack::Both);

impl Route {
    const fn gate(keep: Keep, demand: Demand) -> Self {
        Self::of(Stack::Gate(keep, demand))
    }

    const fn of(stack: Stack) -> Self {
        Self { stack, bearer_is_passive: false, tokens_are_introspected: false }
    }

    /// The bearer scheme counts only where it is named.
    pub const fn passive_bearer(self) -> Self {
        Self { bearer_is_passive: true, ..self }
    }

    /// The tokens are opaque, and the issuer is asked about them.
    pub const fn introspected(self) -> Self {
        Self { tokens_are_introspected: true, ..self }
    }

    /// A policy stands before the handler.
    pub const fn asks(self) -> bool {
        !matches!(self.stack, Stack::Gate(_, Demand::Nobody))
    }

    const fn is_forms(self) -> bool {
        matches!(self.stack, Stack::Both)
    }
}

/// The application, its mint, its issuer and the time.
pub struct Site {
    clock: ManualClock,
    mint: TicketMint,
    /// The cookie that its tickets travel in.
    pub cookie: &'static str,
    is_forms: bool,
    local: MockIssuer,
    opaque: Desk,
    gate: AuthenticateLayer,
    both: RequireBoth,
}

/// A request, and what no answer may repeat of it.
pub struct Sent {
    pub request: Request<Body>,
    pub secrets: Vec<String>,
}

/// A whole application.
pub type Served = BoxCloneSyncService<Request<Body>, Response<axum::body::Body>, Infallible>;

impl Site {
    pub fn new(route: Route, is_katana: bool) -> Self {
        let clock = ManualClock::new();
        let mint = TicketMint::new().clock(clock.clone());
        let (local, opaque) = (issuer_at(&clock, "https://issuer.test"), Desk::new());
        let tokens: Arc<dyn TokenValidator> = if route.tokens_are_introspected {
            Arc::new(opaque.tokens.clone())
        } else {
            let keys = discovery(&local).fetch(local.fetch()).clock(clock.clone()).build().unwrap();
            Arc::new(validator(&local, &clock, &keys))
        };
        let compat = |is_katana| if is_katana { Compat::Katana } else { Compat::default() };

        let key = mint.machine_key();
        let katana = |scheme| KatanaCookie::new(key.clone(), scheme).unwrap();
        let application = Self::tickets(katana("ApplicationCookie"), &clock);
        let cookie = Scheme::cookie(Cookies, APPLICATION, application)
            .login_path("/login")
            .access_denied_path("/denied")
            .compat(compat(is_katana));
        let external = Self::tickets(katana("ExternalCookie"), &clock);
        let external = Scheme::cookie(EXTERNAL, ".AspNet.ExternalCookie", external).passive();
        let bearer = Scheme::bearer(Bearer, tokens.clone());
        let bearer = if route.bearer_is_passive { bearer.passive() } else { bearer };
        let gate = AuthenticateLayer::new((bearer, cookie, external)).unwrap();

        let forms = Self::tickets(FormsTickets::new(key.clone()).unwrap(), &clock);
        let forms = TicketAuth::new(FORMS, forms).unwrap();
        let forms = forms.login_path("/login").unwrap().compat(compat(is_katana)).unwrap();
        let both = RequireBoth::new(BearerAuth::new(tokens).unwrap(), forms).unwrap();
        let is_forms = route.is_forms();
        let cookie = if is_forms { FORMS } else { APPLICATION };
        Self { clock, mint, cookie, is_forms, local, opaque, gate, both }
    }

    fn tickets<F: TicketFormat>(format: F, clock: &ManualClock) -> TicketValidator<F> {
        TicketValidator::new(format).clock(clock.clone()).revalidate(Stamps)
    }

    /// A request: cookie, bearer token and client, in the table's words.
    pub fn request(&self, route: Route, words: &str, path: &str, origin: Option<&str>) -> Sent {
        let [cookie, bearer, client] = words.split(' ').collect::<Vec<_>>()[..] else {
            panic!("three words: {words}");
        };
        let (method, lines) = client_of(client);
        let mut request = Request::builder().method(method).uri(path).header("host", "app.test");
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let mut secrets = Vec::new();
        if let Some(ticket) = self.ticket(cookie) {
            request = request.header("cookie", format!("{}={ticket}", self.cookie));
            secrets.push(ticket);
        }
        for line in self.authorization(bearer, route) {
            secrets.extend(line.split(' ').filter(|word| word.len() > 12).map(str::to_owned));
            request = request.header("authorization", line);
        }
        Sent { request: request.body(Body::default()).unwrap(), secrets }
    }

    /// A ticket that lives for ten minutes.
    fn ticket(&self, word: &str) -> Option<String> {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let now = self.clock.now();
        let alice = |age: Duration| {
            let ticket = if self.is_forms {
                self.mint.forms("alice")
            } else {
                self.mint.katana_cookie("ApplicationCookie", "alice")
            };
            ticket.issued_at(now - age).expires_at(now - age + minutes(10))
        };
        Some(match word {
            "abs" => return None,
            "new" => alice(minutes(4)).build(),
            "old" => alice(minutes(6)).build(),
            "exp" => alice(minutes(11)).build(),
            "bad" => alice(minutes(4)).bit_flipped(100).build(),
            // also one that would slide: it must not
            "rej" => revoked(alice(minutes(6)), self.is_forms).build(),
            _ => panic!("no cookie is called {word}"),
        })
    }

    /// The lines of the `Authorization` header.
    fn authorization(&self, word: &str, route: Route) -> Vec<String> {
        let issuer = if route.tokens_are_introspected { &self.opaque.issuer } else { &self.local };
        let alice = || {
            issuer.token().scope("orders:read orders:write").claim("roles", ["staff"].as_slice())
        };
        let text = |token| match route.tokens_are_introspected {
            true => issuer.opaque_token(&token),
            false => token.build(),
        };
        let bearer = |text: String| vec![format!("Bearer {text}")];
        match word {
            "abs" => vec![],
            "ok" => bearer(text(alice())),
            "exp" => bearer(alice().expired_since(Duration::from_secs(3600)).build()),
            "bad" if route.tokens_are_introspected => {
                let token = text(alice());
                issuer.revoke(&token);
                bearer(token)
            }
            "bad" => bearer(alice().signed_by_stranger().build()),
            "undef" => bearer("undefined".to_owned()),
            "empty" => vec!["Bearer".to_owned()],
            "dup" => [bearer(text(alice())), bearer(text(alice()))].concat(),
            "basic" => vec!["Basic YWxpY2U6cHdkLXB3ZA==".to_owned()],
            "lowrole" => {
                bearer(text(alice().scope("profile").claim("roles", ["guest"].as_slice())))
            }
            // of the second user
            "other" => bearer(text(alice().subject("bob"))),
            "down" => {
                let token = text(alice());
                issuer.take_down();
                bearer(token)
            }
            _ => panic!("no token is called {word}"),
        }
    }

    pub fn stack<R>(
        &self,
        route: Route,
        checked: &Checked,
        handler: &Handler,
        responder: R,
    ) -> Served
    where
        R: ResponseForRejection<Body> + Clone + Send + Sync + 'static,
    {
        let handler = handler.clone();
        let require = |policy: Arc<dyn Policy>| {
            let require = self.gate.require(policy.and(checked.clone())).unwrap();
            require.respond_with(responder.clone())
        };
        let anybody = || Arc::new(policy::any_scheme()) as Arc<dyn Policy>;
        match route.stack {
            Stack::Gate(keep, demand) => {
                let inside = ServiceBuilder::new()
                    .option_layer(keep.layer(&self.gate))
                    .option_layer(demand.policy().map(require))
                    .service(handler);
                boxed(self.gate.layer(inside))
            }
            Stack::Override => {
                let route = |keep: Keep| {
                    let suppress = keep.layer(&self.gate).unwrap();
                    suppress.layer(require(anybody()).layer(routed(&handler)))
                };
                let api = Router::new()
                    .route_service("/api/values", route(Keep::Bearer))
                    .route_service("/api/account", route(Keep::Cookie));
                boxed(self.gate.layer(api))
            }
            Stack::FallThrough => {
                let suppress = Keep::Bearer.layer(&self.gate).unwrap();
                let api = Router::new().route_service("/values", routed(&handler)).layer(suppress);
                let page = require(anybody()).layer(routed(&handler));
                let app = Router::new().nest("/api", api).fallback_service(page);
                boxed(self.gate.layer(app))
            }
            Stack::Both => {
                let both =
                    self.both.clone().require(checked.clone()).unwrap().respond_with(responder);
                boxed(both.layer(handler))
            }
        }
    }
}

impl Keep {
    fn layer(self, gate: &AuthenticateLayer) -> Option<SuppressLayer> {
        let names: &[SchemeName] = match self {
            Self::All => return None,
            Self::Nothing => return Some(gate.suppress_all()),
            Self::Bearer => &[Bearer.into()],
            Self::Cookie => &[Cookies.into()],
            Self::BearerThenCookie => &[Bearer.into(), Cookies.into()],
            Self::CookieThenBearer => &[Cookies.into(), Bearer.into()],
        };
        Some(gate.suppress_all_but(names.to_vec()).unwrap())
    }
}

impl Demand {
    fn policy(self) -> Option<Arc<dyn Policy>> {
        Some(match self {
            Self::Nobody => return None,
            Self::Anybody => Arc::new(policy::any_scheme()),
            Self::Bearer => Arc::new(policy::scheme(Bearer)),
            Self::Role => Arc::new(policy::role("staff")),
            Self::Scope => Arc::new(policy::scope("orders:write")),
        })
    }
}

/// The handler as a router takes it.
fn routed(
    handler: &Handler,
) -> MapRequest<Handler, impl Fn(Request<axum::body::Body>) -> Request<Body> + Clone + use<>> {
    MapRequest::new(handler.clone(), |request: Request<axum::body::Body>| {
        request.map(|_| Body::default())
    })
}

/// Any service as a whole application.
pub fn boxed<S, B>(service: S) -> Served
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    BoxCloneSyncService::new(service.map_response(|it| it.map(axum::body::Body::new)))
}

/// The set-up that `docs/SECURITY-MODEL.md` shows.
pub fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin([HeaderValue::from_static(ORIGIN)])
        .allow_credentials(true)
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, X_REQUESTED_WITH])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER])
}

/// The method and the header lines of a kind of client.
fn client_of(word: &str) -> (&'static str, &'static [&'static str]) {
    const HTML: &str = "accept: text/html,application/xhtml+xml,*/*;q=0.8";
    const NAVIGATE: &str = "sec-fetch-mode: navigate";
    const FORM: &str = "content-type: application/x-www-form-urlencoded";
    match word {
        "api" => ("GET", &["accept: application/json"]),
        "fetch" => ("GET", &["accept: */*", "sec-fetch-mode: cors"]),
        "grpc" => ("POST", &["content-type: application/grpc", "te: trailers"]),
        "head" => ("HEAD", &[HTML, NAVIGATE]),
        "nav" => ("GET", &[HTML, NAVIGATE]),
        "post" => ("POST", &[HTML, NAVIGATE, FORM]),
        "upgrade" => (
            "GET",
            &[
                "connection: Upgrade",
                "upgrade: websocket",
                "sec-websocket-version: 13",
                "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
            ],
        ),
        "xhr" => ("GET", &["accept: */*", "x-requested-with: XMLHttpRequest"]),
        _ => panic!("no client is called {word}"),
    }
}

/// The application took this one back: another stamp.
fn revoked(ticket: TicketBuilder, is_forms: bool) -> TicketBuilder {
    match is_forms {
        true => ticket.user_data(REVOKED),
        false => ticket.claim("AspNet.Identity.SecurityStamp", REVOKED),
    }
}

/// ASP.NET Identity's security stamp, as far as the table needs it.
#[derive(Debug)]
struct Stamps;

impl Revalidate for Stamps {
    fn revalidate(&self, identity: &Identity) -> Attempt<Result<Verdict, AuthError>> {
        let ticket = Ticket::of(identity).expect("the ticket that it was made of");
        let mut claims = ticket.identities.iter().flat_map(|it| &it.claims);
        let is_revoked = ticket.user_data == REVOKED || claims.any(|claim| claim.value == REVOKED);
        Attempt::ready(Ok(match is_revoked {
            true => Verdict::Reject(AuthErrorKind::StampMismatch),
            false => Verdict::Keep,
        }))
    }

    /// Shorter than any ticket here is old.
    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// Allows everything, and notes whom it was asked about.
#[derive(Clone, Debug, Default)]
pub struct Checked(Arc<Mutex<Option<String>>>);

impl Checked {
    /// The schemes in order, as the table writes them; `None` if it was not asked.
    pub fn saw(&self) -> Option<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Policy for Checked {
    fn decide(&self, record: &Authentication) -> Decision {
        let names: Vec<_> = record.identities().map(|(scheme, _)| scheme.to_string()).collect();
        *self.0.lock().unwrap() = Some(letters(&names.join(", ")));
        Decision::Allow
    }
}

/// The schemes as the table writes them: `∅`, `{B}`, `{B,C}`.
pub fn letters(names: &str) -> String {
    let letters: Vec<&str> = names.split(", ").filter_map(|name| name.get(..1)).collect();
    if letters.is_empty() { "∅".to_owned() } else { format!("{{{}}}", letters.join(",")) }
}

/// A page of another origin that may call.
pub const ORIGIN: &str = "https://spa.test";
const APPLICATION: &str = ".AspNet.ApplicationCookie";
const EXTERNAL: SchemeName = SchemeName::from_static("ExternalCookie");
const FORMS: &str = ".ASPXAUTH";
const REVOKED: &str = "stamp-of-yesterday";
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
