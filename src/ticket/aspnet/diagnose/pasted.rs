//! What people paste, and the value in it.

use super::notice::Notice;
use crate::base64url;

/// The value, and what was noticed on the way to it.
pub(super) struct Pasted {
    pub(super) value: String,
    pub(super) notices: Vec<Notice>,
}

pub(super) fn read(text: &str) -> Pasted {
    let mut pasted = Pasted { value: text.to_owned(), notices: Vec::new() };
    pasted.trim();
    pasted.unquote();
    pasted.take_header_name();
    let is_session = pasted.take_cookie();
    pasted.unquote();
    pasted.decode_percents();
    pasted.close_up();
    let foreign = if is_session || is_session_id(&pasted.value) {
        Some(Notice::AspNetSessionId)
    } else {
        foreign(&pasted.value)
    };
    pasted.notices.extend(foreign);
    pasted
}

impl Pasted {
    fn note(&mut self, notice: Notice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// A line break at the end is nobody's mistake.
    fn trim(&mut self) {
        let line = self.value.strip_suffix('\n').unwrap_or(&self.value);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let trimmed = line.trim();
        let has_blanks = trimmed != line;
        self.value = trimmed.to_owned();
        if has_blanks {
            self.note(Notice::WhiteSpace);
        }
    }

    /// A text of several lines, or with blanks in it.
    fn close_up(&mut self) {
        if self.value.contains(char::is_whitespace) {
            self.value.retain(|letter| !letter.is_whitespace());
            self.note(Notice::WhiteSpace);
        }
    }

    fn unquote(&mut self) {
        for quote in ['"', '\'', '`'] {
            let inner = self.value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            if let Some(inner) = inner.map(str::to_owned) {
                self.value = inner;
                self.note(Notice::Quotes);
            }
        }
    }

    fn take_header_name(&mut self) {
        for name in ["set-cookie:", "cookie:", "authorization:", "bearer "] {
            let Some((head, rest)) = self.value.split_at_checked(name.len()) else { continue };
            if head.eq_ignore_ascii_case(name) {
                self.value = rest.trim().to_owned();
                if !name.ends_with("cookie:") {
                    self.note(Notice::BearerPrefix);
                }
            }
        }
    }

    /// Takes the value out of a cookie line: the longest, or the chunks of one. Says whether it is
    /// that of a session of `System.Web`.
    fn take_cookie(&mut self) -> bool {
        let line = std::mem::take(&mut self.value);
        let pairs: Vec<(&str, &str)> = line.split(';').filter_map(pair).collect();
        let longest = pairs.iter().copied().max_by_key(|(_, value)| value.len());
        let Some((name, value)) = longest else {
            self.value = line;
            return false;
        };
        let joined = pairs.iter().find_map(|(name, value)| join(name, value, &pairs));
        if let Some((name, count, value)) = joined {
            self.note(Notice::CookieLine(name));
            self.note(Notice::ChunksJoined(count));
            self.value = value;
            return false;
        }
        self.note(Notice::CookieLine(name.to_owned()));
        self.value = value.to_owned();
        name.eq_ignore_ascii_case("ASP.NET_SessionId")
    }

    fn decode_percents(&mut self) {
        if !self.value.contains('%') {
            return;
        }
        let mut bytes = Vec::with_capacity(self.value.len());
        let mut rest = self.value.as_bytes();
        while let Some((first, others)) = rest.split_first() {
            let digits = others.split_at_checked(2).filter(|_| *first == b'%');
            let decoded = digits.and_then(|(digits, after)| {
                Some((*super::super::hex::decode(digits)?.first()?, after))
            });
            match decoded {
                Some((byte, after)) => {
                    bytes.push(byte);
                    rest = after;
                }
                None => {
                    bytes.push(*first);
                    rest = others;
                }
            }
        }
        if let Ok(text) = String::from_utf8(bytes)
            && text != self.value
        {
            self.value = text;
            self.note(Notice::UrlEncoded);
        }
    }
}

/// `name=value` of a cookie; no text that is padded by `=`.
fn pair(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.trim().split_once('=')?;
    let is_name =
        |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
    let is_pair =
        !name.is_empty() && name.chars().all(is_name) && !value.trim_matches('=').is_empty();
    is_pair.then(|| (name, value.trim()))
}

/// The chunks behind `chunks:N`, if they are all there: name, number, value.
fn join(name: &str, value: &str, pairs: &[(&str, &str)]) -> Option<(String, usize, String)> {
    let count: usize = value.strip_prefix("chunks:")?.parse().ok()?;
    let count = (1..=pairs.len()).contains(&count).then_some(count)?;
    let chunk = |number| {
        let wanted = format!("{name}C{number}");
        pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
    };
    let value = (1..=count).map(chunk).collect::<Option<String>>()?;
    Some((name.to_owned(), count, value))
}

fn foreign(value: &str) -> Option<Notice> {
    if value.is_empty() {
        return Some(Notice::Empty);
    }
    if value.starts_with("chunks:") {
        return Some(Notice::ChunkMarker);
    }
    let starts = |prefix: &str| {
        value.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    if value.starts_with("CfDJ8") || starts("09F0C9F0") {
        return Some(Notice::DataProtection);
    }
    let segments: Vec<&str> = value.split('.').collect();
    let header = segments.first().and_then(base64url::decode);
    let is_header = header.is_some_and(|header| header.trim_ascii_start().starts_with(b"{"));
    match segments.len() {
        3 if is_header => Some(Notice::Jwt),
        5 if is_header => Some(Notice::EncryptedJwt),
        _ => None,
    }
}

/// 24 letters of SessionId.cs.
fn is_session_id(value: &str) -> bool {
    value.len() == 24 && value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'5'))
}
