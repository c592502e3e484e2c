//! The claims of a token as its issuer states them, read in one pass.

use std::{borrow::Cow, time::Duration};

use crate::{
    clock::UnixTime,
    error::{AuthError, AuthErrorKind, printable},
    json::{JsonError, NumericDate, Object, Raw},
    principal::Scope,
};

/// A claim that is there in the wrong form is not a claim that is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Claim<T> {
    #[default]
    Absent,
    /// Of the wrong type, or a number out of range.
    Malformed,
    Present(T),
}

/// The claims that mean something to a validator, still borrowed from the payload.
#[derive(Default)]
pub(crate) struct Claims<'a> {
    pub(crate) iss: Claim<Cow<'a, str>>,
    pub(crate) sub: Claim<Cow<'a, str>>,
    pub(crate) aud: Claim<Texts<'a>>,
    pub(crate) exp: Claim<NumericDate>,
    pub(crate) nbf: Claim<NumericDate>,
    pub(crate) iat: Claim<NumericDate>,
    pub(crate) jti: Claim<Cow<'a, str>>,
    pub(crate) client_id: Claim<Cow<'a, str>>,
    pub(crate) sid: Claim<Cow<'a, str>>,
    /// OpenIddict's name for the authorization.
    pub(crate) oi_au_id: Claim<Cow<'a, str>>,
    /// OpenIddict's name for the token's entry in its store.
    pub(crate) oi_tkn_id: Claim<Cow<'a, str>>,
    /// `null` is no scope.
    pub(crate) scope: Claim<Texts<'a>>,
    /// `cnf` in whatever form.
    pub(crate) is_bound: bool,
    /// `nonce`, `at_hash` or `c_hash` (OpenID Connect Core §2, §3.3.2.11).
    pub(crate) looks_like_id_token: bool,
    /// `at_hash` or `c_hash`, which nothing but an ID token has.
    pub(crate) is_id_token: bool,
}

impl<'a> Claims<'a> {
    /// Reads a payload: a strict JSON object.
    pub(crate) fn parse(payload: &'a [u8]) -> Result<Self, JsonError> {
        let mut object = Object::empty();
        object.fill(payload)?;
        Ok(Self::read(&object))
    }

    /// Reads an object.
    pub(crate) fn read(object: &Object<'a>) -> Self {
        let mut claims = Self::default();
        for (name, value) in object.iter() {
            match name {
                "iss" => claims.iss = value.as_str().into(),
                "sub" => claims.sub = value.as_str().into(),
                "aud" => claims.aud = Texts::read(value).into(),
                "exp" => claims.exp = value.as_numeric_date().into(),
                "nbf" => claims.nbf = value.as_numeric_date().into(),
                "iat" => claims.iat = value.as_numeric_date().into(),
                "jti" => claims.jti = value.as_str().into(),
                "client_id" => claims.client_id = value.as_str().into(),
                "sid" => claims.sid = value.as_str().into(),
                "oi_au_id" => claims.oi_au_id = value.as_str().into(),
                "oi_tkn_id" => claims.oi_tkn_id = value.as_str().into(),
                "scope" if value.is("null") => {}
                "scope" => claims.scope = Texts::read(value).into(),
                "cnf" => claims.is_bound = true,
                "nonce" => claims.looks_like_id_token = true,
                "at_hash" | "c_hash" => {
                    claims.looks_like_id_token = true;
                    claims.is_id_token = true;
                }
                _ => {}
            }
        }
        claims
    }
}

impl<T> From<Result<T, JsonError>> for Claim<T> {
    fn from(read: Result<T, JsonError>) -> Self {
        read.map_or(Self::Malformed, Self::Present)
    }
}

/// A string, or an array of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Texts<'a> {
    value: Raw<'a>,
    pub(crate) is_array: bool,
}

impl<'a> Texts<'a> {
    fn read(value: Raw<'a>) -> Result<Self, JsonError> {
        let Ok(items) = value.as_array() else {
            return value.as_str().map(|_| Self { value, is_array: false });
        };
        for item in items {
            item.as_str()?;
        }
        Ok(Self { value, is_array: true })
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Cow<'a, str>> {
        let items = self.value.as_array().ok().into_iter().flatten();
        let single = (!self.is_array).then_some(self.value);
        single.into_iter().chain(items).filter_map(|item| item.as_str().ok())
    }

