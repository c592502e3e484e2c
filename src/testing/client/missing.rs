//! What a refusal asks for.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::Value;

/// The part of an answer of 401 that says what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// A session, whatever else: the user must log in. Where, if the answer says so.
    Session(Option<String>),
    /// A token alone.
    Token,
}

impl Missing {
    pub(super) fn of(answer: &Response<Bytes>) -> Option<Self> {
        if answer.status() != StatusCode::UNAUTHORIZED {
            return None;
        }
        let problem: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let login = problem["login"].as_str().map(str::to_owned);
        let says = |part: &str| match problem["missing"].as_array() {
            Some(missing) => missing.iter().any(|named| named == part),
            None => challenges(answer, if part == "session" { "Cookie" } else { "Bearer" }),
        };
        if says("session") {
            return Some(Self::Session(login));
        }
        says("token").then_some(Self::Token)
    }
}

/// A challenge of this scheme stands at the beginning of a line; this crate writes one a line.
fn challenges(answer: &Response<Bytes>, scheme: &str) -> bool {
    answer.headers().get_all(header::WWW_AUTHENTICATE).iter().any(|line| {
        let line = line.to_str().unwrap_or_default();
        line.split(' ').next().is_some_and(|named| named.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_says_more_than_the_challenges() {
        let session = |login: Option<&str>| Some(Missing::Session(login.map(str::to_owned)));
        for (status, body, challenge, expected) in [
            (401, r#"{"missing":["token"]}"#, "Cookie realm=\"app\"", Some(Missing::Token)),
            (401, r#"{"missing":["session"]}"#, "Bearer", session(None)),
            (
                401,
                r#"{"missing":["token","session"],"login":"/in"}"#,
                "Bearer",
                session(Some("/in")),
            ),
            (401, r#"{"missing":[]}"#, "Bearer", None),
            (401, "", "Bearer realm=\"api\", error=\"invalid_token\"", Some(Missing::Token)),
            (401, "", "bearer", Some(Missing::Token)),
            (401, "", "Cookie realm=\"app\"", session(None)),
            (401, "<html>", "Basic realm=\"x\"", None),
            (403, r#"{"missing":["token"]}"#, "Bearer", None),
        ] {
            let answer = Response::builder().status(status).header("www-authenticate", challenge);
            let answer = answer.body(Bytes::from(body)).unwrap();
            assert_eq!(Missing::of(&answer), expected, "{status} {body} {challenge}");
        }
    }
}
