use super::{
    CompatibilityMode::{self, Framework20Sp1, Framework20Sp2, Framework45},
    Decryption, FormsProtector, MachineKey, Protection, Protector, Validation,
    algorithms::KeyedHash,
};
use crate::crypto::{CbcKey, Cipher};

const VALIDATION_KEY: &str = "9B0C7E1DE6C5F4F8A6C1F3B8D1A54C39A1E0F2D7B3C4958677F0E1D2C3B4A596\
                              00112233445566778899AABBCCDDEEFF0123456789ABCDEFFEDCBA9876543210";
const DECRYPTION_KEY: &str = "1F2E3D4C5B6A79880716253443526170A0B1C2D3E4F5061728394A5B6C7D8E9F";
const TICKET: &[u8] = b"a ticket of thirty-seven bytes, long.";

fn key(
    mode: CompatibilityMode,
    validation: Validation,
    decryption: Decryption,
    digits: usize,
) -> MachineKey {
    let builder = MachineKey::builder(VALIDATION_KEY, &DECRYPTION_KEY[..digits])
        .compatibility_mode(mode)
        .validation(validation)
        .decryption(decryption);
    let builder = builder.dangerous().allow_3des().dangerous().allow_des();
    builder.dangerous().allow_md5().dangerous().allow_sha1().build().unwrap()
}

/// Every mode with every hash, and every cipher at least once in each mode.
fn every_way() -> Vec<(String, FormsProtector)> {
    use Validation as V;

    let modern = [V::Sha1, V::HmacSha256, V::HmacSha384, V::HmacSha512];
    let old = [V::Aes, V::Md5, V::TripleDes];
    let ciphers = [
        (Decryption::Aes, 64),
        (Decryption::Aes, 48),
        (Decryption::Auto, 32),
        (Decryption::TripleDes, 48),
        (Decryption::TripleDes, 32),
        (Decryption::Des, 16),
    ];
    let mut ways = Vec::new();
    for mode in [Framework20Sp1, Framework20Sp2, Framework45] {
        let old = if mode == Framework45 { &[][..] } else { &old };
        for (number, validation) in modern.iter().chain(old).enumerate() {
            let (decryption, digits) = ciphers[number % ciphers.len()];
            let name = format!("{mode} {validation} {decryption} {digits}");
            ways.push((name, key(mode, *validation, decryption, digits).forms().unwrap()));
        }
        for (decryption, digits) in ciphers {
            let name = format!("{mode} {decryption} {digits}");
            let key = key(mode, V::HmacSha256, decryption, digits);
            ways.push((name, key.forms().unwrap()));
        }
    }
    ways
}

#[test]
fn what_is_protected_is_opened_again() {
    for (name, protector) in every_way() {
        for length in 1..TICKET.len() {
            let protected = protector.protect(&TICKET[..length]);
            assert_eq!(
                protector.unprotect(&protected).as_deref(),
                Some(&TICKET[..length]),
                "{name}"
            );
        }
        assert_ne!(protector.protect(TICKET), protector.protect(TICKET), "{name}: not random");
    }
}

/// TKT-01, TKT-02, TKT-03.
#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    for (name, protector) in every_way() {
        let protected = protector.protect(TICKET);
        for length in 0..protected.len() {
            assert_eq!(protector.unprotect(&protected[..length]), None, "{name}: {length} bytes");
            assert_eq!(
                protector.unprotect(&protected[length + 1..]),
                None,
                "{name}: from {length}"
            );
        }
        for bit in 0..protected.len() * 8 {
            let mut flipped = protected.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(protector.unprotect(&flipped), None, "{name}: bit {bit}");
        }
        let longer = [protected.as_slice(), &[0]].concat();
        assert_eq!(protector.unprotect(&longer), None, "{name}: one more");
    }
}

/// TKT-24: the mode is configured and never tried in turn. TKT-08: nor is another purpose.
#[test]
fn nothing_of_another_mode_or_purpose_is_opened() {
    let keys = [Framework20Sp1, Framework45]
        .map(|mode| key(mode, Validation::HmacSha256, Decryption::Aes, 64));
    let [legacy, modern] = keys.each_ref().map(|key| key.forms().unwrap());
    assert_eq!(modern.unprotect(&legacy.protect(TICKET)), None);
    assert_eq!(legacy.unprotect(&modern.protect(TICKET)), None);

    let purpose = |primary, specific: &[&str]| keys[0].purpose(primary, specific).unwrap();
    let other = purpose("User.MachineKey.Protect", &["v1"]);
    assert_eq!(modern.unprotect(&other.protect(TICKET)), None);
    let ticket = purpose("FormsAuthentication.Ticket", &[]);
    assert_eq!(
        modern.unprotect(&ticket.protect(TICKET)).as_deref(),
        Some(TICKET),
        "purposes are those of Framework45 in every mode"
    );
    // what has one hash only, such as a resource's URL, is no ticket
    let url = key(Framework20Sp1, Validation::HmacSha256, Decryption::Aes, 64);
    let mut url = url.legacy().unwrap();
    url.protection = Protection::Encryption;
    assert_eq!(legacy.unprotect(&url.protect(TICKET)), None);
}

