//! Policies of one's own: a type, a closure, and both joined with `and` and `or`.
//!
//! A payment needs the scope **and** a recent sign-in, **or** a caller from the treasury.
//!
//! ```text
//! cargo run --example custom_policy
//! cargo run --example custom_policy -- --check
//! ```

mod support;

use std::{error::Error, process::ExitCode, time::Duration};

use axum::{Router, routing::post};
use portcullis::{
    AuthError, AuthErrorKind, Authentication, BearerAuth, BuildError, Caller, Clock, Decision,
    SystemClock, UnixTime,
    policy::{self, Policy, PolicyExt},
};
use serde_json::json;

/// The user signed in at most so long ago (`auth_time`). `Debug` is what the log shows.
#[derive(Debug)]
struct SignedInWithin(Duration);

impl Policy for SignedInWithin {
    fn decide(&self, record: &Authentication) -> Decision {
        let Some(identity) = record.primary() else { return Decision::challenge() };
        let signed_in = identity.claim("auth_time").and_then(|time| time.as_u64());
        match signed_in.map(UnixTime::from_secs) {
            Some(time) if SystemClock.now().saturating_since(time) <= self.0 => Decision::Allow,
            // 401 and not 403: signing in again mends it
            _ => Decision::Challenge {
                schemes: Vec::new(),
                reason: Some(AuthErrorKind::RejectedByCheck),
            },
        }
    }
}

/// A closure, for a question that is asked in one place. The name is what the log shows.
fn treasury() -> impl Policy {
    policy::from_fn("treasury", |record| match record.primary() {
        None => Decision::challenge(),
        Some(identity) if identity.claim_str("department").as_deref() == Some("treasury") => {
            Decision::Allow
        }
        Some(_) => Decision::forbid(AuthError::new(AuthErrorKind::MissingPermission)),
    })
}

fn api() -> Result<Router, BuildError> {
    let recently = SignedInWithin(Duration::from_secs(600));
    let payer = policy::scope("payments:write").and(recently).or(treasury());
    let bearer = BearerAuth::new(support::validator()?)?.require(payer)?;
    Ok(Router::new().route("/payments", post(pay)).layer(bearer))
}

async fn pay(caller: Caller<serde_json::Value>) -> String {
    format!("paid by {}", caller.identity.subject().unwrap_or("a client"))
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let listener = support::listen().await?;
    let address = listener.local_addr()?;
    let server = axum::serve(listener, api()?).into_future();
    if support::checking() {
        tokio::spawn(server);
        return Ok(check(support::Check::new(address)).await);
    }
    for (who, token, _) in callers() {
        println!(
            "{who}:\n  curl -iX POST http://{address}/payments -H 'Authorization: Bearer {token}'"
        );
    }
    server.await?;
    Ok(ExitCode::SUCCESS)
}

/// Each with what the policy answers.
fn callers() -> Vec<(&'static str, String, (u16, String, &'static str))> {
    let (now, write) = (SystemClock.now().as_secs(), "payments:write");
    let token = support::token;
    let paid = |by| (200, String::new(), by);
    let again = || (401, support::INVALID.to_owned(), "");
    let refused = (403, support::insufficient(write), "");
    vec![
        ("just signed in", token("alice", write, json!({"auth_time": now})), paid("paid by alice")),
        ("signed in an hour ago", token("alice", write, json!({"auth_time": now - 3600})), again()),
        ("does not say when", token("alice", write, json!({})), again()),
        ("without the scope", token("bob", "", json!({"auth_time": now})), refused),
        ("treasury", token("carol", "", json!({"department": "treasury"})), paid("paid by carol")),
    ]
}

async fn check(mut check: support::Check) -> ExitCode {
    check.play("POST /payments", "no token", None, (401, support::MISSING, "")).await;
    for (who, token, (status, challenge, body)) in callers() {
        check.play("POST /payments", who, Some(&token), (status, &challenge, body)).await;
    }
    check.finish()
}
