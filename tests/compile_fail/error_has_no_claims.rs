//! Claims cannot be reached from a failed verification.
use portcullis::{AuthError, Outcome};

fn claims(error: &AuthError) {
    let _ = error.claims_json();
}

fn identity(outcome: Outcome) {
    let Outcome::Rejected(error) = outcome else { return };
    let _ = error.identity();
}

fn main() {}
