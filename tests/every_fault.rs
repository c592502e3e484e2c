//! Every fault of an issuer, at every place where it is asked, with a cold and a remembered token:
//! 503 with `Retry-After` (500 where our own credentials are refused), or 200 from a live entry.
//! Nothing that could not be found out is remembered: the same token is good as soon as the answer
//! said that it is worth asking again.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response, header};
use portcullis::{
    BearerAuth,
    introspection::{ClientAuth, IntrospectionEndpoint, IntrospectionValidator},
    jwt::{JwtValidator, KeyLocation, RemoteKeys},
    testing::{Api, Endpoint, Fault, ManualClock, MockIssuer},
    token::{Cached, TokenRouter},
};
use tower::{Layer as _, ServiceExt as _, service_fn};

const API: &str = "https://api.example";
const SECRET: &str = "secret-of-the-api";

/// What the issuer does, and what comes of a cold token at its three places: `None` where the answer
/// is slow, yet right.
struct Row {
    fault: fn() -> Fault,
    introspection: Option<u16>,
    documents: Option<u16>,
}

const fn undecidable(fault: fn() -> Fault) -> Row {
    Row { fault, introspection: Some(503), documents: Some(503) }
}

const ROWS: &[Row] = &[
    undecidable(|| Fault::DropConnection),
    undecidable(|| Fault::Drip(Duration::from_secs(1))),
    undecidable(|| Fault::EmptyKeySet),
    undecidable(|| Fault::Hang),
    undecidable(|| Fault::Html),
    undecidable(|| Fault::MalformedJson),
    undecidable(|| Fault::Oversize(8 << 20)),
    undecidable(|| Fault::Truncated),
    undecidable(|| Fault::Redirect(302, "https://elsewhere.example/".to_owned())),
    undecidable(|| Fault::Redirect(307, "https://elsewhere.example/".to_owned())),
    undecidable(|| Fault::Redirect(308, "/introspect/".to_owned())),
    undecidable(|| Fault::body("application/json", "")),
    undecidable(|| Fault::body("application/json", "[]")),
    undecidable(|| Fault::body("application/json", "null")),
    undecidable(|| Fault::body("text/plain", r#"{"active":false}"#)),
    undecidable(|| Fault::body("application/json", r#"{"active":"true"}"#)),
    undecidable(|| Fault::body("application/json", r#"{"active":true,"active":true}"#)),
    undecidable(|| Fault::status(204)),
    undecidable(|| Fault::status(400)),
    undecidable(|| Fault::status(404)),
    undecidable(|| Fault::status(429)),
    undecidable(|| Fault::retry_after(429, "7")),
    undecidable(|| Fault::status(500)),
    undecidable(|| Fault::status(502)),
    undecidable(|| Fault::status(503)),
    undecidable(|| Fault::retry_after(503, "120")),
    // our own credentials: the operator's error, and none of the client's
    Row { fault: || Fault::status(401), introspection: Some(500), documents: Some(503) },
    // longer than anybody waits, and not that long
    undecidable(|| Fault::Delay(Duration::from_secs(60))),
    Row {
        fault: || Fault::Delay(Duration::from_millis(300)),
        introspection: None,
        documents: None,
    },
    Row { fault: || Fault::Drip(Duration::from_micros(20)), introspection: None, documents: None },
];

#[tokio::test(start_paused = true)]
async fn every_fault_with_a_cold_and_a_remembered_token() {
    let mut wrong = Vec::new();
    for (at, row) in ROWS.iter().enumerate() {
        for place in [
            Place::Introspection,
            Place::IntrospectionMetadata,
            Place::IntrospectionOAuthMetadata,
            Place::Jwks,
            Place::KeysMetadata,
            Place::KeysOAuthMetadata,
        ] {
            let cold = match place {
                Place::Introspection => row.introspection,
                _ => row.documents,
            };
            for (what, expected, problem) in [
                ("cold", cold, cold_token(place, row, cold).await),
                ("remembered", None, remembered_token(place, row).await),
            ] {
                if let Err(found) = problem {
                    let fault = (row.fault)();
                    wrong.push(format!(
                        "row {at}, {fault:?} at {place:?}, {what} token: expected {expected:?}, {found}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the table:\n{}", wrong.len(), wrong.join("\n"));
}

/// The fault stands when the first token comes; then the issuer heals.
async fn cold_token(place: Place, row: &Row, expected: Option<u16>) -> Result<(), String> {
    let house = House::new(place);
    house.issuer.fail(place.endpoint(), (row.fault)());
    let token = house.token(place);
    let answer = house.send(&token).await;
    let again = match expected {
        None => answer.is(200).map(|()| Duration::ZERO)?,
        Some(503) => {
            answer.is(503)?;
            answer.says_when()?
        }
        Some(status) => answer.is(status).map(|()| Duration::from_secs(60))?,
    };
    answer.gives_nothing_away(&token)?;

    house.issuer.heal(place.endpoint());
    house.pass(again).await;
    house.send(&token).await.is(200).map_err(|found| format!("{again:?} after it healed: {found}"))
}

/// The token was accepted before anything went wrong.
async fn remembered_token(place: Place, row: &Row) -> Result<(), String> {
    let house = House::new(place);
    let token = house.token(place);
    house.send(&token).await.is(200).map_err(|found| format!("before the fault: {found}"))?;
    house.issuer.fail(place.endpoint(), (row.fault)());
    for _ in 0..3 {
        house.send(&token).await.is(200)?;
        house.pass(Duration::from_secs(5)).await;
    }
    Ok(())
}

/// Where the issuer is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Introspection,
    /// The metadata that name the introspection endpoint: OpenID Connect Discovery.
    IntrospectionMetadata,
    /// The same by RFC 8414.
    IntrospectionOAuthMetadata,
    Jwks,
    /// The metadata that name the key set.
    KeysMetadata,
    KeysOAuthMetadata,
}

impl Place {
    fn endpoint(self) -> Endpoint {
        match self {
            Self::Introspection => Endpoint::Introspection,
            Self::IntrospectionMetadata | Self::KeysMetadata => Endpoint::Discovery,
            Self::IntrospectionOAuthMetadata | Self::KeysOAuthMetadata => Endpoint::OAuthMetadata,
            Self::Jwks => Endpoint::Jwks,
        }
    }
}

/// An issuer, and a service that takes its JWTs and its opaque tokens.
struct House {
    issuer: MockIssuer,
    clock: ManualClock,
    layer: BearerAuth,
}

impl House {
    fn new(place: Place) -> Self {
        let clock = ManualClock::new();
        let api = Api::new(API, &[]).secret(SECRET);
        let issuer = MockIssuer::builder().clock(clock.clone()).audience(API).api(api).build();
        let keys = match place {
            Place::KeysOAuthMetadata => KeyLocation::oauth_metadata(issuer.url()),
            _ => KeyLocation::discover(issuer.url()),
        };
        let keys =
            RemoteKeys::builder(keys).fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
        let jwt = JwtValidator::builder(keys)
            .issuer(issuer.url())
            .audience(API)
            .clock(clock.clone())
            .build()
            .unwrap();
        let endpoint = match place {
            Place::IntrospectionMetadata => IntrospectionEndpoint::discover(issuer.url()),
            Place::IntrospectionOAuthMetadata => {
                IntrospectionEndpoint::oauth_metadata(issuer.url())
            }
            _ => IntrospectionEndpoint::url(format!("{}/introspect", issuer.url())),
        };
        let opaque = IntrospectionValidator::builder(endpoint, ClientAuth::basic(API, SECRET))
            .fetch(issuer.fetch())
            .clock(clock.clone())
            .issuer(issuer.url())
            .audience(API)
            .build()
            .unwrap();
        let router = TokenRouter::new().jwt(Cached::new(jwt)).opaque(Cached::new(opaque));
        let layer = BearerAuth::new(router).unwrap();
        Self { issuer, clock, layer }
    }

    /// A good token of the kind for which this place is asked.
    fn token(&self, place: Place) -> String {
        let token = self.issuer.token().expires_in(Duration::from_secs(3600));
        match place {
            Place::Jwks | Place::KeysMetadata | Place::KeysOAuthMetadata => token.build(),
            Place::Introspection
            | Place::IntrospectionMetadata
            | Place::IntrospectionOAuthMetadata => self.issuer.opaque_token(&token),
        }
    }

    async fn send(&self, token: &str) -> Answer {
        let handler = service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Bytes::from_static(b"handler")))
        });
        let request =
            Request::get("/orders").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(()).unwrap();
        Answer(self.layer.layer(handler).oneshot(request).await.unwrap())
    }

    /// Lets time pass for everybody.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::advance(time).await;
        tokio::task::yield_now().await;
    }
}

struct Answer(Response<Bytes>);

impl Answer {
    fn is(&self, expected: u16) -> Result<(), String> {
        let status = self.0.status().as_u16();
        let was_called = self.0.body() == "handler";
        if status == expected && was_called == (expected == 200) {
            return Ok(());
        }
        Err(format!("found {status}, handler called: {was_called}"))
    }

    /// Whole seconds, at least one, and no challenge: the token may be good.
    fn says_when(&self) -> Result<Duration, String> {
        let headers = self.0.headers();
        let after = headers.get(header::RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
        if headers.contains_key(header::WWW_AUTHENTICATE) {
            return Err("a challenge stands beside it".to_owned());
        }
        match after.filter(|seconds| *seconds > 0) {
            Some(seconds) => Ok(Duration::from_secs(seconds)),
            None => Err(format!("Retry-After: {:?}", headers.get(header::RETRY_AFTER))),
        }
    }

    fn gives_nothing_away(&self, token: &str) -> Result<(), String> {
        let headers = format!("{:?}", self.0.headers());
        match [token, SECRET].iter().any(|secret| headers.contains(secret)) {
            true => Err(format!("a secret stands in {headers}")),
            false => Ok(()),
        }
    }
}
