//! How a credential is found in the header, and what a challenge looks like (RFC 6750 §2 and §3,
//! RFC 9110 §11).

use std::sync::Arc;

use http::{HeaderValue, Request, Response, StatusCode};
use portcullis::jwt::{Algorithm, JwtValidator, StaticKeys};
use portcullis::token::{Presented, TokenValidator};
use portcullis::{
    Attempt, AuthError, AuthErrorClass, AuthErrorKind, AuthenticateLayer, Bearer, Identity,
    ProblemDetails, Rejection, Scheme, SchemeName, policy,
};
use tower::ServiceBuilder;

use super::ledger::{self, Row};
use crate::support::fixed::{
    ALICE, Body, DETAIL, Expected, Fixed, Handler, NO_STORE, NOBODY, NOTHING_SENT, W0, WI,
    WI_EXPIRED, WI_PLACEHOLDER, WR_DUPLICATE, WR_EMPTY, WR_MALFORMED, gate, gate_of, get, ok, send,
    send_to, with_headers,
};

chapter! {
    async fn forms;
    async fn every_byte;
    async fn only_the_authorization_header;
    async fn bodies_are_not_touched;
    async fn credentials_are_passed_on;
    async fn every_reason_has_a_legal_challenge;
    async fn configured_text_stays_in_its_quotes;
    async fn scopes_in_the_challenge;
    async fn a_forger_is_not_told_why;
    async fn the_statuses;
    async fn every_method;
    async fn one_line_a_scheme;
    async fn hiding_what_is_forbidden;
    async fn tokens_of_other_kinds;
    async fn disjoint_bearer_schemes;
    fn clients_read_both_forms_of_a_parameter;
}

struct Form {
    id: &'static str,
    lines: &'static [&'static [u8]],
    expected: Expected,
    /// The token that the validator is given; `None` where it must not be called.
    judged: Option<&'static str>,
}

impl Row for Form {
    fn id(&self) -> &str {
        self.id
    }
}

const fn accepted(id: &'static str, lines: &'static [&'static [u8]]) -> Form {
    Form { id, lines, expected: ALICE, judged: Some("abc") }
}

const fn other_scheme(id: &'static str, lines: &'static [&'static [u8]]) -> Form {
    Form { id, lines, expected: NOTHING_SENT, judged: None }
}

const fn refused(
    id: &'static str,
    lines: &'static [&'static [u8]],
    status: u16,
    headers: &'static [&'static str],
    reason: AuthErrorKind,
) -> Form {
    Form { id, lines, expected: Expected::refused(status, headers, reason), judged: None }
}

const EMPTY: &[&str] = &[NO_STORE, WR_EMPTY];
const MALFORMED: &[&str] = &[NO_STORE, WR_MALFORMED];
const TWICE: &[&str] = &[NO_STORE, WR_DUPLICATE];
const NOT_GOOD: &[&str] = &[NO_STORE, WI];
const PLACEHOLDER: &[&str] = &[NO_STORE, WI_PLACEHOLDER];
const DOUBLED: &[&str] = &[
    NO_STORE,
    r#"www-authenticate: Bearer realm="api", error="invalid_token", error_description="the word Bearer stands twice""#,
];
const QUOTED: &[&str] = &[
    NO_STORE,
    r#"www-authenticate: Bearer realm="api", error="invalid_token", error_description="the token stands in quotes""#,
];

/// One byte more than the limit, after `Bearer `.
const TOO_LONG: &[u8] = &{
    let mut line = [b'a'; 7 + (16 << 10) + 1];
    let scheme = b"Bearer ";
    let mut at = 0;
    while at < scheme.len() {
        line[at] = scheme[at];
        at += 1;
    }
    line
};

