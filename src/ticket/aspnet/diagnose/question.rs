//! Tries everything.

use super::{
    super::{
        forms::{LONGEST_TEXT, decode as decode_forms},
        katana::{
            ACCESS_TOKEN, AUTHORIZATION_CODE, KatanaCookie, MIDDLEWARE, REFRESH_TOKEN,
            decode as decode_katana,
        },
        machine_key::{CompatibilityMode, MachineKeyChoices, is_published},
    },
    content::{self, Opened},
    diagnosis::Diagnosis,
    keys::{DiagnosisKeys, Known},
    notice::Notice,
    pasted,
    trial::{Fit, Step, TicketKind, Trial},
    ways,
};
use crate::clock::UnixTime;

/// Says which of the keys opens this cookie or token, as what, and with which words; or at which step
/// each way failed. For an operator with the keys at hand, at a terminal: **never for a request**.
///
/// The text may be pasted as it was found: a whole `Cookie` line, with quotes around it, URL-encoded.
/// What else it may be is recognised: a JWT, Data Protection, a chunk's mark, a session's id.
///
/// ```
/// use portcullis::ticket::aspnet::{DiagnosisKeys, MachineKey, TicketKind, Validation, diagnose};
/// use portcullis::testing::TicketMint;
///
/// let (validation, decryption) = ("A0".repeat(64), "5C".repeat(32));
/// let key = MachineKey::builder(&validation, &decryption).validation(Validation::Sha1);
/// let cookie = TicketMint::with_key(key.dangerous().allow_sha1().build()?).forms("alice").build();
///
/// // whoever looks at it believes that it is HMACSHA256
/// let keys = DiagnosisKeys::new(MachineKey::builder(&validation, &decryption))?;
/// let diagnosis = diagnose(&cookie, &keys);
/// assert_eq!(diagnosis.fits()[0].kind, TicketKind::Forms);
/// assert_eq!(diagnosis.fits()[0].choices.validation, Validation::Sha1);
/// assert!(diagnosis.to_string().contains("validation is SHA1, and was given as HMACSHA256"));
/// assert!(diagnosis.to_string().contains(".dangerous().allow_sha1()"));
/// # Ok::<(), portcullis::BuildError>(())
/// ```
pub fn diagnose(text: &str, keys: &DiagnosisKeys) -> Diagnosis {
    let pasted = pasted::read(text);
    let mut search = Search { now: keys.now(), fits: Vec::new(), trials: Vec::new() };
    let mut notices = pasted.notices;
    for known in keys.keys() {
        notices.extend(notices_of(known));
    }
    if !notices.iter().any(Notice::is_foreign) {
        search.forms(&pasted.value, keys.keys());
        search.katana(&pasted.value, keys);
        search.tell_purposes();
        let named = |fit: &Fit| fit.ticket.identities.iter().any(names_a_session);
        if search.fits.iter().any(named) {
            notices.push(Notice::SessionReference);
        }
    }
    search.trials.sort_by_key(|trial| std::cmp::Reverse(trial.reached()));
    Diagnosis::new(notices, search.fits, search.trials)
}

fn notices_of(known: &Known) -> Vec<Notice> {
    let mut notices = Vec::new();
    let fingerprint = known.fingerprint.to_string();
    if let Err(error) = known.builder.choose(known.builder.choices()) {
        notices.push(Notice::KeyRefused(fingerprint.clone(), error.to_string()));
    }
    if is_published(&fingerprint) {
        notices.push(Notice::PublishedKey(fingerprint));
    }
    notices
}

fn names_a_session(identity: &crate::ticket::TicketIdentity) -> bool {
    identity.claim(KatanaCookie::SESSION_ID).is_some()
}

struct Search {
    now: UnixTime,
    fits: Vec<Fit>,
    trials: Vec<Trial>,
}

