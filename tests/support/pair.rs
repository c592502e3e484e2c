//! A gate with two schemes, and the record that it writes.

use std::convert::Infallible;

use http::{Request, Response, request::Parts};
use portcullis::challenge::{Challenge, ChallengeReason};
use portcullis::scheme::Authenticator;
use portcullis::token::{Presented, TokenValidator};
use portcullis::{
    Attempt, AuthenticateLayer, Authentication, Bearer, Cookies, Identity, Outcome, Scheme,
};
use tower::{Layer, ServiceExt, service_fn};

use super::fixed::{Fixed, get};

/// The schemes `Bearer`, and `Cookies` by the header `x-session`. Both judge a text as [`Fixed`]
/// does. The challenge of the second is the reason that it was asked for.
pub fn gate() -> AuthenticateLayer {
    AuthenticateLayer::new([
        Scheme::from(Scheme::bearer(Bearer, Fixed::default())),
        Scheme::custom(Cookies, Session(Fixed::default())),
    ])
    .unwrap()
}

/// What the gate found in a request with these header lines.
pub async fn record(lines: &[&str]) -> Authentication {
    let handler = service_fn(async |request: Request<_>| {
        let mut response = Response::new(());
        let record = request.extensions().get::<Authentication>().unwrap().clone();
        response.extensions_mut().insert(record);
        Ok::<_, Infallible>(response)
    });
    let response = gate().layer(handler).oneshot(get(lines)).await.unwrap();
    response.extensions().get::<Authentication>().unwrap().clone()
}

/// The record of a request by somebody, under one scheme.
pub fn signed_in(identity: Identity) -> Authentication {
    let request = portcullis::testing::signed_in(Request::new(()), identity);
    request.extensions().get::<Authentication>().unwrap().clone()
}

#[derive(Debug)]
struct Session(Fixed);

impl Authenticator for Session {
    fn authenticate(&self, parts: &Parts) -> Attempt<Outcome> {
        match parts.headers.get("x-session") {
            None => Attempt::ready(Outcome::Absent),
            Some(text) => {
                let presented = Presented::new(text.to_str().unwrap(), parts);
                self.0.validate(presented).map(Outcome::from)
            }
        }
    }

    fn challenge(&self, reason: ChallengeReason<'_>) -> Option<Challenge> {
        Some(Challenge::new("Session").parameter("why", &format!("{reason:?}")))
    }
}
