//! Consent, authorizations and chains of tokens at the issuer (seed system 9).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    AuthErrorKind::{Inactive, WrongType},
    Clock as _,
    jwt::{JwtValidator, KeyLocation, RemoteKeys, jwe::KeyManagement},
    testing::{
        Api, AuthorizationKind, AuthorizationStatus, ConsentStep, ConsentType, EncryptionKey,
        MockIssuerBuilder, Pruned, ScriptedUser, TokenKind, TokenStatus,
    },
};
use serde_json::{Value, json};

use super::ledger;
use crate::support::{
    code_flow::{DAY, Flow, granted, refused},
    desk::{API, Desk, SECRET},
    house::validator,
    stand::Stand,
    token_request,
};

chapter! {
    async fn the_first_time_and_the_next;
    async fn more_scopes_and_fewer;
    async fn what_prompt_changes;
    async fn an_external_decision;
    async fn every_time_and_never;
    async fn a_user_who_says_no;
    async fn a_chain_and_its_replay;
    async fn authorizations_made_for_one_flow;
    async fn refreshing_twice;
    async fn an_authorization_taken_back;
    async fn all_of_a_user_and_all_of_a_client;
    async fn pruning;
    async fn a_restart_keeps_the_chain;
    async fn as_openiddict_does_it;
    async fn who_is_told_what;
    async fn as_the_project_template_does_it;
}

const READ: &str = "orders:read";
const BOTH: &str = "orders:read orders:write";
const OFFLINE: &str = "orders:read offline_access";

impl Flow {
    /// The names of the authorizations that count.
    fn valid(&self) -> Vec<String> {
        let entries = self.issuer.authorizations().into_iter();
        entries
            .filter(|entry| entry.status == AuthorizationStatus::Valid)
            .map(|entry| entry.id)
            .collect()
    }

    fn status(&self, token: &str) -> TokenStatus {
        self.issuer.entry(token).expect("an entry").status
    }

    fn authorization_of(&self, token: &str) -> Option<String> {
        self.issuer.entry(token).expect("an entry").authorization
    }

    /// An API that introspects, and one that checks by itself.
    fn apis(&self) -> (Desk, Stand) {
        let desk = Desk::of(self.issuer.clone(), self.clock.clone(), |builder| builder);
        let keys = RemoteKeys::builder(KeyLocation::discover(self.issuer.url()))
            .fetch(self.issuer.fetch())
            .clock(self.clock.clone())
            .build()
            .unwrap();
        let local: JwtValidator = validator(&self.issuer, &self.clock, &keys);
        (desk, Stand::of(local))
    }
}

async fn the_first_time_and_the_next() {
    let flow = Flow::new();
    flow.authorize(READ, "").await.has_code();
    assert_eq!(flow.forms(), 1);
    let [entry] = &flow.issuer.authorizations()[..] else { panic!("one") };
    assert_eq!(
        (entry.kind, entry.status),
        (AuthorizationKind::Permanent, AuthorizationStatus::Valid)
    );
    assert_eq!((&*entry.subject, &*entry.client), ("alice", "explicit"));
    assert_eq!(entry.scopes, [READ]);
    ledger::passed("S9-01");

    let code = flow.code(READ).await;
    assert_eq!((flow.forms(), flow.valid().len()), (1, 1), "no form, and no other authorization");
    assert_eq!(flow.authorization_of(&code), Some(entry.id.clone()));
    let decisions = flow.issuer.consent_decisions();
    let [first, next] = &decisions[..] else { panic!("two decisions") };
    assert_eq!((&first.found, first.step), (&None, ConsentStep::Ask));
    assert_eq!((&next.found, next.step), (&Some(entry.id.clone()), ConsentStep::Grant));
    assert_eq!((next.consent, &*next.subject), (ConsentType::Explicit, "alice"));
    ledger::passed("S9-02");
    // it is this user's alone, and this client's
    flow.of("systematic").authorize(READ, "&prompt=none").await.has_error("consent_required");
}

async fn more_scopes_and_fewer() {
    let flow = Flow::new();
    flow.authorize(READ, "").await.has_code();
    flow.authorize(BOTH, "").await.has_code();
    assert_eq!(flow.forms(), 2, "one more scope");
    flow.authorize(BOTH, "").await.has_code();
    assert_eq!((flow.forms(), flow.valid().len()), (2, 2));
    ledger::passed("S9-03");
    for fewer in [READ, "orders:write"] {
        flow.authorize(fewer, "").await.has_code();
        assert_eq!((flow.forms(), flow.valid().len()), (2, 2), "{fewer}");
    }
    // two authorizations together cover nothing that neither does
    let flow = Flow::new();
    flow.authorize(READ, "").await.has_code();
    flow.authorize("orders:write", "").await.has_code();
    flow.authorize(BOTH, "&prompt=none").await.has_error("consent_required");
    ledger::passed("S9-04");
}

