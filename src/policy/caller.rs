//! May the caller do this?
//!
//! Each question is about **one** identity: the primary one, or that of the scheme given with
//! `of(..)`. Rights of two identities are never added up.

use std::fmt;

use serde_json::Value;

use super::{
    Policy,
    schemes::{nobody, some_undecidable},
};
use crate::{
    authentication::Authentication,
    error::{AuthError, AuthErrorKind, printable},
    principal::{Identity, SchemeName, Scope, is_scope_token},
    rejection::Decision,
    scheme::Outcome,
};

/// The caller has this scope; several, separated by spaces, are all needed. A scope that no token
/// can hold (RFC 6749 §3.3) is never satisfied.
#[must_use]
pub fn scope(needed: &str) -> Scopes {
    scopes(needed.split(' ').filter(|part| !part.is_empty()))
}

/// The caller has all of these scopes. One that no token can hold is never satisfied.
#[must_use]
pub fn scopes<S: AsRef<str>>(needed: impl IntoIterator<Item = S>) -> Scopes {
    let mut possible = true;
    let needed = needed
        .into_iter()
        .inspect(|token| possible &= is_scope_token(token.as_ref()))
        .collect::<Scope>();
    Scopes { possible: possible && !needed.is_empty(), needed, of: None }
}

/// The caller has at least one of these scopes.
#[must_use]
pub fn any_scope<S: AsRef<str>>(sufficient: impl IntoIterator<Item = S>) -> AnyScope {
    AnyScope { sufficient: sufficient.into_iter().collect(), of: None }
}

/// The caller has this role: an element of the claim `roles` (RFC 9068 §2.2.3.1), compared exactly.
#[must_use]
pub fn role(name: &str) -> Role {
    Role { name: name.into(), claim: "roles".into(), of: None }
}

/// The caller has a claim of exactly this value and type.
#[must_use]
pub fn claim(name: &str, value: impl Into<Value>) -> ClaimIs {
    ClaimIs { name: name.into(), value: value.into(), of: None }
}

/// See [`scope`] and [`scopes`].
#[derive(Clone)]
pub struct Scopes {
    needed: Scope,
    /// Nothing was dropped from what was asked for.
    possible: bool,
    of: Option<SchemeName>,
}

impl Policy for Scopes {
    fn decide(&self, record: &Authentication) -> Decision {
        ask(record, self.of, |identity| {
            if self.possible && self.needed.iter().all(|it| identity.scope().contains(it)) {
                return Decision::Allow;
            }
            missing_scope(identity, &self.needed, &format!("needs {}", self.needed))
        })
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        self.of.map(|name| vec![name])
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scope({})", self.needed)
    }
}

/// See [`any_scope`].
#[derive(Clone)]
pub struct AnyScope {
    sufficient: Scope,
    of: Option<SchemeName>,
}

impl Policy for AnyScope {
    fn decide(&self, record: &Authentication) -> Decision {
        ask(record, self.of, |identity| {
            if self.sufficient.iter().any(|token| identity.scope().contains(token)) {
                return Decision::Allow;
            }
            missing_scope(identity, &self.sufficient, &format!("needs one of {}", self.sufficient))
        })
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        self.of.map(|name| vec![name])
    }
}

impl fmt::Debug for AnyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "any_scope({})", self.sufficient)
    }
}

/// See [`role`].
#[derive(Clone)]
pub struct Role {
    name: Box<str>,
    claim: Box<str>,
    of: Option<SchemeName>,
}

impl Role {
    /// The claim that holds the roles. Default: `roles`; .NET's issuers often say `role`.
    #[must_use]
    pub fn in_claim(mut self, claim: &str) -> Self {
        self.claim = claim.into();
        self
    }
}

impl Policy for Role {
    fn decide(&self, record: &Authentication) -> Decision {
        ask(record, self.of, |identity| {
            let has = match identity.claim(&self.claim) {
                Some(Value::String(role)) => *role == *self.name,
                Some(Value::Array(roles)) => {
                    roles.iter().any(|role| role.as_str() == Some(&*self.name))
                }
                _ => false,
            };
            if has {
                return Decision::Allow;
            }
            Decision::forbid(AuthError::new(AuthErrorKind::MissingRole).with_detail(format_args!(
                "needs role {} in claim {}; claims seen: {}",
                self.name,
                self.claim,
                claim_names(identity)
            )))
        })
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        self.of.map(|name| vec![name])
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role({})", self.name)
    }
}

/// See [`claim`].
#[derive(Clone)]
pub struct ClaimIs {
    name: Box<str>,
    value: Value,
    of: Option<SchemeName>,
}

impl Policy for ClaimIs {
    fn decide(&self, record: &Authentication) -> Decision {
        ask(record, self.of, |identity| {
            if identity.claim(&self.name).as_ref() == Some(&self.value) {
                return Decision::Allow;
            }
            let error = AuthError::new(AuthErrorKind::MissingPermission);
            Decision::forbid(error.with_detail(format_args!(
                "needs claim {} of {}; claims seen: {}",
                self.name,
                self.value,
                claim_names(identity)
            )))
        })
    }

    fn schemes(&self) -> Option<Vec<SchemeName>> {
        self.of.map(|name| vec![name])
    }
}

impl fmt::Debug for ClaimIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "claim({} = {})", self.name, self.value)
    }
}

macro_rules! of_scheme {
    ($($policy:ident)+) => {$(
        impl $policy {
            /// Asks the identity of this scheme, and names it: a requirement narrows the view to
            /// it. Default: the primary one.
            #[must_use]
            pub fn of(mut self, scheme: impl Into<SchemeName>) -> Self {
                self.of = Some(scheme.into());
                self
            }
        }
    )+};
}

of_scheme! { Scopes AnyScope Role ClaimIs }

/// Puts the question to the identity, and turns a denial into "could not find out" where a scheme
/// that was looked at is undecidable.
pub(super) fn ask(
    record: &Authentication,
    of: Option<SchemeName>,
    question: impl FnOnce(&Identity) -> Decision,
) -> Decision {
    let identity = match of {
        None => record.primary(),
        Some(scheme) => match record.outcome(scheme) {
            Some(Outcome::Verified(identity)) => return question(identity),
            Some(Outcome::Undecidable(_)) => return Decision::Undecidable,
            _ => return Decision::Challenge { schemes: vec![scheme], reason: None },
        },
    };
    let Some(identity) = identity else { return nobody(record) };
    match question(identity) {
        Decision::Allow => Decision::Allow,
        _ if some_undecidable(record) => Decision::Undecidable,
        denied => denied,
    }
}

fn missing_scope(identity: &Identity, needed: &Scope, need: &str) -> Decision {
    let who = identity.subject().or(identity.client_id()).unwrap_or("the caller");
    let has = if identity.scope().is_empty() {
        "no scope".to_owned()
    } else {
        printable(identity.scope(), 200)
    };
    let hint = if identity.scope().is_empty() && identity.is_introspected() {
        "; perhaps this service's client id is not among the token's audiences, and the issuer \
         tells scopes to those alone"
    } else {
        ""
    };
    let error = AuthError::new(AuthErrorKind::MissingScope)
        .with_detail(format_args!("{need}, {} has {has}{hint}", printable(who, 64)));
    Decision::Forbid { error, scope: Some(needed.clone()) }
}

fn claim_names(identity: &Identity) -> String {
    let names = identity
        .claims_as::<serde_json::Map<String, Value>>()
        .map(|claims| claims.keys().cloned().collect::<Vec<_>>().join(" "));
    printable(names.unwrap_or_default(), 200)
}
