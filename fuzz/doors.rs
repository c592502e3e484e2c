//! What a stranger can reach, each door as one function: bytes in, verdict out. The fuzz targets run
//! them; `tests/fuzz_corpora.rs` replays the seeds through them on stable Rust.
//!
//! A verdict is a short text that the same bytes give every time. What must hold whatever the bytes
//! are is asserted here.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    io::Write as _,
    pin::pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, Waker},
    time::Duration,
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, header};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, BearerAuth, Clock, Identity, Rejection, UnixTime,
    fetch::{Fetch, FetchError, FetchFuture},
    introspection::{ClientAuth, IntrospectionValidator},
    jwt::{
        Algorithm, JwkSet, JwtValidator, StaticKeys,
        jwe::{self, DecryptionKey},
        jws,
    },
    scheme::{PublicOrigin, ReturnUrl, Transport, TransportSource},
    ticket::{
        Ticket, TicketFormat,
        aspnet::{FormsTickets, KatanaCookie, MachineKey, Protector},
    },
    token::{Presented, TokenValidator},
};
use tower_layer::Layer;
use tower_service::Service;

/// A token as text: the header, the key, the signature, the claims.
pub fn jwt_token(data: &[u8]) -> String {
    static VALIDATOR: LazyLock<JwtValidator> = LazyLock::new(|| {
        JwtValidator::builder(StaticKeys::from_jwk_set(KEYS).expect("the set is sound"))
            .issuer("https://authorization-server.example.com/")
            .audience("https://rs.example.com/")
            .clock(Arc::new(Stopped(1_618_354_100)))
            .build()
            .expect("the values are sound")
    });
    static SET: LazyLock<JwkSet> =
        LazyLock::new(|| JwkSet::parse(KEYS, 10).expect("the set is sound"));
    let Ok(token) = str::from_utf8(data) else { return "not text".into() };
    let judged = judge(&VALIDATOR, token);
    let signed = SET.keys().iter().any(|key| jws::verify(token, key, Algorithm::ALL).is_ok());
    assert!(signed || judged.is_err(), "accepted without a signature");
    format!("{}, {}", verdict(&judged), if signed { "signed" } else { "not signed" })
}

/// What a stranger wrote into the query of a login page.
pub fn return_url(data: &[u8]) -> String {
    let Ok(text) = str::from_utf8(data) else { return "not text".into() };
    let Some(local) = ReturnUrl::local(text) else { return "refused".into() };
    let url = local.as_str();
    assert!(url.starts_with('/') && !url.starts_with("//"), "leads elsewhere");
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "no URL");
    assert_eq!(local.to_header_value(), url);
    assert!(url.len() > 2_048 || ReturnUrl::local(url).as_ref() == Some(&local), "by mood");
    url.into()
}

/// An encrypted token as text: the five segments, the header, the key, the content; and then what is
/// inside.
pub fn encrypted_token(data: &[u8]) -> String {
    static PRIVATE: LazyLock<Vec<DecryptionKey>> = LazyLock::new(|| {
        let keys: Vec<serde_json::Value> =
            serde_json::from_slice(include_bytes!("private_keys.json")).expect("it is JSON");
        let read = |key: &serde_json::Value| DecryptionKey::from_jwk(key.to_string().as_bytes());
        keys.iter().map(|key| read(key).expect("the keys are sound")).collect()
    });
    static VALIDATOR: LazyLock<JwtValidator> = LazyLock::new(|| {
        JwtValidator::builder(StaticKeys::from_jwk_set(KEYS).expect("the set is sound"))
            .issuer("https://authorization-server.example.com/")
            .audience("https://rs.example.com/")
            .decryption_keys(PRIVATE.iter().cloned())
            .require_encryption()
            .clock(Arc::new(Stopped(1_618_354_100)))
            .build()
            .expect("the values are sound")
    });
    static SET: LazyLock<JwkSet> =
        LazyLock::new(|| JwkSet::parse(KEYS, 10).expect("the set is sound"));
    let Ok(token) = str::from_utf8(data) else { return "not text".into() };
    let opened = jwe::decrypt(token, &PRIVATE);
    let judged = judge(&VALIDATOR, token);
    let signed = opened.as_ref().is_ok_and(|inside| {
        let inside = str::from_utf8(inside.expose()).unwrap_or_default();
        SET.keys().iter().any(|key| jws::verify(inside, key, Algorithm::ALL).is_ok())
    });
    assert!(signed || judged.is_err(), "accepted without a signature");
    match opened {
        Ok(inside) => format!("{} bytes, {}", inside.expose().len(), verdict(&judged)),
        Err(error) => format!("{}, {}", error.kind(), verdict(&judged)),
    }
}

