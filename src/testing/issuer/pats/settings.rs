//! What personal access tokens are like here.

use std::time::Duration;

/// Personal access tokens of an issuer; see
/// [`MockIssuerBuilder::personal_access_tokens`](crate::testing::MockIssuerBuilder::personal_access_tokens).
#[derive(Clone, Debug)]
#[must_use]
pub struct PersonalAccessTokens {
    pub(super) client: String,
    pub(super) longest: usize,
    pub(super) max_lifetime: Duration,
    pub(super) path: String,
}

impl PersonalAccessTokens {
    /// Tokens of the client `pat_client`, managed at `/pats`.
    pub fn new() -> Self {
        Self {
            client: "pat_client".to_owned(),
            longest: 150,
            max_lifetime: Duration::from_secs(366 * 86_400),
            path: "/pats".to_owned(),
        }
    }

    /// The client that the tokens belong to. Its scopes are what a user may put into one; disabling
    /// it ends them all. Default: `pat_client`.
    pub fn client(mut self, id: &str) -> Self {
        id.clone_into(&mut self.client);
        self
    }

    /// How long a whole token may be, with its label. Where the API reads less, what is issued could
    /// not be used. Default: 150 bytes; IdentityServer4 reads 100 by default.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// The longest life: a later end is brought forward, and the answer says so. Default: 366 days.
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Where they are managed. Default: `/pats`.
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// What stands behind the path: `""` for all of them, or `/NAME`.
    pub(in super::super) fn rest_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&*self.path)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }
}

impl Default for PersonalAccessTokens {
    fn default() -> Self {
        Self::new()
    }
}
