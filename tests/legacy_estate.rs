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
fn whatever_is_left_out_the_check_fails_and_names_what_changed() {
    for (flag, expected) in [
        (
            "--without-protection",
            &[
                "S6-03 ask too early",
                "S6-05 ask with both",
                "S6-07 ask with the token alone",
                "S6-14 a ticket of another user",
                "the API sends nobody",
                "the API says what is missing",
            ][..],
        ),
        ("--without-same-subject", &["S6-14 a ticket of another user"]),
        (
            "--without-suppression",
            &[
                "the ticket says nothing to the API",
                "the API sends nobody",
                "the API says what is missing",
            ],
        ),
    ] {
        let (output, text) = estate(&["--check", flag]);
        assert_eq!(output.status.code(), Some(1), "{flag}\n{text}");
        let changed: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("changed: ")?.split(':').next())
            .collect();
        assert_eq!(changed, expected, "{flag}");
    }
}

#[test]
fn a_flag_that_is_not_known_is_told() {
    for (arguments, problem) in [
        (&["--without-doors"][..], "unknown argument --without-doors"),
        (&["--listen", "here"], "--listen here: invalid socket address syntax"),
        (&["--page"], "--page : invalid socket address syntax"),
    ] {
        let (output, _) = estate(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.starts_with(problem), "{told}");
        assert!(told.contains("--without-suppression"), "{told}");
    }
}

/// The page asks nobody but the estate: what is loaded comes from where the page comes from.
#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/legacy_estate/page");
    for file in ["index.htm", "login.htm", "page.css", "page.js"] {
        let text = std::fs::read_to_string(format!("{page}/{file}")).expect("the file is there");
        for word in
            ["http:", "https:", "url(", "@import", "innerHTML", "eval(", "style=", "onclick=\""]
        {
            assert!(!text.contains(word), "{file}: {word}");
        }
    }
}
