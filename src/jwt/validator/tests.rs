#![cfg(feature = "aws-lc")]

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::hmac;

use super::*;
use crate::{
    base64url,
    clock::UnixTime,
    jwt::{Complete, Jwk, JwtValidatorBuilder, Profile, StaticKeys},
    principal::Lease,
};

const NOW: u64 = 1_700_000_000;
const SECRET: [u8; 64] = [7; 64];

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(1)
    }
}

fn sign(header: &str, claims: &str, secret: &[u8]) -> String {
    let signed = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", base64url::encode(tag))
}

fn claims(issuer: &str) -> String {
    format!(
        r#"{{"iss":"{issuer}","aud":"a","exp":{},"iat":1,"sub":"s","client_id":"c","jti":"j"}}"#,
        NOW + 100
    )
}

fn good(header: &str) -> String {
    sign(header, &claims("https://i"), &SECRET)
}

const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt","kid":"k"}"#;

fn builder(keys: impl KeySource + 'static, issuer: &str) -> JwtValidatorBuilder<Complete> {
    JwtValidator::builder(keys)
        .issuer(issuer)
        .audience("a")
        .algorithms([Algorithm::HS256])
        .clock(Arc::new(Still))
}

fn keys() -> StaticKeys {
    StaticKeys::hmac_named("k", Algorithm::HS256, &SECRET[..]).unwrap()
}

fn validate(validator: &JwtValidator, token: &str) -> Result<Identity, AuthError> {
    let parts = http::Request::new(()).into_parts().0;
    validator.validate(Presented::new(token, &parts)).into_ready().expect("ready")
}

fn kind(validator: &JwtValidator, token: &str) -> Option<AuthErrorKind> {
    validate(validator, token).err().map(|error| error.kind())
}

/// Gives out the key of its name and counts how often it is asked.
#[derive(Debug, Default)]
struct Counting {
    asked: AtomicUsize,
    answer: Mutex<Option<Result<FoundKeys, AuthError>>>,
    pending: bool,
}

impl KeySource for Counting {
    fn find(&self, kid: Option<&str>, alg: Algorithm) -> Attempt<Result<FoundKeys, AuthError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer.lock().unwrap().clone();
        let answer = answer.unwrap_or_else(|| keys().find(kid, alg).into_ready().unwrap());
        if self.pending {
            Attempt::pending(async move {
                tokio::task::yield_now().await;
                answer
            })
        } else {
            Attempt::ready(answer)
        }
    }
}

#[test]
fn an_identity_says_what_the_token_says() {
    let identity = validate(&builder(keys(), "https://i").build().unwrap(), &good(HEADER)).unwrap();
    assert_eq!(identity.issuer(), "https://i");
    assert_eq!((identity.subject(), identity.client_id()), (Some("s"), Some("c")));
    assert_eq!((identity.token_id(), identity.key_id()), (Some("j"), Some("k")));
    assert_eq!(identity.session_id(), None);
    assert_eq!(identity.issued_at(), Some(UnixTime::from_secs(1)));
    assert_eq!(identity.claims_json(), claims("https://i").as_bytes());
}

