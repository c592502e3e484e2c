//! Building an identity.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    Identity, Lease, Origin, Scope,
    identity::{Claims, Facts, Rare},
    lease::nanos,
    span::Span,
};
use crate::clock::UnixTime;

/// Builds an [`Identity`]. Every word but the issuer is optional.
#[must_use = "an identity exists only after build()"]
pub struct IdentityBuilder(Box<Draft>);

struct Draft {
    /// Its spans are parts of `texts`.
    facts: Facts,
    texts: String,
    claims: Option<Bytes>,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: &str) -> Self {
            self.0.facts.$name = self.0.hold($name);
            self
        }
    )+};
}

macro_rules! rare_texts {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: &str) -> Self {
            let span = self.0.hold($name);
            self.0.rare().$name = span;
            self
        }
    )+};
}

impl Draft {
    fn hold(&mut self, text: &str) -> Span {
        let start = self.texts.len();
        self.texts.push_str(text);
        Span::new(start, self.texts.len())
    }

    fn rare(&mut self) -> &mut Rare {
        self.facts.rare.get_or_insert_default()
    }
}

impl Identity {
    /// Starts an identity; `issuer` is who vouches for it. For validators, not for handlers.
    pub fn builder(issuer: &str) -> IdentityBuilder {
        let facts = Facts {
            subject: Span::NONE,
            client_id: Span::NONE,
            token_id: Span::NONE,
            key_id: Span::NONE,
            audience: Span::NONE,
            not_after: UnixTime::MAX,
            fresh_until: u64::MAX,
            ..Facts::default()
        };
        let texts = String::with_capacity(USUAL_TEXTS);
        let mut draft = Box::new(Draft { facts, texts, claims: None });
        draft.facts.issuer = draft.hold(issuer);
        IdentityBuilder(draft)
    }
}

impl IdentityBuilder {
    texts! {
        /// `sub`.
        subject
        /// `client_id`.
        client_id
        /// `jti`.
        token_id
        /// The name of the key that verified it.
        key_id
    }

    rare_texts! {
        /// `sid`.
        session_id
        /// What the authorization is known by; see [`Identity::authorization_id`].
        authorization_id
        /// What the issuer's store knows the token by; see [`Identity::token_entry_id`].
        token_entry_id
    }

    /// `aud`.
    pub fn audience<S: AsRef<str>>(mut self, audience: impl IntoIterator<Item = S>) -> Self {
        let mut all = audience.into_iter().map(|name| self.0.hold(name.as_ref()));
        let (first, more) = (all.next().unwrap_or(Span::NONE), all.collect::<Box<[_]>>());
        self.0.facts.audience = first;
        if !more.is_empty() || self.0.facts.rare.is_some() {
            self.0.rare().more_audience = more;
        }
        self
    }

    /// `scope`.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.0.facts.scope = scope;
        self
    }

    /// `iat`.
    pub fn issued_at(mut self, at: UnixTime) -> Self {
        self.0.facts.issued_at = at;
        self.0.facts.known.issued_at = true;
        self
    }

    /// `exp`. Unless [`usable`](Self::usable) says otherwise, no cache keeps it beyond.
    pub fn expires_at(mut self, at: UnixTime) -> Self {
        self.0.facts.expires_at = at;
        self.0.facts.known.expires_at = true;
        self.0.facts.not_after = at;
        self
    }

    /// When it was verified.
    pub fn verified_at(mut self, at: UnixTime) -> Self {
        self.0.facts.verified_at = at;
        self.0.facts.known.verified_at = true;
        self
    }

    /// How it was verified. Default: [`Origin::Unknown`]. A token whose claims say that it is a
    /// personal access token is one, whatever stands here.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.0.facts.origin = origin;
        self
    }

    /// The claims, a JSON object. What is not UTF-8 is no JSON (RFC 8259 §8.1), and cannot be read
    /// as claims. Default: an empty object.
    pub fn claims_json(mut self, claims: impl Into<Bytes>) -> Self {
        self.0.claims = Some(claims.into());
        self
    }

    /// The claims are the payload of this verified JWS, which is kept in place of them.
    pub(crate) fn claims_in(mut self, token: &str) -> Self {
        self.0.facts.claims = Claims::InToken(token.into());
        self
    }

    /// From when until when it may be believed: the credential's times with the validator's
    /// tolerance.
    pub fn usable(mut self, from: UnixTime, until: Option<UnixTime>) -> Self {
        self.0.facts.not_before = from;
        self.0.facts.not_after = until.unwrap_or(UnixTime::MAX);
        self
    }

    /// Until which reading of the monotonic clock it need not be verified again. Default: no limit.
    pub fn fresh_until(mut self, monotonic: Duration) -> Self {
        self.0.facts.fresh_until = nanos(monotonic);
        self
    }

    /// Attaches the whole credential; see [`Identity::credential`]. Default: none.
    pub fn credential<C: Any + Send + Sync>(mut self, credential: Arc<C>) -> Self {
        self.0.rare().credential = Some(credential);
        self
    }

    /// How many bytes the attached credential holds, for the weight of a cache entry. Default: 0.
    pub fn credential_weight(mut self, bytes: usize) -> Self {
        self.0.rare().credential_weight = bytes;
        self
    }

    /// It dies with this lease. Default: none.
    pub fn lease(mut self, lease: Lease) -> Self {
        self.0.facts.lease = Some(lease);
        self
    }

    /// The identity.
    #[must_use]
    pub fn build(self) -> Identity {
        let Draft { mut facts, texts: own, claims, .. } = *self.0;
        let place = match &mut facts.claims {
            Claims::Here(place) => place,
            Claims::InToken(_) => {
                let (scope, mut text) = (facts.scope.text(), own);
                let start = text.len();
                text.push_str(scope);
                facts.scope = Scope::within(text.as_str().into(), Span::new(start, text.len()));
                return Identity(Arc::new(facts));
            }
        };
        let claims = claims.unwrap_or(Bytes::from_static(b"{}"));
        let claims = str::from_utf8(&claims).unwrap_or_default();
        *place = Span::new(0, claims.len());
        let mut text = String::with_capacity(claims.len() + own.len());
        text.push_str(claims);
        let mut rare = facts.rare.as_deref_mut();
        let rare = rare.iter_mut().flat_map(|rare| {
            [&mut rare.session_id, &mut rare.authorization_id, &mut rare.token_entry_id]
                .into_iter()
                .chain(&mut rare.more_audience)
        });
        let usual = [
            &mut facts.issuer,
            &mut facts.subject,
            &mut facts.client_id,
            &mut facts.token_id,
            &mut facts.key_id,
            &mut facts.audience,
        ];
        for span in usual.into_iter().chain(rare) {
            if let Some(part) = span.of(&own) {
                *span = share(&mut text, claims.len(), part);
            }
        }
        let scope = share(&mut text, claims.len(), facts.scope.text());
        facts.scope = Scope::within(text.into(), scope);
        Identity(Arc::new(facts))
    }
}

/// Most texts stand in the claims as well, letter by letter: they need not be kept twice.
fn share(text: &mut String, claims: usize, part: &str) -> Span {
    let found = text.get(..claims).and_then(|claims| claims.find(part));
    let start = found.unwrap_or(text.len());
    if found.is_none() {
        text.push_str(part);
    }
    Span::new(start, start + part.len())
}

impl fmt::Debug for IdentityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityBuilder")
            .field("issuer", &self.0.facts.issuer.of(&self.0.texts))
            .finish_non_exhaustive()
    }
}

/// Room for the texts of most tokens.
const USUAL_TEXTS: usize = 256;
