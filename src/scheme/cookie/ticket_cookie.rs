//! A cookie that carries a ticket.

use std::{borrow::Cow, sync::Arc};

use http::{Extensions, HeaderMap, HeaderValue};

use super::{
    attributes::Attributes,
    carried::CarriedCookie,
    chunks::{ChunkDialect, MAX_CHUNKS, part_number},
    request::{self, pairs},
    response,
};
use crate::{
    clock::UnixTime,
    error::{AuthError, AuthErrorKind, BuildError},
    scheme::{
        Transport, TransportSource,
        percent::{escape_data, unescape},
    },
    token::Renewed,
};

/// The name and the attributes of a cookie that carries a ticket, and how it is cut.
///
/// A [`CookieScheme`](super::CookieScheme) reads and renews it; a handler that signs somebody in or
/// out writes it with the same value. A clone is a reference count.
///
/// ```
/// use http::{Extensions, HeaderMap, header};
/// use portcullis::{scheme::TicketCookie, token::Renewed};
///
/// let cookie = TicketCookie::builder(".ASPXAUTH").build()?;
/// let carried = cookie.carried(&HeaderMap::new(), &Extensions::new());
///
/// let mut headers = HeaderMap::new();
/// cookie.issue(carried, &mut headers, &Renewed::new("4f0c", None))?;
/// assert_eq!(headers[header::SET_COOKIE], ".ASPXAUTH=4f0c; HttpOnly; SameSite=Lax; Secure; Path=/");
///
/// cookie.delete(carried, &mut headers); // the later word counts
/// assert_eq!(
///     headers[header::SET_COOKIE],
///     ".ASPXAUTH=; HttpOnly; SameSite=Lax; Secure; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
/// );
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TicketCookie(Arc<Settings>);

impl TicketCookie {
    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn path(&self) -> &str {
        &self.0.attributes.path
    }

    pub(super) fn domain(&self) -> Option<&str> {
        self.0.attributes.domain.as_deref()
    }

    pub(super) fn is_never_secure(&self) -> bool {
        self.0.secure == Secure::Never
    }