#[rustfmt::skip]
const FORMS: &[Form] = &[
    accepted("P1 6750-01 3.0-no-credential", &[b"Bearer abc"]),
    accepted("P2 6750-02 HTTP-05", &[b"bearer abc"]),
    accepted("P2 6750-02 HTTP-05", &[b"BEARER abc"]),
    accepted("P2 6750-02 HTTP-05", &[b"bEaReR abc"]),
    accepted("P3 6750-03", &[b"Bearer   abc  "]),
    Form { id: "6750-05", lines: &[b"Bearer aZ09-._~+/=="], expected: ALICE, judged: Some("aZ09-._~+/==") },
    refused("P4 6750-06", &[b"Bearer"], 400, EMPTY, AuthErrorKind::EmptyCredential),
    refused("P4 6750-06 HTTP-05", &[b"Bearer "], 400, EMPTY, AuthErrorKind::EmptyCredential),
    refused("P4 6750-06 HTTP-05", &[b"bearer     "], 400, EMPTY, AuthErrorKind::EmptyCredential),
    refused("P5 6750-03 HTTP-05", &[b"Bearer\tabc"], 400, MALFORMED, AuthErrorKind::MalformedCredential),
    refused("6750-03 HTTP-05", &[b"Bearer \tabc"], 401, NOT_GOOD, AuthErrorKind::IllegalCharacter),
    other_scheme("P6 HTTP-05", &[b"Bearerabc"]),
    other_scheme("P6 HTTP-05", &[b"BearerX abc"]),
    other_scheme("HTTP-05", &[b"Bearer\xa0abc"]),
    other_scheme("HTTP-05", &[b"Bearer\xc2\xa0abc"]),
    other_scheme("HTTP-05", &[b""]),
    other_scheme("HTTP-05", &[b"Bear"]),
    refused("P7 6750-09 HTTP-04 9110-16 3.0-malformed-authorization", &[b"Bearer abc", b"Bearer abc"], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("P7 6750-09 HTTP-04 9110-16", &[b"Bearer abc", b"Bearer bob"], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("6750-09 HTTP-04", &[b"Bearer abc", b"DPoP abc"], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("P8 6750-09", &[b"Basic YTpi", b"Bearer abc"], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("P8 6750-09", &[b"Bearer abc", b"Basic YTpi"], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("6750-09 9110-16", &[b"Bearer abc", b""], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("HTTP-04", &[b"Basic YTpi", b"Basic YTpi", b"bearer abc"], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("6750-10 HTTP-04", &[b"Bearer a, Bearer b"], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("6750-10 HTTP-04", &[b"Bearer a,bearer b"], 400, TWICE, AuthErrorKind::DuplicateCredential),
    refused("P9 6750-04", &[b"Bearer a,b"], 401, NOT_GOOD, AuthErrorKind::IllegalCharacter),
    refused("P10 6750-04", &[b"Bearer a b"], 401, NOT_GOOD, AuthErrorKind::IllegalCharacter),
    refused("6750-04", &[b"Bearer a\"b"], 401, NOT_GOOD, AuthErrorKind::IllegalCharacter),
    refused("6750-05", &[b"Bearer a=b"], 401, NOT_GOOD, AuthErrorKind::IllegalCharacter),
    refused("6750-05", &[b"Bearer =="], 401, NOT_GOOD, AuthErrorKind::IllegalCharacter),
    refused("P11", &[b"Bearer undefined"], 401, PLACEHOLDER, AuthErrorKind::PlaceholderToken),
    refused("P11", &[b"Bearer null"], 401, PLACEHOLDER, AuthErrorKind::PlaceholderToken),
    refused("P11", &[b"Bearer [object Object]"], 401, PLACEHOLDER, AuthErrorKind::PlaceholderToken),
    refused("P11", &[b"Bearer {token}"], 401, PLACEHOLDER, AuthErrorKind::PlaceholderToken),
    refused("P12", &[b"Bearer Bearer abc"], 401, DOUBLED, AuthErrorKind::DoubledPrefix),
    refused("P13 S3-07", &[b"Bearer \"abc\""], 401, QUOTED, AuthErrorKind::QuotedToken),
    refused("P14", &[TOO_LONG], 401, NOT_GOOD, AuthErrorKind::TokenTooLong),
    refused("P15 6750-04 HTTP-06", &[b"Bearer caf\xc3\xa9"], 401, NOT_GOOD, AuthErrorKind::IllegalCharacter),
    other_scheme("P16 6750-35", &[b"Basic YTpi"]),
    other_scheme("6750-35", &[b"DPoP abc"]),
    other_scheme("S3-05 6750-24 6750-34 3.0-no-credential", &[]),
    Form { id: "3.0-bad-token 6750-33 6750-39", lines: &[b"Bearer MalformedJwt"], expected: Expected::refused(401, NOT_GOOD, AuthErrorKind::MalformedJwt), judged: Some("MalformedJwt") },
    Form { id: "3.0-bad-token 6750-33", lines: &[b"Bearer BadSignature"], expected: Expected::refused(401, NOT_GOOD, AuthErrorKind::BadSignature), judged: Some("BadSignature") },
    Form { id: "3.0-bad-token 6750-33", lines: &[b"Bearer Expired"], expected: Expected::refused(401, &[NO_STORE, WI_EXPIRED], AuthErrorKind::Expired), judged: Some("Expired") },
];

async fn forms() {
    ledger::table_async(FORMS, async |row| {
        let validator = Fixed::default();
        let gate = gate_of(&validator);
        let require = gate.require(policy::scheme(Bearer)).unwrap();
        let mut request = get(&[]);
        for line in row.lines {
            let line = HeaderValue::from_bytes(line).unwrap();
            request.headers_mut().append("authorization", line);
        }

        let answer = send(ServiceBuilder::new().layer(gate).layer(require), request).await;

        answer.is(&row.expected);
        assert_eq!(validator.judged(), Vec::from_iter(row.judged));
    })
    .await;

    let edge = [b"Bearer ".as_slice(), &[b'a'; 16 << 10]].concat();
    let validator = Fixed::default();
    let mut request = get(&[]);
    request.headers_mut().append("authorization", HeaderValue::from_bytes(&edge).unwrap());
    send(gate_of(&validator), request).await;
    assert_eq!(validator.judged().len(), 1, "a token of exactly the limit is judged");
}

/// Each byte that can be in a header at all, inside a token: legal, or refused unjudged.
async fn every_byte() {
    for byte in 0..=u8::MAX {
        let Ok(line) = HeaderValue::from_bytes(&[b"Bearer a".as_slice(), &[byte], b"c"].concat())
        else {
            assert!((byte < b' ' && byte != b'\t') || byte == 0x7f, "{byte:#x}");
            continue;
        };
        let validator = Fixed::default();
        let gate = gate_of(&validator);
        let require = gate.require(policy::scheme(Bearer)).unwrap();
        let mut request = get(&[]);
        request.headers_mut().insert("authorization", line);

        let answer = send(ServiceBuilder::new().layer(gate).layer(require), request).await;

        if byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte) {
            assert_eq!(validator.judged().len(), 1, "{byte:#x}");
        } else {
            assert!(validator.judged().is_empty(), "{byte:#x}");
            answer.is(&Expected::refused(401, NOT_GOOD, AuthErrorKind::IllegalCharacter));
        }
    }
    ledger::passed("P15 HTTP-06 6750-04 9110-15");
}

async fn only_the_authorization_header() {
    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    for (uri, lines, expected) in [
        ("/?access_token=abc", &[][..], NOTHING_SENT),
        ("/?access%5Ftoken=abc", &[], NOTHING_SENT),
        ("/?access_token=bob", &["authorization: Bearer abc"], ALICE),
        ("/?access_token=abc&access_token=abc", &["authorization: Bearer abc"], ALICE),
        ("/", &["proxy-authorization: Bearer abc"], NOTHING_SENT),
        ("/", &["x-authorization: Bearer abc"], NOTHING_SENT),
        ("/", &["authorization-bin: Bearer abc"], NOTHING_SENT),
        ("/", &["cookie: access_token=abc; Authorization=Bearer abc"], NOTHING_SENT),
        ("/", &["proxy-authorization: Bearer bob", "authorization: Bearer abc"], ALICE),
    ] {
        send(stack.clone(), with_headers("GET", uri, lines)).await.is(&expected);
    }
    ledger::passed("P17 6750-20 HTTP-01 9110-19");
}

/// A form with a token in it is not read: it is refused as it is, or handed on as it is.
async fn bodies_are_not_touched() {
    use http_body_util::BodyExt;
    use tower::{Layer, ServiceExt, service_fn};

    const FORM: &str = "access_token=abc&more=1";
    let gate = gate();
    let require = gate.require(policy::scheme(Bearer)).unwrap();
    for method in ["POST", "PUT", "GET"] {
        let request = |authorization: &[&str]| {
            let mut request = with_headers(method, "/", authorization);
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert("content-type", form);
            request.map(|_| Body::from(FORM))
        };
        let stack = ServiceBuilder::new().layer(gate.clone()).layer(require.clone());
        send(stack.clone(), request(&[])).await.is(&NOTHING_SENT);

        let echo = service_fn(async |request: Request<Body>| {
            Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
        });
        for (answer, authorization) in [
            (gate.layer(echo).oneshot(request(&[])).await, "none"),
            (stack.service(echo).oneshot(request(&["authorization: Bearer abc"])).await, "abc"),
        ] {
            let body = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, FORM, "{method}, token {authorization}");
        }
    }
    ledger::passed("HTTP-02");
}

async fn credentials_are_passed_on() {
    use tower::{Layer, ServiceExt, service_fn};

    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.suppress_all_but(Bearer).unwrap())
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    let echo = service_fn(async |request: Request<Body>| {
        let mut response = Response::new(Body::default());
        *response.headers_mut() = request.headers().clone();
        Ok::<_, std::convert::Infallible>(response)
    });
    let request = get(&["authorization: bEaReR   abc ", "cookie: a=b", "x-user: mallory"]);
    let sent = request.headers().clone();
    let response = stack.service(echo).oneshot(request).await.unwrap();
    assert_eq!(*response.headers(), sent);

    let several = get(&["authorization: Basic YTpi", "authorization: Basic Yzpk"]);
    let sent = several.headers().clone();
    let response = gate.layer(echo).oneshot(several).await.unwrap();
    assert_eq!(*response.headers(), sent);
    ledger::passed("9110-08");
}

/// A challenge as RFC 9110 §11.6.1 reads it.
#[derive(Debug, PartialEq)]
struct Read {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Read {
    fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// Strict: a scheme, a space, then `name=value` pairs; a value is a token or a quoted-string; no
/// name twice, whatever its case.
fn read(header: &str) -> Option<Read> {
    let (scheme, mut rest) = header.split_once(' ')?;
    let mut parameters: Vec<(String, String)> = Vec::new();
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return None;
        }
        let (value, after) = match after.strip_prefix('"') {
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
            Some(quoted) => read_quoted(quoted)?,
        };
        if parameters.iter().any(|(known, _)| *known == name) {
            return None;
        }
        parameters.push((name, value));
        match after.strip_prefix(", ") {
            Some(next) => rest = next,
            None if after.is_empty() => break,
            None => return None,
        }
    }
    Some(Read { scheme: scheme.to_owned(), parameters })
}

fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            ' '..='~' => value.push(c),
            _ => return None,
        }
    }
    None
}

fn clients_read_both_forms_of_a_parameter() {
    let expected = Read {
        scheme: "Bearer".to_owned(),
        parameters: vec![
            ("realm".to_owned(), "api".to_owned()),
            ("error".to_owned(), "invalid_token".to_owned()),
        ],
    };
    assert_eq!(read(r#"Bearer realm=api, ERROR="invalid_token""#).as_ref(), Some(&expected));
    assert_eq!(read(r#"Bearer Realm="a\pi", error=invalid_token"#).as_ref(), Some(&expected));
    for bad in ["Bearer", r#"Bearer realm="a"#, r#"Bearer realm="a", Realm="b""#, "Bearer a\tb=c"] {
        assert_eq!(read(bad), None, "{bad}");
    }
    ledger::passed("9110-04");
}

const fn legal_in_a_description(byte: u8) -> bool {
    matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

async fn every_reason_has_a_legal_challenge() {
    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    // nothing was found; and what only a cookie can be, which is 403
    let others = [AuthErrorKind::NoCredential, AuthErrorKind::CrossSiteRequest];
    for kind in AuthErrorKind::ALL.iter().filter(|kind| !others.contains(kind)) {
        let answer =
            send(stack.clone(), get(&[&format!("authorization: Bearer {}", kind.name())])).await;
        assert_eq!(answer.saw, None, "{kind}");
        let text = answer.headers.join("\n");
        assert!(!text.contains(kind.name()) && !text.contains(DETAIL), "{kind}: {text}");
        let (status, error) = match kind.class() {
            AuthErrorClass::Malformed => (400, Some("invalid_request")),
            AuthErrorClass::Invalid => (401, Some("invalid_token")),
            AuthErrorClass::Undecidable => (503, None),
            AuthErrorClass::Misconfigured => (500, None),
        };
        assert_eq!(answer.status, status, "{kind}");
        assert_eq!(answer.headers.first().map(String::as_str), Some(NO_STORE));
        let challenges: Vec<Read> = answer
            .headers
            .iter()
            .filter_map(|line| line.strip_prefix("www-authenticate: "))
            .map(|value| read(value).unwrap_or_else(|| panic!("{kind}: {value}")))
            .collect();
        let Some(error) = error else {
            assert_eq!(challenges, [], "{kind}");
            continue;
        };
        let [challenge] = &challenges[..] else { panic!("{kind}: {challenges:?}") };
        assert_eq!(challenge.scheme, "Bearer");
        let names: Vec<&str> = challenge.parameters.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["realm", "error", "error_description"], "{kind}");
        assert_eq!(challenge.value("error"), Some(error), "{kind}");
        let description = challenge.value("error_description").unwrap();
        assert!(description.bytes().all(legal_in_a_description), "{kind}");
        assert!(text.contains(r#" realm="api""#), "realm is a quoted-string");
    }
    ledger::passed(
        "6750-25 6750-26 6750-27 6750-29 6750-31 6750-32 6750-33 6750-36 6750-39 9110-03 9110-05 \
         HTTP-09",
    );
}

/// Whatever the programmer configures, a header has one challenge of legal characters.
async fn configured_text_stays_in_its_quotes() {
    for realm in
        ["", "a\"b", "a\\", "a\r\nset-cookie: x=y", "caf\u{e9} \u{202e}", "\0", "a, Basic b=c"]
    {
        let scheme = Scheme::bearer(Bearer, Fixed::default()).realm(realm);
        let gate = AuthenticateLayer::new((scheme,)).unwrap();
        let require = gate.require(policy::scheme(Bearer)).unwrap();
        let stack = ServiceBuilder::new().layer(gate).layer(require);
        for lines in [&[][..], &["authorization: Bearer BadSignature"]] {
            let answer = send(stack.clone(), get(lines)).await;
            assert_eq!((answer.status, answer.saw), (401, None));
            let [cache, challenge] = &answer.headers[..] else { panic!("{:?}", answer.headers) };
            assert_eq!(cache, NO_STORE);
            assert!(challenge.bytes().all(|b| matches!(b, b' '..=b'~')), "{challenge}");
            let challenge = read(challenge.strip_prefix("www-authenticate: ").unwrap()).unwrap();
            let legal: String =
                realm.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
            assert_eq!(challenge.value("realm"), Some(&*legal));
        }
    }
    ledger::passed("HTTP-07 9110-15 6750-27");
}

async fn scopes_in_the_challenge() {
    let gate = gate();
    let bob = get(&["authorization: Bearer bob"]);
    for (needed, told) in [
        ("orders:write", Some("orders:write")),
        ("orders:read  orders:write", Some("orders:read orders:write")),
        ("a b a", Some("a b")),
        ("a\u{e9} b", Some("b")),
        ("a\tb c\r\nd: e", Some("e")),
        ("\"x\\", None),
        ("", None),
    ] {
        let require = gate.require(policy::scope(needed)).unwrap();
        let stack = ServiceBuilder::new().layer(gate.clone()).layer(require);
        let answer = send(stack.clone(), bob.clone()).await;

        assert_eq!((answer.status, answer.saw), (403, None), "{needed:?}");
        let [cache, challenge] = &answer.headers[..] else { panic!("{:?}", answer.headers) };
        assert_eq!(cache, NO_STORE);
        let challenge = read(challenge.strip_prefix("www-authenticate: ").unwrap()).unwrap();
        assert_eq!(challenge.value("realm"), Some("api"));
        assert_eq!(challenge.value("error"), Some("insufficient_scope"));
        assert_eq!(challenge.value("scope"), told, "{needed:?}");
        assert_eq!(challenge.parameters.len(), 2 + usize::from(told.is_some()));
    }
    // a scope that no token can hold is needed all the same
    for impossible in [
        policy::scope("orders:read admin\u{e9}"),
        policy::scopes(["orders:read", "orders write"]),
        policy::scopes(["orders:read", ""]),
        policy::scopes::<&str>([]),
    ] {
        let require = gate.require(impossible).unwrap();
        let stack = ServiceBuilder::new().layer(gate.clone()).layer(require);
        let answer = send(stack, get(&["authorization: Bearer alice"])).await;
        assert_eq!((answer.status, answer.saw), (403, None));
    }
    ledger::passed("3.0-scope-too-small 6750-28 6750-30 6750-40 6750-41 6750-42 HTTP-07 9110-10");
}

/// What a client cannot mend has one answer, to the byte.
async fn a_forger_is_not_told_why() {
    use AuthErrorKind as Kind;
    const OWN_TEXT: [Kind; 9] = [
        Kind::NoCredential,
        Kind::Expired,
        Kind::InsecureTransport,
        Kind::InsufficientAuthentication,
        Kind::PlaceholderToken,
        Kind::QuotedToken,
        Kind::DoubledPrefix,
        Kind::TicketExpired,
        Kind::CrossSiteRequest, // of cookies, and 403
    ];
    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scheme(Bearer)).unwrap().respond_with(ProblemDetails));
    let mut told = Vec::new();
    for kind in Kind::ALL {
        if kind.class() != AuthErrorClass::Invalid || OWN_TEXT.contains(kind) {
            continue;
        }
        let request = get(&[&format!("authorization: Bearer {}", kind.name())]);
        let answer = send(stack.clone(), request).await;
        assert_eq!(answer.rejection.unwrap().reason().kind(), *kind);
        told.push((answer.status, answer.headers, answer.body));
    }
    assert!(told.len() > 15);
    let first = &told[0];
    assert!(told.iter().all(|other| other == first), "{told:?}");
    assert_eq!(
        first.2,
        r#"{"detail":"the access token is not valid","error":"invalid_token","missing":["token"],"status":401,"title":"Unauthorized","type":"about:blank"}"#
    );
    ledger::passed("HTTP-08 HTTP-09");
}

struct Status {
    id: &'static str,
    token: &'static str,
    status: u16,
    headers: &'static [&'static str],
}

impl Row for Status {
    fn id(&self) -> &str {
        self.id
    }
}

const WS: &str =
    r#"www-authenticate: Bearer realm="api", error="insufficient_scope", scope="orders:write""#;

#[rustfmt::skip]
const STATUSES: &[Status] = &[
    Status { id: "HTTP-11 HTTP-12 9110-01 9110-09 9111-02", token: "", status: 401, headers: &[NO_STORE, W0] },
    Status { id: "HTTP-11 HTTP-12 9110-01 9110-09 9111-02", token: "BadSignature", status: 401, headers: NOT_GOOD },
    Status { id: "HTTP-11 HTTP-12 9110-01 9111-02", token: "Expired", status: 401, headers: &[NO_STORE, WI_EXPIRED] },
    Status { id: "HTTP-11 9110-11", token: " ", status: 400, headers: EMPTY },
    Status { id: "HTTP-11 HTTP-12 9110-10 9111-02 6750-40", token: "bob", status: 403, headers: &[NO_STORE, WS] },
    Status { id: "9110-13 9111-02 3.0-undecidable", token: "down", status: 503, headers: &[NO_STORE, "retry-after: 7"] },
    Status { id: "9111-01", token: "alice", status: 200, headers: &[] },
];

async fn the_statuses() {
    ledger::table_async(STATUSES, async |row| {
        let gate = gate();
        let require = gate.require(policy::scope("orders:write")).unwrap();
        let request = match row.token {
            "" => get(&[]),
            token => get(&[&format!("authorization: Bearer {token}")]),
        };
        let answer = send(ServiceBuilder::new().layer(gate).layer(require), request).await;

        assert_eq!(answer.status, row.status);
        assert_eq!(answer.headers, row.headers);
        assert_eq!(answer.saw.is_some(), row.status == 200);
        assert!(answer.body.is_empty());
        for word in ["public", "s-maxage", "must-revalidate", "access-control-"] {
            assert!(!answer.headers.join("\n").contains(word));
        }
    })
    .await;
}

/// Every method is asked alike; HEAD as GET; no answer of ours is a 405; an evil origin is not
/// reflected.
async fn every_method() {
    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    for method in
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO"]
    {
        let uri = if method == "CONNECT" { "api.example:443" } else { "/" };
        let origin = "origin: https://evil.example";
        send(stack.clone(), with_headers(method, uri, &[origin])).await.is(&NOTHING_SENT);
        let bad = with_headers(method, uri, &[origin, "authorization: Bearer BadSignature"]);
        send(stack.clone(), bad).await.is(&Expected::refused(
            401,
            NOT_GOOD,
            AuthErrorKind::BadSignature,
        ));
        let good = with_headers(method, uri, &[origin, "authorization: Bearer abc"]);
        send(stack.clone(), good).await.is(&ALICE);
    }
    for upgrade in [
        &["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"][..],
        &["expect: 100-continue"],
    ] {
        send(stack.clone(), get(upgrade)).await.is(&NOTHING_SENT);
    }
    ledger::passed("9110-14 9110-17 HTTP-14 HTTP-15");
}

async fn one_line_a_scheme() {
    const PARTNERS: SchemeName = SchemeName::from_static("Partners");
    let gate = AuthenticateLayer::new((
        Scheme::bearer(Bearer, Fixed::default()),
        Scheme::bearer(PARTNERS, Fixed::default()).realm("partners"),
    ))
    .unwrap();
    let require = gate.require(policy::any_scheme()).unwrap();
    let stack = ServiceBuilder::new().layer(gate.clone()).layer(require);

    let partners = r#"www-authenticate: Bearer realm="partners""#;
    let answer = send(stack, get(&[])).await;
    assert_eq!((answer.status, answer.saw), (401, None));
    assert_eq!(answer.headers, [NO_STORE, W0, partners]);

    // the other way round where the route says so
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.suppress_all_but((PARTNERS, Bearer.into_name())).unwrap())
        .layer(gate.require(policy::any_scheme()).unwrap());
    assert_eq!(send(stack, get(&[])).await.headers, [NO_STORE, partners, W0]);
    ledger::passed("9110-06");
}

trait IntoName {
    fn into_name(self) -> SchemeName;
}

impl IntoName for Bearer {
    fn into_name(self) -> SchemeName {
        self.into()
    }
}

/// What may not be known to exist: the rejection is in the extensions for whoever stands outside.
async fn hiding_what_is_forbidden() {
    let gate = gate();
    let hide = |mut response: Response<Body>| {
        if response.extensions().get::<Rejection>().is_some_and(|it| it.status() == 403) {
            response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        response
    };
    let stack = ServiceBuilder::new()
        .map_response(hide)
        .layer(gate.clone())
        .layer(gate.require(policy::scope("orders:write")).unwrap());
    let answer = send(stack.clone(), get(&["authorization: Bearer bob"])).await;
    answer.is(&Expected { status: 404, headers: &[], saw: None, reason: None });
    send(stack.clone(), get(&[])).await.is(&NOTHING_SENT);
    send(stack, get(&["authorization: Bearer alice"])).await.is(&ALICE);
    ledger::passed("9110-12");
}

/// Tickets and opaque handles at a validator of JWTs.
async fn tokens_of_other_kinds() {
    let keys = StaticKeys::hmac(Algorithm::HS256, [7; 32].as_slice()).unwrap();
    let jwt = JwtValidator::builder(keys)
        .issuer("https://issuer.example")
        .audience("https://api.example")
        .build()
        .unwrap();
    let gate = AuthenticateLayer::new((Scheme::bearer(Bearer, jwt),)).unwrap();
    let require = gate.require(policy::scheme(Bearer)).unwrap();
    let stack = ServiceBuilder::new().layer(gate).layer(require);
    for token in [
        // a forms ticket in hex, a Katana ticket, a ticket of ASP.NET Core's Data Protection
        "A3F1C09B7E5D42886610FE23BB9947D1C05E8A7730F2",
        "AQAAANCMnd8BFdERjHoAwE_Cl-sBAAAA0bm3m5rVZ0yZ4",
        "CfDJ8Nn0kzQv0VtPjWw0u1rXv9mE3o9Zq8yB1c7s",
        // handles of a refresh or reference token
        "2f9b1c7e-6d8a-4d3b-9a52-1c0b8c1a7e55",
        "xIoBtZm1w0.c3VwZXI",
        "..",
        ".",
    ] {
        let answer = send(stack.clone(), get(&[&format!("authorization: Bearer {token}")])).await;
        answer.is(&Expected::refused(401, NOT_GOOD, AuthErrorKind::MalformedJwt));
    }
    ledger::passed("13.4-cookie-ticket");
}

/// Two bearer schemes of one token format: each accepts what the other refuses.
async fn disjoint_bearer_schemes() {
    #[derive(Debug)]
    struct Of(&'static str);
    impl TokenValidator for Of {
        fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
            Attempt::ready(if presented.token() == self.0 {
                Ok(Identity::builder(self.0).subject(self.0).build())
            } else {
                Err(AuthErrorKind::RejectedByCheck.into())
            })
        }
    }
    const EXTERNAL: SchemeName = SchemeName::from_static("ExternalBearer");
    let gate = AuthenticateLayer::new([
        Scheme::from(Scheme::bearer(Bearer, Of("local"))),
        Scheme::bearer(EXTERNAL, Arc::new(Of("external"))).passive().into(),
    ])
    .unwrap();
    let not_good = Expected::refused(401, NOT_GOOD, AuthErrorKind::RejectedByCheck);
    for (named, token, expected) in [
        (Bearer.into_name(), "local", Expected::passed("Bearer local")),
        (Bearer.into_name(), "external", not_good),
        (EXTERNAL, "external", Expected::passed("ExternalBearer external")),
        (EXTERNAL, "local", not_good),
    ] {
        let stack = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.require(policy::scheme(named)).unwrap());
        send(stack, get(&[&format!("authorization: Bearer {token}")])).await.is(&expected);
    }
    // passive: a route that names no scheme does not see it
    let external = get(&["authorization: Bearer external"]);
    send_to(gate.clone(), Handler::new(ok), external.clone()).await.is(&NOBODY);
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::any_scheme()).unwrap());
    send(stack, external).await.is(&not_good);
    ledger::passed("13.4-external-bearer");
}
