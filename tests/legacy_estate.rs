//! The legacy estate does what it shows, and its check can fail.

use std::process::{Command, Output};

fn estate(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "legacy_estate", "--"])
        .args(arguments)
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

#[test]
fn the_seven_steps_are_answered_as_they_should_be() {
    let (output, text) = estate(&["--check"]);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        r#"401  GET  /api/test       missing ["token"]: PlaceholderToken: the client sent a placeholder in place of a token"#,
        r#"401  GET  /api/test       missing ["session"]: NoCredential: no credential was sent"#,
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\nis missing in\n{text}");
    }
}

#[test]
fn without_the_layer_the_check_fails_and_names_what_changed() {
    let (output, text) = estate(&["--check", "--without-protection"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let changed: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("changed: ")?.split(':').next()).collect();
    assert_eq!(
        changed,
        ["S6-03 ask too early", "S6-05 ask with both", "S6-07 ask with the token alone"]
    );
}
