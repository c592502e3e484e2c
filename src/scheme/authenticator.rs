//! The seam behind which every scheme stands.

use std::fmt;

use http::request::Parts;

#[cfg(feature = "tickets")]
use super::SignIn;
use super::{LoginPages, Outcome, Responder};
use crate::{
    attempt::Attempt,
    challenge::{Challenge, ChallengeReason},
    principal::SchemeName,
};

/// A whole scheme: a bearer header, a cookie, mTLS, a signed request.
///
/// Most formats need only a [`TokenValidator`](crate::token::TokenValidator); implement this where
/// the credential is no token in a header.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scheme: implement `Authenticator` for it"
)]
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Finds the credential and has it judged. Never answers the request.
    fn authenticate(&self, parts: &Parts) -> Attempt<Outcome>;

    /// The challenge of this scheme (RFC 9110 §11.6.1), or `None` if it has none for this reason.
    fn challenge(&self, reason: ChallengeReason<'_>) -> Option<Challenge>;

    /// The word for its credential where an answer lists what is missing: `token`, `session`.
    /// Default: the scheme's name.
    fn credential_word(&self) -> Option<&'static str> {
        None
    }

    /// A browser sends its credential along whoever's page asks, as it does with cookies, client
    /// certificates and HTTP's `Basic`: a good one does not prove that the user wanted this request.
    /// Nor does one that a page can put into a link or a form, such as a token in the query: it may be
    /// the page's own. A [`CsrfLayer`](crate::csrf::CsrfLayer) asks for more. Default: no.
    fn is_ambient(&self) -> bool {
        false
    }

    /// Where its users sign in, if they do so by themselves: a refusal of this scheme may send them
    /// there. Whether it has such pages is asked once, when the scheme is made. Default: none.
    fn pages(&self) -> Option<&LoginPages> {
        None
    }

    /// Its part in signing users in and out, if it has one. Default: none.
    #[cfg(feature = "tickets")]
    fn sign_in(&self) -> Option<&dyn SignIn> {
        None
    }

    /// Says in the log what others must agree on with it. Called once, when its gate is first put
    /// around a service. Default: nothing is said.
    fn announce(&self, name: SchemeName) {
        let _ = name;
    }

    /// Its part in the way out, if it has one; whether it has is asked once, when the scheme is
    /// made. Default: none.
    fn responder(&self) -> Option<&dyn Responder> {
        None
    }
}
