//! A long value in several cookies.

use std::borrow::Cow;

use super::request::{Pair, is_quoted};
use crate::error::{AuthErrorKind, BuildError};

/// How an application cuts a long value into cookies: the cookie itself holds a marker with the
/// number of parts, and the parts are cookies of the same name with `C1`, `C2`, … behind it.
///
/// ```
/// use portcullis::scheme::ChunkDialect;
///
/// let lines = ChunkDialect::Katana.split("s", "abcdefghijklmnopqrst", "; Path=/", Some(24))?;
/// assert_eq!(lines[0], "s=chunks:2; Path=/");
/// assert_eq!(lines[1], "sC1=abcdefghijk; Path=/");
/// assert_eq!(lines[2], "sC2=lmnopqrst; Path=/");
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChunkDialect {
    /// ASP.NET Core's `chunks-N`: from 4050 characters on; an empty part counts as missing.
    AspNetCore,
    /// Katana's `chunks:N`: from 4090 characters on. The value is percent-encoded before it is cut,
    /// and double quotes around the parts stand around the whole.
    Katana,
    /// One cookie, whatever its length, and its value as it stands: FormsAuthentication.
    Whole,
}

impl ChunkDialect {
    /// From how many characters of a header value on it cuts, attributes included.
    #[must_use]
    pub const fn limit(self) -> Option<usize> {
        match self {
            Self::AspNetCore => Some(4050),
            Self::Katana => Some(4090),
            Self::Whole => None,
        }
    }

    /// The `Set-Cookie` values of one cookie. `value` is cut as it stands; `attributes` (which begin
    /// with `; `) stand behind each part. `limit` is that of the whole line: a line must be shorter.
    ///
    /// # Errors
    /// The limit leaves no room for a value, or the value needs more than 99 parts.
    pub fn split(
        self,
        name: &str,
        value: &str,
        attributes: &str,
        limit: Option<usize>,
    ) -> Result<Vec<String>, BuildError> {
        let template = name.len() + 1 + attributes.len();
        let whole = || vec![format!("{name}={value}{attributes}")];
        let (Some(limit), Some(marker)) = (limit, self.marker()) else { return Ok(whole()) };
        if limit > template + value.len() {
            return Ok(whole());
        }
        let (value, quote) = match self {
            Self::Katana if is_quoted(value.as_bytes()) => (&value[1..value.len() - 1], "\""),
            _ => (value, ""),
        };
        let fixed = template + 2 * quote.len();
        if limit < fixed + SMALLEST_PART {
            let problem =
                format!("name and attributes leave too little of {limit} bytes; shorten them");
            return Err(BuildError::invalid("cookie", problem));
        }
        let parts = cut(value, limit - fixed - SUFFIX);
        if parts.len() > MAX_CHUNKS {
            let problem = format!("the value needs {} cookies; no reader takes them", parts.len());
            return Err(BuildError::invalid("cookie", problem));
        }
        let mut lines = vec![format!("{name}={marker}{}{attributes}", parts.len())];
        lines.extend(parts.iter().zip(1..).map(|(part, number): (_, usize)| {
            format!("{name}C{number}={quote}{part}{quote}{attributes}")
        }));
        Ok(lines)
    }

    /// The value of the cookie `name`: as it stands, or joined from its parts.
    pub(super) fn join<'a>(
        self,
        name: &str,
        pairs: impl Iterator<Item = Pair<'a>>,
        max_bytes: usize,
    ) -> Result<Option<Cow<'a, [u8]>>, AuthErrorKind> {
        let mut whole = None;
        let mut parts = [None; MAX_CHUNKS];
        let mut twice = false;
        for (found, value) in pairs {
            let Some(suffix) = found.strip_prefix(name.as_bytes()) else { continue };
            if suffix.is_empty() {
                if whole.replace(value).is_some() {
                    return Err(AuthErrorKind::AmbiguousCookie);
                }
            } else if let Some(part) = part_number(suffix).and_then(|n| parts.get_mut(n - 1)) {
                twice |= part.replace(value).is_some();
            }
        }
        let Some(value) = whole else { return Ok(None) };
        let Some(count) = self.count(value) else {
            return if value.len() > max_bytes {
                Err(AuthErrorKind::TokenTooLong)
            } else {
                Ok(Some(Cow::Borrowed(value)))
            };
        };
        if twice {
            return Err(AuthErrorKind::AmbiguousCookie);
        }
        // what the marker announces is looked up, never allocated
        let parts = parts.get(..count).ok_or(AuthErrorKind::ChunksMissing)?;
        let mut joined = Vec::new();
        let mut quoted = false;
        for part in parts {
            let mut part = part.ok_or(AuthErrorKind::ChunksMissing)?;
            if part.is_empty() && self == Self::AspNetCore {
                return Err(AuthErrorKind::ChunksMissing);
            }
            if self == Self::Katana && is_quoted(part) {
                quoted = true;
                part = &part[1..part.len() - 1];
            }
            if joined.len() + part.len() > max_bytes {
                return Err(AuthErrorKind::TokenTooLong);
            }
            joined.extend_from_slice(part);
        }
        if quoted {
            joined.insert(0, b'"');
            joined.push(b'"');
        }
        Ok(Some(Cow::Owned(joined)))
    }

    /// Whether a value is a marker; then how many parts it announces, at least one.
    pub(super) fn count(self, value: &[u8]) -> Option<usize> {
        let digits = value.strip_prefix(self.marker()?.as_bytes())?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        // .NET counts in an Int32; a larger number is no marker to it
        let count: i32 = str::from_utf8(digits).ok()?.parse().ok()?;
        usize::try_from(count).ok().filter(|count| *count > 0)
    }

    const fn marker(self) -> Option<&'static str> {
        match self {
            Self::AspNetCore => Some("chunks-"),
            Self::Katana => Some("chunks:"),
            Self::Whole => None,
        }
    }
}

/// `C1` … `C99` as .NET writes them, without leading zeros.
pub(super) fn part_number(suffix: &[u8]) -> Option<usize> {
    let digits = match suffix {
        [b'C', digits @ ..] if (1..=2).contains(&digits.len()) => digits,
        _ => return None,
    };
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0' if number == 0 => None,
        b'0'..=b'9' => Some(number * 10 + usize::from(digit - b'0')),
        _ => None,
    })
}

fn cut(value: &str, size: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        // a legal value is ASCII; where it is not, the cut moves to the end of its character
        let at = (size..rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(at);
        parts.push(part);
        rest = after;
    }
    parts
}

/// Cookies of one value, at most.
pub(super) const MAX_CHUNKS: usize = 99;
/// Room for the number of the part: `C99`.
const SUFFIX: usize = 3;
/// Room that .NET demands for a part and its number.
const SMALLEST_PART: usize = 10;
