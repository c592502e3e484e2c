//! The layers behind real connections: gRPC through tonic's server and client, and HTTP/2 through
//! hyper's. What needs no connection is in `tests/spec/tower.rs`.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis::policy::{self, Policy};
use portcullis::token::{Presented, TokenValidator};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, Authentication, Bearer, BearerAuth, Caller, Identity, Scope,
};
use serde::Deserialize;
use tokio::net::TcpListener;
use tonic::client::Grpc as Ask;
use tonic::codegen::BoxFuture;
use tonic::metadata::MetadataValue;
use tonic::server::{Grpc as Answer, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tower::{Service, ServiceBuilder};

/// Judges by the text: a name is that person, `slow-…` a moment later, with the scopes after the
/// colon.
#[derive(Debug)]
struct Named;

impl TokenValidator for Named {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let slow = presented.token().strip_prefix("slow-");
        let answer = match slow.unwrap_or(presented.token()) {
            "expired" => Err(AuthErrorKind::Expired.into()),
            "down" => Err(AuthErrorKind::IssuerUnreachable.into()),
            name => Ok(Identity::builder("https://issuer.example")
                .subject(name)
                .scope(Scope::parse(if name == "alice" { "orders:write" } else { "" }))
                .claims_json(format!(r#"{{"sub":"{name}"}}"#))
                .build()),
        };
        match slow {
            None => Attempt::ready(answer),
            Some(_) => Attempt::pending(async move {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                answer
            }),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Deserialize)]
struct Person {
    sub: String,
}

/// Two methods, of which one needs a scope: tonic's layers are per server, so the method asks.
#[derive(Clone, Copy, Debug)]
struct Orders;

impl NamedService for Orders {
    const NAME: &'static str = "test.Orders";
}

struct Method {
    writes: bool,
}

impl UnaryService<Text> for Method {
    type Response = Text;
    type Future = BoxFuture<tonic::Response<Text>, Status>;

    fn call(&mut self, request: tonic::Request<Text>) -> Self::Future {
        let writes = self.writes;
        Box::pin(async move {
            let caller: Caller<Person, Bearer> = Caller::from_extensions(request.extensions())
                .map_err(|rejection| Status::unauthenticated(rejection.description()))?;
            let policy: Arc<dyn Policy> = Arc::new(policy::scope("orders:write"));
            let record = request.extensions().get::<Authentication>().unwrap();
            if writes && let Err(rejection) = record.check(&policy) {
                return Err(Status::permission_denied(rejection.description()));
            }
            let text = format!("{} for {}", request.get_ref().text, caller.sub);
            Ok(tonic::Response::new(Text { text }))
        })
    }
}

impl Service<Request<tonic::body::Body>> for Orders {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<tonic::body::Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let writes = request.uri().path() == "/test.Orders/Create";
        Box::pin(async move {
            let mut grpc = Answer::new(ProstCodec::<Text, Text>::default());
            Ok(grpc.unary(Method { writes }, request).await)
        })
    }
}

async fn serve_grpc() -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bearer = BearerAuth::new(Named).unwrap();
    let server = Server::builder().layer(bearer).add_service(Orders);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

async fn call(
    channel: &Channel,
    method: &'static str,
    authorization: &[&str],
) -> Result<String, Status> {
    let mut request = tonic::Request::new(Text { text: "order".to_owned() });
    for line in authorization {
        request.metadata_mut().append("authorization", line.parse().unwrap());
    }
    request.metadata_mut().insert_bin("authorization-bin", MetadataValue::from_bytes(b"alice"));
    let mut client = Ask::new(channel.clone());
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(method);
    let codec = ProstCodec::<Text, Text>::default();
    client.unary(request, path, codec).await.map(|response| response.into_inner().text)
}

#[tokio::test]
async fn a_tonic_client_gets_grpc_statuses() {
    const LIST: &str = "/test.Orders/List";
    const CREATE: &str = "/test.Orders/Create";
    let channel = serve_grpc().await;
    for (method, authorization, expected) in [
        (LIST, &["Bearer alice"][..], Ok("order for alice")),
        (LIST, &["bearer bob"], Ok("order for bob")),
        (LIST, &["Bearer slow-bob"], Ok("order for bob")),
        (CREATE, &["Bearer alice"], Ok("order for alice")),
        (CREATE, &["Bearer bob"], Err((Code::PermissionDenied, "the caller may not do this"))),
        (LIST, &[], Err((Code::Unauthenticated, "no credential was sent"))),
        (LIST, &["Basic YTpi"], Err((Code::Unauthenticated, "no credential was sent"))),
        (LIST, &["Bearer expired"], Err((Code::Unauthenticated, "the access token expired"))),
        (LIST, &["Bearer slow-expired"], Err((Code::Unauthenticated, "the access token expired"))),
        (LIST, &["Bearer"], Err((Code::Unauthenticated, "the token is missing"))),
        (
            LIST,
            &["Bearer alice", "Bearer bob"],
            Err((Code::Unauthenticated, "more than one credential was sent")),
        ),
        (
            LIST,
            &["Bearer down"],
            Err((Code::Unavailable, "the credential cannot be checked at the moment")),
        ),
    ] {
        let answer = call(&channel, method, authorization).await;
        let answer = answer.as_deref().map_err(|status| (status.code(), status.message()));
        assert_eq!(answer, expected, "{method} {authorization:?}");
    }
}

/// The same connection carries many requests at once; each gets its own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_one_connection_are_not_mixed() {
    let channel = serve_grpc().await;
    let mut calls = Vec::new();
    for round in 0..100 {
        let channel = channel.clone();
        calls.push(tokio::spawn(async move {
            let name = ["alice", "bob", "slow-alice", "slow-bob"][round % 4];
            let line = format!("Bearer {name}");
            let answer = call(&channel, "/test.Orders/List", &[&line]).await.unwrap();
            assert_eq!(answer, format!("order for {}", name.trim_start_matches("slow-")));
        }));
    }
    for call in calls {
        call.await.unwrap();
    }
}

/// Echoes the body, under the caller's name.
async fn echo(
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let record = request.extensions().get::<Authentication>().unwrap();
    let name = record.primary().unwrap().subject().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert("x-caller", name.parse().unwrap());
    Ok(response)
}

#[tokio::test]
async fn http_2_by_hyper() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = ServiceBuilder::new()
        .layer(BearerAuth::new(Named).unwrap())
        .service(tower::service_fn(echo));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper_util::service::TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await
            });
        }
    });
    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();

    for (method, token, status, caller, challenge) in [
        ("POST", Some("alice"), 200, Some("alice"), None),
        ("POST", Some("slow-bob"), 200, Some("bob"), None),
        ("POST", None, 401, None, Some(r#"Bearer realm="api""#)),
        ("HEAD", None, 401, None, Some(r#"Bearer realm="api""#)),
        (
            "POST",
            Some("slow-expired"),
            401,
            None,
            Some(
                r#"Bearer realm="api", error="invalid_token", error_description="the access token expired""#,
            ),
        ),
        ("POST", Some("down"), 503, None, None),
    ] {
        let mut request = Request::builder().method(method).uri(format!("http://{address}/"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if method == "POST" { "hello" } else { "" };
        let response = client.request(request.body(Full::from(body)).unwrap()).await.unwrap();

        assert_eq!(response.version(), http::Version::HTTP_2);
        assert_eq!(response.status(), status, "{method} {token:?}");
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-caller"), caller);
        assert_eq!(header("www-authenticate"), challenge);
        assert_eq!(header("cache-control"), (status != 200).then_some("no-store"));
        assert_eq!(header("retry-after"), (status == 503).then_some("1"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, if status == 200 { "hello" } else { "" });
    }
}
