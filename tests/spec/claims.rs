//! What the claims must say, and what they never say by accident (RFC 7519 §4, RFC 9068 §2 and §4).

use AuthErrorKind::{
    BadSignature, Expired, MalformedJwt, MissingClaim, MissingExpiry, MissingPermission,
    MissingRole, MissingScope, NotYetValid, RejectedByCheck, Revoked, SenderConstrained,
    TokenTooLong, UnknownKey, WrongAudience, WrongIssuer, WrongType,
};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, BuildError, Decision, Identity, SubjectKind, UnixTime,
    jwt::{JwtValidator, JwtValidatorBuilder, Profile, StaticKeys},
    policy,
    token::Revocations,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use super::ledger::{self, Row};
use crate::support::{
    sign::{AUDIENCE, ISSUER, NOW, P256_1, P256_2, encode, token},
    stand::{At, Attack, Stand, all_refused, stand},
};

chapter! {
    async fn states_of_a_token;
    async fn claims_of_odd_type_or_value;
    async fn each_required_claim;
    async fn issuers_are_compared_exactly;
    async fn audiences_are_compared_exactly;
    async fn one_audience_to_a_service;
    async fn edges_of_time;
    async fn fractions_of_a_second_count;
    async fn a_cached_token_is_judged_at_each_hit;
    fn tolerance_has_a_limit;
    async fn lifetimes_can_be_limited;
    async fn clocks_that_are_wrong;
    fn what_a_builder_demands;
    async fn odd_subjects;
    async fn users_and_clients;
    async fn odd_scopes_grant_nothing;
    async fn scopes_are_compared_whole;
    async fn rights_by_other_claims;
    async fn names_that_mean_nothing;
    async fn claims_reach_the_handler_typed;
    threads async fn one_time_tokens;
}

