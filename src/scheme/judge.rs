//! What every scheme asks about a text that it found.

use std::sync::Arc;

use http::request::Parts;

use super::{Outcome, Transport, TransportSource};
use crate::{
    attempt::Attempt,
    error::{AuthError, AuthErrorKind},
    principal::Identity,
    token::{Presented, Revocations, TokenValidator},
};

/// In this order: how the request came, whether the text is good, whether it was revoked.
#[derive(Clone, Debug)]
pub(super) struct Judge<V> {
    pub(super) validator: Arc<V>,
    pub(super) tls_by: Option<TransportSource>,
    pub(super) revocations: Option<Arc<dyn Revocations>>,
}

impl<V: TokenValidator + 'static> Judge<V> {
    pub(super) fn new(validator: V) -> Self {
        Self { validator: Arc::new(validator), tls_by: None, revocations: None }
    }

    /// The same, with the users of its tokens checked from time to time.
    #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
    pub(super) fn revalidated(
        self,
        hook: impl crate::token::Revalidate + 'static,
    ) -> Judge<crate::token::Revalidated<Arc<V>>> {
        let Self { validator, tls_by, revocations } = self;
        let validator = Arc::new(crate::token::Revalidated::new(validator, hook));
        Judge { validator, tls_by, revocations }
    }

    /// The same, whatever its validator is.
    #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
    pub(super) fn erased(self) -> Judge<Arc<dyn TokenValidator>> {
        let Self { validator, tls_by, revocations } = self;
        Judge { validator: Arc::new(validator), tls_by, revocations }
    }

    /// Whether it came as it must; before the text is looked at.
    pub(super) fn admit(&self, parts: &Parts) -> Result<(), AuthError> {
        self.tls_by.map_or(Ok(()), |source| tls(source, parts))
    }

    pub(super) fn judge(&self, text: &str, parts: &Parts) -> Attempt<Outcome> {
        let judged = self.validator.validate(Presented::new(text, parts));
        match &self.revocations {
            None => judged.map(Outcome::from),
            Some(revocations) => {
                let (revocations, validator) =
                    (Arc::clone(revocations), Arc::clone(&self.validator));
                judged.and_then(move |result| unless_revoked(result, &*revocations, validator))
            }
        }
    }
}

fn tls(source: TransportSource, parts: &Parts) -> Result<(), AuthError> {
    let error = AuthError::new(AuthErrorKind::InsecureTransport);
    match source.transport(&parts.headers, &parts.extensions) {
        Transport::Tls => Ok(()),
        Transport::Plain => Err(error),
        Transport::Unknown => Err(error.with_detail(format_args!(
            "TLS is demanded, and TransportSource::{source:?} does not say how the request came"
        ))),
    }
}

fn unless_revoked(
    result: Result<Identity, AuthError>,
    revocations: &dyn Revocations,
    validator: Arc<impl TokenValidator + 'static>,
) -> Attempt<Outcome> {
    let identity = match result {
        Ok(identity) => identity,
        Err(error) => return Attempt::ready(error.into()),
    };
    revocations.is_revoked(&identity).and_then(move |answer| match answer {
        Ok(false) => Attempt::ready(Outcome::Verified(identity)),
        // what stands behind it must not be kept, or it would outlive its revocation
        Ok(true) => {
            validator.end(&identity).map(|()| AuthError::new(AuthErrorKind::Revoked).into())
        }
        Err(error) => Attempt::ready(error.into()),
    })
}
