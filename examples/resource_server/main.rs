//! One API in front of any issuer, configured by flags.
//!
//! ```text
//! cargo run --example resource_server -- --issuer https://login.example --audience my-api
//! cargo run --example resource_server -- --help
//! cargo run --example resource_server -- --check
//! ```
//!
//! Without flags it brings a mock issuer along, prints a token of it and serves. With `--login-user` and
//! `--login-password` people log in as well, and `GET /both` wants their ticket beside a token.

#[path = "../support/own_pages.rs"]
mod own_pages;
#[path = "../support/mod.rs"]
mod support;

mod api;
mod check;
mod decryption;
mod options;
mod tickets;

use std::{error::Error, process::ExitCode};

use options::{Command, Options, USAGE};
use portcullis::testing::MockIssuer;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Command::parse(std::env::args().skip(1)) {
        Ok(Command::Check) => check::run().await,
        Ok(Command::Demonstrate) => demonstrate().await,
        Ok(Command::Help) => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Ok(Command::Serve(options)) => serve(&options).await,
        Err(problem) => Err(format!("{problem}\n\n{USAGE}").into()),
    };
    done.unwrap_or_else(|problem| {
        eprintln!("resource_server: {problem}");
        ExitCode::FAILURE
    })
}

async fn serve(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let router = api::router(options)?;
    let listener = TcpListener::bind(options.listen).await?;
    println!("API     http://{}", listener.local_addr()?);
    println!("issuer  {}\n", options.issuer);
    axum::serve(listener, router).await?;
    Ok(ExitCode::SUCCESS)
}

async fn demonstrate() -> Result<ExitCode, Box<dyn Error>> {
    let issuer = MockIssuer::new();
    let served = issuer.serve().await?;
    let options = Options::new(served.url(), check::AUDIENCE);
    let alice = issuer.token().subject("alice").audience(check::AUDIENCE).scope("orders:read");
    println!("curl -i http://{}/me -H 'Authorization: Bearer {}'\n", options.listen, alice.build());
    serve(&options).await
}
