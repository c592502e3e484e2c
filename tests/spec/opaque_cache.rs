//! What is remembered of an answer about an opaque token, and who asks when many want to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use AuthErrorKind::{Inactive, IssuerUnreachable, MalformedIntrospection};
use http::Request;
use portcullis::{
    Attempt, AuthError, AuthErrorKind, BearerAuth, Clock as _, Identity, UnixTime,
    fetch::{Fetch, FetchFuture},
    introspection::{ClientAuth, IntrospectionValidator},
    policy,
    testing::{Api, Endpoint, Fault, ManualClock, MockIssuer},
    token::{Cached, Caching, InMemoryRevocations, InMemoryTokens, Presented, TokenValidator},
};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::ledger::{self, Row};
use crate::support::{
    desk::{API, Desk, SECRET, no_request, post_form},
    house::settle,
    stand::Stand,
};

chapter! {
    async fn how_long_a_yes_is_remembered;
    async fn a_no_is_remembered_for_a_while;
    async fn a_flood_of_garbage_evicts_nothing_good;
    async fn a_crowd_asks_once;
    threads async fn a_crowd_of_which_half_leaves_asks_once;
    async fn a_failure_is_told_to_those_who_wait_alone;
    async fn flights_of_two_tokens;
    async fn a_leader_that_goes_or_breaks;
    async fn revoked_while_it_is_found_out;
    async fn invalidations;
    async fn after_a_revocation;
    async fn always_fresh;
    async fn the_whole_token_is_the_key;
    async fn validators_do_not_share;
    async fn a_hit_asks_the_policy;
    async fn an_outage_is_answered_at_once;
    async fn one_probe_finds_out;
    async fn trouble_with_one_token_is_no_outage;
    async fn stale_by_choice;
    async fn as_many_questions_as_the_budget_allows;
    async fn a_flood_of_garbage_keeps_to_the_budget;
    fn without_a_runtime;
}

// ---- how long

struct Life {
    id: &'static str,
    /// Seconds from now; `None`: no `exp`.
    exp: Option<f64>,
    lifetime: u64,
    /// The last second at which it is remembered, and the first at which it is not.
    lives: u64,
    /// What becomes of it then.
    after: Option<AuthErrorKind>,
}

impl Row for Life {
    fn id(&self) -> &str {
        self.id
    }
}

const LIVES: &[Life] = &[
    Life { id: "S2-24 S8-27", exp: None, lifetime: 60, lives: 59, after: None },
    Life { id: "7662-17", exp: Some(3600.0), lifetime: 60, lives: 59, after: None },
    Life { id: "7662-17", exp: Some(3600.0), lifetime: 5, lives: 4, after: None },
    Life {
        id: "7662-10 INT-07 S8-11",
        exp: Some(30.0),
        lifetime: 60,
        lives: 29,
        after: Some(AuthErrorKind::Expired),
    },
    Life {
        id: "7662-10 7662-17",
        exp: Some(30.5),
        lifetime: 60,
        lives: 30,
        after: Some(AuthErrorKind::Expired),
    },
    Life { id: "7662-17", exp: Some(9e9), lifetime: 3600, lives: 3599, after: None },
];

async fn how_long_a_yes_is_remembered() {
    ledger::table_async(LIVES, async |row| {
        let lifetime = Duration::from_secs(row.lifetime);
        let desk = Desk::configured(|builder| builder.positive_lifetime(lifetime));
        let mut answer = json!({"active": true, "sub": "alice"});
        if let Some(exp) = row.exp {
            answer["exp"] = json!(desk.clock.now().as_secs() as f64 + exp);
        }
        desk.says(&answer.to_string());
        let token = desk.token();
        desk.accepts(&token).await;
        desk.after(row.lives);
        desk.accepts(&token).await;
        assert_eq!(desk.asked(), 1);
        desk.after(1);
        match row.after {
            None => {
                desk.accepts(&token).await;
            }
            Some(reason) => desk.refuses(&token, reason).await,
        }
        assert_eq!(desk.asked(), 2);
    })
    .await;
}