    /// The ticket's text in a request; `None` if there is no such cookie or it holds nothing, as
    /// after a sign-out.
    ///
    /// # Errors
    /// [`AmbiguousCookie`](AuthErrorKind::AmbiguousCookie),
    /// [`ChunksMissing`](AuthErrorKind::ChunksMissing),
    /// [`TokenTooLong`](AuthErrorKind::TokenTooLong), and
    /// [`TicketUndecryptable`](AuthErrorKind::TicketUndecryptable) for what is not even text.
    pub fn read<'a>(&self, headers: &'a HeaderMap) -> Result<Option<Cow<'a, str>>, AuthError> {
        let it = &*self.0;
        let found = it.chunks.join(&it.name, pairs(headers), it.max_bytes).map_err(|kind| {
            AuthError::new(kind).with_detail(format_args!(
                "{}: cookie {}",
                kind.description(),
                it.name
            ))
        })?;
        let Some(value) = found else { return Ok(None) };
        let no_text = || {
            let detail = format_args!("the value of the cookie {} is not text", it.name);
            AuthError::new(AuthErrorKind::TicketUndecryptable).with_detail(detail)
        };
        let text = match value {
            Cow::Borrowed(bytes) => str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| no_text()),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| no_text()),
        }?;
        let is_empty = match it.chunks {
            // System.Web leaves these behind and looks at nothing shorter than two characters
            ChunkDialect::Whole => text.len() < 2 || text == "NoCookie",
            _ => text.is_empty(),
        };
        Ok((!is_empty)
            .then(|| if it.chunks == ChunkDialect::Katana { decoded(text) } else { text }))
    }

    /// What the request has for this cookie; where it can not be [read](Self::read), every value by
    /// itself. Another host of the site can put a second cookie of the name beside this one, and that
    /// must not keep a session from being ended.
    pub(super) fn read_each(&self, headers: &HeaderMap) -> Vec<String> {
        if let Ok(found) = self.read(headers) {
            return found.map(Cow::into_owned).into_iter().collect();
        }
        let own = pairs(headers).filter(|(name, _)| *name == self.name().as_bytes());
        let texts = own.filter_map(|(_, value)| str::from_utf8(value).ok());
        texts
            .map(|text| match self.0.chunks {
                ChunkDialect::Katana => decoded(Cow::Borrowed(text)).into_owned(),
                ChunkDialect::AspNetCore | ChunkDialect::Whole => text.to_owned(),
            })
            .collect()
    }

    /// What an answer to this request must know.
    #[must_use]
    pub fn carried(&self, headers: &HeaderMap, extensions: &Extensions) -> CarriedCookie {
        let mut carried = CarriedCookie::of(self.0.chunks, &self.0.name, headers);
        carried.is_plain = match self.0.secure {
            Secure::SameAsRequest(source) => {
                source.transport(headers, extensions) == Transport::Plain
            }
            Secure::Always | Secure::Never => false,
        };
        carried
    }

    /// Signs in: sets the cookie, deletes chunks that the browser holds and that are no longer
    /// needed, and forbids caching. What the response said about this cookie before is replaced.
    ///
    /// # Errors
    /// The text can not stand in a cookie, or is longer than readers and browsers take; the
    /// response is as it was.
    pub fn issue(
        &self,
        carried: CarriedCookie,
        headers: &mut HeaderMap,
        ticket: &Renewed,
    ) -> Result<(), BuildError> {
        let it = &*self.0;
        let value = it.value(ticket.text.expose())?;
        let attributes = self.attributes(carried, ticket.persist_until);
        let lines = it.chunks.split(&it.name, &value, &attributes, it.chunks.limit())?;
        if let [line] = &*lines
            && line.len() > LONGEST_COOKIE
        {
            let problem = format!(
                "the cookie {} would be {} bytes long, and browsers drop what is longer than 4096; \
                 set chunks, or keep sessions in a store",
                it.name,
                line.len()
            );
            return Err(BuildError::invalid("cookie", problem));
        }
        self.set(carried, headers, lines);
        Ok(())
    }

    /// Signs out: deletes the cookie and every chunk that the browser holds, and forbids caching.
    /// The ticket itself stays good until it expires, unless it is a session in a store.
    pub fn delete(&self, carried: CarriedCookie, headers: &mut HeaderMap) {
        let attributes = self.attributes(carried, Some(UnixTime::EPOCH));
        self.set(carried, headers, vec![format!("{}={attributes}", self.0.name)]);
    }

    /// Takes this cookie and its chunks out of a request that is passed on: a service behind a
    /// gateway has no business with what signs a user in here. Other cookies stay as they are.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, header::COOKIE};
    /// use portcullis::scheme::TicketCookie;
    ///
    /// let cookie = TicketCookie::builder(".ASPXAUTH").build()?;
    /// let mut headers = HeaderMap::new();
    /// headers.insert(COOKIE, HeaderValue::from_static("theme=dark; .ASPXAUTH=4f0c; lang=en"));
    /// cookie.remove_from(&mut headers);
    /// assert_eq!(headers[COOKIE], "theme=dark; lang=en");
    /// # Ok::<(), portcullis::BuildError>(())
    /// ```
    pub fn remove_from(&self, request: &mut HeaderMap) {
        let name = self.name().as_bytes();
        let carried = CarriedCookie::of(self.0.chunks, self.name(), request);
        request::remove(request, |found| match found.strip_prefix(name) {
            Some([]) => true,
            Some(suffix) => {
                part_number(suffix).is_some_and(|number| carried.chunks().any(|it| it == number))
            }
            None => false,
        });
    }

    /// Whether the response says anything about this cookie.
    #[must_use]
    pub fn is_set_by(&self, headers: &HeaderMap) -> bool {
        response::names(headers, &self.0.name)
    }

    /// Whether the response gives this cookie a value: somebody signed in.
    pub(super) fn is_issued_by(&self, headers: &HeaderMap) -> bool {
        response::last_value_of(headers, &self.0.name).is_some_and(|value| !value.is_empty())
    }

    /// Whether the response empties this cookie: somebody signed out.
    pub(super) fn is_deleted_by(&self, headers: &HeaderMap) -> bool {
        response::last_value_of(headers, &self.0.name).is_some_and(<[u8]>::is_empty)
    }

    fn attributes(&self, carried: CarriedCookie, expires: Option<UnixTime>) -> String {
        let is_secure = match self.0.secure {
            Secure::Always => true,
            Secure::Never => false,
            Secure::SameAsRequest(_) => !carried.is_plain,
        };
        self.0.attributes.text(is_secure, expires)
    }

    /// These lines, and the deletion of every chunk that the browser holds and they do not set.
    fn set(&self, carried: CarriedCookie, headers: &mut HeaderMap, mut lines: Vec<String>) {
        let name = &*self.0.name;
        let parts = lines.len() - 1;
        let expired = self.attributes(carried, Some(UnixTime::EPOCH));
        lines.extend(
            carried.chunks().filter(|n| *n > parts).map(|n| format!("{name}C{n}={expired}")),
        );
        let before = response::value_of(headers, name).and_then(|value| self.0.chunks.count(value));
        let stale: Vec<_> =
            (1..=before.unwrap_or(0).min(MAX_CHUNKS)).map(|n| format!("{name}C{n}")).collect();
        let lines = lines.iter().filter_map(|line| {
            let mut line = HeaderValue::from_str(line).ok()?;
            line.set_sensitive(true); // in no log, in no compression table of HTTP/2
            Some(line)
        });
        let lines = lines.collect();
        response::set(headers, lines, &stale);
    }
}

/// What was chosen for a cookie, and checked.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) name: Box<str>,
    pub(super) attributes: Attributes,
    pub(super) secure: Secure,
    pub(super) chunks: ChunkDialect,
    pub(super) max_bytes: usize,
}

/// When the cookie is marked `Secure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secure {
    Always,
    Never,
    SameAsRequest(TransportSource),
}

impl Settings {
    /// The ticket's text as it stands in a cookie (RFC 6265 §4.1.1: `cookie-octet`).
    fn value<'a>(&self, text: &'a [u8]) -> Result<Cow<'a, str>, BuildError> {
        let wrong = |problem| BuildError::invalid("ticket", problem);
        let text = str::from_utf8(text).map_err(|_| wrong("its text is no text"))?;
        let value = match self.chunks {
            ChunkDialect::Katana => escape_data(text),
            ChunkDialect::AspNetCore | ChunkDialect::Whole => Cow::Borrowed(text),
        };
        if value.len() > self.max_bytes {
            return Err(wrong("it is longer than the cookie's max_bytes, and would not be read"));
        }
        let is_octet =
            |byte| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
        if value.bytes().all(is_octet) {
            Ok(value)
        } else {
            Err(wrong("its text holds a character that no cookie holds"))
        }
    }
}

/// As .NET's `Uri.UnescapeDataString`: a plus stays, and so does what is no escape. Where the bytes
/// are no text, the value stays as it is.
fn decoded(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => unescape(text).unwrap_or(Cow::Borrowed(text)),
        Cow::Owned(text) => Cow::Owned(unescape(&text).map(Cow::into_owned).unwrap_or(text)),
    }
}

/// RFC 6265 §6.1: what browsers take at least, name, value and attributes together.
const LONGEST_COOKIE: usize = 4096;
