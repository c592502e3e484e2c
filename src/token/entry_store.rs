//! Where the entries of tokens and authorizations are.

use std::{fmt, sync::Arc};

use crate::{attempt::Attempt, error::AuthError};

/// Where an issuer keeps the entries of its tokens and authorizations.
///
/// ```
/// use portcullis::{Attempt, AuthError};
/// use portcullis::token::{Entry, EntryStatus, EntryStore};
///
/// /// Knows one token.
/// #[derive(Debug)]
/// struct One;
///
/// impl EntryStore for One {
///     fn status(&self, entry: &Entry) -> Attempt<Result<EntryStatus, AuthError>> {
///         Attempt::ready(Ok(match &*entry.id {
///             "t1" => EntryStatus::Valid,
///             _ => EntryStatus::Gone,
///         }))
///     }
/// }
/// # let _ = One;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not know the entries of tokens: implement `EntryStore` for it"
)]
pub trait EntryStore: fmt::Debug + Send + Sync {
    /// The status of an entry. An error says that it could not be found out, and is answered with
    /// 503 whatever its kind; an entry that is not there is [`EntryStatus::Gone`].
    fn status(&self, entry: &Entry) -> Attempt<Result<EntryStatus, AuthError>>;
}

impl<S: EntryStore + ?Sized> EntryStore for Arc<S> {
    fn status(&self, entry: &Entry) -> Attempt<Result<EntryStatus, AuthError>> {
        (**self).status(entry)
    }
}

/// Which entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Entry {
    /// Of what.
    pub kind: EntryKind,
    /// Whose store it is in: the issuer of the token.
    pub issuer: Box<str>,
    /// What the store knows it by.
    pub id: Box<str>,
}

/// What an entry is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// An authorization, with all tokens of its chain.
    Authorization,
    /// One token.
    Token,
}

/// The status of an entry, in OpenIddict's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryStatus {
    /// There is no such entry; it may have been pruned.
    Gone,
    /// Not yet in use.
    Inactive,
    /// Used up.
    Redeemed,
    /// The user said no.
    Rejected,
    /// Taken back.
    Revoked,
    /// The only one that counts.
    Valid,
}
