//! Finds the routes that somebody forgot to protect.

use std::{fmt, future::poll_fn};

use http::{Request, Response};
use tower_service::Service;

use crate::rejection::Rejection;

/// Sends a `GET` without credentials to each path and names those that are answered by anything but
/// one of this crate's refusals.
///
/// A route that was added after the layer (axum applies a layer only to the routes present at that
/// moment) is found this way. A path without a route is named too, if its 404 says so to anybody.
///
/// # Errors
/// [`Unprotected`], with each path and the status that it answered.
pub async fn assert_protected<S, B, R>(
    mut service: S,
    paths: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<(), Unprotected>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Default,
{
    let mut unprotected = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let Ok(request) = Request::get(path).body(B::default()) else {
            unprotected.push((path.to_owned(), None));
            continue;
        };
        let response = match poll_fn(|cx| service.poll_ready(cx)).await {
            Ok(()) => service.call(request).await.ok(),
            Err(_) => None,
        };
        let refused = response.as_ref().is_some_and(|response| {
            response.extensions().get::<Rejection>().is_some_and(Rejection::is_unauthenticated)
        });
        if !refused {
            unprotected.push((path.to_owned(), response.map(|r| r.status().as_u16())));
        }
    }
    if unprotected.is_empty() { Ok(()) } else { Err(Unprotected(unprotected)) }
}

/// The paths that are not protected, each with the status that it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprotected(pub Vec<(String, Option<u16>)>);

impl fmt::Display for Unprotected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("answered without being asked who is calling:")?;
        for (path, status) in &self.0 {
            match status {
                Some(status) => write!(f, " {path} ({status})")?,
                None => write!(f, " {path} (no answer)")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Unprotected {}
