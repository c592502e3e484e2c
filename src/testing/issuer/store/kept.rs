//! Everything that outlives a restart, but for the keys.

use serde::{Deserialize, Serialize};

use super::{
    authorization::{AuthorizationEntry, AuthorizationStatus},
    client::ClientEntry,
    token::TokenEntry,
    tokens::Tokens,
    user::UserEntry,
};

/// Users, clients, tokens and authorizations, each in the order in which they came.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Store {
    pub(crate) authorizations: Vec<AuthorizationEntry>,
    pub(crate) clients: Vec<ClientEntry>,
    pub(crate) tokens: Tokens,
    pub(crate) users: Vec<UserEntry>,
    /// How many names were given.
    named: u64,
}

impl Store {
    /// A name that nothing else here has: `token-1`, `authorization-2`.
    pub(crate) fn name(&mut self, of: &str) -> String {
        self.named += 1;
        format!("{of}-{}", self.named)
    }

    pub(crate) fn client(&self, id: &str) -> Option<&ClientEntry> {
        self.clients.iter().find(|client| client.id == id)
    }

    pub(crate) fn user(&self, name: &str) -> Option<&UserEntry> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(crate) fn user_mut(&mut self, name: &str) -> Option<&mut UserEntry> {
        self.users.iter_mut().find(|user| user.name == name)
    }

    pub(crate) fn authorization(&self, id: &str) -> Option<&AuthorizationEntry> {
        self.authorizations.iter().find(|authorization| authorization.id == id)
    }

    /// Adds what the store does not know by its name.
    pub(crate) fn introduce(&mut self, clients: &[ClientEntry], users: &[UserEntry]) {
        for client in clients {
            if self.client(&client.id).is_none() {
                self.clients.push(client.clone());
            }
        }
        for user in users {
            if self.user(&user.name).is_none() {
                self.users.push(user.clone());
            }
        }
    }

    /// Removes a user and revokes whatever was granted for them. Whether there was one.
    pub(crate) fn delete_user(&mut self, name: &str) -> bool {
        let before = self.users.len();
        self.users.retain(|user| user.name != name);
        self.revoke_subject(name);
        self.users.len() < before
    }

    /// Revokes every token and every authorization of this user. Returns how many.
    pub(crate) fn revoke_subject(&mut self, subject: &str) -> usize {
        self.revoke_all(|of, _| of == Some(subject))
    }

    /// Revokes every token and every authorization of this client. Returns how many.
    pub(crate) fn revoke_client(&mut self, client: &str) -> usize {
        self.revoke_all(|_, of| of == Some(client))
    }

    /// Its user, its client and its authorization, as far as it has them, still count.
    pub(crate) fn still_stands(&self, token: &TokenEntry) -> bool {
        let client = token.client.as_deref().and_then(|id| self.client(id));
        let user = token.subject.as_deref().and_then(|name| self.user(name));
        let authorization = token.authorization.as_deref().map(|id| self.authorization(id));
        client.is_none_or(|client| !client.disabled)
            && user.is_none_or(UserEntry::is_active)
            && authorization.is_none_or(|found| {
                found.is_some_and(|found| found.status == AuthorizationStatus::Valid)
            })
    }

    /// By subject and client.
    fn revoke_all(&mut self, concerned: impl Fn(Option<&str>, Option<&str>) -> bool) -> usize {
        let mut count = 0;
        for entry in &mut self.authorizations {
            let valid = entry.status == AuthorizationStatus::Valid;
            if valid && concerned(Some(&entry.subject), Some(&entry.client)) {
                entry.status = AuthorizationStatus::Revoked;
                count += 1;
            }
        }
        count
            + self
                .tokens
                .revoke(|entry| concerned(entry.subject.as_deref(), entry.client.as_deref()))
    }
}
