//! The decision trail, as a value.

use std::fmt;

use http::{Extensions, StatusCode};

use crate::{
    authentication::Authentication, principal::SchemeName, rejection::Rejection, scheme::Outcome,
};

/// Which scheme saw what, which check failed, expected and found, and what came of it. Holds no
/// credential; for operators, not for clients.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Explanation {
    /// One entry per scheme of the gate.
    pub schemes: Vec<SchemeTrail>,
    /// Whether a gate saw the request at all.
    pub gate: bool,
    /// The policy, if one was asked.
    pub policy: Option<String>,
    /// The answer, if the request is refused.
    pub rejection: Option<Rejection>,
}

/// What one scheme did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SchemeTrail {
    /// The scheme.
    pub name: SchemeName,
    /// Whether it counts here.
    pub visible: bool,
    /// What it found.
    pub outcome: Outcome,
}

impl Explanation {
    /// The trail of a record.
    #[must_use]
    pub fn of(record: &Authentication) -> Self {
        let schemes = record
            .all()
            .map(|(scheme, outcome, visible)| SchemeTrail {
                name: scheme.name(),
                visible,
                outcome: outcome.clone(),
            })
            .collect();
        Self { schemes, gate: true, ..Self::default() }
    }

    /// The status of the answer; `None` if the request passes.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.rejection.as_ref().map(Rejection::status)
    }
}

/// The trail of a request by its extensions; of a response by its own, which tell the answer where it
/// is a refusal and nothing where it is none. A request without record says so: a route that was added
/// after the layer, say.
#[must_use]
pub fn explain(extensions: &Extensions) -> Explanation {
    let mut explanation = extensions.get().map(Explanation::of).unwrap_or_default();
    explanation.rejection = extensions.get().cloned();
    explanation
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.schemes.iter().map(SchemeTrail::to_string).collect();
        if self.schemes.is_empty() && self.rejection.is_none() {
            lines.push(if self.gate { "no scheme" } else { NO_GATE }.to_owned());
        }
        if let Some(policy) = &self.policy {
            lines.push(format!("policy {policy}"));
        }
        if let Some(rejection) = &self.rejection {
            let status = rejection.status().as_u16();
            lines.push(format!("answer {status}, {}", rejection.reason()));
        }
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for SchemeTrail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.visible {
            f.write_str(" (hidden)")?;
        }
        match &self.outcome {
            Outcome::Absent => f.write_str(": NoCredential"),
            Outcome::Rejected(error) => write!(f, ": {error}"),
            Outcome::Undecidable(error) => write!(f, ": undecidable, {error}"),
            Outcome::Verified(identity) => {
                let subject = identity.subject().or(identity.client_id()).unwrap_or("nobody");
                write!(f, ": {}", crate::error::printable(subject, 64))?;
                if !identity.scope().is_empty() {
                    write!(f, ", scope {}", identity.scope())?;
                }
                match identity.key_id() {
                    Some(key) => {
                        write!(
                            f,
                            ", signature checked with key {}",
                            crate::error::printable(key, 64)
                        )
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

const NO_GATE: &str = "no AuthenticateLayer saw this request: the layer is missing, stands further in, or was added before this route";
