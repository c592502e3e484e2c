//! What a builder says about the token endpoint.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{
    super::MockIssuerBuilder,
    RefreshFlaw, RefreshTokens,
    custom::{CustomGrant, GrantError, TokenRequest},
    granted::Grant,
    settings::Hook,
};
use crate::ticket::TicketIdentity;

/// The token endpoint: who may ask, and for what.
impl MockIssuerBuilder {
    /// How long an access token lives that no client was asked for. Default: one hour; with
    /// [`katana`](Self::katana) one day.
    pub const fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.grants.lifetime = Some(lifetime);
        self
    }

    /// `/token` answers a request whose URI says http, from wherever. Default: only from loopback
    /// addresses.
    pub const fn allow_insecure_http(mut self) -> Self {
        self.grants.insecure_http = true;
        self
    }

    /// `/token` speaks as Katana's authorization server does, rather than RFC 6749:
    ///
    /// 1. The path in whatever case, any method, any content type. A repeated parameter is joined by
    ///    commas. http that is not [allowed](Self::allow_insecure_http) is status 404.
    /// 2. `bearer` in lower case, `expires_in` at times one second short, `Cache-Control: no-cache`,
    ///    `Expires: -1`.
    /// 3. Every error is status 400, without a challenge. No `grant_type` is
    ///    `unsupported_grant_type`; a refresh without its token is an exception, status 500. Basic
    ///    credentials that are broken count as absent, and nothing in them is decoded.
    ///
    /// Default: as RFC 6749 has it.
    pub const fn compat(mut self) -> Self {
        self.grants.compat = true;
        self
    }

    /// One more grant: whoever judges it says whose the token is, or what is wrong.
    ///
    /// ```
    /// use portcullis::testing::{GrantError, MockIssuer, User};
    ///
    /// let issuer = MockIssuer::builder()
    ///     .unnamed_clients()
    ///     .user(User::new("alice", "pw"))
    ///     .custom_grant("urn:example:door", |request| match request.parameter("knocks") {
    ///         Some("3") => Ok("alice".to_owned()),
    ///         _ => Err(GrantError::new("invalid_grant", "knock three times")),
    ///     })
    ///     .build();
    /// # let _ = issuer;
    /// ```
    pub fn custom_grant(
        mut self,
        name: &str,
        judge: impl Fn(&TokenRequest<'_>) -> Result<String, GrantError> + Send + Sync + 'static,
    ) -> Self {
        let judge = Hook(Arc::new(judge) as _);
        self.grants.custom.push(CustomGrant { name: name.to_owned(), judge });
        self
    }

    /// A word on every request whose client is known, before its grant is looked at. Default: none.
    pub fn request_check(
        mut self,
        check: impl Fn(&TokenRequest<'_>) -> Result<(), GrantError> + Send + Sync + 'static,
    ) -> Self {
        self.grants.check = Some(Hook(Arc::new(check)));
        self
    }

    /// A request need not say which client it is of, except for `client_credentials`, and may ask for
    /// any scope then. Default: it must.
    pub const fn unnamed_clients(mut self) -> Self {
        self.grants.public = true;
        self
    }
}

/// Refresh tokens.
impl MockIssuerBuilder {
    /// A fault that refresh tokens of real applications had. Default: none.
    pub const fn flawed_refresh(mut self, flaw: RefreshFlaw) -> Self {
        self.grants.flaw = Some(flaw);
        self
    }

    /// As an estate's wiki has refresh tokens: each token comes with one, 32 hexadecimal digits, good
    /// once within 14 days; presented again it is refused, and nothing else is revoked. Who asks with
    /// it gets the claim `test` (`1`) as well. Default: none.
    pub const fn refresh_handles(self) -> Self {
        let rules = RefreshTokens::new(Duration::from_secs(14 * 86_400));
        self.refresh_tokens(rules.always().leeway(Duration::ZERO).as_handles())
    }

    /// Refresh tokens, for clients that may use the grant `refresh_token`. Default: none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::testing::{Client, MockIssuer, RefreshTokens, User};
    ///
    /// let app = Client::new("app").grant("password").grant("refresh_token");
    /// let issuer = MockIssuer::builder()
    ///     .client(app.scopes(&["offline_access"]).lifetime(Duration::from_secs(30 * 60)))
    ///     .user(User::new("alice", "pw"))
    ///     .refresh_tokens(RefreshTokens::new(Duration::from_secs(30 * 86_400)))
    ///     .build();
    /// # let _ = issuer;
    /// ```
    pub const fn refresh_tokens(mut self, rules: RefreshTokens) -> Self {
        self.grants.refresh = Some(rules);
        self
    }

    /// A word of the application's, asked at each refresh with the user's name and stamp, after the
    /// issuer's own: the user is there, active, and the stamp is that of the first grant.
    pub fn user_still_valid(
        mut self,
        check: impl Fn(&str, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.grants.user_check = Some(Hook(Arc::new(check)));
        self
    }
}

/// What the tokens and the answers say.
impl MockIssuerBuilder {
    /// As the project template of ASP.NET does it: the answer has the
    /// [properties of the ticket](Self::ticket_properties), each as text, and `.issued` and
    /// `.expires`. A refresh copies them from the old ticket. Default: none of it.
    pub const fn copy_ticket_properties(mut self) -> Self {
        self.grants.copy_properties = true;
        self
    }

    /// Access tokens carry the name of their entry (`oi_tkn_id`) and of their authorization, if they
    /// have one (`oi_au_id`), as OpenIddict's do. Default: they do not.
    pub const fn entry_claims(mut self) -> Self {
        self.grants.entry_claims = true;
        self
    }

    /// A member that `/token` adds to its answers. A name that RFC 6749 §5 defines makes them status
    /// 500.
    pub fn response_field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.grants.response_fields.insert(name.to_owned(), value.into());
        self
    }

    /// Members that `/token` adds to its answers, made anew each time. They are for display: nobody
    /// signed them. A name that RFC 6749 §5 defines makes the answer status 500.
    pub fn response_fields(
        mut self,
        fields: impl Fn(&Grant) -> Map<String, Value> + Send + Sync + 'static,
    ) -> Self {
        self.grants.response_hook = Some(Hook(Arc::new(fields)));
        self
    }

    /// With [`identity_server`](Self::identity_server), the scopes of a token stand in one text.
    /// Default: in an array.
    pub const fn scope_as_text(mut self) -> Self {
        self.grants.scope_as_text = true;
        self
    }

    /// Each token is for the audience `{issuer}/resources` as well, as IdentityServer4's were before
    /// version 4. Default: it is not.
    pub const fn static_audience(mut self) -> Self {
        self.grants.static_audience = true;
        self
    }

    /// The claim by which a token tells its user's [stamp](crate::testing::MockIssuer::stamp).
    /// Default: none does.
    pub fn stamp_claim(mut self, name: &str) -> Self {
        self.grants.stamp_claim = Some(name.to_owned());
        self
    }

    /// With [`katana`](Self::katana), the identity of a ticket. Default: the name and the roles.
    pub fn ticket_identity(
        mut self,
        identity: impl Fn(&Grant) -> TicketIdentity + Send + Sync + 'static,
    ) -> Self {
        self.grants.identity = Some(Hook(Arc::new(identity)));
        self
    }

    /// What the ticket of a first grant carries along. No answer shows it by itself: see
    /// [`copy_ticket_properties`](Self::copy_ticket_properties). Default: nothing.
    pub fn ticket_properties(
        mut self,
        properties: impl Fn(&Grant) -> Map<String, Value> + Send + Sync + 'static,
    ) -> Self {
        self.grants.properties = Some(Hook(Arc::new(properties)));
        self
    }
}
