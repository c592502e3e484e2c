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
