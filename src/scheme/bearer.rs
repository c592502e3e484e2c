//! The bearer scheme (RFC 6750).

use std::{fmt, sync::Arc};

use http::{HeaderMap, request::Parts};

use super::{
    Asked, Authenticator, Outcome, Responder, Scheme, Transport, TransportSource, source,
    vary::vary_by,
};
use crate::{
    attempt::Attempt,
    challenge::{Challenge, ChallengeReason},
    error::{AuthError, AuthErrorKind},
    principal::{Identity, SchemeName},
    token::{Presented, Revocations, TokenValidator},
};

impl Scheme {
    /// A bearer token in the `Authorization` header (RFC 6750 §2.1). Realm `api`, active.
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

impl<V: TokenValidator> BearerScheme<V> {
    pub(super) fn new(name: SchemeName, validator: V) -> Self {
        let bearer = Bearer {
            validator,
            realm: "api".into(),
            max_bytes: 16 << 10,
            tls_by: None,
            vary: false,
            revocations: None,
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
        self.bearer.tls_by = Some(source);
        self
    }

    /// Every answer says `Vary: authorization`, whoever asks: for routes that also serve callers
    /// without a token, and whose answers a cache may keep (RFC 9111 §4.1). Default: off.
    pub const fn vary(mut self) -> Self {
        self.bearer.vary = true;
        self
    }

    /// Asked on every request, after any cache. Default: none.
    pub fn revocations(mut self, revocations: impl Revocations + 'static) -> Self {
        self.bearer.revocations = Some(Arc::new(revocations));
        self
    }
}

impl<V: TokenValidator + 'static> From<BearerScheme<V>> for Scheme {
    fn from(built: BearerScheme<V>) -> Self {
        let scheme = Self::custom(built.name, built.bearer);
        if built.active { scheme } else { scheme.passive() }
    }
}

#[derive(Clone)]
struct Bearer<V> {
    validator: V,
    realm: Box<str>,
    max_bytes: usize,
    tls_by: Option<TransportSource>,
    vary: bool,
    revocations: Option<Arc<dyn Revocations>>,
}

impl<V: TokenValidator> Authenticator for Bearer<V> {
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
        if let Some(source) = self.tls_by
            && let Err(error) = tls(source, parts)
        {
            return Attempt::ready(error.into());
        }
        let judged = self.validator.validate(Presented::new(token, parts));
        match &self.revocations {
            None => judged.map(Outcome::from),
            Some(revocations) => {
                let revocations = Arc::clone(revocations);
                judged.and_then(move |result| unless_revoked(result, &*revocations))
            }
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

impl<V: TokenValidator> Responder for Bearer<V> {
    fn respond(&self, _: Asked<'_>, headers: &mut HeaderMap) {
        vary_by("authorization", headers);
    }
}

pub(super) fn tls(source: TransportSource, parts: &Parts) -> Result<(), AuthError> {
    let error = AuthError::new(AuthErrorKind::InsecureTransport);
    match source.transport(&parts.headers, &parts.extensions) {
        Transport::Tls => Ok(()),
        Transport::Plain => Err(error),
        Transport::Unknown => Err(error.with_detail(format_args!(
            "TLS is demanded, and TransportSource::{source:?} does not say how the request came"
        ))),
    }
}

pub(super) fn unless_revoked(
    result: Result<Identity, AuthError>,
    revocations: &dyn Revocations,
) -> Attempt<Outcome> {
    let identity = match result {
        Ok(identity) => identity,
        Err(error) => return Attempt::ready(error.into()),
    };
    revocations.is_revoked(&identity).map(|answer| match answer {
        Ok(false) => Outcome::Verified(identity),
        Ok(true) => AuthError::new(AuthErrorKind::Revoked).into(),
        Err(error) => error.into(),
    })
}

impl<V: fmt::Debug> fmt::Debug for Bearer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("realm", &self.realm)
            .field("validator", &self.validator)
            .field("tls_by", &self.tls_by)
            .field("revocations", &self.revocations)
            .finish_non_exhaustive()
    }
}
