//! `--check`: every route, played against a mock issuer on loopback; and the command line.

use std::{
    env,
    error::Error,
    fs,
    net::SocketAddr,
    process::{self, ExitCode},
    time::Duration,
};

use portcullis::{
    jwt::jwe::KeyManagement,
    testing::{Api, EncryptionKey, MockIssuer},
};
use reqwest::redirect;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{
    api,
    options::{Command, Options},
    support::{self, Check, EXPIRED, INVALID, MISSING},
};

pub async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let issuer = MockIssuer::new();
    let served = issuer.serve().await?;
    let mut options = Options::new(served.url(), AUDIENCE);
    options.cors_origin = Some(APP.parse()?);

    let address = start(&options).await?;
    let mut check = Check::new(address);

    let alice = issuer.token().subject("alice").audience(AUDIENCE).scope("orders:read");
    let writer = alice.clone().scope("orders:read orders:write").build();
    let expired = alice.clone().expired_since(Duration::from_secs(3600)).build();
    let foreign = alice.clone().audience("https://other.example").build();
    let forged = alice.clone().signed_by_stranger().build();
    let alice = alice.build();

    for (line, who, token, expected) in [
        ("GET /public", "no token", None, (200, "", "hello, stranger")),
        ("GET /public", "alice", Some(&alice), (200, "", "hello, alice")),
        ("GET /public", "forged", Some(&forged), (200, "", "hello, stranger")),
        ("GET /me", "no token", None, (401, MISSING, NOBODY)),
        ("GET /orders", "no token", None, (401, MISSING, NOBODY)),
        ("POST /orders", "no token", None, (401, MISSING, NOBODY)),
        ("GET /orders", "alice", Some(&alice), (200, "", r#"["tea","bread"]"#)),
        ("POST /orders", "alice", Some(&alice), (403, SCOPE, DENIED)),
        ("POST /orders", "a writer", Some(&writer), (201, "", "")),
        ("GET /me", "expired", Some(&expired), (401, EXPIRED, TOO_OLD)),
        ("GET /me", "for another audience", Some(&foreign), (401, INVALID, NOT_VALID)),
        ("GET /me", "forged", Some(&forged), (401, INVALID, NOT_VALID)),
    ] {
        check.play(line, who, token.map(|token| &**token), expected).await;
    }
    principal(&mut check, &format!("http://{address}/me"), &alice, &served.url()).await?;
    cors(&mut check, &format!("http://{address}/orders")).await?;
    rules(&mut check, &issuer).await?;
    opaque(&mut check).await?;
    encrypted(&mut check, &issuer).await?;
    tickets(&mut check, &issuer).await?;
    mistakes(&mut check);
    Ok(check.finish())
}

async fn start(options: &Options) -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, api::router(options)?).into_future());
    Ok(address)
}

/// `/me` says who is calling, with all claims.
async fn principal(
    check: &mut Check,
    url: &str,
    token: &str,
    issuer: &str,
) -> Result<(), Box<dyn Error>> {
    let answer = support::client().get(url).bearer_auth(token).send().await?;
    let me: Value = serde_json::from_slice(&answer.bytes().await?)?;
    for (member, expected) in [
        ("/sub", "alice"),
        ("/client_id", "test-client"),
        ("/scope", "orders:read"),
        ("/iss", issuer),
        ("/claims/aud", AUDIENCE),
    ] {
        let found = me.pointer(member).and_then(Value::as_str);
        check.compare(&format!("GET /me, {member}:"), found, Some(expected));
    }
    Ok(())
}

/// Flags that change what is accepted: the status without the flag, and with it.
async fn rules(check: &mut Check, issuer: &MockIssuer) -> Result<(), Box<dyn Error>> {
    let token = || issuer.token().audience(AUDIENCE);
    let late = token().expired_since(Duration::from_secs(120));
    for (flag, token, statuses) in [
        ("--profile identity-server", token().identity_server(), [401, 200]),
        ("--accept-type JWT", token().typ("JWT"), [401, 200]),
        ("--clock-tolerance 240", late, [401, 200]),
        ("--algorithms ES256,EdDSA", token(), [200, 401]),
        ("--audience https://other.example", token(), [200, 401]),
    ] {
        let token = token.build();
        for (word, given, status) in [("without", "", statuses[0]), ("with", flag, statuses[1])] {
            let url = format!("http://{}/me", serve(issuer, given).await?);
            let answer = support::client().get(url).bearer_auth(&token).send().await?;
            check.compare(&format!("GET /me, {word} {flag}:"), answer.status().as_u16(), status);
        }
    }
    Ok(())
}

