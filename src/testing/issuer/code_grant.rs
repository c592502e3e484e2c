//! Exchanging an authorization code (RFC 6749 §4.1.3).

use std::time::Duration;

use super::{
    MockIssuer,
    authorize::{CHALLENGE, METHOD, REDIRECT_URI},
    form::Form,
    grant::Granted,
    pkce::CodeChallenge,
    refusal::{Refusal, bad},
    store::{ClientEntry, Redemption, Store, TokenEntry, TokenKind, UserEntry},
};

impl MockIssuer {
    pub(super) fn code_grant(&self, form: &Form, client: ClientEntry) -> Result<Granted, Refusal> {
        let code = match form.required("code") {
            // Katana's handler runs into an ArgumentNullException
            Err(_) if self.0.settings.grants.compat => return Err(Refusal::crash()),
            code => code?,
        };
        let (entry, user) = self.redeem_code(code, form, &client)?;
        let scopes = entry.scopes.clone();
        let granted = Granted::to_user("authorization_code", Some(client), user, scopes);
        Ok(granted.in_exchange_for(entry))
    }

    /// The code that this client presents, redeemed, and its user. A code that was redeemed before is
    /// in two hands: whatever came of it is revoked (§4.1.2). The authorization stays, so that the
    /// honest client can begin again.
    fn redeem_code(
        &self,
        code: &str,
        form: &Form,
        client: &ClientEntry,
    ) -> Result<(TokenEntry, UserEntry), Refusal> {
        let (verifier, redirect_uri) = (form.get("code_verifier"), form.get("redirect_uri"));
        let now = self.clock().now();
        let store = &mut self.state().store;
        let entry = store.tokens.find(code).filter(|entry| {
            entry.kind == TokenKind::Code && entry.client.as_deref() == Some(&client.id)
        });
        let mut entry =
            entry.cloned().ok_or_else(|| bad("invalid_grant", "the code is unknown"))?;
        if entry.redeemed.is_some() {
            return Err(replayed(store, &entry));
        }
        let user = entry.subject.as_deref().and_then(|name| store.user(name)).cloned();
        let user = user.filter(|user| Some(&user.stamp) == entry.stamp.as_ref());
        let user = user.filter(|_| entry.is_valid(now) && store.still_stands(&entry));
        let user = user.ok_or_else(|| bad("invalid_grant", "the code is not valid any more"))?;
        let property = |name: &str| entry.properties.get(name).and_then(|value| value.as_str());
        if property(REDIRECT_URI) != redirect_uri {
            return Err(bad("invalid_grant", "the redirect_uri is not the one of the code"));
        }
        let challenge = CodeChallenge::read(property(CHALLENGE), property(METHOD), false)?;
        CodeChallenge::check(challenge.as_ref(), verifier)?;
        if store.tokens.redeem(&entry.id, now, Duration::ZERO) != Redemption::First {
            return Err(replayed(store, &entry));
        }
        for own in [REDIRECT_URI, CHALLENGE, METHOD] {
            entry.properties.remove(own);
        }
        Ok((entry, user))
    }
}

fn replayed(store: &mut Store, entry: &TokenEntry) -> Refusal {
    let revoked = store.tokens.revoke_family(entry);
    tracing::debug!(code = entry.id, revoked, "a code was presented twice");
    bad("invalid_grant", "the code was used before")
}
