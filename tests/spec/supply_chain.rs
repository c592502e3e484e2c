//! What we build on: versions below which a known hole is open.

use super::ledger;

chapter! {
    fn jsonwebtoken_is_pinned_and_banned_below_eleven;
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
