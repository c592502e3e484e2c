use super::*;

/// What serde_json takes for an object without doubled names, as far as this reader can differ.
fn second_opinion(text: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    serde_json::from_slice(text).ok()
}

#[test]
fn agrees_with_serde_json_on_what_is_an_object() {
    let texts: &[&[u8]] = &[
        b"{}",
        b" {\t}\r\n",
        br#"{"a":1}"#,
        br#"{"a":1,}"#,
        br#"{,}"#,
        br#"{"a" 1}"#,
        br#"{"a":}"#,
        br#"{"a":1 "b":2}"#,
        br#"{'a':1}"#,
        br#"{a:1}"#,
        br#"{"a":1}{"#,
        br#"{"a":1}x"#,
        br#"{"a":1} {}"#,
        br#"{"a":1}//"#,
        br#"/**/{"a":1}"#,
        br#"{"a":/**/1}"#,
        b"[]",
        b"null",
        b"1",
        b"\"x\"",
        b"",
        b" ",
        b"{",
        br#"{"a"#,
        br#"{"a":[1,2,{"b":[]}]}"#,
        br#"{"a":[1,2,{"b":[}]}"#,
        br#"{"a":[1,2}"#,
        br#"{"a":{"b":1]}"#,
        br#"{"a":[,1]}"#,
        br#"{"a":[1,]}"#,
        br#"{"a":[1 2]}"#,
        br#"{"a":{"b"}}"#,
        br#"{"a":{1:2}}"#,
        br#"{"a":tru}"#,
        br#"{"a":True}"#,
        br#"{"a":truex}"#,
        br#"{"a":true,"b":false,"c":null}"#,
        br#"{"a":01}"#,
        br#"{"a":-}"#,
        br#"{"a":-0}"#,
        br#"{"a":+1}"#,
        br#"{"a":.5}"#,
        br#"{"a":1.}"#,
        br#"{"a":1.e3}"#,
        br#"{"a":1e}"#,
        br#"{"a":1e+}"#,
        br#"{"a":1E-5,"b":1e+05,"c":0.10,"d":-1.5e3}"#,
        br#"{"a":0x10}"#,
        br#"{"a":NaN}"#,
        br#"{"a":Infinity}"#,
        br#"{"a":-Infinity}"#,
        br#"{"a":1.2.3}"#,
        br#"{"a":1-2}"#,
        br#"{"a":"\u0041\n\/\\\"\b\f\r\t"}"#,
        br#"{"a":"\x41"}"#,
        br#"{"a":"\u00g0"}"#,
        br#"{"a":"\u12"}"#,
        br#"{"a":"\uD83D\uDE00"}"#,
        br#"{"a":"\uD83D"}"#,
        br#"{"a":"\uD83Dx"}"#,
        br#"{"a":"\uD83D\n"}"#,
        br#"{"a":"\uD83D\u0041"}"#,
        br#"{"a":"\uDE00"}"#,
        br#"{"a":"\uDE00\uD83D"}"#,
        br#"{"\uDE00":1}"#,
        br#"{"a":["\uD83D"]}"#,
        br#"{"a":{"\uD83D":1}}"#,
        b"{\"a\":\"\t\"}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\0\"}",
        b"{\"a\":\"\x1f\"}",
        b"{\"a\":\"\x7f\"}",
        b"{\"a\":\"\xc3\xa9\"}",
        b"{\"a\":\"\xc0\xaf\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"\xfe\xff\0{\0}",
        b"{\0}\0",
        b"{}\0",
        b"\x0b{}",
        b"\xc2\xa0{}",
    ];
    for text in texts {
        let shown = String::from_utf8_lossy(text);
        let (ours, theirs) = (Object::parse(text), second_opinion(text));
        assert_eq!(ours.is_ok(), theirs.is_some(), "{shown} {ours:?}");
        let (Ok(ours), Some(theirs)) = (ours, theirs) else { continue };
        assert_eq!(ours.iter().count(), theirs.len(), "{shown}");
        for (name, value) in ours.iter() {
            let expected = &theirs[name];
            assert_eq!(
                &serde_json::from_str::<serde_json::Value>(value.0).unwrap(),
                expected,
                "{shown}"
            );
            assert_eq!(value.as_str().ok().as_deref(), expected.as_str(), "{shown}");
            assert_eq!(value.is("null"), expected.is_null(), "{shown}");
            assert_eq!(
                value.as_array().ok().map(Iterator::count),
                expected.as_array().map(Vec::len),
                "{shown}"
            );
            assert_eq!(value.as_object().is_ok(), expected.is_object(), "{shown}");
        }
    }
}

/// Every cut and every flipped byte of a text that holds one of each thing.
#[test]
fn agrees_with_serde_json_on_every_small_change() {
    let whole = "{\"a\":[1,-2.5e3,\"\\u00e9\\uD83D\\uDE00é\",{\"b\":null}],\"c\":true ,\"d\":{}}";
    for cut in 0..whole.len() {
        let text = &whole.as_bytes()[..cut];
        assert!(Object::parse(text).is_err(), "{cut}");
    }
    let mut judged = 0;
    for at in 0..whole.len() {
        for byte in 0..=255 {
            let mut text = whole.as_bytes().to_vec();
            text[at] = byte;
            let ours = Object::parse(&text);
            // a doubled name is the one thing that serde_json's map takes
            if ours.as_ref().err() == Some(&JsonError("a name stands twice")) {
                continue;
            }
            let shown = String::from_utf8_lossy(&text);
            assert_eq!(ours.is_ok(), second_opinion(&text).is_some(), "{shown} {ours:?}");
            judged += 1;
        }
    }
    assert!(judged > 10_000);
}

