//! The house stands on its floors: every import of `src/` is held against docs/ARCHITECTURE.md.
//!
//! 1. A file uses what is on a lower floor, or earlier on its own floor. On a floor of *brothers*
//!    it uses nothing beside it. In one room (a folder) there is no circle.
//! 2. `mod.rs` is a door: `mod` and `use`, nothing else. `lib.rs` is the roof: nothing imports it.
//! 3. Some things are made in one room only: status codes, header text, readings of the clock.
//! 4. No file is longer than 450 lines. Nothing outside tests unwraps.
//!
//! Paths that begin with `crate`, `super` or `self` are followed wherever they stand: in `use`, in
//! types and expressions, and in the tokens of macro calls. A name that a door re-exports is
//! followed to the file it lies in. Links in documentation and code under `#[cfg(test)]` are free.

mod planted;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use reading::{Module, Reading, read};

struct Floor {
    /// Its rooms know nothing of one another.
    brothers: bool,
    /// Files and folders of `src/`, each using only those before it.
    rooms: &'static [&'static str],
}

/// From the ground up.
const FLOORS: &[Floor] = &[
    Floor {
        brothers: false,
        rooms: &[
            "attempt",
            "clock",
            "secret",
            "base64url",
            "json",
            "crypto",
            "principal",
            "error",
            "claims",
        ],
    },
    Floor { brothers: false, rooms: &["challenge", "token", "fetch", "ticket"] },
    Floor { brothers: true, rooms: &["jwt", "introspection", "ticket/aspnet"] },
    Floor { brothers: false, rooms: &["scheme", "rejection"] },
    Floor { brothers: false, rooms: &["authentication", "caller", "explain"] },
    Floor {
        brothers: false,
        rooms: &["policy", "suppress", "csrf", "require", "authenticate", "axum"],
    },
    Floor { brothers: false, rooms: &["stacks"] },
    Floor { brothers: false, rooms: &["testing"] },
];

/// Names that are used in some rooms only; each ends a path or stands inside one.
const RESERVED: &[(&[&str], &[&str])] = &[
    (&["Instant", "now"], &["clock"]),
    (&["SystemTime", "now"], &["clock"]),
    (&["aws_lc_rs"], &["crypto", "testing"]),
    (&["reqwest"], &["fetch"]),
    // tells apart what a padding oracle tells apart: for operators, never for a request
    (&["diagnose"], &["ticket/aspnet"]),
    (&["DiagnosisKeys"], &["ticket/aspnet"]),
];

/// Rooms that make a status code. Comparing with one by `==` is free: that asks, it does not answer.
const STATUS_CODES: &[&str] = &["rejection", "testing"];

/// Rooms that write the text of `WWW-Authenticate`, and what gives such text away.
const HEADER_TEXT: &[&str] = &["challenge", "testing"];
const HEADER_WORDS: &[&str] =
    &["realm=", "error=\"", "error_description=", "error_uri=", "www-authenticate"];

const LONGEST_FILE: usize = 450;

#[test]
fn the_house_stands() {
    let mut sources = Sources::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    assert!(sources.contains_key("lib.rs"));

    let faults = judge(&sources);
    assert!(faults.is_empty(), "{} faults:\n  {}", faults.len(), faults.join("\n  "));
}

/// File (relative to `src/`) and text.
type Sources = BTreeMap<String, String>;