async fn what_prompt_changes() {
    let flow = Flow::new();
    flow.authorize(READ, "&prompt=none").await.has_error("consent_required");
    assert_eq!((flow.forms(), flow.valid().len()), (0, 0));
    flow.authorize(READ, "&prompt=login").await.has_code();
    let [a1] = &flow.valid()[..] else { panic!("one") };
    flow.authorize(READ, "&prompt=none").await.has_code();
    assert_eq!(flow.forms(), 1);
    let asked = flow.authorize(READ, "&prompt=consent").await;
    assert_eq!(
        (flow.forms(), flow.valid()),
        (2, vec![a1.clone()]),
        "a form, and the same authorization"
    );
    assert_eq!(flow.authorization_of(&asked.get("code").unwrap()), Some(a1.clone()));
    ledger::passed("S9-05");
}

async fn an_external_decision() {
    let flow = Flow::new().of("external");
    for prompt in ["", "&prompt=none", "&prompt=consent"] {
        flow.authorize(READ, prompt).await.has_error("consent_required");
    }
    let given =
        flow.issuer.authorize_permanently("alice", "external", &["orders:read", "orders:write"]);
    for prompt in ["", "&prompt=none", "&prompt=consent"] {
        let code = flow.authorize(READ, prompt).await.get("code").unwrap();
        assert_eq!(flow.authorization_of(&code), Some(given.clone()));
    }
    assert_eq!(flow.forms(), 0);
    flow.authorize(OFFLINE, "").await.has_error("consent_required");
    ledger::passed("S9-06");
}

async fn every_time_and_never() {
    let flow = Flow::new().of("systematic");
    for forms in [1, 2] {
        flow.authorize(READ, "").await.has_code();
        assert_eq!(flow.forms(), forms);
    }
    flow.authorize(READ, "&prompt=none").await.has_error("consent_required");
    let flow = Flow::new().of("implicit");
    for prompt in ["", "&prompt=none", "&prompt=consent", ""] {
        flow.authorize(READ, prompt).await.has_code();
    }
    assert_eq!(
        (flow.forms(), flow.valid().len()),
        (0, 1),
        "one authorization, made the first time"
    );
    ledger::passed("S9-07");
}

async fn a_user_who_says_no() {
    let flow = Flow::new();
    flow.issuer.script(ScriptedUser::new("alice").denies());
    flow.authorize(READ, "").await.has_error("access_denied");
    assert!(flow.valid().is_empty() && flow.issuer.issued().is_empty());
    ledger::passed("S9-08");
    // who ticks a part is asked again for the rest
    flow.issuer.script(ScriptedUser::new("alice").only(&[READ]));
    flow.authorize(BOTH, "").await.has_code();
    let entry = flow.issuer.authorizations().pop().unwrap();
    assert_eq!(entry.scopes, [READ]);
    flow.authorize(READ, "&prompt=none").await.has_code();
    flow.authorize(BOTH, "&prompt=none").await.has_error("consent_required");
}

async fn a_chain_and_its_replay() {
    let flow = Flow::new();
    let code = flow.code(OFFLINE).await;
    let (access, refresh) = granted(&flow.redeem(&code, "").await);
    assert!(!refresh.is_empty());
    let entry = |token: &str| flow.issuer.entry(token).unwrap();
    let (of_code, of_access, of_refresh) = (entry(&code), entry(&access), entry(&refresh));
    assert_eq!(
        [of_code.kind, of_access.kind, of_refresh.kind],
        [TokenKind::Code, TokenKind::Access, TokenKind::Refresh]
    );
    assert_eq!((of_code.status, of_code.redeemed.is_some()), (TokenStatus::Redeemed, true));
    assert_eq!([of_access.status, of_refresh.status], [TokenStatus::Valid; 2]);
    let a1 = flow.valid().pop();
    for tied in [&of_access, &of_refresh] {
        assert_eq!((&tied.chain, &tied.authorization), (&of_code.chain, &a1));
        assert_eq!(tied.parent, Some(of_code.id.clone()));
    }
    assert!(a1.is_some());
    ledger::passed("S9-09");

    refused(&flow.redeem(&code, "").await, "invalid_grant");
    assert_eq!([flow.status(&access), flow.status(&refresh)], [TokenStatus::Revoked; 2]);
    assert_eq!(flow.valid().pop(), a1, "the authorization stays");
    ledger::passed("S9-10");
    let (desk, local) = flow.apis();
    local.accepts(&access).await; // who checks alone does not learn of it
    desk.refuses(&access, Inactive).await;

    refused(&flow.refresh(&refresh).await, "invalid_grant");
    flow.authorize(OFFLINE, "&prompt=none").await.has_code();
    let (access, _) = flow.tokens(OFFLINE).await;
    desk.accepts(&access).await;
    assert_eq!(flow.forms(), 1, "the honest client starts again without a form");
    ledger::passed("S9-13");
}

