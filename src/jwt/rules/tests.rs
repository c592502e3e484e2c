use super::*;
use crate::jwt::jws::{Compact, HeaderBuffer};

const NOW: u64 = 1_700_000_000;

fn rules() -> Rules {
    Rules {
        issuer: "https://i".into(),
        issuer_variant: None,
        audiences: vec!["api1".into(), "api2".into()],
        profile: Profile::identity_server(),
        tolerance: Duration::from_secs(60),
        max_lifetime: None,
    }
}

/// Judges claims with everything that the profile wants, some of them replaced (`null` leaves one
/// out).
fn judge(rules: &Rules, changes: &str) -> Result<Identity, AuthError> {
    judge_as(rules, "at+jwt", changes, UnixTime::from_secs(NOW))
}

fn judge_as(rules: &Rules, typ: &str, changes: &str, now: UnixTime) -> Result<Identity, AuthError> {
    let mut claims = serde_json::json!({
        "iss": "https://i", "aud": "api1", "exp": NOW + 100, "client_id": "c", "sub": "s",
    });
    let changes: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&format!("{{{changes}}}")).unwrap();
    for (name, value) in changes {
        if value == "(absent)" {
            claims.as_object_mut().unwrap().remove(&name);
        } else {
            claims[name] = value;
        }
    }
    let header = crate::base64url::encode(format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#));
    let token = format!("{header}.e30.AA");
    let mut buffer = HeaderBuffer::new();
    let header = Compact::split(&token).unwrap().header(&mut buffer).unwrap();
    let payload = claims.to_string();
    rules
        .judge(&header, &Claims::parse(payload.as_bytes()).unwrap(), now)
        .map(IdentityBuilder::build)
}

fn kind(rules: &Rules, changes: &str) -> Option<AuthErrorKind> {
    judge(rules, changes).err().map(|error| error.kind())
}

fn detail(rules: &Rules, changes: &str) -> String {
    judge(rules, changes).unwrap_err().detail().unwrap().to_owned()
}

