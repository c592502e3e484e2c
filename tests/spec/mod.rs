//! The chapters: one file a behaviour, tables where there is a list.
//!
//! To add a chapter: write `tests/spec/NAME.rs`, add `mod NAME;` and a line to [`CHAPTERS`] below.
//! `every_chapter_is_listed` fails on a file that is in neither.
//!
//! ```ignore
//! //! How a credential is found in the header (RFC 6750 §2.1).
//! use super::ledger::{self, Row};
//!
//! chapter! {
//!     fn header_forms;
//!     async fn token_lifetime;
//! }
//!
//! struct Header { id: &'static str, value: &'static str, status: u16 }
//!
//! impl Row for Header {
//!     fn id(&self) -> &str { self.id }
//! }
//!
//! const HEADERS: &[Header] = &[Header { id: "6750-01 P1", value: "Bearer abc", status: 200 }];
//!
//! fn header_forms() {
//!     ledger::table(HEADERS, |row| assert_eq!(answer(row.value).status(), row.status));
//! }
//!
//! async fn token_lifetime() {
//!     // … assertions on the one behaviour …
//!     ledger::passed("6750-43");
//! }
//! ```

/// Lists the tests of a chapter, makes each an ordinary `#[test]`, and collects them in `TESTS`.
///
/// The functions themselves stay plain functions below the list, so that rustfmt and the compiler
/// see them: one that is not listed is dead code, which the build denies. How each kind runs:
///
/// | in the list | runs |
/// |---|---|
/// | `fn name;` | as it is |
/// | `async fn name;` | on one thread, with tokio's time paused |
/// | `real async fn name;` | on one thread, in real time: for loopback sockets |
/// | `threads async fn name;` | on two worker threads, in real time |
///
/// A test runs once per process, whoever asks first: libtest, or the test that compares the lists.
macro_rules! chapter {
    (@ [$({ $name:ident: $run:expr })*]) => {
        pub const TESTS: &[$crate::spec::Test] =
            &[$($crate::spec::Test { name: stringify!($name), run: test::$name }),*];

        mod test {
            $(
                #[test]
                pub fn $name() {
                    static ONCE: $crate::spec::Once = $crate::spec::Once::new();
                    ONCE.run($run);
                }
            )*
        }
    };
    (@ [$($done:tt)*] fn $name:ident; $($rest:tt)*) => {
        chapter! { @ [$($done)* { $name: super::$name }] $($rest)* }
    };
    (@ [$($done:tt)*] async fn $name:ident; $($rest:tt)*) => {
        chapter! { @ [$($done)* { $name: || $crate::spec::runner::paused(super::$name()) }] $($rest)* }
    };
    (@ [$($done:tt)*] real async fn $name:ident; $($rest:tt)*) => {
        chapter! { @ [$($done)* { $name: || $crate::spec::runner::real(super::$name()) }] $($rest)* }
    };
    (@ [$($done:tt)*] threads async fn $name:ident; $($rest:tt)*) => {
        chapter! { @ [$($done)* { $name: || $crate::spec::runner::threads(super::$name()) }] $($rest)* }
    };
    ($($list:tt)+) => { chapter! { @ [] $($list)+ } };
}

pub mod ledger;
pub mod runner;

mod algorithms;
mod answers;
mod chunks;
mod claims;
mod code_flow;
mod combinations;
mod connections;
mod cookie_life;
mod cookie_renewal;
mod cookies;
mod cross_site;
mod csrf;
mod discovery;
mod encodings;
mod encrypted_tokens;
mod external_cookie;
mod forms_cookie_life;
mod header_forms;
mod introspection;
mod jose_header;
mod jwks_documents;
mod key_fetching;
mod keys_under_load;
mod kinds_of_caller;
mod login_redirects;
mod logs;
mod machine_keys;
mod mock_token_endpoint;
mod opaque_cache;
mod opaque_issuer;
mod own_cookies;
mod policies;
mod preflight;
mod principals;
mod revalidation;
mod rights;
mod rows_api;
mod rows_both;
mod rows_pages;
mod rows_wiring;
mod s1;
mod s2;
mod s3;
mod s4;
mod s5;
mod s6;
mod s7;
mod s8;
mod s8_management;
mod s9_entries;
mod s9_flows;
mod s9_tokens;
mod sign_in;
mod signatures;
mod step_up;
mod strict_json;
mod supply_chain;
mod ticket_attacks;
mod ticket_sessions;
mod times;
mod token_client;
mod token_endpoint_rows;
mod token_types;
mod tower;
mod transport;
mod vary;

