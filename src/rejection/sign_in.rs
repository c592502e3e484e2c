//! What is answered where a user could not be signed in or out.

use super::Rejection;
use crate::{
    error::{AuthError, AuthErrorKind, BuildError},
    scheme::SignOutError,
    ticket::IssueError,
};

impl From<IssueError> for Rejection {
    /// 503 where the store could not be reached, 403 over plain http where TLS is demanded, and 500 where
    /// the application asks for what can not be, which is logged at error.
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Sessions(error) => Self::of_undecidable(error),
            IssueError::Transport(error) => Self::forbidden(error),
            IssueError::Scheme(error) | IssueError::Ticket(error) => miswired(&error),
        }
    }
}

impl From<SignOutError> for Rejection {
    /// As for a sign-in. The cookies are not in it: [take them](SignOutError::into_cookies) before, and
    /// write them into the answer.
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::Sessions { error, .. } => Self::of_undecidable(error),
            SignOutError::Scheme(error) => miswired(&error),
        }
    }
}

fn miswired(error: &BuildError) -> Rejection {
    tracing::error!(target: "portcullis", %error, "nobody was signed in or out");
    Rejection::wiring(AuthError::new(AuthErrorKind::SignInMisconfigured).with_detail(error))
}
