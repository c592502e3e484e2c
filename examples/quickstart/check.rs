//! Plays every line of the introduction and says whether the answer is the one it should be.

use std::{error::Error, process::ExitCode};

use tokio::net::TcpListener;

use crate::{api, issuer};

/// A line: what is sent, and what must come back.
struct Line {
    name: &'static str,
    method: reqwest::Method,
    /// The page of the issuer that has the token.
    token: Option<&'static str>,
    status: u16,
    challenge: Option<&'static str>,
    body: &'static str,
}

const W0: &str = r#"Bearer realm="api""#;
const EXPIRED: &str = concat!(
    r#"Bearer realm="api", error="invalid_token", "#,
    r#"error_description="the access token expired""#
);
const FORGED: &str = concat!(
    r#"Bearer realm="api", error="invalid_token", "#,
    r#"error_description="the access token is not valid""#
);
const SCOPE: &str = r#"Bearer realm="api", error="insufficient_scope", scope="orders:write""#;

fn lines() -> Vec<Line> {
    use reqwest::Method;
    let line = |name, method, token, status, challenge, body| Line {
        name,
        method,
        token,
        status,
        challenge,
        body,
    };
    vec![
        line("no token", Method::GET, None, 401, Some(W0), ""),
        line("alice", Method::GET, Some("alice"), 200, None, "3 orders\n"),
        line("expired", Method::GET, Some("expired"), 401, Some(EXPIRED), ""),
        line("forged", Method::GET, Some("forged"), 401, Some(FORGED), ""),
        line("scope too small", Method::POST, Some("alice"), 403, Some(SCOPE), ""),
        line("the issuer is down", Method::GET, Some("alice"), 200, None, "3 orders\n"),
    ]
}

pub async fn run(protected: bool) -> Result<ExitCode, Box<dyn Error>> {
    let issuer = issuer::mock().serve().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/orders", listener.local_addr()?);
    let app = api::app(&issuer.url(), protected)?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut changed = Vec::new();
    for line in lines() {
        if line.name == "the issuer is down" {
            client.post(format!("{}/demo/down", issuer.url())).send().await?;
        }
        if let Err(why) = line.play(&client, &url, &issuer.url()).await? {
            changed.push(format!("{}: {why}", line.name));
        }
    }
    if changed.is_empty() {
        println!("check: every answer is as it should be");
        return Ok(ExitCode::SUCCESS);
    }
    for line in changed {
        println!("changed: {line}");
    }
    Ok(ExitCode::FAILURE)
}

impl Line {
    async fn play(
        &self,
        client: &reqwest::Client,
        url: &str,
        issuer: &str,
    ) -> Result<Result<(), String>, reqwest::Error> {
        let mut request = client.request(self.method.clone(), url);
        if let Some(page) = self.token {
            let token = client.get(format!("{issuer}/demo/{page}")).send().await?.text().await?;
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let challenge = response.headers().get("www-authenticate").cloned();
        let challenge = challenge.as_ref().map(|value| value.to_str().unwrap_or("not text"));
        let status = response.status().as_u16();
        let (expected, found) = ((self.status, self.challenge), (status, challenge));
        let challenge = challenge.map(str::to_owned);
        if expected != found {
            let challenge = challenge.unwrap_or_else(|| "no challenge".to_owned());
            return Ok(Err(format!(
                "expected {} {}, found {status} {challenge}",
                self.status,
                self.challenge.unwrap_or("no challenge")
            )));
        }
        let body = response.text().await?;
        Ok(if body == self.body { Ok(()) } else { Err(format!("the body is {body:?}")) })
    }
}