async fn authorizations_made_for_one_flow() {
    let flow = Flow::new();
    let password = "grant_type=password&username=alice&password=pw";
    let (access, none) = granted(&flow.post(&format!("{password}&scope={READ}")).await);
    assert_eq!((&*none, flow.authorization_of(&access)), ("", None));
    assert!(flow.issuer.authorizations().is_empty());
    let form = format!("{password}&scope={}", OFFLINE.replace(' ', "+"));
    let (access, refresh) = granted(&flow.post(&form).await);
    let [entry] = &flow.issuer.authorizations()[..] else { panic!("one") };
    assert_eq!((entry.kind, entry.status), (AuthorizationKind::AdHoc, AuthorizationStatus::Valid));
    assert_eq!((&*entry.subject, &*entry.client), ("alice", "explicit"));
    for token in [&access, &refresh] {
        assert_eq!(flow.authorization_of(token), Some(entry.id.clone()));
    }
    // it goes along, and is no consent
    let (access, next) = granted(&flow.refresh(&refresh).await);
    for token in [&access, &next] {
        assert_eq!(flow.authorization_of(token), Some(entry.id.clone()));
    }
    assert_eq!(flow.issuer.authorizations().len(), 1);
    flow.authorize(OFFLINE, "&prompt=none").await.has_error("consent_required");
    ledger::passed("S9-14");

    let flow = Flow::new();
    let form = format!("grant_type=client_credentials&scope={}", OFFLINE.replace(' ', "+"));
    let (access, none) = granted(&flow.post(&form).await);
    assert_eq!((&*none, flow.authorization_of(&access)), ("", None));
    assert!(flow.issuer.authorizations().is_empty());
    ledger::passed("S9-15");
}

async fn refreshing_twice() {
    let flow = Flow::new();
    let (_, refresh) = flow.tokens(OFFLINE).await;
    let (first, _) = granted(&flow.refresh(&refresh).await);
    flow.clock.advance(Duration::from_secs(29));
    let (second, latest) = granted(&flow.refresh(&refresh).await);
    assert_eq!([flow.status(&first), flow.status(&second)], [TokenStatus::Valid; 2]);
    flow.clock.advance(Duration::from_secs(2));
    refused(&flow.refresh(&refresh).await, "invalid_grant");
    for token in [&first, &second, &latest] {
        assert_eq!(flow.status(token), TokenStatus::Revoked);
    }
    refused(&flow.refresh(&latest).await, "invalid_grant");
    assert_eq!(flow.valid().len(), 1);
    ledger::passed("S9-16");
}

async fn an_authorization_taken_back() {
    let flow = Flow::new();
    let (access, refresh) = flow.tokens(OFFLINE).await;
    let a1 = flow.valid().pop().unwrap();
    assert!(flow.issuer.revoke_authorization(&a1));
    assert!(!flow.issuer.revoke_authorization(&a1) && !flow.issuer.revoke_authorization("none"));
    assert_eq!(flow.status(&access), TokenStatus::Valid, "the entry itself is untouched");
    let (desk, local) = flow.apis();
    desk.refuses(&access, Inactive).await;
    local.accepts(&access).await;
    refused(&flow.refresh(&refresh).await, "invalid_grant");
    flow.authorize(OFFLINE, "&prompt=none").await.has_error("consent_required");
    flow.authorize(OFFLINE, "").await.has_code();
    assert_eq!(flow.forms(), 2, "the form again");
    assert_ne!(flow.valid(), [a1]);
    ledger::passed("S9-18");
}

