//! What one scheme proved.

use std::{
    any::Any,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use serde::de::DeserializeOwned;

use super::{Lease, Origin, Scope, lease::nanos, memo::Memo, origin::NamesPat, span::Span};
use crate::{
    base64url,
    clock::{Clock, UnixTime},
    secret::Secret,
};

/// A verified identity: what the credential says, and how long that may be believed.
///
/// Cloning is a reference count. Two identities are equal if issuer and subject are (OpenID Connect
/// Core §5.7: `sub` is unique only within its issuer).
///
/// There is no way from an error to an identity, and none from unverified claims: one is made only
/// by a validator, with [`Identity::builder`].
#[derive(Clone)]
pub struct Identity(pub(super) Arc<Facts>);

/// Small, because a cache holds many.
#[derive(Clone, Default)]
pub(super) struct Facts {
    /// A part of the text that all the others are parts of: the claims, and behind them what does
    /// not stand in them.
    pub(super) scope: Scope,
    pub(super) claims: Claims,
    pub(super) issuer: Span,
    pub(super) subject: Span,
    pub(super) client_id: Span,
    pub(super) token_id: Span,
    pub(super) key_id: Span,
    /// The first, or only one.
    pub(super) audience: Span,
    pub(super) issued_at: UnixTime,
    pub(super) expires_at: UnixTime,
    pub(super) verified_at: UnixTime,
    /// Which of those three are known: a moment by itself is smaller than an `Option` of one.
    pub(super) known: Known,
    pub(super) not_before: UnixTime,
    /// [`UnixTime::MAX`]: no limit.
    pub(super) not_after: UnixTime,
    /// Nanoseconds of the monotonic clock; the largest number is no limit.
    pub(super) fresh_until: u64,
    pub(super) lease: Option<Lease>,
    pub(super) rare: Option<Box<Rare>>,
    /// `Caller<T>`'s types, each deserialized once.
    pub(super) memo: Memo,
    pub(super) origin: Origin,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) issued_at: bool,
    pub(super) expires_at: bool,
    pub(super) verified_at: bool,
}

/// Where the claims are.
#[derive(Clone)]
pub(super) enum Claims {
    Here(Span),
    /// In the payload of this signed token: decoded when somebody asks.
    InToken(Secret),
}

/// What many identities do not have.
#[derive(Clone)]
pub(super) struct Rare {
    pub(super) session_id: Span,
    pub(super) authorization_id: Span,
    pub(super) token_entry_id: Span,
    pub(super) more_audience: Box<[Span]>,
    /// What the credential was, whole, as a type of its format.
    pub(super) credential: Option<Arc<dyn Any + Send + Sync>>,
    /// The bytes of it.
    pub(super) credential_weight: usize,
}

impl Default for Rare {
    fn default() -> Self {
        Self {
            session_id: Span::NONE,
            authorization_id: Span::NONE,
            token_entry_id: Span::NONE,
            more_audience: Box::default(),
            credential: None,
            credential_weight: 0,
        }
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self::Here(Span::NONE)
    }
}

impl Identity {
    fn text(&self, span: Span) -> Option<&str> {
        span.of(self.0.scope.around())
    }

