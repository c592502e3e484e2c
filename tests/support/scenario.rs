//! The scenario table: a row says who asks which route with what, is played in several ways, and
//! its whole answer is compared.

use bytes::Bytes;
use http::{HeaderMap, Response, header};
use http_body_util::BodyExt as _;
use portcullis::rejection::{DefaultResponseForRejection, ProblemDetails};
use portcullis::{AuthErrorKind, Rejection};
use serde_json::Value;
use tower::{Layer as _, ServiceExt as _};

use super::cookie_house::set_cookies;
use super::fixed::{Body, Handler, NO_STORE};
use super::site::{Checked, ORIGIN, Route, Site, boxed, cors, letters};
use crate::spec::ledger::{self, Row};

/// A row of the table.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub id: &'static str,
    pub route: Route,
    /// Cookie, bearer token and client, in the table's own words.
    pub words: &'static str,
    /// Whom the policy saw, in order; `None` where no policy was asked.
    pub principal: Option<&'static str>,
    pub expected: Expected,
    /// The same with [`Compat::Katana`], where that differs.
    pub katana: Option<Expected>,
    /// The rule by which the answer is not what the table's column for the crate says.
    pub decided_by: &'static str,
    pub handler: fn() -> Response<Body>,
    pub path: &'static str,
}

impl Row for Scenario {
    fn id(&self) -> &str {
        self.id
    }
}

pub const fn row(
    id: &'static str,
    route: Route,
    words: &'static str,
    principal: &'static str,
    expected: Expected,
) -> Scenario {
    Scenario {
        id,
        route,
        words,
        principal: Some(principal),
        expected,
        katana: None,
        decided_by: "",
        handler: super::fixed::ok,
        path: PATH,
    }
}

impl Scenario {
    /// With [`Compat::Katana`], this is the answer.
    pub const fn katana(mut self, expected: Expected) -> Self {
        self.katana = Some(expected);
        self
    }

    /// Why the answer is not the table's.
    pub const fn decided_by(mut self, rule: &'static str) -> Self {
        self.decided_by = rule;
        self
    }

    pub const fn handler(mut self, handler: fn() -> Response<Body>) -> Self {
        self.handler = handler;
        self
    }

    pub const fn at(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    /// No policy was asked.
    pub const fn unasked(mut self) -> Self {
        self.principal = None;
        self
    }
}

/// The whole answer.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub status: u16,
    /// The handler ran.
    pub ran: bool,
    /// Every `WWW-Authenticate` line.
    pub challenges: &'static [&'static str],
    /// Resolved against the URL of the request.
    pub location: Option<&'static str>,
    pub set_cookie: SetCookie,
    /// Every other header.
    pub others: &'static [&'static str],
    pub reason: Option<AuthErrorKind>,
    /// The member `login` of the body, where the answer has a body.
    pub login: Option<&'static str>,
    /// The member `missing` of the body.
    pub missing: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetCookie {
    Untouched,
    /// Another value.
    Renewed,
    /// No value, and an expiry in 1970.
    Cleared,
}

/// 200, the handler ran, nothing was added.
pub const PASSED: Expected = Expected {
    status: 200,
    ran: true,
    challenges: &[],
    location: None,
    set_cookie: SetCookie::Untouched,
    others: &[],
    reason: None,
    login: None,
    missing: &[],
};

/// The handler did not run.
pub const fn refused(
    status: u16,
    challenges: &'static [&'static str],
    reason: AuthErrorKind,
) -> Expected {
    let others: &[&str] = if status == 503 { &[NO_STORE, RETRY_AFTER] } else { &[NO_STORE] };
    Expected { status, ran: false, challenges, others, reason: Some(reason), ..PASSED }
}

/// 302 to the login page, which returns to where the request wanted to go.
pub const fn login(reason: AuthErrorKind) -> Expected {
    Expected { location: Some(LOGIN), ..refused(302, &[], reason) }
}

/// Katana's answer to a script: 200, and the truth in a header.
pub const fn masked(reason: AuthErrorKind) -> Expected {
    Expected { others: &[NO_STORE, RESPONDED_JSON], ..refused(200, &[], reason) }
}

/// gRPC: 200, trailers only.
pub const fn grpc(others: &'static [&'static str], reason: AuthErrorKind) -> Expected {
    Expected { others, ..refused(200, &[], reason) }
}

