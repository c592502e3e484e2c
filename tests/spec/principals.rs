//! What handlers are given: typed callers, records that only a gate writes, and policies.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body as AxumBody;
use axum::routing::get as route;
use http::{Request, Response};
use http_body_util::BodyExt;
use portcullis::jwt::{Jwk, JwtValidator, StaticKeys};
use portcullis::policy::{self, Policy, PolicyExt};
use portcullis::testing::{assert_protected, signed_in};
use portcullis::token::{InMemoryRevocations, Presented, Revocations, TokenValidator};
use portcullis::{
    AuthError, AuthErrorKind, AuthenticateLayer, Bearer, BearerAuth, BuildError, Caller, Clock,
    Decision, Identity, Principal, Scheme, SchemeName, SubjectKind, UnixTime, explain,
};
use serde::Deserialize;
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::ledger;
use crate::support::fixed::{
    ALICE, Body, Expected, Fixed, NO_STORE, NOBODY, NOTHING_SENT, W0, WI, WR_DUPLICATE, gate, get,
    person, send,
};
use crate::support::logs::Log;

chapter! {
    async fn a_typed_caller_needs_a_good_credential;
    async fn no_gate_is_a_wiring_error;
    async fn what_an_identity_carries;
    async fn claims_that_do_not_fit;
    async fn only_the_gate_writes_the_record;
    fn identities_of_two_issuers;
    async fn revocations_know_the_issuer;
    fn a_client_is_no_user;
    async fn forged_claims_reach_nobody;
    async fn an_optional_route;
    async fn truth_tables;
    async fn what_could_not_be_found_out;
    async fn a_token_without_its_scheme;
    async fn a_role_under_another_claim;
    fn a_scheme_name_in_another_case;
    async fn a_route_added_after_the_layer;
    fn what_does_not_compile;
}

#[derive(Debug, Deserialize)]
struct Employee {
    sub: String,
}

/// A handler that demands a caller, one that takes whoever comes, and one that names the scheme.
fn app() -> Router {
    async fn demands(caller: Caller<Employee>) -> String {
        caller.sub.clone()
    }
    async fn takes(caller: Option<Caller<Employee>>) -> String {
        caller.map_or("nobody".to_owned(), |caller| caller.sub.clone())
    }
    async fn names(caller: Caller<Employee, Bearer>) -> String {
        caller.claims.sub.clone()
    }
    Router::new()
        .route("/demands", route(demands))
        .route("/takes", route(takes))
        .route("/names", route(names))
}