/// A document that an issuer's key set URL answered.
pub fn jwk_set(data: &[u8]) -> String {
    let (own, remote) = (JwkSet::parse(data, 100), JwkSet::parse_remote(data, 100));
    match (&own, &remote) {
        (Ok(own), Ok(remote)) => {
            assert!(remote.keys().iter().all(|key| !key.is_private()), "a secret was kept");
            let count = |set: &JwkSet| set.keys().len() + set.skipped().len();
            assert_eq!(count(own), count(remote));
            assert!(serde_json::from_slice::<serde_json::Value>(data).is_ok(), "lenient");
            format!("{} keys, {} of them public", own.keys().len(), remote.keys().len())
        }
        (Err(own), Err(remote)) => {
            assert_eq!(own, remote);
            own.to_string()
        }
        _ => panic!("one reader takes what the other refuses"),
    }
}

/// The lines of an `Authorization` header, through the whole stack. Lines end with LF here.
pub fn bearer_header(data: &[u8]) -> String {
    let mut request = Request::new(());
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return "not a header".into() };
        request.headers_mut().append(header::AUTHORIZATION, value);
    }
    let mut service = BearerAuth::new(Moon).expect("it has one scheme").layer(Inner);
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut cx) else {
        panic!("a stack without a network waits for nothing");
    };
    let status = response.status().as_u16();
    if status == 200 {
        return "200".into();
    }
    assert!(matches!(status, 400 | 401), "{status}");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().expect("it is ASCII");
    let reason = response.extensions().get::<Rejection>().expect("it is a refusal").reason().kind();
    format!("{status} {reason} {challenge}")
}

/// The lines of a `Forwarded` header. Lines end with LF here.
pub fn forwarded(data: &[u8]) -> String {
    let source = TransportSource::Forwarded;
    let (mut sent, mut by_proxy) = (HeaderMap::new(), HeaderMap::new());
    for line in data.split(|byte| *byte == b'\n') {
        let appended = [line, b", for=192.0.2.1;proto=http"].concat();
        let (Ok(line), Ok(appended)) =
            (HeaderValue::from_bytes(line), HeaderValue::from_bytes(&appended))
        else {
            return "not a header".into();
        };
        sent.append(header::FORWARDED, line);
        by_proxy.append(header::FORWARDED, appended);
    }
    let said = source.transport(&by_proxy, &Extensions::new());
    assert_eq!(said, Transport::Plain, "the proxy has the last word");
    assert_eq!(PublicOrigin::forwarded().resolve(&by_proxy), None, "it named no host");
    if let Some(origin) = PublicOrigin::forwarded().resolve(&sent) {
        let host = origin.split_once("://").map(|(_, host)| host).unwrap_or_default();
        assert!(
            !host.is_empty() && !host.contains(['/', '\\', '@', '%', '?', '#', ' ']),
            "{origin}"
        );
    }
    format!("{:?}", source.transport(&sent, &Extensions::new()))
}

/// A claims set, signed: the strict reader, member by member.
pub fn json_members(data: &[u8]) -> String {
    const SECRET: &[u8] = &[7; 32];
    static VALIDATOR: LazyLock<JwtValidator> = LazyLock::new(|| {
        JwtValidator::builder(StaticKeys::hmac(Algorithm::HS256, SECRET).expect("it is long"))
            .issuer("https://login.example")
            .audience("https://api.example")
            .algorithms([Algorithm::HS256])
            .clock(Arc::new(Stopped(1_700_000_100)))
            .build()
            .expect("the values are sound")
    });
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(br#"{"alg":"HS256","typ":"at+jwt"}"#), encode(data));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let token = format!("{signed}.{}", encode(hmac::sign(&key, signed.as_bytes()).as_ref()));
    let judged = judge(&VALIDATOR, &token);
    if let Ok(identity) = &judged {
        // a second reader must see the same claims
        let claims: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(data).expect("a lenient reader takes what a strict one takes");
        assert_eq!(claims["iss"], "https://login.example");
        assert_eq!(claims["sub"].as_str(), identity.subject());
        assert_eq!(identity.claims_json(), data);
    }
    verdict(&judged)
}

/// A forms cookie, three times over: as text; as the payload of each layout, protected.
pub fn forms_ticket(data: &[u8]) -> String {
    struct Formats {
        current: FormsTickets,
        framework20: FormsTickets,
        protector: Protector,
    }
    static FORMATS: LazyLock<Formats> = LazyLock::new(|| {
        let format = || FormsTickets::new(machine_key()).expect("the key is sound");
        Formats {
            current: format(),
            framework20: format().dangerous().framework20_layout(),
            protector: protector("FormsAuthentication.Ticket", &[]),
        }
    });
    let Formats { current, framework20, protector } = &*FORMATS;
    let text = str::from_utf8(data).map_or("not text".into(), |text| open(current, text));
    let protected: String =
        protector.protect(data).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "as text: {text}; inside: {}; in the old layout: {}",
        open(current, &protected),
        open(framework20, &protected)
    )
}

