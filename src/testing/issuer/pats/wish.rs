//! What a user asks for: a name, a last day, scopes. What is refused here could not be used later.

use serde_json::Value;

use super::settings::PersonalAccessTokens;
use crate::{
    clock::{UnixTime, civil_from_days},
    testing::issuer::refusal::{Refusal, bad},
};

/// A personal access token that can be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) name: String,
    /// Name, day of birth, last day: `backup-2026-01-01-2026-06-30`.
    pub(super) label: String,
    pub(super) expires: UnixTime,
    /// The end was brought forward.
    pub(super) clamped: bool,
    pub(super) scopes: Vec<String>,
}

impl Wish {
    /// Reads `{"name": …, "expires": "2026-06-30", "scopes": […]}`; the scopes may also be one text.
    pub(super) fn read(
        body: &[u8],
        rules: &PersonalAccessTokens,
        now: UnixTime,
    ) -> Result<Self, Refusal> {
        let wish: Value =
            serde_json::from_slice(body).map_err(|_| invalid("the body is no JSON"))?;
        let name = wish["name"].as_str().filter(|name| is_name(name));
        let name = name.ok_or_else(|| {
            invalid("a name has letters and digits, - _ . and ~, no -- and no - at its end")
        })?;
        let asked = wish["expires"].as_str().and_then(day);
        let asked = asked.ok_or_else(|| invalid("expires is no day such as 2026-06-30"))?;
        if asked <= now {
            return Err(invalid("expires is no day to come"));
        }
        // the label tells the last day, so the end is the beginning of a day
        let expires = asked.min(midnight(now + rules.max_lifetime));
        let label = format!("{name}-{}-{}", date(now), date(expires));
        let whole = label.len() + SEPARATOR.len() + HANDLE;
        if whole > rules.longest {
            return Err(bad(
                "invalid_request",
                &format!(
                    "the label has {} bytes and the handle {HANDLE}: with the separator that is \
                     {whole}, and {} are read",
                    label.len(),
                    rules.longest
                ),
            ));
        }
        let scopes =
            scopes(&wish["scopes"]).ok_or_else(|| invalid("scopes is no list of names"))?;
        Ok(Self { name: name.to_owned(), label, expires, clamped: expires < asked, scopes })
    }
}

fn invalid(description: &str) -> Refusal {
    bad("invalid_request", description)
}

/// The label goes into a header, and its end must be found again.
fn is_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    !name.is_empty()
        && name.bytes().all(allowed)
        && !name.contains(SEPARATOR)
        && !name.ends_with('-')
}

fn scopes(value: &Value) -> Option<Vec<String>> {
    let names: Vec<&str> = match value {
        Value::String(names) => names.split(' ').filter(|name| !name.is_empty()).collect(),
        Value::Array(names) => names.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    (!names.is_empty()).then(|| names.into_iter().map(str::to_owned).collect())
}

/// The beginning of a day (ISO 8601, UTC), if it is one.
fn day(text: &str) -> Option<UnixTime> {
    let digits = |part: &str, count| {
        let plain = part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<i64>().ok()).flatten()
    };
    let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return None };
    let wanted = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    // dates rise with the days: the first that is not earlier is the one, or it does not exist
    let (mut low, mut high) = (0, LAST_DAY);
    while low < high {
        let middle = (low + high) / 2;
        if civil_from_days(middle) < wanted {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let found = civil_from_days(low) == wanted;
    found.then(|| UnixTime::from_secs(u64::try_from(low).unwrap_or_default() * DAY))
}

fn midnight(at: UnixTime) -> UnixTime {
    UnixTime::from_secs(at.as_secs() / DAY * DAY)
}

fn date(at: UnixTime) -> String {
    let (year, month, day) = civil_from_days(i64::try_from(at.as_secs() / DAY).unwrap_or_default());
    format!("{year:04}-{month:02}-{day:02}")
}

const DAY: u64 = 86_400;
/// 9999-12-31.
const LAST_DAY: i64 = 2_932_896;
/// 32 random bytes as hexadecimal digits: no hyphen, so the last separator is before it.
const HANDLE: usize = 64;
pub(super) const SEPARATOR: &str = "--";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names() {
        for (name, good) in [
            ("andersfullaccess", true),
            ("a", true),
            ("v1.2_x~y-z", true),
            ("-a", true),
            ("", false),
            ("a--b", false),
            ("a-", false),
            ("a b", false),
            ("a/b", false),
            ("ä", false),
            ("a\n", false),
        ] {
            assert_eq!(is_name(name), good, "{name:?}");
        }
    }

    #[test]
    fn days() {
        for (text, seconds) in [
            ("1970-01-01", Some(0)),
            ("2020-02-29", Some(1_582_934_400)),
            ("2019-12-01", Some(1_575_158_400)),
            ("9999-12-31", Some(253_402_214_400)),
            ("2019-02-29", None),
            ("2019-13-01", None),
            ("2019-00-10", None),
            ("2019-1-01", None),
            ("19-01-01", None),
            ("2019/12/01", None),
            ("01.12.2019", None),
            ("2019-12-01T00:00:00Z", None),
            ("+019-12-01", None),
            ("1969-12-31", None),
            ("", None),
        ] {
            assert_eq!(day(text), seconds.map(UnixTime::from_secs), "{text}");
        }
        assert_eq!(date(UnixTime::from_secs(1_575_158_400 + DAY - 1)), "2019-12-01");
    }

    fn wish(expires: &str, scopes: &Value) -> Result<Wish, String> {
        let now = day("2019-12-01").unwrap() + std::time::Duration::from_secs(3600);
        let body = json!({"name": "n", "expires": expires, "scopes": scopes}).to_string();
        let wish = Wish::read(body.as_bytes(), &PersonalAccessTokens::new(), now);
        wish.map_err(|refusal| refusal.description)
    }

    #[test]
    fn a_late_end_is_brought_forward_to_the_beginning_of_a_day() {
        for (expires, label, clamped) in [
            ("2019-12-02", "n-2019-12-01-2019-12-02", false),
            ("2020-12-01", "n-2019-12-01-2020-12-01", false),
            ("2020-12-02", "n-2019-12-01-2020-12-01", true),
            ("9999-12-31", "n-2019-12-01-2020-12-01", true),
        ] {
            let wish = wish(expires, &json!("my_api")).unwrap();
            assert_eq!((&*wish.label, wish.clamped), (label, clamped), "{expires}");
            assert_eq!(Some(wish.expires), day(&label[13..]));
        }
        for past in ["2019-12-01", "2019-11-30", "1970-01-01"] {
            assert!(wish(past, &json!("my_api")).unwrap_err().contains("to come"), "{past}");
        }
    }

    #[test]
    fn scopes_are_a_list_or_a_text() {
        for (scopes, read) in [
            (json!("a b"), Some(vec!["a", "b"])),
            (json!(["a", "b"]), Some(vec!["a", "b"])),
            (json!([]), None),
            (json!(""), None),
            (json!(["a", 1]), None),
            (Value::Null, None),
        ] {
            let wish = wish("2019-12-02", &scopes).ok();
            let read = read.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(wish.map(|wish| wish.scopes), read, "{scopes}");
        }
    }
}
