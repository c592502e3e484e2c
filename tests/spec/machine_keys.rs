//! Machine keys: what a forged ticket is told, and what a configuration must not be.

use AuthErrorKind::TicketUndecryptable;
use CompatibilityMode::{Framework20Sp1, Framework20Sp2, Framework45};
use portcullis::ticket::aspnet::{
    CompatibilityMode, Decryption, FormsTickets, KatanaAccessToken, KatanaCookie, MachineKey,
    MachineKeyBuilder, Protection, Validation,
};
use portcullis::ticket::{Ticket, TicketFormat, TicketValidator};
use portcullis::{AuthErrorKind, BuildError, TicketAuth, UnixTime};

use super::ledger;
use crate::support::fixed::{get, send};
use crate::support::logs::Log;

chapter! {
    async fn a_forged_ticket_is_answered_like_any_other;
    fn every_bit_is_signed;
    fn a_tag_has_its_whole_length;
    fn nothing_is_parsed_before_it_is_verified;
    fn weak_choices_need_a_word;
    fn a_published_key_is_warned_of;
    fn what_was_protected_for_something_else_is_no_ticket;
    fn old_keys_are_few_and_indistinguishable;
    fn the_mode_is_never_guessed;
}

const VALIDATION_KEY: &str = "9B0C7E1DE6C5F4F8A6C1F3B8D1A54C39A1E0F2D7B3C4958677F0E1D2C3B4A596";
const DECRYPTION_KEY: &str = "1F2E3D4C5B6A79880716253443526170A0B1C2D3E4F50617";

fn builder() -> MachineKeyBuilder {
    MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY)
}

fn forms(mode: CompatibilityMode) -> FormsTickets {
    FormsTickets::new(builder().compatibility_mode(mode).build().unwrap()).unwrap()
}

fn alice() -> Ticket {
    let mut ticket = Ticket::new("Forms", "alice");
    ticket.issued_at = Some(UnixTime::from_secs(1_700_000_000));
    ticket.expires_at = Some(UnixTime::from_secs(4_000_000_000));
    ticket
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The status, the header lines and the body do not tell one forgery from another.
async fn a_forged_ticket_is_answered_like_any_other() {
    for mode in [Framework20Sp1, Framework20Sp2, Framework45] {
        let format = forms(mode);
        let good = bytes(&format.protect(&alice()).unwrap());
        let pages = TicketAuth::new(".ASPXAUTH", TicketValidator::new(format)).unwrap();
        let ask =
            |ticket: &[u8]| send(&pages, get(&[&format!("cookie: .ASPXAUTH={}", hex(ticket))]));
        assert_eq!(ask(&good).await.status, 200, "{mode}");

        // the vector, the last block of the ciphertext (behind it are 32 bytes of hash), the hash
        let last = good.len() - 32 - 16;
        let mut answers = Vec::new();
        for at in (0..16).chain(last..good.len()) {
            let mut forged = good.clone();
            forged[at] ^= 1;
            answers.push(ask(&forged).await);
        }
        answers.push(ask(&good[16..]).await);
        answers.push(ask(&good[..good.len() - 1]).await);
        answers.push(ask(&[0; 112]).await);
        for answer in &answers {
            assert_eq!((answer.status, &answer.saw), (401, &None), "{mode}");
            assert_eq!((&answer.headers, &answer.body), (&answers[0].headers, &answers[0].body));
            let reason = answer.rejection.as_ref().unwrap().reason();
            assert_eq!(reason.kind(), TicketUndecryptable);
            assert_eq!(reason.detail(), answers[0].rejection.as_ref().unwrap().reason().detail());
        }
    }
    ledger::passed("TKT-01");
}

fn every_bit_is_signed() {
    for mode in [Framework20Sp1, Framework20Sp2, Framework45] {
        let format = forms(mode);
        let mut others = Ticket::new("Forms", "mallory");
        (others.issued_at, others.expires_at) = (alice().issued_at, alice().expires_at);
        let good = bytes(&format.protect(&alice()).unwrap());
        let other = bytes(&format.protect(&others).unwrap());
        let refused = |forged: &[u8], why: &str| {
            let error = format.unprotect(&hex(forged)).unwrap_err();
            assert_eq!(error.kind(), TicketUndecryptable, "{mode}: {why}");
        };
        for bit in 0..good.len() * 8 {
            let mut forged = good.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            refused(&forged, &format!("bit {bit}"));
        }
        let (message, tag) = good.split_at(good.len() - 32);
        refused(&[message, &[0; 32]].concat(), "a tag of zeros");
        let reversed: Vec<u8> = tag.iter().rev().copied().collect();
        refused(&[message, &reversed].concat(), "a tag turned round");
        refused(&[message, &other[other.len() - 32..]].concat(), "the tag of another ticket");
        refused(&[tag, message].concat(), "the tag in front");
    }
    ledger::passed("TKT-02");
}

fn a_tag_has_its_whole_length() {
    for (validation, size) in
        [(Validation::HmacSha256, 32), (Validation::HmacSha384, 48), (Validation::HmacSha512, 64)]
    {
        for mode in [Framework20Sp1, Framework45] {
            let key = builder().compatibility_mode(mode).validation(validation).build().unwrap();
            let format = FormsTickets::new(key).unwrap();
            let good = bytes(&format.protect(&alice()).unwrap());
            for length in 0..size {
                let short = &good[..good.len() - size + length];
                let error = format.unprotect(&hex(short)).unwrap_err();
                assert_eq!(error.kind(), TicketUndecryptable, "{mode} {validation} {length}");
            }
            assert!(format.unprotect(&hex(&[&good[..], &[0]].concat())).is_err());
            assert_eq!(format.unprotect(&hex(&good)).unwrap(), alice());
        }
    }
    ledger::passed("TKT-03");
}

/// `TicketMalformed` is what a parser says; only what the key protects gets as far as one.
fn nothing_is_parsed_before_it_is_verified() {
    let key = builder().build().unwrap();
    let format = FormsTickets::new(key.clone()).unwrap();
    let broken = [0x01, 0x02, 0xff, 0xff, 0xff, 0xff, 0x7f];
    for padded in [broken.to_vec(), broken.repeat(16), [0xff; 112].to_vec()] {
        let error = format.unprotect(&hex(&padded)).unwrap_err();
        assert_eq!(error.kind(), TicketUndecryptable);
    }
    let protector = key.purpose("FormsAuthentication.Ticket", &[]).unwrap();
    let error = format.unprotect(&hex(&protector.protect(&broken))).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketMalformed);

    // the same before Framework45
    let key = builder().compatibility_mode(Framework20Sp1).build().unwrap();
    let error = FormsTickets::new(key).unwrap().unprotect(&hex(&broken)).unwrap_err();
    assert_eq!(error.kind(), TicketUndecryptable);
    ledger::passed("TKT-04");
}

