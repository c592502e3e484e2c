//! Plays the seven steps with an HTTP client, and says whether each answer is the one it should be.

use std::{error::Error, process::ExitCode};

use reqwest::{Client, RequestBuilder, Response, header};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{estate, support};

const W0_PLACEHOLDER: &str = concat!(
    r#"Bearer realm="api", error="invalid_token", "#,
    r#"error_description="a placeholder was sent in place of the token""#
);
const WC: &str = r#"Cookie realm="app""#;

pub async fn run(protected: bool) -> Result<ExitCode, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let host = format!("http://{}", listener.local_addr()?);
    let app = estate::app(protected)?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut play = Play { client: support::client(), host, changed: Vec::new() };
    play.all().await?;
    if play.changed.is_empty() {
        println!("check: every answer is as it should be");
        return Ok(ExitCode::SUCCESS);
    }
    for line in play.changed {
        println!("changed: {line}");
    }
    Ok(ExitCode::FAILURE)
}

struct Play {
    client: Client,
    host: String,
    changed: Vec<String>,
}

/// Status, challenge and body.
type Answer<'a> = (u16, &'a str, &'a str);

impl Play {
    async fn all(&mut self) -> Result<(), Box<dyn Error>> {
        let login = self.post("/portal/login", "username=test&password=test").send().await?;
        let line = set_cookie(&login);
        self.expect("S6-01 log in next door", login, (200, "", "signed in as test")).await?;
        self.hold("S6-01 its cookie", line.ends_with("; HttpOnly; SameSite=Lax; Path=/"), &line);
        let cookie = line.split(';').next().unwrap_or_default().to_owned();

        let page = self.get("/").header(header::COOKIE, &cookie).send().await?;
        self.expect("S6-02 open the page", page, (200, "", "log in at /portal/login\n")).await?;

        let early = self.get("/api/test?_=1").header(header::COOKIE, &cookie);
        let early = early.bearer_auth("undefined").send().await?;
        let body = r#"["token"]"#;
        self.expect("S6-03 ask too early", early, (401, W0_PLACEHOLDER, body)).await?;

        let ask = self.post("/token", "grant_type=password").header(header::COOKIE, &cookie);
        let granted = ask.header("x-requested-with", "XMLHttpRequest").send().await?;
        let line = set_cookie(&granted);
        self.hold(
            "S6-04 a token for the ticket",
            granted.status() == 200,
            granted.status().as_str(),
        );
        self.hold("S6-04 sets no cookie", line.is_empty(), &line);
        let granted: Value = serde_json::from_str(&granted.text().await?)?;
        let token = granted["access_token"].as_str().unwrap_or_default();

        let both = self.get("/api/test").header(header::COOKIE, &cookie);
        let both = both.bearer_auth(token).send().await?;
        let hello = "Hello World, test by Bearer, test by Cookies";
        self.expect("S6-05 ask with both", both, (200, "", hello)).await?;

        let logout = self.post("/portal/logout", "").header(header::COOKIE, &cookie);
        let logout = logout.send().await?;
        let line = set_cookie(&logout);
        self.expect("S6-06 log out next door", logout, (200, "", "signed out")).await?;
        self.hold("S6-06 its cookie", line.starts_with(".ASPXAUTH=; "), &line);

        let alone = self.get("/api/test").bearer_auth(token).send().await?;
        self.expect("S6-07 ask with the token alone", alone, (401, WC, r#"["session"]"#)).await
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.host))
    }

    fn post(&self, path: &str, form: &'static str) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.host));
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)
    }

    /// Of a refusal, the member `missing` is compared in place of the body.
    async fn expect(
        &mut self,
        line: &str,
        response: Response,
        expected: Answer<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let status = response.status().as_u16();
        let challenges = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenges: Vec<_> =
            challenges.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()).collect();
        let text = response.text().await?;
        let body = match serde_json::from_str::<Value>(&text) {
            Ok(problem) => problem["missing"].to_string(),
            Err(_) => text,
        };
        let found = (status, &*challenges.join(", "), &*body);
        self.hold(line, found == expected, &format!("expected {expected:?}, found {found:?}"));
        Ok(())
    }

    fn hold(&mut self, line: &str, holds: bool, found: &str) {
        if !holds {
            self.changed.push(format!("{line}: {found}"));
        }
    }
}

fn set_cookie(response: &Response) -> String {
    let line = response.headers().get(header::SET_COOKIE);
    line.map_or_else(String::new, |line| String::from_utf8_lossy(line.as_bytes()).into_owned())
}
