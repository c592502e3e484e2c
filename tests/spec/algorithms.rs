//! Which algorithm verifies what, and that nothing else does (RFC 7518, RFC 8037, RFC 8725 §3.1).

use AuthErrorKind::{BadSignature, MalformedJwt, UnknownKey, UnsupportedAlgorithm};
use portcullis::{
    AuthErrorKind, Authentication, Bearer, BearerAuth, BuildError, Outcome,
    jwt::{Algorithm, Jwk, JwtValidator, StaticKeys},
};

use super::ledger::{self, Row};
use crate::support::{
    sign::{AUDIENCE, ED25519_1, ISSUER, Key, NOW, P256_1, P384_1, P521_1, RSA_1, token},
    stand::{Stand, named_keys, stand},
};

chapter! {
    async fn every_algorithm_verifies_its_own_key;
    async fn names_of_no_algorithm;
    async fn public_keys_are_no_secrets;
    fn text_is_no_key;
    fn secrets_are_as_long_as_their_hash;
    fn one_family_to_a_list;
    async fn a_key_without_alg_serves_only_what_is_allowed;
    async fn a_forged_secret_opens_nothing;
    async fn each_algorithm_has_one_kind_of_key;
    async fn ed25519_and_eddsa_are_two_names;
    async fn a_route_that_only_records;
    async fn an_error_has_no_claims;
}

/// Algorithm, name of the key, key.
pub const PAIRS: [(&str, &str, Key); 11] = [
    ("RS256", "rsa-1", RSA_1),
    ("RS384", "rsa-1", RSA_1),
    ("RS512", "rsa-1", RSA_1),
    ("PS256", "rsa-1", RSA_1),
    ("PS384", "rsa-1", RSA_1),
    ("PS512", "rsa-1", RSA_1),
    ("ES256", "p256-1", P256_1),
    ("ES384", "p384-1", P384_1),
    ("ES512", "p521-1", P521_1),
    ("EdDSA", "ed25519-1", ED25519_1),
    ("Ed25519", "ed25519-1", ED25519_1),
];

async fn every_algorithm_verifies_its_own_key() {
    let stand = stand();
    for (algorithm, kid, key) in &PAIRS {
        let who = stand.accepts(&token().by(kid, key, algorithm).text()).await;
        assert_eq!((who.subject(), who.key_id()), (Some("alice"), Some(*kid)), "{algorithm}");
    }
    ledger::passed("9068-08 8725-05");
}

struct Name {
    id: &'static str,
    /// Raw JSON; empty: no alg at all.
    alg: &'static str,
    reason: AuthErrorKind,
}

impl Row for Name {
    fn id(&self) -> &str {
        self.id
    }
}

