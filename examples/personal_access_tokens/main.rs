//! Personal access tokens: a user makes one for a script, sees it once, lists what there is, and
//! takes it back; it reads and does not write, and never comes near the account pages.
//!
//! ```text
//! cargo run --example personal_access_tokens
//! cargo run --example personal_access_tokens -- --check
//! ```
//!
//! The issuer is the mock one, in this process: nothing here needs a network.

mod account;
mod api;
mod check;
#[path = "../support/mod.rs"]
mod support;

use std::{error::Error, process::ExitCode};

use portcullis::testing::{Api, Client, MockIssuer, PersonalAccessTokens, User};

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let issuer = issuer();
    let listener = support::listen().await?;
    let address = listener.local_addr()?;
    let server = axum::serve(listener, api::app(&issuer)?).into_future();
    if support::checking() {
        tokio::spawn(server);
        return check::run(support::Check::new(address), &format!("http://{address}"), &issuer)
            .await;
    }
    print!("{}", introduction(&format!("http://{address}"), &signed_in(&issuer, "alice")));
    server.await?;
    Ok(ExitCode::SUCCESS)
}

/// It knows two people, the API, and the client that all personal access tokens belong to.
fn issuer() -> MockIssuer {
    MockIssuer::builder()
        .audience(api::NAME)
        .api(Api::new(api::NAME, &["reports:read", "reports:write"]).secret(api::SECRET))
        .client(Client::new("pat_client").scopes(&["reports:read", "reports:write"]))
        .user(User::new("alice", "pw"))
        .user(User::new("bob", "pw"))
        .personal_access_tokens(PersonalAccessTokens::new())
        .build()
}

/// What somebody holds who has logged in at the browser: a JWT with every scope.
fn signed_in(issuer: &MockIssuer, name: &str) -> String {
    let token = issuer.token().subject(name).scope("reports:read reports:write");
    token.expires_in(std::time::Duration::from_secs(3600)).build()
}

fn introduction(url: &str, alice: &str) -> String {
    format!(
        r#"portcullis: personal access tokens. Paste these in a second terminal:

  ALICE='Authorization: Bearer {alice}'
  curl -i {url}/account/tokens -H "$ALICE" --json '{{"name":"backup","expires":"2999-12-31","scopes":["reports:read"]}}'

  PAT='Authorization: Bearer (the token of that answer)'
  curl -i {url}/reports -H "$PAT"             reads
  curl -i -X POST {url}/reports -H "$PAT"     does not write
  curl -i {url}/account/tokens -H "$PAT"      does not see the account pages

  curl -i {url}/account/tokens -H "$ALICE"                  the list, with the last use
  curl -i -X DELETE {url}/account/tokens/ID -H "$ALICE"     takes it back

"#
    )
}
