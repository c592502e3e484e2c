//! The clock, keys, tokens and forgeries.

use crate::*;

#[test]
fn the_clock_moves_only_when_it_is_told_to() {
    let clock = ManualClock::at(UnixTime::from_secs(1000));
    let shared = clock.clone();
    let start = clock.monotonic();
    shared.advance(Duration::from_secs(5));
    assert_eq!(clock.now(), UnixTime::from_secs(1005));
    assert_eq!(clock.monotonic() - start, Duration::from_secs(5));
    shared.set_wall(UnixTime::from_secs(10));
    assert_eq!(clock.now(), UnixTime::from_secs(10));
    assert_eq!(clock.monotonic() - start, Duration::from_secs(5), "no time passed");
}

#[test]
fn every_algorithm_signs_what_its_jwk_verifies() {
    for algorithm in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_symmetric()) {
        let issuer = MockIssuer::builder().algorithm(*algorithm).build();
        let token = issuer.token().build();
        let key = issuer.signing_key();
        let payload = jws::verify(&token, &key.jwk(), &[*algorithm]).unwrap();
        let claims: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(claims["sub"], "alice", "{algorithm}");
        let stranger = issuer.token().signed_by_stranger().build();
        let refused = jws::verify(&stranger, &key.jwk(), &[*algorithm]).unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::BadSignature, "{algorithm}");
        assert_eq!(header_of(&stranger)["kid"], key.kid());
    }
}

#[test]
fn no_two_fixed_keys_are_the_same() {
    let families = [
        (Algorithm::RS256, 3),
        (Algorithm::ES256, 2),
        (Algorithm::ES384, 2),
        (Algorithm::ES512, 2),
        (Algorithm::EdDSA, 2),
    ];
    let mut thumbprints = std::collections::HashSet::new();
    for (algorithm, count) in families {
        for number in 0..count {
            let key = SigningKey::numbered("k", algorithm, number);
            assert!(thumbprints.insert(key.jwk().thumbprint()), "{algorithm} {number}");
        }
        assert!(thumbprints.insert(SigningKey::stranger("k", algorithm).jwk().thumbprint()));
    }
}

#[test]
fn a_token_is_right_unless_told_otherwise() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder().clock(clock.clone()).scope("orders:read").build();
    let token = issuer.token().build();
    let now = clock.now().as_secs();
    assert_eq!(header_of(&token), json!({ "alg": "RS256", "kid": "k1", "typ": "at+jwt" }));
    let expected = json!({
        "iss": "https://issuer.test", "aud": "https://api.example", "sub": "alice",
        "client_id": "test-client", "iat": now, "exp": now + 300, "jti": "token-1",
        "scope": "orders:read",
    });
    assert_eq!(claims_of(&token), expected);
    assert_eq!(claims_of(&issuer.token().build())["jti"], "token-2");
}

#[test]
fn the_identity_server_shape_is_that_of_the_article() {
    let clock = ManualClock::new();
    let issuer = MockIssuer::builder().clock(clock.clone()).build();
    let token = issuer.token().scope("openid api1").identity_server().build();
    let now = clock.now().as_secs();
    let expected = json!({
        "nbf": now, "exp": now + 3600, "iss": "https://issuer.test", "aud": "https://api.example",
        "client_id": "test-client", "sub": "alice", "auth_time": now, "idp": "local",
        "scope": ["openid", "api1"], "amr": ["custom"],
    });
    assert_eq!(claims_of(&token), expected);
}

