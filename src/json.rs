//! A strict reader of JSON objects (RFC 8259), for what strangers send.
//!
//! 1. One pass reads an object: its members as names and raw values, everything checked on the way,
//!    also what nobody will look at.
//! 2. Refused: text that is not UTF-8, a byte order mark, anything but one object, a name that
//!    stands twice (compared after unescaping), lone surrogates, raw control characters, numbers
//!    outside the grammar, trailing bytes, commas and comments, more than 32 levels.
//! 3. A value is turned into a Rust type only when it is asked for. A number that no type can hold
//!    hurts only who reads it.
//! 4. Linear time (n log n in the number of names), no recursion, and no allocation for an object of
//!    up to 16 members without escapes.

use std::{borrow::Cow, fmt};

use crate::clock::UnixTime;

/// The members of an object, in no particular order.
pub(crate) struct Object<'a> {
    /// The first few stand here and cost no allocation; beyond that all of them move to `many`.
    few: [Member<'a>; USUAL_MEMBERS],
    count: usize,
    many: Vec<Member<'a>>,
    /// One bit for each name, by a rough mark: names whose marks differ are not compared.
    marks: u64,
    /// Whether two of the few have the same name.
    twins: bool,
}

type Member<'a> = (Cow<'a, str>, Raw<'a>);

impl<'a> Object<'a> {
    /// Reads the one object that the bytes are.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let mut object = Self::empty();
        object.fill(bytes)?;
        Ok(object)
    }

    /// An object to be [filled](Self::fill) where it stands: it is large to move.
    pub(crate) const fn empty() -> Self {
        let few = [const { (Cow::Borrowed(""), Raw("")) }; USUAL_MEMBERS];
        Self { few, count: 0, many: Vec::new(), marks: 0, twins: false }
    }

    /// Reads the one object that the bytes are into an empty one.
    pub(crate) fn fill(&mut self, bytes: &'a [u8]) -> Result<(), JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError("not UTF-8"))?;
        self.read(text)
    }

    /// The value of this member.
    pub(crate) fn get(&self, name: &str) -> Option<Raw<'a>> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Every member.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.members().iter().map(|(name, value)| (name.as_ref(), *value))
    }

    fn members(&self) -> &[Member<'a>] {
        if self.many.is_empty() {
            self.few.get(..self.count).unwrap_or_default()
        } else {
            &self.many
        }
    }

    fn read(&mut self, text: &'a str) -> Result<(), JsonError> {
        let mut reader = Reader { text, at: 0 };
        reader.space();
        reader.expect(b'{', "not an object")?;
        reader.space();
        if !reader.eat(b'}') {
            loop {
                let name = reader.name()?;
                self.push((name, reader.value()?));
                reader.space();
                match reader.next() {
                    Some(b',') => reader.space(),
                    Some(b'}') => break,
                    _ => return Err(JsonError("no comma or brace after a member")),
                }
            }
        }
        reader.space();
        if reader.peek().is_some() {
            return Err(JsonError("bytes after the object"));
        }
        self.refuse_twins()
    }

    fn push(&mut self, member: Member<'a>) {
        let mark = mark(&member.0);
        if self.count < USUAL_MEMBERS {
            self.twins |= self.marks & mark != 0 && self.get(&member.0).is_some();
            self.marks |= mark;
        }
        if let Some(place) = self.few.get_mut(self.count) {
            *place = member;
        } else {
            if self.many.is_empty() {
                self.many.extend(self.few.iter_mut().map(std::mem::take));
            }
            self.many.push(member);
        }
        self.count += 1;
    }

    /// RFC 8259 §4 leaves open what a second member of one name means, so it means a refusal
    /// (RFC 7515 §4, RFC 7519 §4).
    fn refuse_twins(&mut self) -> Result<(), JsonError> {
        self.many.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let twins = self.many.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
        if self.twins || twins { Err(JsonError("a name stands twice")) } else { Ok(()) }
    }
}

fn mark(name: &str) -> u64 {
    let last = name.as_bytes().last().copied().unwrap_or_default();
    let first = name.as_bytes().first().copied().unwrap_or_default();
    1 << ((name.len() * 7 + usize::from(last) + usize::from(first) * 3) % 64)
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A value that is well formed and has not been looked into.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    pub(crate) fn is(self, word: &str) -> bool {
        self.0 == word
    }

    /// The text of a string.
    pub(crate) fn as_str(self) -> Result<Cow<'a, str>, JsonError> {
        let inner = self
            .0
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .ok_or(JsonError("not a string"))?;
        if inner.contains('\\') {
            unescape(inner).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(inner))
        }
    }

    /// The items of an array.
    pub(crate) fn as_array(self) -> Result<Items<'a>, JsonError> {
        if !self.0.starts_with('[') {
            return Err(JsonError("not an array"));
        }
        Ok(Items(Reader { text: self.0, at: 0 }))
    }

    /// The members of an object; here, too, no name may stand twice.
    pub(crate) fn as_object(self) -> Result<Object<'a>, JsonError> {
        let mut object = Object::empty();
        object.read(self.0)?;
        Ok(object)
    }

    /// A moment as RFC 7519 §2 writes it: seconds since 1970, a fraction allowed. Whole numbers are
    /// exact, and what is too large for a [`UnixTime`] is its `MAX`; a number beyond the range of an
    /// IEEE 754 double (RFC 8259 §6) is an error.
    pub(crate) fn as_numeric_date(self) -> Result<NumericDate, JsonError> {
        if !self.0.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Err(JsonError("not a number"));
        }
        if let Ok(seconds) = self.0.parse::<u64>() {
            return Ok(NumericDate { time: UnixTime::from_secs(seconds), negative: false });
        }
        let seconds: f64 = self.0.parse().map_err(|_| JsonError("not a number"))?;
        if !seconds.is_finite() {
            return Err(JsonError("a number out of range"));
        }
        Ok(NumericDate { time: UnixTime::from_secs_f64(seconds), negative: seconds < 0.0 })
    }
}

