//! Tokens from raw text: whatever stands in header and payload, by any key, under any algorithm.

use std::fmt;

use aws_lc_rs::{hmac, rand::SystemRandom, signature as lc};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// A key that signs. Those in files are the fixed test keys.
#[derive(Clone, Debug)]
pub enum Key {
    Ed25519(&'static [u8], &'static [u8]),
    P256(&'static [u8], &'static [u8]),
    P384(&'static [u8], &'static [u8]),
    P521(&'static [u8], &'static [u8]),
    Rsa(&'static [u8], &'static [u8]),
    Secret(Vec<u8>),
}

macro_rules! keys {
    ($($name:ident = $kind:ident $file:literal)+) => {$(
        #[allow(dead_code, reason = "a set of fixed keys, not each used")]
        pub const $name: Key = Key::$kind(
            include_bytes!(concat!("../../src/testing/keys/", $file, ".private.der")),
            include_bytes!(concat!("../../src/testing/keys/", $file, ".public.der")),
        );
    )+};
}

keys! {
    ED25519_1 = Ed25519 "ed25519-1"
    ED25519_2 = Ed25519 "ed25519-2"
    P256_1 = P256 "p256-1"
    P256_2 = P256 "p256-2"
    P256_3 = P256 "p256-3"
    P384_1 = P384 "p384-1"
    P521_1 = P521 "p521-1"
    RSA_1 = Rsa "rsa-1"
    RSA_2 = Rsa "rsa-2"
    RSA_3 = Rsa "rsa-3"
}

impl Key {
    /// A signature under the algorithm of this name.
    pub fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let ecdsa = |scheme: &'static lc::EcdsaSigningAlgorithm, private| {
            let pair = lc::EcdsaKeyPair::from_private_key_der(scheme, private).unwrap();
            pair.sign(&random, message).unwrap().as_ref().to_vec()
        };
        match (self, algorithm) {
            (Self::Ed25519(private, _), "EdDSA" | "Ed25519") => {
                lc::Ed25519KeyPair::from_pkcs8_maybe_unchecked(private)
                    .unwrap()
                    .sign(message)
                    .as_ref()
                    .to_vec()
            }
            (Self::P256(private, _), "ES256") => {
                ecdsa(&lc::ECDSA_P256_SHA256_FIXED_SIGNING, private)
            }
            (Self::P256(private, _), "ES256 in DER") => {
                ecdsa(&lc::ECDSA_P256_SHA256_ASN1_SIGNING, private)
            }
            (Self::P384(private, _), "ES384") => {
                ecdsa(&lc::ECDSA_P384_SHA384_FIXED_SIGNING, private)
            }
            (Self::P521(private, _), "ES512") => {
                ecdsa(&lc::ECDSA_P521_SHA512_FIXED_SIGNING, private)
            }
            (Self::Rsa(private, _), _) => {
                let padding: &dyn lc::RsaEncoding = match algorithm {
                    "RS256" => &lc::RSA_PKCS1_SHA256,
                    "RS384" => &lc::RSA_PKCS1_SHA384,
                    "RS512" => &lc::RSA_PKCS1_SHA512,
                    "PS256" => &lc::RSA_PSS_SHA256,
                    "PS384" => &lc::RSA_PSS_SHA384,
                    "PS512" => &lc::RSA_PSS_SHA512,
                    _ => panic!("RSA has no {algorithm}"),
                };
                let pair = lc::RsaKeyPair::from_der(private).unwrap();
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            (Self::Secret(secret), _) => {
                let hash = match algorithm {
                    "HS256" => hmac::HMAC_SHA256,
                    "HS384" => hmac::HMAC_SHA384,
                    "HS512" => hmac::HMAC_SHA512,
                    _ => panic!("a secret has no {algorithm}"),
                };
                hmac::sign(&hmac::Key::new(hash, secret), message).as_ref().to_vec()
            }
            _ => panic!("the key has no {algorithm}"),
        }
    }

    /// The members of its public JWK, without braces. Secrets have `k`.
    pub fn members(&self) -> String {
        let ec = |curve: &str, public: &[u8], coordinate: usize| {
            let (x, y) = public[public.len() - 2 * coordinate..].split_at(coordinate);
            format!(r#""kty":"EC","crv":"{curve}","x":"{}","y":"{}""#, encode(x), encode(y))
        };
        match self {
            Self::Ed25519(_, public) => {
                let x = encode(&public[public.len() - 32..]);
                format!(r#""kty":"OKP","crv":"Ed25519","x":"{x}""#)
            }
            Self::P256(_, public) => ec("P-256", public, 32),
            Self::P384(_, public) => ec("P-384", public, 48),
            Self::P521(_, public) => ec("P-521", public, 66),
            Self::Rsa(_, _) => {
                format!(r#""kty":"RSA","n":"{}","e":"AQAB""#, encode(self.modulus()))
            }
            Self::Secret(secret) => format!(r#""kty":"oct","k":"{}""#, encode(secret)),
        }
    }

    /// Its public JWK with further members, each with a comma before it.
    pub fn jwk(&self, kid: &str, more: &str) -> String {
        format!(r#"{{"kid":"{kid}",{}{more}}}"#, self.members())
    }

    /// The public half as SubjectPublicKeyInfo.
    pub fn public(&self) -> &'static [u8] {
        match self {
            Self::Ed25519(_, public)
            | Self::P256(_, public)
            | Self::P384(_, public)
            | Self::P521(_, public)
            | Self::Rsa(_, public) => public,
            Self::Secret(_) => panic!("a secret has no public half"),
        }
    }

    /// The modulus of an RSA key with 2048 bits: 256 bytes before the exponent 65537.
    pub fn modulus(&self) -> &'static [u8] {
        let public = self.public();
        &public[public.len() - 5 - 256..public.len() - 5]
    }
}

/// The members of a JSON object, each value as raw text.
#[derive(Clone, Debug)]
pub struct Members(Vec<(String, String)>);

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            write!(f, r#"{}"{name}":{value}"#, if at == 0 { "" } else { "," })?;
        }
        f.write_str("}")
    }
}

