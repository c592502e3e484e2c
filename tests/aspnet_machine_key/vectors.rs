//! The vectors of `MachineKey.Unprotect`, from `tests/data/vectors/aspnet` and from
//! `$PORTCULLIS_VECTORS/aspnet`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis::ticket::aspnet::MachineKey;
use serde_json::Value;

#[test]
fn all_vectors_agree() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let folders = [Some(own), std::env::var_os("PORTCULLIS_VECTORS").map(PathBuf::from)];
    let mut failures = Vec::new();
    for folder in folders.into_iter().flatten() {
        let mut total = 0;
        for entry in fs::read_dir(folder.join("aspnet")).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let document: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let vectors = document["vectors"].as_array().expect("a list of vectors");
            let vectors = vectors.iter().filter(|it| it["op"] == "machinekey.unprotect");
            let mut judged = 0;
            for vector in vectors {
                judged += 1;
                if let Err(failure) = judge(vector) {
                    failures.push(format!("{} {}: {failure}", file.display(), vector["id"]));
                }
            }
            if judged > 0 {
                println!("{}: machinekey.unprotect {judged}", file.display());
            }
            total += judged;
        }
        assert!(total > 0, "{}: nothing was judged", folder.display());
    }
    assert!(failures.is_empty(), "{} disagree:\n{}", failures.len(), failures.join("\n"));
}

fn judge(vector: &Value) -> Result<(), String> {
    let outcome = text(&vector["expect"]["outcome"]);
    let key = &vector["machineKey"];
    let attributes =
        ["validationKey", "decryptionKey", "validation", "decryption", "compatibilityMode"]
            .map(|name| format!("{name}='{}'", text(&key[name])))
            .join(" ");
    let specific: Vec<_> =
        vector["specificPurposes"].as_array().unwrap().iter().map(text).collect();
    let protector = MachineKey::from_config(&format!("<machineKey {attributes}/>"))
        .and_then(|builder| builder.dangerous().allow_sha1().dangerous().allow_md5().build())
        .and_then(|key| key.purpose(text(&vector["primaryPurpose"]), &specific));
    let protector = match protector {
        Ok(_) if outcome == "config" => return Err("it was built".to_owned()),
        Err(_) if outcome == "config" => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(protector) => protector,
    };
    match (protector.unprotect(&bytes(&vector["protected"])), outcome) {
        (Some(plaintext), "ok") if plaintext == bytes(&vector["expect"]["plaintext"]) => Ok(()),
        (Some(plaintext), _) => Err(format!("{plaintext:02x?}, not {outcome}")),
        (None, "ok") => Err("refused".to_owned()),
        (None, _) => Ok(()),
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    let hex = text(value);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
