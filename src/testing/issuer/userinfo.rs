//! The userinfo endpoint (OpenID Connect Core §5.3).

use bytes::Bytes;
use http::{Method, Response, header, request::Parts};
use serde_json::{Value, json};

use super::{
    MockIssuer,
    page::{json_page, page, with},
};
use crate::{
    clock::UnixTime,
    jwt::{Algorithm, jws},
};

impl MockIssuer {
    pub(super) fn userinfo(&self, parts: &Parts) -> Response<Bytes> {
        let answer = if [Method::GET, Method::POST].contains(&parts.method) {
            self.user_of(parts).unwrap_or_else(|(status, challenge)| {
                with(page(status, "text/plain", ""), header::WWW_AUTHENTICATE, challenge)
            })
        } else {
            with(page(405, "text/plain", ""), header::ALLOW, "GET, POST")
        };
        with(with(answer, header::CACHE_CONTROL, "no-store"), header::PRAGMA, "no-cache")
    }

    fn user_of(&self, parts: &Parts) -> Result<Response<Bytes>, (u16, &'static str)> {
        let refused = (401, "Bearer error=\"invalid_token\"");
        let presented = parts.headers.get(header::AUTHORIZATION).ok_or((401, "Bearer"))?;
        let presented = presented.to_str().map_err(|_| refused)?;
        let token = presented.strip_prefix("Bearer ").ok_or((401, "Bearer"))?;
        let claims = self.claims_of(token).ok_or(refused)?;
        if !has_openid(&claims["scope"]) {
            return Err((403, "Bearer error=\"insufficient_scope\", scope=\"openid\""));
        }
        let subject = claims["sub"].as_str().ok_or(refused)?;
        let store = &self.state().store;
        let client = claims["client_id"].as_str().and_then(|id| store.client(id));
        let user = store.user(subject);
        if client.is_some_and(|client| client.disabled)
            || user.is_some_and(|user| !user.is_active())
        {
            return Err(refused);
        }
        let mut document = json!({ "sub": subject });
        for (name, value) in user.iter().flat_map(|user| &user.claims) {
            document[name] = value.clone();
        }
        Ok(json_page(&document))
    }

    /// The claims of a token that this issuer signed with a published key and that has not expired.
    pub(super) fn claims_of(&self, token: &str) -> Option<Value> {
        let keys = self.state().ring.published();
        let payload =
            keys.iter().find_map(|key| jws::verify(token, &key.jwk(), Algorithm::ALL).ok())?;
        let claims: Value = serde_json::from_slice(&payload).ok()?;
        let expiry = claims["exp"].as_u64().map(UnixTime::from_secs)?;
        (self.clock().now() < expiry && claims["iss"] == json!(self.url())).then_some(claims)
    }
}

fn has_openid(scope: &Value) -> bool {
    match scope {
        Value::String(scope) => scope.split(' ').any(|name| name == "openid"),
        Value::Array(scopes) => scopes.iter().any(|name| name == "openid"),
        _ => false,
    }
}
