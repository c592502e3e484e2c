//! The spelling of a token: one for each value, and strict JSON inside (RFC 7515 §5.2, RFC 8259).

use AuthErrorKind::{
    BadSignature, EmptyCredential, EncryptedTokenNoKey, IllegalCharacter, MalformedCredential,
    MalformedJwt, QuotedToken, TokenTooLong, WrongAudience, WrongIssuer,
};
use portcullis::AuthErrorKind;

use super::ledger::{self, Row};
use crate::support::{
    sign::{P256_1, encode, token},
    stand::{Attack, all_refused, stand},
};

chapter! {
    async fn base64_is_strict;
    async fn a_token_has_one_spelling;
    async fn three_segments;
    async fn length_limits;
    async fn white_space_quotes_and_lists;
    async fn characters_outside_the_compact_form;
    async fn json_documents;
    async fn json_headers;
    async fn json_that_is_good;
    async fn nesting;
    async fn many_members_cost_little;
    async fn look_alikes;
}

/// Each text in place of each segment in turn.
async fn base64_is_strict() {
    let stand = stand();
    let segments: Vec<String> = token().text().split('.').map(str::to_owned).collect();
    for at in 0..3 {
        let loosened = |loosen: &dyn Fn(&str) -> String, signed_again: bool| {
            let mut parts = segments.clone();
            parts[at] = loosen(&parts[at]);
            if signed_again && at < 2 {
                let signed = format!("{}.{}", parts[0], parts[1]);
                parts[2] = encode(P256_1.sign("ES256", signed.as_bytes()));
            }
            parts.join(".")
        };
        let middle = |it: &str, with: &str| format!("{}{with}{}", &it[..8], &it[8..]);
        for signed_again in [false, true] {
            for (loosen, reason) in [
                (&|it: &str| format!("{it}=") as _, at_end(at)),
                (&|it: &str| format!("{it}==") as _, at_end(at)),
                (&|it: &str| format!("{it}%3D") as _, IllegalCharacter),
                (&|it: &str| middle(it, "+") as _, MalformedJwt),
                (&|it: &str| middle(it, "/") as _, MalformedJwt),
                (&|it: &str| middle(it, "~") as _, MalformedJwt),
                (&|it: &str| middle(it, " ") as _, IllegalCharacter),
                (&|it: &str| middle(it, "\t") as _, IllegalCharacter),
                (&|it: &str| middle(it, "*") as _, IllegalCharacter),
            ] as [(&dyn Fn(&str) -> String, AuthErrorKind); 9]
            {
                stand.refuses(&loosened(loosen, signed_again), reason).await;
            }
        }
    }
    // a line break never gets into a header
    assert!(
        http::HeaderValue::from_str(&format!("Bearer {}\n{}", segments[0], segments[1])).is_err()
    );
    ledger::passed("ENC-01 7515-02 6750-39");
}

/// RFC 6750 allows `=` at the end alone; inside it is not even a bearer token.
fn at_end(segment: usize) -> AuthErrorKind {
    if segment == 2 { MalformedJwt } else { IllegalCharacter }
}

/// RFC 4648 §3.5: the unused bits of a last letter are zero.
async fn a_token_has_one_spelling() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let stand = stand();
    let mut tried = [0; 3];
    // claims and headers of each length modulo three
    for fill in ["", "x", "xx"] {
        let honest = token().header("x", &format!("{fill:?}")).claim("x", &format!("{fill:?}"));
        stand.accepts(&honest.text()).await;
        let segments: Vec<String> = honest.text().split('.').map(str::to_owned).collect();
        for at in 0..3 {
            let unused = match segments[at].len() % 4 {
                2 => 4,
                3 => 2,
                _ => continue,
            };
            let last = *segments[at].as_bytes().last().unwrap();
            let value = ALPHABET.iter().position(|letter| *letter == last).unwrap();
            for bits in 1..1 << unused {
                let mut parts = segments.clone();
                parts[at].pop();
                parts[at].push(char::from(ALPHABET[value | bits]));
                stand
                    .refuses(&parts.join("."), [MalformedJwt, BadSignature, MalformedJwt][at])
                    .await;
                // also where the signature fits the loose spelling
                let signed = format!("{}.{}", parts[0], parts[1]);
                if at < 2 {
                    parts[2] = encode(P256_1.sign("ES256", signed.as_bytes()));
                    stand.refuses(&parts.join("."), MalformedJwt).await;
                }
                tried[at] += 1;
            }
        }
    }
    assert!(tried.iter().all(|count| *count > 0), "{tried:?}");
    // a length that no bytes have
    for at in 0..3 {
        let mut parts: Vec<String> = token().text().split('.').map(str::to_owned).collect();
        while parts[at].len() % 4 != 1 {
            parts[at].push('A');
        }
        let answer = stand.send(&parts.join(".")).await;
        answer.is_refused("", if at == 1 { BadSignature } else { MalformedJwt });
    }
    ledger::passed("ENC-02 7515-03");
}

