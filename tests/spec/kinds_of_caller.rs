//! Users, clients and personal access tokens: how an identity was verified, who may pass, and when a
//! token was last used (seed system 8).

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use AuthErrorKind::MissingPermission;
use http::{Request, header};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, Bearer, BearerAuth, Clock, Cookies, Identity, Origin,
    UnixTime,
    policy::{self, Policy, PolicyExt},
    testing::ManualClock,
    token::{
        Caching, InMemoryRevocations, PatFormat, Presented, TokenValidator, Usage, UsageEvent,
    },
};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::ledger;
use crate::support::{desk::Desk, fixed::person, house::House, pair::signed_in};

chapter! {
    async fn who_verified_it;
    async fn pages_for_no_personal_access_token;
    fn what_amr_says;
    fn users_alone;
    async fn tokens_that_are_used;
    async fn as_many_as_are_remembered;
}

async fn who_verified_it() {
    let house = House::new();
    assert_eq!(house.accepts(&house.token()).await.origin(), Origin::Jwt);
    let (desk, token) = Desk::warm().await;
    assert_eq!(desk.accepts(&token).await.origin(), Origin::Introspection);
    let pat = desk.issuer.opaque_token(&desk.issuer.token().claim("amr", json!(["pwd", "pat"])));
    assert_eq!(desk.accepts(&pat).await.origin(), Origin::PersonalAccessToken);
    assert_eq!(Identity::builder("i").build().origin(), Origin::Unknown);
}

async fn pages_for_no_personal_access_token() {
    let desk = Desk::configured(|builder| builder.pat_format(PatFormat::new("--")));
    let token = desk.issuer.token().scope("my_api").client_id("pat_client");
    let pat = desk.issuer.opaque_token(&token.claim("amr", json!(["pat"])));
    let usual = desk.token();
    // GET /pats: where such tokens are listed and made
    for text in [format!("backup--{pat}"), pat] {
        let answer = desk.stand.send_to(policy::deny_pat(), &text).await;
        answer.is_forbidden(MissingPermission, None);
        desk.stand.send_to(policy::require_pat(), &text).await.accepted();
    }
    desk.stand.send_to(policy::deny_pat(), &usual).await.accepted();
    desk.stand.send_to(policy::require_pat(), &usual).await.is_forbidden(MissingPermission, None);
    ledger::passed("S8-20");
}

/// Who is let in by `deny_pat`, and who by `require_pat`. Who cannot be told is let in by neither.
fn what_amr_says() {
    let cases: &[(Value, bool, bool)] = &[
        (json!({}), true, false),
        (json!({"amr": []}), true, false),
        (json!({"amr": ["pwd", "mfa"]}), true, false),
        (json!({"amr": ["PAT", "pat "]}), true, false),
        (json!({"amr": "pwd"}), true, false),
        (json!({"amr": "pat"}), false, true),
        (json!({"amr": ["pwd", "pat"]}), false, true),
        (json!({"amr": null}), false, false),
        (json!({"amr": 1}), false, false),
        (json!({"amr": ["pat", 1]}), false, false),
        (json!({"amr": {"pat": true}}), false, false),
        (json!(["amr"]), false, false),
    ];
    for (claims, denying, requiring) in cases {
        for origin in [Origin::Jwt, Origin::Introspection, Origin::Ticket, Origin::Other] {
            let made = Identity::builder("i").subject("a").origin(origin);
            let made = made.claims_json(claims.to_string()).build();
            assert_eq!(allows(policy::deny_pat(), &made), *denying, "{claims}");
            assert_eq!(allows(policy::require_pat(), &made), *requiring, "{claims}");
        }
        let unknown = Identity::builder("i").claims_json(claims.to_string()).build();
        assert!(!allows(policy::deny_pat(), &unknown), "{claims}");
        assert_eq!(allows(policy::require_pat(), &unknown), *requiring, "{claims}");
        let said = Identity::builder("i").origin(Origin::PersonalAccessToken);
        let said = said.claims_json(claims.to_string()).build();
        assert!(!allows(policy::deny_pat(), &said) && allows(policy::require_pat(), &said));
    }
    let no_text = Identity::builder("i").origin(Origin::Jwt).claims_json(&b"{\"a\":\"\xff\"}"[..]);
    assert!(!allows(policy::deny_pat(), &no_text.build()), "claims that can not be read");
    let twice = r#"{"amr":["pwd"],"amr":["pwd"]}"#;
    let twice = Identity::builder("i").origin(Origin::Jwt).claims_json(twice).build();
    assert!(!allows(policy::deny_pat(), &twice) && !allows(policy::require_pat(), &twice));
}

fn allows(policy: impl Policy, identity: &Identity) -> bool {
    signed_in(identity.clone()).check(&policy).is_ok()
}