async fn a_no_is_remembered_for_a_while() {
    let desk = Desk::new();
    for (after, asked) in [(0, 1), (0, 1), (9, 1), (1, 2), (9, 2)] {
        desk.after(after);
        desk.refuses("unknown", Inactive).await;
        assert_eq!(desk.asked(), asked);
    }
    ledger::passed("S8-09");

    // a "no" to one text is none to another, and ends soon
    let (desk, token) = Desk::warm().await;
    desk.tokens.clear();
    for near in [format!("{token}0"), token[..63].to_owned(), token.to_uppercase()] {
        desk.refuses(&near, Inactive).await;
    }
    desk.accepts(&token).await;
    let soon = desk.issuer.token().not_before(desk.clock.now() + Duration::from_secs(1));
    let soon = desk.issuer.opaque_token(&soon);
    desk.refuses(&soon, Inactive).await;
    desk.after(10);
    desk.accepts(&soon).await;
    ledger::passed("7662-18 INT-11");

    let desk = Desk::configured(|builder| builder.negative_lifetime(Duration::ZERO));
    for asked in 1..=3 {
        desk.refuses("unknown", Inactive).await;
        assert_eq!(desk.asked(), asked);
    }
}

/// A validator that is asked about each token: good ones begin with `good`.
#[derive(Debug, Default)]
struct Oracle {
    asked: AtomicUsize,
    clock: ManualClock,
}

impl TokenValidator for Oracle {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let token = presented.token();
        let answer = if token.starts_with("good") {
            Ok(Identity::builder("i").subject(token).build())
        } else {
            Err(Inactive.into())
        };
        if token == "breaks" {
            return Attempt::pending(async { panic!("as planted") });
        }
        Attempt::pending(async move {
            tokio::task::yield_now().await;
            answer
        })
    }

    fn caching(&self) -> Caching {
        Caching::Remote { negative: Duration::from_secs(10), stale: Duration::ZERO }
    }

    fn clock(&self) -> Arc<dyn portcullis::Clock> {
        Arc::new(self.clock.clone())
    }
}

