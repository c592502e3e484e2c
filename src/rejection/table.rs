//! The one table: what is answered to a decision about a record.

use http::{HeaderValue, StatusCode};

use super::{
    Decision,
    answer::{Rejection, Verdict},
};
use crate::{
    challenge::{Challenge, ChallengeReason, STEP_UP_CODE},
    error::{AuthError, AuthErrorClass, AuthErrorKind},
    principal::SchemeName,
    scheme::{Login, Outcome, Scheme, Visit},
};

/// A visible scheme and what it found.
pub(crate) type Seen<'a> = (&'a Scheme, &'a Outcome);

/// Where a challenge may lead.
#[derive(Clone, Copy, Default)]
pub(super) struct Way<'a> {
    /// The request, if it may be redirected.
    pub(super) visit: Option<&'a Visit>,
    /// The schemes that a handler named: it knows who is there, and asks all the same.
    pub(super) named: &'a [SchemeName],
    /// Where a handler said that it leads.
    pub(super) to: Option<&'a str>,
}

impl Rejection {
    /// The rejection that a decision means, or `None` if it lets the request pass.
    pub(crate) fn of<'a>(
        decision: &Decision,
        seen: impl Iterator<Item = Seen<'a>> + Clone,
        visit: Option<&Visit>,
    ) -> Option<Self> {
        if let Some(rejection) = Self::malformed(seen.clone()) {
            return Some(rejection);
        }
        match decision {
            Decision::Allow => None,
            Decision::Challenge { schemes, reason } => {
                // whoever is visible would do, and one could not be judged: not a "no"
                let asked = seen
                    .filter(|(scheme, _)| schemes.is_empty() || schemes.contains(&scheme.name()));
                if nobody_yet(asked.clone()) {
                    return Some(Self::undecidable(asked));
                }
                Some(Self::unauthenticated(asked, *reason, Way { visit, ..Way::default() }))
            }
            Decision::Forbid { error, scope } => {
                let mut verdict = Verdict::new(StatusCode::FORBIDDEN, error.clone());
                if let Some(location) = denied(error, seen.clone(), visit) {
                    verdict.login = Some(location);
                    return Some(verdict.into());
                }
                if let Some(scope) = scope {
                    let scope = scope.to_string();
                    let reason = ChallengeReason::InsufficientScope(&scope);
                    let challenges = challenges_of_proved(seen, reason);
                    verdict.challenges =
                        challenges.iter().map(Challenge::to_header_value).collect();
                    verdict.code = Some("insufficient_scope");
                }
                Some(verdict.into())
            }
            Decision::StepUp { error, needed } => {
                let challenges =
                    challenges_of_proved(seen.clone(), ChallengeReason::StepUp(needed));
                let mut verdict = Verdict::new(StatusCode::UNAUTHORIZED, error.clone());
                verdict.code = Some(STEP_UP_CODE);
                verdict.challenges = or_bare_names(challenges, seen);
                Some(verdict.into())
            }
            Decision::Undecidable => Some(Self::undecidable(seen)),
        }
    }

    /// A malformed credential is fatal, also where another scheme succeeded.
    fn malformed<'a>(seen: impl Iterator<Item = Seen<'a>> + Clone) -> Option<Self> {
        let bad = seen.filter_map(|(scheme, outcome)| {
            let error = outcome.error()?;
            (error.kind().class() == AuthErrorClass::Malformed).then_some((scheme, error))
        });
        let (_, first) = bad.clone().next()?;
        let mut verdict = Verdict::new(StatusCode::BAD_REQUEST, first.clone());
        verdict.code = Some("invalid_request");
        verdict.challenges = bad
            .filter_map(|(scheme, error)| {
                scheme.authenticator().challenge(ChallengeReason::Rejected(error.kind()))
            })
            .map(|challenge| challenge.to_header_value())
            .collect();
        Some(verdict.into())
    }

    pub(super) fn unauthenticated<'a>(
        asked: impl Iterator<Item = Seen<'a>> + Clone,
        reason: Option<AuthErrorKind>,
        way: Way<'_>,
    ) -> Self {
        let rejected = asked.clone().filter_map(|(_, outcome)| match outcome {
            Outcome::Rejected(error) => Some(error),
            _ => None,
        });
        // what a new credential can mend is told first, whatever the order of the schemes
        let is_mendable = |error: &&AuthError| error.kind() != AuthErrorKind::CrossSiteRequest;
        let error = rejected
            .clone()
            .find(is_mendable)
            .or_else(|| rejected.clone().next())
            .cloned()
            .or(reason.map(AuthError::new))
            .unwrap_or(AuthError::new(AuthErrorKind::NoCredential));
        if error.kind() == AuthErrorKind::CrossSiteRequest {
            return Self::forbidden(error); // signing in again would not mend it
        }
        let code = (error.kind() != AuthErrorKind::NoCredential).then_some("invalid_token");
        let mut verdict = Verdict::new(StatusCode::UNAUTHORIZED, error);
        verdict.code = code;
        verdict.missing = asked
            .clone()
            .filter(|(_, outcome)| outcome.identity().is_none())
            .map(|(scheme, _)| word(scheme))
            .fold(Vec::new(), |mut words, word| {
                if !words.contains(&word) {
                    words.push(word);
                }
                words
            });
        verdict.login = login(asked.clone(), way);
        if !matches!(verdict.login, Some(Login::Redirect(_) | Login::Responded(_))) {
            verdict.challenges = challenges(asked, reason);
        }
        verdict.into()
    }

    fn undecidable<'a>(seen: impl Iterator<Item = Seen<'a>>) -> Self {
        let error = seen
            .filter_map(|(_, outcome)| match outcome {
                Outcome::Undecidable(error) => Some(error),
                _ => None,
            })
            .max_by_key(|error| {
                (error.kind().class() == AuthErrorClass::Misconfigured, error.retry_after())
            })
            .cloned()
            .unwrap_or(AuthError::new(AuthErrorKind::TimedOut));
        Self::of_undecidable(error)
    }

    /// It could not be found out.
    pub(super) fn of_undecidable(error: AuthError) -> Self {
        let status = match error.kind().class() {
            AuthErrorClass::Misconfigured => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Verdict::new(status, error).into()
    }
}

