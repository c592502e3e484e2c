//! The mock issuer keeps to the RFCs where it is right, and fails as it is told where it is not.

mod documents;
mod faults;
mod token_endpoint;
mod tokens;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use portcullis::{
    AuthErrorKind, Clock, UnixTime,
    fetch::{Fetch, FetchError, HttpClient},
    jwt::{Algorithm, Jwk, JwkSet, jws},
    testing::{
        Api, Client, Endpoint, Fault, ManualClock, MockIssuer, MockIssuerBuilder, SigningKey,
        TokenBuilder, User,
    },
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

/// The set-up of the article on the password grant.
fn article(builder: MockIssuerBuilder) -> MockIssuer {
    builder
        .identity_server()
        .api(Api::new("api1", &["api1"]))
        .client(
            Client::new("ropc_client")
                .secret("secret")
                .grant("password")
                .scopes(&["openid", "api1"]),
        )
        .client(machine())
        .user(User::new("admin", "Abcd@1234").claim("name", "Ann"))
        .build()
}

fn machine() -> Client {
    Client::new("machine").secret("m").grant("client_credentials").scopes(&["api1", "orphan"])
}

fn request(method: Method, uri: &str, body: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse::<Uri>().unwrap();
    if !body.is_empty() {
        let form = "application/x-www-form-urlencoded".parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, form);
    }
    request
}

async fn send(issuer: &MockIssuer, request: Request<Bytes>) -> Response<Bytes> {
    issuer.fetch().fetch(request, 1 << 20).await.unwrap()
}

async fn get(issuer: &MockIssuer, uri: &str) -> Response<Bytes> {
    send(issuer, request(Method::GET, uri, "")).await
}

async fn post(issuer: &MockIssuer, uri: &str, form: &str) -> Response<Bytes> {
    send(issuer, request(Method::POST, uri, form)).await
}

async fn token(issuer: &MockIssuer, form: &str) -> Response<Bytes> {
    post(issuer, TOKEN, form).await
}

async fn userinfo(issuer: &MockIssuer, method: Method, token: Option<&str>) -> Response<Bytes> {
    let mut request = request(method, "https://issuer.test/connect/userinfo", "");
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    send(issuer, request).await
}

fn discovery(issuer: &MockIssuer) -> String {
    format!("{}/.well-known/openid-configuration", issuer.url())
}

fn json_of(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

fn access_token(answer: &Response<Bytes>) -> String {
    json_of(answer)["access_token"].as_str().unwrap().to_owned()
}

fn segment(token: &str, number: usize) -> Vec<u8> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap()
}

fn header_of(token: &str) -> Value {
    serde_json::from_slice(&segment(token, 0)).unwrap()
}

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&segment(token, 1)).unwrap()
}

/// The key without `alg`, so that it fits every algorithm of its kind.
fn bare(key: &SigningKey) -> Jwk {
    let mut jwk = key.jwk_json();
    jwk.as_object_mut().unwrap().remove("alg");
    Jwk::parse(jwk.to_string().as_bytes()).unwrap()
}

const TOKEN: &str = "https://issuer.test/connect/token";
const PASSWORD_FORM: &str = "client_id=ropc_client&client_secret=secret&scope=openid+api1\
                             &grant_type=password&username=admin&password=Abcd%401234";
