//! How keys are fetched, how long they serve, and what an issuer can do wrong
//! (RFC 7517 §5, §8.5; RFC 9111).
use std::{sync::Arc, time::Duration};

use http::{Response, header};
use portcullis::{
    AuthErrorKind::{self, BadSignature, UnknownKey, UnsupportedAlgorithm},
    Clock, UnixTime,
    jwt::{Algorithm, JwtValidator, KeyLocation, RemoteKeys},
    testing::{Endpoint, Fault, ManualClock, SigningKey},
};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::ledger::{self, Row};
use crate::support::{
    house::{House, discovery, issuer_at, settle, stray, validator},
    stand::Stand,
};

chapter! {
    async fn what_is_no_key_set_changes_nothing;
    async fn hanging_costs_a_bounded_wait;
    async fn one_bad_key_spoils_only_itself;
    async fn max_age_is_held_between_a_minute_and_a_day;
    async fn a_flood_of_unknown_kids_makes_one_fetch_per_cooldown;
    async fn failed_attempts_count_for_the_cooldown;
    async fn a_fetch_on_its_way_stops_no_good_token;
    async fn a_fetch_ahead_of_time_makes_nobody_wait;
    async fn an_issuer_that_is_down_is_asked_ever_more_seldom;
    async fn a_new_key_is_found_in_the_same_request;
    async fn a_bad_signature_fetches_nothing;
    async fn a_removed_key_stops_verifying;
    async fn an_empty_set_is_believed_once_it_stays;
    async fn known_keys_serve_until_they_are_too_old;
    async fn a_cold_start_asks_once_and_nobody_cancels_it;
    async fn caches_are_used_and_bypassed;
    async fn another_key_under_the_same_name;
    async fn keys_of_one_issuer_say_nothing_about_another;
    async fn start_with_the_issuer_down;
    async fn ages_follow_the_clock_that_nobody_sets;
    async fn no_url_comes_from_a_token;
}

// ---- answers that are no key set

struct NoKeySet {
    id: &'static str,
    fault: fn() -> Fault,
}

impl Row for NoKeySet {
    fn id(&self) -> &str {
        self.id
    }
}

const fn wrong(id: &'static str, fault: fn() -> Fault) -> NoKeySet {
    NoKeySet { id, fault }
}

fn body(text: &'static str) -> Fault {
    Fault::body("application/json", text)
}

fn redirect(status: u16, location: &str) -> Fault {
    Fault::Redirect(status, location.to_owned())
}

fn many_keys() -> Fault {
    let keys: Vec<_> = (0..101)
        .map(|number| SigningKey::new(&format!("n{number}"), Algorithm::ES256).jwk_json())
        .collect();
    Fault::body("application/json", json!({ "keys": keys }).to_string())
}

fn packed() -> Fault {
    let mut answer = Response::new("\u{1f}\u{8b}\u{8}".into());
    for (name, value) in
        [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "gzip")]
    {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    Fault::Answer(answer)
}

