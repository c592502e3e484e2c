//! What a key set document says, fetched by the validator that uses it (RFC 7517, RFC 7638).
//!
//! How often and when it is fetched is another chapter.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use AuthErrorKind::{UnknownKey, UnsupportedAlgorithm};
use bytes::Bytes;
use http::{Request, Response, header};
use portcullis::{
    AuthErrorKind,
    fetch::{Fetch, FetchError, FetchFuture},
    jwt::{Algorithm, Jwk, JwkSet, KeyLocation, RemoteKeys},
};

use super::ledger::{self, Row};
use crate::support::{
    logs::Log,
    sign::{
        ED25519_1, Key, NOW, P256_1, P256_2, P256_3, P384_1, RSA_1, RSA_2, Token, encode, token,
    },
    stand::{At, Stand},
};

chapter! {
    async fn keys_that_verify_and_keys_that_do_not;
    async fn bad_keys_do_not_empty_a_set;
    async fn one_kid_twice;
    async fn secrets_and_private_keys_are_dropped;
    async fn documents_that_are_no_key_set;
    async fn limits;
    async fn content_types;
    fn thumbprints;
}

/// A key beside the good one, and the token that it is meant to verify.
struct Beside {
    id: &'static str,
    jwk: fn() -> String,
    token: fn() -> Token,
    /// Why the token is refused, if it is.
    reason: Option<AuthErrorKind>,
}

impl Row for Beside {
    fn id(&self) -> &str {
        self.id
    }
}

fn rs256() -> Token {
    token().by("k", &RSA_1, "RS256")
}

fn es256() -> Token {
    token().by("k", &P256_2, "ES256")
}

