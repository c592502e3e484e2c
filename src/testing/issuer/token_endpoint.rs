//! The token endpoint (RFC 6749 §3.2, §4.3, §4.4, §5).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Response, StatusCode, header, request::Parts};
use serde_json::{Value, json};

use super::{
    MockIssuer, cors,
    form::{self, Form},
    page::{json_page, page, with},
    refusal::{Refusal, bad},
    store::{ClientEntry, UserEntry},
};

impl MockIssuer {
    pub(super) fn token_endpoint(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        let origin = self.0.settings.cors_origin.as_deref();
        let mut answer = match cors::preflight(origin, parts) {
            Some(preflight) => preflight,
            None if parts.method == Method::POST => {
                let answer = self.grant(parts, body).unwrap_or_else(Refusal::into_answer);
                with(with(answer, header::CACHE_CONTROL, "no-store"), header::PRAGMA, "no-cache")
            }
            None => with(page(405, "text/plain", ""), header::ALLOW, "POST"),
        };
        cors::open(origin, parts, &mut answer);
        answer
    }

    fn grant(&self, parts: &Parts, body: &[u8]) -> Result<Response<Bytes>, Refusal> {
        let form = Form::read(parts, body)?;
        if let Some(katana) = &self.0.settings.katana {
            return self.katana_grant(katana, parts, &form);
        }
        let client = self.client(parts, &form)?;
        let grant = form.required("grant_type")?;
        if !["client_credentials", "password"].contains(&grant) {
            return Err(bad("unsupported_grant_type", "this grant is not known here"));
        }
        if !client.may_use(grant) {
            return Err(bad("unauthorized_client", "the client may not use this grant"));
        }
        let scopes = scopes(&client, form.get("scope"))?;
        let user = if grant == "password" { Some(self.user(&form)?) } else { None };
        Ok(json_page(&self.issue(&client, &scopes, user.as_ref())?))
    }

    fn issue(
        &self,
        client: &ClientEntry,
        scopes: &[String],
        user: Option<&UserEntry>,
    ) -> Result<Value, Refusal> {
        let settings = &self.0.settings;
        let scope = scopes.join(" ");
        let mut token = self.token().client_id(&client.id).without("scope");
        for (name, value) in user.iter().flat_map(|user| &user.claims) {
            token = token.claim(name, value.clone());
        }
        token = match user {
            Some(user) => token.subject(&user.name),
            // RFC 9068 §2.2: without a user the subject is the client
            None if settings.identity_server => {
                token.without("sub").without("auth_time").without("idp").without("amr")
            }
            None => token.subject(&client.id),
        };
        if !scopes.is_empty() {
            token = if settings.identity_server {
                token.claim("scope", scopes)
            } else {
                token.scope(&scope)
            };
        }
        let owners = settings
            .apis
            .iter()
            .filter(|api| api.scopes.iter().any(|scope| scopes.contains(scope)));
        let owners: Vec<&str> = owners.map(|api| api.audience.as_str()).collect();
        token = match (&client.audience, settings.apis.is_empty(), owners.as_slice()) {
            (Some(audience), _, _) => token.audience(audience),
            (None, true, _) => token,
            (None, false, []) => token.without("aud"),
            (None, false, [audience]) => token.audience(audience),
            (None, false, several) if settings.identity_server => token.audiences(several),
            // RFC 9068 §3: each API would honour what was meant for the other
            (None, false, _) => {
                return Err(bad("invalid_scope", "the scopes belong to more than one API"));
            }
        };
        let token = token.expires_in(client.lifetime);
        let access_token =
            if client.opaque_tokens { self.opaque_token(&token) } else { token.build() };
        let mut document = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": client.lifetime.as_secs(),
            "scope": scope,
        });
        for (name, value) in &settings.response_fields {
            let reserved = name.starts_with("error") || RESERVED.contains(&name.as_str());
            if reserved {
                tracing::error!(name, "response_field: the name belongs to RFC 6749 §5");
                return Err(Refusal {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    error: "server_error".to_owned(),
                    description: "a response field has a reserved name".to_owned(),
                });
            }
            document[name] = value.clone();
        }
        Ok(document)
    }

    /// RFC 6749 §2.3.1.
    pub(super) fn client(&self, parts: &Parts, form: &Form) -> Result<ClientEntry, Refusal> {
        let (id, secret) = credentials(parts, form)?;
        let state = self.state();
        let client = state.store.client(&id);
        let client = client.filter(|client| !client.disabled).ok_or_else(unknown)?;
        if client.secret.as_deref().unwrap_or_default() != secret {
            return Err(unknown());
        }
        Ok(client.clone())
    }

    pub(super) fn user(&self, form: &Form) -> Result<UserEntry, Refusal> {
        let name = form.required("username")?;
        // an omitted password is an empty one
        let password = form.get("password").unwrap_or_default();
        let (error, description) = &self.0.settings.password_error;
        let refused = || bad(error, description);
        if name.chars().count() > LONGEST || password.chars().count() > LONGEST {
            return Err(bad("invalid_grant", "the name or the password is too long"));
        }
        let state = self.state();
        let user = state.store.user(name).ok_or_else(refused)?;
        if user.undecided {
            return Err(bad("invalid_grant", ""));
        }
        if user.password != password {
            return Err(refused());
        }
        if !user.is_active() {
            return Err(bad("invalid_grant", "the user is not active"));
        }
        Ok(user.clone())
    }
}

/// Who asks, and by what secret, in one of the two ways of RFC 6749 §2.3.1.
pub(super) fn credentials(parts: &Parts, form: &Form) -> Result<(String, String), Refusal> {
    let basic = parts.headers.get(header::AUTHORIZATION);
    if basic.is_some() && form.get("client_secret").is_some() {
        return Err(bad("invalid_request", "the client authenticates in two ways"));
    }
    let (id, secret) = match basic {
        Some(basic) => basic.to_str().ok().and_then(basic_credentials).ok_or_else(unknown)?,
        None => {
            let id = form.get("client_id").ok_or_else(unknown)?;
            (id.to_owned(), form.get("client_secret").unwrap_or_default().to_owned())
        }
    };
    if form.get("client_id").is_some_and(|other| other != id) {
        return Err(bad("invalid_request", "the client has two names"));
    }
    Ok((id, secret))
}

pub(super) fn unknown() -> Refusal {
    Refusal {
        status: StatusCode::UNAUTHORIZED,
        ..bad("invalid_client", "the client is unknown or its secret is wrong")
    }
}

pub(super) fn scopes(client: &ClientEntry, asked: Option<&str>) -> Result<Vec<String>, Refusal> {
    let Some(asked) = asked else { return Ok(client.scopes.clone()) };
    let names: Vec<&str> = asked.split(' ').filter(|name| !name.is_empty()).collect();
    if names.iter().any(|name| !client.scopes.iter().any(|allowed| allowed == name)) {
        return Err(bad("invalid_scope", "the client may not have this scope"));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Both halves are form-encoded within the Basic credentials (RFC 6749 §2.3.1).
fn basic_credentials(value: &str) -> Option<(String, String)> {
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form::decode(id)?, form::decode(secret)?))
}

/// Longer names and passwords are refused, as IdentityServer4 does.
const LONGEST: usize = 100;
const RESERVED: [&str; 6] =
    ["access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"];
