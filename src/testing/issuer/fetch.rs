//! The issuer as a client sees it, without a socket.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};

use super::{MockIssuer, answer::Reply, page::page};
use crate::fetch::{Fetch, FetchError, FetchFuture};

impl MockIssuer {
    /// A client that reaches this issuer and no other, in the process. A request for another host
    /// finds no connection, and is [recorded](Self::received).
    #[must_use]
    pub fn fetch(&self) -> Arc<dyn Fetch> {
        Arc::new(InProcess(self.clone()))
    }
}

/// In the place of a service.
impl MockIssuer {
    /// What it answers, for an application that has the issuer's routes among its own.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let reply = deliver(self.reply(request).await, usize::MAX).await;
        reply.unwrap_or_else(|_| page(503, "text/plain", "the mock issuer is not there"))
    }
}

struct InProcess(MockIssuer);

impl Fetch for InProcess {
    fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
        let issuer = self.0.clone();
        Box::pin(async move { deliver(issuer.reply(request).await, limit).await })
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

async fn deliver(reply: Reply, limit: usize) -> Result<Response<Bytes>, FetchError> {
    match reply {
        Reply::Dropped => Err(FetchError::Connection("the mock issuer is not there".to_owned())),
        Reply::Drip(response, pause) => {
            for _ in response.body() {
                tokio::time::sleep(pause).await;
            }
            within(response, limit)
        }
        Reply::Oversize(bytes) => {
            let length = usize::try_from(bytes).unwrap_or(usize::MAX);
            if length > limit {
                return Err(FetchError::TooLarge(limit));
            }
            within(Response::new(vec![b' '; length].into()), limit)
        }
        Reply::Whole(response) => within(response, limit),
    }
}

fn within(response: Response<Bytes>, limit: usize) -> Result<Response<Bytes>, FetchError> {
    if response.body().len() > limit { Err(FetchError::TooLarge(limit)) } else { Ok(response) }
}
