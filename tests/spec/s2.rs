//! The life of a token at the issuer (seed system 2; RFC 6749 §6, RFC 7009 §2.1, RFC 9700 §4.14.2).

use std::time::Duration;

use http::HeaderMap;
use portcullis::{
    AuthErrorKind,
    introspection::{ClientAuth, IntrospectionValidator},
    jwt::{JwtValidator, StaticKeys},
    testing::{
        Api, Client, ManualClock, MockIssuer, MockIssuerBuilder, RefreshFlaw, RefreshTokens,
        TokenKind, TokenStatus, User,
    },
};
use serde_json::{Value, json};

use super::ledger::{self, Row};
use crate::support::{desk, stand::Stand};

chapter! {
    async fn one_use_and_then_the_family_ends;
    async fn a_lost_answer_is_forgiven;
    threads async fn two_at_once;
    async fn refresh_outlives_access;
    async fn the_shared_expiry;
    async fn refused_refreshes;
    async fn what_became_of_the_user;
    async fn a_word_of_the_application;
    async fn the_client_proves_itself;
    async fn scopes_narrow_and_never_widen;
    async fn after_a_restart;
    async fn revoking_a_refresh_token;
    async fn nothing_legible_is_kept;
    async fn providers_of_the_source;
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const API: &str = "https://api.example";
const PASSWORD: &str = "grant_type=password&username=alice&password=pw";
/// `client1:secret`, as the source's sample has it, and its neighbour.
const CLIENT1: &str = "Basic Y2xpZW50MTpzZWNyZXQ=";
const CLIENT2: &str = "Basic Y2xpZW50MjpzZWNyZXQ=";

struct System {
    clock: ManualClock,
    issuer: MockIssuer,
}

/// What the token endpoint said.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name}: {}", self.body))
    }

    #[track_caller]
    fn granted(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    #[track_caller]
    fn is_refused(&self, status: u16, error: &str) -> &Self {
        assert_eq!((self.status, &self.body["error"]), (status, &json!(error)), "{}", self.body);
        assert!(self.body.get("access_token").is_none());
        self
    }
}

impl System {
    /// 30 minutes against 30 days, and no leeway.
    fn new() -> Self {
        Self::with(|builder| {
            builder.refresh_tokens(RefreshTokens::new(30 * DAY).leeway(Duration::ZERO).always())
        })
    }

    fn with(configure: impl FnOnce(MockIssuerBuilder) -> MockIssuerBuilder) -> Self {
        let clock = ManualClock::new();
        let issuer = configure(estate(MockIssuer::builder().clock(clock.clone()))).build();
        Self { clock, issuer }
    }

    async fn ask(&self, client: &str, form: &str) -> Answer {
        let response = desk::post_form(&self.issuer, "/token", Some(client), form).await;
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_slice(response.body()).unwrap_or_default(),
        }
    }

    async fn password(&self) -> Answer {
        self.ask(CLIENT1, PASSWORD).await.granted()
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.ask(CLIENT1, &format!("grant_type=refresh_token&refresh_token={token}")).await
    }

    /// An API that asks the issuer each time.
    fn api(&self) -> Stand {
        let endpoint = format!("{}/introspect", self.issuer.url());
        let validator = IntrospectionValidator::builder(endpoint, ClientAuth::basic(API, "secret"));
        Stand::of(
            validator
                .fetch(self.issuer.fetch())
                .clock(self.clock.clone())
                .issuer(self.issuer.url())
                .audience(API)
                .positive_lifetime(Duration::ZERO)
                .build()
                .unwrap(),
        )
    }
}

fn estate(builder: MockIssuerBuilder) -> MockIssuerBuilder {
    let client = |id| {
        Client::new(id)
            .secret("secret")
            .grant("password")
            .grant("refresh_token")
            .scopes(&["read", "write", "offline_access"])
            .lifetime(30 * MINUTE)
            .opaque_tokens()
    };
    builder
        .api(Api::new(API, &["read", "write"]).secret("secret"))
        .client(client("client1"))
        .client(client("client2"))
        .user(User::new("alice", "pw").roles(&["Admin"]))
}

