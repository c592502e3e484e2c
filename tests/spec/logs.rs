//! What must not be seen: in logs, in `Debug`, in answers. And what a flood may cost.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request};
use http_body_util::BodyExt;
use portcullis::jwt::{Algorithm, FoundKeys, Jwk, JwtValidator, KeySource, StaticKeys};
use portcullis::policy;
use portcullis::testing::signed_in;
use portcullis::token::{
    Cached, InMemoryRevocations, InMemoryTokens, Presented, TokenCache, TokenValidator,
};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BearerAuth,
    Caller, Identity, ProblemDetails, Scheme, Secret, UnixTime, explain,
};
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::ledger;
use crate::support::fixed::{
    ALICE, Body, DETAIL, Expected, Handler, NO_STORE, W0, gate, get, ok, person, send, with_headers,
};
use crate::support::logs::Log;

chapter! {
    async fn no_credential_is_logged;
    async fn nothing_shows_a_secret;
    async fn each_refusal_is_one_line;
    async fn a_log_line_cannot_be_forged;
    async fn answers_hold_no_detail;
    async fn no_input_panics;
    async fn extremes_of_time;
    async fn garbage_costs_little;
    async fn an_outage_is_not_amplified;
    real async fn other_tasks_go_on;
    fn secrets_are_zeroed;
    fn no_generator_of_our_own;
}

/// Nothing that holds it may be seen.
const CANARY: &str = "canary-7d1f4c";

/// Accepts the one token that begins with the canary.
#[derive(Debug, Default)]
struct Canary;

impl TokenValidator for Canary {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        Attempt::ready(if presented.token() == CANARY {
            Ok(person("alice", "orders:read", "staff"))
        } else {
            Err(AuthErrorKind::BadSignature.into())
        })
    }
}

