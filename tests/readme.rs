//! The README as a newcomer uses it: each block, in a fresh crate that depends on this one.

use std::{fs, path::Path, process::Command};

/// Builds all Rust blocks of the README, one program each, in one crate outside of this one, so
/// that a reader may paste them. One crate, so that the dependencies are checked once.
#[test]
fn each_block_builds_in_a_fresh_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let blocks = rust_blocks(&fs::read_to_string(root.join("README.md")).unwrap());

    for needed in ["use axum::", "use hyper::", "use tonic::", "MockIssuer"] {
        assert!(blocks.iter().any(|block| block.contains(needed)), "no block with {needed}");
    }

    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    let programs = scratch.join("src/bin");
    let _ = fs::remove_dir_all(&programs);
    fs::create_dir_all(&programs).unwrap();
    let manifest = MANIFEST.replace("PATH", &root.display().to_string());
    fs::write(scratch.join("Cargo.toml"), manifest).unwrap();
    // the same versions as here, so that nothing is fetched
    fs::copy(root.join("Cargo.lock"), scratch.join("Cargo.lock")).unwrap();
    for (index, block) in blocks.iter().enumerate() {
        fs::write(programs.join(format!("block{index}.rs")), program(block)).unwrap();
    }

    let check = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--bins"])
        .current_dir(&scratch)
        // what this crate's own build made already is not made again
        .env("CARGO_TARGET_DIR", scratch.ancestors().nth(2).unwrap())
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

#[test]
fn the_two_commands_come_first() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let first_block = readme.split("```").nth(1).unwrap();
    let commands: Vec<&str> =
        first_block.lines().skip(1).map(|line| line.split('#').next().unwrap().trim()).collect();
    assert_eq!(commands, ["cargo run --example quickstart -- --check", "cargo test"]);
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/main.rs").exists());
}

/// The README's table, the manifest and the crate docs name the same features.
#[test]
fn the_features_are_those_of_the_manifest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let mut declared: Vec<&str> = section
        .lines()
        .filter(|line| !line.starts_with(['#', ' ', ']']))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| *name != "default")
        .collect();
    declared.sort_unstable();

    for page in ["README.md", "src/lib.rs"] {
        let page = fs::read_to_string(root.join(page)).unwrap();
        let mut told: Vec<&str> = page
            .lines()
            .map(|line| line.trim_start_matches("//! "))
            .skip_while(|line| !line.starts_with("| feature |"))
            .skip(2)
            .map_while(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name))
            .collect();
        told.sort_unstable();
        assert_eq!(told, declared);
    }
}

/// Every function and type that the tables of the page for .NET people name is in the source, public.
#[test]
fn the_words_for_dotnet_people_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = source(&root.join("src"));
    let page = fs::read_to_string(root.join("docs/FROM-ASPNET.md")).unwrap();
    let mut words = 0;
    for cell in page.lines().filter(|line| line.starts_with('|')).filter_map(here) {
        for code in cell.split('`').skip(1).step_by(2) {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            for (at, _) in code.match_indices('(') {
                let name = code[..at].rsplit(|c| !is_word(c)).next().unwrap();
                let public = ["pub fn ", "pub const fn ", "pub async fn ", "    fn "];
                let exists = |start: &&str| {
                    [format!("{start}{name}("), format!("{start}{name}<")]
                        .iter()
                        .any(|it| source.contains(it))
                };
                let from_elsewhere = ["include_str", "Caller", ""].contains(&name);
                assert!(from_elsewhere || public.iter().any(exists), "{name} in {code}");
                words += 1;
            }
        }
    }
    assert!(words > 30, "{words}");
}

/// The right half of a row whose left half is .NET's.
fn here(row: &str) -> Option<&str> {
    row.trim_end_matches([' ', '|']).rsplit_once(" | ").map(|(_, here)| here)
}

fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &source(&path);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// The blocks that are Rust.
fn rust_blocks(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let is_rust =
            line.strip_prefix("```").is_some_and(|info| info.split(',').next() == Some("rust"));
        if line.starts_with("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if is_rust {
                blocks.push(body.join("\n"));
            }
        }
    }
    blocks
}

/// A block that is no whole program yet becomes one.
fn program(block: &str) -> String {
    if block.contains("fn main()") {
        return block.to_owned();
    }
    format!("#![allow(dead_code)]\n{block}\n\nfn main() {{}}\n")
}

const MANIFEST: &str = r#"[package]
name = "fresh"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
portcullis = { path = "PATH", features = ["axum", "testing"] }
axum = "0.8"
bytes = "1"
http = "1"
http-body-util = "0.1"
hyper = { version = "1", features = ["http1", "server"] }
hyper-util = { version = "0.1", features = ["service", "tokio"] }
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["full"] }
tonic = "0.14"
tower = { version = "0.5", features = ["util"] }
"#;