#[test]
fn times_have_sharp_edges() {
    use AuthErrorKind::{Expired, MalformedJwt, NotYetValid};

    for (claim, offset, tolerance, refused) in [
        ("exp", "0", 0, Some(Expired)),
        ("exp", "-1", 0, Some(Expired)),
        ("exp", "1", 0, None),
        ("exp", "0.5", 0, None),
        ("exp", "-59", 60, None),
        ("exp", "-59.5", 60, None),
        ("exp", "-60", 60, Some(Expired)),
        ("exp", "-61", 60, Some(Expired)),
        ("nbf", "0", 0, None),
        ("nbf", "1", 0, Some(NotYetValid)),
        ("nbf", "0.5", 0, Some(NotYetValid)),
        ("nbf", "60", 60, None),
        ("nbf", "60.5", 60, Some(NotYetValid)),
        ("nbf", "61", 60, Some(NotYetValid)),
        ("iat", "0", 0, None),
        ("iat", "60", 60, None),
        ("iat", "61", 60, Some(NotYetValid)),
        ("iat", "-100000000", 60, None),
    ] {
        let at = NOW as f64 + offset.parse::<f64>().unwrap();
        let rules = Rules { tolerance: Duration::from_secs(tolerance), ..rules() };
        assert_eq!(kind(&rules, &format!(r#""{claim}":{at}"#)), refused, "{claim} {offset}");
    }
    for (claim, value, refused) in [
        ("exp", r#""(absent)""#, Some(AuthErrorKind::MissingExpiry)),
        ("exp", "null", Some(MalformedJwt)),
        ("exp", r#""1800000000""#, Some(MalformedJwt)),
        ("exp", "true", Some(MalformedJwt)),
        ("exp", "[1800000000]", Some(MalformedJwt)),
        ("exp", "1e20", Some(MalformedJwt)),
        ("exp", "18446744073709551615", Some(MalformedJwt)),
        ("exp", "-1800000000", Some(Expired)),
        ("exp", "18446744073", None),
        ("nbf", r#""0""#, Some(MalformedJwt)),
        ("nbf", "null", Some(MalformedJwt)),
        ("nbf", "1e20", Some(NotYetValid)),
        ("nbf", "-5", None),
        ("iat", "null", Some(MalformedJwt)),
        ("iat", r#""0""#, Some(MalformedJwt)),
        ("iat", "-5", None),
        ("iat", "1e20", Some(NotYetValid)),
    ] {
        assert_eq!(kind(&rules(), &format!(r#""{claim}":{value}"#)), refused, "{claim} {value}");
    }
}

#[test]
fn a_broken_clock_brings_nothing_back() {
    for now in [UnixTime::EPOCH, UnixTime::from_secs(30)] {
        let outcome = judge_as(&rules(), "at+jwt", r#""exp":-1"#, now);
        assert_eq!(outcome.err().map(|it| it.kind()), Some(AuthErrorKind::Expired));
    }
    let outcome = judge_as(&rules(), "at+jwt", "", UnixTime::MAX);
    assert_eq!(outcome.err().map(|it| it.kind()), Some(AuthErrorKind::Expired));
}

#[test]
fn an_identity_is_usable_exactly_as_long_as_its_token() {
    let identity = judge(&rules(), &format!(r#""nbf":{}"#, NOW - 50)).unwrap();
    let usable = |at| identity.is_usable(UnixTime::from_secs(at), Duration::ZERO);
    assert!(!usable(NOW - 111) && usable(NOW - 110));
    assert!(usable(NOW + 159) && !usable(NOW + 160));
    assert_eq!(identity.expires_at(), Some(UnixTime::from_secs(NOW + 100)));
    assert_eq!(identity.verified_at(), Some(UnixTime::from_secs(NOW)));
}

#[test]
fn the_audience_is_compared_exactly() {
    use AuthErrorKind::{MalformedJwt, WrongAudience};

    for (value, refused) in [
        (r#""api1""#, None),
        (r#"["x","api2"]"#, None),
        (r#"["api1","api2"]"#, None),
        (r#""(absent)""#, Some(WrongAudience)),
        ("[]", Some(WrongAudience)),
        (r#""""#, Some(WrongAudience)),
        (r#""API1""#, Some(WrongAudience)),
        (r#""api""#, Some(WrongAudience)),
        (r#""api11""#, Some(WrongAudience)),
        (r#""api1/""#, Some(WrongAudience)),
        (r#""api1 api2""#, Some(WrongAudience)),
        (r#""api1,api2""#, Some(WrongAudience)),
        ("null", Some(MalformedJwt)),
        ("1", Some(MalformedJwt)),
        (r#"{"api1":true}"#, Some(MalformedJwt)),
        (r#"["api1",1]"#, Some(MalformedJwt)),
        (r#"[["api1"]]"#, Some(MalformedJwt)),
    ] {
        assert_eq!(kind(&rules(), &format!(r#""aud":{value}"#)), refused, "{value}");
    }
    let any = Rules { audiences: Vec::new(), ..rules() };
    assert_eq!(kind(&any, r#""aud":"other""#), None);
    assert_eq!(kind(&any, r#""aud":"(absent)""#), None);
    assert_eq!(kind(&any, r#""aud":7"#), Some(MalformedJwt));
    let both = judge(&rules(), r#""aud":["x","api2"]"#).unwrap();
    assert_eq!(both.audience().collect::<Vec<_>>(), ["x", "api2"]);
}

#[test]
fn the_issuer_is_compared_exactly() {
    use AuthErrorKind::{MalformedJwt, MissingClaim, WrongIssuer};

    for (value, refused) in [
        (r#""https://i""#, None),
        (r#""https://i/""#, Some(WrongIssuer)),
        (r#""https://I""#, Some(WrongIssuer)),
        (r#""https://i:443""#, Some(WrongIssuer)),
        (r#""https://i.evil""#, Some(WrongIssuer)),
        (r#""""#, Some(WrongIssuer)),
        (r#""(absent)""#, Some(MissingClaim)),
        ("null", Some(MalformedJwt)),
        (r#"["https://i"]"#, Some(MalformedJwt)),
    ] {
        assert_eq!(kind(&rules(), &format!(r#""iss":{value}"#)), refused, "{value}");
    }
    let tolerant = Rules { issuer_variant: Some("https://i/".into()), ..rules() };
    let identity = judge(&tolerant, r#""iss":"https://i/""#).unwrap();
    assert_eq!(identity.issuer(), "https://i", "one issuer has one name");
    assert_eq!(kind(&tolerant, r#""iss":"https://i//""#), Some(WrongIssuer));
}

#[test]
fn wrong_forms_are_not_absent() {
    use AuthErrorKind::{MalformedJwt, MissingClaim, SenderConstrained};

    let strict = Rules { profile: Profile::rfc9068(), ..rules() };
    let complete = r#""iat":1,"jti":"j""#;
    assert_eq!(kind(&strict, complete), None);
    for (name, lax) in
        [("sub", None), ("client_id", Some(MissingClaim)), ("iat", None), ("jti", None)]
    {
        let absent = format!(r#"{complete},"{name}":"(absent)""#);
        assert_eq!(kind(&strict, &absent), Some(MissingClaim), "{name}");
        assert_eq!(kind(&rules(), &absent), lax, "{name}");
        for value in ["null", "true", "[]", "{}"] {
            let wrong = format!(r#""{name}":{value}"#);
            assert_eq!(kind(&rules(), &wrong), Some(MalformedJwt), "{wrong}");
        }
    }
    assert_eq!(kind(&rules(), r#""sub":"""#), Some(MalformedJwt));
    assert_eq!(kind(&rules(), r#""sid":1"#), Some(MalformedJwt));
    for cnf in ["null", "{}", r#"{"jkt":"x"}"#, r#""x""#, "[]", "false"] {
        assert_eq!(kind(&rules(), &format!(r#""cnf":{cnf}"#)), Some(SenderConstrained), "{cnf}");
    }
}

#[test]
fn scope_grants_nothing_by_accident() {
    let scope = |rules: &Rules, value: &str| {
        judge(rules, &format!(r#""scope":{value}"#)).map(|identity| identity.scope().to_string())
    };
    let strict =
        Rules { profile: Profile { scope_array: false, ..Profile::identity_server() }, ..rules() };
    for (value, expected) in [
        (r#""a b""#, Some("a b")),
        (r#""""#, Some("")),
        ("null", Some("")),
        (r#""a\tadmin""#, Some("")),
        (r#"["a","b"]"#, None),
        ("[]", None),
        ("1", None),
        (r#"{"a":1}"#, None),
    ] {
        assert_eq!(scope(&strict, value).ok().as_deref(), expected, "{value}");
    }
    for (value, expected) in [
        (r#""a b""#, Some("a b")),
        (r#"["a","b"]"#, Some("a b")),
        (r#"["a b","c"]"#, Some("a b c")),
        ("[]", Some("")),
        (r#"["a\nadmin","b"]"#, Some("b")),
        (r#"["a",1]"#, None),
        (r#"[["a"]]"#, None),
    ] {
        assert_eq!(scope(&rules(), value).ok().as_deref(), expected, "{value}");
    }
}

#[test]
fn a_lifetime_can_be_bounded() {
    let bounded = Rules { max_lifetime: Some(Duration::from_secs(200)), ..rules() };
    for (claims, refused) in [
        (format!(r#""iat":{},"exp":{}"#, NOW - 100, NOW + 100), false),
        (format!(r#""iat":{},"exp":{}"#, NOW - 101, NOW + 100), true),
        // without iat, or with one that lies, it is the rest that counts
        (format!(r#""exp":{}"#, NOW + 260), false),
        (format!(r#""exp":{}"#, NOW + 261), true),
        (format!(r#""iat":{},"exp":{}"#, NOW + 60, NOW + 260), false),
        (format!(r#""iat":{},"exp":{}"#, NOW + 60, NOW + 261), true),
    ] {
        let expected = refused.then_some(AuthErrorKind::RejectedByCheck);
        assert_eq!(kind(&bounded, &claims), expected, "{claims}");
    }
}

#[test]
fn types_are_compared_as_media_types() {
    for (found, expected, same) in [
        ("at+jwt", "at+jwt", true),
        ("AT+JWT", "at+jwt", true),
        ("application/at+jwt", "at+jwt", true),
        ("Application/AT+jwt", "at+jwt", true),
        ("at+jwt", "application/at+jwt", true),
        (" at+jwt", "at+jwt", false),
        ("at+jwt ", "at+jwt", false),
        ("at+jwt; charset=x", "at+jwt", false),
        ("application/application/at+jwt", "at+jwt", false),
        ("text/at+jwt", "at+jwt", false),
        ("application.at+jwt", "at+jwt", false),
        ("application/at/jwt", "at/jwt", false),
        ("", "at+jwt", false),
        ("JWT", "at+jwt", false),
        ("application/", "", true),
        ("é+jwt", "at+jwt", false),
    ] {
        assert_eq!(media_type_is(found, expected), same, "{found:?}");
    }
}

#[test]
fn an_id_token_is_no_access_token() {
    let lax = Rules {
        profile: Profile {
            types: vec!["at+jwt".into(), "JWT".into()],
            ..Profile::identity_server()
        },
        ..rules()
    };
    let kind = |typ, claims| {
        judge_as(&lax, typ, claims, UnixTime::from_secs(NOW)).err().map(|it| it.kind())
    };
    assert_eq!(kind("JWT", ""), None);
    assert_eq!(kind("JWT", r#""at_hash":"x""#), Some(AuthErrorKind::WrongType));
    assert_eq!(kind("JWT", r#""c_hash":"x""#), Some(AuthErrorKind::WrongType));
    // some issuers copy the nonce into access tokens; the type decides
    assert_eq!(kind("JWT", r#""nonce":"x""#), None);
    assert_eq!(kind("at+jwt", r#""at_hash":"x""#), None);
}

#[test]
fn refusals_say_what_was_expected_and_what_accepts_it() {
    for (changes, text) in [
        (r#""aud":"other""#, "expected api1 or api2, found other"),
        (r#""aud":["a","b"]"#, "expected api1 or api2, found a, b"),
        (
            r#""aud":"(absent)""#,
            "expected api1 or api2, found none: at the issuer the scope belongs to no API resource",
        ),
        (r#""iss":"(absent)""#, "iss is missing"),
        (r#""iss":"https://j""#, "expected https://i, found https://j"),
        (
            r#""iss":"https://i/""#,
            "expected https://i, found https://i/; accept_trailing_slash() accepts it",
        ),
        (
            r#""client_id":"(absent)""#,
            "client_id is missing; accept_missing(\"client_id\") accepts it",
        ),
        (r#""exp":1699999700"#, "exp 22:08:20Z, now 22:13:20Z, tolerance 60 s"),
        (r#""nbf":1700000300"#, "nbf 22:18:20Z, now 22:13:20Z, tolerance 60 s"),
        (
            r#""exp":1600000000"#,
            "exp 2020-09-13T12:26:40Z, now 2023-11-14T22:13:20Z, tolerance 60 s",
        ),
    ] {
        assert_eq!(detail(&rules(), changes), text);
    }
    let long = format!(r#""iss":"{}\u0007\r\n""#, "x".repeat(10_000));
    let found = detail(&rules(), &long);
    assert!(found.len() < 200 && !found.contains('\n'), "{found}");
}
