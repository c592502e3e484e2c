//! Several schemes and several policies in one answer.

use std::sync::{Arc, Mutex};

use http::Request;
use portcullis::policy::{self, Policy, PolicyExt};
use portcullis::token::{Presented, TokenValidator};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Authentication, Bearer, Cookies,
    Decision, Identity, Rejection, Scheme, SchemeName,
};
use tower::ServiceBuilder;

use super::ledger;
use crate::support::fixed::{Body, Fixed, NO_STORE, W0, WI, get, send, with_headers};
use crate::support::pair::{self, record};

chapter! {
    async fn all_names_each_missing_part;
    async fn two_users_are_never_one_caller;
    async fn any_counts_whoever_is_good;
    async fn optional_lets_nobody_in_by_a_bad_credential;
    async fn every_scheme_is_asked_once_in_order;
    async fn the_challenges_of_all_alternatives;
    async fn what_is_open_and_what_is_certain;
    fn nested_policies_are_boolean_algebra;
    async fn headers_of_a_proxy_are_nobodys_identity;
}

/// What a challenge of the second scheme looks like.
const S: &str = r#"www-authenticate: Session why="Missing""#;

fn both() -> impl Policy + Clone {
    policy::scheme(Bearer).and(policy::scheme(Cookies))
}

fn either() -> impl Policy + Clone {
    policy::scheme(Bearer).or(policy::scheme(Cookies))
}

async fn ask(policy: impl Policy + 'static, lines: &[&str]) -> (u16, Vec<String>) {
    let gate = pair::gate();
    let stack = ServiceBuilder::new().layer(gate.clone()).layer(gate.require(policy).unwrap());
    let answer = send(stack, get(lines)).await;
    (answer.status, answer.headers)
}

async fn all_names_each_missing_part() {
    let (token, session) = ("authorization: Bearer alice", "x-session: alice");
    let bad_token = "authorization: Bearer BadSignature";
    let bad_session = "x-session: TicketExpired";
    const S_BAD: &str = r#"www-authenticate: Session why="Rejected(TicketExpired)""#;
    for (lines, status, challenges) in [
        (&[token, session][..], 200, &[][..]),
        (&[], 401, &[W0, S]),
        (&[token], 401, &[S]),
        (&[session], 401, &[W0]),
        (&[bad_token, session], 401, &[WI]),
        (&[token, bad_session], 401, &[S_BAD]),
        (&[bad_token, bad_session], 401, &[WI, S_BAD]),
        (&[bad_token], 401, &[WI, S]),
    ] {
        let (found, headers) = ask(both(), lines).await;
        assert_eq!(found, status, "{lines:?}");
        let expected: Vec<&str> =
            if status == 200 { vec![] } else { [&[NO_STORE], challenges].concat() };
        assert_eq!(headers, expected, "{lines:?}");
    }
    ledger::passed("COMB-01");
}

async fn two_users_are_never_one_caller() {
    let one_user = || both().and(policy::same_subject());
    let record = record(&["authorization: Bearer alice", "x-session: bob"]).await;
    let refused = record.check(&one_user()).unwrap_err();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.reason().kind(), AuthErrorKind::SubjectMismatch);

    let named: Vec<_> = record
        .identities()
        .map(|(scheme, identity)| (scheme, identity.subject().unwrap().to_owned()))
        .collect();
    let expected = [(Bearer.into(), "alice".to_owned()), (Cookies.into(), "bob".to_owned())];
    assert_eq!(named, expected, "side by side, never merged");
    // alice may write orders, bob may not: the rights of the two are not added up
    let may_write = policy::scope("orders:write").of(Cookies);
    assert_eq!(record.check(&may_write).unwrap_err().status(), 403);
    ledger::passed("COMB-02");
}

