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
