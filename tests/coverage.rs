//! Every id of `tests/data/{conformance,attacks,host_authentication,seed_systems}.csv` is data of a
//! test that ran and whose assertions passed, or is exempt until a named change.
//!
//! The chapters in `tests/spec/` are ordinary tests. The last test here runs them all as well
//! (each runs once per process) and compares the ids they wrote down with the lists.

mod spec;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};

/// The lists, by file.
const LISTS: &[(&str, &str)] = &[
    ("attacks", include_str!("data/attacks.csv")),
    ("conformance", include_str!("data/conformance.csv")),
    ("host_authentication", include_str!("data/host_authentication.csv")),
    ("seed_systems", include_str!("data/seed_systems.csv")),
];

/// What an id may wait for. A change that arrives loses its line here and its exemptions with it.
const CHANGES: &[&str] = &[
    "ASP.NET Core tickets",
    "DPoP",
    "both local and introspected",
    "client assertions and mutual TLS",
    "host authentication",
    "live configuration",
    "metrics",
    "query and body transports",
    "shadow mode",
    "signed introspection answers",
    "token exchange and resource indicators",
];

#[test]
fn every_listed_id_is_covered() {
    let listed: Vec<Listed> =
        LISTS.iter().flat_map(|(file, text)| read(file, text).unwrap()).collect();
    let failed = spec::runner::run_all(spec::CHAPTERS);
    let verdict = compare(&listed, &spec::ledger::snapshot());

    // Straight to the handle: libtest does not capture it, so a green run shows it too.
    writeln!(io::stdout(), "{verdict}").unwrap();
    assert!(failed.is_empty(), "tests failed:\n  {}", failed.join("\n  "));
    assert!(
        verdict.is_complete(),
        "lists and tests disagree; the line that begins with `coverage:` says where"
    );
}

#[test]
fn every_chapter_is_listed() {
    const MACHINERY: &[&str] = &["ledger", "mod", "runner"];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/spec");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !MACHINERY.contains(&name.as_str()))
        .collect();
    files.sort();
    let mut chapters: Vec<&str> = spec::CHAPTERS.iter().map(|(name, _)| *name).collect();
    chapters.sort_unstable();

    assert_eq!(files, chapters);
}

/// A line of a list.
#[derive(Clone, Copy, Debug)]
struct Listed {
    id: &'static str,
    /// The change that brings it; empty where a test is due.
    exempt: &'static str,
}

/// Reads `id,title,exempt`; no field is quoted, so none holds a comma.
fn read(file: &str, text: &'static str) -> Result<Vec<Listed>, String> {
    let mut lines = text.lines();
    if lines.next() != Some("id,title,exempt") {
        return Err(format!("{file}: the first line names the columns"));
    }
    lines
        .map(|line| match line.split(',').collect::<Vec<_>>()[..] {
            ["", ..] | [_, "", ..] => Err(format!("{file}: no id or no title: {line}")),
            [id, _, ""] => Ok(Listed { id, exempt: "" }),
            [id, _, exempt] if CHANGES.contains(&exempt) => Ok(Listed { id, exempt }),
            [id, _, exempt] => Err(format!("{file}: {id} waits for an unknown {exempt:?}")),
            _ => Err(format!("{file}: not three fields: {line}")),
        })
        .collect()
}

/// What is wrong with the coverage, and the numbers.
#[derive(Debug, Default)]
struct Verdict {
    covered: usize,
    /// How many ids wait for each change.
    exempt: BTreeMap<&'static str, usize>,
    /// Listed, due, and not tested.
    missing: Vec<&'static str>,
    /// Exempt, and tested all the same.
    stale: Vec<&'static str>,
    /// Listed twice.
    twice: Vec<&'static str>,
    /// Tested, and in no list.
    unknown: Vec<String>,
}

impl Verdict {
    fn is_complete(&self) -> bool {
        self.missing.is_empty()
            && self.stale.is_empty()
            && self.twice.is_empty()
            && self.unknown.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exempt: usize = self.exempt.values().sum();
        write!(f, "coverage: {} ids covered, {exempt} exempt (", self.covered)?;
        for (at, (change, count)) in self.exempt.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{change}: {count}")?;
        }
        write!(f, "), {} without a test", self.missing.len())?;
        if !self.missing.is_empty() {
            write!(f, "\n  without a test: {}", self.missing.join(" "))?;
        }
        if !self.stale.is_empty() {
            write!(f, "\n  exempt, yet tested: {}", self.stale.join(" "))?;
        }
        if !self.twice.is_empty() {
            write!(f, "\n  listed twice: {}", self.twice.join(" "))?;
        }
        if !self.unknown.is_empty() {
            write!(f, "\n  tested, but in no list: {}", self.unknown.join(" "))?;
        }
        Ok(())
    }
}

