//! How an issuer's metadata are found, and when they are believed
//! (RFC 8414, OpenID Connect Discovery 1.0).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use portcullis::{
    AuthErrorKind, BearerAuth,
    fetch::{Fetch, FetchError, FetchFuture, HttpClient},
    jwt::{KeyLocation, RemoteKeys},
    testing::{Endpoint, Fault, ManualClock, MockIssuer},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::ledger::{self, Row};
use crate::support::{
    house::{House, issuer_at, settle, validator},
    stand::Stand,
};

chapter! {
    async fn each_issuer_has_one_place_of_each_kind;
    async fn documents_that_are_not_believed;
    async fn the_chosen_document_alone_is_asked_for;
    async fn keys_may_live_on_another_host_by_https;
    fn issuers_that_cannot_be_asked;
    async fn no_failure_is_remembered_for_ever;
    async fn new_metadata_replace_the_old_as_a_whole;
    async fn tokens_name_the_issuer_of_the_document;
    async fn where_a_name_leads_to_is_the_clients_matter;
    real async fn a_certificate_that_nobody_vouches_for;
    real async fn the_default_client_reads_no_more_than_it_must;
}

// ---- where

struct Place {
    id: &'static str,
    issuer: &'static str,
    oidc: &'static str,
    oauth: &'static str,
}

impl Row for Place {
    fn id(&self) -> &str {
        self.id
    }
}

#[rustfmt::skip]
const PLACES: &[Place] = &[
    Place { id: "8414-01 8414-02 OIDCD-02", issuer: "https://h", oidc: "https://h/.well-known/openid-configuration", oauth: "https://h/.well-known/oauth-authorization-server" },
    Place { id: "8414-02 OIDCD-02", issuer: "https://h/", oidc: "https://h/.well-known/openid-configuration", oauth: "https://h/.well-known/oauth-authorization-server" },
    Place { id: "8414-01 8414-02 JWKS-23", issuer: "https://h/t1", oidc: "https://h/t1/.well-known/openid-configuration", oauth: "https://h/.well-known/oauth-authorization-server/t1" },
    Place { id: "8414-02 OIDCD-02 JWKS-23", issuer: "https://h/t1/", oidc: "https://h/t1/.well-known/openid-configuration", oauth: "https://h/.well-known/oauth-authorization-server/t1" },
    Place { id: "8414-01", issuer: "https://h:8443/a/b", oidc: "https://h:8443/a/b/.well-known/openid-configuration", oauth: "https://h:8443/.well-known/oauth-authorization-server/a/b" },
];

async fn each_issuer_has_one_place_of_each_kind() {
    ledger::table_async(PLACES, async |row| {
        let ways = [
            (KeyLocation::discover(row.issuer), row.oidc),
            (KeyLocation::oauth_metadata(row.issuer), row.oauth),
        ];
        for (location, url) in ways {
            let clock = ManualClock::new();
            let issuer = issuer_at(&clock, row.issuer);
            let house = House::of(issuer, clock, RemoteKeys::builder(location));
            house.accepts(&house.token()).await;
            let asked: Vec<String> =
                house.issuer.received().iter().map(|it| it.uri.to_string()).collect();
            let keys = format!("{}/jwks", row.issuer.trim_end_matches('/'));
            assert_eq!(asked, [url, &keys]);
        }
    })
    .await;
}

// ---- what

struct Document {
    id: &'static str,
    member: &'static str,
    value: fn() -> Value,
    /// What the operator reads.
    told: &'static str,
}

impl Row for Document {
    fn id(&self) -> &str {
        self.id
    }
}

const fn document(
    id: &'static str,
    member: &'static str,
    value: fn() -> Value,
    told: &'static str,
) -> Document {
    Document { id, member, value, told }
}

