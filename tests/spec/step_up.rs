//! Step-up authentication (RFC 9470): who is known, and not authenticated strongly or recently
//! enough.

use std::{sync::Arc, time::Duration};

use AuthErrorKind::{InsufficientAuthentication, MissingRole, MissingScope};
use http::Request;
use http_body_util::BodyExt as _;
use portcullis::{
    AuthErrorKind, AuthenticateLayer, Bearer, Clock, Decision, ProblemDetails, Scheme, SchemeName,
    explain,
    policy::{self, Policy, PolicyExt},
};
use tower::{Layer as _, ServiceExt as _};

use super::ledger;
use crate::support::{
    fixed::{Body, Fixed, Handler, gate_of, get, ok, person},
    sign::{NOW, token},
    stand::{Answer, At, stand},
};

chapter! {
    async fn classes;
    async fn ages;
    async fn what_is_asked_for;
    async fn with_other_policies;
    async fn other_answers;
}

const MFA: &str = r#"Bearer realm="api", error="insufficient_user_authentication", error_description="a different or more recent authentication is needed", acr_values="phr mfa""#;
const AGE: &str = r#"Bearer realm="api", error="insufficient_user_authentication", error_description="a different or more recent authentication is needed", max_age="300""#;

fn strong() -> policy::Authenticated {
    policy::authenticated().acr(["phr", "mfa"])
}

fn recent() -> policy::Authenticated {
    policy::authenticated().within(Duration::from_secs(300)).clock(Arc::new(At::new(NOW)))
}

/// 401 with this challenge, and nobody was called.
#[track_caller]
fn steps_up(answer: &Answer, challenge: &str) {
    let reason = (answer.reason, answer.status.as_u16());
    assert_eq!(reason, (Some(InsufficientAuthentication), 401), "{}", answer.detail);
    let lines: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(lines, [challenge]);
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!((answer.headers.len(), answer.calls, answer.body.len()), (2, 0, 0));
    assert!(answer.identity.is_none());
}

