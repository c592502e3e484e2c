//! A native client and what can be wrong with its token (seed system 3).

use std::{convert::Infallible, sync::Arc, time::Duration};

use AuthErrorKind::{Expired, MalformedJwt, UnknownKey};
use http::{Request, header};
use portcullis::{
    AuthErrorKind, BearerAuth,
    jwt::{JwtValidator, KeyLocation, RemoteKeys},
    testing::{Client, Endpoint, ManualClock, MockIssuer, User},
};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::ledger;
use crate::support::{logs::Log, sign::P256_3, sign::token, stand::Stand, token_request::granted};

chapter! {
    async fn a_native_client_behind_a_path_prefix;
    async fn a_token_cut_short;
    async fn a_token_of_another_key;
    async fn a_clock_that_is_wrong_by_six_minutes;
    async fn one_bad_token_many_times;
}

fn issuer(clock: &ManualClock) -> MockIssuer {
    let client = Client::new("native").grant("password").scopes(&["values"]);
    let user = User::new("u1", "p1").claim("role", "clerk");
    MockIssuer::builder()
        .token_path("/Token")
        .client(client)
        .user(user)
        .clock(clock.clone())
        .build()
}

fn validator(issuer: &MockIssuer, clock: &ManualClock) -> JwtValidator {
    let keys = RemoteKeys::builder(KeyLocation::discover(issuer.url()))
        .fetch(issuer.fetch())
        .clock(clock.clone())
        .build()
        .unwrap();
    JwtValidator::builder(keys)
        .issuer(issuer.url())
        .audience(issuer.audience())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap()
}

async fn a_native_client_behind_a_path_prefix() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let form = "grant_type=password&client_id=native&username=u1&password=p1";
    let text = granted(&issuer, "/Token", form).await;
    let service = BearerAuth::new(validator(&issuer, &clock)).unwrap().layer(service_fn(
        async |request: Request<()>| {
            let path = request.uri().path().to_owned();
            Ok::<_, Infallible>(http::Response::new(path))
        },
    ));
    let request = Request::get("/LocalAccountsApp/api/values")
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::USER_AGENT, "Dalvik/2.1.0")
        .header(header::ACCEPT_ENCODING, "gzip")
        .header(header::AUTHORIZATION, format!("Bearer {text}"));
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &**response.body()),
        (200, "/LocalAccountsApp/api/values")
    );
    assert!(!response.headers().contains_key(header::LOCATION));

    // and who it is
    let who = Stand::of(validator(&issuer, &clock)).accepts(&text).await;
    assert_eq!((who.subject(), who.claim_str("role").as_deref()), (Some("u1"), Some("clerk")));
    ledger::passed("S3-01");
}

async fn a_token_cut_short() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let stand = Stand::of(validator(&issuer, &clock));
    stand.refuses(&issuer.token().build()[..80], MalformedJwt).await;
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
    ledger::passed("S3-02");
}

/// The log names the key that the token asked for.
async fn a_token_of_another_key() {
    let log = Log::capture();
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let stand = Stand::of(validator(&issuer, &clock));
    let url = format!("{:?}", issuer.url());
    let foreign = token().claim("iss", &url).by("other-issuers-key", &P256_3, "ES256").text();
    stand.refuses(&foreign, UnknownKey).await;
    let lines = log.lines_with("UnknownKey");
    assert!(lines.iter().any(|line| line.contains("other-issuers-key")), "{}", log.text());
    assert!(!log.text().contains(foreign.rsplit('.').next().unwrap()));
    ledger::passed("S3-03");
}

/// The log shows both times.
async fn a_clock_that_is_wrong_by_six_minutes() {
    let log = Log::capture();
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let stand = Stand::of(validator(&issuer, &clock));
    let text = issuer.token().build(); // valid for five minutes
    stand.accepts(&text).await;
    clock.advance(Duration::from_secs(6 * 60));
    stand.refuses(&text, Expired).await;
    let lines = log.lines_with("Expired");
    let both = |line: &String| line.contains("exp 00:05:00Z") && line.contains("now 00:06:00Z");
    assert!(lines.iter().any(both), "{}", log.text());
    ledger::passed("S3-04");
}

/// The same answer each time. It costs a look at keys that are held: no fetch beyond the first two.
async fn one_bad_token_many_times() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let stand = Stand::of(validator(&issuer, &clock));
    stand.accepts(&issuer.token().build()).await;
    for (text, reason, fetches) in [
        (issuer.token().build()[..80].to_owned(), MalformedJwt, 1),
        (issuer.token().signed_by_stranger().build(), AuthErrorKind::BadSignature, 1),
        (issuer.token().kid("nobody").build(), UnknownKey, 2),
    ] {
        for _ in 0..500 {
            stand.send(&text).await.is_refused(&text, reason);
        }
        assert_eq!(issuer.requests(Endpoint::Jwks), fetches, "{reason}");
    }
    ledger::passed("S3-13");
}
