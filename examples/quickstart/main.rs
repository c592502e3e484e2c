//! One API, protected by one line; watch the reasons appear.
//!
//! `cargo run --example quickstart` serves on ports 3000 and 4000 and says what to paste.
//! `-- --check` plays every line itself on free ports, and exits with 0 or 1;
//! `-- --check --without-protection` leaves the layer out, and names what changes.

mod api;
mod check;
mod issuer;

use std::process::ExitCode;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if has("--help") {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = arguments
        .iter()
        .find(|argument| !["--check", "--without-protection"].contains(&argument.as_str()))
    {
        eprint!("unknown argument {unknown}\n\n{USAGE}");
        return Ok(ExitCode::FAILURE);
    }
    if has("--check") {
        return check::run(!has("--without-protection")).await;
    }

    let issuer = issuer::mock().serve_on("127.0.0.1:4000".parse()?).await?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    print!("{}", introduction(&issuer.url(), &format!("http://{}", listener.local_addr()?)));
    let app = api::app(&issuer.url(), !has("--without-protection"))?;
    axum::serve(listener, app).await?;
    Ok(ExitCode::SUCCESS)
}

const USAGE: &str = "\
usage: quickstart             serves on ports 3000 and 4000, and says what to paste
       quickstart --check     plays it through on free ports

  --without-protection        leaves the layer out, and names what changes
";

fn introduction(issuer: &str, api: &str) -> String {
    let curl = |who: &str| {
        format!("curl -i {api}/orders -H \"Authorization: Bearer $(curl -s {issuer}/demo/{who})\"")
    };
    format!(
        r#"portcullis quickstart: one API, protected by one line

    let bearer = BearerAuth::oidc(issuer, "https://api.example")?;
    Router::new().route("/orders", get(list).post(create)).layer(bearer)

  issuer  {issuer}   mock, for tests only
  API     {api}

Paste these in a second terminal; watch the reasons appear below.

  no token          curl -i {api}/orders
  alice             {alice}
  expired           {expired}
  forged            {forged}
  scope too small   {post}
  stop the issuer   curl -X POST {issuer}/demo/down     (then repeat "alice" with her old token: still 200)

"#,
        alice = curl("alice"),
        expired = curl("expired"),
        forged = curl("forged"),
        post = curl("alice").replacen("curl -i", "curl -i -X POST", 1),
    )
}
