//! Header and claims are strict JSON objects, each name once (RFC 8259, RFC 7515 §4, RFC 7519 §4).

use AuthErrorKind::{IllegalCharacter, MalformedJwt, QuotedToken, TokenTooLong};
use portcullis::AuthErrorKind;

use super::ledger::{self, Row};
use crate::support::{
    sign::{P256_1, encode, token},
    stand::{Attack, all_refused, stand},
};

chapter! {
    async fn json_documents;
    async fn json_headers;
    async fn json_that_is_good;
    async fn nesting;
    async fn many_members_cost_little;
}

struct Json {
    id: &'static str,
    text: &'static [u8],
    reason: AuthErrorKind,
}

impl Row for Json {
    fn id(&self) -> &str {
        self.id
    }
}

const fn bad(id: &'static str, text: &'static [u8]) -> Json {
    Json { id, text, reason: MalformedJwt }
}

/// `$` stands for the members of an honest object.
const DOCUMENTS: &[Json] = &[
    bad("ENC-13 7515-06", b"{$}ABCD"),
    bad("ENC-13 7515-06", b"{$}{$}"),
    bad("ENC-13", b"{$}\0"),
    bad("ENC-13", b"{$},"),
    bad("ENC-13 7515-07", b"{$,}"),
    bad("ENC-13 7515-07", b"{,$}"),
    bad("ENC-13 7515-07", b"{$/* */}"),
    bad("ENC-13 7515-07", b"{$} // comment"),
    bad("ENC-13 7515-07", b"{$,'a':'b'}"),
    bad("ENC-13 7515-07", b"{$,a:1}"),
    bad("ENC-13 7515-07", b"{$,\"a\" 1}"),
    bad("ENC-13 7515-07", b"{$,\"a\":\"b\nc\"}"),
    bad("ENC-13 7515-07", b"{$,\"a\":\"\\x41\"}"),
    bad("ENC-13", b"{$"),
    bad("ENC-13", b"{$,\"a\":}"),
    bad("ENC-13", b"{$,\"a\":[1,]}"),
    bad("ENC-13", b"{$,\"a\":tru}"),
    bad("ENC-13", b"\x0c{$}"),
    bad("ENC-13", b"\xc2\xa0{$}"),
    bad("ENC-15 7515-07", b"{$,\"a\":NaN}"),
    bad("ENC-15", b"{$,\"a\":Infinity}"),
    bad("ENC-15", b"{$,\"a\":01}"),
    bad("ENC-15", b"{$,\"a\":+1}"),
    bad("ENC-15", b"{$,\"a\":.5}"),
    bad("ENC-15", b"{$,\"a\":1.}"),
    bad("ENC-15", b"{$,\"a\":0x10}"),
    bad("ENC-15", b"{$,\"a\":1e}"),
    bad("ENC-14 7515-04 7519-02", b"[]"),
    bad("ENC-14 7515-04 7519-02", b"[{$}]"),
    bad("ENC-14 7515-04 7519-02", b"\"x\""),
    bad("ENC-14 7515-04 7519-02", b"null"),
    bad("ENC-14 7515-04 7519-02", b"1"),
    bad("ENC-14 7519-02", b"true"),
    bad("ENC-14 7519-02", b" "),
    bad("ENC-14", b"alg"),
    bad("ENC-09 8725-11", b"\xef\xbb\xbf{$}"),
    bad("ENC-09 8725-11 7515-04", b"{$,\"a\":\"\xff\"}"),
    bad("ENC-09 7519-02", b"{$,\"a\":\"\xc0\xaf\"}"),
    bad("ENC-09", b"{$,\"a\":\"\xed\xa0\x80\"}"),
    bad("ENC-09", b"{$,\"a\":\"\xf5\x80\x80\x80\"}"),
    bad("ENC-09", b"{$,\"\xc3\":1}"),
    bad("ENC-09", b"{$,\"a\":\"\xe2\x82\"}"),
    bad("ENC-10 7515-09", b"{$,\"a\":\"\\ud800\"}"),
    bad("ENC-10 7515-09", b"{$,\"a\":\"\\udc00\\ud800\"}"),
    bad("ENC-10 7515-09", b"{$,\"\\udfff\":1}"),
    bad("ENC-10 7515-09", b"{$,\"a\":\"\\ud83dx\"}"),
    bad("ENC-10", b"{$,\"a\":\"\0\"}"),
    bad("ENC-06 ENC-07 7515-05 7519-03", b"{$,\"a\":1,\"a\":1}"),
    bad("ENC-06 ENC-07 7515-05", b"{$,\"a\":1,\"\\u0061\":2}"),
];

