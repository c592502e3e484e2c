//! What a decision about a record is answered: every element of the rejection, and of the response.

use std::{sync::Arc, time::Duration};

use AuthErrorKind::{
    BadSignature, DoubledPrefix, DuplicateCredential, EmptyCredential, Expired, HiddenScheme,
    InsecureTransport, InsufficientAuthentication, IntrospectionRefused, IssuerUnreachable,
    MalformedCredential, MissingRole, MissingScope, MultipleTransports, NoCredential, NoGate,
    PlaceholderToken, QuotedToken, SubjectMismatch, TimedOut,
};
use http::{Response, StatusCode, request::Parts};
use portcullis::challenge::{Challenge, ChallengeReason, StepUp};
use portcullis::policy::{self, Policy};
use portcullis::rejection::{DefaultResponseForRejection, RequestKind};
use portcullis::scheme::Authenticator;
use portcullis::{
    Attempt, AuthErrorKind, AuthenticateLayer, Bearer, Cookies, Decision, Outcome, ProblemDetails,
    Rejection, Scheme, SchemeName, Scope,
};
use tower::ServiceBuilder;

use crate::support::fixed::{
    Body, Expected, Fixed, Handler, NO_STORE, NOBODY, W0, gate, get, ok, send, send_to,
    with_headers,
};
use crate::support::pair::{self, record};

chapter! {
    async fn the_table;
    async fn problem_details_to_the_letter;
    async fn wiring_in_grpc;
    async fn what_a_handler_answers_to_a_preflight;
    fn what_the_client_can_mend_is_told;
    fn a_scheme_name_is_a_token;
    fn what_is_needed_can_be_read;
    async fn a_last_resort;
    async fn two_schemes_for_one_kind_of_credential;
}

/// One line of the table: a record and a decision, and the whole rejection.
struct Line {
    bearer: &'static str,
    session: &'static str,
    decision: fn() -> Decision,
    status: u16,
    grpc: i32,
    reason: AuthErrorKind,
    code: Option<&'static str>,
    description: &'static str,
    challenges: &'static [&'static str],
    missing: &'static [&'static str],
    retry_after: Option<u64>,
}

const B: &str = r#"Bearer realm="api""#;
const B_EXPIRED: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="the access token expired""#;
const B_INVALID: &str = r#"Bearer realm="api", error="invalid_token", error_description="the access token is not valid""#;
const B_TWICE: &str = r#"Bearer realm="api", error="invalid_request", error_description="more than one credential was sent""#;
const B_SCOPE: &str = r#"Bearer realm="api", error="insufficient_scope", scope="a b""#;
const S: &str = r#"Session why="Missing""#;
const S_EXPIRED: &str = r#"Session why="Rejected(Expired)""#;
const S_MISMATCH: &str = r#"Session why="Rejected(SubjectMismatch)""#;
const S_TWICE: &str = r#"Session why="Rejected(DuplicateCredential)""#;
const B_WEAK: &str = r#"Bearer realm="api", error="insufficient_user_authentication", error_description="a different or more recent authentication is needed", acr_values="mfa", max_age="9""#;
const S_WEAK: &str =
    r#"Session why="StepUp(StepUp { acr_values: Some(\"mfa\"), max_age: Some(9s) })""#;
const S_BARE: &str = r#"Cookies realm="api""#;
const S_SCOPE: &str = r#"Session why="InsufficientScope(\"a b\")""#;

const NOTHING: &str = "no credential was sent";
const EXPIRED: &str = "the access token expired";
const INVALID: &str = "the access token is not valid";
const FORBIDDEN: &str = "the caller may not do this";
const LATER: &str = "the credential cannot be checked at the moment";
const WEAK: &str = "a different or more recent authentication is needed";
const STEP_UP: Option<&str> = Some("insufficient_user_authentication");
const TOKEN: Option<&str> = Some("invalid_token");

fn anybody() -> Decision {
    Decision::challenge()
}

fn a_bearer() -> Decision {
    Decision::Challenge { schemes: vec![Bearer.into()], reason: None }
}

fn another_subject() -> Decision {
    Decision::Challenge { schemes: Vec::new(), reason: Some(SubjectMismatch) }
}

fn no_role() -> Decision {
    Decision::forbid(MissingRole)
}

fn no_scope() -> Decision {
    Decision::Forbid { error: MissingScope.into(), scope: Some(Scope::parse("a b")) }
}

