//! Personal access tokens and JWTs at one door (seed system 8), and what a resource server owes to
//! every request (RFC 9700).

use AuthErrorKind::{
    BadSignature, EncryptedTokenNoKey, IllegalCharacter, Inactive, MalformedJwt, RejectedByCheck,
    TokenTooLong, WrongAudience, WrongIssuer,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, header};
use portcullis::{
    AuthErrorKind,
    jwt::{JwtValidator, KeyLocation, RemoteKeys},
    testing::{Endpoint, ManualClock, MockIssuer},
    token::{Cached, PatFormat, TokenRouter},
};

use super::ledger;
use crate::support::{
    desk::{API, Builder, Desk},
    house::validator,
    logs::Log,
    stand::{Answer, Stand},
};

chapter! {
    async fn personal_access_tokens;
    async fn another_label;
    async fn limits_of_a_label;
    async fn jwt_or_opaque;
    async fn one_kind_alone;
    async fn several_issuers;
    async fn a_query_parameter_is_no_credential;
    async fn the_audience_is_exact;
}

/// Both kinds of one issuer, personal access tokens among the opaque ones.
struct Both {
    desk: Desk,
    stand: Stand,
}

impl Both {
    fn new(format: PatFormat) -> Self {
        Self::configured(|builder| builder.pat_format(format))
    }

    fn configured(words: impl FnOnce(Builder) -> Builder) -> Self {
        let desk = Desk::configured(words);
        let jwt = jwt(&desk.issuer, &desk.clock);
        let router = TokenRouter::new().jwt(Cached::new(jwt)).opaque(desk.tokens.clone());
        Self { desk, stand: Stand::of(router) }
    }

    /// The handle of a personal access token of alice's with this label.
    fn pat(&self, label: &str) -> String {
        let token = self.desk.issuer.token().scope("my_api").client_id("pat_client");
        self.desk
            .issuer
            .opaque_token(&token.claim("amr", ["pat"].as_slice()).claim("token_meta", label))
    }

    async fn refuses(&self, token: &str, reason: AuthErrorKind) -> Answer {
        self.stand.refuses(token, reason).await
    }
}

fn jwt(issuer: &MockIssuer, clock: &ManualClock) -> JwtValidator {
    let keys = RemoteKeys::builder(KeyLocation::discover(issuer.url()))
        .fetch(issuer.fetch())
        .clock(clock.clone())
        .build()
        .unwrap();
    validator(issuer, clock, &keys)
}

async fn personal_access_tokens() {
    let label = "andersfullaccess-2019-12-01-2020-12-01";
    let both = Both::new(PatFormat::new("--"));
    let handle = both.pat(label);
    let who = both.stand.accepts(&format!("{label}--{handle}")).await;
    assert_eq!((who.subject(), who.client_id()), (Some("alice"), Some("pat_client")));
    assert_eq!(who.claim("amr"), Some(serde_json::json!(["pat"])));
    // as it was presented it went to the issuer
    assert_eq!(
        both.desk.sent.last().body,
        format!("token={label}--{handle}&token_type_hint=access_token")
    );
    ledger::passed("S8-02");

    assert_eq!(both.stand.accepts(&handle).await, who);
    assert_eq!(both.desk.asked(), 1, "one entry for both spellings");
    ledger::passed("S8-03");

    for label in ["v1.2-2019.12.01", "a.b", "eyJhbGciOiJub25lIn0.x", "."] {
        let both = Both::new(PatFormat::new("--"));
        both.stand.accepts(&format!("{label}--{}", both.pat(label))).await;
        assert_eq!(
            (both.desk.asked(), both.desk.issuer.requests(Endpoint::Jwks)),
            (1, 0),
            "{label}"
        );
    }
    ledger::passed("S8-05");

    let both = Both::new(PatFormat::new("--").send_handle_only());
    let handle = both.pat("a--b");
    both.stand.accepts(&format!("a--b--{handle}")).await;
    assert_eq!(both.desk.sent.last().body, format!("token={handle}&token_type_hint=access_token"));
    ledger::passed("S8-06");

    // where no format was said a separator means nothing
    let both = Both::configured(|builder| builder);
    let handle = both.pat("x");
    both.stand.accepts(&format!("x--{handle}")).await;
    both.stand.accepts(&handle).await;
    assert_eq!(both.desk.asked(), 2);
}

async fn another_label() {
    let log = Log::capture();
    let both = Both::new(PatFormat::new("--"));
    let handle = both.pat("right");
    both.stand.accepts(&format!("wrong--{handle}")).await;
    let lines = log.lines_with("under another label");
    assert!(
        matches!(&lines[..], [line] if line.contains("wrong") && line.contains("right")),
        "{lines:?}"
    );
    assert!(!log.text().contains(&handle) && !log.text().contains(&handle[..16]));
    both.stand.accepts(&handle).await;

    // by choice it is refused, also while the right one is remembered
    let both = Both::new(PatFormat::new("--").reject_other_labels());
    let handle = both.pat("right");
    both.stand.accepts(&format!("right--{handle}")).await;
    both.refuses(&format!("wrong--{handle}"), RejectedByCheck).await;
    both.stand.accepts(&format!("right--{handle}")).await;
    both.stand.accepts(&handle).await;
    ledger::passed("S8-04");
}

