//! One host: the application next door, the token endpoint, and the API that demands both.

use std::fmt::Write as _;

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use portcullis::{
    Authentication, BearerAuth, BuildError, ProblemDetails, Rejection, RequireBoth, TicketAuth,
    scheme::{TicketCookie, Transport, TransportSource},
    testing::{MockIssuer, User},
    ticket::{
        TicketValidator,
        aspnet::{FormsTickets, KatanaAccessToken, MachineKey},
    },
};

/// What the applications of the estate share.
const WEB_CONFIG: &str = include_str!("web.config");

pub fn app(protected: bool) -> Result<Router, BuildError> {
    let key = MachineKey::from_config(WEB_CONFIG)?.build()?;
    // without TLS a browser would drop a cookie that is marked Secure
    let cookie = TicketCookie::builder(".ASPXAUTH")
        .secure_same_as_request(TransportSource::Server)
        .build()?;

    let tokens = TicketValidator::new(KatanaAccessToken::new(key.clone())?);
    let tickets = TicketValidator::new(FormsTickets::new(key.clone())?);
    let both =
        RequireBoth::new(BearerAuth::new(tokens)?, TicketAuth::new(cookie.clone(), tickets)?)?
            .respond_with(ProblemDetails);

    let api = Router::new().route("/api/test", get(hello));
    let api = if protected { api.layer(both) } else { api };

    // the mock plays the two .NET applications: the portal and the authorization server
    let dotnet = MockIssuer::builder()
        .user(User::new("test", "test"))
        .user(User::new("other", "other"))
        .katana(key.clone())
        .portal(cookie, key)?
        .build();
    Ok(Router::new()
        .route("/", get(async || "log in at /portal/login\n"))
        .merge(api)
        .fallback(move |request| forward(dotnet.clone(), request))
        .layer(from_fn(print_reason))
        .layer(from_fn(say_how_it_came)))
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

async fn forward(dotnet: MockIssuer, request: Request) -> Response {
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
