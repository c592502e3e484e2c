//! Who and what the issuer knows: APIs, clients, users.

use std::time::Duration;

use serde_json::{Map, Value};

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
pub struct Client {
    pub(super) id: String,
    pub(super) secret: Option<String>,
    pub(super) grants: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) audience: Option<String>,
    pub(super) lifetime: Duration,
    pub(super) disabled: bool,
    pub(super) opaque_tokens: bool,
}

impl Client {
    /// A client without a secret, grants or scopes, whose tokens live one hour.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: None,
            grants: Vec::new(),
            scopes: Vec::new(),
            audience: None,
            lifetime: Duration::from_secs(3600),
            disabled: false,
            opaque_tokens: false,
        }
    }

    /// The audience of its tokens, whatever their scopes.
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.to_owned());
        self
    }

    /// A grant that it may use: `client_credentials` or `password`. May be said twice.
    pub fn grant(mut self, grant: &str) -> Self {
        self.grants.push(grant.to_owned());
        self
    }

    /// How long its tokens live. Default: one hour.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Its access tokens are opaque. Default: they are JWTs.
    pub const fn opaque_tokens(mut self) -> Self {
        self.opaque_tokens = true;
        self
    }

    /// The scopes that it may have. It gets all of them if it names none.
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = owned(scopes);
        self
    }

    /// Its secret, sent in the form or by Basic.
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }
}

/// A user with a password.
#[derive(Clone, Debug)]
#[must_use]
pub struct User {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) claims: Map<String, Value>,
    pub(super) inactive: bool,
    pub(super) undecided: bool,
}

impl User {
    /// A user; the name is the `sub` of the tokens.
    pub fn new(name: &str, password: &str) -> Self {
        Self {
            name: name.to_owned(),
            password: password.to_owned(),
            claims: Map::new(),
            inactive: false,
            undecided: false,
        }
    }

    /// Whoever judges the password neither accepts nor refuses it, as a provider of Katana that
    /// forgets to: `invalid_grant`, without a word why.
    pub const fn undecided(mut self) -> Self {
        self.undecided = true;
        self
    }

    /// A claim of the tokens and of userinfo.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