fn step_up() -> Decision {
    let needed = StepUp::new().acr(["mfa"]).within(Duration::from_secs(9));
    Decision::step_up(InsufficientAuthentication, needed)
}

fn undecidable() -> Decision {
    Decision::Undecidable
}

#[rustfmt::skip]
const TABLE: &[Line] = &[
    // nobody sent anything; what is asked for decides who is missing
    Line { bearer: "", session: "", decision: anybody, status: 401, grpc: 16, reason: NoCredential, code: None, description: NOTHING, challenges: &[B, S], missing: &["token", "Cookies"], retry_after: None },
    Line { bearer: "", session: "alice", decision: a_bearer, status: 401, grpc: 16, reason: NoCredential, code: None, description: NOTHING, challenges: &[B], missing: &["token"], retry_after: None },
    // each scheme is asked for its own reason
    Line { bearer: "Expired", session: "", decision: anybody, status: 401, grpc: 16, reason: Expired, code: TOKEN, description: EXPIRED, challenges: &[B_EXPIRED, S], missing: &["token", "Cookies"], retry_after: None },
    Line { bearer: "", session: "Expired", decision: anybody, status: 401, grpc: 16, reason: Expired, code: TOKEN, description: EXPIRED, challenges: &[B, S_EXPIRED], missing: &["token", "Cookies"], retry_after: None },
    Line { bearer: "Expired", session: "alice", decision: anybody, status: 401, grpc: 16, reason: Expired, code: TOKEN, description: EXPIRED, challenges: &[B_EXPIRED, S], missing: &["token"], retry_after: None },
    // a reason that no single credential has
    Line { bearer: "alice", session: "bob", decision: another_subject, status: 401, grpc: 16, reason: SubjectMismatch, code: TOKEN, description: INVALID, challenges: &[B_INVALID, S_MISMATCH], missing: &[], retry_after: None },
    Line { bearer: "alice", session: "", decision: another_subject, status: 401, grpc: 16, reason: SubjectMismatch, code: TOKEN, description: INVALID, challenges: &[B_INVALID, S], missing: &["Cookies"], retry_after: None },
    // not a "no" while somebody is open; but where one is proved, he was not enough
    Line { bearer: "down", session: "", decision: anybody, status: 503, grpc: 14, reason: IssuerUnreachable, code: None, description: LATER, challenges: &[], missing: &[], retry_after: Some(7) },
    Line { bearer: "", session: "down", decision: anybody, status: 503, grpc: 14, reason: IssuerUnreachable, code: None, description: LATER, challenges: &[], missing: &[], retry_after: Some(7) },
    Line { bearer: "alice", session: "down", decision: anybody, status: 401, grpc: 16, reason: NoCredential, code: None, description: NOTHING, challenges: &[B, S], missing: &["Cookies"], retry_after: None },
    Line { bearer: "", session: "down", decision: a_bearer, status: 401, grpc: 16, reason: NoCredential, code: None, description: NOTHING, challenges: &[B], missing: &["token"], retry_after: None },
    // malformed is fatal, whatever was decided
    Line { bearer: "alice", session: "DuplicateCredential", decision: || Decision::Allow, status: 400, grpc: 16, reason: DuplicateCredential, code: Some("invalid_request"), description: "more than one credential was sent", challenges: &[S_TWICE], missing: &[], retry_after: None },
    Line { bearer: "DuplicateCredential", session: "down", decision: undecidable, status: 400, grpc: 16, reason: DuplicateCredential, code: Some("invalid_request"), description: "more than one credential was sent", challenges: &[B_TWICE], missing: &[], retry_after: None },
    // only whoever is proved can be told which scope is missing
    Line { bearer: "alice", session: "", decision: no_role, status: 403, grpc: 7, reason: MissingRole, code: None, description: FORBIDDEN, challenges: &[], missing: &[], retry_after: None },
    Line { bearer: "alice", session: "", decision: no_scope, status: 403, grpc: 7, reason: MissingScope, code: Some("insufficient_scope"), description: FORBIDDEN, challenges: &[B_SCOPE], missing: &[], retry_after: None },
    Line { bearer: "Expired", session: "alice", decision: no_scope, status: 403, grpc: 7, reason: MissingScope, code: Some("insufficient_scope"), description: FORBIDDEN, challenges: &[S_SCOPE], missing: &[], retry_after: None },
    // whoever is proved is told what is needed, and is no stranger
    Line { bearer: "alice", session: "", decision: step_up, status: 401, grpc: 16, reason: InsufficientAuthentication, code: STEP_UP, description: WEAK, challenges: &[B_WEAK], missing: &[], retry_after: None },
    Line { bearer: "Expired", session: "alice", decision: step_up, status: 401, grpc: 16, reason: InsufficientAuthentication, code: STEP_UP, description: WEAK, challenges: &[S_WEAK], missing: &[], retry_after: None },
    Line { bearer: "", session: "", decision: step_up, status: 401, grpc: 16, reason: InsufficientAuthentication, code: STEP_UP, description: WEAK, challenges: &[B, S_BARE], missing: &[], retry_after: None },
    // of several that are open: our own fault before all, else the one that takes longest
    Line { bearer: "down", session: "alice", decision: undecidable, status: 503, grpc: 14, reason: IssuerUnreachable, code: None, description: LATER, challenges: &[], missing: &[], retry_after: Some(7) },
    Line { bearer: "down", session: "TimedOut", decision: undecidable, status: 503, grpc: 14, reason: IssuerUnreachable, code: None, description: LATER, challenges: &[], missing: &[], retry_after: Some(7) },
    Line { bearer: "TimedOut", session: "down", decision: undecidable, status: 503, grpc: 14, reason: IssuerUnreachable, code: None, description: LATER, challenges: &[], missing: &[], retry_after: Some(7) },
    Line { bearer: "IntrospectionRefused", session: "down", decision: undecidable, status: 500, grpc: 13, reason: IntrospectionRefused, code: None, description: "the service is not set up correctly", challenges: &[], missing: &[], retry_after: None },
    Line { bearer: "down", session: "IntrospectionRefused", decision: anybody, status: 500, grpc: 13, reason: IntrospectionRefused, code: None, description: "the service is not set up correctly", challenges: &[], missing: &[], retry_after: None },
    // nobody says why
    Line { bearer: "", session: "", decision: undecidable, status: 503, grpc: 14, reason: TimedOut, code: None, description: LATER, challenges: &[], missing: &[], retry_after: Some(1) },
];

