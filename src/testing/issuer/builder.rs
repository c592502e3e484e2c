//! Configuring the issuer.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    MockIssuer,
    estate::{Api, Client, User},
    grant::GrantSettings,
    katana::Katana,
    key_ring::KeyRing,
    ledger::Saved,
    pats::PersonalAccessTokens,
    portal::Portal,
    protection::Protection,
    store::{ClientEntry, Store, UserEntry},
};
use crate::{
    clock::{Clock, SystemClock},
    error::BuildError,
    jwt::Algorithm,
    scheme::TicketCookie,
    ticket::aspnet::MachineKey,
};

/// Makes a [`MockIssuer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct MockIssuerBuilder {
    pub(super) algorithm: Algorithm,
    pub(super) apis: Vec<Api>,
    pub(super) audience: String,
    pub(super) authorization_path: String,
    pub(super) clients: Vec<ClientEntry>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cors_origin: Option<String>,
    pub(super) grants: GrantSettings,
    pub(super) identity_server: bool,
    pub(super) introspection_path: String,
    pub(super) issuer: Option<String>,
    pub(super) katana: Option<Katana>,
    pub(super) pages: Vec<Page>,
    pub(super) password_error: (String, String),
    pub(super) pats: Option<PersonalAccessTokens>,
    pub(super) portal: Option<Portal>,
    pub(super) protection: Protection,
    pub(super) requires_pkce: bool,
    pub(super) restored: Option<Value>,
    pub(super) revocation_path: String,
    pub(super) scope: Option<String>,
    pub(super) token_path: String,
    pub(super) userinfo_path: String,
    pub(super) users: Vec<UserEntry>,
}

/// A page at a path of its own.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) path: String,
    pub(super) text: Arc<dyn Fn(&MockIssuer) -> String + Send + Sync>,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}

impl MockIssuerBuilder {
    pub(super) fn new() -> Self {
        Self {
            algorithm: Algorithm::RS256,
            apis: Vec::new(),
            audience: "https://api.example".to_owned(),
            authorization_path: "/authorize".to_owned(),
            clients: Vec::new(),
            clock: Arc::new(SystemClock),
            cors_origin: None,
            grants: GrantSettings::default(),
            identity_server: false,
            introspection_path: "/introspect".to_owned(),
            issuer: None,
            katana: None,
            pages: Vec::new(),
            password_error: ("invalid_grant".to_owned(), "invalid_username_or_password".to_owned()),
            pats: None,
            portal: None,
            protection: Protection::default(),
            requires_pkce: false,
            restored: None,
            revocation_path: "/revoke".to_owned(),
            scope: None,
            token_path: "/token".to_owned(),
            userinfo_path: "/userinfo".to_owned(),
            users: Vec::new(),
        }
    }

    /// The algorithm of the first key. Default: RS256.
    pub const fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// An API. Once there is one, a token of `/token` is for the API that owns one of its scopes; if
    /// none does it has no `aud`. Scopes of several APIs are refused (RFC 9068 §3), unless it is an
    /// [`identity_server`](Self::identity_server), whose token is for all of them.
    pub fn api(mut self, api: Api) -> Self {
        self.apis.push(api);
        self
    }

