//! Plays a table: exit codes, and lines that the report must hold.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use portcullis::{
    BuildError,
    testing::{MockIssuer, TicketMint},
    ticket::aspnet::{CompatibilityMode, MachineKey, Validation},
};

use crate::{inspect, support::Check};

pub async fn run() -> ExitCode {
    let mut check = Check::new("nowhere");
    let file = WebConfig::write();
    tickets(&mut check, file.path()).await.expect("the keys of the check are good");
    usage(&mut check, file.path()).await;
    jwts(&mut check).await;
    check.finish()
}

async fn tickets(check: &mut Check, config: &str) -> Result<(), BuildError> {
    let modern = TicketMint::with_key(MachineKey::from_config(WEB_CONFIG)?.build()?);
    let legacy = MachineKey::builder(VALIDATION_KEY, DECRYPTION_KEY)
        .compatibility_mode(CompatibilityMode::Framework20Sp1)
        .validation(Validation::Sha1);
    let legacy = TicketMint::with_key(legacy.dangerous().allow_sha1().build()?);
    let stranger = MachineKey::from_hex(&"7A".repeat(64), &"3C".repeat(32))?;

    let cookie = modern.katana_cookie("ApplicationCookie", "alice").claim("plan", "gold");
    let flag = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let none = flag(&[]);
    let rows = [
        (
            "a forms ticket",
            modern.forms("alice").build(),
            none.clone(),
            0,
            "fits: FormsAuthentication ticket, Framework45, HMACSHA256 and AES",
        ),
        (
            "a forms ticket of SHA1 and Framework20SP1",
            legacy.forms("alice").build(),
            none.clone(),
            0,
            "      .dangerous().allow_sha1()",
        ),
        (
            "a Katana cookie, the whole line",
            format!("Cookie: a=b; .AspNet.ApplicationCookie={}", cookie.clone().build()),
            none.clone(),
            0,
            r#"  let cookies = KatanaCookie::new(key, "ApplicationCookie")?;"#,
        ),
        ("its claims", cookie.clone().build(), none.clone(), 0, r#"  claim         "plan""#),
        (
            "its claims with values",
            cookie.clone().build(),
            flag(&["--show-values"]),
            0,
            r#"  claim         "plan" = "gold""#,
        ),
        (
            "a cookie of a type that is not known",
            modern.katana_cookie("Portal", "alice").build(),
            none.clone(),
            1,
            "nothing fits",
        ),
        (
            "the same, with its type",
            modern.katana_cookie("Portal", "alice").build(),
            flag(&["--authentication-type", "Portal"]),
            0,
            r#"fits: Katana cookie "Portal", HMACSHA256 and AES"#,
        ),
        (
            "an access token",
            modern.katana_access_token("alice").build(),
            none.clone(),
            0,
            "  let tokens = KatanaAccessToken::new(key)?;",
        ),
        (
            "another key",
            modern.forms("alice").signed_with(stranger).build(),
            none.clone(),
            1,
            "nothing fits",
        ),
        ("cut short", cookie.truncated(100).build(), none.clone(), 1, "nothing fits"),
        (
            "expired",
            modern.forms("alice").expired_for(Duration::from_secs(300)).build(),
            none.clone(),
            1,
            "fits: FormsAuthentication ticket, Framework45, HMACSHA256 and AES",
        ),
        (
            "Data Protection",
            "CfDJ8Ls1X7KcE2tOmSyrHVu9Jz0".to_owned(),
            none.clone(),
            1,
            "note: this is ASP.NET Core Data Protection, which comes with a later change; machine \
             keys do not open it",
        ),
        (
            "a JWT",
            MockIssuer::new().token().build(),
            none,
            1,
            "note: this is a JWT (three segments): no ticket; use --issuer",
        ),
    ];
    for (what, text, flags, code, line) in rows {
        let mut arguments = flag(&["--machine-key", config]);
        arguments.extend(flags);
        arguments.push(text);
        play(check, what, &arguments, code, line).await;
    }
    Ok(())
}

async fn usage(check: &mut Check, config: &str) {
    for (what, arguments, line) in [
        ("nothing at all", &[][..], "--machine-key or --issuer is missing"),
        ("no text", &["--machine-key", config], "the text is missing"),
        ("no value", &["x", "--machine-key"], "--machine-key needs a value"),
        ("two texts", &["--machine-key", config, "x", "y"], "more than one text; put it in quotes"),
        ("an unknown word", &["--verbose"], "unknown argument --verbose"),
        (
            "both",
            &["--machine-key", config, "--issuer", "https://login.example", "x"],
            "--machine-key is for tickets, --issuer for JWTs",
        ),
    ] {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        play(check, what, &arguments, 2, line).await;
    }
    let arguments = ["--machine-key", "no-such-file", "x"].map(str::to_owned);
    let (code, _) = inspect(&arguments).await;
    check.compare("no such file:", code, 2);
}

async fn jwts(check: &mut Check) {
    let issuer = MockIssuer::new().serve().await.expect("a free port");
    let url = issuer.url();
    let mock = issuer.issuer();
    let audience = mock.audience().to_owned();
    let stranger = mock.token().signed_by_stranger().build();
    for (what, token, audience, code, line) in [
        ("a JWT of the issuer", mock.token().build(), Some(&*audience), 0, "claims:"),
        (
            "without --audience",
            mock.token().build(),
            None,
            0,
            "note: the audience was not looked at; give --audience",
        ),
        (
            "another audience",
            mock.token().audience("other").build(),
            Some(&*audience),
            1,
            r#"what to write: .audience(..) with what stands in aud, if that is this service: "other""#,
        ),
        (
            "expired",
            mock.token().expired_since(Duration::from_secs(300)).build(),
            Some(&*audience),
            1,
            "what to write: nothing: get another token; .clock_tolerance(..) is for clocks that differ",
        ),
        ("signed by a stranger", stranger, Some(&*audience), 1, "claims, UNVERIFIED:"),
        ("no JWT", "x".to_owned(), Some(&*audience), 1, "claims: not JSON in base64url"),
    ] {
        let mut arguments = vec!["--issuer".to_owned(), url.clone()];
        if let Some(audience) = audience {
            arguments.extend(["--audience".to_owned(), audience.to_owned()]);
        }
        arguments.push(token);
        play(check, what, &arguments, code, line).await;
    }
}

async fn play(check: &mut Check, what: &str, arguments: &[String], code: u8, line: &str) {
    let (found, report) = inspect(arguments).await;
    check.compare(&format!("{what}: exit code"), found, code);
    let lines: Vec<&str> = report.lines().collect();
    let found = if lines.contains(&line) { line } else { report.as_str() };
    check.compare(&format!("{what}:"), found, line);
    let is_secret =
        report.contains(&VALIDATION_KEY[..20]) || report.contains(&DECRYPTION_KEY[..20]);
    check.compare(&format!("{what}: a key in the report"), is_secret, false);
}

/// The file of the check, removed with it.
struct WebConfig(PathBuf);

impl WebConfig {
    fn write() -> Self {
        let name = format!("portcullis-inspect-{}.config", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, WEB_CONFIG).expect("the folder for temporary files can be written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("the folder's name is Unicode")
    }
}

impl Drop for WebConfig {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

// published here: make others for anything but a check
const VALIDATION_KEY: &str = "B6E1F0A93C7D5824E9A1B3C5D7F90218436587A9CBED0F21324354657687980AB1C2D3E4F5061728394A5B6C7D8E9F0A1B2C3D4E5F60718293A4B5C6D7E8F901";
const DECRYPTION_KEY: &str = "A4C1E7390B5D6F8213457A9CBEDF0214263748596A7B8C9DAEBFC0D1E2F30415";
const WEB_CONFIG: &str = r#"<machineKey compatibilityMode="Framework45" validation="HMACSHA256" decryption="AES"
  validationKey="B6E1F0A93C7D5824E9A1B3C5D7F90218436587A9CBED0F21324354657687980AB1C2D3E4F5061728394A5B6C7D8E9F0A1B2C3D4E5F60718293A4B5C6D7E8F901"
  decryptionKey="A4C1E7390B5D6F8213457A9CBEDF0214263748596A7B8C9DAEBFC0D1E2F30415" />"#;
