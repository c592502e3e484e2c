//! Tickets of ASP.NET applications.

use portcullis::ticket::aspnet::{DiagnosisKeys, MachineKey, MachineKeyBuilder, diagnose};

use crate::arguments::TicketQuestion;

/// Whether something fits and is not expired, and the report.
pub fn inspect(text: &str, question: &TicketQuestion) -> Result<(bool, String), String> {
    let mut builders = question.machine_keys.iter().map(|path| read(path));
    let wrong = |error: portcullis::BuildError| error.to_string();
    let first = builders.next().ok_or("--machine-key is missing")??;
    let mut keys = DiagnosisKeys::new(first).map_err(wrong)?;
    for builder in builders {
        keys = keys.also(builder?).map_err(wrong)?;
    }
    for name in &question.authentication_types {
        keys = keys.authentication_type(name);
    }
    let diagnosis = diagnose(text, &keys);
    let report = if question.show_values {
        diagnosis.with_values().to_string()
    } else {
        diagnosis.to_string()
    };
    Ok((diagnosis.is_good(), report))
}

fn read(path: &str) -> Result<MachineKeyBuilder, String> {
    let xml = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    MachineKey::from_config(&xml).map_err(|error| format!("{path}: {error}"))
}
