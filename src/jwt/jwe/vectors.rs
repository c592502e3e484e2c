//! The vectors of what lies behind the public face: content encryption, key wrap, key derivation, and
//! signatures over bytes that are no JWS. Every file of `tests/data/vectors/jose` and of its folder
//! `primitives`, and the same in `$PORTCULLIS_VECTORS`. `tests/jose_vectors.rs` judges the rest.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{ContentEncryption, content, private_jwk};
use crate::{
    base64url,
    crypto::{AgreementCurve, AgreementKey, WrappingKey, derive_concat},
    jwt::{Algorithm, Jwk},
};

#[test]
fn all_agree() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let folders = [Some(own), std::env::var_os("PORTCULLIS_VECTORS").map(PathBuf::from)];
    let mut total = BTreeMap::<String, usize>::new();
    let mut failures = Vec::new();
    for folder in folders.into_iter().flatten().map(|folder| folder.join("jose")) {
        for file in json_files(&folder).into_iter().chain(json_files(&folder.join("primitives"))) {
            let document: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let mut judged = BTreeMap::new();
            for (kind, id, verdict) in judge(&document) {
                *judged.entry(kind.clone()).or_insert(0) += 1;
                *total.entry(kind).or_default() += 1;
                failures.extend(verdict.err().map(|it| format!("{} {id}: {it}", file.display())));
            }
            if !judged.is_empty() {
                println!("{}: {judged:?}", file.display());
            }
        }
    }
    println!("{total:?}");
    for (kind, least) in [
        ("AeadTest", 150),
        ("EcdsaP1363Verify", 100),
        ("EddsaVerify", 50),
        ("KeywrapTest", 50),
        ("aead", 5),
        ("ecdh_es_kdf", 1),
    ] {
        assert!(total.get(kind).is_some_and(|judged| *judged >= least), "{kind}: too few");
    }
    assert!(failures.is_empty(), "{} disagree:\n{}", failures.len(), failures.join("\n"));
}

type Judged = (String, String, Result<(), String>);

fn judge(document: &Value) -> Vec<Judged> {
    let mut judged = Vec::new();
    for group in list(&document["testGroups"]) {
        let kind = text(&group["type"]);
        let judge: fn(&Value, &Value) -> Result<(), String> = match kind {
            "AeadTest" => |_, test| aead(&test["key"], test, &test["msg"], &test["result"]),
            "EcdsaP1363Verify" | "EddsaVerify" => signature,
            "KeywrapTest" => |_, test| key_wrap(test),
            _ => continue,
        };
        for test in list(&group["tests"]) {
            judged.push((kind.to_owned(), test["tcId"].to_string(), judge(group, test)));
        }
    }
    for case in list(&document["cases"]) {
        let verdict = match text(&case["kind"]) {
            "aead" => aead_of_the_rfc(case),
            "ecdh_es_kdf" => derivation(case),
            _ => continue,
        };
        judged.push((text(&case["kind"]).to_owned(), text(&case["id"]).to_owned(), verdict));
    }
    judged
}

/// Wycheproof says by the lengths which encryption it is.
fn aead(key: &Value, test: &Value, plaintext: &Value, result: &Value) -> Result<(), String> {
    let key = hex(key);
    let enc = match (key.len(), hex(&test["iv"]).len()) {
        (16, _) => ContentEncryption::A128Gcm,
        (32, 12) => ContentEncryption::A256Gcm,
        (32, _) => ContentEncryption::A128CbcHs256,
        _ => ContentEncryption::A256CbcHs512,
    };
    let mut buffer = hex(&test["ct"]);
    let (iv, associated, tag) = (hex(&test["iv"]), hex(&test["aad"]), hex(&test["tag"]));
    let opened = content::open(enc, &key, &iv, &associated, &mut buffer, &tag);
    expect(result, opened.is_some())?;
    if opened.is_none() {
        return Ok(());
    }
    if buffer != hex(plaintext) {
        return Err("another plaintext".to_owned());
    }
    Ok(())
}

fn aead_of_the_rfc(case: &Value) -> Result<(), String> {
    let enc = ContentEncryption::parse(text(&case["enc"])).ok_or("not supported")?;
    let mut buffer = hex(&case["ct_hex"]);
    let opened = content::open(
        enc,
        &hex(&case["key_hex"]),
        &hex(&case["iv_hex"]),
        &hex(&case["aad_hex"]),
        &mut buffer,
        &hex(&case["tag_hex"]),
    );
    expect(&case["expect"], opened.is_some())?;
    if opened.is_some() && buffer != hex(&case["pt_hex"]) {
        return Err("another plaintext".to_owned());
    }
    Ok(())
}