/// Status, headers but for those of the body, and the body.
async fn ask(app: Router, path: &str, lines: &[&str]) -> (u16, Vec<String>, String) {
    let request = crate::support::fixed::with_headers("GET", path, lines).map(AxumBody::new);
    let response = app.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let mut headers: Vec<String> = parts
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "content-length" | "content-type"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn a_typed_caller_needs_a_good_credential() {
    let double = &["authorization: Bearer alice", "authorization: Bearer alice"][..];
    for (lines, status, headers, body, taken) in [
        (&["authorization: Bearer alice"][..], 200, &[][..], "alice", (200, "alice")),
        (&[], 401, &[NO_STORE, W0], "", (200, "nobody")),
        (&["authorization: Bearer BadSignature"], 401, &[NO_STORE, WI], "", (200, "nobody")),
        (double, 400, &[NO_STORE, WR_DUPLICATE], "", (200, "nobody")),
        (&["authorization: Bearer down"], 503, &[NO_STORE, "retry-after: 7"], "", (503, "")),
    ] {
        let app = app().layer(gate());
        for path in ["/demands", "/names"] {
            let answer = ask(app.clone(), path, lines).await;
            assert_eq!(answer.0, status, "{path} {lines:?}");
            assert_eq!(answer.1, headers);
            assert_eq!(answer.2, body);
        }
        let answer = ask(app, "/takes", lines).await;
        assert_eq!((answer.0, &*answer.2), taken, "{lines:?}");
    }

    let identity = person("alice", "", "staff");
    let request = signed_in(Request::new(()), identity.clone());
    let caller = Caller::<Employee, Bearer>::from_extensions(request.extensions()).unwrap();
    assert_eq!((caller.sub.as_str(), &caller.identity), ("alice", &identity));
    ledger::passed("PRIN-01");
}

async fn no_gate_is_a_wiring_error() {
    let log = Log::capture();
    for path in ["/demands", "/takes", "/names"] {
        let answer = ask(app(), path, &["authorization: Bearer alice"]).await;
        assert_eq!(answer, (500, vec![NO_STORE.to_owned()], String::new()), "{path}");
    }
    let error = Caller::<Employee>::from_extensions(&http::Extensions::new()).unwrap_err();
    assert_eq!((error.status().as_u16(), error.reason().kind()), (500, AuthErrorKind::NoGate));
    let lines = log.lines_with("ERROR");
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line.contains("no AuthenticateLayer saw this request")));

    // a requirement without its gate, and one whose scheme is hidden
    let log = Log::capture();
    let require = gate().require(policy::scheme(Bearer)).unwrap();
    let inner = tower::service_fn(async |_: Request<Body>| -> Result<Response<Body>, Infallible> {
        unreachable!("a request that nobody judged")
    });
    let good = get(&["authorization: Bearer alice"]);
    let response = require.layer(inner).oneshot(good.clone()).await.unwrap();
    assert_eq!(response.status(), 500);
    let gate = gate();
    let stack = ServiceBuilder::new().layer(gate.clone()).layer(gate.suppress_all()).layer(require);
    let hidden = Expected::refused(500, &[NO_STORE], AuthErrorKind::HiddenScheme);
    send(stack, good).await.is(&hidden);
    assert_eq!(log.lines_with("ERROR").len(), 2);
    ledger::passed("PRIN-01");
}

/// Time stands still at `.0`.
#[derive(Debug)]
struct At(u64);

impl Clock for At {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// The token of RFC 9068 §2.2, figure 2, and a validator that accepts it.
fn figure_2() -> (String, JwtValidator) {
    let document: serde_json::Value =
        serde_json::from_str(include_str!("../data/vectors/jose/rfc9068_at_jwt.json")).unwrap();
    let case = &document["cases"][0];
    assert_eq!(case["id"], "2.2-figure-2");
    let key = Jwk::parse(document["key"].to_string().as_bytes()).unwrap();
    let validator = JwtValidator::builder(StaticKeys::new([key]).unwrap())
        .issuer("https://authorization-server.example.com/")
        .audience("https://rs.example.com/")
        .clock(Arc::new(At(case["now"].as_u64().unwrap())))
        .build()
        .unwrap();
    (case["token"].as_str().unwrap().to_owned(), validator)
}

async fn what_an_identity_carries() {
    let (token, validator) = figure_2();
    let parts = Request::new(()).into_parts().0;
    let identity = validator.validate(Presented::new(&token, &parts)).await.unwrap();

    assert_eq!(identity.issuer(), "https://authorization-server.example.com/");
    assert_eq!(identity.subject(), Some("5ba552d67"));
    assert_eq!(identity.client_id(), Some("s6BhdRkqt3"));
    assert_eq!(identity.kind(), SubjectKind::User);
    assert_eq!(identity.scope().to_string(), "openid profile reademail");
    assert_eq!(identity.audience().collect::<Vec<_>>(), ["https://rs.example.com/"]);
    assert_eq!(identity.expires_at(), Some(UnixTime::from_secs(1_639_528_912)));
    assert_eq!(identity.issued_at(), Some(UnixTime::from_secs(1_618_354_090)));
    assert_eq!(identity.verified_at(), Some(UnixTime::from_secs(1_618_354_100)));
    assert_eq!(identity.token_id(), Some("dbe39bf3a3ba4238a513f51d6e1691c4"));
    assert_eq!(identity.key_id(), Some("RjEwOwOA"));
    assert_eq!(identity.session_id(), None);
    assert_eq!(identity.claim_str("jti").as_deref(), identity.token_id());
    // when it goes stale: with its expiry and the validator's tolerance of 60 s
    let mono = Duration::from_secs(1);
    assert!(identity.is_usable(UnixTime::from_secs(1_639_528_971), mono));
    assert!(!identity.is_usable(UnixTime::from_secs(1_639_528_972), mono));

    // and the handler gets it under the name of its scheme
    let app = Router::new()
        .route(
            "/",
            route(async |principal: Principal| {
                let (scheme, identity) = principal.iter().next().unwrap();
                format!("{scheme} {}", identity.token_id().unwrap())
            }),
        )
        .layer(BearerAuth::new(validator).unwrap());
    let answer = ask(app, "/", &[&format!("authorization: Bearer {token}")]).await;
    assert_eq!((answer.0, &*answer.2), (200, "Bearer dbe39bf3a3ba4238a513f51d6e1691c4"));
    ledger::passed("PRIN-02 LOG-11");
}

async fn claims_that_do_not_fit() {
    #[derive(Debug, Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "it never comes to that")]
        roles: u32,
    }
    let log = Log::capture();
    let app = Router::new()
        .route("/", route(async |_: Caller<Other>| "reached"))
        .route("/option", route(async |_: Option<Caller<Other>>| "reached"))
        .layer(gate());
    for path in ["/", "/option"] {
        let answer = ask(app.clone(), path, &["authorization: Bearer alice"]).await;
        assert_eq!(answer, (403, vec![NO_STORE.to_owned()], String::new()));
    }
    let lines = log.lines_with("ERROR");
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("roles"), "the path in the claims: {}", lines[0]);
    assert!(!lines[0].contains("staff"), "no value: {}", lines[0]);
    ledger::passed("PRIN-04");
}