async fn all_of_a_user_and_all_of_a_client() {
    let flow = Flow::new();
    let (access, refresh) = flow.tokens(OFFLINE).await;
    let other = flow.of("implicit");
    let (others, _) = other.tokens(OFFLINE).await;
    // a code that was redeemed, two tokens and an authorization
    assert_eq!(flow.issuer.revoke_client("explicit"), 4);
    assert_eq!([flow.status(&access), flow.status(&refresh)], [TokenStatus::Revoked; 2]);
    assert_eq!((flow.status(&others), flow.valid().len()), (TokenStatus::Valid, 1));
    refused(&flow.refresh(&refresh).await, "invalid_grant");
    flow.authorize(READ, "&prompt=none").await.has_error("consent_required");
    assert_eq!(flow.issuer.revoke_user("alice"), 4);
    assert_eq!((flow.status(&others), flow.valid().len()), (TokenStatus::Revoked, 0));
    // one token alone, by itself
    let (access, refresh) = flow.tokens(OFFLINE).await;
    flow.issuer.revoke(&access);
    assert_eq!(
        [flow.status(&access), flow.status(&refresh)],
        [TokenStatus::Revoked, TokenStatus::Valid]
    );
}

async fn pruning() {
    let flow = Flow::new();
    let password = format!(
        "grant_type=password&username=alice&password=pw&scope={}",
        OFFLINE.replace(' ', "+")
    );
    // a permanent authorization that is valid, and one that is not
    let (access, _) = flow.tokens(READ).await;
    flow.tokens(BOTH).await;
    let revoked = flow.valid().pop().unwrap();
    flow.issuer.revoke_authorization(&revoked);
    // one for a flow whose refresh token is renewed now and then, and one for a flow that ends
    let (_, living) = granted(&flow.post(&password).await);
    let (_, ended) = granted(&flow.post(&password).await);
    let (living_in, ended_in) =
        (flow.authorization_of(&living).unwrap(), flow.authorization_of(&ended).unwrap());

    flow.clock.advance(13 * DAY);
    let (_, living) = granted(&flow.refresh(&living).await);
    let before = (flow.issuer.issued().len(), flow.issuer.authorizations().len());
    assert_eq!(flow.issuer.prune(14 * DAY), Pruned::default());
    assert_eq!((flow.issuer.issued().len(), flow.issuer.authorizations().len()), before);
    ledger::passed("S9-30");

    flow.clock.advance(2 * DAY);
    let pruned = flow.issuer.prune(14 * DAY);
    let left: Vec<String> =
        flow.issuer.authorizations().into_iter().map(|entry| entry.id).collect();
    assert!(!left.contains(&revoked) && !left.contains(&ended_in), "{left:?}");
    let [permanent, ad_hoc] = &left[..] else { panic!("{left:?}") };
    assert_eq!(ad_hoc, &living_in, "kept: a refresh token lives");
    assert_eq!(flow.valid()[0], *permanent);
    assert!(flow.issuer.entry(&ended).is_none() && flow.issuer.token_status("none").is_none());
    let tokens: Vec<TokenKind> = flow.issuer.issued().iter().map(|entry| entry.kind).collect();
    assert_eq!(tokens, [TokenKind::Access, TokenKind::Refresh], "what the refresh brought");
    let counts = (before.0 - tokens.len(), before.1 - left.len());
    assert_eq!((pruned.tokens, pruned.authorizations), counts);
    ledger::passed("S9-29");
    // what is left works on
    granted(&flow.refresh(&living).await);
    flow.authorize(READ, "&prompt=none").await.has_code();
    let (desk, _) = flow.apis();
    desk.refuses(&access, Inactive).await;
    // less than ten minutes is not waited for
    let fresh = Flow::new();
    let (access, _) = fresh.tokens(READ).await;
    fresh.issuer.revoke(&access);
    fresh.clock.advance(Duration::from_secs(599));
    assert_eq!(fresh.issuer.prune(Duration::ZERO), Pruned::default());
    fresh.clock.advance(Duration::from_secs(1));
    assert_eq!(fresh.issuer.prune(Duration::ZERO).tokens, 2, "the code, too");
}

async fn a_restart_keeps_the_chain() {
    let flow = Flow::new();
    let code = flow.code(OFFLINE).await;
    let (_, refresh) = granted(&flow.redeem(&code, "").await);
    let waiting = flow.code(READ).await;
    let saved = flow.issuer.save();
    let again = Flow::configured(|builder| builder.clock(flow.clock.clone()).restore(&saved));
    granted(&again.redeem(&waiting, "").await);
    again.authorize(OFFLINE, "&prompt=none").await.has_code();
    refused(&again.redeem(&code, "").await, "invalid_grant");
    refused(&again.refresh(&refresh).await, "invalid_grant");
    assert_eq!(again.issuer.audience(), API);
}

