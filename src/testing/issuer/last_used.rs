//! When a token was used last, as far as the issuer is told.

use std::time::Duration;

use super::MockIssuer;

impl MockIssuer {
    /// Somebody was told about this token. Written down at most once a minute: a busy script is no
    /// reason to write all day.
    pub(super) fn note_use(&self, token: &str) {
        let Some(id) = self.entry(token).map(|entry| entry.id) else { return };
        let now = self.clock().now();
        if let Some(entry) = self.state().store.tokens.get_mut(&id)
            && entry.last_used.is_none_or(|last| now.saturating_since(last) >= RESOLUTION)
        {
            entry.last_used = Some(now);
        }
    }
}

const RESOLUTION: Duration = Duration::from_secs(60);
