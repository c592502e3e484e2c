//! Katana's cookies and tokens: the vectors, every damage, several keys, bounds, and what is written.

use std::{collections::BTreeMap, io::Write as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use http::Request;
use portcullis::{
    AuthErrorKind, BuildError, UnixTime,
    ticket::{
        RenewalRule, Ticket, TicketClaim, TicketFormat, TicketIdentity, TicketValidator,
        aspnet::{
            KatanaAccessToken, KatanaAuthorizationCode, KatanaCookie, KatanaRefreshToken,
            MachineKey, Protector,
        },
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
    judge_vectors(&["katana.parse", "katana.unprotect"], |vector| match text(&vector["op"]) {
        "katana.parse" => judge_payload(vector),
        _ => judge_token(vector),
    });
}

fn format_of(vector: &Value) -> Result<Box<dyn TicketFormat>, BuildError> {
    let key = machine_key(vector)?;
    let purposes = vector["specificPurposes"].as_array().unwrap();
    let purposes: Vec<_> = purposes.iter().map(text).collect();
    let limit = vector["decompressedLimit"].as_u64().unwrap_or(1 << 20).try_into().unwrap();
    let versions = vector["acceptFormatVersions"].as_array();
    let accepts_2 = versions.is_some_and(|versions| versions.contains(&json!(2)));
    macro_rules! format {
        ($new:expr) => {{
            let format = $new?.max_ticket_bytes(limit);
            Box::new(if accepts_2 { format.accept_format_2() } else { format })
        }};
    }
    Ok(match purposes[..] {
        [COOKIE, authentication_type, "v1"] => {
            format!(KatanaCookie::new(key, authentication_type))
        }
        ["Microsoft.Owin.Security.OAuth", "Access_Token", "v1"] => {
            format!(KatanaAccessToken::new(key))
        }
        ["Microsoft.Owin.Security.OAuth", "Refresh_Token", "v1"] => {
            format!(KatanaRefreshToken::new(key))
        }
        [SERVER, "Authentication_Code", "v1"] => format!(KatanaAuthorizationCode::new(key)),
        _ => panic!("{purposes:?} are not Katana's"),
    })
}

const COOKIE: &str = "Microsoft.Owin.Security.Cookies.CookieAuthenticationMiddleware";
const SERVER: &str = "Microsoft.Owin.Security.OAuth.OAuthAuthorizationServerMiddleware";

fn judge_token(vector: &Value) -> Result<(), String> {
    let expected = &vector["expect"];
    let format = match (format_of(vector), text(&expected["outcome"])) {
        (Ok(format), _) => format,
        (Err(_), outcome) if outcome != "ok" => return Ok(()),
        (Err(error), _) => return Err(error.to_string()),
    };
    let opened = format.unprotect(text(&vector["token"]));
    match (opened, text(&expected["outcome"])) {
        (Ok(ticket), "ok") => judge_ticket(&*format, &ticket, expected),
        (Err(_), "ok") if expected["strictReaderMayReject"] == true => Ok(()),
        (Err(error), "too_large") => same(&error.kind(), &AuthErrorKind::TokenTooLong),
        (Err(_), outcome) if outcome != "ok" => Ok(()),
        (opened, outcome) => Err(format!("expected {outcome}, got {opened:?}")),
    }
}

/// The readers behind the MAC, reached by protecting the payload.
fn judge_payload(vector: &Value) -> Result<(), String> {
    let expected = &vector["expect"];
    let format = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    let opened = format.unprotect(&protected(&from_hex(text(&vector["payload"]))));
    match (opened, text(&expected["outcome"])) {
        (Ok(ticket), "ok") => judge_ticket(&format, &ticket, expected),
        (Err(error), "malformed") => same(&error.kind(), &AuthErrorKind::TicketMalformed),
        (Err(_), "ok") if expected["strictReaderMayReject"] == true => Ok(()),
        (opened, outcome) => Err(format!("expected {outcome}, got {opened:?}")),
    }
}

/// What Microsoft's reader takes and this one does not, and why not.
#[test]
fn the_reader_is_strict_where_it_may_be() {
    let payloads = good_vectors("katana.parse");
    let may_reject = |vector: &&Value| vector["expect"]["strictReaderMayReject"] == true;
    let flagged: Vec<_> = payloads.iter().filter(may_reject).collect();
    let format = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    for (id, why) in STRICT {
        let vector = flagged.iter().find(|vector| vector["id"] == *id).unwrap();
        let error = format.unprotect(&protected(&from_hex(text(&vector["payload"])))).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::TicketMalformed, "{id}");
        assert!(error.detail().unwrap().ends_with(&format!("; {why}")), "{id}: {error}");
    }
    assert_eq!(flagged.len(), STRICT.len());
}

const STRICT: &[(&str, &str)] = &[
    ("k-trailing", "bytes after the end"),
    ("k-negboot", "a negative length of the bootstrap context"),
    ("k-boot-lenmismatch", "a bootstrap context of another length"),
    ("k-str-overlong", "a length that is longer than it need be"),
    ("k-str-badutf8", "a text that is not UTF-8"),
    ("k-str-surrogate-utf8", "a text that is not UTF-8"),
    ("kz-notrailer", "not gzip, cut short, or of another checksum"),
    ("kz-trailing", "bytes after the gzip member"),
];

fn judge_ticket(
    format: &dyn TicketFormat,
    ticket: &Ticket,
    expected: &Value,
) -> Result<(), String> {
    let [identity] = &ticket.identities[..] else { return Err("not one identity".into()) };
    same(&as_vector(identity), &expected["ticket"]["identity"])?;

    // the properties: what is not a field stands in order; the fields are held against the spelling
    let mut others = Vec::new();
    let mut spelt = BTreeMap::new();
    for property in expected["ticket"]["properties"].as_array().unwrap() {
        let (key, value) = (text(&property[0]), text(&property[1]));
        let is_field = match key {
            ".issued" => ticket.issued_at.is_some(),
            ".expires" => ticket.expires_at.is_some(),
            ".persistent" => true,
            ".refresh" => ticket.allow_refresh.is_some(),
            _ => false,
        };
        if is_field {
            spelt.insert(key, value);
        } else {
            others.push((key.to_owned(), value.to_owned()));
        }
    }
    same(&ticket.properties, &others)?;
    for (key, time) in [(".issued", ticket.issued_at), (".expires", ticket.expires_at)] {
        same(&spelt.get(key).map(|date| iso(date)), &time.map(|time| time.to_string()))?;
    }
    same(&ticket.is_persistent, &spelt.contains_key(".persistent"))?;
    let refresh = spelt.get(".refresh").map(|value| value.trim().eq_ignore_ascii_case("true"));
    same(&ticket.allow_refresh, &refresh)?;
    for (member, found) in [
        ("issuedUtc", json!(ticket.issued_at.map(|time| time.to_string()))),
        ("expiresUtc", json!(ticket.expires_at.map(|time| time.to_string()))),
    ] {
        if let Some(date) = expected.get(member) {
            let second = date.as_str().map(|date| format!("{}Z", &date[..19]));
            same(&found, &json!(second))?;
        }
    }
    for (member, found) in [
        ("allowRefresh", json!(ticket.allow_refresh)),
        ("isPersistent", json!(ticket.is_persistent)),
    ] {
        if let Some(expected) = expected.get(member) {
            same(&found, expected)?;
        }
    }

    // what may not be written is what nobody was authenticated for
    match format.protect(ticket) {
        Ok(text) => {
            let again = format.unprotect(&text).map_err(|error| error.to_string())?;
            same(&again, ticket)
        }
        Err(_) if identity.authentication_type.is_empty() => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn as_vector(identity: &TicketIdentity) -> Value {
    let claims = identity.claims.iter().map(|claim| {
        let mut members = json!({"type": claim.claim_type, "value": claim.value});
        for (member, found, default) in [
            ("valueType", &claim.value_type, TicketClaim::STRING),
            ("issuer", &claim.issuer, TicketClaim::LOCAL_AUTHORITY),
            ("originalIssuer", &claim.original_issuer, &*claim.issuer),
        ] {
            if found != default {
                members[member] = json!(found);
            }
        }
        assert!(claim.properties.is_empty());
        members
    });
    let mut members = json!({
        "authenticationType": identity.authentication_type,
        "claims": claims.collect::<Vec<_>>(),
    });
    for (member, found, default) in [
        ("nameClaimType", &identity.name_claim_type, TicketIdentity::NAME),
        ("roleClaimType", &identity.role_claim_type, TicketIdentity::ROLE),
    ] {
        if found != default {
            members[member] = json!(found);
        }
    }
    if let Some(context) = &identity.bootstrap_context {
        members["bootstrapContext"] = json!(context);
    }
    assert_eq!(identity.actor, None);
    members
}

/// `Tue, 14 May 2024 12:00:00 GMT` as `2024-05-14T12:00:00Z`.
fn iso(date: &str) -> String {
    let parts: Vec<_> = date.split(' ').collect();
    let month = MONTHS.iter().position(|month| *month == parts[2]).unwrap() + 1;
    format!("{}-{month:02}-{}T{}Z", parts[3], parts[1], parts[4])
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// ---- damage

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let mut families = BTreeMap::new();
    for vector in good_vectors("katana.unprotect") {
        let token = text(&vector["token"]);
        // a damaged sample of every purpose and hash; the long ones say nothing more
        if token.len() < 1000 && !token.contains('=') {
            let hash = text(&vector["machineKey"]["validation"]).to_owned();
            let purpose = vector["specificPurposes"].to_string();
            families.entry([purpose, hash]).or_insert(vector);
        }
    }
    assert!(families.len() >= 8, "{:?}", families.keys());
    for (family, vector) in families {
        let bytes = URL_SAFE_NO_PAD.decode(text(&vector["token"])).unwrap();
        let format = format_of(&vector).unwrap();
        let count = refuses_all_damage(&*format, &bytes, |bytes| URL_SAFE_NO_PAD.encode(bytes));
        println!("{family:?}: {count} refused");
    }
}

#[test]
fn no_purpose_opens_what_another_wrote() {
    let formats: [Box<dyn TicketFormat>; 6] = [
        Box::new(KatanaCookie::new(key(1), "ApplicationCookie").unwrap()),
        Box::new(KatanaCookie::new(key(1), "ExternalCookie").unwrap()),
        Box::new(KatanaAccessToken::new(key(1)).unwrap()),
        Box::new(KatanaRefreshToken::new(key(1)).unwrap()),
        Box::new(KatanaAuthorizationCode::new(key(1)).unwrap()),
        Box::new(KatanaAccessToken::new(key(2)).unwrap()),
    ];
    for (written_by, writer) in formats.iter().enumerate() {
        let token = writer.protect(&alice()).unwrap();
        for (read_by, reader) in formats.iter().enumerate() {
            match reader.unprotect(&token) {
                Ok(ticket) => {
                    assert_eq!(read_by, written_by);
                    assert_eq!(ticket, alice());
                }
                Err(error) => {
                    assert_ne!(read_by, written_by);
                    // what the authorization server keeps to itself is recognised, and refused
                    let expected = match (written_by, read_by) {
                        (3 | 4, 2) => AuthErrorKind::TicketWrongPurpose,
                        _ => AuthErrorKind::TicketUndecryptable,
                    };
                    assert_eq!(error.kind(), expected, "{written_by} read by {read_by}");
                }
            }
        }
    }
}

// ---- bounds

#[test]
fn a_ticket_is_bounded_packed_and_unpacked() {
    let format = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    let error = format.unprotect(&"A".repeat((64 << 10) + 1)).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TokenTooLong);
    assert_eq!(error.detail(), Some("65537 characters, the limit is 65536"));
    let error = format.unprotect(&"A".repeat(64 << 10)).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketUndecryptable);

    // a bomb under a valid key: 16 MiB that came as 16 KiB
    let error = format.unprotect(&protected(&gzip(&vec![0; 16 << 20]))).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TokenTooLong);
    assert!(error.detail().unwrap().contains("max_ticket_bytes: 1048576"), "{error}");

    // 1 MiB exactly is unpacked, and is no ticket
    let error = format.unprotect(&protected(&gzip(&vec![0; 1 << 20]))).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketMalformed);

    let cookie = format.protect(&alice()).unwrap();
    let small = KatanaCookie::new(key(1), "ApplicationCookie").unwrap().max_ticket_bytes(100);
    assert_eq!(small.unprotect(&cookie).unwrap_err().kind(), AuthErrorKind::TokenTooLong);
    assert!(matches!(small.protect(&alice()), Err(BuildError::Invalid { field: "ticket", .. })));
}

