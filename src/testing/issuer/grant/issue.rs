//! Tokens for whatever was granted, written down with their chain.

use bytes::Bytes;
use http::Response;
use serde_json::json;

use super::{
    super::{
        MockIssuer,
        refusal::Refusal,
        store::{TokenEntry, TokenKind, TokenStatus, random_handle},
    },
    RefreshFlaw,
    access_token::AccessToken,
    granted::Granted,
    refresh::{RefreshTokens, USAGE},
};

impl MockIssuer {
    /// An access token, a refresh token where one is due, and the answer that carries them.
    pub(crate) fn issue(&self, mut granted: Granted) -> Result<Response<Bytes>, Refusal> {
        let settings = &self.0.settings.grants;
        if let (None, Some(properties)) = (&granted.parent, &settings.properties) {
            granted.properties = properties(&granted.view());
        }
        let fields = self.response_fields(&granted.view())?;
        let rules = settings.refresh.filter(|rules| rules.are_due(&granted));
        if granted.authorization.is_none() && rules.is_some() {
            granted.authorization = self.authorization_for(&granted);
        }
        let access = self.access_token(&granted)?;
        let refresh = rules.map(|rules| self.refresh_token(rules, &granted, &access));
        let entries =
            [Some(access.entry.clone()), refresh.as_ref().map(|(_, entry)| entry.clone())];
        self.write_down(&granted, entries.into_iter().flatten());
        Ok(self.granted_answer(&granted, &access, refresh.map(|(text, _)| text), fields))
    }

    /// The authorization that ties the tokens of this flow together, where none was given before.
    fn authorization_for(&self, _granted: &Granted) -> Option<String> {
        None
    }

    fn refresh_token(
        &self,
        rules: RefreshTokens,
        granted: &Granted,
        access: &AccessToken,
    ) -> (String, TokenEntry) {
        let flaw = self.0.settings.grants.flaw;
        let expires = match flaw {
            Some(RefreshFlaw::SharedExpiry) => access.issued + access.lifetime,
            _ => access.issued + rules.lifetime,
        };
        // what is narrowed now can be had again later (RFC 6749 §6)
        let exchanged = granted.parent.as_ref().filter(|parent| parent.kind == TokenKind::Refresh);
        let scopes = exchanged.map_or_else(|| granted.scopes.clone(), |old| old.scopes.clone());
        let id = self.state().store.name("token");
        let text = match flaw {
            Some(RefreshFlaw::SelfContained) => self
                .token()
                .typ("rt+jwt")
                .without("aud")
                .subject(granted.subject().unwrap_or_default())
                .client_id(granted.client_id().unwrap_or_default())
                .claim("jti", id.as_str())
                .claim("token_usage", USAGE)
                .scope(&scopes.join(" "))
                .expires_at(expires)
                .build(),
            _ => random_handle(if rules.handles { 16 } else { 32 }),
        };
        let mut entry = TokenEntry::new(id, TokenKind::Refresh, &text, access.issued);
        entry.scopes = scopes;
        entry.expires = Some(expires);
        let claims = json!({
            "token_usage": USAGE,
            "iss": self.url(),
            "sub": granted.subject(),
            "client_id": granted.client_id(),
            "scope": entry.scopes.join(" "),
            "iat": access.issued.as_secs(),
            "exp": expires.as_secs(),
        });
        entry.claims = claims.as_object().cloned().unwrap_or_default();
        entry.claims.retain(|_, value| !value.is_null());
        entry.properties = granted.properties.clone();
        (text, entry)
    }

    fn write_down(&self, granted: &Granted, entries: impl Iterator<Item = TokenEntry>) {
        let tokens = &mut self.state().store.tokens;
        let parent = granted.parent.as_ref();
        // somebody may have presented the parent again in the meantime
        let revoked = parent
            .and_then(|parent| tokens.get(&parent.id))
            .is_some_and(|parent| parent.status == TokenStatus::Revoked);
        let mut chain = parent.map(|parent| parent.chain.clone());
        for mut entry in entries {
            entry.chain = chain.get_or_insert_with(|| entry.id.clone()).clone();
            entry.parent = parent.map(|parent| parent.id.clone());
            entry.authorization = granted.authorization.clone();
            entry.subject = granted.subject().map(str::to_owned);
            entry.client = granted.client_id().map(str::to_owned);
            entry.stamp = granted.user.as_ref().map(|user| user.stamp.clone());
            if revoked {
                entry.status = TokenStatus::Revoked;
            }
            tokens.insert(entry);
        }
    }
}
