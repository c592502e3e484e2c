//! A user, as the store keeps one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::handle::random_handle;

/// Everything about a user. One who is deleted is not here any more.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct UserEntry {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) claims: Map<String, Value>,
    pub(crate) roles: Vec<String>,
    /// Another one after each change that ends what was granted before (ASP.NET's security stamp).
    pub(crate) stamp: String,
    pub(crate) state: UserState,
    /// Whoever judges the password neither accepts nor refuses it.
    pub(crate) undecided: bool,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum UserState {
    Active,
    Inactive,
    Locked,
}

impl UserEntry {
    pub(crate) fn new(name: &str, password: &str) -> Self {
        Self {
            name: name.to_owned(),
            password: password.to_owned(),
            claims: Map::new(),
            roles: Vec::new(),
            stamp: random_handle(8),
            state: UserState::Active,
            undecided: false,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.state == UserState::Active
    }

    pub(crate) fn change_password(&mut self, password: &str) {
        password.clone_into(&mut self.password);
        self.stamp = random_handle(8);
    }
}