pub use runner::{Once, Test};

/// Every chapter, by the name of its file.
pub const CHAPTERS: &[(&str, &[Test])] = &[
    ("algorithms", algorithms::TESTS),
    ("answers", answers::TESTS),
    ("chunks", chunks::TESTS),
    ("claims", claims::TESTS),
    ("code_flow", code_flow::TESTS),
    ("combinations", combinations::TESTS),
    ("connections", connections::TESTS),
    ("cookie_life", cookie_life::TESTS),
    ("cookie_renewal", cookie_renewal::TESTS),
    ("cookies", cookies::TESTS),
    ("cross_site", cross_site::TESTS),
    ("csrf", csrf::TESTS),
    ("discovery", discovery::TESTS),
    ("encodings", encodings::TESTS),
    ("encrypted_tokens", encrypted_tokens::TESTS),
    ("external_cookie", external_cookie::TESTS),
    ("forms_cookie_life", forms_cookie_life::TESTS),
    ("header_forms", header_forms::TESTS),
    ("introspection", introspection::TESTS),
    ("jose_header", jose_header::TESTS),
    ("jwks_documents", jwks_documents::TESTS),
    ("key_fetching", key_fetching::TESTS),
    ("keys_under_load", keys_under_load::TESTS),
    ("kinds_of_caller", kinds_of_caller::TESTS),
    ("login_redirects", login_redirects::TESTS),
    ("logs", logs::TESTS),
    ("machine_keys", machine_keys::TESTS),
    ("mock_token_endpoint", mock_token_endpoint::TESTS),
    ("opaque_cache", opaque_cache::TESTS),
    ("opaque_issuer", opaque_issuer::TESTS),
    ("own_cookies", own_cookies::TESTS),
    ("policies", policies::TESTS),
    ("preflight", preflight::TESTS),
    ("principals", principals::TESTS),
    ("revalidation", revalidation::TESTS),
    ("rights", rights::TESTS),
    ("rows_api", rows_api::TESTS),
    ("rows_both", rows_both::TESTS),
    ("rows_pages", rows_pages::TESTS),
    ("rows_wiring", rows_wiring::TESTS),
    ("s1", s1::TESTS),
    ("s2", s2::TESTS),
    ("s3", s3::TESTS),
    ("s4", s4::TESTS),
    ("s5", s5::TESTS),
    ("s6", s6::TESTS),
    ("s7", s7::TESTS),
    ("s8", s8::TESTS),
    ("s8_management", s8_management::TESTS),
    ("s9_entries", s9_entries::TESTS),
    ("s9_flows", s9_flows::TESTS),
    ("s9_tokens", s9_tokens::TESTS),
    ("sign_in", sign_in::TESTS),
    ("signatures", signatures::TESTS),
    ("step_up", step_up::TESTS),
    ("strict_json", strict_json::TESTS),
    ("supply_chain", supply_chain::TESTS),
    ("ticket_attacks", ticket_attacks::TESTS),
    ("ticket_sessions", ticket_sessions::TESTS),
    ("times", times::TESTS),
    ("token_client", token_client::TESTS),
    ("token_endpoint_rows", token_endpoint_rows::TESTS),
    ("token_types", token_types::TESTS),
    ("tower", tower::TESTS),
    ("transport", transport::TESTS),
    ("vary", vary::TESTS),
];
