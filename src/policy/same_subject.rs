//! Are all of them the same user?

use std::{borrow::Cow, fmt, sync::Arc};

use super::{Policy, schemes::some_undecidable};
use crate::{
    authentication::Authentication,
    error::AuthErrorKind,
    principal::{Identity, SchemeName, SubjectKind},
    rejection::Decision,
    scheme::Outcome,
};

/// All visible identities are one user: their [subjects](Identity::subject) are equal, byte for
/// byte. The issuers may differ: a token and a ticket have each their own.
///
/// 1. There must be at least two identities. Every visible scheme that proved nobody is challenged.
/// 2. Different users are answered 401 with the reason
///    [`SubjectMismatch`](AuthErrorKind::SubjectMismatch), so that a client drops its token, asks
///    for a new one, and heals.
/// 3. An identity without a subject, or with an empty one, is nobody's twin. A client that acts for
///    itself is no user, whatever its name.
///
/// Join it with the schemes that it is about, so that a requirement narrows the view to them:
///
/// ```
/// use portcullis::{Bearer, Cookies, policy::{self, PolicyExt}};
///
/// let both = policy::scheme(Bearer).and(policy::scheme(Cookies)).and(policy::same_subject());
/// assert_eq!(format!("{both:?}"), "scheme(Bearer) and scheme(Cookies) and same_subject");
/// ```
#[must_use]
pub const fn same_subject() -> SameSubject {
    SameSubject { mapped: Vec::new() }
}

/// See [`same_subject`].
#[derive(Clone)]
pub struct SameSubject {
    mapped: Vec<(SchemeName, Mapping)>,
}

/// Who the user of an identity is, in the terms of the other schemes.
type Mapping = Arc<dyn Fn(&Identity) -> Option<String> + Send + Sync>;

impl SameSubject {
    /// The user of this scheme's identity, in the terms of the others: for a token whose `sub` is a
    /// number beside a ticket that holds a name. `None` matches nobody. Default: the subject.
    ///
    /// Map to something that the user can not choose: many issuers let users edit the claim `name`.
    ///
    /// ```
    /// use portcullis::{Bearer, policy};
    ///
    /// let same = policy::same_subject()
    ///     .by(Bearer, |identity| identity.claim_str("preferred_username"));
    /// # let _ = same;
    /// ```
    #[must_use]
    pub fn by(
        mut self,
        scheme: impl Into<SchemeName>,
        user: impl Fn(&Identity) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.mapped.insert(0, (scheme.into(), Arc::new(user)));
        self
    }

    fn user<'i>(&self, scheme: SchemeName, identity: &'i Identity) -> Option<Cow<'i, str>> {
        // without a subject, a mapping may know the user by another claim
        if identity.kind() == SubjectKind::Client && identity.subject().is_some() {
            return None;
        }
        let user = match self.mapped.iter().find(|(name, _)| *name == scheme) {
            Some((_, user)) => user(identity).map(Cow::Owned),
            None => identity.subject().map(Cow::Borrowed),
        };
        user.filter(|user| !user.is_empty())
    }
}

impl Policy for SameSubject {
    fn decide(&self, record: &Authentication) -> Decision {
        let mut proved = record.identities();
        let users_differ = proved.next().is_some_and(|(scheme, first)| {
            let first = self.user(scheme, first);
            proved.any(|(scheme, other)| {
                // constant time is no use here: whoever asks holds both credentials
                first.is_none() || self.user(scheme, other) != first
            })
        });
        let proved = || record.identities().map(|(scheme, _)| scheme);
        if users_differ {
            return Decision::Challenge {
                schemes: proved().collect(),
                reason: Some(AuthErrorKind::SubjectMismatch),
            };
        }
        if some_undecidable(record) {
            return Decision::Undecidable;
        }
        let lacking = record.visible().filter(|(_, found)| !matches!(found, Outcome::Verified(_)));
        let lacking: Vec<_> = lacking.map(|(scheme, _)| scheme).collect();
        if lacking.is_empty() && proved().count() > 1 {
            return Decision::Allow;
        }
        Decision::Challenge { schemes: lacking, reason: None }
    }
}

impl fmt::Debug for SameSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("same_subject")?;
        if self.mapped.is_empty() {
            return Ok(());
        }
        f.write_str(" by ")?;
        f.debug_list().entries(self.mapped.iter().map(|(scheme, _)| scheme)).finish()
    }
}
