//! The tokens of an IdentityServer at an API (seed system 7).

use std::{sync::Arc, time::Duration};

use AuthErrorKind::{
    BadSignature, Expired, MalformedJwt, MissingExpiry, MissingScope, NotYetValid, UnknownKey,
    UnsupportedAlgorithm, WrongAudience, WrongIssuer, WrongType,
};
use portcullis::{
    AuthErrorKind, SubjectKind, UnixTime,
    jwt::{
        Algorithm, JwtValidator, JwtValidatorBuilder, KeyLocation, Profile, RemoteKeys, StaticKeys,
    },
    policy,
    testing::{Api, Client, ManualClock, MockIssuer, TokenBuilder, User},
};
use serde_json::json;

use super::ledger::{self, Row};
use crate::support::{
    sign::{P256_1, RSA_1, RSA_2, encode},
    stand::Stand,
    token_request::granted,
};

chapter! {
    async fn tokens_of_the_password_grant;
    async fn tokens_of_a_client;
    async fn refused_tokens;
    async fn accepted_tokens;
    async fn options_that_accept;
    async fn edges_without_tolerance;
    async fn a_token_without_kid;
    async fn the_literal_token_of_the_article;
}

const ISSUER: &str = "https://issuer.test";
/// The moment at which the article's token was issued.
const THEN: u64 = 1_592_843_247;

fn issuer(clock: &ManualClock) -> MockIssuer {
    MockIssuer::builder()
        .identity_server()
        .issuer(ISSUER)
        .audience("api1")
        .scope("openid api1")
        .api(Api::new("api1", &["api1"]))
        .client(
            Client::new("ropc_client")
                .secret("secret")
                .grant("password")
                .scopes(&["openid", "api1"]),
        )
        .client(
            Client::new("machine").secret("secret").grant("client_credentials").scopes(&["api1"]),
        )
        .user(User::new("admin", "Abcd@1234"))
        .clock(clock.clone())
        .build()
}

fn stand(
    issuer: &MockIssuer,
    clock: &ManualClock,
    configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder,
) -> Stand {
    let keys = RemoteKeys::builder(KeyLocation::discover(ISSUER))
        .fetch(issuer.fetch())
        .clock(clock.clone())
        .build()
        .unwrap();
    let builder = JwtValidator::builder(keys)
        .issuer(ISSUER)
        .audience("api1")
        .profile(Profile::identity_server())
        .clock(Arc::new(clock.clone()));
    Stand::of(configure(builder).build().unwrap())
}

async fn tokens_of_the_password_grant() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let stand = stand(&issuer, &clock, |builder| builder);
    let form = "client_id=ropc_client&client_secret=secret&grant_type=password&username=admin&password=Abcd%401234";
    let text = granted(&issuer, "/connect/token", &format!("{form}&scope=openid%20api1")).await;
    let who = stand.accepts(&text).await;
    assert_eq!(
        (who.issuer(), who.subject(), who.client_id()),
        (ISSUER, Some("admin"), Some("ropc_client"))
    );
    assert_eq!(who.kind(), SubjectKind::User);
    let mut scope: Vec<&str> = who.scope().iter().collect();
    scope.sort_unstable();
    assert_eq!(scope, ["api1", "openid"]);
    assert_eq!(
        (who.claim_str("idp").as_deref(), who.claim("amr")),
        (Some("local"), Some(json!(["custom"])))
    );
    stand.send_to(policy::scope("api1"), &text).await.is_accepted();
    ledger::passed("S7-09");
}

async fn tokens_of_a_client() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let stand = stand(&issuer, &clock, |builder| builder);
    let form = "client_id=machine&client_secret=secret&grant_type=client_credentials&scope=api1";
    let who = stand.accepts(&granted(&issuer, "/connect/token", form).await).await;
    assert_eq!(
        (who.subject(), who.client_id(), who.kind()),
        (None, Some("machine"), SubjectKind::Client)
    );
    assert_eq!(who.scope().to_string(), "api1");
    ledger::passed("S7-10");
}

struct Refused {
    id: &'static str,
    token: fn(TokenBuilder) -> TokenBuilder,
    reason: AuthErrorKind,
    /// Words that the operator must find.
    told: &'static [&'static str],
}

impl Row for Refused {
    fn id(&self) -> &str {
        self.id
    }
}

