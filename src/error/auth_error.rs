//! Why a credential was not accepted.

use std::{fmt, sync::Arc, time::Duration};

use super::{AuthErrorClass, AuthErrorKind, printable};

/// Why a credential was not accepted. Two words in size; a clone is a reference count.
#[derive(Clone)]
pub struct AuthError {
    kind: AuthErrorKind,
    retry_after: u16,
    detail: Option<Arc<String>>,
}

impl AuthError {
    /// An error that says no more than its kind.
    #[must_use]
    pub const fn new(kind: AuthErrorKind) -> Self {
        Self { kind, retry_after: 0, detail: None }
    }

    /// Adds what the operator needs to know: expected, found, and what would accept it.
    ///
    /// The text goes to the log and to [`explain`](crate::explain), never to the client. It must
    /// hold no part of a token or of a secret. Control characters are escaped, and what is longer
    /// than 512 bytes is cut.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(Arc::new(printable(detail, DETAIL_LIMIT)));
        self
    }

    /// For undecidable errors: when asking again may help. Rounded up to whole seconds, at least 1.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
        self.retry_after = u16::try_from(seconds.max(1)).unwrap_or(u16::MAX);
        self
    }

    /// "It could not be found out", whatever a store of the application says: a store that fails has
    /// no opinion on credentials.
    pub(crate) fn into_undecidable(self) -> Self {
        match self.kind.class() {
            AuthErrorClass::Undecidable | AuthErrorClass::Misconfigured => self,
            AuthErrorClass::Invalid | AuthErrorClass::Malformed => {
                Self::new(AuthErrorKind::IssuerUnreachable).with_detail(self)
            }
        }
    }

    /// The stable name of the reason.
    #[must_use]
    pub const fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// The operator's text, if there is one.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref().map(String::as_str)
    }

    /// When asking again may help; `None` unless the error is undecidable.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.kind.class() == AuthErrorClass::Undecidable)
            .then(|| Duration::from_secs(u64::from(self.retry_after.max(1))))
    }
}

impl From<AuthErrorKind> for AuthError {
    fn from(kind: AuthErrorKind) -> Self {
        Self::new(kind)
    }
}

impl PartialEq for AuthError {
    /// Two errors are equal if their kinds are: details are for people.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for AuthError {}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            None => write!(f, "{}: {}", self.kind, self.kind.description()),
            Some(detail) => write!(f, "{}: {detail}", self.kind),
        }
    }
}

impl std::error::Error for AuthError {}

const DETAIL_LIMIT: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_two_words_at_most_and_prints_its_reason() {
        assert!(size_of::<AuthError>() <= 2 * size_of::<usize>());
        let error = AuthError::new(AuthErrorKind::Expired).with_detail("exp 1\r\nnow 2\u{1b}[0m");
        assert_eq!(error.to_string(), r"Expired: exp 1\r\nnow 2\u{1b}[0m");
        assert_eq!(
            AuthError::new(AuthErrorKind::Expired).to_string(),
            "Expired: the token expired"
        );
    }

    #[test]
    fn retry_after_is_whole_seconds_and_only_for_the_undecidable() {
        let seconds = |kind: AuthErrorKind, after| {
            AuthError::new(kind).with_retry_after(after).retry_after().map(|d| d.as_secs())
        };
        assert_eq!(seconds(AuthErrorKind::IssuerUnreachable, Duration::ZERO), Some(1));
        assert_eq!(seconds(AuthErrorKind::IssuerUnreachable, Duration::from_millis(1001)), Some(2));
        assert_eq!(seconds(AuthErrorKind::IssuerUnreachable, Duration::MAX), Some(65535));
        assert_eq!(seconds(AuthErrorKind::Expired, Duration::from_secs(9)), None);
    }
}
