//! What the benches share: an issuer's keys and tokens, and services to put a gate around.
#![allow(dead_code)] // each bench uses a part of it

pub mod compare;

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{
        self as lc, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, Response, header};
use portcullis::{
    AuthenticateLayer, Bearer, Caller, Scheme,
    jwt::{Algorithm, Jwk, JwtValidator, StaticKeys},
    policy,
    require::RequireLayer,
    token::{Cached, TokenValidator},
};
use tower_layer::Layer;
use tower_service::Service;

pub const ISSUER: &str = "https://login.example";
pub const AUDIENCE: &str = "https://api.example";
pub const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

/// The claims that the handlers ask for.
#[derive(serde::Deserialize)]
pub struct Claims {
    pub sub: String,
    pub scope: String,
    pub exp: u64,
}

/// One key of an issuer, with all that signs and verifies by it.
pub struct Key {
    pub algorithm: Algorithm,
    pub kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    pub fn new(algorithm: Algorithm, kid: &str) -> Self {
        let pair = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => {
                Pair::Rsa(RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap())
            }
            Algorithm::ES256 => {
                Pair::P256(EcdsaKeyPair::generate(&lc::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            }
            Algorithm::EdDSA => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            other => panic!("no bench signs with {other}"),
        };
        Self { algorithm, kid: kid.into(), pair }
    }

    /// As the crypto library encodes it: RSAPublicKey, a point, or 32 bytes.
    pub fn public(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::P256(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    pub fn jwk(&self) -> Jwk {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = self.public();
        let members = match &self.pair {
            // SEQUENCE (4 octets), INTEGER (4), a zero octet, the modulus, INTEGER 65537
            Pair::Rsa(_) => format!(r#""kty":"RSA","e":"AQAB","n":"{}""#, encode(&public[9..265])),
            Pair::P256(_) => {
                let (x, y) = (encode(&public[1..33]), encode(&public[33..]));
                format!(r#""kty":"EC","crv":"P-256","x":"{x}","y":"{y}""#)
            }
            Pair::Ed25519(_) => format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, encode(public)),
        };
        let (kid, alg) = (&self.kid, self.algorithm);
        Jwk::parse(format!(r#"{{"kid":"{kid}","alg":"{alg}",{members}}}"#).as_bytes()).unwrap()
    }

    /// The crypto library's own prepared key, to compare with.
    pub fn raw(&self) -> ParsedPublicKey {
        let public = self.public();
        match self.algorithm {
            Algorithm::RS256 => ParsedPublicKey::new(&lc::RSA_PKCS1_2048_8192_SHA256, public),
            Algorithm::PS256 => ParsedPublicKey::new(&lc::RSA_PSS_2048_8192_SHA256, public),
            Algorithm::ES256 => ParsedPublicKey::new(&lc::ECDSA_P256_SHA256_FIXED, public),
            _ => ParsedPublicKey::new(&lc::ED25519, public),
        }
        .unwrap()
    }

    /// A second validator's key of the same back end.
    pub fn jsonwebtoken(&self) -> jsonwebtoken::DecodingKey {
        match &self.pair {
            Pair::Rsa(_) => jsonwebtoken::DecodingKey::from_rsa_der(self.public()),
            Pair::P256(_) => jsonwebtoken::DecodingKey::from_ec_der(self.public()),
            Pair::Ed25519(_) => jsonwebtoken::DecodingKey::from_ed_der(self.public()),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let padding: &'static dyn lc::RsaEncoding = match self.algorithm {
                    Algorithm::PS256 => &lc::RSA_PSS_SHA256,
                    _ => &lc::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// An access token (RFC 9068) of about 500 bytes of claims and header, valid for an hour.
    pub fn token(&self, issuer: &str, jti: usize) -> String {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let header =
            format!(r#"{{"alg":"{}","typ":"at+jwt","kid":"{}"}}"#, self.algorithm, self.kid);
        let claims = format!(
            r#"{{"iss":"{issuer}","aud":"{AUDIENCE}","sub":"f1c5a1f0-3c1e-4b8e-9f57-0c2d8a6f4e11","client_id":"web-shop","iat":{now},"exp":{},"jti":"{jti:032x}","scope":"openid profile orders:read orders:write","name":"Alice Liddell","email":"alice@example.com","roles":["staff","support"]}}"#,
            now + 3600
        );
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = encode(&self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// What the signature is of, and the signature.
pub fn signed_parts(token: &str) -> (&str, Vec<u8>) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    (signed, URL_SAFE_NO_PAD.decode(signature).unwrap())
}

pub fn validator(issuer: &str, keys: impl IntoIterator<Item = Jwk>) -> JwtValidator {
    JwtValidator::builder(StaticKeys::new(keys).unwrap())
        .issuer(issuer)
        .audience(AUDIENCE)
        .build()
        .unwrap()
}

pub fn many_keys(count: usize) -> Vec<Key> {
    (0..count).map(|i| Key::new(Algorithm::EdDSA, &format!("key-{i}"))).collect()
}

/// A validator of so many keys, and a token signed by one in the middle.
pub fn validator_of_keys(count: usize) -> (JwtValidator, String) {
    let keys = many_keys(count);
    let token = keys[count / 2].token(ISSUER, 0);
    (validator(ISSUER, keys.iter().map(Key::jwk)), token)
}

/// A validator of so many issuers with a key each, and a token of one in the middle.
pub fn validator_of_issuers(count: usize) -> (JwtValidator, String) {
    let name = |i| format!("https://login-{i}.example");
    let keys = many_keys(count);
    let token = keys[count / 2].token(&name(count / 2), 0);
    let validators = keys.iter().enumerate().map(|(i, key)| validator(&name(i), [key.jwk()]));
    (JwtValidator::several(validators).unwrap(), token)
}

pub fn gate(validator: impl TokenValidator + 'static) -> AuthenticateLayer {
    AuthenticateLayer::new((Scheme::bearer(Bearer, validator),)).unwrap()
}

/// Gate, requirement, and a handler that takes the typed claims.
pub fn protected(
    validator: impl TokenValidator + 'static,
) -> impl Service<Request<()>, Response = Response<()>, Error = Infallible> + Clone {
    let gate = gate(validator);
    let require: RequireLayer<_> = gate.require(policy::any_scheme()).unwrap();
    gate.layer(require.layer(Typed))
}

pub fn request(token: Option<&str>) -> Request<()> {
    let mut request = Request::get("https://api.example/orders")
        .header(header::HOST, "api.example")
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, "bench");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(()).unwrap()
}

/// Answers without looking.
#[derive(Clone, Debug)]
pub struct Bare;

impl Service<Request<()>> for Bare {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        drop(request);
        ready(Ok(Response::new(())))
    }
}

/// Inserts one `Arc` into the extensions: what any layer that tells a handler something costs.
#[derive(Clone, Debug)]
pub struct InsertOne<S>(pub S, pub Arc<Claims>);

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claims")
    }
}

impl<S: Service<Request<()>>> Service<Request<()>> for InsertOne<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<()>) -> Self::Future {
        request.extensions_mut().insert(Arc::clone(&self.1));
        self.0.call(request)
    }
}

pub fn identity_layer() -> InsertOne<TakesArc> {
    let claims = Claims { sub: "alice".into(), scope: String::new(), exp: 0 };
    InsertOne(TakesArc, Arc::new(claims))
}

/// Takes the `Arc` of [`InsertOne`].
#[derive(Clone, Debug)]
pub struct TakesArc;

impl Service<Request<()>> for TakesArc {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let claims = request.extensions().get::<Arc<Claims>>().map(Arc::clone);
        assert!(claims.is_some());
        ready(Ok(Response::new(())))
    }
}

/// Takes the typed claims of the caller.
#[derive(Clone, Debug)]
pub struct Typed;

impl Service<Request<()>> for Typed {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let caller = Caller::<Claims>::from_extensions(request.extensions());
        assert!(caller.is_ok_and(|caller| caller.exp > 0));
        ready(Ok(Response::new(())))
    }
}

/// The layer that one writes by hand around jsonwebtoken: header, key by `kid`, decode into the
/// handler's type, insert. It checks signature, `iss`, `aud` and `exp`; not `typ`, not what RFC 9068
/// demands, not duplicate members.
#[derive(Clone)]
pub struct HandWritten<S> {
    pub inner: S,
    pub keys: Arc<std::collections::HashMap<String, jsonwebtoken::DecodingKey>>,
    pub validation: Arc<jsonwebtoken::Validation>,
}

impl<S> HandWritten<S> {
    pub fn new(inner: S, key: &Key) -> Self {
        // an Err says that a provider is installed already
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let mut validation = jsonwebtoken::Validation::new(match key.algorithm {
            Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::PS256 => jsonwebtoken::Algorithm::PS256,
            Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
            _ => jsonwebtoken::Algorithm::EdDSA,
        });
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        let keys = [(key.kid.clone(), key.jsonwebtoken())].into();
        Self { inner, keys: Arc::new(keys), validation: Arc::new(validation) }
    }

    fn claims(&self, request: &Request<()>) -> Option<Claims> {
        let token = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))?;
        let header = jsonwebtoken::decode_header(token).ok()?;
        let key = self.keys.get(header.kid.as_deref()?)?;
        jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok().map(|data| data.claims)
    }
}

impl<S: Service<Request<()>, Response = Response<()>>> Service<Request<()>> for HandWritten<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<()>) -> Self::Future {
        let claims = self.claims(&request).expect("the bench sends good tokens only");
        request.extensions_mut().insert(Arc::new(claims));
        self.inner.call(request)
    }
}

/// Calls a service whose future is ready at once, as everything without a network is.
pub fn call<S>(service: &mut S, request: Request<()>) -> Response<()>
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    match pin!(service.call(request)).poll(&mut cx) {
        Poll::Ready(Ok(response)) => response,
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => panic!("a bench has nothing to wait for"),
    }
}

pub fn cached(validator: JwtValidator) -> Cached<JwtValidator> {
    Cached::new(validator)
}

/// Not a JWT, and as long as one.
pub fn garbage() -> String {
    "deadbeef".repeat(80)
}

pub fn parts() -> http::request::Parts {
    request(None).into_parts().0
}
