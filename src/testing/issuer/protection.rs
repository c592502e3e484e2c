//! How OpenIddict protects its tokens: encrypted, and told in full only to those they are for.

use serde_json::{Map, Value, json};

use super::{MockIssuer, builder::MockIssuerBuilder};
use crate::testing::{encryption_key::EncryptionKey, token::TokenBuilder};

#[derive(Clone, Debug, Default)]
pub(super) struct Protection {
    encryption: Option<EncryptionKey>,
    /// Introspection tells scopes to audiences alone.
    pub(super) scopes_for_audiences: bool,
}

/// Words about how tokens are protected.
impl MockIssuerBuilder {
    /// The access tokens of `/token` are encrypted to this key, as OpenIddict's are by default: by
    /// RSA-OAEP, or A256KW where the key is a secret, and A256CBC-HS512, with a signed JWT inside.
    /// Default: they are signed alone.
    pub fn encrypt_access_tokens(mut self, key: EncryptionKey) -> Self {
        self.protection.encryption = Some(key);
        self
    }

    /// Introspection tells an API as OpenIddict does:
    ///
    /// 1. nothing (`active: false`), if the token names audiences and presenters (`oi_prst`,
    ///    otherwise `client_id`) and the API is neither;
    /// 2. neither scopes nor claims of the application, if the API is no audience;
    /// 3. otherwise everything.
    ///
    /// Default: nothing about a token that is not for the API.
    pub const fn scopes_for_audiences(mut self) -> Self {
        self.protection.scopes_for_audiences = true;
        self
    }
}

impl MockIssuer {
    /// The token as it is handed out.
    pub(super) fn protected(&self, token: &TokenBuilder) -> String {
        match &self.0.settings.protection.encryption {
            Some(key) => token.encrypted(key).build(),
            None => token.build(),
        }
    }
}

/// What OpenIddict tells this API about a token with these claims; `None`: that it is not active.
pub(super) fn visible_to(api: &str, claims: &Map<String, Value>) -> Option<Map<String, Value>> {
    let audiences = names(claims.get("aud"));
    let presenters = names(claims.get("oi_prst").or(claims.get("client_id")));
    let is_audience = audiences.contains(&api);
    let is_stranger = !is_audience && !presenters.contains(&api);
    if is_stranger && !audiences.is_empty() && !presenters.is_empty() {
        return None;
    }
    let mut told = claims.clone();
    if !is_audience {
        told.retain(|name, _| PROTOCOL.contains(&&**name));
    }
    told.insert("token_usage".to_owned(), json!("access_token"));
    Some(told)
}

fn names(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(name)) => vec![name],
        _ => Vec::new(),
    }
}

/// RFC 7662 §2.2, without what says who may do what.
const PROTOCOL: [&str; 8] = ["iss", "sub", "aud", "client_id", "exp", "iat", "nbf", "jti"];