const STATES: &[Attack] = &[
    Attack {
        id: "13.4-expired-by-1s 6750-37 9068-06 9068-07",
        what: "expired, and a second beyond the tolerance",
        token: || token().claim("exp", &(NOW - 61).to_string()).text(),
        reason: Expired,
    },
    Attack {
        id: "13.4-expiring-now 7519-13",
        what: "now is exp + tolerance",
        token: || token().claim("exp", &(NOW - 60).to_string()).text(),
        reason: Expired,
    },
    Attack {
        id: "13.4-no-expiry CLM-01 9068-07",
        what: "no exp",
        token: || token().without("exp").text(),
        reason: MissingExpiry,
    },
    Attack {
        id: "13.4-not-yet-valid CLM-07 7519-18",
        what: "nbf a second beyond the tolerance",
        token: || token().claim("nbf", &(NOW + 61).to_string()).text(),
        reason: NotYetValid,
    },
    Attack {
        id: "CLM-08 7519-21",
        what: "iat a second beyond the tolerance",
        token: || token().claim("iat", &(NOW + 61).to_string()).text(),
        reason: NotYetValid,
    },
    Attack {
        id: "13.4-other-key 9068-05 9068-07",
        what: "signed by another key under the same kid",
        token: || token().key(&P256_2, "ES256").text(),
        reason: BadSignature,
    },
    Attack {
        id: "13.4-truncated",
        what: "the last letter cut off",
        token: || {
            let text = token().text();
            text[..text.len() - 1].into()
        },
        reason: MalformedJwt,
    },
    Attack {
        id: "13.4-refresh-token",
        what: "an opaque refresh token",
        token: || encode([0x5a; 32]),
        reason: MalformedJwt,
    },
    Attack {
        id: "13.4-refresh-token",
        what: "a refresh token as JWT",
        token: || token().header("typ", r#""rt+jwt""#).text(),
        reason: WrongType,
    },
    Attack {
        id: "13.4-id-token CLM-20 9068-14 8725-20",
        what: "an ID token by its type",
        token: || id_token().header("typ", r#""JWT""#).text(),
        reason: WrongType,
    },
    Attack {
        id: "13.4-id-token CLM-20 9068-14",
        what: "an ID token without type",
        token: || id_token().without_header("typ").text(),
        reason: WrongType,
    },
    Attack {
        id: "13.4-external-bearer",
        what: "a token of an external issuer",
        token: || {
            token().claim("iss", r#""https://external.example""#).by("ext", &P256_2, "ES256").text()
        },
        reason: UnknownKey,
    },
    Attack {
        id: "13.4-external-bearer",
        what: "an external issuer's claim, signed by our own",
        token: || token().claim("iss", r#""https://external.example""#).text(),
        reason: WrongIssuer,
    },
    Attack {
        id: "CLM-31 3.0-dpop-bound-as-bearer",
        what: "cnf with a DPoP key",
        token: || {
            token().claim("cnf", r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#).text()
        },
        reason: SenderConstrained,
    },
    Attack {
        id: "CLM-31",
        what: "cnf with a certificate",
        token: || {
            token()
                .claim("cnf", r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#)
                .text()
        },
        reason: SenderConstrained,
    },
    Attack {
        id: "CLM-31",
        what: "cnf of an unknown method",
        token: || token().claim("cnf", r#"{"osc":"x"}"#).text(),
        reason: SenderConstrained,
    },
    Attack {
        id: "CLM-31",
        what: "cnf is empty",
        token: || token().claim("cnf", "{}").text(),
        reason: SenderConstrained,
    },
    Attack {
        id: "CLM-31",
        what: "cnf is null",
        token: || token().claim("cnf", "null").text(),
        reason: SenderConstrained,
    },
];

fn id_token() -> crate::support::sign::Token {
    token().claim("nonce", r#""n-0S6""#).claim("at_hash", r#""MTIzNDU2Nzg5MDEyMzQ1Ng""#)
}

async fn states_of_a_token() {
    all_refused(&stand(), STATES).await;
    // also where JWT is accepted as a type, what only an ID token has betrays it
    let lax = Stand::with_keys([P256_1.jwk("p256-1", "")], |it| {
        it.accept_type("JWT").accept_missing_type()
    });
    for typ in [r#""JWT""#, r#""jwt""#] {
        let answer = lax.refuses(&id_token().header("typ", typ).text(), WrongType).await;
        assert!(answer.detail.contains("ID token"), "{}", answer.detail);
    }
    lax.refuses(&id_token().without_header("typ").text(), WrongType).await;
    lax.refuses(&token().without_header("typ").claim("c_hash", r#""x""#).text(), WrongType).await;
    lax.accepts(&token().header("typ", r#""JWT""#).text()).await;
    // the audience of an ID token is the client
    let for_client = token().header("typ", r#""JWT""#).claim("aud", r#""app""#);
    lax.refuses(&for_client.text(), WrongAudience).await;
    ledger::passed("13.4-valid CLM-20 9068-14");
}

/// Claim, raw value, why it is refused; `None`: it is accepted.
struct Value {
    id: &'static str,
    claim: &'static str,
    values: &'static [&'static str],
    reason: Option<AuthErrorKind>,
}

impl Row for Value {
    fn id(&self) -> &str {
        self.id
    }
}

const fn refused(
    id: &'static str,
    claim: &'static str,
    values: &'static [&'static str],
    reason: AuthErrorKind,
) -> Value {
    Value { id, claim, values, reason: Some(reason) }
}

const fn accepted(id: &'static str, claim: &'static str, values: &'static [&'static str]) -> Value {
    Value { id, claim, values, reason: None }
}

/// Of no type that a time, a text or an audience has.
const NO_NUMBERS: &[&str] =
    &[r#""1800000300""#, r#""""#, "null", "true", "false", "[]", "[1800000300]", "{}"];
const NO_TEXTS: &[&str] = &["1", "null", "true", "[]", r#"["x"]"#, "{}", "-1.5"];

const VALUES: &[Value] = &[
    refused("CLM-02 7519-14", "exp", NO_NUMBERS, MalformedJwt),
    refused("CLM-02 7519-19", "nbf", NO_NUMBERS, MalformedJwt),
    refused("CLM-02 7519-20", "iat", NO_NUMBERS, MalformedJwt),
    refused(
        "CLM-03 7519-16 ENC-15",
        "exp",
        &["-1", "-0", "0", "-1e308", "1e-400", "-9223372036854775808"],
        Expired,
    ),
    refused(
        "CLM-03 7519-16 ENC-15",
        "exp",
        &[
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "18446744074",
            "1e20",
            "1e300",
            "1e308",
            "1e309",
            "1e400",
            "-1e309",
        ],
        MalformedJwt,
    ),
    refused(
        "CLM-03 ENC-15",
        "nbf",
        &["9223372036854775807", "18446744073709551615", "1e300"],
        NotYetValid,
    ),
    refused(
        "CLM-03 ENC-15",
        "iat",
        &["9223372036854775807", "18446744073709551615", "1e300"],
        NotYetValid,
    ),
    refused("CLM-03 ENC-15", "nbf", &["1e309", "-1e309"], MalformedJwt),
    accepted("CLM-03 ENC-15", "nbf", &["-1", "-0", "0", "-1e308", "1.8e9"]),
    accepted("CLM-08 ENC-15", "iat", &["-1", "0", "946684800", "1799395200"]),
    accepted(
        "ENC-16",
        "exp",
        &["1.8000003e9", "1800000300.0", "18000003E2", "1800000300.999999999999"],
    ),
    refused("7519-08 CLM-13", "iss", NO_TEXTS, MalformedJwt),
    refused(
        "CLM-13 7519-08",
        "iss",
        &[r#"["https://login.example"]"#, r#"["https://evil.example","https://login.example"]"#],
        MalformedJwt,
    ),
    refused("7519-23 CLM-21", "sub", NO_TEXTS, MalformedJwt),
    refused("CLM-21 8725-13", "sub", &[r#""""#], MalformedJwt),
    refused("7519-22", "jti", NO_TEXTS, MalformedJwt),
    refused("CLM-19", "client_id", NO_TEXTS, MalformedJwt),
    refused(
        "CLM-24 9068-10",
        "scope",
        &["1", "true", "{}", r#"["orders.read"]"#, "[]"],
        MalformedJwt,
    ),
    refused("CLM-16 7519-11", "aud", &["1", "null", "{}", "true", "[1]", "[null]"], MalformedJwt),
    refused(
        "CLM-16 7519-11",
        "aud",
        &[
            r#"["https://api.example",1]"#,
            r#"[1,"https://api.example"]"#,
            r#"[["https://api.example"]]"#,
            r#"{"aud":"https://api.example"}"#,
            r#"["https://api.example",null]"#,
        ],
        MalformedJwt,
    ),
];

async fn claims_of_odd_type_or_value() {
    let stand = stand();
    ledger::table_async(VALUES, async |row| {
        for value in row.values {
            println!("{}: {} {value}", row.id, row.claim);
            let text = token().claim(row.claim, value).text();
            match row.reason {
                Some(reason) => drop(stand.refuses(&text, reason).await),
                None => assert_eq!(stand.accepts(&text).await.client_id(), Some("app")),
            }
        }
    })
    .await;
}

async fn each_required_claim() {
    let stand = stand();
    for (claim, reason) in [
        ("iss", MissingClaim),
        ("exp", MissingExpiry),
        ("aud", WrongAudience),
        ("sub", MissingClaim),
        ("client_id", MissingClaim),
        ("iat", MissingClaim),
        ("jti", MissingClaim),
    ] {
        let answer = stand.refuses(&token().without(claim).text(), reason).await;
        assert!(claim == "aud" || answer.detail.contains(claim), "{}", answer.detail);
    }
    // what the profile does not demand may be absent
    let who = stand.accepts(&token().without("scope").text()).await;
    assert!(who.scope().is_empty());
    // each can be missing by choice, exp only by a dangerous one
    for claim in ["sub", "client_id", "iat", "jti"] {
        let lax = Stand::with_keys([P256_1.jwk("p256-1", "")], |it| it.accept_missing(claim));
        lax.accepts(&token().without(claim).text()).await;
        // and is then still not of any type
        lax.refuses(&token().claim(claim, "[]").text(), MalformedJwt).await;
    }
    let lax =
        Stand::with_keys([P256_1.jwk("p256-1", "")], |it| it.dangerous().accept_missing_expiry());
    assert_eq!(lax.accepts(&token().without("exp").text()).await.expires_at(), None);
    lax.refuses(&token().claim("exp", "null").text(), MalformedJwt).await;
    lax.refuses(&token().claim("exp", "1").text(), Expired).await;
    ledger::passed("9068-09 CLM-01 CLM-10 CLM-15 CLM-19 8725-14");
}

const ISSUERS: &[Value] = &[
    refused("CLM-10 9068-03 9068-07", "iss", &[r#""https://evil.example""#, r#""""#], WrongIssuer),
    refused(
        "CLM-11",
        "iss",
        &[
            r#""https://login.example.evil.example""#,
            r#""https://login.exampl""#,
            r#""login.example""#,
            r#""https://evil.example/https://login.example""#,
            r#""https""#,
            r#""h""#,
            r#""https://login.example@evil.example""#,
        ],
        WrongIssuer,
    ),
    refused(
        "CLM-12 7519-07",
        "iss",
        &[
            r#""https://login.example/""#,
            r#""https://LOGIN.example""#,
            r#""HTTPS://login.example""#,
            r#""https://login.example:443""#,
            r#""http://login.example""#,
            r#""https://login.example/.""#,
            r#""https://login.example/../""#,
            r#""https://login.example?""#,
            r#""https://login.example#""#,
            r#""https://login.example.""#,
            r#"" https://login.example""#,
            r#""https://login.example ""#,
            r#""https://login.example\u0000""#,
            r#""https://login%2Eexample""#,
            r#""https://xn--login-.example""#,
        ],
        WrongIssuer,
    ),
];

async fn issuers_are_compared_exactly() {
    let stand = stand();
    ledger::table_async(ISSUERS, async |row| {
        for value in row.values {
            stand.refuses(&token().claim("iss", value).text(), WrongIssuer).await;
        }
    })
    .await;
    stand.accepts(&token().claim("iss", r#""https:\/\/login.ex\u0061mple""#).text()).await;
}

const AUDIENCES: &[Value] = &[
    refused("CLM-15 7519-11 8725-14", "aud", &["[]", r#""""#, r#"[""]"#], WrongAudience),
    refused(
        "9068-04 7519-10 9068-07",
        "aud",
        &[r#""https://other.example""#, r#"["https://other.example","app"]"#],
        WrongAudience,
    ),
    refused(
        "CLM-17 7519-12",
        "aud",
        &[
            r#""https://api.example/""#,
            r#""https://api.exampl""#,
            r#""https://api.example.evil""#,
            r#""api.example""#,
            r#""https://API.example""#,
            r#""https://api.example,https://other.example""#,
            r#""https://api.example https://other.example""#,
            r#"["https://api.example https://other.example"]"#,
            r#""https://api.example\u0000""#,
            r#""*""#,
        ],
        WrongAudience,
    ),
    accepted(
        "7519-09 9068-04",
        "aud",
        &[
            r#""https://api.example""#,
            r#"["https://api.example"]"#,
            r#"["app","https://api.example","other"]"#,
            r#"["","https://api.example"]"#,
            r#""https:\/\/api.example""#,
            r#""urn:second""#,
        ],
    ),
];

async fn audiences_are_compared_exactly() {
    let stand =
        Stand::with_keys([P256_1.jwk("p256-1", "")], |builder| builder.audience("urn:second"));
    // whatever else is tolerated, a foreign audience is not
    let lax = Stand::with_keys([P256_1.jwk("p256-1", "")], |builder| {
        let builder = builder.profile(Profile::identity_server()).accept_missing_type();
        builder.audience("urn:second").accept_type("JWT").accept_trailing_slash()
    });
    ledger::table_async(AUDIENCES, async |row| {
        for value in row.values {
            let text = token().claim("aud", value).text();
            for stand in [&stand, &lax] {
                match row.reason {
                    Some(reason) => drop(stand.refuses(&text, reason).await),
                    None => assert_eq!(stand.accepts(&text).await.subject(), Some("alice")),
                }
            }
        }
    })
    .await;
}

/// Two services with names of their own refuse each other's tokens, and the docs ask for that.
async fn one_audience_to_a_service() {
    let service = |audience: &'static str| Stand::of(build(|builder| builder, audience).unwrap());
    let of = |audience: &str| token().claim("aud", &format!("{audience:?}")).text();
    for (own, other) in [("urn:one", "urn:two"), ("urn:two", "urn:one")] {
        service(own).accepts(&of(own)).await;
        service(own).refuses(&of(other), WrongAudience).await;
    }
    let docs = include_str!("../../src/jwt/validator_builder.rs");
    assert!(docs.contains("Give each service a name of its own"));
    ledger::passed("CLM-18");
}

fn build(
    configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
    audience: &str,
) -> Result<JwtValidator, BuildError> {
    let set = format!(r#"{{"keys":[{}]}}"#, P256_1.jwk("p256-1", ""));
    let keys = StaticKeys::from_jwk_set(set.as_bytes()).unwrap();
    let builder = JwtValidator::builder(keys).issuer(ISSUER).audience(audience);
    configure(builder.clock(Arc::new(At::new(NOW)))).build()
}

/// A stand whose clock the test moves.
fn moving(configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder) -> (Stand, Arc<At>) {
    let clock = Arc::new(At::new(NOW));
    let stand = Stand::with_keys([P256_1.jwk("p256-1", "")], |builder| {
        configure(builder.clock(clock.clone()))
    });
    (stand, clock)
}

/// `nbf - tolerance <= now < exp + tolerance`, and `iat <= now + tolerance`. A new stand each time,
/// so that no cache answers.
async fn edges_of_time() {
    for tolerance in [0, 1, 60, 300] {
        for (claim, at, reason, passes_at_the_edge) in [
            ("exp", NOW + 300 + tolerance, Expired, false),
            ("nbf", NOW - tolerance, NotYetValid, true),
            ("iat", NOW - tolerance, NotYetValid, true),
        ] {
            for (millis, edge) in [(at * 1000 - 1, -1), (at * 1000, 0), (at * 1000 + 1, 1)] {
                let (stand, clock) =
                    moving(|it| it.clock_tolerance(Duration::from_secs(tolerance)));
                clock.set_millis(millis);
                let text = match claim {
                    "exp" => token().text(),
                    _ => token().claim("iat", "1").claim(claim, &NOW.to_string()).text(),
                };
                let passes = match edge {
                    0 => passes_at_the_edge,
                    side => (side > 0) == passes_at_the_edge,
                };
                if passes {
                    stand.accepts(&text).await;
                } else {
                    stand.refuses(&text, reason).await;
                }
            }
        }
    }
    ledger::passed("CLM-05 CLM-07 CLM-08 7519-13 7519-18 7519-21 9068-06 13.4-expiring-now");
}

async fn fractions_of_a_second_count() {
    let text = token().claim("exp", "1800000300.5").text();
    for cached in [false, true] {
        for (millis, passes) in [
            (1_800_000_300_400, true),
            (1_800_000_300_499, true),
            (1_800_000_300_500, false),
            (1_800_000_300_600, false),
        ] {
            let (stand, clock) = moving(|it| it.clock_tolerance(Duration::ZERO));
            if cached {
                stand.accepts(&text).await;
            }
            clock.set_millis(millis);
            if passes {
                let who = stand.accepts(&text).await;
                assert_eq!(who.expires_at(), Some(UnixTime::from_secs_f64(1_800_000_300.5)));
            } else {
                stand.refuses(&text, Expired).await;
            }
        }
    }
    ledger::passed("ENC-16 7519-15");
}

/// What was accepted once and is remembered is judged again, also when the clock was set back.
async fn a_cached_token_is_judged_at_each_hit() {
    let (stand, clock) = moving(|it| it);
    let text = token().claim("nbf", &(NOW - 5).to_string()).text();
    stand.accepts(&text).await;
    assert_eq!(stand.send(&text).await.lookups, 0, "it was not remembered");
    clock.set_millis((NOW - 66) * 1000);
    stand.refuses(&text, NotYetValid).await;
    clock.set_millis(NOW * 1000);
    stand.accepts(&text).await;
    clock.set_millis((NOW + 360) * 1000);
    stand.refuses(&text, Expired).await;
    clock.set_millis((NOW + 359) * 1000);
    stand.accepts(&text).await;
    ledger::passed("7519-29");
}

fn tolerance_has_a_limit() {
    let tolerance =
        |seconds| build(|it| it.clock_tolerance(Duration::from_secs(seconds)), AUDIENCE);
    for (seconds, fits) in
        [(0, true), (60, true), (300, true), (301, false), (86_400, false), (u64::MAX, false)]
    {
        match tolerance(seconds) {
            Ok(_) => assert!(fits, "{seconds}"),
            Err(BuildError::Invalid { field, .. }) => {
                assert_eq!((field, fits), ("clock_tolerance", false))
            }
            Err(other) => panic!("{other}"),
        }
    }
    ledger::passed("CLM-06 7519-17");
}

async fn lifetimes_can_be_limited() {
    let (stand, _) = moving(|it| it.max_lifetime(Duration::from_secs(3600)));
    let of = |iat: u64, exp: u64| {
        token().claim("iat", &iat.to_string()).claim("exp", &exp.to_string()).text()
    };
    stand.accepts(&of(NOW, NOW + 3600)).await;
    stand.accepts(&of(NOW - 3000, NOW + 600)).await;
    for (iat, exp) in
        [(NOW, NOW + 3601), (NOW - 3000, NOW + 601), (NOW, NOW + 10 * 365 * 86_400), (1, NOW + 1)]
    {
        stand.refuses(&of(iat, exp), RejectedByCheck).await;
    }
    // without iat, or with one in the future as far as tolerated, what remains counts
    let (lax, _) = moving(|it| it.max_lifetime(Duration::from_secs(3600)).accept_missing("iat"));
    let without = |exp: u64| token().without("iat").claim("exp", &exp.to_string()).text();
    lax.accepts(&without(NOW + 3600)).await;
    lax.refuses(&without(NOW + 3661), RejectedByCheck).await;
    // a limit and tokens without end contradict each other
    let both = build(
        |it| it.max_lifetime(Duration::from_secs(1)).dangerous().accept_missing_expiry(),
        AUDIENCE,
    );
    assert!(both.is_err());
    assert!(build(|it| it.max_lifetime(Duration::ZERO), AUDIENCE).is_err());
    ledger::passed("CLM-04 6750-43");
}

async fn clocks_that_are_wrong() {
    for (now, reason) in [(0, NotYetValid), (1, NotYetValid), (u64::MAX / 1_000_000, Expired)] {
        let (stand, clock) = moving(|it| it);
        clock.set_millis(now);
        stand.refuses(&token().text(), reason).await;
    }
    // the system's clock before 1970 is 1970, and never wraps
    assert_eq!(UnixTime::from(UNIX_EPOCH - Duration::from_secs(1)), UnixTime::EPOCH);
    assert_eq!(UnixTime::EPOCH - Duration::MAX, UnixTime::EPOCH);
    assert_eq!(UnixTime::MAX + Duration::MAX, UnixTime::MAX);
    ledger::passed("CLM-09");
}

fn what_a_builder_demands() {
    for (field, built) in [
        ("audience", build(|it| it, "")),
        ("audience", build(|it| it.audience(""), AUDIENCE)),
        ("accept_missing", build(|it| it.accept_missing("exp"), AUDIENCE)),
        ("accept_missing", build(|it| it.accept_missing("iss"), AUDIENCE)),
        ("accept_missing", build(|it| it.accept_missing("aud"), AUDIENCE)),
    ] {
        let Err(BuildError::Invalid { field: found, .. }) = built else {
            panic!("{field} was accepted")
        };
        assert_eq!(found, field);
    }
    let set = format!(r#"{{"keys":[{}]}}"#, P256_1.jwk("p256-1", ""));
    let keys = StaticKeys::from_jwk_set(set.as_bytes()).unwrap();
    assert!(JwtValidator::builder(keys).issuer("").audience(AUDIENCE).build().is_err());
    ledger::passed("CLM-10 CLM-15");
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