const SEGMENTS: &[Attack] = &[
    Attack { id: "ENC-03 7515-01", what: "two", token: || token().signed(), reason: MalformedJwt },
    Attack {
        id: "ENC-03 7515-01",
        what: "four",
        token: || token().text() + ".e30",
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-03 7515-01 8725-07 3.0-bad-token",
        what: "five, as JWE has",
        token: || token().text() + ".e30.e30",
        reason: EncryptedTokenNoKey,
    },
    Attack {
        id: "ENC-03",
        what: "six",
        token: || token().text() + ".e30.e30.e30",
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-03",
        what: "a dot before",
        token: || format!(".{}", token().text()),
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-03",
        what: "a dot behind",
        token: || token().text() + ".",
        reason: MalformedJwt,
    },
    Attack {
        id: "ENC-03",
        what: "a million dots",
        token: || ".".repeat(1_000_000),
        reason: TokenTooLong,
    },
    Attack {
        id: "ENC-03",
        what: "16 KiB of dots",
        token: || ".".repeat(16 << 10),
        reason: MalformedJwt,
    },
    Attack { id: "ENC-04 7519-01", what: "one letter", token: || "a".into(), reason: MalformedJwt },
    Attack {
        id: "ENC-04 7519-01",
        what: "no dot",
        token: || encode(token().payload_bytes()),
        reason: MalformedJwt,
    },
    Attack { id: "ENC-04", what: "a dot", token: || ".".into(), reason: MalformedJwt },
    Attack { id: "ENC-04", what: "two dots", token: || "..".into(), reason: MalformedJwt },
    Attack { id: "ENC-04", what: "single letters", token: || "a.b.c".into(), reason: MalformedJwt },
    Attack {
        id: "ENC-04",
        what: "empty objects",
        token: || "e30.e30.".into(),
        reason: MalformedJwt,
    },
    Attack {
        id: "13.4-truncated 6750-39",
        what: "cut in the payload",
        token: || token().text()[..150].into(),
        reason: MalformedJwt,
    },
    Attack {
        id: "13.4-cookie-ticket",
        what: "a cookie's protected ticket",
        token: || encode([0x09, 0xf0, 0xc9, 0xf0].repeat(60)),
        reason: MalformedJwt,
    },
];

async fn three_segments() {
    all_refused(&stand(), SEGMENTS).await;
    for nothing in ["Bearer", "Bearer "] {
        let answer = stand().send_line(nothing).await;
        assert_eq!((answer.status.as_u16(), answer.reason), (400, Some(EmptyCredential)));
        assert_eq!(answer.calls, 0);
    }
    ledger::passed("ENC-04");
}

