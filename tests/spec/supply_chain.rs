//! What we build on: versions below which a known hole is open.

use std::process::Command;

use serde_json::Value;

use super::ledger;

chapter! {
    fn jsonwebtoken_is_pinned_and_banned_below_eleven;
    fn no_dependency_asks_for_a_newer_compiler;
    fn http2_is_a_version_that_bounds_floods;
    fn secrets_are_compared_in_constant_time;
    fn features_choose_what_exists_and_never_what_is_checked;
    fn missing_cryptography_is_said_when_it_is_built;
    fn a_mislabelled_vector_is_judged_by_its_reasoned_verdict;
}

/// Advisory feeds lag behind: the floor is ours, in the manifest, in the lock file, and in the
/// settings of cargo-deny, which stop a second, older copy from slipping in.
fn jsonwebtoken_is_pinned_and_banned_below_eleven() {
    let lock = include_str!("../../Cargo.lock");
    let versions: Vec<&str> = lock
        .split("[[package]]")
        .filter(|package| package.contains("name = \"jsonwebtoken\""))
        .filter_map(|package| package.split("version = \"").nth(1)?.split('.').next())
        .collect();
    assert_eq!(versions, ["11"]);

    let deny = include_str!("../../deny.toml");
    assert!(deny.lines().any(|line| line.contains(r#"crate = "jsonwebtoken:<11""#)));

    ledger::passed("SUP-08");
}

/// Also of those that only tests and examples need: the whole suite builds with our `rust-version`.
fn no_dependency_asks_for_a_newer_compiler() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--all-features", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);

    let newer: Vec<&str> = packages
        .iter()
        .filter(|package| package["rust_version"].as_str().map(minor) > Some(minor("1.88")))
        .map(|package| package["id"].as_str().unwrap())
        .collect();
    assert!(newer.is_empty(), "{newer:#?}");
}

/// The second number of `1.88` or `1.88.0`.
fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|number| number.parse().ok()).unwrap()
}

/// RUSTSEC-2024-0003 and RUSTSEC-2024-0332: floods of resets and of CONTINUATION frames.
fn http2_is_a_version_that_bounds_floods() {
    let lock = include_str!("../../Cargo.lock");
    let patch = |name: &str| -> Vec<(u32, u32)> {
        lock.split("[[package]]")
            .filter(|package| package.contains(&format!("name = \"{name}\"\n")))
            .filter_map(|package| {
                let mut numbers = package.split("version = \"").nth(1)?.split(['.', '"']).skip(1);
                Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
            })
            .collect()
    };
    let h2 = patch("h2");
    assert!(!h2.is_empty() && h2.iter().all(|version| *version >= (4, 4)), "{h2:?}");
    ledger::passed("HTTP-17");
}

/// A token in the cache and a MAC are the comparisons of something secret; each goes through the
/// crypto library. That it decides right is tested where it stands.
fn secrets_are_compared_in_constant_time() {
    let cache = include_str!("../../src/token/in_memory_tokens.rs");
    assert_eq!(cache.matches("crypto::equal(").count(), 3);
    assert_eq!(cache.matches(".expose() ==").count(), 0);
    let equal = include_str!("../../src/crypto/constant_time.rs");
    assert!(equal.contains("aws_lc_rs::constant_time::verify_slices_are_equal(a, b)"));
    assert!(equal.contains("subtle::ConstantTimeEq::ct_eq(a, b)"));
    let mac = include_str!("../../src/crypto/hmac.rs");
    assert!(mac.contains("lc::verify(&self.0, message, tag).is_ok()"));
    assert!(mac.contains("equal(&self.sign(message), tag)"));
    ledger::passed("HTTP-10");
}

/// `cfg(feature)` stands at doors, in the crypto room and where the default client is made; no rule,
/// no policy and no answer depends on one.
fn features_choose_what_exists_and_never_what_is_checked() {
    fn gather(folder: &std::path::Path, files: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, files);
            } else if path.extension().is_some_and(|end| end == "rs")
                && std::fs::read_to_string(&path).unwrap().lines().any(|line| {
                    let code = line.trim_start();
                    code.contains("cfg") && code.contains("feature = ") && !code.starts_with("//")
                })
            {
                files.push(path.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut files = Vec::new();
    gather(std::path::Path::new(root), &mut files);
    assert!(!files.is_empty());
    let allowed = [
        "/lib.rs",
        "/mod.rs", // doors hold no rule
        "/tests.rs",
        "/src/authenticate/layer.rs", // what only `RequireBoth` asks for
        "/src/authentication.rs",     // the mark of a test's record, under `testing`
        "/src/axum.rs",               // answers of what only tickets have
        "/src/crypto/",
        "/src/introspection/builder.rs", // where the default client is made
        "/src/jwt/jwe/vectors.rs",
        "/src/jwt/remote/builder.rs",
        "/src/scheme/authenticator.rs", // signing in, which only tickets do
        "/src/scheme/bearer.rs",        // `revalidate`, whose memory needs cryptography
        "/src/scheme/judge.rs",         // likewise
        "/src/scheme/named.rs",         // a cookie that cannot be
        "/src/stacks/bearer_auth.rs",   // `oidc`, where there is a client
        "/src/testing/",
        "/src/token/revalidate.rs", // a link in its docs
    ];
    files.retain(|file| !allowed.iter().any(|place| file.contains(place)));
    assert!(files.is_empty(), "{files:#?}");
    ledger::passed("SUP-03");
}

/// Without a back end the crate does not build, and with one nothing is looked up at run time that
/// could be missing: a client and a key source are made without a panic.
fn missing_cryptography_is_said_when_it_is_built() {
    let roof = include_str!("../../src/lib.rs");
    assert!(roof.contains(r#"not(any(feature = "aws-lc", feature = "rust-crypto"))"#));
    assert!(roof.contains("compile_error!"));
    portcullis::jwt::RemoteKeys::discover("https://issuer.test").unwrap();
    ledger::passed("SUP-04");
}

/// The reasons stand with the vectors; what is in our own copy is what the vector tests judge by.
fn a_mislabelled_vector_is_judged_by_its_reasoned_verdict() {
    let text = include_str!("../data/vectors/jose/wycheproof_jws.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let groups = file["groups"].as_array().or(file["testGroups"].as_array()).unwrap();
    let mut deviations = Vec::new();
    for test in groups.iter().flat_map(|group| group["tests"].as_array().unwrap()) {
        let by_label = if test["label"] == "valid" { "accept" } else { "reject" };
        if test["expect"] != by_label {
            assert!(test["adjusted"].as_str().is_some_and(|why| !why.is_empty()), "{test}");
            deviations.push(test["tcId"].as_u64().unwrap());
        }
    }
    assert_eq!(deviations, [347, 372, 373]);
    ledger::passed("SUP-09");
}
