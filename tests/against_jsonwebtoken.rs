//! A second opinion: jsonwebtoken judges the same tokens, and every difference is listed with its
//! reason.
//!
//! jsonwebtoken is used as a careful caller would use it: the algorithm must be the one that the key
//! names, required claims are set, audience and issuer are checked, the tolerance is the same.

use std::{fs, path::Path, sync::Arc, time::Duration};

use jsonwebtoken::{DecodingKey, Validation, crypto::aws_lc, jwk};
use portcullis::{
    Clock, UnixTime,
    jwt::{Algorithm, Jwk, JwtValidator, StaticKeys, jws},
    token::{Presented, TokenValidator},
};
use serde_json::Value;

#[test]
fn each_difference_has_a_reason() {
    // named, so that a build with both of its back ends works too
    let _ = aws_lc::DEFAULT_PROVIDER.install_default();
    let mut judged = 0;
    let mut differences = Vec::new();
    let mut compare = |id: String, ours: bool, theirs: bool| {
        judged += 1;
        if ours != theirs {
            differences.push((id, if ours { "ours" } else { "theirs" }));
        }
    };
    for name in ["wycheproof_jws", "wycheproof_jwk", "wycheproof_jwcrypto"] {
        for group in list(&read(name)["testGroups"]) {
            let key =
                if group["public"].is_object() { &group["public"] } else { &group["private"] };
            let key = key["keys"].get(0).unwrap_or(key);
            for test in list(&group["tests"]) {
                if let Some(token) = test["jws"].as_str() {
                    let id = format!("{name} {}", test["tcId"]);
                    compare(id, we_verify(key, token), they_verify(key, token));
                }
            }
        }
    }
    for name in ["rfc7515_jws", "rfc7518_8037", "rfc7520_cookbook"] {
        for case in list(&read(name)["cases"]) {
            if case["kind"] == "jws_compact" {
                let (key, token) = (&case["key"], text(&case["token"]));
                let id = format!("{name} {}", text(&case["id"]));
                compare(id, we_verify(key, token), they_verify(key, token));
            }
        }
    }
    let document = read("rfc9068_at_jwt");
    for case in list(&document["cases"]) {
        let id = format!("rfc9068_at_jwt {}", text(&case["id"]));
        compare(id, we_accept(&document, case), they_accept(&document, case));
    }
    println!("{judged} tokens judged by both, {} differences", differences.len());
    assert!(judged > 300, "{judged}");
    let listed: Vec<(String, &str)> =
        DIFFERENCES.iter().map(|(id, who, _)| ((*id).to_owned(), *who)).collect();
    assert_eq!(differences, listed);
}

