//! What every scheme asks about a text that it found.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::request::Parts;

use super::{Outcome, Transport, TransportSource};
use crate::{
    attempt::Attempt,
    error::{AuthError, AuthErrorKind},
    principal::Identity,
    token::{Presented, Revocations, TokenValidator, Usage},
};

/// In this order: how the request came, whether the text is good, whether it was revoked.
#[derive(Clone, Debug)]
pub(super) struct Judge<V> {
    pub(super) validator: Arc<V>,
    pub(super) tls_by: Option<TransportSource>,
    pub(super) revocations: Option<Arc<dyn Revocations>>,
    pub(super) usage: Option<Usage>,
    /// What a logout means here was said.
    said: Arc<AtomicBool>,
}

impl<V: TokenValidator + 'static> Judge<V> {
    pub(super) fn new(validator: V) -> Self {
        Self {
            validator: Arc::new(validator),
            tls_by: None,
            revocations: None,
            usage: None,
            said: Arc::default(),
        }
    }

    /// The same, with the users of its tokens checked from time to time.
    #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
    pub(super) fn revalidated(
        self,
        hook: impl crate::token::Revalidate + 'static,
    ) -> Judge<crate::token::Revalidated<Arc<V>>> {
        let Self { validator, tls_by, revocations, usage, .. } = self;
        let validator = Arc::new(crate::token::Revalidated::new(validator, hook));
        // the application speaks for the user: nothing is to be said
        let said = Arc::new(AtomicBool::new(true));
        Judge { validator, tls_by, revocations, usage, said }
    }

    /// The same, whatever its validator is.
    #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
    pub(super) fn erased(self) -> Judge<Arc<dyn TokenValidator>> {
        let Self { validator, tls_by, revocations, usage, said } = self;
        Judge { validator: Arc::new(validator), tls_by, revocations, usage, said }
    }

    /// Whether it came as it must; before the text is looked at.
    pub(super) fn admit(&self, parts: &Parts) -> Result<(), AuthError> {
        self.tls_by.map_or(Ok(()), |source| tls(source, parts))
    }

    pub(super) fn judge(&self, text: &str, parts: &Parts) -> Attempt<Outcome> {
        let judged = self.judge_text(text, parts);
        match &self.usage {
            None => judged,
            Some(usage) => note_the_use(judged, usage, text, parts),
        }
    }

    fn judge_text(&self, text: &str, parts: &Parts) -> Attempt<Outcome> {
        let judged = self.validator.validate(Presented::new(text, parts));
        match &self.revocations {
            None => match judged.into_ready() {
                Ok(result) => {
                    say_what_a_logout_means(&result, &self.said);
                    Attempt::ready(result.into())
                }
                Err(pending) => {
                    let said = Arc::clone(&self.said);
                    pending.map(move |result| {
                        say_what_a_logout_means(&result, &said);
                        result.into()
                    })
                }
            },
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

/// Once, with the first token that nobody but its issuer's key speaks for.
fn say_what_a_logout_means(result: &Result<Identity, AuthError>, said: &AtomicBool) {
    let Ok(identity) = result else { return };
    if said.load(Ordering::Relaxed)
        || !identity.is_local_jwt()
        || said.swap(true, Ordering::Relaxed)
    {
        return;
    }
    let (issued_at, expires_at) = (identity.issued_at(), identity.expires_at());
    let lifetime = issued_at.zip(expires_at).map(|(from, until)| until.saturating_since(from));
    tracing::info!(
        target: "portcullis",
        issuer = identity.issuer(),
        ?lifetime,
        "a JWT counts until it expires, whatever becomes of its user: no Revocations are configured"
    );
}

fn note_the_use(
    judged: Attempt<Outcome>,
    usage: &Usage,
    text: &str,
    parts: &Parts,
) -> Attempt<Outcome> {
    match judged.into_ready() {
        Ok(outcome) => {
            if let Outcome::Verified(identity) = &outcome {
                usage.note(text, parts, identity);
            }
            Attempt::ready(outcome)
        }
        Err(pending) => {
            let (usage, used) = (usage.clone(), usage.begin(text, parts));
            pending.map(move |outcome| {
                if let Outcome::Verified(identity) = &outcome {
                    usage.end(used, identity);
                }
                outcome
            })
        }
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
        Ok(true) => validator.end(&identity).map(|_| AuthError::new(AuthErrorKind::Revoked).into()),
        Err(error) if error.kind() == AuthErrorKind::Revoked => {
            validator.end(&identity).map(move |_| error.into())
        }
        Err(error) => Attempt::ready(error.into()),
    })
}
