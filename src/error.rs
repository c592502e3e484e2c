//! What can be wrong with a credential ([`AuthError`]) and with a configuration ([`BuildError`]).
//!
//! 1. A [`BuildError`] is the programmer's, found at start; its text names the field and the fix.
//! 2. An [`AuthError`] is the credential's or the world's, found per request and per scheme, and
//!    recorded. It carries a stable [`AuthErrorKind`] and, for the operator's log only, what was
//!    expected and what was found.
//! 3. What the client is told is a third thing, the [`Rejection`](crate::rejection::Rejection).

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use crate::principal::SchemeName;

/// Why a credential was not accepted. Two words in size; a clone is a reference count.
#[derive(Clone)]
pub struct AuthError {
    kind: AuthErrorKind,
    retry_after: u16,
    detail: Option<Arc<String>>,
}

impl AuthError {
    /// An error that says no more than its kind.
    #[must_use]
    pub const fn new(kind: AuthErrorKind) -> Self {
        Self { kind, retry_after: 0, detail: None }
    }

    /// Adds what the operator needs to know: expected, found, and what would accept it.
    ///
    /// The text goes to the log and to [`explain`](crate::explain), never to the client. It must
    /// hold no part of a token or of a secret. Control characters are escaped, and what is longer
    /// than 512 bytes is cut.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(Arc::new(Printable::text_of(detail, DETAIL_LIMIT)));
        self
    }

    /// For undecidable errors: when asking again may help. Rounded up to whole seconds, at least 1.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
        self.retry_after = u16::try_from(seconds.max(1)).unwrap_or(u16::MAX);
        self
    }

    /// The stable name of the reason.
    #[must_use]
    pub const fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// The operator's text, if there is one.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref().map(String::as_str)
    }

    /// When asking again may help; `None` unless the error is undecidable.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.kind.class() == AuthErrorClass::Undecidable)
            .then(|| Duration::from_secs(u64::from(self.retry_after.max(1))))
    }
}

impl From<AuthErrorKind> for AuthError {
    fn from(kind: AuthErrorKind) -> Self {
        Self::new(kind)
    }
}

impl PartialEq for AuthError {
    /// Two errors are equal if their kinds are: details are for people.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for AuthError {}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            None => write!(f, "{}: {}", self.kind, self.kind.description()),
            Some(detail) => write!(f, "{}: {detail}", self.kind),
        }
    }
}

impl std::error::Error for AuthError {}

/// What an [`AuthErrorKind`] means for the answer. `rejection.rs` turns it into a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthErrorClass {
    /// The request is malformed (RFC 6750 `invalid_request`).
    Malformed,
    /// The credential was judged and is not good (RFC 6750 `invalid_token`).
    Invalid,
    /// It could not be found out. Never a "no".
    Undecidable,
    /// This service's own set-up is wrong; the caller can do nothing about it.
    Misconfigured,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $class:ident $description:literal;)+) => {
        /// The stable names of the reasons, for logs, metrics and tests.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuthErrorKind { $($(#[$doc])* $name,)+ }

        impl AuthErrorKind {
            /// Every kind, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What the kind means for the answer.
            #[must_use]
            pub const fn class(self) -> AuthErrorClass {
                match self { $(Self::$name => AuthErrorClass::$class,)+ }
            }

            /// One line for the operator.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)+ }
            }
        }
    };
}

