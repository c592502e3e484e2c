use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    super::{
        binary::{Malformed, Writer},
        hex,
    },
    gzip::{self, Packed},
    serializer::{self, Formats},
    text,
};
use crate::{
    base64url,
    clock::UnixTime,
    error::BuildError,
    ticket::{Ticket, TicketClaim, TicketIdentity},
};

/// A ticket, field by field: numbers are four bytes, texts are net-strings.
enum Field {
    Number(i32),
    Text(&'static str),
}
use Field::{Number, Text};

fn bytes(fields: &[Field]) -> Vec<u8> {
    let mut writer = Writer::default();
    for field in fields {
        match field {
            Number(number) => writer.int32(*number),
            Text(text) => writer.net_string(text),
        }
    }
    writer.finish()
}

fn read(fields: &[Field]) -> Result<Ticket, Malformed> {
    serializer::read(&bytes(fields), Formats::Three)
}

fn alice() -> Ticket {
    let mut ticket = Ticket::new("ApplicationCookie", "alice");
    ticket.issued_at = Some(UnixTime::from_secs(1_715_688_000));
    ticket.expires_at = Some(UnixTime::from_secs(1_715_689_200));
    ticket
}

#[test]
fn placeholders_stand_for_defaults() {
    let ticket = read(&[
        Number(3),
        Text("Bearer"),
        Text("sub"),
        Text("\0"),
        Number(2),
        // a claim in placeholders, and one in empty texts
        Text("\0"),
        Text("\0"),
        Text("\0"),
        Text("\0"),
        Text("\0"),
        Text("x"),
        Text(""),
        Text(""),
        Text(""),
        Text(""),
        Number(0),
        Number(1),
        Number(0),
    ])
    .unwrap();
    let identity = ticket.identity().unwrap();
    assert_eq!(identity.name_claim_type, "sub");
    assert_eq!(identity.role_claim_type, TicketIdentity::ROLE);
    assert_eq!(identity.claims, [TicketClaim::new("sub", "\0"), TicketClaim::new("x", "")]);

    // an empty type of names falls back, but then a placeholder is the empty type
    let ticket = read(&[
        Number(3),
        Text("Bearer"),
        Text(""),
        Text(""),
        Number(1),
        Text("\0"),
        Text("v"),
        Text("\0"),
        Text("Google"),
        Text("\0"),
        Number(0),
        Number(1),
        Number(0),
    ])
    .unwrap();
    let identity = ticket.identity().unwrap();
    assert_eq!(identity.name_claim_type, TicketIdentity::NAME);
    assert_eq!(identity.role_claim_type, TicketIdentity::ROLE);
    assert_eq!(identity.claims[0].claim_type, "");
    assert_eq!(identity.claims[0].original_issuer, "Google");
}

#[test]
fn what_is_not_a_ticket_is_refused() {
    let head = || vec![Text("A"), Text("\0"), Text("\0"), Number(0)];
    let with = |first, rest: Vec<Field>| {
        let mut fields = vec![Number(first)];
        fields.extend(head());
        fields.extend(rest);
        fields
    };
    assert!(read(&with(3, vec![Number(0), Number(1), Number(0)])).is_ok());
    for (name, fields) in [
        ("format 1", with(1, vec![Number(0), Number(1), Number(0)])),
        ("format 2", with(2, vec![Number(0), Number(1), Number(0)])),
        ("format 4", with(4, vec![Number(0), Number(1), Number(0)])),
        ("a negative bootstrap", with(3, vec![Number(-5), Number(1), Number(0)])),
        ("another length", with(3, vec![Number(99), Text("b"), Number(1), Number(0)])),
        ("bytes for units", with(3, vec![Number(2), Text("\u{ef}"), Number(1), Number(0)])),
        ("no bootstrap", with(3, vec![Number(1)])),
        ("properties 2", with(3, vec![Number(0), Number(2), Number(0)])),
        ("a negative count", with(3, vec![Number(0), Number(1), Number(-1)])),
        ("a huge count", with(3, vec![Number(0), Number(1), Number(i32::MAX)])),
        ("a count of nothing", with(3, vec![Number(0), Number(1), Number(1)])),
        ("more", with(3, vec![Number(0), Number(1), Number(0), Number(0)])),
        (
            "a key twice",
            with(
                3,
                vec![Number(0), Number(1), Number(2), Text("a"), Text("1"), Text("a"), Text("2")],
            ),
        ),
        ("huge claims", vec![Number(3), Text("A"), Text("\0"), Text("\0"), Number(i32::MAX)]),
        ("negative claims", vec![Number(3), Text("A"), Text("\0"), Text("\0"), Number(-1)]),
        ("no claims", vec![Number(3), Text("A"), Text("\0"), Text("\0"), Number(1)]),
    ] {
        assert!(read(&fields).is_err(), "{name}");
    }
}

#[test]
fn format_2_is_read_with_and_without_bootstrap_context() {
    let head = [Number(2), Text("Bearer"), Text("\0"), Text("\0"), Number(0)];
    for (tail, context) in [
        // Katana 2.0 and 2.1
        (&[Number(1), Number(0)][..], None),
        // Katana 3.0.0
        (&[Number(0), Number(1), Number(0)], None),
        (&[Number(3), Text("abc"), Number(1), Number(0)], Some("abc")),
    ] {
        let payload = [bytes(&head), bytes(tail)].concat();
        assert!(serializer::read(&payload, Formats::Three).is_err());
        let ticket = serializer::read(&payload, Formats::TwoAndThree).unwrap();
        assert_eq!(ticket.identity().unwrap().bootstrap_context.as_deref(), context);
    }
}

#[test]
fn what_is_written_is_read() {
    let mut ticket = alice();
    ticket.is_persistent = true;
    ticket.allow_refresh = Some(false);
    ticket.properties = vec![("as:client_id".into(), "app".into()), ("userName".into(), "".into())];
    let identity = &mut ticket.identities[0];
    identity.bootstrap_context = Some("token \u{1F600}".into());
    identity.role_claim_type = "role".into();
    let mut claim = TicketClaim::new("role", "\0");
    claim.value_type = "http://www.w3.org/2001/XMLSchema#boolean".into();
    claim.issuer = "Google".into();
    claim.original_issuer = "upstream".into();
    identity.claims.push(claim);
    identity.claims.push(TicketClaim::new("", ""));
    let payload = serializer::write(&ticket).unwrap();
    assert_eq!(serializer::read(&payload, Formats::Three), Ok(ticket.clone()));
    for length in 0..payload.len() {
        assert!(serializer::read(&payload[..length], Formats::TwoAndThree).is_err(), "{length}");
    }
    let packed = gzip::pack(&payload);
    assert_eq!(gzip::unpack(&packed, payload.len()).as_deref(), Ok(&payload[..]));

    ticket.allow_refresh = Some(true);
    ticket.expires_at = Some(UnixTime::MAX);
    ticket.identities[0].bootstrap_context = Some("".into());
    let again = serializer::write(&ticket).unwrap();
    ticket.identities[0].bootstrap_context = None;
    assert_eq!(serializer::read(&again, Formats::Three), Ok(ticket));
}

#[test]
fn what_can_not_be_read_stays_a_property_until_a_field_speaks_for_it() {
    let payload = bytes(&[
        Number(3),
        Text("A"),
        Text("\0"),
        Text("\0"),
        Number(0),
        Number(0),
        Number(1),
        Number(5),
        Text(".expires"),
        Text("2024-05-28T12:00:00Z"),
        Text(".refresh"),
        Text("perhaps"),
        Text(".issued"),
        Text("Tue, 14 May 2024 12:00:00 GMT"),
        Text(".persistent"),
        Text(""),
        Text(".redirect"),
        Text("/"),
    ]);
    let mut ticket = serializer::read(&payload, Formats::Three).unwrap();
    assert_eq!(ticket.expires_at, None);
    assert_eq!(ticket.property(".expires"), Some("2024-05-28T12:00:00Z"));
    assert_eq!(ticket.property(".refresh"), Some("perhaps"));
    assert_eq!(ticket.property(".redirect"), Some("/"));
    assert_eq!(ticket.properties.len(), 3);
    assert_eq!(ticket.issued_at, Some(UnixTime::from_secs(1_715_688_000)));
    assert!(ticket.is_persistent);
    let same = serializer::write(&ticket).unwrap();
    assert_eq!(serializer::read(&same, Formats::Three), Ok(ticket.clone()));

    ticket.expires_at = Some(UnixTime::from_secs(1_715_689_200));
    let renewed = serializer::write(&ticket).unwrap();
    ticket.properties.remove(0);
    assert_eq!(serializer::read(&renewed, Formats::Three), Ok(ticket));
}

#[test]
fn refresh_is_read_as_dotnet_reads_it() {
    for (value, expected) in [
        ("True", Some(true)),
        (" TRUE ", Some(true)),
        ("false\0", Some(false)),
        ("\tFalse", Some(false)),
        ("1", None),
        ("", None),
        ("tru e", None),
    ] {
        let mut writer = Writer::default();
        for text in ["A", "\0", "\0"] {
            writer.net_string(text);
        }
        for number in [0, 0, 1, 1] {
            writer.int32(number);
        }
        writer.net_string(".refresh");
        writer.net_string(value);
        let payload = [&3_i32.to_le_bytes()[..], &writer.finish()].concat();
        let ticket = serializer::read(&payload, Formats::Three).unwrap();
        assert_eq!(ticket.allow_refresh, expected, "{value:?}");
    }
}

#[test]
fn what_has_no_place_is_named() {
    type Change = fn(&mut Ticket);
    let changes: [(&str, Change); 14] = [
        ("identities", |ticket| ticket.identities.clear()),
        ("identities", |ticket| ticket.identities.push(ticket.identities[0].clone())),
        ("user_data", |ticket| ticket.user_data = "x".into()),
        ("cookie_path", |ticket| ticket.cookie_path = "/app".into()),
        ("actor", |ticket| {
            ticket.identities[0].actor = Some(Box::new(TicketIdentity::new("a", "b")));
        }),
        ("claims", |ticket| {
            ticket.identities[0].claims[0].properties.push(("a".into(), "b".into()));
        }),
        ("authentication_type", |ticket| ticket.identities[0].authentication_type.clear()),
        ("claims", |ticket| {
            ticket.identities[0].claims = vec![TicketClaim::new("a", "b"); 4097];
        }),
        ("claims", |ticket| ticket.identities[0].claims[0].claim_type = "\0".into()),
        ("claims", |ticket| ticket.identities[0].claims[0].value_type = "\0".into()),
        ("claims", |ticket| ticket.identities[0].claims[0].original_issuer = "\0".into()),
        ("claims", |ticket| ticket.identities[0].role_claim_type = "\0".into()),
        ("properties", |ticket| ticket.properties = vec![("a".into(), "b".into()); 2]),
        ("properties", |ticket| {
            ticket.properties = (0..1025).map(|it| (it.to_string(), "b".into())).collect();
        }),
    ];
    for (field, change) in changes {
        let mut ticket = alice();
        change(&mut ticket);
        match serializer::write(&ticket) {
            Err(BuildError::Invalid { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn gzip_is_bounded_and_whole() {
    let packed = gzip::pack(&[0; 1000]);
    assert!(gzip::unpack(&packed, 1000).is_ok());
    assert_eq!(gzip::unpack(&packed, 999), Err(Packed::TooLarge));
    assert_eq!(gzip::unpack(&packed, 0), Err(Packed::TooLarge));
    assert!(gzip::unpack(&packed, usize::MAX).is_ok());
    for length in 0..packed.len() {
        let cut = gzip::unpack(&packed[..length], 1000);
        assert!(matches!(cut, Err(Packed::Malformed(_))), "{length}");
    }
    let followed = [&packed[..], b"x"].concat();
    assert!(matches!(gzip::unpack(&followed, 1000), Err(Packed::Malformed(_))));
    let twice = [&packed[..], &packed].concat();
    assert!(matches!(gzip::unpack(&twice, 2000), Err(Packed::Malformed(_))));
    let mut other = packed.clone();
    let checksum = other.len() - 5;
    other[checksum] ^= 1;
    assert!(matches!(gzip::unpack(&other, 1000), Err(Packed::Malformed(_))));
    // never more than the limit of it in memory
    let bomb = gzip::pack(&vec![0; 16 << 20]);
    assert_eq!(gzip::unpack(&bomb, 1 << 20), Err(Packed::TooLarge));
}

#[test]
fn texts_are_base64url_with_a_little_tolerance() {
    for (given, expected) in [
        ("", Some(&b""[..])),
        ("QUJD", Some(b"ABC")),
        ("QQ", Some(b"A")),
        ("QQ==", Some(b"A")),
        ("QUI=", Some(b"AB")),
        ("-_-_", Some(b"\xfb\xff\xbf")),
        ("+/+/", Some(b"\xfb\xff\xbf")),
        ("-/+_", Some(b"\xfb\xff\xbf")),
        ("+w==", Some(b"\xfb")),
        ("QQ=", None),
        ("Q===", None),
        ("====", None),
        ("=", None),
        ("QQ==QQ==", None),
        ("QUJD====", None),
        ("QR", None),
        ("QR==", None),
        (" QUJD", None),
        ("QU\nJD", None),
        ("QUJ", None),
        ("Q", None),
        ("QUJD\u{e9}", None),
    ] {
        assert_eq!(text::decode(given).as_deref(), expected, "{given:?}");
    }
    for byte in 0..=u8::MAX {
        assert_eq!(text::decode(&base64url::encode([byte])), Some(vec![byte]));
    }
}

/// The vectors of the text form: every file of `tests/data/vectors/aspnet`, and of
/// `$PORTCULLIS_VECTORS/aspnet` where that is set.
#[test]
fn the_text_vectors_agree() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let folders = [Some(own), std::env::var_os("PORTCULLIS_VECTORS").map(PathBuf::from)];
    let mut total = 0;
    for folder in folders.into_iter().flatten().map(|folder| folder.join("aspnet")) {
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let document: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let vectors = document["vectors"].as_array().unwrap();
            let mut judged = 0;
            for vector in vectors.iter().filter(|vector| vector["op"] == "base64url.decode") {
                judged += 1;
                judge_text(vector);
            }
            if judged > 0 {
                println!("{}: {judged} base64url.decode", file.display());
            }
            total += judged;
        }
    }
    assert!(total >= 5, "{total}");
}

fn judge_text(vector: &Value) {
    let given = vector["text"].as_str().unwrap();
    let decoded = text::decode(given);
    if vector["expect"]["outcome"] != "ok" {
        assert_eq!(decoded, None, "{vector}");
        return;
    }
    let hex = vector["expect"]["bytes"].as_str().unwrap();
    let bytes = hex::decode(hex.as_bytes()).unwrap();
    // the spec lets a reader refuse white space and unused bits that are not zero
    let plain = given.replace('+', "-").replace('/', "_").replace('=', "");
    if decoded.is_some() || plain == base64url::encode(&bytes) {
        assert_eq!(decoded, Some(bytes), "{vector}");
    }
}
