//! .NET's `BinaryReader` and `BinaryWriter`, as far as tickets need them, and .NET's ticks.
//!
//! 1. Nothing is allocated for a length before that many bytes are known to be there.
//! 2. A length is a *7-bit integer*: groups of 7 bits, the lowest first; the high bit of a byte says
//!    that more follow. At most five bytes; what the fifth holds above 32 bits is dropped, as the .NET
//!    Framework does; the result is signed, and a negative length is refused.
//! 3. A *net-string* is a length in bytes and that much UTF-8. .NET puts U+FFFD where it is not UTF-8
//!    and takes a length that is longer than it need be; both are refused here, for no writer makes
//!    them.
//! 4. *Ticks* are 100 ns each, since 0001-01-01T00:00:00Z.

use std::time::Duration;

use crate::clock::UnixTime;

/// What is wrong with the bytes. For the operator: it holds nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Takes bytes from the front.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A byte that can only be this one.
    pub(super) fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), Malformed> {
        if self.byte()? == byte { Ok(()) } else { Err(Malformed(otherwise)) }
    }

    /// A byte that is 0 or 1.
    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a flag that is neither 0 nor 1")),
        }
    }

    /// Four bytes, the lowest first.
    pub(super) fn int32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_le_bytes)
    }

    /// Eight bytes, the lowest first.
    pub(super) fn int64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    /// A number of things that take at least `size` bytes each.
    pub(super) fn count(&mut self, size: usize, limit: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.int32()?).map_err(|_| NEGATIVE)?;
        if count > limit {
            return Err(Malformed("more claims or properties than the limit"));
        }
        if count > self.left() / size { Err(TOO_SHORT) } else { Ok(count) }
    }

    /// A 7-bit integer that is not negative, however long it is written.
    pub(super) fn length(&mut self) -> Result<usize, Malformed> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            // at 28 the shift drops what lies above 32 bits
            value |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                let signed = value.cast_signed();
                return usize::try_from(signed).map_err(|_| NEGATIVE);
            }
        }
        Err(Malformed("a length of more than five bytes"))
    }

    pub(super) fn net_string(&mut self) -> Result<&'a str, Malformed> {
        let before = self.left();
        let length = self.length()?;
        if before - self.left() != size_of_length(length) {
            return Err(Malformed("a length that is longer than it need be"));
        }
        str::from_utf8(self.take(length)?).map_err(|_| Malformed("a text that is not UTF-8"))
    }

    /// A moment as .NET tells it.
    pub(super) fn ticks(&mut self) -> Result<Ticks, Malformed> {
        Ticks::new(self.int64()?)
    }

    /// Nothing is left.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed("bytes after the end")) }
    }
}

