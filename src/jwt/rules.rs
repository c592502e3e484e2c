//! The rules for claims: pure functions of the claims and the time.
//!
//! 1. `iss` is exactly the configured issuer (RFC 9068 §4).
//! 2. `aud` names one of this service's audiences, compared exactly (RFC 7519 §4.1.3).
//! 3. Valid while `nbf - tolerance <= now < exp + tolerance`; issued no later than
//!    `now + tolerance` (RFC 7519 §4.1.4–§4.1.6).
//! 4. A claim of the wrong type is never taken for an absent one.
//! 5. A token with `cnf` is bound to a key and no bearer token (RFC 7800 §3.1).
//! 6. Each refusal names what was expected, what was found, and the builder line that accepts it.

use std::{borrow::Cow, time::Duration};

use super::{
    jws::{Header, malformed},
    profile::Profile,
};
use crate::{
    claims::{Claim, Claims, LONGEST_SHOWN, Texts, Tolerance},
    clock::UnixTime,
    error::{AuthError, AuthErrorKind, printable},
    json::NumericDate,
    principal::{Identity, IdentityBuilder, Scope},
};

/// The rules of one issuer.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) issuer: Box<str>,
    /// The issuer with one slash more, or less, where that is tolerated.
    pub(super) issuer_variant: Option<Box<str>>,
    /// Empty: any audience.
    pub(super) audiences: Vec<Box<str>>,
    pub(super) profile: Profile,
    pub(super) tolerance: Duration,
    pub(super) max_lifetime: Option<Duration>,
}

impl Rules {
    /// The type and content type in the header (RFC 7515 §4.1.9, RFC 7519 §5.2). For the text of a
    /// refusal it asks whether the token, still unproven, looks like an ID token.
    pub(super) fn check_header(
        &self,
        header: &Header<'_>,
        looks_like_id_token: impl FnOnce() -> bool,
    ) -> Result<(), AuthError> {
        if header.cty.as_deref().is_some_and(|cty| media_type_is(cty, "JWT")) {
            return Err(malformed("cty is JWT: a token in a token is not accepted"));
        }
        let accepted = match &header.typ {
            Some(typ) => self.profile.types.iter().any(|accepted| media_type_is(typ, accepted)),
            None => self.profile.missing_type,
        };
        if accepted { Ok(()) } else { Err(self.wrong_type(header, looks_like_id_token())) }
    }

    fn wrong_type(&self, header: &Header<'_>, looks_like_id_token: bool) -> AuthError {
        let expected = self.profile.types.join("\" or \"");
        let (found, hint) = match &header.typ {
            Some(typ) => {
                let typ = printable(typ, 40);
                (format!("{typ:?}"), format!("accept_type({typ:?}) accepts it"))
            }
            None => ("missing".to_owned(), "accept_missing_type() accepts it".to_owned()),
        };
        let hint = match &header.typ {
            _ if looks_like_id_token => ID_TOKEN.to_owned(),
            Some(typ) if is_private_to_openiddict(typ) => OPENIDDICT.to_owned(),
            _ => hint,
        };
        AuthError::new(AuthErrorKind::WrongType)
            .with_detail(format_args!("typ is {found}, expected \"{expected}\"; {hint}"))
    }

    /// Whether the token is one of this issuer.
    pub(super) fn is_issuer(&self, iss: &str) -> bool {
        *self.issuer == *iss || self.issuer_variant.as_deref() == Some(iss)
    }