/// Rows 14 and 126 decide it: a bad credential beside a good one spoils nothing, a malformed one
/// does (row 64).
async fn any_counts_whoever_is_good() {
    for (lines, status) in [
        (&["authorization: Bearer BadSignature", "x-session: alice"][..], 200),
        (&["authorization: Bearer alice", "x-session: TicketExpired"], 200),
        (&["authorization: Bearer BadSignature", "x-session: TicketExpired"], 401),
        (&["authorization: Bearer", "x-session: alice"], 400),
    ] {
        assert_eq!(ask(either(), lines).await.0, status, "{lines:?}");
        assert_eq!(ask(policy::any_scheme(), lines).await.0, status, "{lines:?}");
    }
    ledger::passed("COMB-03");
}

/// The gate never refuses; whoever demands somebody further in does.
async fn optional_lets_nobody_in_by_a_bad_credential() {
    for (lines, saw, demanded) in [
        (&[][..], "", 401),
        (&["authorization: Bearer BadSignature"], "", 401),
        (&["authorization: Bearer down"], "", 503),
        (&["authorization: Bearer alice"], "Bearer alice", 200),
    ] {
        let answer = send(pair::gate(), get(lines)).await;
        assert_eq!((answer.status, answer.saw.as_deref()), (200, Some(saw)), "{lines:?}");
        assert_eq!(ask(policy::scheme(Bearer), lines).await.0, demanded, "{lines:?}");
    }
    ledger::passed("COMB-04");
}

/// Notes in which order the schemes were asked.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<Mutex<Vec<&'static str>>>);

#[derive(Debug)]
struct Noted(&'static str, Asked, Fixed);

impl TokenValidator for Noted {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        self.1.0.lock().unwrap().push(self.0);
        self.2.validate(presented)
    }
}

/// All are asked, in the order of the gate, once each, whatever the first one said: an answer can
/// then name every missing part. What a token's text alone tells is refused before anybody is asked.
async fn every_scheme_is_asked_once_in_order() {
    let asked = Asked::default();
    let (first, second) = (SchemeName::new("First"), SchemeName::new("Second"));
    let noted = |name| Noted(name, asked.clone(), Fixed::default());
    let gate = AuthenticateLayer::new((
        Scheme::bearer(first, noted("first")),
        Scheme::bearer(second, noted("second")),
    ))
    .unwrap();
    let policy = || policy::scheme(first).or(policy::scheme(second));
    for (token, status, expected) in [
        ("alice", 200, &["first", "second"][..]),
        ("BadSignature", 401, &["first", "second"]),
        ("null", 401, &[]),
        ("not a token", 401, &[]),
    ] {
        let stack = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.require(policy()).unwrap())
            .layer(gate.require(policy()).unwrap());
        let line = format!("authorization: Bearer {token}");
        assert_eq!(send(stack, get(&[&line])).await.status, status, "{token}");
        assert_eq!(*std::mem::take(&mut *asked.0.lock().unwrap()), *expected, "{token}");
    }
    ledger::passed("COMB-05");
}

async fn the_challenges_of_all_alternatives() {
    for _ in 0..3 {
        assert_eq!(ask(either(), &[]).await, (401, [NO_STORE, W0, S].map(str::to_owned).into()));
        let turned = policy::scheme(Cookies).or(policy::scheme(Bearer));
        // a policy that names schemes says their order: the first is primary
        assert_eq!(ask(turned, &[]).await, (401, [NO_STORE, S, W0].map(str::to_owned).into()));
    }
    ledger::passed("COMB-06");
}

async fn what_is_open_and_what_is_certain() {
    let open_and_good = &["authorization: Bearer down", "x-session: alice"][..];
    let open_and_none = &["authorization: Bearer down"][..];
    let open_and_bad = &["authorization: Bearer down", "x-session: TicketExpired"][..];
    for (policy, lines, status) in [
        (Arc::new(either()) as Arc<dyn Policy>, open_and_good, 200),
        (Arc::new(both()), open_and_good, 503),
        (Arc::new(either()), open_and_none, 503),
        (Arc::new(either()), open_and_bad, 503),
        // the other half is missing for certain, whatever the issuer would say (row 138)
        (Arc::new(both()), open_and_none, 401),
        (Arc::new(both()), open_and_bad, 401),
    ] {
        assert_eq!(ask(policy, lines).await.0, status, "{lines:?}");
    }
    ledger::passed("COMB-07");
}

