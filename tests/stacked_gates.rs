//! Gates inside gates, policies about one scheme, and what must not leak from one to the other.

use std::{convert::Infallible, time::Duration};

use http::{Method, Request, Response, StatusCode};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BearerAuth,
    BuildError, Identity, Scheme, SchemeName,
    jwt::{JwtValidator, KeyLocation, RemoteKeys},
    policy::{self, PolicyExt},
    testing::{Endpoint, ManualClock, MockIssuer},
    token::{Presented, TokenValidator},
};
use tower::{Layer, Service, ServiceExt, service_fn};

const PUBLIC: SchemeName = SchemeName::from_static("Public");

/// Accepts the one token that it is named after.
#[derive(Debug)]
struct Only(&'static str);

impl TokenValidator for Only {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        Attempt::ready(if presented.token() == self.0 {
            Ok(Identity::builder("https://issuer.test").subject(self.0).build())
        } else {
            Err(AuthErrorKind::WrongAudience.into())
        })
    }
}

async fn status<S>(service: S, method: Method, headers: &[(&str, &str)]) -> StatusCode
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    let mut request = Request::builder().method(method);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = service.oneshot(request.body(()).unwrap()).await;
    response.unwrap_or_else(|never| match never {}).status()
}

async fn ok(_: Request<()>) -> Result<Response<()>, Infallible> {
    Ok(Response::new(()))
}

#[tokio::test]
async fn the_identity_of_an_outer_gate_does_not_open_a_ready_made_stack() {
    let outer = AuthenticateLayer::new((Scheme::bearer(PUBLIC, Only("public")),)).unwrap();
    let inner = BearerAuth::new(Only("admin")).unwrap();
    let service = outer.layer(inner.layer(service_fn(ok)));
    for (token, expected) in [("public", 401), ("admin", 200), ("other", 401)] {
        let bearer = format!("Bearer {token}");
        let found = status(service.clone(), Method::GET, &[("authorization", &bearer)]).await;
        assert_eq!(found, expected, "{token}");
    }
    assert_eq!(status(service, Method::GET, &[]).await, 401);
}

#[tokio::test]
async fn what_an_outer_gate_asks_of_preflights_stays_asked() {
    let preflight: &[(&str, &str)] =
        &[("origin", "https://spa.test"), ("access-control-request-method", "GET")];
    let gate = AuthenticateLayer::new((Scheme::bearer(Bearer, Only("t")),)).unwrap();
    let other = AuthenticateLayer::new((Scheme::bearer(PUBLIC, Only("t")),)).unwrap();
    let strict = gate.clone().authenticate_preflights();
    let require = |gate: &AuthenticateLayer| gate.require(policy::any_scheme()).unwrap();
    let service = service_fn(ok);

    let strict_inside = gate.layer(strict.layer(require(&gate).layer(service)));
    assert_eq!(status(strict_inside, Method::OPTIONS, preflight).await, 401);
    let lenient_inside = strict.layer(other.layer(require(&other).layer(service)));
    assert_eq!(status(lenient_inside, Method::OPTIONS, preflight).await, 401);
    let lenient = gate.layer(other.layer(require(&other).layer(service)));
    assert_eq!(status(lenient, Method::OPTIONS, preflight).await, 200);
}

#[test]
fn a_question_about_one_scheme_names_it() {
    let gate = AuthenticateLayer::new((Scheme::bearer(Bearer, Only("t")),)).unwrap();
    let typo = policy::scope("orders:read").of(SchemeName::new("bearer"));
    assert!(matches!(gate.require(typo), Err(BuildError::UnknownScheme { .. })));
    assert!(gate.require(policy::role("admin").of(Bearer)).is_ok());
}

#[tokio::test]
async fn asking_for_a_hidden_scheme_in_a_handler_is_a_wiring_error() {
    let gate = AuthenticateLayer::new((
        Scheme::bearer(Bearer, Only("t")),
        Scheme::bearer(PUBLIC, Only("t")),
    ))
    .unwrap();
    let handler = service_fn(async |request: Request<()>| {
        let record = Authentication::from_extensions(request.extensions()).unwrap();
        let mut response = Response::new(());
        let asked = policy::scheme(Bearer).and(policy::scope("x"));
        if let Err(rejection) = record.check(&asked) {
            *response.status_mut() = rejection.status();
        }
        Ok::<_, Infallible>(response)
    });
    let hidden = gate.layer(gate.suppress_all_but(PUBLIC).unwrap().layer(handler));
    assert_eq!(status(hidden, Method::GET, &[]).await, 500);
}

/// A trickle of unknown names must not keep the metadata from being read again.
#[tokio::test]
async fn unknown_names_do_not_hold_up_what_is_due() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder().clock(clock.clone()).build();
    let keys = RemoteKeys::builder(KeyLocation::discover(issuer.url()))
        .fetch(issuer.fetch())
        .clock(clock.clone())
        .build()
        .unwrap();
    let validator = JwtValidator::builder(keys)
        .issuer(issuer.url())
        .audience(issuer.audience())
        .clock(std::sync::Arc::new(clock.clone()))
        .build()
        .unwrap();
    let parts = Request::new(()).into_parts().0;
    for n in 0..20 {
        let stray = issuer.token().kid(&format!("stray-{n}")).build();
        let error = validator.validate(Presented::new(&stray, &parts)).await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
        clock.advance(Duration::from_secs(31));
    }
    assert!(issuer.requests(Endpoint::Discovery) >= 2, "{}", issuer.requests(Endpoint::Discovery));
}
