//! Managing personal access tokens: `POST /pats`, `GET /pats`, `DELETE /pats/NAME`.

use bytes::Bytes;
use http::{Method, Response, StatusCode, header, request::Parts};
use serde_json::{Map, Value, json};

use super::{
    settings::PersonalAccessTokens,
    wish::{SEPARATOR, Wish},
};
use crate::{
    clock::UnixTime,
    testing::issuer::{
        MockIssuer,
        page::{json_page, page, with, with_status},
        refusal::{Refusal, bad},
        store::{TokenEntry, TokenKind, TokenStatus, random_handle},
    },
};

impl MockIssuer {
    /// Whether this path, without the issuer's own, is one of theirs.
    pub(in super::super) fn has_pats_at(&self, path: &str) -> bool {
        self.0.settings.pats.as_ref().is_some_and(|rules| rules.rest_of(path).is_some())
    }

    pub(in super::super) fn manage_pats(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        let path = parts.uri.path();
        let own = self.state().origin_and_path().1.len();
        let rules = self.0.settings.pats.as_ref();
        let found = rules.and_then(|rules| Some((rules, rules.rest_of(path.get(own..)?)?)));
        let Some((rules, rest)) = found else { return page(404, "text/plain", "") };
        self.pats_answer(rules, rest, parts, body)
    }

    fn pats_answer(
        &self,
        rules: &PersonalAccessTokens,
        rest: &str,
        parts: &Parts,
        body: &[u8],
    ) -> Response<Bytes> {
        let answer = match self.owner(parts) {
            Err(refused) => *refused,
            Ok(owner) => match (&parts.method, rest.strip_prefix('/')) {
                (&Method::GET, None) => json_page(&self.list(&owner)),
                (&Method::POST, None) => {
                    self.create(rules, &owner, parts, body).unwrap_or_else(Refusal::into_answer)
                }
                (&Method::DELETE, Some(id)) => self.remove(&owner, id),
                (_, None) => with(page(405, "text/plain", ""), header::ALLOW, "GET, POST"),
                (_, Some(_)) => with(page(405, "text/plain", ""), header::ALLOW, "DELETE"),
            },
        };
        with(answer, header::CACHE_CONTROL, "no-store")
    }

    /// The user who asks, by a token that they signed in for: no personal access token makes
    /// another, and no client's own token makes one.
    fn owner(&self, parts: &Parts) -> Result<String, Box<Response<Bytes>>> {
        let refused = |status, challenge| {
            Box::new(with(page(status, "text/plain", ""), header::WWW_AUTHENTICATE, challenge))
        };
        let line = parts.headers.get(header::AUTHORIZATION).and_then(|line| line.to_str().ok());
        let token = line.and_then(|line| line.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| refused(401, "Bearer"))?;
        let invalid = || refused(401, "Bearer error=\"invalid_token\"");
        let claims = self.active_claims(token).ok_or_else(invalid)?;
        let entry = self.entry(token);
        let is_pat = entry.is_some_and(|entry| entry.kind == TokenKind::PersonalAccess)
            || names(&claims["amr"]).any(|method| method == "pat");
        let subject = claims["sub"].as_str().unwrap_or_default();
        let is_user = self.state().store.user(subject).is_some();
        if is_pat || !is_user {
            let text = "somebody must have signed in for this token";
            return Err(Box::new(page(403, "text/plain", text)));
        }
        Ok(subject.to_owned())
    }