/// Every tree of `and` and `or` over four leaves, held against a table of its own: an answer is one of
/// four, `and` takes the one that stands further right, `or` the other way round, but for what stands
/// in the docs of `policy`.
fn nested_policies_are_boolean_algebra() {
    let record = pair::signed_in(crate::support::fixed::person("alice", "", ""));
    let mut seen = 0;
    for leaves in (0..256).map(|n| [n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3]) {
        for shape in 0..40 {
            let (policy, expected) = tree(&leaves, shape);
            let found = word(&policy.decide(&record));
            assert_eq!(found, expected, "{policy:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 256 * 40);
    ledger::passed("COMB-08");
}

const WORDS: [&str; 4] = ["allow", "undecidable", "challenge", "forbid"];

/// The policy of this shape (where it splits, and by which word), and what it should decide.
fn tree(leaves: &[usize], shape: usize) -> (Arc<dyn Policy>, &'static str) {
    if let [leaf] = *leaves {
        let policy = policy::from_fn(WORDS[leaf], move |_| match leaf {
            0 => Decision::Allow,
            1 => Decision::Undecidable,
            2 => Decision::challenge(),
            _ => Decision::forbid(AuthErrorKind::MissingRole),
        });
        return (Arc::new(policy), WORDS[leaf]);
    }
    let (split, rest) = (1 + shape % (leaves.len() - 1), shape / (leaves.len() - 1));
    let (is_and, rest) = (rest % 2 == 0, rest / 2);
    let (left, right) = leaves.split_at(split);
    let ((a, says_a), (b, says_b)) = (tree(left, rest), tree(right, rest / 3));
    if is_and {
        // a certain no before an open question; who you are before what you may
        let order = ["allow", "undecidable", "forbid", "challenge"];
        (Arc::new(a.and(b)), further(order, says_a, says_b))
    } else {
        let order = ["forbid", "challenge", "undecidable", "allow"];
        (Arc::new(a.or(b)), further(order, says_a, says_b))
    }
}

fn further(order: [&'static str; 4], a: &str, b: &str) -> &'static str {
    let place = |word| order.iter().position(|it| *it == word).unwrap();
    order[place(a).max(place(b))]
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Undecidable => "undecidable",
        Decision::Challenge { .. } => "challenge",
        Decision::Forbid { .. } => "forbid",
        other => panic!("{other:?}"),
    }
}

/// Whoever wrote them: no header but those of its schemes says anything to a gate, none is added for
/// the service behind it, and what it knows travels in the request's extensions, where no peer writes.
async fn headers_of_a_proxy_are_nobodys_identity() {
    let forged = [
        "client-cert: :MIIB:",
        "x-forwarded-user: root",
        "x-forwarded-access-token: alice",
        "x-auth-request-user: root",
        "x-user: root",
        "x-ms-client-principal-name: root",
        "remote-user: root",
        "forwarded: for=127.0.0.1;proto=https;host=internal",
        "x-forwarded-for: 127.0.0.1",
    ];
    let unknown = record(&forged).await;
    assert_eq!(unknown.identities().count(), 0);
    let refused = unknown.check(&policy::any_scheme()).unwrap_err();
    assert_eq!(refused.reason().kind(), AuthErrorKind::NoCredential);

    let mut known = forged.to_vec();
    known.push("authorization: Bearer bob");
    let bob = record(&known).await;
    assert_eq!(bob.primary().unwrap().subject(), Some("bob"));
    assert_eq!(bob.check(&policy::role("staff")).map_err(status), Err(403));

    // what stands in the extensions of a request is the application's; a gate replaces it
    let mut request: Request<Body> =
        with_headers("GET", "/", &["authorization: Bearer BadSignature"]);
    let before: Authentication = record(&["authorization: Bearer alice"]).await;
    request.extensions_mut().insert(before);
    let stack = ServiceBuilder::new().layer(pair::gate());
    let answer = send(stack, request).await;
    assert_eq!(answer.saw.as_deref(), Some(""), "a record from outside lets nobody in");
    ledger::passed("9700-07");
}

fn status(rejection: Rejection) -> u16 {
    rejection.status().as_u16()
}