async fn the_table() {
    for line in TABLE {
        let decision = (line.decision)();
        let what = format!("{:?} {:?} {decision:?}", line.bearer, line.session);
        let (bearer, session) = (
            format!("authorization: Bearer {}", line.bearer),
            format!("x-session: {}", line.session),
        );
        let lines: Vec<&str> = [(line.bearer, &*bearer), (line.session, &*session)]
            .into_iter()
            .filter_map(|(text, header)| (!text.is_empty()).then_some(header))
            .collect();
        let rejection = record(&lines).await.rejection(&decision).expect(&what);

        assert_eq!(rejection.status(), line.status, "{what}");
        assert_eq!(rejection.grpc_code(), line.grpc, "{what}");
        let is_stranger = line.grpc == 16 && line.code != STEP_UP;
        assert_eq!(rejection.is_unauthenticated(), is_stranger, "{what}");
        assert_eq!(rejection.reason().kind(), line.reason, "{what}");
        assert_eq!(rejection.code(), line.code, "{what}");
        assert_eq!(rejection.description(), line.description, "{what}");
        assert_eq!(rejection.challenges(), line.challenges, "{what}");
        assert_eq!(rejection.missing(), line.missing, "{what}");
        assert_eq!(rejection.retry_after(), line.retry_after.map(Duration::from_secs), "{what}");

        let response: Response<()> =
            rejection.into_response(RequestKind::default(), &DefaultResponseForRejection);
        assert_eq!(response.status(), line.status, "{what}");
        let values = |name: &str| -> Vec<String> {
            let lines = response.headers().get_all(name).iter();
            lines.map(|line| line.to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(values("www-authenticate"), line.challenges, "{what}");
        assert_eq!(values("cache-control"), ["no-store"], "{what}");
        let after: Vec<String> = line.retry_after.iter().map(u64::to_string).collect();
        assert_eq!(values("retry-after"), after, "{what}");
        assert!(response.extensions().get::<Rejection>().is_some(), "{what}");
    }
    let alice = record(&["authorization: Bearer alice"]).await;
    assert!(alice.rejection(&Decision::Allow).is_none());
}

async fn problem_details_to_the_letter() {
    for (bearer, session, policy, body) in [
        (
            "",
            "",
            "any_scheme",
            r#"{"detail":"no credential was sent","missing":["token","Cookies"],"status":401,"title":"Unauthorized","type":"about:blank"}"#,
        ),
        (
            "Expired",
            "",
            "bearer",
            r#"{"detail":"the access token expired","error":"invalid_token","missing":["token"],"status":401,"title":"Unauthorized","type":"about:blank"}"#,
        ),
        (
            "DuplicateCredential",
            "",
            "any_scheme",
            r#"{"detail":"more than one credential was sent","error":"invalid_request","status":400,"title":"Bad Request","type":"about:blank"}"#,
        ),
        (
            "bob",
            "",
            "scope",
            r#"{"detail":"the caller may not do this","error":"insufficient_scope","status":403,"title":"Forbidden","type":"about:blank"}"#,
        ),
        (
            "bob",
            "",
            "role",
            r#"{"detail":"the caller may not do this","status":403,"title":"Forbidden","type":"about:blank"}"#,
        ),
        (
            "",
            "down",
            "any_scheme",
            r#"{"detail":"the credential cannot be checked at the moment","status":503,"title":"Service Unavailable","type":"about:blank"}"#,
        ),
        (
            "",
            "IntrospectionRefused",
            "any_scheme",
            r#"{"detail":"the service is not set up correctly","status":500,"title":"Internal Server Error","type":"about:blank"}"#,
        ),
    ] {
        let policy: Arc<dyn Policy> = match policy {
            "bearer" => Arc::new(policy::scheme(Bearer)),
            "scope" => Arc::new(policy::scope("orders:write")),
            "role" => Arc::new(policy::role("staff")),
            _ => Arc::new(policy::any_scheme()),
        };
        let gate = pair::gate();
        let require = gate.require(policy).unwrap().respond_with(ProblemDetails);
        let stack = ServiceBuilder::new().layer(gate).layer(require);
        let lines = [format!("authorization: Bearer {bearer}"), format!("x-session: {session}")];
        let lines: Vec<&str> = [(bearer, &*lines[0]), (session, &*lines[1])]
            .into_iter()
            .filter_map(|(text, header)| (!text.is_empty()).then_some(header))
            .collect();
        let answer = send(stack, get(&lines)).await;
        assert_eq!(answer.body, body);
        assert!(answer.headers.iter().any(|it| it == "content-type: application/problem+json"));
        assert_eq!(answer.saw, None);
    }
    // of a gRPC answer there is no body, whoever makes it
    let gate = gate();
    let require = gate.require(policy::any_scheme()).unwrap().respond_with(ProblemDetails);
    let stack = ServiceBuilder::new().layer(gate).layer(require);
    let answer = send(stack, get(&["content-type: application/grpc"])).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}

/// No gate saw the request: what kind it is, the requirement finds out by itself.
async fn wiring_in_grpc() {
    const GRPC: &[&str] = &[
        NO_STORE,
        "content-type: application/grpc",
        "grpc-message: the service is not set up correctly",
        "grpc-status: 13",
    ];
    let require = || gate().require(policy::scheme(Bearer)).unwrap();
    for (line, status, headers) in [
        ("content-type: application/grpc", 200, GRPC),
        ("content-type: application/json", 500, &[NO_STORE]),
    ] {
        send(require(), get(&[line])).await.is(&Expected::refused(status, headers, NoGate));
        let gate = gate();
        let hidden = ServiceBuilder::new().layer(gate.clone()).layer(gate.suppress_all());
        let hidden = hidden.layer(gate.require(policy::scheme(Bearer)).unwrap());
        send(hidden, get(&[line])).await.is(&Expected::refused(status, headers, HiddenScheme));
    }
}

/// A preflight is answered by whoever answers preflights; no layer adds a challenge to it.
async fn what_a_handler_answers_to_a_preflight() {
    fn bare_401() -> Response<Body> {
        let mut response = ok();
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response
    }
    const ORIGIN: &str = "origin: https://app.example";
    const ASKS: &str = "access-control-request-method: GET";
    let gate = gate();
    let stack = ServiceBuilder::new()
        .layer(gate.clone())
        .layer(gate.suppress_all_but(Bearer).unwrap())
        .layer(gate.require(policy::scheme(Bearer)).unwrap());
    let preflight = with_headers("OPTIONS", "/", &[ORIGIN, ASKS]);
    let answer = send_to(stack.clone(), Handler::new(bare_401), preflight).await;
    answer.is(&Expected { status: 401, ..NOBODY });
    // and a plain OPTIONS request is asked for a credential
    let answer = send_to(stack, Handler::new(bare_401), with_headers("OPTIONS", "/", &[])).await;
    assert_eq!((answer.status, answer.saw), (401, None));
    assert_eq!(answer.headers.len(), 2);
}

fn what_the_client_can_mend_is_told() {
    for (kind, code, description) in [
        (DuplicateCredential, "invalid_request", "more than one credential was sent"),
        (EmptyCredential, "invalid_request", "the token is missing"),
        (
            MalformedCredential,
            "invalid_request",
            "one space belongs between the scheme and the token",
        ),
        (MultipleTransports, "invalid_request", "the token was sent by more than one method"),
        (DoubledPrefix, "invalid_token", "the word Bearer stands twice"),
        (Expired, "invalid_token", "the access token expired"),
        (PlaceholderToken, "invalid_token", "a placeholder was sent in place of the token"),
        (InsecureTransport, "invalid_token", "the credential was sent without TLS"),
        (QuotedToken, "invalid_token", "the token stands in quotes"),
        (BadSignature, "invalid_token", "the access token is not valid"),
    ] {
        assert_eq!(
            Challenge::bearer("api", ChallengeReason::Rejected(kind)).to_header_value(),
            format!(r#"Bearer realm="api", error="{code}", error_description="{description}""#)
        );
    }
}

/// RFC 9110 §5.6.2: what is no letter of a token is dropped.
fn a_scheme_name_is_a_token() {
    for (name, text) in [
        ("Bearer", r#"Bearer a="b""#),
        ("!#$%&'*+-.^_`|~09AZaz", r#"!#$%&'*+-.^_`|~09AZaz a="b""#),
        (" Be\ta,r=e\"r\r\n\u{e9}(x)/:;<>?@[\\]{}\u{7f}", r#"Bearerx a="b""#),
    ] {
        assert_eq!(Challenge::new(name).parameter("a", "b").to_header_value(), text);
    }
}

fn what_is_needed_can_be_read() {
    let needed = StepUp::new();
    assert_eq!((needed.acr_values(), needed.max_age()), (None, None));
    let needed = needed.acr(["phr", "two words", "mfa"]).within(Duration::from_millis(1_500));
    assert_eq!(needed.acr_values(), Some("phr mfa"));
    assert_eq!(needed.max_age(), Some(Duration::from_millis(1_500)));
    // a list of which nothing is left is no list in the challenge
    let challenge = Challenge::bearer("api", ChallengeReason::StepUp(&StepUp::new().acr([""])));
    let challenge = challenge.to_header_value();
    assert!(!challenge.to_str().unwrap().contains("acr_values"), "{challenge:?}");
}

/// A cookie has no registered challenge: one stands there only where nothing else can challenge.
async fn a_last_resort() {
    #[derive(Debug)]
    struct Last;
    impl Authenticator for Last {
        fn authenticate(&self, _: &Parts) -> Attempt<Outcome> {
            Attempt::ready(Outcome::Absent)
        }
        fn challenge(&self, _: ChallengeReason<'_>) -> Option<Challenge> {
            Some(Challenge::cookie("s"))
        }
    }
    assert!(Challenge::cookie("s").is_last_resort());
    assert!(!Challenge::new("Cookie").parameter("realm", "s").is_last_resort());
    let gate = AuthenticateLayer::new([
        Scheme::from(Scheme::bearer(Bearer, Fixed::default())),
        Scheme::custom(Cookies, Last),
    ])
    .unwrap();
    for (policy, challenge) in [
        (Arc::new(policy::any_scheme()) as Arc<dyn Policy>, W0),
        (Arc::new(policy::scheme(Cookies)), r#"www-authenticate: Cookie realm="s""#),
    ] {
        let stack = ServiceBuilder::new().layer(gate.clone()).layer(gate.require(policy).unwrap());
        let answer = send(stack, get(&[])).await;
        assert_eq!(answer.headers, [NO_STORE, challenge]);
    }
}

async fn two_schemes_for_one_kind_of_credential() {
    let gate = AuthenticateLayer::new([
        Scheme::from(Scheme::bearer(Bearer, Fixed::default())),
        Scheme::from(Scheme::bearer(SchemeName::new("Partners"), Fixed::default())),
    ])
    .unwrap();
    let require = gate.require(policy::any_scheme()).unwrap();
    let stack = ServiceBuilder::new().layer(gate).layer(require);
    let answer = send(stack, get(&[])).await;
    assert_eq!(answer.rejection.unwrap().missing(), ["token"]);
}