/// What stands in the extensions before the gate counts for nothing.
async fn only_the_gate_writes_the_record() {
    let forge = || {
        let mut request = get(&[]);
        let mallory = person("mallory", "orders:write", "staff");
        let principal: Principal =
            [(SchemeName::from(Bearer), mallory.clone())].into_iter().collect();
        request.extensions_mut().insert(mallory);
        request.extensions_mut().insert(principal);
        request
    };
    let gate = gate();
    let require = gate.require(policy::scheme(Bearer)).unwrap();
    let stack = ServiceBuilder::new().layer(gate.clone()).layer(require);
    send(stack, forge()).await.is(&NOTHING_SENT);
    send(gate.clone(), forge()).await.is(&NOBODY);
    let app = app().layer(gate.clone());
    let response = app.oneshot(forge().map(AxumBody::new)).await.unwrap();
    assert_eq!(response.status(), 404, "no such path");

    // a record of another gate with the same scheme: what this gate finds replaces it, and where it
    // finds nobody, nobody is left
    let generous = AuthenticateLayer::new((Scheme::bearer(Bearer, Everybody),)).unwrap();
    for (line, expected) in
        [("authorization: Bearer alice", ALICE), ("authorization: Bearer BadSignature", NOBODY)]
    {
        let stack = ServiceBuilder::new().layer(generous.clone()).layer(gate.clone());
        send(stack, get(&[line])).await.is(&expected);
    }
    ledger::passed("PRIN-03");
}

/// Takes everybody for mallory.
#[derive(Debug)]
struct Everybody;

impl TokenValidator for Everybody {
    fn validate(&self, _: Presented<'_>) -> portcullis::Attempt<Result<Identity, AuthError>> {
        portcullis::Attempt::ready(Ok(person("mallory", "", "")))
    }
}