impl Expected {
    pub const fn renewed(self) -> Self {
        Self { set_cookie: SetCookie::Renewed, ..self }
    }

    pub const fn cleared(self) -> Self {
        Self { set_cookie: SetCookie::Cleared, ..self }
    }

    /// The body tells a script where the login is.
    pub const fn naming_the_login(self) -> Self {
        Self { login: Some(LOGIN_PATH), ..self }
    }

    /// The body tells which credentials are missing.
    pub const fn missing(self, missing: &'static [&'static str]) -> Self {
        Self { missing, ..self }
    }
}

pub const PATH: &str = "/Home/Report?id=7";
const SITE: &str = "https://app.test";
const LOGIN: &str = "https://app.test/login?ReturnUrl=%2FHome%2FReport%3Fid%3D7";
const LOGIN_PATH: &str = "/login?ReturnUrl=%2FHome%2FReport%3Fid%3D7";
/// At least a second, whatever the number.
const RETRY_AFTER: &str = "retry-after: *";
const RESPONDED_JSON: &str = r#"x-responded-json: {"status":401,"headers":{"location":"\/login?ReturnUrl=%2FHome%2FReport%3Fid%3D7"}}"#;

/// How the table is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Play {
    /// As it stands: no body.
    Plain,
    /// [`ProblemDetails`] make the bodies; the request comes from a page of another origin, and
    /// tower-http's CORS layer stands outside.
    FromAnotherOrigin,
    /// [`Compat::Katana`].
    Katana,
}

/// Plays every row in each way.
pub async fn play(rows: &[Scenario]) {
    ledger::table_async(rows, async |row| {
        for way in [Play::Plain, Play::FromAnotherOrigin, Play::Katana] {
            let expected = match (way, row.katana) {
                (Play::Katana, Some(expected)) => expected,
                _ => row.expected,
            };
            Played::of(row, way).await.is(row, way, &expected);
        }
    })
    .await;
}

/// What came of a row.
struct Played {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    reason: Option<AuthErrorKind>,
    /// The schemes that the policy saw.
    checked: Option<String>,
    /// The schemes that the handler saw.
    handled: Option<String>,
    /// What must not come back.
    secrets: Vec<String>,
    cookie: &'static str,
}

