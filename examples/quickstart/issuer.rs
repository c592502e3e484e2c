//! The issuer of the demonstration: the mock one, with a page for each token.

use std::time::Duration;

use portcullis::testing::MockIssuer;

pub fn mock() -> MockIssuer {
    MockIssuer::builder()
        .scope("orders:read")
        .page("/demo/alice", |issuer| issuer.token().build())
        .page("/demo/expired", |issuer| {
            issuer.token().expired_since(Duration::from_secs(300)).build()
        })
        .page("/demo/forged", |issuer| issuer.token().signed_by_stranger().build())
        .page("/demo/down", |issuer| {
            issuer.take_down();
            "the issuer answers no more\n".to_owned()
        })
        .build()
}