fn weak_choices_need_a_word() {
    let old = || builder().compatibility_mode(Framework20Sp2);
    for protection in [Protection::Encryption, Protection::None, Protection::Validation] {
        refused("protection", old().protection(protection));
    }
    let opted_in = old().protection(Protection::Validation).dangerous().allow_partial_protection();
    opted_in.build().unwrap();
    refused(
        "protection",
        old().protection(Protection::None).dangerous().allow_partial_protection(),
    );
    ledger::passed("TKT-05");

    for mode in [Framework20Sp1, Framework20Sp2, Framework45] {
        let of = || builder().compatibility_mode(mode);
        for validation in
            [Validation::Aes, Validation::Md5, Validation::Sha1, Validation::TripleDes]
        {
            refused("validation", of().validation(validation));
        }
        refused("decryption", of().decryption(Decryption::TripleDes));
        let des =
            || MachineKey::builder(VALIDATION_KEY, "0123456789ABCDEF").compatibility_mode(mode);
        refused("decryption", des().decryption(Decryption::Des));

        // one word for each, and no more than that
        let sha1 = || of().validation(Validation::Sha1).dangerous().allow_sha1();
        sha1().build().unwrap();
        refused("decryption", sha1().decryption(Decryption::TripleDes));
        let both = sha1().decryption(Decryption::TripleDes).dangerous().allow_3des();
        both.build().unwrap();
        refused("validation", of().validation(Validation::Md5).dangerous().allow_sha1());
        refused("decryption", des().decryption(Decryption::Des).dangerous().allow_3des());
    }
    ledger::passed("TKT-06");
}

#[track_caller]
fn refused(field: &str, builder: MachineKeyBuilder) {
    match builder.build() {
        Err(BuildError::Invalid { field: found, .. }) => assert_eq!(found, field),
        other => panic!("{field}: {other:?}"),
    }
}

