//! Plain hyper 1, no framework: the layer goes around a service function, and
//! [`Caller::from_extensions`] serves where there is no extractor.
//!
//! ```text
//! cargo run --example hyper_service
//! cargo run --example hyper_service -- --check
//! ```

mod support;

use std::{convert::Infallible, error::Error, io, process::ExitCode};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use portcullis::{
    BearerAuth, Caller,
    rejection::{DefaultResponseForRejection, RequestKind},
    testing::MockIssuer,
};
use tokio::net::TcpListener;
use tower::ServiceBuilder;

/// The claims that this service reads.
#[derive(serde::Deserialize)]
struct Employee {
    sub: String,
    department: String,
}

async fn serve(listener: TcpListener, bearer: BearerAuth) -> io::Result<()> {
    let service = ServiceBuilder::new().layer(bearer).service_fn(desk);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("connection: {error}");
            }
        });
    }
}

/// Reached with a verified token only.
async fn desk(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match Caller::<Employee>::from_extensions(request.extensions()) {
        Ok(caller) => Response::new(format!("{} of {}", caller.sub, caller.department).into()),
        Err(rejection) => {
            rejection.into_response(RequestKind::default(), &DefaultResponseForRejection)
        }
    })
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let issuer = MockIssuer::new().serve().await?; // in earnest, yours
    let bearer = BearerAuth::oidc(&issuer.url(), "https://api.example")?;
    let listener = support::listen().await?;
    let address = listener.local_addr()?;

    let alice = issuer.issuer().token().claim("department", "accounts").build();
    if !support::checking() {
        println!("curl -i http://{address}/ -H 'Authorization: Bearer {alice}'");
        serve(listener, bearer).await?;
        return Ok(ExitCode::SUCCESS);
    }
    tokio::spawn(serve(listener, bearer));

    let nowhere = issuer.issuer().token().build();
    let mut check = support::Check::new(address);
    for (who, token, expected) in [
        ("no token", None, (401, support::MISSING, "")),
        ("not a token", Some("not.a.token"), (401, support::INVALID, "")),
        ("alice", Some(&*alice), (200, "", "alice of accounts")),
        ("alice of no department", Some(&*nowhere), (403, "", "")),
    ] {
        check.play("GET /", who, token, expected).await;
    }
    Ok(check.finish())
}
