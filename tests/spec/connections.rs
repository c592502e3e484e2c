//! What hyper refuses before the layers see it: we rely on it, so it is tested.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use portcullis::BearerAuth;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;

use super::ledger;
use crate::support::fixed::Fixed;

chapter! {
    real async fn a_line_break_inside_the_header;
    real async fn a_request_inside_a_request;
}

/// Sends these bytes to a protected server; the answer, and the paths that the handler saw.
async fn raw(bytes: &[u8]) -> (String, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let seen = Arc::clone(&seen);
        tower::service_fn(move |request: Request<hyper::body::Incoming>| {
            seen.lock().unwrap().push(request.uri().path().to_owned());
            async move {
                // a body that is cut off or malformed is an error here, not another request
                let _ = request.into_body().collect().await;
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }
        })
    };
    let service =
        ServiceBuilder::new().layer(BearerAuth::new(Fixed::default()).unwrap()).service(handler);
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(service);
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // whoever breaks the connection off may cut the answer short
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    server.abort();
    let seen = seen.lock().unwrap().clone();
    (String::from_utf8_lossy(&answer).into_owned(), seen)
}

async fn a_line_break_inside_the_header() {
    let good = b"GET /a HTTP/1.1\r\nhost: a\r\nauthorization: Bearer alice\r\n\r\n";
    let (answer, seen) = raw(good).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(seen, ["/a"]);
    let (answer, seen) = raw(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("www-authenticate: Bearer realm=\"api\"\r\n"), "{answer}");
    assert!(seen.is_empty());

    for broken in [
        &b"GET /a HTTP/1.1\r\nhost: a\r\nauthorization: Bearer al\r\nice\r\n\r\n"[..],
        b"GET /a HTTP/1.1\r\nhost: a\r\nauthorization: Bearer al\r\n ice\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: a\r\nauthorization: Bearer al\0ice\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: a\r\nauthorization: Bearer al\x7fice\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: a\r\nauthorization : Bearer alice\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer alice\r\n\r\n",
    ] {
        let (answer, seen) = raw(broken).await;
        let shown = String::from_utf8_lossy(broken);
        assert!(answer.starts_with("HTTP/1.1 400"), "{shown:?}: {answer}");
        assert!(!answer.contains("www-authenticate"), "not our layer: {answer}");
        assert!(seen.is_empty(), "{shown:?}");
    }
    ledger::passed("S3-08 9110-15");
}

async fn a_request_inside_a_request() {
    const HEAD: &str = "POST /a HTTP/1.1\r\nhost: a\r\nauthorization: Bearer alice\r\n";
    const INNER: &str = "GET /inner HTTP/1.1\r\nhost: a\r\nauthorization: Bearer alice\r\n\r\n";
    for (framing, body) in [
        ("content-length: 5\r\ncontent-length: 6\r\n", "hello"),
        ("content-length: 5, 6\r\n", "hello"),
        ("content-length: +5\r\n", "hello"),
        ("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "1;a\nb\r\nX\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "0x0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "ffffffffffffffff1\r\n"),
    ] {
        let (answer, seen) = raw(format!("{HEAD}{framing}\r\n{body}{INNER}").as_bytes()).await;
        assert!(!seen.contains(&"/inner".to_owned()), "{framing:?} {body:?}: {answer}");
    }
    // both framings at once: the chunks count, and the length does not hide a second request
    let both = format!(
        "{HEAD}content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{}",
        5 + INNER.len(),
        INNER.replace("Bearer alice", "Bearer nobody")
    );
    let (answer, seen) = raw(both.as_bytes()).await;
    assert!(!seen.contains(&"/inner".to_owned()), "{answer}");
    ledger::passed("HTTP-16");
}
