//! gRPC with tonic: two methods, two scopes.
//!
//! A tonic layer is per server, so the layer demands a good token and each method asks its own
//! policy, with [`Authentication::check`]. Refusals are gRPC statuses, `UNAUTHENTICATED` or
//! `PERMISSION_DENIED`.
//!
//! ```text
//! cargo run --example tonic_service
//! cargo run --example tonic_service -- --check
//! ```

#[path = "../support/mod.rs"]
mod support;

mod orders;

use std::{error::Error, process::ExitCode};

use orders::{
    ListReply, ListRequest, PlaceReply, PlaceRequest,
    orders_client::OrdersClient,
    orders_server::{Orders, OrdersServer},
};
use portcullis::{
    Authentication, BearerAuth, Caller, Rejection,
    policy::{self, Policy},
    testing::MockIssuer,
};
use tonic::{
    Code, Request, Response, Status,
    transport::{self, Channel, Server, server::TcpIncoming},
};

/// The claims that this service reads.
#[derive(serde::Deserialize)]
struct Employee {
    sub: String,
}

struct Shop;

#[tonic::async_trait]
impl Orders for Shop {
    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListReply>, Status> {
        let caller = allowed(&request, policy::scope("orders:read"))?;
        Ok(Response::new(ListReply { orders: vec![format!("tea for {}", caller.sub)] }))
    }

    async fn place(&self, request: Request<PlaceRequest>) -> Result<Response<PlaceReply>, Status> {
        let caller = allowed(&request, policy::scope("orders:write"))?;
        Ok(Response::new(PlaceReply { placed_by: caller.sub.clone() }))
    }
}

/// Who is calling, if the policy lets it.
fn allowed<T>(request: &Request<T>, policy: impl Policy) -> Result<Caller<Employee>, Status> {
    let caller = Caller::from_extensions(request.extensions()).map_err(status)?;
    let record = Authentication::from_extensions(request.extensions()).map_err(status)?;
    record.check(&policy).map_err(status)?;
    Ok(caller)
}

fn status(rejection: Rejection) -> Status {
    Status::new(Code::from(rejection.grpc_code()), rejection.description())
}

async fn serve(incoming: TcpIncoming, bearer: BearerAuth) -> Result<(), transport::Error> {
    let server = Server::builder().layer(bearer).add_service(OrdersServer::new(Shop));
    server.serve_with_incoming(incoming).await
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let issuer = MockIssuer::new().serve().await?; // in earnest, yours
    let bearer = BearerAuth::oidc(&issuer.url(), "https://api.example")?;
    let listener = support::listen().await?;
    let address = listener.local_addr()?;

    let reader = issuer.issuer().token().scope("orders:read").build();
    if !support::checking() {
        println!("shop.Orders (orders.proto) on {address}; authorization: Bearer {reader}");
        serve(listener.into(), bearer).await?;
        return Ok(ExitCode::SUCCESS);
    }
    tokio::spawn(serve(listener.into(), bearer));

    let writer = issuer.issuer().token().subject("bob").scope("orders:write").build();
    let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
    let mut check = support::Check::new(address);
    for (who, token, listed, placed) in [
        ("nobody", None, Err(NOBODY), Err(NOBODY)),
        ("a forger", Some("a.b.c"), Err(INVALID), Err(INVALID)),
        ("a reader", Some(&*reader), Ok("tea for alice"), Err(DENIED)),
        ("a writer", Some(&*writer), Err(DENIED), Ok("bob")),
    ] {
        let mut client = OrdersClient::new(channel.clone());
        let answer = client.list(with(token, ListRequest {})).await;
        let answer = answer.map(|reply| reply.into_inner().orders.concat());
        check.compare(&format!("List, {who}:"), told(&answer), listed);

        let answer = client.place(with(token, PlaceRequest { order: "tea".into() })).await;
        let answer = answer.map(|reply| reply.into_inner().placed_by);
        check.compare(&format!("Place, {who}:"), told(&answer), placed);
    }
    Ok(check.finish())
}

fn with<T>(token: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().expect("a token is visible ASCII");
        request.metadata_mut().insert("authorization", value);
    }
    request
}

fn told(answer: &Result<String, Status>) -> Result<&str, (Code, &str)> {
    answer.as_deref().map_err(|status| (status.code(), status.message()))
}

const NOBODY: (Code, &str) = (Code::Unauthenticated, "no credential was sent");
const INVALID: (Code, &str) = (Code::Unauthenticated, "the access token is not valid");
const DENIED: (Code, &str) = (Code::PermissionDenied, "the caller may not do this");
