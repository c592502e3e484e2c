//! Encrypted JWTs: a JWE around a signed token (RFC 7516, RFC 7518 §4 and §5, RFC 7519 §5.2).

use std::sync::Arc;

use AuthErrorKind::{
    BadSignature, EncryptedTokenNoKey, Expired, MalformedJwt, PlaceholderToken, RejectedByCheck,
    TokenUndecryptable, UnsupportedAlgorithm, WrongAudience, WrongIssuer, WrongType,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, header};
use portcullis::{
    AuthErrorKind, Origin,
    jwt::{
        JwtValidator, JwtValidatorBuilder,
        jwe::{self, ContentEncryption, DecryptionKey, KeyManagement},
    },
    testing::{EncryptedTokenBuilder, EncryptionKey, ManualClock, MockIssuer},
};
use serde_json::{Value, json};

use super::ledger::{self, Row};
use crate::support::{house::discovery, logs::Log, stand::Stand};

chapter! {
    async fn every_algorithm_opens;
    async fn forms_that_are_refused;
    async fn one_failure_for_all_that_decryption_finds;
    async fn keys_are_for_one_algorithm;
    async fn private_keys_are_read_strictly;
    async fn ephemeral_keys;
    async fn what_is_inside_is_judged;
    async fn nesting;
    async fn content_types;
    async fn replicated_claims;
    async fn encrypted_or_not;
    async fn key_choice;
    async fn several_issuers;
    async fn at_most_four_keys_over_all_issuers;
    async fn nothing_of_a_key_is_told;
}

/// An issuer that encrypts, and a service that has the keys.
struct Vault {
    issuer: MockIssuer,
    key: EncryptionKey,
    stand: Stand,
}

impl Vault {
    fn new(algorithm: KeyManagement) -> Self {
        Self::of(EncryptionKey::new("e1", algorithm), |builder| builder)
    }

    fn of(
        key: EncryptionKey,
        configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
    ) -> Self {
        let keys = vec![key.decryption_key()];
        Self::with_keys(key, keys, configure)
    }

    fn with_keys(
        key: EncryptionKey,
        keys: Vec<DecryptionKey>,
        configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
    ) -> Self {
        let clock = ManualClock::new();
        let issuer = MockIssuer::builder().clock(clock.clone()).build();
        let validator = validator(&issuer, &clock, |it| configure(it.decryption_keys(keys)));
        Self { issuer, key, stand: Stand::of(validator) }
    }

    fn token(&self) -> EncryptedTokenBuilder {
        self.issuer.token().encrypted(&self.key)
    }

    async fn accepts(&self, token: &EncryptedTokenBuilder) {
        let who = self.stand.accepts(&token.build()).await;
        assert_eq!((who.subject(), who.issuer()), (Some("alice"), &*self.issuer.url()));
        assert_eq!(who.origin(), Origin::EncryptedJwt);
    }

    /// Refused, and what the operator is told.
    async fn refuses(&self, token: &EncryptedTokenBuilder, reason: AuthErrorKind) -> String {
        self.stand.refuses(&token.build(), reason).await.detail
    }
}

fn validator(
    issuer: &MockIssuer,
    clock: &ManualClock,
    configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
) -> JwtValidator {
    let keys = discovery(issuer).fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
    let builder = JwtValidator::builder(keys)
        .issuer(issuer.url())
        .audience(issuer.audience())
        .clock(Arc::new(clock.clone()));
    configure(builder).build().unwrap()
}

async fn every_algorithm_opens() {
    for algorithm in KeyManagement::ALL {
        for content in ContentEncryption::ALL {
            let key = match algorithm {
                KeyManagement::Dir => EncryptionKey::direct("e1", *content),
                other => EncryptionKey::new("e1", *other).with_content(*content),
            };
            let vault = Vault::of(key, |builder| builder);
            vault.accepts(&vault.token()).await;
            // once more, by another content key: nothing was remembered but the first
            vault.accepts(&vault.token()).await;
        }
    }
    for curve in ["P-256", "P-384", "P-521", "X25519"] {
        for algorithm in KeyManagement::ALL.iter().filter(|it| it.name().starts_with("ECDH")) {
            let key = EncryptionKey::new("e1", *algorithm).on_curve(curve);
            let vault = Vault::of(key, |builder| builder);
            vault.accepts(&vault.token()).await;
        }
    }
}

/// A form that is refused for this reason, with these words for the operator.
struct Form {
    id: &'static str,
    what: &'static str,
    change: fn(EncryptedTokenBuilder) -> EncryptedTokenBuilder,
    reason: AuthErrorKind,
    told: &'static str,
}

impl Row for Form {
    fn id(&self) -> &str {
        self.id
    }
}

