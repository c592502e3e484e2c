//! The stable names of the reasons, and what each means for the answer.

use std::fmt;

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
    EncryptedTokenNoKey Invalid "the token is encrypted and no decryption key is configured; give the validator the key (decryption_keys), or have the issuer not encrypt access tokens, or ask it about them (introspection)";
    /// Encrypted under another key, or changed. One reason for everything that decryption finds.
    TokenUndecryptable Invalid "no decryption key opens the token";
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
    /// A handler signs a user in or out by a scheme, or with a ticket, that can not do it.
    SignInMisconfigured Misconfigured "nobody can be signed in or out like this";
}

impl fmt::Display for AuthErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
