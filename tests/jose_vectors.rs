//! Vectors of others: Wycheproof, the RFCs' own examples, and RFC 9068 tokens.
//!
//! The files are judged by their form, not by their names: every file of
//! `tests/data/vectors/jose`, and of `$PORTCULLIS_VECTORS/jose` where that is set. Each case says
//! what it expects; a text that this file does not know fails the test. What belongs to features
//! that are not here yet (DPoP, …) is counted and named; so is what lies behind the public face and is
//! judged in `src/jwt/jwe/vectors.rs`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    Attempt, AuthError, AuthErrorClass, AuthErrorKind, Clock, Identity, UnixTime,
    jwt::{
        Algorithm, Jwk, JwkSet, JwtValidator, Profile, StaticKeys,
        jwe::{self, DecryptionKey, KeyManagement},
        jws,
    },
    token::{Presented, TokenValidator},
};
use serde_json::Value;

#[test]
fn all_agree() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors/jose")];
    folders.extend(std::env::var_os("PORTCULLIS_VECTORS").map(|it| PathBuf::from(it).join("jose")));
    let mut failures = Vec::new();
    for folder in folders {
        for file in json_files(&folder) {
            let document: Value =
                serde_json::from_slice(&fs::read(&file).unwrap()).expect("a vector file is JSON");
            let mut tally = Tally::default();
            judge_file(&document, &mut tally);
            println!("{}: {} judged {:?}", file.display(), tally.judged, tally.left);
            let name = file.file_name().unwrap().to_string_lossy();
            assert!(tally.judged > 0 || !tally.left.is_empty(), "{name} holds no case");
            if FULLY_HERE.iter().any(|known| name == *known) {
                assert!(tally.judged > 0, "{name}: nothing was judged");
            }
            failures.extend(tally.failures.iter().map(|failure| format!("{name} {failure}")));
        }
    }
    assert!(failures.is_empty(), "{} disagree:\n{}", failures.len(), failures.join("\n"));
}

/// The files that must hold something for this feature.
const FULLY_HERE: [&str; 10] = [
    "rfc7515_jws.json",
    "rfc7516_jwe.json",
    "rfc7517_7638_keys.json",
    "rfc7518_8037.json",
    "rfc7520_cookbook.json",
    "rfc9068_at_jwt.json",
    "wycheproof_jwcrypto.json",
    "wycheproof_jwe.json",
    "wycheproof_jwk.json",
    "wycheproof_jws.json",
];

/// The kinds of other features, and those of the unit test.
const LATER: [&str; 7] = ["aead", "claims", "dpop", "ecdh_es_kdf", "introspection", "mtls", "x5t"];

