//! Ways to fail.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::Response;

use super::page::page;

/// What the issuer answers at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// RFC 6749 §3.1: `/authorize`, or as the builder says.
    Authorization,
    /// OpenID Connect Discovery: `/.well-known/openid-configuration`.
    Discovery,
    /// RFC 7662: `/introspect`, or as the builder says.
    Introspection,
    /// The key set: `/jwks`.
    Jwks,
    /// RFC 8414: `/.well-known/oauth-authorization-server`.
    OAuthMetadata,
    /// Personal access tokens: `/pats`, or as the builder says.
    PersonalAccessTokens,
    /// RFC 7009: `/revoke`, or as the builder says.
    Revocation,
    /// `/token`, or as the builder says.
    Token,
    /// `/userinfo`, or as the builder says.
    Userinfo,
}

impl Endpoint {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Authorization,
        Self::Discovery,
        Self::Introspection,
        Self::Jwks,
        Self::OAuthMetadata,
        Self::PersonalAccessTokens,
        Self::Revocation,
        Self::Token,
        Self::Userinfo,
    ];
}

/// A way to fail at an [`Endpoint`]; see [`MockIssuer::fail`](super::MockIssuer::fail).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// This answer in place of the right one.
    Answer(Response<Bytes>),
    /// The answer, whichever it is, after this time on tokio's clock. It goes together with another
    /// fault.
    Delay(Duration),
    /// The right answer, one byte at a time with this pause between.
    Drip(Duration),
    /// The connection ends without an answer.
    DropConnection,
    /// `{"keys":[]}`.
    EmptyKeySet,
    /// No answer, and the connection stays open.
    Hang,
    /// A page for people, with status 200.
    Html,
    /// Something between braces, with status 200.
    MalformedJson,
    /// So many bytes, of no declared length.
    Oversize(u64),
    /// This status with this `Location`.
    Redirect(u16, String),
    /// This status, and `Retry-After` in this spelling.
    Status(u16, Option<String>),
    /// The first half of the right document.
    Truncated,
}

impl Fault {
    /// This status, with an empty body.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Status(status, None)
    }

    /// This status with a `Retry-After`, with an empty body.
    #[must_use]
    pub fn retry_after(status: u16, retry_after: &str) -> Self {
        Self::Status(status, Some(retry_after.to_owned()))
    }

    /// This body with status 200.
    #[must_use]
    pub fn body(content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::Answer(page(200, content_type, body))
    }
}

/// What will go wrong at one endpoint.
#[derive(Debug, Default)]
pub(super) struct Plan {
    delay: Slot<Duration>,
    answer: Slot<Fault>,
}

#[derive(Debug)]
struct Slot<T> {
    next: VecDeque<T>,
    standing: Option<T>,
}

impl Plan {
    pub(super) fn always(&mut self, fault: Fault) {
        match fault {
            Fault::Delay(delay) => self.delay.standing = Some(delay),
            fault => self.answer.standing = Some(fault),
        }
    }

    pub(super) fn next(&mut self, times: usize, fault: Fault) {
        match fault {
            Fault::Delay(delay) => self.delay.next.extend(std::iter::repeat_n(delay, times)),
            fault => self.answer.next.extend(std::iter::repeat_n(fault, times)),
        }
    }

    pub(super) fn take(&mut self) -> (Option<Duration>, Option<Fault>) {
        (self.delay.take(), self.answer.take())
    }
}

impl<T: Clone> Slot<T> {
    fn take(&mut self) -> Option<T> {
        self.next.pop_front().or_else(|| self.standing.clone())
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { next: VecDeque::new(), standing: None }
    }
}
