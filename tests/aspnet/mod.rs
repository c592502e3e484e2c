//! What the tests of ASP.NET's tickets share: the vectors, keys made from them, and every damage that
//! a ticket can take.
//!
//! A vector file is judged by its operations, not by its name: every file of
//! `tests/data/vectors/aspnet`, and of `$PORTCULLIS_VECTORS/aspnet` where that is set.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use portcullis::{
    AuthErrorKind, BuildError,
    ticket::{
        TicketFormat,
        aspnet::{
            CompatibilityMode, Decryption, MachineKey, MachineKeyBuilder, Protection, Validation,
        },
    },
};
use serde_json::Value;

/// Holds every vector of these operations against `judge`, and prints how many there were. Each
/// operation must be met in the project's own folder.
pub fn judge_vectors(operations: &[&str], judge: impl Fn(&Value) -> Result<(), String>) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let others = std::env::var_os("PORTCULLIS_VECTORS").map(PathBuf::from);
    let mut failures = Vec::new();
    let mut met = BTreeMap::<String, usize>::new();
    for folder in std::iter::once(own).chain(others) {
        for (file, document) in documents(&folder.join("aspnet")) {
            let mut judged = BTreeMap::<&str, usize>::new();
            for vector in document["vectors"].as_array().unwrap() {
                let operation = text(&vector["op"]);
                if !operations.contains(&operation) {
                    continue;
                }
                *judged.entry(operation).or_default() += 1;
                *met.entry(operation.to_owned()).or_default() += 1;
                if let Err(failure) = judge(vector) {
                    failures.push(format!("{} {}: {failure}", file.display(), vector["id"]));
                }
            }
            if !judged.is_empty() {
                println!("{}: {judged:?}", file.display());
            }
        }
    }
    for operation in operations {
        assert!(met.contains_key(*operation), "{operation}: no vector");
    }
    assert!(failures.is_empty(), "{} disagree:\n{}", failures.len(), failures.join("\n"));
}

/// The project's own vectors of one operation that are accepted.
pub fn good_vectors(operation: &str) -> Vec<Value> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors/aspnet");
    let all = documents(&own).into_iter().flat_map(|(_, mut document)| {
        let vectors = document["vectors"].take();
        vectors.as_array().unwrap().clone()
    });
    all.filter(|it| it["op"] == operation && it["expect"]["outcome"] == "ok").collect()
}

fn documents(folder: &Path) -> Vec<(PathBuf, Value)> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let document = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            (file, document)
        })
        .collect()
}

/// The machine key of a vector, with every weak choice allowed.
pub fn machine_key(vector: &Value) -> Result<MachineKey, BuildError> {
    let key = &vector["machineKey"];
    let builder = MachineKey::builder(text(&key["validationKey"]), text(&key["decryptionKey"]))
        .validation(match text(&key["validation"]) {
            "3DES" => Validation::TripleDes,
            "AES" => Validation::Aes,
            "HMACSHA256" => Validation::HmacSha256,
            "HMACSHA384" => Validation::HmacSha384,
            "HMACSHA512" => Validation::HmacSha512,
            "MD5" => Validation::Md5,
            "SHA1" => Validation::Sha1,
            other => panic!("validation {other:?}"),
        })
        .decryption(match text(&key["decryption"]) {
            "3DES" => Decryption::TripleDes,
            "AES" => Decryption::Aes,
            "Auto" => Decryption::Auto,
            "DES" => Decryption::Des,
            other => panic!("decryption {other:?}"),
        })
        .compatibility_mode(match text(&key["compatibilityMode"]) {
            "Framework20SP1" => CompatibilityMode::Framework20Sp1,
            "Framework20SP2" => CompatibilityMode::Framework20Sp2,
            "Framework45" => CompatibilityMode::Framework45,
            other => panic!("compatibility mode {other:?}"),
        })
        .protection(match key["protection"].as_str() {
            None | Some("All") => Protection::All,
            Some("Encryption") => Protection::Encryption,
            Some("None") => Protection::None,
            Some("Validation") => Protection::Validation,
            Some(other) => panic!("protection {other:?}"),
        });
    let builder = allow_all(builder);
    if key["useLegacyEncryption"] == true {
        builder.dangerous().use_legacy_encryption().build()
    } else {
        builder.build()
    }
}

fn allow_all(builder: MachineKeyBuilder) -> MachineKeyBuilder {
    let builder = builder.dangerous().allow_3des().dangerous().allow_des();
    let builder = builder.dangerous().allow_md5().dangerous().allow_sha1();
    builder.dangerous().allow_partial_protection().dangerous().allow_unprotected_tickets()
}

/// A key of these tests; each number is another one.
pub fn key(number: u8) -> MachineKey {
    let hex = |length| format!("{number:02X}").repeat(length);
    MachineKey::from_hex(&hex(64), &hex(32)).unwrap()
}

/// Every truncation and every single-bit flip of the bytes is refused, and an empty text. Says how
/// many there were.
pub fn refuses_all_damage(
    format: &dyn TicketFormat,
    bytes: &[u8],
    encode: fn(&[u8]) -> String,
) -> usize {
    assert!(format.unprotect(&encode(bytes)).is_ok(), "the sample itself is refused");
    let mut count = 0;
    let mut refused = |damage: &[u8], what: &str| {
        let error = format.unprotect(&encode(damage)).expect_err(what);
        let one_kind = matches!(
            error.kind(),
            AuthErrorKind::TicketUndecryptable | AuthErrorKind::TicketMalformed
        );
        assert!(one_kind, "{what}: {error}");
        count += 1;
    };
    for length in 0..bytes.len() {
        refused(&bytes[..length], &format!("cut to {length}"));
        refused(&bytes[bytes.len() - length..], &format!("the last {length}"));
    }
    let mut damaged = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        damaged[bit / 8] ^= 1 << (bit % 8);
        refused(&damaged, &format!("bit {bit}"));
        damaged[bit / 8] ^= 1 << (bit % 8);
    }
    count
}

pub fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{found:?} is not {expected:?}")) }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn from_hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
