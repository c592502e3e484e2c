//! A token format of one's own: `v1.payload.mac`, signed with HMAC-SHA256.
//!
//! One method is written, [`TokenValidator::validate`]. Transport, cache, challenges, policies and
//! typed claims come with it.
//!
//! ```text
//! cargo run --example custom_token_format
//! cargo run --example custom_token_format -- --check
//! ```

mod support;

use std::{
    error::Error,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::hmac;
use axum::{Router, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, BearerAuth, BuildError, Caller, Clock, Identity, Scope,
    SystemClock, UnixTime, policy,
    token::{Presented, TokenValidator},
};
use serde::{Deserialize, Serialize};
use support::{EXPIRED, INVALID, MISSING};

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Ticket {
    sub: String,
    scope: String,
    exp: u64,
}

/// Signs tokens, and judges them.
#[derive(Debug)]
struct V1Tokens {
    key: hmac::Key,
    judged: AtomicUsize,
}

impl TokenValidator for V1Tokens {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        self.judged.fetch_add(1, Ordering::Relaxed);
        Attempt::ready(self.judge(presented.token())) // nothing to wait for
    }
}

impl V1Tokens {
    fn new(secret: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), judged: AtomicUsize::new(0) }
    }

    /// The signature first: nothing that is not signed is parsed.
    fn judge(&self, token: &str) -> Result<Identity, AuthError> {
        let malformed =
            || AuthError::new(AuthErrorKind::MalformedJwt).with_detail("not a v1 token");

        let (signed, mac) = token.rsplit_once('.').ok_or_else(malformed)?;
        let payload = signed.strip_prefix("v1.").ok_or_else(malformed)?;
        let mac = BASE64.decode(mac).map_err(|_| malformed())?;
        hmac::verify(&self.key, signed.as_bytes(), &mac)
            .map_err(|_| AuthErrorKind::BadSignature)?;

        let payload = BASE64.decode(payload).map_err(|_| malformed())?;
        let ticket: Ticket = serde_json::from_slice(&payload).map_err(|_| malformed())?;
        let (now, expires_at) = (SystemClock.now(), UnixTime::from_secs(ticket.exp));
        if expires_at <= now {
            return Err(AuthError::new(AuthErrorKind::Expired)
                .with_detail(format_args!("exp {expires_at}, now {now}")));
        }
        Ok(Identity::builder("tickets.example")
            .subject(&ticket.sub)
            .scope(Scope::parse(&ticket.scope))
            .expires_at(expires_at) // the cache keeps it no longer
            .claims_json(payload)
            .build())
    }

    fn issue(&self, sub: &str, scope: &str, expires_at: UnixTime) -> String {
        let ticket = Ticket { sub: sub.into(), scope: scope.into(), exp: expires_at.as_secs() };
        let payload = serde_json::to_vec(&ticket).expect("two texts and a number are JSON");
        let signed = format!("v1.{}", BASE64.encode(payload));
        let mac = BASE64.encode(hmac::sign(&self.key, signed.as_bytes()));
        format!("{signed}.{mac}")
    }
}

fn api(tokens: Arc<V1Tokens>) -> Result<Router, BuildError> {
    let bearer = BearerAuth::new(tokens)?.require(policy::scope("orders:read"))?;
    Ok(Router::new().route("/orders", get(orders)).layer(bearer))
}

async fn orders(caller: Caller<Ticket>) -> String {
    format!("orders of {}", caller.sub)
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let tokens = Arc::new(V1Tokens::new(b"a secret of at least thirty-two bytes"));
    let listener = support::listen().await?;
    let address = listener.local_addr()?;
    let server = axum::serve(listener, api(tokens.clone())?).into_future();
    if support::checking() {
        tokio::spawn(server);
        return Ok(check(support::Check::new(address), &tokens).await);
    }
    let alice = tokens.issue("alice", "orders:read", SystemClock.now() + HOUR);
    println!("curl -i http://{address}/orders -H 'Authorization: Bearer {alice}'");
    server.await?;
    Ok(ExitCode::SUCCESS)
}

async fn check(mut check: support::Check, tokens: &V1Tokens) -> ExitCode {
    let now = SystemClock.now();
    let alice = tokens.issue("alice", "orders:read", now + HOUR);
    let expired = tokens.issue("alice", "orders:read", now - HOUR);
    let scopeless = tokens.issue("alice", "", now + HOUR);
    let forged = V1Tokens::new(b"another secret").issue("alice", "orders:read", now + HOUR);

    for (who, token, expected) in [
        ("no token", None, (401, MISSING, "")),
        ("signed with another secret", Some(&*forged), (401, INVALID, "")),
        ("half a token", Some("v1.e30"), (401, INVALID, "")),
        ("expired", Some(&*expired), (401, EXPIRED, "")),
        ("without the scope", Some(&*scopeless), (403, SCOPE, "")),
    ] {
        check.play("GET /orders", who, token, expected).await;
    }
    let before = tokens.judged.load(Ordering::Relaxed);
    for who in ["alice", "alice again"] {
        check.play("GET /orders", who, Some(&alice), (200, "", "orders of alice")).await;
    }
    let judged = tokens.judged.load(Ordering::Relaxed) - before;
    check.compare("tokens judged for both, the second came from the cache:", judged, 1);
    check.finish()
}

const HOUR: Duration = Duration::from_secs(3600);
const SCOPE: &str = r#"Bearer realm="api", error="insufficient_scope", scope="orders:read""#;