    /// The audience of tokens. Default: `https://api.example`.
    pub fn audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.audience);
        self
    }

    /// A client.
    pub fn client(mut self, client: Client) -> Self {
        self.clients.push(client.0);
        self
    }

    /// The clock. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Pages of this origin may read what `/token` answers, and send cookies along. Default: none.
    pub fn cors_origin(mut self, origin: &str) -> Self {
        self.cors_origin = Some(origin.to_owned());
        self
    }

    /// As IdentityServer4 does it: its paths (`/connect/token` and so on), tokens in the shape of
    /// [`TokenBuilder::identity_server`](crate::testing::TokenBuilder::identity_server), and no
    /// `sub` where there is no user.
    pub fn identity_server(mut self) -> Self {
        self.identity_server = true;
        self.authorization_path("/connect/authorize")
            .introspection_path("/connect/introspect")
            .revocation_path("/connect/revocation")
            .token_path("/connect/token")
            .userinfo_path("/connect/userinfo")
    }

    /// The path of the introspection endpoint. Default: `/introspect`.
    pub fn introspection_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.introspection_path);
        self
    }

    /// The issuer's URL, which may have a path. Default: `https://issuer.test`, and on a socket
    /// the socket's address.
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.to_owned());
        self
    }

    /// As Katana's authorization server does it: the access tokens of `/token` are tickets under this
    /// machine key, for one day, with the claims name and `role` (`user`). Clients may be
    /// [unnamed](Self::unnamed_clients). For its way of speaking see [`compat`](Self::compat).
    pub fn katana(mut self, key: MachineKey) -> Self {
        self.katana = Some(Katana::new(key));
        self.grants.public = true;
        self.access_token_lifetime(Duration::from_secs(86_400))
    }

    /// A page of plain text at this path, for GET and POST. It is no endpoint: no fault hits it, and
    /// it answers while the issuer is down.
    pub fn page(
        mut self,
        path: &str,
        text: impl Fn(&MockIssuer) -> String + Send + Sync + 'static,
    ) -> Self {
        self.pages.push(Page { path: path.to_owned(), text: Arc::new(text) });
        self
    }

    /// What a wrong password is answered. Default: `invalid_grant`,
    /// `invalid_username_or_password`.
    pub fn password_error(mut self, error: &str, description: &str) -> Self {
        self.password_error = (error.to_owned(), description.to_owned());
        self
    }

    /// An application beside the issuer that signs users in with FormsAuthentication, in this cookie
    /// and under this machine key: `POST /portal/login` with `username` and `password`, `POST
    /// /portal/logout`. Sessions last 30 minutes.
    ///
    /// With [`katana`](Self::katana) the two know each other: a password grant without name or
    /// password is for whom the cookie names, if the request comes from no other site's page; one
    /// with both signs the user in.
    ///
    /// # Errors
    /// The key cannot protect forms tickets.
    pub fn portal(mut self, cookie: TicketCookie, key: MachineKey) -> Result<Self, BuildError> {
        self.portal = Some(Portal::new(cookie, key)?);
        Ok(self)
    }

    /// Starts from what another issuer [saved](MockIssuer::save): its keys, users, clients, tokens and
    /// authorizations. Of the users and clients that are named here, those count that it does not
    /// know. Paths, APIs and the like are not saved.
    ///
    /// # Panics
    /// In [`build`](Self::build), if this is nothing that an issuer saved.
    pub fn restore(mut self, saved: &Value) -> Self {
        self.restored = Some(saved.clone());
        self
    }

    /// The path of the revocation endpoint. Default: `/revoke`.
    pub fn revocation_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.revocation_path);
        self
    }

    /// The scope of [`MockIssuer::token`]. Default: none.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scope = Some(scope.to_owned());
        self
    }

    /// The path of the token endpoint. Default: `/token`.
    pub fn token_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.token_path);
        self
    }

    /// A user.
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user.0);
        self
    }

    /// The path of the userinfo endpoint. Default: `/userinfo`.
    pub fn userinfo_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.userinfo_path);
        self
    }

    /// The issuer.
    #[must_use]
    pub fn build(mut self) -> MockIssuer {
        let (ring, mut store) = match self.restored.take() {
            None => (KeyRing::new(self.algorithm), Store::default()),
            Some(saved) => {
                let saved: Saved = serde_json::from_value(saved).expect("an issuer saved it");
                (KeyRing::restore(saved.ring).expect("an issuer saved it"), saved.store)
            }
        };
        store.introduce(&self.clients, &self.users);
        MockIssuer::from_parts(self, ring, store)
    }
}
