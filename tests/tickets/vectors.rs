//! The vectors of the operation `renewal`, wherever they stand in `tests/data/vectors/aspnet` and
//! in `$PORTCULLIS_VECTORS/aspnet`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use portcullis::{
    AuthErrorKind, UnixTime,
    ticket::{RenewalRule, Ticket},
};
use serde_json::Value;

use crate::bench::{Bench, Drawer};

#[test]
fn all_agree() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors/aspnet")];
    let shared = std::env::var_os("PORTCULLIS_VECTORS").map(PathBuf::from);
    folders.extend(shared.map(|folder| folder.join("aspnet")));
    for folder in folders {
        let mut judged = BTreeMap::<String, usize>::new();
        for entry in fs::read_dir(&folder).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let document: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            for vector in document["vectors"].as_array().unwrap() {
                if vector["op"] == "renewal" {
                    judge(vector);
                    *judged.entry(file.display().to_string()).or_default() += 1;
                }
            }
        }
        for (file, count) in &judged {
            println!("{file}: renewal: {count} judged");
        }
        assert!(!judged.is_empty(), "{} holds no renewal", folder.display());
    }
}

fn judge(vector: &Value) {
    let id = vector["id"].as_str().unwrap();
    // ASP.NET Core slides as Katana does; a bearer token of Core is a ticket that does not slide.
    let rule = match vector["kind"].as_str().unwrap() {
        "forms" | "formsauth" => RenewalRule::AtHalf,
        "katana.cookie" | "aspnetcore.cookie" | "aspnetcore.bearertoken" => RenewalRule::AfterHalf,
        other => panic!("{id}: kind {other}"),
    };
    let sliding = vector["slidingExpiration"].as_bool().unwrap();
    let bench = Bench::new(Drawer { rule, ..Drawer::katana() }).with(|it| it.sliding(sliding));
    bench.clock.set_wall(iso_date(vector["now"].as_str().unwrap()).expect("a date"));

    let mut ticket = Ticket::new("Cookies", "alice");
    for property in vector["properties"].as_array().unwrap() {
        let (key, value) = (property[0].as_str().unwrap(), property[1].as_str().unwrap());
        match key {
            ".issued" => ticket.issued_at = http_date(value),
            ".expires" => ticket.expires_at = http_date(value),
            other => panic!("{id}: property {other}"),
        }
    }
    let text = bench.protect(&ticket);

    let expected = &vector["expect"];
    match expected["outcome"].as_str().unwrap() {
        "expired" => assert_eq!(bench.refused(&text), AuthErrorKind::TicketExpired, "{id}"),
        "ok" if expected["renew"] == true => {
            let mut next = ticket.clone();
            next.issued_at = http_date(expected["newIssued"].as_str().unwrap());
            next.expires_at = http_date(expected["newExpires"].as_str().unwrap());
            assert!(next.issued_at.is_some() && next.expires_at.is_some());
            assert_eq!(bench.renewed(&text), Some(next), "{id}");
        }
        "ok" => {
            assert_eq!(expected["renew"], false, "{id}");
            assert_eq!(bench.renewed(&text), None, "{id}");
        }
        other => panic!("{id}: outcome {other}"),
    }
}

/// `Tue, 14 May 2024 12:00:00 GMT`; another form counts as absent, as in Katana.
fn http_date(text: &str) -> Option<UnixTime> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let [_, day, month, year, time, "GMT"] = text.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let month = MONTHS.find(month)? / 3 + 1;
    moment(year.parse().ok()?, month as u64, day.parse().ok()?, time)
}

/// `2024-05-14T12:00:00Z`.
fn iso_date(text: &str) -> Option<UnixTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    moment(year, month, day, time)
}

fn moment(year: u64, month: u64, day: u64, time: &str) -> Option<UnixTime> {
    let [hour, minute, second] = numbers(time, ':')?;
    let is_leap = |year: u64| match year % 100 {
        0 => year.is_multiple_of(400),
        within => within.is_multiple_of(4),
    };
    let months = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum::<u64>()
        + months.iter().take(usize::try_from(month).ok()? - 1).sum::<u64>()
        + (day - 1);
    Some(UnixTime::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let parts = text.split(separator).map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
    parts?.try_into().ok()
}

#[test]
fn the_reader_of_dates_reads_dates() {
    let noon = UnixTime::from_secs(1_715_688_000);
    assert_eq!(http_date("Tue, 14 May 2024 12:00:00 GMT"), Some(noon));
    assert_eq!(iso_date("2024-05-14T12:00:00Z"), Some(noon));
    assert_eq!(http_date("2024-05-14T12:00:00Z"), None);
}
