//! FormsAuthentication tickets: the vectors, every damage, several keys, and what is written.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::Request;
use portcullis::{
    AuthErrorKind, BuildError, UnixTime,
    testing::ManualClock,
    ticket::{
        RenewalRule, Ticket, TicketFormat as _, TicketValidator,
        aspnet::{CompatibilityMode, FormsTickets, MachineKey, Protector},
    },
    token::{Presented, TokenValidator as _},
};
use serde_json::{Value, json};

mod aspnet;
use aspnet::{
    from_hex, good_vectors, judge_vectors, key, machine_key, refuses_all_damage, same, text,
};

// ---- the vectors

#[test]
fn all_vectors_agree() {
    judge_vectors(&["forms.decrypt", "forms.parse"], |vector| match text(&vector["op"]) {
        "forms.decrypt" => judge_cookie(vector),
        _ => judge_payload(vector),
    });
}

fn format_of(vector: &Value) -> Result<FormsTickets, BuildError> {
    let format = FormsTickets::new(machine_key(vector)?)?;
    Ok(if vector["legacyTicketLayout"] == true {
        format.dangerous().framework20_layout()
    } else {
        format
    })
}

fn judge_cookie(vector: &Value) -> Result<(), String> {
    let expected = &vector["expect"];
    let format = match (format_of(vector), text(&expected["outcome"])) {
        (Ok(format), outcome) if outcome != "config" => format,
        // a key that does not fit is refused before any ticket
        (Err(_), outcome) if outcome != "ok" => return Ok(()),
        (built, outcome) => return Err(format!("expected {outcome}, built {built:?}")),
    };
    let opened = format.unprotect(text(&vector["cookie"]));
    let ticket = match (opened, text(&expected["outcome"])) {
        (Ok(ticket), "ok" | "expired") => ticket,
        (Err(_), outcome) if outcome != "ok" && outcome != "expired" => return Ok(()),
        (opened, outcome) => return Err(format!("expected {outcome}, got {opened:?}")),
    };
    if vector["nowUtcTicks"].is_i64() {
        judge_time(vector, format_of(vector).unwrap())?;
    }
    if expected["ticket"].is_object() {
        same(&as_vector(&ticket), &without_texts_of_dates(&expected["ticket"]))?;
        same_dates(&ticket, &expected["ticket"])?;
    }
    if let Some(units) = expected["ticketNameUtf16"].as_array() {
        let units: Vec<_> = units.iter().map(|unit| unit.as_u64().unwrap() as u16).collect();
        same(&name_units(&ticket), &units)?;
    }
    same(&written_and_read(&format, &ticket)?, &ticket)
}

/// The validator's part: expiry and sliding, to the tick.
fn judge_time(vector: &Value, format: FormsTickets) -> Result<(), String> {
    let expected = &vector["expect"];
    let reader = format_of(vector).unwrap();
    let clock = ManualClock::at(now(vector));
    let validator = TicketValidator::new(format)
        .clock(Arc::new(clock))
        .sliding(vector["slidingExpiration"] == true);
    let (parts, ()) = Request::new(()).into_parts();
    let judged = validator.validate(Presented::new(text(&vector["cookie"]), &parts));
    let identity = match (judged.into_ready().unwrap(), text(&expected["outcome"])) {
        (Ok(identity), "ok") => identity,
        (Err(error), "expired") => return same(&error.kind(), &AuthErrorKind::TicketExpired),
        (judged, outcome) => return Err(format!("expected {outcome}, judged {judged:?}")),
    };
    let Some(renewed) = validator.renew(&identity) else {
        return same(&expected["renew"], &json!(false));
    };
    let cookie = str::from_utf8(renewed.text.expose()).unwrap();
    let slid = reader.unprotect(cookie).map_err(|error| error.to_string())?;
    same(&as_vector(&slid), &without_texts_of_dates(&expected["renewedTicket"]))
}

