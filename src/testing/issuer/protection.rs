//! How OpenIddict protects its tokens: encrypted, and told in full only to those they are for.

use super::{MockIssuer, builder::MockIssuerBuilder};
use crate::testing::{encryption_key::EncryptionKey, token::TokenBuilder};

#[derive(Clone, Debug, Default)]
pub(super) struct Protection {
    encryption: Option<EncryptionKey>,
    /// Introspection tells scopes to audiences alone.
    pub(super) scopes_for_audiences: bool,
}

/// Words about how tokens are protected.
impl MockIssuerBuilder {
    /// The access tokens of `/token` are encrypted to this key, as OpenIddict's are by default: by
    /// RSA-OAEP, or A256KW where the key is a secret, and A256CBC-HS512, with a signed JWT inside.
    /// `None`: they are signed alone. That is the default, but for [`openiddict`](Self::openiddict).
    pub fn encrypt_access_tokens(mut self, key: impl Into<Option<EncryptionKey>>) -> Self {
        self.protection.encryption = key.into();
        self
    }

    /// Introspection tells its caller as OpenIddict does:
    ///
    /// 1. nothing (`active: false`), if the token names audiences and presenters (`oi_prst`,
    ///    otherwise `client_id`) and the caller is neither;
    /// 2. neither scopes nor claims of the application, if the caller is no audience, or keeps no
    ///    secret;
    /// 3. otherwise everything.
    ///
    /// Default: nothing about a token that is not for the API.
    pub const fn scopes_for_audiences(mut self) -> Self {
        self.protection.scopes_for_audiences = true;
        self
    }
}

impl MockIssuer {
    /// The token as it is handed out.
    pub(super) fn protected(&self, token: &TokenBuilder) -> String {
        match &self.0.settings.protection.encryption {
            Some(key) => token.encrypted(key).build(),
            None => token.build(),
        }
    }
}