#[test]
fn what_does_not_fit_into_a_text_is_not_written() {
    let format = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    let mut ticket = alice();
    // hardly compressible: a sum of itself
    let mut noise = 1_u64;
    let mut value = String::new();
    for _ in 0..20_000 {
        noise =
            noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        value.push_str(&format!("{:08x}", noise >> 32));
    }
    ticket.properties.push(("noise".into(), value));
    match format.protect(&ticket) {
        Err(BuildError::Invalid { field, problem }) => {
            assert_eq!(field, "ticket");
            assert!(problem.contains("65536"), "{problem}");
        }
        other => panic!("{:?}", other.map(|text| text.len())),
    }
}

// ---- what a token demands

#[test]
fn a_token_has_an_expiry_and_is_for_somebody() {
    let access = KatanaAccessToken::new(key(1)).unwrap();
    let refresh = KatanaRefreshToken::new(key(1)).unwrap();
    let code = KatanaAuthorizationCode::new(key(1)).unwrap();
    let cookie = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    assert!(access.demands_expiry() && refresh.demands_expiry() && code.demands_expiry());
    assert!(!cookie.demands_expiry());
    let strict = KatanaCookie::new(key(1), "ApplicationCookie").unwrap().demand_expiry();
    assert!(strict.demands_expiry());
    let lax = KatanaAccessToken::new(key(1)).unwrap().dangerous().allow_missing_expiry();
    assert!(!lax.demands_expiry());

    let mut forever = alice();
    forever.expires_at = None;
    for format in [&access as &dyn TicketFormat, &refresh, &code, &strict] {
        let written = format.protect(&forever);
        assert!(matches!(written, Err(BuildError::Invalid { field: "expires_at", .. })));
    }
    assert_eq!(lax.unprotect(&lax.protect(&forever).unwrap()).unwrap(), forever);
    assert_eq!(cookie.unprotect(&cookie.protect(&forever).unwrap()).unwrap(), forever);

    // an identity that nobody authenticated, as no writer of ours would make it
    let nobody = [
        &3_i32.to_le_bytes()[..],
        b"\0\x01\0\x01\0",
        &0_i32.to_le_bytes(),
        &0_i32.to_le_bytes(),
        &1_i32.to_le_bytes(),
        &0_i32.to_le_bytes(),
    ]
    .concat();
    let packed = gzip(&nobody);
    let token = |purposes: [&str; 3]| URL_SAFE_NO_PAD.encode(user(&purposes).protect(&packed));
    assert!(cookie.unprotect(&token([COOKIE, "ApplicationCookie", "v1"])).is_ok());
    for (format, purposes) in [
        (&access as &dyn TicketFormat, ["Microsoft.Owin.Security.OAuth", "Access_Token", "v1"]),
        (&lax, ["Microsoft.Owin.Security.OAuth", "Access_Token", "v1"]),
        (&refresh, ["Microsoft.Owin.Security.OAuth", "Refresh_Token", "v1"]),
        (&code, [SERVER, "Authentication_Code", "v1"]),
    ] {
        let error = format.unprotect(&token(purposes)).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::TicketMalformed);
        assert!(error.detail().unwrap().contains("authentication type"), "{error}");
    }
}

