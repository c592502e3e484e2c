//! What the issuer says to a request.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header, request::Parts};
use serde_json::{Value, json};

use super::{
    MockIssuer,
    fault::{Endpoint, Fault},
    mock_issuer::State,
    page::{JSON, json_page, page, with},
    pkce::CodeChallenge,
    record::Received,
};

/// An answer, or what comes in its place.
#[derive(Debug)]
pub(super) enum Reply {
    /// The body byte by byte.
    Drip(Response<Bytes>, Duration),
    Dropped,
    /// So many bytes.
    Oversize(u64),
    Whole(Response<Bytes>),
}

impl MockIssuer {
    pub(super) async fn reply(&self, request: Request<Bytes>) -> Reply {
        let (mut parts, body) = request.into_parts();
        let (endpoint, delay, fault) = {
            let mut state = self.state();
            let endpoint =
                state.is_at_home(&parts).then(|| self.endpoint(&state, &parts)).flatten();
            state.received.push(Received::new(endpoint, &parts));
            let Some(endpoint) = endpoint else {
                let at_home = state.is_at_home(&parts);
                drop(state);
                return if at_home {
                    Reply::Whole(self.page(&parts, &body))
                } else {
                    Reply::Dropped
                };
            };
            if state.down {
                return Reply::Dropped;
            }
            let (delay, fault) = state.plans.entry(endpoint).or_default().take();
            (endpoint, delay, fault)
        };
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        if matches!(fault, Some(Fault::Truncated)) {
            parts.headers.remove(header::IF_NONE_MATCH); // there must be a document to cut
        }
        let right = || self.right_answer(endpoint, &parts, &body);
        let whole = match fault {
            None => right(),
            Some(Fault::Answer(answer)) => answer,
            Some(Fault::Delay(pause) | Fault::Drip(pause)) => return Reply::Drip(right(), pause),
            Some(Fault::DropConnection) => return Reply::Dropped,
            Some(Fault::EmptyKeySet) => json_page(&json!({ "keys": [] })),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Html) => {
                page(200, "text/html; charset=utf-8", "<!doctype html><title>Maintenance</title>")
            }
            Some(Fault::MalformedJson) => page(200, JSON, "{\"keys\": [}"),
            Some(Fault::Oversize(bytes)) => return Reply::Oversize(bytes),
            Some(Fault::Redirect(status, location)) => {
                with(page(status, "text/plain", ""), header::LOCATION, &location)
            }
            Some(Fault::Status(status, retry_after)) => {
                let answer = page(status, "text/plain", "");
                match retry_after {
                    Some(after) => with(answer, header::RETRY_AFTER, &after),
                    None => answer,
                }
            }
            Some(Fault::Truncated) => right().map(|body| body.slice(..body.len() / 2)),
        };
        Reply::Whole(whole)
    }

    fn right_answer(&self, endpoint: Endpoint, parts: &Parts, body: &Bytes) -> Response<Bytes> {
        match endpoint {
            Endpoint::Authorization => self.authorization_endpoint(parts, body),
            Endpoint::Discovery | Endpoint::OAuthMetadata => json_page(&self.metadata()),
            Endpoint::Introspection => self.introspection(parts, body),
            Endpoint::Jwks => self.jwks(&parts.headers),
            Endpoint::PersonalAccessTokens => self.manage_pats(parts, body),
            Endpoint::Revocation => self.revocation(parts, body),
            Endpoint::Token => self.token_endpoint(parts, body),
            Endpoint::Userinfo => self.userinfo(parts),
        }
    }

    fn endpoint(&self, state: &State, parts: &Parts) -> Option<Endpoint> {
        let path = parts.uri.path();
        let (_, prefix) = state.origin_and_path();
        if path.strip_prefix(OAUTH_METADATA) == Some(prefix) {
            return Some(Endpoint::OAuthMetadata);
        }
        match path.strip_prefix(prefix)? {
            "/.well-known/openid-configuration" => Some(Endpoint::Discovery),
            path if path == state.jwks_path => Some(Endpoint::Jwks),
            path if path == self.0.settings.introspection_path => Some(Endpoint::Introspection),
            path if self.has_pats_at(path) => Some(Endpoint::PersonalAccessTokens),
            path if path == self.0.settings.authorization_path => Some(Endpoint::Authorization),
            path if path == self.0.settings.revocation_path => Some(Endpoint::Revocation),
            path if self.is_token_path(path) => Some(Endpoint::Token),
            path if path == self.0.settings.userinfo_path => Some(Endpoint::Userinfo),
            _ => None,
        }
    }

    fn is_token_path(&self, path: &str) -> bool {
        let settings = &self.0.settings;
        path == settings.token_path
            || settings.grants.compat && path.eq_ignore_ascii_case(&settings.token_path)
    }

    fn page(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        let portal = self.0.settings.portal.as_ref();
        let portal = portal.and_then(|portal| portal.page(self, parts, body));
        if let Some(page) = portal.or_else(|| self.external_page(parts)) {
            return page;
        }
        match self.0.settings.pages.iter().find(|page| page.path == parts.uri.path()) {
            Some(found) => page(200, "text/plain; charset=utf-8", (found.text)(self)),
            None => page(404, "text/plain", ""),
        }
    }

    /// RFC 8414 §2, OpenID Connect Discovery §3.
    fn metadata(&self) -> Value {
        let state = self.state();
        let settings = &self.0.settings;
        let base = state.url.trim_end_matches('/');
        let at = |path: &str| format!("{base}{path}");
        let mut algorithms: Vec<&str> =
            state.ring.published().iter().map(|key| key.algorithm().name()).collect();
        algorithms.push("RS256");
        algorithms.sort_unstable();
        algorithms.dedup();
        let mut scopes: Vec<&str> = state
            .store
            .clients
            .iter()
            .flat_map(|client| &client.scopes)
            .map(String::as_str)
            .collect();
        scopes.sort_unstable();
        scopes.dedup();
        let mut document = json!({
            "issuer": state.url,
            "authorization_endpoint": at(&settings.authorization_path),
            "token_endpoint": at(&settings.token_path),
            "userinfo_endpoint": at(&settings.userinfo_path),
            "jwks_uri": at(&state.jwks_path),
            "introspection_endpoint": at(&settings.introspection_path),
            "revocation_endpoint": at(&settings.revocation_path),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
            "grant_types_supported": settings.grants.names(),
            "code_challenge_methods_supported": CodeChallenge::METHODS,
            "authorization_response_iss_parameter_supported": true,
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        });
        if !scopes.is_empty() {
            document["scopes_supported"] = json!(scopes);
        }
        if let Some(members) = document.as_object_mut() {
            for (name, value) in &state.metadata {
                if value.is_null() {
                    members.remove(name);
                } else {
                    members.insert(name.clone(), value.clone());
                }
            }
        }
        document
    }

    fn jwks(&self, headers: &HeaderMap) -> Response<Bytes> {
        let state = self.state();
        let document = state.ring.document();
        let mut hasher = DefaultHasher::new();
        document.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == *etag);
        let mut answer = if known { page(304, JWKS, "") } else { page(200, JWKS, document) };
        if let Some(max_age) = &state.jwks_max_age {
            answer = with(answer, header::CACHE_CONTROL, &format!("max-age={max_age}"));
        }
        with(answer, header::ETAG, &etag)
    }
}

impl State {
    /// In the process a request has a host; on the socket it has none, and is always for this one.
    pub(super) fn is_at_home(&self, parts: &Parts) -> bool {
        let Some(authority) = parts.uri.authority() else { return true };
        let origin = format!("{}://{authority}", parts.uri.scheme_str().unwrap_or_default());
        self.origin_and_path().0 == origin
    }

    /// The path without a slash at its end.
    pub(super) fn origin_and_path(&self) -> (&str, &str) {
        let url = self.url.trim_end_matches('/');
        let authority = url.find("://").map_or(0, |colon| colon + 3);
        let slash = url.get(authority..).and_then(|rest| rest.find('/'));
        url.split_at(slash.map_or(url.len(), |slash| authority + slash))
    }
}

const JWKS: &str = "application/jwk-set+json";
const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
