//! Text of a stranger, made fit for one line of a log.

use std::fmt::{self, Write as _};

/// The text with control characters escaped, and cut at a character near `limit` bytes.
pub(crate) fn printable(value: impl fmt::Display, limit: usize) -> String {
    let text = String::with_capacity(limit.min(USUAL_TEXT));
    let mut printable = Printable { text, limit, is_full: false };
    // the only error is that it is full: the rest is cut off
    let _ = write!(printable, "{value}");
    printable.text
}

/// Takes text in, escaped, until it is full.
struct Printable {
    text: String,
    limit: usize,
    is_full: bool,
}

impl fmt::Write for Printable {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.limit.saturating_sub(self.text.len());
        if text.len() <= room && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.text.push_str(text);
            return Ok(());
        }
        for c in text.chars() {
            if self.is_full {
                return Err(fmt::Error);
            }
            if self.text.len() >= self.limit {
                self.text.push('…');
                self.is_full = true;
            } else if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                self.text.extend(c.escape_default());
            } else {
                self.text.push(c);
            }
        }
        Ok(())
    }
}

/// Room for most texts.
const USUAL_TEXT: usize = 96;