/// The parser behind the MAC, reached by protecting the payload.
fn judge_payload(vector: &Value) -> Result<(), String> {
    let expected = &vector["expect"];
    let payload = from_hex(text(&vector["payload"]));
    let (format, protector) = (FormsTickets::new(key(1)).unwrap(), protector(&key(1)));
    let opened = format.unprotect(&to_hex(&protector.protect(&payload)));
    let ticket = match (opened, text(&expected["outcome"])) {
        (Ok(ticket), "ok") => ticket,
        (Err(error), "malformed") => return same(&error.kind(), &AuthErrorKind::TicketMalformed),
        (Err(_), "ok") if expected["strictReaderMayReject"] == true => return Ok(()),
        (opened, outcome) => return Err(format!("expected {outcome}, got {opened:?}")),
    };
    same(&as_vector(&ticket), &without_texts_of_dates(&expected["ticket"]))?;
    same_dates(&ticket, &expected["ticket"])?;
    same(&written_and_read(&format, &ticket)?, &ticket)?;
    if expected["canonical"] == true {
        let cookie = format.protect(&ticket).map_err(|error| error.to_string())?;
        same(&protector.unprotect(&from_hex(&cookie)), &Some(payload))?;
    }
    Ok(())
}

fn written_and_read(format: &FormsTickets, ticket: &Ticket) -> Result<Ticket, String> {
    let cookie = format.protect(ticket).map_err(|error| error.to_string())?;
    if cookie.contains(|c: char| !matches!(c, '0'..='9' | 'A'..='F')) {
        return Err(format!("not upper-case hexadecimal: {cookie}"));
    }
    format.unprotect(&cookie).map_err(|error| error.to_string())
}

fn as_vector(ticket: &Ticket) -> Value {
    let verbatim = ticket.verbatim.clone().unwrap_or_default();
    json!({
        "version": ticket.version,
        "name": ticket.name(),
        "issueDateUtcTicks": verbatim.issued_ticks.unwrap_or(ticks(ticket.issued_at.unwrap())),
        "expirationUtcTicks":
            verbatim.expiration_ticks.unwrap_or(ticks(ticket.expires_at.unwrap())),
        "isPersistent": ticket.is_persistent,
        "userData": ticket.user_data,
        "cookiePath": ticket.cookie_path,
    })
}

fn without_texts_of_dates(ticket: &Value) -> Value {
    let mut ticket = ticket.clone();
    let members = ticket.as_object_mut().unwrap();
    members.remove("issueDateUtc");
    members.remove("expirationUtc");
    ticket
}

/// The dates that the vector spells, to the second, where they can be told at all.
fn same_dates(ticket: &Ticket, expected: &Value) -> Result<(), String> {
    if ticket.verbatim.is_some() {
        return Ok(());
    }
    for (time, spelt) in [(ticket.issued_at, "issueDateUtc"), (ticket.expires_at, "expirationUtc")]
    {
        let second = text(&expected[spelt]).get(..19).ok_or("the vector spells no date")?;
        same(&time.unwrap().to_string(), &format!("{second}Z"))?;
    }
    Ok(())
}

fn name_units(ticket: &Ticket) -> Vec<u16> {
    let verbatim = ticket.verbatim.as_deref().and_then(|verbatim| verbatim.name.clone());
    verbatim.unwrap_or_else(|| ticket.name().unwrap_or_default().encode_utf16().collect())
}

fn now(vector: &Value) -> UnixTime {
    let ticks = vector["nowUtcTicks"].as_i64().unwrap() - EPOCH_TICKS;
    UnixTime::EPOCH + Duration::from_nanos(u64::try_from(ticks).unwrap() * 100)
}

fn protector(key: &MachineKey) -> Protector {
    key.purpose("FormsAuthentication.Ticket", &[]).unwrap()
}

// ---- damage

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let mut families = BTreeMap::new();
    for vector in good_vectors("forms.decrypt") {
        let key = &vector["machineKey"];
        let cookie = text(&vector["cookie"]);
        // without a MAC over all of it: tickets in the clear, and those whose random first block is
        // not looked at (aspnet:UseLegacyEncryption); the layout of .NET 2.0 is not told by a name
        let has_mac = key["protection"] != "None" && key["useLegacyEncryption"] != true;
        if has_mac && vector["legacyTicketLayout"] != true && cookie.len().is_multiple_of(2) {
            let family = [
                text(&key["compatibilityMode"]).to_owned(),
                text(&key["validation"]).to_owned(),
                text(&key["decryption"]).to_owned(),
                text(&key["protection"]).to_owned(),
            ];
            families.entry(family).or_insert(vector);
        }
    }
    assert!(families.len() >= 12, "{:?}", families.keys());
    for (family, vector) in families {
        let format = format_of(&vector).unwrap();
        let bytes = from_hex(text(&vector["cookie"]));
        let count = refuses_all_damage(&format, &bytes, to_hex);
        println!("{family:?}: {count} refused");
    }
}

