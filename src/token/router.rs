//! Several kinds of token at one door.

use std::{
    collections::HashMap,
    fmt,
    marker::PhantomData,
    sync::{Arc, OnceLock},
};

use super::{Cached, Caching, Presented, TokenValidator};
use crate::{
    attempt::Attempt,
    base64url,
    clock::{Clock, SystemClock},
    error::{AuthError, AuthErrorKind, printable},
    json::Object,
    principal::Identity,
};

/// Accepts JWTs and opaque tokens in one scheme, each judged by the validator of its kind.
///
/// 1. A token is a JWT if its first segment decodes to a JSON object with `alg` and it has three
///    segments, or five (an encrypted one). Whatever else is opaque, also with dots in it.
/// 2. A JWT goes to the validator of its `iss`, if it names a configured one
///    ([`issuer`](Self::issuer)), otherwise to the [`jwt`](Self::jwt) validator. Nothing of the token
///    is believed for that: the validator checks `iss` again, after the signature.
/// 3. One validator judges a token, and its answer stands: a JWT that fails is not tried as an
///    opaque token. Where only one kind is configured, it judges everything.
/// 4. No token is renewed: it would not be told whose validator wrote it.
/// 5. Each validator is put behind a [`Cached`] of its own, unless it is one.
///
/// ```
/// # #[cfg(all(feature = "fetch", feature = "jwt", feature = "introspection"))] {
/// use portcullis::{
///     BearerAuth,
///     introspection::{ClientAuth, IntrospectionValidator},
///     jwt::{JwtValidator, RemoteKeys},
///     token::TokenRouter,
/// };
///
/// let issuer = "https://login.example";
/// let jwt = JwtValidator::builder(RemoteKeys::discover(issuer)?)
///     .issuer(issuer)
///     .audience("https://api.example")
///     .build()?;
/// let credentials = ClientAuth::basic("orders-api", "its secret");
/// let opaque = IntrospectionValidator::builder("https://login.example/introspect", credentials)
///     .issuer(issuer)
///     .audience("https://api.example")
///     .build()?;
/// let bearer = BearerAuth::new(TokenRouter::new().jwt(jwt).opaque(opaque))?;
/// # let _ = bearer;
/// # }
/// # Ok::<(), portcullis::BuildError>(())
/// ```
///
/// A router without a validator judges nothing, and is no validator:
///
/// ```compile_fail,E0277
/// portcullis::BearerAuth::new(portcullis::token::TokenRouter::new());
/// ```
#[must_use]
pub struct TokenRouter<Step = Routed> {
    routes: Routes,
    step: PhantomData<fn() -> Step>,
}

/// The step of a router that knows no validator yet.
#[derive(Debug)]
pub enum Unrouted {}

/// The step of a router that can judge.
#[derive(Debug)]
pub enum Routed {}

#[derive(Clone, Default)]
struct Routes {
    by_iss: HashMap<Box<str>, Arc<dyn TokenValidator>>,
    jwt: Option<Arc<dyn TokenValidator>>,
    opaque: Option<Arc<dyn TokenValidator>>,
    headers: Arc<KnownHeaders>,
}

impl TokenRouter<Unrouted> {
    /// A router that knows no validator yet, and judges nothing before it has one.
    pub fn new() -> Self {
        Self { routes: Routes::default(), step: PhantomData }
    }
}

impl Default for TokenRouter<Unrouted> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Step> TokenRouter<Step> {
    /// Who judges the JWTs of this issuer, whatever kind of validator it is. The issuer is compared
    /// exactly. Said twice for one issuer, the later counts.
    ///
    /// The claims are read on each request to find out whose token it is. Several issuers whose
    /// tokens are all judged by their keys are cheaper as one
    /// [`JwtValidator::several`](crate::jwt::JwtValidator::several).
    pub fn issuer(
        mut self,
        issuer: impl Into<String>,
        validator: impl TokenValidator + 'static,
    ) -> TokenRouter {
        self.routes.by_iss.insert(issuer.into().into(), Cached::around(validator));
        self.routed()
    }

