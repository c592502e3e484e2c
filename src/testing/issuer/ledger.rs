//! Tokens in a test's hand: making opaque ones, revoking, looking them up, saving everything.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    MockIssuer,
    grant::RefreshFlaw,
    key_ring::SavedRing,
    store::{AuthorizationEntry, Store, TokenEntry, TokenKind, TokenStatus, random_handle},
};
use crate::{clock::UnixTime, testing::token::TokenBuilder};

/// A token of this issuer: what it says, and its entry if it has one.
pub(super) struct Known {
    pub(super) claims: Value,
    pub(super) entry: Option<TokenEntry>,
}

impl Known {
    /// It was issued to this client.
    pub(super) fn is_of(&self, client: &str) -> bool {
        match &self.entry {
            Some(entry) => entry.client.as_deref() == Some(client),
            None => self.claims["client_id"] == client,
        }
    }
}

/// What outlives a restart.
#[derive(Deserialize, Serialize)]
pub(super) struct Saved {
    pub(super) ring: SavedRing,
    pub(super) store: Store,
}

/// Tokens and authorizations.
impl MockIssuer {
    /// An opaque token with the claims of this one: a handle of 64 hexadecimal digits. It is also
    /// known by `label--handle`, whatever the label.
    ///
    /// ```
    /// use portcullis::testing::MockIssuer;
    ///
    /// let issuer = MockIssuer::new();
    /// let token = issuer.opaque_token(&issuer.token().subject("bob"));
    /// assert_eq!(token.len(), 64);
    /// issuer.revoke(&token);
    /// ```
    #[must_use]
    pub fn opaque_token(&self, token: &TokenBuilder) -> String {
        let handle = random_handle(32);
        self.opaque_token_spelled(&handle, token);
        handle
    }

    /// An opaque token with the claims of this one and this spelling: a long one, or one of every
    /// character that a token may have.
    pub fn opaque_token_spelled(&self, spelling: &str, token: &TokenBuilder) {
        let claims: Value = serde_json::from_str(&token.payload_json()).expect("claims are JSON");
        self.enter(spelling, claims, TokenStatus::Valid);
    }

    /// Revokes a token of this issuer, opaque or a JWT; with a refresh token whatever came from the
    /// same grant (RFC 7009 §2.1). Who checks a JWT by its signature alone does not learn of it.
    pub fn revoke(&self, token: &str) {
        match self.known(token) {
            Some(Known { entry: Some(entry), .. }) => self.revoke_entry(&entry),
            Some(Known { claims, entry: None }) => self.enter(token, claims, TokenStatus::Revoked),
            None => {}
        }
    }

    /// Revokes every token and authorization of this client. Returns how many.
    pub fn revoke_client(&self, id: &str) -> usize {
        self.state().store.revoke_client(id)
    }

    /// Revokes every token and authorization of this user. Returns how many.
    pub fn revoke_user(&self, name: &str) -> usize {
        self.state().store.revoke_subject(name)
    }

    /// The entry of a token that was issued, by the token itself.
    #[must_use]
    pub fn entry(&self, token: &str) -> Option<TokenEntry> {
        self.known(token)?.entry
    }

    /// Every token that was issued, in order, with its chain. The JWTs that a test
    /// [makes itself](Self::token) are not among them.
    #[must_use]
    pub fn issued(&self) -> Vec<TokenEntry> {
        self.state().store.tokens.iter().cloned().collect()
    }

    /// The status of a token, by its name in the store (the `jti` of a JWT).
    #[must_use]
    pub fn token_status(&self, id: &str) -> Option<TokenStatus> {
        self.state().store.tokens.get(id).map(|entry| entry.status)
    }

    /// Every authorization, in order.
    #[must_use]
    pub fn authorizations(&self) -> Vec<AuthorizationEntry> {
        self.state().store.authorizations.clone()
    }

    /// Users, clients, tokens, authorizations and keys, to start another issuer from:
    /// [`MockIssuerBuilder::restore`](super::MockIssuerBuilder::restore).
    ///
    /// ```
    /// use portcullis::testing::MockIssuer;
    ///
    /// let issuer = MockIssuer::new();
    /// let token = issuer.opaque_token(&issuer.token());
    /// let again = MockIssuer::builder().restore(&issuer.save()).build();
    /// assert!(again.entry(&token).is_some());
    /// assert_eq!(again.jwks_json(), issuer.jwks_json());
    /// ```
    #[must_use]
    pub fn save(&self) -> Value {
        let state = self.state();
        let mut store = state.store.clone();
        if self.0.settings.grants.flaw == Some(RefreshFlaw::Dictionary) {
            store.tokens = store.tokens.without(TokenKind::Refresh);
        }
        let saved = Saved { ring: state.ring.save(), store };
        serde_json::to_value(saved).expect("plain data is JSON")
    }

    pub(super) fn revoke_entry(&self, entry: &TokenEntry) {
        let tokens = &mut self.state().store.tokens;
        if entry.kind == TokenKind::Refresh {
            tokens.revoke_family(entry);
        } else {
            tokens.revoke(|other| other.id == entry.id);
        }
    }

    /// A token of this issuer, whether or not it still counts.
    pub(super) fn known(&self, token: &str) -> Option<Known> {
        let handle = token.rsplit_once("--").map_or(token, |(_, handle)| handle);
        {
            let tokens = &self.state().store.tokens;
            if let Some(entry) = tokens.find(token).or_else(|| tokens.find(handle)) {
                let claims = Value::Object(entry.claims.clone());
                return Some(Known { claims, entry: Some(entry.clone()) });
            }
        }
        let claims = self.claims_of(token)?;
        let entry =
            claims["jti"].as_str().and_then(|id| self.state().store.tokens.get(id).cloned());
        Some(Known { claims, entry })
    }

    /// Writes down an access token that no grant made.
    fn enter(&self, token: &str, claims: Value, status: TokenStatus) {
        let now = self.clock().now();
        let store = &mut self.state().store;
        let named = claims["jti"].as_str().filter(|id| store.tokens.get(id).is_none());
        let id = named.map_or_else(|| store.name("token"), str::to_owned);
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        let mut entry = TokenEntry::new(id, TokenKind::Access, token, now);
        entry.status = status;
        entry.subject = text("sub");
        entry.client = text("client_id");
        entry.scopes =
            super::introspection::scopes(&claims["scope"]).into_iter().map(str::to_owned).collect();
        entry.expires = claims["exp"].as_u64().map(UnixTime::from_secs);
        if let Value::Object(claims) = claims {
            entry.claims = claims;
        }
        store.tokens.insert(entry);
    }
}