fn compare(listed: &[Listed], passed: &BTreeSet<String>) -> Verdict {
    let mut verdict = Verdict::default();
    let mut ids = BTreeSet::new();
    for Listed { id, exempt } in listed {
        if !ids.insert(*id) {
            verdict.twice.push(id);
            continue;
        }
        match (passed.contains(*id), exempt.is_empty()) {
            (true, true) => verdict.covered += 1,
            (true, false) => verdict.stale.push(id),
            (false, true) => verdict.missing.push(id),
            (false, false) => *verdict.exempt.entry(exempt).or_default() += 1,
        }
    }
    verdict.unknown = passed.iter().filter(|id| !ids.contains(id.as_str())).cloned().collect();
    verdict
}

mod comparison {
    use super::*;

    const DUE: Listed = Listed { id: "6750-01", exempt: "" };
    const WAITING: Listed = Listed { id: "OPS-01", exempt: "metrics" };

    fn passed(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn complete() {
        let verdict = compare(&[DUE, WAITING], &passed(&["6750-01"]));
        assert!(verdict.is_complete());
        assert_eq!(
            verdict.to_string(),
            "coverage: 1 ids covered, 1 exempt (metrics: 1), 0 without a test"
        );
    }

    #[test]
    fn an_id_without_a_test_is_named() {
        let verdict = compare(&[DUE, WAITING], &passed(&[]));
        assert!(!verdict.is_complete());
        assert_eq!(verdict.missing, ["6750-01"]);
    }

    #[test]
    fn a_misspelt_id_is_named() {
        let verdict = compare(&[DUE], &passed(&["6750-01", "6750-1"]));
        assert!(!verdict.is_complete());
        assert_eq!(verdict.unknown, ["6750-1"]);
    }

    #[test]
    fn an_exemption_that_is_tested_is_stale() {
        let verdict = compare(&[DUE, WAITING], &passed(&["6750-01", "OPS-01"]));
        assert!(!verdict.is_complete());
        assert_eq!(verdict.stale, ["OPS-01"]);
    }

    #[test]
    fn an_id_in_two_lists_is_named() {
        let verdict = compare(&[DUE, DUE], &passed(&["6750-01"]));
        assert!(!verdict.is_complete());
        assert_eq!(verdict.twice, ["6750-01"]);
    }

    #[test]
    fn a_list_is_read_strictly() {
        let line = |line: &'static str| read("planted", line).map(|rows| rows.len());
        assert_eq!(line("id,title,exempt\nA-1,some words,\nA-2,others,DPoP"), Ok(2));
        for bad in [
            "A-1,some words,",
            "id,title,exempt\nA-1,some words",
            "id,title,exempt\nA-1,some, words,",
            "id,title,exempt\n,some words,",
            "id,title,exempt\nA-1,,",
            "id,title,exempt\nA-1,some words,some day",
        ] {
            assert!(line(bad).is_err(), "{bad}");
        }
    }
}

mod tables {
    use super::spec::Test;
    use super::spec::ledger::{self, Row};
    use super::spec::runner::{paused, run_all};

    struct Planted(&'static str);

    impl Row for Planted {
        fn id(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn a_table_without_rows_fails() {
        const NONE: &[Planted] = &[];
        const TESTS: &[Test] = &[
            Test { name: "sync", run: || ledger::table(NONE, |_| ()) },
            Test { name: "waiting", run: || paused(ledger::table_async(NONE, async |_| ())) },
        ];
        assert_eq!(run_all(&[("planted", TESTS)]).len(), 2);
    }

    #[test]
    fn each_failing_row_is_named_and_none_is_written_down() {
        const ROWS: &[Planted] = &[Planted("planted-1"), Planted("planted-2")];
        const TESTS: &[Test] = &[
            Test { name: "sync", run: || ledger::table(ROWS, |row| panic!("no {}", row.0)) },
            Test {
                name: "waiting",
                run: || {
                    paused(ledger::table_async(ROWS, async |row| {
                        tokio::task::yield_now().await;
                        panic!("no {}", row.0);
                    }));
                },
            },
        ];

        assert_eq!(
            run_all(&[("planted", TESTS)]),
            ["sync", "waiting"].map(|name| format!(
                "planted::{name}: 2 rows failed:\n  planted-1: no planted-1\n  planted-2: no planted-2"
            ))
        );
        assert!(!ledger::snapshot().iter().any(|id| id.starts_with("planted")));
    }
}
