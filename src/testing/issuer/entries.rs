//! The issuer's entries, as a resource server in the same database sees them.

use super::{
    MockIssuer,
    store::{AuthorizationStatus, TokenStatus},
};
use crate::{
    attempt::Attempt,
    error::AuthError,
    token::{Entry, EntryKind, EntryStatus, EntryStore},
};

/// For an [`EntryCheck`](crate::token::EntryCheck) beside it; its tokens name their entries with
/// [`entry_claims`](super::MockIssuerBuilder::entry_claims). Of another issuer's entries it knows none.
impl EntryStore for MockIssuer {
    fn status(&self, entry: &Entry) -> Attempt<Result<EntryStatus, AuthError>> {
        let status = match entry.kind {
            _ if *entry.issuer != *self.url() => None,
            EntryKind::Authorization => {
                let state = self.state();
                let mut entries = state.store.authorizations.iter();
                entries.find(|authorization| *authorization.id == *entry.id).map(|authorization| {
                    match authorization.status {
                        AuthorizationStatus::Revoked => EntryStatus::Revoked,
                        AuthorizationStatus::Valid => EntryStatus::Valid,
                    }
                })
            }
            EntryKind::Token => self.token_status(&entry.id).map(|status| match status {
                TokenStatus::Inactive => EntryStatus::Inactive,
                TokenStatus::Redeemed => EntryStatus::Redeemed,
                TokenStatus::Rejected => EntryStatus::Rejected,
                TokenStatus::Revoked => EntryStatus::Revoked,
                TokenStatus::Valid => EntryStatus::Valid,
            }),
        };
        Attempt::ready(Ok(status.unwrap_or(EntryStatus::Gone)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_its_own_entries_and_no_others() {
        let issuer = MockIssuer::new();
        let token = issuer.opaque_token(&issuer.token());
        let token_id = issuer.entry(&token).unwrap().id;
        let authorization_id = issuer.authorize_permanently("alice", "app", &["orders"]);
        let status = |kind, of: &str, id: &str| {
            let entry = Entry { kind, issuer: of.into(), id: id.into() };
            issuer.status(&entry).into_ready().unwrap().unwrap()
        };
        let token = |of: &str, id: &str| status(EntryKind::Token, of, id);
        let authorization = |id: &str| status(EntryKind::Authorization, &issuer.url(), id);

        assert_eq!(token(&issuer.url(), &token_id), EntryStatus::Valid);
        assert_eq!(token("https://other.test", &token_id), EntryStatus::Gone);
        assert_eq!(token(&issuer.url(), "nothing"), EntryStatus::Gone);
        assert_eq!(authorization(&authorization_id), EntryStatus::Valid);
        assert_eq!(authorization(&token_id), EntryStatus::Gone);

        issuer.revoke_user("alice");
        assert_eq!(token(&issuer.url(), &token_id), EntryStatus::Revoked);
        assert_eq!(authorization(&authorization_id), EntryStatus::Revoked);
    }
}