/// The default limit is 16 KiB, checked before anything is decoded.
async fn length_limits() {
    const LIMIT: usize = 16 << 10;
    let stand = stand();
    let of_length = |length: usize| {
        // three letters for two bytes, and a signature of 86 letters
        let bare = token().claim("x", r#""""#).text().len();
        let mut fill = (length - bare) / 4 * 3;
        loop {
            let text = token().claim("x", &format!("{:?}", "x".repeat(fill))).text();
            if text.len() >= length {
                break text;
            }
            fill += 1;
        }
    };
    let at = of_length(LIMIT);
    assert!(at.len() <= LIMIT + 1, "{}", at.len());
    let (fits, too_long) =
        if at.len() == LIMIT { (at, of_length(LIMIT + 1)) } else { (of_length(LIMIT - 1), at) };
    assert!(LIMIT - fits.len() < 2 && too_long.len() - LIMIT <= 2);
    stand.accepts(&fits).await;
    stand.refuses(&too_long, TokenTooLong).await;
    for text in ["a".repeat(LIMIT), "a.".repeat(LIMIT / 2)] {
        stand.refuses(&text, MalformedJwt).await;
    }
    for text in
        ["a".repeat(LIMIT + 1), ".".repeat(LIMIT + 1), "a".repeat(1 << 20), "=".repeat(LIMIT + 1)]
    {
        let answer = stand.refuses(&text, TokenTooLong).await;
        assert_eq!(answer.lookups, 0);
    }
    // segments of every length, so that no arithmetic on them wraps
    for header in 0..40 {
        for payload in 0..40 {
            let text = format!("{}.{}.", "A".repeat(header), "A".repeat(payload));
            stand.send(&text).await.is_refused(&text, MalformedJwt);
        }
    }
    ledger::passed("ENC-05 ENC-21 7519-28");
}

struct Line {
    id: &'static str,
    before: &'static str,
    after: &'static str,
    status: u16,
    reason: Option<AuthErrorKind>,
}

impl Row for Line {
    fn id(&self) -> &str {
        self.id
    }
}

const fn line(
    before: &'static str,
    after: &'static str,
    status: u16,
    reason: Option<AuthErrorKind>,
) -> Line {
    Line { id: "ENC-20", before, after, status, reason }
}

const LINES: &[Line] = &[
    line("Bearer  ", "", 200, None),
    line("Bearer ", " ", 200, None),
    line("Bearer \"", "\"", 401, Some(QuotedToken)),
    line("Bearer ", ",y", 401, Some(IllegalCharacter)),
    line("Bearer ", " y", 401, Some(IllegalCharacter)),
    line("Bearer '", "'", 401, Some(IllegalCharacter)),
    line("Bearer\t", "", 400, Some(MalformedCredential)),
    line("Bearer \t", "", 401, Some(IllegalCharacter)),
    line("Bearer ", "\ty", 401, Some(IllegalCharacter)),
];

async fn white_space_quotes_and_lists() {
    let (stand, text) = (stand(), token().text());
    ledger::table_async(LINES, async |row| {
        let answer = stand.send_line(&format!("{}{text}{}", row.before, row.after)).await;
        assert_eq!((answer.status.as_u16(), answer.reason), (row.status, row.reason));
        match row.reason {
            Some(reason) if row.status == 401 => answer.is_refused(&text, reason),
            Some(_) => assert_eq!(answer.calls, 0),
            None => assert_eq!(answer.is_accepted().subject(), Some("alice")),
        }
    })
    .await;
}

/// Whatever stands in a token beside letters, digits, `-`, `_` and `.`.
async fn characters_outside_the_compact_form() {
    let (stand, text) = (stand(), token().text());
    for c in
        (0x21..0x7f).map(char::from).filter(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c))
    {
        let forged = format!("{}{c}{}", &text[..20], &text[20..]);
        let reason = if "~+/".contains(c) { MalformedJwt } else { IllegalCharacter };
        let answer = stand.refuses(&forged, reason).await;
        assert_eq!(answer.lookups, 0);
    }
    ledger::passed("8725-22");
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

const LOOK_ALIKES: &[Attack] = &[
    Attack {
        id: "ENC-18 7519-27",
        what: "Cyrillic letter in the issuer",
        token: || token().claim("iss", "\"https://l\u{43e}gin.example\"").text(),
        reason: WrongIssuer,
    },
    Attack {
        id: "ENC-18",
        what: "full-width letter in the issuer",
        token: || token().claim("iss", "\"https://\u{ff4c}ogin.example\"").text(),
        reason: WrongIssuer,
    },
    Attack {
        id: "ENC-18",
        what: "zero-width space in the issuer",
        token: || token().claim("iss", "\"https://login\u{200b}.example\"").text(),
        reason: WrongIssuer,
    },
    Attack {
        id: "ENC-18 7519-27",
        what: "full-width letter in the audience",
        token: || token().claim("aud", "\"https://\u{ff41}pi.example\"").text(),
        reason: WrongAudience,
    },
    Attack {
        id: "ENC-18",
        what: "soft hyphen in the audience",
        token: || token().claim("aud", "[\"https://api\u{ad}.example\"]").text(),
        reason: WrongAudience,
    },
];

async fn look_alikes() {
    all_refused(&stand(), LOOK_ALIKES).await;
    // composed and decomposed are two people, and two scopes
    let stand = stand();
    let of = |sub: &str| token().claim("sub", &format!("\"{sub}\"")).text();
    let (composed, decomposed) =
        (stand.accepts(&of("Ren\u{e9}")).await, stand.accepts(&of("Rene\u{301}")).await);
    assert!(composed != decomposed);
    let who = stand.accepts(&token().claim("scope", "\"orders.re\u{430}d\"").text()).await;
    assert!(!who.scope().contains("orders.read") && who.scope().is_empty());
    ledger::passed("ENC-18 7519-27");
}
