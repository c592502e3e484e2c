//! Schemes are named by a tag type or by a value.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{LazyLock, Mutex, PoisonError},
};

/// The name of a scheme: .NET's `AuthenticationType`. Compared exactly, case included.
///
/// ```
/// use portcullis::{Bearer, SchemeName};
/// const ADMIN: SchemeName = SchemeName::from_static("Admin");
/// assert_eq!(SchemeName::from(Bearer), SchemeName::new("Bearer"));
/// assert_ne!(ADMIN, SchemeName::new("admin"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemeName(&'static str);

impl SchemeName {
    /// A name known when the program is written.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(name)
    }

    /// A name from a configuration file. Each different text is kept for the life of the program,
    /// so names come from configuration, never from requests.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static NAMES: LazyLock<Mutex<BTreeSet<&'static str>>> = LazyLock::new(Mutex::default);
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return Self(known);
        }
        let kept: &'static str = Box::leak(name.into());
        names.insert(kept);
        Self(kept)
    }

    /// The text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for SchemeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl fmt::Display for SchemeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A type that names a scheme, so that a handler can ask for `Caller<T, ThatScheme>`.
///
/// ```
/// use portcullis::{SchemeName, SchemeTag};
///
/// #[derive(Clone, Copy, Debug)]
/// struct Partners;
/// impl SchemeTag for Partners {
///     const NAME: SchemeName = SchemeName::from_static("Partners");
/// }
/// assert_eq!(SchemeName::from(Partners).as_str(), "Partners");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a scheme",
    note = "use `Bearer`, `Cookies`, or implement `SchemeTag` for a type of your own"
)]
pub trait SchemeTag: Copy + fmt::Debug + Send + Sync + 'static {
    /// The name.
    const NAME: SchemeName;
}

/// The scheme of RFC 6750.
#[derive(Clone, Copy, Debug)]
pub struct Bearer;

impl SchemeTag for Bearer {
    const NAME: SchemeName = SchemeName("Bearer");
}

/// The cookie scheme, under the default name that Katana gives it.
#[derive(Clone, Copy, Debug)]
pub struct Cookies;

impl SchemeTag for Cookies {
    const NAME: SchemeName = SchemeName("Cookies");
}

impl<T: SchemeTag> From<T> for SchemeName {
    fn from(_: T) -> Self {
        T::NAME
    }
}

/// One tag, one name, or a tuple, array or `Vec` of either. The order says who is primary.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name schemes",
    note = "give a tag such as `Bearer`, a `SchemeName`, or a tuple, array or Vec of them"
)]
pub trait SchemeNames {
    /// The names, in order.
    fn names(self) -> Vec<SchemeName>;
}

impl<T: SchemeTag> SchemeNames for T {
    fn names(self) -> Vec<SchemeName> {
        vec![T::NAME]
    }
}

impl SchemeNames for SchemeName {
    fn names(self) -> Vec<SchemeName> {
        vec![self]
    }
}

impl<N: Into<SchemeName>, const K: usize> SchemeNames for [N; K] {
    fn names(self) -> Vec<SchemeName> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<N: Into<SchemeName>> SchemeNames for Vec<N> {
    fn names(self) -> Vec<SchemeName> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => {$(
        impl<$($name: Into<SchemeName>),+> SchemeNames for ($($name,)+) {
            #[allow(non_snake_case)]
            fn names(self) -> Vec<SchemeName> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    )+};
}

tuples! { A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; }