kinds! {
    // ---- the header
    /// Nothing was presented.
    NoCredential Invalid "no credential was sent";
    /// `Authorization: Bearer` with nothing after it.
    EmptyCredential Malformed "the Authorization header names the scheme and holds no token";
    /// Two credentials for one scheme.
    DuplicateCredential Malformed "more than one credential was sent";
    /// The credential was sent by more than one method (RFC 6750 §2).
    MultipleTransports Malformed "the token was sent by more than one method";
    /// The scheme name is not followed by a space and a token.
    MalformedCredential Malformed "the Authorization header is not a scheme, a space and a token";
    // ---- the token's text
    /// Longer than the limit; not decoded.
    TokenTooLong Invalid "the token is longer than the limit";
    /// A character that RFC 6750 §2.1 does not allow.
    IllegalCharacter Invalid "the token holds a character that RFC 6750 does not allow";
    /// The client sent `undefined`, `null`, `{token}` and the like.
    PlaceholderToken Invalid "the client sent a placeholder in place of a token";
    /// The token stands in quotes.
    QuotedToken Invalid "the token stands in quotes";
    /// `Bearer Bearer …`.
    DoubledPrefix Invalid "the scheme name stands twice";
    // ---- the JWT
    /// Not a compact JWS with a JSON header and JSON claims of the right types.
    MalformedJwt Invalid "the token is not a well-formed JWT";
    /// An encrypted JWT, and no key to decrypt it.
    EncryptedTokenNoKey Invalid "the token is encrypted and no decryption key is configured";
    /// The algorithm is not in the list of this validator, or does not fit the key.
    UnsupportedAlgorithm Invalid "the token's algorithm is not allowed";
    /// No key of the issuer fits the token's key id.
    UnknownKey Invalid "no key of the issuer fits the token";
    /// The signature does not verify.
    BadSignature Invalid "the signature does not verify";
    /// The `typ` header is not the expected one.
    WrongType Invalid "the token is of another type";
    /// The issuer is not the configured one.
    WrongIssuer Invalid "the token is of another issuer";
    /// The audience does not name this service.
    WrongAudience Invalid "the token is for another audience";
    /// No `exp`.
    MissingExpiry Invalid "the token has no expiry";
    /// A claim that the profile demands is missing.
    MissingClaim Invalid "a claim that the profile demands is missing";
    /// Past its expiry.
    Expired Invalid "the token expired";
    /// Before its `nbf`, or issued in the future.
    NotYetValid Invalid "the token is not yet valid";
    /// Bound to a key of the sender by `cnf`; a bearer must not use it.
    SenderConstrained Invalid "the token is bound to a key of its sender and was sent as a bearer token";
    // ---- state
    /// The issuer says that the token is not active (RFC 7662).
    Inactive Invalid "the issuer says that the token is not active";
    /// Revoked in this application.
    Revoked Invalid "the credential was revoked";
    /// Refused by a check of the application.
    RejectedByCheck Invalid "a check of this application refused the credential";
    /// Two credentials of different users where one user must hold both.
    SubjectMismatch Invalid "the credentials belong to different users";
    // ---- tickets and cookies
    /// A cookie came along with a request that another site's page started.
    CrossSiteRequest Invalid "a page of another site started the request; see CrossSiteGuard";
    /// Two cookies have the name; which one is the user's cannot be told.
    AmbiguousCookie Invalid "two cookies of one name were sent";
    /// A chunked cookie lacks one of its chunks.
    ChunksMissing Invalid "a chunk of the cookie is missing";
    /// The credential came over plain http where TLS is demanded.
    InsecureTransport Invalid "the credential was sent over plain http, where TLS is demanded";
    /// The session that the cookie names is not in the store.
    SessionGone Invalid "the session is not in the store";
    /// The security stamp of the user changed.
    StampMismatch Invalid "the user's security stamp changed after the ticket was issued";
    /// The ticket expired.
    TicketExpired Invalid "the ticket expired";
    /// The ticket opened, and what it holds is not a ticket of this format.
    TicketMalformed Invalid "the ticket opened and its content is not well-formed";
    /// No key opens the ticket. Also when it was made for another purpose: a MAC does not tell.
    TicketUndecryptable Invalid "no configured key opens the ticket";
    /// The ticket was made for another purpose.
    TicketWrongPurpose Invalid "the ticket was made for another purpose";
    /// The user is no longer known.
    UserGone Invalid "the user is no longer known";
    // ---- the world
    /// Keys or an answer could not be had from the issuer.
    IssuerUnreachable Undecidable "the issuer could not be asked";
    /// The gate's time ran out before the credential was judged.
    TimedOut Undecidable "the time to judge the credential ran out";
    /// The issuer refused this service's own credentials.
    IntrospectionRefused Misconfigured "the issuer refused this service's own credentials";
    /// The introspection answer could not be used.
    MalformedIntrospection Undecidable "the issuer's answer could not be used";
    // ---- the policy
    /// The user's authentication is not strong or not recent enough (RFC 9470).
    InsufficientAuthentication Invalid "the user's authentication is not strong or not recent enough";
    /// A scope is missing.
    MissingScope Invalid "a scope is missing";
    /// A role is missing.
    MissingRole Invalid "a role is missing";
    /// A claim is missing or has another value.
    MissingPermission Invalid "the policy denies it to this caller";
    /// The claims do not fit the type that the handler asks for.
    ClaimsMismatch Invalid "the claims do not fit the type the handler asks for";
    // ---- wiring
    /// No gate stands in front of this layer or handler.
    NoGate Misconfigured "no AuthenticateLayer saw this request: the layer is missing, stands further in, or was added before this route";
    /// The route demands a scheme that is hidden, or that no gate here has.
    HiddenScheme Misconfigured "the route demands a scheme that is not visible here";
}

impl fmt::Display for AuthErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A configuration that cannot work, found when it is built. The text names the field and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// Two schemes of one gate have the same name.
    DuplicateScheme(SchemeName),
    /// A gate was built from no scheme.
    NoScheme,
    /// A suppression or policy names no scheme, so that the route could never succeed.
    NoSchemeEnabled,
    /// More than eight schemes in one gate.
    TooManySchemes(usize),
    /// A scheme is named that the gate does not have.
    UnknownScheme {
        /// The name as it was given.
        name: SchemeName,
        /// The gate's schemes.
        known: Vec<SchemeName>,
    },
    /// A value that cannot be used.
    Invalid {
        /// The builder's word for the value.
        field: &'static str,
        /// What is wrong with it and what to do.
        problem: Cow<'static, str>,
    },
}

