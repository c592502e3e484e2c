//! What is answered where a user could not be signed in or out.

use super::Rejection;
use crate::{
    error::{AuthError, AuthErrorKind, BuildError},
    scheme::{SetCookies, SignOutError},
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

impl Rejection {
    /// What is answered where a user could not be signed out, as for a sign-in, and the cookies that are
    /// to be written into that answer all the same. `?` does not make a rejection of the error, because
    /// they would be lost:
    ///
    /// ```compile_fail,E0277
    /// # use http::request::Parts;
    /// # use portcullis::{AuthenticateLayer, Rejection, scheme::SetCookies};
    /// async fn log_out(gate: &AuthenticateLayer, request: &Parts) -> Result<SetCookies, Rejection> {
    ///     Ok(gate.sign_out(request).await?)
    /// }
    /// ```
    ///
    /// With axum the error is a response that has both.
    pub fn of_sign_out(error: SignOutError) -> (SetCookies, Self) {
        match error {
            SignOutError::Sessions { cookies, error } => (cookies, Self::of_undecidable(error)),
            SignOutError::Scheme(error) => (SetCookies::default(), miswired(&error)),
        }
    }
}

fn miswired(error: &BuildError) -> Rejection {
    tracing::error!(target: "portcullis", %error, "nobody was signed in or out");
    Rejection::wiring(AuthError::new(AuthErrorKind::SignInMisconfigured).with_detail(error))
}