#[test]
fn no_name_stands_twice() {
    for text in [
        r#"{"sub":1,"sub":1}"#,
        r#"{"sub":1,"x":2,"\u0073ub":1}"#,
        r#"{"":1,"":2}"#,
        r#"{"/":1,"\/":2}"#,
    ] {
        assert_eq!(
            Object::parse(text.as_bytes()).err(),
            Some(JsonError("a name stands twice")),
            "{text}"
        );
    }
    for count in [3, USUAL_MEMBERS - 1, USUAL_MEMBERS, USUAL_MEMBERS + 1, 500] {
        let all = |twin: usize| {
            let names = (0..count).map(|i| format!("\"n{}\":{i}", if i == twin { 0 } else { i }));
            format!("{{{}}}", names.collect::<Vec<_>>().join(","))
        };
        let text = all(0);
        let object = Object::parse(text.as_bytes()).unwrap();
        assert_eq!(object.iter().count(), count);
        assert_eq!(object.get("n2"), Some(Raw("2")));
        for twin in 1..count {
            assert!(Object::parse(all(twin).as_bytes()).is_err(), "{twin} of {count}");
        }
    }
    // names that differ in case, or only look alike, are different names
    assert!(Object::parse(br#"{"sub":1,"Sub":2,"s\u0000ub":3}"#).is_ok());
    // an object inside is held to it when it is read
    let outer = Object::parse(br#"{"o":{"a":1,"\u0061":2}}"#).unwrap();
    assert!(outer.get("o").unwrap().as_object().is_err());
}

#[test]
fn depth_is_bounded_and_costs_no_stack() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{{\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth))
    };
    for (open, close) in [("[", "]"), ("{\"x\":", "}"), ("[{\"x\":", "}]")] {
        let levels = open.matches(['[', '{']).count();
        let deepest = (DEEPEST - 1) / levels;
        assert!(Object::parse(nested(open, close, deepest).as_bytes()).is_ok(), "{open}");
        for depth in [DEEPEST / levels + 1, 10_000, 1_000_000] {
            let text = nested(open, close, depth);
            assert_eq!(
                Object::parse(text.as_bytes()).err(),
                Some(JsonError("nested too deeply")),
                "{open} {depth}"
            );
        }
    }
}

#[test]
fn dates_neither_wrap_nor_vanish() {
    let date = |text: &str| Raw(text).as_numeric_date();
    let at = |time| Ok(NumericDate { time, negative: false });
    let before = Ok(NumericDate { time: UnixTime::EPOCH, negative: true });
    let digits = "9".repeat(400);
    for (text, expected) in [
        ("0", at(UnixTime::EPOCH)),
        ("-0", at(UnixTime::EPOCH)),
        ("1639528912", at(UnixTime::from_secs(1_639_528_912))),
        ("1639528912.0", at(UnixTime::from_secs(1_639_528_912))),
        ("1.639528912e9", at(UnixTime::from_secs(1_639_528_912))),
        ("1639528912.5", at(UnixTime::from_secs_f64(1_639_528_912.5))),
        ("1e9", at(UnixTime::from_secs(1_000_000_000))),
        ("9223372036854775807", at(UnixTime::MAX)),
        ("9223372036854775808", at(UnixTime::MAX)),
        ("18446744073709551615", at(UnixTime::MAX)),
        ("18446744073709551616", at(UnixTime::MAX)),
        ("1e308", at(UnixTime::MAX)),
        ("1e-400", at(UnixTime::EPOCH)),
        ("-1", before),
        ("-0.001", before),
        ("-1e308", before),
        ("1e309", Err(JsonError("a number out of range"))),
        ("-1e309", Err(JsonError("a number out of range"))),
        (digits.as_str(), Err(JsonError("a number out of range"))),
        ("\"1639528912\"", Err(JsonError("not a number"))),
        ("null", Err(JsonError("not a number"))),
        ("true", Err(JsonError("not a number"))),
        ("[1]", Err(JsonError("not a number"))),
        ("{}", Err(JsonError("not a number"))),
    ] {
        assert_eq!(date(text), expected, "{text}");
    }
    // out of range hurts only who reads it
    let unread = format!("{{\"n\":1e9999,\"m\":{digits}}}");
    assert!(Object::parse(unread.as_bytes()).is_ok());
}

#[test]
fn values_are_not_shown() {
    let object = Object::parse(br#"{"password":"hunter2"}"#).unwrap();
    assert!(!format!("{object:?}").contains("hunter2"));
}

#[test]
fn many_members_take_no_quadratic_time() {
    let members = |count: usize| {
        let names = (0..count).map(|i| format!("\"{}{i}\":0", "p".repeat(20)));
        format!("{{{}}}", names.collect::<Vec<_>>().join(","))
    };
    let started = std::time::Instant::now();
    assert!(Object::parse(members(50_000).as_bytes()).is_ok());
    // quadratic would be 1.25 thousand million comparisons
    assert!(started.elapsed().as_secs() < 5);
}
