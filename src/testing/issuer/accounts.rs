//! Users and clients in a test's hand.

use super::{
    MockIssuer,
    estate::{User, owned},
    store::{UserEntry, UserState, random_handle},
};

/// Users.
impl MockIssuer {
    /// One more user, unless there is one of this name.
    pub fn add_user(&self, user: User) {
        self.state().store.introduce(&[], &[user.0]);
    }

    /// Gives a user another password, and with it another [stamp](Self::stamp): what was granted
    /// before cannot be refreshed. A token that was issued lives on until it expires.
    pub fn change_password(&self, name: &str, password: &str) {
        self.change_user(name, |user| user.change_password(password));
    }

    /// From now on this user gets no token, and their tokens are refused by userinfo and
    /// introspection.
    pub fn deactivate_user(&self, name: &str) {
        self.change_user(name, |user| user.state = UserState::Inactive);
    }

    /// Removes a user and revokes everything that was granted for them.
    pub fn delete_user(&self, name: &str) {
        self.state().store.delete_user(name);
    }

    /// From now on this user gets no token, and their tokens are refused by userinfo and
    /// introspection, until [`unlock_user`](Self::unlock_user).
    pub fn lock_user(&self, name: &str) {
        self.change_user(name, |user| user.state = UserState::Locked);
    }

    /// Gives a user these roles in place of the old ones. Tokens that were issued keep theirs.
    pub fn set_roles(&self, name: &str, roles: &[&str]) {
        self.change_user(name, |user| user.roles = owned(roles));
    }

    /// The stamp of a user, which another password changes (ASP.NET's security stamp). `None`: there
    /// is no such user.
    #[must_use]
    pub fn stamp(&self, name: &str) -> Option<String> {
        self.state().store.user(name).map(|user| user.stamp.clone())
    }

    /// Gives a user another stamp: "sign out everywhere".
    pub fn renew_stamp(&self, name: &str) {
        self.change_user(name, |user| user.stamp = random_handle(8));
    }

    /// This user gets tokens again.
    pub fn unlock_user(&self, name: &str) {
        self.change_user(name, |user| user.state = UserState::Active);
    }

    fn change_user(&self, name: &str, change: impl FnOnce(&mut UserEntry)) {
        if let Some(user) = self.state().store.user_mut(name) {
            change(user);
        }
    }
}

/// Clients.
impl MockIssuer {
    /// From now on this client gets no token, and its tokens are refused by userinfo and
    /// introspection.
    pub fn disable_client(&self, id: &str) {
        for client in self.state().store.clients.iter_mut().filter(|client| client.id == id) {
            client.disabled = true;
        }
    }
}
