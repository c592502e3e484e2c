use super::*;

fn header(json: &str) -> Result<(String, Option<String>), AuthErrorKind> {
    let token = format!("{}.AA.AA", base64url::encode(json));
    let mut buffer = HeaderBuffer::new();
    let header = Compact::split(&token).and_then(|compact| compact.header(&mut buffer));
    header
        .map(|header| (header.alg.into_owned(), header.kid.map(Cow::into_owned)))
        .map_err(|error| error.kind())
}

#[test]
fn a_token_has_three_segments() {
    use AuthErrorKind::{EncryptedTokenNoKey, IllegalCharacter, MalformedJwt};

    for (token, refused) in [
        ("", Some(MalformedJwt)),
        (".", Some(MalformedJwt)),
        ("a", Some(MalformedJwt)),
        ("a.b", Some(MalformedJwt)),
        ("a.b.c", None),
        ("..", None),
        ("a.b.", None),
        ("a.b.c.d", Some(MalformedJwt)),
        ("a.b.c.d.e", Some(EncryptedTokenNoKey)),
        ("....", Some(EncryptedTokenNoKey)),
        ("a.b.c.d.e.f", Some(MalformedJwt)),
        ("a.b=.c", Some(MalformedJwt)),
        ("a+/~.b.c", Some(MalformedJwt)),
        ("a.b.c ", Some(IllegalCharacter)),
        (" a.b.c", Some(IllegalCharacter)),
        ("a.b\n.c", Some(IllegalCharacter)),
        ("a.b.\"c", Some(IllegalCharacter)),
        ("a,b.c.d", Some(IllegalCharacter)),
        ("a.é.c", Some(IllegalCharacter)),
        ("a.\0.c", Some(IllegalCharacter)),
        ("{\"a\":1}", Some(IllegalCharacter)),
    ] {
        let outcome = Compact::split(token).err().map(|error| error.kind());
        assert_eq!(outcome, refused, "{token:?}");
    }
    assert!(Compact::split(&".".repeat(1_000_000)).is_err());
    let compact = Compact::split("head.pay.sig").unwrap();
    assert_eq!((compact.signed, compact.payload, compact.signature), ("head.pay", "pay", "sig"));
}

#[test]
fn every_byte_outside_the_alphabet_is_seen_wherever_it_stands() {
    for byte in 0..=255u8 {
        let legal = byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        for length in [1, 31, 32, 33, 64, 70] {
            for at in [0, length / 2, length - 1] {
                let mut text = vec![b'a'; length];
                text[at] = byte;
                assert_eq!(Dots::of(&text).is_some(), legal, "{byte:#x} at {at} of {length}");
            }
        }
    }
}

#[test]
fn dots_are_found_wherever_they_stand() {
    for length in [2, 31, 32, 33, 64, 70, 97] {
        for first in 0..length {
            for second in first + 1..length {
                let mut text = vec![b'a'; length];
                (text[first], text[second]) = (b'.', b'.');
                let dots = Dots::of(&text).unwrap();
                assert_eq!((dots.count, dots.first, dots.second), (2, first, second), "{length}");
            }
        }
        assert_eq!(Dots::of(&vec![b'.'; length]).unwrap().count, length);
    }
    assert_eq!(Dots::of(b"").unwrap().count, 0);
}

#[test]
fn two_bytes_outside_the_alphabet_do_not_cancel_out() {
    for (first, second) in [(0, 1), (0, 31), (30, 31), (31, 32), (32, 63), (64, 69)] {
        let mut text = [b'a'; 70];
        text[first] = b' ';
        text[second] = b'"';
        assert!(Dots::of(&text).is_none(), "{first} {second}");
    }
}

