//! Machine keys: what is read from a configuration, what is refused and why, and the vectors of
//! `MachineKey.Unprotect`, from `tests/data/vectors/aspnet` and from `$PORTCULLIS_VECTORS/aspnet`.
#![cfg(feature = "tickets")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis::{
    BuildError,
    ticket::aspnet::{
        CompatibilityMode, Decryption, MachineKey, MachineKeyBuilder, Protection, Validation,
    },
};
use serde_json::Value;

const VALIDATION_KEY: &str = "9B0C7E1DE6C5F4F8A6C1F3B8D1A54C39A1E0F2D7B3C4958677F0E1D2C3B4A596";
const DECRYPTION_KEY: &str = "1F2E3D4C5B6A79880716253443526170A0B1C2D3E4F50617";

// ---- the configuration

/// An element with both keys and these attributes.
fn element(attributes: &str) -> String {
    format!(
        "<machineKey validationKey=\"{VALIDATION_KEY}\" decryptionKey=\"{DECRYPTION_KEY}\" \
         {attributes}/>"
    )
}

fn file(system_web: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- the shop -->\r\n\
         <configuration xmlns=\"http://schemas.microsoft.com/.NetConfiguration/v2.0\">\
         <system.web>{system_web}</system.web></configuration>"
    )
}

#[test]
fn the_mode_is_what_asp_net_takes() {
    use CompatibilityMode::{Framework20Sp1, Framework20Sp2, Framework45};

    let key = element("");
    let runtime = |version: &str| format!("<httpRuntime targetFramework='{version}'/>");
    for (xml, mode) in [
        (element("compatibilityMode='Framework20SP1'"), Framework20Sp1),
        (element("compatibilityMode='Framework20SP2'"), Framework20Sp2),
        (element("compatibilityMode='Framework45'"), Framework45),
        (file(&key), Framework20Sp1),
        (file(&format!("{key}<httpRuntime maxRequestLength='9'/>")), Framework20Sp1),
        (file(&format!("{key}{}", runtime("4.0"))), Framework20Sp1),
        (file(&format!("{key}{}", runtime("2.0.50727"))), Framework20Sp1),
        (file(&format!("{key}{}", runtime("4.5"))), Framework45),
        (file(&format!("{}{key}", runtime("4.7.2"))), Framework45),
        (file(&format!("{}{key}", runtime("4.10"))), Framework45),
        (
            file(&format!("{}{}", element("compatibilityMode='Framework20SP2'"), runtime("4.8"))),
            Framework20Sp2,
        ),
    ] {
        let built = MachineKey::from_config(&xml).and_then(MachineKeyBuilder::build);
        assert_eq!(built.unwrap().compatibility_mode(), mode, "{xml}");
    }
}

#[test]
fn what_a_configuration_says_is_what_the_builder_makes() {
    let read = MachineKey::from_config(&file(&element(
        "compatibilityMode='Framework45' validation='HMACSHA512' decryption='AES' \
         applicationName='/shop' lockItem='true'",
    )))
    .unwrap()
    .build()
    .unwrap();
    let built = MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY)
        .validation(Validation::HmacSha512)
        .decryption(Decryption::Aes)
        .build()
        .unwrap();
    let [read_from, built_from] = [&read, &built].map(|key| key.purpose("a", &["b"]).unwrap());
    let protected = read_from.protect(b"content");
    assert_eq!(built_from.unprotect(&protected).as_deref(), Some(&b"content"[..]));

    let other_hash = MachineKey::from_hex(VALIDATION_KEY, DECRYPTION_KEY).unwrap();
    assert_eq!(other_hash.purpose("a", &["b"]).unwrap().unprotect(&protected), None);
    assert_eq!(read.fingerprint(), other_hash.fingerprint(), "the keys are the same");
}

