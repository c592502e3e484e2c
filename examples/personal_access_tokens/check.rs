//! Plays the life of one token.

use std::{error::Error, process::ExitCode};

use portcullis::testing::{Endpoint, MockIssuer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    signed_in,
    support::{Check, INVALID, MISSING, client},
};

const SCOPE: &str = r#"Bearer realm="api", error="insufficient_scope", scope="reports:write""#;

pub async fn run(
    mut check: Check,
    url: &str,
    issuer: &MockIssuer,
) -> Result<ExitCode, Box<dyn Error>> {
    let (alice, bob) = (signed_in(issuer, "alice"), signed_in(issuer, "bob"));
    let pages = Pages { url: format!("{url}/account/tokens"), client: client() };

    // a day far away is brought forward to the longest life
    let wish = json!({"name": "backup", "expires": "2999-12-31", "scopes": ["reports:read"]});
    let (status, made) = pages.send(Method::POST, "", &alice, &wish).await?;
    check.compare("alice makes a token:", (status, &made["clamped"]), (201, &json!(true)));
    let token = made["token"].as_str().unwrap_or_default();
    let (label, handle) = token.rsplit_once("--").unwrap_or_default();
    let id = made["id"].as_str().unwrap_or_default();
    check.compare("its label:", label.split('-').next(), Some("backup"));
    for name in ["a--b", "my token", ""] {
        let wish = json!({"name": name, "expires": "2999-12-31", "scopes": ["reports:read"]});
        let (status, _) = pages.send(Method::POST, "", &alice, &wish).await?;
        check.compare(&format!("a name like {name:?}:"), status, 400);
    }

    check.play("GET /reports", "nobody", None, (401, MISSING, "")).await;
    check.play("GET /reports", "the script", Some(token), (200, "", "3 reports\n")).await;
    check.play("GET /reports", "the bare handle", Some(handle), (200, "", "3 reports\n")).await;
    check.play("POST /reports", "the script", Some(token), (403, SCOPE, "")).await;
    check.play("POST /reports", "alice", Some(&alice), (200, "", "written\n")).await;
    let asked = issuer.requests(Endpoint::Introspection);
    check.compare("how often the issuer was asked about it:", asked, 1);

    // whatever it may do there, a script's token has no business here, and does not get to the issuer
    let managed = issuer.requests(Endpoint::PersonalAccessTokens);
    for (method, path) in [(Method::GET, ""), (Method::POST, ""), (Method::DELETE, id)] {
        let (status, _) = pages.send(method.clone(), path, token, &wish).await?;
        check.compare(&format!("{method} on the account pages, the script:"), status, 403);
    }
    let asked = issuer.requests(Endpoint::PersonalAccessTokens) - managed;
    check.compare("how often the issuer was asked for that:", asked, 0);

    let (_, list) = pages.send(Method::GET, "", &alice, &Value::Null).await?;
    let entry = &list[0];
    check.compare(
        "alice's list:",
        (entry["id"].as_str(), entry["name"].as_str()),
        (Some(id), Some("backup")),
    );
    check.compare("it tells the last use:", entry["last_used"].is_string(), true);
    check.compare("it holds no token:", list.to_string().contains(handle), false);
    let (_, list) = pages.send(Method::GET, "", &bob, &Value::Null).await?;
    check.compare("bob's list:", list, json!([]));

    let (status, _) = pages.send(Method::DELETE, id, &bob, &Value::Null).await?;
    check.compare("bob removes alice's:", status, 404);
    let (status, _) = pages.send(Method::DELETE, id, &alice, &Value::Null).await?;
    check.compare("alice removes it:", status, 204);
    check.play("GET /reports", "the script", Some(token), (401, INVALID, "")).await;
    check.play("GET /reports", "alice", Some(&alice), (200, "", "3 reports\n")).await;
    Ok(check.finish())
}

/// The account pages, as a person's browser sees them.
struct Pages {
    url: String,
    client: reqwest::Client,
}

impl Pages {
    async fn send(
        &self,
        method: Method,
        id: &str,
        token: &str,
        body: &Value,
    ) -> reqwest::Result<(u16, Value)> {
        let slash = if id.is_empty() { "" } else { "/" };
        let request = self.client.request(method, format!("{}{slash}{id}", self.url));
        let request = request.bearer_auth(token).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }
}