const NAMES: &[Name] = &[
    Name { id: "ALG-02 7515-11 8725-04", alg: r#""None""#, reason: UnsupportedAlgorithm },
    Name { id: "ALG-02 7515-11 8725-04", alg: r#""NONE""#, reason: UnsupportedAlgorithm },
    Name { id: "ALG-02 7515-11 8725-04", alg: r#""nOnE""#, reason: UnsupportedAlgorithm },
    Name { id: "ALG-02 8725-04", alg: r#""none ""#, reason: UnsupportedAlgorithm },
    Name { id: "ALG-02 8725-04", alg: r#"" none""#, reason: UnsupportedAlgorithm },
    Name { id: "ALG-02 8725-04", alg: r#""\u006eone""#, reason: UnsupportedAlgorithm },
    Name { id: "ALG-02", alg: r#""""#, reason: UnsupportedAlgorithm },
    Name { id: "ALG-02 7515-12", alg: "null", reason: MalformedJwt },
    Name { id: "ALG-02 7515-12", alg: "0", reason: MalformedJwt },
    Name { id: "ALG-02 7515-12", alg: r#"["ES256"]"#, reason: MalformedJwt },
    Name { id: "7515-12", alg: r#"{"alg":"ES256"}"#, reason: MalformedJwt },
    Name { id: "ALG-02 7515-10", alg: "", reason: MalformedJwt },
    Name { id: "7515-11", alg: r#""es256""#, reason: UnsupportedAlgorithm },
    Name { id: "7515-11", alg: r#""Es256""#, reason: UnsupportedAlgorithm },
    Name { id: "7519-06", alg: r#""ES256K""#, reason: UnsupportedAlgorithm },
    Name { id: "7519-06", alg: r#""HS256""#, reason: UnsupportedAlgorithm },
    Name { id: "8725-05", alg: r#""RSA1_5""#, reason: UnsupportedAlgorithm },
    Name { id: "8725-05", alg: r#""RS1""#, reason: UnsupportedAlgorithm },
];

/// Without a signature, with the signature of the honest token, and with one over this very header.
async fn names_of_no_algorithm() {
    let stand = stand();
    ledger::table_async(NAMES, async |row| {
        let forged = match row.alg {
            "" => token().without_header("alg"),
            alg => token().header("alg", alg),
        };
        for text in [
            forged.signed() + ".",
            forged.with_signature(token().signature()),
            forged.with_signature([0xa5; 64]),
            forged.text(),
        ] {
            let answer = stand.refuses(&text, row.reason).await;
            assert_eq!(answer.lookups, 0, "a key was looked up for {}", row.alg);
        }
    })
    .await;
}

/// A public key as the text that somebody may have taken for a secret.
fn public_texts(key: &Key) -> Vec<Vec<u8>> {
    let spki = key.public();
    let pem = pem("PUBLIC KEY", spki);
    let jwk = key.jwk("k", r#","use":"sig""#);
    let mut texts = vec![
        pem.trim_end().into(),
        pem.replace('\n', "\r\n").into(),
        format!(" {pem}").into(),
        format!("\n{pem}").into(),
        format!("\u{feff}{pem}").into(),
        format!("key:\n{pem}").into(),
        pem.into(),
        spki.into(),
        jwk.replace(':', ": ").replace(',', ", ").into(),
        format!(r#"{{"keys":[{jwk}]}}"#).into(),
        jwk.into(),
        Vec::new(),
    ];
    let ssh = |fields: &[&[u8]]| {
        let mut blob = Vec::new();
        for field in fields {
            blob.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
            blob.extend(*field);
        }
        let name = std::str::from_utf8(fields[0]).unwrap();
        format!("{name} {}", pem_body(&blob).replace('\n', "")).into_bytes()
    };
    match key {
        Key::Rsa(..) => {
            let certificate = include_bytes!("../../src/testing/keys/rsa-1.certificate.der");
            texts.extend([
                key.modulus().to_vec(),
                pem_text("RSA PUBLIC KEY", &spki[24..]),
                pem_text("CERTIFICATE", certificate),
                certificate.to_vec(),
                ssh(&[b"ssh-rsa", &[1, 0, 1], &[&[0], key.modulus()].concat()]),
            ]);
        }
        Key::P256(..) => {
            let point = &spki[spki.len() - 65..];
            texts.extend([point.to_vec(), ssh(&[b"ecdsa-sha2-nistp256", b"nistp256", point])]);
        }
        _ => {
            let point = &spki[spki.len() - 32..];
            texts.extend([point.to_vec(), ssh(&[b"ssh-ed25519", point])]);
        }
    }
    texts
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", pem_body(der))
}

fn pem_text(label: &str, der: &[u8]) -> Vec<u8> {
    pem(label, der).into()
}

fn pem_body(der: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

/// At a validator as it comes, and at one that was told to accept HMAC and holds public keys.
async fn public_keys_are_no_secrets() {
    let hmac = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    let confused = Stand::with_keys(named_keys(), |builder| builder.algorithms(hmac));
    for stand in [stand(), confused] {
        for (kid, key) in [("rsa-1", RSA_1), ("p256-1", P256_1), ("ed25519-1", ED25519_1)] {
            for text in public_texts(&key) {
                let secret = Key::Secret(text);
                for algorithm in ["HS256", "HS384", "HS512"] {
                    let forged = token().by(kid, &secret, algorithm).text();
                    stand.refuses(&forged, UnsupportedAlgorithm).await;
                }
            }
            // without a kid no key is a candidate at all
            let secret = Key::Secret(public_texts(&key).swap_remove(0));
            let forged = token().by(kid, &secret, "HS256").without_header("kid").text();
            let answer = stand.send(&forged).await;
            assert!(matches!(answer.reason, Some(UnsupportedAlgorithm | UnknownKey)));
            answer.is_refused(&forged, answer.reason.unwrap());
        }
    }
    ledger::passed("ALG-04 ALG-06 ALG-07 ALG-09 8725-02");
}

/// The only text that becomes a key is a JWK, and its type stands in it.
fn text_is_no_key() {
    for key in [RSA_1, P256_1, ED25519_1] {
        for text in public_texts(&key) {
            match Jwk::parse(&text) {
                Ok(jwk) => {
                    assert_ne!(jwk.key_type(), "oct");
                    assert!(Algorithm::ALL.iter().all(|it| !it.is_symmetric() || !jwk.fits(*it)));
                }
                Err(_) => assert!(!text.starts_with(b"{\"kid")),
            }
            if let Ok(keys) = StaticKeys::from_jwk_set(&text) {
                assert!(text.starts_with(b"{\"keys\""), "{keys:?}");
            }
        }
    }
    ledger::passed("ALG-05");
}

fn secrets_are_as_long_as_their_hash() {
    for (algorithm, least) in
        [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
    {
        for length in 0..least {
            let secret = vec![0x5a; length];
            let Err(BuildError::Invalid { field: "hmac", problem }) =
                StaticKeys::hmac(algorithm, secret.clone())
            else {
                panic!("{algorithm} with {length} bytes");
            };
            assert!(problem.contains(&least.to_string()), "{problem}");
            let jwk = Key::Secret(secret).jwk("s", &format!(r#","alg":"{algorithm}""#));
            assert!(Jwk::parse(jwk.as_bytes()).is_err(), "{algorithm} with {length} bytes");
        }
        assert!(StaticKeys::hmac(algorithm, vec![0x5a; least]).is_ok());
    }
    let password = StaticKeys::hmac(Algorithm::HS256, b"correct horse battery".to_vec());
    assert!(password.unwrap_err().to_string().contains("random"));
    assert!(StaticKeys::hmac(Algorithm::RS256, vec![1; 512]).is_err());
    ledger::passed("ALG-10 ALG-11 7518-01 8725-09");
}

fn one_family_to_a_list() {
    let build = |algorithms: &[Algorithm]| {
        let keys = StaticKeys::from_jwk_set(
            format!(r#"{{"keys":[{}]}}"#, RSA_1.jwk("rsa-1", "")).as_bytes(),
        );
        JwtValidator::builder(keys.unwrap())
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .algorithms(algorithms.iter().copied())
            .build()
    };
    for mixed in [
        &[Algorithm::HS256, Algorithm::RS256][..],
        &[Algorithm::ES256, Algorithm::HS512],
        Algorithm::ALL,
        &[],
    ] {
        let Err(BuildError::Invalid { field: "algorithms", .. }) = build(mixed) else {
            panic!("{mixed:?} was accepted");
        };
    }
    assert!(build(&[Algorithm::RS256, Algorithm::ES256]).is_ok());
    ledger::passed("ALG-12");
}

async fn a_key_without_alg_serves_only_what_is_allowed() {
    let keys = named_keys();
    let stand = Stand::with_keys(keys, |builder| builder.algorithms([Algorithm::RS256]));
    let secret = Key::Secret(public_texts(&RSA_1).swap_remove(0));
    for forged in [
        token().by("rsa-1", &secret, "HS256"),
        token().by("rsa-1", &RSA_1, "PS256"),
        token().by("rsa-1", &RSA_1, "RS512"),
        token(),
    ] {
        let answer = stand.refuses(&forged.text(), UnsupportedAlgorithm).await;
        assert_eq!(answer.lookups, 0);
    }
    stand.accepts(&token().by("rsa-1", &RSA_1, "RS256").text()).await;

    // the other way round: the issuer signs with ES256 alone, its RSA key stands in the same set
    let stand = Stand::with_keys(named_keys(), |builder| builder.algorithms([Algorithm::ES256]));
    for algorithm in ["RS256", "PS256", "RS512"] {
        let downgraded = token().by("rsa-1", &RSA_1, algorithm).text();
        stand.refuses(&downgraded, UnsupportedAlgorithm).await;
    }
    stand.accepts(&token().text()).await;
    ledger::passed("ALG-08 ALG-28 7515-23 8725-01");
}

async fn a_forged_secret_opens_nothing() {
    let secret = vec![0x5a; 64];
    let keys = StaticKeys::hmac_named("s", Algorithm::HS256, secret.clone()).unwrap();
    let stand = Stand::new(keys, |builder| builder.algorithms([Algorithm::HS256]));
    for wrong in [Vec::new(), vec![0], vec![0x5a; 63], vec![0x5a; 65], vec![0; 64]] {
        // HMAC pads a key with zeros, so the empty one and a zero one are the same
        stand.refuses(&token().by("s", &Key::Secret(wrong), "HS256").text(), BadSignature).await;
    }
    let right = Key::Secret(secret);
    stand.accepts(&token().by("s", &right, "HS256").text()).await;
    stand.refuses(&token().by("s", &right, "HS512").text(), UnsupportedAlgorithm).await;
    ledger::passed("ALG-10");
}

/// Every algorithm with the key of every other.
async fn each_algorithm_has_one_kind_of_key() {
    let stand = stand();
    for (algorithm, own, _) in &PAIRS {
        for (honest, kid, key) in &PAIRS {
            if own != kid {
                let forged = token().by(kid, key, honest).header("alg", &format!("{algorithm:?}"));
                stand.refuses(&forged.text(), UnsupportedAlgorithm).await;
            }
        }
    }
    // a key of a curve that no algorithm has is no key
    let koblitz = P256_1.jwk("k1", "").replace("P-256", "secp256k1");
    assert!(Jwk::parse(koblitz.as_bytes()).is_err());
    ledger::passed("ALG-15 7518-09 7515-25");
}

async fn ed25519_and_eddsa_are_two_names() {
    let [eddsa, ed25519] =
        ["EdDSA", "Ed25519"].map(|name| token().by("ed25519-1", &ED25519_1, name).text());
    for (list, first, second) in [
        (vec![Algorithm::EdDSA], true, false),
        (vec![Algorithm::Ed25519], false, true),
        (vec![Algorithm::EdDSA, Algorithm::Ed25519], true, true),
    ] {
        let stand = Stand::with_keys(named_keys(), |builder| builder.algorithms(list));
        for (text, accepted) in [(&eddsa, first), (&ed25519, second)] {
            if accepted {
                stand.accepts(text).await;
            } else {
                stand.refuses(text, UnsupportedAlgorithm).await;
            }
        }
    }
    ledger::passed("ALG-18 8037-02");
}

/// `optional()` never refuses: a bad token is nobody there, with its reason on record.
async fn a_route_that_only_records() {
    use std::{convert::Infallible, sync::Arc};

    use tower::{Layer as _, ServiceExt as _, service_fn};

    use crate::support::stand::{At, bearer};

    let set = format!(r#"{{"keys":[{}]}}"#, P256_1.jwk("p256-1", ""));
    let validator = JwtValidator::builder(StaticKeys::from_jwk_set(set.as_bytes()).unwrap())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock(Arc::new(At::new(NOW)))
        .build()
        .unwrap();
    let layer = BearerAuth::new(validator).unwrap().optional();
    let inner = service_fn(async |request: http::Request<()>| {
        let record = request.extensions().get::<Authentication>().cloned();
        Ok::<_, Infallible>(http::Response::new(record))
    });
    let service = layer.layer(inner);
    for (text, reason) in [
        (None, None),
        (Some(token().text()), None),
        (Some(token().claim("iss", r#""https://evil.example""#).text()), Some("WrongIssuer")),
        (Some(token().with_signature([7; 64])), Some("BadSignature")),
        (Some(token().signed() + "."), Some("BadSignature")),
        (Some(token().header("alg", r#""none""#).signed() + "."), Some("UnsupportedAlgorithm")),
    ] {
        let mut request = http::Request::new(());
        if let Some(text) = &text {
            let value = bearer(text).parse().unwrap();
            request.headers_mut().insert(http::header::AUTHORIZATION, value);
        }
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let record = response.into_body().unwrap();
        let who = record.primary().and_then(|identity| identity.subject());
        match (record.outcome(Bearer).unwrap(), reason) {
            (Outcome::Rejected(error), Some(reason)) => {
                assert_eq!((error.kind().name(), who), (reason, None));
            }
            (Outcome::Verified(_), None) => {
                assert_eq!((text.is_some(), who), (true, Some("alice")))
            }
            (Outcome::Absent, None) => assert_eq!((text.is_some(), who), (false, None)),
            (outcome, _) => panic!("{outcome:?}"),
        }
        assert_eq!(record.principal().is_anonymous(), who.is_none());
    }
    ledger::passed("ALG-26 ALG-27");
}

/// What failed has a kind and a line for the operator. The claims of a token that was not proven
/// are in neither, nor anywhere else in what the refusal carries.
async fn an_error_has_no_claims() {
    let forged = token().claim("sub", r#""mallory-7f3""#).with_signature([7; 64]);
    let answer = stand().refuses(&forged, BadSignature).await;
    assert!(!answer.detail.contains("mallory-7f3"));
    assert!(answer.identity.is_none());
    let error = portcullis::AuthError::new(BadSignature);
    assert!(size_of_val(&error) <= 2 * size_of::<usize>(), "there is no room for claims");
    ledger::passed("ALG-25");
}