impl fmt::Debug for Raw<'_> {
    /// Its length alone: it may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}

/// A moment, and whether it lies before 1970, where [`UnixTime`] knows no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumericDate {
    pub(crate) time: UnixTime,
    pub(crate) negative: bool,
}

/// The items of an array that was found well formed.
pub(crate) struct Items<'a>(Reader<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        self.0.next()?; // the bracket or a comma
        self.0.space();
        let item = self.0.value().ok()?; // an empty array, or behind its end: no value
        self.0.space();
        Some(item)
    }
}

/// What is wrong with the text; never a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonError(&'static str);

impl JsonError {
    pub(crate) const fn message(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { Err(JsonError(otherwise)) }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn since(&self, start: usize) -> Result<Raw<'a>, JsonError> {
        self.text.get(start..self.at).map(Raw).ok_or(JsonError("not UTF-8"))
    }

    /// A name and its colon; stands before the value.
    fn name(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let start = self.at;
        let escaped = self.string()?;
        let inner = self.text.get(start + 1..self.at - 1).unwrap_or_default();
        let name = if escaped { Cow::Owned(unescape(inner)?) } else { Cow::Borrowed(inner) };
        self.space();
        self.expect(b':', "no colon after a name")?;
        self.space();
        Ok(name)
    }

    /// A value, however deep, without recursion: one bit tells for each open level whether it is an
    /// object.
    fn value(&mut self) -> Result<Raw<'a>, JsonError> {
        let start = self.at;
        let (mut objects, mut depth) = (0u32, 1usize);
        loop {
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    self.space();
                    let object = bracket == b'{';
                    if !self.eat(if object { b'}' } else { b']' }) {
                        depth += 1;
                        if depth > DEEPEST {
                            return Err(JsonError("nested too deeply"));
                        }
                        objects = objects << 1 | u32::from(object);
                        if object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                if depth == 1 {
                    return self.since(start);
                }
                let object = objects & 1 == 1;
                self.space();
                match self.next() {
                    Some(b',') => {
                        self.space();
                        if object {
                            self.name()?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return Err(JsonError("no comma or bracket after a value")),
                }
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    fn scalar(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(JsonError("not a value")),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(JsonError("not a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// RFC 8259 §6: `[ minus ] int [ frac ] [ exp ]`.
    fn number(&mut self) -> Result<(), JsonError> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(JsonError("not a number")) } else { Ok(()) }
    }

    /// Tells whether there was an escape in it.
    fn string(&mut self) -> Result<bool, JsonError> {
        self.expect(b'"', "not a string")?;
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            self.at += rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
                .unwrap_or(rest.len());
            match self.next() {
                Some(b'"') => return Ok(escaped),
                Some(b'\\') => {
                    self.escape()?;
                    escaped = true;
                }
                Some(_) => return Err(JsonError("a raw control character in a string")),
                None => return Err(JsonError("a string without end")),
            }
        }
    }

    /// What stands after a backslash. A high surrogate must be followed by its low one.
    fn escape(&mut self) -> Result<char, JsonError> {
        Ok(match self.next() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => match self.four_hex()? {
                high @ 0xd800..=0xdbff => {
                    if !(self.eat(b'\\') && self.eat(b'u')) {
                        return Err(JsonError("a lone surrogate"));
                    }
                    let low @ 0xdc00..=0xdfff = self.four_hex()? else {
                        return Err(JsonError("a lone surrogate"));
                    };
                    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    char::from_u32(code).ok_or(JsonError("a lone surrogate"))?
                }
                code => char::from_u32(code).ok_or(JsonError("a lone surrogate"))?,
            },
            _ => return Err(JsonError("an unknown escape")),
        })
    }

    fn four_hex(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|byte| char::from(byte).to_digit(16));
            code = code << 4 | digit.ok_or(JsonError("an unknown escape"))?;
        }
        Ok(code)
    }
}

fn unescape(inner: &str) -> Result<String, JsonError> {
    let mut out = String::with_capacity(inner.len());
    let mut reader = Reader { text: inner, at: 0 };
    loop {
        let rest = inner.get(reader.at..).unwrap_or_default();
        let Some((plain, _)) = rest.split_once('\\') else {
            out.push_str(rest);
            return Ok(out);
        };
        out.push_str(plain);
        reader.at += plain.len() + 1;
        out.push(reader.escape()?);
    }
}

const USUAL_MEMBERS: usize = 16;
const DEEPEST: usize = 32;

#[cfg(test)]
mod tests;
