//! Who it is and what it may do, and that nothing is granted by accident (RFC 9068 §2.2.3, §5).

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use AuthErrorKind::{
    MalformedJwt, MissingPermission, MissingRole, MissingScope, Revoked, TokenTooLong,
};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, Decision, Identity, SubjectKind, jwt::Profile, policy,
    token::Revocations,
};

use super::ledger;
use crate::support::{
    sign::{P256_1, token},
    stand::{Stand, stand},
};

chapter! {
    async fn odd_subjects;
    async fn users_and_clients;
    async fn odd_scopes_grant_nothing;
    async fn scopes_are_compared_whole;
    async fn rights_by_other_claims;
    async fn names_that_mean_nothing;
    async fn claims_reach_the_handler_typed;
    threads async fn one_time_tokens;
}

async fn odd_subjects() {
    let stand = stand();
    for sub in ["admin\0x", "a\r\nb", "\u{202e}nimda", " ", "null"] {
        let raw = serde_json::to_string(sub).unwrap();
        let who = stand.accepts(&token().claim("sub", &raw).text()).await;
        assert_eq!(who.subject(), Some(sub));
        // where it is shown, it is escaped
        let refused = policy::scope("admin");
        let answer = stand.send_to(refused, &token().claim("sub", &raw).text()).await;
        assert!(!answer.detail.contains(['\0', '\r', '\n', '\u{202e}']), "{:?}", answer.detail);
    }
    let long = format!("{:?}", "x".repeat(64 << 10));
    stand.refuses(&token().claim("sub", &long).text(), TokenTooLong).await;

    // an application with further rules for subjects asks them as a policy
    let ours = || {
        policy::from_fn("our_user", |record| match record.primary().and_then(Identity::subject) {
            Some(subject) if subject.starts_with("user-") => Decision::Allow,
            _ => Decision::forbid(AuthError::new(MissingPermission)),
        })
    };
    let of = |sub: &str| token().claim("sub", sub).text();
    stand.send_to(ours(), &of(r#""user-1""#)).await.is_accepted();
    stand.send_to(ours(), &of(r#""admin""#)).await.is_forbidden(MissingPermission, None);
    ledger::passed("CLM-21 8725-13");
}

async fn users_and_clients() {
    let stand = stand();
    for (sub, client, kind) in [
        (r#""alice""#, r#""app""#, SubjectKind::User),
        (r#""app""#, r#""app""#, SubjectKind::Client),
        (r#""admin""#, r#""admin""#, SubjectKind::Client),
        (r#""App""#, r#""app""#, SubjectKind::User),
    ] {
        let who = stand.accepts(&token().claim("sub", sub).claim("client_id", client).text()).await;
        assert_eq!(who.kind(), kind, "{sub} {client}");
    }
    let without =
        Stand::with_keys([P256_1.jwk("p256-1", "")], |it| it.profile(Profile::identity_server()));
    let who = without.accepts(&token().without("sub").text()).await;
    assert_eq!((who.subject(), who.kind()), (None, SubjectKind::Client));
    ledger::passed("CLM-23 9068-13");
}

/// Raw scope, and the tokens that it grants.
async fn odd_scopes_grant_nothing() {
    let stand = stand();
    for (scope, granted) in [
        ("null", &[][..]),
        (r#""""#, &[]),
        (r#""   ""#, &[]),
        (r#""a  b""#, &["a", "b"]),
        (r#"" a ""#, &["a"]),
        (r#""a\tadmin""#, &[]),
        (r#""a\nadmin""#, &[]),
        ("\"a\u{a0}admin\"", &[]),
        ("\"a\u{2003}admin\"", &[]),
        (r#""a,admin""#, &["a,admin"]),
        (r#""a;admin""#, &["a;admin"]),
        (r#""ok a\"b""#, &["ok"]),
        (r#""[\"admin\"]""#, &[]),
    ] {
        let text = token().claim("scope", scope).text();
        let who = stand.accepts(&text).await;
        assert_eq!(who.scope().iter().collect::<Vec<_>>(), granted, "{scope}");
        let answer = stand.send_to(policy::scope("admin"), &text).await;
        answer.is_forbidden(
            MissingScope,
            Some(r#"Bearer realm="api", error="insufficient_scope", scope="admin""#),
        );
    }
    // a list only by choice
    let lists = Stand::with_keys([P256_1.jwk("p256-1", "")], |it| it.accept_scope_array());
    let who =
        lists.accepts(&token().claim("scope", r#"["orders.read","admin openid"]"#).text()).await;
    assert_eq!(who.scope().to_string(), "orders.read admin openid");
    for scope in [r#"["a",1]"#, r#"[["a"]]"#, "[null]"] {
        lists.refuses(&token().claim("scope", scope).text(), MalformedJwt).await;
    }
    // scope alone is read: scp, permissions and the like add nothing
    for other in ["scp", "scopes", "permissions", "Scope"] {
        for value in [r#"["admin"]"#, r#""admin""#] {
            let text = token().claim(other, value).text();
            let who = stand.accepts(&text).await;
            assert_eq!(who.scope().to_string(), "orders.read openid");
            let who = stand.accepts(&token().without("scope").claim(other, value).text()).await;
            assert!(who.scope().is_empty());
        }
    }
    ledger::passed("CLM-24 CLM-26 9068-10");
}

async fn scopes_are_compared_whole() {
    let stand = stand();
    let challenge = r#"Bearer realm="api", error="insufficient_scope", scope="orders.read""#;
    for scope in [
        "orders.reader",
        "ORDERS.READ",
        "orders",
        "orders.rea",
        "*",
        "orders.*",
        "orders.read,x",
        "xorders.read",
        "orders:read",
        "openid",
        "",
    ] {
        let text = token().claim("scope", &format!("{scope:?}")).text();
        let answer = stand.send_to(policy::scope("orders.read"), &text).await;
        answer.is_forbidden(MissingScope, Some(challenge));
    }
    stand.send_to(policy::scope("orders.read"), &token().text()).await.is_accepted();
    ledger::passed("CLM-25 3.0-scope-too-small");
}

async fn rights_by_other_claims() {
    let stand = stand();
    let with = |claim: &str, value: &str| token().claim(claim, value).text();
    for (value, passes) in [
        (r#"["user","admin"]"#, true),
        (r#""admin""#, true),
        (r#""user,admin""#, false),
        (r#""user admin""#, false),
        (r#"["user,admin"]"#, false),
        (r#"["Admin"]"#, false),
        (r#"["administrator"]"#, false),
        (r#"[["admin"]]"#, false),
        (r#"{"admin":true}"#, false),
        ("null", false),
        ("true", false),
    ] {
        let answer = stand.send_to(policy::role("admin"), &with("roles", value)).await;
        if passes {
            drop(answer.is_accepted())
        } else {
            answer.is_forbidden(MissingRole, None)
        }
        let groups = policy::role("admin").in_claim("groups");
        let answer = stand.send_to(groups, &with("groups", value)).await;
        if passes { drop(answer.is_accepted()) } else { answer.is_forbidden(MissingRole, None) }
    }
    ledger::passed("CLM-27 9068-11");

    for (value, passes) in [
        ("true", true),
        (r#""true""#, false),
        (r#""false""#, false),
        ("0", false),
        ("1", false),
        (r#""0""#, false),
        ("null", false),
        ("[true]", false),
        ("false", false),
    ] {
        let answer = stand
            .send_to(policy::claim("email_verified", true), &with("email_verified", value))
            .await;
        if passes {
            drop(answer.is_accepted())
        } else {
            answer.is_forbidden(MissingPermission, None)
        }
    }
    let answer = stand.send_to(policy::claim("email_verified", true), &token().text()).await;
    answer.is_forbidden(MissingPermission, None);
    ledger::passed("CLM-28 9068-11");

    for (claim, value, passes) in [
        ("client_id", r#""app""#, true),
        ("client_id", r#""other""#, false),
        ("azp", r#""app""#, false),
        ("client_id", r#""app2""#, false),
    ] {
        let answer = stand.send_to(policy::claim("client_id", "app"), &with(claim, value)).await;
        if passes || claim == "azp" {
            drop(answer.is_accepted())
        } else {
            answer.is_forbidden(MissingPermission, None)
        }
        let answer = stand.send_to(policy::claim("azp", "app"), &with("azp", value)).await;
        if value == r#""app""# {
            drop(answer.is_accepted())
        } else {
            answer.is_forbidden(MissingPermission, None)
        }
    }
    stand
        .send_to(policy::claim("azp", "app"), &token().text())
        .await
        .is_forbidden(MissingPermission, None);
    ledger::passed("CLM-19 3.0-refused-otherwise");
}

async fn names_that_mean_nothing() {
    let stand = stand();
    let mut plain = token();
    for name in [
        "__proto__",
        "constructor",
        "Authorization",
        "x-user",
        "toString",
        "kid",
        "alg",
        "typ",
        "crit",
    ] {
        plain = plain.claim(name, r#"{"sub":"admin","scope":"admin"}"#);
    }
    let who = stand.accepts(&plain.text()).await;
    assert_eq!(
        (who.subject(), who.scope().to_string()),
        (Some("alice"), "orders.read openid".into())
    );
    assert_eq!(who.claim("__proto__").unwrap()["sub"], "admin");
    assert!(who.claim("admin").is_none());
    ledger::passed("CLM-29 7519-04");
}

async fn claims_reach_the_handler_typed() {
    #[derive(Debug, serde::Deserialize)]
    struct Session {
        auth_time: u64,
        acr: String,
        amr: Vec<String>,
        entitlements: Vec<String>,
    }

    let stand = stand();
    let rich = token()
        .claim("auth_time", "1799999000")
        .claim("acr", r#""urn:mfa""#)
        .claim("amr", r#"["pwd","otp"]"#)
        .claim("entitlements", r#"["print"]"#);
    let payload = rich.payload_bytes();
    let who = stand.accepts(&rich.text()).await;
    let session = who.claims_as::<Session>().unwrap();
    assert_eq!((session.auth_time, &*session.acr), (1_799_999_000, "urn:mfa"));
    assert_eq!(
        (&session.amr[..], &session.entitlements[..]),
        (&["pwd".to_owned(), "otp".into()][..], &["print".to_owned()][..])
    );
    assert!(Arc::ptr_eq(&session, &who.claims_as::<Session>().unwrap()));
    // of another type: an error, no default
    let odd = stand.accepts(&rich.claim("auth_time", r#""1799999000""#).text()).await;
    assert!(odd.claims_as::<Session>().is_err());
    assert_eq!(who.claims_json(), payload);
    ledger::passed("9068-11 9068-12");
}

/// A store that sees each `jti` once; asked after the cache, so that a remembered token counts.
async fn one_time_tokens() {
    #[derive(Debug, Default)]
    struct Once(Mutex<BTreeSet<String>>);

    impl Revocations for Once {
        fn is_revoked(&self, identity: &Identity) -> Attempt<Result<bool, AuthError>> {
            let token = identity.token_id().unwrap_or_default().to_owned();
            Attempt::ready(Ok(!self.0.lock().unwrap().insert(token)))
        }
    }

    let stand = stand().revocations(Arc::new(Once::default()));
    stand.accepts(&token().text()).await;
    stand.refuses(&token().text(), Revoked).await;
    // eight at once: one passes
    let text = token().claim("jti", r#""t-2""#).text();
    let mut passed = 0;
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (stand, text) = (stand.clone(), text.clone());
        sent.spawn(async move { stand.send(&text).await.status.as_u16() });
    }
    while let Some(status) = sent.join_next().await {
        match status.unwrap() {
            200 => passed += 1,
            status => assert_eq!(status, 401),
        }
    }
    assert_eq!(passed, 1);
    ledger::passed("CLM-32");
}
