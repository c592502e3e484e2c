//! A cookie or token that "does not work": which key opens it, as what, and what to write.
//!
//! ```text
//! cargo run --example inspect -- --machine-key web.config COOKIE-OR-TOKEN
//! cargo run --example inspect -- --issuer https://login.example --audience my-api JWT
//! ```
//!
//! `-` reads the text from standard input, which keeps it out of the shell's history. For tickets:
//! `--machine-key FILE` (again for another key), `--authentication-type NAME` (again for another one),
//! `--show-values`. Exit code 0: something fits and is not expired; 1: nothing; 2: wrong usage.
//! `-- --check` plays a table of its own, and exits with 0 or 1.

mod arguments;
mod check;
mod jwt;
#[path = "../support/mod.rs"]
mod support;
mod ticket;

use std::process::ExitCode;

use arguments::{Arguments, Question};

#[tokio::main]
async fn main() -> ExitCode {
    if support::checking() {
        return check::run().await;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{USAGE}");
        return GOOD.into();
    }
    let (code, report) = inspect(&arguments).await;
    if code == WRONG_USAGE {
        eprint!("{report}");
    } else {
        print!("{report}");
    }
    code.into()
}

/// The exit code and the report.
async fn inspect(arguments: &[String]) -> (u8, String) {
    let answer = match Arguments::read(arguments) {
        Ok(Arguments { text, question }) => match question {
            Question::Jwt(question) => jwt::inspect(&text, &question).await,
            Question::Ticket(question) => ticket::inspect(&text, &question),
        },
        Err(problem) => Err(problem),
    };
    match answer {
        Ok((true, report)) => (GOOD, report),
        Ok((false, report)) => (NOT_GOOD, report),
        Err(problem) => (WRONG_USAGE, format!("{problem}\n\n{USAGE}")),
    }
}

const GOOD: u8 = 0;
const NOT_GOOD: u8 = 1;
const WRONG_USAGE: u8 = 2;
const USAGE: &str = "\
usage: inspect --machine-key FILE.. [--authentication-type NAME].. [--show-values] TEXT
       inspect --issuer URL [--audience NAME] [--show-values] TEXT
       inspect --check
TEXT is a cookie or a token; - reads it from standard input.
";
