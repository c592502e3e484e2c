//! The command line.

use std::{fmt::Display, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use http::{HeaderValue, Uri};
use portcullis::{
    Secret,
    jwt::{Algorithm, Profile, jwe::DecryptionKey},
};

use crate::decryption;

/// What the server is told to do.
#[derive(Debug)]
pub enum Command {
    Check,
    Demonstrate,
    Help,
    Serve(Box<Options>),
}

/// One field a flag. `None`: what the library does by default.
#[derive(Debug)]
pub struct Options {
    pub listen: SocketAddr,
    pub issuer: String,
    pub audience: String,
    pub profile: Profile,
    pub accept_types: Vec<String>,
    pub algorithms: Option<Vec<Algorithm>>,
    pub decryption_keys: Vec<DecryptionKey>,
    pub clock_tolerance: Option<Duration>,
    pub refetch_cooldown: Option<Duration>,
    pub allow_http_issuer: bool,
    pub cors_origin: Option<HeaderValue>,
    pub introspection: Option<Introspection>,
    pub tickets: Option<Tickets>,
}

/// Where opaque tokens are asked about, and as whom.
#[derive(Debug, Default)]
pub struct Introspection {
    pub endpoint: String,
    pub client_id: String,
    pub client_secret: Option<Secret>,
    pub cache: Option<Duration>,
    pub subject: Option<String>,
}

/// Who may log in, and the keys of the tickets.
#[derive(Debug, Default)]
pub struct Tickets {
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub machine_key: Option<PathBuf>,
}

pub const USAGE: &str = "\
usage: resource_server --issuer URL --audience AUD [options]
       resource_server --check
       resource_server                   (a demonstration, with a mock issuer inside)

  --issuer URL                what stands in iss; its keys are found by discovery
  --audience AUD              what stands in aud
  --listen ADDR               default 127.0.0.1:3000
  --profile NAME              rfc9068 (default) or identity-server
  --accept-type TYP           a further typ; may be repeated
  --algorithms LIST           for example RS256,ES256; default: all but HMAC
  --decryption-key FILE       a private JWK that opens encrypted tokens; may be repeated
  --clock-tolerance SECONDS   default 60
  --refetch-cooldown SECONDS  between two fetches for unknown keys, default 30
  --allow-http-issuer         keys over http from any host; for tests
  --cors-origin ORIGIN        a browser application that may call with credentials

opaque tokens, beside JWTs (RFC 7662):

  --introspection-endpoint URL
  --introspection-client-id ID
  --introspection-client-secret SECRET
  --introspection-cache SECONDS   how long an answer is remembered, default 60
  --introspection-subject MEMBER  of the answer that names the user, default sub

tickets, beside tokens: GET /both, POST /login, POST /logout:

  --login-user NAME           who may log in; a token of the same name opens /both
  --login-password WORD
  --machine-key FILE          a web.config or its <machineKey>; made if absent, and by default in memory
";

impl Command {
    /// Reads the command line without the program's name.
    ///
    /// # Errors
    /// What is wrong, by the name of the flag.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter().peekable();
        if arguments.peek().is_none() {
            return Ok(Self::Demonstrate);
        }
        let (mut issuer, mut audience) = (None, None);
        let mut introspection = Introspection::default();
        let mut tickets = Tickets::default();
        let mut options = Options::new(String::new(), String::new());
        while let Some(flag) = arguments.next() {
            let mut value = || match arguments.next_if(|value| !value.starts_with("--")) {
                Some(value) if !value.is_empty() => Ok(value),
                _ => Err(format!("{flag} needs a value")),
            };
            match &*flag {
                "--check" => return Ok(Self::Check),
                "--help" | "-h" => return Ok(Self::Help),
                "--issuer" => issuer = Some(value()?),
                "--audience" => audience = Some(value()?),
                "--listen" => options.listen = parsed(&flag, &value()?)?,
                "--profile" => options.profile = profile(&value()?)?,
                "--accept-type" => options.accept_types.push(value()?),
                "--algorithms" => options.algorithms = Some(algorithms(&value()?)?),
                "--decryption-key" => {
                    options.decryption_keys.push(decryption::read(value()?.as_ref())?);
                }
                "--clock-tolerance" => options.clock_tolerance = Some(seconds(&flag, &value()?)?),
                "--refetch-cooldown" => options.refetch_cooldown = Some(seconds(&flag, &value()?)?),
                "--allow-http-issuer" => options.allow_http_issuer = true,
                "--cors-origin" => options.cors_origin = Some(origin(&value()?)?),
                "--introspection-endpoint" => introspection.endpoint = value()?,
                "--introspection-client-id" => introspection.client_id = value()?,
                "--introspection-client-secret" => {
                    introspection.client_secret = Some(value()?.into())
                }
                "--introspection-cache" => introspection.cache = Some(seconds(&flag, &value()?)?),
                "--introspection-subject" => introspection.subject = Some(value()?),
                "--login-user" => tickets.user = Some(value()?),
                "--login-password" => tickets.password = Some(value()?.into()),
                "--machine-key" => tickets.machine_key = Some(value()?.into()),
                _ => return Err(format!("{flag} is not known")),
            }
        }
        options.issuer = issuer.ok_or("--issuer is missing")?;
        options.audience = audience.ok_or("--audience is missing")?;
        options.introspection = introspection.complete()?;
        options.tickets = tickets.complete()?;
        Ok(Self::Serve(options.into()))
    }
}

