//! A request by somebody, for unit tests of handlers.

use std::sync::Arc;

use http::{Request, request::Parts};

use crate::{
    attempt::Attempt,
    authentication::Authentication,
    challenge::{Challenge, ChallengeReason},
    principal::{Bearer, Identity},
    rejection::RequestKind,
    scheme::{Authenticator, Outcome, Scheme},
};

/// The request as the gate would pass it on with this identity under the scheme
/// [`Bearer`].
///
/// Extractors, [`Caller::from_extensions`](crate::Caller::from_extensions) and requirements see it;
/// a gate that stands in the tested stack leaves it as it is. Nothing that comes over a network can
/// carry such a record.
#[must_use]
pub fn signed_in<B>(request: Request<B>, identity: Identity) -> Request<B> {
    let (parts, body) = request.into_parts();
    let kind = RequestKind::of(&parts);
    let mut request = Request::from_parts(parts, body);
    let schemes: Arc<[Scheme]> = [Scheme::custom(Bearer, SignedIn)].into();
    let outcomes = [Outcome::Verified(identity)].into_iter().collect();
    let record = Authentication::new(schemes, outcomes, kind).settle();
    request.extensions_mut().insert(record);
    request
}

/// The scheme of such a record: it finds nothing by itself.
#[derive(Debug)]
struct SignedIn;

impl Authenticator for SignedIn {
    fn authenticate(&self, _: &Parts) -> Attempt<Outcome> {
        Attempt::ready(Outcome::Absent)
    }

    fn challenge(&self, reason: ChallengeReason<'_>) -> Option<Challenge> {
        Some(Challenge::bearer("api", reason))
    }
}
