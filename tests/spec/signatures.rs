//! Signatures that are none, and keys too weak to make one (RFC 7518 §3, RFC 8032 §5.1.7).

use AuthErrorKind::{
    BadSignature, MalformedJwt, PlaceholderToken, UnknownKey, UnsupportedAlgorithm,
};
use portcullis::{
    AuthErrorKind,
    jwt::{Algorithm, Jwk, StaticKeys},
};
use serde_json::Value;

use super::{algorithms::PAIRS, ledger};
use crate::support::{
    sign::{ED25519_1, Key, P256_1, P384_1, P521_1, RSA_1, encode, token},
    stand::{Attack, Stand, all_refused, stand},
};

chapter! {
    async fn forged_signatures;
    async fn macs_are_compared_whole_and_in_constant_time;
    async fn ecdsa_scalars;
    async fn eddsa_is_strict;
    async fn corpus_of_forged_signatures;
    async fn weak_keys_verify_nothing;
    async fn a_cut_signature_is_none;
}

const FORGED: &[Attack] = &[
    Attack {
        id: "ALG-01 7518-06 7519-26 9068-05",
        what: "none, the dot kept",
        token: || token().header("alg", r#""none""#).signed() + ".",
        reason: UnsupportedAlgorithm,
    },
    Attack {
        id: "ALG-01",
        what: "none, without the last dot",
        token: || token().header("alg", r#""none""#).signed(),
        reason: MalformedJwt,
    },
    Attack {
        id: "ALG-03",
        what: "none with the signature of the token that it was",
        token: || token().header("alg", r#""none""#).with_signature(token().signature()),
        reason: UnsupportedAlgorithm,
    },
    Attack {
        id: "7518-06",
        what: "no signature under an allowed algorithm",
        token: || token().signed() + ".",
        reason: BadSignature,
    },
    Attack {
        id: "ALG-14 7518-04",
        what: "ECDSA signature in DER",
        token: || token().key(&P256_1, "ES256 in DER").text(),
        reason: BadSignature,
    },
    Attack {
        id: "ALG-14 7518-04",
        what: "one zero before the signature",
        token: || token().with_signature([&[0], &token().signature()[..]].concat()),
        reason: BadSignature,
    },
    Attack {
        id: "ALG-14 7518-04",
        what: "each half padded to the length of ES384",
        token: || {
            let token = token();
            let (r, s) = (&token.signature()[..32], &token.signature()[32..]);
            token.with_signature([&[0; 16], r, &[0; 16], s].concat())
        },
        reason: BadSignature,
    },
    Attack {
        id: "ALG-14 7518-04",
        what: "the last byte cut off",
        token: || token().with_signature(&token().signature()[..63]),
        reason: BadSignature,
    },
    Attack {
        id: "ALG-20 7515-25",
        what: "PKCS #1 under the name of PSS",
        token: || token().by("rsa-1", &RSA_1, "PS256").key(&RSA_1, "RS256").text(),
        reason: BadSignature,
    },
    Attack {
        id: "ALG-20",
        what: "PSS under the name of PKCS #1",
        token: || token().by("rsa-1", &RSA_1, "RS256").key(&RSA_1, "PS256").text(),
        reason: BadSignature,
    },
    Attack {
        id: "ALG-20",
        what: "PSS with another hash, and so another salt",
        token: || token().by("rsa-1", &RSA_1, "PS256").key(&RSA_1, "PS384").text(),
        reason: BadSignature,
    },
    Attack {
        id: "7515-24",
        what: "the digest of SHA-256 where alg says SHA-512",
        token: || token().by("rsa-1", &RSA_1, "RS512").key(&RSA_1, "RS256").text(),
        reason: BadSignature,
    },
    Attack {
        id: "7515-24",
        what: "the digest of SHA-512 where alg says SHA-256",
        token: || token().by("rsa-1", &RSA_1, "RS256").key(&RSA_1, "RS512").text(),
        reason: BadSignature,
    },
    Attack {
        id: "ALG-23",
        what: "the payload of another token",
        token: || {
            let signature = token().signature();
            token().claim("sub", r#""admin""#).with_signature(signature)
        },
        reason: BadSignature,
    },
    Attack {
        id: "ALG-23 7515-26",
        what: "a compact token inside flattened JSON (CVE-2022-39227)",
        token: || {
            let (forged, real) = (token().claim("sub", r#""admin""#), token());
            format!(
                r#"{{"{}.":"","protected":"{}","payload":"{}","signature":"{}"}}"#,
                forged.signed(),
                encode(real.header_bytes()),
                encode(real.payload_bytes()),
                encode(real.signature()),
            )
        },
        reason: PlaceholderToken,
    },
    Attack {
        id: "ALG-24 7515-26",
        what: "flattened JSON whose unprotected header names the algorithm",
        token: || {
            format!(
                r#"{{"header":{{"alg":"ES256","kid":"p256-1"}},"payload":"{}","signature":"{}"}}"#,
                encode(token().payload_bytes()),
                encode(token().signature()),
            )
        },
        reason: PlaceholderToken,
    },
    Attack {
        id: "ALG-24 7515-26",
        what: "general JSON, honestly signed",
        token: || {
            format!(
                r#"{{"payload":"{}","signatures":[{{"protected":"{}","signature":"{}"}}]}}"#,
                encode(token().payload_bytes()),
                encode(token().header_bytes()),
                encode(token().signature()),
            )
        },
        reason: PlaceholderToken,
    },
];

async fn forged_signatures() {
    all_refused(&stand(), FORGED).await;
}

/// What can be seen from outside is that every bit counts; what compares is one call that takes the
/// same time wherever the difference lies.
async fn macs_are_compared_whole_and_in_constant_time() {
    let secret = Key::Secret(vec![0x5a; 32]);
    let keys = StaticKeys::hmac_named("s", Algorithm::HS256, vec![0x5a; 32]).unwrap();
    let stand = Stand::new(keys, |builder| builder.algorithms([Algorithm::HS256]));
    let honest = token().by("s", &secret, "HS256");
    for place in 0..32 {
        let mut mac = honest.signature();
        mac[place] ^= 1;
        stand.refuses(&honest.with_signature(&mac), BadSignature).await;
        stand.refuses(&honest.with_signature(&honest.signature()[..place]), BadSignature).await;
    }
    let room = include_str!("../../src/crypto/hmac.rs");
    let code = room.split("#[cfg(test)]").next().unwrap();
    assert!(code.contains("lc::verify(") && !code.contains("tag =="), "a comparison of its own");
    ledger::passed("7518-02");
}

/// RFC 7518 §3.4: both numbers lie in [1, n - 1].
async fn ecdsa_scalars() {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let stand = stand();
    let mut one = [0; 32];
    one[31] = 1;
    let (mut below, mut above) = (ORDER, ORDER);
    below[31] -= 1;
    above[31] += 1;
    let honest = token().signature();
    let edges = [[0; 32], one, below, ORDER, above, [0xff; 32]];
    for r in edges.iter().map(<[u8; 32]>::as_slice).chain([&honest[..32]]) {
        for s in edges.iter().map(<[u8; 32]>::as_slice).chain([&honest[32..]]) {
            if (r, s) != (&honest[..32], &honest[32..]) {
                stand.refuses(&token().with_signature([r, s].concat()), BadSignature).await;
            }
        }
    }
    for (algorithm, kid, key, length) in
        [("ES384", "p384-1", P384_1, 96), ("ES512", "p521-1", P521_1, 132)]
    {
        let forged = token().by(kid, &key, algorithm);
        for fill in [0, 0xff] {
            stand.refuses(&forged.with_signature(vec![fill; length]), BadSignature).await;
        }
    }
    ledger::passed("ALG-13 7518-05");
}

async fn eddsa_is_strict() {
    // the order of the group, least significant byte first
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let stand = stand();
    let honest = token().by("ed25519-1", &ED25519_1, "EdDSA");
    let mut signature = honest.signature();
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    stand.refuses(&honest.with_signature(&signature), BadSignature).await;
    let mut identity = [0; 64];
    identity[0] = 1;
    stand.refuses(&honest.with_signature(identity), BadSignature).await;
    // y = 1 written as p + 1
    let mut loose = identity;
    loose[..32].fill(0xff);
    (loose[0], loose[31]) = (0xee, 0x7f);
    stand.refuses(&honest.with_signature(loose), BadSignature).await;
    for length in [0, 32, 63, 65, 128] {
        stand.refuses(&honest.with_signature(vec![1; length]), BadSignature).await;
    }

    // keys of small order, and keys of other curves with the same bytes
    let x = encode(&ED25519_1.public()[12..]);
    for (curve, x) in [
        ("Ed25519", encode(&identity[..32])),
        ("Ed25519", encode([0; 32])),
        ("Ed25519", encode(&loose[..32])),
        ("Ed448", x.clone()),
        ("X25519", x.clone()),
        ("ed25519", x.clone()),
        ("P-256", x.clone()),
    ] {
        let jwk = format!(r#"{{"kid":"k","kty":"OKP","crv":"{curve}","x":"{x}"}}"#);
        assert!(Jwk::parse(jwk.as_bytes()).is_err(), "{jwk}");
        let stand = Stand::with_keys([P256_1.jwk("p256-1", ""), jwk], |builder| builder);
        let forged = token().by("k", &ED25519_1, "EdDSA");
        stand.refuses(&forged.text(), UnknownKey).await;
        stand.refuses(&forged.with_signature(identity), UnknownKey).await;
        stand.accepts(&token().text()).await;
    }
    for kty in ["EC", "RSA", "oct"] {
        let jwk = format!(r#"{{"kid":"k","kty":"{kty}","crv":"Ed25519","x":"{x}"}}"#);
        assert!(Jwk::parse(jwk.as_bytes()).is_err(), "{jwk}");
    }
    ledger::passed("ALG-16 ALG-17 8037-01");
}

/// Wycheproof's forgeries through the whole stack: padding, salts, primitives, scalars.
async fn corpus_of_forged_signatures() {
    let corpus = include_str!("../data/vectors/jose/wycheproof_jws.json");
    let corpus: Value = serde_json::from_str(corpus).unwrap();
    let mut padding = 0;
    for group in corpus["testGroups"].as_array().unwrap() {
        let key = group["public"].to_string();
        let set = format!(r#"{{"keys":[{key}]}}"#);
        let Ok(keys) = StaticKeys::from_jwk_set(set.as_bytes()) else { continue };
        let stand = Stand::new(keys, |builder| builder.accept_missing_type());
        for case in group["tests"].as_array().unwrap() {
            let (Some(text), Some("reject")) = (case["jws"].as_str(), case["expect"].as_str())
            else {
                continue;
            };
            if text.is_empty() {
                continue; // no credential, which is 400
            }
            let answer = stand.send(text).await;
            let reason = answer.reason.unwrap();
            answer.is_refused(text, reason);
            assert!(
                matches!(
                    reason,
                    BadSignature
                        | MalformedJwt
                        | UnknownKey
                        | UnsupportedAlgorithm
                        | AuthErrorKind::IllegalCharacter
                        | PlaceholderToken
                ),
                "{}: {reason}",
                case["tcId"]
            );
            padding += usize::from(case["flags"].to_string().contains("ModifiedPadding"));
        }
    }
    assert!(padding > 100, "{padding} cases of modified padding");
    ledger::passed("ALG-13 ALG-19 ALG-20");
}

/// Skipped in a set whose other keys go on.
async fn weak_keys_verify_nothing() {
    let rsa = |modulus: &[u8], exponent: &[u8]| {
        let (n, e) = (encode(modulus), encode(exponent));
        format!(r#"{{"kid":"rsa-1","kty":"RSA","n":"{n}","e":"{e}"}}"#)
    };
    let modulus = RSA_1.modulus();
    let odd = |length: usize| [&[0xc1][..], &vec![0x55; length - 2], &[0x01]].concat();
    for jwk in [
        rsa(&modulus[128..], &[1, 0, 1]),
        rsa(&odd(128), &[1, 0, 1]),
        rsa(&odd(255), &[1, 0, 1]),
        rsa(&odd(1025), &[1, 0, 1]),
        rsa(&odd(100_000), &[1, 0, 1]),
        rsa(&[0x80; 256], &[1, 0, 1]),
        rsa(&roca(), &[1, 0, 1]),
        rsa(modulus, &[]),
        rsa(modulus, &[0]),
        rsa(modulus, &[1]),
        rsa(modulus, &[2]),
        rsa(modulus, &[3]),
        rsa(modulus, &[1, 0, 0]),
        rsa(modulus, &[1; 9]),
        rsa(modulus, modulus),
    ] {
        assert!(Jwk::parse(jwk.as_bytes()).is_err(), "{jwk}");
        let stand = Stand::with_keys([jwk, P256_1.jwk("p256-1", "")], |builder| builder);
        for algorithm in ["RS256", "PS256"] {
            let forged = token().by("rsa-1", &RSA_1, algorithm).text();
            stand.refuses(&forged, UnknownKey).await;
        }
        stand.accepts(&token().text()).await;
    }
    ledger::passed("ALG-21 7518-03 7518-08");
}

/// A modulus that is 1 modulo all small primes, as those of CVE-2017-15361 are powers of 65537.
fn roca() -> [u8; 256] {
    const PRIMES: [u128; 17] =
        [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    let product: u128 = PRIMES.iter().product();
    let mut bytes = [0; 256];
    bytes[0] = 0x80;
    let residue =
        bytes.iter().fold(0, |rest: u128, byte| (rest << 8 | u128::from(*byte)) % product);
    let low = product - residue + 1;
    // odd, so that nothing else is wrong with it
    let low = if low % 2 == 1 { low } else { low + product };
    bytes[240..].copy_from_slice(&low.to_be_bytes());
    bytes
}

async fn a_cut_signature_is_none() {
    let stand = stand();
    for (algorithm, kid, key) in &PAIRS {
        let honest = token().by(kid, key, algorithm);
        let signature = honest.signature();
        for length in 0..signature.len() {
            let cut = honest.with_signature(&signature[..length]);
            stand.send(&cut).await.is_refused(&cut, BadSignature);
        }
        for more in [&[0][..], &[1], &signature] {
            let longer = honest.with_signature([&signature[..], more].concat());
            stand.refuses(&longer, BadSignature).await;
        }
    }
    ledger::passed("ALG-22");
}
