//! The judge itself, on houses with one planted fault.

use super::{LONGEST_FILE, judge};

fn faults(extra: &[(&str, &str)]) -> Vec<String> {
    let sound = [
        ("lib.rs", "mod clock; mod jwt; mod token; pub use clock::Clock; pub mod testing;"),
        ("clock.rs", "pub struct Clock; fn read() { std::time::SystemTime::now(); }"),
        ("token/mod.rs", "mod cached; mod validator; pub use validator::Validator;"),
        ("token/cached.rs", "use super::Validator; pub struct Cached(crate::clock::Clock);"),
        ("token/validator.rs", "pub struct Validator;"),
        ("jwt/mod.rs", "mod keys; pub use keys::Key; pub use crate::clock::Clock;"),
        ("jwt/keys.rs", "/// [x](crate::testing)\npub struct Key(crate::token::Validator);"),
        ("testing/mod.rs", "mod mint; #[cfg(test)] mod tests;"),
        ("testing/mint.rs", "use crate::jwt::Key;"),
        ("testing/tests.rs", "fn t() { crate::Anything; x.unwrap(); }"),
    ];
    let sources = sound.iter().chain(extra);
    judge(&sources.map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect())
}

#[track_caller]
fn one_fault(file: &str, text: &str, fault: &str) {
    assert_eq!(faults(&[(file, text)]), [format!("{file}: {fault}")]);
}

#[test]
fn a_sound_house_has_no_fault() {
    assert_eq!(faults(&[]), [""; 0]);
}

#[test]
fn upward_imports() {
    let fault = "`jwt::Key` is not below it";
    one_fault("clock.rs", "use crate::jwt::Key;", fault);
    one_fault("clock.rs", "use crate::{jwt::{Key as K}};", fault);
    one_fault("clock.rs", "use super::jwt::Key;", fault);
    one_fault("clock.rs", "mod inner { use super::super::jwt::Key; }", fault);
    one_fault("clock.rs", "fn f() { use crate::jwt::Key; }", fault);
    one_fault("clock.rs", "fn f(key: &[crate::jwt::Key]) {}", fault);
    one_fault("clock.rs", "fn f() { crate::jwt::Key(1); }", fault);
    one_fault("clock.rs", "fn f() { go!([1, { crate::jwt::Key }]); }", fault);
    one_fault("clock.rs", "macro_rules! m { () => { $crate::jwt::Key } }", fault);
    one_fault("clock.rs", "impl T for V { fn f() -> crate::jwt::Key {} }", fault);
    one_fault(
        "token/mod.rs",
        "pub use validator::Validator; mod validator; use crate::jwt::Key;",
        fault,
    );
    one_fault("clock.rs", "use crate::jwt::*;", "`jwt` is not below it");
}

#[test]
fn imports_beside() {
    one_fault("clock.rs", "use crate::secret::Secret;", "`secret::Secret` imports from the roof");
    assert_eq!(
        faults(&[("secret.rs", "pub struct S;"), ("clock.rs", "use crate::secret::S;")]),
        ["clock.rs: `secret::S` is not below it"],
    );
    let brother = ("introspection/mod.rs", "mod a;");
    assert_eq!(
        faults(&[brother, ("introspection/a.rs", "use crate::jwt::Key;")]),
        ["introspection/a.rs: `jwt::Key` is not below it"],
    );
}

#[test]
fn imports_through_a_door_lead_to_the_file() {
    let door = ("jwt/mod.rs", "mod keys; mod jws; pub use keys::Key; pub use jws::verify;");
    let circle = [
        door,
        ("jwt/keys.rs", "use super::verify; pub struct Key;"),
        ("jwt/jws.rs", "use crate::jwt::Key; pub fn verify() {}"),
    ];
    assert_eq!(faults(&circle), ["circle: jwt/jws.rs -> jwt/keys.rs -> jwt/jws.rs"]);
    one_fault("jwt/keys.rs", "use super::Nowhere;", "`jwt::Nowhere` goes through its own door");
}

#[test]
fn imports_of_the_roof_and_of_the_wing() {
    one_fault("jwt/keys.rs", "use crate::Clock;", "`Clock` imports from the roof");
    one_fault("jwt/keys.rs", "use crate::testing::mint;", "`testing::mint` is not below it");
}

#[test]
fn files_without_a_place() {
    let fault = "on no floor; give it a place in FLOORS and in the docs";
    one_fault("helpers.rs", "", fault);
}

#[test]
fn doors_that_hold_things() {
    for item in ["struct S;", "fn f() {}", "mod inner { }", "impl X {}", "const C: u8 = 1;"] {
        let text = format!("mod keys; pub use keys::Key; {item}");
        one_fault("jwt/mod.rs", &text, "a door holds `mod` and `use`, nothing else");
    }
}

#[test]
fn things_made_in_the_wrong_room() {
    let file = "jwt/keys.rs";
    let only = "only rejection.rs answers";
    one_fault(file, "fn f() { StatusCode::OK }", &format!("`StatusCode::OK`: {only}"));
    one_fault(file, "fn f() { g!(StatusCode::OK) }", &format!("`StatusCode::OK`: {only}"));
    assert_eq!(faults(&[(file, "fn f() { s == http::StatusCode::OK; }")]), [""; 0]);
    let header = "`realm=`: only challenge.rs writes header text";
    one_fault(file, r#"fn f() { "Bearer realm=x" }"#, header);
    one_fault(file, r#"fn f() { format!("Bearer realm={}", x) }"#, header);
    one_fault(
        file,
        "use std::time::Instant; fn f() { Instant::now() }",
        "`Instant::now` belongs to [\"clock\"]",
    );
    one_fault(file, "use reqwest::Client;", "`reqwest` belongs to [\"fetch\"]");
    one_fault(file, "fn f() { diagnose(1) }", "`diagnose` belongs to [\"ticket/aspnet\"]");
    let unwrap = "`unwrap`: say why it cannot fail, in `expect`";
    one_fault(file, "fn f() { x.unwrap(); }", unwrap);
    one_fault(file, "fn f() { g!(x.unwrap()); }", unwrap);
    let long = "\n".repeat(LONGEST_FILE + 1);
    one_fault(file, &long, "451 lines, more than 450");
}
