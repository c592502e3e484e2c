//! An issuer with a user at the browser, and a client that sends them there.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use portcullis::testing::{
    Api, Client, ConsentStep, ConsentType, ManualClock, MockIssuer, MockIssuerBuilder,
    RefreshTokens, ScriptedUser, User,
};
use serde_json::Value;

use super::{
    desk::{API, SECRET},
    token_request,
};

pub const BACK: &str = "https://app.test/back?tenant=1";
pub const DAY: Duration = Duration::from_secs(86_400);

/// The issuer of it all; alice sits at the browser and says yes.
#[derive(Clone)]
pub struct Flow {
    pub issuer: MockIssuer,
    pub clock: ManualClock,
    /// Who asks.
    pub client: &'static str,
    /// Before the paths of the endpoints.
    prefix: &'static str,
}

impl Flow {
    pub fn new() -> Self {
        Self::configured(|builder| builder)
    }

    pub fn configured(configure: impl FnOnce(MockIssuerBuilder) -> MockIssuerBuilder) -> Self {
        let clock = ManualClock::new();
        let client = |id: &str, consent| {
            Client::new(id)
                .secret("s")
                .grant("authorization_code")
                .grant("refresh_token")
                .grant("password")
                .grant("client_credentials")
                .scopes(&["orders:read", "orders:write", "offline_access"])
                .redirect_uri(BACK)
                .consent(consent)
        };
        let builder = MockIssuer::builder()
            .clock(clock.clone())
            .api(Api::new(API, &["orders:read", "orders:write"]).secret(SECRET))
            .client(client("explicit", ConsentType::Explicit))
            .client(client("external", ConsentType::External))
            .client(client("implicit", ConsentType::Implicit))
            .client(client("systematic", ConsentType::Systematic))
            .user(User::new("alice", "pw"))
            .refresh_tokens(RefreshTokens::new(14 * DAY));
        let issuer = configure(builder).build();
        issuer.script(ScriptedUser::new("alice"));
        Self { issuer, clock, client: "explicit", prefix: "" }
    }

    /// The same estate, asked by another client.
    pub fn of(&self, client: &'static str) -> Self {
        Self { client, ..self.clone() }
    }

    /// The same, where the endpoints lie below this path.
    pub fn at(&self, prefix: &'static str) -> Self {
        Self { prefix, ..self.clone() }
    }

    /// Sends the user to the issuer for these scopes, and more parameters.
    pub async fn authorize(&self, scopes: &str, more: &str) -> Redirect {
        let query = format!(
            "response_type=code&client_id={}&redirect_uri={}&scope={}&state=s%2F1{more}",
            self.client,
            "https%3A%2F%2Fapp.test%2Fback%3Ftenant%3D1",
            scopes.replace(' ', "+"),
        );
        self.ask(&query).await
    }

    /// Any authorization request.
    pub async fn ask(&self, query: &str) -> Redirect {
        let uri = format!("{}{}/authorize?{query}", self.issuer.url(), self.prefix);
        let request = Request::get(uri).body(Bytes::new()).unwrap();
        let answer = self.issuer.fetch().fetch(request, 1 << 16).await.unwrap();
        if [302, 400].contains(&answer.status().as_u16()) {
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        }
        let location = answer.headers().get(header::LOCATION);
        let location = location.map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
        Redirect { status: answer.status().as_u16(), location }
    }

    /// A code for these scopes.
    pub async fn code(&self, scopes: &str) -> String {
        self.authorize(scopes, "").await.get("code").expect("a code")
    }

    /// Asks the token endpoint as this client.
    pub async fn post(&self, form: &str) -> (u16, Value) {
        let form = format!("client_id={}&client_secret=s&{form}", self.client);
        let path = format!("{}/token", self.prefix);
        token_request::post_form(&self.issuer, &path, &form).await
    }

    /// Exchanges a code, with more parameters.
    pub async fn redeem(&self, code: &str, more: &str) -> (u16, Value) {
        let back = "https%3A%2F%2Fapp.test%2Fback%3Ftenant%3D1";
        let form = format!("grant_type=authorization_code&code={code}&redirect_uri={back}{more}");
        self.post(&form).await
    }

    pub async fn refresh(&self, token: &str) -> (u16, Value) {
        self.post(&format!("grant_type=refresh_token&refresh_token={token}")).await
    }

    /// Access token and refresh token for these scopes.
    pub async fn tokens(&self, scopes: &str) -> (String, String) {
        granted(&self.redeem(&self.code(scopes).await, "").await)
    }

    /// How often a consent form was shown so far.
    pub fn forms(&self) -> usize {
        let decisions = self.issuer.consent_decisions();
        decisions.iter().filter(|decision| decision.step == ConsentStep::Ask).count()
    }
}

/// The two tokens of an answer; empty where there is none.
#[track_caller]
pub fn granted((status, answer): &(u16, Value)) -> (String, String) {
    assert_eq!(*status, 200, "{answer}");
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    (text("access_token"), text("refresh_token"))
}

/// 400, with this error.
#[track_caller]
pub fn refused((status, answer): &(u16, Value), error: &str) {
    assert_eq!((*status, answer["error"].as_str()), (400, Some(error)), "{answer}");
    assert!(answer["access_token"].is_null());
}

/// Where the user is sent back to.
#[derive(Debug)]
pub struct Redirect {
    pub status: u16,
    pub location: String,
}

impl Redirect {
    /// A parameter of the answer.
    pub fn get(&self, name: &str) -> Option<String> {
        let query = self.location.strip_prefix(BACK)?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(known, _)| *known == name)?;
        Some(value.replace("%2F", "/").replace("%3A", ":"))
    }

    #[track_caller]
    pub fn has_code(&self) {
        assert!(self.status == 302 && self.get("code").is_some(), "{self:?}");
        assert!(self.get("error").is_none());
    }

    #[track_caller]
    pub fn has_error(&self, error: &str) {
        assert_eq!((self.status, self.get("error").as_deref()), (302, Some(error)), "{self:?}");
        assert!(self.get("code").is_none());
    }
}