impl Introspection {
    /// All of it or nothing.
    fn complete(self) -> Result<Option<Self>, String> {
        let needed = [
            ("--introspection-endpoint", self.endpoint.is_empty()),
            ("--introspection-client-id", self.client_id.is_empty()),
            ("--introspection-client-secret", self.client_secret.is_none()),
        ];
        let is_unsaid = self.cache.is_none() && self.subject.is_none();
        if is_unsaid && needed.iter().all(|(_, is_missing)| *is_missing) {
            return Ok(None);
        }
        match needed.iter().find(|(_, is_missing)| *is_missing) {
            Some((flag, _)) => Err(format!("{flag} is missing")),
            None => Ok(Some(self)),
        }
    }
}

impl Tickets {
    /// A user comes with a password.
    fn complete(self) -> Result<Option<Self>, String> {
        match (&self.user, &self.password, &self.machine_key) {
            (None, None, None) => Ok(None),
            (None, Some(_), _) => Err("--login-user is missing".to_owned()),
            (Some(_), None, _) => Err("--login-password is missing".to_owned()),
            _ => Ok(Some(self)),
        }
    }
}

impl Options {
    /// The defaults.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            issuer: issuer.into(),
            audience: audience.into(),
            profile: Profile::rfc9068(),
            accept_types: Vec::new(),
            algorithms: None,
            decryption_keys: Vec::new(),
            clock_tolerance: None,
            refetch_cooldown: None,
            allow_http_issuer: false,
            cors_origin: None,
            introspection: None,
            tickets: None,
        }
    }
}

fn profile(name: &str) -> Result<Profile, String> {
    match name {
        "rfc9068" => Ok(Profile::rfc9068()),
        "identity-server" => Ok(Profile::identity_server()),
        _ => Err(format!("--profile {name}: neither rfc9068 nor identity-server")),
    }
}

fn algorithms(list: &str) -> Result<Vec<Algorithm>, String> {
    list.split(',')
        .map(|name| {
            Algorithm::parse(name.trim())
                .ok_or_else(|| format!("--algorithms {name}: not an algorithm such as RS256"))
        })
        .collect()
}

fn seconds(flag: &str, value: &str) -> Result<Duration, String> {
    parsed(flag, value).map(Duration::from_secs)
}

/// Scheme, host and port, as a browser sends them; `*` does not go with credentials (Fetch
/// standard).
fn origin(value: &str) -> Result<HeaderValue, String> {
    let problem = || format!("--cors-origin {value}: not an origin such as https://app.example");
    let url: Uri = value.parse().map_err(|_| problem())?;
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(problem());
    };
    if value != format!("{scheme}://{authority}") {
        return Err(problem());
    }
    value.parse().map_err(|_| problem())
}

fn parsed<T: FromStr<Err: Display>>(flag: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|error| format!("{flag} {value}: {error}"))
}
