//! The seam behind which every token format stands.

use std::{fmt, sync::Arc, time::Duration};

use http::request::Parts;

use crate::{
    attempt::Attempt,
    clock::{Clock, SystemClock, UnixTime},
    error::AuthError,
    principal::Identity,
    secret::Secret,
};

/// Judges one token format: a local JWT, an opaque handle, a ticket, PASETO, …
///
/// Implement it and the format gets header transport, caching, challenges and policies for free.
/// Answer [`Attempt::ready`] whenever nothing must be waited for. "I could not find out" is an
/// error of an undecidable kind ([`AuthErrorKind::IssuerUnreachable`]), never a "no".
///
/// ```
/// use portcullis::{Attempt, AuthError, AuthErrorKind, Identity};
/// use portcullis::token::{Presented, TokenValidator};
///
/// /// Accepts one token, for a test bench.
/// #[derive(Debug)]
/// struct Fixed(&'static str);
///
/// impl TokenValidator for Fixed {
///     fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
///         Attempt::ready(if presented.token() == self.0 {
///             Ok(Identity::builder("bench").subject("operator").build())
///         } else {
///             Err(AuthErrorKind::Inactive.into())
///         })
///     }
/// }
/// # let _ = Fixed("t");
/// ```
///
/// [`AuthErrorKind::IssuerUnreachable`]: crate::AuthErrorKind::IssuerUnreachable
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not validate tokens",
    note = "use `JwtValidator`, wrap one in `Cached`, or implement `TokenValidator`"
)]
pub trait TokenValidator: fmt::Debug + Send + Sync {
    /// Judges the token.
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>>;

    /// The part of the token that a cache may know it by. Default: the whole token. Answer a part
    /// only where the rest has no influence on the outcome.
    fn cache_key<'t>(&self, token: &'t str) -> &'t str {
        token
    }

    /// Whether what it judges is made for a cookie: a ticket. In a cookie, anything else is a bearer
    /// token that a browser sends along whoever's page asks, and demands a guard (RFC 6750 §5.3).
    /// Default: no.
    fn is_ticket(&self) -> bool {
        false
    }

    /// Of a ticket: what two applications must agree on to read each other's, for the log, such as the
    /// format's name and the fingerprints of the keys. Never a key. Default: nothing is told.
    fn fingerprint(&self) -> Option<String> {
        None
    }

    /// How a [`Cached`](super::Cached) around it goes about it. Default: [`Caching::Local`].
    fn caching(&self) -> Caching {
        Caching::Local
    }

    /// A newer text of the same credential, where one is due now: a ticket slid. Asked on the way
    /// out of every request that it accepted, also for a remembered identity. Default: none.
    fn renew(&self, identity: &Identity) -> Option<Renewed> {
        let _ = identity;
        None
    }

    /// Ends what stands behind an identity that it accepted, and whose user was revoked or signs out:
    /// a session in a store. Asked by a cookie scheme; an error says that it may go on. Default:
    /// nothing.
    fn end(&self, identity: &Identity) -> Attempt<Result<(), AuthError>> {
        let _ = identity;
        Attempt::ready(Ok(()))
    }

    /// The clock that it judges by, so that a cache around it judges by the same one. Default:
    /// [`SystemClock`].
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }
}

impl<V: TokenValidator + ?Sized> TokenValidator for Arc<V> {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        (**self).validate(presented)
    }

    fn cache_key<'t>(&self, token: &'t str) -> &'t str {
        (**self).cache_key(token)
    }

    fn is_ticket(&self) -> bool {
        (**self).is_ticket()
    }

    fn fingerprint(&self) -> Option<String> {
        (**self).fingerprint()
    }

    fn caching(&self) -> Caching {
        (**self).caching()
    }

    fn renew(&self, identity: &Identity) -> Option<Renewed> {
        (**self).renew(identity)
    }

    fn end(&self, identity: &Identity) -> Attempt<Result<(), AuthError>> {
        (**self).end(identity)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }
}

/// How a [`Cached`](super::Cached) goes about a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caching {
    /// The token is judged on this machine: what was accepted is remembered, and no more is done.
    Local,
    /// Nothing is remembered: the validator does so itself, or decides by more than the token.
    Never,
    /// Somebody is asked about the token. Who asks about one token at the same time shares one
    /// answer, whoever of them goes away.
    Remote {
        /// How long a "no" is remembered, apart from what was accepted. Zero: not at all.
        negative: Duration,
        /// How long beyond its freshness, and never beyond its expiry, an identity serves while it
        /// cannot be found out anew. Zero: not at all.
        stale: Duration,
    },
}

/// A newer text of a credential. Its `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Renewed {
    /// The new text.
    pub text: Secret,
    /// Until when a browser should keep it; `None`: until it is closed.
    pub persist_until: Option<UnixTime>,
}

impl Renewed {
    /// A newer text, kept by a browser until then (`None`: until it is closed).
    #[must_use]
    pub fn new(text: impl Into<Secret>, persist_until: Option<UnixTime>) -> Self {
        Self { text: text.into(), persist_until }
    }
}

impl fmt::Debug for Renewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewed")
            .field("persist_until", &self.persist_until)
            .finish_non_exhaustive()
    }
}

/// A token as it was presented. Its `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    token: &'a str,
    parts: &'a Parts,
}

impl<'a> Presented<'a> {
    /// A token that a scheme found in a request.
    #[must_use]
    pub const fn new(token: &'a str, parts: &'a Parts) -> Self {
        Self { token, parts }
    }

    /// The token.
    #[must_use]
    pub const fn token(&self) -> &'a str {
        self.token
    }

    /// The request that it came with. What is decided by it must not be remembered for other
    /// requests: such a validator says [`Caching::Never`].
    #[must_use]
    pub const fn parts(&self) -> &'a Parts {
        self.parts
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({} bytes)", self.token.len())
    }
}
