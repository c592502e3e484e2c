//! The API, and who may do what there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    routing::{get, post},
};
use portcullis::{
    BearerAuth, BuildError, UnixTime,
    introspection::{ClientAuth, IntrospectionValidator},
    jwt::{JwtValidator, KeyLocation, RemoteKeys},
    policy,
    testing::MockIssuer,
    token::{Cached, PatFormat, TokenRouter, Usage, UsageEvent},
};

use crate::account;

/// What this API is called at the issuer, and how it shows that.
pub const NAME: &str = "reports";
pub const SECRET: &str = "secret-of-the-api";

/// When each token was used last, by its name.
#[derive(Clone, Default)]
pub struct LastUses(Arc<Mutex<HashMap<String, UnixTime>>>);

impl LastUses {
    pub fn of(&self, token: &str) -> Option<UnixTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied()
    }

    fn note(&self, event: &UsageEvent) {
        let Some(token) = event.identity.token_id() else { return };
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.insert(token.to_owned(), event.at);
    }
}

pub fn app(issuer: &MockIssuer) -> Result<Router, BuildError> {
    // JWTs are judged here, handles by asking the issuer; `backup-…--HANDLE` is a handle with a label
    let keys = RemoteKeys::builder(KeyLocation::discover(issuer.url())).fetch(issuer.fetch());
    let jwt = JwtValidator::builder(keys.build()?).issuer(issuer.url()).audience(NAME).build()?;
    let endpoint = format!("{}/introspect", issuer.url());
    let handles = IntrospectionValidator::builder(endpoint, ClientAuth::basic(NAME, SECRET))
        .fetch(issuer.fetch())
        .issuer(issuer.url())
        .audience(NAME)
        .pat_format(PatFormat::new("--"))
        .build()?;
    let handles = Cached::new(handles);
    let tokens = TokenRouter::new().jwt(Cached::new(jwt)).opaque(handles.clone());

    // told of a token at most once a minute, also of one that is remembered
    let uses = LastUses::default();
    let noted = uses.clone();
    let usage = Usage::new(move |event| noted.note(&event));
    let bearer = BearerAuth::new(tokens)?.usage(usage)?;

    let reader = bearer.clone().require(policy::scope("reports:read"))?;
    let writer = bearer.clone().require(policy::scope("reports:write"))?;
    // whoever steals a script's token shall not make another with it, nor see the others
    let person = bearer.require(policy::deny_pat())?;

    let reports = get(read).layer(reader).merge(post(write).layer(writer));
    let account = account::pages(issuer.clone(), handles, uses);
    Ok(Router::new().route("/reports", reports).merge(account.layer(person)))
}

async fn read() -> &'static str {
    "3 reports\n"
}

async fn write() -> &'static str {
    "written\n"
}
