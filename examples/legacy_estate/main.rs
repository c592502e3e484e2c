//! A legacy estate and the Rust service beside it: a forms cookie **and** a Katana token, one user.
//!
//! The portal next door logs users in with FormsAuthentication; the authorization server gives a
//! token to whoever has the portal's cookie. Pages live by the cookie, the API by the token, and
//! `/api/test` demands the two, and that both are of one user. All that the service knows of the
//! estate is its `web.config`.
//!
//! `cargo run --example legacy_estate` serves on port 3000: open <http://localhost:3000/>, or paste
//! what it prints. `-- --page 127.0.0.1:3001` serves the page on a second port as well: another
//! origin, which calls with credentials.
//!
//! `-- --check` plays the seven steps on a free port, and exits with 0 or 1. One of
//! `--without-protection`, `--without-suppression` and `--without-same-subject` leaves a part out, and
//! the check names each line whose answer changed; tests/browser plays the same with a browser.

mod check;
mod estate;
#[path = "../support/own_pages.rs"]
mod own_pages;
mod page;
#[path = "../support/mod.rs"]
mod support;

use std::{error::Error, net::SocketAddr, process::ExitCode};

use estate::Without;
use tokio::net::TcpListener;

struct Options {
    check: bool,
    listen: SocketAddr,
    page: Option<SocketAddr>,
    without: Without,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    if std::env::args().any(|argument| argument == "--help") {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return Ok(ExitCode::FAILURE);
        }
    };
    if options.check {
        return check::run(options.without).await;
    }

    let listener = TcpListener::bind(options.listen).await?;
    let here = url(&listener)?;
    let mut origin = None;
    if let Some(address) = options.page {
        let listener = TcpListener::bind(address).await?;
        origin = Some(url(&listener)?);
        let page = page::routes(&here);
        tokio::spawn(async move { axum::serve(listener, page).await });
    }
    let app = estate::app(options.without, origin.as_deref())?;
    print!("{}", introduction(&here, origin.as_deref()));
    axum::serve(listener, app).await?;
    Ok(ExitCode::SUCCESS)
}

/// By its name: a browser keeps cookies by the name of a host, and not by its port.
fn url(listener: &TcpListener) -> std::io::Result<String> {
    Ok(format!("http://localhost:{}", listener.local_addr()?.port()))
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 3000));
        let mut options = Self { check: false, listen, page: None, without: Without::Nothing };
        while let Some(flag) = arguments.next() {
            let mut address = || {
                let value = arguments.next().unwrap_or_default();
                value.parse().map_err(|error| format!("{flag} {value}: {error}"))
            };
            match &*flag {
                "--check" => options.check = true,
                "--listen" => options.listen = address()?,
                "--page" => options.page = Some(address()?),
                "--without-protection" => options.without = Without::Protection,
                "--without-same-subject" => options.without = Without::SameSubject,
                "--without-suppression" => options.without = Without::Suppression,
                _ => return Err(format!("unknown argument {flag}")),
            }
        }
        Ok(options)
    }
}

const USAGE: &str = "\
usage: legacy_estate [--listen ADDR] [--page ADDR]
       legacy_estate --check

  --listen ADDR            default 127.0.0.1:3000
  --page ADDR              the page on an origin of its own as well
  --without-protection     leaves out the layer that demands both credentials
  --without-same-subject   leaves out the rule that both are of one user
  --without-suppression    leaves out what hides the ticket from the API
";

fn introduction(host: &str, origin: Option<&str>) -> String {
    let origin =
        origin.map_or_else(String::new, |origin| format!(", or {origin}/ of another origin"));
    format!(
        r#"legacy estate: a ticket and a token, both of one user

    let both = RequireBoth::new(BearerAuth::new(tokens)?, TicketAuth::new(".ASPXAUTH", tickets)?)?;
    Router::new().route("/api/test", get(hello)).layer(both)

Open {host}/{origin}, or paste these in a second terminal, in order;
watch the reasons appear below.

  log in next door   curl -s -c jar {host}/portal/login -d 'username=test&password=test'; echo
  too early          curl -s -b jar {host}/api/test; echo
  get a token        T=$(curl -s -b jar {host}/token -d grant_type=password | cut -d'"' -f4)
  both               curl -s -b jar {host}/api/test -H "Authorization: Bearer $T"; echo
  somebody else's    U=$(curl -s {host}/token -d 'grant_type=password&username=other&password=other' | cut -d'"' -f4)
                     curl -s -b jar {host}/api/test -H "Authorization: Bearer $U"; echo
  log out next door  curl -s -b jar -c jar {host}/portal/logout -X POST; echo
  the token alone    curl -s -b jar {host}/api/test -H "Authorization: Bearer $T"; echo

"#
    )
}