fn identities_of_two_issuers() {
    let of = |issuer, subject: Option<&str>, client| {
        let builder = Identity::builder(issuer).client_id(client);
        match subject {
            Some(subject) => builder.subject(subject).build(),
            None => builder.build(),
        }
    };
    let people = [
        of("https://a.example", Some("alice"), "web"),
        of("https://b.example", Some("alice"), "web"),
        of("https://a.example", Some("bob"), "web"),
        of("https://a.example", None, "alice"),
        of("https://a.example", None, "bob"),
        of("https://b.example", None, "alice"),
    ];
    assert_eq!(people.iter().collect::<HashSet<_>>().len(), people.len());
    // the same person with another token and client
    assert_eq!(people[0], of("https://a.example", Some("alice"), "mobile"));
    ledger::passed("CLM-22");
}

async fn revocations_know_the_issuer() {
    let revocations = InMemoryRevocations::default();
    revocations.revoke_subject("https://a.example", "alice", UnixTime::MAX, UnixTime::MAX);
    for (issuer, revoked) in [("https://a.example", true), ("https://b.example", false)] {
        let alice = Identity::builder(issuer).subject("alice").build();
        assert_eq!(revocations.is_revoked(&alice).await, Ok(revoked), "{issuer}");
    }

    // asked after the validator, on every request
    let revocations = Arc::new(InMemoryRevocations::default());
    let scheme = Scheme::bearer(Bearer, Fixed::default()).revocations(revocations.clone());
    let gate = AuthenticateLayer::new((scheme,)).unwrap();
    let require = gate.require(policy::scheme(Bearer)).unwrap();
    let stack = ServiceBuilder::new().layer(gate).layer(require);
    let alice = get(&["authorization: Bearer alice"]);
    send(stack.clone(), alice.clone()).await.is(&ALICE);
    revocations.revoke_subject("https://other.example", "alice", UnixTime::MAX, UnixTime::MAX);
    send(stack.clone(), alice.clone()).await.is(&ALICE);
    revocations.revoke_subject("https://issuer.example", "alice", UnixTime::MAX, UnixTime::MAX);
    send(stack, alice).await.is(&Expected::refused(401, &[NO_STORE, WI], AuthErrorKind::Revoked));
    ledger::passed("CLM-22 6750-38");
}

fn a_client_is_no_user() {
    let client = Identity::builder("i").subject("admin").client_id("admin").build();
    let user = Identity::builder("i").subject("admin").client_id("web").build();
    let without_sub = Identity::builder("i").client_id("admin").build();
    assert_eq!(client.kind(), SubjectKind::Client);
    assert_eq!(without_sub.kind(), SubjectKind::Client);
    assert_eq!(user.kind(), SubjectKind::User);
    assert_eq!(Identity::builder("i").subject("admin").build().kind(), SubjectKind::Unknown);
    ledger::passed("CLM-23");
}