#[derive(Default)]
struct Tally {
    judged: usize,
    left: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Tally {
    fn judge(&mut self, id: &str, verdict: Result<(), String>) {
        self.judged += 1;
        if let Err(failure) = verdict {
            self.failures.push(format!("{id}: {failure}"));
        }
    }

    fn leave(&mut self, id: &str, kind: &str) {
        if LATER.contains(&kind) {
            *self.left.entry(kind.to_owned()).or_default() += 1;
        } else {
            self.judge(id, Err(format!("the kind {kind:?} is unknown")));
        }
    }
}

fn judge_file(document: &Value, tally: &mut Tally) {
    for group in document["testGroups"].as_array().into_iter().flatten() {
        judge_group(group, tally);
    }
    for case in document["cases"].as_array().into_iter().flatten() {
        let id = text(&case["id"]);
        let kind = text(&case["kind"]);
        match kind {
            "jws_compact" if document["policy"].is_object() => {
                tally.judge(id, judge_access_token(document, case));
            }
            "jws_compact" => tally.judge(id, judge_jws(case)),
            "jws_flattened" | "jws_general" => tally.judge(id, judge_json_form(case)),
            "jwe_compact" => tally.judge(id, judge_jwe(case)),
            "jwe_flattened" | "jwe_general" => tally.judge(id, judge_json_jwe(case)),
            "nested" => tally.judge(id, judge_nested(case)),
            "jwk" => tally.judge(id, judge_jwk(case)),
            "jwks" => tally.judge(id, judge_jwk_set(case)),
            "thumbprint" | "thumbprint_uri" => tally.judge(id, judge_thumbprint(case)),
            _ => tally.leave(id, kind),
        }
    }
}

// ---- Wycheproof

fn judge_group(group: &Value, tally: &mut Tally) {
    let keys = if group["public"].is_object() { &group["public"] } else { &group["private"] };
    for test in group["tests"].as_array().into_iter().flatten() {
        let id = format!("{} {}", group["comment"], test["tcId"]);
        let (jws, jwe) = (&test["jws"], &test["jwe"]);
        let token = match if jwe.is_null() { jws } else { jwe } {
            Value::Null => {
                tally.leave(&id, "wycheproof without a token");
                continue;
            }
            Value::String(token) => token.clone(),
            json => json.to_string(),
        };
        if !jwe.is_null() {
            let expected = test["pt_hex"].as_str().filter(|_| test["expect"] == "accept");
            let outcome = decrypt(&group["private"], &token);
            let verdict = as_expected(text(&test["expect"]), outcome.is_ok());
            tally.judge(&id, verdict.and(has_plaintext(&outcome, expected.map(hex))));
            continue;
        }
        let outcome = match text(&test["expect"]) {
            // whole set refused, or the secret dropped: the secret must never verify
            "reject-symmetric" => verify_by_set(keys, &token, JwkSet::parse_remote),
            _ if keys["keys"].is_array() => verify_by_set(keys, &token, JwkSet::parse),
            _ => verify_by_key(keys, &token),
        };
        tally.judge(&id, as_expected(text(&test["expect"]), outcome.is_ok()));
    }
}

fn verify_by_set(
    set: &Value,
    token: &str,
    parse: fn(&[u8], usize) -> Result<JwkSet, portcullis::jwt::JwkError>,
) -> Result<Vec<u8>, String> {
    let set = parse(set.to_string().as_bytes(), 100).map_err(|error| error.to_string())?;
    let mut outcome = Err("no key".to_owned());
    for jwk in set.keys() {
        outcome = jws::verify(token, jwk, &fitting(jwk)).map_err(|error| error.to_string());
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn verify_by_key(jwk: &Value, token: &str) -> Result<Vec<u8>, String> {
    let jwk = Jwk::parse(jwk.to_string().as_bytes()).map_err(|error| error.to_string())?;
    jws::verify(token, &jwk, &fitting(&jwk)).map_err(|error| error.to_string())
}

fn fitting(jwk: &Jwk) -> Vec<Algorithm> {
    Algorithm::ALL.iter().copied().filter(|algorithm| jwk.fits(*algorithm)).collect()
}

// ---- single objects and keys

fn judge_jws(case: &Value) -> Result<(), String> {
    let token = text(&case["token"]);
    let outcome = verify_by_key(&case["key"], token);
    let expect = text(&case["expect"]);
    let expected = match expect {
        "signature ok, claims reject" => {
            Ok(()).and(outcome.as_ref().map(drop).map_err(Clone::clone))
        }
        // RFC 9864 is implemented
        "accept if the crate implements RFC 9864, else reject" => {
            as_expected("accept", outcome.is_ok())
        }
        _ => as_expected(expect, outcome.is_ok()),
    };
    expected.map_err(|failure| format!("{failure} {outcome:?}"))?;
    if let (Ok(payload), Some(expected)) = (&outcome, case["payload_b64u"].as_str()) {
        let middle = token.split('.').nth(1).unwrap();
        same(&middle, &expected)?;
        same(&payload.len(), &(expected.len() * 3 / 4))?;
    }
    if let (Ok(payload), Some(expected)) = (&outcome, case["payload_utf8"].as_str()) {
        same(&String::from_utf8_lossy(payload).as_ref(), &expected)?;
    }
    match &case["claims_at"] {
        Value::Null => Ok(()),
        claims_at => judge_claims(case, claims_at),
    }
}

/// As a JWT of no particular profile.
fn judge_claims(case: &Value, claims_at: &Value) -> Result<(), String> {
    let jwk = Jwk::parse(case["key"].to_string().as_bytes()).map_err(|error| error.to_string())?;
    let algorithms = fitting(&jwk);
    let mut builder = JwtValidator::builder(StaticKeys::new([jwk]).unwrap())
        .issuer(claims_at["iss"].as_str().unwrap_or("joe"))
        .dangerous()
        .any_audience()
        .accept_type("JWT")
        .accept_missing_type()
        .algorithms(algorithms)
        .clock(Arc::new(At(claims_at["now"].as_u64().unwrap())));
    for claim in ["sub", "client_id", "iat", "jti"] {
        builder = builder.accept_missing(claim);
    }
    let outcome = validate(&builder.build().unwrap(), text(&case["token"]));
    match text(&claims_at["expect"]) {
        "accept" => outcome.map(drop).map_err(|error| error.to_string()),
        "reject expired" => {
            same(&outcome.err().map(|error| error.kind()), &Some(AuthErrorKind::Expired))
        }
        unknown => Err(format!("the expectation {unknown:?} is unknown")),
    }
}

/// A JSON serialization is no bearer token, whatever its keys.
fn judge_json_form(case: &Value) -> Result<(), String> {
    same(&text(&case["expect"]), &"reject as bearer token")?;
    let keys = [&case["key"], &case["keys"]];
    let keys = keys.into_iter().flat_map(|keys| match keys {
        Value::Array(keys) => keys.iter().collect::<Vec<_>>(),
        Value::Null => Vec::new(),
        key => vec![key],
    });
    let mut judged = 0;
    for key in keys {
        as_expected("reject", verify_by_key(key, text(&case["token"])).is_ok())?;
        judged += 1;
    }
    if judged > 0 { Ok(()) } else { Err("no key".to_owned()) }
}

// ---- encrypted objects

/// By the algorithm that the key is for; one that does not say is for that of the token.
fn decrypt(key: &Value, token: &str) -> Result<Vec<u8>, String> {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    let mut key = key.clone();
    if header["alg"] == "dir" && (key["alg"].is_null() || key["alg"] == "dir") {
        key["alg"] = header["enc"].clone();
    }
    let document = key.to_string();
    let key = match KeyManagement::parse(text(&header["alg"])) {
        Some(alg) if key["alg"].is_null() => DecryptionKey::from_jwk_for(document.as_bytes(), alg),
        _ => DecryptionKey::from_jwk(document.as_bytes()),
    };
    let opened = jwe::decrypt(token, &[key.map_err(shown)?]);
    opened.map(|plaintext| plaintext.expose().to_vec()).map_err(|error| error.to_string())
}

fn has_plaintext(
    outcome: &Result<Vec<u8>, String>,
    expected: Option<Vec<u8>>,
) -> Result<(), String> {
    match (outcome, expected) {
        (Ok(plaintext), Some(expected)) => same(plaintext, &expected),
        _ => Ok(()),
    }
}

fn judge_jwe(case: &Value) -> Result<(), String> {
    let outcome = decrypt(&case["key"], text(&case["token"]));
    as_expected(text(&case["expect"]), outcome.is_ok())
        .map_err(|it| format!("{it} {outcome:?}"))?;
    let utf8 = case["plaintext_utf8"].as_str().map(|text| text.as_bytes().to_vec());
    let b64u = case["plaintext_b64u"].as_str().map(|text| URL_SAFE_NO_PAD.decode(text).unwrap());
    has_plaintext(&outcome, utf8.or(b64u))?;
    if let Err(error) = &outcome
        && case["note"] == "same error text and status for every position"
    {
        return same(&error.as_str(), &"TokenUndecryptable: no decryption key opens the token");
    }
    Ok(())
}

/// A JSON serialization is no bearer token, whatever its keys.
fn judge_json_jwe(case: &Value) -> Result<(), String> {
    same(&text(&case["expect"]), &"reject as bearer token")?;
    let keys = [&case["key"], &case["keys"]].into_iter().flat_map(|keys| match keys {
        Value::Array(keys) => keys.clone(),
        Value::Null => Vec::new(),
        key => vec![key.clone()],
    });
    let mut judged = 0;
    for key in keys {
        for algorithm in KeyManagement::ALL {
            let Ok(key) = DecryptionKey::from_jwk_for(key.to_string().as_bytes(), *algorithm)
            else {
                continue;
            };
            as_expected("reject", jwe::decrypt(text(&case["token"]), &[key]).is_ok())?;
        }
        judged += 1;
    }
    if judged > 0 { Ok(()) } else { Err("no key".to_owned()) }
}

fn judge_nested(case: &Value) -> Result<(), String> {
    let inner = decrypt(&case["jwe_key"], text(&case["token"]))?;
    same(&String::from_utf8_lossy(&inner).as_ref(), &text(&case["inner"]))?;
    verify_by_key(&case["jws_key"], text(&case["inner"]))?;
    // as an access token: with the key it gets as far as the claims, without it nowhere
    let expect = "accept only when nesting is configured; inner signature is always verified";
    same(&text(&case["expect"]), &expect)?;
    let key = DecryptionKey::from_jwk(case["jwe_key"].to_string().as_bytes()).map_err(shown)?;
    let judged = |jwk: &[u8], keys: Vec<DecryptionKey>| {
        let mut builder =
            JwtValidator::builder(StaticKeys::new([Jwk::parse(jwk).unwrap()]).unwrap())
                .issuer("hobbiton.example")
                .dangerous()
                .any_audience()
                .accept_type("JWT")
                .decryption_keys(keys)
                .clock(Arc::new(At(1_300_819_000)));
        for claim in ["sub", "client_id", "iat", "jti"] {
            builder = builder.accept_missing(claim);
        }
        let outcome = validate(&builder.build().unwrap(), text(&case["token"]));
        outcome.map(drop).map_err(|error| error.kind())
    };
    let signed_by = case["jws_key"].to_string();
    same(&judged(signed_by.as_bytes(), vec![key.clone()]), &Ok(()))?;
    same(&judged(signed_by.as_bytes(), vec![]), &Err(AuthErrorKind::EncryptedTokenNoKey))?;
    same(&judged(OTHER_KEY, vec![key]), &Err(AuthErrorKind::BadSignature))
}

/// RFC 7515 appendix A.2.
const OTHER_KEY: &[u8] = br#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;

fn judge_jwk(case: &Value) -> Result<(), String> {
    let parsed = Jwk::parse(case["key"].to_string().as_bytes());
    match text(&case["expect"]) {
        "must not verify signatures" => {
            same(&parsed.map(|jwk| fitting(&jwk)).unwrap_or_default(), &Vec::new())
        }
        expect => as_expected(expect, parsed.is_ok()).map_err(|it| format!("{it} {parsed:?}")),
    }
}

fn judge_jwk_set(case: &Value) -> Result<(), String> {
    let document = case["jwks"].to_string();
    let local = JwkSet::parse(document.as_bytes(), 100);
    let remote = JwkSet::parse_remote(document.as_bytes(), 100);
    let expect = text(&case["expect"]);
    if expect.starts_with("fetched from a remote JWKS: ")
        && expect.ends_with(" As local configuration: accept")
    {
        let (local, remote) = (local.map_err(shown)?, remote.map_err(shown)?);
        same(&local.skipped().len(), &0)?;
        same(&remote.keys().iter().filter(|jwk| jwk.is_private()).count(), &0)?;
        same(&(remote.keys().len() + remote.skipped().len()), &local.keys().len())
    } else if expect.starts_with("reject the document") {
        same(&(local.is_ok(), remote.is_ok()), &(false, false))
    } else {
        as_expected(expect, local.is_ok())
    }
}

fn judge_thumbprint(case: &Value) -> Result<(), String> {
    same(&text(&case["expect"]), &"equal")?;
    let jwk = Jwk::parse(case["key"].to_string().as_bytes()).map_err(shown)?;
    match (case["sha256"].as_str(), case["uri"].as_str()) {
        (Some(expected), None) => same(&jwk.thumbprint().as_str(), &expected),
        (None, Some(expected)) => same(&jwk.thumbprint_uri().as_str(), &expected),
        _ => Err("neither sha256 nor uri".to_owned()),
    }
}

// ---- RFC 9068 access tokens

fn judge_access_token(document: &Value, case: &Value) -> Result<(), String> {
    let policy = &document["policy"];
    let jwk = Jwk::parse(document["key"].to_string().as_bytes()).map_err(shown)?;
    let algorithms = policy["alg"].as_array().unwrap().iter();
    let validator = JwtValidator::builder(StaticKeys::new([jwk]).unwrap())
        .issuer(text(&policy["iss"]))
        .audience(text(&policy["aud"]))
        .profile(Profile::rfc9068())
        .algorithms(algorithms.map(|name| Algorithm::parse(text(name)).unwrap()))
        .clock_tolerance(Duration::from_secs(policy["leeway_s"].as_u64().unwrap()))
        .clock(Arc::new(At(case["now"].as_u64().unwrap())))
        .build()
        .unwrap();
    let started = Instant::now();
    let outcome = validate(&validator, text(&case["token"]));
    if started.elapsed() > Duration::from_secs(1) {
        return Err(format!("took {:?}", started.elapsed()));
    }
    if let Err(error) = &outcome {
        // `error` is what the client is told: always invalid_token here
        same(&error.kind().class(), &AuthErrorClass::Invalid)?;
        if error.to_string().contains(|c: char| c.is_control()) {
            return Err(format!("unescaped: {error:?}"));
        }
    }
    let id = text(&case["id"]);
    if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == id) {
        same(&outcome.as_ref().err().map(AuthError::kind), kind)?;
    }
    let scope = |outcome: &Result<Identity, AuthError>| match outcome {
        Ok(identity) => identity.scope().iter().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    };
    match text(&case["expect"]) {
        "treat as no scope: 403 on a scoped route" => {
            same(&scope(&outcome), &Vec::new()).and(same(&outcome.is_ok(), &true))
        }
        "tokens openid, profile; no empty scope" => {
            same(&scope(&outcome), &vec!["openid".to_owned(), "profile".to_owned()])
        }
        "must not yield scope admin" | "must not satisfy a required scope \"admin\"" => {
            same(&outcome.is_ok_and(|identity| identity.scope().contains("admin")), &false)
        }
        "accept; Sub/AUD/Exp are unknown claims and must not override" => {
            let identity = outcome.map_err(|error| error.to_string())?;
            same(&identity.subject(), &Some("5ba552d67"))
        }
        expect => as_expected(expect, outcome.is_ok()).map_err(|it| format!("{it} {outcome:?}")),
    }
}

/// Where a case allows several outcomes, or only says "reject": the one that is ours.
const KINDS: &[(&str, Option<AuthErrorKind>)] = &[
    ("2.2-figure-2", None),
    ("typ-logout", Some(AuthErrorKind::WrongType)),
    ("typ-dpop", Some(AuthErrorKind::WrongType)),
    ("typ-secevent", Some(AuthErrorKind::WrongType)),
    ("typ-number", Some(AuthErrorKind::MalformedJwt)),
    ("missing-exp", Some(AuthErrorKind::MissingExpiry)),
    ("missing-aud", Some(AuthErrorKind::WrongAudience)),
    ("missing-sub", Some(AuthErrorKind::MissingClaim)),
    ("missing-jti", Some(AuthErrorKind::MissingClaim)),
    ("iss-prefix", Some(AuthErrorKind::WrongIssuer)),
    ("iss-array", Some(AuthErrorKind::MalformedJwt)),
    ("iss-null", Some(AuthErrorKind::MalformedJwt)),
    ("iss-nul-suffix", Some(AuthErrorKind::WrongIssuer)),
    ("aud-empty-string", Some(AuthErrorKind::WrongAudience)),
    ("aud-substring", Some(AuthErrorKind::WrongAudience)),
    ("aud-null", Some(AuthErrorKind::MalformedJwt)),
    ("exp-string", Some(AuthErrorKind::MalformedJwt)),
    ("exp-negative", Some(AuthErrorKind::Expired)),
    ("exp-i64-max", Some(AuthErrorKind::MalformedJwt)),
    ("exp-i64-max-plus-1", Some(AuthErrorKind::MalformedJwt)),
    ("exp-u64-max", Some(AuthErrorKind::MalformedJwt)),
    ("exp-1e308", Some(AuthErrorKind::MalformedJwt)),
    ("exp-minus-1e309", Some(AuthErrorKind::MalformedJwt)),
    ("exp-1e-400", Some(AuthErrorKind::Expired)),
    ("exp-400-digits", Some(AuthErrorKind::MalformedJwt)),
    ("nbf-i64-max", Some(AuthErrorKind::NotYetValid)),
    ("iat-negative", None),
    ("sub-empty", Some(AuthErrorKind::MalformedJwt)),
    ("sub-64KiB", Some(AuthErrorKind::TokenTooLong)),
    ("scope-object", Some(AuthErrorKind::MalformedJwt)),
    ("hdr-x5u", None),
    ("hdr-kid-path", Some(AuthErrorKind::UnknownKey)),
    ("hdr-kid-sql", Some(AuthErrorKind::UnknownKey)),
    ("hdr-kid-empty", Some(AuthErrorKind::UnknownKey)),
    ("hdr-kid-number", Some(AuthErrorKind::MalformedJwt)),
    ("hdr-kid-crlf", Some(AuthErrorKind::UnknownKey)),
    ("hdr-crit-unknown", Some(AuthErrorKind::MalformedJwt)),
    ("hdr-zip", None),
    ("hdr-enc", None),
    ("hdr-unknown-param", None),
];

// ---- small things

/// The words of `expect` that say accept or reject.
fn as_expected(expect: &str, accepted: bool) -> Result<(), String> {
    let both = expect.starts_with("either")
        || (expect.starts_with("accept") && expect.contains(" or reject"))
        || (expect.starts_with("reject") && expect.contains(" or accept"));
    let expected = if both {
        return Ok(());
    } else if expect == "accept" || expect.starts_with("accept ") || expect.starts_with("accept;") {
        true
    } else if expect.starts_with("reject") {
        false
    } else {
        return Err(format!("the expectation {expect:?} is unknown"));
    };
    if accepted == expected { Ok(()) } else { Err(format!("expected {expect:?}")) }
}

fn validate(validator: &JwtValidator, token: &str) -> Result<Identity, AuthError> {
    let parts = http::Request::new(()).into_parts().0;
    let attempt = validator.validate(Presented::new(token, &parts));
    Attempt::into_ready(attempt).expect("static keys are there at once")
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{found:?} is not {expected:?}")) }
}

fn shown(error: portcullis::jwt::JwkError) -> String {
    error.to_string()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
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
