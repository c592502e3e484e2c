//! JWTs of an issuer that is asked for its keys.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    AuthError, AuthErrorKind, BuildError,
    jwt::{JwtValidator, RemoteKeys},
    token::{Presented, TokenValidator as _},
};
use serde_json::{Map, Value};

use crate::arguments::JwtQuestion;

/// Whether it is accepted, and the report.
pub async fn inspect(text: &str, question: &JwtQuestion) -> Result<(bool, String), String> {
    let token = text.trim().trim_start_matches("Bearer ").trim_matches('"');
    let validator = validator(question).map_err(|error| error.to_string())?;
    let (parts, ()) = http::Request::new(()).into_parts();
    let outcome = validator.validate(Presented::new(token, &parts)).await;

    let mut report = String::new();
    match &outcome {
        Ok(identity) => {
            let key = identity.key_id().unwrap_or("without name");
            let _ = writeln!(report, "accepted: signed by {}, key {key}", question.issuer);
        }
        Err(error) => {
            let _ = writeln!(report, "refused: {error}");
            let _ = writeln!(report, "what to write: {}", advice(error, &claims(token)));
        }
    }
    if question.audience.is_none() {
        report.push_str("note: the audience was not looked at; give --audience\n");
    }
    let trust = if outcome.is_ok() { "" } else { ", UNVERIFIED" };
    for (part, number) in [("header", 0), ("claims", 1)] {
        match segment(token, number) {
            Some(members) => {
                let _ = writeln!(report, "{part}{trust}:");
                for (name, value) in members {
                    let shown = part == "header" || question.show_values || SHOWN.contains(&&*name);
                    let value = if shown { format!(" = {value}") } else { String::new() };
                    let _ = writeln!(report, "  {name:?}{value}");
                }
            }
            None => {
                let _ = writeln!(report, "{part}: not JSON in base64url");
            }
        }
    }
    Ok((outcome.is_ok(), report))
}

fn validator(question: &JwtQuestion) -> Result<JwtValidator, BuildError> {
    let keys = RemoteKeys::discover(question.issuer.as_str())?;
    let builder = JwtValidator::builder(keys).issuer(question.issuer.as_str());
    match &question.audience {
        Some(audience) => builder.audience(audience.as_str()).build(),
        // nothing is let in here; the report says so
        None => builder.dangerous().any_audience().build(),
    }
}

/// The builder's word that accepts it; where the error itself says it, no more than that.
fn advice(error: &AuthError, claims: &Map<String, Value>) -> String {
    let claim = |name: &str| claims.get(name).map_or_else(|| "missing".into(), Value::to_string);
    match error.kind() {
        AuthErrorKind::WrongAudience => {
            format!(
                ".audience(..) with what stands in aud, if that is this service: {}",
                claim("aud")
            )
        }
        AuthErrorKind::WrongIssuer => {
            format!(".issuer(..) with what stands in iss, if it is trusted: {}", claim("iss"))
        }
        AuthErrorKind::MissingClaim => {
            ".accept_missing(..), or .profile(Profile::identity_server())".into()
        }
        AuthErrorKind::Expired => {
            "nothing: get another token; .clock_tolerance(..) is for clocks that differ".into()
        }
        AuthErrorKind::NotYetValid => "nothing: set the clocks right".into(),
        AuthErrorKind::WrongType => ".accept_type(..) or .accept_missing_type()".into(),
        AuthErrorKind::MissingExpiry => ".dangerous().accept_missing_expiry()".into(),
        AuthErrorKind::UnsupportedAlgorithm => ".algorithms([..]), if the issuer signs so".into(),
        AuthErrorKind::IssuerUnreachable => "nothing: the keys could not be had".into(),
        AuthErrorKind::MalformedJwt => {
            "nothing: no JWT; a ticket is inspected by --machine-key".into()
        }
        _ => "nothing accepts it: it is not of this issuer, or was changed".into(),
    }
}

fn claims(token: &str) -> Map<String, Value> {
    segment(token, 1).unwrap_or_default()
}

/// Decoded, and **not** verified.
fn segment(token: &str, number: usize) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(number)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Claims that say nothing about a person.
const SHOWN: [&str; 5] = ["aud", "exp", "iat", "iss", "nbf"];
