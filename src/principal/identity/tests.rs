use super::*;

#[test]
fn each_deadline_alone_ends_it() {
    let (now, mono) = (UnixTime::from_secs(100), Duration::from_secs(50));
    let base = || Identity::builder("i").usable(now, Some(UnixTime::from_secs(200)));
    assert!(base().build().is_usable(now, mono));
    assert!(!base().build().is_usable(UnixTime::from_secs(99), mono));
    assert!(!base().build().is_usable(UnixTime::from_secs(200), mono));
    assert!(!base().fresh_until(mono).build().is_usable(now, mono));
    let lease = Lease::until(Duration::MAX);
    let leased = base().lease(lease.clone()).build();
    assert!(leased.is_usable(now, mono));
    lease.end();
    assert!(!leased.is_usable(now, mono));
}

#[test]
fn claims_are_deserialized_once_per_type() {
    #[derive(serde::Deserialize)]
    struct Sub {
        sub: String,
    }
    let identity = Identity::builder("i").claims_json(&br#"{"sub":"alice","n":1}"#[..]).build();
    let first = identity.claims_as::<Sub>().unwrap();
    assert_eq!(first.sub, "alice");
    assert!(Arc::ptr_eq(&first, &identity.clone().claims_as::<Sub>().unwrap()));
    assert!(identity.claims_as::<Vec<u8>>().is_err());
    assert_eq!(identity.claim("n"), Some(1.into()));
    assert_eq!(identity.claim_str("n"), None);
}

#[test]
fn the_same_subject_of_another_issuer_is_another_identity() {
    let make = |issuer, subject| Identity::builder(issuer).subject(subject).build();
    assert_eq!(make("a", "x"), make("a", "x"));
    assert_ne!(make("a", "x"), make("b", "x"));
    assert_ne!(make("a", "x"), make("a", "y"));
}

#[test]
fn a_client_is_no_user() {
    let kind = |subject: Option<&str>, client: Option<&str>| {
        let mut builder = Identity::builder("i");
        if let Some(subject) = subject {
            builder = builder.subject(subject);
        }
        if let Some(client) = client {
            builder = builder.client_id(client);
        }
        builder.build().kind()
    };
    assert_eq!(kind(Some("admin"), Some("admin")), SubjectKind::Client);
    assert_eq!(kind(None, Some("c")), SubjectKind::Client);
    assert_eq!(kind(Some("u"), Some("c")), SubjectKind::User);
    assert_eq!(kind(Some("u"), None), SubjectKind::Unknown);
}

/// Texts that stand in the claims are kept once; that must not change what is read.
#[test]
fn texts_are_what_they_were() {
    for claims in [
        r#"{}"#,
        r#"{"sub":"alice","aud":["one","two"],"scope":"a b","sid":"s"}"#,
        r#"{"sub":"ali\u0063e","aud":"\u006fne","more":"two"}"#,
        r#"{"sub":"\u00e4\"","x":"ä\\"}"#,
        "",
    ] {
        for subject in ["alice", "ä\"", "", "e", "https://i"] {
            let identity = Identity::builder("https://i")
                .subject(subject)
                .client_id(subject)
                .session_id("s")
                .authorization_id("a1")
                .audience(["one", "two", subject])
                .scope(Scope::parse("a b"))
                .claims_json(claims)
                .build();
            let client_id = identity.client_id();
            assert_eq!((identity.subject(), client_id), (Some(subject), Some(subject)));
            assert_eq!((identity.issuer(), identity.session_id()), ("https://i", Some("s")));
            assert_eq!(identity.authorization_id(), Some("a1"));
            assert_eq!((identity.token_id(), identity.token_entry_id()), (None, None));
            assert_eq!(identity.audience().collect::<Vec<_>>(), ["one", "two", subject]);
            assert_eq!(identity.scope().to_string(), "a b");
            assert_eq!(identity.claims_json(), claims.as_bytes());
        }
    }
    let shared = r#"{"sub":"alice","client_id":"web"}"#;
    let identity = Identity::builder("alice").subject("alice").client_id("web");
    assert_eq!(identity.claims_json(shared).build().0.scope.around().len(), shared.len());
    let plain = Identity::builder("i").build();
    assert_eq!((plain.claims_json(), plain.audience().count()), (&b"{}"[..], 0));
    assert!(plain.scope().is_empty() && plain.credential::<String>().is_none());
}

#[test]
fn what_is_no_text_is_no_claims() {
    let identity = Identity::builder("i").claims_json(&b"{\"sub\":\"\xff\"}"[..]).build();
    assert_eq!(identity.claims_json(), b"");
    assert!(identity.claims_as::<serde_json::Value>().is_err());
}

#[test]
fn a_token_holds_its_claims() {
    // {"sub":"alice"}
    let token = "e30.eyJzdWIiOiJhbGljZSJ9.c2ln";
    let identity = Identity::builder("i").subject("alice").claims_in(token).build();
    assert_eq!((identity.issuer(), identity.subject()), ("i", Some("alice")));
    assert_eq!(identity.claims_json(), br#"{"sub":"alice"}"#);
    let once = identity.claims_json().as_ptr();
    assert_eq!(once, identity.clone().claims_json().as_ptr(), "it is decoded once");
    assert_eq!(identity.claim_str("sub").as_deref(), Some("alice"));
    assert_eq!(identity.token().unwrap().expose(), token.as_bytes());
    assert!(!format!("{identity:?}").contains("eyJ"));
}

#[test]
fn a_moment_at_the_end_of_time_is_not_none() {
    let identity = Identity::builder("i").expires_at(UnixTime::MAX).issued_at(UnixTime::EPOCH);
    let identity = identity.build();
    let times = (identity.expires_at(), identity.issued_at(), identity.verified_at());
    assert_eq!(times, (Some(UnixTime::MAX), Some(UnixTime::EPOCH), None));
    assert!(identity.is_usable(UnixTime::MAX, Duration::MAX));
}

/// A cache holds many; see docs/PERFORMANCE.md.
#[cfg(target_pointer_width = "64")]
#[test]
fn it_is_small() {
    let size = size_of::<Facts>();
    assert!(size <= 176, "{size}");
}

#[test]
fn the_first_types_are_remembered() {
    macro_rules! types {
        ($($name:ident)+) => {
            [$({
                #[derive(serde::Deserialize)]
                struct $name {}
                fn same(identity: &Identity) -> bool {
                    let first = identity.claims_as::<$name>().unwrap();
                    Arc::ptr_eq(&first, &identity.claims_as::<$name>().unwrap())
                }
                same as fn(&Identity) -> bool
            }),+]
        };
    }
    let identity = Identity::builder("i").build();
    let same = types! { A B C D E F G }.map(|same| same(&identity));
    assert_eq!(same, [true, true, true, true, true, true, false]);
}