/// The header of a token.
fn header(token: &str) -> Value {
    let text = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

async fn as_openiddict_does_it() {
    let flow = Flow::configured(MockIssuerBuilder::openiddict).at("/connect");
    let (access, refresh) = flow.tokens(OFFLINE).await;
    let outer = header(&access);
    assert_eq!(
        (&outer["alg"], &outer["enc"], &outer["typ"]),
        (&json!("RSA-OAEP"), &json!("A256CBC-HS512"), &json!("at+jwt"))
    );
    assert_eq!(header(&refresh)["typ"], "oi_reft+jwt");
    let key = EncryptionKey::new("e1", KeyManagement::RsaOaep).decryption_key();
    let keys = || {
        RemoteKeys::builder(KeyLocation::discover(flow.issuer.url()))
            .fetch(flow.issuer.fetch())
            .clock(flow.clock.clone())
            .build()
            .unwrap()
    };
    let api = JwtValidator::builder(keys())
        .issuer(flow.issuer.url())
        .audience(API)
        .clock(flow.clock.clone())
        .decryption_keys([key])
        .build()
        .unwrap();
    let api = Stand::of(api);
    let who = api.accepts(&access).await;
    let entry = flow.issuer.entry(&access).unwrap();
    assert_eq!(who.claim("oi_tkn_id"), Some(json!(entry.id)));
    assert_eq!(who.claim("oi_au_id"), entry.authorization.map(|id| json!(id)));
    api.refuses(&refresh, WrongType).await;
    // both are good at the issuer
    let (_, next) = granted(&flow.refresh(&refresh).await);
    assert_eq!(flow.status(&next), TokenStatus::Valid);
    let lives = flow.issuer.entry(&next).unwrap().expires.unwrap();
    assert_eq!(lives, flow.clock.now() + 14 * DAY);
    // encryption can be switched off for access tokens
    let flow = Flow::configured(|builder| builder.openiddict().encrypt_access_tokens(None));
    let (access, _) = flow.at("/connect").tokens(READ).await;
    assert_eq!((access.split('.').count(), &header(&access)["typ"]), (3, &json!("at+jwt")));
}

async fn who_is_told_what() {
    let flow = Flow::configured(|builder| {
        let other = Api::new("https://other.example", &["other"]).secret("o");
        builder.openiddict().api(other)
    });
    let flow = flow.at("/connect");
    let told = async |token: &str, id: &str, secret: &str| {
        let form = format!("client_id={id}&client_secret={secret}&token={token}");
        token_request::post_form(&flow.issuer, "/connect/introspect", &form).await.1
    };
    let (access, _) = flow.tokens(READ).await;
    let audience = told(&access, API, SECRET).await;
    assert_eq!((&audience["active"], &audience["scope"]), (&json!(true), &json!(READ)));
    assert_eq!(audience["token_usage"], "access_token");
    let presenter = told(&access, "explicit", "s").await;
    assert_eq!((&presenter["active"], &presenter["scope"]), (&json!(true), &Value::Null));
    for (id, secret) in [("https://other.example", "o"), ("implicit", "s")] {
        assert_eq!(told(&access, id, secret).await, json!({"active": false}), "{id}");
    }
    // a token that names no audience is anybody's, without its scopes
    let form = "grant_type=client_credentials&scope=offline_access";
    let (nobody, _) = granted(&flow.post(form).await);
    let stranger = told(&nobody, API, SECRET).await;
    assert_eq!((&stranger["active"], &stranger["scope"]), (&json!(true), &Value::Null));
}

async fn as_the_project_template_does_it() {
    let flow = Flow::configured(|builder| builder.katana_template().issuer("http://app.test"));
    for path in ["/Token", "/token"] {
        let form = "grant_type=password&username=alice&password=pw";
        let (status, answer) = token_request::post_form(&flow.issuer, path, form).await;
        assert_eq!((status, &answer["token_type"]), (200, &json!("bearer")), "{path}");
        let lifetime = answer["expires_in"].as_u64().unwrap();
        assert!(lifetime.abs_diff(14 * 86_400) <= 1, "{lifetime}");
        assert!(answer[".expires"].is_string());
    }
}