async fn classes() {
    let stand = stand();
    for (acr, suffices) in [
        (r#""mfa""#, true),
        (r#""phr""#, true),
        (r#""MFA""#, false),
        (r#""mf""#, false),
        (r#""mfa2""#, false),
        (r#""phr mfa""#, false),
        (r#""""#, false),
        (r#"" ""#, false),
        (r#"["mfa"]"#, false),
        (r#"{"mfa":true}"#, false),
        ("1", false),
        ("true", false),
        ("null", false),
    ] {
        let answer = stand.send_to(strong(), &token().claim("acr", acr).text()).await;
        if suffices { drop(answer.accepted()) } else { steps_up(&answer, MFA) }
    }
    steps_up(&stand.send_to(strong(), &token().text()).await, MFA);
    // amr is another claim, and names no class
    let amr = token().claim("amr", r#"["mfa"]"#).text();
    steps_up(&stand.send_to(strong(), &amr).await, MFA);

    // the operator reads what was found, the client does not
    let answer = stand.send_to(strong(), &token().claim("acr", r#""urn:low\n""#).text()).await;
    steps_up(&answer, MFA);
    let detail = r"InsufficientAuthentication: needs acr phr mfa, found urn:low\n";
    assert_eq!(answer.detail, detail);

    // nothing is satisfied by a list that is empty, or by a class that no client can ask for
    for impossible in [&[][..], &[""], &["two words"], &["a\"b"], &["caf\u{e9}"]] {
        let policy = policy::authenticated().acr(impossible);
        for acr in ["", "two words", "two", "a\"b", "caf\u{e9}", "mfa"] {
            let acr = serde_json::to_string(acr).unwrap();
            let answer = stand.send_to(policy.clone(), &token().claim("acr", &acr).text()).await;
            steps_up(&answer, MFA.strip_suffix(r#", acr_values="phr mfa""#).unwrap());
        }
    }
}

async fn ages() {
    let stand = stand();
    for (auth_time, suffices) in [
        (format!("{NOW}"), true),
        (format!("{}", NOW - 300), true),
        (format!("{}", NOW - 360), true),
        (format!("{}.5", NOW - 360), true),
        (format!("{}", NOW - 361), false),
        (format!("{}.5", NOW - 361), false),
        (format!("{}", NOW - 86_400), false),
        (format!("{}", NOW + 60), true),
        (format!("{}", NOW + 61), false),
        ("0".into(), false),
        ("-1".into(), false),
        ("1e300".into(), false),
        ("18446744073709551615".into(), false),
        (format!("\"{NOW}\""), false),
        (format!("[{NOW}]"), false),
        ("true".into(), false),
        ("null".into(), false),
    ] {
        let text = token().claim("auth_time", &auth_time).text();
        let answer = stand.send_to(recent(), &text).await;
        if suffices { drop(answer.accepted()) } else { steps_up(&answer, AGE) }
    }
    // iat is no auth_time: a token may be fresh and the sign-in old
    steps_up(&stand.send_to(recent(), &token().text()).await, AGE);

    // the tolerance is applied once, and can be taken away
    let exact = || recent().clock_tolerance(Duration::ZERO);
    for (auth_time, suffices) in [(NOW - 300, true), (NOW - 301, false), (NOW + 1, false)] {
        let text = token().claim("auth_time", &auth_time.to_string()).text();
        let answer = stand.send_to(exact(), &text).await;
        if suffices { drop(answer.accepted()) } else { steps_up(&answer, AGE) }
    }

    // a token that was good enough is asked anew with every request, though it is remembered
    let clock = Arc::new(At::new(NOW));
    let policy = recent().clock(clock.clone());
    let text = token().claim("auth_time", &NOW.to_string()).text();
    stand.send_to(policy.clone(), &text).await.accepted();
    clock.set_millis((NOW + 360) * 1_000 + 1);
    assert!(clock.now().as_secs() == NOW + 360);
    let answer = stand.send_to(policy, &text).await;
    steps_up(&answer, AGE);
    assert!(answer.detail.contains("at most 300s are allowed, tolerance 60s"), "{}", answer.detail);
}

async fn what_is_asked_for() {
    let stand = stand();
    // both, in the order of RFC 9470; whole seconds
    let both = || strong().within(Duration::from_millis(5_900)).clock(Arc::new(At::new(NOW)));
    let challenge = format!(r#"{MFA}, max_age="5""#);
    let with = |acr: &str, age: u64| {
        token()
            .claim("acr", &format!("{acr:?}"))
            .claim("auth_time", &(NOW - age).to_string())
            .text()
    };
    steps_up(&stand.send_to(both(), &with("low", 0)).await, &challenge);
    steps_up(&stand.send_to(both(), &with("mfa", 66)).await, &challenge);
    stand.send_to(both(), &with("mfa", 65)).await.accepted();
    let zero = policy::authenticated().within(Duration::ZERO).clock(Arc::new(At::new(NOW)));
    let answer = stand.send_to(zero, &with("low", 61)).await;
    steps_up(&answer, &AGE.replace("300", "0"));

    // nobody is told more than that a credential is missing, or is not good
    let request = Request::get("/orders").body(()).unwrap();
    let answer = stand.exchange(request, Some(strong())).await;
    assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="api""#);
    assert_eq!(answer.reason, Some(AuthErrorKind::NoCredential));
    let expired = token().claim("exp", "1").claim("acr", r#""low""#).text();
    stand.send_to(strong(), &expired).await.is_refused(&expired, AuthErrorKind::Expired);

    // with no demand anybody will do
    stand.send_to(policy::authenticated(), &token().text()).await.accepted();
    ledger::passed("3.0-step-up CLM-30");
}

async fn with_other_policies() {
    let stand = stand();
    let text = token().text(); // scope orders.read, no role, no acr
    let may = || policy::scope("orders.read");
    let may_not = || policy::scope("orders.write");
    let send = async |policy: Arc<dyn Policy>| stand.send_to(policy, &text).await;

    steps_up(&send(Arc::new(may().and(strong()))).await, MFA);
    steps_up(&send(Arc::new(strong().and(may()))).await, MFA);
    send(Arc::new(may().or(strong()))).await.accepted();
    send(Arc::new(strong().or(may()))).await.accepted();
    // to sign in again would be in vain
    let scope = r#"Bearer realm="api", error="insufficient_scope", scope="orders.write""#;
    send(Arc::new(may_not().and(strong()))).await.is_forbidden(MissingScope, Some(scope));
    send(Arc::new(strong().and(may_not()))).await.is_forbidden(MissingScope, Some(scope));
    send(Arc::new(strong().and(policy::role("a")))).await.is_forbidden(MissingRole, None);
    // to sign in again would help
    steps_up(&send(Arc::new(may_not().or(strong()))).await, MFA);
    steps_up(&send(Arc::new(strong().or(may_not()))).await, MFA);
    steps_up(&send(Arc::new(strong().or(asked()))).await, MFA);
    steps_up(&send(Arc::new(asked().or(strong()))).await, MFA);
    // of two demands the first is named
    steps_up(&send(Arc::new(strong().and(recent()))).await, MFA);
    steps_up(&send(Arc::new(recent().and(strong()))).await, AGE);
    // what could not be found out may still be a yes, and does not undo a no
    assert_eq!(send(Arc::new(unknown().or(strong()))).await.status, 503);
    steps_up(&send(Arc::new(unknown().and(strong()))).await, MFA);
}

/// Asks for a credential, though there is one.
fn asked() -> impl Policy {
    policy::from_fn("asked", |_| Decision::challenge())
}

fn unknown() -> impl Policy {
    policy::from_fn("unknown", |_| Decision::Undecidable)
}

async fn other_answers() {
    // of two schemes the one that proved somebody is asked, and the policy may name it
    let (first, second) = (Fixed::default(), Fixed::default());
    let gate = AuthenticateLayer::new((
        Scheme::bearer(Bearer, first).realm("one"),
        Scheme::bearer(SchemeName::new("Other"), second).realm("two"),
    ))
    .unwrap();
    let require = gate.require(strong().of(SchemeName::new("Other"))).unwrap();
    let service = gate.layer(require.respond_with(ProblemDetails).layer(Handler::new(ok)));
    let response = service.oneshot(get(&["authorization: Bearer abc"])).await.unwrap();
    let lines: Vec<_> = response.headers().get_all("www-authenticate").iter().collect();
    assert_eq!(lines, [&MFA.replace("api", "two")]);
    let trail = explain(response.extensions());
    assert_eq!(trail.status().unwrap(), 401);
    let text =
        "answer 401, InsufficientAuthentication: needs acr phr mfa; there is no text in claim acr";
    assert!(trail.to_string().ends_with(text), "{trail}");
    assert!(!trail.rejection.as_ref().unwrap().is_unauthenticated(), "she is signed in");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["error"], "insufficient_user_authentication");
    assert_eq!(problem["status"], 401);
    assert_eq!(problem["detail"], "a different or more recent authentication is needed");
    assert_eq!(problem.get("missing"), None);

    // gRPC: UNAUTHENTICATED
    let gate = gate_of(&Fixed::default());
    let service = gate.layer(gate.require(strong()).unwrap().layer(Handler::new(ok)));
    let lines = ["authorization: Bearer abc", "content-type: application/grpc"];
    let response = service.oneshot(get(&lines)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["grpc-status"], "16");
    let message = "a different or more recent authentication is needed";
    assert_eq!(response.headers()["grpc-message"], message);
    assert!(!response.headers().contains_key("www-authenticate"));

    // a scheme without challenge of its own: a 401 carries one all the same (RFC 9110 §15.5.2)
    let request = portcullis::testing::signed_in(get(&[]), person("alice", "", ""));
    let response = gate.require(strong()).unwrap().layer(Handler::new(ok)).oneshot(request);
    let response: http::Response<Body> = response.await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.headers().contains_key("www-authenticate"));
}