async fn one_use_and_then_the_family_ends() {
    let system = System::new();
    let api = system.api();
    let first = system.password().await;
    assert_eq!((&first.body["expires_in"], first.text("token_type")), (&json!(1800), "Bearer"));
    let (t1, r1) = (first.text("access_token"), first.text("refresh_token"));
    let entry = system.issuer.entry(r1).unwrap();
    assert_eq!(entry.expires, Some(entry.created + 30 * DAY));
    assert_eq!((entry.kind, entry.status), (TokenKind::Refresh, TokenStatus::Valid));
    api.accepts(t1).await;
    ledger::passed("S2-01");

    let second = system.refresh(r1).await.granted();
    let (t2, r2) = (second.text("access_token"), second.text("refresh_token"));
    assert!(t1 != t2 && r1 != r2);
    assert_eq!(api.accepts(t2).await.subject(), Some("alice"));
    let (old, new) = (system.issuer.entry(r1).unwrap(), system.issuer.entry(r2).unwrap());
    assert_eq!((old.status, old.redeemed.is_some()), (TokenStatus::Redeemed, true));
    assert_eq!((&new.chain, new.parent.as_ref()), (&old.chain, Some(&old.id)));
    assert_eq!(new.scopes, old.scopes, "rotation changes no scope");
    ledger::passed("S2-02");

    system.refresh(r1).await.is_refused(400, "invalid_grant");
    let family = system.issuer.issued();
    assert!(family.len() == 4 && family.iter().all(|one| one.status == TokenStatus::Revoked));
    ledger::passed("S2-03");
    system.refresh(r2).await.is_refused(400, "invalid_grant");
    ledger::passed("S2-04 9700-14");

    let gone = api.send(t2).await;
    gone.is_refused(t2, AuthErrorKind::Inactive);
    ledger::passed("S2-05");

    // another grant of the same user is another family
    let other = system.password().await;
    system.refresh(other.text("refresh_token")).await.granted();
}

async fn a_lost_answer_is_forgiven() {
    // the leeway of 30 s is the default
    let system = System::with(|it| it.refresh_tokens(RefreshTokens::new(30 * DAY).always()));
    let first = system.password().await;
    let r1 = first.text("refresh_token");
    system.refresh(r1).await.granted();
    system.clock.advance(Duration::from_secs(5));
    let again = system.refresh(r1).await.granted();
    assert!(again.text("refresh_token") != r1);
    // the leeway counts from the first use
    system.clock.advance(Duration::from_secs(26));
    system.refresh(r1).await.is_refused(400, "invalid_grant");
    system.refresh(again.text("refresh_token")).await.is_refused(400, "invalid_grant");
    ledger::passed("S2-06");
}

