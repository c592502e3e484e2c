//! The quickstart does what it shows, and its check can fail.

use std::process::{Command, Output};

fn quickstart(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "quickstart", "--"])
        .args(arguments)
        .output()
        .expect("cargo runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_line_gets_the_answer_and_the_reason_that_the_readme_shows() {
    let output = quickstart(&["--check"]);
    let text = stdout(&output);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "401  GET  /orders  NoCredential   no Authorization header was sent",
        "200  GET  /orders  alice          Bearer, scope orders:read, signature checked with key k1",
        "401  GET  /orders  BadSignature   the signature does not verify",
        "403  POST /orders  MissingScope   needs orders:write, alice has orders:read",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\nis missing in\n{text}");
    }
    assert!(text.contains("401  GET  /orders  Expired        exp "), "{text}");
}

#[test]
fn without_the_layer_the_check_fails_and_names_what_changed() {
    let output = quickstart(&["--check", "--without-protection"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let changed: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("changed: ")?.split(':').next()).collect();
    assert_eq!(changed, ["no token", "expired", "forged", "scope too small"]);
}