/// The payload of figure 2 with another subject, under the old signature.
fn forged() -> (String, JwtValidator) {
    // {"iss":"https://authorization-server.example.com/","sub":"mallory-the-forger","aud":
    // "https://rs.example.com/","exp":1639528912,"iat":1618354090,"jti":"1","client_id":"c"}
    const PAYLOAD: &str = "eyJpc3MiOiJodHRwczovL2F1dGhvcml6YXRpb24tc2VydmVyLmV4YW1wbGUuY29tLyIsInN1YiI6Im1hbGxvcnktdGhlLWZvcmdlciIsImF1ZCI6Imh0dHBzOi8vcnMuZXhhbXBsZS5jb20vIiwiZXhwIjoxNjM5NTI4OTEyLCJpYXQiOjE2MTgzNTQwOTAsImp0aSI6IjEiLCJjbGllbnRfaWQiOiJjIn0";
    let (token, validator) = figure_2();
    let (header, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    (format!("{header}.{PAYLOAD}.{signature}"), validator)
}

async fn forged_claims_reach_nobody() {
    let log = Log::capture();
    let (token, validator) = forged();
    let line = format!("authorization: Bearer {token}");
    let gate = AuthenticateLayer::new((Scheme::bearer(Bearer, validator),)).unwrap();
    let not_good = Expected::refused(401, &[NO_STORE, WI], AuthErrorKind::BadSignature);

    // optional, public, required by any, by name, by scope
    send(gate.clone(), get(&[&line])).await.is(&NOBODY);
    let suppress = gate.suppress_all_but(Bearer).unwrap();
    let public = ServiceBuilder::new().layer(gate.clone()).layer(suppress);
    send(public, get(&[&line])).await.is(&NOBODY);
    let any = gate.require(policy::any_scheme()).unwrap();
    send(ServiceBuilder::new().layer(gate.clone()).layer(any), get(&[&line])).await.is(&not_good);
    let named = gate.require(policy::scheme(Bearer)).unwrap();
    send(ServiceBuilder::new().layer(gate.clone()).layer(named), get(&[&line])).await.is(&not_good);
    let scope = gate.require(policy::scope("openid")).unwrap();
    send(ServiceBuilder::new().layer(gate.clone()).layer(scope), get(&[&line])).await.is(&not_good);

    let parts = get(&[&line]).into_parts().0;
    let trail = format!("{0} {0:?}", gate.explain(&parts).await);
    assert!(trail.contains("BadSignature"));
    for text in [trail, log.text()] {
        assert!(!text.contains("mallory"), "{text}");
        assert!(!text.contains(&token[..40]), "{text}");
    }
    ledger::passed("ALG-26 LOG-04");
}

/// The gate alone judges and never refuses: nobody, without any claim. Where somebody is demanded,
/// a bad token is not the same as none.
async fn an_optional_route() {
    let optional = BearerAuth::new(Fixed::default()).unwrap().optional();
    let required = BearerAuth::new(Fixed::default()).unwrap();
    for (lines, open, closed) in [
        (&[][..], NOBODY, NOTHING_SENT),
        (&["authorization: Bearer alice"], ALICE, ALICE),
        (
            &["authorization: Bearer WrongIssuer"],
            NOBODY,
            Expected::refused(401, &[NO_STORE, WI], AuthErrorKind::WrongIssuer),
        ),
        (
            &["authorization: Bearer BadSignature"],
            NOBODY,
            Expected::refused(401, &[NO_STORE, WI], AuthErrorKind::BadSignature),
        ),
    ] {
        send(optional.clone(), get(lines)).await.is(&open);
        send(required.clone(), get(lines)).await.is(&closed);
    }
    ledger::passed("ALG-27");
}

/// A policy that decides what it is told.
fn always(status: u16) -> impl Policy + Clone {
    policy::from_fn("always", move |_| match status {
        200 => Decision::Allow,
        401 => Decision::challenge(),
        403 => Decision::forbid(AuthErrorKind::MissingRole),
        _ => Decision::Undecidable,
    })
    .shared()
}

trait Shared: Policy + Sized {
    fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

impl<P: Policy> Shared for P {}

async fn truth_tables() {
    const ALL: [u16; 4] = [200, 503, 401, 403];
    // rows: left 200, 503, 401, 403; columns: right, in the same order
    const AND: [[u16; 4]; 4] =
        [[200, 503, 401, 403], [503, 503, 401, 403], [401, 401, 401, 401], [403, 403, 401, 403]];
    const OR: [[u16; 4]; 4] =
        [[200, 200, 200, 200], [200, 503, 503, 503], [200, 503, 401, 401], [200, 503, 401, 403]];
    let gate = gate();
    let request = get(&["authorization: Bearer alice"]);
    for (i, left) in ALL.into_iter().enumerate() {
        for (j, right) in ALL.into_iter().enumerate() {
            let and = gate.require(always(left).and(always(right))).unwrap();
            let stack = ServiceBuilder::new().layer(gate.clone()).layer(and);
            assert_eq!(send(stack, request.clone()).await.status, AND[i][j], "{left} and {right}");
            let or = gate.require(always(left).or(always(right))).unwrap();
            let stack = ServiceBuilder::new().layer(gate.clone()).layer(or);
            assert_eq!(send(stack, request.clone()).await.status, OR[i][j], "{left} or {right}");
        }
    }
}

const PARTNERS: SchemeName = SchemeName::from_static("Partners");

/// A second scheme in a header of its own, judged by the same texts.
#[derive(Debug)]
struct Partner(Fixed);

impl portcullis::scheme::Authenticator for Partner {
    fn authenticate(
        &self,
        parts: &http::request::Parts,
    ) -> portcullis::Attempt<portcullis::Outcome> {
        match parts.headers.get("x-partner") {
            None => portcullis::Attempt::ready(portcullis::Outcome::Absent),
            Some(token) => {
                let token = token.to_str().unwrap();
                self.0.validate(Presented::new(token, parts)).map(portcullis::Outcome::from)
            }
        }
    }

    fn challenge(
        &self,
        _: portcullis::challenge::ChallengeReason<'_>,
    ) -> Option<portcullis::challenge::Challenge> {
        Some(portcullis::challenge::Challenge::new("Partner").parameter("realm", "p"))
    }
}

/// A denial is certain only if no scheme that was looked at is open.
async fn what_could_not_be_found_out() {
    const WP: &str = r#"www-authenticate: Partner realm="p""#;
    let gate = AuthenticateLayer::new([
        Scheme::from(Scheme::bearer(Bearer, Fixed::default())),
        Scheme::custom(PARTNERS, Partner(Fixed::default())),
    ])
    .unwrap();
    let both: Arc<dyn Policy> = Arc::new(policy::scheme(Bearer).and(policy::scheme(PARTNERS)));
    let either: Arc<dyn Policy> = Arc::new(policy::scheme(Bearer).or(policy::scheme(PARTNERS)));
    let any: Arc<dyn Policy> = Arc::new(policy::any_scheme());
    let role: Arc<dyn Policy> = Arc::new(policy::role("staff"));
    let role_of_bearer: Arc<dyn Policy> = Arc::new(policy::role("staff").of(Bearer));
    let scope: Arc<dyn Policy> = Arc::new(policy::scope("orders:write"));

    const RETRY: &[&str] = &[NO_STORE, "retry-after: 7"];
    for (policy, bearer, partner, status, headers) in [
        (&both, "alice", "alice", 200, &[][..]),
        (&both, "alice", "down", 503, RETRY),
        (&both, "down", "alice", 503, RETRY),
        (&both, "BadSignature", "down", 401, &[NO_STORE, WI]),
        (&both, "", "down", 401, &[NO_STORE, W0]),
        (&both, "down", "", 401, &[NO_STORE, WP]),
        (&both, "", "", 401, &[NO_STORE, W0, WP]),
        (&both, "BadSignature", "alice", 401, &[NO_STORE, WI]),
        (&either, "down", "alice", 200, &[]),
        (&either, "alice", "BadSignature", 200, &[]),
        (&either, "down", "BadSignature", 503, RETRY),
        (&either, "", "down", 503, RETRY),
        (&either, "BadSignature", "", 401, &[NO_STORE, WI, WP]),
        (&any, "down", "alice", 200, &[]),
        (&any, "down", "", 503, RETRY),
        (&any, "", "", 401, &[NO_STORE, W0, WP]),
        // rights of two identities are never added up, and a no is certain only if all is known
        (&role, "bob", "alice", 403, &[NO_STORE]),
        (&role, "bob", "down", 503, RETRY),
        (&role_of_bearer, "bob", "down", 403, &[NO_STORE]),
        (&role_of_bearer, "", "alice", 401, &[NO_STORE, W0]),
        (&role_of_bearer, "down", "alice", 503, RETRY),
        (&scope, "bob", "down", 503, RETRY),
        (&scope, "alice", "down", 200, &[]),
    ] {
        let require = gate.require(Arc::clone(policy)).unwrap();
        let mut lines = Vec::new();
        if !bearer.is_empty() {
            lines.push(format!("authorization: Bearer {bearer}"));
        }
        if !partner.is_empty() {
            lines.push(format!("x-partner: {partner}"));
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let stack = ServiceBuilder::new().layer(gate.clone()).layer(require);
        let answer = send(stack, get(&lines)).await;
        assert_eq!(answer.status, status, "{policy:?} bearer {bearer} partner {partner}");
        assert_eq!(answer.headers, headers, "{policy:?} bearer {bearer} partner {partner}");
        assert_eq!(answer.saw.is_some(), status == 200);
    }
    ledger::passed("3.0-undecidable");
}

async fn a_token_without_its_scheme() {
    let log = Log::capture();
    let (token, validator) = figure_2();
    let stack = BearerAuth::new(validator).unwrap();
    send(stack.clone(), get(&[&format!("authorization: {token}")])).await.is(&NOTHING_SENT);
    assert_eq!(log.lines_with("token without scheme").len(), 1);
    assert!(!log.text().contains(&token[..20]));

    let log = Log::capture();
    send(stack, get(&[])).await.is(&NOTHING_SENT);
    assert_eq!(log.lines_with("token without scheme").len(), 0);
    assert_eq!(log.lines_with("NoCredential").len(), 1, "{}", log.text());
    ledger::passed("S3-05 S3-06");
}

/// The role is there, under the claim that .NET's issuers use.
async fn a_role_under_another_claim() {
    let log = Log::capture();
    let identity = || {
        Identity::builder("i")
            .subject("alice")
            .claims_json(&br#"{"sub":"alice","role":"private-role-name","name":"A"}"#[..])
            .build()
    };
    let gate = gate();
    let refuse = gate.require(policy::role("staff")).unwrap();
    let accept = gate.require(policy::role("private-role-name").in_claim("role")).unwrap();
    let forbidden = Expected::refused(403, &[NO_STORE], AuthErrorKind::MissingRole);
    send(refuse, signed_in(get(&[]), identity())).await.is(&forbidden);
    let line = log.lines_with("refused").join("\n");
    for word in ["needs role staff in claim roles", "claims seen: name role sub", "403"] {
        assert!(line.contains(word), "{line}");
    }
    assert!(!line.contains("private-role-name"), "no value: {line}");
    send(accept, signed_in(get(&[]), identity())).await.is(&ALICE);
    ledger::passed("S3-09");
}

fn a_scheme_name_in_another_case() {
    let gate = gate();
    let name = SchemeName::new("bearer");
    let expected = BuildError::UnknownScheme { name, known: vec![SchemeName::from(Bearer)] };
    for error in [
        gate.require(policy::scheme(name)).unwrap_err(),
        gate.suppress_all_but(name).unwrap_err(),
        gate.suppress_all_but([SchemeName::from(Bearer), name]).unwrap_err(),
    ] {
        assert_eq!(error, expected);
        assert_eq!(
            error.to_string(),
            "UnknownScheme: no scheme of this gate is named \"bearer\"; did you mean \"Bearer\"?"
        );
    }
    let none: [SchemeName; 0] = [];
    assert_eq!(gate.suppress_all_but(none).unwrap_err(), BuildError::NoSchemeEnabled);
    ledger::passed("S3-11");
}

async fn a_route_added_after_the_layer() {
    let app = Router::new()
        .route("/orders", route(async || "orders"))
        .layer(BearerAuth::new(Fixed::default()).unwrap())
        .route("/late", route(async || "late"));

    let found =
        assert_protected::<_, AxumBody, _>(app.clone(), ["/orders", "/late"]).await.unwrap_err();
    assert_eq!(found.0, [("/late".to_owned(), Some(200))]);
    assert_eq!(found.to_string(), "answered without being asked who is calling: /late (200)");
    assert_eq!(assert_protected::<_, AxumBody, _>(app.clone(), ["/orders"]).await, Ok(()));

    let request = Request::get("/late").body(AxumBody::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let said = explain(response.extensions()).to_string();
    assert!(said.contains("no AuthenticateLayer saw this request"), "{said}");
    ledger::passed("S3-12");
}

fn what_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
    ledger::passed("ALG-25 LOG-09");
}
