//! Extractors and responses for axum (feature `axum`; only axum-core is used).
//!
//! [`Caller`], [`Principal`] and [`Authentication`] are extractors; `Option<Caller<…>>` is `None`
//! where nobody is signed in, and still refuses where it could not be found out. [`Rejection`] and
//! [`ChallengeWith`] are responses; the cookies of a sign-in or a sign-out are a part of one, and its
//! errors are responses too.

#[cfg(feature = "tickets")]
use axum_core::response::{IntoResponseParts, ResponseParts};
use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{
    authentication::Authentication,
    caller::{Caller, CallerOf},
    principal::Principal,
    rejection::{ChallengeWith, DefaultResponseForRejection, Rejection, RequestKind},
};

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.into_response::<Body>(RequestKind::default(), &DefaultResponseForRejection)
    }
}

impl IntoResponse for ChallengeWith {
    fn into_response(self) -> Response {
        self.into_response::<Body>()
    }
}

#[cfg(feature = "tickets")]
impl IntoResponseParts for crate::scheme::SetCookies {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut answer: ResponseParts) -> Result<ResponseParts, Self::Error> {
        self.write(answer.headers_mut());
        Ok(answer)
    }
}

#[cfg(feature = "tickets")]
impl IntoResponse for crate::scheme::SetCookies {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

#[cfg(feature = "tickets")]
impl IntoResponse for crate::ticket::IssueError {
    fn into_response(self) -> Response {
        IntoResponse::into_response(Rejection::from(self))
    }
}

#[cfg(feature = "tickets")]
impl IntoResponse for crate::scheme::SignOutError {
    /// The cookies are deleted all the same.
    fn into_response(self) -> Response {
        Rejection::of_sign_out(self).into_response()
    }
}

impl<State, T, S> FromRequestParts<State> for Caller<T, S>
where
    State: Sync,
    T: DeserializeOwned + Send + Sync + 'static,
    S: CallerOf,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Rejection> {
        Self::from_extensions(&parts.extensions)
    }
}

impl<State, T, S> OptionalFromRequestParts<State> for Caller<T, S>
where
    State: Sync,
    T: DeserializeOwned + Send + Sync + 'static,
    S: CallerOf,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Option<Self>, Rejection> {
        match Self::from_extensions(&parts.extensions) {
            Ok(caller) => Ok(Some(caller)),
            Err(rejection) if rejection.is_unauthenticated() => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

impl<State: Sync> FromRequestParts<State> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Rejection> {
        Ok(Authentication::from_extensions(&parts.extensions)?.principal())
    }
}

impl<State: Sync> FromRequestParts<State> for Authentication {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Rejection> {
        Ok(Self::from_extensions(&parts.extensions)?.clone())
    }
}
