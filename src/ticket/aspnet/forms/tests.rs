use super::{super::binary::Ticks, fields::Fields, framework20, version1};
use crate::{
    clock::UnixTime,
    error::BuildError,
    ticket::{Ticket, TicketClaim},
};

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn alice() -> Fields {
    Fields {
        version: 2,
        name: units("alice"),
        issued: Ticks::new(638_512_992_001_234_567).unwrap(),
        expiration: Ticks::new(638_513_010_001_234_567).unwrap(),
        is_persistent: true,
        user_data: units("na\u{ef}ve\0embedded \u{1F600}"),
        cookie_path: units("/app"),
    }
}

/// As the layout of .NET 2.0 can hold it.
fn alice_without_nul() -> Fields {
    Fields { user_data: units("\u{1F600}"), ..alice() }
}

#[test]
fn a_ticket_is_written_as_it_was_read() {
    let lone = [0x61, 0xD800, 0x62];
    for (name, fields) in [
        ("plain", alice()),
        ("nothing", Fields { name: vec![], user_data: vec![], cookie_path: vec![], ..alice() }),
        ("a NUL in the name", Fields { name: units("admin\0x"), ..alice() }),
        ("a name that is not Unicode", Fields { name: lone.to_vec(), ..alice() }),
        ("user data that is not", Fields { user_data: lone.to_vec(), ..alice() }),
        ("a path that is not", Fields { cookie_path: lone.to_vec(), ..alice() }),
        ("the first date", Fields { issued: Ticks::new(0).unwrap(), ..alice() }),
        ("the last date", Fields { expiration: Ticks::MAX, ..alice() }),
        ("a distant date", Fields { expiration: Ticks::new(3e18 as i64).unwrap(), ..alice() }),
        ("a long name", Fields { name: vec![0x61; 300], ..alice() }),
    ] {
        let payload = version1::write(&fields);
        let ticket = version1::read(&payload).unwrap().into_ticket();
        let again = version1::write(&Fields::from_ticket(&ticket).unwrap());
        assert_eq!(again, payload, "{name}");
    }
}

#[test]
fn no_unit_of_a_name_is_replaced() {
    let named = |name: &[u16]| Fields { name: name.to_vec(), ..alice() }.into_ticket();
    let lone = named(&[0x61, 0xD800, 0x62]);
    assert_eq!(lone.name(), None);
    assert!(lone.identity().unwrap().claims.is_empty());
    assert_eq!(lone.identity().unwrap().authentication_type, "Forms");
    let verbatim = lone.verbatim.as_deref().unwrap();
    assert_eq!(verbatim.name.as_deref(), Some(&[0x61, 0xD800, 0x62][..]));
    assert_eq!(format!("{verbatim:?}"), "Verbatim { .. }");
    assert_ne!(lone, named(&[0x61, 0xD801, 0x62]));
    assert_ne!(lone, named(&units("a\u{FFFD}b")));
    assert_eq!(named(&units("admin\0x")).name(), Some("admin\0x"));
    assert_eq!(named(&units("\u{1F600}")).name(), Some("\u{1F600}"));

    let data = Fields { user_data: vec![0x61, 0xDC00], ..alice() }.into_ticket();
    assert_eq!(data.user_data, "a\u{FFFD}");
    assert_eq!(data.verbatim.as_deref().unwrap().user_data.as_deref(), Some(&[0x61, 0xDC00][..]));
    assert_eq!(alice().into_ticket().verbatim, None);
}

#[test]
fn a_changed_field_is_written_as_it_is_now() {
    let odd = Fields {
        name: vec![0xD800],
        issued: Ticks::new(0).unwrap(),
        expiration: Ticks::MAX,
        user_data: vec![0xD800],
        cookie_path: vec![0xD800],
        ..alice()
    };
    let mut ticket = odd.into_ticket();
    ticket.identities = Ticket::new("Forms", "bob").identities;
    ticket.issued_at = Some(UnixTime::from_secs(1_700_000_000));
    ticket.expires_at = Some(UnixTime::from_secs(1_700_000_600));
    ticket.user_data = "new".into();
    ticket.cookie_path = "/new".into();
    let written = Fields::from_ticket(&ticket).unwrap();
    assert_eq!(written.name, units("bob"));
    assert_eq!(written.issued.to_unix_time(), UnixTime::from_secs(1_700_000_000));
    assert_eq!(written.expiration.to_unix_time(), UnixTime::from_secs(1_700_000_600));
    assert_eq!(written.user_data, units("new"));
    assert_eq!(written.cookie_path, units("/new"));
}