#[test]
fn the_layout_of_net_2_0_is_refused_unless_it_is_asked_for() {
    let plain = FormsTickets::new(key(1)).unwrap();
    let old = FormsTickets::new(key(1)).unwrap().dangerous().framework20_layout();
    let old_cookie = old.protect(&alice()).unwrap();
    let cookie = plain.protect(&alice()).unwrap();
    assert_eq!(old.unprotect(&old_cookie).unwrap(), alice());
    for (format, cookie) in [(&plain, &old_cookie), (&old, &cookie)] {
        let error = format.unprotect(cookie).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::TicketMalformed);
    }
    let mut injected = alice();
    injected.identities = Ticket::new("Forms", "admin\0").identities;
    assert!(matches!(old.protect(&injected), Err(BuildError::Invalid { field: "name", .. })));
    let bytes = from_hex(&old_cookie);
    refuses_all_damage(&old, &bytes, to_hex);
}

// ---- text

#[test]
fn twins_of_one_ticket_are_one_ticket() {
    let format = FormsTickets::new(key(1)).unwrap();
    let cookie = format.protect(&alice()).unwrap();
    let mixed: String = cookie
        .char_indices()
        .map(|(at, letter)| if at % 3 == 0 { letter.to_ascii_lowercase() } else { letter })
        .collect();
    for twin in [cookie.to_lowercase(), mixed, url_token(&from_hex(&cookie))] {
        assert_eq!(format.unprotect(&twin).unwrap(), alice());
    }
}

#[test]
fn what_is_neither_hexadecimal_nor_a_url_token_is_refused() {
    let format = FormsTickets::new(key(1)).unwrap();
    let cookie = format.protect(&alice()).unwrap();
    let token = url_token(&from_hex(&cookie));
    for text in [
        String::new(),
        "0".into(),
        "NoCookie".into(),
        cookie[1..].into(),
        format!("{cookie} "),
        format!(" {cookie}"),
        format!("0x{cookie}"),
        format!("{}\n{}", &cookie[..10], &cookie[10..]),
        cookie.replace('A', "\u{ff21}"),
        token[..token.len() - 1].into(),
        format!("{token}="),
    ] {
        let error = format.unprotect(&text).unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(kind, AuthErrorKind::TicketMalformed | AuthErrorKind::TicketUndecryptable),
            "{text:?}: {error}"
        );
    }
}

