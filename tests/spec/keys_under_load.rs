//! Many callers at once, callers that leave, clients that break, and strangers in great numbers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use portcullis::{
    AuthErrorKind::{self, BadSignature, UnknownKey, WrongAudience, WrongIssuer},
    Identity,
    fetch::{Fetch, FetchFuture},
    jwt::{Algorithm, JwtValidator},
    testing::{Endpoint, Fault, ManualClock},
    token::{Cached, InMemoryTokens, Presented, TokenCache, TokenValidator as _},
};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::ledger::{self, Row};
use crate::support::{
    house::{House, discovery, issuer_at, stray, validator},
    logs::Log,
    stand::Stand,
};

chapter! {
    async fn a_crowd_at_expiry_asks_once;
    threads async fn a_crowd_on_several_threads_asks_once;
    async fn who_leaves_stops_nothing;
    async fn a_client_that_panics_breaks_nothing;
    async fn strangers_leave_nothing_behind;
    async fn an_unknown_issuer_costs_no_request;
    async fn refusals_look_alike;
    async fn private_members_of_a_key_set_are_nowhere_told;
}

struct Crowd {
    id: &'static str,
    /// The age of the keys in seconds.
    age: u64,
    /// How long the issuer takes.
    takes: u64,
    /// How long the callers wait.
    waits: u64,
}

impl Row for Crowd {
    fn id(&self) -> &str {
        self.id
    }
}

#[rustfmt::skip]
const CROWDS: &[Crowd] = &[
    Crowd { id: "JWKS-18", age: 479, takes: 500, waits: 0 },
    Crowd { id: "JWKS-18", age: 480, takes: 500, waits: 0 },
    Crowd { id: "JWKS-18", age: 600, takes: 500, waits: 500 },
    Crowd { id: "JWKS-18", age: 600, takes: 3_000, waits: 1_000 },
    Crowd { id: "JWKS-18", age: 86_399, takes: 500, waits: 500 },
    Crowd { id: "JWKS-18", age: 86_400, takes: 3_000, waits: 3_000 },
];

async fn a_crowd_at_expiry_asks_once() {
    ledger::table_async(CROWDS, async |row| {
        let house = Arc::new(House::warm().await);
        house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_millis(row.takes)));
        house.after(row.age);
        let callers: Vec<_> = (0..500)
            .map(|_| {
                let (house, token) = (Arc::clone(&house), house.token());
                tokio::spawn(async move {
                    let asked = Instant::now();
                    house.accepts(&token).await;
                    asked.elapsed()
                })
            })
            .collect();
        for caller in callers {
            let waited = caller.await.unwrap().as_millis();
            let expected = u128::from(row.waits);
            assert!(waited >= expected && waited <= expected + 5, "{waited} ms");
        }
        sleep(Duration::from_secs(4)).await;
        let once = if row.age < 480 { 1 } else { 2 };
        assert_eq!(house.requests(), (once, once));
    })
    .await;
}

async fn a_crowd_on_several_threads_asks_once() {
    for age in [0, 480, 600, 86_400] {
        let house = Arc::new(if age == 0 { House::new() } else { House::warm().await });
        house.after(age);
        let callers: Vec<_> = (0..200)
            .map(|_| {
                let (house, token) = (Arc::clone(&house), house.token());
                tokio::spawn(async move { house.accepts(&token).await })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        sleep(Duration::from_millis(50)).await;
        let once = if age == 0 { 1 } else { 2 };
        assert_eq!(house.requests(), (once, once), "at the age of {age} s");
    }
    ledger::passed("JWKS-18");
}

async fn who_leaves_stops_nothing() {
    for stale in [false, true] {
        let house = Arc::new(if stale { House::warm().await } else { House::new() });
        house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_millis(900)));
        house.after(601);
        // the first caller starts the fetch, and goes
        let first = house.token();
        assert!(timeout(Duration::from_millis(100), house.accepts(&first)).await.is_err());
        // the second came along, and gets its answer from the same fetch
        let asked = Instant::now();
        house.accepts(&house.token()).await;
        assert_eq!(asked.elapsed().as_millis() / 10, 80);
        let once = usize::from(stale) + 1;
        assert_eq!(house.requests(), (once, once));
        house.accepts(&first).await;
        assert_eq!(house.requests(), (once, once));
    }
    ledger::passed("JWKS-19");
}

/// Panics at the first calls.
#[derive(Debug)]
struct Fragile {
    calls: AtomicUsize,
    panics: usize,
    fetch: Arc<dyn Fetch>,
}

impl Fetch for Fragile {
    fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if call.is_multiple_of(2) && call < self.panics {
            panic!("the client is broken, as planted");
        }
        let (fetch, panics) = (Arc::clone(&self.fetch), call < self.panics);
        Box::pin(async move {
            assert!(!panics, "the client is broken later, as planted");
            fetch.fetch(request, limit).await
        })
    }
}

async fn a_client_that_panics_breaks_nothing() {
    let clock = ManualClock::new();
    let issuer = issuer_at(&clock, "https://issuer.test");
    let fragile = Fragile { calls: AtomicUsize::new(0), panics: 2, fetch: issuer.fetch() };
    let keys = discovery(&issuer).fetch(fragile).clock(clock.clone()).build().unwrap();
    let stand = Stand::of(validator(&issuer, &clock, &keys));
    for seconds in [1, 2] {
        stand.send(&issuer.token().build()).await.is_undecided(seconds);
        assert!(!keys.is_ready());
        clock.advance(Duration::from_secs(seconds));
    }
    stand.accepts(&issuer.token().build()).await;
    assert!(keys.is_ready());
    assert_eq!((issuer.requests(Endpoint::Discovery), issuer.requests(Endpoint::Jwks)), (1, 1));
    ledger::passed("JWKS-20");
}