#[test]
fn header_parameters_have_their_types() {
    let malformed = Err(AuthErrorKind::MalformedJwt);
    let accepted = |alg: &str, kid: Option<&str>| Ok((alg.to_owned(), kid.map(str::to_owned)));
    for (json, expected) in [
        (r#"{"alg":"RS256"}"#, accepted("RS256", None)),
        (r#"{"alg":"RS256","kid":"a"}"#, accepted("RS256", Some("a"))),
        (r#"{"\u0061lg":"RS256","kid":""}"#, accepted("RS256", Some(""))),
        (r#"{"alg":"x","jwk":{},"jku":1,"x5c":[],"b64":false,"zip":"DEF"}"#, accepted("x", None)),
        (r#"{"ALG":"RS256"}"#, malformed.clone()),
        ("{}", malformed.clone()),
        ("[]", malformed.clone()),
        ("null", malformed.clone()),
        ("", malformed.clone()),
        (r#"{"alg":"RS256"}x"#, malformed.clone()),
        (r#"{"alg":null}"#, malformed.clone()),
        (r#"{"alg":0}"#, malformed.clone()),
        (r#"{"alg":["RS256"]}"#, malformed.clone()),
        (r#"{"alg":"none","alg":"RS256"}"#, malformed.clone()),
        (r#"{"alg":"RS256","kid":1}"#, malformed.clone()),
        (r#"{"alg":"RS256","kid":null}"#, malformed.clone()),
        (r#"{"alg":"RS256","typ":1}"#, malformed.clone()),
        (r#"{"alg":"RS256","typ":["at+jwt"]}"#, malformed.clone()),
        (r#"{"alg":"RS256","cty":1}"#, malformed.clone()),
        (r#"{"alg":"RS256","crit":["exp"]}"#, malformed.clone()),
        (r#"{"alg":"RS256","crit":[]}"#, malformed.clone()),
        (r#"{"alg":"RS256","crit":"exp"}"#, malformed.clone()),
        (r#"{"alg":"RS256","crit":null}"#, malformed.clone()),
        (r#"{"alg":"RS256","cr\u0069t":["b64"],"b64":false}"#, malformed.clone()),
    ] {
        assert_eq!(header(json), expected, "{json}");
    }
}

#[test]
fn a_header_has_at_most_8_kib() {
    let padded = |length: usize| {
        let empty = r#"{"alg":"RS256","x":""}"#;
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(length - empty.len())))
    };
    for (length, accepted) in [
        (100, true),
        (383, true),
        (384, true),
        (385, true),
        (8192, true),
        (8193, false),
        (1 << 20, false),
    ] {
        assert_eq!(header(&padded(length)).is_ok(), accepted, "{length}");
    }
}

#[test]
fn the_list_decides_before_the_key() {
    let parse = |alg: &str, allowed: &[Algorithm]| {
        let header = Header { alg: alg.into(), kid: None, typ: None, cty: None };
        header.algorithm(allowed).map_err(|error| error.detail().unwrap_or_default().to_owned())
    };
    let asymmetric = [Algorithm::RS256, Algorithm::ES256];
    assert_eq!(parse("RS256", &asymmetric), Ok(Algorithm::RS256));
    assert_eq!(
        parse("HS256", &asymmetric).unwrap_err(),
        "alg is \"HS256\", allowed RS256, ES256; algorithms([Algorithm::HS256]) accepts it"
    );
    for alg in ["none", "None", "NONE", "nOnE", "none ", "", "rs256", "RS256\0"] {
        let detail = parse(alg, &asymmetric).unwrap_err();
        assert!(!detail.contains("accepts"), "{detail}");
    }
    assert_eq!(parse("EdDSA", &[Algorithm::Ed25519]).ok(), None, "two names, no alias");
    assert!(parse("RS256", &[]).is_err());
    assert!(parse(&"x".repeat(8000), &asymmetric).unwrap_err().len() < 100);
}

/// RFC 8037 appendix A.4.
#[test]
fn a_signature_is_good_only_whole() {
    let jwk = Jwk::parse(
        br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .unwrap();
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7\
                 -09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let check = |token: &str| verify(token, &jwk, &[Algorithm::EdDSA]);
    assert_eq!(check(token).unwrap(), b"Example of Ed25519 signing");
    let start = token.rfind('.').unwrap() + 1;
    for end in start..token.len() {
        assert!(check(&token[..end]).is_err(), "{end}");
    }
    assert!(check(&format!("{token}AA")).is_err());
    let long = format!("{}{}", &token[..start], "A".repeat(LONGEST_SIGNATURE * 2));
    assert_eq!(check(&long).unwrap_err().kind(), AuthErrorKind::BadSignature);
    // one of 1024 bytes is still read: here, and not above, its last letter is found to be wrong
    let longest = format!("{}{}B", &token[..start], "A".repeat(1365));
    assert_eq!(check(&longest).unwrap_err().kind(), AuthErrorKind::MalformedJwt);
    let longer = format!("{}{}B", &token[..start], "A".repeat(1366));
    assert_eq!(check(&longer).unwrap_err().kind(), AuthErrorKind::BadSignature);
    for at in 0..token.len() {
        let mut other = token.as_bytes().to_vec();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        assert!(check(std::str::from_utf8(&other).unwrap()).is_err(), "{at}");
    }
    let error = verify(token, &jwk, &[Algorithm::ES256]).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::UnsupportedAlgorithm);
}