/// Encrypted tokens, with no key, with one, and with two of which one is older.
async fn encrypted(check: &mut Check, issuer: &MockIssuer) -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("resource_server-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let write = |name: &str, jwk: &Value| {
        let path = folder.join(name);
        fs::write(&path, jwk.to_string()).map(|()| path.display().to_string())
    };
    let rsa = EncryptionKey::new("e1", KeyManagement::RsaOaep);
    let secret = EncryptionKey::new("e2", KeyManagement::A256Kw);
    let mut unnamed = rsa.private_jwk_json();
    unnamed.as_object_mut().map(|jwk| (jwk.remove("alg"), jwk.remove("use")));
    let (first, second) =
        (write("rsa.json", &unnamed)?, write("oct.json", &secret.private_jwk_json())?);
    let public = write("public.json", &issuer.signing_key().jwk_json())?;

    let token = || issuer.token().audience(AUDIENCE);
    for (flags, statuses) in [
        (String::new(), [401, 401, 200]),
        (format!("--decryption-key {first}"), [200, 401, 200]),
        (format!("--decryption-key {first} --decryption-key {second}"), [200, 200, 200]),
    ] {
        let line = format!("--issuer {} --audience {AUDIENCE} {flags}", issuer.url());
        let Command::Serve(options) = Command::parse(line.split_whitespace().map(str::to_owned))?
        else {
            return Err("a server was asked for".into());
        };
        let url = format!("http://{}/me", start(&options).await?);
        let count = options.decryption_keys.len();
        for ((what, bearer), status) in [
            ("RSA-OAEP", token().encrypted(&rsa).build()),
            ("A256KW", token().encrypted(&secret).build()),
            ("signed alone", token().build()),
        ]
        .into_iter()
        .zip(statuses)
        {
            let answer = support::client().get(&url).bearer_auth(&bearer).send().await?;
            let title = format!("GET /me, {what}, with {count} of the keys:");
            check.compare(&title, answer.status().as_u16(), status);
        }
    }
    for (path, problem) in [(public, "d is missing"), ("no-file".to_owned(), "No such file")] {
        let line = ["--decryption-key".to_owned(), path.clone()];
        let told = Command::parse(line).err().unwrap_or_default();
        let begin = format!("--decryption-key {path}: ");
        let found = (told.starts_with(&begin), told.contains(problem));
        check.compare(&format!("flags --decryption-key, {problem}:"), found, (true, true));
    }
    Ok(fs::remove_dir_all(&folder)?)
}

/// JWTs and opaque tokens at one door, with and without a memory.
async fn opaque(check: &mut Check) -> Result<(), Box<dyn Error>> {
    let issuer = MockIssuer::builder().api(Api::new(AUDIENCE, &[]).secret("s")).build();
    let _served = issuer.serve().await?;
    let token = || issuer.token().audience(AUDIENCE);
    for (cache, statuses) in [("0", [200, 200, 401]), ("60", [200, 200, 200])] {
        let flags = format!(
            "--introspection-endpoint {}/introspect --introspection-client-id {AUDIENCE} \
             --introspection-client-secret s --introspection-cache {cache}",
            issuer.url()
        );
        let url = format!("http://{}/me", serve(&issuer, &flags).await?);
        let opaque = issuer.opaque_token(&token());
        for ((what, bearer), status) in [
            ("a JWT", token().build()),
            ("an opaque token", opaque.clone()),
            ("a revoked one", opaque),
        ]
        .into_iter()
        .zip(statuses)
        {
            if what == "a revoked one" {
                issuer.revoke(&bearer);
            }
            let answer = support::client().get(&url).bearer_auth(&bearer).send().await?;
            let title = format!("GET /me, {what}, --introspection-cache {cache}:");
            check.compare(&title, answer.status().as_u16(), status);
        }
    }
    Ok(())
}