    /// Who vouches for it (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.text(self.0.issuer).unwrap_or_default()
    }

    /// Who it is (`sub`), unique within the issuer. `None` for a client that acts for itself at an
    /// issuer that leaves `sub` out.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text(self.0.subject)
    }

    /// The client that the token was issued to (`client_id`).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.text(self.0.client_id)
    }

    /// A user, or a client that acts for itself (RFC 9068 §5): a client named `admin` is no user.
    #[must_use]
    pub fn kind(&self) -> SubjectKind {
        match (self.subject(), self.client_id()) {
            (None, Some(_)) => SubjectKind::Client,
            (Some(subject), Some(client)) if subject == client => SubjectKind::Client,
            (Some(_), Some(_)) => SubjectKind::User,
            _ => SubjectKind::Unknown,
        }
    }

    /// How it was verified, and whether by a personal access token. The first use reads the claims.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self.is_pat() {
            Some(true) => Origin::PersonalAccessToken,
            _ => self.0.origin,
        }
    }

    /// Whether it is a personal access token. `None`: it cannot be told.
    pub(crate) fn is_pat(&self) -> Option<bool> {
        match self.0.origin {
            Origin::PersonalAccessToken => Some(true),
            // that nothing says so proves nothing
            Origin::Unknown => self.claims_as::<NamesPat>().ok()?.0.filter(|named| *named),
            _ => self.claims_as::<NamesPat>().ok()?.0,
        }
    }

    /// Whether the issuer itself was asked about it.
    pub(crate) fn is_introspected(&self) -> bool {
        self.0.origin == Origin::Introspection
    }

    /// Whether nobody was asked: the signature speaks for it alone.
    pub(crate) fn is_local_jwt(&self) -> bool {
        matches!(self.0.origin, Origin::EncryptedJwt | Origin::Jwt)
    }

    /// For whom it is meant (`aud`).
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        let more = self.0.rare.as_deref().map_or(&[][..], |rare| &rare.more_audience);
        [self.0.audience].into_iter().chain(more.iter().copied()).filter_map(|it| self.text(it))
    }

    /// What it may do (`scope`).
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// The token's own identifier (`jti`).
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.text(self.0.token_id)
    }

    /// The session at the issuer (`sid`).
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.text(self.0.rare.as_deref()?.session_id)
    }

    /// The authorization that the token was issued under, with all tokens of its chain
    /// (OpenIddict's `oi_au_id`).
    #[must_use]
    pub fn authorization_id(&self) -> Option<&str> {
        self.text(self.0.rare.as_deref()?.authorization_id)
    }

    /// What the issuer's store knows the token by (OpenIddict's `oi_tkn_id`).
    #[must_use]
    pub fn token_entry_id(&self) -> Option<&str> {
        self.text(self.0.rare.as_deref()?.token_entry_id)
    }

    /// The key that verified it (`kid`), where it has a name.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.text(self.0.key_id)
    }

    /// When it was issued (`iat`).
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.0.known.issued_at.then_some(self.0.issued_at)
    }

    /// When it expires (`exp`), without the validator's tolerance. A stream that lives longer than
    /// one request must end by then.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.0.known.expires_at.then_some(self.0.expires_at)
    }

    /// When it was verified; a cached identity keeps the time of the verification.
    #[must_use]
    pub fn verified_at(&self) -> Option<UnixTime> {
        self.0.known.verified_at.then_some(self.0.verified_at)
    }

    /// The whole credential as a type of its format, where the validator attached one: a ticket
    /// with everything that no claim tells.
    #[must_use]
    pub fn credential<C: Any + Send + Sync>(&self) -> Option<&C> {
        self.0.rare.as_deref()?.credential.as_deref()?.downcast_ref()
    }

    /// All claims, as the JSON object that was verified.
    #[must_use]
    pub fn claims_json(&self) -> &[u8] {
        match &self.0.claims {
            Claims::Here(span) => self.text(*span).unwrap_or_default().as_bytes(),
            Claims::InToken(token) => {
                if self.0.memo.get::<Decoded>().is_none() {
                    // however many types are kept: who asks is given a reference
                    self.0.memo.keep(Arc::new(Decoded(payload(token))), usize::MAX);
                }
                let decoded = self.0.memo.get::<Decoded>();
                let decoded = decoded.and_then(|value| value.downcast_ref::<Decoded>());
                decoded.map_or(&[], |decoded| &decoded.0)
            }
        }
    }

    /// The claims as a type of the application, deserialized once per identity and type.
    ///
    /// # Errors
    /// The claims do not fit `T`; the error holds the path and no value.
    pub fn claims_as<T>(&self) -> Result<Arc<T>, serde_json::Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        if let Some(value) = self.0.memo.get::<T>()
            && let Ok(value) = Arc::clone(value).downcast::<T>()
        {
            return Ok(value);
        }
        let made: Arc<T> = Arc::new(match &self.0.claims {
            Claims::Here(_) => serde_json::from_slice(self.claims_json())?,
            Claims::InToken(token) => serde_json::from_slice(&payload(token))?,
        });
        self.0.memo.keep(Arc::clone(&made), MOST_TYPES);
        Ok(made)
    }

    /// The text of one string claim.
    #[must_use]
    pub fn claim_str(&self, name: &str) -> Option<String> {
        match self.claim(name)? {
            serde_json::Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// One claim, by name. Parses the claims; handlers that read several use
    /// [`claims_as`](Self::claims_as).
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<serde_json::Value> {
        let all = self.claims_as::<serde_json::Map<String, serde_json::Value>>().ok()?;
        all.get(name).cloned()
    }

    /// Whether it may still be believed without being verified again: within its own times (with
    /// the validator's tolerance), fresh, and verified by a key that is still in its set.
    #[must_use]
    pub fn is_usable(&self, now: UnixTime, monotonic: Duration) -> bool {
        let facts = &*self.0;
        facts.not_before <= now
            && (now < facts.not_after || facts.not_after == UnixTime::MAX)
            && (facts.fresh_until == u64::MAX || nanos(monotonic) < facts.fresh_until)
            && facts.lease.as_ref().is_none_or(|lease| lease.is_live(monotonic))
    }

    /// [`is_usable`](Self::is_usable) now. The second clock is read only where something hangs on
    /// it.
    pub(crate) fn is_usable_by(&self, clock: &dyn Clock) -> bool {
        let is_timed = self.0.fresh_until != u64::MAX || self.0.lease.is_some();
        self.is_usable(clock.now(), if is_timed { clock.monotonic() } else { Duration::ZERO })
    }

    /// The same, to be verified again at this reading of the monotonic clock at the latest.
    pub(crate) fn with_freshness(mut self, until: Duration) -> Self {
        let until = nanos(until);
        if until < self.0.fresh_until {
            Arc::make_mut(&mut self.0).fresh_until = until;
        }
        self
    }

    /// The token that holds the claims, so that a cache need not keep it twice.
    pub(crate) fn token(&self) -> Option<&Secret> {
        match &self.0.claims {
            Claims::Here(_) => None,
            Claims::InToken(token) => Some(token),
        }
    }

    /// Bytes that it holds once a handler has asked for its claims, for the weight of a cache
    /// entry. A type is counted as the claims that it is made of.
    pub(crate) fn weight(&self) -> usize {
        let facts = &*self.0;
        let (token, claims) = match &facts.claims {
            Claims::Here(span) => (0, self.text(*span).map_or(0, str::len)),
            Claims::InToken(token) => (token.expose().len(), token.expose().len() / 4 * 3),
        };
        let rare = facts.rare.as_deref().map_or(0, |rare| {
            size_of::<Rare>() + size_of_val(&*rare.more_audience) + rare.credential_weight
        });
        size_of::<Facts>() + facts.scope.around().len() + token + rare + Memo::PLACE + claims
    }
}

/// The claims of a token.
struct Decoded(Vec<u8>);

/// What was verified decodes; if it did not, there would be no claims.
fn payload(token: &Secret) -> Vec<u8> {
    let payload = token.expose().split(|byte| *byte == b'.').nth(1);
    payload.and_then(base64url::decode).unwrap_or_default()
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.issuer() == other.issuer()
                && self.subject() == other.subject()
                && (self.subject().is_some() || self.client_id() == other.client_id()))
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.issuer().hash(state);
        self.subject().hash(state);
        if self.subject().is_none() {
            self.client_id().hash(state);
        }
    }
}

impl fmt::Debug for Identity {
    /// Issuer, subject, client and scope; never the claims, which may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .field("client_id", &self.client_id())
            .field("scope", &self.scope())
            .finish_non_exhaustive()
    }
}

/// Whether a subject is a user or a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectKind {
    /// A client that acts for itself.
    Client,
    /// The credential does not tell.
    Unknown,
    /// A user, by way of a client.
    User,
}

/// Of so many types of claims each is deserialized once; one more is parsed each time.
const MOST_TYPES: usize = 6;

#[cfg(test)]
mod tests;
