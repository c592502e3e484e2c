//! The report.

use std::{fmt, time::Duration};

use super::{
    advice,
    notice::Notice,
    trial::{Fit, TicketKind, Trial, algorithms, way},
};
use crate::{
    clock::UnixTime,
    ticket::{Ticket, TicketIdentity},
};

/// What [`diagnose`](super::diagnose) found. Its `Display` is a report of several lines: what fits and
/// what to write, what was noticed, then the failures, those that came furthest first.
///
/// It holds no key. The report shows the name, the times and the types of the claims; the values only
/// [where they are asked for](Self::with_values). `Debug` shows no value either.
#[derive(Clone, Debug)]
#[must_use]
pub struct Diagnosis {
    notices: Vec<Notice>,
    fits: Vec<Fit>,
    trials: Vec<Trial>,
}

impl Diagnosis {
    pub(super) const fn new(notices: Vec<Notice>, fits: Vec<Fit>, trials: Vec<Trial>) -> Self {
        Self { notices, fits, trials }
    }

    /// The ways that open it: none, one, or one for each key that was given twice.
    #[must_use]
    pub fn fits(&self) -> &[Fit] {
        &self.fits
    }

    /// The ways that failed, the one that came furthest first.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// What was seen at a glance.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Something fits, and is not expired.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.fits.iter().any(|fit| fit.expired_since.is_none())
    }

    /// The report with the values of claims, with user data and properties. **They are somebody's**:
    /// keep it out of tickets and chats.
    pub fn with_values(&self) -> impl fmt::Display + '_ {
        Report { diagnosis: self, values: true }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Report { diagnosis: self, values: false }.fmt(f)
    }
}

struct Report<'a> {
    diagnosis: &'a Diagnosis,
    values: bool,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnosis { notices, fits, trials } = self.diagnosis;
        for fit in fits {
            self.write_fit(f, fit)?;
        }
        if fits.is_empty() {
            writeln!(f, "nothing fits")?;
        }
        for notice in notices {
            writeln!(f, "note: {notice}")?;
        }
        let mut keys: Vec<&str> =
            trials.iter().filter_map(|trial| trial.machine_key.as_deref()).collect();
        keys.sort_unstable();
        keys.dedup();
        if fits.is_empty() && !keys.is_empty() {
            writeln!(f, "tried by the fingerprints: {}", keys.join(", "))?;
        }
        for Group { first, lines } in grouped(trials, keys.len() > 1) {
            writeln!(f, "failed at {}: {}", first.step, first.detail)?;
            for (way, algorithms) in lines {
                let colon = if algorithms.is_empty() { "" } else { ": " };
                writeln!(f, "  {way}{colon}{}", algorithms.join(", "))?;
            }
        }
        Ok(())
    }
}

impl Report<'_> {
    fn write_fit(&self, f: &mut fmt::Formatter<'_>, fit: &Fit) -> fmt::Result {
        let Fit { kind, machine_key, choices, layout, ticket, .. } = fit;
        let with = algorithms(choices, fit.is_des).map_or_else(String::new, |it| format!(", {it}"));
        writeln!(f, "fits: {kind}{}{with}", way(kind, choices))?;
        line(f, "key", format_args!("{machine_key} (fingerprint)"))?;
        line(f, "layout", layout)?;
        match (ticket.expires_at, fit.expired_since) {
            (_, Some(since)) => {
                line(f, "expired", format_args!("since {since}, for {}", Span(fit.expired_for)))?
            }
            (Some(UnixTime::MAX), None) => line(f, "expires", "never")?,
            (Some(expiry), None) => line(f, "expires", expiry)?,
            (None, None) => line(f, "expires", "never: it has no expiry")?,
        }
        if let Some(issued) = ticket.issued_at {
            line(f, "issued", issued)?;
        }
        line(f, "persistent", if ticket.is_persistent { "yes" } else { "no" })?;
        for identity in &ticket.identities {
            self.write_identity(f, kind, identity)?;
        }
        self.write_rest(f, kind, ticket)?;

        let differences = advice::differences(fit);
        for difference in &differences {
            writeln!(f, "  differs: {difference}")?;
        }
        writeln!(f, "what to write:")?;
        for line in advice::lines(fit) {
            writeln!(f, "  {line}")?;
        }
        if differences.is_empty() {
            writeln!(
                f,
                "  // what was given beside the keys is right: from_config reads the same"
            )?;
        }
        Ok(())
    }

    fn write_identity(
        &self,
        f: &mut fmt::Formatter<'_>,
        kind: &TicketKind,
        identity: &TicketIdentity,
    ) -> fmt::Result {
        match identity.name() {
            Some(name) => line(f, "name", format_args!("{name:?}"))?,
            None => line(f, "name", "none")?,
        }
        if *kind == TicketKind::Forms {
            return Ok(());
        }
        line(f, "authenticated", format_args!("{:?}", identity.authentication_type))?;
        for claim in &identity.claims {
            if self.values {
                line(f, "claim", format_args!("{:?} = {:?}", claim.claim_type, claim.value))?;
            } else {
                line(f, "claim", format_args!("{:?}", claim.claim_type))?;
            }
        }
        if let Some(context) = &identity.bootstrap_context {
            line(f, "bootstrap", format_args!("a token of {} bytes", context.len()))?;
        }
        Ok(())
    }

    fn write_rest(
        &self,
        f: &mut fmt::Formatter<'_>,
        kind: &TicketKind,
        ticket: &Ticket,
    ) -> fmt::Result {
        for (key, value) in &ticket.properties {
            if self.values {
                line(f, "property", format_args!("{key:?} = {value:?}"))?;
            } else {
                line(f, "property", format_args!("{key:?}"))?;
            }
        }
        if *kind != TicketKind::Forms {
            return Ok(());
        }
        line(f, "cookie path", format_args!("{:?}", ticket.cookie_path))?;
        line(f, "version", ticket.version)?;
        let user_data = &ticket.user_data;
        if self.values {
            return line(f, "user data", format_args!("{user_data:?}"));
        }
        line(f, "user data", format_args!("{} characters", user_data.chars().count()))
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {what:<14}{value}")
}

/// What failed for one reason.
struct Group<'a> {
    first: &'a Trial,
    /// One for those that differ in their algorithms alone: the way, and the algorithms.
    lines: Vec<(String, Vec<String>)>,
}

fn grouped(trials: &[Trial], several_keys: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for trial in trials {
        let is_same = |group: &&mut Group<'_>| {
            group.first.reached() == trial.reached() && group.first.detail == trial.detail
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.add(trial, several_keys),
            None => {
                let mut group = Group { first: trial, lines: Vec::new() };
                group.add(trial, several_keys);
                groups.push(group);
            }
        }
    }
    groups
}

impl Group<'_> {
    fn add(&mut self, trial: &Trial, several_keys: bool) {
        let mut line = trial.kind.to_string();
        if let Some(key) = trial.machine_key.as_ref().filter(|_| several_keys) {
            line = format!("{line}, key {key}");
        }
        let mut with = None;
        if let Some(choices) = &trial.choices {
            line.push_str(&way(&trial.kind, choices));
            with = algorithms(choices, trial.is_des);
        }
        match self.lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, others)) => others.extend(with),
            None => self.lines.push((line, with.into_iter().collect())),
        }
    }
}

/// A length of time in its two largest units.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {} s", seconds % 60),
            (0, ..) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}
