//! The claims set, read in one pass.

use std::borrow::Cow;

use crate::json::{JsonError, NumericDate, Object, Raw};

/// A claim that is there in the wrong form is not a claim that is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Claim<T> {
    #[default]
    Absent,
    /// Of the wrong type, or a number out of range.
    Malformed,
    Present(T),
}

/// The claims that mean something to a validator, still borrowed from the payload.
#[derive(Default)]
pub(super) struct Claims<'a> {
    pub(super) iss: Claim<Cow<'a, str>>,
    pub(super) sub: Claim<Cow<'a, str>>,
    pub(super) aud: Claim<Texts<'a>>,
    pub(super) exp: Claim<NumericDate>,
    pub(super) nbf: Claim<NumericDate>,
    pub(super) iat: Claim<NumericDate>,
    pub(super) jti: Claim<Cow<'a, str>>,
    pub(super) client_id: Claim<Cow<'a, str>>,
    pub(super) sid: Claim<Cow<'a, str>>,
    /// `null` is no scope.
    pub(super) scope: Claim<Texts<'a>>,
    /// `cnf` in whatever form.
    pub(super) is_bound: bool,
    /// `nonce`, `at_hash` or `c_hash` (OpenID Connect Core §2, §3.3.2.11).
    pub(super) looks_like_id_token: bool,
    /// `at_hash` or `c_hash`, which nothing but an ID token has.
    pub(super) is_id_token: bool,
}

impl<'a> Claims<'a> {
    /// Reads a payload: a strict JSON object.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, JsonError> {
        let mut object = Object::empty();
        object.fill(payload)?;
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
                "scope" if value.is_null() => {}
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
        Ok(claims)
    }
}

impl<T> From<Result<T, JsonError>> for Claim<T> {
    fn from(read: Result<T, JsonError>) -> Self {
        read.map_or(Self::Malformed, Self::Present)
    }
}

/// A string, or an array of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Texts<'a> {
    value: Raw<'a>,
    pub(super) is_array: bool,
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

    pub(super) fn iter(self) -> impl Iterator<Item = Cow<'a, str>> {
        let items = self.value.as_array().ok().into_iter().flatten();
        let single = (!self.is_array).then_some(self.value);
        single.into_iter().chain(items).filter_map(|item| item.as_str().ok())
    }
}

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
