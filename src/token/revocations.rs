//! What ends a credential before its time.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    attempt::Attempt,
    clock::UnixTime,
    error::{AuthError, AuthErrorClass},
    principal::Identity,
};

/// Asked on every request, after the cache, whether an identity was revoked.
///
/// Keys are what a logout, an administrator or a back-channel message knows: issuer and token id,
/// issuer and session id, issuer and subject; never a token's hash.
///
/// Several are one as a tuple, an array or a `Vec`: a "no" of any of them counts, also beside one
/// that could not find out.
pub trait Revocations: fmt::Debug + Send + Sync {
    /// Whether it was revoked. "Could not be found out" is an error of an undecidable kind, and
    /// refuses with 503; an error of another kind is a "no" that has more to say.
    fn is_revoked(&self, identity: &Identity) -> Attempt<Result<bool, AuthError>>;
}

impl<R: Revocations + ?Sized> Revocations for Arc<R> {
    fn is_revoked(&self, identity: &Identity) -> Attempt<Result<bool, AuthError>> {
        (**self).is_revoked(identity)
    }
}

impl<R: Revocations> Revocations for Vec<R> {
    fn is_revoked(&self, identity: &Identity) -> Attempt<Result<bool, AuthError>> {
        any(self.iter().map(|it| it.is_revoked(identity)))
    }
}

impl<R: Revocations, const N: usize> Revocations for [R; N] {
    fn is_revoked(&self, identity: &Identity) -> Attempt<Result<bool, AuthError>> {
        any(self.iter().map(|it| it.is_revoked(identity)))
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => {$(
        impl<$($name: Revocations),+> Revocations for ($($name,)+) {
            #[allow(non_snake_case)]
            fn is_revoked(&self, identity: &Identity) -> Attempt<Result<bool, AuthError>> {
                let ($($name,)+) = self;
                let all: &[&dyn Revocations] = &[$($name),+];
                any(all.iter().map(|it| it.is_revoked(identity)))
            }
        }
    )+};
}

tuples! { A; A B; A B C; A B C D; }

/// Asks one after another until somebody says no; who must be waited for is heard last.
fn any(
    answers: impl Iterator<Item = Attempt<Result<bool, AuthError>>>,
) -> Attempt<Result<bool, AuthError>> {
    let mut undecided = None;
    let mut waiting = Vec::new();
    for answer in answers {
        match answer.into_ready() {
            Err(pending) => waiting.push(pending),
            Ok(answer) => {
                if let Some(no) = weigh(answer, &mut undecided) {
                    return Attempt::ready(no);
                }
            }
        }
    }
    if waiting.is_empty() {
        return Attempt::ready(undecided.map_or(Ok(false), Err));
    }
    Attempt::pending(async move {
        for pending in waiting {
            if let Some(no) = weigh(pending.await, &mut undecided) {
                return no;
            }
        }
        undecided.map_or(Ok(false), Err)
    })
}

/// The answer, if it is a "no". The first that could not find out is kept.
fn weigh(
    answer: Result<bool, AuthError>,
    undecided: &mut Option<AuthError>,
) -> Option<Result<bool, AuthError>> {
    match answer {
        Ok(false) => None,
        Ok(true) => Some(Ok(true)),
        Err(error) if error.kind().class() == AuthErrorClass::Invalid => Some(Err(error)),
        Err(error) => {
            undecided.get_or_insert(error);
            None
        }
    }
}

/// Revocations in this process's memory. Costs one atomic load while nothing is revoked.
///
/// Each entry is kept until the moment given with it, when the last credential that it concerns has
/// expired by itself; [`drop_expired`](Self::drop_expired) drops what is past that.
///
/// The issuer is what [`Identity::issuer`] says, to the letter: what the validator was told, or by
/// default the endpoint's URL of an introspection validator and `LOCAL AUTHORITY` of a ticket. What is
/// revoked under another spelling concerns nobody.
///
/// ```
/// use portcullis::{Identity, UnixTime, token::{InMemoryRevocations, Revocations}};
///
/// let revocations = InMemoryRevocations::default();
/// let identity = Identity::builder("https://login.example").subject("alice")
///     .issued_at(UnixTime::from_secs(100)).build();
/// let revoked = || revocations.is_revoked(&identity).into_ready().unwrap().unwrap();
///
/// assert!(!revoked());
/// revocations.revoke_subject("https://login.example", "alice", UnixTime::from_secs(101), UnixTime::MAX);
/// assert!(revoked());
/// ```
#[derive(Default)]
pub struct InMemoryRevocations {
    count: AtomicUsize,
    entries: RwLock<HashMap<Entry, Revoked>>,
}

impl InMemoryRevocations {
    /// Revokes one token by its `jti`.
    pub fn revoke_token(&self, issuer: &str, token_id: &str, until: UnixTime) {
        self.add(
            Entry::new(Kind::Token, issuer, token_id),
            Revoked { issued_before: UnixTime::MAX, until },
        );
    }

