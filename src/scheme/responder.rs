//! A scheme's part in the way out.

use std::{any::Any, fmt};

use http::{HeaderMap, request::Parts};

use super::{Outcome, ReturnUrl};

/// Adds headers to the answer of a request: a renewed cookie, a deleted one.
///
/// A scheme offers it by [`Authenticator::responder`](super::Authenticator::responder). The gate
/// asks its own schemes, once each, whatever the status of the answer; an `Err` of the service is
/// passed on untouched.
pub trait Responder: fmt::Debug + Send + Sync {
    /// What the answer will need of the request, which is gone by then. Default: nothing.
    fn remember(&self, parts: &Parts) -> Option<Remembered> {
        let _ = parts;
        None
    }

    /// Where the user goes who has just signed in or out, by the headers of the handler's answer. Asked
    /// before [`respond`](Self::respond), of an answer whose status is exactly 200; the first scheme that
    /// says a place turns it into a redirect (302). Default: nowhere.
    fn send_on(&self, asked: Asked<'_>, headers: &HeaderMap) -> Option<ReturnUrl> {
        let _ = (asked, headers);
        None
    }

    /// Adds headers.
    fn respond(&self, asked: Asked<'_>, headers: &mut HeaderMap);
}

/// What a scheme remembers of one request until it is answered.
pub type Remembered = Box<dyn Any + Send + Sync>;

/// What a scheme knows of the request when it is answered.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// What the scheme found.
    pub outcome: &'a Outcome,
    /// A [`Suppress`](crate::suppress::Suppress) layer hid the scheme from the handler.
    pub is_suppressed: bool,
    remembered: Option<&'a Remembered>,
}

impl<'a> Asked<'a> {
    pub(crate) const fn new(
        outcome: &'a Outcome,
        remembered: Option<&'a Remembered>,
        is_suppressed: bool,
    ) -> Self {
        Self { outcome, is_suppressed, remembered }
    }

    /// What [`remember`](Responder::remember) kept, if it is of this type.
    #[must_use]
    pub fn remembered<T: Any>(&self) -> Option<&'a T> {
        self.remembered?.downcast_ref()
    }
}