/// Each with a part of the answer, which names the fix.
#[test]
fn a_configuration_that_cannot_be_used_says_what_to_do() {
    let two = element("") + &element("");
    let with = |name: &str, value: &str| {
        let (one, other) = match name {
            "validationKey" => ("decryptionKey", DECRYPTION_KEY),
            _ => ("validationKey", VALIDATION_KEY),
        };
        format!("<machineKey compatibilityMode='Framework45' {name}='{value}' {one}='{other}'/>")
    };
    let old = "compatibilityMode='Framework20SP2'";
    for (xml, field, fix) in [
        (file(""), "web.config", "generate explicit keys"),
        (file("<machineKey/>"), "validation_key", "generate explicit keys"),
        (with("validationKey", "AutoGenerate"), "validation_key", "generate explicit keys"),
        (with("decryptionKey", "AutoGenerate,IsolateApps"), "decryption_key", "generate explicit"),
        (
            with("validationKey", &format!("{VALIDATION_KEY},IsolateApps")),
            "validation_key",
            "remove the suffix in every application",
        ),
        (
            with("decryptionKey", &format!("{DECRYPTION_KEY},IsolateByAppId")),
            "decryption_key",
            "remove the suffix in every application",
        ),
        (with("validationKey", ""), "validation_key", "empty"),
        (with("validationKey", "12345"), "validation_key", "two for each byte"),
        (with("validationKey", "zz"), "validation_key", "hexadecimal"),
        (
            with("decryptionKey", " 00112233445566778899aabbccddeeff"),
            "decryption_key",
            "white space",
        ),
        (with("decryptionKey", "001122334455667788"), "decryption_key", "16, 24 or 32 bytes"),
        (element(""), "compatibility_mode", "call compatibility_mode(Framework45)"),
        (element("compatibilityMode='framework45'"), "compatibility_mode", "write Framework45"),
        (
            element("compatibilityMode='Framework46'"),
            "compatibility_mode",
            "none of Framework20SP1",
        ),
        (element("validation='hmacsha256'"), "validation", "write HMACSHA256"),
        (element("validation='alg:Shop.Hash'"), "validation", "not supported"),
        (element("decryption='auto'"), "decryption", "write Auto"),
        (element("Validation='SHA1'"), "web.config", "case-sensitive"),
        (element("dataProtectorType='Shop.Protector, Shop'"), "web.config", "Data Protection"),
        (
            "<machineKey configProtectionProvider='Rsa'><EncryptedData/></machineKey>".to_owned(),
            "web.config",
            "aspnet_regiis",
        ),
        ("<machineKey configSource='keys.config'/>".to_owned(), "web.config", "give that file"),
        (file(&two), "web.config", "cut out the one"),
        (format!("<configuration>{}</configuration>", element("")), "web.config", "<system.web>"),
        (file(&(element("") + "<httpRuntime targetFramework='v4'/>")), "web.config", "such as 4.8"),
        (
            file(&(element(old) + "<authentication><forms protection='None'/></authentication>")),
            "protection",
            "protection=\"All\"",
        ),
        (
            file(&(element(old) + "<authentication><forms protection='all'/></authentication>")),
            "protection",
            "write All",
        ),
        (
            file(&element(old)).replace(
                "<system.web>",
                "<appSettings><add key='aspnet:UseLegacyEncryption' value='True'/></appSettings>\
                 <system.web>",
            ),
            "legacy_encryption",
            "dangerous().use_legacy_encryption()",
        ),
    ] {
        let built = MachineKey::from_config(&xml).and_then(MachineKeyBuilder::build);
        assert_invalid(built, field, fix, &xml);
    }
}

