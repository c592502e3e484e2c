//! Chooses name and attributes.

use super::{
    attributes::{Attributes, SameSite},
    chunks::ChunkDialect,
    ticket_cookie::{Secure, Settings, TicketCookie},
};
use crate::{error::BuildError, scheme::TransportSource};

impl TicketCookie {
    /// A cookie of this name. Names that begin with `.AspNet.` and `.AspNetCore.` are cut as those
    /// families do, all others are not cut; see [`chunks`](TicketCookieBuilder::chunks).
    pub fn builder(name: impl Into<String>) -> TicketCookieBuilder {
        let name: String = name.into();
        let chunks = match &*name {
            name if name.starts_with(".AspNet.") => ChunkDialect::Katana,
            name if name.starts_with(".AspNetCore.") => ChunkDialect::AspNetCore,
            _ => ChunkDialect::Whole,
        };
        let attributes =
            Attributes { path: "/".into(), domain: None, same_site: SameSite::default() };
        let secure = Secure::Always;
        let name = name.into();
        TicketCookieBuilder(Settings { name, attributes, secure, chunks, max_bytes: 64 << 10 })
    }
}

/// Builds a [`TicketCookie`]; every word is optional.
#[derive(Clone, Debug)]
#[must_use = "a cookie exists only after build()"]
pub struct TicketCookieBuilder(Settings);

impl TicketCookieBuilder {
    /// The paths that it is sent to. Default: `/`.
    pub fn path(mut self, path: &str) -> Self {
        self.0.attributes.path = path.into();
        self
    }

    /// The domain whose hosts all get it, to share a session between them. Default: none, the host
    /// that sets it and no other.
    pub fn domain(mut self, domain: &str) -> Self {
        self.0.attributes.domain = Some(domain.strip_prefix('.').unwrap_or(domain).into());
        self
    }

    /// Whether it is sent with requests that other sites start. Default: [`SameSite::Lax`].
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.0.attributes.same_site = same_site;
        self
    }

    /// `Secure` only where the request did not come over plain http, as ASP.NET does. Default:
    /// always.
    pub const fn secure_same_as_request(mut self, source: TransportSource) -> Self {
        self.0.secure = Secure::SameAsRequest(source);
        self
    }

    /// How a long ticket is cut. Default: by the name, [`Katana`](ChunkDialect::Katana) after
    /// `.AspNet.`, [`AspNetCore`](ChunkDialect::AspNetCore) after `.AspNetCore.`, otherwise
    /// [`Whole`](ChunkDialect::Whole).
    pub const fn chunks(mut self, dialect: ChunkDialect) -> Self {
        self.0.chunks = dialect;
        self
    }

    /// Longer values, joined, are refused before anything is decoded. Default: 64 KiB.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.0.max_bytes = bytes;
        self
    }

    /// The words that weaken what protects the cookie.
    pub fn dangerous(self) -> DangerousTicketCookieBuilder {
        DangerousTicketCookieBuilder(self)
    }

    /// The cookie.
    ///
    /// # Errors
    /// A value that browsers would drop or read otherwise; the error names the word and the fix. A
    /// name with `__Host-` demands `Secure`, the path `/` and no domain, one with `__Secure-`
    /// demands `Secure` (RFC 6265bis §4.1.3).
    pub fn build(self) -> Result<TicketCookie, BuildError> {
        self.0.attributes.check(&self.0.name, self.0.secure == Secure::Always)?;
        if self.0.max_bytes == 0 {
            return Err(BuildError::invalid("max_bytes", "0 would refuse every ticket"));
        }
        Ok(TicketCookie::new(self.0))
    }
}

/// The words of a [`TicketCookieBuilder`] that weaken what protects the cookie.
#[derive(Clone, Debug)]
#[must_use = "a cookie exists only after build()"]
pub struct DangerousTicketCookieBuilder(TicketCookieBuilder);

impl DangerousTicketCookieBuilder {
    /// Never `Secure`: whoever listens to one plain request has the session.
    pub fn never_secure(mut self) -> TicketCookieBuilder {
        self.0.0.secure = Secure::Never;
        self.0
    }
}

impl TryFrom<&str> for TicketCookie {
    type Error = BuildError;

    fn try_from(name: &str) -> Result<Self, BuildError> {
        Self::builder(name).build()
    }
}

impl TryFrom<String> for TicketCookie {
    type Error = BuildError;

    fn try_from(name: String) -> Result<Self, BuildError> {
        Self::builder(name).build()
    }
}

impl TryFrom<TicketCookieBuilder> for TicketCookie {
    type Error = BuildError;

    fn try_from(builder: TicketCookieBuilder) -> Result<Self, BuildError> {
        builder.build()
    }
}
