//! A scheme that could not be built.

use http::request::Parts;

use super::{Authenticator, Outcome};
use crate::{
    attempt::Attempt,
    challenge::{Challenge, ChallengeReason},
};

/// Stands where a scheme would be, until the gate refuses it.
#[derive(Debug)]
pub(super) struct Flawed;

impl Authenticator for Flawed {
    fn authenticate(&self, _: &Parts) -> Attempt<Outcome> {
        Attempt::ready(Outcome::Absent)
    }

    fn challenge(&self, _: ChallengeReason<'_>) -> Option<Challenge> {
        None
    }
}