    /// The scope tokens of a text or of an array; some issuers put several of them into one item.
    pub(crate) fn scope(self) -> Scope {
        if self.is_array {
            let items: Vec<Cow<'_, str>> = self.iter().collect();
            return items.iter().flat_map(|item| item.split(' ')).collect();
        }
        self.iter().next().map(|text| Scope::parse(&text)).unwrap_or_default()
    }

    /// The first few, for an operator.
    pub(crate) fn shown(self) -> String {
        let names: Vec<String> =
            self.iter().take(MOST_SHOWN).map(|name| printable(&name, LONGEST_SHOWN)).collect();
        names.join(", ")
    }
}

/// How far the issuer's clock may differ from ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance(pub(crate) Duration);

impl Tolerance {
    /// Whether what expires then is over now. What lies before 1970 is over whatever the clock says.
    pub(crate) fn expired(self, exp: NumericDate, now: UnixTime) -> Option<AuthError> {
        (exp.negative || now >= exp.time + self.0)
            .then(|| self.out_of_time(AuthErrorKind::Expired, "exp", exp.time, now))
    }

    /// Whether now is too early for what begins then.
    pub(crate) fn not_yet(
        self,
        claim: &'static str,
        begins: NumericDate,
        now: UnixTime,
    ) -> Option<AuthError> {
        (begins.time - self.0 > now)
            .then(|| self.out_of_time(AuthErrorKind::NotYetValid, claim, begins.time, now))
    }

    fn out_of_time(
        self,
        kind: AuthErrorKind,
        claim: &str,
        at: UnixTime,
        now: UnixTime,
    ) -> AuthError {
        let tolerance = self.0.as_secs();
        AuthError::new(kind).with_detail(if at.same_day(now) {
            let (at, now) = (at.time_of_day(), now.time_of_day());
            format!("{claim} {at}, now {now}, tolerance {tolerance} s")
        } else {
            format!("{claim} {at}, now {now}, tolerance {tolerance} s")
        })
    }
}

/// Of a found value, so much is shown.
pub(crate) const LONGEST_SHOWN: usize = 100;
const MOST_SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_states() {
        for (value, sub, exp, aud) in [
            (r#""a""#, true, false, true),
            ("1", false, true, false),
            ("null", false, false, false),
            ("true", false, false, false),
            ("{}", false, false, false),
            ("[]", false, false, true),
            (r#"["a","b"]"#, false, false, true),
            (r#"["a",1]"#, false, false, false),
            (r#"[["a"]]"#, false, false, false),
            ("1e999", false, false, false),
        ] {
            let payload = format!(r#"{{"sub":{value},"exp":{value},"aud":{value}}}"#);
            let claims = Claims::parse(payload.as_bytes()).unwrap();
            assert_eq!(matches!(claims.sub, Claim::Present(_)), sub, "{value}");
            assert_eq!(matches!(claims.exp, Claim::Present(_)), exp, "{value}");
            assert_eq!(matches!(claims.aud, Claim::Present(_)), aud, "{value}");
            let malformed = [claims.sub == Claim::Malformed, claims.exp == Claim::Malformed];
            assert_eq!(malformed, [!sub, !exp], "{value}: never absent");
            assert_eq!(claims.iss, Claim::Absent);
        }
    }

    #[test]
    fn texts_are_one_or_many() {
        for (value, expected) in [
            (r#""a b""#, &["a b"][..]),
            (r#"[]"#, &[]),
            (r#"["a","\u0062", "c"]"#, &["a", "b", "c"]),
            (r#"[ ]"#, &[]),
        ] {
            let payload = format!(r#"{{"aud":{value}}}"#);
            let Claim::Present(aud) = Claims::parse(payload.as_bytes()).unwrap().aud else {
                panic!("{value}");
            };
            assert_eq!(aud.iter().collect::<Vec<_>>(), expected, "{value}");
        }
    }

    #[test]
    fn only_the_exact_name_counts() {
        let claims =
            Claims::parse(br#"{"Sub":"x","EXP":1,"sub\u0000":"y","Cnf":{},"scope":null}"#).unwrap();
        assert_eq!(
            (claims.sub, claims.exp, claims.scope),
            (Claim::Absent, Claim::Absent, Claim::Absent)
        );
        assert!(!claims.is_bound);
        assert!(Claims::parse(br#"{"cnf":null}"#).unwrap().is_bound);
    }
}
