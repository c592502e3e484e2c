//! The introspection endpoint (RFC 7662) and the revocation endpoint (RFC 7009).

use bytes::Bytes;
use http::{Method, Response, header, request::Parts};
use serde_json::{Value, json};

use super::{
    MockIssuer,
    estate::Api,
    form::Form,
    grant::{credentials, unknown},
    ledger::Known,
    page::{json_page, page, with},
    refusal::{Refusal, bad},
    store::{Store, TokenKind},
    visibility,
};

/// Who asks about a token.
enum Asker {
    Anybody,
    Api(Api),
    Client { id: String, confidential: bool },
}

impl MockIssuer {
    pub(super) fn introspection(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        self.post(parts, || {
            let form = Form::read(parts, body)?;
            let asker = self.asker(parts, &form)?;
            let token = form.required("token")?; // a hint changes nothing: everything is searched
            let answer = self.active(token, &asker);
            if answer.is_some() {
                self.note_use(token);
            }
            Ok(json_page(&answer.unwrap_or_else(|| json!({ "active": false }))))
        })
    }

    pub(super) fn revocation(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        self.post(parts, || {
            let form = Form::read(parts, body)?;
            let client = self.client(parts, &form)?;
            let token = form.required("token")?;
            // RFC 7009 §2.2: an unknown token is revoked well enough
            if let Some(known) = self.known(token) {
                if !known.is_of(&client.id) {
                    return Err(bad("invalid_grant", "the token is another client's"));
                }
                self.revoke(token);
            }
            Ok(page(200, "application/json", ""))
        })
    }

    fn post(
        &self,
        parts: &Parts,
        answer: impl FnOnce() -> Result<Response<Bytes>, Refusal>,
    ) -> Response<Bytes> {
        if parts.method != Method::POST {
            return with(page(405, "text/plain", ""), header::ALLOW, "POST");
        }
        let answer = answer().unwrap_or_else(Refusal::into_answer);
        with(with(answer, header::CACHE_CONTROL, "no-store"), header::PRAGMA, "no-cache")
    }

    /// An API by its secret, a client, or the bearer of a token with the scope `introspection`.
    fn asker(&self, parts: &Parts, form: &Form) -> Result<Asker, Refusal> {
        let line = parts.headers.get(header::AUTHORIZATION).and_then(|line| line.to_str().ok());
        if let Some(token) = line.and_then(|line| line.strip_prefix("Bearer ")) {
            let claims = self.active(token, &Asker::Anybody).ok_or_else(unknown)?;
            let allowed = scopes(&claims["scope"]).contains(&"introspection");
            return if allowed { Ok(Asker::Anybody) } else { Err(unknown()) };
        }
        let readings = credentials(parts, form, false)?;
        let apis = self.0.settings.apis.iter().filter(|api| api.secret.is_some());
        let mut named = apis.flat_map(|api| readings.iter().map(move |reading| (api, reading)));
        match named.find(|(api, (id, _))| api.audience == *id) {
            Some((api, (_, secret))) if api.secret.as_ref() == Some(secret) => {
                Ok(Asker::Api(api.clone()))
            }
            Some(_) => Err(unknown()),
            None => self.client(parts, form).map(|client| Asker::Client {
                id: client.id,
                confidential: client.secret.is_some(),
            }),
        }
    }

    /// The claims of a token that is active.
    pub(super) fn active_claims(&self, token: &str) -> Option<Value> {
        self.active(token, &Asker::Anybody)
    }

    /// What this asker is told about a token that is active. A refresh token is nobody's business but
    /// its client's, a code not even that.
    fn active(&self, token: &str, asker: &Asker) -> Option<Value> {
        let Known { claims: mut answer, entry } = self.known(token)?;
        let now = self.clock().now();
        let early = answer["nbf"].as_u64().is_some_and(|nbf| nbf > now.as_secs());
        let late = answer["exp"].as_u64().is_some_and(|exp| exp <= now.as_secs());
        let store = &self.state().store;
        let kind = entry.as_ref().map_or(TokenKind::Access, |entry| entry.kind);
        let is_own = matches!(asker, Asker::Client { id, .. } if answer["client_id"] == **id);
        match kind {
            TokenKind::Access | TokenKind::PersonalAccess => {}
            TokenKind::Refresh if is_own => {}
            TokenKind::Refresh | TokenKind::Code => return None,
        }
        let over = entry.is_some_and(|entry| !entry.is_valid(now) || !store.still_stands(&entry));
        if early || late || over || is_gone(store, &answer) {
            return None;
        }
        let mut granted: Vec<String> =
            scopes(&answer["scope"]).into_iter().map(str::to_owned).collect();
        if self.0.settings.protection.scopes_for_audiences {
            if !cut_down(&mut answer, asker) {
                return None;
            }
            if kind != TokenKind::Refresh {
                answer["token_usage"] = json!("access_token");
            }
            granted.retain(|_| !answer["scope"].is_null());
        } else if let Asker::Api(api) = asker {
            if !is_for(&answer["aud"], &api.audience) {
                return None;
            }
            if !api.scopes.is_empty() {
                granted.retain(|scope| api.scopes.contains(scope));
                if granted.is_empty() {
                    return None;
                }
            }
        }
        if !granted.is_empty() {
            answer["scope"] = json!(granted.join(" "));
        }
        answer["active"] = json!(true);
        if kind != TokenKind::Refresh {
            answer["token_type"] = json!("Bearer");
        }
        Some(answer)
    }
}

fn cut_down(answer: &mut Value, asker: &Asker) -> bool {
    match asker {
        Asker::Anybody => true,
        Asker::Api(api) => visibility::cut_down(answer, &api.audience, true),
        Asker::Client { id, confidential } => visibility::cut_down(answer, id, *confidential),
    }
}

/// Its user or its client is not active any more.
fn is_gone(store: &Store, claims: &Value) -> bool {
    let client = claims["client_id"].as_str().and_then(|id| store.client(id));
    let user = claims["sub"].as_str().and_then(|name| store.user(name));
    client.is_some_and(|client| client.disabled) || user.is_some_and(|user| !user.is_active())
}

pub(super) fn scopes(scope: &Value) -> Vec<&str> {
    match scope {
        Value::String(scope) => scope.split(' ').filter(|name| !name.is_empty()).collect(),
        Value::Array(scopes) => scopes.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn is_for(audience: &Value, name: &str) -> bool {
    match audience {
        Value::String(audience) => audience == name,
        Value::Array(audiences) => audiences.iter().any(|audience| audience == name),
        _ => false,
    }
}
