//! What the token endpoint says, in one of two dialects.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::{Map, Value};

use super::{
    super::{
        MockIssuer,
        page::{JSON, page, with},
        refusal::{Refusal, bad},
    },
    access_token::AccessToken,
    granted::{Grant, Granted},
};
use crate::clock::{UnixTime, civil_from_days};

/// How the endpoint speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// As Katana's authorization server.
    Katana,
    /// As RFC 6749 §5 has it.
    Rfc,
}

impl Dialect {
    pub(super) fn answer(self, answer: Result<Response<Bytes>, Refusal>) -> Response<Bytes> {
        match self {
            Self::Rfc => {
                let answer = answer.unwrap_or_else(Refusal::into_answer);
                with(with(answer, header::CACHE_CONTROL, "no-store"), header::PRAGMA, "no-cache")
            }
            Self::Katana => {
                let answer = answer.unwrap_or_else(|refusal| match refusal.status {
                    // an exception: nothing that a client could read
                    status if status.is_server_error() => page(status.as_u16(), "text/plain", ""),
                    _ => Refusal { status: StatusCode::BAD_REQUEST, ..refusal }.into_answer(),
                });
                let answer = with(answer, header::CACHE_CONTROL, "no-cache");
                let answer = with(answer, header::PRAGMA, "no-cache");
                with(with(answer, header::EXPIRES, "-1"), header::CONTENT_TYPE, KATANA_JSON)
            }
        }
    }
}

impl MockIssuer {
    /// RFC 6749 §5.1, in this order.
    pub(super) fn granted_answer(
        &self,
        granted: &Granted,
        access: &AccessToken,
        refresh: Option<String>,
        fields: Map<String, Value>,
    ) -> Response<Bytes> {
        let settings = &self.0.settings;
        let is_katana = settings.grants.compat || settings.katana.is_some();
        let seconds = match self.dialect() {
            Dialect::Rfc => access.lifetime.as_secs(),
            Dialect::Katana => rounded_twice(access.issued, access.lifetime),
        };
        let mut members = vec![
            ("access_token".to_owned(), access.text.clone().into()),
            ("token_type".to_owned(), if is_katana { "bearer" } else { "Bearer" }.into()),
        ];
        if seconds > 0 || !is_katana {
            members.push(("expires_in".to_owned(), seconds.into()));
        }
        members.extend(refresh.map(|token| ("refresh_token".to_owned(), token.into())));
        if !is_katana {
            members.push(("scope".to_owned(), granted.scopes.join(" ").into()));
        }
        members.extend(fields);
        if settings.grants.copy_properties {
            for (name, value) in &granted.properties {
                // a property is text: a list is JSON within a string
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                members.push((name.clone(), text.into()));
            }
            members.push((".issued".to_owned(), http_date(access.issued).into()));
            members
                .push((".expires".to_owned(), http_date(access.issued + access.lifetime).into()));
        } else if !granted.properties.is_empty() {
            let count = granted.properties.len();
            tracing::debug!("{count} properties of the ticket are not returned");
        }
        page(200, JSON, object(&members))
    }

    /// What the test adds.
    ///
    /// # Errors
    /// A name belongs to RFC 6749 §5.
    pub(super) fn response_fields(&self, grant: &Grant) -> Result<Map<String, Value>, Refusal> {
        let settings = &self.0.settings.grants;
        let mut fields = settings.response_fields.clone();
        fields.extend(settings.response_hook.iter().flat_map(|hook| hook(grant)));
        let copied = grant.properties.keys().filter(|_| settings.copy_properties);
        let reserved = |name: &&String| name.starts_with("error") || RESERVED.contains(&&***name);
        if let Some(name) = fields.keys().chain(copied).find(reserved) {
            tracing::error!(name, "a field of the response: the name belongs to RFC 6749 §5");
            return Err(Refusal {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                ..bad("server_error", "a response field has a reserved name")
            });
        }
        Ok(fields)
    }
}

/// Katana drops the milliseconds of the issue time, and then the fraction of what is left: some of
/// its clients see one second less than the setting.
fn rounded_twice(now: UnixTime, lifetime: Duration) -> u64 {
    let since = now.saturating_since(UnixTime::EPOCH);
    let is_whole = since.subsec_nanos().is_multiple_of(1_000_000);
    lifetime.as_secs().saturating_sub(u64::from(!is_whole))
}

/// An object whose members keep their order.
fn object(members: &[(String, Value)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// RFC 1123: `Tue, 14 May 2024 12:00:00 GMT`.
fn http_date(at: UnixTime) -> String {
    let days = at.as_secs() / 86_400;
    let (year, month, day) = civil_from_days(i64::try_from(days).unwrap_or(i64::MAX));
    let weekday = WEEKDAYS.get(usize::try_from(days % 7).unwrap_or_default()).unwrap_or(&"");
    let month = usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
    let time = at.time_of_day();
    format!("{weekday}, {day:02} {month} {year:04} {} GMT", time.trim_end_matches('Z'))
}

const KATANA_JSON: &str = "application/json;charset=UTF-8";
const RESERVED: [&str; 6] =
    ["access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"];
/// From 1970-01-01 on.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
