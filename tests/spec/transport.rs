//! How a request reached the service, and what is refused because of it (RFC 6750 §5.3).

use http::{Extensions, Request};
use portcullis::{
    AuthErrorKind, AuthenticateLayer, Bearer, BearerAuth, Cookies, Scheme, policy,
    scheme::{CrossSiteGuard, TicketCookie, Transport, TransportSource},
};
use tower::ServiceBuilder;

use super::ledger;
use crate::support::{
    fixed::{
        ALICE, Expected, Fixed, NO_STORE, NOBODY, NOTHING_SENT, WR_EMPTY, get, send, with_headers,
    },
    logs::Log,
};

chapter! {
    fn what_a_header_says;
    fn one_source_is_asked;
    async fn plain_http_is_refused_unseen;
    async fn a_token_in_a_cookie;
}

/// The lines of the header, and what they say.
#[rustfmt::skip]
const X_FORWARDED_PROTO: &[(&[&str], Transport)] = &[
    (&[], Transport::Unknown),
    (&["https"], Transport::Tls),
    (&["HTTPS"], Transport::Tls),
    (&[" https "], Transport::Tls),
    (&["wss"], Transport::Tls),
    (&["http"], Transport::Plain),
    (&["ws"], Transport::Plain),
    (&[""], Transport::Plain),
    (&["httpss"], Transport::Plain),
    (&["https;"], Transport::Plain),
    (&["\"https\""], Transport::Plain),
    (&["on"], Transport::Plain),
    (&["http, https"], Transport::Tls),
    (&["https, http"], Transport::Plain),
    (&["https,"], Transport::Plain),
    (&["https", "https"], Transport::Tls),
    (&["https", "http"], Transport::Plain),
    (&["http", "https"], Transport::Plain),
    (&["https", ""], Transport::Plain),
    (&["https\u{a0}"], Transport::Plain),
];

/// RFC 7239 §4.
#[rustfmt::skip]
const FORWARDED: &[(&[&str], Transport)] = &[
    (&[], Transport::Unknown),
    (&["proto=https"], Transport::Tls),
    (&["Proto=HTTPS"], Transport::Tls),
    (&["proto=\"https\""], Transport::Tls),
    (&["for=192.0.2.60;proto=https;by=203.0.113.43"], Transport::Tls),
    (&["for=192.0.2.60; proto=https"], Transport::Tls),
    (&["for=\"[2001:db8::17]:4711\";proto=https"], Transport::Tls),
    (&["proto=http"], Transport::Plain),
    (&["for=192.0.2.43"], Transport::Plain),
    (&[""], Transport::Plain),
    (&["proto="], Transport::Plain),
    (&["proto=http, proto=https"], Transport::Tls),
    (&["proto=https, proto=http"], Transport::Plain),
    (&["proto=https, for=192.0.2.43"], Transport::Plain),
    (&["proto=https,"], Transport::Plain),
    (&["proto=https;"], Transport::Plain),
    (&["proto=http;proto=https"], Transport::Plain),
    (&["proto=https;proto=https"], Transport::Plain),
    (&["proto=https;=x"], Transport::Plain),
    (&["proto =https"], Transport::Plain),
    (&["proto= https"], Transport::Plain),
    (&["proto=https x"], Transport::Plain),
    (&["xproto=https"], Transport::Plain),
    // a quote that a client leaves open does not swallow what the proxy appends
    (&["proto=https;for=\", for=192.0.2.43;proto=http"], Transport::Plain),
    (&["proto=https;for=\", for=\"192.0.2.43\";proto=http"], Transport::Plain),
    (&["for=\"x\\\", proto=https;by=\"y\", proto=http"], Transport::Plain),
    (&["for=\"a,proto=https\", proto=http"], Transport::Plain),
    (&["for=\"a,proto=http\";proto=https"], Transport::Tls),
    (&["proto=https", "proto=https"], Transport::Tls),
    (&["proto=https", "proto=http"], Transport::Plain),
];

