//! What Katana's OAuth authorization server issues.

use std::borrow::Cow;

use super::{
    super::machine_key::MachineKey,
    format::{Format, katana_format},
    serializer::Formats,
    text,
};
use crate::{
    error::{AuthError, BuildError},
    ticket::{Ticket, TicketFormat},
};

/// Katana's access tokens: opaque to their holder, and opened here with the machine key that the
/// authorization server and this service share.
///
/// Read as a [`KatanaCookie`](super::KatanaCookie) is, under purposes of its own. Besides, an expiry is
/// demanded, and an identity with an authentication type. A refresh token or an authorization code of
/// the same server is refused as what it is
/// ([`TicketWrongPurpose`](crate::AuthErrorKind::TicketWrongPurpose)).
///
/// ```
/// use portcullis::{UnixTime, ticket::{Ticket, TicketFormat as _, aspnet::*}};
///
/// let (validation, decryption) = ("A0".repeat(64), "5C".repeat(32));
/// let key = MachineKey::from_hex(&validation, &decryption)?;
/// let tokens = KatanaAccessToken::new(key.clone())?;
///
/// let mut ticket = Ticket::new("Bearer", "alice");
/// ticket.expires_at = Some(UnixTime::from_secs(1_715_689_200));
/// let token = tokens.protect(&ticket)?;
/// assert_eq!(tokens.unprotect(&token).unwrap(), ticket);
/// assert!(KatanaRefreshToken::new(key)?.unprotect(&token).is_err());
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct KatanaAccessToken(Format);

/// Katana's refresh tokens, for an authorization server. A resource server never takes one.
///
/// Read as a [`KatanaAccessToken`] is, under purposes of its own.
#[derive(Debug)]
#[must_use]
pub struct KatanaRefreshToken(Format);

/// Katana's authorization codes, for an authorization server. A resource server never takes one.
///
/// Read as a [`KatanaAccessToken`] is, under purposes of its own.
#[derive(Debug)]
#[must_use]
pub struct KatanaAuthorizationCode(Format);

impl KatanaAccessToken {
    /// Opens and writes access tokens with this key.
    ///
    /// # Errors
    /// The key's algorithms can not protect by purpose.
    pub fn new(key: MachineKey) -> Result<Self, BuildError> {
        Format::token(&key, ACCESS_TOKEN)?
            .recognising(&key, "a refresh token", REFRESH_TOKEN)?
            .recognising(&key, "an authorization code", AUTHORIZATION_CODE)
            .map(Self)
    }

    /// The words that weaken what a token proves.
    pub fn dangerous(self) -> DangerousKatanaAccessToken {
        DangerousKatanaAccessToken(self)
    }
}

impl KatanaRefreshToken {
    /// Opens and writes refresh tokens with this key.
    ///
    /// # Errors
    /// The key's algorithms can not protect by purpose.
    pub fn new(key: MachineKey) -> Result<Self, BuildError> {
        Format::token(&key, REFRESH_TOKEN).map(Self)
    }
}

impl KatanaAuthorizationCode {
    /// Opens and writes authorization codes with this key.
    ///
    /// # Errors
    /// The key's algorithms can not protect by purpose.
    pub fn new(key: MachineKey) -> Result<Self, BuildError> {
        Format::token(&key, AUTHORIZATION_CODE).map(Self)
    }
}

/// What weakens [`KatanaAccessToken`].
#[derive(Debug)]
#[must_use]
pub struct DangerousKatanaAccessToken(KatanaAccessToken);

impl DangerousKatanaAccessToken {
    /// Takes a token without expiry, as Katana does. It is good for as long as the key lives, and an
    /// `.expires` that is not a date counts as none.
    pub fn allow_missing_expiry(mut self) -> KatanaAccessToken {
        self.0.0.demands_expiry = false;
        self.0
    }
}

macro_rules! tokens {
    ($($name:ident)+) => { $(
        katana_format!($name);

        impl TicketFormat for $name {
            fn unprotect(&self, text: &str) -> Result<Ticket, AuthError> {
                self.0.unprotect(text)
            }

            fn protect(&self, ticket: &Ticket) -> Result<String, BuildError> {
                self.0.protect(ticket)
            }

            fn canonical<'t>(&self, text: &'t str) -> Cow<'t, str> {
                text::canonical(text)
            }

            fn demands_expiry(&self) -> bool {
                self.0.demands_expiry
            }
        }
    )+ };
}
tokens! { KatanaAccessToken KatanaRefreshToken KatanaAuthorizationCode }

/// OAuthAuthorizationServerMiddleware.cs and OAuthBearerAuthenticationMiddleware.cs.
const OAUTH: &str = "Microsoft.Owin.Security.OAuth";
pub(in crate::ticket::aspnet) const ACCESS_TOKEN: [&str; 3] = [OAUTH, "Access_Token", "v1"];
pub(in crate::ticket::aspnet) const REFRESH_TOKEN: [&str; 3] = [OAUTH, "Refresh_Token", "v1"];
pub(in crate::ticket::aspnet) const AUTHORIZATION_CODE: [&str; 3] = [
    "Microsoft.Owin.Security.OAuth.OAuthAuthorizationServerMiddleware",
    "Authentication_Code",
    "v1",
];