impl Played {
    async fn of(row: &Scenario, way: Play) -> Self {
        let site = Site::new(row.route, way == Play::Katana);
        let origin = (way == Play::FromAnotherOrigin).then_some(ORIGIN);
        let sent = site.request(row.route, row.words, row.path, origin);
        let checked = Checked::default();
        let handler = Handler::new(row.handler);
        let service = match way {
            Play::FromAnotherOrigin => {
                let stack = site.stack(row.route, &checked, &handler, ProblemDetails);
                boxed(cors().layer(stack))
            }
            _ => site.stack(row.route, &checked, &handler, DefaultResponseForRejection),
        };
        let response = service.oneshot(sent.request).await.unwrap();
        let reason = response.extensions().get::<Rejection>().map(|it| it.reason().kind());
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
            reason,
            checked: checked.saw(),
            handled: handler.saw().map(|saw| {
                // row 97 is the only one with a second user, and nobody is let in there
                assert!(
                    saw.split(", ").all(|who| who.is_empty() || who.ends_with(" alice")),
                    "{saw}"
                );
                letters(&saw)
            }),
            secrets: sent.secrets,
            cookie: site.cookie,
        }
    }

    #[track_caller]
    fn is(&self, row: &Scenario, way: Play, expected: &Expected) {
        let shown = format!(
            "{way:?} {} {:?} {:?} {}",
            self.status, self.headers, self.body, row.decided_by
        );
        assert_eq!(self.status, expected.status, "{shown}");
        assert_eq!(self.reason, expected.reason, "{shown}");
        // who was seen
        let is_asked = row.principal.is_some() && row.route.asks();
        let principal = row.principal.map(str::to_owned);
        assert_eq!(self.checked, principal.clone().filter(|_| is_asked), "the policy: {shown}");
        assert_eq!(self.handled, principal.filter(|_| expected.ran), "the handler: {shown}");
        // what was said
        self.is_header("www-authenticate", expected.challenges, &shown);
        self.is_location(expected.location, &shown);
        self.is_cookie(expected.set_cookie, &shown);
        self.is_others(way, expected, &shown);
        self.is_body(way, expected, &shown);
        // what holds for every row
        for secret in &self.secrets {
            assert!(!shown.contains(&**secret), "the answer repeats {secret}: {shown}");
        }
        if way == Play::FromAnotherOrigin {
            assert_eq!(self.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN, "{shown}");
            assert_eq!(self.headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
            let exposed = &self.headers[header::ACCESS_CONTROL_EXPOSE_HEADERS];
            assert_eq!(exposed, "www-authenticate,retry-after");
        }
    }

    #[track_caller]
    fn is_header(&self, name: &str, expected: &[&str], shown: &str) {
        let lines = self.headers.get_all(name).iter();
        let lines: Vec<_> = lines.map(|it| format!("{name}: {}", it.to_str().unwrap())).collect();
        assert_eq!(lines, expected, "{shown}");
    }

    #[track_caller]
    fn is_location(&self, expected: Option<&str>, shown: &str) {
        let lines: Vec<_> = self.headers.get_all(header::LOCATION).iter().collect();
        assert!(lines.len() <= 1, "{shown}");
        let resolved = lines.first().map(|line| {
            let line = line.to_str().unwrap();
            if line.starts_with('/') { format!("{SITE}{line}") } else { line.to_owned() }
        });
        assert_eq!(resolved.as_deref(), expected, "{shown}");
    }

    #[track_caller]
    fn is_cookie(&self, expected: SetCookie, shown: &str) {
        let lines = set_cookies(&self.headers);
        if expected == SetCookie::Untouched {
            assert!(lines.is_empty(), "{shown}");
            return;
        }
        let [line] = &lines[..] else { panic!("one cookie: {shown}") };
        let value = line.strip_prefix(self.cookie).and_then(|rest| rest.strip_prefix('='));
        let (value, attributes) = value.expect(shown).split_once("; ").expect(shown);
        let is_expired = attributes.ends_with("Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        match expected {
            SetCookie::Renewed => assert!(value.len() > 100 && !is_expired, "{shown}"),
            _ => assert!(value.is_empty() && is_expired, "{shown}"),
        }
        assert_eq!(self.headers[header::PRAGMA], "no-cache", "{shown}");
        assert_eq!(self.headers[header::EXPIRES], "-1", "{shown}");
    }

    /// Nothing else stands in the answer.
    #[track_caller]
    fn is_others(&self, way: Play, expected: &Expected, shown: &str) {
        let cookie_is_set = expected.set_cookie != SetCookie::Untouched;
        let ours = |name: &str| {
            ["www-authenticate", "location", "set-cookie"].contains(&name)
                || (cookie_is_set && ["pragma", "expires"].contains(&name))
                || (way == Play::FromAnotherOrigin
                    && (name.starts_with("access-control-") || name == "vary"))
        };
        let mut others: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| !ours(name.as_str()))
            .filter(|(name, _)| !(self.has_problem() && name.as_str() == "content-type"))
            .map(|(name, value)| match name.as_str() {
                "retry-after" => {
                    assert!(value.to_str().unwrap().parse::<u64>().unwrap() >= 1, "{shown}");
                    RETRY_AFTER.to_owned()
                }
                _ => format!("{name}: {}", value.to_str().unwrap()),
            })
            .collect();
        others.sort();
        let mut said: Vec<&str> = expected.others.to_vec();
        if cookie_is_set && expected.ran {
            said.push("cache-control: no-cache");
        }
        said.sort_unstable();
        assert_eq!(others, said, "{shown}");
    }

    fn has_problem(&self) -> bool {
        let content_type = self.headers.get(header::CONTENT_TYPE);
        content_type.is_some_and(|it| it == "application/problem+json")
    }

    #[track_caller]
    fn is_body(&self, way: Play, expected: &Expected, shown: &str) {
        let is_problem = way == Play::FromAnotherOrigin && !expected.ran && expected.status >= 400;
        if !is_problem {
            return;
        }
        assert!(self.has_problem(), "{shown}");
        let problem: Value = serde_json::from_slice(&self.body).expect(shown);
        assert_eq!(problem["status"], expected.status, "{shown}");
        assert_eq!(problem["login"].as_str(), expected.login, "{shown}");
        if !expected.missing.is_empty() {
            assert_eq!(problem["missing"], Value::from(expected.missing), "{shown}");
        }
    }
}
