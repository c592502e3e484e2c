//! The API and its protection.

use std::error::Error;

use axum::{
    Json, Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use http::{Method, StatusCode, header};
use portcullis::{
    BearerAuth, BuildError, Caller, Principal, ProblemDetails, Rejection, Secret, explain,
    introspection::{ClientAuth, IntrospectionValidator},
    jwt::{JwtValidator, KeyLocation, RemoteKeys},
    policy,
    token::TokenRouter,
};
use serde_json::{Map, Value, json};
use tower_http::cors::CorsLayer;

use crate::{
    options::{Introspection, Options},
    tickets,
};

/// From the inside out: a requirement for each route, a line of log, the gate, CORS. The gate
/// refuses nothing, so that `/public` stays open.
pub fn router(options: &Options) -> Result<Router, Box<dyn Error>> {
    let bearer = bearer(options)?;
    let gate = bearer.clone().optional();
    let signed_in = gate.require(policy::any_scheme())?.respond_with(ProblemDetails);
    let readers = gate.require(policy::scope("orders:read"))?.respond_with(ProblemDetails);
    let writers = gate.require(policy::scope("orders:write"))?.respond_with(ProblemDetails);

    let router = Router::new()
        .route("/public", get(public))
        .route("/me", get(me).layer(signed_in))
        .route("/orders", get(list).layer(readers))
        .route("/orders", post(place).layer(writers))
        .layer(middleware::from_fn(log))
        .layer(gate);
    let router = match &options.tickets {
        None => router,
        Some(asked) => router.merge(tickets::routes(bearer, asked, options.cors_origin.as_ref())?),
    };
    Ok(match &options.cors_origin {
        None => router,
        Some(origin) => router.layer(
            CorsLayer::new()
                .allow_origin(origin.clone())
                .allow_credentials(true)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
                .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]),
        ),
    })
}

fn bearer(options: &Options) -> Result<BearerAuth, BuildError> {
    let mut keys = RemoteKeys::builder(KeyLocation::discover(&options.issuer));
    if let Some(cooldown) = options.refetch_cooldown {
        keys = keys.refetch_cooldown(cooldown);
    }
    if options.allow_http_issuer {
        keys = keys.dangerous().allow_http();
    }
    let mut jwt = JwtValidator::builder(keys.build()?)
        .issuer(&options.issuer)
        .audience(&options.audience)
        .profile(options.profile.clone())
        .decryption_keys(options.decryption_keys.iter().cloned());
    for typ in &options.accept_types {
        jwt = jwt.accept_type(typ);
    }
    if let Some(algorithms) = &options.algorithms {
        jwt = jwt.algorithms(algorithms.iter().copied());
    }
    if let Some(tolerance) = options.clock_tolerance {
        jwt = jwt.clock_tolerance(tolerance);
    }
    let jwt = jwt.build()?;
    match &options.introspection {
        None => BearerAuth::new(jwt),
        Some(asked) => BearerAuth::new(TokenRouter::new().jwt(jwt).opaque(opaque(options, asked)?)),
    }
}

/// What is no JWT is asked about. An issuer names an API by its audience or by its client id.
fn opaque(options: &Options, asked: &Introspection) -> Result<IntrospectionValidator, BuildError> {
    let secret = asked.client_secret.as_ref().map_or(&[][..], Secret::expose);
    let credentials = ClientAuth::basic(&*asked.client_id, secret);
    let mut opaque = IntrospectionValidator::builder(&*asked.endpoint, credentials)
        .issuer(&options.issuer)
        .audience(&options.audience)
        .audience(&asked.client_id);
    if let Some(lifetime) = asked.cache {
        opaque = opaque.positive_lifetime(lifetime);
    }
    if let Some(member) = &asked.subject {
        opaque = opaque.subject_member(member);
    }
    if options.allow_http_issuer {
        opaque = opaque.dangerous().allow_http();
    }
    opaque.build()
}

async fn public(principal: Principal) -> String {
    let caller = principal.primary().and_then(|identity| identity.subject());
    format!("hello, {}", caller.unwrap_or("stranger"))
}

async fn me(caller: Caller<Map<String, Value>>) -> Json<Value> {
    let identity = &caller.identity;
    Json(json!({
        "sub": identity.subject(),
        "client_id": identity.client_id(),
        "scope": identity.scope().to_string(),
        "iss": identity.issuer(),
        "claims": *caller.claims,
    }))
}

async fn list() -> Json<Value> {
    Json(json!(["tea", "bread"]))
}

async fn place() -> StatusCode {
    StatusCode::CREATED
}

/// One line a request, with its reason. No credential is in it.
pub async fn log(request: Request, next: Next) -> Response {
    let what = format!("{:<4} {}", request.method(), request.uri().path());
    let seen = explain(request.extensions()).to_string().replace('\n', ", ");
    let response = next.run(request).await;
    let status = response.status().as_u16();
    match response.extensions().get::<Rejection>() {
        Some(refused) => println!("{status}  {what}  {}", refused.reason()),
        None => println!("{status}  {what}  {seen}"),
    }
    response
}
