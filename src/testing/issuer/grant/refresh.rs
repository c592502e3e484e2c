//! Refresh tokens (RFC 6749 §6, RFC 9700 §4.14.2).

use std::time::Duration;

use super::{
    super::{
        MockIssuer,
        form::Form,
        refusal::{Refusal, bad},
        store::{ClientEntry, Redemption, TokenEntry, TokenKind, UserEntry},
    },
    RefreshFlaw,
    client::scopes_within,
    granted::Granted,
};

/// How refresh tokens live; see
/// [`MockIssuerBuilder::refresh_tokens`](crate::testing::MockIssuerBuilder::refresh_tokens).
///
/// 1. Each is good once and exchanged for another one. Presented again, later than the leeway, it
///    revokes everything that came from the same grant: two hold it (RFC 9700 §4.14.2).
/// 2. Each belongs to its client and is kept as a hash.
/// 3. Each time the user is looked at: there, active, and with the
///    [stamp](crate::testing::MockIssuer::stamp) of the first grant.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RefreshTokens {
    pub(super) lifetime: Duration,
    pub(super) leeway: Duration,
    pub(super) always: bool,
    /// As an estate's wiki has them: 16 bytes, and the claim `test` on whatever they buy. Presented
    /// again they are refused, and nothing else happens.
    pub(super) handles: bool,
}

impl RefreshTokens {
    /// Refresh tokens that live so long, each from its own issue. There is no default: whoever
    /// forgets gives them the lifetime of the access token.
    pub const fn new(lifetime: Duration) -> Self {
        Self { lifetime, leeway: LEEWAY, always: false, handles: false }
    }

    /// Whoever may use the grant `refresh_token` gets one, whatever was asked for. Default: only with
    /// the scope `offline_access` (OpenID Connect Core §11).
    pub const fn always(mut self) -> Self {
        self.always = true;
        self
    }

    /// How long after its first use a token is taken once more, because the answer may have been
    /// lost. Default: 30 s, as OpenIddict has it.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// In the form of the wiki.
    pub(crate) const fn as_handles(mut self) -> Self {
        self.handles = true;
        self
    }

    /// Whether this grant comes with one.
    pub(super) fn are_due(&self, granted: &Granted) -> bool {
        let may = granted.client.as_ref().is_none_or(|client| client.may_use("refresh_token"));
        let asked = self.always || granted.scopes.iter().any(|scope| scope == "offline_access");
        // what a client gets for itself it can get again at any time (RFC 6749 §4.4.3)
        may && granted.user.is_some() && (asked || granted.parent.as_ref().is_some_and(is_refresh))
    }
}

impl MockIssuer {
    pub(super) fn refresh_grant(
        &self,
        form: &Form,
        client: Option<ClientEntry>,
    ) -> Result<Granted, Refusal> {
        let settings = &self.0.settings.grants;
        let rules = settings.refresh.ok_or_else(unsupported)?;
        let token = match form.required("refresh_token") {
            // Katana's handler runs into an ArgumentNullException
            Err(_) if settings.compat => return Err(Refusal::crash()),
            token => token?,
        };
        let (entry, user) = match settings.flaw {
            Some(RefreshFlaw::Dictionary) => {
                let entry = self.refresh_entry(token).ok_or_else(Refusal::crash)?;
                let user = self.user_at_issue(&entry);
                (entry, user)
            }
            Some(RefreshFlaw::SelfContained) => {
                let entry = self.opened_refresh_token(token)?;
                let user = self.user_at_issue(&entry);
                (entry, user)
            }
            _ => self.live_refresh_token(token, client.as_ref())?,
        };
        let scopes = match form.get("scope") {
            None => entry.scopes.clone(),
            Some(asked) => scopes_within(&entry.scopes, asked)?,
        };
        if !settings.flaw.is_some_and(RefreshFlaw::is_reusable) {
            self.redeem(&entry, rules)?;
        }
        let mut granted = Granted::to_user("refresh_token", client, user, scopes);
        if rules.handles {
            granted.claims.insert("test".to_owned(), "1".into());
        }
        Ok(granted.in_exchange_for(entry))
    }

    /// Everything but whether it was used before.
    fn live_refresh_token(
        &self,
        token: &str,
        client: Option<&ClientEntry>,
    ) -> Result<(TokenEntry, UserEntry), Refusal> {
        let entry = self.refresh_entry(token).ok_or_else(unknown)?;
        if entry.client.as_deref() != client.map(|client| &*client.id) {
            return Err(bad("invalid_grant", "the refresh token is another client's"));
        }
        let now = self.clock().now();
        if entry.expires.is_some_and(|end| end <= now) {
            return Err(bad("invalid_grant", "the refresh token expired: sign in again"));
        }
        let user = {
            let store = &self.state().store;
            let user = entry.subject.as_deref().and_then(|name| store.user(name)).cloned();
            user.filter(|user| {
                store.still_stands(&entry) && Some(&user.stamp) == entry.stamp.as_ref()
            })
        };
        // the hook may ask the issuer: nothing is locked
        let check = self.0.settings.grants.user_check.as_ref();
        let user = user.filter(|user| check.is_none_or(|check| check(&user.name, &user.stamp)));
        let user = user.ok_or_else(|| {
            bad("invalid_grant", "the user cannot be granted this any more: sign in again")
        })?;
        Ok((entry, user))
    }

    fn redeem(&self, entry: &TokenEntry, rules: RefreshTokens) -> Result<(), Refusal> {
        let now = self.clock().now();
        let tokens = &mut self.state().store.tokens;
        if tokens.redeem(&entry.id, now, rules.leeway) != Redemption::Replay {
            return Ok(());
        }
        if !rules.handles {
            tokens.revoke_family(entry);
        }
        Err(bad("invalid_grant", "the refresh token was used before: sign in again"))
    }

    fn refresh_entry(&self, token: &str) -> Option<TokenEntry> {
        self.state().store.tokens.find(token).filter(|entry| is_refresh(entry)).cloned()
    }

    /// A token that says everything itself, if it is this issuer's and has not expired.
    fn opened_refresh_token(&self, token: &str) -> Result<TokenEntry, Refusal> {
        let claims = self.claims_of(token).filter(|claims| claims["token_usage"] == USAGE);
        let claims = claims.ok_or_else(unknown)?;
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        let id = text("jti").unwrap_or_default();
        let mut entry = TokenEntry::new(id, TokenKind::Refresh, token, self.clock().now());
        entry.subject = text("sub");
        entry.client = text("client_id");
        let scopes = claims["scope"].as_str().unwrap_or_default();
        entry.scopes = scopes.split_ascii_whitespace().map(str::to_owned).collect();
        Ok(entry)
    }

    /// Whom a flawed provider has before it: it never looks whether they are still there.
    fn user_at_issue(&self, entry: &TokenEntry) -> UserEntry {
        let name = entry.subject.as_deref().unwrap_or_default();
        self.state().store.user(name).cloned().unwrap_or_else(|| UserEntry::new(name, ""))
    }
}

fn is_refresh(entry: &TokenEntry) -> bool {
    entry.kind == TokenKind::Refresh
}

fn unknown() -> Refusal {
    bad("invalid_grant", "the refresh token is not known")
}

pub(super) fn unsupported() -> Refusal {
    bad("unsupported_grant_type", "this grant is not known here")
}

/// What a token says of itself that is not for an API (OpenIddict's word).
pub(super) const USAGE: &str = "refresh_token";
const LEEWAY: Duration = Duration::from_secs(30);
