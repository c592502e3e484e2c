//! A scheme has a name and is active or passive.

use std::sync::Arc;

use super::{Authenticator, LoginPages};
use crate::{error::BuildError, principal::SchemeName};

/// A named way to authenticate: .NET's authentication scheme. A value; a clone is a reference
/// count.
#[derive(Clone, Debug)]
pub struct Scheme {
    name: SchemeName,
    active: bool,
    responds: bool,
    redirects: bool,
    authenticator: Arc<dyn Authenticator>,
    flaw: Option<Box<BuildError>>,
}

impl Scheme {
    /// A scheme of your own. Active.
    pub fn custom(
        name: impl Into<SchemeName>,
        authenticator: impl Authenticator + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            active: true,
            responds: authenticator.responder().is_some(),
            redirects: authenticator.pages().is_some_and(LoginPages::may_redirect),
            flaw: authenticator.pages().and_then(LoginPages::flaw).map(Box::new),
            authenticator: Arc::new(authenticator),
        }
    }

    /// A scheme that could not be built. A gate refuses it with this error.
    #[cfg(feature = "tickets")]
    pub(super) fn flawed(name: SchemeName, flaw: BuildError) -> Self {
        Self { flaw: Some(Box::new(flaw)), ..Self::custom(name, super::flawed::Flawed) }
    }

    /// A passive scheme counts only on routes that name it.
    #[must_use]
    pub fn passive(mut self) -> Self {
        self.active = false;
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> SchemeName {
        self.name
    }

    /// Whether it counts on routes that name no scheme.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.active
    }

    /// Whether it takes part in the way out.
    pub(crate) const fn responds(&self) -> bool {
        self.responds
    }

    /// Whether a refusal of it may become a redirect.
    pub(crate) const fn redirects(&self) -> bool {
        self.redirects
    }

    /// Where its users sign in, if a refusal may send them there.
    pub(crate) fn pages(&self) -> Option<&LoginPages> {
        if self.redirects { self.authenticator.pages() } else { None }
    }

    /// Why it can not be used.
    pub(crate) fn flaw(&self) -> Option<&BuildError> {
        self.flaw.as_deref()
    }

    /// What it does.
    #[must_use]
    pub fn authenticator(&self) -> &dyn Authenticator {
        &*self.authenticator
    }
}

/// A tuple, array or `Vec` of schemes, or of builders of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of schemes",
    note = "give a tuple such as `(Scheme::bearer(Bearer, validator),)`, an array or a Vec"
)]
pub trait IntoSchemes {
    /// The schemes, in order.
    fn into_schemes(self) -> Vec<Scheme>;
}

impl<S: Into<Scheme>> IntoSchemes for Vec<S> {
    fn into_schemes(self) -> Vec<Scheme> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: Into<Scheme>, const N: usize> IntoSchemes for [S; N] {
    fn into_schemes(self) -> Vec<Scheme> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => {$(
        impl<$($name: Into<Scheme>),+> IntoSchemes for ($($name,)+) {
            #[allow(non_snake_case)]
            fn into_schemes(self) -> Vec<Scheme> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    )+};
}

tuples! { A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; }