fn key_wrap(test: &Value) -> Result<(), String> {
    let key = WrappingKey::new(&hex(&test["key"])).ok_or("no key")?;
    let wrapped = hex(&test["ct"]);
    let mut output = vec![0; wrapped.len().saturating_sub(8)];
    let unwrapped = key.unwrap_key(&wrapped, &mut output);
    expect(&test["result"], unwrapped.is_some())?;
    if unwrapped.is_none() {
        return Ok(());
    }
    if output != hex(&test["msg"]) {
        return Err("another key".to_owned());
    }
    if key.wrap_key(&output).as_ref() != Some(&wrapped) {
        return Err("wrapped otherwise".to_owned());
    }
    Ok(())
}

fn signature(group: &Value, test: &Value) -> Result<(), String> {
    let public = &group["publicKey"];
    let (algorithm, crv) = match text(&public["curve"]) {
        "secp256r1" => (Algorithm::ES256, "P-256"),
        "secp384r1" => (Algorithm::ES384, "P-384"),
        "secp521r1" => (Algorithm::ES512, "P-521"),
        "edwards25519" => (Algorithm::EdDSA, "Ed25519"),
        other => return Err(format!("the curve {other:?} is unknown")),
    };
    let jwk = if algorithm == Algorithm::EdDSA {
        format!(r#"{{"kty":"OKP","crv":"{crv}","x":"{}"}}"#, base64url::encode(hex(&public["pk"])))
    } else {
        let point = hex(&public["uncompressed"]);
        let (x, y) = point[1..].split_at(point.len() / 2);
        let (x, y) = (base64url::encode(x), base64url::encode(y));
        format!(r#"{{"kty":"EC","crv":"{crv}","x":"{x}","y":"{y}"}}"#)
    };
    let jwk = Jwk::parse(jwk.as_bytes());
    // not with RustCrypto
    if cfg!(not(feature = "aws-lc")) && algorithm == Algorithm::ES512 {
        return Ok(());
    }
    let (message, signature) = (hex(&test["msg"]), hex(&test["sig"]));
    expect(&test["result"], jwk.is_ok_and(|jwk| jwk.verify(algorithm, &message, &signature)))
}

fn derivation(case: &Value) -> Result<(), String> {
    let private = private_jwk::PrivateJwk::parse(
        case["private"].to_string().as_bytes(),
        Some(super::KeyManagement::EcdhEs),
    );
    let Ok(private_jwk::Numbers::Agreement(curve, private, public)) =
        private.map(|jwk| jwk.numbers)
    else {
        return Err("no private key".to_owned());
    };
    let key = AgreementKey::new(curve, &private, &public).ok_or("no key pair")?;
    let peer = curve.public(&base64(&case["epk"]["x"]), Some(&base64(&case["epk"]["y"])));
    let agreed = key.agree(&peer.ok_or("no public key")?).ok_or("no agreement")?;
    let mut output = vec![0; usize::try_from(case["bits"].as_u64().unwrap()).unwrap() / 8];
    derive_concat(
        &agreed,
        text(&case["algid"]).as_bytes(),
        text(&case["apu"]).as_bytes(),
        text(&case["apv"]).as_bytes(),
        &mut output,
    );
    let equal = output == base64(&case["derived_b64u"]);
    if equal && case["expect"] == "equal" { Ok(()) } else { Err("another key".to_owned()) }
}

/// RFC 7748 §6.1, and points that lead to nothing.
#[test]
fn x25519_refuses_points_of_small_order() {
    let pair = |private: u8, public: &[u8]| {
        AgreementKey::new(AgreementCurve::X25519, &[private; 32], public)
    };
    let base = [&[9][..], &[0; 31]].concat();
    assert!(pair(7, &base).is_none(), "the public key is another one's");
    // the key of the RFC 7520 cookbook's curve25519 example
    let private = base64url::decode("XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os").unwrap();
    let public = base64url::decode("3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08").unwrap();
    let key = AgreementKey::new(AgreementCurve::X25519, &private, &public).unwrap();
    assert_eq!(key.agree(&base).as_deref(), Some(&public));
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    let one = [&[1][..], &[0; 31]].concat();
    for low in [&[0; 32][..], &one, &minus_one] {
        assert!(key.agree(low).is_none(), "{low:x?}");
    }
    assert!(key.agree(&base[..31]).is_none());
}

fn expect(result: &Value, accepted: bool) -> Result<(), String> {
    match (text(result), accepted) {
        ("valid" | "accept", true) | ("invalid" | "reject", false) | ("acceptable", _) => Ok(()),
        (result, accepted) => Err(format!("{result:?}, but accepted: {accepted}")),
    }
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn base64(value: &Value) -> Vec<u8> {
    base64url::decode(text(value)).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let hex = text(value);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
