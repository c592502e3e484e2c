//! What makes a machine key acceptable, and what it opens.

use portcullis::ticket::aspnet::{
    CompatibilityMode, Decryption, MachineKey, MachineKeyBuilder, Protection, Validation,
};

use super::{DECRYPTION_KEY, VALIDATION_KEY, assert_invalid};

fn builder() -> MachineKeyBuilder {
    MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY)
}

fn old() -> MachineKeyBuilder {
    builder().compatibility_mode(CompatibilityMode::Framework20Sp1)
}

fn with_des_key() -> MachineKeyBuilder {
    MachineKey::builder(VALIDATION_KEY, "0123456789ABCDEF")
}

type Word = fn(MachineKeyBuilder) -> MachineKeyBuilder;

/// A weak choice, and the word that accepts it.
struct Choice {
    name: &'static str,
    builder: fn() -> MachineKeyBuilder,
    word: &'static str,
}

fn choice(name: &'static str, builder: fn() -> MachineKeyBuilder, word: &'static str) -> Choice {
    Choice { name, builder, word }
}

/// TKT-05 and TKT-06: what is weak is refused, the message names the word, and the word suffices.
#[test]
fn each_weak_choice_has_a_word_of_its_own() {
    use CompatibilityMode::{Framework20Sp1, Framework45};

    let words: [(&str, Word); 7] = [
        ("allow_3des", |builder| builder.dangerous().allow_3des()),
        ("allow_des", |builder| builder.dangerous().allow_des()),
        ("allow_md5", |builder| builder.dangerous().allow_md5()),
        ("allow_partial_protection", |builder| builder.dangerous().allow_partial_protection()),
        ("allow_sha1", |builder| builder.dangerous().allow_sha1()),
        ("allow_unprotected_tickets", |builder| builder.dangerous().allow_unprotected_tickets()),
        ("use_legacy_encryption", |builder| builder.dangerous().use_legacy_encryption()),
    ];
    let choices = [
        choice("SHA1", || builder().validation(Validation::Sha1), "allow_sha1"),
        choice("old SHA1", || old().validation(Validation::Sha1), "allow_sha1"),
        choice("old AES", || old().validation(Validation::Aes), "allow_sha1"),
        choice("old 3DES", || old().validation(Validation::TripleDes), "allow_sha1"),
        choice("old MD5", || old().validation(Validation::Md5), "allow_md5"),
        choice("3DES cipher", || builder().decryption(Decryption::TripleDes), "allow_3des"),
        choice("old 3DES cipher", || old().decryption(Decryption::TripleDes), "allow_3des"),
        choice("DES", || with_des_key().decryption(Decryption::Des), "allow_des"),
        choice(
            "old Auto with eight bytes",
            || with_des_key().compatibility_mode(Framework20Sp1),
            "allow_des",
        ),
        choice(
            "Encryption",
            || old().protection(Protection::Encryption),
            "allow_partial_protection",
        ),
        choice(
            "Validation",
            || old().protection(Protection::Validation),
            "allow_partial_protection",
        ),
        choice("None", || old().protection(Protection::None), "allow_unprotected_tickets"),
    ];
    for Choice { name, builder, word } in choices {
        let field = match word {
            "allow_3des" | "allow_des" => "decryption",
            "allow_md5" | "allow_sha1" => "validation",
            _ => "protection",
        };
        // the word for no protection at all is not handed out
        let said = if word == "allow_unprotected_tickets" { "protection=\"All\"" } else { word };
        assert_invalid(builder().build(), field, said, name);
        for (other, allow) in words {
            if other == word {
                allow(builder()).build().unwrap_or_else(|error| panic!("{name}: {error}"));
            } else {
                assert!(allow(builder()).build().is_err(), "{name}: {other} lets it through");
            }
        }
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
                assert_eq!(built.is_ok(), length >= 20, "Framework45 {length}");
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