/// Where the first scheme that is asked sends its users: not those whom it knows already, who would come
/// back as they are, unless a handler asks for just that.
fn login<'a>(mut asked: impl Iterator<Item = Seen<'a>>, way: Way<'_>) -> Option<Login> {
    let visit = way.visit?;
    asked.find_map(|(scheme, outcome)| {
        let is_asked = outcome.identity().is_none() || way.named.contains(&scheme.name());
        scheme.pages().filter(|_| is_asked)?.challenge(visit, way.to)
    })
}

/// Where those go who are signed in and may not. Never to the login page: they would come back as they
/// are.
fn denied<'a>(
    error: &AuthError,
    mut seen: impl Iterator<Item = Seen<'a>>,
    visit: Option<&Visit>,
) -> Option<Login> {
    let visit = visit.filter(|_| error.kind() != AuthErrorKind::CrossSiteRequest)?;
    let location = seen.find_map(|(scheme, outcome)| {
        outcome.identity()?;
        scheme.pages()?.deny(visit)
    })?;
    Some(Login::Redirect(location))
}

/// What an answer calls the credential of a scheme.
fn word(scheme: &Scheme) -> &'static str {
    scheme.authenticator().credential_word().unwrap_or(scheme.name().as_str())
}

/// Nobody is proved, and somebody may yet be.
fn nobody_yet<'a>(mut seen: impl Iterator<Item = Seen<'a>> + Clone) -> bool {
    seen.clone().all(|(_, outcome)| outcome.identity().is_none())
        && seen.any(|(_, outcome)| matches!(outcome, Outcome::Undecidable(_)))
}

fn challenges<'a>(
    asked: impl Iterator<Item = Seen<'a>> + Clone,
    reason: Option<AuthErrorKind>,
) -> Vec<HeaderValue> {
    let made: Vec<_> = asked
        .clone()
        .filter_map(|(scheme, outcome)| {
            let why = match (outcome, reason) {
                (Outcome::Rejected(error), _) => ChallengeReason::Rejected(error.kind()),
                (Outcome::Verified(_), Some(kind)) => ChallengeReason::Rejected(kind),
                _ => ChallengeReason::Missing,
            };
            scheme.authenticator().challenge(why)
        })
        .collect();
    or_bare_names(made, asked)
}

fn challenges_of_proved<'a>(
    seen: impl Iterator<Item = Seen<'a>>,
    reason: ChallengeReason<'_>,
) -> Vec<Challenge> {
    seen.filter(|(_, outcome)| outcome.identity().is_some())
        .filter_map(|(scheme, _)| scheme.authenticator().challenge(reason))
        .collect()
}

/// RFC 9110 §15.5.2: a 401 carries a challenge, also where no scheme has one of its own.
fn or_bare_names<'a>(
    made: Vec<Challenge>,
    asked: impl Iterator<Item = Seen<'a>>,
) -> Vec<HeaderValue> {
    let last_resorts_only = made.iter().all(Challenge::is_last_resort);
    let kept = made.iter().filter(|made| last_resorts_only || !made.is_last_resort());
    let kept: Vec<_> = kept.map(Challenge::to_header_value).collect();
    if !kept.is_empty() {
        return kept;
    }
    asked
        .map(|(scheme, _)| Challenge::new(scheme.name().as_str()).parameter("realm", "api"))
        .map(|challenge| challenge.to_header_value())
        .collect()
}