async fn two_at_once() {
    let system = System::new();
    for _ in 0..20 {
        let first = system.password().await;
        let form =
            format!("grant_type=refresh_token&refresh_token={}", first.text("refresh_token"));
        let asked = [(); 2].map(|()| {
            let (issuer, form) = (system.issuer.clone(), form.clone());
            tokio::spawn(async move {
                desk::post_form(&issuer, "/token", Some(CLIENT1), &form).await.status().as_u16()
            })
        });
        let [one, other] = asked;
        let mut statuses = [one.await.unwrap(), other.await.unwrap()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
        // whatever the order, nobody can go on: two held the token
        let chain = system.issuer.entry(first.text("refresh_token")).unwrap().chain;
        let family = system.issuer.issued().into_iter().filter(|one| one.chain == chain);
        assert!(
            family.clone().count() == 4 && family.clone().all(|it| it.status != TokenStatus::Valid)
        );
    }
    ledger::passed("S2-07");
}

async fn refresh_outlives_access() {
    // by its own signature and expiry, without the issuer
    let clock = ManualClock::new();
    let client = Client::new("client1").secret("secret").grant("password").grant("refresh_token");
    let issuer = MockIssuer::builder()
        .clock(clock.clone())
        .client(client.lifetime(30 * MINUTE))
        .user(User::new("alice", "pw"))
        .refresh_tokens(RefreshTokens::new(30 * DAY).always())
        .build();
    let keys = StaticKeys::from_jwk_set(issuer.jwks_json().as_bytes()).unwrap();
    let api = JwtValidator::builder(keys).issuer(issuer.url()).audience(issuer.audience());
    let api = Stand::of(
        api.clock(std::sync::Arc::new(clock.clone()))
            .clock_tolerance(Duration::ZERO)
            .build()
            .unwrap(),
    );
    let system = System { clock, issuer };
    let first = system.password().await;
    api.accepts(first.text("access_token")).await;
    system.clock.advance(31 * MINUTE);
    let t1 = first.text("access_token");
    api.send(t1).await.is_refused(t1, AuthErrorKind::Expired);
    let second = system.refresh(first.text("refresh_token")).await.granted();
    api.accepts(second.text("access_token")).await;
    ledger::passed("S2-08");

    // and ends itself: it was good for 30 days from its own issue
    system.clock.advance(30 * DAY);
    let late = system.refresh(second.text("refresh_token")).await;
    late.is_refused(400, "invalid_grant");
    assert!(late.text("error_description").contains("expired"));
}

async fn the_shared_expiry() {
    let system = System::with(|builder| {
        builder
            .refresh_tokens(RefreshTokens::new(30 * DAY).always())
            .flawed_refresh(RefreshFlaw::SharedExpiry)
    });
    let first = system.password().await;
    let second = system.refresh(first.text("refresh_token")).await.granted();
    system.clock.advance(31 * MINUTE);
    system.refresh(second.text("refresh_token")).await.is_refused(400, "invalid_grant");
    ledger::passed("S2-09");
}

struct Refused {
    id: &'static str,
    client: &'static str,
    form: &'static str,
    error: &'static str,
    says: &'static str,
}

impl Row for Refused {
    fn id(&self) -> &str {
        self.id
    }
}

#[rustfmt::skip]
const REFUSED: &[Refused] = &[
    // the source's sample body: the user's password, a misspelt secret, no refresh token
    Refused { id: "S2-17", client: CLIENT1, form: "grant_type=refresh_token&username=alice&password=pw&refreshToken=R", error: "invalid_request", says: "refresh_token is missing; a parameter is spelled almost like refresh_token" },
    Refused { id: "S2-17", client: CLIENT1, form: "grant_type=refresh_token&refresh_token=", error: "invalid_request", says: "refresh_token is missing" },
    Refused { id: "S2-18 6749-06", client: CLIENT1, form: "grant_type=refresh_token&refresh_token=unknown", error: "invalid_grant", says: "not known" },
    Refused { id: "S2-18", client: CLIENT1, form: "grant_type=refresh_token&refresh_token=ACCESS", error: "invalid_grant", says: "not known" },
    Refused { id: "S2-19 6749-06 6749-09", client: CLIENT2, form: "grant_type=refresh_token&refresh_token=R", error: "invalid_grant", says: "another client" },
    Refused { id: "S2-21 6749-09", client: CLIENT1, form: "grant_type=refresh_token&refresh_token=R&scope=read+admin", error: "invalid_scope", says: "scope" },
];

async fn refused_refreshes() {
    ledger::table_async(REFUSED, async |row| {
        let system = System::new();
        let first = system.password().await;
        let refresh = format!("={}", first.text("refresh_token"));
        let form = row.form.replace("=R", &refresh);
        let form = form.replace("=ACCESS", &format!("={}", first.text("access_token")));
        let answer = system.ask(row.client, &form).await;
        answer.is_refused(400, row.error);
        assert!(answer.text("error_description").contains(row.says), "{}", answer.body);
        // nothing was used up, and the family stands
        system.api().accepts(first.text("access_token")).await;
        system.refresh(first.text("refresh_token")).await.granted();
    })
    .await;
}

async fn what_became_of_the_user() {
    type Change = fn(&MockIssuer);
    let change_password: Change = |issuer| issuer.change_password("alice", "new");
    let delete: Change = |issuer| issuer.delete_user("alice");
    for (id, change, access) in [
        ("S2-10", change_password, true),
        ("", |issuer: &MockIssuer| issuer.lock_user("alice"), false),
        ("", |issuer: &MockIssuer| issuer.deactivate_user("alice"), false),
        ("", |issuer: &MockIssuer| issuer.renew_stamp("alice"), true),
        ("S2-14", delete, false),
    ] as [(&str, Change, bool); 5]
    {
        let system = System::new();
        let first = system.password().await;
        system.issuer.set_roles("alice", &["Operator"]); // that ends nothing
        let second = system.refresh(first.text("refresh_token")).await.granted();
        change(&system.issuer);
        let answer = system.refresh(second.text("refresh_token")).await;
        answer.is_refused(400, "invalid_grant");
        assert!(answer.text("error_description").contains("sign in again"), "{}", answer.body);
        // a token that was issued counts until it expires, unless the user is gone
        let token = second.text("access_token");
        let answer = system.api().send(token).await;
        if access {
            answer.accepted();
        } else {
            answer.is_refused(token, AuthErrorKind::Inactive);
        }
        if !id.is_empty() {
            ledger::passed(id);
        }
    }
    // back again: what was granted before is good again, and the new password is the one that counts
    let system = System::new();
    let first = system.password().await;
    system.issuer.lock_user("alice");
    system.refresh(first.text("refresh_token")).await.is_refused(400, "invalid_grant");
    system.ask(CLIENT1, PASSWORD).await.is_refused(400, "invalid_grant");
    system.issuer.unlock_user("alice");
    system.refresh(first.text("refresh_token")).await.granted();
    system.issuer.change_password("alice", "new");
    system.ask(CLIENT1, PASSWORD).await.is_refused(400, "invalid_grant");
    let fresh = system.ask(CLIENT1, &PASSWORD.replace("=pw", "=new")).await.granted();
    system.refresh(fresh.text("refresh_token")).await.granted();
    // whoever is made anew under an old name has nothing of what was deleted
    let again = system.ask(CLIENT1, &PASSWORD.replace("=pw", "=new")).await.granted();
    system.issuer.delete_user("alice");
    system.issuer.add_user(User::new("alice", "pw"));
    system.refresh(again.text("refresh_token")).await.is_refused(400, "invalid_grant");
}

async fn a_word_of_the_application() {
    let system = System::with(|builder| {
        builder
            .refresh_tokens(RefreshTokens::new(30 * DAY).always())
            .user_still_valid(|name, stamp| name == "alice" && stamp.is_empty())
    });
    let first = system.password().await;
    let answer = system.refresh(first.text("refresh_token")).await;
    answer.is_refused(400, "invalid_grant");
    assert!(answer.text("error_description").contains("sign in again"));
    // it was asked before the token was used up
    assert_eq!(
        system.issuer.entry(first.text("refresh_token")).unwrap().status,
        TokenStatus::Valid
    );
}

async fn the_client_proves_itself() {
    let system = System::new();
    let granted = system.password().await;
    assert_eq!(
        system.issuer.entry(granted.text("access_token")).unwrap().client.as_deref(),
        Some("client1")
    );
    let form = format!("grant_type=refresh_token&refresh_token={}", granted.text("refresh_token"));
    for wrong in ["Basic Y2xpZW50MTp3cm9uZw==", "Basic bm9ib2R5OnNlY3JldA==", "Basic !"] {
        for form in [PASSWORD, &form] {
            let answer = system.ask(wrong, form).await;
            answer.is_refused(401, "invalid_client");
            let challenge = answer.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Basic "), "{challenge}");
        }
    }
    system.ask(CLIENT1, &form).await.granted();
    ledger::passed("S2-20");
}

async fn scopes_narrow_and_never_widen() {
    let system = System::new();
    let first = system.password().await;
    assert_eq!(first.text("scope"), "read write offline_access");
    let narrow = format!(
        "grant_type=refresh_token&scope=read&refresh_token={}",
        first.text("refresh_token")
    );
    let narrow = system.ask(CLIENT1, &narrow).await.granted();
    assert_eq!(narrow.text("scope"), "read");
    let identity = system.api().accepts(narrow.text("access_token")).await;
    assert!(identity.scope().contains("read") && !identity.scope().contains("write"));
    // the new refresh token has the scope of the old one (RFC 6749 §6)
    let wide = system.refresh(narrow.text("refresh_token")).await.granted();
    assert_eq!(wide.text("scope"), "read write offline_access");
    ledger::passed("S2-21 6749-09");

    // by default only `offline_access` brings a refresh token
    let system = System::with(|builder| builder.refresh_tokens(RefreshTokens::new(30 * DAY)));
    let without = system.ask(CLIENT1, &format!("{PASSWORD}&scope=read")).await.granted();
    assert!(without.body.get("refresh_token").is_none());
    let with = system.ask(CLIENT1, &format!("{PASSWORD}&scope=read+offline_access")).await;
    let with = system.refresh(with.granted().text("refresh_token")).await.granted();
    system.refresh(with.text("refresh_token")).await.granted();
    // and nobody gets one whom the grant is not for
    let client =
        Client::new("other").secret("secret").grant("password").scopes(&["offline_access"]);
    let builder = estate(MockIssuer::builder()).client(client);
    let issuer = builder.refresh_tokens(RefreshTokens::new(DAY).always()).build();
    let form = format!("{PASSWORD}&client_id=other&client_secret=secret");
    let answer = desk::post_form(&issuer, "/token", None, &form).await;
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(answer["access_token"].is_string() && answer.get("refresh_token").is_none());
}

async fn after_a_restart() {
    let rules = RefreshTokens::new(30 * DAY).leeway(Duration::ZERO).always();
    let system = System::new();
    let first = system.password().await;
    let used = system.refresh(first.text("refresh_token")).await.granted();
    system.issuer.change_password("alice", "new");
    let fresh = system.ask(CLIENT1, &PASSWORD.replace("=pw", "=new")).await.granted();
    let kid = system.issuer.rotate();

    let saved = serde_json::from_str(&system.issuer.save().to_string()).unwrap();
    let builder = estate(MockIssuer::builder().clock(system.clock.clone())).restore(&saved);
    let again =
        System { clock: system.clock.clone(), issuer: builder.refresh_tokens(rules).build() };
    assert_eq!(again.issuer.kid(), kid);
    assert_eq!(again.issuer.jwks_json(), system.issuer.jwks_json());
    // opaque tokens and refresh tokens live on, each once
    again.api().accepts(fresh.text("access_token")).await;
    let next = again.refresh(fresh.text("refresh_token")).await.granted();
    again.refresh(fresh.text("refresh_token")).await.is_refused(400, "invalid_grant");
    again.refresh(next.text("refresh_token")).await.is_refused(400, "invalid_grant");
    ledger::passed("S2-22");

    // and what was no good before has not become better
    again.refresh(used.text("refresh_token")).await.is_refused(400, "invalid_grant");
    again.ask(CLIENT1, PASSWORD).await.is_refused(400, "invalid_grant");
    let ids: std::collections::BTreeSet<_> =
        again.issuer.issued().into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), again.issuer.issued().len(), "no name was given twice");
}