    /// Judges the claims of a token whose signature is good, or of an issuer that is still to be
    /// proven; what comes back is the beginning of an identity.
    pub(super) fn judge(
        &self,
        header: &Header<'_>,
        claims: &Claims<'_>,
        now: UnixTime,
    ) -> Result<IdentityBuilder, AuthError> {
        self.check_issuer(&claims.iss)?;
        if claims.is_id_token
            && !header.typ.as_deref().is_some_and(|it| media_type_is(it, "at+jwt"))
        {
            return Err(AuthError::new(AuthErrorKind::WrongType)
                .with_detail(format_args!("the token has at_hash or c_hash; {ID_TOKEN}")));
        }
        let audience = self.check_audience(&claims.aud)?;
        let expires_at = self.check_expiry(&claims.exp, now)?;
        let not_before = self.check_not_before(&claims.nbf, now)?;
        let issued_at = self.check_issued_at(&claims.iat, now)?;
        self.check_lifetime(issued_at, expires_at, now)?;
        if claims.is_bound {
            return Err(AuthError::new(AuthErrorKind::SenderConstrained)
                .with_detail("cnf binds the token to a key of its client (RFC 7800 §3.1)"));
        }
        let required = self.profile.required;
        let subject = text("sub", &claims.sub, required.sub)?;
        if subject.is_some_and(str::is_empty) {
            return Err(malformed("sub is empty"));
        }
        let client_id = text("client_id", &claims.client_id, required.client_id)?;
        let token_id = text("jti", &claims.jti, required.jti)?;
        let session_id = text("sid", &claims.sid, false)?;
        let authorization_id = text("oi_au_id", &claims.oi_au_id, false)?;
        let token_entry_id = text("oi_tkn_id", &claims.oi_tkn_id, false)?;
        let scope = self.scope(&claims.scope)?;

        let until = expires_at.map(|at| at + self.tolerance);
        let mut identity = Identity::builder(&self.issuer)
            .audience(audience.into_iter().flat_map(Texts::iter))
            .scope(scope)
            .verified_at(now);
        // plain calls: through function pointers the builder would be copied at each
        if let Some(subject) = subject {
            identity = identity.subject(subject);
        }
        if let Some(client_id) = client_id {
            identity = identity.client_id(client_id);
        }
        if let Some(token_id) = token_id {
            identity = identity.token_id(token_id);
        }
        if let Some(session_id) = session_id {
            identity = identity.session_id(session_id);
        }
        if let Some(authorization_id) = authorization_id {
            identity = identity.authorization_id(authorization_id);
        }
        if let Some(token_entry_id) = token_entry_id {
            identity = identity.token_entry_id(token_entry_id);
        }
        if let Some(at) = issued_at {
            identity = identity.issued_at(at);
        }
        if let Some(at) = expires_at {
            identity = identity.expires_at(at);
        }
        Ok(identity.usable(not_before, until))
    }

    fn check_issuer(&self, iss: &Claim<Cow<'_, str>>) -> Result<(), AuthError> {
        let iss = match iss {
            Claim::Present(iss) => iss,
            Claim::Absent => return Err(missing("iss")),
            Claim::Malformed => return Err(malformed("iss is not a string")),
        };
        if self.is_issuer(iss) {
            return Ok(());
        }
        let hint = match iss.strip_suffix('/').unwrap_or(iss) {
            bare if bare == self.issuer.strip_suffix('/').unwrap_or(&self.issuer) => {
                "; accept_trailing_slash() accepts it"
            }
            _ => "",
        };
        Err(AuthError::new(AuthErrorKind::WrongIssuer).with_detail(format_args!(
            "expected {}, found {}{hint}",
            self.issuer,
            printable(iss, LONGEST_SHOWN)
        )))
    }