fn a_published_key_is_warned_of() {
    let log = Log::capture();
    let key = builder().build().unwrap();
    assert_eq!(log.lines_with("is published"), [""; 0], "{key:?}");
    // printed in the repository that the vectors name
    let key = MachineKey::from_hex(
        "709FC62CDB7CC79821DEBB2062FDED6795AD8CB37341B55B3763923BEEF66286\
         5AF7EC613F9A76171CA3C336ED119D1C103555D87D092BAD4A63F807592B0520",
        "9DA83917EE2DE9008FCB45986195A9BC11EF9496D67042C76B4052CEFA22EF45",
    )
    .unwrap();
    let lines = log.lines_with("this machine key is published");
    assert_eq!(lines.len(), 1, "{}", log.text());
    assert!(lines[0].contains("WARN") && lines[0].contains(key.fingerprint()), "{lines:?}");
    assert!(!log.text().contains("709FC62C") && !log.text().contains("9DA83917"));
    ledger::passed("TKT-07");
}

fn what_was_protected_for_something_else_is_no_ticket() {
    let key = builder().build().unwrap();
    let format = FormsTickets::new(key.clone()).unwrap();
    let own = key.purpose("FormsAuthentication.Ticket", &[]).unwrap();
    let payload = own.unprotect(&bytes(&format.protect(&alice()).unwrap())).unwrap();
    let purposes: [(&str, &[&str]); 5] = [
        ("FormsAuthentication.Ticket", &["v1"]),
        ("WebForms.HiddenFieldPageStatePersister.ClientState", &["TemplateSourceDirectory: /"]),
        ("AssemblyResourceLoader.WebResourceUrl", &[]),
        ("User.MachineKey.Protect", &["FormsAuthentication.Ticket"]),
        ("formsauthentication.ticket", &[]),
    ];
    assert_eq!(format.unprotect(&hex(&own.protect(&payload))).unwrap(), alice());
    for (primary, specific) in purposes {
        let protector = key.purpose(primary, specific).unwrap();
        let error = format.unprotect(&hex(&protector.protect(&payload))).unwrap_err();
        assert_eq!(error.kind(), TicketUndecryptable, "{primary}");
        let reverse = protector.unprotect(&bytes(&format.protect(&alice()).unwrap()));
        assert_eq!(reverse, None, "{primary}");
    }
    // a cookie is no access token, and the reverse
    let cookie = KatanaCookie::new(key.clone(), "ApplicationCookie").unwrap();
    let token = KatanaAccessToken::new(key).unwrap();
    let text = cookie.protect(&alice()).unwrap();
    assert_eq!(token.unprotect(&text).unwrap_err().kind(), TicketUndecryptable);
    let text = token.protect(&alice()).unwrap();
    assert_eq!(cookie.unprotect(&text).unwrap_err().kind(), TicketUndecryptable);
    ledger::passed("TKT-08");
}

fn old_keys_are_few_and_indistinguishable() {
    let key = |number: u8| {
        MachineKey::from_hex(&VALIDATION_KEY.replace('9', &number.to_string()), DECRYPTION_KEY)
            .unwrap()
    };
    let mut format = FormsTickets::new(key(1)).unwrap();
    for number in 2..=8 {
        format = format.also_accept(key(number)).unwrap();
    }
    // whichever fits, the ticket is the same, and what none opens is told apart by nothing
    let mut details = Vec::new();
    for number in 1..=8 {
        let cookie = FormsTickets::new(key(number)).unwrap().protect(&alice()).unwrap();
        assert_eq!(format.unprotect(&cookie).unwrap(), alice(), "{number}");
        let mut forged = bytes(&cookie);
        forged[20] ^= 1;
        let error = format.unprotect(&hex(&forged)).unwrap_err();
        assert_eq!(error.kind(), TicketUndecryptable);
        details.push(error.detail().unwrap().to_owned());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    assert!((1..=8).all(|number| details[0].contains(key(number).fingerprint())), "{details:?}");
    ledger::passed("TKT-23");

    match format.also_accept(key(9)) {
        Err(BuildError::Invalid { field, .. }) => assert_eq!(field, "also_accept"),
        other => panic!("{other:?}"),
    }
    ledger::passed("TKT-22");
}

fn the_mode_is_never_guessed() {
    for written in [Framework20Sp1, Framework45] {
        for read in [Framework20Sp1, Framework20Sp2, Framework45] {
            let opened = forms(read).unprotect(&forms(written).protect(&alice()).unwrap());
            // the two older modes have one form
            if (written == Framework45) == (read == Framework45) {
                assert_eq!(opened.unwrap(), alice(), "{written} as {read}");
            } else {
                assert_eq!(opened.unwrap_err().kind(), TicketUndecryptable, "{written} as {read}");
            }
        }
    }
    ledger::passed("TKT-24");
}
