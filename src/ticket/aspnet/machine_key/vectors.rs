//! The vectors of what lies behind the public face: derived keys, the legacy routines, URL tokens,
//! key derivation. Every file of `tests/data/vectors/aspnet`, and of `$PORTCULLIS_VECTORS/aspnet`
//! where that is set. `tests/aspnet_machine_key` judges `MachineKey.Unprotect`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{MachineKey, algorithms::KeyedHash};
use crate::{
    crypto::derive,
    error::BuildError,
    ticket::aspnet::{hex, url_token},
};

#[test]
fn all_agree() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let folders = [Some(own), std::env::var_os("PORTCULLIS_VECTORS").map(PathBuf::from)];
    let mut failures = Vec::new();
    let mut total = BTreeMap::<String, usize>::new();
    for folder in folders.into_iter().flatten().map(|folder| folder.join("aspnet")) {
        let mut files: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "json")) {
            let document: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
            let mut judged = BTreeMap::<&str, usize>::new();
            for vector in document["vectors"].as_array().unwrap() {
                let op = text(&vector["op"]);
                let Some(verdict) = judge(op, vector) else { continue };
                *judged.entry(op).or_default() += 1;
                *total.entry(op.to_owned()).or_default() += 1;
                if let Err(failure) = verdict {
                    failures.push(format!("{} {}: {failure}", file.display(), vector["id"]));
                }
            }
            println!("{}: {judged:?}", file.display());
            let name = file.file_name().unwrap().to_str().unwrap();
            if ["machinekey45.json", "machinekey-legacy.json", "text-encodings.json"]
                .contains(&name)
            {
                assert!(!judged.is_empty(), "{name}: nothing was judged");
            }
        }
    }
    assert!(total["machinekey.derive"] >= 30 && total["urltoken.encode"] >= 4, "{total:?}");
    assert!(failures.is_empty(), "{} disagree:\n{}", failures.len(), failures.join("\n"));
}

/// `None` for an operation of another room.
fn judge(op: &str, vector: &Value) -> Option<Result<(), String>> {
    let expected = &vector["expect"];
    Some(match op {
        "forms.decrypt" => judge_forms(vector),
        "kdf.sp800_108_ctr_hmacsha512" => {
            let master = match &vector["kdkRepeat"] {
                Value::Null => bytes(&vector["kdk"]),
                repeat => {
                    let length = usize::try_from(repeat["length"].as_u64().unwrap()).unwrap();
                    (0..=255).cycle().take(length).collect()
                }
            };
            let length = usize::try_from(vector["length"].as_u64().unwrap()).unwrap();
            let (label, context) = (bytes(&vector["label"]), bytes(&vector["context"]));
            equal(&derive(&master, &label, &context, length), &expected["output"])
        }
        "machinekey.derive" => key(vector).map_err(|error| error.to_string()).and_then(|key| {
            let specific = vector["specificPurposes"].as_array().unwrap();
            let specific: Vec<_> = specific.iter().map(text).collect();
            let derived = key.derive(text(&vector["primaryPurpose"]), &specific);
            equal(&derived.encryption, &expected["encryptionKey"])?;
            equal(&derived.validation, &expected["validationKey"])
        }),
        "machinekey.legacy_hash" => {
            key(vector).map_err(|error| error.to_string()).and_then(|key| {
                let (data, modifier) = (bytes(&vector["data"]), bytes(&vector["modifier"]));
                let hash = key.legacy().unwrap().hash;
                // MD5 puts the key in the modifier's place and leaves zeros behind it
                let tag = match &hash {
                    KeyedHash::Hmac(..) => hash.sign(&[data, modifier].concat()).to_vec(),
                    KeyedHash::Md5(key) => {
                        crate::crypto::md5(&[&data, key.expose(), &vec![0; modifier.len()]])
                            .to_vec()
                    }
                };
                equal(&tag, &expected["hash"])
            })
        }
        "machinekey.legacy_unprotect" => {
            key(vector).map_err(|error| error.to_string()).and_then(|key| {
                let opened = key.legacy().unwrap().open(&bytes(&vector["protected"]), false);
                match (opened, text(&expected["outcome"])) {
                    (Some(plaintext), "ok") => equal(&plaintext, &expected["plaintext"]),
                    (None, "ok") => Err("refused".to_owned()),
                    (Some(_), outcome) => Err(format!("accepted, not {outcome}")),
                    (None, _) => Ok(()),
                }
            })
        }
        "machinekey.unprotect" if vector["urlToken"].is_string() => {
            let token = text(&vector["urlToken"]);
            let protected = url_token::decode(token.as_bytes()).unwrap_or_default();
            equal(&protected, &vector["protected"])
        }
        "urltoken.encode" => {
            let decoded = url_token::decode(text(&expected["text"]).as_bytes());
            let encoded = url_token::encode(&bytes(&vector["bytes"]));
            equal(&decoded.unwrap_or_default(), &vector["bytes"])
                .and_then(|()| (encoded == text(&expected["text"])).then_some(()).ok_or(encoded))
        }
        _ => return None,
    })
}

/// Only what protection says; the ticket inside is judged with the forms tickets.
fn judge_forms(vector: &Value) -> Result<(), String> {
    let outcome = text(&vector["expect"]["outcome"]);
    let cookie = text(&vector["cookie"]).as_bytes();
    let Some(protected) = hex::decode(cookie).or_else(|| url_token::decode(cookie)) else {
        return if outcome == "malformed" { Ok(()) } else { Err("no text form".to_owned()) };
    };
    let protector = match key(vector).and_then(|key| key.forms()) {
        Ok(protector) => protector,
        // a 3DES key under DES, for one, does not get as far as a wrong hash
        Err(_) if ["bad_mac", "config"].contains(&outcome) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    match (protector.unprotect(&protected), outcome) {
        (Some(_), "ok" | "expired" | "malformed") | (None, "bad_mac" | "malformed") => Ok(()),
        (Some(_), _) => Err(format!("accepted, not {outcome}")),
        (None, _) => Err(format!("refused, not {outcome}")),
    }
}

/// As an operator would write it, with every weak choice accepted.
fn key(vector: &Value) -> Result<MachineKey, BuildError> {
    let machine_key = &vector["machineKey"];
    let attributes =
        ["validationKey", "decryptionKey", "validation", "decryption", "compatibilityMode"]
            .map(|name| format!("{name}=\"{}\"", text(&machine_key[name])))
            .join(" ");
    let protection = machine_key["protection"].as_str().unwrap_or("All");
    let legacy = machine_key["useLegacyEncryption"].as_bool().unwrap_or(false);
    let builder = MachineKey::from_config(&format!(
        "<configuration><appSettings><add key='aspnet:UseLegacyEncryption' value='{legacy}'/>\
         </appSettings><system.web><machineKey {attributes}/><authentication mode='Forms'>\
         <forms protection='{protection}'/></authentication></system.web></configuration>"
    ))?;
    let builder = if legacy { builder.dangerous().use_legacy_encryption() } else { builder };
    let builder = builder.dangerous().allow_3des().dangerous().allow_des().dangerous().allow_md5();
    let builder = builder.dangerous().allow_sha1().dangerous().allow_partial_protection();
    builder.dangerous().allow_unprotected_tickets().build()
}

fn equal(found: &[u8], expected: &Value) -> Result<(), String> {
    if found == bytes(expected) { Ok(()) } else { Err(format!("{found:02x?}, not {expected}")) }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value).as_bytes()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
