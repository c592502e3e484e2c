//! Exchanging an authorization code (RFC 6749 §4.1.3).

use std::time::Duration;

use super::{
    MockIssuer,
    authorize::{CHALLENGE, METHOD, REDIRECT_URI},
    form::Form,
    pkce::CodeChallenge,
    refusal::{Refusal, bad},
    store::{ClientEntry, Redemption, Store, TokenEntry, TokenKind, UserEntry},
};
use crate::clock::UnixTime;

impl MockIssuer {
    /// The code that this client presents, redeemed, and its user. A code that was redeemed before is
    /// in two hands: whatever came of it is revoked (§4.1.2). The authorization stays, so that the
    /// honest client can begin again.
    pub(super) fn redeem_code(
        &self,
        form: &Form,
        client: &ClientEntry,
    ) -> Result<(TokenEntry, UserEntry), Refusal> {
        let code = form.required("code")?;
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
        redeem(store, &entry, now)?;
        for own in [REDIRECT_URI, CHALLENGE, METHOD] {
            entry.properties.remove(own);
        }
        Ok((entry, user))
    }
}

fn redeem(store: &mut Store, entry: &TokenEntry, now: UnixTime) -> Result<(), Refusal> {
    match store.tokens.redeem(&entry.id, now, Duration::ZERO) {
        Redemption::First => Ok(()),
        Redemption::Replay | Redemption::Retry => Err(replayed(store, entry)),
    }
}

fn replayed(store: &mut Store, entry: &TokenEntry) -> Refusal {
    let revoked = store.tokens.revoke_family(entry);
    tracing::debug!(code = entry.id, revoked, "a code was presented twice");
    bad("invalid_grant", "the code was used before")
}