/// A ticket beside the token: how it comes, what it opens, and what it does not.
async fn tickets(check: &mut Check, issuer: &MockIssuer) -> Result<(), Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("machine-key-{}.xml", std::process::id()));
    let flags =
        format!("--login-user alice --login-password geheim --machine-key {}", file.display());
    let (first, second) = (serve(issuer, &flags).await?, serve(issuer, &flags).await?);
    let element = fs::read_to_string(&file)?;
    check.compare("the key file:", element.starts_with("<machineKey "), true);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file)?.permissions());
        check.compare("the key file is for one user:", format!("{:o}", mode & 0o777), "600".into());
    }
    fs::remove_file(&file)?;
    let without = serve(issuer, "").await?;
    for route in ["GET /both", "POST /login", "POST /logout"] {
        let found = Visit::new(without, route).send().await?;
        check.compare(&format!("{route}, without the flags:"), found.status, 404);
    }

    // how a ticket comes
    let form = "user=alice&password=geheim";
    let login = |form: &'static str| Visit::new(first, "POST /login").form(form);
    let wrong = login("user=alice&password=wrong").send().await?;
    check.compare("POST /login, wrong:", (wrong.status, wrong.cookie()), (403, ""));
    let foreign = login(form).header("origin", "https://evil.example").send().await?;
    check.compare("POST /login, by another site:", (foreign.status, foreign.cookie()), (403, ""));
    let own = login(form).header("sec-fetch-site", "same-origin").send().await?;
    check.compare("POST /login, by its own page:", own.status, 200);
    let there = login("user=alice&password=geheim&returnUrl=%2Fpublic%3Fa%3D1").send().await?;
    let gone = (there.status, there.header("location"));
    check.compare("POST /login, returnUrl /public?a=1:", gone, (303, "/public?a=1"));
    for url in
        ["", "%2F%2Fevil.example", "%2F%5Cevil.example", "https%3Aevil.example", "%2F%2509%2Fx"]
    {
        let form = format!("user=alice&password=geheim&returnUrl={url}");
        let stays = Visit::new(first, "POST /login").form(&form).send().await?;
        let what = format!("POST /login, returnUrl {url}:");
        check.compare(&what, (stays.status, stays.header("location")), (200, ""));
    }

    // what it opens, here and wherever the key is known
    let cookie = there.cookie();
    let [alice, bob] = ["alice", "bob"]
        .map(|name| format!("Bearer {}", issuer.token().subject(name).audience(AUDIENCE).build()));
    for (route, who, cookie, token, expected) in [
        ("GET /both", "nothing", "", "", (401, r#"["token","session"]"#)),
        ("GET /both", "alice's token", "", &*alice, (401, r#"["session"]"#)),
        ("GET /both", "her ticket", cookie, "", (401, r#"["token"]"#)),
        ("GET /both", "her ticket and token", cookie, &*alice, (200, "null")),
        ("GET /both", "her ticket and bob's token", cookie, &*bob, (401, "null")),
        ("GET /me", "her ticket", cookie, "", (401, r#"["token"]"#)),
    ] {
        let visit = Visit::new(second, route).header("cookie", cookie);
        let found = visit.header("authorization", token).send().await?;
        let missing = found.json()["missing"].to_string();
        check.compare(&format!("{route}, {who}:"), (found.status, &*missing), expected);
    }
    let both = Visit::new(first, "GET /both").header("cookie", cookie);
    let both = both.header("authorization", &alice).send().await?;
    check.compare("GET /both:", &*both.body, r#"{"session":"alice","token":"alice"}"#);

    let leave = |form| Visit::new(first, "POST /logout").header("cookie", cookie).form(form);
    let foreign = leave("").header("origin", "https://evil.example").send().await?;
    check.compare("POST /logout, by another site:", (foreign.status, foreign.cookie()), (403, ""));
    let left = leave("returnUrl=%2Fpublic").send().await?;
    let gone = (left.status, left.header("location"), left.cookie());
    check.compare("POST /logout:", gone, (303, "/public", ".ASPXAUTH="));
    Ok(())
}

async fn serve(issuer: &MockIssuer, flags: &str) -> Result<SocketAddr, Box<dyn Error>> {
    let line = format!("--issuer {} --audience {AUDIENCE} {flags}", issuer.url());
    match Command::parse(line.split_whitespace().map(str::to_owned))? {
        Command::Serve(options) => start(&options).await,
        _ => Err("a server was asked for".into()),
    }
}

/// One request of somebody who follows no redirect.
struct Visit(reqwest::RequestBuilder);

impl Visit {
    fn new(server: SocketAddr, line: &str) -> Self {
        let (method, path) = line.split_once(' ').expect("a line is a method and a path");
        let method = method.parse().expect("a line begins with a method");
        let client = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none());
        let client = client.build().expect("a client with these settings can be built");
        Self(client.request(method, format!("http://{server}{path}")))
    }

    /// Nothing is not sent.
    fn header(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { Self(self.0.header(name, value)) }
    }

    fn form(self, form: &str) -> Self {
        let this = self.header("content-type", "application/x-www-form-urlencoded");
        Self(this.0.body(form.to_owned()))
    }

    async fn send(self) -> reqwest::Result<Found> {
        let answer = self.0.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Found { status, headers, body: answer.text().await? })
    }
}

struct Found {
    status: u16,
    headers: http::HeaderMap,
    body: String,
}

impl Found {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Name and value of the cookie that it sets.
    fn cookie(&self) -> &str {
        self.header("set-cookie").split(';').next().unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A browser application may call with credentials, and reads the challenge of a refusal.
async fn cors(check: &mut Check, url: &str) -> Result<(), Box<dyn Error>> {
    let client = support::client();
    let preflight = client
        .request(http::Method::OPTIONS, url)
        .header("origin", APP)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization");
    let refused = client.get(url).header("origin", APP);
    for (what, request, status, exposed) in [
        ("preflight", preflight, 200, None),
        ("refusal", refused, 401, Some("www-authenticate,retry-after")),
    ] {
        let answer = request.send().await?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        check.compare(&format!("CORS {what}, status:"), answer.status().as_u16(), status);
        let origin = header("access-control-allow-origin");
        check.compare(&format!("CORS {what}, origin:"), origin, Some(APP));
        let credentials = header("access-control-allow-credentials");
        check.compare(&format!("CORS {what}, credentials:"), credentials, Some("true"));
        let exposes = header("access-control-expose-headers");
        check.compare(&format!("CORS {what}, exposed:"), exposes, exposed);
    }
    Ok(())
}

/// A mistake on the command line is told by the name of its flag.
fn mistakes(check: &mut Check) {
    for (line, problem) in [
        ("--audience a", "--issuer is missing"),
        ("--issuer i", "--audience is missing"),
        ("--issuer --audience a", "--issuer needs a value"),
        ("--issuer", "--issuer needs a value"),
        ("--isuer i", "--isuer is not known"),
        ("i", "i is not known"),
        ("--listen here", "--listen here: invalid socket address syntax"),
        ("--profile oidc", "--profile oidc: neither rfc9068 nor identity-server"),
        ("--algorithms RS256,none", "--algorithms none: not an algorithm such as RS256"),
        ("--clock-tolerance -1", "--clock-tolerance -1: invalid digit found in string"),
        ("--refetch-cooldown 1s", "--refetch-cooldown 1s: invalid digit found in string"),
        ("--issuer i --audience a --introspection-cache 5", "--introspection-endpoint is missing"),
        ("--issuer i --audience a --login-user u", "--login-password is missing"),
        ("--issuer i --audience a --login-password p", "--login-user is missing"),
        ("--introspection-cache x", "--introspection-cache x: invalid digit found in string"),
        ("--cors-origin *", "--cors-origin *: not an origin such as https://app.example"),
    ] {
        let told = Command::parse(line.split(' ').map(str::to_owned)).err();
        check.compare(&format!("flags {line}:"), told.as_deref(), Some(problem));
    }
}

pub const AUDIENCE: &str = "https://api.example";
const APP: &str = "https://app.example";
const SCOPE: &str = r#"Bearer realm="api", error="insufficient_scope", scope="orders:write""#;
const NOBODY: &str = concat!(
    r#"{"detail":"no credential was sent","missing":["token"],"#,
    r#""status":401,"title":"Unauthorized","type":"about:blank"}"#
);
const TOO_OLD: &str = concat!(
    r#"{"detail":"the access token expired","error":"invalid_token","missing":["token"],"#,
    r#""status":401,"title":"Unauthorized","type":"about:blank"}"#
);
const NOT_VALID: &str = concat!(
    r#"{"detail":"the access token is not valid","error":"invalid_token","missing":["token"],"#,
    r#""status":401,"title":"Unauthorized","type":"about:blank"}"#
);
const DENIED: &str = concat!(
    r#"{"detail":"the caller may not do this","error":"insufficient_scope","#,
    r#""status":403,"title":"Forbidden","type":"about:blank"}"#
);
