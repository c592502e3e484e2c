//! "I could not find out" is not "no", also where a policy of the application says "who are you?".

use std::convert::Infallible;

use http::{Request, Response, StatusCode, header};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, BearerAuth, Decision, Identity, policy,
    token::{Presented, TokenValidator},
};
use tower::{Layer, ServiceExt, service_fn};

/// Its issuer cannot be asked.
#[derive(Debug)]
struct Cut;

impl TokenValidator for Cut {
    fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        Attempt::ready(Err(AuthErrorKind::IssuerUnreachable.into()))
    }
}

#[tokio::test]
async fn a_policy_that_asks_who_is_calling_is_answered_503_while_nobody_can_be_judged() {
    let anybody = policy::from_fn("anybody", |record| match record.primary() {
        None => Decision::challenge(),
        Some(_) => Decision::Allow,
    });
    let bearer = BearerAuth::new(Cut).unwrap().require(anybody).unwrap();
    for (credential, status, retry) in [
        (Some("Bearer token"), StatusCode::SERVICE_UNAVAILABLE, Some("1")),
        (None, StatusCode::UNAUTHORIZED, None),
    ] {
        let service = bearer
            .layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) }));
        let mut request = Request::new(());
        if let Some(credential) = credential {
            request.headers_mut().insert(header::AUTHORIZATION, credential.parse().unwrap());
        }
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        let after = response.headers().get(header::RETRY_AFTER).map(|it| it.to_str().unwrap());
        assert_eq!(after, retry);
        let challenged = response.headers().contains_key(header::WWW_AUTHENTICATE);
        assert_eq!(challenged, credential.is_none());
    }
}