async fn limits_of_a_label() {
    let both = Both::new(PatFormat::new("--").max_label_bytes(10));
    let handle = both.pat("l");
    both.stand.accepts(&format!("0123456789--{handle}")).await;
    let answer = both.refuses(&format!("0123456789x--{handle}"), TokenTooLong).await;
    assert!(answer.detail.contains("11 bytes, max_label_bytes is 10"), "{}", answer.detail);
    both.refuses("label--", Inactive).await;
    assert_eq!(both.desk.asked(), 1);
    ledger::passed("S8-12");

    for token in ["my token--abc", "a:b--abc", "a\"b--abc"] {
        let answer = both.stand.send(token).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason),
            (401, Some(IllegalCharacter)),
            "{token}"
        );
    }
    assert_eq!(both.desk.asked(), 1);
    ledger::passed("S8-31");
}

/// A token of five segments, as an issuer that encrypts gives them out.
fn encrypted() -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","typ":"at+jwt"}"#);
    format!("{header}.a2V5.aXY.dGV4dA.dGFn")
}

async fn jwt_or_opaque() {
    let both = Both::new(PatFormat::new("--"));
    let issuer = &both.desk.issuer;
    let good = issuer.token().build();
    both.stand.accepts(&good).await;
    both.stand.accepts(&good).await;
    both.refuses(&issuer.token().signed_by_stranger().build(), BadSignature).await;
    both.refuses(&issuer.token().audience("https://other.example").build(), WrongAudience).await;
    assert_eq!((both.desk.asked(), issuer.requests(Endpoint::Jwks)), (0, 1));
    ledger::passed("S8-07");

    let direct = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
    for token in [encrypted(), format!("{direct}..aXY.dGV4dA.dGFn")] {
        both.refuses(&token, EncryptedTokenNoKey).await;
    }
    assert_eq!(both.desk.asked(), 0);
    ledger::passed("S8-08");

    let nobody = Request::get("/orders").body(()).unwrap();
    let answer = both.stand.exchange(nobody, None::<portcullis::policy::SchemeIs>).await;
    assert_eq!(answer.status.as_u16(), 401);
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], r#"Bearer realm="api""#);
    ledger::passed("S8-29");
}

async fn one_kind_alone() {
    let desk = Desk::new();
    // where only introspection is configured it judges JWTs as well
    let stand = Stand::of(TokenRouter::new().opaque(desk.tokens.clone()));
    stand.accepts(&desk.issuer.token().build()).await;
    stand.accepts(&desk.token()).await;
    assert_eq!((desk.asked(), desk.issuer.requests(Endpoint::Jwks)), (2, 0));
    // and a JWT validator says what is wrong with what is none
    let stand = Stand::of(TokenRouter::new().jwt(jwt(&desk.issuer, &desk.clock)));
    stand.accepts(&desk.issuer.token().build()).await;
    stand.refuses(&desk.token(), MalformedJwt).await;
}

async fn several_issuers() {
    let clock = ManualClock::new();
    let at = |url: &str| {
        let issuer = MockIssuer::builder().clock(clock.clone()).issuer(url);
        issuer
            .api(portcullis::testing::Api::new(API, &[]).secret(crate::support::desk::SECRET))
            .build()
    };
    let (one, two) = (at("https://one.test"), at("https://two.test"));
    // the JWTs of the second are introspected: a revoked one dies at once
    let asked = Desk::of(two.clone(), clock.clone(), |builder| builder);
    let router = TokenRouter::new()
        .issuer(one.url(), jwt(&one, &clock))
        .issuer(two.url(), asked.tokens.clone());
    let stand = Stand::of(router.clone());
    assert_eq!(stand.accepts(&one.token().build()).await.issuer(), one.url());
    assert_eq!(stand.accepts(&two.token().build()).await.issuer(), two.url());
    assert_eq!((asked.asked(), one.requests(Endpoint::Jwks)), (1, 1));
    two.rotate();
    // who claims to be of the first is judged by its keys, and of nobody's choosing
    stand.refuses(&two.token().issuer(&one.url()).build(), AuthErrorKind::UnknownKey).await;
    let stranger = one.token().issuer(&two.url()).signed_by_stranger().build();
    stand.refuses(&stranger, Inactive).await;
    let before = (one.received().len(), two.received().len());
    for token in [
        one.token().issuer("https://three.test").build(),
        one.token().issuer("https://one.test/").build(),
        one.token().without("iss").build(),
    ] {
        stand.refuses(&token, WrongIssuer).await;
    }
    stand.refuses("opaque", MalformedJwt).await;
    stand.refuses(&encrypted(), EncryptedTokenNoKey).await;
    assert_eq!((one.received().len(), two.received().len()), before, "nobody was asked");
    // the others go to the general validator, if there is one
    let general = Stand::of(router.jwt(jwt(&at("https://three.test"), &clock)));
    general.accepts(&at("https://three.test").token().build()).await;
    general.accepts(&one.token().build()).await;
}

async fn a_query_parameter_is_no_credential() {
    let (desk, token) = Desk::warm().await;
    let request = Request::get(format!("/orders?access_token={token}")).body(()).unwrap();
    let answer = desk.stand.exchange(request, None::<portcullis::policy::SchemeIs>).await;
    assert_eq!((answer.status.as_u16(), answer.calls), (401, 0));
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], r#"Bearer realm="api""#);
    ledger::passed("9700-09 OA21-01");
}

/// The audience is the URL that clients use, to the letter.
async fn the_audience_is_exact() {
    for (audience, passes) in [
        (API, true),
        ("https://api.example/", false),
        ("https://API.example", false),
        ("http://api.example", false),
        ("https://api.example.evil", false),
        ("api.example", false),
    ] {
        let desk = Desk::configured(|builder| builder);
        desk.says(
            &serde_json::json!({"active": true, "sub": "alice", "aud": audience}).to_string(),
        );
        if passes {
            desk.accepts("abc").await;
        } else {
            desk.refuses("abc", WrongAudience).await;
        }
    }
    ledger::passed("9700-06 9700-02");
}