/// Puts bytes at the end.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn int32(&mut self, value: i32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn int64(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    /// A count. What is longer than .NET can count is written as what no reader takes.
    pub(super) fn count(&mut self, count: usize) {
        self.int32(i32::try_from(count).unwrap_or(-1));
    }

    /// A 7-bit integer, as short as can be.
    pub(super) fn length(&mut self, length: usize) {
        let mut rest = length;
        while rest > 0x7F {
            self.byte((rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        self.byte(rest as u8);
    }

    pub(super) fn net_string(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// How many bytes .NET writes a length in.
const fn size_of_length(length: usize) -> usize {
    match length {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        0x20_0000..=0xFFF_FFFF => 4,
        _ => 5,
    }
}

/// A moment as .NET tells it: 100 ns since 0001-01-01T00:00:00Z, until the end of the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks(i64);

impl Ticks {
    /// `DateTime.MaxValue`.
    pub(super) const MAX: Self = Self(3_155_378_975_999_999_999);
    /// 1970-01-01T00:00:00Z.
    const EPOCH: Self = Self(621_355_968_000_000_000);
    /// 1601-01-01T00:00:00Z, from where Windows counts a `FILETIME`.
    const FILETIME_EPOCH: Self = Self(504_911_232_000_000_000);

    pub(super) const fn new(ticks: i64) -> Result<Self, Malformed> {
        if ticks < 0 || ticks > Self::MAX.0 {
            return Err(Malformed("a date outside the years 1 to 9999"));
        }
        Ok(Self(ticks))
    }

    /// From a Windows `FILETIME`.
    pub(super) fn from_filetime(filetime: i64) -> Result<Self, Malformed> {
        if filetime < 0 {
            return Err(Malformed("a date before 1601"));
        }
        Self::new(filetime.saturating_add(Self::FILETIME_EPOCH.0))
    }

    /// As a Windows `FILETIME`; what lies before 1601 is 1601.
    pub(super) fn to_filetime(self) -> i64 {
        self.0.saturating_sub(Self::FILETIME_EPOCH.0).max(0)
    }

    pub(super) const fn get(self) -> i64 {
        self.0
    }

    /// The moment, exact to the tick from 1970 to 2554. What lies before is
    /// [`UnixTime::EPOCH`], what lies after is [`UnixTime::MAX`], "for ever".
    pub(super) fn to_unix_time(self) -> UnixTime {
        let ticks = u64::try_from(self.0.saturating_sub(Self::EPOCH.0)).unwrap_or(0);
        UnixTime::EPOCH + Duration::from_nanos(ticks.saturating_mul(NANOS_PER_TICK))
    }

    /// The tick in which this moment lies; [`UnixTime::MAX`] is .NET's own end of time.
    pub(super) fn from_unix_time(time: UnixTime) -> Self {
        if time == UnixTime::MAX {
            return Self::MAX;
        }
        let ticks = time.saturating_since(UnixTime::EPOCH).as_nanos() / u128::from(NANOS_PER_TICK);
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX).saturating_add(Self::EPOCH.0);
        Self(ticks.min(Self::MAX.0))
    }
}

const TOO_SHORT: Malformed = Malformed("it ends too early");
const NEGATIVE: Malformed = Malformed("a negative length");
const NANOS_PER_TICK: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_framework() {
        for (bytes, expected) in [
            (&[0x05][..], Some(5)),
            (&[0x85, 0x00], Some(5)),
            (&[0xFF, 0x7F], Some(0x3FFF)),
            (&[0x80, 0x80, 0x01], Some(0x4000)),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0x07], Some(0x7FFF_FFFF)),
            // bits above 32 are dropped
            (&[0x85, 0x80, 0x80, 0x80, 0x10], Some(5)),
            (&[0x85, 0x80, 0x80, 0x80, 0x70], Some(5)),
            // negative
            (&[0x85, 0x80, 0x80, 0x80, 0x08], None),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], None),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F], None),
            // a sixth byte
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01], None),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(Reader::new(bytes).length().ok(), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn lengths_are_written_as_they_are_read() {
        for length in [0, 1, 0x7F, 0x80, 0x3FFF, 0x4000, 0x1F_FFFF, 0x20_0000, 0x1000_0000] {
            let mut writer = Writer::default();
            writer.length(length);
            let bytes = writer.finish();
            assert_eq!(bytes.len(), size_of_length(length));
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.length(), Ok(length));
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn texts_are_as_long_as_they_say() {
        for (bytes, expected) in [
            (&b"\x03abc"[..], Ok("abc")),
            (b"\x00", Ok("")),
            (b"\x06\xEF\xBB\xBFabc", Ok("\u{FEFF}abc")),
            (b"\x04abc", Err(TOO_SHORT)),
            (b"\xFF\xFF\xFF\xFF\x07abc", Err(TOO_SHORT)),
            (b"\x83\x00abc", Err(Malformed("a length that is longer than it need be"))),
            (b"\x03a\xFFb", Err(Malformed("a text that is not UTF-8"))),
            (b"\x03\xED\xA0\x80", Err(Malformed("a text that is not UTF-8"))),
        ] {
            assert_eq!(Reader::new(bytes).net_string(), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn a_count_never_promises_more_than_there_is() {
        for (bytes, expected) in [
            (&b"\x02\0\0\0abcd"[..], Ok(2)),
            (b"\x03\0\0\0abcd", Err(TOO_SHORT)),
            (b"\0\0\0\0", Ok(0)),
            (b"\xFF\xFF\xFF\xFF", Err(NEGATIVE)),
            (b"\x05\0\0\0abcdefghij", Err(Malformed("more claims or properties than the limit"))),
            (b"\0\0\0", Err(TOO_SHORT)),
        ] {
            assert_eq!(Reader::new(bytes).count(2, 4), expected, "{bytes:x?}");
        }
        let mut writer = Writer::default();
        writer.count(usize::MAX);
        assert_eq!(Reader::new(&writer.finish()).count(1, 9), Err(NEGATIVE));
    }

    #[test]
    fn ticks_are_exact_where_unix_time_is() {
        let ticks = Ticks::new(638_512_992_001_234_567).unwrap();
        assert_eq!(ticks.to_unix_time().to_string(), "2024-05-14T16:00:00Z");
        for ticks in [Ticks::EPOCH.0, Ticks::EPOCH.0 + 1, 638_512_992_001_234_567, Ticks::MAX.0] {
            let ticks = Ticks::new(ticks).unwrap();
            assert_eq!(Ticks::from_unix_time(ticks.to_unix_time()), ticks);
        }
        for (ticks, expected) in [
            (0, UnixTime::EPOCH),
            (Ticks::EPOCH.0 - 1, UnixTime::EPOCH),
            (Ticks::MAX.0, UnixTime::MAX),
            (Ticks::EPOCH.0 + 184_467_440_737_095_516 + 1, UnixTime::MAX),
        ] {
            assert_eq!(Ticks::new(ticks).unwrap().to_unix_time(), expected, "{ticks}");
        }
        for outside in [-1, i64::MIN, i64::MAX, Ticks::MAX.0 + 1] {
            assert!(Ticks::new(outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn a_filetime_counts_from_1601() {
        let ticks = Ticks::new(638_512_992_001_234_567).unwrap();
        assert_eq!(Ticks::from_filetime(ticks.to_filetime()), Ok(ticks));
        assert_eq!(Ticks::from_filetime(0), Ok(Ticks::FILETIME_EPOCH));
        assert_eq!(Ticks(1).to_filetime(), 0);
        for outside in [-1, i64::MIN, i64::MAX, Ticks::MAX.0 - Ticks::FILETIME_EPOCH.0 + 1] {
            assert!(Ticks::from_filetime(outside).is_err(), "{outside}");
        }
    }
}
