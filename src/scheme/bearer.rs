//! The bearer scheme (RFC 6750).

use std::sync::Arc;

use http::{HeaderMap, request::Parts};

use super::{
    Asked, Authenticator, Outcome, Responder, Scheme, TransportSource, judge::Judge, source,
    vary::vary_by,
};
use crate::{
    attempt::Attempt,
    challenge::{Challenge, ChallengeReason},
    error::AuthError,
    principal::SchemeName,
    token::{Revocations, TokenValidator, Usage},
};

impl Scheme {
    /// A bearer token in the `Authorization` header (RFC 6750 §2.1). Realm `api`, active.
    ///
    /// Nothing is remembered: put a [`Cached`](crate::token::Cached) around a validator that verifies
    /// signatures or asks somebody, as [`BearerAuth`](crate::BearerAuth) does by itself.
    pub fn bearer<V: TokenValidator + 'static>(
        name: impl Into<SchemeName>,
        validator: V,
    ) -> BearerScheme<V> {
        BearerScheme::new(name.into(), validator)
    }
}

/// A bearer scheme being built; becomes a [`Scheme`] where one is asked for.
#[derive(Clone, Debug)]
#[must_use]
pub struct BearerScheme<V> {
    name: SchemeName,
    active: bool,
    bearer: Bearer<V>,
}

impl<V: TokenValidator + 'static> BearerScheme<V> {
    pub(super) fn new(name: SchemeName, validator: V) -> Self {
        let bearer = Bearer {
            judge: Judge::new(validator),
            realm: "api".into(),
            max_bytes: 16 << 10,
            vary: false,
        };
        Self { name, active: true, bearer }
    }

    /// The realm of its challenges. Default: `api`.
    pub fn realm(mut self, realm: &str) -> Self {
        self.bearer.realm = realm.into();
        self
    }

    /// It counts only on routes that name it. Default: active.
    pub const fn passive(mut self) -> Self {
        self.active = false;
        self
    }

    /// Longer tokens are refused before anything is decoded. Default: 16 KiB.
    pub const fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.bearer.max_bytes = bytes;
        self
    }

    /// A token counts only if this source says that it came over TLS; otherwise it is refused
    /// without being looked at (RFC 6750 §5.3). Default: whoever ends TLS is trusted to.
    pub const fn require_tls(mut self, source: TransportSource) -> Self {
        self.bearer.judge.tls_by = Some(source);
        self
    }

    /// Every answer says `Vary: authorization`, whoever asks: for routes that also serve callers
    /// without a token, and whose answers a cache may keep (RFC 9111 §4.1). Default: off.
    pub const fn vary(mut self) -> Self {
        self.bearer.vary = true;
        self
    }

    /// Asks the application from time to time whether the user of a token is still good; see
    /// [`Revalidate`](crate::token::Revalidate). Default: nobody is asked.
    #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
    pub fn revalidate(
        self,
        hook: impl crate::token::Revalidate + 'static,
    ) -> BearerScheme<crate::token::Revalidated<Arc<V>>> {
        let Self { name, active, bearer: Bearer { judge, realm, max_bytes, vary } } = self;
        let judge = judge.revalidated(hook);
        BearerScheme { name, active, bearer: Bearer { judge, realm, max_bytes, vary } }
    }

    /// The same, whatever its validator is.
    #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
    pub(crate) fn erased(self) -> BearerScheme<Arc<dyn TokenValidator>> {
        let Self { name, active, bearer: Bearer { judge, realm, max_bytes, vary } } = self;
        let judge = judge.erased();
        BearerScheme { name, active, bearer: Bearer { judge, realm, max_bytes, vary } }
    }

    /// Asked on every request, after any cache. Default: none.
    pub fn revocations(mut self, revocations: impl Revocations + 'static) -> Self {
        self.bearer.judge.revocations = Some(Arc::new(revocations));
        self
    }

    /// Told of the tokens that are accepted. Default: nobody.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.bearer.judge.usage = Some(usage);
        self
    }
}

impl<V: TokenValidator + 'static> From<BearerScheme<V>> for Scheme {
    fn from(built: BearerScheme<V>) -> Self {
        let scheme = Self::custom(built.name, built.bearer);
        if built.active { scheme } else { scheme.passive() }
    }
}

#[derive(Clone, Debug)]
struct Bearer<V> {
    judge: Judge<V>,
    realm: Box<str>,
    max_bytes: usize,
    vary: bool,
}

impl<V: TokenValidator + 'static> Authenticator for Bearer<V> {
    fn authenticate(&self, parts: &Parts) -> Attempt<Outcome> {
        let token = match source::bearer_token(&parts.headers, self.max_bytes) {
            Ok(Some(token)) => token,
            Ok(None) => {
                if source::looks_like_a_bare_token(&parts.headers) {
                    tracing::info!(
                        target: "portcullis",
                        "the Authorization header holds a token without scheme; send \"Bearer\", a space and the token"
                    );
                }
                return Attempt::ready(Outcome::Absent);
            }
            Err(kind) => return Attempt::ready(AuthError::new(kind).into()),
        };
        match self.judge.admit(parts) {
            Ok(()) => self.judge.judge(token, parts),
            Err(error) => Attempt::ready(error.into()),
        }
    }

    fn challenge(&self, reason: ChallengeReason<'_>) -> Option<Challenge> {
        Some(Challenge::bearer(&self.realm, reason))
    }

    fn credential_word(&self) -> Option<&'static str> {
        Some("token")
    }

    fn responder(&self) -> Option<&dyn Responder> {
        if self.vary { Some(self) } else { None }
    }
}

impl<V: TokenValidator + 'static> Responder for Bearer<V> {
    fn respond(&self, _: Asked<'_>, headers: &mut HeaderMap) {
        vary_by("authorization", headers);
    }
}
