//! A configuration that cannot work.

use std::{borrow::Cow, convert::Infallible, fmt};

use crate::principal::SchemeName;

/// A configuration that cannot work, found when it is built. The text names the field and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// Two schemes of one gate have the same name.
    DuplicateScheme(SchemeName),
    /// A gate was built from no scheme.
    NoScheme,
    /// A suppression or policy names no scheme, so that the route could never succeed.
    NoSchemeEnabled,
    /// A scheme is told how to redirect, and has no page to redirect to.
    RedirectWithoutLoginPath,
    /// More than eight schemes in one gate.
    TooManySchemes(usize),
    /// A scheme is named that the gate does not have.
    UnknownScheme {
        /// The name as it was given.
        name: SchemeName,
        /// The gate's schemes.
        known: Vec<SchemeName>,
    },
    /// A value that cannot be used.
    Invalid {
        /// The builder's word for the value.
        field: &'static str,
        /// What is wrong with it and what to do.
        problem: Cow<'static, str>,
    },
}

impl BuildError {
    pub(crate) fn invalid(field: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateScheme(name) => write!(
                f,
                "DuplicateScheme: two schemes are named {name:?}; give each scheme of a gate its own name"
            ),
            Self::NoScheme => f.write_str("NoScheme: a gate needs at least one scheme"),
            Self::NoSchemeEnabled => f.write_str(
                "NoSchemeEnabled: the list of schemes is empty, so no request could succeed; name at least one, or use suppress_all for a public route",
            ),
            Self::RedirectWithoutLoginPath => f.write_str(
                "RedirectWithoutLoginPath: a scheme is told how to redirect and has no page to redirect to; say login_path, or leave the other words out",
            ),
            Self::TooManySchemes(count) => {
                write!(f, "TooManySchemes: {count} schemes in one gate; at most 8 are supported")
            }
            Self::UnknownScheme { name, known } => {
                write!(f, "UnknownScheme: no scheme of this gate is named {name:?}")?;
                match known.iter().find(|k| near(k.as_str(), name.as_str())) {
                    Some(near) => write!(f, "; did you mean {near:?}?"),
                    None => write!(f, "; it has {known:?}"),
                }
            }
            Self::Invalid { field, problem } => write!(f, "{field}: {problem}"),
        }
    }
}

impl std::error::Error for BuildError {}

impl From<Infallible> for BuildError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Same letters but for case, or one edit apart.
fn near(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same = a.iter().zip(b).take_while(|(x, y)| x.eq_ignore_ascii_case(y)).count();
    let (rest_a, rest_b) = (&a[same..], &b[same..]);
    let tails_equal = |x: &[u8], y: &[u8]| x.eq_ignore_ascii_case(y);
    match (rest_a, rest_b) {
        ([_, tail_a @ ..], [_, tail_b @ ..]) => {
            tails_equal(tail_a, tail_b)
                || tails_equal(tail_a, rest_b)
                || tails_equal(rest_a, tail_b)
        }
        ([_], []) | ([], [_]) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scheme_names_the_near_match() {
        for (given, near) in [
            ("bearer", true),
            ("Beare", true),
            ("Bearers", true),
            ("Baerer", false),
            ("Cookies", false),
        ] {
            let error = BuildError::UnknownScheme {
                name: SchemeName::new(given),
                known: vec![SchemeName::new("Bearer")],
            };
            assert_eq!(error.to_string().contains("did you mean"), near, "{given}: {error}");
        }
    }
}