const USES: &[Beside] = &[
    Beside { id: "7517-06", jwk: || RSA_1.jwk("k", ""), token: rs256, reason: None },
    Beside { id: "7517-06", jwk: || RSA_1.jwk("k", r#","use":"sig""#), token: rs256, reason: None },
    Beside {
        id: "7517-06 KEY-12",
        jwk: || RSA_1.jwk("k", r#","use":"enc""#),
        token: rs256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-06 KEY-12",
        jwk: || P256_2.jwk("k", r#","use":"enc""#),
        token: es256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-06",
        jwk: || P256_2.jwk("k", r#","use":"SIG""#),
        token: es256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-06",
        jwk: || P256_2.jwk("k", r#","use":1"#),
        token: es256,
        reason: Some(UnknownKey),
    },
    Beside {
        id: "7517-07",
        jwk: || P256_2.jwk("k", r#","key_ops":["verify"]"#),
        token: es256,
        reason: None,
    },
    Beside {
        id: "7517-07",
        jwk: || P256_2.jwk("k", r#","use":"sig","key_ops":["sign","verify"]"#),
        token: es256,
        reason: None,
    },
    Beside {
        id: "7517-07 KEY-12",
        jwk: || P256_2.jwk("k", r#","key_ops":["sign"]"#),
        token: es256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-07 KEY-12",
        jwk: || RSA_1.jwk("k", r#","key_ops":["encrypt","wrapKey"]"#),
        token: rs256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-07",
        jwk: || P256_2.jwk("k", r#","key_ops":[]"#),
        token: es256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-07",
        jwk: || P256_2.jwk("k", r#","use":"enc","key_ops":["verify"]"#),
        token: es256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-07",
        jwk: || P256_2.jwk("k", r#","use":"sig","key_ops":["verify","encrypt"]"#),
        token: es256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-07",
        jwk: || P256_2.jwk("k", r#","key_ops":["verify","verify"]"#),
        token: es256,
        reason: Some(UnknownKey),
    },
    Beside {
        id: "7517-07",
        jwk: || P256_2.jwk("k", r#","key_ops":"verify""#),
        token: es256,
        reason: Some(UnknownKey),
    },
    Beside {
        id: "7517-08",
        jwk: || RSA_1.jwk("k", r#","alg":"RS256""#),
        token: rs256,
        reason: None,
    },
    Beside {
        id: "7517-08 KEY-13",
        jwk: || RSA_1.jwk("k", r#","alg":"RS512""#),
        token: rs256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-08 KEY-13",
        jwk: || RSA_1.jwk("k", r#","alg":"RSA-OAEP""#),
        token: rs256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-08 KEY-13",
        jwk: || RSA_1.jwk("k", r#","alg":"rs256""#),
        token: rs256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-08 KEY-13",
        jwk: || RSA_1.jwk("k", r#","alg":"PS256""#),
        token: rs256,
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-08 KEY-13",
        jwk: || RSA_1.jwk("k", r#","alg":"HS256""#),
        token: || token().by("k", &Key::Secret(RSA_1.public().to_vec()), "HS256"),
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-08",
        jwk: || ED25519_1.jwk("k", r#","alg":"EdDSA""#),
        token: || token().by("k", &ED25519_1, "Ed25519"),
        reason: Some(UnsupportedAlgorithm),
    },
    Beside {
        id: "7517-02",
        jwk: || P256_2.jwk("k", r#","unknown":{"a":[1]},"iat":1,"exp":1,"status":"revoked?""#),
        token: es256,
        reason: None,
    },
    // members about certificates are ignored, whatever they hold
    Beside {
        id: "7517-11",
        jwk: || {
            P256_2.jwk("k", r#","x5c":["AAAA"],"x5t":"AAAA","x5t#S256":7,"x5u":"http://[::1]/""#)
        },
        token: es256,
        reason: None,
    },
];

async fn keys_that_verify_and_keys_that_do_not() {
    ledger::table_async(USES, async |row| {
        let jwk = (row.jwk)();
        let what = format!("beside {jwk}");
        let remote = Remote::serving(&set(&[P256_1.jwk("p256-1", ""), jwk]));
        let stand = remote.stand();
        assert_eq!(stand.accepts(&token().text()).await.key_id(), Some("p256-1"));
        let text = (row.token)().text();
        assert_eq!(stand.send(&text).await.reason, row.reason, "{what}");
        match row.reason {
            None => assert_eq!(stand.accepts(&text).await.key_id(), Some("k")),
            Some(reason) => drop(stand.refuses(&text, reason).await),
        }
        // a key that is there and does not fit is no reason to ask again
        let most = if row.reason == Some(UnknownKey) { 2 } else { 1 };
        assert!(remote.fetches() <= most, "{} fetches", remote.fetches());
    })
    .await;
}

/// Bad keys of every sort between two good ones.
async fn bad_keys_do_not_empty_a_set() {
    let ec = |crv: &str, x: &[u8], y: &[u8]| {
        let (x, y) = (encode(x), encode(y));
        format!(r#"{{"kid":"k","kty":"EC","crv":"{crv}","x":"{x}","y":"{y}"}}"#)
    };
    let point = &P256_2.public()[P256_2.public().len() - 64..];
    let (x, y) = point.split_at(32);
    let mut off = y.to_vec();
    off[31] ^= 1;
    let rsa = RSA_1.jwk("k", "");
    let bad: [(&str, Vec<String>); 4] = [
        (
            "7517-03",
            vec![
                r#"{"kid":"k","kty":"XYZ"}"#.into(),
                r#"{"kid":"k","kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}"#.into(),
                format!(r#"{{"kid":"k","kty":"OKP","crv":"Ed448","x":"{}"}}"#, encode([1; 57])),
                r#"{"kid":"k","kty":"RSA","e":"AQAB"}"#.into(),
                rsa.replace("AQAB", "AQAB=="),
                rsa.replace(r#""AQAB""#, "65537"),
                P256_2.jwk("k", "").replace("P-256", "P-257"),
                format!(r#"{{"kid":"k","kty":"EC","crv":"P-256","x":"{}"}}"#, encode(x)),
                "\"k\"".into(),
                "null".into(),
                "1".into(),
                "[]".into(),
                "{}".into(),
                P256_2.jwk("k", "").replace(r#""kid":"k""#, r#""kid":1"#),
                P256_2.jwk("k", r#","alg":["ES256"]"#),
            ],
        ),
        (
            "7517-04",
            vec![
                P256_2.jwk("k", r#","kid":"k""#),
                P256_2.jwk("k", r#","kty":"RSA""#),
                P256_2.jwk("k", r#","\u0078":"AAAA""#),
                P256_2.jwk("k", r#","z":1,"z":1"#),
            ],
        ),
        (
            "7517-05",
            vec![
                rsa.replace(r#""kty":"RSA","#, ""),
                rsa.replace(r#""RSA""#, r#""rsa""#),
                rsa.replace(r#""RSA""#, r#"null"#),
                rsa.replace(r#""kty""#, r#""Kty""#),
                P256_2.jwk("k", "").replace(r#""EC""#, r#""ec""#),
                P256_2.jwk("k", "").replace(r#""EC""#, r#""OKP""#),
            ],
        ),
        (
            "KEY-16 7518-07",
            vec![
                ec("P-256", x, &off),
                ec("P-256", y, x),
                ec("P-256", &[0; 32], &[0; 32]),
                ec("P-256", &[0xff; 32], y),
                ec("P-256", &x[1..], y),
                ec("P-256", &[&[0], x].concat(), y),
                ec("P-256", x, &y[..31]),
                ec("P-256", &[], &[]),
                ec("P-384", x, y),
                ec("P-384", &[&[0; 16], x].concat(), &[&[0; 16], y].concat()),
            ],
        ),
    ];
    for (ids, jwks) in bad {
        for jwk in jwks {
            let document = set(&[P256_1.jwk("p256-1", ""), jwk.clone(), P384_1.jwk("p384-1", "")]);
            let stand = Remote::serving(&document).stand();
            for good in [token(), token().by("p384-1", &P384_1, "ES384")] {
                stand.accepts(&good.text()).await;
            }
            for forged in [es256(), rs256()] {
                let answer = stand.refuses(&forged.text(), UnknownKey).await;
                assert!(answer.detail.contains("\"k\""), "{jwk}: {}", answer.detail);
            }
        }
        ledger::passed(ids);
    }
}

async fn one_kid_twice() {
    // of different types: the algorithm tells which is meant
    let stand = Remote::serving(&set(&[RSA_1.jwk("k", ""), P256_2.jwk("k", "")])).stand();
    stand.accepts(&rs256().text()).await;
    stand.accepts(&es256().text()).await;
    // of one type: a guess, so neither; in either order, and however often
    for twins in [
        vec![P256_2.jwk("k", ""), P256_3.jwk("k", "")],
        vec![P256_3.jwk("k", ""), P256_2.jwk("k", "")],
        vec![P256_2.jwk("k", ""), P256_2.jwk("k", "")],
        vec![P256_2.jwk("k", ""), P384_1.jwk("k", ""), P256_3.jwk("k", "")],
    ] {
        let stand =
            Remote::serving(&set(&[&[P256_1.jwk("p256-1", "")][..], &twins].concat())).stand();
        stand.accepts(&token().text()).await;
        stand.refuses(&es256().text(), UnknownKey).await;
        stand.refuses(&token().by("k", &P256_3, "ES256").text(), UnknownKey).await;
    }
    ledger::passed("7517-09");
}

/// What everyone can fetch proves nothing. The log says which key, and nothing of what was in it.
async fn secrets_and_private_keys_are_dropped() {
    const MARK: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I";
    let secret = Key::Secret(b"secret-secret-secret-secret-secr".to_vec());
    assert_eq!(secret.members(), format!(r#""kty":"oct","k":"{MARK}""#));
    let private = |member: &str| format!(r#","{member}":"{MARK}""#);
    for (ids, jwk, forged) in [
        ("KEY-14 7517-13", secret.jwk("k", ""), token().by("k", &secret, "HS256")),
        ("KEY-14 7517-13", secret.jwk("k", r#","alg":"HS256""#), token().by("k", &secret, "HS256")),
        ("KEY-15 7517-12", P256_2.jwk("k", &private("d")), es256()),
        ("KEY-15 7517-12", RSA_1.jwk("k", &private("d")), rs256()),
        ("KEY-15 7517-12", RSA_1.jwk("k", &private("p")), rs256()),
        ("KEY-15 7517-12", RSA_1.jwk("k", &private("qi")), rs256()),
        ("KEY-15 7517-12", ED25519_1.jwk("k", &private("d")), token().by("k", &ED25519_1, "EdDSA")),
    ] {
        let log = Log::capture();
        let remote = Remote::serving(&set(&[P256_1.jwk("p256-1", ""), jwk.clone()]));
        for hmac in [false, true] {
            let stand = Stand::new(remote.keys.clone(), |builder| match hmac {
                true => builder.algorithms([Algorithm::HS256]),
                false => builder,
            });
            let text = forged.text();
            let answer = stand.send(&text).await;
            assert!(matches!(answer.reason, Some(UnknownKey | UnsupportedAlgorithm)), "{jwk}");
            answer.is_refused(&text, answer.reason.unwrap());
            if !hmac {
                stand.accepts(&token().text()).await;
            }
        }
        assert!(!log.lines_with(r#"key "k""#).is_empty(), "nobody was told: {}", log.text());
        assert!(
            log.lines_with("WARN").iter().any(|line| line.contains("left out")),
            "{}",
            log.text()
        );
        assert!(!log.text().contains(MARK), "{}", log.text());
        assert!(!format!("{:?}", remote.keys).contains(MARK));
        let parsed = JwkSet::parse_remote(set(&[jwk]).as_bytes(), 10).unwrap();
        assert!(parsed.keys().is_empty() && !format!("{parsed:?}").contains(MARK));
        ledger::passed(ids);
    }
    // the private set of RFC 7517 appendix A.2: its numbers are in no Debug text
    let vectors = include_str!("../data/vectors/jose/rfc7517_7638_keys.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let private = &cases.iter().find(|case| case["id"] == "A.2-private-set").unwrap()["jwks"];
    let parsed = JwkSet::parse_remote(private.to_string().as_bytes(), 10).unwrap();
    assert_eq!((parsed.keys().len(), parsed.skipped().len()), (0, 2));
    for jwk in private["keys"].as_array().unwrap() {
        let own = Jwk::parse(jwk.to_string().as_bytes()).unwrap();
        assert!(
            own.is_private() && !format!("{own:?}{parsed:?}").contains(jwk["d"].as_str().unwrap())
        );
    }
}

/// At first: no verdict. Later: the keys that are known stay.
async fn documents_that_are_no_key_set() {
    let good = set(&[P256_1.jwk("p256-1", "")]);
    for document in [
        "{}",
        "[]",
        "null",
        "",
        "not JSON",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":"x"}"#,
        r#"{"Keys":[]}"#,
        "<!doctype html><title>Sign in</title>",
        &good[..good.len() - 1],
        &format!("{good}x"),
        &good.replace(r#""keys""#, r#""keys":[],"keys""#),
    ] {
        let remote = Remote::serving(document);
        remote.stand().send(&token().text()).await.is_undecidable();

        let remote = Remote::serving(&good);
        let stand = remote.stand();
        stand.accepts(&token().text()).await;
        remote.serve(document, "application/json");
        assert!(remote.keys.reload().await.is_err(), "{document}");
        stand.accepts(&token().claim("jti", r#""t-2""#).text()).await;
    }
    ledger::passed("7517-01");

    // unknown members beside the keys
    let document = format!(r#"{{"iss":[{{}}],{},"next":null}}"#, &good[1..good.len() - 1]);
    Remote::serving(&document).stand().accepts(&token().text()).await;
    ledger::passed("7517-02");
}

/// Bytes, keys, and the size of a key.
async fn limits() {
    let good = set(&[P256_1.jwk("p256-1", "")]);
    let padded = |bytes: usize| {
        let mut text = good.clone();
        text.insert_str(1, &" ".repeat(bytes - good.len()));
        text
    };
    let many = |count: usize| {
        let others = (1..count).map(|i| P256_2.jwk(&format!("k{i}"), ""));
        set(&others.chain([P256_1.jwk("p256-1", "")]).collect::<Vec<_>>())
    };
    Remote::serving(&padded(1 << 20)).stand().accepts(&token().text()).await;
    Remote::serving(&many(100)).stand().accepts(&token().text()).await;
    for document in [padded((1 << 20) + 1), many(101)] {
        Remote::serving(&document).stand().send(&token().text()).await.is_undecidable();
        let remote = Remote::serving(&good);
        let stand = remote.stand();
        stand.accepts(&token().text()).await;
        remote.serve(&document, "application/json");
        assert!(remote.keys.reload().await.is_err());
        stand.accepts(&token().claim("jti", r#""t-2""#).text()).await;
    }
    // a key of 10 000 bits is skipped like any other bad one
    let giant = format!(r#"{{"kid":"k","kty":"RSA","e":"AQAB","n":"{}"}}"#, encode([0xff; 1250]));
    let stand = Remote::serving(&set(&[giant, P256_1.jwk("p256-1", "")])).stand();
    stand.accepts(&token().text()).await;
    stand.refuses(&rs256().text(), UnknownKey).await;
    ledger::passed("7517-14");
}

async fn content_types() {
    let good = set(&[P256_1.jwk("p256-1", "")]);
    for (content_type, accepted) in [
        ("application/json", true),
        ("application/jwk-set+json", true),
        ("application/json; charset=utf-8", true),
        ("text/html", false),
        ("text/html; charset=utf-8", false),
        ("TEXT/HTML", false),
    ] {
        let remote = Remote::serving("");
        remote.serve(&good, content_type);
        let answer = remote.stand().send(&token().text()).await;
        if accepted {
            answer.is_accepted();
        } else {
            answer.is_undecidable();
        }
    }
    let page = Remote::serving("");
    page.serve("<html><body>maintenance</body></html>", "text/html");
    page.stand().send(&token().text()).await.is_undecidable();
    ledger::passed("7517-15");
}

fn thumbprints() {
    let vectors = include_str!("../data/vectors/jose/rfc7517_7638_keys.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let example = cases.iter().find(|case| case["id"] == "7638-3.1-RSA").unwrap();
    let jwk = Jwk::parse(example["key"].to_string().as_bytes()).unwrap();
    assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    ledger::passed("7638-01");

    // in any order, with whatever else, under any name
    for key in [RSA_1, P256_1, P384_1, ED25519_1] {
        let plain = Jwk::parse(format!("{{{}}}", key.members()).as_bytes()).unwrap().thumbprint();
        let mut members: Vec<String> = key.members().split(',').map(str::to_owned).collect();
        members.reverse();
        let more = r#""alg":"X","kid":"other","use":"sig","z":[1]"#;
        for text in [
            format!("{{{more},{}}}", members.join(" , ")),
            key.jwk("k", r#","key_ops":["verify"]"#),
            key.jwk("k", r#","d":"AAAA""#),
        ] {
            assert_eq!(Jwk::parse(text.as_bytes()).unwrap().thumbprint(), plain);
        }
    }
    let different = [RSA_1, RSA_2, P256_1, P256_2]
        .map(|key| Jwk::parse(key.jwk("k", "").as_bytes()).unwrap().thumbprint());
    assert!((1..4).all(|at| !different[..at].contains(&different[at])));
    ledger::passed("7638-02");
}

fn set(jwks: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, jwks.join(","))
}

/// Keys that are fetched from a document which the test chooses.
struct Remote {
    keys: Arc<RemoteKeys>,
    served: Arc<Served>,
}

impl Remote {
    fn serving(document: &str) -> Self {
        let served = Arc::new(Served::default());
        let location = KeyLocation::jwks_url("https://login.example/jwks");
        let keys = RemoteKeys::builder(location).fetch(served.clone()).clock(At::new(NOW)).build();
        let remote = Self { keys: Arc::new(keys.unwrap()), served };
        remote.serve(document, "application/json");
        remote
    }

    fn serve(&self, document: &str, content_type: &str) {
        *self.served.document.lock().unwrap() = (document.to_owned(), content_type.to_owned());
    }

    fn stand(&self) -> Stand {
        Stand::new(self.keys.clone(), |builder| builder)
    }

    fn fetches(&self) -> usize {
        self.served.fetches.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
struct Served {
    document: Mutex<(String, String)>,
    fetches: AtomicUsize,
}

impl Fetch for Served {
    fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
        assert_eq!(request.uri(), "https://login.example/jwks");
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let (document, content_type) = self.document.lock().unwrap().clone();
        Box::pin(async move {
            if document.len() > limit {
                return Err(FetchError::TooLarge(limit));
            }
            let response = Response::builder().header(header::CONTENT_TYPE, content_type);
            Ok(response.body(Bytes::from(document)).unwrap())
        })
    }
}