#[test]
fn what_has_no_place_is_named() {
    let good = alice().into_ticket();
    let mut lone = Fields { name: vec![0xD800], ..alice() }.into_ticket();
    assert!(Fields::from_ticket(&lone).is_ok());
    lone.identities[0].claims.push(TicketClaim::new("role", "admin"));

    type Change = fn(&mut Ticket);
    let changes: [(&str, Change); 10] = [
        ("identities", |ticket| ticket.identities.clear()),
        ("identities", |ticket| ticket.identities.push(ticket.identities[0].clone())),
        ("name", |ticket| ticket.identities[0].claims.clear()),
        ("claims", |ticket| ticket.identities[0].claims.push(TicketClaim::new("role", "admin"))),
        ("claims", |ticket| ticket.identities[0].claims[0].issuer = "somebody".into()),
        ("claims", |ticket| ticket.identities[0].bootstrap_context = Some("token".into())),
        ("properties", |ticket| ticket.properties.push(("a".into(), "b".into()))),
        ("properties", |ticket| ticket.allow_refresh = Some(true)),
        ("issued_at", |ticket| ticket.issued_at = None),
        ("expires_at", |ticket| ticket.expires_at = None),
    ];
    let changed = changes.map(|(field, change)| {
        let mut ticket = good.clone();
        change(&mut ticket);
        (field, ticket)
    });
    for (field, ticket) in changed.into_iter().chain([("claims", lone)]) {
        match Fields::from_ticket(&ticket) {
            Err(BuildError::Invalid { field: named, .. }) => assert_eq!(named, field),
            Err(other) => panic!("{field}: {other}"),
            Ok(_) => panic!("{field}: written"),
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let first = version1::write(&alice());
    for length in 0..first.len() {
        assert!(version1::read(&first[..length]).is_err(), "{length}");
    }
    let second = framework20::write(&alice_without_nul()).unwrap();
    for length in 0..second.len() {
        assert!(framework20::read(&second[..length]).is_err(), "{length}");
    }
}

#[test]
fn fixed_bytes_are_fixed() {
    let good = version1::write(&alice());
    assert!(version1::read(&good).is_ok());
    for (position, wrong) in [
        (0, 0x00),
        (0, 0x02),
        (10, 0xFF),
        // 2^63 ticks and more
        (9, 0x80),
        (18, 0x7F),
        (19, 0x02),
        (20, 0xFF),
        (good.len() - 1, 0xFE),
    ] {
        let mut payload = good.clone();
        payload[position] = wrong;
        assert!(version1::read(&payload).is_err(), "{wrong:x} at {position}");
    }
    assert!(version1::read(&[&good[..], &[0]].concat()).is_err());
}

#[test]
fn a_length_promises_no_more_than_there_is() {
    let good = version1::write(&alice());
    for length in [&b"\xFF\xFF\xFF\xFF\x0F"[..], b"\xFF\xFF\xFF\xFF\x07", b"\x7F", b"\x80"] {
        let payload = [&good[..20], length, &good[21..]].concat();
        assert!(version1::read(&payload).is_err(), "{length:x?}");
    }
}

#[test]
fn the_layouts_are_not_taken_for_each_other() {
    let second = framework20::write(&alice_without_nul()).unwrap();
    assert!(version1::read(&second).is_err());
    assert!(framework20::read(&version1::write(&alice())).is_err());
    let read = framework20::read(&second).unwrap();
    assert!(read == alice_without_nul());
    // the first eight bytes may be anything
    assert!(framework20::read(&[&[0xAB; 8], &second[8..]].concat()).unwrap() == read);
    assert!(framework20::read(&[&second[..], &[0]].concat()).is_err());
}

#[test]
fn no_field_of_the_old_layout_ends_early() {
    for fields in [
        Fields { name: units("admin\0x"), ..alice_without_nul() },
        Fields { user_data: units("\0"), ..alice_without_nul() },
        Fields { cookie_path: units("/\0"), ..alice_without_nul() },
    ] {
        assert!(framework20::write(&fields).is_err());
    }
}
