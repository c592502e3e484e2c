//! What the claims must say, and what they never say by accident (RFC 7519 §4, RFC 9068 §2 and §4).

use std::sync::Arc;

use AuthErrorKind::{
    BadSignature, Expired, MalformedJwt, MissingClaim, MissingExpiry, NotYetValid,
    SenderConstrained, UnknownKey, WrongAudience, WrongIssuer, WrongType,
};
use portcullis::{
    AuthErrorKind, BuildError,
    jwt::{JwtValidator, JwtValidatorBuilder, Profile, StaticKeys},
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
    fn what_a_builder_demands;
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
            let text = token().claim(row.claim, value).text();
            let found = stand.send(&text).await.reason;
            assert_eq!(found, row.reason, "{} is {value}", row.claim);
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

pub fn build(
    configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
    audience: &str,
) -> Result<JwtValidator, BuildError> {
    let set = format!(r#"{{"keys":[{}]}}"#, P256_1.jwk("p256-1", ""));
    let keys = StaticKeys::from_jwk_set(set.as_bytes()).unwrap();
    let builder = JwtValidator::builder(keys).issuer(ISSUER).audience(audience);
    configure(builder.clock(Arc::new(At::new(NOW)))).build()
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