impl BuildError {
    pub(crate) fn invalid(field: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateScheme(name) => write!(
                f,
                "DuplicateScheme: two schemes are named {name:?}; give each scheme of a gate its own name"
            ),
            Self::NoScheme => f.write_str("NoScheme: a gate needs at least one scheme"),
            Self::NoSchemeEnabled => f.write_str(
                "NoSchemeEnabled: the list of schemes is empty, so no request could succeed; name at least one, or use suppress_all for a public route",
            ),
            Self::TooManySchemes(count) => {
                write!(f, "TooManySchemes: {count} schemes in one gate; at most 8 are supported")
            }
            Self::UnknownScheme { name, known } => {
                write!(f, "UnknownScheme: no scheme of this gate is named {name:?}")?;
                match known.iter().find(|k| near(k.as_str(), name.as_str())) {
                    Some(near) => write!(f, "; did you mean {near:?}?"),
                    None => write!(f, "; it has {known:?}"),
                }
            }
            Self::Invalid { field, problem } => write!(f, "{field}: {problem}"),
        }
    }
}

impl std::error::Error for BuildError {}

impl From<Infallible> for BuildError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Same letters but for case, or one edit apart.
fn near(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same = a.iter().zip(b).take_while(|(x, y)| x.eq_ignore_ascii_case(y)).count();
    let (rest_a, rest_b) = (&a[same..], &b[same..]);
    let tails_equal = |x: &[u8], y: &[u8]| x.eq_ignore_ascii_case(y);
    match (rest_a, rest_b) {
        ([_, tail_a @ ..], [_, tail_b @ ..]) => {
            tails_equal(tail_a, tail_b)
                || tails_equal(tail_a, rest_b)
                || tails_equal(rest_a, tail_b)
        }
        ([_], []) | ([], [_]) => true,
        _ => false,
    }
}

/// The text with control characters escaped, and cut at a character near `limit` bytes.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    Printable::text_of(text, limit)
}

/// Takes text in, escaped, until it is full.
struct Printable {
    text: String,
    limit: usize,
    is_full: bool,
}

impl Printable {
    fn text_of(value: impl fmt::Display, limit: usize) -> String {
        let text = String::with_capacity(limit.min(USUAL_TEXT));
        let mut printable = Self { text, limit, is_full: false };
        // the only error is that it is full: the rest is cut off
        let _ = write!(printable, "{value}");
        printable.text
    }
}

impl fmt::Write for Printable {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.limit.saturating_sub(self.text.len());
        if text.len() <= room && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.text.push_str(text);
            return Ok(());
        }
        for c in text.chars() {
            if self.is_full {
                return Err(fmt::Error);
            }
            if self.text.len() >= self.limit {
                self.text.push('…');
                self.is_full = true;
            } else if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                self.text.extend(c.escape_default());
            } else {
                self.text.push(c);
            }
        }
        Ok(())
    }
}

const DETAIL_LIMIT: usize = 512;
/// Room for most texts.
const USUAL_TEXT: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_two_words_at_most_and_prints_its_reason() {
        assert!(size_of::<AuthError>() <= 2 * size_of::<usize>());
        let error = AuthError::new(AuthErrorKind::Expired).with_detail("exp 1\r\nnow 2\u{1b}[0m");
        assert_eq!(error.to_string(), r"Expired: exp 1\r\nnow 2\u{1b}[0m");
        assert_eq!(
            AuthError::new(AuthErrorKind::Expired).to_string(),
            "Expired: the token expired"
        );
    }

    #[test]
    fn retry_after_is_whole_seconds_and_only_for_the_undecidable() {
        let seconds = |kind: AuthErrorKind, after| {
            AuthError::new(kind).with_retry_after(after).retry_after().map(|d| d.as_secs())
        };
        assert_eq!(seconds(AuthErrorKind::IssuerUnreachable, Duration::ZERO), Some(1));
        assert_eq!(seconds(AuthErrorKind::IssuerUnreachable, Duration::from_millis(1001)), Some(2));
        assert_eq!(seconds(AuthErrorKind::IssuerUnreachable, Duration::MAX), Some(65535));
        assert_eq!(seconds(AuthErrorKind::Expired, Duration::from_secs(9)), None);
    }

    #[test]
    fn unknown_scheme_names_the_near_match() {
        for (given, near) in [
            ("bearer", true),
            ("Beare", true),
            ("Bearers", true),
            ("Baerer", false),
            ("Cookies", false),
        ] {
            let error = BuildError::UnknownScheme {
                name: SchemeName::new(given),
                known: vec![SchemeName::new("Bearer")],
            };
            assert_eq!(error.to_string().contains("did you mean"), near, "{given}: {error}");
        }
    }
}
