//! What the examples share: how `--check` plays requests over real HTTP and compares the answers,
//! and tokens to play them with.

#![allow(dead_code, reason = "each example uses what it needs")]

use std::{io, net::SocketAddr, process::ExitCode};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use portcullis::{
    BuildError, Clock, SystemClock,
    jwt::{Algorithm, JwtValidator, StaticKeys},
};
use tokio::net::TcpListener;

/// The program was started with `--check`.
pub fn checking() -> bool {
    std::env::args().any(|argument| argument == "--check")
}

/// Port 3000 for people, any free one for a check.
pub async fn listen() -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", if checking() { 0 } else { 3000 })).await
}

/// Plays requests and counts the answers that were not expected.
#[derive(Default)]
pub struct Check {
    base: String,
    client: reqwest::Client,
    played: usize,
    wrong: usize,
}

/// What a line must be answered: status, challenges (`""`: none) and body (`""`: empty).
pub type Answer<'a> = (u16, &'a str, &'a str);

impl Check {
    pub fn new(server: SocketAddr) -> Self {
        Self { base: format!("http://{server}"), ..Self::default() }
    }

    /// `line` is a method and a path, `who` says whose token it is; without one there is no
    /// `Authorization` header.
    pub async fn play(&mut self, line: &str, who: &str, token: Option<&str>, expected: Answer<'_>) {
        let (method, path) = line.split_once(' ').expect("a line is a method and a path");
        let method = method.parse().expect("a line begins with a method");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let (status, challenge, body) =
            answer(request).await.unwrap_or_else(|error| (0, String::new(), error.to_string()));
        self.compare(&format!("{line}, {who}:"), (status, &*challenge, &*body), expected);
    }

    /// Any other fact.
    pub fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        self.played += 1;
        if found == expected {
            println!("ok     {what} {found:?}");
        } else {
            self.wrong += 1;
            println!("WRONG  {what}\n         expected {expected:?}\n         found    {found:?}");
        }
    }

    /// 0 if every answer was the expected one.
    pub fn finish(self) -> ExitCode {
        println!("{} checks, {} wrong", self.played, self.wrong);
        if self.played > 0 && self.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The challenge of a 401: nothing was sent.
pub const MISSING: &str = r#"Bearer realm="api""#;
/// The challenge of a 401: the token was judged, and is not good.
pub const INVALID: &str = r#"Bearer realm="api", error="invalid_token", error_description="the access token is not valid""#;
/// The challenge of a 401: it was good once.
pub const EXPIRED: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="the access token expired""#;

/// The challenge of a 403.
pub fn insufficient(scope: &str) -> String {
    format!(r#"Bearer realm="api", error="insufficient_scope", scope="{scope}""#)
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, String, String)> {
    let response = request.send().await?;
    let challenges = response.headers().get_all(http::header::WWW_AUTHENTICATE).iter();
    let challenges: Vec<_> = challenges.map(|it| String::from_utf8_lossy(it.as_bytes())).collect();
    Ok((response.status().as_u16(), challenges.join("\n"), response.text().await?))
}

/// A JWT access token as this issuer would sign it, good for an hour. `more` are further claims.
///
/// Examples that show something else than the issuer share a secret with it, so that nothing need
/// be running; see `quickstart` and `resource_server` for keys found by discovery.
pub fn token(sub: &str, scope: &str, more: serde_json::Value) -> String {
    let now = SystemClock.now().as_secs();
    let mut claims = serde_json::json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": sub, "client_id": "demo", "scope": scope,
        "iat": now, "exp": now + 3600, "jti": format!("{sub}-{now}"),
    });
    if let (Some(claims), Some(more)) = (claims.as_object_mut(), more.as_object()) {
        claims.extend(more.clone());
    }
    let header = r#"{"alg":"HS256","typ":"at+jwt"}"#;
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims.to_string()));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(mac))
}

/// Who accepts these tokens.
pub fn validator() -> Result<JwtValidator, BuildError> {
    JwtValidator::builder(StaticKeys::hmac(Algorithm::HS256, SECRET)?)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .algorithms([Algorithm::HS256])
        .build()
}

const ISSUER: &str = "https://login.example";
const AUDIENCE: &str = "https://api.example";
const SECRET: &[u8] = b"for demonstrations only, and long enough";