#[test]
fn no_text_is_longer_than_4096_characters() {
    let format = FormsTickets::new(key(1)).unwrap();
    assert_eq!(
        format.unprotect(&"00".repeat(2048)).unwrap_err().kind(),
        AuthErrorKind::TicketUndecryptable
    );
    let error = format.unprotect(&"0".repeat(4097)).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TokenTooLong);
    assert_eq!(error.detail(), Some("4097 characters, the limit is 4096"));

    // what it does not read it does not write
    let sized = |units| {
        let mut ticket = alice();
        ticket.user_data = "x".repeat(units);
        format.protect(&ticket)
    };
    let longest = (0..2000).rev().find_map(|units| sized(units).ok()).unwrap();
    assert_eq!(longest.len(), 4096);
    assert!(format.unprotect(&longest).is_ok());
    match sized(2000) {
        Err(BuildError::Invalid { field: "user_data", problem }) => {
            assert!(problem.contains("4096"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

// ---- keys

#[test]
fn an_old_key_still_opens_and_only_the_first_one_writes() {
    let old = FormsTickets::new(key(1)).unwrap();
    let new = FormsTickets::new(key(2)).unwrap().also_accept(key(1)).unwrap();
    let cookie = old.protect(&alice()).unwrap();
    assert_eq!(new.unprotect(&cookie).unwrap(), alice());
    let cookie = new.protect(&alice()).unwrap();
    assert_eq!(new.unprotect(&cookie).unwrap(), alice());

    let error = old.unprotect(&cookie).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketUndecryptable);
    let detail = format!("no key opens it; tried {}", key(1).fingerprint());
    assert_eq!(error.detail(), Some(&*detail));
    let error = new.unprotect(&"00".repeat(100)).unwrap_err();
    let detail =
        format!("no key opens it; tried {}, {}", key(2).fingerprint(), key(1).fingerprint());
    assert_eq!(error.detail(), Some(&*detail));
}

#[test]
fn at_most_eight_keys_are_tried() {
    let mut format = FormsTickets::new(key(1)).unwrap();
    for number in 2..=8 {
        format = format.also_accept(key(number)).unwrap();
    }
    for number in 1..=8 {
        let cookie = FormsTickets::new(key(number)).unwrap().protect(&alice()).unwrap();
        assert_eq!(format.unprotect(&cookie).unwrap(), alice(), "{number}");
    }
    let shown = format!("{format:?}");
    assert_eq!(shown.matches(key(8).fingerprint()).count(), 1, "{shown}");
    match format.also_accept(key(9)) {
        Err(BuildError::Invalid { field, problem }) => {
            assert_eq!(field, "also_accept");
            assert!(problem.contains('8'), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_other_mode_and_no_other_purpose_opens_it() {
    let (hex, short) = ("01".repeat(64), "01".repeat(32));
    let of = |mode| MachineKey::builder(&hex, &short).compatibility_mode(mode).build().unwrap();
    let modes = [CompatibilityMode::Framework20Sp2, CompatibilityMode::Framework45];
    let [legacy, current] = modes.map(|mode| FormsTickets::new(of(mode)).unwrap());
    for (writer, reader) in [(&legacy, &current), (&current, &legacy)] {
        let cookie = writer.protect(&alice()).unwrap();
        assert_eq!(writer.unprotect(&cookie).unwrap(), alice());
        let error = reader.unprotect(&cookie).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::TicketUndecryptable);
    }
    let payload = protector(&key(1)).unprotect(&from_hex(&current.protect(&alice()).unwrap()));
    let other = key(1).purpose("User.MachineKey.Protect", &["x"]).unwrap();
    let error = current.unprotect(&to_hex(&other.protect(&payload.unwrap()))).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketUndecryptable);
}

#[test]
fn the_key_that_opened_a_broken_ticket_is_named() {
    let format = FormsTickets::new(key(2)).unwrap().also_accept(key(1)).unwrap();
    let error = format.unprotect(&to_hex(&protector(&key(1)).protect(b"\x01\x02"))).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketMalformed);
    let detail = format!("the key {} opens it; it ends too early", key(1).fingerprint());
    assert_eq!(error.detail(), Some(&*detail));
}

// ---- the seam

#[test]
fn a_forms_ticket_slides_from_half_its_life_on_and_always_expires() {
    let format = FormsTickets::new(key(1)).unwrap();
    assert_eq!(format.renewal_rule(), RenewalRule::AtHalf);
    assert_eq!(format.session_claim_type(), None);
    assert!(!format.holds_properties());
    let mut ticket = alice();
    ticket.expires_at = None;
    assert!(matches!(
        format.protect(&ticket),
        Err(BuildError::Invalid { field: "expires_at", .. })
    ));
}

fn alice() -> Ticket {
    let mut ticket = Ticket::new("Forms", "alice");
    ticket.issued_at = Some(UnixTime::from_secs(1_715_688_000));
    ticket.expires_at = Some(UnixTime::from_secs(1_715_689_800));
    ticket
}

fn url_token(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE};
    let padded = URL_SAFE.encode(bytes);
    let text = padded.trim_end_matches('=');
    format!("{text}{}", padded.len() - text.len())
}

/// As .NET counts: 100 ns since the year 1.
fn ticks(time: UnixTime) -> i64 {
    let nanos = time.saturating_since(UnixTime::EPOCH).as_nanos();
    EPOCH_TICKS + i64::try_from(nanos / 100).unwrap()
}

const EPOCH_TICKS: i64 = 621_355_968_000_000_000;

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
