//! Tokens whose users are checked again.

use std::{fmt, sync::Arc};

use super::{
    Caching, Presented, Renewed, Revalidate, TokenValidator,
    revalidation::{Revalidation, Told},
};
use crate::{attempt::Attempt, clock::Clock, error::AuthError, principal::Identity};

/// A validator of tokens that asks the application about their users, by the rules of
/// [`Revalidate`]: a token that is older than the interval is asked about once in every interval.
///
/// It stands inside a [`Cached`](super::Cached) or around one: a remembered token is judged again when
/// its check is over. Tickets have [their own word](Revalidate) for it, because a ticket slides.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use portcullis::{Attempt, AuthError, AuthErrorKind, Identity, SystemClock, Clock};
/// # use portcullis::token::{Presented, TokenValidator};
/// # #[derive(Debug)] struct Tokens;
/// # impl TokenValidator for Tokens {
/// #     fn validate(&self, _: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
/// #         Attempt::ready(Ok(Identity::builder("i").subject("alice").build()))
/// #     }
/// # }
/// use portcullis::token::{Cached, Revalidate, Revalidated, Verdict};
///
/// /// Everybody was dismissed.
/// #[derive(Debug)]
/// struct Nobody;
///
/// impl Revalidate for Nobody {
///     fn revalidate(&self, _: &Identity) -> Attempt<Result<Verdict, AuthError>> {
///         Attempt::ready(Ok(Verdict::Reject(AuthErrorKind::UserGone)))
///     }
/// }
///
/// let tokens = Cached::new(Revalidated::new(Tokens, Nobody)); // or BearerAuth::revalidate(Nobody)
/// # let parts = http::Request::new(()).into_parts().0;
/// let error = tokens.validate(Presented::new("token", &parts)).await.unwrap_err();
/// assert_eq!(error.kind(), AuthErrorKind::UserGone);
/// # Ok(())
/// # }
/// ```
pub struct Revalidated<V> {
    validator: V,
    revalidation: Revalidation,
    clock: Arc<dyn Clock>,
}

impl<V: TokenValidator> Revalidated<V> {
    /// Asks `hook` about the users of the tokens that `validator` accepts.
    #[must_use]
    pub fn new(validator: V, hook: impl Revalidate + 'static) -> Self {
        let clock = validator.clock();
        Self { validator, revalidation: Revalidation::new(hook), clock }
    }
}

impl<V: TokenValidator> TokenValidator for Revalidated<V> {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let judged = self.validator.validate(presented);
        let key = self.validator.cache_key(presented.token());
        // who remembers outside must not remember longer than the check is believed
        let is_remembered = self.validator.caching() != Caching::Never;
        let check = {
            let (revalidation, clock) = (self.revalidation.clone(), Arc::clone(&self.clock));
            move |identity: Identity, key: &str| {
                let told = Told { at: identity.issued_at(), may_have_slid: false };
                revalidation.check(&identity, key, told, &clock).map(move |checked| {
                    let checked = checked?;
                    Ok(if is_remembered {
                        identity.with_freshness(checked.fresh_until)
                    } else {
                        identity
                    })
                })
            }
        };
        match judged.into_ready() {
            Ok(Ok(identity)) => check(identity, key),
            Ok(Err(error)) => Attempt::ready(Err(error)),
            Err(pending) => {
                let key = zeroize::Zeroizing::new(key.to_owned());
                pending.and_then(move |judged| match judged {
                    Ok(identity) => check(identity, &key),
                    Err(error) => Attempt::ready(Err(error)),
                })
            }
        }
    }

    fn cache_key<'t>(&self, token: &'t str) -> &'t str {
        self.validator.cache_key(token)
    }

    fn caching(&self) -> Caching {
        self.validator.caching()
    }

    fn is_ticket(&self) -> bool {
        self.validator.is_ticket()
    }

    fn fingerprint(&self) -> Option<String> {
        self.validator.fingerprint()
    }

    fn renew(&self, identity: &Identity) -> Option<Renewed> {
        self.validator.renew(identity)
    }

    fn end(&self, identity: &Identity) -> Attempt<Result<(), AuthError>> {
        self.validator.end(identity)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }
}

impl<V: fmt::Debug> fmt::Debug for Revalidated<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revalidated")
            .field("validator", &self.validator)
            .field("hook", &self.revalidation)
            .finish_non_exhaustive()
    }
}
