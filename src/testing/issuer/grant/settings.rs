//! What a builder says about grants.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{
    custom::{CustomGrant, GrantError, TokenRequest},
    flaw::RefreshFlaw,
    granted::Grant,
    refresh::RefreshTokens,
    sign_in::{CookieScheme, ExternalProvider},
};
use crate::ticket::TicketIdentity;

/// The settings of the token endpoint; see the words of the builder for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct GrantSettings {
    pub(crate) compat: bool,
    pub(super) check: Option<Hook<RequestCheck>>,
    pub(super) copy_properties: bool,
    pub(super) custom: Vec<CustomGrant>,
    pub(super) entry_claims: bool,
    pub(super) external: Option<ExternalProvider>,
    pub(crate) flaw: Option<RefreshFlaw>,
    pub(crate) identity: Option<Hook<Identify>>,
    pub(super) insecure_http: bool,
    /// Of access tokens where no client says otherwise.
    pub(crate) lifetime: Option<Duration>,
    pub(super) properties: Option<Hook<Members>>,
    pub(crate) public: bool,
    pub(super) refresh: Option<RefreshTokens>,
    pub(super) response_fields: Map<String, Value>,
    pub(super) response_hook: Option<Hook<Members>>,
    pub(super) scope_as_text: bool,
    pub(super) schemes: Vec<CookieScheme>,
    pub(super) sign_in_to: Option<String>,
    pub(super) stamp_claim: Option<String>,
    pub(super) static_audience: bool,
    pub(super) user_check: Option<Hook<UserCheck>>,
}

impl GrantSettings {
    /// `grant_types_supported` (RFC 8414 §2).
    pub(crate) fn names(&self) -> Vec<&str> {
        let known = ["client_credentials", "password"].into_iter();
        let refresh = self.refresh.map(|_| "refresh_token");
        known.chain(refresh).chain(self.custom.iter().map(|custom| &*custom.name)).collect()
    }
}

pub(crate) type Identify = dyn Fn(&Grant) -> TicketIdentity + Send + Sync;
pub(super) type Members = dyn Fn(&Grant) -> Map<String, Value> + Send + Sync;
pub(super) type RequestCheck = dyn Fn(&TokenRequest<'_>) -> Result<(), GrantError> + Send + Sync;
pub(super) type UserCheck = dyn Fn(&str, &str) -> bool + Send + Sync;

/// A function of the test's.
pub(crate) struct Hook<F: ?Sized>(pub(in super::super) Arc<F>);

impl<F: ?Sized> Clone for Hook<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<F: ?Sized> Deref for Hook<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.0
    }
}

impl<F: ?Sized> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hook")
    }
}