#[test]
fn a_cookie_of_nobody_signs_nobody_in() {
    let named = |authentication_type: &[u8]| {
        let payload = [
            &3_i32.to_le_bytes()[..],
            authentication_type,
            b"\x01\0\x01\0",
            &1_i32.to_le_bytes(),
            b"\x01\0\x05alice\x01\0\x01\0\x01\0",
            &0_i32.to_le_bytes(),
            &1_i32.to_le_bytes(),
            &0_i32.to_le_bytes(),
        ]
        .concat();
        protected(&gzip(&payload))
    };
    let format = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    let validator = TicketValidator::new(format);
    let (parts, ()) = Request::new(()).into_parts();
    let judge =
        |cookie: &str| validator.validate(Presented::new(cookie, &parts)).into_ready().unwrap();
    assert_eq!(judge(&named(b"\x07Cookies")).unwrap().subject(), Some("alice"));
    let error = judge(&named(b"\0")).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketMalformed);
    assert!(error.detail().unwrap().contains("authentication type"), "{error}");
}

#[test]
fn format_2_is_read_where_it_is_asked_for() {
    let payload = [
        &2_i32.to_le_bytes()[..],
        b"\x06Bearer\x01\0\x01\0",
        &0_i32.to_le_bytes(),
        &1_i32.to_le_bytes(),
        &0_i32.to_le_bytes(),
    ]
    .concat();
    let cookie = protected(&gzip(&payload));
    let format = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    let error = format.unprotect(&cookie).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketMalformed);
    assert!(error.detail().unwrap().contains("accept_format_2"), "{error}");
    let ticket = format.accept_format_2().unprotect(&cookie).unwrap();
    assert_eq!(ticket.identity().unwrap().authentication_type, "Bearer");
}