/// What is refused is not remembered by its text, and what is accepted only up to a limit.
async fn strangers_leave_nothing_behind() {
    const LIMIT: u64 = 256 * 1024;
    let house = House::warm().await;
    let memory = Watched(Arc::new(InMemoryTokens::with_max_bytes(LIMIT)));
    let cached =
        Cached::with_cache(validator(&house.issuer, &house.clock, &house.keys), memory.clone());
    let parts = Request::new(()).into_parts().0;
    for number in 0..20_000 {
        let token = house.stray(&format!("kid-{number}"));
        let error = cached.validate(Presented::new(&token, &parts)).await.unwrap_err();
        assert_eq!(error.kind(), UnknownKey);
    }
    assert_eq!((memory.0.len(), house.requests()), (0, (1, 2)));

    let token = house.token();
    for number in 0..1_000 {
        let token = house.issuer.token().claim("number", number).build();
        cached.validate(Presented::new(&token, &parts)).await.unwrap();
    }
    let most = usize::try_from(LIMIT).unwrap() / token.len();
    assert!((1..=most).contains(&memory.0.len()), "{} tokens of {most}", memory.0.len());
    assert_eq!(house.requests(), (1, 2));
    ledger::passed("OPS-05");
}

/// A memory that the test looks into.
#[derive(Clone, Debug)]
struct Watched(Arc<InMemoryTokens>);

impl TokenCache for Watched {
    fn get(&self, key: &str) -> Option<Identity> {
        self.0.get(key)
    }

    fn insert(&self, key: &str, identity: &Identity) {
        self.0.insert(key, identity);
    }

    fn remove(&self, key: &str) {
        self.0.remove(key);
    }

    fn clear(&self) {
        self.0.clear();
    }
}

async fn an_unknown_issuer_costs_no_request() {
    let clock = ManualClock::new();
    let (a, b) = (issuer_at(&clock, "https://a.test"), issuer_at(&clock, "https://b.test"));
    let validators = [&a, &b].map(|issuer| {
        let keys = discovery(issuer).fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
        validator(issuer, &clock, &keys)
    });
    let stand = Stand::of(JwtValidator::several(validators).unwrap());
    for other in [
        "https://c.test",
        "https://a.test/",
        "https://A.test",
        "https://a.test@c.test",
        "https://169.254.169.254",
        "",
    ] {
        for kid in ["k1", "k9"] {
            let token = stray(a.token().issuer(other), kid);
            stand.refuses(&token, WrongIssuer).await;
        }
    }
    assert_eq!((a.received().len(), b.received().len()), (0, 0));
    stand.accepts(&b.token().build()).await;
    assert_eq!((a.received().len(), b.received().len()), (0, 2));
    ledger::passed("OPS-07");
}

/// A forger is told the same, octet by octet, whatever was wrong.
async fn refusals_look_alike() {
    let house = House::warm().await;
    let good = || house.issuer.token();
    let mut answers = Vec::new();
    for (token, reason) in [
        (house.stray("unknown"), UnknownKey),
        (house.stray("k1"), BadSignature),
        (good().signed_by_stranger().build(), BadSignature),
        (good().issuer("https://other.test").build(), WrongIssuer),
        (good().audience("https://other.test").build(), WrongAudience),
        (good().claim("sub", 7).build(), AuthErrorKind::MalformedJwt),
        (good().without("sub").build(), AuthErrorKind::MissingClaim),
        (good().typ("JWT").build(), AuthErrorKind::WrongType),
    ] {
        let answer = house.stand.send(&token).await;
        answer.is_refused(&token, reason);
        answers.push((answer.status, answer.headers, answer.body));
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:#?}");
    ledger::passed("OPS-08");
}

/// An issuer that publishes its private key by mistake: the key is left out, and said to be; its
/// private half is in no log, no error and no `Debug`.
async fn private_members_of_a_key_set_are_nowhere_told() {
    let log = Log::capture();
    let house = House::new();
    let canary = "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNhbmFyeQ";
    let mut private = house.issuer.key("k1").unwrap().with_kid("leaked").jwk_json();
    private["d"] = json!(canary);
    let secret = json!({ "kty": "oct", "kid": "shared", "alg": "HS256", "k": canary });
    let good = house.issuer.key("k1").unwrap().jwk_json();
    house.issuer.publish(json!({ "keys": [private, secret, good, canary] }).to_string());
    let token = house.token();
    house.accepts(&token).await;
    let leaked = house.issuer.key("k1").unwrap().with_kid("leaked");
    let by_leaked = house.issuer.token().signed_by(&leaked).build();
    house.refuses(&by_leaked, UnknownKey).await;
    let by_secret = house.issuer.token().signed_with_hmac(Algorithm::HS256, canary.as_bytes());
    let by_secret = by_secret.kid("shared").build();
    house.refuses(&by_secret, AuthErrorKind::UnsupportedAlgorithm).await;

    // the document as a whole, when it is broken
    house
        .issuer
        .publish(format!(r#"{{"keys":[{{"kty":"oct","k":"{canary}"}}],"keys":"{canary}"}}"#));
    let error = house.keys.reload().await.unwrap_err();
    let told = log.text();
    for name in ["leaked", "shared"] {
        assert!(told.lines().any(|line| line.contains("WARN") && line.contains(name)), "{told}");
    }
    for text in [told, format!("{error} {error:?}"), format!("{:?} {:#?}", house.keys, house.keys)]
    {
        for secret in [canary, token.as_str(), by_leaked.as_str(), by_secret.as_str()] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    ledger::passed("LOG-01 LOG-02 LOG-10");
}
