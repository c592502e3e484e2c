//! The rules for an answer: pure functions of its body and the time.
//!
//! 1. One strict JSON object whose `active` is the JSON value `true` or `false` (RFC 7662 §2.2).
//!    `false`: nothing else in it is looked at.
//! 2. A member of the wrong type is never taken for an absent one: the answer cannot be used.
//! 3. `iss` and `aud`, where they are present, must be ours; `exp` must lie ahead of our own clock,
//!    without tolerance, and `nbf` and `iat` behind it.
//! 4. `token_type`, `token_use` and `token_usage`, where present, must be those of a bearer access
//!    token (RFC 7662 §2.1: the endpoint also knows refresh tokens); `cnf` binds the token to a key.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;

use crate::{
    claims::{Claim, Claims, LONGEST_SHOWN, Texts, Tolerance},
    clock::UnixTime,
    error::{AuthError, AuthErrorKind, printable},
    json::{Object, Raw},
    principal::{Identity, Origin},
};

/// What an answer must say.
#[derive(Debug)]
pub(super) struct Rules {
    /// Who vouches: the issuer, or the endpoint's URL where no issuer is known.
    pub(super) issuer: Box<str>,
    pub(super) issuer_is_known: bool,
    /// Empty: any audience.
    pub(super) audiences: Vec<Box<str>>,
    pub(super) audience_is_required: bool,
    pub(super) scope_array: bool,
    /// The member that tells who it is.
    pub(super) subject: Box<str>,
    /// The member that tells the authorization.
    pub(super) authorization: Option<Box<str>>,
    pub(super) tolerance: Duration,
}

impl Rules {
    /// Judges the body of an answer. The identity need not be verified again before `fresh_until`.
    pub(super) fn judge(
        &self,
        body: Bytes,
        now: UnixTime,
        fresh_until: Duration,
    ) -> Result<Identity, AuthError> {
        let mut object = Object::empty();
        object.fill(&body).map_err(|error| unusable(&format!("not strict JSON: {error}")))?;
        match object.get("active") {
            Some(active) if active.is("true") => {}
            Some(active) if active.is("false") => return Err(AuthErrorKind::Inactive.into()),
            Some(_) => return Err(unusable("active is neither true nor false")),
            None => return Err(unusable("active is missing")),
        }
        let claims = Claims::read(&object);
        self.check_issuer(&claims)?;
        let audience = self.check_audience(&claims.aud)?;
        check_type(&object, &claims)?;

        let expires_at = match claims.exp {
            Claim::Absent => None,
            Claim::Present(exp) if exp.time < UnixTime::MAX => {
                if let Some(error) = Tolerance(Duration::ZERO).expired(exp, now) {
                    return Err(error);
                }
                Some(exp.time)
            }
            _ => return Err(unusable("exp is not a number in range")),
        };
        let begins = |name, claim| match claim {
            Claim::Absent => Ok(None),
            Claim::Malformed => Err(unusable(&format!("{name} is not a number in range"))),
            Claim::Present(at) => match Tolerance(self.tolerance).not_yet(name, at, now) {
                Some(error) => Err(error),
                None => Ok(Some(at.time)),
            },
        };
        let not_before = begins("nbf", claims.nbf)?.map(|at| at - self.tolerance);
        let issued_at = begins("iat", claims.iat)?;

        let subject = match (&*self.subject, object.get(&self.subject)) {
            ("sub", _) => claims.sub,
            (_, None) => Claim::Absent,
            (_, Some(value)) => value.as_str().into(),
        };
        let subject = text(&self.subject, subject)?;
        if subject.as_deref().is_some_and(str::is_empty) {
            return Err(unusable("the subject is empty"));
        }
        let scope = match claims.scope {
            Claim::Absent => Default::default(),
            Claim::Present(scope) if !scope.is_array || self.scope_array => scope.scope(),
            _ => {
                return Err(unusable("scope is not a string; accept_scope_array() accepts a list"));
            }
        };

        let mut identity = Identity::builder(&self.issuer)
            .audience(audience.into_iter().flat_map(Texts::iter))
            .scope(scope)
            .origin(Origin::Introspection)
            .verified_at(now)
            .fresh_until(fresh_until);
        if let Some(subject) = subject {
            identity = identity.subject(&subject);
        }
        if let Some(client_id) = text("client_id", claims.client_id)? {
            identity = identity.client_id(&client_id);
        }
        if let Some(token_id) = text("jti", claims.jti)? {
            identity = identity.token_id(&token_id);
        }
        if let Some(session_id) = text("sid", claims.sid)? {
            identity = identity.session_id(&session_id);
        }
        if let Some(name) = &self.authorization
            && let Some(value) = object.get(name)
            && let Some(id) = text(name, value.as_str().into())?
        {
            identity = identity.authorization_id(&id);
        }
        if let Some(at) = issued_at {
            identity = identity.issued_at(at);
        }
        if let Some(at) = expires_at {
            identity = identity.expires_at(at);
        }
        drop(object);
        let not_before = not_before.unwrap_or(UnixTime::EPOCH);
        Ok(identity.usable(not_before, expires_at).claims_json(body).build())
    }