async fn revoking_a_refresh_token() {
    let system = System::new();
    let revoke = async |client: &str, form: String| {
        desk::post_form(&system.issuer, "/revoke", Some(client), &form).await.status().as_u16()
    };
    let api = system.api();
    let first = system.password().await;
    let second = system.refresh(first.text("refresh_token")).await.granted();
    let (t1, t2) = (first.text("access_token"), second.text("access_token"));
    let r2 = second.text("refresh_token");
    // of another client: an error, and nothing is revoked
    assert_eq!(revoke(CLIENT2, format!("token={r2}")).await, 400);
    assert_eq!(revoke(CLIENT1, "token=unknown".to_owned()).await, 200);
    api.accepts(t2).await;
    // a wrong hint, and still it is found
    assert_eq!(revoke(CLIENT1, format!("token={r2}&token_type_hint=access_token")).await, 200);
    for token in [t1, t2] {
        api.send(token).await.is_refused(token, AuthErrorKind::Inactive);
    }
    system.refresh(r2).await.is_refused(400, "invalid_grant");
    ledger::passed("7009-04");

    // an access token alone does not end the grant
    let other = system.password().await;
    assert_eq!(revoke(CLIENT1, format!("token={}", other.text("access_token"))).await, 200);
    let token = other.text("access_token");
    api.send(token).await.is_refused(token, AuthErrorKind::Inactive);
    system.refresh(other.text("refresh_token")).await.granted();
}

