//! Access tokens: a JWT, a handle, or a ticket.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    super::{
        MockIssuer,
        refusal::{Refusal, bad},
        store::{TokenEntry, TokenKind, random_handle},
    },
    granted::Granted,
};
use crate::{clock::UnixTime, testing::token::TokenBuilder};

/// A token, and what is written down about it.
pub(super) struct AccessToken {
    pub(super) text: String,
    pub(super) entry: TokenEntry,
    pub(super) issued: UnixTime,
    pub(super) lifetime: Duration,
}

impl MockIssuer {
    pub(super) fn access_token(&self, granted: &Granted) -> Result<AccessToken, Refusal> {
        let settings = &self.0.settings;
        let issued = self.clock().now();
        let client = granted.client.as_ref();
        let lifetime = client.map(|client| client.lifetime).or(settings.grants.lifetime);
        let lifetime = lifetime.unwrap_or(LIFETIME);
        let token = self.described(granted)?.expires_at(issued + lifetime);
        let mut claims: Map<String, Value> =
            serde_json::from_str(&token.payload_json()).expect("claims are JSON");
        let named = claims.get("jti").and_then(Value::as_str).map(str::to_owned);
        let id = named.unwrap_or_else(|| self.state().store.name("token"));
        let token = if settings.grants.entry_claims {
            claims.insert("oi_tkn_id".to_owned(), json!(id));
            let authorization = granted.authorization.as_ref();
            claims.extend(authorization.map(|id| ("oi_au_id".to_owned(), json!(id))));
            claims.iter().fold(token, |token, (name, value)| token.claim(name, value.clone()))
        } else {
            token
        };
        let text = match &settings.katana {
            Some(katana) => {
                let ticket = self.ticket(granted, issued, lifetime);
                katana.protect(&ticket).map_err(|error| {
                    tracing::error!(%error, "the token cannot be written");
                    Refusal {
                        status: StatusCode::INTERNAL_SERVER_ERROR,
                        ..bad("server_error", "the token cannot be written")
                    }
                })?
            }
            None if client.is_some_and(|client| client.opaque_tokens) => random_handle(32),
            None => token.build(),
        };
        let mut entry = TokenEntry::new(id, TokenKind::Access, &text, issued);
        entry.scopes = granted.scopes.clone();
        entry.expires = Some(issued + lifetime);
        entry.claims = claims;
        Ok(AccessToken { text, entry, issued, lifetime })
    }

    /// Everything but how long it lives.
    fn described(&self, granted: &Granted) -> Result<TokenBuilder, Refusal> {
        let settings = &self.0.settings;
        let mut token = self.token().without("scope");
        token = match granted.client_id() {
            Some(client) => token.client_id(client),
            None => token.without("client_id"),
        };
        token = match (&granted.user, granted.client_id()) {
            (Some(user), _) => {
                for (name, value) in &user.claims {
                    token = token.claim(name, value.clone());
                }
                if !user.roles.is_empty() {
                    token = token.claim("roles", user.roles.as_slice());
                }
                if let Some(name) = &settings.grants.stamp_claim {
                    token = token.claim(name, user.stamp.as_str());
                }
                token.subject(&user.name)
            }
            // RFC 9068 §2.2: without a user the subject is the client
            (None, _) if settings.identity_server => {
                token.without("sub").without("auth_time").without("idp").without("amr")
            }
            (None, client) => token.subject(client.unwrap_or_default()),
        };
        for (name, value) in &granted.claims {
            token = token.claim(name, value.clone());
        }
        let scopes = &granted.scopes;
        if !scopes.is_empty() {
            token = if settings.identity_server && !settings.grants.scope_as_text {
                token.claim("scope", scopes.as_slice())
            } else {
                token.scope(&scopes.join(" "))
            };
        }
        self.addressed(token, granted)
    }

    /// To the APIs that own its scopes.
    fn addressed(&self, token: TokenBuilder, granted: &Granted) -> Result<TokenBuilder, Refusal> {
        let settings = &self.0.settings;
        let owns = |scope: &String| granted.scopes.contains(scope);
        let owners = settings.apis.iter().filter(|api| api.scopes.iter().any(owns));
        let audience = granted.client.as_ref().and_then(|client| client.audience.as_deref());
        let everything = format!("{}/resources", self.url());
        let mut audiences: Vec<&str> = match audience {
            Some(audience) => vec![audience],
            None if settings.apis.is_empty() => vec![&settings.audience],
            None => owners.map(|api| api.audience.as_str()).collect(),
        };
        // RFC 9068 §3: each API would honour what was meant for the other
        if audiences.len() > 1 && !settings.identity_server {
            return Err(bad("invalid_scope", "the scopes belong to more than one API"));
        }
        audiences.extend(settings.grants.static_audience.then_some(&*everything));
        Ok(match audiences.as_slice() {
            [] => token.without("aud"),
            [audience] => token.audience(audience),
            several => token.audiences(several),
        })
    }
}

/// Where neither the client nor the builder says otherwise.
const LIFETIME: Duration = Duration::from_secs(3600);