fn what_a_header_says() {
    for (name, source, table) in [
        ("x-forwarded-proto", TransportSource::XForwardedProto, X_FORWARDED_PROTO),
        ("forwarded", TransportSource::Forwarded, FORWARDED),
    ] {
        for (lines, expected) in table {
            let mut request = Request::get("https://api.example/");
            for line in *lines {
                request = request.header(name, line.as_bytes());
            }
            let request = request.body(()).unwrap();
            let said = source.transport(request.headers(), request.extensions());
            assert_eq!(said, *expected, "{name}: {lines:?}");
        }
    }
}

/// The other header, the extension and the URI say nothing (RFC 7239 §8).
fn one_source_is_asked() {
    let mut extensions = Extensions::new();
    extensions.insert(Transport::Tls);
    let request = Request::get("https://api.example/")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-protocol", "https")
        .header("x-forwarded-ssl", "on")
        .header("front-end-https", "on")
        .body(())
        .unwrap();
    let with_forwarded = Request::get("/").header("forwarded", "proto=https").body(()).unwrap();
    let (some, other) = (request.headers(), with_forwarded.headers());
    assert_eq!(TransportSource::default(), TransportSource::Server);
    for (source, headers, extensions, expected) in [
        (TransportSource::Server, some, &Extensions::new(), Transport::Unknown),
        (TransportSource::Server, some, &extensions, Transport::Tls),
        (TransportSource::Forwarded, some, &extensions, Transport::Unknown),
        (TransportSource::Forwarded, other, &Extensions::new(), Transport::Tls),
        (TransportSource::XForwardedProto, other, &extensions, Transport::Unknown),
        (TransportSource::XForwardedProto, some, &Extensions::new(), Transport::Tls),
    ] {
        assert_eq!(source.transport(headers, extensions), expected, "{source:?}");
    }
}

const W_PLAIN: &str = r#"www-authenticate: Bearer realm="api", error="invalid_token", error_description="the credential was sent without TLS""#;
const REFUSED: Expected =
    Expected::refused(401, &[NO_STORE, W_PLAIN], AuthErrorKind::InsecureTransport);

async fn plain_http_is_refused_unseen() {
    let log = Log::capture();
    let validator = Fixed::default();
    let token = "authorization: Bearer canary-4d11-canary";
    let demanding = |source| {
        let scheme = Scheme::bearer(Bearer, validator.clone()).require_tls(source);
        let gate = AuthenticateLayer::new((scheme,)).unwrap();
        ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.require(policy::scheme(Bearer)).unwrap())
    };
    let by_proxy = demanding(TransportSource::XForwardedProto);
    for uri in ["/", "https://api.example/"] {
        for proto in ["x-forwarded-proto: http", "forwarded: proto=https", "x-unrelated: https"] {
            let request = with_headers("GET", uri, &[token, proto]);
            send(by_proxy.clone(), request).await.is(&REFUSED);
        }
    }
    let by_server = demanding(TransportSource::Server);
    let forged = || get(&[token, "x-forwarded-proto: https", "forwarded: proto=https"]);
    for transport in [None, Some(Transport::Unknown), Some(Transport::Plain)] {
        let mut request = forged();
        transport.map(|it| request.extensions_mut().insert(it));
        send(by_server.clone(), request).await.is(&REFUSED);
    }
    assert_eq!(validator.judged(), [""; 0], "no token was looked at");
    let text = log.text();
    assert!(text.contains("InsecureTransport") && !text.contains("canary"), "{text}");
    // what the operator has to do stands in the log where nobody said how it came
    assert!(text.contains("TransportSource::Server does not say how the request came"), "{text}");

    // over TLS it is judged; without a token there is nothing to refuse
    let tls = "x-forwarded-proto: https";
    send(by_proxy.clone(), get(&[tls, "authorization: Bearer abc"])).await.is(&ALICE);
    assert_eq!(validator.judged(), ["abc"]);
    let mut request = get(&["authorization: Bearer abc"]);
    request.extensions_mut().insert(Transport::Tls);
    send(by_server, request).await.is(&ALICE);
    send(by_proxy.clone(), get(&["x-forwarded-proto: http"])).await.is(&NOTHING_SENT);
    let empty = get(&["x-forwarded-proto: http", "authorization: Bearer"]);
    let malformed = Expected::refused(400, &[NO_STORE, WR_EMPTY], AuthErrorKind::EmptyCredential);
    send(by_proxy, empty).await.is(&malformed);

    // the ready-made stack has the same word, and refuses what it has remembered as well
    let stack = BearerAuth::new(validator.clone()).unwrap();
    let stack = stack.require_tls(TransportSource::XForwardedProto).unwrap();
    send(stack.clone(), get(&[tls, "authorization: Bearer abc"])).await.is(&ALICE);
    send(stack.clone(), get(&["authorization: Bearer abc"])).await.is(&REFUSED);
    send(stack, get(&[tls, "authorization: Bearer abc"])).await.is(&ALICE);
    // by default nobody is asked
    let stack = BearerAuth::new(validator).unwrap();
    send(stack, get(&["x-forwarded-proto: http", "authorization: Bearer abc"])).await.is(&ALICE);
    ledger::passed("6750-46");
}