/// Whoever reads the store can use nothing of it; and a refresh token is for no API.
async fn nothing_legible_is_kept() {
    let system = System::new();
    let first = system.password().await;
    let saved = system.issuer.save().to_string();
    for name in ["access_token", "refresh_token"] {
        assert!(!saved.contains(first.text(name)), "{name}");
        assert_eq!(first.text(name).len(), 64);
    }
    let refresh = first.text("refresh_token");
    system.api().send(refresh).await.is_refused(refresh, AuthErrorKind::Inactive);
    // its own client is told what it is
    let form = format!("token={refresh}");
    let told = async |client: &str| {
        let answer = desk::post_form(&system.issuer, "/introspect", Some(client), &form).await;
        serde_json::from_slice::<Value>(answer.body()).unwrap()
    };
    let own = told(CLIENT1).await;
    assert_eq!((&own["active"], &own["token_usage"]), (&json!(true), &json!("refresh_token")));
    assert!(own.get("token_type").is_none());
    assert_eq!(told(CLIENT2).await, json!({ "active": false }));
}

/// What the applications of the source had, shown.
async fn providers_of_the_source() {
    let flawed = |flaw| {
        System::with(|builder| {
            builder.refresh_tokens(RefreshTokens::new(30 * DAY).always()).flawed_refresh(flaw)
        })
    };
    for flaw in [RefreshFlaw::Dictionary, RefreshFlaw::SelfContained] {
        let system = flawed(flaw);
        let first = system.password().await;
        let refresh = first.text("refresh_token");
        system.issuer.delete_user("alice");
        system.clock.advance(DAY);
        for _ in 0..2 {
            // never used up, for a user who is not there any more, and for another client
            let form = format!("grant_type=refresh_token&refresh_token={refresh}");
            let answer = system.ask(CLIENT2, &form).await.granted();
            let entry = system.issuer.entry(answer.text("access_token")).unwrap();
            assert_eq!(entry.subject.as_deref(), Some("alice"));
        }
        // a restart loses what only the process knew
        let builder = estate(MockIssuer::builder().clock(system.clock.clone()));
        let builder = builder.refresh_tokens(RefreshTokens::new(DAY).always()).flawed_refresh(flaw);
        let issuer = builder.restore(&system.issuer.save()).build();
        let again = System { clock: system.clock.clone(), issuer };
        let expected = if flaw == RefreshFlaw::Dictionary { 500 } else { 200 };
        assert_eq!(again.refresh(refresh).await.status, expected);
    }
    // S2-18, the dictionary's way
    let system = flawed(RefreshFlaw::Dictionary);
    assert_eq!(system.refresh("unknown").await.status, 500);
    // what the issuer only opens is nothing that it did not make
    let system = flawed(RefreshFlaw::SelfContained);
    let first = system.password().await;
    for bad in [
        format!("{}x", first.text("refresh_token")),
        system.issuer.token().build(),
        system.issuer.token().claim("token_usage", "refresh_token").signed_by_stranger().build(),
    ] {
        system.refresh(&bad).await.is_refused(400, "invalid_grant");
    }
    system.clock.advance(31 * DAY);
    system.refresh(first.text("refresh_token")).await.is_refused(400, "invalid_grant");
}
