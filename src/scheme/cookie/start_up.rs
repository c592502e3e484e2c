//! What a cookie scheme says when its gate starts.

use super::cookie_scheme::CookieAuthenticator;
use crate::{crypto, principal::SchemeName, token::TokenValidator};

impl<V: TokenValidator> CookieAuthenticator<V> {
    /// One line, so that two applications which share their tickets can be compared: the same keys,
    /// cookie name, path and domain have the same fingerprint.
    pub(super) fn say_fingerprint(&self, scheme: SchemeName) {
        let validator = &self.rules.judge.validator;
        if !validator.is_ticket() {
            return;
        }
        let (name, path) = (self.cookie.name(), self.cookie.path());
        let domain = self.cookie.domain().unwrap_or("none").to_ascii_lowercase();
        let tickets =
            validator.fingerprint().unwrap_or_else(|| "of a format that tells no keys".into());
        let all = format!("{:?}", (&tickets, name, path, &domain));
        let fingerprint: String = crypto::sha256(all.as_bytes())
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        tracing::info!(
            target: "portcullis",
            %scheme,
            %fingerprint,
            cookie = name,
            path,
            domain,
            %tickets,
            "applications that share these tickets have the same fingerprint"
        );
        if let Some(warning) = self.issuer.as_ref().and_then(|issuer| issuer.warning()) {
            tracing::warn!(target: "portcullis", %scheme, "{warning}");
        }
    }
}
