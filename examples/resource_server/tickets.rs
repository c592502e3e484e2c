//! Tickets beside the tokens: `GET /both`, `POST /login`, `POST /logout`.

use std::{
    error::Error,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::Path,
    time::Duration,
};

use axum::{
    Extension, Form, Json, Router,
    extract::{State, rejection::FormRejection},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, StatusCode, header, request::Parts};
use portcullis::{
    Bearer, BearerAuth, Caller, Cookies, ProblemDetails, RequireBoth, Secret, Ticket, TicketAuth,
    policy::{self, PolicyExt},
    scheme::{
        CrossSiteGuard, ReturnUrl, SetCookies, SignOutError, TicketCookie, Transport,
        TransportSource,
    },
    ticket::{
        IssueError, TicketValidator,
        aspnet::{FormsTickets, MachineKey},
    },
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_rustls::rustls::crypto::aws_lc_rs;

use crate::{api, options::Tickets, own_pages::own_pages_only};

/// How long a ticket is good that is made here; it slides.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

type Pages = TicketAuth<FormsTickets>;

/// What the handlers know.
#[derive(Clone)]
struct Login {
    pages: Pages,
    user: String,
    password: Secret,
}

/// A gate of their own: the other routes know of no ticket. `origin` is whose pages may log in as
/// well as this server's own.
pub fn routes(
    bearer: BearerAuth,
    asked: &Tickets,
    origin: Option<&HeaderValue>,
) -> Result<Router, Box<dyn Error>> {
    let key = match &asked.machine_key {
        None => parsed(&new_machine_key()?)?,
        Some(file) => machine_key(file).map_err(|error| {
            format!("--machine-key {}: {error}", file.display()) // no word of what stands in it
        })?,
    };
    // this server ends no TLS, and a browser drops what is marked Secure and came without
    let cookie = TicketCookie::builder(".ASPXAUTH")
        .secure_same_as_request(TransportSource::Server)
        .build()?;
    let tickets = TicketValidator::new(FormsTickets::new(key)?).lifetime(LIFETIME);
    let pages = TicketAuth::new(cookie, tickets)?;

    let gate = RequireBoth::new(bearer, pages.clone())?.optional();
    let both = policy::scheme(Bearer).and(policy::scheme(Cookies)).and(policy::same_subject());
    let both = gate.require(both)?.respond_with(ProblemDetails);

    let mut guard = CrossSiteGuard::new();
    if let Some(origin) = origin.and_then(|origin| origin.to_str().ok()) {
        guard = guard.allow_origin(origin);
    }
    let mut forms = Router::new().route("/logout", post(log_out));
    if let (Some(user), Some(password)) = (&asked.user, &asked.password) {
        let login = Login { pages: pages.clone(), user: user.clone(), password: password.clone() };
        forms = forms.route("/login", post(log_in).with_state(login));
    }
    let forms = forms.with_state(pages).layer(from_fn_with_state(guard, own_pages_only));

    Ok(Router::new()
        .route("/both", get(one_user).layer(both))
        .merge(forms)
        .layer(from_fn(api::log))
        .layer(gate)
        .layer(Extension(Transport::Plain)))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn one_user(
    token: Caller<Map<String, Value>, Bearer>,
    session: Caller<Named, Cookies>,
) -> Json<Value> {
    Json(json!({ "token": token.identity.subject(), "session": session.name }))
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
    #[serde(rename = "returnUrl")]
    return_url: Option<String>,
}

async fn log_in(
    State(login): State<Login>,
    request: Parts,
    Form(sent): Form<Credentials>,
) -> Result<Response, IssueError> {
    // both are compared, so that the time does not tell which was wrong
    let is_user = same(sent.user.as_bytes(), login.user.as_bytes());
    let is_right = same(sent.password.as_bytes(), login.password.expose());
    if !(is_user & is_right) {
        let wrong = (StatusCode::FORBIDDEN, "the user or the password is wrong\n");
        return Ok(wrong.into_response());
    }
    let cookies = login.pages.sign_in(&request, Ticket::new("Forms", &login.user)).await?;
    Ok(done(cookies, sent.return_url.as_deref(), "signed in\n"))
}

#[derive(Deserialize)]
struct Leave {
    #[serde(rename = "returnUrl")]
    return_url: Option<String>,
}

async fn log_out(
    State(pages): State<Pages>,
    request: Parts,
    form: Result<Form<Leave>, FormRejection>, // whoever sends none leaves all the same
) -> Result<Response, SignOutError> {
    let return_url = form.ok().and_then(|Form(leave)| leave.return_url);
    Ok(done(pages.sign_out(&request).await?, return_url.as_deref(), "signed out\n"))
}

/// To the place that the form names, if it is of this site (RFC 9700 §4.11).
fn done(cookies: SetCookies, return_url: Option<&str>, said: &'static str) -> Response {
    match return_url.and_then(ReturnUrl::local) {
        None => (cookies, said).into_response(),
        Some(url) => {
            let location = [(header::LOCATION, url.to_header_value())];
            (StatusCode::SEE_OTHER, cookies, location).into_response()
        }
    }
}

/// In a time that does not tell how much of it was right.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |found, (a, b)| found | (a ^ b));
    one.len() == other.len() && differences == 0
}

/// What the file says; if there is none, it is made, for this user's eyes alone.
fn machine_key(file: &Path) -> Result<MachineKey, Box<dyn Error>> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(mut opened) => {
            let key = new_machine_key()?;
            opened.write_all(key.as_bytes())?;
            parsed(&key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            parsed(&fs::read_to_string(file)?)
        }
        Err(error) => Err(error.into()),
    }
}

fn parsed(key: &str) -> Result<MachineKey, Box<dyn Error>> {
    Ok(MachineKey::from_config(key)?.build()?)
}

/// What IIS Manager's "Generate Keys" makes, for `web.config`.
fn new_machine_key() -> Result<String, Box<dyn Error>> {
    Ok(format!(
        "<machineKey compatibilityMode=\"Framework45\" validation=\"HMACSHA256\" decryption=\"AES\"\n  \
         validationKey=\"{}\"\n  decryptionKey=\"{}\" />\n",
        random_hex::<64>()?,
        random_hex::<32>()?,
    ))
}

/// By the randomness of rustls, which is in this build anyway.
fn random_hex<const BYTES: usize>() -> Result<String, Box<dyn Error>> {
    let mut bytes = [0; BYTES];
    let random = aws_lc_rs::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| "there is no randomness to be had")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02X}")).collect())
}