/// TKT-12, for this file.
#[test]
fn hostile_files_are_refused_without_a_panic() {
    let key = element("compatibilityMode='Framework45'");
    let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>";
    let external = "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>";
    for (xml, fix) in [
        (format!("{bomb}<configuration>&b;</configuration>"), "a document type is refused"),
        (format!("{external}<configuration>&a;</configuration>"), "a document type is refused"),
        (format!("{bomb}{key}"), "a document type is refused"),
        (String::new(), "not XML"),
        ("ASPXAUTH".to_owned(), "not XML"),
        (key.clone() + &key, "not XML"),
        (key.replace("/>", ">"), "not XML"),
        (key.replace("9B0C", "9B\"0C"), "not XML"),
        ("<a>".repeat(300_000), "not XML"),
        // the parser does not take a frame of the stack for each level
        ("<a>".repeat(90_000) + &"</a>".repeat(90_000), "no <machineKey>"),
        ("<a>".repeat(140_000) + &"</a>".repeat(140_000), "not XML"),
        (format!("<a>{}</a>", "<b/>".repeat(150_000)), "not XML"),
        (key.clone() + &" ".repeat(1 << 20), "at most 1048576"),
    ] {
        let name: String = xml.chars().take(60).collect();
        assert_invalid(MachineKey::from_config(&xml), "web.config", fix, &name);
    }
}

fn assert_invalid<T>(built: Result<T, BuildError>, field: &str, fix: &str, name: &str) {
    match built {
        Err(BuildError::Invalid { field: found, problem }) => {
            assert_eq!(found, field, "{name}: {problem}");
            assert!(problem.contains(fix), "{name}: {problem}");
            for secret in [VALIDATION_KEY, DECRYPTION_KEY] {
                let secret = &secret[8..16];
                assert!(!problem.contains(secret), "{name}: a key is in the message");
            }
        }
        Err(other) => panic!("{name}: {other}"),
        Ok(_) => panic!("{name}: accepted"),
    }
}

// ---- the rules

/// TKT-05 and TKT-06: what is weak is refused, the message names the word, and the word suffices.
#[test]
fn each_weak_choice_has_a_word_of_its_own() {
    use CompatibilityMode::{Framework20Sp1, Framework45};

    type Word = fn(MachineKeyBuilder) -> MachineKeyBuilder;
    let builder = || MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY);
    let old = || builder().compatibility_mode(Framework20Sp1);
    let des = "0123456789ABCDEF";
    let words: [(&str, Word); 7] = [
        ("allow_3des", |builder| builder.dangerous().allow_3des()),
        ("allow_des", |builder| builder.dangerous().allow_des()),
        ("allow_md5", |builder| builder.dangerous().allow_md5()),
        ("allow_partial_protection", |builder| builder.dangerous().allow_partial_protection()),
        ("allow_sha1", |builder| builder.dangerous().allow_sha1()),
        ("allow_unprotected_tickets", |builder| builder.dangerous().allow_unprotected_tickets()),
        ("use_legacy_encryption", |builder| builder.dangerous().use_legacy_encryption()),
    ];
    let choices: [(&str, Box<dyn Fn() -> MachineKeyBuilder>, &str, &str); 12] = [
        (
            "SHA1",
            Box::new(move || builder().validation(Validation::Sha1)),
            "validation",
            "allow_sha1",
        ),
        (
            "old SHA1",
            Box::new(move || old().validation(Validation::Sha1)),
            "validation",
            "allow_sha1",
        ),
        (
            "old AES",
            Box::new(move || old().validation(Validation::Aes)),
            "validation",
            "allow_sha1",
        ),
        (
            "old 3DES",
            Box::new(move || old().validation(Validation::TripleDes)),
            "validation",
            "allow_sha1",
        ),
        ("old MD5", Box::new(move || old().validation(Validation::Md5)), "validation", "allow_md5"),
        (
            "3DES",
            Box::new(move || builder().decryption(Decryption::TripleDes)),
            "decryption",
            "allow_3des",
        ),
        (
            "old encryption with 3DES",
            Box::new(move || old().decryption(Decryption::TripleDes)),
            "decryption",
            "allow_3des",
        ),
        (
            "DES",
            Box::new(move || MachineKey::builder(VALIDATION_KEY, des).decryption(Decryption::Des)),
            "decryption",
            "allow_des",
        ),
        (
            "old Auto with eight bytes",
            Box::new(move || {
                MachineKey::builder(VALIDATION_KEY, des).compatibility_mode(Framework20Sp1)
            }),
            "decryption",
            "allow_des",
        ),
        (
            "Encryption",
            Box::new(move || old().protection(Protection::Encryption)),
            "protection",
            "allow_partial_protection",
        ),
        (
            "Validation",
            Box::new(move || old().protection(Protection::Validation)),
            "protection",
            "allow_partial_protection",
        ),
        (
            "None",
            Box::new(move || old().protection(Protection::None)),
            "protection",
            "allow_unprotected_tickets",
        ),
    ];
    for (name, choice, field, word) in &choices {
        let said = if *word == "allow_unprotected_tickets" { "protection=\"All\"" } else { *word };
        assert_invalid(choice().build(), field, said, name);
        for (other, allow) in &words {
            if other != word && *other != "use_legacy_encryption" {
                assert!(allow(choice()).build().is_err(), "{name}: {other} lets it through");
            }
        }
        let (_, allow) = words.iter().find(|(known, _)| known == word).unwrap();
        allow(choice()).build().unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    // protection is not asked in Framework45, and what ASP.NET refuses there has no word
    builder().protection(Protection::None).build().unwrap();
    for validation in [Validation::Aes, Validation::Md5, Validation::TripleDes] {
        let builder = builder().validation(validation).compatibility_mode(Framework45);
        let all = words.iter().fold(builder, |builder, (_, allow)| allow(builder));
        assert_invalid(all.build(), "validation", "refused by ASP.NET", "Framework45");
    }
    let bare = old().protection(Protection::Encryption);
    let all = words.iter().fold(bare, |builder, (_, allow)| allow(builder));
    assert_invalid(all.build(), "protection", "no word for it", "unsigned");
}