fn gather(folder: &Path, prefix: &str, sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            gather(&entry.path(), &format!("{name}/"), sources);
        } else if name.ends_with(".rs") {
            sources.insert(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn judge(sources: &Sources) -> Vec<String> {
    let parsed: BTreeMap<&str, Reading> =
        sources.iter().map(|(file, text)| (file.as_str(), read(file, text))).collect();
    let tests: BTreeSet<&Module> = parsed.values().flat_map(|reading| &reading.tests).collect();
    let house: House<'_> = parsed
        .iter()
        .filter(|(_, reading)| !tests.contains(&reading.module))
        .map(|(file, reading)| (reading.module.clone(), (*file, reading)))
        .collect();

    let mut faults = Vec::new();
    for (file, text) in sources {
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            faults.push(format!("{file}: {lines} lines, more than {LONGEST_FILE}"));
        }
    }
    let mut within_rooms = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (file, reading) in house.values() {
        faults.extend(reading.faults.iter().map(|fault| format!("{file}: {fault}")));
        if *file == "lib.rs" {
            continue;
        }
        let Some(room) = room_of(&reading.module) else {
            faults.push(format!("{file}: on no floor; give it a place in FLOORS and in the docs"));
            continue;
        };
        for path in &reading.paths {
            match follow(path, &house, 0) {
                Place::Roof => {
                    faults.push(format!("{file}: `{}` imports from the roof", path.join("::")));
                }
                // A door opens onto what lies in its folder.
                Place::Room(_, target) if is_door(file) && target.starts_with(&reading.module) => {}
                Place::Room(target, _) if target == *file => {}
                Place::Room(target, module) => match room_of(&module) {
                    Some(other) if other == room && is_door(target) => {
                        let path = path.join("::");
                        faults.push(format!("{file}: `{path}` goes through its own door"));
                    }
                    // the wing of the tests: its issuer and the issuer's builder know each other
                    Some(other) if other == room && file.starts_with("testing/") => {}
                    Some(other) if other == room => {
                        within_rooms.entry(*file).or_default().insert(target);
                    }
                    Some(other) if may_use(room, other) => {}
                    _ => faults.push(format!("{file}: `{}` is not below it", path.join("::"))),
                },
            }
        }
    }
    faults.extend(circles(&within_rooms));
    faults
}

/// The room of a module: the longest entry of [`FLOORS`] that it lies in.
fn room_of(module: &[String]) -> Option<(usize, usize)> {
    let path = format!("{}/", module.join("/"));
    let mut found = None;
    let mut longest = 0;
    for (floor, rooms) in FLOORS.iter().map(|floor| floor.rooms).enumerate() {
        for (at, room) in rooms.iter().enumerate() {
            if path.starts_with(&format!("{room}/")) && room.len() > longest {
                longest = room.len();
                found = Some((floor, at));
            }
        }
    }
    found
}

fn may_use((floor, at): (usize, usize), (other_floor, other_at): (usize, usize)) -> bool {
    other_floor < floor || (other_floor == floor && !FLOORS[floor].brothers && other_at < at)
}

fn is_door(file: &str) -> bool {
    file.ends_with("mod.rs")
}

fn circles(uses: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    fn walk<'a>(
        file: &'a str,
        uses: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
        found: &mut Vec<String>,
    ) {
        if let Some(start) = way.iter().position(|passed| *passed == file) {
            found.push(format!("circle: {} -> {file}", way[start..].join(" -> ")));
            return;
        }
        if !done.insert(file) {
            return;
        }
        way.push(file);
        for next in uses.get(file).into_iter().flatten().copied() {
            walk(next, uses, way, done, found);
        }
        way.pop();
    }

    let mut found = Vec::new();
    let mut done = BTreeSet::new();
    for file in uses.keys() {
        walk(file, uses, &mut Vec::new(), &mut done, &mut found);
    }
    found
}

/// Where a path leads.
enum Place<'a> {
    Roof,
    Room(&'a str, Module),
}

type House<'a> = BTreeMap<Module, (&'a str, &'a Reading)>;

/// Follows a path to a file, through doors to what they re-export.
fn follow<'a>(path: &[String], house: &House<'a>, depth: usize) -> Place<'a> {
    let inside = (1..=path.len()).rev().find(|length| house.contains_key(&path[..*length]));
    let Some(length) = inside else { return Place::Roof };
    let (file, reading) = house[&path[..length]];
    if let Some(onward) = path.get(length).and_then(|name| reading.exports.get(name))
        && is_door(file)
        && depth < 8
    {
        let onward: Vec<String> = onward.iter().chain(&path[length + 1..]).cloned().collect();
        return follow(&onward, house, depth + 1);
    }
    Place::Room(file, path[..length].to_vec())
}
