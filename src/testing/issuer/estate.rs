//! Who and what the issuer knows: APIs, clients, users.

use std::time::Duration;

use serde_json::Value;

use super::consent::ConsentType;
use super::store::{ClientEntry, UserEntry};

/// An API: the audience of tokens that carry one of its scopes.
#[derive(Clone, Debug)]
#[must_use]
pub struct Api {
    pub(super) audience: String,
    pub(super) scopes: Vec<String>,
    pub(super) secret: Option<String>,
}

impl Api {
    /// An API by its audience, with the scopes that belong to it.
    pub fn new(audience: &str, scopes: &[&str]) -> Self {
        Self { audience: audience.to_owned(), scopes: owned(scopes), secret: None }
    }

    /// The secret by which it may introspect; its name is its audience. It is told only about tokens
    /// that are for it, and only of its own scopes.
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }
}

/// A client that may ask for tokens.
///
/// ```
/// use portcullis::testing::Client;
///
/// let client = Client::new("ropc_client").secret("secret").grant("password").scopes(&["api1"]);
/// # let _ = client;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Client(pub(super) ClientEntry);

impl Client {
    /// A client without a secret, grants or scopes, whose tokens live one hour.
    pub fn new(id: &str) -> Self {
        Self(ClientEntry::new(id))
    }

    /// The audience of its tokens, whatever their scopes.
    pub fn audience(mut self, audience: &str) -> Self {
        self.0.audience = Some(audience.to_owned());
        self
    }

    /// How it comes by its users' consent. Default: [`ConsentType::Explicit`].
    pub const fn consent(mut self, consent: ConsentType) -> Self {
        self.0.consent = consent;
        self
    }

    /// A grant that it may use: `authorization_code`, `client_credentials`, `password`,
    /// `refresh_token`. May be said twice.
    pub fn grant(mut self, grant: &str) -> Self {
        self.0.grants.push(grant.to_owned());
        self
    }

    /// How long its access tokens live. Default: one hour.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.0.lifetime = lifetime;
        self
    }

    /// Its access tokens are opaque. Default: they are JWTs.
    pub const fn opaque_tokens(mut self) -> Self {
        self.0.opaque_tokens = true;
        self
    }

    /// Where its users go back to, character by character (RFC 6749 §3.1.2.3). May be said twice.
    pub fn redirect_uri(mut self, uri: &str) -> Self {
        self.0.redirect_uris.push(uri.to_owned());
        self
    }

    /// The scopes that it may have. It gets all of them if it names none.
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.0.scopes = owned(scopes);
        self
    }

    /// Its secret, sent in the form or by Basic.
    pub fn secret(mut self, secret: &str) -> Self {
        self.0.secret = Some(secret.to_owned());
        self
    }
}

/// A user with a password.
#[derive(Clone, Debug)]
#[must_use]
pub struct User(pub(super) UserEntry);

impl User {
    /// A user; the name is the `sub` of the tokens.
    pub fn new(name: &str, password: &str) -> Self {
        Self(UserEntry::new(name, password))
    }

    /// Whoever judges the password neither accepts nor refuses it, as a provider of Katana that
    /// forgets to: `invalid_grant`, without a word why.
    pub const fn undecided(mut self) -> Self {
        self.0.undecided = true;
        self
    }

    /// A claim of the tokens and of userinfo.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Roles: the claim `roles` of a JWT (RFC 9068 §2.2.3.1), the claims `role` of a ticket. Default:
    /// none, and a ticket's is `user`.
    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.0.roles = owned(roles);
        self
    }
}

pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