async fn no_credential_is_logged() {
    let log = Log::capture();
    let long = format!("{CANARY}{}", "a".repeat(16 << 10));
    let jwt_shaped = format!("{}.{CANARY}.{}", "a".repeat(20), "b".repeat(20));
    let tokens = [
        CANARY.to_owned(),
        format!("{CANARY}-wrong"),
        format!("Bearer {CANARY}"),
        format!("\"{CANARY}\""),
        format!("{{{CANARY}}}"),
        format!("{CANARY} {CANARY}"),
        format!("{CANARY}, Bearer {CANARY}"),
        format!("\u{e9}{CANARY}"),
        format!("\t{CANARY}"),
        long,
        jwt_shaped.clone(),
    ];
    let mut requests: Vec<Request<Body>> = Vec::new();
    for token in &tokens {
        for scheme in ["Bearer ", "bearer\t", "Basic ", ""] {
            let mut request = with_headers("GET", &format!("/?access_token={CANARY}"), &[]);
            let line = HeaderValue::from_bytes(format!("{scheme}{token}").as_bytes()).unwrap();
            request.headers_mut().append("authorization", line.clone());
            requests.push(request.clone());
            request.headers_mut().append("authorization", line);
            let cookie = HeaderValue::from_str(&format!("session={CANARY}")).unwrap();
            request.headers_mut().append("cookie", cookie);
            requests.push(request);
        }
    }
    let bearer = BearerAuth::new(Canary).unwrap().respond_with(ProblemDetails);
    let gate = bearer.gate().clone();
    let service = bearer.require(policy::scope("orders:write")).unwrap().layer(Handler::new(ok));
    let mut accepted = 0;
    for request in requests {
        let parts = request.clone().into_parts().0;
        let trail = gate.explain(&parts).await;
        assert!(!format!("{trail} {trail:?} {trail:#?}").contains(CANARY));
        let span = tracing::info_span!("request", method = %request.method());
        let _entered = span.enter();
        let response = service.clone().oneshot(request).await.unwrap();
        accepted += usize::from(response.status() == 403);
        let seen = format!("{response:?} {}", explain(response.extensions()));
        assert!(!seen.contains(CANARY), "{seen}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!String::from_utf8_lossy(&body).contains(CANARY));
    }
    assert_eq!(accepted, 2, "the good token, sent in two ways, is found good and lacks the scope");
    let text = log.text();
    assert!(text.contains("refused") && text.contains("request"), "the log was captured");
    assert!(!text.contains(CANARY), "{text}");
    assert!(!text.contains("access_token") && !text.contains("session="), "{text}");
    ledger::passed("LOG-01 LOG-06 6750-47");
}

async fn nothing_shows_a_secret() {
    let canary = format!("{CANARY}-{CANARY}-{CANARY}-{CANARY}");
    let secret = Secret::from(&*canary);
    let keys = StaticKeys::hmac(Algorithm::HS256, &*canary).unwrap();
    let encoded = URL_SAFE_NO_PAD.encode(&canary);
    let oct = format!(r#"{{"kty":"oct","alg":"HS256","k":"{encoded}"}}"#);
    let jwk = Jwk::parse(oct.as_bytes()).unwrap();
    let jwt = JwtValidator::builder(keys.clone()).issuer("i").audience("a").build().unwrap();
    let identity = Identity::builder("i")
        .subject("alice")
        .claims_json(format!(r#"{{"sub":"alice","card":"{canary}"}}"#))
        .build();
    let cache = InMemoryTokens::with_max_bytes(1 << 20);
    cache.insert(&canary, &identity);
    let parts = get(&[&format!("authorization: Bearer {canary}")]).into_parts().0;
    let presented = Presented::new(&canary, &parts);
    let cached = Cached::new(Canary);
    cached.validate(Presented::new(CANARY, &parts)).await.unwrap();
    let revocations = InMemoryRevocations::default();
    revocations.revoke_token("i", &canary, UnixTime::MAX);
    let scheme = Scheme::from(Scheme::bearer(Bearer, JwtValidator::clone(&jwt)));
    let stack = BearerAuth::new(jwt.clone()).unwrap();
    let service = stack.layer(Handler::new(ok));
    let request = signed_in(Request::new(()), identity.clone());
    let record = request.extensions().get::<Authentication>().unwrap();
    let caller: Caller<serde_json::Value> = Caller::from_extensions(request.extensions()).unwrap();
    let refused = Jwk::parse(format!(r#"{{"kty":"oct","k":"{encoded}!"}}"#).as_bytes());
    let too_short = StaticKeys::hmac(Algorithm::HS512, CANARY).unwrap_err();
    let mismatch = identity.claims_as::<Vec<u8>>().unwrap_err();

    let shown = [
        format!("{secret:?} {secret:#?}"),
        format!("{keys:?} {keys:#?}"),
        format!("{jwk:?} {jwk:#?}"),
        format!("{jwt:?} {jwt:#?}"),
        format!("{identity:?} {identity:#?}"),
        format!("{cache:?} {cache:#?}"),
        format!("{presented:?} {presented:#?}"),
        format!("{cached:?} {cached:#?}"),
        format!("{revocations:?} {revocations:#?}"),
        format!("{scheme:?} {scheme:#?}"),
        format!("{stack:?} {stack:#?}"),
        format!("{service:?} {service:#?}"),
        format!("{record:?} {record:#?} {:?}", record.principal()),
        format!("{caller:?} {caller:#?}"),
        chain(&refused.unwrap_err()),
        chain(&too_short),
        chain(&mismatch),
    ];
    for text in shown {
        assert!(!text.is_empty());
        assert!(!text.contains(CANARY) && !text.contains(&encoded), "{text}");
    }
    ledger::passed("LOG-02");
}

/// An error and its sources, in both forms.
fn chain(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    text
}

/// What the operator reads: schemes, reasons with detail, policy, status.
async fn each_refusal_is_one_line() {
    let gate = gate();
    for (token, policy_text, words) in [
        ("", "any_scheme", ["status=401", "NoCredential", "Absent"]),
        ("Expired", "any_scheme", ["status=401", "Expired", DETAIL]),
        ("down", "any_scheme", ["status=503", "IssuerUnreachable", "Undecidable"]),
        ("bob", "scope(orders:write)", ["status=403", "MissingScope", "bob has profile"]),
    ] {
        let log = Log::capture();
        let lines = [format!("authorization: Bearer {token}")];
        let request = if token.is_empty() { get(&[]) } else { get(&[&lines[0]]) };
        let require = if token == "bob" {
            send(
                ServiceBuilder::new()
                    .layer(gate.clone())
                    .layer(gate.require(policy::scope("orders:write")).unwrap()),
                request,
            )
            .await
        } else {
            send(
                ServiceBuilder::new()
                    .layer(gate.clone())
                    .layer(gate.require(policy::any_scheme()).unwrap()),
                request,
            )
            .await
        };
        assert_eq!(require.saw, None);
        let text = log.text();
        let [line] = &text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(line.contains("INFO portcullis: refused"), "{line}");
        assert!(line.contains("\"Bearer\"") && line.contains(policy_text), "{line}");
        for word in words {
            assert!(line.contains(word), "{word}: {line}");
        }
    }
    // what passes is not logged
    let log = Log::capture();
    let require = gate.require(policy::any_scheme()).unwrap();
    let stack = ServiceBuilder::new().layer(gate).layer(require);
    send(stack, get(&["authorization: Bearer alice"])).await.is(&ALICE);
    assert_eq!(log.text(), "");
}

const HOSTILE: &str = "a\r\n[ERROR] all is lost\u{1b}[31m\u{7}\u{2028}\u{202e}\0\u{85}";

async fn a_log_line_cannot_be_forged() {
    fn is_clean(text: &str) -> bool {
        !text.chars().any(|c| c.is_control() && c != '\n')
            && !text.contains(['\u{2028}', '\u{202e}'])
    }

    // in a verified identity
    let log = Log::capture();
    let hostile = Identity::builder(HOSTILE)
        .subject(HOSTILE)
        .client_id(HOSTILE)
        .key_id(HOSTILE)
        .claims_json(serde_json::json!({"sub": HOSTILE, HOSTILE: [HOSTILE]}).to_string())
        .build();
    let gate = gate();
    let scope = gate.require(policy::scope("orders:write")).unwrap();
    let role = gate.require(policy::role("staff")).unwrap();
    for status in [
        send(scope, signed_in(get(&[]), hostile.clone())).await.status,
        send(role, signed_in(get(&[]), hostile.clone())).await.status,
    ] {
        assert_eq!(status, 403);
    }
    let request = signed_in(Request::new(()), hostile.clone());
    let trail = explain(request.extensions()).to_string();
    assert!(is_clean(&trail) && trail.lines().count() == 1, "{trail:?}");
    let debug = format!("{hostile:?}");
    assert!(is_clean(&debug) && debug.lines().count() == 1, "{debug:?}");
    let text = log.text();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(is_clean(&text), "{text:?}");

    // in the header of a token, which nobody has verified
    let log = Log::capture();
    let keys = StaticKeys::hmac_named("k", Algorithm::HS256, [7; 32].as_slice()).unwrap();
    let jwt = JwtValidator::builder(keys).issuer("i").audience("a").build().unwrap();
    let stack = BearerAuth::new(jwt).unwrap();
    for header in [
        serde_json::json!({"alg": "HS256", "typ": "at+jwt", "kid": HOSTILE}),
        serde_json::json!({"alg": HOSTILE, "typ": "at+jwt", "kid": "k"}),
        serde_json::json!({"alg": "HS256", "typ": HOSTILE, "kid": "k"}),
        serde_json::json!({"alg": "HS256", "typ": "at+jwt", "kid": "k", "crit": [HOSTILE]}),
        serde_json::json!({"alg": "HS256", "typ": "at+jwt", "kid": "k".repeat(3000)}),
    ] {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let token = format!("authorization: Bearer {header}.e30.AAAA");
        let answer = send(stack.clone(), get(&[&token])).await;
        assert_eq!((answer.status, answer.saw), (401, None));
        let reason = answer.rejection.unwrap().reason().to_string();
        assert!(is_clean(&reason) && reason.len() < 600, "{reason:?}");
    }
    let text = log.text();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(is_clean(&text), "{text:?}");
    assert!(text.lines().all(|line| line.len() < 2_000), "long text is cut");
    ledger::passed("LOG-03 LOG-04");
}

async fn answers_hold_no_detail() {
    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scope("orders:write")).unwrap().respond_with(ProblemDetails));
    for kind in AuthErrorKind::ALL {
        for content_type in ["text/plain", "application/grpc"] {
            let lines = [
                format!("authorization: Bearer {}", kind.name()),
                format!("content-type: {content_type}"),
            ];
            let answer = send(stack.clone(), get(&[&lines[0], &lines[1]])).await;
            assert_eq!(answer.saw, None);
            let body = String::from_utf8(answer.body.to_vec()).unwrap();
            let text = format!("{} {body}", answer.headers.join("\n"));
            for word in ["internal", "jwks", "https://", kind.name()] {
                assert!(!text.contains(word), "{kind}: {text}");
            }
            assert_eq!(body.is_empty(), content_type == "application/grpc");
            // the operator has it all the same
            assert!(answer.rejection.unwrap().reason().detail().unwrap().contains(DETAIL));
        }
    }
    ledger::passed("LOG-10");
}

/// The key of RFC 9068's vectors, and the number of times it was asked for.
#[derive(Debug)]
struct Asked(StaticKeys, AtomicUsize);

impl KeySource for Asked {
    fn find(&self, kid: Option<&str>, alg: Algorithm) -> Attempt<Result<FoundKeys, AuthError>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.find(kid, alg)
    }
}

/// A validator with one RSA key, its source, and a token whose signature it would check.
fn rsa() -> (JwtValidator, Arc<Asked>, String) {
    let document: serde_json::Value =
        serde_json::from_str(include_str!("../data/vectors/jose/rfc9068_at_jwt.json")).unwrap();
    let key = Jwk::parse(document["key"].to_string().as_bytes()).unwrap();
    let keys = Arc::new(Asked(StaticKeys::new([key]).unwrap(), AtomicUsize::new(0)));
    let jwt = JwtValidator::builder(Arc::clone(&keys))
        .issuer("https://authorization-server.example.com/")
        .audience("https://rs.example.com/")
        .build()
        .unwrap();
    let token = document["cases"][0]["token"].as_str().unwrap();
    let (rest, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{rest}.{}", URL_SAFE_NO_PAD.encode([1; 256]));
    (jwt, keys, forged)
}

/// Bytes that look different each time and are the same in each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

async fn no_input_panics() {
    let (jwt, _, token) = rsa();
    let gate = AuthenticateLayer::new((Scheme::bearer(Bearer, jwt),)).unwrap();
    let require = gate.require(policy::scheme(Bearer)).unwrap();
    let service = ServiceBuilder::new().layer(gate).layer(require).service(Handler::new(ok));
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let good = format!("Bearer {token}").into_bytes();
    for round in 0..20_000_usize {
        let mut line = good.clone();
        match round % 4 {
            0 => line.truncate(usize::try_from(noise.next()).unwrap_or(0) % line.len()),
            1 => line = (0..noise.next() % 64).map(|_| noise.next() as u8).collect(),
            _ => {
                for _ in 0..1 + noise.next() % 3 {
                    let at = usize::try_from(noise.next() % line.len() as u64).unwrap();
                    line[at] = noise.next() as u8;
                }
            }
        }
        let Ok(value) = HeaderValue::from_bytes(&line) else { continue };
        let mut request = get(&[]);
        request.headers_mut().insert("authorization", value);
        let response = service.clone().oneshot(request).await.unwrap();
        assert!(matches!(response.status().as_u16(), 400 | 401), "{line:?}");
    }
    ledger::passed("SUP-01 LOG-07");
}

async fn extremes_of_time() {
    #[derive(Debug)]
    struct Down(Duration);
    impl TokenValidator for Down {
        fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
            let error = AuthError::new(AuthErrorKind::IssuerUnreachable);
            let error = error.with_retry_after(self.0);
            Attempt::pending(async move {
                tokio::task::yield_now().await;
                Err(error)
            })
        }
    }
    for (after, header) in [
        (Duration::ZERO, "retry-after: 1"),
        (Duration::from_nanos(1), "retry-after: 1"),
        (Duration::from_millis(1_001), "retry-after: 2"),
        (Duration::MAX, "retry-after: 65535"),
    ] {
        let gate = AuthenticateLayer::new((Scheme::bearer(Bearer, Down(after)),))
            .unwrap()
            .budget(Duration::MAX);
        let require = gate.require(policy::scheme(Bearer)).unwrap();
        let stack = ServiceBuilder::new().layer(gate).layer(require);
        let answer = send(stack, get(&["authorization: Bearer t"])).await;
        assert_eq!((answer.status, answer.saw), (503, None));
        assert_eq!(answer.headers, [NO_STORE, header]);
    }
    let gate = AuthenticateLayer::new((Scheme::bearer(Bearer, Down(Duration::ZERO)),)).unwrap();
    let require = gate.require(policy::scheme(Bearer)).unwrap();
    let stack = ServiceBuilder::new().layer(gate.budget(Duration::ZERO)).layer(require);
    let answer = send(stack, get(&["authorization: Bearer t"])).await;
    assert_eq!(answer.rejection.unwrap().reason().kind(), AuthErrorKind::TimedOut);
    ledger::passed("SUP-02");
}

/// The dear part, the signature, comes last: what is refused before it costs no key and no crypto.
async fn garbage_costs_little() {
    let (jwt, keys, forged) = rsa();
    let stack = BearerAuth::new(jwt).unwrap();
    let with_header = |header: serde_json::Value| {
        let (_, rest) = forged.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    let kid = "RjEwOwOA";
    for (token, reason, asked) in [
        (format!("{forged}{}", "a".repeat(16 << 10)), AuthErrorKind::TokenTooLong, 0),
        ("a.b".to_owned(), AuthErrorKind::MalformedJwt, 0),
        ("e30.e30.AAAA".to_owned(), AuthErrorKind::MalformedJwt, 0),
        (
            with_header(serde_json::json!({"alg": "none", "typ": "at+jwt", "kid": kid})),
            AuthErrorKind::UnsupportedAlgorithm,
            0,
        ),
        (
            with_header(serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": kid})),
            AuthErrorKind::WrongType,
            0,
        ),
        (
            with_header(serde_json::json!({"alg": "RS256", "typ": "at+jwt", "kid": "x"})),
            AuthErrorKind::UnknownKey,
            1,
        ),
        (forged.clone(), AuthErrorKind::BadSignature, 1),
    ] {
        keys.1.store(0, Ordering::SeqCst);
        let answer = send(stack.clone(), get(&[&format!("authorization: Bearer {token}")])).await;
        assert_eq!(answer.rejection.unwrap().reason().kind(), reason);
        assert_eq!((answer.status, answer.saw), (401, None));
        assert_eq!(keys.1.load(Ordering::SeqCst), asked, "{reason}");
    }
    ledger::passed("HTTP-18");
}

/// One request asks once; "could not find out" is not remembered against the token.
async fn an_outage_is_not_amplified() {
    #[derive(Debug)]
    struct Recovers(Arc<AtomicUsize>);
    impl TokenValidator for Recovers {
        fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
            Attempt::ready(match self.0.fetch_add(1, Ordering::SeqCst) {
                0..100 => Err(AuthErrorKind::IssuerUnreachable.into()),
                _ => Ok(person("alice", "", "")),
            })
        }
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let stack = BearerAuth::new(Recovers(Arc::clone(&asked))).unwrap();
    let down =
        Expected::refused(503, &[NO_STORE, "retry-after: 1"], AuthErrorKind::IssuerUnreachable);
    for round in 1..=100 {
        send(stack.clone(), get(&["authorization: Bearer t"])).await.is(&down);
        assert_eq!(asked.load(Ordering::SeqCst), round);
    }
    send(stack.clone(), get(&["authorization: Bearer t"])).await.is(&ALICE);
    let nothing = send(stack, get(&[])).await;
    assert_eq!((nothing.status, &*nothing.headers[1]), (401, W0));
    ledger::passed("HTTP-19");
}

/// One thread, a flood of signatures to check, and a task that wants its turn.
async fn other_tasks_go_on() {
    let (jwt, _, forged) = rsa();
    let service = BearerAuth::new(jwt).unwrap().layer(Handler::new(ok));
    let line = format!("authorization: Bearer {forged}");
    let flood: Vec<_> =
        (0..300).map(|_| tokio::spawn(service.clone().oneshot(get(&[&line])))).collect();
    let mut turns = Vec::new();
    while flood.iter().any(|request| !request.is_finished()) {
        let asked = Instant::now();
        tokio::task::yield_now().await;
        turns.push(asked.elapsed());
    }
    for request in flood {
        assert_eq!(request.await.unwrap().unwrap().status(), 401);
    }
    // a scheduler runs at most some 60 tasks before it looks at the others
    turns.sort();
    let median = turns[turns.len() / 2];
    assert!(!turns.is_empty() && median < Duration::from_millis(250), "{median:?}");
    ledger::passed("SUP-07");
}

/// Nothing safe can look at freed memory: what drops it is the promise.
fn secrets_are_zeroed() {
    let source = include_str!("../../src/secret.rs");
    assert!(source.contains("impl Drop for Secret {") && source.contains("bytes.zeroize();"));
    assert!(std::mem::needs_drop::<Secret>());
    // what is handed over is not left behind either
    assert!(source.contains("Self::from(&*Zeroizing::new(bytes) as &[u8])"));
    ledger::passed("LOG-08");
}

/// Whatever is random comes from the operating system: no generator is among the dependencies.
fn no_generator_of_our_own() {
    let manifest = include_str!("../../Cargo.toml");
    let dependencies =
        manifest.split("\n[").find_map(|section| section.strip_prefix("dependencies]")).unwrap();
    for line in dependencies.lines() {
        let name = line.split(' ').next().unwrap();
        assert!(
            !["rand", "rand_chacha", "fastrand", "oorandom", "nanorand", "uuid"].contains(&name),
            "{line}"
        );
    }
    ledger::passed("LOG-12");
}
