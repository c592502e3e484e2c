//! The dates of a Katana ticket: RFC 1123, whole seconds, `Tue, 14 May 2024 12:00:00 GMT`.
//!
//! .NET reads them with `TryParseExact("r")`: one spelling for each second, with the right day of the
//! week, of the years 1 to 9999. [`parse`] does the same by writing what it read.

use crate::clock::{UnixTime, civil_from_days};

/// The moment, or `None` where .NET sees no date. What lies before 1970 is [`UnixTime::EPOCH`], what
/// lies after 2554 is [`UnixTime::MAX`], "for ever".
pub(super) fn parse(text: &str) -> Option<UnixTime> {
    let (_, date) = text.split_once(", ")?;
    let mut parts = date.split([' ', ':']);
    let day: u8 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month =
        MONTHS.iter().zip(1..).find(|(name, _)| **name == month).map(|(_, number)| number)?;
    let year: u16 = parts.next()?.parse().ok().filter(|year| (1..=9999).contains(year))?;
    let mut number = || parts.next()?.parse::<u8>().ok().map(i64::from);
    let (hour, minute, second) = (number()?, number()?, number()?);
    let days = days_from_civil(year.into(), month, day.into());
    let seconds = days * DAY + hour * 3600 + minute * 60 + second;
    // what is not the one spelling of that second does not come out as it went in
    (spell(seconds) == text).then(|| UnixTime::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// The second in which this moment lies; [`UnixTime::MAX`] is .NET's own end of time.
pub(super) fn write(time: UnixTime) -> String {
    spell(if time == UnixTime::MAX {
        LAST_SECOND
    } else {
        i64::try_from(time.as_secs()).unwrap_or(LAST_SECOND)
    })
}

fn spell(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil_from_days(days);
    // 1970-01-01 was a Thursday
    let weekday = name(&WEEKDAYS, days + 4);
    let month = name(&MONTHS, month - 1);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

fn name<const N: usize>(names: &[&'static str; N], index: i64) -> &'static str {
    let index = usize::try_from(index.rem_euclid(N as i64)).unwrap_or(0);
    names.get(index).copied().unwrap_or_default()
}

/// Year, month, day to days since 1970-01-01: "chrono-compatible low-level date algorithms", Howard
/// Hinnant, `days_from_civil`.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 86_400;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_one_spelling() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Tue, 14 May 2024 12:00:00 GMT", 1_715_688_000),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] {
            assert_eq!(parse(text), Some(UnixTime::from_secs(seconds)), "{text}");
            assert_eq!(write(UnixTime::from_secs(seconds)), text);
        }
        for text in [
            "",
            "Tue, 14 May 2024 12:00:00",
            "Tue, 14 May 2024 12:00:00 GMT ",
            " Tue, 14 May 2024 12:00:00 GMT",
            "Tue, 14 May 2024 12:00:00 UTC",
            "Tue, 14 May 2024 12:00:00 gmt",
            "tue, 14 May 2024 12:00:00 GMT",
            "Tue, 14 may 2024 12:00:00 GMT",
            "Tue, 14 MAY 2024 12:00:00 GMT",
            "Wed, 14 May 2024 12:00:00 GMT",
            "Tue,14 May 2024 12:00:00 GMT",
            "Tue, 14  May 2024 12:00:00 GMT",
            "Tue, 14-May-2024 12:00:00 GMT",
            "Tue, 14 May 24 12:00:00 GMT",
            "Tue, 14 May 02024 12:00:00 GMT",
            "Tue, 14 May +2024 12:00:00 GMT",
            "Tue, 14 May 2024 12:00 GMT",
            "Tue, 14 May 2024 12:00:00.0 GMT",
            "Tue, 14 May 2024 12 00 00 GMT",
            "Tue, 14 May 2024 12:60:00 GMT",
            "Tue, 14 May 2024 11:59:60 GMT",
            "Tue, 14 May 2024 24:00:00 GMT",
            "Mon, 7 Jan 2024 00:00:00 GMT",
            "Wed, 30 Feb 2024 00:00:00 GMT",
            "Thu, 29 Feb 2023 00:00:00 GMT",
            "Sun, 00 Jan 2024 00:00:00 GMT",
            "Sat, 01 Jan 0000 00:00:00 GMT",
            "Sat, 01 Jan 10000 00:00:00 GMT",
            "Tue, 14 May 2024 12:00:00 GMT\0",
            "2024-05-14T12:00:00Z",
            "Tue, 999999999999999999999 May 2024 12:00:00 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_are_dates() {
        for (text, expected) in [
            ("Mon, 01 Jan 0001 00:00:00 GMT", UnixTime::EPOCH),
            ("Wed, 31 Dec 1969 23:59:59 GMT", UnixTime::EPOCH),
            ("Fri, 31 Dec 9999 23:59:59 GMT", UnixTime::MAX),
            ("Wed, 01 Jan 2555 00:00:00 GMT", UnixTime::MAX),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        assert_eq!(write(UnixTime::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
