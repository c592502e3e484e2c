//! Configuring flows in which people take part, and issuers that others have written.

use std::time::Duration;

use super::{builder::MockIssuerBuilder, grant::RefreshTokens, pats::PersonalAccessTokens};
use crate::{jwt::jwe::KeyManagement, testing::encryption_key::EncryptionKey};

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

/// Issuers that others have written; [`identity_server`](MockIssuerBuilder::identity_server) is one
/// of them.
impl MockIssuerBuilder {
    /// As the project template of ASP.NET sets Katana's authorization server up: the path `/Token`,
    /// [`compat`](Self::compat), over http too, no named clients, tokens for 14 days, and the
    /// [properties of the ticket](Self::copy_ticket_properties) in the answer. Its tokens are tickets
    /// with [`katana`](Self::katana).
    pub fn katana_template(self) -> Self {
        self.compat()
            .allow_insecure_http()
            .unnamed_clients()
            .access_token_lifetime(FORTNIGHT)
            .copy_ticket_properties()
            .token_path("/Token")
    }

    /// As OpenIddict does it:
    ///
    /// 1. The paths of its samples: `/connect/authorize`, `/connect/token` and so on.
    /// 2. Access tokens are encrypted (RSA-OAEP, A256CBC-HS512), to the first of the fixed keys, by
    ///    the name `e1`; see [`encrypt_access_tokens`](Self::encrypt_access_tokens). They
    ///    [name their entries](Self::entry_claims).
    /// 3. Refresh tokens, for 14 days, are JWTs of a type of their own: `oi_reft+jwt`.
    /// 4. Introspection tells [scopes to audiences alone](Self::scopes_for_audiences).
    ///
    /// Its codes and its rules for consent, refreshing and pruning are this issuer's anyway.
    ///
    /// ```
    /// use portcullis::{jwt::jwe::KeyManagement, testing::{EncryptionKey, MockIssuer}};
    ///
    /// let issuer = MockIssuer::builder().openiddict().build();
    /// let api_key = EncryptionKey::new("e1", KeyManagement::RsaOaep).decryption_key();
    /// # let _ = (issuer, api_key);
    /// ```
    pub fn openiddict(self) -> Self {
        self.authorization_path("/connect/authorize")
            .introspection_path("/connect/introspect")
            .revocation_path("/connect/revoke")
            .token_path("/connect/token")
            .userinfo_path("/connect/userinfo")
            .encrypt_access_tokens(EncryptionKey::new("e1", KeyManagement::RsaOaep))
            .entry_claims()
            .scopes_for_audiences()
            .refresh_tokens(RefreshTokens::new(FORTNIGHT).jwt("oi_reft+jwt"))
    }
}

const FORTNIGHT: Duration = Duration::from_secs(14 * 86_400);