/// The document's text around the members of an honest one.
fn filled(text: &[u8], members: &[u8]) -> Vec<u8> {
    let inner = &members[1..members.len() - 1];
    match text.iter().position(|byte| *byte == b'$') {
        Some(at) => [&text[..at], inner, &text[at + 1..]].concat(),
        None => text.to_vec(),
    }
}

fn utf16(text: &[u8], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::str::from_utf8(text).unwrap().encode_utf16().flat_map(bytes).collect()
}

/// As header and as payload, each honestly signed.
async fn json_documents() {
    let stand = stand();
    ledger::table_async(DOCUMENTS, async |row| {
        let payload = filled(row.text, &token().payload_bytes());
        stand.refuses(&token().payload(payload).text(), row.reason).await;
        let header = filled(row.text, &token().header_bytes());
        let answer = stand.refuses(&token().raw_header(header).text(), row.reason).await;
        assert_eq!(answer.lookups, 0);
    })
    .await;
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let payload = utf16(&token().payload_bytes(), bytes);
        stand.refuses(&token().payload(payload).text(), MalformedJwt).await;
        let header = utf16(&token().header_bytes(), bytes);
        stand.refuses(&token().raw_header(header).text(), MalformedJwt).await;
    }
    let utf32 = |text: Vec<u8>| text.iter().flat_map(|byte| [*byte, 0, 0, 0]).collect::<Vec<u8>>();
    stand.refuses(&token().payload(utf32(token().payload_bytes())).text(), MalformedJwt).await;
    stand.refuses(&token().raw_header(utf32(token().header_bytes())).text(), MalformedJwt).await;
    ledger::passed("ENC-09 8725-11");
}