    /// Who judges the other JWTs, and every encrypted one.
    pub fn jwt(mut self, validator: impl TokenValidator + 'static) -> TokenRouter {
        self.routes.jwt = Some(Cached::around(validator));
        self.routed()
    }

    /// Who judges what is no JWT.
    pub fn opaque(mut self, validator: impl TokenValidator + 'static) -> TokenRouter {
        self.routes.opaque = Some(Cached::around(validator));
        self.routed()
    }

    fn routed(self) -> TokenRouter {
        TokenRouter { routes: self.routes, step: PhantomData }
    }
}

impl Routes {
    fn find(&self, token: &str) -> Result<&Arc<dyn TokenValidator>, AuthError> {
        if !self.is_jwt(token) {
            // a JWT validator says best what is wrong with what is none
            return self.opaque.as_ref().or(self.jwt.as_ref()).ok_or_else(|| {
                AuthError::new(AuthErrorKind::MalformedJwt)
                    .with_detail("it is no JWT, and no validator for opaque tokens is configured")
            });
        }
        let issuer = if self.by_iss.is_empty() { None } else { unproven_issuer(token) };
        if let Some(validator) = issuer.as_deref().and_then(|issuer| self.by_iss.get(issuer)) {
            return Ok(validator);
        }
        // with validators for named issuers a JWT of another one is not passed on as opaque
        let opaque = self.opaque.as_ref().filter(|_| self.by_iss.is_empty());
        self.jwt.as_ref().or(opaque).ok_or_else(|| {
            if token.split('.').count() > 3 {
                return AuthErrorKind::EncryptedTokenNoKey.into();
            }
            AuthError::new(AuthErrorKind::WrongIssuer).with_detail(format_args!(
                "expected one of {} issuers, found {}",
                self.by_iss.len(),
                issuer.map_or_else(|| "none".to_owned(), |issuer| printable(&issuer, 100))
            ))
        })
    }

    /// Whether it is a JWT by its shape, encrypted or not, good or bad.
    fn is_jwt(&self, token: &str) -> bool {
        let Some((header, rest)) = token.split_once('.') else { return false };
        self.headers.has(header) || (has_segments_of_a_jwt(rest) && is_jose_header(header))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn TokenValidator>> {
        self.jwt.iter().chain(&self.opaque).chain(self.by_iss.values())
    }
}

impl TokenValidator for TokenRouter {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let token = presented.token();
        let judged = match self.routes.find(token) {
            Ok(validator) => validator.validate(presented),
            Err(error) => return Attempt::ready(Err(error)),
        };
        match judged.into_ready() {
            Ok(answer) => {
                if answer.is_ok() {
                    self.routes.headers.learn(token);
                }
                Attempt::ready(answer)
            }
            Err(pending) => pending,
        }
    }

    fn cache_key<'t>(&self, token: &'t str) -> &'t str {
        self.routes.find(token).map_or(token, |validator| validator.cache_key(token))
    }

    /// Each of its validators remembers by itself.
    fn caching(&self) -> Caching {
        Caching::Never
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.routes.all().next().map_or_else(|| Arc::new(SystemClock) as _, |it| it.clock())
    }
}

impl<Step> Clone for TokenRouter<Step> {
    fn clone(&self) -> Self {
        Self { routes: self.routes.clone(), step: PhantomData }
    }
}

impl<Step> fmt::Debug for TokenRouter<Step> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut issuers: Vec<&str> = self.routes.by_iss.keys().map(AsRef::as_ref).collect();
        issuers.sort_unstable();
        f.debug_struct("TokenRouter")
            .field("jwt", &self.routes.jwt)
            .field("opaque", &self.routes.opaque)
            .field("issuers", &issuers)
            .finish()
    }
}

/// The first few headers of JWTs that were accepted, as they were written: the tokens of one key
/// mostly have the same, and it need not be read each time.
#[derive(Default)]
struct KnownHeaders([OnceLock<Box<str>>; MOST_HEADERS]);

impl KnownHeaders {
    fn has(&self, header: &str) -> bool {
        self.0.iter().map_while(OnceLock::get).any(|known| **known == *header)
    }

