//! What is read from a `web.config`.

use portcullis::ticket::aspnet::{
    CompatibilityMode, Decryption, MachineKey, MachineKeyBuilder, Validation,
};

use super::{DECRYPTION_KEY, VALIDATION_KEY, assert_invalid};

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
        (with("validationKey", &"5A".repeat(15)), "validation_key", "at least 16"),
        ("<machineKey/>".to_owned(), "validation_key", "generate explicit keys"),
        ("web.config".to_owned(), "web.config", "not its path"),
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
