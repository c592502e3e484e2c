//! Who asks (RFC 6749 §2.3.1), and for which scopes (§3.3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{StatusCode, header, request::Parts};

use super::super::{
    MockIssuer,
    form::{self, Form},
    refusal::{Refusal, bad},
    store::ClientEntry,
};

impl MockIssuer {
    /// The client, by its secret.
    pub(crate) fn client(&self, parts: &Parts, form: &Form) -> Result<ClientEntry, Refusal> {
        let compat = self.0.settings.grants.compat;
        let found = {
            let readings = credentials(parts, form, compat)?;
            let store = &self.state().store;
            readings.iter().find_map(|(id, secret)| {
                let client = store.client(id).filter(|client| !client.disabled)?;
                (client.secret.as_deref().unwrap_or_default() == secret).then(|| client.clone())
            })
        };
        found.ok_or_else(|| form.with_hint(unknown(), &["client_id", "client_secret"]))
    }

    /// The client, where one has to be named; `None` where nobody does, and nobody is.
    pub(super) fn client_if_any(
        &self,
        parts: &Parts,
        form: &Form,
    ) -> Result<Option<ClientEntry>, Refusal> {
        let settings = &self.0.settings.grants;
        let named = form.get("client_id").is_some() || form.get("client_secret").is_some();
        let basic = parts.headers.get(header::AUTHORIZATION).is_some_and(|line| {
            line.as_bytes().get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"basic "))
        });
        // where there are none, a name means nothing
        let nobody = self.state().store.clients.is_empty();
        if settings.public && (nobody || !named && !basic) {
            return Ok(None);
        }
        self.client(parts, form).map(Some)
    }
}

/// Id and secret, in one of the two ways of RFC 6749 §2.3.1, in each reading that may be meant.
/// Katana's handler (`compat`) takes what is broken for absent.
pub(crate) fn credentials(
    parts: &Parts,
    form: &Form,
    compat: bool,
) -> Result<Vec<(String, String)>, Refusal> {
    let basic = parts.headers.get(header::AUTHORIZATION);
    if basic.is_some() && form.get("client_secret").is_some() && !compat {
        return Err(bad("invalid_request", "the client authenticates in two ways"));
    }
    let basic = basic.map(|line| line.to_str().ok().and_then(basic_credentials));
    let readings = match basic {
        Some(Some((id, secret))) => readings(id, secret, compat),
        Some(None) if !compat => return Err(unknown()),
        _ => {
            let id = form.get("client_id").ok_or_else(unknown);
            let id = id.map_err(|refusal| form.with_hint(refusal, &["client_id"]))?;
            let secret = form.get("client_secret").unwrap_or_default();
            vec![(id.to_owned(), secret.to_owned())]
        }
    };
    let other = form.get("client_id");
    if !compat && other.is_some_and(|other| readings.iter().all(|(id, _)| id != other)) {
        return Err(bad("invalid_request", "the client has two names"));
    }
    Ok(readings)
}

pub(crate) fn unknown() -> Refusal {
    Refusal {
        status: StatusCode::UNAUTHORIZED,
        ..bad("invalid_client", "the client is unknown or its secret is wrong")
    }
}

/// The scopes of a client that are asked for: all of them, if none is named.
pub(crate) fn scopes(client: &ClientEntry, asked: Option<&str>) -> Result<Vec<String>, Refusal> {
    match asked {
        None => Ok(client.scopes.clone()),
        Some(asked) => scopes_within(&client.scopes, asked),
    }
}

/// What is asked for, if all of it is allowed.
pub(super) fn scopes_within(allowed: &[String], asked: &str) -> Result<Vec<String>, Refusal> {
    let names: Vec<&str> = asked.split(' ').filter(|name| !name.is_empty()).collect();
    if names.iter().any(|name| !allowed.iter().any(|allowed| allowed == name)) {
        return Err(bad("invalid_scope", "the client may not have this scope"));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Both halves are form-encoded within the Basic credentials (RFC 6749 §2.3.1). Many clients do not:
/// then they are meant as they stand. Katana knows nothing of the encoding.
fn readings(id: String, secret: String, compat: bool) -> Vec<(String, String)> {
    let decoded = form::decode(&id).zip(form::decode(&secret)).filter(|_| !compat);
    let raw = (id, secret);
    match decoded {
        Some(decoded) if decoded != raw => vec![decoded, raw],
        _ => vec![raw],
    }
}

fn basic_credentials(value: &str) -> Option<(String, String)> {
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
