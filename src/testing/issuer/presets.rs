//! Configuring flows in which people take part, and issuers that others have written.

use super::{builder::MockIssuerBuilder, pats::PersonalAccessTokens};

/// Flows of people.
impl MockIssuerBuilder {
    /// The path of the authorization endpoint. Default: `/authorize`.
    pub fn authorization_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.authorization_path);
        self
    }

    /// Users make personal access tokens, list and remove them. Each request is made with an access
    /// token that the user signed in for (in `Authorization: Bearer …`), never with a personal one.
    ///
    /// ```text
    /// POST /pats {"name": "backup", "expires": "2026-06-30", "scopes": ["my_api"]}
    ///     201 {"id": …, "token": "backup-2026-01-01-2026-06-30--…", …}: shown once
    /// GET /pats
    ///     200 [{"id": …, "name": …, "scopes": …, "created": …, "expires": …, "last_used": …, "revoked": …}]
    /// DELETE /pats/ID
    ///     204
    /// ```
    ///
    /// Default: no such tokens.
    pub fn personal_access_tokens(mut self, tokens: PersonalAccessTokens) -> Self {
        self.pats = Some(tokens);
        self
    }

    /// Every authorization request must carry a `code_challenge` (RFC 7636 §4.4.1, RFC 9700 §2.1.1).
    /// Default: a client may leave it out.
    pub const fn require_pkce(mut self) -> Self {
        self.requires_pkce = true;
        self
    }
}