impl Oracle {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn a_flood_of_garbage_evicts_nothing_good() {
    let oracle = Arc::new(Oracle::default());
    let cached = Cached::with_cache(oracle.clone(), InMemoryTokens::with_max_bytes(1 << 20));
    let judge = async |token: &str| cached.validate(Presented::new(token, &no_request())).await;
    let good: Vec<String> = (0..100).map(|number| format!("good{number}")).collect();
    for token in &good {
        judge(token).await.unwrap();
    }
    for number in 0..100_000 {
        judge(&format!("garbage{number}")).await.unwrap_err();
    }
    let before = oracle.asked();
    for token in &good {
        judge(token).await.unwrap();
    }
    assert_eq!(oracle.asked(), before, "every good token is still remembered");
    // the noes are bounded: of the first ones hardly any is left
    for number in 0..1_000 {
        judge(&format!("garbage{number}")).await.unwrap_err();
    }
    assert!(oracle.asked() > before, "no more than 10,000 noes are kept");
    ledger::passed("7662-18 INT-13");
}

// ---- who asks

async fn a_crowd_asks_once() {
    for id in ["7662-20", "S2-23", "S8-17"] {
        let desk = Desk::new();
        let late = Fault::Delay(Duration::from_millis(500));
        desk.issuer.fail(Endpoint::Introspection, late);
        let (good, bad) = (desk.token(), "unknown".to_owned());
        let callers: Vec<_> = (0..100)
            .map(|number| {
                let (desk, good, bad) = (desk.clone(), good.clone(), bad.clone());
                tokio::spawn(async move {
                    if number % 2 == 0 {
                        desk.accepts(&good).await;
                    } else {
                        desk.refuses(&bad, Inactive).await;
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(desk.asked(), 2, "one for each token");
        ledger::passed(id);
    }
}

async fn a_crowd_of_which_half_leaves_asks_once() {
    for _ in 0..5 {
        let desk = Desk::new();
        desk.issuer.fail(Endpoint::Introspection, Fault::Delay(Duration::from_millis(100)));
        let token = desk.token();
        let callers: Vec<_> = (0..1_000)
            .map(|number| {
                let (desk, token) = (desk.clone(), token.clone());
                tokio::spawn(async move {
                    if number % 2 == 0 {
                        // gone long before the answer, the very first of them among them
                        let soon = Duration::from_millis(number % 20);
                        let _ = timeout(soon, desk.judge(&token)).await;
                    } else {
                        desk.accepts(&token).await;
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(desk.asked(), 1);
    }
    ledger::passed("7662-20");
}

async fn a_failure_is_told_to_those_who_wait_alone() {
    let desk = Desk::new();
    desk.issuer.fail(Endpoint::Introspection, Fault::Delay(Duration::from_millis(500)));
    desk.issuer.fail_next(Endpoint::Introspection, 1, Fault::Html);
    let token = desk.token();
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (desk, token) = (desk.clone(), token.clone());
            tokio::spawn(async move {
                let answer = desk.stand.send(&token).await;
                answer.says_nothing_of_the_token(503, MalformedIntrospection);
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(desk.asked(), 1);
    desk.accepts(&token).await;
    assert_eq!(desk.asked(), 2);
    ledger::passed("7662-20 INT-12");
}

async fn flights_of_two_tokens() {
    for slow_first in [true, false] {
        let desk = Desk::new();
        let (alice, bob) =
            (desk.token(), desk.issuer.opaque_token(&desk.issuer.token().subject("bob")));
        let delays = if slow_first { [900, 100] } else { [100, 900] };
        for delay in delays {
            let delay = Fault::Delay(Duration::from_millis(delay));
            desk.issuer.fail_next(Endpoint::Introspection, 1, delay);
        }
        let ask = |token: String| {
            let desk = desk.clone();
            tokio::spawn(async move { desk.stand.accepts(&token).await })
        };
        let first = ask(alice.clone());
        settle().await;
        let second = ask(bob);
        assert_eq!(first.await.unwrap().subject(), Some("alice"));
        assert_eq!(second.await.unwrap().subject(), Some("bob"));
        assert_eq!(desk.asked(), 2);
    }
    ledger::passed("INT-15");
}

async fn a_leader_that_goes_or_breaks() {
    let desk = Desk::new();
    desk.issuer.fail(Endpoint::Introspection, Fault::Delay(Duration::from_millis(500)));
    let token = desk.token();
    let leader = tokio::spawn({
        let (desk, token) = (desk.clone(), token.clone());
        async move { desk.judge(&token).await }
    });
    settle().await;
    leader.abort();
    desk.accepts(&token).await;
    assert_eq!(desk.asked(), 1, "who leaves stops nothing");

    // a validator that panics: nobody hangs, and nobody else is harmed
    let oracle = Arc::new(Oracle::default());
    let cached = Cached::new(oracle.clone());
    let waiting: Vec<_> =
        (0..3).map(|_| cached.validate(Presented::new("breaks", &no_request()))).collect();
    for waiting in waiting {
        let answer = timeout(Duration::from_secs(1), waiting).await.expect("nobody hangs");
        assert_eq!(answer.unwrap_err().kind(), IssuerUnreachable);
    }
    assert!(oracle.asked() <= 3 * 3, "{}", oracle.asked());
    cached.validate(Presented::new("good", &no_request())).await.unwrap();
    ledger::passed("INT-16");
}

/// Outside of any runtime whoever asks does the work.
fn without_a_runtime() {
    let cached = Cached::new(Arc::new(Oracle::default()));
    let mut attempt = cached.validate(Presented::new("good", &no_request()));
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    let answer = loop {
        if let std::task::Poll::Ready(answer) = std::pin::Pin::new(&mut attempt).poll(&mut context)
        {
            break answer;
        }
    };
    assert_eq!(answer.unwrap().subject(), Some("good"));
    assert!(cached.validate(Presented::new("good", &no_request())).into_ready().is_ok());
}

// ---- what ends it early

async fn revoked_while_it_is_found_out() {
    type Forget = fn(&Desk, &str);
    let ways: [Forget; 5] = [
        |desk, token| desk.tokens.invalidate(token),
        |desk, _| desk.tokens.invalidate_subject(&desk.issuer.url(), "alice"),
        |desk, _| desk.tokens.invalidate_session(&desk.issuer.url(), "s1"),
        |desk, _| {
            desk.tokens.invalidate_where(|who| who.claim_str("au_id").as_deref() == Some("a1"))
        },
        |desk, _| desk.tokens.clear(),
    ];
    for forget in ways {
        let desk = Desk::new();
        let token = desk.issuer.token().claim("sid", "s1").claim("au_id", "a1");
        let token = desk.issuer.opaque_token(&token);
        // the issuer decides at once, its answer takes its time
        let now = desk.clock.now().as_secs();
        let yes =
            json!({"active": true, "sub": "alice", "sid": "s1", "au_id": "a1", "exp": now + 99});
        let yes = Fault::body("application/json", yes.to_string());
        desk.issuer.fail_next(Endpoint::Introspection, 1, yes);
        desk.issuer.fail_next(Endpoint::Introspection, 1, Fault::Delay(Duration::from_millis(500)));
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (desk, token) = (desk.clone(), token.clone());
                tokio::spawn(async move { desk.refuses(&token, Inactive).await })
            })
            .collect();
        settle().await;
        desk.issuer.revoke(&token);
        forget(&desk, &token);
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(desk.asked(), 2, "the old answer counts for nobody");
        // another's invalidation disturbs nobody
        let desk = Desk::new();
        let token = desk.token();
        desk.issuer.fail(Endpoint::Introspection, Fault::Delay(Duration::from_millis(500)));
        let caller = tokio::spawn({
            let (desk, token) = (desk.clone(), token.clone());
            async move { desk.accepts(&token).await }
        });
        settle().await;
        desk.tokens.invalidate("another");
        desk.tokens.invalidate_subject(&desk.issuer.url(), "bob");
        desk.tokens.invalidate_subject("https://other.test", "alice");
        caller.await.unwrap();
        desk.accepts(&token).await;
        assert_eq!(desk.asked(), 1);
    }
    ledger::passed("INT-14");
}

async fn invalidations() {
    let desk = Desk::new();
    let issue = |subject: &str, session: &str| {
        let token = desk.issuer.token().subject(subject).claim("sid", session);
        desk.issuer.opaque_token(&token)
    };
    let tokens =
        [issue("alice", "s1"), issue("alice", "s2"), issue("bob", "s1"), issue("bob", "s3")];
    let url = desk.issuer.url();
    let remembered = || tokens.iter().map(|token| desk.begin(token).into_ready().is_ok());
    let fill = async || {
        for token in &tokens {
            desk.stand.accepts(token).await;
        }
        assert!(remembered().all(|it| it));
    };
    let expect = |what: &str, expected: [bool; 4]| {
        assert_eq!(remembered().collect::<Vec<_>>(), expected, "{what}");
    };
    fill().await;
    desk.tokens.invalidate(&tokens[1]);
    expect("one token", [true, false, true, true]);
    settle().await;
    fill().await;
    desk.tokens.invalidate_subject(&url, "alice");
    expect("alice", [false, false, true, true]);
    settle().await;
    fill().await;
    desk.tokens.invalidate_session(&url, "s1");
    expect("the session s1", [false, true, false, true]);
    settle().await;
    fill().await;
    desk.tokens.invalidate_subject("https://other.test", "alice");
    desk.tokens.invalidate_session("https://other.test", "s1");
    desk.tokens.invalidate_subject(&url, "ALICE");
    expect("nobody", [true; 4]);
    desk.tokens.clone().clear();
    expect("all, by way of a clone", [false; 4]);

    // a "no" is forgotten as well
    desk.refuses("unknown", Inactive).await;
    assert!(desk.begin("unknown").into_ready().is_ok());
    desk.tokens.invalidate("unknown");
    assert!(desk.begin("unknown").into_ready().is_err(), "it is asked again");
}

async fn after_a_revocation() {
    let revoke = async |desk: &Desk, token: &str| {
        let form = format!("client_id=test-client&client_secret=client-secret&token={token}");
        let answer = post_form(&desk.issuer, "/revoke", None, &form).await;
        assert_eq!(answer.status().as_u16(), 200);
    };
    // without cache: at once
    let desk = Desk::configured(|builder| builder.positive_lifetime(Duration::ZERO));
    let token = desk.token();
    desk.accepts(&token).await;
    revoke(&desk, &token).await;
    desk.refuses(&token, Inactive).await;
    // with one: at the latest when the answer is 60 s old
    let (desk, token) = Desk::warm().await;
    revoke(&desk, &token).await;
    desk.after(59);
    desk.accepts(&token).await;
    desk.after(1);
    desk.refuses(&token, Inactive).await;
    // or at once, if it is told
    let (desk, token) = Desk::warm().await;
    revoke(&desk, &token).await;
    desk.tokens.invalidate(&token);
    desk.refuses(&token, Inactive).await;
    ledger::passed("7009-06 S2-15 S8-10");

    // a user who is locked keeps a remembered token for as long, unless somebody says so here
    let (desk, token) = Desk::warm().await;
    desk.issuer.deactivate_user("alice");
    desk.after(59);
    desk.accepts(&token).await;
    let revocations = Arc::new(InMemoryRevocations::default());
    let strict = desk.stand.clone().revocations(revocations.clone());
    strict.accepts(&token).await;
    revocations.revoke_subject(&desk.issuer.url(), "alice", UnixTime::MAX, UnixTime::MAX);
    strict.refuses(&token, AuthErrorKind::Revoked).await;
    desk.after(1);
    desk.refuses(&token, Inactive).await;
    ledger::passed("INT-26 S8-24");
}

// ---- whose entry it is

async fn always_fresh() {
    let desk = Desk::configured(|builder| builder.positive_lifetime(Duration::ZERO));
    let token = desk.token();
    for asked in 1..=3 {
        desk.accepts(&token).await;
        assert_eq!(desk.asked(), asked);
    }
    // beside it, for the other routes, one that remembers
    let usual = Desk::of(desk.issuer.clone(), desk.clock.clone(), |builder| builder);
    for _ in 0..3 {
        usual.accepts(&token).await;
    }
    assert_eq!(desk.asked(), 4);
    ledger::passed("7662-16");
}

async fn the_whole_token_is_the_key() {
    let desk = Desk::new();
    let tail = "t".repeat(64);
    let pairs = [
        ("prefix-of-twenty-chars-a".to_owned(), "prefix-of-twenty-chars-b".to_owned()),
        (format!("a{tail}"), format!("b{tail}")),
        ("abc".to_owned(), "ABC".to_owned()),
        ("YQ".to_owned(), "YR".to_owned()),
        ("YQ==".to_owned(), "YQ".to_owned()),
        ("a.b.c".to_owned(), "a.b.c.".to_owned()),
    ];
    for (one, other) in pairs {
        desk.tokens.clear();
        desk.says(r#"{"active":true,"sub":"alice","jti":"same"}"#);
        desk.accepts(&one).await;
        desk.says(r#"{"active":true,"sub":"mallory","jti":"same"}"#);
        assert_eq!(desk.stand.accepts(&other).await.subject(), Some("mallory"), "{other}");
        desk.says(r#"{"active":false}"#);
        desk.accepts(&one).await;
    }
    // in memory it stands whole, behind what shows nothing
    let shown = format!("{:?} {:#?}", desk.tokens, desk.stand);
    assert!(!shown.contains("prefix-of-twenty") && !shown.contains(&tail));
    ledger::passed("7662-19 INT-09");
}

async fn validators_do_not_share() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder()
        .clock(clock.clone())
        .api(Api::new(API, &[]).secret(SECRET))
        .api(Api::new("https://other.example", &[]).secret("other"))
        .build();
    let ours = Desk::of(issuer.clone(), clock.clone(), |builder| builder);
    let theirs = IntrospectionValidator::builder(
        format!("{}/introspect", issuer.url()),
        ClientAuth::basic("https://other.example", "other"),
    )
    .fetch(issuer.fetch())
    .clock(clock.clone())
    .build()
    .unwrap();
    let theirs = Stand::of(theirs);
    let token = ours.token();
    for _ in 0..2 {
        ours.accepts(&token).await;
        theirs.send(&token).await.is_refused(&token, Inactive);
    }
    assert_eq!(ours.asked(), 2, "each has asked once");
    ledger::passed("7662-21 INT-10 S8-19");

    // whatever a proxy may think of keeping an answer, the next token is asked about
    let public = http::Response::builder()
        .header("content-type", "application/json")
        .header("cache-control", "public, max-age=3600")
        .body(r#"{"active":true,"sub":"alice"}"#.into())
        .unwrap();
    ours.issuer.forget_requests();
    ours.issuer.fail(Endpoint::Introspection, Fault::Answer(public));
    let one = ours.token();
    ours.accepts(&one).await;
    ours.is_right();
    ours.refuses("another", Inactive).await;
    ours.after(60);
    ours.accepts(&one).await;
    assert_eq!(ours.asked(), 3);
    assert_eq!(ours.sent.last().headers["cache-control"], "no-store");
    ledger::passed("INT-22");
}

async fn a_hit_asks_the_policy() {
    let (desk, token) = Desk::warm().await;
    for _ in 0..2 {
        let reads = desk.stand.send_to(policy::scope("orders:read"), &token).await;
        assert_eq!(reads.status.as_u16(), 200);
        let writes = desk.stand.send_to(policy::scope("orders:write"), &token).await;
        writes.is_forbidden(
            AuthErrorKind::MissingScope,
            Some(r#"Bearer realm="api", error="insufficient_scope", scope="orders:write""#),
        );
    }
    assert_eq!(desk.asked(), 1);
    ledger::passed("INT-08 S8-18 6749-12 6749-13 9700-03");
}

// ---- an outage

async fn an_outage_is_answered_at_once() {
    let (desk, known) = Desk::warm().await;
    desk.issuer.take_down();
    let cold = desk.token();
    let first = desk.stand.send(&cold).await;
    first.says_nothing_of_the_token(503, IssuerUnreachable);
    let asked = desk.sent.count();
    for token in [&cold, &desk.token(), &"unknown".to_owned()] {
        let attempt = desk.begin(token).into_ready().expect("nothing is waited for");
        assert_eq!(attempt.unwrap_err().kind(), IssuerUnreachable);
        let answer = desk.stand.send(token).await;
        answer.says_nothing_of_the_token(503, IssuerUnreachable);
        assert_eq!(answer.retry_after(), 1);
    }
    assert_eq!(desk.sent.count(), asked, "a dead endpoint is left alone");
    desk.accepts(&known).await;
    // the wait grows, to 30 s and no further
    for seconds in [2, 4, 8, 16, 30, 30] {
        desk.after(30);
        let answer = desk.stand.send(&cold).await;
        assert!(answer.retry_after() <= seconds, "{}", answer.retry_after());
        assert!(answer.retry_after() >= seconds * 4 / 5);
    }
    desk.issuer.bring_up();
    desk.after(30);
    desk.accepts(&cold).await;
    desk.after(60);
    desk.issuer.take_down();
    assert_eq!(desk.stand.send(&known).await.retry_after(), 1, "and begins anew");
    ledger::passed("7662-23 S8-15");
}

async fn one_probe_finds_out() {
    let desk = Desk::new();
    desk.issuer.take_down();
    // a crowd of different tokens fails together: that is one outage
    let crowd: Vec<_> = (0..50)
        .map(|number| {
            let desk = desk.clone();
            tokio::spawn(async move { desk.judge(&format!("t{number}")).await.unwrap_err() })
        })
        .collect();
    for one in crowd {
        assert_eq!(one.await.unwrap().retry_after(), Some(Duration::from_secs(1)));
    }
    desk.issuer.bring_up();
    desk.issuer.fail(Endpoint::Introspection, Fault::Delay(Duration::from_millis(900)));
    desk.issuer.forget_requests();
    desk.after(1);
    let token = desk.token();
    let probe = tokio::spawn({
        let (desk, token) = (desk.clone(), token.clone());
        async move { desk.accepts(&token).await }
    });
    settle().await;
    let crowd: Vec<_> = (0..50)
        .map(|number| {
            let desk = desk.clone();
            tokio::spawn(async move {
                let other = desk.stand.send(&format!("other{number}")).await;
                other.says_nothing_of_the_token(503, IssuerUnreachable);
            })
        })
        .collect();
    for one in crowd {
        one.await.unwrap();
    }
    assert_eq!(desk.asked(), 1, "one finds out for all");
    probe.await.unwrap();
    desk.refuses("other1", Inactive).await;
    ledger::passed("7662-23");
}

/// A token that the issuer, or something before it, stumbles over must not shut the others out.
async fn trouble_with_one_token_is_no_outage() {
    for fault in [
        Fault::status(500),
        Fault::status(400),
        Fault::status(403),
        Fault::Html,
        Fault::MalformedJson,
    ] {
        let desk = Desk::new();
        desk.issuer.fail_next(Endpoint::Introspection, 1, fault);
        assert_ne!(desk.stand.send("../../etc/passwd").await.status.as_u16(), 401);
        desk.accepts(&desk.token()).await;
    }
}

async fn stale_by_choice() {
    let minute = Duration::from_secs(60);
    let down: [fn(&Desk); 4] = [
        |desk| desk.issuer.take_down(),
        |desk| desk.issuer.fail(Endpoint::Introspection, Fault::Hang),
        |desk| desk.issuer.fail(Endpoint::Introspection, Fault::Html),
        |desk| desk.issuer.fail(Endpoint::Introspection, Fault::status(500)),
    ];
    for down in down {
        // off by default
        let (desk, token) = Desk::warm().await;
        desk.after(60);
        down(&desk);
        assert_eq!(desk.stand.send(&token).await.status.as_u16(), 503);

        let desk = Desk::configured(|builder| builder.serve_stale(5 * minute));
        let expires = desk.issuer.token().expires_in(2 * minute);
        let short = desk.issuer.opaque_token(&expires);
        let long = desk.token();
        desk.accepts(&short).await;
        desk.accepts(&long).await;
        down(&desk);
        desk.after(119);
        for token in [&short, &long, &short, &long] {
            desk.accepts(token).await;
        }
        desk.after(1);
        assert_eq!(desk.stand.send(&short).await.status.as_u16(), 503, "never beyond exp");
        desk.accepts(&long).await;
        desk.after(60 + 300 - 121);
        desk.accepts(&long).await;
        desk.after(1);
        assert_eq!(desk.stand.send(&long).await.status.as_u16(), 503, "never beyond its bound");
    }
    // a "no" is a "no", our own fault is our own, and what was invalidated is gone
    let desk = Desk::configured(|builder| builder.serve_stale(5 * minute));
    let token = desk.token();
    desk.accepts(&token).await;
    desk.after(60);
    desk.issuer.fail_next(Endpoint::Introspection, 1, Fault::status(401));
    desk.stand
        .send(&token)
        .await
        .says_nothing_of_the_token(500, AuthErrorKind::IntrospectionRefused);
    desk.after(2);
    desk.issuer.take_down();
    desk.accepts(&token).await;
    desk.tokens.invalidate(&token);
    assert_eq!(desk.stand.send(&token).await.status.as_u16(), 503);
    desk.issuer.bring_up();
    desk.issuer.revoke(&token);
    desk.after(30);
    desk.refuses(&token, Inactive).await;
    ledger::passed("7662-22");
}

// ---- the budget

/// Counts how many requests are under way.
#[derive(Debug)]
struct Gauge {
    inner: Arc<dyn Fetch>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Fetch for Gauge {
    fn fetch(&self, request: Request<bytes::Bytes>, limit: usize) -> FetchFuture {
        let (now, most) = (self.now.clone(), self.most.clone());
        let answer = self.inner.fetch(request, limit);
        Box::pin(async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let answer = answer.await;
            now.fetch_sub(1, Ordering::SeqCst);
            answer
        })
    }
}

async fn as_many_questions_as_the_budget_allows() {
    let (desk, known) = Desk::warm().await;
    let most = Arc::new(AtomicUsize::new(0));
    let gauge = Gauge { inner: desk.issuer.fetch(), now: Arc::default(), most: most.clone() };
    let validator = IntrospectionValidator::builder(
        format!("{}/introspect", desk.issuer.url()),
        ClientAuth::basic(API, SECRET),
    )
    .fetch(gauge)
    .clock(desk.clock.clone())
    .max_concurrent(4)
    .build()
    .unwrap();
    let tokens = Cached::new(validator);
    let auth = BearerAuth::new(tokens.clone()).unwrap();
    desk.issuer.fail(Endpoint::Introspection, Fault::Delay(Duration::from_millis(400)));
    desk.issuer.forget_requests();
    let flood: Vec<_> = (0..200)
        .map(|number| {
            let tokens = tokens.clone();
            tokio::spawn(async move {
                let token = format!("garbage{number}");
                let parts = no_request();
                tokens.validate(Presented::new(&token, &parts)).await.unwrap_err().kind()
            })
        })
        .collect();
    settle().await;
    let mut kinds = [0, 0];
    for one in flood {
        let kind = timeout(Duration::from_secs(3), one).await.expect("nobody waits long").unwrap();
        assert!([Inactive, IssuerUnreachable].contains(&kind), "{kind}");
        kinds[usize::from(kind == Inactive)] += 1;
    }
    assert_eq!(most.load(Ordering::SeqCst), 4);
    // three rounds begin within the second that the others wait for a place
    assert_eq!((desk.asked(), kinds), (12, [188, 12]));
    // no outage was seen in that
    sleep(Duration::from_millis(1)).await;
    let request = Request::get("/").header("authorization", format!("Bearer {known}"));
    let parts = request.body(()).unwrap().into_parts().0;
    assert_eq!(auth.explain(&parts).await.status(), None);
    ledger::passed("INT-13 INT-23");
}

/// An issuer that takes its time and knows nobody but `good`.
#[derive(Debug)]
struct Slow;

impl Fetch for Slow {
    fn fetch(&self, request: Request<bytes::Bytes>, _: usize) -> FetchFuture {
        let good = request.body().starts_with(b"token=good&");
        let answer = if good { r#"{"active":true,"sub":"alice"}"# } else { r#"{"active":false}"# };
        Box::pin(async move {
            sleep(Duration::from_millis(100)).await;
            Ok(http::Response::new(answer.into()))
        })
    }
}

/// 100,000 distinct tokens at once.
async fn a_flood_of_garbage_keeps_to_the_budget() {
    let most = Arc::new(AtomicUsize::new(0));
    let gauge = Gauge { inner: Arc::new(Slow), now: Arc::default(), most: most.clone() };
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Counter { inner: Arc::new(gauge), asked: asked.clone() };
    let auth = ClientAuth::basic(API, SECRET);
    let validator = IntrospectionValidator::builder("https://issuer.test/introspect", auth);
    let validator = validator.fetch(counter).clock(ManualClock::new()).build().unwrap();
    let tokens = Cached::new(validator);
    let parts = no_request();
    tokens.validate(Presented::new("good", &parts)).await.unwrap();

    let flood: Vec<_> = (0..100_000)
        .map(|number| {
            let tokens = tokens.clone();
            tokio::spawn(async move {
                let (token, parts) = (format!("garbage{number}"), no_request());
                tokens.validate(Presented::new(&token, &parts)).await.unwrap_err().kind()
            })
        })
        .collect();
    let mut refused = 0;
    for one in flood {
        let kind = timeout(Duration::from_secs(2), one).await.expect("nobody waits long").unwrap();
        assert!([Inactive, IssuerUnreachable].contains(&kind), "{kind}");
        refused += usize::from(kind == Inactive);
    }
    // 64 at a time, as long as the others wait for a place: within one second, ten rounds
    assert_eq!((most.load(Ordering::SeqCst), refused), (64, 640));
    assert_eq!(asked.load(Ordering::SeqCst), 1 + 640);
    let good = tokens.validate(Presented::new("good", &parts)).into_ready();
    assert!(good.is_ok_and(|answer| answer.is_ok()), "it is still remembered");
    assert_eq!(asked.load(Ordering::SeqCst), 1 + 640);
    ledger::passed("INT-13");
}

/// Counts requests.
#[derive(Debug)]
struct Counter {
    inner: Arc<dyn Fetch>,
    asked: Arc<AtomicUsize>,
}

impl Fetch for Counter {
    fn fetch(&self, request: Request<bytes::Bytes>, limit: usize) -> FetchFuture {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.fetch(request, limit)
    }
}
