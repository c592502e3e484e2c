//! What one scheme proved.

use std::{
    any::{Any, TypeId},
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{Lease, Scope};
use crate::clock::UnixTime;

/// A verified identity: what the credential says, and how long that may be believed.
///
/// Cloning is a reference count. Two identities are equal if issuer and subject are (OpenID Connect
/// Core §5.7: `sub` is unique only within its issuer).
///
/// There is no way from an error to an identity, and none from unverified claims: one is made only
/// by a validator, with [`Identity::builder`].
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    facts: Facts,
    /// `Caller<T>`'s types, each deserialized once. A fifth type is parsed each time.
    memo: [OnceLock<(TypeId, Arc<dyn Any + Send + Sync>)>; 4],
}

#[derive(Clone, Default)]
struct Facts {
    /// All the short texts one after another: one allocation instead of one for each.
    texts: String,
    issuer: Span,
    subject: Option<Span>,
    client_id: Option<Span>,
    audience: Vec<Span>,
    scope: Scope,
    token_id: Option<Span>,
    session_id: Option<Span>,
    key_id: Option<Span>,
    issued_at: Option<UnixTime>,
    expires_at: Option<UnixTime>,
    verified_at: Option<UnixTime>,
    claims: Bytes,
    not_before: UnixTime,
    not_after: Option<UnixTime>,
    fresh_until: Option<Duration>,
    lease: Option<Lease>,
    /// What the credential was, whole, as a type of its format.
    credential: Option<Arc<dyn Any + Send + Sync>>,
    /// The bytes of it.
    credential_weight: usize,
}

/// A part of [`Facts::texts`].
#[derive(Clone, Copy, Default)]
struct Span {
    start: usize,
    end: usize,
}

impl Facts {
    fn hold(&mut self, text: &str) -> Span {
        let start = self.texts.len();
        self.texts.push_str(text);
        Span { start, end: self.texts.len() }
    }

    fn text(&self, span: Span) -> &str {
        self.texts.get(span.start..span.end).unwrap_or_default()
    }

    fn optional(&self, span: Option<Span>) -> Option<&str> {
        span.map(|span| self.text(span))
    }
}

impl Identity {
    /// Starts an identity; `issuer` is who vouches for it. For validators, not for handlers.
    pub fn builder(issuer: &str) -> IdentityBuilder {
        let mut facts = Facts { texts: String::with_capacity(USUAL_TEXTS), ..Facts::default() };
        facts.issuer = facts.hold(issuer);
        IdentityBuilder(Box::new(facts))
    }

    /// Who vouches for it (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.0.facts.text(self.0.facts.issuer)
    }

    /// Who it is (`sub`), unique within the issuer. `None` for a client that acts for itself at an
    /// issuer that leaves `sub` out.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.facts.optional(self.0.facts.subject)
    }

    /// The client that the token was issued to (`client_id`).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.0.facts.optional(self.0.facts.client_id)
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

    /// For whom it is meant (`aud`).
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.0.facts.audience.iter().map(|span| self.0.facts.text(*span))
    }

    /// What it may do (`scope`).
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.facts.scope
    }

    /// The token's own identifier (`jti`).
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.0.facts.optional(self.0.facts.token_id)
    }

    /// The session at the issuer (`sid`).
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.0.facts.optional(self.0.facts.session_id)
    }

    /// The key that verified it (`kid`), where it has a name.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.0.facts.optional(self.0.facts.key_id)
    }

    /// When it was issued (`iat`).
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.0.facts.issued_at
    }

    /// When it expires (`exp`), without the validator's tolerance. A stream that lives longer than
    /// one request must end by then.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.0.facts.expires_at
    }

    /// When it was verified; a cached identity keeps the time of the verification.
    #[must_use]
    pub fn verified_at(&self) -> Option<UnixTime> {
        self.0.facts.verified_at
    }

    /// The whole credential as a type of its format, where the validator attached one: a ticket
    /// with everything that no claim tells.
    #[must_use]
    pub fn credential<C: Any + Send + Sync>(&self) -> Option<&C> {
        self.0.facts.credential.as_deref()?.downcast_ref()
    }

    /// All claims, as the JSON object that was verified.
    #[must_use]
    pub fn claims_json(&self) -> &[u8] {
        &self.0.facts.claims
    }

    /// The claims as a type of the application, deserialized once per identity and type.
    ///
    /// # Errors
    /// The claims do not fit `T`; the error holds the path and no value.
    pub fn claims_as<T>(&self) -> Result<Arc<T>, serde_json::Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        for slot in &self.0.memo {
            let Some((id, value)) = slot.get() else { break };
            if *id == TypeId::of::<T>()
                && let Ok(value) = Arc::clone(value).downcast::<T>()
            {
                return Ok(value);
            }
        }
        let made: Arc<T> = Arc::new(serde_json::from_slice(&self.0.facts.claims)?);
        let mut entry: (TypeId, Arc<dyn Any + Send + Sync>) = (TypeId::of::<T>(), made.clone());
        for slot in &self.0.memo {
            match slot.set(entry) {
                Ok(()) => break,
                Err(full) => entry = full,
            }
        }
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
        let facts = &self.0.facts;
        facts.not_before <= now
            && facts.not_after.is_none_or(|end| now < end)
            && facts.fresh_until.is_none_or(|end| monotonic < end)
            && facts.lease.as_ref().is_none_or(|lease| lease.is_live(monotonic))
    }

    /// The same, to be verified again at this reading of the monotonic clock at the latest.
    pub(crate) fn with_freshness(self, until: Duration) -> Self {
        if self.0.facts.fresh_until.is_some_and(|known| known <= until) {
            return self;
        }
        let facts = Facts { fresh_until: Some(until), ..self.0.facts.clone() };
        Self(Arc::new(Inner { facts, memo: Default::default() }))
    }

    /// Bytes that it holds, for the weight of a cache entry.
    pub(crate) fn weight(&self) -> usize {
        let facts = &self.0.facts;
        size_of::<Inner>()
            + facts.claims.len()
            + facts.texts.capacity()
            + facts.credential_weight
            + facts.scope.iter().map(str::len).sum::<usize>()
    }
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