    /// Once they are all taken it costs nothing any more.
    fn learn(&self, accepted: &str) {
        let Some((header, rest)) = accepted.split_once('.') else { return };
        if self.has(header) {
            return;
        }
        if let Some(free) = self.0.iter().find(|slot| slot.get().is_none())
            && has_segments_of_a_jwt(rest)
            && is_jose_header(header)
        {
            // somebody may have been faster; then there is another time
            let _ = free.set(header.into());
        }
    }
}

/// Three or five in all, counted after the first dot.
fn has_segments_of_a_jwt(rest: &str) -> bool {
    // in bytes, so that the compiler counts many at a time
    let dots = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(*byte == b'.')).sum::<u8>();
    matches!(rest.as_bytes().chunks(128).map(|chunk| usize::from(dots(chunk))).sum(), 1_usize | 3)
}

/// It decodes to a JSON object with `alg` (RFC 7515 §4.1.1, RFC 7516 §4.1.1).
fn is_jose_header(header: &str) -> bool {
    let mut usual = [0; USUAL_HEADER];
    let long;
    let decoded = if header.len() <= USUAL_HEADER {
        base64url::decode_into(header, &mut usual)
    } else if header.len() <= LONGEST_HEADER {
        long = base64url::decode(header);
        long.as_deref()
    } else {
        // longer than any validator reads; no label of a personal access token is that long
        return header.starts_with("ey");
    };
    let mut object = Object::empty();
    decoded.is_some_and(|header| object.fill(header).is_ok() && object.get("alg").is_some())
}

/// The `iss` of a JWT that nothing proves.
fn unproven_issuer(token: &str) -> Option<String> {
    let payload = base64url::decode(token.split('.').nth(1)?)?;
    let mut object = Object::empty();
    object.fill(&payload).ok()?;
    object.get("iss")?.as_str().ok().map(|issuer| issuer.into_owned())
}

const MOST_HEADERS: usize = 8;
const USUAL_HEADER: usize = 512;
const LONGEST_HEADER: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_is_known_by_its_header_and_its_number_of_segments() {
        let header = base64url::encode(r#"{"alg":"ES256","typ":"at+jwt"}"#);
        let long = base64url::encode(format!(r#"{{"alg":"RS256","x":"{}"}}"#, "y".repeat(2000)));
        let none = base64url::encode(r#"{"typ":"JWT"}"#);
        let list = base64url::encode(r#"["alg"]"#);
        for (token, expected) in [
            (format!("{header}.e30.AAAA"), true),
            (format!("{long}.e30.AAAA"), true),
            (format!("{header}.."), true),
            (format!("{header}.a.b.c.d"), true),
            (format!("{header}...c.d"), true),
            (format!("ey{}.e30.AAAA", "y".repeat(20_000)), true),
            (header.clone(), false),
            (format!("{header}.e30"), false),
            (format!("{header}.a.b.c"), false),
            (format!("{header}.a.b.c.d.e"), false),
            (format!("{none}.e30.AAAA"), false),
            (format!("{list}.e30.AAAA"), false),
            (format!("{header}=.e30.AAAA"), false),
            ("v1.2-2019.12.01--4f1d".to_owned(), false),
            ("a.b.c".to_owned(), false),
            ("..".to_owned(), false),
            (".a.b".to_owned(), false),
            ("4f1d".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(Routes::default().is_jwt(&token), expected, "{:.80}", token);
        }
    }

    #[test]
    fn a_few_headers_are_known_by_heart_and_no_other_segment_is() {
        let headers = KnownHeaders::default();
        let header = |kid: usize| base64url::encode(format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#));
        headers.learn("v1.2.3");
        headers.learn("..");
        headers.learn("v1");
        headers.learn(&format!("{}.b", header(0)));
        for kid in (0..MOST_HEADERS).chain(0..MOST_HEADERS + 1) {
            headers.learn(&format!("{}.b.c", header(kid)));
        }
        assert!((0..MOST_HEADERS).all(|kid| headers.has(&header(kid))));
        assert!(!headers.has(&header(MOST_HEADERS)) && !headers.has("v1") && !headers.has(""));
    }
}