/// The token, who accepts it, and why the other does not.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("wycheproof_jws 353", "theirs", "the key says `use: enc`; verify leaves `use` to its caller"),
    ("wycheproof_jws 1347", "ours", "it has no ES512"),
    ("wycheproof_jwk 10", "theirs", "31 bytes of secret for HS256; RFC 7518 §3.2 wants 32"),
    ("wycheproof_jwk 11", "theirs", "47 bytes of secret for HS384; RFC 7518 §3.2 wants 48"),
    ("wycheproof_jwk 16", "theirs", "an empty secret"),
    ("wycheproof_jwk 17", "theirs", "an empty secret"),
    ("wycheproof_jwk 18", "theirs", "an empty secret"),
    (
        "wycheproof_jwk 23",
        "theirs",
        "`crv` says P-384, the coordinates are of P-256; the algorithm decides there",
    ),
    (
        "wycheproof_jwcrypto 46",
        "theirs",
        "a key of the broken generator of CVE-2017-15361; either verdict is allowed",
    ),
    ("rfc7515_jws A.4-ES512", "ours", "it has no ES512"),
    ("rfc7515_jws derived-A.1-crit-known-signed", "theirs", "verify leaves `crit` to its caller"),
    ("rfc7515_jws derived-A.1-crit-empty", "theirs", "verify leaves `crit` to its caller"),
    ("rfc7518_8037 derived-9864-Ed25519", "ours", "it does not know the name `Ed25519` (RFC 9864)"),
    ("rfc7518_8037 derived-8037-identity-key", "theirs", "an Ed25519 key of small order"),
    ("rfc7520_cookbook jws/4_3.ecdsa_signature#compact", "ours", "it has no ES512"),
    (
        "rfc7520_cookbook rfc7797/hmac-sha2_b64_false#compact",
        "theirs",
        "`b64: false`, and a payload that is not base64url",
    ),
    ("rfc9068_at_jwt missing-jti", "theirs", "it can demand registered claims only, without `jti`"),
    ("rfc9068_at_jwt iss-array", "theirs", "`iss` is an array; RFC 7519 §4.1.1 wants a string"),
    (
        "rfc9068_at_jwt iss-array-mixed",
        "theirs",
        "`iss` is an array; RFC 7519 §4.1.1 wants a string",
    ),
    ("rfc9068_at_jwt exp-i64-max", "theirs", "valid for ever; either verdict is allowed"),
    ("rfc9068_at_jwt exp-i64-max-plus-1", "theirs", "valid for ever; either verdict is allowed"),
    ("rfc9068_at_jwt exp-u64-max", "theirs", "valid for ever; either verdict is allowed"),
    ("rfc9068_at_jwt exp-1e-400", "theirs", "long over; times are not compared here"),
    ("rfc9068_at_jwt nbf-string", "theirs", "times are not compared here"),
    ("rfc9068_at_jwt nbf-i64-max", "theirs", "times are not compared here"),
    ("rfc9068_at_jwt scope-object", "theirs", "`scope` is left to the caller's type"),
    ("rfc9068_at_jwt sub-empty", "theirs", "an empty `sub`; either verdict is allowed"),
    ("rfc9068_at_jwt sub-64KiB", "theirs", "it has no limit of length"),
    (
        "rfc9068_at_jwt dup-private-claim",
        "theirs",
        "a claim that stands twice is left to the caller's type",
    ),
    (
        "rfc9068_at_jwt payload-many-members",
        "theirs",
        "it has no limit of length; either verdict is allowed",
    ),
    ("rfc9068_at_jwt hdr-crit-b64", "theirs", "`crit` is left to the caller"),
    ("rfc9068_at_jwt hdr-crit-unknown", "theirs", "`crit` is left to the caller"),
    ("rfc9068_at_jwt hdr-crit-dup", "theirs", "`crit` is left to the caller"),
];

fn we_verify(key: &Value, token: &str) -> bool {
    let Ok(jwk) = Jwk::parse(key.to_string().as_bytes()) else { return false };
    jws::verify(token, &jwk, Algorithm::ALL).is_ok()
}

fn they_verify(key: &Value, token: &str) -> bool {
    let Ok(header) = jsonwebtoken::decode_header(token) else { return false };
    let Ok(jwk) = serde_json::from_value::<jwk::Jwk>(key.clone()) else { return false };
    let named = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string());
    if named.is_some_and(|named| named != format!("{:?}", header.alg)) {
        return false;
    }
    let Ok(key) = DecodingKey::from_jwk(&jwk) else { return false };
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, header.alg)
        .is_ok_and(|verified| verified)
}

fn we_accept(document: &Value, case: &Value) -> bool {
    let policy = &document["policy"];
    let jwk = Jwk::parse(document["key"].to_string().as_bytes()).unwrap();
    let validator = JwtValidator::builder(StaticKeys::new([jwk]).unwrap())
        .issuer(text(&policy["iss"]))
        .audience(text(&policy["aud"]))
        .clock_tolerance(Duration::from_secs(policy["leeway_s"].as_u64().unwrap()))
        .clock(Arc::new(At(case["now"].as_u64().unwrap())))
        .build()
        .unwrap();
    let parts = http::Request::new(()).into_parts().0;
    let attempt = validator.validate(Presented::new(text(&case["token"]), &parts));
    attempt.into_ready().expect("static keys are there at once").is_ok()
}

/// It has no clock to set, so times are not compared here: they are checked for their presence only.
fn they_accept(document: &Value, case: &Value) -> bool {
    let policy = &document["policy"];
    let token = text(&case["token"]);
    let Ok(header) = jsonwebtoken::decode_header(token) else { return false };
    let typ = header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    if typ.strip_prefix("application/").unwrap_or(&typ) != "at+jwt" {
        return false;
    }
    let jwk: jwk::Jwk = serde_json::from_value(document["key"].clone()).unwrap();
    if header.kid != jwk.common.key_id {
        return false;
    }
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_issuer(&[text(&policy["iss"])]);
    validation.set_audience(&[text(&policy["aud"])]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).is_ok()
}

fn read(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors/jose");
    serde_json::from_slice(&fs::read(folder.join(name).with_extension("json")).unwrap()).unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A clock that stands still.
#[derive(Debug)]
struct At(u64);

impl Clock for At {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}