    fn create(
        &self,
        rules: &PersonalAccessTokens,
        owner: &str,
        parts: &Parts,
        body: &[u8],
    ) -> Result<Response<Bytes>, Refusal> {
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        if content_type.is_none_or(|kind| !kind.as_bytes().starts_with(b"application/json")) {
            return Err(bad("invalid_request", "the body is no JSON"));
        }
        let now = self.clock().now();
        let wish = Wish::read(body, rules, now)?;
        let handle = random_handle(32);
        let (id, claims) = self.pat_claims(rules, owner, &wish, now)?;
        let mut document = json!({
            "id": id,
            "name": wish.name,
            "token": format!("{}{SEPARATOR}{handle}", wish.label), // and never again
            "scopes": wish.scopes,
            "created": now.to_string(),
            "expires": wish.expires.to_string(),
        });
        if wish.clamped {
            document["clamped"] = true.into();
        }
        let mut entry = TokenEntry::new(id, TokenKind::PersonalAccess, &handle, now);
        entry.subject = Some(owner.to_owned());
        entry.client = Some(rules.client.clone());
        entry.scopes = wish.scopes;
        entry.expires = Some(wish.expires);
        entry.claims = claims;
        entry.properties.insert(NAME.to_owned(), wish.name.into());
        self.state().store.tokens.insert(entry);
        Ok(with_status(json_page(&document), StatusCode::CREATED))
    }

    /// The name of the entry, and what introspection will tell.
    fn pat_claims(
        &self,
        rules: &PersonalAccessTokens,
        owner: &str,
        wish: &Wish,
        now: UnixTime,
    ) -> Result<(String, Map<String, Value>), Refusal> {
        let (url, mut state) = (self.url(), self.state());
        let client = state.store.client(&rules.client).filter(|client| !client.disabled);
        let client = client.ok_or_else(|| bad("unauthorized_client", "there is no such client"))?;
        if !wish.scopes.iter().all(|scope| client.scopes.contains(scope)) {
            return Err(bad("invalid_scope", "a user may not grant this scope"));
        }
        let apis = self.0.settings.apis.iter();
        let owners: Vec<&str> = apis
            .filter(|api| api.scopes.iter().any(|scope| wish.scopes.contains(scope)))
            .map(|api| &*api.audience)
            .collect();
        let audience = match (&client.audience, owners.as_slice()) {
            (Some(audience), _) => audience.as_str().into(),
            (None, []) => self.audience().into(),
            (None, [audience]) => (*audience).into(),
            (None, several) => json!(several),
        };
        let id = state.store.name("token");
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", url.into()),
            ("sub", owner.into()),
            ("aud", audience),
            ("client_id", rules.client.as_str().into()),
            ("scope", wish.scopes.join(" ").into()),
            ("amr", json!(["pat"])),
            ("token_meta", wish.label.as_str().into()),
            ("jti", id.as_str().into()),
            ("iat", now.as_secs().into()),
            ("exp", wish.expires.as_secs().into()),
        ] {
            claims.insert(name.to_owned(), value);
        }
        Ok((id, claims))
    }

    /// Personal access tokens alone: no refresh tokens, no consents, and no handle.
    fn list(&self, owner: &str) -> Value {
        let state = self.state();
        let tokens = state.store.tokens.iter().filter(|entry| is_pat_of(entry, owner));
        tokens
            .map(|entry| {
                json!({
                    "id": entry.id,
                    "name": entry.properties.get(NAME),
                    "scopes": entry.scopes,
                    "created": entry.created.to_string(),
                    "expires": entry.expires.map(|end| end.to_string()),
                    "last_used": entry.last_used.map(|at| at.to_string()),
                    "revoked": entry.status == TokenStatus::Revoked,
                })
            })
            .collect()
    }

    fn remove(&self, owner: &str, id: &str) -> Response<Bytes> {
        let tokens = &mut self.state().store.tokens;
        match tokens.get_mut(id).filter(|entry| is_pat_of(entry, owner)) {
            Some(entry) => {
                entry.status = TokenStatus::Revoked;
                page(204, "text/plain", "")
            }
            // another user's is not there either
            None => page(404, "text/plain", ""),
        }
    }
}

fn is_pat_of(entry: &TokenEntry, owner: &str) -> bool {
    entry.kind == TokenKind::PersonalAccess && entry.subject.as_deref() == Some(owner)
}

/// A claim that is one text or several.
fn names(claim: &Value) -> impl Iterator<Item = &str> {
    let several = claim.as_array().into_iter().flatten().filter_map(Value::as_str);
    claim.as_str().into_iter().chain(several)
}

/// A property of the entry.
const NAME: &str = "name";
