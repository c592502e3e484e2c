//! What kind of caller is it?
//!
//! Who can not tell says no: each of these demands a definite yes.

use std::fmt;

use super::{Policy, caller::ask};
use crate::{
    authentication::Authentication,
    error::{AuthError, AuthErrorKind},
    principal::{Identity, SchemeName, SubjectKind},
    rejection::Decision,
};

/// The caller is a user, and not a client that acts for itself (RFC 9068 §5): see
/// [`Identity::kind`]. A credential that does not tell, as a token without `client_id` or a cookie's
/// ticket, does not suffice; name the scheme of the cookie beside it.
///
/// ```
/// use portcullis::{Bearer, Cookies, policy::{self, PolicyExt}};
///
/// let people = policy::scheme(Cookies).or(policy::user().of(Bearer));
/// assert_eq!(format!("{people:?}"), "(scheme(Cookies) or user)");
/// ```
#[must_use]
pub const fn user() -> User {
    User { of: None }
}

/// The caller did not come with a personal access token: for account pages, and where such tokens
/// are made. See [`Origin`](crate::Origin).
///
/// An identity of an [unknown](crate::Origin::Unknown) origin is refused, and one whose claim `amr`
/// can not be read. It looks at one identity; name the scheme with [`of`](DenyPat::of) where a cookie
/// may stand beside the token.
#[must_use]
pub const fn deny_pat() -> DenyPat {
    DenyPat { of: None }
}

/// The caller came with a personal access token.
#[must_use]
pub const fn require_pat() -> RequirePat {
    RequirePat { of: None }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $shown:literal $judge:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name {
            of: Option<SchemeName>,
        }

        impl $name {
            /// Asks the identity of this scheme, and names it: a requirement narrows the view to
            /// it. Default: the primary one.
            #[must_use]
            pub fn of(mut self, scheme: impl Into<SchemeName>) -> Self {
                self.of = Some(scheme.into());
                self
            }
        }

        impl Policy for $name {
            fn decide(&self, record: &Authentication) -> Decision {
                ask(record, self.of, |identity| match $judge(identity) {
                    Ok(()) => Decision::Allow,
                    Err(found) => Decision::forbid(
                        AuthError::new(AuthErrorKind::MissingPermission).with_detail(found),
                    ),
                })
            }

            fn schemes(&self) -> Option<Vec<SchemeName>> {
                self.of.map(|name| vec![name])
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($shown)
            }
        }
    )+};
}

kinds! {
    /// See [`deny_pat`].
    DenyPat "deny_pat" is_no_pat;
    /// See [`require_pat`].
    RequirePat "require_pat" is_pat;
    /// See [`user`].
    User "user" is_user;
}

fn is_user(identity: &Identity) -> Result<(), &'static str> {
    match identity.kind() {
        SubjectKind::User => Ok(()),
        SubjectKind::Client => Err("needs a user; a client acts for itself"),
        SubjectKind::Unknown => {
            Err("needs a user; without sub and client_id the credential does not tell")
        }
    }
}

fn is_no_pat(identity: &Identity) -> Result<(), &'static str> {
    match identity.is_pat() {
        Some(false) => Ok(()),
        Some(true) => Err("a personal access token is not accepted here"),
        None => Err("whether it is a personal access token can not be told by claim amr or origin"),
    }
}

fn is_pat(identity: &Identity) -> Result<(), &'static str> {
    match identity.is_pat() {
        Some(true) => Ok(()),
        _ => Err("needs a personal access token: amr must name pat"),
    }
}