#[test]
fn keys_have_the_lengths_that_their_algorithms_take() {
    use CompatibilityMode::{Framework20Sp1, Framework20Sp2, Framework45};
    use Validation as V;

    let build = |mode, validation, decryption, validation_key: usize, decryption_key: usize| {
        // digits of no period that would make a weak key of DES
        let digits = "0123456789ABCDEF13579BDF02468ACE".repeat(20);
        let builder =
            MachineKey::builder(&digits[..validation_key * 2], &digits[..decryption_key * 2])
                .compatibility_mode(mode)
                .validation(validation)
                .decryption(decryption);
        let builder = builder.dangerous().allow_des().dangerous().allow_3des();
        builder.dangerous().allow_sha1().dangerous().allow_md5().build()
    };
    for mode in [Framework20Sp1, Framework20Sp2, Framework45] {
        for (decryption, good) in [
            (Decryption::Aes, &[16, 24, 32][..]),
            (Decryption::Auto, if mode == Framework45 { &[16, 24, 32] } else { &[8, 16, 24, 32] }),
            (Decryption::TripleDes, &[16, 24]),
        ] {
            for length in 1..=64 {
                let built = build(mode, V::HmacSha256, decryption, 64, length);
                assert_eq!(built.is_ok(), good.contains(&length), "{mode} {decryption} {length}");
            }
        }
        for length in 1..=64 {
            let built = build(mode, V::HmacSha256, Decryption::Des, 64, length);
            let good = if mode == Framework45 { length == 8 } else { length >= 8 };
            assert_eq!(built.is_ok(), good, "{mode} DES {length}");
        }
    }
    for (validation, most) in [
        (V::Sha1, 64),
        (V::HmacSha256, 64),
        (V::HmacSha384, 128),
        (V::HmacSha512, 128),
        (V::Md5, usize::MAX),
    ] {
        for length in 1..=200 {
            let built = build(Framework20Sp2, validation, Decryption::Aes, length, 16);
            assert_eq!(built.is_ok(), (20..=most).contains(&length), "{validation} {length}");
            if validation != V::Md5 {
                let built = build(Framework45, validation, Decryption::Aes, length, 16);
                assert!(built.is_ok(), "Framework45 takes every length: {length}");
            }
        }
    }
}

