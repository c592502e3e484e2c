//! Configuration.

use crate::*;

#[test]
fn a_value_that_cannot_work_is_named() {
    type Change = fn(RemoteKeysBuilder<DefaultClient>) -> RemoteKeysBuilder<DefaultClient>;
    let changes: &[(&str, Change)] = &[
        ("refetch_cooldown", |b| b.refetch_cooldown(Duration::ZERO)),
        ("ttl", |b| b.ttl(Duration::ZERO)),
        ("ttl", |b| b.ttl(Duration::from_secs(86_401))),
        ("max_stale", |b| b.max_stale(Duration::from_secs(599))),
        ("timeout", |b| b.timeout(Duration::ZERO)),
        ("max_bytes", |b| b.max_bytes(0)),
        ("max_keys", |b| b.max_keys(0)),
        ("try_keys_without_kid", |b| b.try_keys_without_kid(0)),
        ("try_keys_without_kid", |b| b.try_keys_without_kid(5)),
    ];
    let issuer = MockIssuer::new();
    for (field, change) in changes {
        let error = change(builder(&issuer)).fetch(issuer.fetch()).build().unwrap_err();
        assert!(error.to_string().starts_with(&format!("{field}: ")), "{error}");
    }
    let http = RemoteKeys::discover("http://login.example").unwrap_err().to_string();
    assert!(http.contains("http://login.example") && http.contains("use https"), "{http}");
    let http = RemoteKeys::builder(KeyLocation::discover("http://login.example"));
    assert!(http.dangerous().allow_http().build().is_ok());
    assert!(RemoteKeys::discover("https://login.example/{tenantid}/v2.0").is_err());
    assert!(RemoteKeys::oauth_metadata("https://login.example").is_ok());
    assert!(RemoteKeys::jwks_url("https://login.example/keys?p=1").is_ok());
}

#[tokio::test(start_paused = true)]
async fn limits_are_those_of_the_builder() {
    let house = House::new();
    let keys = house.rebuild(|builder| builder.max_keys(1));
    keys.warm_up().await.unwrap();
    house.issuer.add_key(Algorithm::ES256);
    assert_eq!(keys.reload().await, Err(IssuerUnreachable.into()));
    let keys = house.rebuild(|builder| builder.max_bytes(1024));
    house.issuer.fail(Endpoint::Jwks, Fault::Oversize(1025));
    let error = keys.warm_up().await.unwrap_err();
    assert!(error.detail().unwrap().contains("longer than 1024 bytes"), "{error}");
    let keys = house.rebuild(|builder| builder.timeout(Duration::from_millis(300)));
    house.issuer.fail(Endpoint::Jwks, Fault::Hang);
    let start = Instant::now();
    assert!(keys.warm_up().await.is_err());
    assert_eq!(start.elapsed().as_millis(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_breaks_the_limit_is_not_trusted() {
    #[derive(Debug)]
    struct Generous(Arc<dyn Fetch>);
    impl Fetch for Generous {
        fn fetch(&self, request: Request<Bytes>, _: usize) -> FetchFuture {
            self.0.fetch(request, usize::MAX)
        }
    }
    let (issuer, _) = issuer();
    issuer.fail(Endpoint::Discovery, Fault::Oversize(1024 * 1024 + 1));
    let keys = builder(&issuer).fetch(Generous(issuer.fetch())).build().unwrap();
    let error = keys.warm_up().await.unwrap_err();
    assert!(error.detail().unwrap().contains("longer than"), "{error}");
}