fn users_alone() {
    for (subject, client, passes) in [
        (Some("alice"), Some("web"), true),
        (Some("web"), Some("web"), false),
        (None, Some("web"), false),
        (Some("alice"), None, false),
        (None, None, false),
    ] {
        let mut made = Identity::builder("i");
        if let Some(subject) = subject {
            made = made.subject(subject);
        }
        if let Some(client) = client {
            made = made.client_id(client);
        }
        assert_eq!(allows(policy::user(), &made.build()), passes, "{subject:?} {client:?}");
    }
    for policy in [&policy::user() as &dyn Policy, &policy::deny_pat(), &policy::require_pat()] {
        assert_eq!(policy.schemes(), None);
    }
    let named = policy::user().of(Bearer).and(policy::deny_pat().of(Cookies));
    assert_eq!(format!("{named:?}"), "user and deny_pat");
    assert_eq!(named.schemes(), Some(vec![Bearer.into(), Cookies.into()]));
}

/// What an application was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<UsageEvent>>>);

impl Told {
    fn usage(&self, clock: &ManualClock) -> Usage {
        let told = self.0.clone();
        Usage::new(move |event| told.lock().unwrap().push(event)).clock(clock.clone())
    }

    fn take(&self) -> Vec<UsageEvent> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

async fn send(layer: &BearerAuth, token: &str, remote: Option<SocketAddr>) -> u16 {
    let mut request = Request::get("/orders/7?secret=1")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(())
        .unwrap();
    if let Some(remote) = remote {
        request.extensions_mut().insert(remote);
    }
    let inner = service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(bytes::Bytes::new()))
    });
    layer.layer(inner).oneshot(request).await.unwrap().status().as_u16()
}

async fn tokens_that_are_used() {
    // the first of each is judged by asking, the others are remembered
    let (desk, told) = (Desk::new(), Told::default());
    let revocations = Arc::new(InMemoryRevocations::default());
    let layer = BearerAuth::new(desk.tokens.clone()).unwrap();
    let layer = layer.usage(told.usage(&desk.clock)).unwrap();
    let layer = layer.revocations(revocations.clone()).unwrap();
    let (one, two) = (desk.token(), desk.token());
    let from: SocketAddr = "192.0.2.7:5000".parse().unwrap();

    assert_eq!(send(&layer, &one, Some(from)).await, 200);
    let events = told.take();
    let [event] = &events[..] else { panic!("one event: {events:?}") };
    assert_eq!(event.identity.subject(), Some("alice"));
    assert!(event.identity.token_id().is_some());
    assert_eq!((event.at, event.remote), (desk.clock.now(), Some(from)));
    assert_eq!((event.method.as_str(), &*event.path), ("GET", "/orders/7"));
    assert!(!format!("{event:?}").contains(&one));

    assert_eq!(send(&layer, &one, None).await, 200);
    assert_eq!(send(&layer.clone(), &one, None).await, 200);
    assert_eq!(told.take().len(), 0, "at most once a minute");
    assert_eq!(send(&layer, &two, None).await, 200);
    assert_eq!(told.take().len(), 1, "each token has a minute of its own");
    desk.after(59);
    assert_eq!(send(&layer, &one, None).await, 200);
    assert_eq!(told.take().len(), 0);
    desk.after(1);
    assert_eq!(send(&layer, &one, None).await, 200);
    let events = told.take();
    assert_eq!((events.len(), events[0].remote), (1, None));

    // what is refused was not used
    desk.after(60);
    assert_eq!(send(&layer, "garbage", None).await, 401);
    revocations.revoke_subject(&desk.issuer.url(), "alice", UnixTime::MAX, UnixTime::MAX);
    assert_eq!(send(&layer, &one, None).await, 401);
    assert_eq!(told.take().len(), 0);
}

async fn as_many_as_are_remembered() {
    let (clock, told) = (ManualClock::new(), Told::default());
    let usage = told.usage(&clock).every(Duration::from_secs(10)).remote(|_| None);
    let layer = BearerAuth::new(Everybody).unwrap().usage(usage).unwrap();
    for number in 0..100_050 {
        assert_eq!(send(&layer, &format!("alice{number}"), None).await, 200);
    }
    assert_eq!(told.take().len(), 100_000);
    clock.advance(Duration::from_secs(10));
    assert_eq!(send(&layer, "alice100049", None).await, 200);
    assert_eq!(send(&layer, "alice0", None).await, 200);
    assert_eq!(told.take().len(), 2, "those of the last interval gave way");
}

/// Everybody is alice.
#[derive(Debug)]
struct Everybody;

impl TokenValidator for Everybody {
    fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        Attempt::ready(Ok(person("alice", "", "")))
    }

    fn caching(&self) -> Caching {
        Caching::Never
    }
}
