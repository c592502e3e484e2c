//! The authorization endpoint (RFC 6749 §3.1, §4.1): the user at the browser is scripted, so the
//! answer comes at once.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, header, request::Parts};

use super::{
    MockIssuer,
    consent::{ConsentStep, Prompt, decide},
    form::Form,
    grant::scopes,
    page::{page, with},
    pkce::CodeChallenge,
    refusal::{Refusal, bad},
    scripted_user::{ConsentDecision, ScriptedUser},
    store::{AuthorizationKind, ClientEntry, TokenEntry, TokenKind, random_handle},
};
use crate::testing::percent;

impl MockIssuer {
    pub(super) fn authorization_endpoint(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        let form = match parts.method {
            Method::GET => Form::of_query(parts.uri.query().unwrap_or_default()),
            Method::POST => Form::read(parts, body),
            _ => return with(page(405, "text/plain", ""), header::ALLOW, "GET, POST"),
        };
        let answer = form.and_then(|form| {
            let (client, redirect_uri) = self.asking_client(&form)?;
            Ok(self.redirect(&form, &client, &redirect_uri))
        });
        // RFC 6749 §4.1.2.1: who asks is not known well enough to be sent anywhere
        let answer = answer.unwrap_or_else(Refusal::into_answer);
        with(answer, header::CACHE_CONTROL, "no-store")
    }

    /// The client, and where its user goes back to: exactly one of its URIs (RFC 6749 §3.1.2.3), or
    /// the only one where it names none.
    fn asking_client(&self, form: &Form) -> Result<(ClientEntry, String), Refusal> {
        let id = form.required("client_id")?;
        let client = self.state().store.client(id).cloned();
        let client = client.filter(|client| !client.disabled);
        let client = client.ok_or_else(|| bad("invalid_request", "the client is unknown"))?;
        let redirect_uri = match (form.get("redirect_uri"), client.redirect_uris.as_slice()) {
            (Some(asked), known) => known.iter().find(|known| *known == asked),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let redirect_uri = redirect_uri.cloned();
        let unknown = || bad("invalid_request", "the redirect_uri is none of the client's");
        Ok((client, redirect_uri.ok_or_else(unknown)?))
    }

    fn redirect(&self, form: &Form, client: &ClientEntry, redirect_uri: &str) -> Response<Bytes> {
        let mut parameters = match self.code(form, client) {
            Ok(code) => vec![("code", code)],
            Err(refusal) => {
                let description = Some(refusal.description).filter(|text| !text.is_empty());
                let description = description.map(|text| ("error_description", text));
                [("error", refusal.error)].into_iter().chain(description).collect()
            }
        };
        if let Some(state) = form.get("state") {
            parameters.push(("state", state.to_owned()));
        }
        parameters.push(("iss", self.url())); // RFC 9207
        let mut location = redirect_uri.to_owned();
        location.push(if location.contains('?') { '&' } else { '?' });
        let parameters = parameters.iter().map(|(name, value)| (*name, &**value));
        location.push_str(&percent::form(parameters));
        with(page(302, "text/plain", ""), header::LOCATION, &location)
    }

    /// A code for what the user grants.
    fn code(&self, form: &Form, client: &ClientEntry) -> Result<String, Refusal> {
        if form.required("response_type")? != "code" {
            return Err(bad("unsupported_response_type", "only codes are given here"));
        }
        if !client.may_use("authorization_code") {
            return Err(bad("unauthorized_client", "the client may not use this grant"));
        }
        let (challenge, method) = (form.get("code_challenge"), form.get("code_challenge_method"));
        let required = self.0.settings.requires_pkce;
        let challenge = CodeChallenge::read(challenge, method, required)?;
        let asked = scopes(client, form.get("scope"))?;
        let prompt = Prompt::read(form.get("prompt"))
            .ok_or_else(|| bad("invalid_request", "prompt=none allows no other word"))?;
        let user = self.state().browser.user.clone();
        let user = user.ok_or_else(|| bad("login_required", "nobody is signed in"))?;
        let authorization = self.consent(client, &user, &asked, prompt)?;
        Ok(self.issue_code(form, client, &user, authorization, challenge.as_ref()))
    }

    /// The permanent authorization that stands at the end, and what it was asked for now.
    fn consent(
        &self,
        client: &ClientEntry,
        user: &ScriptedUser,
        asked: &[String],
        prompt: Prompt,
    ) -> Result<Consented, Refusal> {
        let now = self.clock().now();
        let mut state = self.state();
        if !state.store.user(&user.name).is_some_and(|user| user.is_active()) {
            return Err(bad("access_denied", "the user is not active"));
        }
        let found = state.store.permanent_for(&user.name, &client.id, asked);
        let found = found.map(|entry| entry.id.clone());
        let step = decide(client.consent, found.is_some(), prompt);
        state.browser.decisions.push(ConsentDecision {
            client: client.id.clone(),
            consent: client.consent,
            subject: user.name.clone(),
            scopes: asked.to_vec(),
            found,
            step,
        });
        let scopes = match step {
            ConsentStep::Ask => user.answer(asked),
            ConsentStep::Grant => Some(asked.to_vec()),
            ConsentStep::Refuse => {
                return Err(bad("consent_required", "the user has not consented"));
            }
        };
        let scopes = scopes.ok_or_else(|| bad("access_denied", "the user said no"))?;
        let store = &mut state.store;
        let known = store.permanent_for(&user.name, &client.id, &scopes);
        let authorization = match known.map(|entry| entry.id.clone()) {
            Some(known) => known,
            None => {
                let kind = AuthorizationKind::Permanent;
                store.authorize(kind, &user.name, &client.id, &scopes, now)
            }
        };
        Ok(Consented { authorization, scopes })
    }

    fn issue_code(
        &self,
        form: &Form,
        client: &ClientEntry,
        user: &ScriptedUser,
        consented: Consented,
        challenge: Option<&CodeChallenge>,
    ) -> String {
        let now = self.clock().now();
        let code = random_handle(32);
        let store = &mut self.state().store;
        let mut entry = TokenEntry::new(store.name("code"), TokenKind::Code, &code, now);
        entry.subject = Some(user.name.clone());
        entry.client = Some(client.id.clone());
        entry.stamp = store.user(&user.name).map(|user| user.stamp.clone());
        entry.authorization = Some(consented.authorization);
        entry.scopes = consented.scopes;
        entry.expires = Some(now + CODE_LIFETIME);
        // RFC 6749 §4.1.3: to be repeated where it was said
        if let Some(redirect_uri) = form.get("redirect_uri") {
            entry.properties.insert(REDIRECT_URI.to_owned(), redirect_uri.into());
        }
        if let Some((method, text)) = challenge.map(CodeChallenge::to_parts) {
            entry.properties.insert(CHALLENGE.to_owned(), text.into());
            entry.properties.insert(METHOD.to_owned(), method.into());
        }
        store.tokens.insert(entry);
        code
    }
}

/// What the user consented to, now or before.
struct Consented {
    authorization: String,
    scopes: Vec<String>,
}

/// OpenIddict's; RFC 6749 §4.1.2 asks for at most ten minutes.
const CODE_LIFETIME: Duration = Duration::from_secs(300);

/// Properties of a code.
pub(super) const CHALLENGE: &str = "code_challenge";
pub(super) const METHOD: &str = "code_challenge_method";
pub(super) const REDIRECT_URI: &str = "redirect_uri";
