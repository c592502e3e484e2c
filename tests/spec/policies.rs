//! What policies decide about a record, which schemes they name, and how they read in a log line.

use std::sync::Arc;
use std::time::Duration;

use portcullis::policy::{self, Policy, PolicyExt};
use portcullis::token::{Presented, TokenValidator};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, Authentication, Bearer, BearerAuth, Cookies, Decision,
    Identity, RequireBoth, SchemeName, Scope, TicketAuth,
};

use crate::support::fixed::{get, person, send};
use crate::support::pair::{record, signed_in};
use crate::support::ticket_stand::{COOKIE, Stand};

chapter! {
    fn how_they_read;
    fn which_schemes_they_name;
    async fn one_scope_of_several;
    async fn a_scope_that_no_token_can_hold;
    fn a_claim_has_exactly_this_value;
    async fn of_a_scheme_that_could_not_say;
    async fn whom_a_challenge_asks;
    async fn a_handler_asks;
    async fn tokens_meet_all_that_was_said;
    async fn tickets_meet_all_that_was_said;
    async fn both_meet_all_that_was_said;
}

fn how_they_read() {
    let office_hours = policy::from_fn("office_hours", |_| Decision::Allow);
    let cases: &[(&dyn Policy, &str)] = &[
        (&policy::scheme(Bearer), "scheme(Bearer)"),
        (&policy::any_scheme(), "any_scheme"),
        (&policy::scope("b a"), "scope(b a)"),
        (&policy::scopes(["a", "b"]), "scope(a b)"),
        (&policy::any_scope(["a", "b"]), "any_scope(a b)"),
        (&policy::role("staff"), "role(staff)"),
        (&policy::claim("level", 3), "claim(level = 3)"),
        (&policy::same_subject(), "same_subject"),
        (&policy::same_subject().by(Bearer, |_| None), r#"same_subject by ["Bearer"]"#),
        (&policy::authenticated(), "authenticated()"),
        (
            &policy::authenticated().acr(["phr", "mfa"]).within(Duration::from_secs(300)),
            "authenticated(acr phr mfa, within 300s)",
        ),
        (&office_hours, "office_hours"),
        (&policy::role("a").and(policy::role("b")), "role(a) and role(b)"),
        (&policy::role("a").or(policy::role("b")), "(role(a) or role(b))"),
        (&Arc::new(policy::role("a")), "role(a)"),
    ];
    for (policy, text) in cases {
        assert_eq!(format!("{policy:?}"), *text);
    }
}

fn which_schemes_they_name() {
    #[derive(Debug)]
    struct Plain;
    impl Policy for Plain {
        fn decide(&self, _: &Authentication) -> Decision {
            Decision::Allow
        }
    }

    let (bearer, cookies) = (SchemeName::from(Bearer), SchemeName::from(Cookies));
    let in_bearer = || policy::scheme(Bearer);
    let in_cookies = || policy::scheme(Cookies);
    let anywhere = || policy::role("staff");
    let cases: &[(&dyn Policy, Option<&[SchemeName]>)] = &[
        (&Plain, None),
        (&policy::from_fn("allow", |_| Decision::Allow), None),
        (&policy::any_scheme(), None),
        (&in_bearer(), Some(&[bearer])),
        (&policy::scope("a"), None),
        (&policy::scope("a").of(Bearer), Some(&[bearer])),
        (&policy::any_scope(["a"]), None),
        (&policy::any_scope(["a"]).of(Cookies), Some(&[cookies])),
        (&policy::role("a"), None),
        (&policy::role("a").of(Cookies), Some(&[cookies])),
        (&policy::claim("a", 1), None),
        (&policy::claim("a", 1).of(Bearer), Some(&[bearer])),
        (&policy::authenticated(), None),
        (&policy::authenticated().of(Cookies), Some(&[cookies])),
        (&Arc::new(in_bearer()), Some(&[bearer])),
        (&Arc::new(Plain), None),
        // of two, each name once, in the order of the policy
        (&in_cookies().and(in_bearer()), Some(&[cookies, bearer])),
        (&in_cookies().or(in_bearer()), Some(&[cookies, bearer])),
        (&in_cookies().and(in_cookies()), Some(&[cookies])),
        (&in_bearer().or(in_cookies().or(in_bearer())), Some(&[bearer, cookies])),
        // one that names nobody adds nobody
        (&anywhere().and(in_bearer()), Some(&[bearer])),
        (&in_bearer().or(anywhere()), Some(&[bearer])),
        (&anywhere().and(anywhere()), None),
        (&anywhere().or(anywhere()), None),
    ];
    for (policy, names) in cases {
        assert_eq!(policy.schemes().as_deref(), *names, "{policy:?}");
    }
}

async fn one_scope_of_several() {
    let alice = signed_in(person("alice", "orders:read orders:write", ""));
    let sufficient = || policy::any_scope(["orders:write", "orders:delete"]);
    assert_eq!(sufficient().decide(&alice), Decision::Allow);
    assert_eq!(sufficient().of(Bearer).decide(&alice), Decision::Allow);
    assert_eq!(policy::any_scope(["orders:read"]).decide(&alice), Decision::Allow);
    let denied = |policy: &dyn Policy| match policy.decide(&alice) {
        Decision::Forbid { error, scope } => {
            assert_eq!(error.kind(), AuthErrorKind::MissingScope);
            (error.detail().unwrap().to_owned(), scope)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        denied(&policy::any_scope(["orders", "x"])),
        (
            "needs one of orders x, alice has orders:read orders:write".to_owned(),
            Some(Scope::parse("orders x"))
        )
    );
    let none: [&str; 0] = [];
    assert_eq!(denied(&policy::any_scope(none)).1, Some(Scope::default()), "never satisfied");

    let nobody = record(&[]).await;
    assert_eq!(sufficient().decide(&nobody), Decision::challenge());
    let down = record(&["authorization: Bearer down"]).await;
    assert_eq!(sufficient().decide(&down), Decision::Undecidable);
}

/// What is dropped from the challenge is not dropped from what is needed.
async fn a_scope_that_no_token_can_hold() {
    let caller = signed_in(person("alice", "a b", ""));
    for (needed, allowed) in
        [("b", true), (" b  a ", true), ("a\u{e9} b", false), ("b \"", false), ("", false)]
    {
        let decision = policy::scope(needed).decide(&caller);
        assert_eq!(decision == Decision::Allow, allowed, "{needed:?}");
        let decision = policy::scopes(needed.split(' ').filter(|it| !it.is_empty()));
        assert_eq!(decision.decide(&caller) == Decision::Allow, allowed, "{needed:?}");
    }
}

fn a_claim_has_exactly_this_value() {
    let caller = signed_in(person("alice", "", "staff"));
    let allowed = |policy: &dyn Policy| policy.decide(&caller) == Decision::Allow;
    assert!(allowed(&policy::claim("sub", "alice")));
    assert!(allowed(&policy::claim("roles", vec!["staff"])));
    for (name, value) in [("sub", "Alice"), ("sub", ""), ("roles", "staff"), ("none", "alice")] {
        assert!(!allowed(&policy::claim(name, value)), "{name} {value}");
        assert!(!allowed(&policy::claim(name, value).of(Bearer)), "{name} {value}");
    }
    assert!(allowed(&policy::role("staff")) && allowed(&policy::role("alice").in_claim("sub")));
    assert!(!allowed(&policy::role("Staff")) && !allowed(&policy::role("staff").in_claim("sub")));
}

/// A question about one scheme is open while that scheme is, whatever the others say.
async fn of_a_scheme_that_could_not_say() {
    let open = record(&["authorization: Bearer down", "x-session: alice"]).await;
    let staff = || policy::role("staff");
    assert_eq!(staff().of(Bearer).decide(&open), Decision::Undecidable);
    assert_eq!(staff().of(Cookies).decide(&open), Decision::Allow);
    assert_eq!(staff().decide(&open), Decision::Allow);
    assert_eq!(policy::scheme(Bearer).decide(&open), Decision::Undecidable);
    // a no of another policy is certain all the same
    let never = policy::from_fn("never", |_| Decision::forbid(AuthErrorKind::MissingRole));
    let refused = open.check(&staff().of(Bearer).and(never)).unwrap_err();
    assert_eq!(refused.status(), 403);
}

/// An empty list stands for all that is visible, and swallows the other.
async fn whom_a_challenge_asks() {
    let nobody = record(&[]).await;
    let (bearer, cookies) = (SchemeName::from(Bearer), SchemeName::from(Cookies));
    let asked = |policy: &dyn Policy| match policy.decide(&nobody) {
        Decision::Challenge { schemes, reason: None } => schemes,
        other => panic!("{other:?}"),
    };
    let in_bearer = || policy::scheme(Bearer);
    let in_cookies = || policy::scheme(Cookies);
    let anywhere = policy::any_scheme;
    assert_eq!(asked(&in_bearer()), [bearer]);
    assert_eq!(asked(&anywhere()), []);
    assert_eq!(asked(&in_cookies().and(in_bearer())), [cookies, bearer]);
    assert_eq!(asked(&in_cookies().or(in_bearer().and(in_cookies()))), [cookies, bearer]);
    assert_eq!(asked(&anywhere().and(in_bearer())), []);
    assert_eq!(asked(&in_bearer().and(anywhere())), []);
    assert_eq!(asked(&anywhere().or(in_bearer())), []);
    assert_eq!(asked(&in_bearer().or(anywhere())), []);
    // of a scheme that is not there, too
    assert_eq!(asked(&policy::role("a").of(SchemeName::new("other"))), [SchemeName::new("other")]);
}

/// As a requirement would, and nothing is narrowed for whoever asks next.
async fn a_handler_asks() {
    let alice = signed_in(person("alice", "orders:read", "staff"));
    let status = |policy: &dyn Policy| {
        alice.check(policy).err().map(|rejection| rejection.status().as_u16())
    };
    assert_eq!(status(&policy::scheme(Bearer)), None);
    assert_eq!(status(&policy::role("staff").of(Bearer)), None);
    assert_eq!(status(&policy::scope("orders:write")), Some(403));
    assert_eq!(status(&policy::scheme(Cookies)), Some(500), "no such scheme here");
    let two = record(&["x-session: alice"]).await;
    assert_eq!(two.check(&policy::scheme(Bearer)).unwrap_err().challenges().len(), 1);
    assert_eq!(two.check(&policy::scheme(Cookies)).err().map(|it| it.status()), None);
    assert_eq!(two.check(&policy::any_scheme()).err().map(|it| it.status()), None);
}

/// What a credential grants, and what is answered where `a` and `b` were demanded one after the
/// other. The later word does not take the earlier one back.
const SAID_TWICE: [(&str, u16); 4] = [("a b", 200), ("a", 403), ("b", 403), ("c", 403)];

/// A token is its scope, joined by dots.
#[derive(Debug)]
struct Granted;

impl TokenValidator for Granted {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        Attempt::ready(Ok(person("alice", &presented.token().replace('.', " "), "")))
    }
}

async fn tokens_meet_all_that_was_said() {
    let auth = BearerAuth::new(Granted).unwrap();
    let auth = auth.require(policy::scope("a")).unwrap().require(policy::scope("b")).unwrap();
    for (granted, status) in SAID_TWICE {
        let token = format!("authorization: Bearer {}", granted.replace(' ', "."));
        assert_eq!(send(auth.clone(), get(&[&token])).await.status, status, "{granted}");
    }
    assert_eq!(send(auth, get(&[])).await.status, 401);
}

async fn tickets_meet_all_that_was_said() {
    let stand = Stand::new();
    let auth = TicketAuth::new(COOKIE, stand.katana()).unwrap();
    let auth = auth.require(policy::scope("a")).unwrap().require(policy::scope("b")).unwrap();
    for (granted, status) in SAID_TWICE {
        let ticket = stand.katana_ticket().claim("scope", granted).build();
        let cookie = format!("cookie: {COOKIE}={ticket}");
        assert_eq!(send(auth.clone(), get(&[&cookie])).await.status, status, "{granted}");
    }
    assert_eq!(send(auth, get(&[])).await.status, 401);
}

async fn both_meet_all_that_was_said() {
    let stand = Stand::new();
    let ticket = TicketAuth::new(COOKIE, stand.katana()).unwrap();
    let both = RequireBoth::new(BearerAuth::new(Granted).unwrap(), ticket).unwrap();
    let both = both.require(policy::scope("a")).unwrap().require(policy::scope("b")).unwrap();
    let cookie = format!("cookie: {COOKIE}={}", stand.katana_ticket().build());
    for (granted, status) in SAID_TWICE {
        let token = format!("authorization: Bearer {}", granted.replace(' ', "."));
        assert_eq!(send(both.clone(), get(&[&token, &cookie])).await.status, status, "{granted}");
        assert_eq!(send(both.clone(), get(&[&token])).await.status, 401);
    }
}