const HEADERS: &[Attack] = &[
    Attack {
        id: "ENC-07 7515-05",
        what: "none and ES256",
        token: || {
            token()
                .raw_header(r#"{"alg":"none","alg":"ES256","kid":"p256-1","typ":"at+jwt"}"#)
                .text()
        },
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-07 7515-05 7515-08",
        what: "alg twice, once escaped",
        token: || {
            token()
                .raw_header(r#"{"alg":"ES256","\u0061lg":"ES256","kid":"p256-1","typ":"at+jwt"}"#)
                .text()
        },
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-07 7515-05",
        what: "kid twice",
        token: || {
            token()
                .raw_header(r#"{"alg":"ES256","kid":"p256-1","typ":"at+jwt","kid":"p256-1"}"#)
                .text()
        },
        reason: MalformedJwt,
    },
    Attack {
        id: "7515-08 ENC-08",
        what: "Alg in place of alg",
        token: || token().without_header("alg").header("Alg", r#""ES256""#).text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "7515-08",
        what: "ALG in place of alg",
        token: || token().without_header("alg").header("ALG", r#""ES256""#).text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-06 7519-03",
        what: "sub twice",
        token: || token().second_claim("sub", r#""admin""#).text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-06 7519-03",
        what: "sub twice with one value",
        token: || token().second_claim("sub", r#""alice""#).text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-06 7519-03",
        what: "sub twice, once escaped",
        token: || token().second_claim(r"\u0073ub", r#""admin""#).text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-06",
        what: "exp twice",
        token: || token().second_claim("exp", "1e12").text(),
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-06",
        what: "aud twice",
        token: || {
            token()
                .claim("aud", r#""https://other.example""#)
                .second_claim("aud", r#""https://api.example""#)
                .text()
        },
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-19",
        what: "a query string around the token",
        token: || format!("access_token={}&x=1", token().text()),
        reason: IllegalCharacter,
    },
    Attack {
        id: "ENC-19",
        what: "JSON serialization inside the header segment",
        token: || {
            let inner = format!(
                r#"{{"protected":"{}","payload":"{}","signature":"{}"}}"#,
                encode(token().header_bytes()),
                encode(token().payload_bytes()),
                encode(token().signature())
            );
            token().raw_header(inner).text()
        },
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-19",
        what: "a JSON text around the token",
        token: || format!("\"{}\"", token().text()),
        reason: QuotedToken,
    },
];

async fn json_headers() {
    all_refused(&stand(), HEADERS).await;
}

/// What is unusual, and means exactly one thing.
async fn json_that_is_good() {
    let stand = stand();
    // names in another case are other names
    let cased =
        token().claim("Sub", r#""admin""#).claim("EXP", "1").claim("Aud", "7").claim("ISS", "[]");
    assert_eq!(stand.accepts(&cased.text()).await.subject(), Some("alice"));
    ledger::passed("ENC-08 7519-04");

    // an escaped name is that name
    let escaped = token().without_header("alg").header(r"\u0061lg", r#""ES256""#);
    stand.accepts(&escaped.text()).await;
    let escaped = token().without("sub").claim(r"s\u0075b", r#""\u0061lice""#);
    assert_eq!(stand.accepts(&escaped.text()).await.subject(), Some("alice"));
    ledger::passed("7515-08");

    // NUL is a character like any other, beyond the BMP too, written either way
    for (raw, text) in [
        (r#""admin\u0000x""#, "admin\0x"),
        (r#""\ud83d\ude00""#, "\u{1f600}"),
        ("\"\u{1f600}\"", "\u{1f600}"),
        (r#""\/\"\\""#, "/\"\\"),
    ] {
        let who = stand.accepts(&token().claim("sub", raw).text()).await;
        assert_eq!(who.subject(), Some(text));
    }
    ledger::passed("ENC-10 7515-09");

    // numbers that nobody reads are not read
    for number in
        ["1e9999", "-1e-9999", "-0", "1E+2", &"9".repeat(400), &format!("0.{}", "1".repeat(400))]
    {
        let who = stand
            .accepts(&token().claim("n", number).claim("o", &format!("[{number}]")).text())
            .await;
        assert_eq!(who.subject(), Some("alice"), "{number}");
    }
    ledger::passed("ENC-17");

    let spaced = b"\r\n\t {$ , \"a\" : [ ] }\n ";
    stand.accepts(&token().payload(filled(spaced, &token().payload_bytes())).text()).await;
}

/// In the header, which nobody has signed when it is read, and in the payload.
async fn nesting() {
    let stand = stand();
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = |levels: usize| {
            let inner = if open == "[" { "" } else { "1" };
            format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
        };
        for levels in [40, 1_000] {
            let header = token().header("x", &deep(levels)).text();
            assert_eq!(stand.refuses(&header, MalformedJwt).await.lookups, 0);
            stand.refuses(&token().claim("x", &deep(levels)).text(), MalformedJwt).await;
        }
        // ten thousand levels are longer than a token may be, unless nothing closes them
        stand.refuses(&token().claim("x", &deep(10_000)).text(), TokenTooLong).await;
        let open = open.repeat(10_000 / open.len());
        stand.refuses(&token().payload(open).text(), MalformedJwt).await;
        stand.accepts(&token().header("x", &deep(20)).claim("x", &deep(20)).text()).await;
    }
    ledger::passed("ENC-11 7519-28");
}

async fn many_members_cost_little() {
    use std::fmt::Write as _;
    use std::sync::Arc;

    use portcullis::jwt::{JwtValidator, StaticKeys};

    use crate::support::{
        sign::{AUDIENCE, ISSUER, NOW},
        stand::At,
    };

    // 50 000 members pass a limit that was raised, in the validator and in the scheme
    let set = format!(r#"{{"keys":[{}]}}"#, P256_1.jwk("p256-1", ""));
    let validator = JwtValidator::builder(StaticKeys::from_jwk_set(set.as_bytes()).unwrap())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .max_token_bytes(8 << 20)
        .clock(Arc::new(At::new(NOW)))
        .build()
        .unwrap();
    let mut members = String::new();
    for i in 0..50_000 {
        write!(members, r#","collide-{i:06}-collide":{i}"#).unwrap();
    }
    let payload = |twin: &str| {
        let mut text = String::from_utf8(token().payload_bytes()).unwrap();
        text.insert_str(text.len() - 1, &members);
        text.insert_str(text.len() - 1, twin);
        token().payload(text).text()
    };
    let parts = http::Request::new(()).into_parts().0;
    let judge = |text: &str| {
        use portcullis::token::{Presented, TokenValidator as _};
        validator.validate(Presented::new(text, &parts)).into_ready().unwrap()
    };
    let started = std::time::Instant::now();
    assert_eq!(judge(&payload("")).unwrap().subject(), Some("alice"));
    let twin = judge(&payload(r#","collide-000001-collide":1"#)).unwrap_err();
    assert_eq!(twin.kind(), MalformedJwt);
    // quadratic work would be 2.5 thousand million comparisons
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());

    // as they are, the limits of a stand refuse it undecoded
    stand().refuses(&payload(""), TokenTooLong).await;
    ledger::passed("ENC-12");
}