/// Behind the outer hash, or where there is none, the inner one decides.
#[test]
fn the_inner_hash_refuses_what_the_outer_one_lets_through() {
    for (mode, digits, outer_hash, prefix) in [
        (Framework20Sp1, 64, true, 32),
        (Framework20Sp2, 48, true, 24),
        (Framework20Sp2, 48, false, 24),
        (Framework20Sp1, 48, false, 0),
    ] {
        let key = key(mode, Validation::HmacSha256, Decryption::Aes, digits);
        let mut protector = key.legacy().unwrap();
        protector.outer_hash = outer_hash;
        protector.prefix = prefix;
        let protected = protector.protect(TICKET);
        assert_eq!(protector.unprotect(&protected).as_deref(), Some(TICKET));

        let ciphertext = protected.len() - if outer_hash { protector.hash.size() } else { 0 };
        let signed = |ciphertext: &[u8]| match outer_hash {
            true => [ciphertext, &protector.hash.sign(ciphertext)].concat(),
            false => ciphertext.to_vec(),
        };
        for bit in 0..ciphertext * 8 {
            let mut flipped = protected[..ciphertext].to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // it changes its whole block and one bit of the next: of the random bytes alone?
            let harmless = (bit / 128 + 1) * 16 <= prefix && bit / 8 + 16 < prefix;
            let opened = protector.unprotect(&signed(&flipped));
            assert_eq!(opened.is_some(), harmless, "{mode} {digits} {outer_hash}: bit {bit}");
        }
        for length in 0..ciphertext {
            assert_eq!(protector.unprotect(&signed(&protected[..length])), None, "{length}");
        }
    }
}

/// Whoever has the keys can sign anything; the padding is still looked at.
#[test]
fn a_right_hash_does_not_excuse_a_wrong_padding() {
    let cipher = || CbcKey::new(Cipher::Aes, &[0x5a; 32]).unwrap();
    let hash = || KeyedHash::new(Validation::HmacSha256, &[0xa5; 64]);
    // encrypted without padding
    let ciphertext = |iv: &[u8], plaintext: &[u8]| {
        let mut buffer = plaintext.to_vec();
        cipher().encrypt_padded(iv, &mut buffer, 0);
        buffer.truncate(plaintext.len());
        buffer
    };
    let signed = |message: Vec<u8>| [&message[..], &hash().sign(&message)].concat();

    let protector = Protector::new(cipher(), hash());
    let key = key(Framework20Sp2, Validation::HmacSha256, Decryption::Aes, 64);
    let legacy = |protection, outer_hash| {
        let mut legacy = key.legacy().unwrap();
        (legacy.cipher, legacy.hash) = (cipher(), hash());
        (legacy.protection, legacy.outer_hash) = (protection, outer_hash);
        legacy
    };
    let iv = [7; 16];
    for last in 0..=255 {
        let mut plaintext = vec![0x11; 95];
        plaintext.push(last);
        let good = if last == 1 { Some(&plaintext[..95]) } else { None };
        let protected = signed([&iv[..], &ciphertext(&iv, &plaintext)].concat());
        assert_eq!(protector.unprotect(&protected).as_deref(), good, "{last}");

        let protected = signed(ciphertext(&[0; 16], &plaintext));
        let opened = legacy(Protection::Encryption, true).unprotect(&protected);
        assert_eq!(opened.as_deref(), good.map(|good| &good[32..]), "{last}");

        // the inner hash is right for a plaintext without padding
        let inner = &hash().sign(&plaintext[32..64]);
        plaintext.splice(64.., inner.iter().copied());
        let misplaced = [&plaintext[..], &[0x11; 15], &[last]].concat();
        let misplaced = ciphertext(&[0; 16], &misplaced);
        assert_eq!(legacy(Protection::All, false).unprotect(&misplaced), None, "{last}");
        let unpadded = ciphertext(&[0; 16], &plaintext);
        assert_eq!(legacy(Protection::All, false).unprotect(&unpadded), None, "{last}");
        assert_eq!(legacy(Protection::All, true).unprotect(&signed(unpadded)), None, "{last}");
    }
    // fewer bytes than the random ones
    let padded =
        |length: u8| [vec![0x11; (32 - length).into()], vec![length; length.into()]].concat();
    for length in [1, 15, 16] {
        let protected = signed(ciphertext(&[0; 16], &padded(length)));
        let opened = legacy(Protection::Encryption, true).unprotect(&protected);
        assert_eq!(opened, None, "{length} bytes of padding");
    }
}

#[test]
fn other_protections_do_what_they_say() {
    let key = key(Framework20Sp1, Validation::Sha1, Decryption::Aes, 64);
    let with = |protection| {
        let mut protector = key.legacy().unwrap();
        protector.protection = protection;
        protector
    };
    let signed = with(Protection::Validation);
    let protected = signed.protect(TICKET);
    assert_eq!(&protected[..TICKET.len()], TICKET);
    assert_eq!(signed.unprotect(&protected).as_deref(), Some(TICKET));
    for bit in 0..protected.len() * 8 {
        let mut flipped = protected.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(signed.unprotect(&flipped), None, "bit {bit}");
    }
    assert_eq!(signed.unprotect(&protected[TICKET.len()..]), None, "a tag of nothing");

    assert_eq!(signed.unprotect(&signed.hash.sign(b"")), None, "nothing, signed");

    let encrypted = with(Protection::Encryption);
    let protected = encrypted.protect(TICKET);
    assert_eq!(encrypted.unprotect(&protected).as_deref(), Some(TICKET));
    for bit in 0..protected.len() * 8 {
        let mut flipped = protected.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(encrypted.unprotect(&flipped), None, "bit {bit}");
    }
    assert_eq!(with(Protection::None).protect(TICKET), TICKET);
}