// ---- keys and seam

#[test]
fn an_old_key_still_opens_and_only_the_first_one_writes() {
    let old = KatanaAccessToken::new(key(1)).unwrap();
    let new = KatanaAccessToken::new(key(2)).unwrap().also_accept(key(1)).unwrap();
    assert_eq!(new.unprotect(&old.protect(&alice()).unwrap()).unwrap(), alice());
    let token = new.protect(&alice()).unwrap();
    let error = old.unprotect(&token).unwrap_err();
    let detail = format!("no key opens it; tried {}", key(1).fingerprint());
    assert_eq!(error.detail(), Some(&*detail));

    let mut cookie = KatanaCookie::new(key(1), "Cookies").unwrap();
    for number in 2..=8 {
        cookie = cookie.also_accept(key(number)).unwrap();
    }
    let shown = format!("{cookie:?}");
    assert!(shown.contains(key(8).fingerprint()), "{shown}");
    assert!(matches!(
        cookie.also_accept(key(9)),
        Err(BuildError::Invalid { field: "also_accept", .. })
    ));
}

#[test]
fn the_key_that_opened_a_broken_ticket_is_named() {
    let format = KatanaCookie::new(key(2), "ApplicationCookie").unwrap().also_accept(key(1));
    let error = format.unwrap().unprotect(&protected(b"not gzip")).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::TicketMalformed);
    let detail = error.detail().unwrap();
    assert!(
        detail.starts_with(&format!("the key {} opens it; ", key(1).fingerprint())),
        "{detail}"
    );
}

