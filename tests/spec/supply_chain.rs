//! What we build on: versions below which a known hole is open.

use std::process::Command;

use serde_json::Value;

use super::ledger;

chapter! {
    fn jsonwebtoken_is_pinned_and_banned_below_eleven;
    fn no_dependency_asks_for_a_newer_compiler;
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
        .args(["metadata", "--format-version=1", "--all-features", "--offline", "--locked"])
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
