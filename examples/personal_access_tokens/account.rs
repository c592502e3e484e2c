//! The account pages: they hand everything on to the issuer, with the token of whoever asks.

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    routing::{delete, get},
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use portcullis::{
    Caller, introspection::IntrospectionValidator, testing::MockIssuer, token::Cached,
};
use serde::Deserialize;
use serde_json::Value;

use crate::api::LastUses;

/// What is read from a token here.
#[derive(Deserialize)]
struct Person {
    sub: String,
}

#[derive(Clone)]
struct Pages {
    issuer: MockIssuer,
    handles: Cached<IntrospectionValidator>,
    uses: LastUses,
}

pub fn pages(
    issuer: MockIssuer,
    handles: Cached<IntrospectionValidator>,
    uses: LastUses,
) -> Router {
    Router::new()
        .route("/account/tokens", get(list).post(create))
        .route("/account/tokens/{id}", delete(remove))
        .with_state(Pages { issuer, handles, uses })
}

async fn create(State(pages): State<Pages>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    pages.ask(Method::POST, "/pats", &headers, body).await.map(Body::from)
}

/// The issuer knows when it was asked last; this service knows when a token was used.
async fn list(State(pages): State<Pages>, headers: HeaderMap) -> Response<Body> {
    let answer = pages.ask(Method::GET, "/pats", &headers, Bytes::new()).await;
    answer.map(|body| {
        let Ok(Value::Array(mut tokens)) = serde_json::from_slice(&body) else {
            return body.into();
        };
        for token in &mut tokens {
            if let Some(at) = token["id"].as_str().and_then(|id| pages.uses.of(id)) {
                token["last_used"] = at.to_string().into();
            }
        }
        Value::from(tokens).to_string().into()
    })
}

/// What was removed shall not be remembered as good either: from the next request on it is asked
/// about again.
async fn remove(
    State(pages): State<Pages>,
    Path(id): Path<String>,
    who: Caller<Person>,
    headers: HeaderMap,
) -> Response<Body> {
    let path = format!("/pats/{id}");
    let answer = pages.ask(Method::DELETE, &path, &headers, Bytes::new()).await;
    if answer.status().is_success() {
        pages.handles.invalidate_subject(&pages.issuer.url(), &who.sub);
    }
    answer.map(Body::from)
}

impl Pages {
    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap_or_default();
        for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
            if let Some(value) = headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        self.issuer.answer(request).await
    }
}
