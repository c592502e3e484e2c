//! Refresh tokens as real applications got them wrong.

/// A fault that refresh tokens of real applications had; see
/// [`MockIssuerBuilder::flawed_refresh`](crate::testing::MockIssuerBuilder::flawed_refresh).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshFlaw {
    /// They stand in a dictionary of the process, from which nothing is removed: each is good for
    /// ever, for every client, whatever became of the user; an unknown one is status 500, and all are
    /// lost by a restart.
    Dictionary,
    /// They are texts that the issuer only opens: each is good until it expires, for every client,
    /// whatever became of the user.
    SelfContained,
    /// Made of the access token's ticket, they expire together with it.
    SharedExpiry,
}

impl RefreshFlaw {
    /// Nobody notices that a token was used before.
    pub(super) const fn is_reusable(self) -> bool {
        !matches!(self, Self::SharedExpiry)
    }
}
