//! The API, and the line that it prints for each request.

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use portcullis::{
    Authentication, BearerAuth, BuildError, Explanation, Outcome, Rejection, explain, policy::scope,
};

pub fn app(issuer: &str, protected: bool) -> Result<Router, BuildError> {
    let bearer = BearerAuth::oidc(issuer, "https://api.example")?;
    let orders = Router::new().route("/orders", get(list).post(create)).layer(from_fn(note));
    let orders = if protected { orders.layer(bearer) } else { orders };
    Ok(orders.layer(from_fn(print_reason)))
}

async fn list() -> &'static str {
    "3 orders\n"
}

async fn create(caller: Authentication) -> Result<&'static str, Rejection> {
    caller.check(&scope("orders:write"))?;
    Ok("created\n")
}

/// Inside the layer: lets the line outside know who was let in.
async fn note(request: Request, next: Next) -> Response {
    let explanation = explain(request.extensions());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(explanation);
    response
}

/// Outside the layer: one line per request, with its reason.
async fn print_reason(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let sent = request.headers().contains_key("authorization");
    let response = next.run(request).await;
    let (who, why) = reason(&response, sent);
    let (status, method) = (response.status().as_u16(), method.as_str());
    println!("{status}  {method:<4} {path}  {who:<14} {why}");
    response
}

fn reason(response: &Response, sent: bool) -> (String, String) {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        let reason = rejection.reason();
        let why = match reason.detail() {
            _ if !sent => "no Authorization header was sent",
            Some(detail) => detail,
            None => reason.kind().description(),
        };
        return (reason.kind().to_string(), why.to_owned());
    }
    let explanation = response.extensions().get::<Explanation>();
    match explanation.and_then(|explanation| explanation.schemes.first()) {
        Some(trail) => match &trail.outcome {
            Outcome::Verified(identity) => (
                identity.subject().unwrap_or("nobody").to_owned(),
                format!(
                    "{}, scope {}, signature checked with key {}",
                    trail.name,
                    identity.scope(),
                    identity.key_id().unwrap_or("without name")
                ),
            ),
            _ => ("anonymous".to_owned(), trail.to_string()),
        },
        None => ("unprotected".to_owned(), "no layer saw this request".to_owned()),
    }
}
