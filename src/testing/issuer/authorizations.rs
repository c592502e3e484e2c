//! Authorizations: remembering a consent, tying a flow together, taking both back.

use super::{
    MockIssuer,
    store::{AuthorizationEntry, AuthorizationKind, AuthorizationStatus, Store},
};
use crate::clock::UnixTime;

impl Store {
    /// The last authorization that remembers this user's consent to all these scopes.
    pub(crate) fn permanent_for(
        &self,
        subject: &str,
        client: &str,
        scopes: &[String],
    ) -> Option<&AuthorizationEntry> {
        self.authorizations.iter().rev().find(|entry| {
            entry.kind == AuthorizationKind::Permanent
                && entry.status == AuthorizationStatus::Valid
                && (&*entry.subject, &*entry.client) == (subject, client)
                && scopes.iter().all(|scope| entry.scopes.contains(scope))
        })
    }

    /// A new authorization. Returns its name.
    pub(crate) fn authorize(
        &mut self,
        kind: AuthorizationKind,
        subject: &str,
        client: &str,
        scopes: &[String],
        created: UnixTime,
    ) -> String {
        let id = self.name("authorization");
        self.authorizations.push(AuthorizationEntry {
            id: id.clone(),
            kind,
            status: AuthorizationStatus::Valid,
            subject: subject.to_owned(),
            client: client.to_owned(),
            scopes: scopes.to_vec(),
            created,
        });
        id
    }

    /// Takes an authorization back. Its tokens stay as they are: they do not count any more, because
    /// it does not.
    fn revoke_authorization(&mut self, id: &str) -> bool {
        let mut entries = self.authorizations.iter_mut();
        let valid = AuthorizationStatus::Valid;
        let Some(entry) = entries.find(|entry| entry.id == id && entry.status == valid) else {
            return false;
        };
        entry.status = AuthorizationStatus::Revoked;
        true
    }
}

/// Authorizations.
impl MockIssuer {
    /// Remembers a consent that an administrator gave in this user's place: what a client of
    /// [`ConsentType::External`](super::ConsentType::External) needs. Returns the name.
    pub fn authorize_permanently(&self, subject: &str, client: &str, scopes: &[&str]) -> String {
        let (now, scopes) = (self.clock().now(), super::estate::owned(scopes));
        self.state().store.authorize(AuthorizationKind::Permanent, subject, client, &scopes, now)
    }

    /// Takes an authorization back: nobody gets a token for it any more, and introspection says of
    /// its tokens that they are not active. Their entries stay valid, as OpenIddict's do: who looks
    /// at those alone does not learn of it. Whether there was one to take back.
    pub fn revoke_authorization(&self, id: &str) -> bool {
        self.state().store.revoke_authorization(id)
    }
}