#[test]
fn each_word_changes_one_thing() {
    let issuer = MockIssuer::new();
    let moment = UnixTime::from_secs(1234);
    let claims = claims_of(
        &issuer
            .token()
            .subject("bob")
            .audiences(&["a", "b"])
            .client_id("c")
            .issuer("i")
            .scope("s t")
            .expires_at(moment)
            .issued_at(moment)
            .not_before(moment)
            .claim("roles", json!(["r"]))
            .without("jti")
            .build(),
    );
    let expected = json!({
        "sub": "bob", "aud": ["a", "b"], "client_id": "c", "iss": "i", "scope": "s t",
        "exp": 1234, "iat": 1234, "nbf": 1234, "roles": ["r"],
    });
    assert_eq!(claims, expected);
    let header =
        header_of(&issuer.token().typ("JWT").kid("x").header("n", 1).without_header("alg").build());
    assert_eq!(header, json!({ "typ": "JWT", "kid": "x", "n": 1 }));
    let algorithm = issuer.token().algorithm(Algorithm::PS384).build();
    assert_eq!(header_of(&algorithm)["kid"], "k1", "the same RSA key");
    assert!(jws::verify(&algorithm, &bare(&issuer.signing_key()), &[Algorithm::PS384]).is_ok());
    let kid = issuer.add_key(Algorithm::ES384);
    assert_eq!(header_of(&issuer.token().algorithm(Algorithm::ES384).build())["kid"], *kid);
    for kind in [issuer.token().bound_by_dpop(), issuer.token().bound_by_certificate()] {
        assert!(claims_of(&kind.build())["cnf"].is_object());
    }
    let id_token = issuer.token().as_id_token("web").build();
    assert_eq!(header_of(&id_token)["typ"], "JWT");
    assert_eq!(claims_of(&id_token)["aud"], "web");
    assert!(claims_of(&issuer.token().as_logout_token("web").build())["events"].is_object());
}

