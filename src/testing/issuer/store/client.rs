//! A client, as the store keeps one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::testing::issuer::consent::ConsentType;

/// Everything about a client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ClientEntry {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) grants: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: Option<String>,
    /// Of its access tokens.
    pub(crate) lifetime: Duration,
    pub(crate) disabled: bool,
    pub(crate) opaque_tokens: bool,
    /// Where its users go back to, exactly.
    #[serde(default)]
    pub(crate) redirect_uris: Vec<String>,
    /// How it comes by their consent.
    #[serde(default)]
    pub(crate) consent: ConsentType,
}

impl ClientEntry {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: None,
            grants: Vec::new(),
            scopes: Vec::new(),
            audience: None,
            lifetime: Duration::from_secs(3600),
            disabled: false,
            opaque_tokens: false,
            redirect_uris: Vec::new(),
            consent: ConsentType::default(),
        }
    }

    pub(crate) fn may_use(&self, grant: &str) -> bool {
        self.grants.iter().any(|allowed| allowed == grant)
    }
}
