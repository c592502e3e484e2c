//! Opaque tokens, and what was revoked.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use serde_json::Value;

use super::MockIssuer;
use crate::{crypto, testing::token::TokenBuilder};

/// What the issuer knows of its tokens.
#[derive(Debug, Default)]
pub(super) struct OpaqueTokens {
    /// By the handle.
    claims: HashMap<String, Value>,
    /// Handles, and the `jti` of JWTs.
    revoked: HashSet<String>,
}

impl MockIssuer {
    /// An opaque token with the claims of this one: a handle of 64 hexadecimal digits. It is also
    /// known by `label--handle`, whatever the label.
    ///
    /// ```
    /// use portcullis::testing::MockIssuer;
    ///
    /// let issuer = MockIssuer::new();
    /// let token = issuer.opaque_token(&issuer.token().subject("bob"));
    /// assert_eq!(token.len(), 64);
    /// issuer.revoke(&token);
    /// ```
    #[must_use]
    pub fn opaque_token(&self, token: &TokenBuilder) -> String {
        let claims: Value = serde_json::from_str(&token.payload_json()).expect("claims are JSON");
        let mut state = self.state();
        let number = state.opaque.claims.len();
        let mut handle = String::new();
        // no secret: whoever knows the number knows the token
        for byte in crypto::sha256(format!("{} {number}", state.url).as_bytes()) {
            let _ = write!(handle, "{byte:02x}");
        }
        state.opaque.claims.insert(handle.clone(), claims);
        handle
    }

    /// Revokes a token of this issuer, opaque or a JWT with a `jti`. Who checks a JWT by its
    /// signature alone does not learn of it.
    pub fn revoke(&self, token: &str) {
        if let Some((name, _)) = self.known(token) {
            self.state().opaque.revoked.insert(name);
        }
    }

    /// The name by which a token is revoked, and its claims, whether or not it still counts.
    pub(super) fn known(&self, token: &str) -> Option<(String, Value)> {
        let handle = token.rsplit_once("--").map_or(token, |(_, handle)| handle);
        if let Some(claims) = self.state().opaque.claims.get(handle) {
            return Some((handle.to_owned(), claims.clone()));
        }
        let claims = self.claims_of(token)?;
        Some((claims["jti"].as_str().unwrap_or(token).to_owned(), claims))
    }

    pub(super) fn is_revoked(&self, name: &str) -> bool {
        self.state().opaque.revoked.contains(name)
    }
}