const REFUSED: &[Refused] = &[
    Refused {
        id: "S7-11",
        token: |token| token.audience("api2"),
        reason: WrongAudience,
        told: &["expected api1", "found api2"],
    },
    Refused {
        id: "S7-12",
        token: |token| token.without("aud"),
        reason: WrongAudience,
        told: &["expected api1", "none", "the scope belongs to no API resource"],
    },
    Refused {
        id: "S7-15",
        token: |token| token.typ("JWT"),
        reason: WrongType,
        told: &["accept_type(\"JWT\")"],
    },
    Refused {
        id: "S7-15",
        token: |token| token.without_header("typ"),
        reason: WrongType,
        told: &["missing"],
    },
    Refused {
        id: "S7-17",
        token: |token| token.as_id_token("ropc_client"),
        reason: WrongType,
        told: &["ID token", "send the access token"],
    },
    Refused {
        id: "S7-18",
        token: |token| token.unsigned("\"none\""),
        reason: UnsupportedAlgorithm,
        told: &["none"],
    },
    Refused {
        id: "S7-18",
        token: |token| token.signed_with_hmac(Algorithm::HS256, RSA_1.public()),
        reason: UnsupportedAlgorithm,
        told: &["HS256"],
    },
    Refused {
        id: "S7-18",
        token: |token| token.header("alg", "ES256").signature([7; 64]),
        reason: UnsupportedAlgorithm,
        told: &["RSA key", "ES256"],
    },
    Refused {
        id: "S7-19",
        token: |token| token.issuer("https://issuer.test/"),
        reason: WrongIssuer,
        told: &[
            "expected https://issuer.test,",
            "found https://issuer.test/",
            "accept_trailing_slash()",
        ],
    },
    Refused {
        id: "S7-27",
        token: |token| token.without("exp"),
        reason: MissingExpiry,
        told: &["exp"],
    },
    Refused {
        id: "S7-27",
        token: |token| token.claim("exp", "1900000000"),
        reason: MalformedJwt,
        told: &["exp"],
    },
    Refused {
        id: "S7-27",
        token: |token| token.claim("exp", 1e20),
        reason: MalformedJwt,
        told: &["exp"],
    },
    Refused {
        id: "S7-28",
        token: |token| token.critical(json!(["exp"])),
        reason: MalformedJwt,
        told: &["crit"],
    },
    Refused {
        id: "S7-28",
        token: |token| token.critical(json!([])),
        reason: MalformedJwt,
        told: &["crit"],
    },
];

async fn refused_tokens() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let stand = stand(&issuer, &clock, |builder| builder);
    ledger::table_async(REFUSED, async |row| {
        let answer = stand.refuses(&(row.token)(issuer.token()).build(), row.reason).await;
        for word in row.told {
            assert!(answer.detail.contains(word), "{word:?} is not in {:?}", answer.detail);
        }
    })
    .await;
    stand.accepts(&issuer.token().build()).await;

    // known, for us, and not allowed this
    let text = issuer.token().claim("scope", json!(["openid"])).build();
    let answer = stand.send_to(policy::scope("api1"), &text).await;
    answer.is_forbidden(
        MissingScope,
        Some(r#"Bearer realm="api", error="insufficient_scope", scope="api1""#),
    );
    ledger::passed("S7-13");
}

async fn accepted_tokens() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let stand = stand(&issuer, &clock, |builder| builder);
    for scope in [json!("openid api1"), json!(["openid", "api1"]), json!(["openid api1"])] {
        let who = stand.accepts(&issuer.token().claim("scope", scope).build()).await;
        assert_eq!(who.scope().to_string(), "openid api1");
    }
    ledger::passed("S7-14");
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT", "Application/AT+jwt"] {
        stand.accepts(&issuer.token().typ(typ).build()).await;
    }
    ledger::passed("S7-16");
}

async fn options_that_accept() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let lax = stand(&issuer, &clock, |builder| builder.accept_type("JWT"));
    lax.accepts(&issuer.token().typ("JWT").build()).await;
    lax.accepts(&issuer.token().build()).await;
    lax.refuses(&issuer.token().typ("logout+jwt").build(), WrongType).await;
    ledger::passed("S7-15");

    let lax = stand(&issuer, &clock, |builder| builder.accept_trailing_slash());
    lax.accepts(&issuer.token().issuer("https://issuer.test/").build()).await;
    lax.accepts(&issuer.token().build()).await;
    for other in [
        "https://issuer.test//",
        "https://ISSUER.test/",
        "https://issuer.test/x/",
        "http://issuer.test/",
    ] {
        lax.refuses(&issuer.token().issuer(other).build(), WrongIssuer).await;
    }
    ledger::passed("S7-19");
}

