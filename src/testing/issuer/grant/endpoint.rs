//! The endpoint itself: which requests are answered at all, and which grant answers.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header, request::Parts};

use super::{
    super::{
        MockIssuer, cors,
        form::Form,
        page::{page, with},
        refusal::{Refusal, bad},
        store::ClientEntry,
    },
    answer::Dialect,
    client::{scopes, unknown},
    custom::{CustomGrant, TokenRequest},
    granted::Granted,
    refresh::unsupported,
};

impl MockIssuer {
    pub(crate) fn token_endpoint(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        let origin = self.0.settings.cors_origin.as_deref();
        let dialect = self.dialect();
        let is_form = parts.method == Method::POST || dialect == Dialect::Katana;
        let mut answer = match cors::preflight(origin, parts) {
            Some(preflight) => preflight,
            None if self.is_in_clear(parts) => {
                tracing::warn!("a token was asked for over http, without allow_insecure_http");
                match dialect {
                    // passed on, to whatever else there is
                    Dialect::Katana => page(404, "text/plain", ""),
                    Dialect::Rfc => dialect.answer(Err(bad(
                        "invalid_request",
                        "the request came over http; allow_insecure_http would allow it",
                    ))),
                }
            }
            None if is_form => dialect.answer(self.grant(parts, body)),
            None => with(page(405, "text/plain", ""), header::ALLOW, "POST"),
        };
        cors::open(origin, parts, &mut answer);
        answer
    }

    pub(super) fn dialect(&self) -> Dialect {
        if self.0.settings.grants.compat { Dialect::Katana } else { Dialect::Rfc }
    }

    /// What says nothing of how it came is left to whoever serves it.
    fn is_in_clear(&self, parts: &Parts) -> bool {
        let is_http = parts.uri.scheme_str() == Some("http");
        let host = parts.uri.host().unwrap_or_default();
        let is_near = host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        is_http && !is_near && !self.0.settings.grants.insecure_http
    }

    fn grant(&self, parts: &Parts, body: &[u8]) -> Result<Response<Bytes>, Refusal> {
        let compat = self.0.settings.grants.compat;
        if body.len() > LONGEST_BODY {
            return Err(Refusal {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                ..bad("invalid_request", "the form is too long")
            });
        }
        let form = if compat { Form::read_leniently(body) } else { Form::read(parts, body)? };
        let client = self.client_if_any(parts, &form)?;
        let grant = match form.required("grant_type") {
            Err(_) if compat => return Err(unsupported()),
            grant => grant?,
        };
        let request = TokenRequest { parts, form: &form };
        let settings = &self.0.settings.grants;
        if let Some(check) = &settings.check {
            check(&request).map_err(|error| error.into_refusal())?;
        }
        let mut headers = HeaderMap::new();
        let granted = match grant {
            "client_credentials" => {
                let client = permitted(client, grant)?.ok_or_else(unknown)?;
                let scopes = scopes(&client, form.get("scope"))?;
                Granted::to_client(grant, client, scopes)
            }
            "password" => {
                self.password_grant(parts, &form, permitted(client, grant)?, &mut headers)?
            }
            "refresh_token" if settings.refresh.is_some() => {
                self.refresh_grant(&form, permitted(client, grant)?)?
            }
            other => {
                let custom = settings.custom.iter().find(|custom| custom.name == other);
                let custom = custom.ok_or_else(unsupported)?;
                self.custom_grant(custom, &request, permitted(client, grant)?)?
            }
        };
        let mut answer = self.issue(granted)?;
        answer.headers_mut().extend(headers);
        Ok(answer)
    }

    fn custom_grant(
        &self,
        custom: &CustomGrant,
        request: &TokenRequest<'_>,
        client: Option<ClientEntry>,
    ) -> Result<Granted, Refusal> {
        let name = (custom.judge)(request).map_err(|error| error.into_refusal())?;
        let scopes = self.scopes_of(client.as_ref(), request.parameter("scope"))?;
        let user = self.state().store.user(&name).filter(|user| user.is_active()).cloned();
        let user = user.ok_or_else(|| bad("invalid_grant", "there is no such user"))?;
        Ok(Granted::to_user(&custom.name, client, user, scopes))
    }

    /// Where no client is asked for, nobody limits the scopes.
    pub(super) fn scopes_of(
        &self,
        client: Option<&ClientEntry>,
        asked: Option<&str>,
    ) -> Result<Vec<String>, Refusal> {
        match client {
            Some(client) => scopes(client, asked),
            None => {
                let asked = asked.unwrap_or_default().split(' ').filter(|name| !name.is_empty());
                Ok(asked.map(str::to_owned).collect())
            }
        }
    }
}

/// The client, if it may use this grant.
fn permitted(client: Option<ClientEntry>, grant: &str) -> Result<Option<ClientEntry>, Refusal> {
    if client.as_ref().is_some_and(|client| !client.may_use(grant)) {
        return Err(bad("unauthorized_client", "the client may not use this grant"));
    }
    Ok(client)
}

/// A form is a few hundred bytes.
const LONGEST_BODY: usize = 64 * 1024;