#[rustfmt::skip]
const DOCUMENTS: &[Document] = &[
    document("8414-03 JWKS-21", "issuer", || json!("https://issuer.test/"), "its issuer is \"https://issuer.test/\""),
    document("8414-03 JWKS-21", "issuer", || json!("https://Issuer.test"), "its issuer is"),
    document("8414-03 JWKS-21", "issuer", || json!("HTTPS://issuer.test"), "its issuer is"),
    document("8414-03 JWKS-21", "issuer", || json!("https://issuer.test:443"), "its issuer is"),
    document("8414-03 JWKS-21", "issuer", || json!("https://issuer.test/a"), "its issuer is"),
    document("8414-03 JWKS-21", "issuer", || json!("http://issuer.test"), "its issuer is"),
    document("8414-03 JWKS-21", "issuer", || json!("https://evil.example"), "its issuer is"),
    document("8414-03 JWKS-21", "issuer", || json!(""), "its issuer is"),
    document("8414-03", "issuer", || json!(["https://issuer.test"]), "no issuer in it"),
    document("8414-03", "issuer", || json!(7), "no issuer in it"),
    document("8414-03", "issuer", || Value::Null, "no issuer in it"),
    document("OIDCD-04", "issuer", || json!("https://issuer.test/{tenantid}/v2.0"), "a template"),
    document("8414-05 JWKS-22", "jwks_uri", || json!("http://issuer.test/jwks"), "is http; use https"),
    document("8414-05 JWKS-22", "jwks_uri", || json!("http://127.0.0.1/jwks"), "is http; use https"),
    document("8414-05 JWKS-22", "jwks_uri", || json!("//issuer.test/jwks"), "is no"),
    document("8414-05 JWKS-22", "jwks_uri", || json!("/jwks"), "is no absolute URL"),
    document("8414-05 JWKS-22", "jwks_uri", || json!("data:application/json,{}"), "is no"),
    document("8414-05 JWKS-22", "jwks_uri", || json!("file:///jwks"), "is no"),
    document("8414-05 JWKS-22", "jwks_uri", || json!("ftp://issuer.test/jwks"), "is not https"),
    document("8414-05 JWKS-22", "jwks_uri", || json!("https://issuer.test@evil.example/jwks"), "no user or password"),
    document("8414-05", "jwks_uri", || json!("https://issuer.test/jwks#a"), "has a fragment"),
    document("8414-05", "jwks_uri", || json!(""), "is no"),
    document("8414-05", "jwks_uri", || Value::Null, "no jwks_uri in it"),
    document("8414-05", "jwks_uri", || json!(["https://issuer.test/jwks"]), "no jwks_uri in it"),
];

struct Page {
    id: &'static str,
    fault: fn() -> Fault,
    told: &'static str,
}

impl Row for Page {
    fn id(&self) -> &str {
        self.id
    }
}

const fn page(id: &'static str, fault: fn() -> Fault, told: &'static str) -> Page {
    Page { id, fault, told }
}

fn body(text: &'static str) -> Fault {
    Fault::body("application/json", text)
}

