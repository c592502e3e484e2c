//! Tokens of the mock issuer.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use crate::{base64url, clock::UnixTime, jwt::Algorithm, testing::key::SigningKey};

/// Makes a token. What is not said otherwise is right: [`MockIssuer::token`] starts with a valid
/// RFC 9068 access token, and each word changes one thing.
///
/// ```
/// use portcullis::testing::MockIssuer;
///
/// let issuer = MockIssuer::new();
/// let token = issuer.token().subject("bob").scope("orders:read").build();
/// let forged = issuer.token().unsigned(r#""nOnE""#).build();
/// assert_eq!(token.split('.').count(), 3);
/// assert!(forged.ends_with('.'));
/// ```
///
/// [`MockIssuer::token`]: crate::testing::MockIssuer::token
#[derive(Clone)]
#[must_use]
pub struct TokenBuilder {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) raw_header: Option<Vec<u8>>,
    pub(super) raw_payload: Option<Vec<u8>>,
    pub(super) key: SigningKey,
    keys: Vec<SigningKey>,
    pub(super) signature: Signature,
    pub(super) edits: Vec<Edit>,
    now: UnixTime,
}

#[derive(Clone)]
pub(super) enum Signature {
    Bytes(Vec<u8>),
    Key,
}

#[derive(Clone)]
pub(super) enum Edit {
    Signature(Arc<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>),
    Text(Arc<dyn Fn(String) -> String + Send + Sync>),
}

/// The claims.
impl TokenBuilder {
    /// `aud`, one.
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// `aud`, several.
    pub fn audiences(self, audiences: &[&str]) -> Self {
        self.claim("aud", audiences)
    }

    /// Any claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// `client_id`.
    pub fn client_id(self, client_id: &str) -> Self {
        self.claim("client_id", client_id)
    }

    /// `exp`, at this moment.
    pub fn expires_at(self, at: UnixTime) -> Self {
        self.claim("exp", at.as_secs())
    }

    /// `exp`, so long after the issuer's now. Default: 300 s.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let at = self.now + lifetime;
        self.expires_at(at)
    }

    /// `exp`, so long before the issuer's now.
    pub fn expired_since(self, age: Duration) -> Self {
        let at = self.now - age;
        self.expires_at(at)
    }

    /// `iat`, at this moment.
    pub fn issued_at(self, at: UnixTime) -> Self {
        self.claim("iat", at.as_secs())
    }

    /// `iss`.
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// `nbf`, at this moment.
    pub fn not_before(self, at: UnixTime) -> Self {
        self.claim("nbf", at.as_secs())
    }

    /// `scope`, names with spaces between.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// `sub`.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Without this claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }
}

/// The header.
impl TokenBuilder {
    /// Signs by this algorithm, with the issuer's newest key for it (or one that it does not
    /// publish, if it has none: see [`MockIssuer::add_key`](crate::testing::MockIssuer::add_key)).
    pub fn algorithm(self, algorithm: Algorithm) -> Self {
        let newest = self.keys.iter().rev().find(|key| key.signs(algorithm)).cloned();
        let key = if self.key.signs(algorithm) { Some(self.key.clone()) } else { newest };
        let key = key.unwrap_or_else(|| SigningKey::new("unpublished", algorithm));
        self.signed_by(&key.with_algorithm(algorithm))
    }

    /// Any header parameter. It does not change how the token is signed.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// `kid`. It does not change how the token is signed.
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// `typ`. Default: `at+jwt`.
    pub fn typ(self, typ: &str) -> Self {
        self.header("typ", typ)
    }

    /// Without this header parameter.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }
}

/// Other kinds of token.
impl TokenBuilder {
    /// An ID token for this client (OpenID Connect Core §2): `typ` is `JWT`.
    pub fn as_id_token(self, client_id: &str) -> Self {
        let now = self.now.as_secs();
        self.typ("JWT")
            .audience(client_id)
            .without("client_id")
            .without("scope")
            .without("jti")
            .claim("auth_time", now)
            .claim("nonce", "n-0S6_WzA2Mj")
    }

    /// A back-channel logout token (OpenID Connect Back-Channel Logout §2.4).
    pub fn as_logout_token(self, client_id: &str) -> Self {
        self.typ("logout+jwt")
            .audience(client_id)
            .without("client_id")
            .without("scope")
            .claim("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} }))
    }

    /// Bound to a key of its sender by DPoP (RFC 9449 §6.1).
    pub fn bound_by_dpop(self) -> Self {
        let thumbprint = SigningKey::stranger("sender", Algorithm::ES256).jwk().thumbprint();
        self.claim("cnf", json!({ "jkt": thumbprint }))
    }

    /// Bound to a client certificate (RFC 8705 §3.1).
    pub fn bound_by_certificate(self) -> Self {
        self.claim("cnf", json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }))
    }

    /// The shape of an IdentityServer4 token: one hour, `nbf`, `auth_time`, `idp`, `amr`, `scope` as
    /// an array, neither `iat` nor `jti`.
    pub fn identity_server(self) -> Self {
        let now = self.now.as_secs();
        let scope = match self.claims.get("scope") {
            Some(Value::String(scope)) => scope.split_ascii_whitespace().map(Value::from).collect(),
            other => other.cloned().unwrap_or(Value::Null),
        };
        let token = self
            .without("iat")
            .without("jti")
            .expires_in(Duration::from_secs(3600))
            .claim("nbf", now)
            .claim("auth_time", now)
            .claim("idp", "local")
            .claim("amr", vec!["custom"]);
        if scope.is_null() { token } else { token.claim("scope", scope) }
    }
}

/// The end.
impl TokenBuilder {
    /// The token.
    ///
    /// # Panics
    /// The key cannot sign by its algorithm.
    #[must_use]
    pub fn build(&self) -> String {
        let header = self.raw_header.clone().unwrap_or_else(|| self.header_json().into_bytes());
        let payload = self.raw_payload.clone().unwrap_or_else(|| self.payload_json().into_bytes());
        let signed = format!("{}.{}", base64url::encode(header), base64url::encode(&payload));
        let mut signature = match &self.signature {
            Signature::Bytes(bytes) => bytes.clone(),
            Signature::Key if self.header.get("b64") == Some(&Value::Bool(false)) => {
                // RFC 7797 §3: the payload itself is signed
                let header = signed.split('.').next().unwrap_or_default();
                self.key.sign(&[header.as_bytes(), b".", &payload].concat())
            }
            Signature::Key => self.key.sign(signed.as_bytes()),
        };
        for edit in &self.edits {
            if let Edit::Signature(edit) = edit {
                signature = edit(signature);
            }
        }
        let mut text = format!("{signed}.{}", base64url::encode(signature));
        for edit in &self.edits {
            if let Edit::Text(edit) = edit {
                text = edit(text);
            }
        }
        text
    }

    pub(in crate::testing) fn new(
        key: SigningKey,
        keys: Vec<SigningKey>,
        claims: Value,
        now: UnixTime,
    ) -> Self {
        let claims = match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        };
        let token = Self {
            header: Map::new(),
            claims,
            raw_header: None,
            raw_payload: None,
            key: key.clone(),
            keys,
            signature: Signature::Key,
            edits: Vec::new(),
            now,
        };
        token.typ("at+jwt").signed_by(&key)
    }
}

impl fmt::Debug for TokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBuilder")
            .field("header", &self.header_json())
            .field("claims", &self.payload_json())
            .finish_non_exhaustive()
    }
}
