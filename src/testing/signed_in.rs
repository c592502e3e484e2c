//! A request by somebody, for unit tests of handlers.

use std::sync::Arc;

use http::{Request, request::Parts};

use crate::{
    attempt::Attempt,
    authentication::Authentication,
    challenge::{Challenge, ChallengeReason},
    principal::{Bearer, Cookies, Identity, SchemeName},
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
    signed_in_by(request, Bearer, identity)
}

/// The same under another scheme, for the handlers of pages ([`Cookies`]) and of several schemes: said
/// again for another scheme, its identity comes beside the others, as the first and primary one.
///
/// ```
/// use portcullis::{Bearer, Caller, Cookies, Identity, testing};
///
/// #[derive(serde::Deserialize)]
/// struct Named { name: String }
///
/// let alice = |issuer| {
///     Identity::builder(issuer).subject("alice").claims_json(&br#"{"name":"Alice"}"#[..]).build()
/// };
/// let request = http::Request::new(());
/// let request = testing::signed_in_by(request, Cookies, alice("LOCAL AUTHORITY"));
/// let request = testing::signed_in_by(request, Bearer, alice("https://login.example"));
///
/// let page = Caller::<Named, Cookies>::from_extensions(request.extensions()).unwrap();
/// let token = Caller::<Named, Bearer>::from_extensions(request.extensions()).unwrap();
/// assert_eq!((&*page.name, &*token.name), ("Alice", "Alice"));
/// assert_eq!(page.identity.issuer(), "LOCAL AUTHORITY");
/// ```
#[must_use]
pub fn signed_in_by<B>(
    request: Request<B>,
    scheme: impl Into<SchemeName>,
    identity: Identity,
) -> Request<B> {
    let (parts, body) = request.into_parts();
    let kind = RequestKind::of(&parts);
    let mut request = Request::from_parts(parts, body);
    let name = scheme.into();
    let schemes: Arc<[Scheme]> = [Scheme::custom(name, SignedIn(name))].into();
    let outcomes = [Outcome::Verified(identity)].into_iter().collect();
    let mut record = Authentication::new(schemes, outcomes, kind).settle();
    if let Some(others) = request.extensions().get::<Authentication>()
        && others.is_settled()
    {
        record = record.inside(others);
    }
    request.extensions_mut().insert(record);
    request
}

/// The scheme of such a record: it finds nothing by itself.
#[derive(Debug)]
struct SignedIn(SchemeName);

impl Authenticator for SignedIn {
    fn authenticate(&self, _: &Parts) -> Attempt<Outcome> {
        Attempt::ready(Outcome::Absent)
    }

    fn challenge(&self, reason: ChallengeReason<'_>) -> Option<Challenge> {
        if self.is_ambient() {
            return Some(Challenge::cookie("app"));
        }
        Some(Challenge::bearer("api", reason))
    }

    fn is_ambient(&self) -> bool {
        self.0 == Cookies.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_identity_comes_beside_the_first_and_a_cookie_is_ambient() {
        let identity = |issuer| Identity::builder(issuer).subject("alice").build();
        let record = |request: &Request<()>| {
            request.extensions().get::<Authentication>().cloned().expect("a record")
        };
        let page = signed_in_by(Request::new(()), Cookies, identity("page"));
        assert!(record(&page).is_ambient());

        let both = signed_in(page, identity("token"));
        let found = record(&both);
        assert!(found.is_settled() && !found.is_ambient());
        assert_eq!(found.primary().map(Identity::issuer), Some("token"));
        assert_eq!(found.identity(Cookies).map(Identity::issuer), Some("page"));

        let again = record(&signed_in(both, identity("another")));
        assert_eq!(again.identity(Bearer).map(Identity::issuer), Some("another"));
        assert_eq!(again.identities().count(), 2);
    }
}
