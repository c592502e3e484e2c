//! Tokens that begin with a name for people.

/// Personal access tokens of the form `label--handle`: a name for people, and the secret.
///
/// 1. The handle is what follows the **last** separator; its own letters never hold one.
/// 2. A cache knows the token by the handle alone, so `label--handle` and the bare `handle` are one
///    entry. That is right only at an issuer that gives out such tokens: say so only there.
/// 3. The label is the caller's word and proves nothing.
///
/// ```
/// use portcullis::token::PatFormat;
///
/// let format = PatFormat::new("--");
/// assert_eq!(format.split("backup-v1.2--4f1d"), (Some("backup-v1.2"), "4f1d"));
/// assert_eq!(format.split("a--b--4f1d"), (Some("a--b"), "4f1d"));
/// assert_eq!(format.split("4f1d"), (None, "4f1d"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PatFormat {
    pub(crate) separator: Box<str>,
    pub(crate) handle_only: bool,
    pub(crate) max_label_bytes: usize,
    pub(crate) rejects_other_labels: bool,
}

impl PatFormat {
    /// Tokens with this between label and handle.
    pub fn new(separator: &str) -> Self {
        Self {
            separator: separator.into(),
            handle_only: false,
            max_label_bytes: 100,
            rejects_other_labels: false,
        }
    }

    /// The longest label. Default: 100 bytes.
    pub const fn max_label_bytes(mut self, bytes: usize) -> Self {
        self.max_label_bytes = bytes;
        self
    }

    /// Refuses a token whose label is not the one in the issuer's `token_meta`. Default: it is
    /// logged. Tokens are then remembered whole: each label is judged by itself.
    pub const fn reject_other_labels(mut self) -> Self {
        self.rejects_other_labels = true;
        self
    }

    /// Sends the issuer the handle alone. Default: the whole token, as it was presented.
    pub const fn send_handle_only(mut self) -> Self {
        self.handle_only = true;
        self
    }

    /// Label and handle.
    #[must_use]
    pub fn split<'t>(&self, token: &'t str) -> (Option<&'t str>, &'t str) {
        match token.rsplit_once(&*self.separator) {
            Some((label, handle)) if !self.separator.is_empty() => (Some(label), handle),
            _ => (None, token),
        }
    }
}
