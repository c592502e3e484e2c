//! One user behind several credentials: `policy::same_subject`.

use std::convert::Infallible;

use http::{Request, Response, header, request::Parts};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Bearer, Cookies, Identity, Outcome,
    Rejection, Scheme,
    challenge::{Challenge, ChallengeReason},
    policy::{self, Policy, PolicyExt},
    scheme::Authenticator,
};
use tower::{Layer, ServiceExt, service_fn};

/// A scheme whose credential is a header of its name: `user`, `user by client`, `!kind`.
#[derive(Debug)]
struct Header(&'static str);

impl Authenticator for Header {
    fn authenticate(&self, parts: &Parts) -> Attempt<Outcome> {
        let Some(value) = parts.headers.get(self.0) else {
            return Attempt::ready(Outcome::Absent);
        };
        let value = value.to_str().unwrap();
        if let Some(kind) = value.strip_prefix('!') {
            let kind = AuthErrorKind::ALL.iter().find(|it| it.name() == kind).unwrap();
            return Attempt::ready(AuthError::new(*kind).into());
        }
        let (user, client) = value.split_once(" by ").unwrap_or((value, ""));
        let mut identity = Identity::builder(&format!("issuer of {}", self.0))
            .claims_json(format!(r#"{{"login":"{}"}}"#, user.to_lowercase()));
        if user != "-" {
            identity = identity.subject(user);
        }
        if !client.is_empty() {
            identity = identity.client_id(client);
        }
        Attempt::ready(Outcome::Verified(identity.build()))
    }

    fn challenge(&self, reason: ChallengeReason<'_>) -> Option<Challenge> {
        let challenge = Challenge::new(self.0).parameter("realm", "api");
        Some(match reason {
            ChallengeReason::Rejected(kind) => challenge.parameter("why", kind.name()),
            _ => challenge,
        })
    }
}

fn gate() -> AuthenticateLayer {
    AuthenticateLayer::new((
        Scheme::custom(Bearer, Header("token")),
        Scheme::custom(Cookies, Header("ticket")),
    ))
    .unwrap()
}

/// Status, reason and challenges of one request, in a line.
async fn answer(policy: impl Policy + 'static, token: &str, ticket: &str) -> String {
    let gate = gate();
    let service = gate.layer(
        gate.require(policy)
            .unwrap()
            .layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())))),
    );
    let mut request = Request::new(());
    for (name, value) in [("token", token), ("ticket", ticket)] {
        if !value.is_empty() {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    let response = service.oneshot(request).await.unwrap();
    let mut line = response.status().as_u16().to_string();
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        line = format!("{line} {}", rejection.reason().kind());
    }
    for challenge in response.headers().get_all(header::WWW_AUTHENTICATE) {
        line = format!("{line}, {}", challenge.to_str().unwrap());
    }
    line
}

#[tokio::test]
async fn one_user_holds_both() {
    const MISMATCH: &str = r#"401 SubjectMismatch, token realm="api", why="SubjectMismatch", ticket realm="api", why="SubjectMismatch""#;
    let both = || policy::scheme(Bearer).and(policy::scheme(Cookies)).and(policy::same_subject());
    for (token, ticket, expected) in [
        ("alice", "alice", "200"),
        ("alice by web", "alice", "200"),
        ("alice", "bob", MISMATCH),
        ("alice", "Alice", MISMATCH),
        ("alice", "alice2", MISMATCH),
        // nobody's twin: without a subject, and a client of the user's name
        ("-", "-", MISMATCH),
        ("-", "alice", MISMATCH),
        ("alice", "-", MISMATCH),
        ("alice by alice", "alice", MISMATCH),
        ("alice by alice", "alice by alice", MISMATCH),
        ("", "", r#"401 NoCredential, token realm="api", ticket realm="api""#),
        ("alice", "", r#"401 NoCredential, ticket realm="api""#),
        ("", "alice", r#"401 NoCredential, token realm="api""#),
        (
            "alice",
            "!TicketExpired",
            r#"401 TicketExpired, ticket realm="api", why="TicketExpired""#,
        ),
        ("!Expired", "alice", r#"401 Expired, token realm="api", why="Expired""#),
        // a definite no wins over "could not find out"
        (
            "!IssuerUnreachable",
            "!TicketExpired",
            r#"401 TicketExpired, ticket realm="api", why="TicketExpired""#,
        ),
        ("!IssuerUnreachable", "alice", "503 IssuerUnreachable"),
        ("alice", "!IssuerUnreachable", "503 IssuerUnreachable"),
    ] {
        assert_eq!(answer(both(), token, ticket).await, expected, "{token:?} and {ticket:?}");
    }
}

#[tokio::test]
async fn alone_it_demands_two_identities_all_the_same() {
    for (token, ticket, status) in
        [("alice", "alice", "200"), ("alice", "", "401"), ("", "", "401"), ("alice", "bob", "401")]
    {
        let found = answer(policy::same_subject(), token, ticket).await;
        assert_eq!(&found[..3], status, "{token:?} and {ticket:?}");
    }
    // one visible scheme has nobody to be compared with
    let gate = gate();
    let inner = gate.require(policy::same_subject()).unwrap();
    let service = gate.layer(gate.suppress_all_but(Bearer).unwrap().layer(
        inner.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())))),
    ));
    let request = Request::builder().header("token", "alice").body(()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_mapping_says_who_the_user_is() {
    let by_login = || policy::same_subject().by(Bearer, |identity| identity.claim_str("login"));
    assert!(answer(by_login(), "Alice", "alice").await.starts_with("200"));
    assert!(answer(by_login(), "alice", "Alice").await.starts_with("401 SubjectMismatch"));
    // the last word about a scheme counts, and what maps to nothing or to no text is nobody
    let nobody = || by_login().by(Bearer, |_| None).by(Cookies, |_| None);
    assert!(answer(nobody(), "alice", "alice").await.starts_with("401 SubjectMismatch"));
    let empty = || {
        policy::same_subject()
            .by(Bearer, |_| Some(String::new()))
            .by(Cookies, |_| Some(String::new()))
    };
    assert!(answer(empty(), "alice", "alice").await.starts_with("401 SubjectMismatch"));
    // a client of the user's name is no user, whatever the mapping makes of the name
    let lower =
        || policy::same_subject().by(Bearer, |identity| identity.subject().map(str::to_lowercase));
    assert!(answer(lower(), "Alice by web", "alice").await.starts_with("200"));
    assert!(answer(lower(), "Alice by Alice", "alice").await.starts_with("401 SubjectMismatch"));
    assert_eq!(format!("{:?}", by_login()), r#"same_subject by ["Bearer"]"#);
}
