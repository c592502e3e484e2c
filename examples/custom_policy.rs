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
    testing::MockIssuer,
};
use support::{INVALID, MISSING};

/// The user signed in at most so long ago (`auth_time`). `Debug` is what the log shows. The
/// ready-made `policy::authenticated().within(..)` also tells the client what is needed.
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

fn api(issuer: &str) -> Result<Router, BuildError> {
    let recently = SignedInWithin(Duration::from_secs(600));
    let payer = policy::scope("payments:write").and(recently).or(treasury());
    let bearer = BearerAuth::oidc(issuer, "https://api.example")?.require(payer)?;
    Ok(Router::new().route("/payments", post(pay)).layer(bearer))
}

async fn pay(caller: Caller<serde_json::Value>) -> String {
    format!("paid by {}", caller.identity.subject().unwrap_or("a client"))
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let issuer = MockIssuer::new().serve().await?; // in earnest, yours
    let listener = support::listen().await?;
    let address = listener.local_addr()?;
    let server = axum::serve(listener, api(&issuer.url())?).into_future();
    if support::checking() {
        tokio::spawn(server);
        return Ok(check(support::Check::new(address), issuer.issuer()).await);
    }
    for (who, token, _) in callers(issuer.issuer()) {
        println!(
            "{who}:\n  curl -iX POST http://{address}/payments -H 'Authorization: Bearer {token}'"
        );
    }
    server.await?;
    Ok(ExitCode::SUCCESS)
}

/// Who, with what token, and what the policy answers.
fn callers(issuer: &MockIssuer) -> [(&'static str, String, support::Answer<'static>); 5] {
    let now = SystemClock.now().as_secs();
    let alice = || issuer.token().scope("payments:write");
    let signed_in = |seconds_ago| alice().claim("auth_time", now - seconds_ago);
    let scopeless = issuer.token().claim("auth_time", now);
    let carol = issuer.token().subject("carol").claim("department", "treasury");
    [
        ("just signed in", signed_in(0).build(), (200, "", "paid by alice")),
        ("signed in an hour ago", signed_in(3600).build(), (401, INVALID, "")),
        ("does not say when", alice().build(), (401, INVALID, "")),
        ("without the scope", scopeless.build(), (403, SCOPE, "")),
        ("of the treasury", carol.build(), (200, "", "paid by carol")),
    ]
}

async fn check(mut check: support::Check, issuer: &MockIssuer) -> ExitCode {
    check.play("POST /payments", "no token", None, (401, MISSING, "")).await;
    for (who, token, expected) in callers(issuer) {
        check.play("POST /payments", who, Some(&token), expected).await;
    }
    check.finish()
}

const SCOPE: &str = r#"Bearer realm="api", error="insufficient_scope", scope="payments:write""#;