/// A bearer scheme reads the header alone; a token in a cookie counts only where a cookie scheme was
/// told to judge it, and there TLS can be demanded of each request.
async fn a_token_in_a_cookie() {
    let validator = Fixed::default();
    let gate = AuthenticateLayer::new((Scheme::bearer(Bearer, validator.clone()),)).unwrap();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    for name in ["access_token", "Bearer", "Authorization", "__Host-access_token", ".ASPXAUTH"] {
        for method in ["GET", "POST"] {
            for value in ["abc", "Bearer abc", "\"abc\""] {
                let cookie = format!("cookie: {name}={value}");
                let mut request = with_headers(method, "/", &[&cookie]);
                request.extensions_mut().insert(Transport::Tls);
                send(stack.clone(), request.clone()).await.is(&NOTHING_SENT);
                // where the route is public, nobody is signed in by it either
                send(gate.clone(), request).await.is(&NOBODY);
            }
        }
    }
    assert_eq!(validator.judged(), [""; 0]);
    // and beside a header it changes nothing
    let both = get(&["cookie: access_token=bob", "authorization: Bearer abc"]);
    send(stack, both).await.is(&ALICE);

    let validator = Fixed::default();
    let scheme = Scheme::cookie(Cookies, "__Host-token", validator.clone());
    let scheme = scheme.guard(CrossSiteGuard::new());
    let gate = AuthenticateLayer::new((scheme.require_tls(TransportSource::Server),)).unwrap();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scheme(Cookies)).unwrap());
    for transport in [Transport::Plain, Transport::Unknown] {
        let mut request = get(&["cookie: __Host-token=abc", "x-forwarded-proto: https"]);
        request.extensions_mut().insert(transport);
        let answer = send(stack.clone(), request).await;
        assert_eq!((answer.status, answer.saw), (401, None));
        let reason = answer.rejection.unwrap().reason().kind();
        assert_eq!(reason, AuthErrorKind::InsecureTransport);
    }
    assert_eq!(validator.judged(), [""; 0]);
    let mut request = get(&["cookie: __Host-token=abc"]);
    request.extensions_mut().insert(Transport::Tls);
    send(stack, request).await.is(&Expected::passed("Cookies alice"));
    // and no browser is given a cookie of this name that plain http delivers
    let plain = TicketCookie::builder("__Host-token").dangerous().never_secure().build();
    assert!(plain.unwrap_err().to_string().contains("InsecureCookie"));
    ledger::passed("6750-44");
}
