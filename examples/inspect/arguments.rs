//! What was asked.

use std::io::Read as _;

pub struct Arguments {
    pub text: String,
    pub question: Question,
}

pub enum Question {
    Jwt(JwtQuestion),
    Ticket(TicketQuestion),
}

pub struct JwtQuestion {
    pub issuer: String,
    pub audience: Option<String>,
    pub show_values: bool,
}

pub struct TicketQuestion {
    /// Paths.
    pub machine_keys: Vec<String>,
    pub authentication_types: Vec<String>,
    pub show_values: bool,
}

impl Arguments {
    pub fn read(arguments: &[String]) -> Result<Self, String> {
        let (mut machine_keys, mut authentication_types) = (Vec::new(), Vec::new());
        let (mut issuer, mut audience, mut text) = (None, None, None);
        let mut show_values = false;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().cloned().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--audience" => audience = Some(value()?),
                "--authentication-type" => authentication_types.push(value()?),
                "--issuer" => issuer = Some(value()?),
                "--machine-key" => machine_keys.push(value()?),
                "--show-values" => show_values = true,
                flag if flag.starts_with("--") => return Err(format!("unknown argument {flag}")),
                _ if text.is_some() => return Err("more than one text; put it in quotes".into()),
                _ => text = Some(argument.clone()),
            }
        }
        let question = match (issuer, machine_keys.is_empty()) {
            (Some(issuer), true) if authentication_types.is_empty() => {
                Question::Jwt(JwtQuestion { issuer, audience, show_values })
            }
            (None, false) if audience.is_none() => {
                Question::Ticket(TicketQuestion { machine_keys, authentication_types, show_values })
            }
            (None, true) => return Err("--machine-key or --issuer is missing".into()),
            _ => return Err("--machine-key is for tickets, --issuer for JWTs".into()),
        };
        let text = text.ok_or("the text is missing")?;
        Ok(Self { text: if text == "-" { standard_input()? } else { text }, question })
    }
}

fn standard_input() -> Result<String, String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| format!("standard input: {error}"))?;
    Ok(text)
}

const LONGEST: u64 = 1 << 20;
