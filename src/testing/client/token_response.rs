//! What a token endpoint answers.

use std::{fmt, time::Duration};

use serde_json::{Map, Value};

use crate::json::Object;

/// The answer of a token endpoint (RFC 6749 §5.1), with whatever else stands in it. Its `Debug`
/// shows no token.
///
/// ```
/// use std::time::Duration;
/// use portcullis::testing::client::TokenResponse;
///
/// let response: TokenResponse = br#"{"access_token":"2YotnF","token_type":"bearer",
///     "expires_in":86399,"username":"alice","roles":["Admin"],"first_login":false}"#[..].try_into()?;
/// assert_eq!(response.expires_in, Some(Duration::from_secs(86_399)));
/// assert_eq!(response.extra["username"], "alice");
/// assert_eq!(response.extra["first_login"], false);
/// # Ok::<(), portcullis::testing::client::MalformedTokenResponse>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// `Bearer`, in any case.
    pub token_type: String,
    /// How long the token lives, counted from about now: Katana truncates a day to 86399 s, so no
    /// program compares it for equality.
    pub expires_in: Option<Duration>,
    /// What gets the next token.
    pub refresh_token: Option<String>,
    /// What was granted, if it is not what was asked for.
    pub scope: Option<String>,
    /// Every other member, as it came.
    pub extra: Map<String, Value>,
}

impl TryFrom<&[u8]> for TokenResponse {
    type Error = MalformedTokenResponse;

    fn try_from(body: &[u8]) -> Result<Self, Self::Error> {
        let malformed = MalformedTokenResponse;
        // no name stands twice: which of two tokens would be the token?
        Object::parse(body).map_err(|error| malformed(error.message()))?;
        let mut extra: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| malformed("not an object"))?;
        let mut text = |name: &str| match extra.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(malformed("a member of RFC 6749 §5.1 is no text")),
        };
        let access_token = text("access_token")?.filter(|token| !token.is_empty());
        let access_token = access_token.ok_or(malformed("no access_token"))?;
        // appendix A.12, and so it can stand in a header
        if !access_token.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(malformed("the access_token has an illegal character"));
        }
        let token_type = text("token_type")?.ok_or(malformed("no token_type"))?;
        if !token_type.eq_ignore_ascii_case("bearer") {
            return Err(malformed("the token_type is not Bearer"));
        }
        let (refresh_token, scope) = (text("refresh_token")?, text("scope")?);
        let expires_in = match extra.remove("expires_in") {
            None | Some(Value::Null) => None,
            Some(seconds) => {
                let seconds = seconds.as_u64().ok_or(malformed("expires_in is no number"))?;
                Some(Duration::from_secs(seconds))
            }
        };
        Ok(Self { access_token, token_type, expires_in, refresh_token, scope, extra })
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("token_type", &self.token_type)
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// An answer that is no token response. Its text holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedTokenResponse(&'static str);

impl fmt::Display for MalformedTokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no token response: {}", self.0)
    }
}

impl std::error::Error for MalformedTokenResponse {}
