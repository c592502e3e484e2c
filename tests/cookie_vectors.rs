//! Vectors of chunked cookies: Microsoft's own known answers, and rules read from its source.
//!
//! Every file of `tests/data/vectors/aspnet`, and of `$PORTCULLIS_VECTORS/aspnet` where that is set,
//! is searched for the operations `cookies.join` and `cookies.split`. A field or a manager that this
//! file does not know fails the test.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use http::{HeaderMap, HeaderValue, header};
use portcullis::{
    AuthErrorKind,
    scheme::{ChunkDialect, TicketCookie},
};
use serde_json::Value;

#[test]
fn all_agree() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors/aspnet")];
    folders
        .extend(std::env::var_os("PORTCULLIS_VECTORS").map(|it| PathBuf::from(it).join("aspnet")));
    for folder in folders {
        let mut judged = 0;
        for file in json_files(&folder) {
            let document: Value =
                serde_json::from_slice(&fs::read(&file).unwrap()).expect("a vector file is JSON");
            let mut tally = BTreeMap::<&str, usize>::new();
            for vector in document["vectors"].as_array().into_iter().flatten() {
                let op = text(vector, "op");
                match op {
                    "cookies.join" => join(vector),
                    "cookies.split" => split(vector),
                    _ => continue,
                }
                *tally.entry(op).or_default() += 1;
            }
            judged += tally.values().sum::<usize>();
            if !tally.is_empty() {
                println!("{}: {tally:?}", file.display());
            }
        }
        assert!(judged > 0, "{} holds no case", folder.display());
    }
}

/// A request with these cookies is read; where parts are missing, .NET hands the marker on.
fn join(vector: &Value) {
    let (id, name) = (text(vector, "id"), text(vector, "name"));
    let cookies = vector["cookies"].as_object().unwrap();
    assert_eq!(text(&vector["expect"], "outcome"), "ok", "{id}: .NET's reader refuses nothing");
    let expected = vector["expect"]["value"].as_str();
    let lines: Vec<String> =
        cookies.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
    let mut headers = HeaderMap::new();
    let line = HeaderValue::from_bytes(lines.join("; ").as_bytes()).unwrap();
    headers.insert(header::COOKIE, line);
    let cookie = TicketCookie::builder(name).chunks(manager(vector)).build().unwrap();
    match cookie.read(&headers) {
        Ok(value) => assert_eq!(value.as_deref(), expected, "{id}"),
        Err(error) => {
            assert_eq!(error.kind(), AuthErrorKind::ChunksMissing, "{id}");
            assert_eq!(cookies.get(name).and_then(Value::as_str), expected, "{id}");
        }
    }
}

fn split(vector: &Value) {
    let id = text(vector, "id");
    let limit = vector["chunkSize"].as_u64().map(|it| usize::try_from(it).unwrap());
    let lines = manager(vector).split(
        text(vector, "name"),
        text(vector, "value"),
        text(vector, "attributes"),
        limit,
    );
    if text(&vector["expect"], "outcome") == "ok" {
        assert_eq!(Value::from(lines.unwrap()), vector["expect"]["setCookie"], "{id}");
    } else {
        assert!(lines.is_err(), "{id}");
    }
}

fn manager(vector: &Value) -> ChunkDialect {
    match text(vector, "manager") {
        "aspnetcore" => ChunkDialect::AspNetCore,
        "katana" => ChunkDialect::Katana,
        other => panic!("manager {other}"),
    }
}

#[track_caller]
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text in {field}: {value}"))
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .collect();
    files.sort();
    files
}