#[test]
fn a_session_cookie_is_known_by_its_claim() {
    let format = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    let claim_type = "Microsoft.Owin.Security.Cookies-SessionId";
    assert_eq!(format.session_claim_type(), Some(claim_type));
    assert_eq!(format.renewal_rule(), RenewalRule::AfterHalf);
    assert_eq!(KatanaAccessToken::new(key(1)).unwrap().session_claim_type(), None);
    assert!(KatanaCookie::new(key(1), " ").is_err());
}

#[test]
fn dates_are_whole_seconds() {
    let format = KatanaCookie::new(key(1), "ApplicationCookie").unwrap();
    let mut ticket = alice();
    ticket.issued_at = Some(UnixTime::from_secs_f64(1_715_688_000.75));
    ticket.expires_at = Some(UnixTime::MAX);
    let read = format.unprotect(&format.protect(&ticket).unwrap()).unwrap();
    assert_eq!(read.issued_at, Some(UnixTime::from_secs(1_715_688_000)));
    assert_eq!(read.expires_at, Some(UnixTime::MAX));
}

fn alice() -> Ticket {
    let mut ticket = Ticket::new("ApplicationCookie", "alice");
    ticket.issued_at = Some(UnixTime::from_secs(1_715_688_000));
    ticket.expires_at = Some(UnixTime::from_secs(1_715_689_200));
    ticket
}

/// A cookie of `ApplicationCookie` and the first key, around these bytes.
fn protected(packed: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(user(&[COOKIE, "ApplicationCookie", "v1"]).protect(packed))
}

fn user(purposes: &[&str]) -> Protector {
    let key: MachineKey = key(1);
    key.purpose("User.MachineKey.Protect", purposes).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