#[rustfmt::skip]
const NO_KEY_SETS: &[NoKeySet] = &[
    wrong("7517-01", || body("{}")),
    wrong("7517-01", || body(r#"{"keys":null}"#)),
    wrong("7517-01", || body(r#"{"keys":{}}"#)),
    wrong("7517-01", || body(r#"{"Keys":[]}"#)),
    wrong("7517-01", || body("[]")),
    wrong("7517-01", || body("")),
    wrong("JWKS-03 7517-27", || Fault::Hang),
    wrong("JWKS-03 7517-27", || Fault::Drip(Duration::from_secs(1))),
    wrong("JWKS-04 7517-14", || Fault::Oversize(1 << 30)),
    wrong("JWKS-04 7517-14", || Fault::Oversize((1 << 20) + 1)),
    wrong("JWKS-04", packed),
    wrong("JWKS-15 7517-14", many_keys),
    wrong("JWKS-15", || Fault::body("application/json", format!(r#"{{"keys":[{}]}}"#, vec!["0"; 100_000].join(",")))),
    wrong("JWKS-05 7517-16", || redirect(301, "https://issuer.test/elsewhere")),
    wrong("JWKS-05 7517-16", || redirect(302, "https://evil.example/jwks")),
    wrong("JWKS-05 7517-16", || redirect(303, "http://issuer.test/jwks")),
    wrong("JWKS-05 7517-16", || redirect(307, "http://127.0.0.1/jwks")),
    wrong("JWKS-05 7517-16", || redirect(308, "file:///etc/passwd")),
    wrong("JWKS-05 7517-16", || redirect(302, "/jwks")),
    wrong("JWKS-09 7517-15", || Fault::Html),
    wrong("JWKS-09 7517-15", || Fault::body("TEXT/HTML", r#"{"keys":[]}"#)),
    wrong("JWKS-09", || Fault::MalformedJson),
    wrong("JWKS-09", || Fault::Truncated),
    wrong("JWKS-09", || body("\u{feff}{\"keys\":[]}")),
    wrong("JWKS-09", || Fault::body("application/json", &b"{\"keys\":[\"\xff\"]}"[..])),
    wrong("JWKS-10", || Fault::status(500)),
    wrong("JWKS-10", || Fault::status(404)),
    wrong("JWKS-10", || Fault::status(204)),
    wrong("JWKS-10", || Fault::retry_after(429, "7")),
    wrong("JWKS-10", || Fault::retry_after(429, "3600")),
    wrong("JWKS-10", || Fault::retry_after(503, "99999999999999999999")),
    wrong("JWKS-10", || Fault::DropConnection),
    wrong("JWKS-16", || body(r#"{"keys":[],"keys":[]}"#)),
    wrong("JWKS-16", || body(r#"{"keys":[],"\u006beys":[]}"#)),
];

/// The known key serves on, an unknown one is undecidable, the issuer is left in peace, and
/// everything is well again once it answers properly.
async fn what_is_no_key_set_changes_nothing() {
    ledger::table_async(NO_KEY_SETS, async |row| {
        let house = House::configured(|keys| keys.timeout(LIMIT));
        house.accepts(&house.token()).await;
        house.issuer.add_key(Algorithm::ES256); // so that there is news to be had
        house.issuer.fail(Endpoint::Jwks, (row.fault)());
        house.cannot_say(&house.stray("new"), 30).await;
        assert_eq!(house.requests(), (1, 2));
        house.accepts(&house.token()).await;
        house.cannot_say(&house.stray("newer"), 30).await;
        assert_eq!(house.requests(), (1, 2), "the failure counts for the cooldown");

        house.after(601);
        let asked = Instant::now();
        house.accepts(&house.token()).await;
        assert!(asked.elapsed() <= Duration::from_secs(1), "{:?}", asked.elapsed());
        sleep(Duration::from_secs(5)).await;
        assert_eq!(house.requests(), (2, 3));

        house.issuer.heal(Endpoint::Jwks);
        house.after(31);
        let new = house.issuer.rotate();
        assert_eq!(house.accepts(&house.token()).await.key_id(), Some(&*new));
    })
    .await;
}

/// Of a fetch; less than the gate's own, so that it is the fetch that gives up.
const LIMIT: Duration = Duration::from_secs(4);

// ---- time limits

struct Slow {
    id: &'static str,
    endpoint: Endpoint,
    fault: fn() -> Fault,
    /// Whether keys are known, which are past their time.
    stale: bool,
    waits: u64,
}

impl Row for Slow {
    fn id(&self) -> &str {
        self.id
    }
}

const fn slow(
    id: &'static str,
    endpoint: Endpoint,
    fault: fn() -> Fault,
    stale: bool,
    waits: u64,
) -> Slow {
    Slow { id, endpoint, fault, stale, waits }
}

#[rustfmt::skip]
const SLOW: &[Slow] = &[
    slow("JWKS-03 7517-27", Endpoint::Jwks, || Fault::Hang, false, 4_000),
    slow("JWKS-03 7517-27", Endpoint::Discovery, || Fault::Hang, false, 4_000),
    slow("JWKS-03 7517-27", Endpoint::Jwks, || Fault::Drip(Duration::from_secs(1)), false, 4_000),
    slow("JWKS-03 7517-27", Endpoint::Discovery, || Fault::Drip(Duration::from_secs(1)), false, 4_000),
    slow("JWKS-03 7517-27", Endpoint::Jwks, || Fault::Delay(Duration::from_secs(60)), false, 4_000),
    slow("JWKS-02 JWKS-03", Endpoint::Jwks, || Fault::Hang, true, 1_000),
    slow("JWKS-02 JWKS-03", Endpoint::Discovery, || Fault::Hang, true, 1_000),
    slow("JWKS-02", Endpoint::Jwks, || Fault::Delay(Duration::from_secs(3)), true, 1_000),
    slow("JWKS-02", Endpoint::Jwks, || Fault::Delay(Duration::from_millis(300)), true, 300),
];

async fn hanging_costs_a_bounded_wait() {
    ledger::table_async(SLOW, async |row| {
        let house = House::configured(|keys| keys.timeout(LIMIT));
        if row.stale {
            house.accepts(&house.token()).await;
            house.issuer.add_key(Algorithm::ES256); // so that there is news to be had
        }
        house.issuer.fail(row.endpoint, (row.fault)());
        house.after(601);
        let asked = Instant::now();
        if row.stale {
            house.accepts(&house.token()).await;
        } else {
            house.cannot_say(&house.token(), 1).await;
        }
        let waited = asked.elapsed();
        let expected = Duration::from_millis(row.waits);
        assert!(waited >= expected && waited < expected + Duration::from_millis(10), "{waited:?}");
    })
    .await;

    // by default the fetch ends before the gate's budget does, so that the reason is known
    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::Hang);
    let asked = Instant::now();
    let answer = house.stand.send(&house.token()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers[header::RETRY_AFTER]),
        (503, &"1".parse().unwrap())
    );
    let waited = asked.elapsed().as_millis();
    assert!((4_500..4_510).contains(&waited), "{waited} ms");
    assert_eq!((answer.reason, answer.calls), (Some(AuthErrorKind::IssuerUnreachable), 0));
    ledger::passed("7517-27");
}

// ---- single keys of a set

/// The key of a token, and why the token is refused.
type SignedBy = (fn() -> SigningKey, Option<AuthErrorKind>);

struct KeySet {
    id: &'static str,
    /// What is published beside `p` (P-256).
    others: fn() -> Vec<serde_json::Value>,
    /// Tokens that are signed with these.
    tokens: &'static [SignedBy],
}

impl Row for KeySet {
    fn id(&self) -> &str {
        self.id
    }
}

fn p() -> SigningKey {
    SigningKey::new("p", Algorithm::ES256)
}

fn twin() -> SigningKey {
    SigningKey::numbered("r", Algorithm::RS256, 1)
}

fn r() -> SigningKey {
    SigningKey::new("r", Algorithm::RS256)
}

fn named_p(algorithm: Algorithm) -> SigningKey {
    SigningKey::new("p", algorithm)
}

fn without(key: SigningKey, member: &str) -> serde_json::Value {
    let mut jwk = key.jwk_json();
    jwk.as_object_mut().unwrap().remove(member);
    jwk
}

fn with(key: SigningKey, member: &str, value: &str) -> serde_json::Value {
    let mut jwk = key.jwk_json();
    jwk[member] = json!(value);
    jwk
}

#[rustfmt::skip]
const KEY_SETS: &[KeySet] = &[
    KeySet { id: "JWKS-14", others: || vec![json!({"kty": "XYZ", "kid": "x"})], tokens: &[(p, None)] },
    KeySet { id: "JWKS-14", others: || vec![json!({"kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "x"})], tokens: &[(p, None)] },
    KeySet { id: "JWKS-14", others: || vec![without(r(), "n")], tokens: &[(p, None), (r, Some(UnknownKey))] },
    KeySet { id: "JWKS-14", others: || vec![without(r(), "e")], tokens: &[(p, None), (r, Some(UnknownKey))] },
    KeySet { id: "JWKS-14", others: || vec![without(SigningKey::numbered("q", Algorithm::ES256, 1), "y")], tokens: &[(p, None), (|| SigningKey::numbered("q", Algorithm::ES256, 1), Some(UnknownKey))] },
    KeySet { id: "JWKS-14", others: || vec![json!(null), json!(7), json!([]), json!("key"), json!({})], tokens: &[(p, None)] },
    KeySet { id: "JWKS-14", others: || vec![with(r(), "use", "enc")], tokens: &[(p, None), (r, Some(UnsupportedAlgorithm))] },
    KeySet { id: "JWKS-14", others: || vec![with(r(), "alg", "XS256")], tokens: &[(p, None)] },
    KeySet { id: "JWKS-13", others: || vec![r().jwk_json(), twin().jwk_json()], tokens: &[(p, None), (r, Some(UnknownKey)), (twin, Some(UnknownKey))] },
    KeySet { id: "JWKS-13", others: || vec![named_p(Algorithm::ES256).jwk_json()], tokens: &[(p, Some(UnknownKey))] },
    KeySet { id: "JWKS-13", others: || vec![named_p(Algorithm::RS256).jwk_json()], tokens: &[(p, None), (|| named_p(Algorithm::RS256), None)] },
    KeySet { id: "JWKS-11", others: || vec![with(r(), "d", "AA")], tokens: &[(p, None), (r, Some(UnknownKey))] },
    KeySet { id: "7517-14", others: || (0..99).map(|n| SigningKey::new(&format!("n{n}"), Algorithm::ES256).jwk_json()).collect(), tokens: &[(p, None), (|| SigningKey::new("n98", Algorithm::ES256), None)] },
];

async fn one_bad_key_spoils_only_itself() {
    ledger::table_async(KEY_SETS, async |row| {
        let house = House::new();
        let mut keys = (row.others)();
        keys.push(p().jwk_json());
        keys.push(SigningKey::new("always", Algorithm::EdDSA).jwk_json());
        if keys.len() > 100 {
            keys.pop();
        }
        house.issuer.publish(json!({ "keys": keys }).to_string());
        for (key, refused) in row.tokens {
            let token = house.issuer.token().signed_by(&key()).build();
            match refused {
                None => {
                    let kid = key();
                    assert_eq!(house.accepts(&token).await.key_id(), Some(kid.kid()));
                }
                Some(reason) => house.refuses(&token, *reason).await,
            }
        }
        let (metadata, keys) = house.requests();
        assert!(metadata == 1 && keys <= 2, "{metadata} {keys}");
    })
    .await;
}

// ---- freshness

struct MaxAge {
    id: &'static str,
    max_age: Option<&'static str>,
    /// When a request starts the next fetch.
    refresh: u64,
}

impl Row for MaxAge {
    fn id(&self) -> &str {
        self.id
    }
}

#[rustfmt::skip]
const MAX_AGES: &[MaxAge] = &[
    MaxAge { id: "7517-28", max_age: None, refresh: 480 },
    MaxAge { id: "7517-28 JWKS-17", max_age: Some("300"), refresh: 240 },
    MaxAge { id: "JWKS-17", max_age: Some("0"), refresh: 48 },
    MaxAge { id: "JWKS-17", max_age: Some("59"), refresh: 48 },
    MaxAge { id: "JWKS-17", max_age: Some("86400"), refresh: 69_120 },
    MaxAge { id: "JWKS-17", max_age: Some("315360000"), refresh: 69_120 },
    MaxAge { id: "JWKS-17", max_age: Some("99999999999999999999"), refresh: 69_120 },
    MaxAge { id: "JWKS-17", max_age: Some("-1"), refresh: 480 },
    MaxAge { id: "JWKS-17", max_age: Some("abc"), refresh: 480 },
    MaxAge { id: "JWKS-17", max_age: Some(""), refresh: 480 },
    MaxAge { id: "JWKS-17", max_age: Some("1e9"), refresh: 480 },
];

async fn max_age_is_held_between_a_minute_and_a_day() {
    ledger::table_async(MAX_AGES, async |row| {
        let house = House::new();
        if let Some(max_age) = row.max_age {
            house.issuer.set_jwks_max_age(max_age);
        }
        house.accepts(&house.token()).await;
        house.after(row.refresh - 1);
        house.accepts(&house.token()).await;
        settle().await;
        assert_eq!(house.requests(), (1, 1), "{:?}: too early", row.max_age);
        house.after(1);
        house.accepts(&house.token()).await;
        settle().await;
        assert_eq!(house.requests(), (2, 2), "{:?}: too late", row.max_age);
    })
    .await;
}

// ---- unknown kids

async fn a_flood_of_unknown_kids_makes_one_fetch_per_cooldown() {
    let house = Arc::new(House::warm().await);
    for (after, keys) in [(0, 2), (1, 2), (28, 2), (1, 3), (29, 3), (1, 4)] {
        house.after(after);
        let flood: Vec<_> = (0..1000)
            .map(|number| {
                let house = Arc::clone(&house);
                let token = house.stray(&format!("{keys}-{after}-{number}"));
                tokio::spawn(async move { house.refuses(&token, UnknownKey).await })
            })
            .collect();
        house.accepts(&house.token()).await;
        for one in flood {
            one.await.unwrap();
        }
        assert_eq!(house.requests(), (1, keys), "after {after} s");
    }
    // a name that cannot be anybody's is not looked for
    house.after(60);
    house.refuses(&house.stray(&"k".repeat(257)), UnknownKey).await;
    assert_eq!(house.requests(), (1, 4));
    ledger::passed("JWKS-01 7517-19 S7-22");
}

async fn failed_attempts_count_for_the_cooldown() {
    let house = House::warm().await;
    house.issuer.fail(Endpoint::Jwks, Fault::status(500));
    house.cannot_say(&house.stray("a"), 30).await;
    assert_eq!(house.requests(), (1, 2));
    for second in 1..30 {
        house.after(1);
        house.cannot_say(&house.stray(&format!("b{second}")), 30 - second).await;
        house.accepts(&house.token()).await;
    }
    assert_eq!(house.requests(), (1, 2), "within the cooldown nothing is asked");
    house.after(1);
    house.cannot_say(&house.stray("c"), 30).await;
    assert_eq!(house.requests(), (2, 3), "after a failure the metadata are read again");
    ledger::passed("7517-20");
}

async fn a_fetch_on_its_way_stops_no_good_token() {
    let house = Arc::new(House::warm().await);
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(4)));
    let waiting: Vec<_> = (0..100)
        .map(|number| {
            let house = Arc::clone(&house);
            let token = house.stray(&format!("x{number}"));
            tokio::spawn(async move { house.refuses(&token, UnknownKey).await })
        })
        .collect();
    settle().await;
    let asked = Instant::now();
    for _ in 0..100 {
        house.accepts(&house.token()).await;
    }
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert!(waiting.iter().all(|one| !one.is_finished()));
    assert_eq!(house.requests(), (1, 2));
    for one in waiting {
        one.await.unwrap();
    }
    assert_eq!(asked.elapsed().as_secs(), 4);
    assert_eq!(house.requests(), (1, 2));
    ledger::passed("JWKS-02 OPS-06");
}

async fn a_fetch_ahead_of_time_makes_nobody_wait() {
    let house = House::warm().await;
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(4)));
    house.after(480);
    let asked = Instant::now();
    for _ in 0..100 {
        house.accepts(&house.token()).await;
    }
    assert_eq!(asked.elapsed(), Duration::ZERO);
    sleep(Duration::from_secs(4)).await;
    settle().await;
    assert_eq!(house.requests(), (2, 2));
    house.after(479);
    house.accepts(&house.token()).await;
    settle().await;
    assert_eq!(house.requests(), (2, 2), "the new set is fresh");
    ledger::passed("7517-25");
}

async fn an_issuer_that_is_down_is_asked_ever_more_seldom() {
    let house = House::new();
    house.issuer.take_down();
    for _ in 0..60 {
        for _ in 0..10 {
            let answer = house.stand.send(&house.token()).await;
            let after = answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
            assert!((1..=30).contains(&after), "{after}");
            answer.is_undecided(after);
        }
        house.after(1);
    }
    let (metadata, keys) = house.requests();
    assert!((6..=7).contains(&metadata), "{metadata} requests in a minute");
    assert_eq!(keys, 0);
    ledger::passed("JWKS-10 HTTP-19 7517-27");
}

async fn a_new_key_is_found_in_the_same_request() {
    let house = House::warm().await;
    assert_eq!(house.issuer.rotate(), "k2");
    assert_eq!(house.accepts(&house.token()).await.key_id(), Some("k2"));
    assert_eq!(house.requests(), (1, 2));
    let old = house.issuer.token().signed_by(&house.issuer.key("k1").unwrap()).build();
    assert_eq!(house.accepts(&old).await.key_id(), Some("k1"));
    assert_eq!(house.accepts(&house.token()).await.key_id(), Some("k2"));
    assert_eq!(house.requests(), (1, 2));
    ledger::passed("7517-18 S7-21");
}

async fn a_bad_signature_fetches_nothing() {
    let house = House::warm().await;
    for bit in 0..200 {
        let forged = house.issuer.token().flipped_signature_bit(bit).build();
        house.refuses(&forged, BadSignature).await;
    }
    house.refuses(&house.issuer.token().signed_by_stranger().build(), BadSignature).await;
    house.after(60);
    house.refuses(&house.stray("k1"), BadSignature).await;
    assert_eq!(house.requests(), (1, 1));
    ledger::passed("7517-21");
}

// ---- keys that go

async fn a_removed_key_stops_verifying() {
    // at the next regular fetch
    let house = House::warm().await;
    let token = house.issuer.token().expires_in(Duration::from_secs(3600)).build();
    house.accepts(&token).await;
    house.issuer.rotate_without_overlap();
    house.accepts(&token).await;
    assert_eq!(house.requests(), (1, 1), "nobody knows yet");
    house.after(600);
    house.refuses(&token, UnknownKey).await;
    house.refuses(&token, UnknownKey).await;
    assert_eq!(house.accepts(&house.token()).await.key_id(), Some("k2"));
    let (metadata, keys) = house.requests();
    assert!(metadata == 2 && keys <= 3, "{metadata} {keys}");

    // at once, by the operator, although the token is remembered
    let house = House::warm().await;
    let token = house.token();
    let before = house.accepts(&token).await;
    house.issuer.rotate_without_overlap();
    house.keys.reload().await.unwrap();
    house.refuses(&token, UnknownKey).await;
    let now = (house.clock.now(), house.clock.monotonic());
    assert!(!before.is_usable(now.0, now.1), "a clone of the principal is told as well");

    // or because somebody came with the new key
    let house = House::warm().await;
    let token = house.token();
    house.accepts(&token).await;
    house.issuer.rotate_without_overlap();
    house.accepts(&house.token()).await;
    house.refuses(&token, UnknownKey).await;
    ledger::passed("JWKS-12 7517-22 7517-23");
}

async fn an_empty_set_is_believed_once_it_stays() {
    const SECRET: &str = r#"{"keys":[{"kty":"oct","kid":"k1","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}]}"#;
    for document in [r#"{"keys":[]}"#, r#"{"keys":[7]}"#, SECRET] {
        let house = House::warm().await;
        let long = house.issuer.token().expires_in(Duration::from_secs(86_400)).build();
        house.accepts(&long).await;
        house.issuer.publish(document);
        house.after(480);
        house.accepts(&long).await; // starts the fetch that is first told so
        settle().await;
        assert_eq!(house.requests(), (2, 2));
        for seconds in [100, 100, 100, 100, 100, 99] {
            house.after(seconds);
            house.accepts(&long).await;
            house.accepts(&house.token()).await;
            assert!(house.keys.is_ready());
        }
        house.after(31);
        house.refuses(&house.token(), UnknownKey).await;
        house.refuses(&long, UnknownKey).await;
        assert!(!house.keys.is_ready());
    }

    let house = House::warm().await;
    let token = house.token();
    house.accepts(&token).await;
    house.issuer.withdraw("k1");
    house.keys.reload().await.unwrap();
    house.refuses(&token, UnknownKey).await;

    // before there ever was a key it is no reason to accept, nor to call a token bad
    let house = House::new();
    house.issuer.withdraw("k1");
    house.cannot_say(&house.token(), 1).await;
    ledger::passed("JWKS-11 7517-17");
}

async fn known_keys_serve_until_they_are_too_old() {
    let house = House::configured(|keys| keys.max_stale(Duration::from_secs(3600)));
    let long = house.issuer.token().expires_in(Duration::from_secs(86_400)).build();
    house.accepts(&long).await;
    house.issuer.take_down();
    for seconds in [600, 1200, 1799] {
        house.after(seconds);
        house.accepts(&long).await;
        house.accepts(&house.token()).await;
        assert!(house.keys.is_ready());
    }
    house.after(1);
    assert!(!house.keys.is_ready());
    for token in [long.clone(), house.token()] {
        let answer = house.stand.send(&token).await;
        let after = answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        answer.is_undecided(after);
    }
    house.issuer.bring_up();
    house.after(30);
    house.accepts(&long).await;
    assert!(house.keys.is_ready());
    ledger::passed("7517-26 S7-24 OPS-02");
}

async fn a_cold_start_asks_once_and_nobody_cancels_it() {
    let house = Arc::new(House::new());
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(2)));
    let callers: Vec<_> = (0..1000)
        .map(|number| {
            let (house, token) = (Arc::clone(&house), house.token());
            tokio::spawn(async move {
                let patience = Duration::from_millis(if number % 2 == 0 { 100 } else { 60_000 });
                let stays = timeout(patience, house.accepts(&token)).await.is_ok();
                assert_eq!(stays, number % 2 == 1);
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(house.requests(), (1, 1));

    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(2)));
    let token = house.token();
    assert!(timeout(Duration::from_millis(1), house.accepts(&token)).await.is_err());
    sleep(Duration::from_secs(3)).await;
    assert!(house.keys.is_ready(), "the only caller went away, and the fetch went on");
    house.accepts(&token).await;
    assert_eq!(house.requests(), (1, 1));
    ledger::passed("7517-24");
}

// ---- how the issuer is asked

async fn caches_are_used_and_bypassed() {
    let house = House::warm().await;
    house.refuses(&house.stray("x"), UnknownKey).await; // forced
    house.after(480);
    house.accepts(&house.token()).await; // regular
    settle().await;
    house.keys.reload().await.unwrap();
    let seen: Vec<_> = house
        .issuer
        .received()
        .into_iter()
        .map(|request| {
            let endpoint = request.endpoint.unwrap();
            assert_eq!(request.method, "GET");
            assert_eq!(
                request.header("accept"),
                Some("application/jwk-set+json, application/json")
            );
            let cache = request.header("cache-control").map(str::to_owned);
            (
                endpoint,
                cache.as_deref() == Some("no-cache"),
                request.headers.contains_key("if-none-match"),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            // the first word is the last on what is unknown: no cache may give it
            (Endpoint::Discovery, true, false),
            (Endpoint::Jwks, true, false),
            (Endpoint::Jwks, true, true),
            (Endpoint::Discovery, false, false),
            (Endpoint::Jwks, false, true),
            (Endpoint::Discovery, true, false),
            (Endpoint::Jwks, true, false),
        ]
    );
    // 304 keeps keys, and what they verified
    house.accepts(&house.token()).await;
    ledger::passed("7517-28");

    // what calls itself by either name is read
    for content_type in
        ["application/json", "application/jwk-set+json", "application/json; charset=utf-8"]
    {
        let house = House::new();
        let document = house.issuer.jwks_json();
        house.issuer.fail(Endpoint::Jwks, Fault::body(content_type, document));
        house.accepts(&house.token()).await;
    }
    ledger::passed("7517-15");
}

async fn another_key_under_the_same_name() {
    let house = House::warm().await;
    let old = house.issuer.token().expires_in(Duration::from_secs(3600)).build();
    house.accepts(&old).await;
    house.issuer.swap_key_keeping_kid();
    for _ in 0..10 {
        house.refuses(&house.token(), BadSignature).await;
    }
    assert_eq!(house.requests(), (1, 1), "a bad signature fetches nothing");
    house.after(600);
    house.accepts(&house.token()).await;
    house.refuses(&old, BadSignature).await;
    assert_eq!(house.requests(), (2, 2));
    ledger::passed("7517-29");
}

async fn keys_of_one_issuer_say_nothing_about_another() {
    let clock = ManualClock::new();
    let (a, b) = (issuer_at(&clock, "https://a.test"), issuer_at(&clock, "https://b.test"));
    b.swap_key_keeping_kid();
    assert_eq!(a.kid(), b.kid());
    let keys =
        |issuer| discovery(issuer).fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
    let both = [validator(&a, &clock, &keys(&a)), validator(&b, &clock, &keys(&b))];
    let stand = Stand::of(JwtValidator::several(both).unwrap());
    for (issuer, other) in [(&a, &b), (&b, &a)] {
        assert_eq!(stand.accepts(&issuer.token().build()).await.issuer(), issuer.url());
        let forged = issuer.token().issuer(&other.url()).build();
        stand.refuses(&forged, BadSignature).await;
    }
    for issuer in [&a, &b] {
        assert_eq!(issuer.requests(Endpoint::Jwks), 1);
        assert_eq!(issuer.received().len(), 2);
    }
    // a key that only the other has is looked for where the token says, and not found
    b.rotate();
    stand.accepts(&b.token().build()).await;
    stand.refuses(&b.token().issuer(&a.url()).build(), UnknownKey).await;
    ledger::passed("7517-30");
}

// ---- start, clocks, addresses

async fn start_with_the_issuer_down() {
    let house = House::new();
    house.issuer.take_down();
    assert!(!house.keys.is_ready());
    house.cannot_say(&house.token(), 1).await;
    house.cannot_say(&house.stray("k9"), 1).await;
    assert!(!house.keys.is_ready());
    assert_eq!(house.requests(), (1, 0));
    // who would rather not start learns it
    let error = house.keys.warm_up().await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::IssuerUnreachable);

    house.issuer.bring_up();
    house.after(1);
    house.accepts(&house.token()).await;
    assert!(house.keys.is_ready());
    assert_eq!(house.requests(), (2, 1));
    house.keys.warm_up().await.unwrap();
    assert_eq!(house.requests(), (2, 1));
    ledger::passed("JWKS-24 8414-11 S7-23 OPS-02");
}

async fn ages_follow_the_clock_that_nobody_sets() {
    let start = UnixTime::from_secs(1_767_225_600);
    for day in [86_400, 0] {
        let house = House::warm().await;
        let wall = if day == 0 {
            UnixTime::from_secs(2_000_000_000)
        } else {
            start - Duration::from_secs(day)
        };
        house.clock.set_wall(wall);
        house.after(479);
        house.accepts(&house.token()).await;
        settle().await;
        assert_eq!(house.requests(), (1, 1));
        house.after(1);
        house.accepts(&house.token()).await;
        settle().await;
        assert_eq!(house.requests(), (2, 2));
    }
    let house = House::warm().await;
    house.issuer.take_down();
    house.clock.set_wall(start - Duration::from_secs(86_400));
    house.after(86_400);
    let answer = house.stand.send(&house.token()).await;
    answer.is_undecided(1);
    ledger::passed("JWKS-25");
}

async fn no_url_comes_from_a_token() {
    let house = House::warm().await;
    for issuer in [
        "https://169.254.169.254/",
        "https://issuer.test@evil.example",
        "https://issuer.test.evil.example",
        "file:///etc/passwd",
        "//evil.example",
        "https://issuer.test/../evil",
    ] {
        let token = house.issuer.token().issuer(issuer);
        for name in ["jku", "x5u"] {
            let token = token.clone().header(name, "https://evil.example/jwks").build();
            house.refuses(&token, AuthErrorKind::WrongIssuer).await;
        }
    }
    assert_eq!(house.requests(), (1, 1));
    let tokens = ["../../evil", "https://evil.example/jwks", "k1?x=", "k1#"];
    for kid in tokens {
        house.refuses(&stray(house.issuer.token(), kid), UnknownKey).await;
    }
    assert_eq!(house.requests(), (1, 2), "and that for the issuer's own key set");
    assert!(house.issuer.received().iter().all(|it| it.uri.host() == Some("issuer.test")));
    // nor from what an operator forgot to fill in
    let error = RemoteKeys::builder(KeyLocation::discover("https://{tenant}.issuer.test"))
        .fetch(house.issuer.fetch())
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("template"), "{error}");
    ledger::passed("JWKS-06");
}
