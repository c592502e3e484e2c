//! Plays the seven steps with an HTTP client, and says whether each answer is the one it should be.

use std::{error::Error, process::ExitCode};

use reqwest::{Client, RequestBuilder, Response, header, redirect};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{
    estate::{self, Without},
    support::{INVALID, MISSING},
};

const PLACEHOLDER: &str = concat!(
    r#"Bearer realm="api", error="invalid_token", "#,
    r#"error_description="a placeholder was sent in place of the token""#
);
const WC: &str = r#"Cookie realm="app""#;

pub async fn run(without: Without) -> Result<ExitCode, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let host = format!("http://{}", listener.local_addr()?);
    let app = estate::app(without, None)?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build()?;
    let mut play = Play { client, host, changed: Vec::new() };
    play.seven_steps().await?;
    play.two_users().await?;
    play.redirects().await?;
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
    async fn seven_steps(&mut self) -> Result<(), Box<dyn Error>> {
        let login = self.log_in("test").send().await?;
        let line = set_cookie(&login);
        self.expect("S6-01 log in next door", login, (200, "", "signed in as test")).await?;
        self.hold("S6-01 its cookie", line.ends_with("; HttpOnly; SameSite=Lax; Path=/"), &line);
        let cookie = first(&line);

        let page = self.get("/index.htm").header(header::COOKIE, cookie).send().await?;
        let policy = page.headers().get(header::CONTENT_SECURITY_POLICY);
        let policy = policy.and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
        self.hold("S6-02 open the page", page.status() == 200, page.status().as_str());
        self.hold("S6-02 it loads nothing", policy.starts_with("default-src 'none'; "), &policy);

        let early = self.get("/api/test?_=1").header(header::COOKIE, cookie);
        let early = early.bearer_auth("undefined").send().await?;
        self.expect("S6-03 ask too early", early, (401, PLACEHOLDER, r#"["token"]"#)).await?;
        let page = self.get("/account").header(header::COOKIE, cookie).send().await?;
        self.expect("the ticket opens a page", page, (200, "", "signed in as test\n")).await?;
        let alone = self.get("/api/me").header(header::COOKIE, cookie).send().await?;
        let nobody = (401, MISSING, r#"["token"]"#);
        self.expect("the ticket says nothing to the API", alone, nobody).await?;

        let granted = self.token_for(cookie).await?;
        let line = set_cookie(&granted);
        let status = granted.status();
        self.hold("S6-04 a token for the ticket", status == 200, status.as_str());
        self.hold("S6-04 sets no cookie", line.is_empty(), &line);
        let token = access_token(granted).await?;

        let both = self.get("/api/test").header(header::COOKIE, cookie);
        let both = both.bearer_auth(&token).send().await?;
        let hello = "Hello World, test by Bearer, test by Cookies";
        self.expect("S6-05 ask with both", both, (200, "", hello)).await?;

        let logout = self.post("/portal/logout", "").header(header::COOKIE, cookie);
        let logout = logout.send().await?;
        let line = set_cookie(&logout);
        self.expect("S6-06 log out next door", logout, (200, "", "signed out")).await?;
        self.hold("S6-06 its cookie", line.starts_with(".ASPXAUTH=; "), &line);

        let alone = self.get("/api/test").bearer_auth(&token).send().await?;
        self.expect("S6-07 ask with the token alone", alone, (401, WC, r#"["session"]"#)).await
    }

    async fn two_users(&mut self) -> Result<(), Box<dyn Error>> {
        let test = set_cookie(&self.log_in("test").send().await?);
        let other = set_cookie(&self.log_in("other").send().await?);
        let token = access_token(self.token_for(first(&test)).await?).await?;
        let both = self.get("/api/test").header(header::COOKIE, first(&other));
        let both = both.bearer_auth(&token).send().await?;
        self.expect("S6-14 a ticket of another user", both, (401, INVALID, "null")).await
    }

    /// Pages send people to log in, and get them back; the API sends nobody anywhere.
    async fn redirects(&mut self) -> Result<(), Box<dyn Error>> {
        let there = "/portal/login?ReturnUrl=%2Faccount";
        let page = self.get("/account").header(header::ACCEPT, "text/html").send().await?;
        self.leads("a page sends to the login", &page, (302, there));
        let back = self.post(there, "username=test&password=test").send().await?;
        self.leads("the login sends back", &back, (302, "/account"));
        for url in ["//evil.test", "/\\evil.test", "/%09/evil.test", "https:evil.test"] {
            let query = url.replace('%', "%25").replace('\\', "%5C");
            let path = format!("/portal/login?ReturnUrl={query}");
            let away = self.post(&path, "username=test&password=test").send().await?;
            self.leads("CK-12 the login sends nobody away", &away, (200, ""));
        }
        for (path, missing) in
            [("/api/me", r#"["token"]"#), ("/api/test", r#"["token","session"]"#)]
        {
            let api = self.get(path).header(header::ACCEPT, "text/html").send().await?;
            self.leads("the API sends nobody", &api, (401, ""));
            self.expect("the API says what is missing", api, (401, MISSING, missing)).await?;
        }
        Ok(())
    }

    fn log_in(&self, name: &str) -> RequestBuilder {
        self.post("/portal/login", &format!("username={name}&password={name}"))
    }

    async fn token_for(&self, cookie: &str) -> reqwest::Result<Response> {
        let ask = self.post("/token", "grant_type=password").header(header::COOKIE, cookie);
        ask.header("x-requested-with", "XMLHttpRequest").send().await
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.host))
    }

    fn post(&self, path: &str, form: &str) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.host));
        let form = form.to_owned();
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

    fn leads(&mut self, line: &str, response: &Response, expected: (u16, &str)) {
        let found = (response.status().as_u16(), &*text(response, header::LOCATION));
        self.hold(line, found == expected, &format!("expected {expected:?}, found {found:?}"));
    }

    fn hold(&mut self, line: &str, holds: bool, found: &str) {
        if !holds {
            self.changed.push(format!("{line}: {found}"));
        }
    }
}

async fn access_token(granted: Response) -> Result<String, Box<dyn Error>> {
    let granted: Value = serde_json::from_str(&granted.text().await?)?;
    Ok(granted["access_token"].as_str().unwrap_or_default().to_owned())
}

fn set_cookie(response: &Response) -> String {
    text(response, header::SET_COOKIE)
}

fn text(response: &Response, name: header::HeaderName) -> String {
    let line = response.headers().get(name);
    line.map_or_else(String::new, |line| String::from_utf8_lossy(line.as_bytes()).into_owned())
}

/// Name and value of a `Set-Cookie` line.
fn first(line: &str) -> &str {
    line.split(';').next().unwrap_or_default()
}