    /// Revokes every token of one session at the issuer, by `sid`.
    pub fn revoke_session(&self, issuer: &str, session_id: &str, until: UnixTime) {
        self.add(
            Entry::new(Kind::Session, issuer, session_id),
            Revoked { issued_before: UnixTime::MAX, until },
        );
    }

    /// Revokes every token of one authorization, by [`Identity::authorization_id`]: a user took a
    /// consent back, or a code was used twice.
    pub fn revoke_authorization(&self, issuer: &str, authorization_id: &str, until: UnixTime) {
        self.add(
            Entry::new(Kind::Authorization, issuer, authorization_id),
            Revoked { issued_before: UnixTime::MAX, until },
        );
    }

    /// Revokes every token of a subject that was issued before a moment: a logout everywhere, a
    /// password change. A token that does not say when it was issued is revoked as well.
    pub fn revoke_subject(
        &self,
        issuer: &str,
        subject: &str,
        issued_before: UnixTime,
        until: UnixTime,
    ) {
        self.add(Entry::new(Kind::Subject, issuer, subject), Revoked { issued_before, until });
    }

    /// Drops the entries that concern nothing any more.
    pub fn drop_expired(&self, now: UnixTime) {
        let mut entries = self.entries.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        entries.retain(|_, revoked| now < revoked.until);
        self.count.store(entries.len(), Ordering::Release);
    }

    fn add(&self, entry: Entry, revoked: Revoked) {
        let mut entries = self.entries.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = entries.entry(entry).or_insert(revoked);
        kept.issued_before = kept.issued_before.max(revoked.issued_before);
        kept.until = kept.until.max(revoked.until);
        self.count.store(entries.len(), Ordering::Release);
    }

    fn concerns(&self, identity: &Identity) -> bool {
        let entries = self.entries.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        [
            (Kind::Token, identity.token_id()),
            (Kind::Session, identity.session_id()),
            (Kind::Subject, identity.subject()),
            (Kind::Authorization, identity.authorization_id()),
        ]
        .into_iter()
        .filter_map(|(kind, id)| entries.get(&Entry::new(kind, identity.issuer(), id?)))
        .any(|revoked| identity.issued_at().is_none_or(|at| at < revoked.issued_before))
    }
}

impl Revocations for InMemoryRevocations {
    fn is_revoked(&self, identity: &Identity) -> Attempt<Result<bool, AuthError>> {
        let any = self.count.load(Ordering::Acquire) > 0;
        Attempt::ready(Ok(any && self.concerns(identity)))
    }
}

impl fmt::Debug for InMemoryRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InMemoryRevocations({} entries)", self.count.load(Ordering::Acquire))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Authorization,
    Session,
    Subject,
    Token,
}

#[derive(PartialEq, Eq, Hash)]
struct Entry(Kind, Box<str>, Box<str>);

impl Entry {
    fn new(kind: Kind, issuer: &str, id: &str) -> Self {
        Self(kind, issuer.into(), id.into())
    }
}

#[derive(Clone, Copy)]
struct Revoked {
    issued_before: UnixTime,
    until: UnixTime,
}
