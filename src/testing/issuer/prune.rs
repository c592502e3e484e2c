//! Removing what nobody needs any more.

use std::time::Duration;

use super::{
    MockIssuer,
    store::{
        AuthorizationEntry, AuthorizationKind, AuthorizationStatus, Store, TokenEntry, TokenStatus,
    },
};
use crate::clock::UnixTime;

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Authorizations.
    pub authorizations: usize,
    /// Tokens.
    pub tokens: usize,
}

/// Pruning.
impl MockIssuer {
    /// Removes from the store what is older than this and
    ///
    /// 1. of the tokens: what has expired, what is neither valid nor inactive, and what belongs to an
    ///    authorization that is not valid;
    /// 2. then of the authorizations, of either kind: what is not valid, and what was made for one
    ///    flow and has no token left.
    ///
    /// An authorization that remembers a consent and is valid stays for ever. OpenIddict says 14 days
    /// unless it is told otherwise; less than ten minutes counts as ten, there and here.
    pub fn prune(&self, older_than: Duration) -> Pruned {
        let now = self.clock().now();
        prune(&mut self.state().store, now, now - older_than.max(SHORTEST))
    }
}

/// What was created after `until` stays.
fn prune(store: &mut Store, now: UnixTime, until: UnixTime) -> Pruned {
    let before = (store.authorizations.len(), store.tokens.iter().count());
    let authorizations = std::mem::take(&mut store.authorizations);
    let is_revoked = |id: &String| {
        let mut entries = authorizations.iter();
        !entries.any(|entry| entry.id == *id && entry.status == AuthorizationStatus::Valid)
    };
    store.tokens.retain(|entry| {
        entry.created > until
            || !is_done_with(entry, now) && !entry.authorization.as_ref().is_some_and(is_revoked)
    });
    store.authorizations = authorizations;
    let tokens = &store.tokens;
    store.authorizations.retain(|entry| {
        let has_tokens =
            || tokens.iter().any(|token| token.authorization.as_ref() == Some(&entry.id));
        entry.created > until || is_needed(entry, has_tokens)
    });
    Pruned {
        authorizations: before.0 - store.authorizations.len(),
        tokens: before.1 - store.tokens.iter().count(),
    }
}

fn is_done_with(entry: &TokenEntry, now: UnixTime) -> bool {
    let stands = matches!(entry.status, TokenStatus::Inactive | TokenStatus::Valid);
    !stands || entry.expires.is_some_and(|end| end <= now)
}

fn is_needed(entry: &AuthorizationEntry, has_tokens: impl FnOnce() -> bool) -> bool {
    let valid = entry.status == AuthorizationStatus::Valid;
    valid && (entry.kind == AuthorizationKind::Permanent || has_tokens())
}

const SHORTEST: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::issuer::store::TokenKind;

    const DAY: u64 = 86_400;

    fn at(day: u64) -> UnixTime {
        UnixTime::from_secs(day * DAY)
    }

    /// A store with one token, of an authorization that is valid or not or of none.
    fn store(status: TokenStatus, expires: Option<u64>, authorized: Option<bool>) -> Store {
        let mut store = Store::default();
        let mut entry = TokenEntry::new("t".to_owned(), TokenKind::Refresh, "text", at(0));
        entry.status = status;
        entry.expires = expires.map(at);
        entry.authorization = authorized.map(|valid| {
            let id = store.authorize(AuthorizationKind::AdHoc, "alice", "c", &[], at(0));
            if !valid {
                store.authorizations[0].status = AuthorizationStatus::Revoked;
            }
            id
        });
        store.tokens.insert(entry);
        store
    }

    #[test]
    fn tokens() {
        use TokenStatus::{Inactive, Redeemed, Rejected, Revoked, Valid};
        for (status, expires, authorized, tokens, authorizations) in [
            (Valid, Some(20), None, 0, 0),
            (Valid, None, None, 0, 0),
            (Inactive, Some(20), None, 0, 0),
            (Valid, Some(15), None, 1, 0),
            (Valid, Some(20), Some(true), 0, 0),
            (Valid, Some(20), Some(false), 1, 1),
            (Redeemed, Some(20), Some(true), 1, 1),
            (Rejected, Some(20), None, 1, 0),
            (Revoked, Some(20), None, 1, 0),
        ] {
            let mut kept = store(status, expires, authorized);
            let pruned = prune(&mut kept, at(15), at(1));
            assert_eq!(pruned, Pruned { authorizations, tokens }, "{status:?} {expires:?}");
            // what is young stays, whatever it is
            let mut young = store(status, expires, authorized);
            let before = UnixTime::EPOCH;
            young.tokens.get_mut("t").unwrap().created = at(1);
            for entry in &mut young.authorizations {
                entry.created = at(1);
            }
            assert_eq!(prune(&mut young, at(15), before), Pruned::default(), "{status:?}");
        }
        let mut gone = store(Valid, Some(20), Some(true));
        gone.authorizations.clear();
        assert_eq!(prune(&mut gone, at(15), at(1)).tokens, 1, "an authorization that is not there");
    }

    #[test]
    fn authorizations() {
        for (kind, status, pruned) in [
            (AuthorizationKind::AdHoc, AuthorizationStatus::Valid, 1),
            (AuthorizationKind::AdHoc, AuthorizationStatus::Revoked, 1),
            (AuthorizationKind::Permanent, AuthorizationStatus::Valid, 0),
            (AuthorizationKind::Permanent, AuthorizationStatus::Revoked, 1),
        ] {
            let mut store = Store::default();
            store.authorize(kind, "alice", "c", &[], at(1));
            store.authorizations[0].status = status;
            assert_eq!(prune(&mut store, at(15), at(0)), Pruned::default());
            let pruned_now = prune(&mut store, at(15), at(1));
            assert_eq!(pruned_now, Pruned { authorizations: pruned, tokens: 0 }, "{kind:?}");
        }
    }
}
