//! The typed caller, for handlers.

use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc};

use http::Extensions;
use serde::de::DeserializeOwned;

use crate::{
    authentication::Authentication,
    error::{AuthError, AuthErrorKind},
    principal::{Identity, SchemeName, SchemeTag},
    rejection::{Decision, Rejection},
};

/// Who is calling, with the claims as a type of the application.
///
/// `Caller<T>` is the primary identity, `Caller<T, Bearer>` the one of that scheme. It enforces: a
/// handler that takes it is not reached without one, also where a requirement was forgotten.
///
/// The claims are deserialized once per identity, so that a remembered token costs no JSON. A
/// fifth type for the same identity is parsed each time.
///
/// | in the request | answer |
/// |---|---|
/// | no gate | 500, logged |
/// | no identity | as a requirement for that scheme would answer: 401, 400 or 503 |
/// | the claims do not fit `T` | 403 without challenge; the log has the path in the JSON |
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use portcullis::{Caller, Identity, testing};
///
/// #[derive(serde::Deserialize)]
/// struct Employee { sub: String }
///
/// let identity = Identity::builder("https://login.example").subject("alice")
///     .claims_json(&br#"{"sub":"alice"}"#[..]).build();
/// let request = testing::signed_in(http::Request::new(()), identity);
///
/// let caller = Caller::<Employee>::from_extensions(request.extensions()).unwrap();
/// assert_eq!(caller.sub, "alice");
/// # }
/// ```
pub struct Caller<T, S = Primary> {
    /// The claims.
    pub claims: Arc<T>,
    /// The identity that they belong to.
    pub identity: Identity,
    scheme: PhantomData<fn() -> S>,
}

impl<T, S> Caller<T, S>
where
    T: DeserializeOwned + Send + Sync + 'static,
    S: CallerOf,
{
    /// From a request's extensions: for tonic, for hyper, and wherever there is no extractor.
    ///
    /// # Errors
    /// The [`Rejection`] of the table above.
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, Rejection> {
        let record = Authentication::from_extensions(extensions)?;
        let Some(identity) = S::find(record) else {
            return Err(refuse_unknown(record, S::NAME));
        };
        let claims = identity.claims_as::<T>().map_err(|_| {
            tracing::error!(
                target: "portcullis",
                path = path_of_mismatch::<T>(identity.claims_json()),
                claims = std::any::type_name::<T>(),
                "the claims do not fit the type that the handler asks for"
            );
            Rejection::forbidden(AuthErrorKind::ClaimsMismatch.into())
        })?;
        Ok(Self { claims, identity: identity.clone(), scheme: PhantomData })
    }
}

impl Authentication {
    /// The record in a request's extensions.
    ///
    /// # Errors
    /// No gate saw the request: 500, logged.
    pub fn from_extensions(extensions: &Extensions) -> Result<&Self, Rejection> {
        extensions.get().ok_or_else(|| {
            let error = AuthError::new(AuthErrorKind::NoGate);
            tracing::error!(target: "portcullis", %error, "wiring");
            Rejection::wiring(error)
        })
    }
}

/// Where in the JSON the claims do not fit. The path alone: serde's text may quote the value.
fn path_of_mismatch<T: DeserializeOwned>(claims: &[u8]) -> String {
    let mut reader = serde_json::Deserializer::from_slice(claims);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => String::new(),
        Err(error) => crate::error::printable(error.path(), 256),
    }
}

/// The answer where the scheme asked for did not prove anybody.
fn refuse_unknown(record: &Authentication, scheme: Option<SchemeName>) -> Rejection {
    let mut record = record.clone();
    if let Some(name) = scheme {
        if record.outcome(name).is_none() {
            let error = AuthError::new(AuthErrorKind::HiddenScheme).with_detail(format_args!(
                "the handler asks for the caller of scheme {name}, which is not visible here"
            ));
            tracing::error!(target: "portcullis", %error, "wiring");
            return Rejection::wiring(error);
        }
        record.narrow(&[name]);
    }
    let undecidable = record
        .visible()
        .any(|(_, outcome)| matches!(outcome, crate::scheme::Outcome::Undecidable(_)));
    let decision = if undecidable { Decision::Undecidable } else { Decision::challenge() };
    record
        .rejection(&decision)
        .unwrap_or_else(|| Rejection::wiring(AuthError::new(AuthErrorKind::HiddenScheme)))
}

impl<T, S> Deref for Caller<T, S> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.claims
    }
}

impl<T, S> Clone for Caller<T, S> {
    fn clone(&self) -> Self {
        Self {
            claims: Arc::clone(&self.claims),
            identity: self.identity.clone(),
            scheme: PhantomData,
        }
    }
}

impl<T, S> fmt::Debug for Caller<T, S> {
    /// The identity; never the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Whose caller: [`Primary`], or a scheme's tag.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no scheme",
    note = "use `Caller<T>`, or `Caller<T, Bearer>` with a type that implements `SchemeTag`"
)]
pub trait CallerOf {
    /// The scheme, or `None` for whoever is primary.
    const NAME: Option<SchemeName>;

    /// The identity in the record.
    fn find(record: &Authentication) -> Option<&Identity>;
}

/// The first visible identity.
#[derive(Clone, Copy, Debug)]
pub struct Primary;

impl CallerOf for Primary {
    const NAME: Option<SchemeName> = None;

    fn find(record: &Authentication) -> Option<&Identity> {
        record.primary()
    }
}

impl<T: SchemeTag> CallerOf for T {
    const NAME: Option<SchemeName> = Some(T::NAME);

    fn find(record: &Authentication) -> Option<&Identity> {
        record.identity(T::NAME)
    }
}
