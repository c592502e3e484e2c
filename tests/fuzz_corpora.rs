//! The seeds of the fuzz targets, replayed: no door panics, and each verdict is the one that is
//! written down in `fuzz/verdicts`.

use std::{collections::BTreeMap, fs, path::Path};

#[path = "../fuzz/doors.rs"]
mod doors;

/// Takes what a stranger sent, and says what came of it.
type Door = fn(&[u8]) -> String;

#[test]
fn each_seed_has_its_verdict() {
    let doors: [(&str, Door); 10] = [
        ("bearer_header", doors::bearer_header),
        ("encrypted_token", doors::encrypted_token),
        ("forms_ticket", doors::forms_ticket),
        ("forwarded", doors::forwarded),
        ("introspection_answer", doors::introspection_answer),
        ("json_members", doors::json_members),
        ("jwk_set", doors::jwk_set),
        ("jwt_token", doors::jwt_token),
        ("katana_ticket", doors::katana_ticket),
        ("return_url", doors::return_url),
    ];
    for (target, door) in doors {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(fuzz.join("corpus").join(target)).unwrap() {
            let path = entry.unwrap().path();
            let seed = fs::read(&path).unwrap();
            let verdict = door(&seed);
            assert_eq!(door(&seed), verdict, "{} is judged by mood", path.display());
            found.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), verdict);
        }
        let written: BTreeMap<String, String> =
            fs::read_to_string(fuzz.join("verdicts").join(format!("{target}.txt")))
                .unwrap_or_default()
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(seed, verdict)| (seed.to_owned(), verdict.to_owned()))
                .collect();
        assert!(found.len() > 10, "{target}: the seeds are missing");
        let told: String =
            found.iter().map(|(seed, verdict)| format!("{seed}: {verdict}\n")).collect();
        assert_eq!(found, written, "{target}; as judged now:\n{told}");
    }
}
