//! One host: the application next door, the token endpoint, pages, and an API.

use std::fmt::Write as _;

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use http::{HeaderValue, Method, StatusCode, header};
use portcullis::{
    AuthenticateLayer, Authentication, Bearer, BearerAuth, BuildError, Caller, Cookies,
    ProblemDetails, Rejection, RequireBoth, Scheme, TicketAuth, policy,
    scheme::{CrossSiteGuard, TicketCookie, Transport, TransportSource},
    testing::{MockIssuer, User},
    ticket::{
        TicketValidator,
        aspnet::{FormsTickets, KatanaAccessToken, MachineKey},
    },
    token::Cached,
};
use serde_json::{Value, json};
use tower_http::cors::CorsLayer;

use crate::{own_pages::own_pages_only, page};

/// What the applications of the estate share.
const WEB_CONFIG: &str = include_str!("web.config");

/// What is left out of the protection, to see what it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    Nothing,
    /// The layer that demands both credentials.
    Protection,
    /// The rule that both are of one user.
    SameSubject,
    /// What hides the ticket from the API.
    Suppression,
}

/// `origin`: where the page comes from, if not from this host.
pub fn app(without: Without, origin: Option<&str>) -> Result<Router, BuildError> {
    let key = MachineKey::from_config(WEB_CONFIG)?.build()?;
    // without TLS a browser would drop a cookie that is marked Secure
    let cookie = TicketCookie::builder(".ASPXAUTH")
        .secure_same_as_request(TransportSource::Server)
        .build()?;
    let tokens = TicketValidator::new(KatanaAccessToken::new(key.clone())?);
    let tickets = TicketValidator::new(FormsTickets::new(key.clone())?);

    // one gate asks for both, on the whole host; what is found counts where it is named
    let gate = AuthenticateLayer::new((
        Scheme::bearer(Bearer, Cached::new(tokens.clone())),
        Scheme::cookie(Cookies, cookie.clone(), Cached::new(tickets.clone()))
            .login_path("/portal/login"),
    ))?;

    // pages live by the ticket, and send whoever has none to log in
    let signed_in = gate.require(policy::scheme(Cookies))?.respond_with(ProblemDetails);
    let pages = Router::new().route("/account", get(account)).layer(signed_in);

    // the API lives by the token: inside the suppression a ticket says nothing
    let somebody = gate.require(policy::any_scheme())?.respond_with(ProblemDetails);
    let api = Router::new().route("/api/me", get(me)).layer(somebody);
    let api = match without {
        Without::Suppression => api,
        _ => api.layer(gate.suppress_all_but(Bearer)?),
    };

    // and here it wants both, of one user; a stack of its own, which never redirects
    let both =
        RequireBoth::new(BearerAuth::new(tokens)?, TicketAuth::new(cookie.clone(), tickets)?)?
            .respond_with(ProblemDetails);
    let data = Router::new().route("/api/test", get(hello));
    let data = match without {
        Without::Protection => data,
        Without::SameSubject => data.layer(both.dangerous().any_subjects()?),
        _ => data.layer(both),
    };

    let app = neighbours(key, cookie, origin)?
        .merge(page::routes(""))
        .merge(pages)
        .merge(api)
        .layer(gate) // also around the neighbours: after a login it sends people back
        .merge(data)
        .layer(from_fn(print_reason))
        .layer(from_fn(say_how_it_came));
    Ok(match origin.and_then(|origin| origin.parse().ok()) {
        None => app,
        Some(origin) => app.layer(cors(origin)), // outermost: refusals are readable, too
    })
}

/// The two .NET applications, played by the mock: the portal and the authorization server.
fn neighbours(
    key: MachineKey,
    cookie: TicketCookie,
    origin: Option<&str>,
) -> Result<Router, BuildError> {
    let mut dotnet = MockIssuer::builder()
        .user(User::new("test", "test"))
        .user(User::new("other", "other"))
        .katana(key.clone())
        .portal(cookie, key)?;
    let mut guard = CrossSiteGuard::new();
    if let Some(origin) = origin {
        dotnet = dotnet.cors_origin(origin);
        guard = guard.allow_origin(origin);
    }
    let portal = Router::new()
        .route("/portal/login", get(page::login).post(forward))
        .route("/portal/logout", any(forward))
        .layer(from_fn_with_state(guard, own_pages_only));
    Ok(portal.fallback(forward).with_state(dotnet.build()))
}

/// What a page of another origin may do, in full: `*` does not go with cookies (Fetch standard).
fn cors(origin: HeaderValue) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origin)
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::HeaderName::from_static("x-requested-with")])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER])
}

#[derive(serde::Deserialize)]
struct Named {
    name: String,
}

async fn account(caller: Caller<Named, Cookies>) -> String {
    format!("signed in as {}\n", caller.name)
}

/// Whoever is the first that may be seen here.
async fn me(caller: Caller<Named>) -> Json<Value> {
    Json(json!({ "user": caller.name }))
}

/// Whoever reads this is one user by two credentials.
async fn hello(request: Request) -> String {
    let mut text = String::from("Hello World");
    let identities = request.extensions().get::<Authentication>();
    for (scheme, identity) in identities.iter().flat_map(|record| record.identities()) {
        let _ = write!(text, ", {} by {scheme}", identity.subject().unwrap_or("nobody"));
    }
    text
}

async fn forward(State(dotnet): State<MockIssuer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, 64 << 10).await {
        Ok(body) => dotnet.answer(Request::from_parts(parts, body)).await.map(Body::from),
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
}

/// This server ends no TLS, and says so.
async fn say_how_it_came(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Transport::Plain);
    next.run(request).await
}

/// One line per request, with its reason.
async fn print_reason(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let why = response.extensions().get::<Rejection>().map_or_else(String::new, |rejection| {
        format!("missing {:?}: {}", rejection.missing(), rejection.reason())
    });
    let (status, method) = (response.status().as_u16(), method.as_str());
    println!("{}", format!("{status}  {method:<4} {path:<15} {why}").trim_end());
    response
}
