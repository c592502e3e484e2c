//! Over a socket, with the default client.

use crate::*;

#[tokio::test]
async fn the_default_client_fetches_over_a_socket() {
    let served = MockIssuer::new().serve().await.unwrap();
    let keys = RemoteKeys::discover(served.url()).unwrap();
    keys.warm_up().await.unwrap();
    assert!(keys.find(Some("k1"), Algorithm::RS256).into_ready().unwrap().is_ok());
    let received = served.issuer().received();
    assert_eq!(received.len(), 2);
    let agent = concat!("portcullis/", env!("CARGO_PKG_VERSION"));
    assert!(received.iter().all(|one| one.header("user-agent") == Some(agent)));
    assert!(received.iter().all(|one| one.header("cookie").is_none()));
}

#[tokio::test]
async fn the_default_client_refuses_what_a_client_must_refuse() {
    let issuer = MockIssuer::new();
    let served = issuer.serve().await.unwrap();
    let elsewhere = MockIssuer::new().serve().await.unwrap();
    let client = HttpClient::builder().timeout(Duration::from_millis(500)).build().unwrap();
    for (name, fault, expected) in [
        ("redirect", Fault::Redirect(302, format!("{}/jwks", elsewhere.url())), "not followed"),
        ("oversize", Fault::Oversize(u64::MAX), "longer than 1048576 bytes"),
        (
            "declared oversize",
            Fault::body("application/json", vec![b' '; 1024 * 1024 + 1]),
            "longer than 1048576 bytes",
        ),
        ("dropped", Fault::DropConnection, "no connection"),
        ("hang", Fault::Hang, "no connection"),
        ("drip", Fault::Drip(Duration::from_millis(100)), "no connection"),
        ("500", Fault::status(500), "status 500"),
    ] {
        issuer.fail(Endpoint::Jwks, fault);
        let location = KeyLocation::discover(issuer.url());
        let keys = RemoteKeys::builder(location).fetch(client.clone()).build().unwrap();
        let error = keys.warm_up().await.unwrap_err();
        assert!(error.detail().unwrap().contains(expected), "{name}: {error}");
    }
    assert_eq!(elsewhere.issuer().received().len(), 0, "the redirect was not followed");
    drop(served);
    let keys = RemoteKeys::discover(issuer.url()).unwrap();
    let error = keys.warm_up().await.unwrap_err();
    assert!(error.detail().unwrap().contains("no connection"), "{error}");
}
