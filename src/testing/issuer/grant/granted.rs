//! What a grant came to, before there is a token.

use serde_json::{Map, Value};

use super::super::store::{ClientEntry, TokenEntry, UserEntry};

/// What the issuer is about to grant, as a hook sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// `grant_type` of the request.
    pub grant_type: String,
    /// The client that asks. `None` where none was asked for.
    pub client: Option<String>,
    /// The user. `None` where a client asks for itself.
    pub subject: Option<String>,
    /// The scopes of the access token.
    pub scopes: Vec<String>,
    /// The user's roles, as they are now.
    pub roles: Vec<String>,
    /// The user's claims, as they are now.
    pub claims: Map<String, Value>,
    /// The properties of the ticket, as they were at the first grant.
    pub properties: Map<String, Value>,
}

/// Who gets a token, through whom, and for what.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) grant: String,
    pub(crate) client: Option<ClientEntry>,
    pub(crate) user: Option<UserEntry>,
    pub(crate) scopes: Vec<String>,
    /// The code or the refresh token that is exchanged: chain, authorization and properties are its.
    pub(crate) parent: Option<TokenEntry>,
    pub(crate) authorization: Option<String>,
    /// Claims of this access token alone.
    pub(crate) claims: Map<String, Value>,
    pub(crate) properties: Map<String, Value>,
}

impl Granted {
    /// To a user, through a client where one was asked for.
    pub(crate) fn to_user(
        grant: &str,
        client: Option<ClientEntry>,
        user: UserEntry,
        scopes: Vec<String>,
    ) -> Self {
        Self { client, user: Some(user), ..Self::bare(grant, scopes) }
    }

    /// To a client for itself.
    pub(super) fn to_client(grant: &str, client: ClientEntry, scopes: Vec<String>) -> Self {
        Self { client: Some(client), ..Self::bare(grant, scopes) }
    }

    /// In exchange for this token.
    pub(crate) fn in_exchange_for(self, parent: TokenEntry) -> Self {
        Self {
            authorization: parent.authorization.clone(),
            properties: parent.properties.clone(),
            parent: Some(parent),
            ..self
        }
    }

    pub(crate) fn client_id(&self) -> Option<&str> {
        self.client.as_ref().map(|client| &*client.id)
    }

    pub(crate) fn subject(&self) -> Option<&str> {
        self.user.as_ref().map(|user| &*user.name)
    }

    pub(crate) fn view(&self) -> Grant {
        let user = self.user.as_ref();
        Grant {
            grant_type: self.grant.clone(),
            client: self.client_id().map(str::to_owned),
            subject: self.subject().map(str::to_owned),
            scopes: self.scopes.clone(),
            roles: user.map(|user| user.roles.clone()).unwrap_or_default(),
            claims: user.map(|user| user.claims.clone()).unwrap_or_default(),
            properties: self.properties.clone(),
        }
    }

    fn bare(grant: &str, scopes: Vec<String>) -> Self {
        Self {
            grant: grant.to_owned(),
            client: None,
            user: None,
            scopes,
            parent: None,
            authorization: None,
            claims: Map::new(),
            properties: Map::new(),
        }
    }
}
