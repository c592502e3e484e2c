//! Cookies whose tickets are judged by their text, and requests that carry them.

use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use portcullis::token::{Presented, Renewed, TokenValidator};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Bearer, Cookies, Identity, Scheme,
    UnixTime, policy,
};
use tower::ServiceBuilder;

use super::fixed::{Body, Expected, Fixed, NO_STORE, send};
use crate::spec::ledger::{self, Row};

/// Judges a ticket by its text: `NAME`, `NAME.old` (renewed on the way out), `NAME.old.kept`
/// (renewed, and persistent). The name of a kind is refused for that reason. `NAME.long` and a tail
/// is somebody too, and so is what begins with `NAME.old.long`, which is renewed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tickets {
    /// Answers only when it is polled.
    pub is_slow: bool,
}

impl TokenValidator for Tickets {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let verdict = verdict(presented.token());
        if self.is_slow { Attempt::pending(async { verdict }) } else { Attempt::ready(verdict) }
    }

    fn is_ticket(&self) -> bool {
        true
    }

    fn renew(&self, identity: &Identity) -> Option<Renewed> {
        let words: Vec<&str> = identity.token_id()?.split('.').collect();
        let (name, kind) = words.split_first()?;
        let until = UnixTime::from_secs(1_800_000_000);
        match kind {
            ["old"] => Some(Renewed::new(format!("{name}.new"), None)),
            ["old", "kept"] => Some(Renewed::new(format!("{name}.new"), Some(until))),
            ["old", "long", _] => Some(Renewed::new(long(name, 9_000), None)),
            _ => None,
        }
    }
}

fn verdict(text: &str) -> Result<Identity, AuthError> {
    let name = text.split('.').next().unwrap_or_default();
    if ["alice", "bob"].contains(&name) {
        return Ok(Identity::builder("estate").subject(name).token_id(text).build());
    }
    let named = AuthErrorKind::ALL.iter().find(|kind| kind.name() == text);
    Err(named.copied().unwrap_or(AuthErrorKind::TicketUndecryptable).into())
}

/// A ticket of that many characters.
pub fn long(name: &str, length: usize) -> String {
    let start = format!("{name}.long.");
    let tail: String = ('a'..='z').cycle().take(length - start.len()).collect();
    start + &tail
}

/// A gate with the one scheme `Cookies`.
pub fn gate(name: &str) -> AuthenticateLayer {
    AuthenticateLayer::new((Scheme::cookie(Cookies, name, Tickets::default()),)).unwrap()
}

/// The challenge of a cookie, where nothing else can challenge.
pub const WC: &str = r#"www-authenticate: Cookie realm="app""#;

/// A gate with a bearer and a cookie.
pub fn both() -> AuthenticateLayer {
    let cookie = Scheme::cookie(Cookies, ".ASPXAUTH", Tickets::default());
    AuthenticateLayer::new((Scheme::bearer(Bearer, Fixed::default()), cookie)).unwrap()
}

/// Header lines as they stand, also where they are no ASCII.
pub fn raw(lines: &[&str]) -> HeaderMap {
    let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
    pairs
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

/// `GET /` with these header lines, as they stand.
pub fn asking(lines: &[&str]) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.headers_mut() = raw(lines);
    request
}

/// The `Set-Cookie` lines.
pub fn set_cookies(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect()
}

/// What a request carries, and whom the handler sees.
pub struct Reading {
    pub id: &'static str,
    pub name: &'static str,
    pub lines: &'static [&'static str],
    /// Whom the handler saw, or why nobody.
    pub expected: Result<&'static str, AuthErrorKind>,
}

impl Row for Reading {
    fn id(&self) -> &str {
        self.id
    }
}

/// Sends each to a gate, and to a gate and a requirement. Whatever is wrong is no session: 401, never
/// 400 and never 500. The answer repeats nothing.
pub async fn read(readings: &[Reading]) {
    ledger::table_async(readings, async |row| {
        let gate = gate(row.name);
        let passed = Expected::passed(row.expected.unwrap_or_default());
        send(gate.clone(), asking(row.lines)).await.is(&passed);

        let require = gate.require(policy::scheme(Cookies)).unwrap();
        let answer =
            send(ServiceBuilder::new().layer(gate).layer(require), asking(row.lines)).await;
        match row.expected {
            Ok(_) => answer.is(&passed),
            Err(kind) => answer.is(&Expected::refused(401, &[NO_STORE, WC], kind)),
        }
    })
    .await;
}