    fn check_audience<'a>(&self, aud: &Claim<Texts<'a>>) -> Result<Option<Texts<'a>>, AuthError> {
        let found = match aud {
            Claim::Present(found) => Some(*found),
            Claim::Absent => None,
            Claim::Malformed => {
                return Err(malformed("aud is neither a string nor an array of strings"));
            }
        };
        let names_us = |audience: Cow<'_, str>| self.audiences.iter().any(|own| **own == *audience);
        if self.audiences.is_empty() || found.is_some_and(|found| found.iter().any(names_us)) {
            return Ok(found);
        }
        let expected = self.audiences.join(" or ");
        let found = found.map(Texts::shown).unwrap_or_default();
        let error = AuthError::new(AuthErrorKind::WrongAudience);
        Err(if found.is_empty() {
            error.with_detail(format_args!(
                "expected {expected}, found none: at the issuer the scope belongs to no API resource"
            ))
        } else {
            error.with_detail(format_args!("expected {expected}, found {found}"))
        })
    }

    fn check_expiry(
        &self,
        exp: &Claim<NumericDate>,
        now: UnixTime,
    ) -> Result<Option<UnixTime>, AuthError> {
        let exp = match exp {
            Claim::Present(exp) => exp,
            Claim::Absent if !self.profile.required.exp => return Ok(None),
            Claim::Absent => {
                return Err(AuthError::new(AuthErrorKind::MissingExpiry).with_detail(
                    "exp is missing; dangerous().accept_missing_expiry() accepts it",
                ));
            }
            Claim::Malformed => return Err(malformed("exp is not a number in range")),
        };
        if exp.time == UnixTime::MAX {
            return Err(malformed("exp lies beyond the year 2554: the token would never expire"));
        }
        match Tolerance(self.tolerance).expired(*exp, now) {
            Some(error) => Err(error),
            None => Ok(Some(exp.time)),
        }
    }

    fn check_not_before(
        &self,
        nbf: &Claim<NumericDate>,
        now: UnixTime,
    ) -> Result<UnixTime, AuthError> {
        match nbf {
            Claim::Absent => Ok(UnixTime::EPOCH),
            Claim::Malformed => Err(malformed("nbf is not a number in range")),
            Claim::Present(nbf) => match Tolerance(self.tolerance).not_yet("nbf", *nbf, now) {
                Some(error) => Err(error),
                None => Ok(nbf.time - self.tolerance),
            },
        }
    }

    fn check_issued_at(
        &self,
        iat: &Claim<NumericDate>,
        now: UnixTime,
    ) -> Result<Option<UnixTime>, AuthError> {
        match iat {
            Claim::Absent if self.profile.required.iat => Err(missing("iat")),
            Claim::Absent => Ok(None),
            Claim::Malformed => Err(malformed("iat is not a number in range")),
            Claim::Present(iat) => match Tolerance(self.tolerance).not_yet("iat", *iat, now) {
                Some(error) => Err(error),
                None => Ok(Some(iat.time)),
            },
        }
    }

    fn check_lifetime(
        &self,
        issued_at: Option<UnixTime>,
        expires_at: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<(), AuthError> {
        let (Some(longest), Some(expires_at)) = (self.max_lifetime, expires_at) else {
            return Ok(());
        };
        let whole = issued_at.map_or(Duration::ZERO, |at| expires_at.saturating_since(at));
        let rest = expires_at.saturating_since(now + self.tolerance);
        if whole.max(rest) <= longest {
            return Ok(());
        }
        Err(AuthError::new(AuthErrorKind::RejectedByCheck).with_detail(format_args!(
            "the token is valid for {} s, max_lifetime is {} s",
            whole.max(rest).as_secs(),
            longest.as_secs()
        )))
    }

    fn scope(&self, scope: &Claim<Texts<'_>>) -> Result<Scope, AuthError> {
        match scope {
            Claim::Absent => Ok(Scope::default()),
            Claim::Malformed => Err(malformed("scope is not a string")),
            Claim::Present(texts) if !texts.is_array || self.profile.scope_array => {
                Ok(texts.scope())
            }
            Claim::Present(_) => Err(malformed(
                "scope is an array (RFC 9068 §2.2.3 wants a string); \
                               accept_scope_array() accepts it",
            )),
        }
    }
}

/// Compares media types: case does not count, and `application/` may be left out.
pub(super) fn media_type_is(found: &str, expected: &str) -> bool {
    fn short(name: &str) -> &str {
        match name.split_at_checked("application/".len()) {
            Some((prefix, rest))
                if prefix.eq_ignore_ascii_case("application/") && !rest.contains('/') =>
            {
                rest
            }
            _ => name,
        }
    }
    short(found).eq_ignore_ascii_case(short(expected))
}

/// OpenIddict gives its refresh tokens, codes and the like types of their own (`oi_reft+jwt`), which
/// are for the issuer alone.
fn is_private_to_openiddict(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    typ.trim_start_matches("application/").starts_with("oi_")
}

fn text<'c>(
    name: &'static str,
    claim: &'c Claim<Cow<'_, str>>,
    required: bool,
) -> Result<Option<&'c str>, AuthError> {
    match claim {
        Claim::Present(text) => Ok(Some(text)),
        Claim::Absent if required => Err(missing(name)),
        Claim::Absent => Ok(None),
        Claim::Malformed => Err(malformed(&format!("{name} is not a string"))),
    }
}

fn missing(name: &str) -> AuthError {
    let error = AuthError::new(AuthErrorKind::MissingClaim);
    match name {
        "iss" => error.with_detail("iss is missing"),
        _ => error
            .with_detail(format_args!("{name} is missing; accept_missing({name:?}) accepts it")),
    }
}

const OPENIDDICT: &str = "a token of this type is for OpenIddict itself, a refresh token for example; \
                          send the access token";
const ID_TOKEN: &str =
    "it looks like an ID token, which is for the client alone; send the access token";

#[cfg(test)]
mod tests;
