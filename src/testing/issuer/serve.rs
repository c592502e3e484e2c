//! The issuer on a loopback socket.

use std::{
    convert::Infallible,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
    time::{Sleep, sleep},
};

use super::{MockIssuer, answer::Reply};

impl MockIssuer {
    /// Answers on a free port of 127.0.0.1, until the value is dropped. Unless the builder named
    /// another, the issuer's URL is now that of the socket.
    ///
    /// # Errors
    /// The socket cannot be had.
    pub async fn serve(&self) -> io::Result<Served> {
        self.serve_on((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Answers on this address, which must be one of this machine alone.
    ///
    /// # Errors
    /// The socket cannot be had, or the address is no loopback address: the private keys of this
    /// issuer are public.
    pub async fn serve_on(&self, address: SocketAddr) -> io::Result<Served> {
        if !address.ip().is_loopback() {
            let text = "a mock issuer serves loopback addresses alone";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        if self.0.settings.issuer.is_none() {
            self.state().url = format!("http://{address}");
        }
        let task = tokio::spawn(accept(self.clone(), listener));
        Ok(Served { address, issuer: self.clone(), task })
    }
}

/// An issuer on a socket. Dropping it closes the socket and every connection.
#[derive(Debug)]
#[must_use = "dropping it closes the socket"]
pub struct Served {
    address: SocketAddr,
    issuer: MockIssuer,
    task: JoinHandle<()>,
}

impl Served {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> &MockIssuer {
        &self.issuer
    }

    /// The issuer's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.issuer.url()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(issuer: MockIssuer, listener: TcpListener) {
    // ends with this task, and with it every connection
    let mut connections = JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let issuer = issuer.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| answer(issuer.clone(), request));
            // an error is a client that went away, or a fault that was asked for
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(
    issuer: MockIssuer,
    request: Request<Incoming>,
) -> Result<Response<PacedBody>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = http_body_util::Limited::new(body, LONGEST_REQUEST);
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    match issuer.reply(Request::from_parts(parts, body)).await {
        Reply::Dropped => Err(Dropped),
        Reply::Whole(response) => Ok(response.map(PacedBody::whole)),
        Reply::Drip(response, pause) => Ok(response.map(|body| PacedBody::dripping(body, pause))),
        Reply::Oversize(bytes) => Ok(Response::new(PacedBody::blank(bytes))),
    }
}

/// Ends the connection without an answer.
#[derive(Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

/// A body at once, byte by byte, or very long.
enum PacedBody {
    Blank(u64),
    Dripping(Bytes, Duration, Pin<Box<Sleep>>),
    Whole(Bytes),
}

impl PacedBody {
    const fn blank(bytes: u64) -> Self {
        Self::Blank(bytes)
    }

    fn dripping(body: Bytes, pause: Duration) -> Self {
        Self::Dripping(body, pause, Box::pin(sleep(pause)))
    }

    const fn whole(body: Bytes) -> Self {
        Self::Whole(body)
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match &mut *self {
            Self::Blank(left) => {
                let length = (*left).min(CHUNK);
                *left -= length;
                vec![b' '; usize::try_from(length).unwrap_or_default()].into()
            }
            Self::Dripping(left, pause, next) => {
                if !left.is_empty() {
                    ready!(next.as_mut().poll(cx));
                    *next = Box::pin(sleep(*pause));
                }
                left.split_to(left.len().min(1))
            }
            Self::Whole(body) => std::mem::take(body),
        };
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

const CHUNK: u64 = 64 * 1024;
const LONGEST_REQUEST: usize = 1024 * 1024;