const FORMS: &[Form] = &[
    Form {
        id: "7516-01",
        what: "five segments, and the header of a signed token",
        change: |token| token.raw_header(r#"{"alg":"RS256","typ":"at+jwt"}"#),
        reason: MalformedJwt,
        told: "enc is missing",
    },
    Form {
        id: "7516-01",
        what: "an encrypted token without its last segment is no signed one",
        change: |token| token.edit_text(|text| segments(&text)[..4].join(".")),
        reason: MalformedJwt,
        told: "",
    },
    Form {
        id: "7516-02",
        what: "six segments",
        change: |token| token.edit_text(|text| text + ".AAAA"),
        reason: MalformedJwt,
        told: "",
    },
    Form {
        id: "7516-02",
        what: "a header that is not canonical base64url",
        change: |token| token.edit_text(|text| one_letter_too_many(&text, 0)),
        reason: MalformedJwt,
        told: "header is not base64url",
    },
    Form {
        id: "7516-02",
        what: "a segment that is not canonical base64url",
        change: |token| token.edit_text(|text| one_letter_too_many(&text, 4)),
        reason: MalformedJwt,
        told: "a segment is not base64url",
    },
    Form {
        id: "7516-02",
        what: "a header that is no object",
        change: |token| token.raw_header("[]"),
        reason: MalformedJwt,
        told: "not strict JSON",
    },
    Form {
        id: "7516-02",
        what: "a member twice",
        change: |token| token.raw_header(r#"{"alg":"A256KW","enc":"A256GCM","enc":"A256GCM"}"#),
        reason: MalformedJwt,
        told: "a name stands twice",
    },
    Form {
        id: "7516-02",
        what: "no alg",
        change: |token| token.without_header("alg"),
        reason: MalformedJwt,
        told: "alg is missing",
    },
    Form {
        id: "7516-02",
        what: "a kid that is no string",
        change: |token| token.header("kid", 1),
        reason: MalformedJwt,
        told: "kid in the header is not a string",
    },
    Form {
        id: "7516-02",
        what: "crit, for something that is understood",
        change: |token| token.header("crit", json!(["alg"])),
        reason: MalformedJwt,
        told: "crit names an extension",
    },
    Form {
        id: "7516-02",
        what: "a header of more than 8 KiB",
        change: |token| token.header("x", "y".repeat(8 * 1024)),
        reason: MalformedJwt,
        told: "longer than 8 KiB",
    },
    Form {
        id: "7516-03",
        what: "no enc",
        change: |token| token.without_header("enc"),
        reason: MalformedJwt,
        told: "enc is missing",
    },
    Form {
        id: "7516-03",
        what: "enc null",
        change: |token| token.header("enc", Value::Null),
        reason: MalformedJwt,
        told: "enc in the header is not a string",
    },
    Form {
        id: "7516-03",
        what: "an enc without authentication",
        change: |token| token.header("enc", "A256CBC"),
        reason: UnsupportedAlgorithm,
        told: "enc is \"A256CBC\"",
    },
    Form {
        id: "7516-03",
        what: "enc none",
        change: |token| token.header("enc", "none"),
        reason: UnsupportedAlgorithm,
        told: "enc is \"none\"",
    },
    Form {
        id: "7516-04 8725-10 8725-23 JWE-03",
        what: "zip",
        change: |token| token.header("zip", "DEF").content(bomb()),
        reason: MalformedJwt,
        told: "compressed content is not accepted",
    },
    Form {
        id: "7516-04 8725-10 JWE-03",
        what: "zip null",
        change: |token| token.header("zip", Value::Null),
        reason: MalformedJwt,
        told: "compressed content is not accepted",
    },
    Form {
        id: "7516-08 JWE-05",
        what: "RSA1_5",
        change: |token| token.header("alg", "RSA1_5"),
        reason: UnsupportedAlgorithm,
        told: "alg is \"RSA1_5\"",
    },
    Form {
        id: "7516-08 8725-21 JWE-04",
        what: "PBES2 with a giant count",
        change: |token| pbes2(token, json!(2_147_483_647)),
        reason: UnsupportedAlgorithm,
        told: "alg is \"PBES2-HS256+A128KW\"",
    },
    Form {
        id: "7516-08 8725-21 JWE-04",
        what: "PBES2 with a count that is small",
        change: |token| pbes2(token, json!(1000)),
        reason: UnsupportedAlgorithm,
        told: "PBES2",
    },
    Form {
        id: "8725-21 JWE-04",
        what: "PBES2 with a count of zero",
        change: |token| pbes2(token, json!(0)),
        reason: UnsupportedAlgorithm,
        told: "PBES2",
    },
    Form {
        id: "8725-21 JWE-04",
        what: "PBES2 with a negative count",
        change: |token| pbes2(token, json!(-1)),
        reason: UnsupportedAlgorithm,
        told: "PBES2",
    },
    Form {
        id: "8725-21 JWE-04",
        what: "PBES2 with a count in text",
        change: |token| pbes2(token, json!("4096")),
        reason: UnsupportedAlgorithm,
        told: "PBES2",
    },
    Form {
        id: "JWE-10",
        what: "a key wrapped by GCM",
        change: |token| token.header("alg", "A256GCMKW").header("iv", "AAAA").header("tag", "AA"),
        reason: UnsupportedAlgorithm,
        told: "A256GCMKW",
    },
];

async fn forms_that_are_refused() {
    let vault = Vault::new(KeyManagement::A256Kw);
    ledger::table_async(FORMS, async |form| {
        let detail = vault.refuses(&(form.change)(vault.token()), form.reason).await;
        assert!(detail.contains(form.told), "{}: {detail}", form.what);
    })
    .await;

    // three segments are a signed token, also if the header speaks of encryption
    let signed = vault.issuer.token().header("enc", "A256GCM").header("zip", "DEF");
    vault.stand.accepts(&signed.build()).await;
    ledger::passed("7516-01");

    // a JSON serialization is no bearer token
    let [header, key, iv, ciphertext, tag] =
        segments(&vault.token().build()).try_into().expect("there are five");
    let recipient = json!({ "encrypted_key": key });
    for json in [
        json!({ "protected": header, "iv": iv, "ciphertext": ciphertext, "tag": tag,
                "recipients": [recipient, recipient] }),
        json!({ "protected": header, "iv": iv, "ciphertext": ciphertext, "tag": tag,
                "encrypted_key": key }),
    ] {
        let answer = vault.stand.send(&json.to_string()).await;
        // braces around something are what clients send in place of a token
        assert_eq!((answer.status.as_u16(), answer.reason), (401, Some(PlaceholderToken)));
    }
    ledger::passed("JWE-15");
    vault.accepts(&vault.token()).await;
}

/// What a decryption can find wrong, with a key of this kind.
struct Damage {
    id: &'static str,
    what: &'static str,
    change: fn(EncryptedTokenBuilder) -> EncryptedTokenBuilder,
}

const DAMAGES: &[Damage] = &[
    Damage { id: "7516-05 S9-21", what: "tag", change: |it| it.edit_tag(flip) },
    Damage { id: "7516-05 S9-21", what: "iv", change: |it| it.edit_iv(flip) },
    Damage { id: "7516-05", what: "ciphertext", change: |it| it.edit_ciphertext(flip) },
    Damage { id: "7516-05", what: "no ciphertext", change: |it| it.edit_ciphertext(|_| vec![]) },
    Damage {
        id: "7516-05",
        what: "a byte more of ciphertext",
        change: |it| it.edit_ciphertext(|it| [&it[..], &[0]].concat()),
    },
    Damage { id: "7516-05 JWE-07 JWE-08", what: "no tag", change: |it| it.edit_tag(|_| vec![]) },
    Damage { id: "JWE-07 JWE-08", what: "4 of the tag", change: |it| it.edit_tag(cut::<4>) },
    Damage { id: "JWE-07 JWE-08", what: "8 of the tag", change: |it| it.edit_tag(cut::<8>) },
    Damage { id: "JWE-07 JWE-08", what: "12 of the tag", change: |it| it.edit_tag(cut::<12>) },
    Damage { id: "JWE-07 JWE-08", what: "15 of the tag", change: |it| it.edit_tag(cut::<15>) },
    Damage {
        id: "JWE-07 JWE-08",
        what: "a byte more of tag",
        change: |it| it.edit_tag(|it| [&it[..], &[0]].concat()),
    },
    Damage { id: "JWE-13", what: "no iv", change: |it| it.edit_iv(|_| vec![]) },
    Damage { id: "JWE-13", what: "8 of the iv", change: |it| it.edit_iv(cut::<8>) },
    Damage { id: "JWE-13", what: "11 of the iv", change: |it| it.edit_iv(cut::<11>) },
    Damage {
        id: "JWE-13",
        what: "a byte more of iv",
        change: |it| it.edit_iv(|it| [&it[..], &[0]].concat()),
    },
    Damage {
        id: "7516-05 JWE-06",
        what: "encrypted key",
        change: |it| it.edit_encrypted_key(|it| if it.is_empty() { vec![1; 24] } else { flip(it) }),
    },
    Damage {
        id: "7516-05 JWE-06 JWE-11",
        what: "an encrypted key of another length",
        change: |it| it.edit_encrypted_key(|it| [&it[..], &[0; 8]].concat()),
    },
    Damage {
        id: "7516-05",
        what: "another header around the same",
        change: |it| it.edit_text(|text| reheader(&text)),
    },
];

async fn one_failure_for_all_that_decryption_finds() {
    let log = Log::capture();
    let mut keys: Vec<EncryptionKey> = Vec::new();
    for content in ContentEncryption::ALL {
        keys.push(EncryptionKey::direct("e1", *content));
        for algorithm in [KeyManagement::RsaOaep, KeyManagement::A128Kw, KeyManagement::EcdhEs] {
            keys.push(EncryptionKey::new("e1", algorithm).with_content(*content));
        }
    }
    keys.push(EncryptionKey::new("e1", KeyManagement::RsaOaep256));
    keys.push(EncryptionKey::new("e1", KeyManagement::EcdhEsA256Kw));
    let mut details = Vec::new();
    for key in keys {
        let vault = Vault::of(key.clone(), |builder| builder);
        for damage in DAMAGES {
            let token = (damage.change)(vault.token());
            let detail = vault.refuses(&token, TokenUndecryptable).await;
            details.push(detail);
            let _ = damage.what;
        }
        // another key under the same name
        let stranger = EncryptionKey::stranger("e1", key.algorithm()).with_content(key.content());
        let stranger = if key.algorithm() == KeyManagement::Dir {
            key.clone().with_secret(&vec![9; key.content().key_length()])
        } else {
            stranger
        };
        let token = vault.issuer.token().encrypted(&stranger);
        details.push(vault.refuses(&token, TokenUndecryptable).await);
        // a content key of another length than enc wants
        if !matches!(key.algorithm(), KeyManagement::Dir | KeyManagement::EcdhEs) {
            for length in [16, 24, 32, 40, 64, 72] {
                if length != key.content().key_length() {
                    let token = vault.token().content_key(vec![7; length]);
                    details.push(vault.refuses(&token, TokenUndecryptable).await);
                }
            }
        }
        vault.accepts(&vault.token()).await;
    }
    details.sort();
    details.dedup();
    assert_eq!(details, ["TokenUndecryptable: no decryption key opens the token"]);
    // nor does the log tell them apart: level and text
    let mut lines: Vec<String> = log.lines_with("TokenUndecryptable");
    assert!(!lines.is_empty());
    for line in &mut lines {
        *line =
            line.split_once(" WARN ").or(line.split_once(" INFO ")).unwrap_or(("", "")).1.into();
    }
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for damage in DAMAGES {
        ledger::passed(damage.id);
    }
    ledger::passed("7516-06 JWE-10");
}

async fn keys_are_for_one_algorithm() {
    // one key, one alg: whatever the token says
    for (key, other) in [
        (KeyManagement::RsaOaep, KeyManagement::RsaOaep256),
        (KeyManagement::RsaOaep256, KeyManagement::RsaOaep),
        (KeyManagement::EcdhEs, KeyManagement::EcdhEsA128Kw),
        (KeyManagement::EcdhEsA256Kw, KeyManagement::EcdhEsA128Kw),
    ] {
        let vault = Vault::new(key);
        let token = vault.issuer.token().encrypted(&vault.key.clone().with_algorithm(other));
        let detail = vault.refuses(&token, UnsupportedAlgorithm).await;
        assert!(detail.contains(&format!("no decryption key is for {other} with")), "{detail}");
    }
    for (key, alg) in [
        (KeyManagement::RsaOaep, "RSA1_5"),
        (KeyManagement::A128Kw, "A128GCMKW"),
        (KeyManagement::A128Kw, "A256KW"),
        (KeyManagement::A256Kw, "A128KW"),
        (KeyManagement::A256Kw, "dir"),
        (KeyManagement::Dir, "A256KW"),
    ] {
        let vault = Vault::new(key);
        vault.refuses(&vault.token().header("alg", alg), UnsupportedAlgorithm).await;
    }
    ledger::passed("7516-07 JWE-05 JWE-10");

    // a secret that encrypts directly is for one enc: two want 32 bytes
    let gcm = EncryptionKey::direct("e1", ContentEncryption::A256Gcm);
    let cbc = EncryptionKey::direct("e1", ContentEncryption::A128CbcHs256);
    let vault = Vault::of(gcm, |builder| builder);
    vault.refuses(&vault.issuer.token().encrypted(&cbc), UnsupportedAlgorithm).await;
    vault.accepts(&vault.token()).await;
    ledger::passed("JWE-12");

    // and any key can be kept for some
    let key = EncryptionKey::new("e1", KeyManagement::RsaOaep);
    let only = key.decryption_key().only_for([ContentEncryption::A256CbcHs512]);
    let vault = Vault::with_keys(key.clone(), vec![only], |builder| builder);
    vault.accepts(&vault.token()).await;
    let token = vault.issuer.token().encrypted(&key.with_content(ContentEncryption::A256Gcm));
    vault.refuses(&token, UnsupportedAlgorithm).await;
}

async fn private_keys_are_read_strictly() {
    let rsa = EncryptionKey::new("e1", KeyManagement::RsaOaep).private_jwk_json();
    let ec = EncryptionKey::new("e1", KeyManagement::EcdhEs).private_jwk_json();
    let oct = EncryptionKey::new("e1", KeyManagement::A256Kw).private_jwk_json();
    let other = EncryptionKey::stranger("e2", KeyManagement::EcdhEs).private_jwk_json();
    let with = |jwk: &Value, name: &str, value: Value| {
        let mut jwk = jwk.clone();
        match value {
            Value::Null => jwk.as_object_mut().unwrap().remove(name),
            value => jwk.as_object_mut().unwrap().insert(name.to_owned(), value),
        };
        jwk.to_string()
    };
    let with_k = |jwk: &Value, length| {
        let mut jwk = jwk.clone();
        jwk["k"] = json!(URL_SAFE_NO_PAD.encode(vec![7; length]));
        jwk
    };
    for (document, problem) in [
        ("[]".to_owned(), "not an object"),
        (r#"{"keys":[]}"#.to_owned(), "this is a set of keys; give one of them"),
        (with(&rsa, "kty", json!("DSA")), "the key type is unknown"),
        (with(&rsa, "alg", Value::Null), "alg is missing"),
        (with(&rsa, "alg", json!("RSA1_5")), "alg is no supported way to decrypt"),
        (with(&rsa, "alg", json!("RS256")), "alg is no supported way to decrypt"),
        (with(&rsa, "alg", json!("A256KW")), "another type than alg wants"),
        (with(&rsa, "use", json!("sig")), "use is not enc"),
        (with(&rsa, "key_ops", json!(["sign"])), "key_ops does not allow it"),
        (with(&rsa, "key_ops", json!("decrypt")), "key_ops is no array"),
        (with(&rsa, "d", Value::Null), "d is missing"),
        (with(&rsa, "qi", Value::Null), "qi is missing"),
        (with(&rsa, "oth", json!([])), "more than two primes"),
        (with(&rsa, "e", json!("Aw")), "exponent"),
        (with(&rsa, "d", rsa["dp"].clone()), "the numbers are no RSA key pair"),
        (with(&rsa, "p", rsa["q"].clone()), "the numbers are no RSA key pair"),
        (with(&rsa, "n", json!("AQAB")), "shorter than 2048 bits"),
        (with(&ec, "crv", json!("secp256k1")), "the curve is not one to agree on a key with"),
        (with(&ec, "crv", json!("Ed25519")), "the curve is not one to agree on a key with"),
        (with(&ec, "crv", json!("X25519")), "the curve is not one to agree on a key with"),
        (with(&ec, "x", json!("AAAA")), "a coordinate has not the length of the curve"),
        (with(&ec, "y", other["y"].clone()), "no key pair of the curve"),
        (with(&ec, "d", other["d"].clone()), "no key pair of the curve"),
        (with(&ec, "d", Value::Null), "d is missing"),
        (with(&oct, "k", json!("")), "the secret is empty"),
        (with(&oct, "k", json!("AAAAAAAAAAAAAAAAAAAAAA")), "not the length that alg wants"),
        (with(&oct, "alg", json!("A256CBC-HS512")), "not the length that alg wants"),
        (with(&with_k(&oct, 24), "alg", json!("dir")), "the length of no encryption"),
        (with(&oct, "k", json!("AAAA+")), "k is not base64url"),
    ] {
        let error = DecryptionKey::from_jwk(document.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(problem), "{problem}: {error}");
    }
    // one use that fits is enough
    for (jwk, operations, good) in [
        (&rsa, json!(["decrypt"]), true),
        (&rsa, json!(["sign", "unwrapKey"]), true),
        (&rsa, json!(["deriveKey"]), false),
        (&oct, json!(["unwrapKey"]), true),
        (&oct, json!(["decrypt"]), false),
        (&ec, json!(["deriveBits"]), true),
        (&ec, json!(["unwrapKey"]), false),
    ] {
        let document = with(jwk, "key_ops", operations);
        assert_eq!(DecryptionKey::from_jwk(document.as_bytes()).is_ok(), good, "{document}");
    }
    // a name for what the document does not say, and no other
    let bare = with(&rsa, "alg", Value::Null);
    let key = DecryptionKey::from_jwk_for(bare.as_bytes(), KeyManagement::RsaOaep256).unwrap();
    assert_eq!((key.algorithm(), key.kid()), (KeyManagement::RsaOaep256, Some("e1")));
    let error = DecryptionKey::from_jwk_for(rsa.to_string().as_bytes(), KeyManagement::RsaOaep256);
    assert!(error.unwrap_err().to_string().contains("alg names another algorithm"));
    // a secret that does not say more than dir is for one encryption all the same
    for (length, usual) in [
        (16, ContentEncryption::A128Gcm),
        (32, ContentEncryption::A256Gcm),
        (64, ContentEncryption::A256CbcHs512),
    ] {
        let jwk = with(&with_k(&oct, length), "alg", json!("dir"));
        let key = DecryptionKey::from_jwk(jwk.as_bytes()).unwrap();
        assert_eq!(key.algorithm(), KeyManagement::Dir);
        for enc in ContentEncryption::ALL.iter().filter(|enc| enc.key_length() == length) {
            let sender = EncryptionKey::direct("e1", *enc).with_secret(&vec![7; length]);
            let vault = Vault::with_keys(sender, vec![key.clone()], |builder| builder);
            if *enc == usual {
                vault.accepts(&vault.token()).await;
            } else {
                vault.refuses(&vault.token(), UnsupportedAlgorithm).await;
            }
        }
    }

    for secret in [&[7; 15][..], &[7; 24], &[7; 64], &[]] {
        assert!(DecryptionKey::key_wrap(secret).is_err());
    }
    for content in ContentEncryption::ALL {
        for length in [0, 16, 32, 48, 64] {
            let fits = DecryptionKey::direct(*content, vec![7; length]).is_ok();
            assert_eq!(fits, length == content.key_length(), "{content} {length}");
        }
    }
    ledger::passed("7516-06");
}

async fn ephemeral_keys() {
    // off the curve: the point of Wycheproof's rejectsInvalidCurvePoint
    let off_curve = json!({ "kty": "EC", "crv": "P-256",
        "x": "gTli65eTQ7z-Bh147ff8K3m7k2UiDiG2LpYkWAaFJCc",
        "y": "cLAnjKa4bzjD7DJVPwa9EPrRzMG7rONgsiUD-kf30Fs" });
    let zero = json!({ "kty": "EC", "crv": "P-256",
        "x": URL_SAFE_NO_PAD.encode([0; 32]), "y": URL_SAFE_NO_PAD.encode([0; 32]) });
    let p384 = EncryptionKey::new("x", KeyManagement::EcdhEs).on_curve("P-384");
    let p384 = without(p384.private_jwk_json(), &["d", "alg", "use", "kid"]);
    let own = EncryptionKey::stranger("x", KeyManagement::EcdhEs).private_jwk_json();
    let public = without(own.clone(), &["d"]);
    for algorithm in [KeyManagement::EcdhEs, KeyManagement::EcdhEsA128Kw] {
        let vault = Vault::new(algorithm);
        for (what, epk, reason) in [
            ("off the curve", off_curve.clone(), TokenUndecryptable),
            ("zero", zero.clone(), TokenUndecryptable),
            ("of another key", public.clone(), TokenUndecryptable),
            ("on another curve", p384.clone(), UnsupportedAlgorithm),
            ("private", own.clone(), MalformedJwt),
            ("no object", json!("epk"), MalformedJwt),
            ("of an unknown curve", json!({ "kty": "EC", "crv": "P-192" }), MalformedJwt),
            ("of another type", with(&public, "kty", json!("OKP")), MalformedJwt),
            ("without x", without(public.clone(), &["x"]), MalformedJwt),
            ("with a short coordinate", with(&public, "x", json!("AAAA")), MalformedJwt),
        ] {
            let reason_found = vault.stand.send(&vault.token().header("epk", epk).build()).await;
            assert_eq!(reason_found.reason, Some(reason), "{what}: {}", reason_found.detail);
        }
        let missing = vault.refuses(&vault.token().without_header("epk"), MalformedJwt).await;
        assert!(missing.contains("epk is missing"), "{missing}");
        for name in ["apu", "apv"] {
            // part of what is derived, and so authenticated
            let token = vault.token().header(name, "QWxpY2U");
            vault.refuses(&token, TokenUndecryptable).await;
            vault.refuses(&vault.token().header(name, "A"), MalformedJwt).await;
        }
        vault.accepts(&vault.token()).await;
    }
    // X25519: points of small order agree to nothing
    let key = EncryptionKey::new("e1", KeyManagement::EcdhEs).on_curve("X25519");
    let vault = Vault::of(key, |builder| builder);
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let one = [&[1][..], &[0; 31]].concat();
    for point in [&[0; 32][..], &one, &minus_one] {
        let epk = json!({ "kty": "OKP", "crv": "X25519", "x": URL_SAFE_NO_PAD.encode(point) });
        vault.refuses(&vault.token().header("epk", epk), TokenUndecryptable).await;
    }
    vault.accepts(&vault.token()).await;
    ledger::passed("8725-08 JWE-09");
}

async fn what_is_inside_is_judged() {
    let vault = Vault::new(KeyManagement::RsaOaep);
    let token = || vault.issuer.token();
    let seal = |inner: portcullis::testing::TokenBuilder| inner.encrypted(&vault.key);
    // whoever has the public key can encrypt
    for alg in portcullis::testing::TokenBuilder::NONE_SPELLINGS {
        let answer = vault.stand.send(&seal(token().unsigned(alg)).build()).await;
        let reason = answer.reason.unwrap();
        assert!(matches!(reason, UnsupportedAlgorithm | MalformedJwt), "{alg}: {reason}");
    }
    let claims = token().payload_json();
    for plain in [claims.as_bytes(), b"", b"alice", b"\xff\xfe", b"..", b"e30.e30.", b"a.b"] {
        vault.refuses(&vault.token().content(plain), MalformedJwt).await;
    }
    ledger::passed("JWE-01 S9-22");
    for (inner, reason) in [
        (token().signed_by_stranger(), BadSignature),
        (token().tampered_claim("sub", "mallory"), BadSignature),
        (token().audience("https://other.example"), WrongAudience),
        (token().issuer("https://other.example"), WrongIssuer),
        (token().typ("JWT"), WrongType),
        (token().expired_since(std::time::Duration::from_secs(3600)), Expired),
    ] {
        vault.refuses(&seal(inner), reason).await;
    }
    vault.accepts(&vault.token()).await;
    ledger::passed("7516-09 8725-06");
}

async fn nesting() {
    let vault = Vault::new(KeyManagement::A256Kw);
    let twice = vault.token().encrypted(&vault.key);
    let detail = vault.refuses(&twice, MalformedJwt).await;
    assert!(detail.contains("an encrypted token is inside an encrypted token"), "{detail}");
    let five = (0..3).fold(twice, |token, _| token.encrypted(&vault.key));
    vault.refuses(&five, MalformedJwt).await;
    // nor is a signed token around another one
    let signed = vault.issuer.token().header("cty", "JWT");
    vault.refuses(&signed.encrypted(&vault.key), MalformedJwt).await;
    ledger::passed("7516-10 JWE-14");
}

async fn content_types() {
    let vault = Vault::new(KeyManagement::A256Kw);
    for cty in ["JWT", "jwt", "Jwt", "application/jwt", "APPLICATION/JWT", "at+jwt", "AT+JWT"] {
        vault.accepts(&vault.token().header("cty", cty)).await;
    }
    for cty in ["", "logout+jwt", "json", "text/jwt", "JWT "] {
        let detail = vault.refuses(&vault.token().header("cty", cty), MalformedJwt).await;
        assert!(
            detail.contains("cty in the outer header is neither JWT nor the expected typ"),
            "{detail}"
        );
    }
    let missing = |vault: &Vault| vault.token().without_header("cty");
    let detail = vault.refuses(&missing(&vault), MalformedJwt).await;
    assert!(detail.contains("accept_missing_content_type() accepts it"), "{detail}");
    let lax = Vault::of(vault.key.clone(), |it| it.accept_missing_content_type());
    lax.accepts(&missing(&lax)).await;
    lax.refuses(&lax.token().header("cty", "json"), MalformedJwt).await;
    ledger::passed("7519-24");
}

async fn replicated_claims() {
    let vault = Vault::new(KeyManagement::A256Kw);
    let url = vault.issuer.url();
    let audience = vault.issuer.audience().to_owned();
    let all = |token: EncryptedTokenBuilder| {
        token.header("iss", &*url).header("sub", "alice").header("aud", &*audience)
    };
    vault.accepts(&all(vault.token())).await;
    let several = vault.issuer.token().audiences(&[&audience, "https://b.example"]);
    let both = json!([audience, "https://b.example"]);
    vault.accepts(&several.encrypted(&vault.key).header("aud", both)).await;
    for (name, value) in [
        ("iss", json!("https://other.test")),
        ("iss", json!([url])),
        ("sub", json!("bob")),
        ("sub", Value::Null),
        ("aud", json!([audience])),
        ("aud", json!("https://other.example")),
    ] {
        let detail = vault.refuses(&all(vault.token()).header(name, value), MalformedJwt).await;
        assert!(detail.contains(&format!("{name} in the outer header is not that of")), "{detail}");
    }
    // what is not there can not be said again
    let lax = Vault::of(vault.key.clone(), |builder| builder.accept_missing("sub"));
    let inner = lax.issuer.token().without("sub").encrypted(&lax.key);
    lax.stand.accepts(&inner.build()).await;
    lax.refuses(&inner.header("sub", "alice"), MalformedJwt).await;
    ledger::passed("7519-25 JWE-16");
}

async fn encrypted_or_not() {
    let key = EncryptionKey::new("e1", KeyManagement::A256Kw);
    let signed_only = Vault::with_keys(key.clone(), vec![], |builder| builder);
    signed_only.stand.accepts(&signed_only.issuer.token().build()).await;
    signed_only.refuses(&signed_only.token(), EncryptedTokenNoKey).await;

    let both = Vault::of(key.clone(), |builder| builder);
    both.accepts(&both.token()).await;
    both.stand.accepts(&both.issuer.token().build()).await;

    let encrypted_only = Vault::of(key, |builder| builder.require_encryption());
    encrypted_only.accepts(&encrypted_only.token()).await;
    let answer =
        encrypted_only.stand.refuses(&encrypted_only.issuer.token().build(), RejectedByCheck).await;
    assert!(answer.detail.contains("require_encryption() demands it"), "{}", answer.detail);
    ledger::passed("9068-02 JWE-02");

    let clock = ManualClock::new();
    let issuer = MockIssuer::builder().clock(clock.clone()).build();
    let keys = discovery(&issuer).fetch(issuer.fetch()).clock(clock).build().unwrap();
    let builder = JwtValidator::builder(keys).issuer(issuer.url()).audience(issuer.audience());
    let error = builder.require_encryption().build().unwrap_err().to_string();
    assert!(error.contains("decryption_keys() gives one"), "{error}");
}

async fn key_choice() {
    let key = |kid: &str, number| EncryptionKey::numbered(kid, KeyManagement::RsaOaep, number);
    let (old, new) = (key("old", 0), key("new", 1));
    let keys = vec![old.decryption_key(), new.decryption_key()];
    let vault = Vault::with_keys(new.clone(), keys, |builder| builder);
    vault.accepts(&vault.token()).await;
    vault.accepts(&vault.issuer.token().encrypted(&old)).await;
    // without a name those that fit are tried
    vault.accepts(&vault.token().without_header("kid")).await;
    vault.accepts(&vault.issuer.token().encrypted(&old).without_header("kid")).await;
    // a name is a name
    vault.refuses(&vault.token().header("kid", "old"), TokenUndecryptable).await;
    let detail = vault.refuses(&vault.token().header("kid", "x\r\n"), EncryptedTokenNoKey).await;
    assert!(detail.contains(r#"no decryption key has the kid "x\\r\\n""#), "{detail}");

    // a key without a name is for whatever name
    let nameless = without(new.private_jwk_json(), &["kid"]).to_string();
    let nameless = DecryptionKey::from_jwk(nameless.as_bytes()).unwrap();
    let vault = Vault::with_keys(new.clone(), vec![nameless.clone()], |builder| builder);
    vault.accepts(&vault.token()).await;
    vault.accepts(&vault.token().without_header("kid")).await;
    let named = nameless.with_kid("x");
    let vault = Vault::with_keys(new, vec![named], |builder| builder);
    vault.refuses(&vault.token(), EncryptedTokenNoKey).await;

    // where there is none at all, that is the reason
    for token in [vault.token(), vault.token().without_header("kid")] {
        let error = jwe::decrypt(&token.build(), &[]).unwrap_err();
        assert_eq!(error.kind(), EncryptedTokenNoKey);
    }

    // no more than four of an algorithm: each is a dear attempt
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder().clock(clock.clone()).build();
    for (count, good) in [(4, true), (5, false)] {
        let keys = discovery(&issuer).fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
        let decryption = (0..count).map(|_| old.decryption_key());
        let builder = JwtValidator::builder(keys).issuer(issuer.url()).audience("a");
        assert_eq!(builder.decryption_keys(decryption).build().is_ok(), good, "{count}");
    }
}

/// A key for the tokens of one issuer opens nothing of another's.
async fn several_issuers() {
    let clock = ManualClock::new();
    let at = |url: &str| MockIssuer::builder().clock(clock.clone()).issuer(url).build();
    let (one, two) = (at("https://one.test"), at("https://two.test"));
    let key = |kid: &str, number| EncryptionKey::numbered(kid, KeyManagement::RsaOaep, number);
    let (first, second) = (key("e1", 0), key("e2", 1));
    let validators = [(&one, &first), (&two, &second)].map(|(issuer, key)| {
        validator(issuer, &clock, |builder| builder.decryption_keys([key.decryption_key()]))
    });
    let stand = Stand::of(JwtValidator::several(validators).unwrap());
    for (issuer, key) in [(&one, &first), (&two, &second)] {
        let who = stand.accepts(&issuer.token().encrypted(key).build()).await;
        assert_eq!(who.issuer(), issuer.url());
        stand.accepts(&issuer.token().build()).await;
    }
    let crossed = one.token().encrypted(&second).build();
    let answer = stand.refuses(&crossed, RejectedByCheck).await;
    assert!(answer.detail.contains("another issuer's tokens"), "{}", answer.detail);
}

/// A token without a name is tried with the keys of all issuers, and none is left out by chance.
async fn at_most_four_keys_over_all_issuers() {
    let clock = ManualClock::new();
    let houses: Vec<_> = (0..5)
        .map(|number| {
            let url = format!("https://{number}.test");
            let issuer = MockIssuer::builder().clock(clock.clone()).issuer(&url).build();
            (issuer, EncryptionKey::new(&format!("e{number}"), KeyManagement::A256Kw))
        })
        .collect();
    let each = |(issuer, key): &(MockIssuer, EncryptionKey)| {
        validator(issuer, &clock, |builder| builder.decryption_keys([key.decryption_key()]))
    };
    let four = JwtValidator::several(houses[..4].iter().map(each)).unwrap();
    let stand = Stand::of(four.clone());
    for (issuer, key) in &houses[..4] {
        stand.accepts(&issuer.token().encrypted(key).build()).await;
    }
    // one secret, read four times: the first validator's comes first
    let (issuer, key) = &houses[0];
    stand.accepts(&issuer.token().encrypted(key).without_header("kid").build()).await;
    // side by side, or one behind another
    for error in [
        JwtValidator::several(houses.iter().map(each)).err().unwrap().to_string(),
        JwtValidator::several([four, each(&houses[4])]).err().unwrap().to_string(),
    ] {
        assert!(error.contains("decryption_keys"), "{error}");
        assert!(error.contains("more than 4 keys are for one alg"), "{error}");
        assert!(error.contains("over all issuers"), "{error}");
    }

    // a clone is the same key
    let shared = houses[0].1.decryption_key();
    let validators = houses.iter().map(|(issuer, _)| {
        validator(issuer, &clock, |builder| builder.decryption_keys([shared.clone()]))
    });
    let stand = Stand::of(JwtValidator::several(validators).unwrap());
    for (issuer, _) in &houses {
        stand.accepts(&issuer.token().encrypted(&houses[0].1).without_header("kid").build()).await;
    }
}

async fn nothing_of_a_key_is_told() {
    let log = Log::capture();
    for algorithm in KeyManagement::ALL {
        let vault = Vault::new(*algorithm);
        let token = vault.token().build();
        vault.stand.accepts(&token).await;
        vault.refuses(&vault.token().edit_tag(flip), TokenUndecryptable).await;
        let jwk = vault.key.private_jwk_json();
        let shown = format!("{:?} {:?}", vault.key.decryption_key(), vault.key);
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            if let Some(secret) = jwk[member].as_str() {
                assert!(!log.text().contains(secret) && !shown.contains(secret), "{member}");
            }
        }
        assert!(!log.text().contains(&segments(&token)[3]), "the token is told");
    }
    // the request is answered as any other bad token
    let vault = Vault::new(KeyManagement::RsaOaep);
    let line = format!("Bearer {}", vault.token().edit_tag(flip).build());
    let request = Request::get("/orders").header(header::AUTHORIZATION, line).body(()).unwrap();
    let answer = vault.stand.exchange(request, None::<portcullis::policy::SchemeIs>).await;
    assert_eq!(answer.status.as_u16(), 401);
    ledger::passed("7516-05");
}

// ---- small things

fn segments(token: &str) -> Vec<String> {
    token.split('.').map(str::to_owned).collect()
}

/// Letters added to this segment until their number is one that no bytes have.
fn one_letter_too_many(token: &str, segment: usize) -> String {
    let mut segments = segments(token);
    while segments[segment].len() % 4 != 1 {
        segments[segment].push('A');
    }
    segments.join(".")
}

/// The last bit turned.
fn flip(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes
}

fn cut<const LENGTH: usize>(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(LENGTH);
    bytes
}

/// The same header in another spelling: it says the same, and is not what was authenticated.
fn reheader(token: &str) -> String {
    let mut segments = segments(token);
    let header = URL_SAFE_NO_PAD.decode(&segments[0]).unwrap();
    segments[0] = URL_SAFE_NO_PAD.encode([&b" "[..], &header].concat());
    segments.join(".")
}

/// A thousand times a thousand bytes, deflated.
fn bomb() -> Vec<u8> {
    use std::io::Write as _;

    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflated.write_all(&vec![b'a'; 1_000_000]).unwrap();
    deflated.finish().unwrap()
}

fn pbes2(token: EncryptedTokenBuilder, count: Value) -> EncryptedTokenBuilder {
    token.header("alg", "PBES2-HS256+A128KW").header("p2s", "AAAAAAAAAAA").header("p2c", count)
}

fn with(jwk: &Value, name: &str, value: Value) -> Value {
    let mut jwk = jwk.clone();
    jwk[name] = value;
    jwk
}

fn without(mut jwk: Value, names: &[&str]) -> Value {
    for name in names {
        jwk.as_object_mut().unwrap().remove(*name);
    }
    jwk
}