    fn check_issuer(&self, claims: &Claims<'_>) -> Result<(), AuthError> {
        match &claims.iss {
            Claim::Absent => Ok(()),
            Claim::Malformed => Err(unusable("iss is not a string")),
            Claim::Present(iss) if !self.issuer_is_known || **iss == *self.issuer => Ok(()),
            Claim::Present(iss) => Err(AuthError::new(AuthErrorKind::WrongIssuer).with_detail(
                format_args!("expected {}, found {}", self.issuer, printable(iss, LONGEST_SHOWN)),
            )),
        }
    }

    fn check_audience<'a>(&self, aud: &Claim<Texts<'a>>) -> Result<Option<Texts<'a>>, AuthError> {
        let found = match aud {
            Claim::Absent => None,
            Claim::Malformed => {
                return Err(unusable("aud is neither a string nor an array of strings"));
            }
            Claim::Present(found) => Some(*found),
        };
        let names_us = |name: Cow<'_, str>| self.audiences.iter().any(|own| **own == *name);
        let accepted = match found {
            _ if self.audiences.is_empty() => true,
            None => !self.audience_is_required,
            Some(found) => found.iter().any(names_us),
        };
        if accepted {
            return Ok(found);
        }
        let found = found.map(Texts::shown).filter(|found| !found.is_empty());
        Err(AuthError::new(AuthErrorKind::WrongAudience).with_detail(format_args!(
            "expected {}, found {}; audience(..) adds a name of this service",
            self.audiences.join(" or "),
            found.as_deref().unwrap_or("none")
        )))
    }
}

fn check_type(object: &Object<'_>, claims: &Claims<'_>) -> Result<(), AuthError> {
    if claims.is_bound {
        return Err(AuthError::new(AuthErrorKind::SenderConstrained)
            .with_detail("cnf binds the token to a key of its client (RFC 7800 §3.1)"));
    }
    for (name, accepted) in [
        ("token_type", &["bearer", "access_token"][..]),
        ("token_use", &["access_token", "access"]),
        ("token_usage", &["access_token"]),
    ] {
        let Some(value) = object.get(name) else { continue };
        let Ok(found) = Raw::as_str(value) else {
            return Err(unusable(&format!("{name} is not a string")));
        };
        if accepted.iter().any(|accepted| found.eq_ignore_ascii_case(accepted)) {
            continue;
        }
        let bound = name == "token_type" && found.eq_ignore_ascii_case("dpop");
        let kind = if bound { AuthErrorKind::SenderConstrained } else { AuthErrorKind::WrongType };
        return Err(AuthError::new(kind).with_detail(format_args!(
            "{name} is {:?}, not that of a bearer access token",
            printable(&found, 40)
        )));
    }
    Ok(())
}

fn text<'a>(name: &str, claim: Claim<Cow<'a, str>>) -> Result<Option<Cow<'a, str>>, AuthError> {
    match claim {
        Claim::Absent => Ok(None),
        Claim::Malformed => Err(unusable(&format!("{name} is not a string"))),
        Claim::Present(text) => Ok(Some(text)),
    }
}

/// The answer says neither yes nor no.
fn unusable(problem: &str) -> AuthError {
    AuthError::new(AuthErrorKind::MalformedIntrospection).with_detail(problem)
}