/// A Katana cookie, three times over: as text; as what is protected; as what is packed, too.
pub fn katana_ticket(data: &[u8]) -> String {
    static FORMAT: LazyLock<(KatanaCookie, Protector)> = LazyLock::new(|| {
        let cookie = KatanaCookie::new(machine_key(), "ApplicationCookie");
        let middleware = "Microsoft.Owin.Security.Cookies.CookieAuthenticationMiddleware";
        (
            cookie.expect("the key is sound").accept_format_2(),
            protector("User.MachineKey.Protect", &[middleware, "ApplicationCookie", "v1"]),
        )
    });
    let (format, protector) = &*FORMAT;
    let text = str::from_utf8(data).map_or("not text".into(), |text| open(format, text));
    let protect = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(protector.protect(bytes));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("a Vec takes every byte");
    let packed = encoder.finish().expect("a Vec takes every byte");
    format!(
        "as text: {text}; inside: {}; packed: {}",
        open(format, &protect(data)),
        open(format, &protect(&packed))
    )
}

fn machine_key() -> MachineKey {
    MachineKey::from_hex(&"A1".repeat(64), &"5C".repeat(32)).expect("the keys are sound")
}

fn protector(primary: &str, specific: &[&str]) -> Protector {
    machine_key().purpose(primary, specific).expect("the purposes are sound")
}

/// What opens is written and opens again, the same, if it can be written at all.
fn open(format: &dyn TicketFormat, text: &str) -> String {
    match format.unprotect(text) {
        Ok(ticket) => {
            if let Ok(again) = format.protect(&ticket) {
                assert_eq!(format.unprotect(&again).as_ref(), Ok(&ticket), "not the same again");
            }
            describe(&ticket)
        }
        Err(error) => {
            // what follows the fingerprint of the key that opened it
            let detail = error.detail().filter(|detail| detail.starts_with("the key "));
            match detail.and_then(|detail| detail.split_once("; ")) {
                Some((_, why)) => format!("{}: {why}", error.kind()),
                None => error.kind().to_string(),
            }
        }
    }
}

fn describe(ticket: &Ticket) -> String {
    let claims = ticket.identity().map_or(0, |identity| identity.claims.len());
    format!("{:?}, {claims} claims, until {:?}", ticket.name(), ticket.expires_at)
}

/// The body of an answer about an opaque token.
pub fn introspection_answer(data: &[u8]) -> String {
    let auth = ClientAuth::basic("https://api.example", "secret");
    let validator = IntrospectionValidator::builder("https://login.example/introspect", auth)
        .fetch(Says(Bytes::copy_from_slice(data)))
        .issuer("https://login.example")
        .clock(Stopped(1_700_000_100))
        .build()
        .expect("the values are sound");
    let (parts, ()) = Request::new(()).into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let judged = runtime
        .expect("a runtime without a driver for sockets needs nothing")
        .block_on(validator.validate(Presented::new("opaque", &parts)));
    if let Ok(identity) = &judged {
        // a second reader must see the same members
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(data).expect("a lenient reader takes what a strict one takes");
        assert_eq!(members["active"], true);
        let subject = members.get("sub").map(|subject| subject.as_str().expect("it is a text"));
        assert_eq!(subject, identity.subject());
    }
    verdict(&judged)
}

/// An issuer that says the same to everything.
#[derive(Debug)]
struct Says(Bytes);

impl Fetch for Says {
    fn fetch(&self, _: Request<Bytes>, limit: usize) -> FetchFuture {
        let answer = Response::new(self.0.clone());
        let fits = answer.body().len() <= limit;
        Box::pin(ready(if fits { Ok(answer) } else { Err(FetchError::TooLarge(limit)) }))
    }
}

fn judge(validator: &JwtValidator, token: &str) -> Result<Identity, AuthError> {
    let (parts, ()) = Request::new(()).into_parts();
    let judged = validator.validate(Presented::new(token, &parts));
    judged.into_ready().unwrap_or_else(|_| panic!("keys at hand need no waiting"))
}

fn verdict(judged: &Result<Identity, AuthError>) -> String {
    match judged {
        Ok(identity) => format!("accepted, scope {:?}", identity.scope().to_string()),
        Err(error) => error.kind().to_string(),
    }
}

/// Accepts one token.
#[derive(Debug)]
struct Moon;

impl TokenValidator for Moon {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        Attempt::ready(match presented.token() {
            "moon" => Ok(Identity::builder("night-shift").subject("porter").build()),
            _ => Err(AuthErrorKind::Inactive.into()),
        })
    }
}

#[derive(Clone, Debug)]
struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

/// A clock that stands, at seconds since 1970.
#[derive(Debug)]
struct Stopped(u64);

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// The keys of RFC 7515 A.2 and RFC 8037 A.2.
const KEYS: &[u8] = include_bytes!("keys.json");
