//! What an issuer's access tokens look like.

/// A set of rules for the form of access tokens. Single rules are relaxed with words of the
/// [builder](super::JwtValidatorBuilder), after the profile.
///
/// | | [`rfc9068`](Self::rfc9068) | [`identity_server`](Self::identity_server) |
/// |---|---|---|
/// | `typ` | `at+jwt`, `application/at+jwt` | the same |
/// | required | `iss` `exp` `aud` `sub` `client_id` `iat` `jti` | `iss` `exp` `aud` `client_id` |
/// | `scope` | a string | a string or an array |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub(super) types: Vec<Box<str>>,
    pub(super) missing_type: bool,
    pub(super) required: Required,
    pub(super) scope_array: bool,
}

/// Which claims a token must have beyond `iss` and `aud`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Required {
    pub(super) sub: bool,
    pub(super) client_id: bool,
    pub(super) iat: bool,
    pub(super) jti: bool,
    pub(super) exp: bool,
}

impl Profile {
    /// RFC 9068, the JWT profile for OAuth 2.0 access tokens, to the letter of §2.1, §2.2 and §4.
    /// This is the default.
    #[must_use]
    pub fn rfc9068() -> Self {
        Self {
            types: vec!["at+jwt".into()],
            missing_type: false,
            required: Required { sub: true, client_id: true, iat: true, jti: true, exp: true },
            scope_array: false,
        }
    }

    /// The tokens of IdentityServer4: no `iat` and no `jti`, no `sub` where a client acts for itself,
    /// and `scope` as an array.
    #[must_use]
    pub fn identity_server() -> Self {
        Self {
            required: Required { sub: false, client_id: true, iat: false, jti: false, exp: true },
            scope_array: true,
            ..Self::rfc9068()
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::rfc9068()
    }
}