async fn edges_without_tolerance() {
    let now = 1_800_000_000;
    let clock = ManualClock::at(UnixTime::from_secs(now));
    let issuer = issuer(&clock);
    let stand = stand(&issuer, &clock, |builder| builder.clock_tolerance(Duration::ZERO));
    let at = UnixTime::from_secs;
    for (exp, passes) in [(now, false), (now - 1, false), (now + 1, true)] {
        let text = issuer.token().expires_at(at(exp)).build();
        if passes {
            stand.accepts(&text).await;
        } else {
            stand.refuses(&text, Expired).await;
        }
    }
    stand.refuses(&issuer.token().not_before(at(now + 1)).build(), NotYetValid).await;
    stand.accepts(&issuer.token().not_before(at(now)).build()).await;
    ledger::passed("S7-20");
}

/// Two RSA keys and one of another type: both RSA keys are tried, and by choice alone.
async fn a_token_without_kid() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let set = [RSA_1.jwk("a", ""), P256_1.jwk("b", ""), RSA_2.jwk("c", "")].join(",");
    let set = format!(r#"{{"keys":[{set}]}}"#);
    let signed_by = |key: &crate::support::sign::Key| {
        let header = r#"{"alg":"RS256","typ":"at+jwt"}"#;
        let signed = format!("{}.{}", encode(header), encode(issuer.token().payload_json()));
        format!("{signed}.{}", encode(key.sign("RS256", signed.as_bytes())))
    };
    for tries in [1, 2] {
        let keys = StaticKeys::from_jwk_set(set.as_bytes()).unwrap();
        let validator = JwtValidator::builder(keys.try_keys_without_kid(tries).unwrap())
            .issuer(ISSUER)
            .audience("api1")
            .profile(Profile::identity_server())
            .clock(Arc::new(clock.clone()))
            .build();
        let stand = Stand::of(validator.unwrap());
        for (key, kid) in [(RSA_1, "a"), (RSA_2, "c")] {
            let text = signed_by(&key);
            if tries == 1 {
                stand.refuses(&text, UnknownKey).await;
            } else {
                assert_eq!(stand.accepts(&text).await.key_id(), Some(kid));
            }
        }
        let stranger = signed_by(&crate::support::sign::RSA_3);
        stand.refuses(&stranger, if tries == 1 { UnknownKey } else { BadSignature }).await;
    }
    ledger::passed("S7-25");
}

/// Its key is gone. Its header and claims are read all the same, and pass when signed again.
async fn the_literal_token_of_the_article() {
    let at_the_article = |kid: &str, now: u64| {
        let set = format!(r#"{{"keys":[{}]}}"#, RSA_1.jwk(kid, ""));
        JwtValidator::builder(StaticKeys::from_jwk_set(set.as_bytes()).unwrap())
            .issuer("https://localhost:5001")
            .audience("api1")
            .profile(Profile::identity_server())
            .clock(Arc::new(ManualClock::at(UnixTime::from_secs(now))))
            .build()
            .unwrap()
    };
    let kid = "svr2kV7TYCCztRrZRr3ICg";
    let answer = Stand::of(at_the_article("other", THEN)).refuses(LITERAL, UnknownKey).await;
    assert!(answer.detail.contains(kid), "{}", answer.detail);
    Stand::of(at_the_article(kid, THEN)).refuses(LITERAL, BadSignature).await;

    let signed = LITERAL.rsplit_once('.').unwrap().0;
    let again = format!("{signed}.{}", encode(RSA_1.sign("RS256", signed.as_bytes())));
    let who = Stand::of(at_the_article(kid, THEN)).accepts(&again).await;
    assert_eq!((who.subject(), who.client_id()), (Some("admin"), Some("ropg_client")));
    assert_eq!(who.scope().to_string(), "openid api1");
    let answer = Stand::of(at_the_article(kid, THEN + 3660)).refuses(&again, Expired).await;
    assert!(answer.detail.contains("17:27:27Z"), "{}", answer.detail);
    ledger::passed("S7-26");
}

/// IdentityServer4's answer to a password grant, as the article printed it.
const LITERAL: &str = include_str!("../data/identity_server_token.txt");
