//! The validator of opaque tokens.

use std::{fmt, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use super::{answer::Rules, client::Client};
use crate::{
    attempt::Attempt,
    base64url,
    clock::Clock,
    crypto,
    error::{AuthError, AuthErrorKind, printable},
    principal::Identity,
    token::{Caching, PatFormat, Presented, TokenValidator},
};

/// Validates opaque tokens by asking their issuer. The rules stand in the [module docs](super).
///
/// A clone is a reference count.
#[derive(Clone)]
pub struct IntrospectionValidator(Arc<Inner>);

pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) rules: Rules,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pat_format: Option<PatFormat>,
    pub(super) max_token_bytes: usize,
    pub(super) positive: Duration,
    pub(super) negative: Duration,
    pub(super) stale: Duration,
}

impl IntrospectionValidator {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl Inner {
    /// What needs no question.
    fn check(&self, token: &str) -> Result<(), AuthError> {
        let too_long = |what: &str, length: usize, word: &str, limit: usize| {
            AuthError::new(AuthErrorKind::TokenTooLong)
                .with_detail(format_args!("{what}: {length} bytes, {word} is {limit}"))
        };
        let limit = self.max_token_bytes;
        if token.len() > limit {
            return Err(too_long("the token", token.len(), "max_token_bytes", limit));
        }
        if token.is_empty() {
            return Err(AuthErrorKind::EmptyCredential.into());
        }
        // RFC 6749 appendix A.12: visible characters; a space cannot come in a header
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AuthErrorKind::IllegalCharacter.into());
        }
        let Some(format) = &self.pat_format else { return Ok(()) };
        let (label, handle) = format.split(token);
        if handle.is_empty() {
            return Err(AuthError::new(AuthErrorKind::Inactive)
                .with_detail("nothing follows the separator: the handle was cut off"));
        }
        let (length, limit) = (label.map_or(0, str::len), format.max_label_bytes);
        if length > limit {
            return Err(too_long("the label", length, "max_label_bytes", limit));
        }
        Ok(())
    }

    async fn ask(&self, token: &str) -> Result<Identity, AuthError> {
        let asked_at = self.clock.monotonic();
        let sent = match &self.pat_format {
            Some(format) if format.handle_only => format.split(token).1,
            _ => token,
        };
        let body = self.client.ask(sent).await?;
        let fresh_until = asked_at.saturating_add(self.positive);
        let identity = self.rules.judge(body, self.clock.now(), fresh_until).inspect_err(|error| {
            if error.kind() == AuthErrorKind::MalformedIntrospection {
                tracing::warn!(target: "portcullis::introspection", %error, "an unusable answer");
            }
        })?;
        self.compare_label(token, &identity)?;
        Ok(identity)
    }

    /// The label is the caller's word; the issuer may remember the right one.
    fn compare_label(&self, token: &str, identity: &Identity) -> Result<(), AuthError> {
        let Some(format) = &self.pat_format else { return Ok(()) };
        let (Some(label), handle) = format.split(token) else { return Ok(()) };
        let Some(known) = identity.claim_str("token_meta").filter(|known| known != label) else {
            return Ok(());
        };
        let (label, known) = (printable(label, 64), printable(&known, 64));
        let handle = base64url::encode(&crypto::sha256(handle.as_bytes())[..6]);
        tracing::warn!(
            target: "portcullis::introspection",
            label, known, handle, "a personal access token came under another label",
        );
        if !format.rejects_other_labels {
            return Ok(());
        }
        Err(AuthError::new(AuthErrorKind::RejectedByCheck)
            .with_detail(format_args!("the label is {label:?}, the issuer knows {known:?}")))
    }
}

impl TokenValidator for IntrospectionValidator {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let token = presented.token();
        if let Err(error) = self.0.check(token) {
            return Attempt::ready(Err(error));
        }
        if let Some(error) = self.0.client.holds() {
            return Attempt::ready(Err(error));
        }
        let (inner, token) = (Arc::clone(&self.0), Zeroizing::new(token.to_owned()));
        Attempt::pending(async move { inner.ask(&token).await })
    }

    fn cache_key<'t>(&self, token: &'t str) -> &'t str {
        match &self.0.pat_format {
            // what is too long is to be refused, not to be found under its handle
            Some(format) if !format.rejects_other_labels && self.0.check(token).is_ok() => {
                format.split(token).1
            }
            _ => token,
        }
    }

    fn caching(&self) -> Caching {
        if self.0.positive.is_zero() {
            return Caching::Never;
        }
        Caching::Remote { negative: self.0.negative, stale: self.0.stale }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }
}

impl fmt::Debug for IntrospectionValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IntrospectionValidator({:?})", self.0.client)
    }
}