#[test]
fn purposes_are_what_asp_net_takes() {
    let key = MachineKey::from_hex(VALIDATION_KEY, DECRYPTION_KEY).unwrap();
    for (primary, specific) in
        [("", &["a"][..]), (" ", &[]), ("a", &[""]), ("a", &["b", "\t "]), ("a", &["\u{a0}"])]
    {
        assert_invalid(key.purpose(primary, specific), "purpose", "empty", "purpose");
    }
    // neither joined nor reordered
    let chains: [(&str, &[&str]); 7] = [
        ("a", &[]),
        ("a", &["b"]),
        ("a", &["b", "c"]),
        ("a", &["c", "b"]),
        ("a", &["bc"]),
        ("ab", &["c"]),
        ("A", &["b", "c"]),
    ];
    for (at, (primary, specific)) in chains.iter().enumerate() {
        let protected = key.purpose(primary, specific).unwrap().protect(b"x");
        for (other, (primary, specific)) in chains.iter().enumerate() {
            let opened = key.purpose(primary, specific).unwrap().unprotect(&protected);
            assert_eq!(opened.is_some(), at == other, "{at} {other}");
        }
    }
    let old = MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY)
        .compatibility_mode(CompatibilityMode::Framework20Sp2)
        .validation(Validation::Md5);
    let old = old.dangerous().allow_md5().build().unwrap();
    assert_invalid(old.purpose("a", &["b"]), "validation", "not known to Framework45", "MD5");
}

/// TKT-02, TKT-03.
#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    for validation in [Validation::HmacSha256, Validation::HmacSha384, Validation::HmacSha512] {
        let key = MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY).validation(validation);
        let protector = key.build().unwrap().purpose("a", &["b"]).unwrap();
        let protected = protector.protect(b"twenty-three characters");
        for bit in 0..protected.len() * 8 {
            let mut flipped = protected.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(protector.unprotect(&flipped), None, "{validation}: bit {bit}");
        }
        for length in 0..protected.len() {
            assert_eq!(protector.unprotect(&protected[..length]), None, "{validation}: {length}");
        }
        assert_eq!(protector.unprotect(&[&protected[..], b"\0"].concat()), None, "{validation}");
        assert_eq!(protector.unprotect(&protected).unwrap(), b"twenty-three characters");
    }
}

#[test]
fn nothing_shows_a_key() {
    let builder = MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY);
    let dangerous = MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY).dangerous();
    let shown = format!("{builder:?} {dangerous:?}");
    let key = builder.build().unwrap();
    assert_eq!(format!("{key:?}"), format!("MachineKey({})", key.fingerprint()));
    assert_eq!(key.fingerprint().len(), 8);
    let protector = key.purpose("a", &[]).unwrap();
    let shown = format!("{shown} {key:?} {protector:?}").to_uppercase();
    for at in (0..DECRYPTION_KEY.len() - 8).step_by(8) {
        assert!(!shown.contains(&DECRYPTION_KEY[at..at + 8]), "{shown}");
        assert!(!shown.contains(&VALIDATION_KEY[at..at + 8]), "{shown}");
    }
    // either key makes another fingerprint
    let other = MachineKey::from_hex(VALIDATION_KEY, &DECRYPTION_KEY[..32]).unwrap();
    assert_ne!(other.fingerprint(), key.fingerprint());
    let other = MachineKey::from_hex(&VALIDATION_KEY[..40], DECRYPTION_KEY).unwrap();
    assert_ne!(other.fingerprint(), key.fingerprint());
}

// ---- the vectors

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
