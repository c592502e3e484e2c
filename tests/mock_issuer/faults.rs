//! Faults, and the socket.

use crate::*;

#[tokio::test(start_paused = true)]
async fn faults_happen_as_planned() {
    let issuer = MockIssuer::new();
    let ask = async || get(&issuer, "https://issuer.test/jwks").await.status().as_u16();
    issuer.fail(Endpoint::Jwks, Fault::status(500));
    issuer.fail_next(Endpoint::Jwks, 2, Fault::status(429));
    issuer.fail_next(Endpoint::Jwks, 1, Fault::retry_after(503, "7"));
    issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(3)));
    let start = Instant::now();
    assert_eq!([ask().await, ask().await, ask().await, ask().await], [429, 429, 503, 500]);
    assert_eq!(start.elapsed().as_secs(), 12, "each with the delay");
    assert_eq!(get(&issuer, &discovery(&issuer)).await.status(), 200, "only where it was planned");
    issuer.heal(Endpoint::Jwks);
    assert_eq!(ask().await, 200);

    issuer.fail(Endpoint::Jwks, Fault::Hang);
    assert!(timeout(Duration::from_secs(3600), ask()).await.is_err());
    issuer.fail(Endpoint::Jwks, Fault::Oversize(100));
    let fetch = issuer.fetch();
    let asked = || request(Method::GET, "https://issuer.test/jwks", "");
    assert_eq!(fetch.fetch(asked(), 99).await.unwrap_err(), FetchError::TooLarge(99));
    assert_eq!(fetch.fetch(asked(), 100).await.unwrap().body().len(), 100);
    issuer.take_down();
    assert!(fetch.fetch(asked(), 100).await.is_err());
    issuer.bring_up();
    issuer.fail(Endpoint::Jwks, Fault::Truncated);
    let half = fetch.fetch(asked(), 10_000).await.unwrap();
    assert_eq!(half.body(), &issuer.jwks_json().as_bytes()[..issuer.jwks_json().len() / 2]);
}

#[tokio::test]
async fn on_a_socket_it_is_the_same_issuer() {
    let issuer =
        article(MockIssuer::builder().page("/demo/alice", |issuer| issuer.token().build()));
    let served = issuer.serve().await.unwrap();
    assert!(served.address().ip().is_loopback());
    assert_eq!(served.url(), format!("http://{}", served.address()));
    let client = HttpClient::new().unwrap();
    let ask = async |request: Request<Bytes>| client.fetch(request, 1 << 20).await;
    let at = |path: &str| format!("{}{path}", served.url());

    let metadata = ask(request(Method::GET, &discovery(&issuer), "")).await.unwrap();
    let metadata = json_of(&metadata);
    assert_eq!(metadata["issuer"], served.url());
    assert_eq!(metadata["jwks_uri"], at("/jwks"));
    let answer = ask(request(Method::POST, &at("/connect/token"), PASSWORD_FORM)).await.unwrap();
    assert_eq!(claims_of(&access_token(&answer))["iss"], served.url());

    issuer.fail(Endpoint::Jwks, Fault::Drip(Duration::ZERO));
    let jwks = || request(Method::GET, &at("/jwks"), "");
    assert_eq!(ask(jwks()).await.unwrap().body(), issuer.jwks_json().as_bytes());
    issuer.take_down();
    assert!(ask(jwks()).await.is_err());
    let page = ask(request(Method::GET, &at("/demo/alice"), "")).await.unwrap();
    assert_eq!(claims_of(std::str::from_utf8(page.body()).unwrap())["sub"], "alice");
    assert_eq!(ask(request(Method::GET, &at("/nowhere"), "")).await.unwrap().status(), 404);
    let open = jwks();
    drop(served);
    assert!(ask(open).await.is_err(), "the socket is closed");
    let everywhere = "0.0.0.0:0".parse().unwrap();
    assert!(issuer.serve_on(everywhere).await.is_err(), "its keys are public");
}
