//! What the examples share: how `--check` plays requests over real HTTP and compares the answers.

#![allow(dead_code, reason = "each example uses what it needs")]

use std::{
    fmt::{Debug, Display},
    io,
    process::ExitCode,
};

use tokio::net::TcpListener;

/// The program was started with `--check`.
pub fn checking() -> bool {
    std::env::args().any(|argument| argument == "--check")
}

/// Port 3000 for people, any free one for a check. Ends the program where something else was asked
/// for than `--check`.
pub async fn listen() -> io::Result<TcpListener> {
    if let Some(other) = std::env::args().skip(1).find(|argument| argument != "--check") {
        eprintln!(
            "{other}? There is --check, which plays it through, and without it a server on port 3000"
        );
        std::process::exit(if other == "--help" { 0 } else { 2 });
    }
    TcpListener::bind(("127.0.0.1", if checking() { 0 } else { 3000 })).await
}

/// Plays requests and counts the answers that were not expected.
pub struct Check {
    server: String,
    client: reqwest::Client,
    played: usize,
    wrong: usize,
}

/// What a line must be answered: status, challenges (`""`: none) and body (`""`: empty).
pub type Answer<'a> = (u16, &'a str, &'a str);

impl Check {
    pub fn new(server: impl Display) -> Self {
        Self { server: format!("http://{server}"), client: client(), played: 0, wrong: 0 }
    }

    /// `line` is a method and a path, `who` says whose token it is; without one there is no
    /// `Authorization` header.
    pub async fn play(&mut self, line: &str, who: &str, token: Option<&str>, expected: Answer<'_>) {
        let (method, path) = line.split_once(' ').expect("a line is a method and a path");
        let method = method.parse().expect("a line begins with a method");
        let mut request = self.client.request(method, format!("{}{path}", self.server));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let (status, challenge, body) =
            answer(request).await.unwrap_or_else(|error| (0, String::new(), error.to_string()));
        self.compare(&format!("{line}, {who}:"), (status, &*challenge, &*body), expected);
    }

    /// Any other fact.
    pub fn compare<T: PartialEq + Debug>(&mut self, what: &str, found: T, expected: T) {
        self.played += 1;
        if found == expected {
            println!("ok     {what} {found:?}");
        } else {
            self.wrong += 1;
            println!("WRONG  {what}\n         expected {expected:?}\n         found    {found:?}");
        }
    }

    /// 0 if every answer was the expected one.
    pub fn finish(self) -> ExitCode {
        println!("{} checks, {} wrong", self.played, self.wrong);
        if self.played > 0 && self.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The challenge of a 401: nothing was sent.
pub const MISSING: &str = r#"Bearer realm="api""#;
/// The challenge of a 401: the token was judged, and is not good.
pub const INVALID: &str = concat!(
    r#"Bearer realm="api", error="invalid_token", "#,
    r#"error_description="the access token is not valid""#
);
/// The challenge of a 401: it was good once.
pub const EXPIRED: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="the access token expired""#;

/// A client that no proxy of the environment comes between.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client without settings can be built")
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, String, String)> {
    let response = request.send().await?;
    let challenges = response.headers().get_all(http::header::WWW_AUTHENTICATE).iter();
    let challenges: Vec<_> = challenges.map(|it| String::from_utf8_lossy(it.as_bytes())).collect();
    Ok((response.status().as_u16(), challenges.join("\n"), response.text().await?))
}
