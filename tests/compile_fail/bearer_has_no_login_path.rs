//! A bearer scheme never redirects: the word does not exist.
use portcullis::token::{Presented, TokenValidator};
use portcullis::{Attempt, AuthError, AuthErrorKind, Bearer, Identity, Scheme};

#[derive(Debug)]
struct Never;

impl TokenValidator for Never {
    fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        Attempt::ready(Err(AuthErrorKind::Inactive.into()))
    }
}

fn main() {
    let _ = Scheme::bearer(Bearer, Never).login_path("/login");
}
