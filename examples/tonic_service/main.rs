//! gRPC with tonic: two methods, two scopes.
//!
//! A tonic layer is per server, so the layer demands a good token and each method asks its own
//! policy, with `Authentication::check`. Refusals are gRPC statuses: `UNAUTHENTICATED`,
//! `PERMISSION_DENIED`, and `UNAVAILABLE` while the issuer cannot be asked.
//!
//! ```text
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
};
use serde_json::json;
use tonic::{
    Code, Request, Response, Status,
    transport::{Channel, Server, server::TcpIncoming},
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
    let record = request.extensions().get::<Authentication>().expect("there is a caller");
    record.check(&policy).map_err(status)?;
    Ok(caller)
}

fn status(rejection: Rejection) -> Status {
    Status::new(Code::from(rejection.grpc_code()), rejection.description())
}

async fn serve(incoming: TcpIncoming) -> Result<(), Box<dyn Error>> {
    let bearer = BearerAuth::new(support::validator()?)?;
    let server = Server::builder().layer(bearer).add_service(OrdersServer::new(Shop));
    Ok(server.serve_with_incoming(incoming).await?)
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let listener = support::listen().await?;
    let address = listener.local_addr()?;
    if !support::checking() {
        println!("shop.Orders on http://{address}, see orders.proto");
        println!("authorization: Bearer {}", support::token("alice", "orders:read", json!({})));
        serve(listener.into()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    tokio::spawn(async { serve(listener.into()).await.map_err(|error| eprintln!("{error}")) });
    let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
    Ok(check(channel).await)
}

async fn check(channel: Channel) -> ExitCode {
    let reader = support::token("alice", "orders:read", json!({}));
    let writer = support::token("bob", "orders:write", json!({}));

    let mut check = support::Check::default();
    for (who, token, listed, placed) in [
        ("nobody", None, Err(NOBODY), Err(NOBODY)),
        ("a forger", Some("a.b.c"), Err(INVALID), Err(INVALID)),
        ("a reader", Some(&*reader), Ok("tea for alice"), Err(DENIED)),
        ("a writer", Some(&*writer), Err(DENIED), Ok("bob")),
    ] {
        let mut client = OrdersClient::new(channel.clone());
        let answer = client.list(with(token, ListRequest {})).await;
        let answer = answer.map(|reply| reply.into_inner().orders.concat());
        check.compare(&format!("List   {who}"), told(&answer), listed);

        let answer = client.place(with(token, PlaceRequest { order: "tea".into() })).await;
        let answer = answer.map(|reply| reply.into_inner().placed_by);
        check.compare(&format!("Place  {who}"), told(&answer), placed);
    }
    check.finish()
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