#[test]
fn cheap_refusals_ask_for_no_key() {
    use AuthErrorKind::*;

    let source = Arc::new(Counting::default());
    let validator = builder(source.clone(), "https://i").max_token_bytes(2000).build().unwrap();
    let long = good(&format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#, "k".repeat(2000)));
    for (token, refused) in [
        (String::new(), MalformedJwt),
        ("garbage".to_owned(), MalformedJwt),
        ("a.b.c.d.e".to_owned(), EncryptedTokenNoKey),
        (long, TokenTooLong),
        (good(r#"{"alg":"HS384","typ":"at+jwt","kid":"k"}"#), UnsupportedAlgorithm),
        (good(r#"{"alg":"none","typ":"at+jwt","kid":"k"}"#), UnsupportedAlgorithm),
        (good(r#"{"alg":"HS256","typ":"JWT","kid":"k"}"#), WrongType),
        (good(r#"{"alg":"HS256","kid":"k"}"#), WrongType),
        (good(r#"{"alg":"HS256","typ":"at+jwt","cty":"JWT"}"#), MalformedJwt),
        (good(r#"{"alg":"HS256","typ":"at+jwt","cty":"application/jwt"}"#), MalformedJwt),
        (good(r#"{"alg":"HS256","typ":"at+jwt","crit":["exp"],"exp":1}"#), MalformedJwt),
        (sign(HEADER, "", &SECRET), MalformedJwt),
    ] {
        assert_eq!(kind(&validator, &token), Some(refused), "{token}");
    }
    assert_eq!(source.asked.load(Ordering::Relaxed), 0);
    assert_eq!(kind(&validator, &good(HEADER)), None);
    assert_eq!(source.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn the_length_limit_is_sharp() {
    let token = good(HEADER);
    let limited = |limit| builder(keys(), "https://i").max_token_bytes(limit).build().unwrap();
    assert_eq!(kind(&limited(token.len()), &token), None);
    assert_eq!(kind(&limited(token.len() - 1), &token), Some(AuthErrorKind::TokenTooLong));
}

#[test]
fn the_signature_comes_before_the_claims() {
    let validator = builder(keys(), "https://i").build().unwrap();
    for payload in ["{}", "not json", r#"{"exp":1,"exp":1}"#] {
        let forged = sign(HEADER, payload, &[8; 64]);
        assert_eq!(kind(&validator, &forged), Some(AuthErrorKind::BadSignature), "{payload}");
    }
    assert_eq!(kind(&validator, &sign(HEADER, "{}", &SECRET)), Some(AuthErrorKind::MissingClaim));
    assert_eq!(kind(&validator, &sign(HEADER, "[]", &SECRET)), Some(AuthErrorKind::MalformedJwt));
}

/// The header of a verified token is not parsed again. All else is judged as ever.
#[test]
fn a_known_header_proves_nothing() {
    use AuthErrorKind::{BadSignature, Expired, UnknownKey};

    let source = Arc::new(Counting::default());
    let one = builder(source.clone(), "https://i").build().unwrap();
    let several = JwtValidator::several([one.clone()]).unwrap();
    for validator in [one, several] {
        *source.answer.lock().unwrap() = None;
        let known = |token| validator.known_headers().find(&Compact::split(token).unwrap());
        let forged = sign(HEADER, &claims("https://i"), &[8; 64]);
        let expired =
            sign(HEADER, &claims("https://i").replace(&format!("{}", NOW + 100), "1"), &SECRET);
        for (token, refused) in [(&forged, BadSignature), (&expired, Expired)] {
            assert_eq!(kind(&validator, token), Some(refused));
            assert!(known(token).is_none(), "{refused}");
        }
        assert_eq!(kind(&validator, &good(HEADER)), None);
        assert!(known(&forged).is_some());
        for (token, refused) in [(&forged, BadSignature), (&expired, Expired)] {
            assert_eq!(kind(&validator, token), Some(refused));
        }
        *source.answer.lock().unwrap() = Some(Err(UnknownKey.into()));
        assert_eq!(kind(&validator, &good(HEADER)), Some(UnknownKey), "the key is gone");
    }
}

#[test]
fn keys_are_found_by_name() {
    use AuthErrorKind::{BadSignature, UnknownKey, UnsupportedAlgorithm};

    let named = |kid: &str| Jwk::symmetric(Some(kid), Algorithm::HS256, SECRET[..].into()).unwrap();
    let other =
        |kid: &str| Jwk::symmetric(Some(kid), Algorithm::HS256, [8; 64][..].into()).unwrap();
    let longer = Jwk::symmetric(Some("l"), Algorithm::HS512, SECRET[..].into()).unwrap();
    let header = |kid: &str| HEADER.replace("\"k\"", &format!("\"{kid}\""));
    let two = builder(StaticKeys::new([named("k"), other("o"), longer]).unwrap(), "https://i");
    let two = two.build().unwrap();
    assert_eq!(kind(&two, &good(&header("k"))), None);
    assert_eq!(kind(&two, &good(&header("o"))), Some(BadSignature));
    assert_eq!(kind(&two, &good(&header("l"))), Some(UnsupportedAlgorithm));
    for kid in ["", "K", "nobody", "../../dev/null", "x' UNION SELECT 'k", "k\\u0000"] {
        assert_eq!(kind(&two, &good(&header(kid))), Some(UnknownKey), "{kid}");
    }
    let error = validate(&two, &good(&header("nobody"))).unwrap_err();
    assert_eq!(error.detail(), Some(r#"no key has the kid "nobody""#));

    let nameless = r#"{"alg":"HS256","typ":"at+jwt"}"#;
    assert_eq!(kind(&two, &good(nameless)), Some(UnknownKey), "two fit");
    let one = builder(StaticKeys::new([named("k")]).unwrap(), "https://i").build().unwrap();
    assert_eq!(kind(&one, &good(nameless)), None, "one fits");
    let four = || StaticKeys::new([other("1"), other("2"), other("3"), named("k")]).unwrap();
    let tried = |tries| {
        let keys = four().try_keys_without_kid(tries).unwrap();
        kind(&builder(keys, "https://i").build().unwrap(), &good(nameless))
    };
    assert_eq!((tried(4), tried(3)), (None, Some(UnknownKey)));
    assert!(four().try_keys_without_kid(0).is_err() && four().try_keys_without_kid(5).is_err());
    assert!(StaticKeys::new([]).is_err());
    assert!(StaticKeys::new([named("k"), other("k")]).is_err(), "which one is meant?");
}

#[test]
fn a_source_that_lies_is_not_believed() {
    let answer = |answer: Result<FoundKeys, AuthError>| {
        let source = Counting { answer: Mutex::new(Some(answer)), ..Counting::default() };
        validate(&builder(source, "https://i").build().unwrap(), &good(HEADER))
    };
    let key = |alg, secret: &[u8]| Key::new(Jwk::symmetric(None, alg, secret.into()).unwrap());
    let refused = |found| answer(Ok(found)).unwrap_err().kind();
    let (misfit, wrong) = (key(Algorithm::HS512, &SECRET), key(Algorithm::HS256, &[8; 64]));
    assert_eq!(refused(FoundKeys::One(misfit.clone())), AuthErrorKind::UnsupportedAlgorithm);
    assert_eq!(refused(FoundKeys::Several(vec![])), AuthErrorKind::UnknownKey);
    assert_eq!(
        refused(FoundKeys::Several(vec![misfit, wrong.clone()])),
        AuthErrorKind::BadSignature
    );
    let right = key(Algorithm::HS256, &SECRET);
    let several = |wrongs: usize| {
        let mut keys = vec![wrong.clone(); wrongs];
        keys.push(right.clone());
        answer(Ok(FoundKeys::Several(keys))).is_ok()
    };
    assert_eq!((several(3), several(4)), (true, false), "four checks at most");

    let unknown = answer(Err(AuthErrorKind::UnknownKey.into())).unwrap_err();
    assert_eq!(unknown.detail(), Some(r#"no key has the kid "k""#));
    let down = answer(Err(AuthErrorKind::IssuerUnreachable.into())).unwrap_err();
    assert_eq!((down.kind(), down.detail()), (AuthErrorKind::IssuerUnreachable, None));
}

#[test]
fn an_identity_dies_with_its_key() {
    let lease = Lease::until(Duration::MAX);
    let key = Key::new(Jwk::symmetric(None, Algorithm::HS256, SECRET[..].into()).unwrap())
        .with_lease(lease.clone())
        .with_fresh_until(Duration::from_secs(5));
    let source =
        Counting { answer: Mutex::new(Some(Ok(FoundKeys::One(key)))), ..Counting::default() };
    let identity = validate(&builder(source, "https://i").build().unwrap(), &good(HEADER)).unwrap();
    let usable = |at| identity.is_usable(UnixTime::from_secs(NOW), Duration::from_secs(at));
    assert!(usable(4) && !usable(5));
    lease.end();
    assert!(!usable(4));
}

#[tokio::test]
async fn keys_that_must_be_waited_for_change_nothing() {
    let validator = |answer| {
        let source = Counting { answer: Mutex::new(answer), pending: true, ..Counting::default() };
        let one = builder(source, "https://i").build().unwrap();
        [JwtValidator::several([one.clone()]).unwrap(), one]
    };
    let parts = http::Request::new(()).into_parts().0;
    let forged = sign(HEADER, &claims("https://i"), &[8; 64]);
    let tries = [
        (good(HEADER), None, None),
        (forged, None, Some(AuthErrorKind::BadSignature)),
        (
            good(HEADER),
            Some(Err(AuthErrorKind::IssuerUnreachable.into())),
            Some(AuthErrorKind::IssuerUnreachable),
        ),
        (
            good(HEADER),
            Some(Err(AuthErrorKind::UnknownKey.into())),
            Some(AuthErrorKind::UnknownKey),
        ),
    ];
    for (token, answer, expected) in tries {
        for validator in validator(answer.clone()) {
            let attempt = validator.validate(Presented::new(&token, &parts));
            let outcome = attempt.into_ready().expect_err("pending").await;
            assert_eq!(outcome.err().map(|error| error.kind()), expected);
        }
    }
}

#[test]
fn issuers_share_nothing() {
    use AuthErrorKind::{BadSignature, MalformedJwt, MissingClaim, WrongIssuer, WrongType};

    let source = Arc::new(Counting::default());
    let b_keys = || StaticKeys::hmac_named("k", Algorithm::HS256, &[8; 64][..]).unwrap();
    let a = builder(source.clone(), "https://a").build().unwrap();
    let b = builder(b_keys(), "https://b").accept_type("JWT").accept_trailing_slash();
    let both = JwtValidator::several([a.clone(), b.build().unwrap()]).unwrap();
    let token = |header: &str, issuer: &str, secret: &[u8]| sign(header, &claims(issuer), secret);
    let jwt = r#"{"alg":"HS256","typ":"JWT","kid":"k"}"#;

    assert_eq!(kind(&both, &token(HEADER, "https://c", &SECRET)), Some(WrongIssuer));
    assert_eq!(kind(&both, &token(HEADER, "https://a/", &SECRET)), Some(WrongIssuer));
    assert_eq!(kind(&both, &sign(HEADER, "{}", &SECRET)), Some(MissingClaim));
    assert_eq!(kind(&both, &sign(HEADER, r#"{"iss":["https://a"]}"#, &SECRET)), Some(MalformedJwt));
    assert_eq!(kind(&both, &sign(HEADER, "no json", &SECRET)), Some(MalformedJwt));
    assert_eq!(kind(&both, &token(jwt, "https://a", &SECRET)), Some(WrongType));
    assert_eq!(source.asked.load(Ordering::Relaxed), 0, "none of these costs a key lookup");

    assert_eq!(kind(&both, &token(HEADER, "https://a", &SECRET)), None);
    assert_eq!(kind(&both, &token(jwt, "https://b", &[8; 64])), None);
    assert_eq!(kind(&both, &token(jwt, "https://b/", &[8; 64])), None);
    // same kid, other issuer
    assert_eq!(kind(&both, &token(HEADER, "https://a", &[8; 64])), Some(BadSignature));
    assert_eq!(kind(&both, &token(HEADER, "https://b", &SECRET)), Some(BadSignature));

    let nested =
        JwtValidator::several([both.clone(), builder(keys(), "https://c").build().unwrap()]);
    assert_eq!(kind(&nested.unwrap(), &token(HEADER, "https://c", &SECRET)), None);
    assert!(JwtValidator::several([both, a]).is_err(), "one issuer, two validators");
    assert!(JwtValidator::several([]).is_err());
}

#[test]
fn what_looks_like_an_id_token_is_told() {
    let validator = builder(keys(), "https://i").build().unwrap();
    let jwt = r#"{"alg":"HS256","typ":"JWT","kid":"k"}"#;
    let detail = |claims: &str| {
        let error = validate(&validator, &sign(jwt, claims, &SECRET)).unwrap_err();
        error.detail().unwrap().to_owned()
    };
    assert_eq!(
        detail(r#"{"nonce":"n"}"#),
        "typ is \"JWT\", expected \"at+jwt\"; it looks like an ID token, which is for the client \
         alone; send the access token"
    );
    assert_eq!(
        detail("{}"),
        "typ is \"JWT\", expected \"at+jwt\"; accept_type(\"JWT\") accepts it"
    );
}

#[test]
fn one_word_relaxes_one_rule() {
    type Word = fn(JwtValidatorBuilder) -> JwtValidatorBuilder;
    let at_jwt = HEADER;
    let without = |claim: &str| {
        let object: serde_json::Map<_, _> = serde_json::from_str(&claims("https://i")).unwrap();
        let rest = object.into_iter().filter(|(name, _)| name != claim);
        serde_json::Value::Object(rest.collect()).to_string()
    };
    let with_array = claims("https://i").replace("{", r#"{"scope":["x"],"#);
    let rows: [(&str, String, AuthErrorKind, Word); 10] = [
        (at_jwt, without("sub"), AuthErrorKind::MissingClaim, |b| b.accept_missing("sub")),
        (at_jwt, without("client_id"), AuthErrorKind::MissingClaim, |b| {
            b.accept_missing("client_id")
        }),
        (at_jwt, without("iat"), AuthErrorKind::MissingClaim, |b| b.accept_missing("iat")),
        (at_jwt, without("jti"), AuthErrorKind::MissingClaim, |b| b.accept_missing("jti")),
        (at_jwt, without("exp"), AuthErrorKind::MissingExpiry, |b| {
            b.dangerous().accept_missing_expiry()
        }),
        (at_jwt, with_array, AuthErrorKind::MalformedJwt, |b| b.accept_scope_array()),
        (at_jwt, claims("https://i/"), AuthErrorKind::WrongIssuer, |b| b.accept_trailing_slash()),
        (r#"{"alg":"HS256","typ":"jwt"}"#, claims("https://i"), AuthErrorKind::WrongType, |b| {
            b.accept_type("JWT")
        }),
        (r#"{"alg":"HS256"}"#, claims("https://i"), AuthErrorKind::WrongType, |b| {
            b.accept_missing_type()
        }),
        (
            at_jwt,
            claims("https://i").replace("\"a\"", "\"b\""),
            AuthErrorKind::WrongAudience,
            |b| b.audience("b"),
        ),
    ];
    for (header, claims, refused, word) in rows {
        let token = sign(header, &claims, &SECRET);
        let strict = builder(keys(), "https://i");
        assert_eq!(kind(&strict.build().unwrap(), &token), Some(refused), "{header} {claims}");
        let relaxed = word(builder(keys(), "https://i")).build().unwrap();
        assert_eq!(kind(&relaxed, &token), None, "{header} {claims}");
    }
    // a type that is there must be the right one, also where none is needed
    let lax = builder(keys(), "https://i").accept_missing_type().build().unwrap();
    let jwt = good(r#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(kind(&lax, &jwt), Some(AuthErrorKind::WrongType));
    let any = JwtValidator::builder(keys())
        .issuer("https://i")
        .dangerous()
        .any_audience()
        .algorithms([Algorithm::HS256])
        .profile(Profile::default())
        .clock(Arc::new(Still));
    let token = sign(HEADER, &without("aud"), &SECRET);
    assert_eq!(kind(&any.build().unwrap(), &token), None);
}

#[test]
fn what_cannot_work_is_told_at_build() {
    type Word = fn(JwtValidatorBuilder) -> JwtValidatorBuilder;
    let rows: [(&str, Word); 13] = [
        ("accept_missing", |b| b.accept_missing("exp")),
        ("accept_missing", |b| b.accept_missing("aud").accept_missing("sub")),
        ("accept_type", |b| b.accept_type("")),
        ("algorithms", |b| b.algorithms([])),
        ("algorithms", |b| b.algorithms([Algorithm::HS256, Algorithm::RS256])),
        ("audience", |b| b.audience("")),
        ("clock_tolerance", |b| b.clock_tolerance(Duration::from_millis(300_001))),
        ("clock_tolerance", |b| b.clock_tolerance(Duration::MAX)),
        ("max_lifetime", |b| b.max_lifetime(Duration::ZERO)),
        ("max_lifetime", |b| {
            b.max_lifetime(Duration::from_secs(1)).dangerous().accept_missing_expiry()
        }),
        ("max_token_bytes", |b| b.max_token_bytes(0)),
        ("accept_trailing_slash", |_| builder(keys(), "https://i/tenant").accept_trailing_slash()),
        ("issuer", |_| builder(keys(), "")),
    ];
    for (field, word) in rows {
        match word(builder(keys(), "https://i")).build() {
            Err(BuildError::Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    let five_minutes = builder(keys(), "https://i").clock_tolerance(Duration::from_secs(300));
    assert!(five_minutes.build().is_ok());
    let both = JwtValidator::builder(keys()).issuer("i").dangerous().any_audience().audience("a");
    assert!(both.build().is_err());
    for (algorithm, length) in
        [(Algorithm::HS256, 31), (Algorithm::HS512, 63), (Algorithm::RS256, 64)]
    {
        assert!(StaticKeys::hmac(algorithm, vec![7; length]).is_err(), "{algorithm}");
    }
}

#[test]
fn nothing_shows_a_secret() {
    let keys = keys();
    let shown = format!("{keys:?} {:?}", builder(keys.clone(), "https://i"));
    assert!(shown.contains("https://i") && !shown.contains("7, 7"), "{shown}");
}
