//! A legacy estate and the Rust service beside it: a forms cookie **and** a Katana token, one user.
//!
//! The portal next door logs users in with FormsAuthentication; the authorization server gives a
//! token to whoever has the portal's cookie; the API demands the two, and that both are of one user.
//! All that the service knows of the estate is its `web.config`.
//!
//! `cargo run --example legacy_estate` serves on port 3000 and says what to paste. `-- --check` plays
//! the seven steps on a free port, and exits with 0 or 1; `-- --check --without-protection` leaves
//! the layer out, and names each line whose answer changed.

mod check;
mod estate;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if let Some(unknown) = arguments
        .iter()
        .find(|argument| !["--check", "--without-protection"].contains(&argument.as_str()))
    {
        eprintln!("unknown argument {unknown}; there are --check and --without-protection");
        return Ok(ExitCode::FAILURE);
    }
    let protected = !has("--without-protection");
    if has("--check") {
        return check::run(protected).await;
    }

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    print!("{}", introduction(&format!("http://{}", listener.local_addr()?)));
    axum::serve(listener, estate::app(protected)?).await?;
    Ok(ExitCode::SUCCESS)
}

fn introduction(host: &str) -> String {
    format!(
        r#"legacy estate: a ticket and a token, both of one user

    let both = RequireBoth::new(BearerAuth::new(tokens)?, TicketAuth::new(".ASPXAUTH", tickets)?)?;
    Router::new().route("/api/test", get(hello)).layer(both)

Paste these in a second terminal, in order; watch the reasons appear below.

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