/// Builds an [`Identity`]. Every word but the issuer is optional.
#[derive(Clone)]
#[must_use = "an identity exists only after build()"]
pub struct IdentityBuilder(Box<Facts>);

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: &str) -> Self {
            self.0.$name = Some(self.0.hold($name));
            self
        }
    )+};
}

impl IdentityBuilder {
    texts! {
        /// `sub`.
        subject
        /// `client_id`.
        client_id
        /// `jti`.
        token_id
        /// `sid`.
        session_id
        /// The name of the key that verified it.
        key_id
    }

    /// `aud`.
    pub fn audience<S: AsRef<str>>(mut self, audience: impl IntoIterator<Item = S>) -> Self {
        self.0.audience = audience.into_iter().map(|it| self.0.hold(it.as_ref())).collect();
        self
    }

    /// `scope`.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.0.scope = scope;
        self
    }

    /// `iat`.
    pub fn issued_at(mut self, at: UnixTime) -> Self {
        self.0.issued_at = Some(at);
        self
    }

    /// `exp`. Unless [`usable`](Self::usable) says otherwise, no cache keeps it beyond.
    pub fn expires_at(mut self, at: UnixTime) -> Self {
        self.0.expires_at = Some(at);
        self.0.not_after = Some(at);
        self
    }

    /// When it was verified.
    pub fn verified_at(mut self, at: UnixTime) -> Self {
        self.0.verified_at = Some(at);
        self
    }

    /// The claims, a JSON object.
    pub fn claims_json(mut self, claims: impl Into<Bytes>) -> Self {
        self.0.claims = claims.into();
        self
    }

    /// From when until when it may be believed: the credential's times with the validator's
    /// tolerance.
    pub fn usable(mut self, from: UnixTime, until: Option<UnixTime>) -> Self {
        self.0.not_before = from;
        self.0.not_after = until;
        self
    }

    /// Until which reading of the monotonic clock it need not be verified again. Default: no limit.
    pub fn fresh_until(mut self, monotonic: Duration) -> Self {
        self.0.fresh_until = Some(monotonic);
        self
    }

    /// Attaches the whole credential; see [`Identity::credential`]. Default: none.
    pub fn credential<C: Any + Send + Sync>(mut self, credential: Arc<C>) -> Self {
        self.0.credential = Some(credential);
        self
    }

    /// How many bytes the attached credential holds, for the weight of a cache entry. Default: 0.
    pub fn credential_weight(mut self, bytes: usize) -> Self {
        self.0.credential_weight = bytes;
        self
    }

    /// It dies with this lease. Default: none.
    pub fn lease(mut self, lease: Lease) -> Self {
        self.0.lease = Some(lease);
        self
    }

    /// The identity.
    #[must_use]
    pub fn build(mut self) -> Identity {
        if self.0.claims.is_empty() {
            self.0.claims = Bytes::from_static(b"{}");
        }
        Identity(Arc::new(Inner { facts: *self.0, memo: Default::default() }))
    }
}

impl fmt::Debug for IdentityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityBuilder")
            .field("issuer", &self.0.text(self.0.issuer))
            .finish_non_exhaustive()
    }
}

/// Room for the texts of most tokens.
const USUAL_TEXTS: usize = 256;

#[cfg(test)]
mod tests;