impl Search {
    fn forms(&mut self, text: &str, keys: &[Known]) {
        let kind = TicketKind::Forms;
        let protected = if text.len() > LONGEST_TEXT {
            Err("more than 4096 characters, and ASP.NET reads no more")
        } else {
            decode_forms(text).ok_or("neither hexadecimal digits nor a URL token")
        };
        match protected {
            Ok(protected) => {
                for known in keys {
                    for (choices, protector) in ways::forms(known) {
                        let opened = content::open_forms(&protector, &protected);
                        self.note(known, &kind, choices, opened);
                    }
                }
            }
            Err(detail) => self.not_text(kind, detail),
        }
    }

    fn katana(&mut self, text: &str, keys: &DiagnosisKeys) {
        let Some(protected) = decode_katana(text).filter(|bytes| !bytes.is_empty()) else {
            for (kind, _) in purposes(keys.authentication_types()) {
                self.not_text(kind, "not base64url");
            }
            return;
        };
        for known in keys.keys() {
            for (choices, key) in ways::purposes(known) {
                for (kind, purposes) in purposes(keys.authentication_types()) {
                    // a blank authentication type has no purpose
                    if let Ok(protector) = key.purpose("User.MachineKey.Protect", &purposes) {
                        let opened = content::open_katana(&kind, &protector, &protected);
                        self.note(known, &kind, choices, opened);
                    }
                }
            }
        }
    }

    fn note(
        &mut self,
        known: &Known,
        kind: &TicketKind,
        choices: MachineKeyChoices,
        opened: Opened,
    ) {
        let (kind, machine_key) = (kind.clone(), known.fingerprint.to_string());
        let is_des = ways::is_des(choices, known.key_length);
        match opened {
            Ok((ticket, layout)) => {
                let expired_since = ticket.expires_at.filter(|expiry| *expiry < self.now);
                let expired_for = self.now.saturating_since(expired_since.unwrap_or(self.now));
                let given = known.builder.choices();
                self.fits.push(Fit {
                    kind,
                    machine_key,
                    choices,
                    layout,
                    ticket,
                    expired_since,
                    expired_for,
                    is_des,
                    given,
                });
            }
            Err((step, detail)) => self.trials.push(Trial {
                kind,
                machine_key: Some(machine_key),
                choices: Some(choices),
                step,
                detail,
                is_des,
            }),
        }
    }

    fn not_text(&mut self, kind: TicketKind, detail: &'static str) {
        let step = Step::Text;
        let is_des = false;
        self.trials.push(Trial { kind, machine_key: None, choices: None, step, detail, is_des });
    }

    /// Where one purpose fits, the others of the same key and algorithms do not for that reason.
    fn tell_purposes(&mut self) {
        let has_purpose = |kind: &TicketKind, choices: &MachineKeyChoices| {
            *kind != TicketKind::Forms
                || choices.compatibility_mode == CompatibilityMode::Framework45
        };
        for trial in &mut self.trials {
            let Some(choices) = trial.choices.filter(|it| has_purpose(&trial.kind, it)) else {
                continue;
            };
            let is_other = self.fits.iter().any(|fit| {
                fit.kind != trial.kind
                    && has_purpose(&fit.kind, &fit.choices)
                    && Some(&fit.machine_key) == trial.machine_key.as_ref()
                    && fit.choices.validation == choices.validation
                    && fit.choices.decryption == choices.decryption
            });
            if is_other && trial.step == Step::Mac {
                trial.step = Step::Purpose;
                trial.detail = "the key and the algorithms are right; it is for something else";
            }
        }
    }
}

fn purposes(authentication_types: &[String]) -> Vec<(TicketKind, [&str; 3])> {
    let cookies = authentication_types
        .iter()
        .map(|name| (TicketKind::KatanaCookie(name.clone()), [MIDDLEWARE, name.as_str(), "v1"]));
    let mut purposes: Vec<_> = cookies.collect();
    purposes.extend([
        (TicketKind::KatanaAccessToken, ACCESS_TOKEN),
        (TicketKind::KatanaRefreshToken, REFRESH_TOKEN),
        (TicketKind::KatanaAuthorizationCode, AUTHORIZATION_CODE),
    ]);
    purposes
}
