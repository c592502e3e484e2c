//! A bearer token in a cookie: browsers send it along whoever's page asks (RFC 6750 §5.3).

use http::{Method, Request};
use portcullis::AuthErrorKind::CrossSiteRequest;
use portcullis::scheme::CrossSiteGuard;
use portcullis::token::Cached;
use portcullis::{AuthErrorKind, AuthenticateLayer, Bearer, BuildError, Cookies, Scheme, policy};
use tower::ServiceBuilder;

use super::ledger::{self, Row};
use crate::support::fixed::{Body, Expected, Fixed, NO_STORE, WI_EXPIRED, send};

chapter! {
    fn without_a_guard_it_does_not_build;
    async fn signs_of_the_page_that_asks;
    async fn beside_a_token_in_the_header;
}

fn without_a_guard_it_does_not_build() {
    let unguarded = Scheme::cookie(Cookies, "__Host-token", Fixed::default());
    let error = AuthenticateLayer::new((unguarded,)).unwrap_err();
    assert!(matches!(error, BuildError::Invalid { field: "guard", .. }), "{error}");
    assert!(error.to_string().contains("guard(CrossSiteGuard::new())"), "{error}");
    // a cache around it hides nothing
    let cached = Scheme::cookie(Cookies, "__Host-token", Cached::new(Fixed::default()));
    assert!(AuthenticateLayer::new((cached,)).is_err());
}

fn gate(guard: CrossSiteGuard) -> AuthenticateLayer {
    let cookie = Scheme::cookie(Cookies, "__Host-token", Fixed::default()).guard(guard);
    AuthenticateLayer::new((Scheme::bearer(Bearer, Fixed::default()), cookie)).unwrap()
}

fn usual() -> CrossSiteGuard {
    CrossSiteGuard::new()
        .allow_origin("https://spa.test")
        .custom_header(http::HeaderName::from_static("x-requested-with"))
}

const ALICE: Expected = Expected::passed("Cookies alice");
/// No challenge: signing in again would not mend it.
const OTHER_SITE: Expected = Expected::refused(403, &[NO_STORE], CrossSiteRequest);

struct Sign {
    method: Method,
    headers: &'static [(&'static str, &'static str)],
    expected: Expected,
}

const fn admitted(headers: &'static [(&'static str, &'static str)]) -> Sign {
    Sign { method: Method::POST, headers, expected: ALICE }
}

const fn refused(headers: &'static [(&'static str, &'static str)]) -> Sign {
    Sign { method: Method::POST, headers, expected: OTHER_SITE }
}

impl Row for Sign {
    fn id(&self) -> &str {
        "6750-45 P20"
    }
}

const SIGNS: &[Sign] = &[
    // what changes nothing needs no sign
    Sign { method: Method::GET, headers: &[("sec-fetch-site", "cross-site")], expected: ALICE },
    Sign { method: Method::HEAD, headers: &[], expected: ALICE },
    Sign { method: Method::DELETE, headers: &[], expected: OTHER_SITE },
    refused(&[]),
    admitted(&[("sec-fetch-site", "same-origin")]),
    admitted(&[("sec-fetch-site", "none")]),
    refused(&[("sec-fetch-site", "same-site")]),
    refused(&[("sec-fetch-site", "cross-site")]),
    refused(&[("sec-fetch-site", "Same-Origin")]),
    refused(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]),
    // who says where it comes from is not believed by another word
    refused(&[("sec-fetch-site", "cross-site"), ("origin", "https://api.test")]),
    admitted(&[("sec-fetch-site", "cross-site"), ("origin", "https://spa.test")]),
    admitted(&[("origin", "https://api.test")]),
    admitted(&[("origin", "https://API.test")]),
    admitted(&[("origin", "https://spa.test")]),
    refused(&[("origin", "http://api.test")]),
    refused(&[("origin", "https://api.test:8443")]),
    refused(&[("origin", "https://api.test.evil.test")]),
    refused(&[("origin", "https://evil.test")]),
    refused(&[("origin", "https://spa.test.evil.test")]),
    refused(&[("origin", "null")]),
    refused(&[("origin", "")]),
    refused(&[("origin", "https://api.test"), ("origin", "https://evil.test")]),
    refused(&[("referer", "https://api.test/page")]),
    admitted(&[("x-requested-with", "XMLHttpRequest")]),
];

async fn signs_of_the_page_that_asks() {
    let gate = gate(usual());
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::scheme(Cookies)).unwrap());
    ledger::table_async(SIGNS, async |row| {
        let mut request = Request::builder().method(&row.method).uri("/orders");
        request = request.header("host", "api.test").header("cookie", "__Host-token=alice");
        for (name, value) in row.headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::default()).unwrap();
        send(stack.clone(), request).await.is(&row.expected);
    })
    .await;

    // without a word about either, only this site's own pages
    let own = self::gate(CrossSiteGuard::new());
    let stack = ServiceBuilder::new()
        .layer(own.clone())
        .layer(own.require(policy::scheme(Cookies)).unwrap());
    for (name, value, expected) in [
        ("origin", "https://spa.test", OTHER_SITE),
        ("x-requested-with", "XMLHttpRequest", OTHER_SITE),
        ("origin", "https://api.test", ALICE),
        // the machine itself has no https
        ("origin", "http://localhost:3000", OTHER_SITE),
    ] {
        let request = Request::post("/").header("host", "api.test").header(name, value);
        let request = request.header("cookie", "__Host-token=alice").body(Body::default());
        send(stack.clone(), request.unwrap()).await.is(&expected);
    }
    for (host, origin, expected) in [
        ("localhost:3000", "http://localhost:3000", ALICE),
        ("127.0.0.1:3000", "http://127.0.0.1:3000", ALICE),
        ("[::1]:3000", "http://[::1]:3000", ALICE),
        ("[::1]", "http://[::1]", ALICE),
        ("localhost:3000", "http://localhost:4000", OTHER_SITE),
        ("localhost.evil.test", "http://localhost.evil.test", OTHER_SITE),
        ("", "https://", OTHER_SITE),
    ] {
        let request = Request::post("/").header("host", host).header("origin", origin);
        let request = request.header("cookie", "__Host-token=alice").body(Body::default());
        send(stack.clone(), request.unwrap()).await.is(&expected);
    }
}

/// Where a token in the header does, the cookie's fault is none of its business.
async fn beside_a_token_in_the_header() {
    let gate = gate(usual());
    let either = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::any_scheme()).unwrap());
    let request = |bearer: Option<&str>| {
        let mut request = Request::post("/").header("cookie", "__Host-token=bob");
        request = request.header("sec-fetch-site", "cross-site");
        if let Some(bearer) = bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        request.body(Body::default()).unwrap()
    };
    send(either.clone(), request(Some("alice"))).await.is(&Expected::passed("Bearer alice"));
    send(either.clone(), request(None)).await.is(&OTHER_SITE);
    let expired = || Expected::refused(401, &[NO_STORE, WI_EXPIRED], AuthErrorKind::Expired);
    send(either, request(Some("Expired"))).await.is(&expired());
    // also where the cookie is the primary one: a new token mends it
    let cookie = Scheme::cookie(Cookies, "__Host-token", Fixed::default()).guard(usual());
    let bearer = Scheme::bearer(Bearer, Fixed::default());
    let gate = AuthenticateLayer::new((cookie, bearer)).unwrap();
    let either = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.require(policy::any_scheme()).unwrap());
    send(either, request(Some("Expired"))).await.is(&expired());
    ledger::passed("6750-45");
}