#[test]
fn forgeries_are_what_they_say() {
    let issuer = MockIssuer::builder().algorithm(Algorithm::ES256).build();
    let (token, key) = (issuer.token(), issuer.signing_key().jwk());
    let judged = |token: &TokenBuilder| {
        jws::verify(&token.build(), &key, &[Algorithm::ES256]).map_err(|error| error.kind())
    };
    use AuthErrorKind::{BadSignature, MalformedJwt, UnsupportedAlgorithm};
    assert!(judged(&token).is_ok());
    for (name, forged, kind) in [
        ("psychic", token.clone().psychic_signature(), BadSignature),
        ("DER", token.clone().der_signature(), BadSignature),
        ("truncated", token.clone().truncated_signature(63), BadSignature),
        ("no signature", token.clone().signature(Vec::new()), BadSignature),
        ("first bit", token.clone().flipped_signature_bit(0), BadSignature),
        ("last bit", token.clone().flipped_signature_bit(511), BadSignature),
        ("respelled", token.clone().non_canonical_signature(), MalformedJwt),
        ("tampered", token.clone().tampered_claim("sub", "admin"), BadSignature),
        ("embedded jwk", token.clone().signed_by_embedded_key(), BadSignature),
        ("embedded x5c", token.clone().signed_by_embedded_certificate(), UnsupportedAlgorithm),
        ("crit", token.clone().critical(json!(["exp"])), MalformedJwt),
        ("b64", token.clone().unencoded_payload(), AuthErrorKind::IllegalCharacter),
        ("HS256", token.clone().signed_with_hmac(Algorithm::HS256, b""), UnsupportedAlgorithm),
    ] {
        assert_eq!(judged(&forged), Err(kind), "{name}");
    }
    for spelling in TokenBuilder::NONE_SPELLINGS {
        let text = token.clone().unsigned(spelling).build();
        assert!(text.ends_with('.'), "{spelling}");
        let header = header_of(&text);
        let expected = serde_json::from_str(spelling).unwrap_or(Value::Null);
        assert_eq!(header["alg"], expected, "{spelling}");
        assert_eq!(header.get("alg").is_none(), spelling.is_empty());
        assert_eq!(header["kid"], "k1");
    }
    let raw = token.clone().raw_payload(r#"{"sub":"a","sub":"b"}"#);
    assert_eq!(judged(&raw).unwrap(), br#"{"sub":"a","sub":"b"}"#, "properly signed");
    let der = segment(&token.clone().der_signature().build(), 2);
    assert_eq!((der[0], usize::from(der[1]) + 2), (0x30, der.len()));
}

#[test]
fn an_hmac_over_each_form_of_the_public_key_is_a_true_hmac() {
    for (algorithm, least) in
        [(Algorithm::RS256, 15), (Algorithm::ES256, 11), (Algorithm::EdDSA, 11)]
    {
        let issuer = MockIssuer::builder().algorithm(algorithm).build();
        let forms = issuer.signing_key().public_encodings();
        assert!(forms.len() >= least, "{forms:?}");
        for (name, form) in forms {
            let token = issuer.token().signed_with_hmac(Algorithm::HS256, &form).build();
            assert_eq!(header_of(&token)["alg"], "HS256");
            assert_eq!(header_of(&token)["kid"], "k1");
            if form.len() >= 32 {
                let secret = SigningKey::hmac("k1", Algorithm::HS256, &form).jwk();
                assert!(jws::verify(&token, &secret, &[Algorithm::HS256]).is_ok(), "{name}");
            }
        }
    }
    let forms = SigningKey::new("k", Algorithm::RS256).public_encodings();
    let form = |name: &str| forms.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    assert!(form("PEM SPKI").starts_with(b"-----BEGIN PUBLIC KEY-----\nMIIB"));
    assert!(form("PEM SPKI").ends_with(b"\n-----END PUBLIC KEY-----\n"));
    assert!(form("DER PKCS#1").starts_with(&[0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0]));
    assert_eq!(form("modulus").len(), 256);
    assert!(form("SSH line").starts_with(b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ"));
}

#[test]
fn keys_come_and_go() {
    let issuer = MockIssuer::new();
    let kids = || -> Vec<String> {
        let set = JwkSet::parse_remote(issuer.jwks_json().as_bytes(), 10).unwrap();
        assert!(set.skipped().is_empty());
        set.keys().iter().filter_map(Jwk::kid).map(str::to_owned).collect()
    };
    assert_eq!((issuer.rotate(), issuer.kid()), ("k2".to_owned(), "k2".to_owned()));
    assert_eq!(kids(), ["k1", "k2"]);
    assert_eq!(issuer.add_key(Algorithm::EdDSA), "k3");
    assert_eq!(issuer.kid(), "k2");
    assert_eq!(issuer.rotate_without_overlap(), "k4");
    assert_eq!(kids(), ["k4"]);
    let old = issuer.signing_key().jwk().thumbprint();
    issuer.swap_key_keeping_kid();
    assert_eq!(issuer.kid(), "k4");
    assert_ne!(issuer.signing_key().jwk().thumbprint(), old);
    assert_eq!(kids(), ["k4"]);
    issuer.withdraw("k4");
    assert!(kids().is_empty());
    assert_eq!(header_of(&issuer.token().build())["kid"], "k4", "it still signs");
    issuer.publish("[]");
    assert_eq!(issuer.jwks_json(), "[]");
    issuer.publish_keys();
    issuer.publish_key(SigningKey::stranger("mine", Algorithm::RS256));
    assert_eq!(kids(), ["mine"]);
}

#[test]
fn a_saved_issuer_has_the_same_keys() {
    let issuer = MockIssuer::builder().algorithm(Algorithm::ES256).build();
    for algorithm in [Algorithm::RS256, Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA] {
        issuer.add_key(algorithm);
    }
    issuer.publish_key(SigningKey::hmac("secret", Algorithm::HS256, &[7; 32]));
    issuer.publish_key(SigningKey::stranger("stranger", Algorithm::RS256));
    issuer.rotate();
    issuer.withdraw("k2");
    issuer.swap_key_keeping_kid();
    let again = MockIssuer::builder().restore(&issuer.save()).build();
    assert_eq!(again.jwks_json(), issuer.jwks_json());
    assert_eq!(again.kid(), issuer.kid());
    // the next key is the next one, and so is the next name
    let jti = |issuer: &MockIssuer| claims_of(&issuer.token().build())["jti"].clone();
    assert_eq!(jti(&again), jti(&issuer));
    assert_eq!((again.rotate(), again.jwks_json()), (issuer.rotate(), issuer.jwks_json()));
    // a document in place of the keys is saved, too
    issuer.publish("no keys");
    assert_eq!(MockIssuer::builder().restore(&issuer.save()).build().jwks_json(), "no keys");
}