impl Members {
    fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, place)) => value.clone_into(place),
            None => self.0.push((name.into(), value.into())),
        }
    }
}

/// A token being forged, or an honest one: [`token`] starts as an honest one.
#[derive(Clone, Debug)]
pub struct Token {
    header: Members,
    header_text: Option<Vec<u8>>,
    claims: Members,
    payload: Option<Vec<u8>>,
    key: Key,
    algorithm: &'static str,
}

/// The time at which [`token`] was issued five seconds ago, in seconds.
pub const NOW: u64 = 1_800_000_000;
pub const ISSUER: &str = "https://login.example";
pub const AUDIENCE: &str = "https://api.example";

/// An access token to the letter of RFC 9068, signed by [`P256_1`] with ES256; `kid` is `p256-1`.
pub fn token() -> Token {
    let member = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let header = [("alg", r#""ES256""#), ("kid", r#""p256-1""#), ("typ", r#""at+jwt""#)];
    let claims = [
        ("iss", r#""https://login.example""#),
        ("sub", r#""alice""#),
        ("aud", r#""https://api.example""#),
        ("client_id", r#""app""#),
        ("iat", "1799999995"),
        ("exp", "1800000300"),
        ("jti", r#""t-1""#),
        ("scope", r#""orders.read openid""#),
    ];
    Token {
        header: Members(header.map(member).into()),
        header_text: None,
        claims: Members(claims.map(member).into()),
        payload: None,
        key: P256_1,
        algorithm: "ES256",
    }
}

impl Token {
    /// Sets a header parameter to raw JSON.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.header.set(name, value);
        self
    }

    /// Takes a header parameter away.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.0.retain(|(known, _)| known != name);
        self
    }

    /// The whole header.
    pub fn raw_header(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.header_text = Some(text.into());
        self
    }

    /// Sets a claim to raw JSON.
    pub fn claim(mut self, name: &str, value: &str) -> Self {
        self.claims.set(name, value);
        self
    }

    /// Adds a member to the claims, whether or not one of that name is there.
    pub fn second_claim(mut self, name: &str, value: &str) -> Self {
        self.claims.0.push((name.into(), value.into()));
        self
    }

    /// Takes a claim away.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.0.retain(|(known, _)| known != name);
        self
    }

    /// The whole payload.
    pub fn payload(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(bytes.into());
        self
    }

    /// Signs with this key; `kid` and `alg` in the header stay what they are.
    pub fn key(mut self, key: &Key, algorithm: &'static str) -> Self {
        self.key = key.clone();
        self.algorithm = algorithm;
        self
    }

    /// Signs with this key, and says so in the header.
    pub fn by(self, kid: &str, key: &Key, algorithm: &'static str) -> Self {
        self.header("alg", &format!("{algorithm:?}"))
            .header("kid", &format!("{kid:?}"))
            .key(key, algorithm)
    }

    /// The header's text, as it is signed.
    pub fn header_bytes(&self) -> Vec<u8> {
        self.header_text.clone().unwrap_or_else(|| self.header.to_string().into_bytes())
    }

    /// The payload's text, as it is signed.
    pub fn payload_bytes(&self) -> Vec<u8> {
        self.payload.clone().unwrap_or_else(|| self.claims.to_string().into_bytes())
    }

    /// Header, dot, payload.
    pub fn signed(&self) -> String {
        format!("{}.{}", encode(self.header_bytes()), encode(self.payload_bytes()))
    }

    /// The signature's bytes.
    pub fn signature(&self) -> Vec<u8> {
        self.key.sign(self.algorithm, self.signed().as_bytes())
    }

    /// The compact form.
    pub fn text(&self) -> String {
        let signed = self.signed();
        let signature = self.key.sign(self.algorithm, signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }

    /// The compact form with these bytes for a signature.
    pub fn with_signature(&self, signature: impl AsRef<[u8]>) -> String {
        format!("{}.{}", self.signed(), encode(signature))
    }
}

/// base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