#[rustfmt::skip]
const PAGES: &[Page] = &[
    page("8414-06", || Fault::status(404), "status 404"),
    page("8414-06", || Fault::status(500), "status 500"),
    page("8414-06", || Fault::status(204), "status 204"),
    page("8414-06", || Fault::status(201), "status 201"),
    page("8414-06", || Fault::Html, "an HTML page"),
    page("8414-06", || body("[]"), ""),
    page("8414-06", || body(r#""https://issuer.test""#), ""),
    page("8414-06", || Fault::Truncated, ""),
    page("8414-06 JWKS-16", || body(r#"{"issuer":"https://issuer.test","jwks_uri":"https://issuer.test/jwks","jwks_uri":"https://issuer.test/jwks"}"#), ""),
    page("JWKS-16", || body(r#"{"issuer":"https://evil.example","issuer":"https://issuer.test","jwks_uri":"https://issuer.test/jwks"}"#), ""),
    page("8414-09", || Fault::Oversize(1 << 30), "longer than 1048576 bytes"),
    page("8414-09", || Fault::Redirect(302, "https://issuer.test/.well-known/openid-configuration".into()), "redirects are not followed"),
    page("8414-09", || Fault::Redirect(301, "http://169.254.169.254/".into()), "redirects are not followed"),
    page("8414-09", || Fault::Hang, "no answer within 4s"),
    // metadata that are signed are not better: the claim of the plain document stands, or nothing
    page("8414-07", || body(r#"{"signed_metadata":"e30.eyJpc3N1ZXIiOiJodHRwczovL2lzc3Vlci50ZXN0Iiwiandrc191cmkiOiJodHRwczovL2lzc3Vlci50ZXN0L2p3a3MifQ.c2ln"}"#), "no issuer in it"),
];

/// Such a document costs one request and leads nowhere; afterwards everything is well.
async fn not_believed(house: House, told: &str) {
    let answer = house.stand.send(&house.token()).await;
    answer.is_undecided(1);
    assert!(answer.detail.contains(told), "{}", answer.detail);
    assert_eq!(house.requests(), (1, 0));
    house.issuer.reset_metadata();
    house.issuer.heal(Endpoint::Discovery);
    house.after(1);
    house.accepts(&house.token()).await;
    assert_eq!(house.requests(), (2, 1));
}

async fn documents_that_are_not_believed() {
    ledger::table_async(DOCUMENTS, async |row| {
        let house = House::new();
        house.issuer.set_metadata(row.member, (row.value)());
        not_believed(house, row.told).await;
    })
    .await;
    ledger::table_async(PAGES, async |row| {
        // less time than the gate has, so that it is the fetch that gives up
        let house = House::configured(|keys| keys.timeout(Duration::from_secs(4)));
        house.issuer.fail(Endpoint::Discovery, (row.fault)());
        not_believed(house, row.told).await;
    })
    .await;

    // signed_metadata beside good members changes nothing
    let house = House::new();
    house.issuer.set_metadata(
        "signed_metadata",
        "e30.eyJqd2tzX3VyaSI6Imh0dHBzOi8vZXZpbC5leGFtcGxlIn0.c2ln",
    );
    house.accepts(&house.token()).await;
    assert_eq!(house.requests(), (1, 1));
    ledger::passed("8414-07");
}

/// No word of one document is taken for the other's: the operator chose.
async fn the_chosen_document_alone_is_asked_for() {
    let url = "https://h.test/a";
    type Way = (fn(&str) -> KeyLocation, Endpoint, Endpoint);
    let ways: [Way; 2] = [
        (|url| KeyLocation::discover(url), Endpoint::Discovery, Endpoint::OAuthMetadata),
        (|url| KeyLocation::oauth_metadata(url), Endpoint::OAuthMetadata, Endpoint::Discovery),
    ];
    for (location, chosen, other) in ways {
        let clock = ManualClock::new();
        let issuer = issuer_at(&clock, url);
        let house = House::of(issuer, clock, RemoteKeys::builder(location(url)));
        house.issuer.fail(chosen, Fault::status(404));
        house.cannot_say(&house.token(), 1).await;
        assert_eq!((house.issuer.requests(chosen), house.issuer.received().len()), (1, 1));

        // what the other one says does not count
        house.issuer.heal(chosen);
        house.issuer.fail(
            other,
            body(r#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example"}"#),
        );
        house.after(1);
        house.accepts(&house.token()).await;
        assert_eq!(house.issuer.requests(chosen), 2);
        assert_eq!((house.issuer.requests(other), house.issuer.received().len()), (0, 3));
    }
    ledger::passed("JWKS-23 9068-17 8414-10");
}

async fn keys_may_live_on_another_host_by_https() {
    let clock = ManualClock::new();
    let (login, keys) =
        (issuer_at(&clock, "https://login.test"), issuer_at(&clock, "https://keys.test"));
    login.set_metadata("jwks_uri", "https://keys.test/jwks");
    let fetch = Hosts(vec![("login.test", login.fetch()), ("keys.test", keys.fetch())]);
    let remote = RemoteKeys::builder(KeyLocation::discover(login.url()))
        .fetch(fetch)
        .clock(clock.clone())
        .build()
        .unwrap();
    let stand = Stand::of(validator(&login, &clock, &remote));
    stand.accepts(&login.token().build()).await;
    assert_eq!((login.requests(Endpoint::Discovery), login.requests(Endpoint::Jwks)), (1, 0));
    assert_eq!((keys.requests(Endpoint::Discovery), keys.requests(Endpoint::Jwks)), (0, 1));
    ledger::passed("JWKS-22 8414-05");
}

/// One client for each host, and none for any other.
#[derive(Debug)]
struct Hosts(Vec<(&'static str, Arc<dyn Fetch>)>);

impl Fetch for Hosts {
    fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
        match self.0.iter().find(|(host, _)| request.uri().host() == Some(host)) {
            Some((_, fetch)) => fetch.fetch(request, limit),
            None => Box::pin(async {
                Err(FetchError::Connection("this host is not to be asked".to_owned()))
            }),
        }
    }
}

// ---- at start

struct Issuer {
    id: &'static str,
    issuer: &'static str,
    told: &'static str,
}

impl Row for Issuer {
    fn id(&self) -> &str {
        self.id
    }
}

#[rustfmt::skip]
const ISSUERS: &[Issuer] = &[
    Issuer { id: "8414-04 JWKS-08", issuer: "http://issuer.test", told: "is http; use https" },
    Issuer { id: "8414-04 JWKS-08", issuer: "http://localhost:8080", told: "is http; use https" },
    Issuer { id: "8414-04 JWKS-08", issuer: "http://10.0.0.1", told: "is http; use https" },
    Issuer { id: "8414-04", issuer: "https://issuer.test?tenant=a", told: "has no query" },
    Issuer { id: "8414-04", issuer: "https://issuer.test/?", told: "has no query" },
    Issuer { id: "8414-04", issuer: "https://issuer.test#a", told: "has a fragment" },
    Issuer { id: "8414-04", issuer: "https://issuer.test/#", told: "has a fragment" },
    Issuer { id: "8414-04", issuer: "https://user:secret@issuer.test", told: "no user or password" },
    Issuer { id: "8414-04", issuer: "issuer.test", told: "is not https" },
    Issuer { id: "8414-04", issuer: "file:///issuer", told: "" },
    Issuer { id: "8414-04", issuer: "", told: "" },
    Issuer { id: "OIDCD-04", issuer: "https://login.test/{tenantid}/v2.0", told: "a template names no issuer" },
];

fn issuers_that_cannot_be_asked() {
    ledger::table(ISSUERS, |row| {
        let errors = [
            RemoteKeys::discover(row.issuer).unwrap_err(),
            RemoteKeys::oauth_metadata(row.issuer).unwrap_err(),
            BearerAuth::oidc(row.issuer, "https://api.test").unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains(row.told), "{error}");
        }
    });
    for issuer in
        ["https://issuer.test", "https://issuer.test/a", "http://127.0.0.1:9", "http://[::1]:9"]
    {
        assert!(RemoteKeys::discover(issuer).is_ok(), "{issuer}");
    }
    let open = RemoteKeys::builder(KeyLocation::discover("http://issuer.test"));
    assert!(open.dangerous().allow_http().build().is_ok(), "who insists has to say so");
    ledger::passed("JWKS-08 8414-04");
}

// ---- over time

async fn no_failure_is_remembered_for_ever() {
    let house = House::new();
    house.issuer.fail_next(Endpoint::Discovery, 3, Fault::status(404));
    for (after, wait) in [(0, 1), (1, 2), (2, 4)] {
        house.after(after);
        let answer = house.stand.send(&house.token()).await;
        let told: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        answer.is_undecided(told);
        assert!(told <= wait, "{told}");
    }
    house.after(4);
    house.accepts(&house.token()).await;
    assert_eq!(house.requests(), (4, 1));
    assert!(house.keys.is_ready());
    ledger::passed("8414-10 8414-11");
}

async fn new_metadata_replace_the_old_as_a_whole() {
    let house = House::warm().await;
    house.issuer.move_jwks("/keys/v2");
    house.issuer.rotate_without_overlap();
    // the old place is gone: an unknown kid asks there, then learns of the new one
    house.cannot_say(&house.token(), 30).await;
    house.after(30);
    assert_eq!(house.accepts(&house.token()).await.key_id(), Some("k2"));
    let paths: Vec<_> = house.issuer.received().iter().map(|it| it.uri.path().to_owned()).collect();
    let document = "/.well-known/openid-configuration";
    assert_eq!(paths, [document, "/jwks", "/jwks", document, "/keys/v2"]);

    // metadata without a key set behind them change nothing
    let house = House::warm().await;
    house.issuer.set_metadata("jwks_uri", "https://issuer.test/nothing");
    house.after(480);
    house.accepts(&house.token()).await;
    settle().await;
    house.accepts(&house.token()).await;
    house.issuer.reset_metadata();
    house.after(31);
    house.accepts(&house.token()).await;
    settle().await;
    let last = house.issuer.received().last().unwrap().uri.path().to_owned();
    assert_eq!(last, "/jwks");
    ledger::passed("8414-12");
}

async fn tokens_name_the_issuer_of_the_document() {
    let house = House::warm().await;
    for other in ["https://issuer.test/", "https://ISSUER.test", "https://issuer.test:443", ""] {
        let token = house.issuer.token().issuer(other).build();
        house.refuses(&token, AuthErrorKind::WrongIssuer).await;
    }
    assert_eq!(house.requests(), (1, 1));
    let document = house.issuer.fetch();
    let request = Request::get("https://issuer.test/.well-known/openid-configuration");
    let response = document.fetch(request.body(Bytes::new()).unwrap(), 1 << 20).await.unwrap();
    let document: Value = serde_json::from_slice(response.body()).unwrap();
    let identity = house.accepts(&house.token()).await;
    assert_eq!(document["issuer"], identity.issuer());
    ledger::passed("OIDCD-01");
}

// ---- the network

/// The crate itself takes any address that the operator's name leads to, and says so. Who wants a
/// policy puts it into the client, through which everything goes.
async fn where_a_name_leads_to_is_the_clients_matter() {
    let rules = include_str!("../../src/jwt/remote/remote_keys.rs");
    assert!(rules.contains("This does NOT check where a name leads to"));
    assert!(RemoteKeys::discover("https://10.0.0.1").is_ok());

    let clock = ManualClock::new();
    let issuer = issuer_at(&clock, "https://login.test");
    issuer.set_metadata("jwks_uri", "https://10.0.0.1/jwks");
    let keys = RemoteKeys::builder(KeyLocation::discover(issuer.url()))
        .fetch(Hosts(vec![("login.test", issuer.fetch())]))
        .clock(clock.clone())
        .build()
        .unwrap();
    let stand = Stand::of(validator(&issuer, &clock, &keys));
    let answer = stand.send(&issuer.token().build()).await;
    answer.is_undecided(1);
    assert!(answer.detail.contains("this host is not to be asked"), "{}", answer.detail);
    assert_eq!((issuer.requests(Endpoint::Discovery), issuer.received().len()), (1, 1));
    ledger::passed("JWKS-07 8725-17 8414-09");
}

async fn a_certificate_that_nobody_vouches_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(crate::support::tls::self_signed(listener));
    let keys = RemoteKeys::builder(KeyLocation::discover(format!("https://127.0.0.1:{port}")))
        .fetch(HttpClient::new().unwrap())
        .build()
        .unwrap();
    let error = keys.warm_up().await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::IssuerUnreachable);
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(!keys.is_ready());
    let failed = server.await.unwrap();
    assert!(failed, "the handshake came to an end");
    ledger::passed("JWKS-08 8414-08 7515-27");
}

async fn the_default_client_reads_no_more_than_it_must() {
    let issuer = MockIssuer::new();
    let served = issuer.serve().await.unwrap();
    let remote = |issuer: &MockIssuer| {
        RemoteKeys::builder(KeyLocation::discover(issuer.url()))
            .timeout(Duration::from_secs(20))
            .fetch(HttpClient::builder().timeout(Duration::from_secs(20)).build().unwrap())
            .build()
            .unwrap()
    };
    for (fault, told) in [
        (Fault::Oversize(1 << 34), "longer than 1048576 bytes"),
        (Fault::Redirect(302, format!("{}/jwks", served.url())), "redirects are not followed"),
        (Fault::DropConnection, "no connection"),
        (Fault::Truncated, "jwks"),
    ] {
        let before = issuer.requests(Endpoint::Jwks);
        issuer.fail(Endpoint::Jwks, fault);
        let error = remote(&issuer).warm_up().await.unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        assert_eq!(issuer.requests(Endpoint::Jwks), before + 1, "{told}");
    }
    issuer.heal(Endpoint::Jwks);
    remote(&issuer).warm_up().await.unwrap();
    ledger::passed("JWKS-04 JWKS-05 8414-09");
}
